//! The options that select and sort records.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use crate::base::error::Error;
use crate::base::secret::{Likeness, Secret};
use crate::base::text::nearest;
use crate::base::time::{self, Unix, When};
use crate::cli::Args;
use crate::record::columns::{cell, columns};
use crate::record::kind::Kind;
use crate::record::{Expiry, Record};
use crate::sys::messages::Messages;

use super::{CLIENT, MATCH, OLDER, SORT, STATUS, WITHIN};

/// The options that select records. Each looks at one record only, so a list is printed page by page.
pub(super) struct Filter {
    status: Option<&'static str>,
    within: Option<When>,
    older: Option<When>,
    scope: Vec<String>,
    client: Option<String>,
    text: Option<String>,
}

impl Filter {
    /// Reads the options.
    ///
    /// # Errors
    /// Usage errors.
    pub(super) fn read(args: &Args) -> Result<Filter, Error> {
        let older = args.when(&OLDER)?;
        if older == Some(When::Never) {
            return Err(Error::usage("--older-than: nothing is older than never: give a duration or a date"));
        }
        let text = args.get(&MATCH)?.map(fold);
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            return Err(Error::usage("--match is empty"));
        }
        Ok(Filter {
            status: args.word(&STATUS, &[("active", "active"), ("expired", "expired")])?,
            within: args.when(&WITHIN)?,
            older,
            scope: args.scopes()?.unwrap_or_default(),
            client: args.get(&CLIENT)?.map(str::to_owned),
            text,
        })
    }

    /// Returns whether a record matches all options. `now` is the server's time.
    pub(super) fn takes(&self, record: &Record<'_>, now: Unix) -> bool {
        self.status.is_none_or(|status| record.status == status)
            && self.within.is_none_or(|limit| match (limit.from(now), record.expiry) {
                (None, expiry) => expiry == Expiry::Never,
                (Some(limit), Expiry::At(at)) => at > now && at <= limit,
                (Some(_), _) => false,
            })
            && self.older.is_none_or(|span| {
                let born = time::parse_rfc3339(&record.text(&["created_at"]));
                born.zip(span.before(now)).is_some_and(|(born, limit)| born < limit)
            })
            && (self.scope.is_empty() || {
                let has = record.text(&["scope"]);
                self.scope.iter().all(|wanted| has.split(' ').any(|s| s == wanted))
            })
            && self.client.as_ref().is_none_or(|client| {
                let (id, name) = (record.text(&["client", "id"]), record.text(&["client", "name"]));
                if client == "none" { id.is_empty() } else { *client == id || *client == name }
            })
            && self.text.as_ref().is_none_or(|text| fold(&record.name()).contains(text))
    }
}

/// Returns a text in a form in which texts that a person takes for the same are equal: without differences of case, of
/// Unicode form (composed or decomposed), and of straight and typographic quotes.
fn fold(text: &str) -> String {
    let quotes = |c| match c {
        '\u{2018}'..='\u{201b}'
        | '\u{2032}'
        | '\u{2035}'
        | '\u{2bc}'
        | '\u{2039}'
        | '\u{203a}'
        | '\u{ff07}' => '\'',
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{2036}' | '\u{ab}' | '\u{bb}' | '\u{ff02}' => '"',
        c => c,
    };
    // Through upper case, so that the two small sigmas, or an eszett and a double s, are the same.
    text.nfd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).map(quotes).nfc().collect()
}

/// The order of `--sort`.
pub(super) struct Order<'a> {
    field: &'a str,
    descends: bool,
}

impl<'a> Order<'a> {
    /// Reads `--sort`. A `-` before the column sorts in descending order.
    ///
    /// # Errors
    /// A usage error for an unknown column.
    pub(super) fn read(args: &'a Args) -> Result<Option<Order<'a>>, Error> {
        let Some(value) = args.get(&SORT)? else { return Ok(None) };
        let field = value.strip_prefix('-').unwrap_or(value);
        if !Kind::LISTED.iter().any(|k| columns(*k).iter().any(|(name, _)| *name == field)) {
            let names = columns(Kind::Authz).iter().chain(columns(Kind::Client)).map(|(name, _)| *name);
            let near = nearest(field, names);
            let hint =
                near.map_or("see oauth-record(5)".to_owned(), |near| format!("did you mean '{near}'?"));
            return Err(Error::usage(format!("--sort: unknown column '{field}'; {hint}")));
        }
        Ok(Some(Order { field, descends: field.len() < value.len() }))
    }

    /// Returns the key of a record: whether its cell is empty, and the cell. What expired at an unknown time comes before
    /// all times.
    pub(super) fn key(&self, record: &Record<'_>) -> (bool, String) {
        let column = columns(record.kind).iter().find(|(name, _)| *name == self.field);
        let cell = column.map_or_else(String::new, |column| cell(record, *column, false));
        let is_past = self.field == "expires_at" && record.expiry == Expiry::Past;
        (cell.is_empty() && !is_past, cell)
    }

    /// Compares two keys. Empty cells, such as an expiry that is never, come last in both directions.
    pub(super) fn compare(&self, a: &(bool, String), b: &(bool, String)) -> std::cmp::Ordering {
        let texts = a.1.cmp(&b.1);
        a.0.cmp(&b.0).then(if self.descends { texts.reverse() } else { texts })
    }
}

/// The tokens of `--token`, and the authorizations that they may belong to.
pub(super) struct Tokens {
    /// The place where each token was read, and the token.
    tokens: Vec<(String, Secret)>,
    found: HashMap<usize, Found>,
}

/// The authorizations that fit a token.
struct Found {
    id: String,
    /// Only the authorization of the token can look like that.
    is_certain: bool,
    others: usize,
}

impl Tokens {
    pub(super) fn new(tokens: Vec<(String, Secret)>) -> Tokens {
        Tokens { tokens, found: HashMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Compares the tokens with what the API shows of an authorization's. Returns whether one may belong to it.
    pub(super) fn compare(&mut self, record: &Record<'_>) -> bool {
        let shown = [record.text(&["access_token", "token"]), record.text(&["refresh_token", "token"])];
        let mut fits = false;
        for (at, (_, token)) in self.tokens.iter().enumerate() {
            let certainty = shown.iter().filter_map(|shown| match token.compare(shown) {
                Likeness::Fits { is_certain } => Some(is_certain),
                Likeness::Differs | Likeness::Unknown => None,
            });
            let Some(is_certain) = certainty.reduce(|a, b| a || b) else { continue };
            fits = true;
            match self.found.get_mut(&at) {
                Some(found) => found.others += 1,
                None => {
                    let id = record.id.to_string();
                    self.found.insert(at, Found { id, is_certain, others: 0 });
                }
            }
        }
        fits
    }

    /// Reports the tokens that belong to no authorization, or of which too little is visible to say to which one, and
    /// returns the ids of the others. No token is printed, only its place.
    pub(super) fn finish(&self, messages: &Messages) -> Vec<&str> {
        let mut ids = Vec::new();
        for (at, (place, _)) in self.tokens.iter().enumerate() {
            let what = match self.found.get(&at) {
                Some(Found { id, is_certain: true, others: 0 }) => {
                    ids.push(id.as_str());
                    continue;
                }
                None => "it belongs to no authorization in the list".to_owned(),
                Some(Found { others: 0, id, .. }) => {
                    format!("it may belong to authz {id}: the API shows too little of that token to be sure")
                }
                Some(Found { others, .. }) => {
                    format!("it fits {} authorizations, so none of them is printed", others + 1)
                }
            };
            messages.error(place, &Error::failed(what));
        }
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn texts_that_look_the_same_are_equal() {
        for (a, b) in [
            ("Caf\u{e9}", "CAFE\u{301}"),
            ("it\u{2019}s", "IT'S"),
            ("\u{201c}prod\u{201d}", "\"Prod\""),
            ("STRASSE", "stra\u{df}e"),
            ("\u{3a3}\u{391}\u{3a3}", "\u{3c3}\u{3b1}\u{3c2}"),
            ("\u{1e69}", "s\u{307}\u{323}"),
            ("\u{ac00}", "\u{1100}\u{1161}"),
            ("\u{212b}", "a\u{30a}"),
        ] {
            assert_eq!(fold(a), fold(b), "{a} {b}");
        }
        for (a, b) in [("Caf\u{e9}", "Cafe"), ("a b", "ab"), ("'", "\""), ("\u{fb01}", "x")] {
            assert_ne!(fold(a), fold(b), "{a} {b}");
        }
    }
}

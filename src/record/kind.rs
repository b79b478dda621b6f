//! The kinds of objects: their names, their paths on the API, and the actions that they support.

use crate::base::text;

/// A kind of object of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An authorization: a grant of scopes with an access token.
    Authz,
    /// An OAuth client: an application that asks users for authorizations.
    Client,
    /// A login of the account.
    Session,
    /// An access token from the exchange of a grant code or a refresh token.
    Token,
}

impl Kind {
    /// The kinds that can be listed, in the order in which `oauth-ls` prints them.
    pub const LISTED: [Kind; 3] = [Kind::Authz, Kind::Client, Kind::Session];
    /// All kinds.
    pub const ALL: [Kind; 4] = [Kind::Authz, Kind::Client, Kind::Session, Kind::Token];

    /// Parses the name of a kind: ours, its plural, or Heroku's.
    ///
    /// # Errors
    /// A message that names the nearest kind.
    pub fn parse(word: &str) -> Result<Kind, String> {
        Kind::named(word).ok_or_else(|| {
            let words = Kind::ALL.iter().flat_map(|k| k.words());
            match text::nearest(word, words.copied()) {
                Some(near) => format!("unknown kind '{word}'; did you mean '{near}'?"),
                None => format!("unknown kind '{word}': give authz, client, session or token"),
            }
        })
    }

    /// Returns the kind that a word names, if it does.
    pub fn named(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| k.words().contains(&word))
    }

    /// Returns every name of this kind; the first is the one in records.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Kind::Authz => &["authz", "authzs", "authorization", "authorizations"],
            Kind::Client => &["client", "clients"],
            Kind::Session => &["session", "sessions"],
            Kind::Token => &["token", "tokens"],
        }
    }

    /// Returns the name in records and messages: `authz`.
    pub fn word(self) -> &'static str {
        self.words()[0]
    }

    /// Returns the name of an object in messages: `authz 3f71…`.
    pub fn label(self, id: &str) -> String {
        // The redaction of messages would take "token" and a UUID for a secret.
        let word = if self == Kind::Token { "token id" } else { self.word() };
        format!("{word} {id}").trim_end().to_owned()
    }

    /// Returns the noun for sentences: `authorization`.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::Authz => "authorization",
            Kind::Client => "client",
            Kind::Session => "session",
            Kind::Token => "token",
        }
    }

    /// Returns the path of the collection on the API (docs/heroku-api.md, "Resources").
    pub fn path(self) -> &'static str {
        match self {
            Kind::Authz => "/oauth/authorizations",
            Kind::Client => "/oauth/clients",
            Kind::Session => "/oauth/sessions",
            Kind::Token => "/oauth/tokens",
        }
    }

    /// Returns the action that gives an object a new secret, if the API has one: the last part of its path.
    pub fn rotate_action(self) -> Option<&'static str> {
        match self {
            Kind::Authz => Some("regenerate-tokens"),
            Kind::Client => Some("rotate-credentials"),
            Kind::Session | Kind::Token => None,
        }
    }

    /// Returns the status of a removed object: `revoked` if it granted access, else `deleted`.
    pub fn removed(self) -> &'static str {
        match self {
            Kind::Authz | Kind::Token => "revoked",
            Kind::Client | Kind::Session => "deleted",
        }
    }
}

/// The bytes that an id may have. A table, because a million ids may have to be checked.
const ID_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 128 {
        table[b] = (b as u8).is_ascii_alphanumeric() || b as u8 == b'-' || b as u8 == b'_';
        b += 1;
    }
    table
};

/// Returns true if a text has only characters that an id may have. None of them is special in a URL path, in JSON or in
/// CSV.
pub(crate) fn has_only_id_bytes(text: &str) -> bool {
    text.bytes().all(|b| ID_BYTES[usize::from(b)])
}

/// Checks that an id is safe in a URL path.
///
/// Ids are UUIDs today, but others are accepted. Refused are characters that could change the path (`/`, `.`, `?`, `%`)
/// or a terminal, and the alias `~`.
///
/// # Errors
/// A message that quotes the id, unless it is a token.
pub(crate) fn check_id(id: &str) -> Result<(), String> {
    let quoted = || text::shorten(&text::escape(id), 64).into_owned();
    if id.is_empty() {
        Err("the id is empty".to_owned())
    } else if id.starts_with("HRKU-") {
        Err("this is a token, not an id".to_owned())
    } else if id.len() > 128 {
        Err(format!("'{}' is too long for an id", quoted()))
    } else if !has_only_id_bytes(id) {
        Err(format!("invalid id '{}': use letters, digits, - and _ only", quoted()))
    } else if id.starts_with('-') {
        Err(format!("invalid id '{}': it starts with -", quoted()))
    } else {
        Ok(())
    }
}

/// Checks an id of a response by the grammar of [`check_id`], so that it can stand in a path, in a script and on a
/// terminal.
///
/// # Errors
/// A message that quotes the id, escaped and shortened.
pub(crate) fn check_foreign_id(id: &str) -> Result<(), String> {
    // A token in place of an id would leave with every message and every path.
    let what = match check_id(id) {
        Ok(()) => return Ok(()),
        Err(_) if id.is_empty() => return Err("its id is empty".to_owned()),
        Err(_) if id.starts_with("HRKU-") => return Err("its id is a token".to_owned()),
        Err(_) if id.len() > 128 => "is too long",
        Err(_) => "has characters that no id has",
    };
    Err(format!("its id '{}' {what}", text::shorten(&text::escape(id), 64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_names_one_kind() {
        for kind in Kind::ALL {
            for word in kind.words() {
                assert_eq!(Kind::parse(word), Ok(kind));
            }
        }
        assert_eq!(Kind::parse("clinets").unwrap_err(), "unknown kind 'clinets'; did you mean 'clients'?");
        assert!(Kind::parse("app").is_err());
    }

    #[test]
    fn an_id_cannot_change_the_path() {
        assert_eq!(check_id("01234567-89ab-cdef-0123-456789abcdef"), Ok(()));
        assert!(!check_id("HRKU-AAs3cret").unwrap_err().contains("s3cret"));
        for bad in ["", "~", "..", "a/b", "a?b", "a%2fb", "a#b", "a b", "a\nb", "é", "-n", "a.b"] {
            assert!(check_id(bad).is_err(), "{bad:?}");
        }
        assert!(!check_id("\x1b[31m").unwrap_err().contains('\x1b'));
    }

    #[test]
    fn an_id_of_a_response_has_the_same_grammar() {
        assert_eq!(check_foreign_id("01234567-89ab-cdef-0123-456789abcdef"), Ok(()));
        let long = "a".repeat(129);
        for bad in [
            "",
            "~",
            "../../apps/x",
            "$(touch${IFS}x)",
            "a\nb",
            "-n",
            "\x1b]52;c;x\x07",
            "HRKU-AAs3cret",
            &long,
        ] {
            let what = check_foreign_id(bad).unwrap_err();
            assert!(
                !what.contains(char::is_control) && what.len() < 150 && !what.contains("s3cret"),
                "{what}"
            );
        }
    }
}

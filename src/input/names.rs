//! The names of fields and columns: which ones a tool reads, and which look like a misspelling of one that it reads.
//!
//! A misspelled name must not be passed over: without its scope or its expiry, an object would get the API's default,
//! which grants most (docs/architecture.md, Rules, "Least privilege"). Names that resemble nothing pass: the API grows.

use crate::base::text;
use crate::input::entry::Need;
use crate::record::kind::Kind;

/// All names that some tool reads. [`Slots`](crate::input::entry) has a place for each.
pub(crate) const READ: [&str; 13] = [
    "id",
    "current",
    "default",
    "kind",
    "description",
    "scope",
    "expires_in",
    "expires_at",
    "name",
    "redirect_uri",
    "url",
    "client",
    "client_id",
];

/// The names of [`READ`] that describe an object, those of a client first.
const CLIENT_FIRST: [&str; 9] = [
    "name",
    "redirect_uri",
    "url",
    "description",
    "scope",
    "expires_in",
    "expires_at",
    "client",
    "client_id",
];

/// Names of which one is enough: if the record has one, a word like the other is a name of its own.
const EITHER: [[&str; 2]; 2] = [["redirect_uri", "url"], ["client", "client_id"]];

/// Names that other programs use for fields that are read, without `_` and a final s: `acces` is `access`. If they were
/// ignored, the default would apply, which grants most or lasts longest.
const OTHER_WORDS: [(&str, &str); 27] = [
    ("permission", "scope"),
    ("perm", "scope"),
    ("scp", "scope"),
    ("capabilitie", "scope"),
    ("claim", "scope"),
    ("privilege", "scope"),
    ("right", "scope"),
    ("acces", "scope"),
    ("accesslevel", "scope"),
    ("role", "scope"),
    ("ttl", "expires_in"),
    ("lifetime", "expires_in"),
    ("lifespan", "expires_in"),
    ("validity", "expires_in"),
    ("ttlsecond", "expires_in"),
    ("timeout", "expires_in"),
    ("day", "expires_in"),
    ("maxage", "expires_in"),
    ("duration", "expires_in"),
    ("validfor", "expires_in"),
    ("exp", "expires_at"),
    ("validuntil", "expires_at"),
    ("until", "expires_at"),
    ("deadline", "expires_at"),
    ("validto", "expires_at"),
    ("notafter", "expires_at"),
    ("enddate", "expires_at"),
];

impl Need {
    /// Returns the names that a tool with this need reads.
    pub(crate) fn names(self) -> &'static [&'static str] {
        match self {
            Need::Identity | Need::Rotation => &["kind", "id", "current", "default"],
            Need::Replacement => &["kind", "id", "current", "default", "replaces"],
            Need::Fields => {
                &["kind", "id", "current", "default", "description", "name", "redirect_uri", "url"]
            }
            Need::Whole | Need::Plan => &READ,
            // An object to create has no id and no marks.
            Need::New => &READ[3..],
        }
    }

    /// Returns the names that say something about an object of a kind, to a tool with this need.
    pub(crate) fn telling(self, kind: Kind) -> &'static [&'static str] {
        match (self, kind) {
            // Of the fields of another kind, the tool says what is wrong with them.
            (Need::New, Kind::Authz) => &READ[4..],
            (Need::New, Kind::Client) => &CLIENT_FIRST,
            (Need::Fields, Kind::Client) => &["name", "redirect_uri", "url"],
            (Need::Fields, Kind::Authz) => &["description"],
            _ => &[],
        }
    }
}

/// Returns the place of a name in [`READ`].
pub(crate) fn place(name: &str) -> Option<usize> {
    READ.iter().position(|read| *read == name)
}

/// Returns whether a name is one of the API or of the tools. Ordered by length: a million records have twenty each.
pub(crate) fn is_known(name: &str) -> bool {
    match name.len() {
        2 => name == "id",
        3 => matches!(name, "url" | "was" | "nth"),
        4 => matches!(name, "kind" | "name" | "user" | "code" | "like"),
        5 => matches!(name, "scope" | "grant" | "token"),
        6 => matches!(name, "client" | "secret" | "status" | "change"),
        7 => matches!(name, "session" | "default" | "current" | "revoked"),
        8 => name == "replaces",
        9 => name == "client_id",
        10 => matches!(name, "expires_at" | "expires_in" | "created_at" | "updated_at"),
        11 => matches!(name, "description" | "client_name"),
        12 => matches!(name, "access_token" | "redirect_uri"),
        13 => matches!(name, "authorization" | "refresh_token"),
        15 => name == "replacing_since",
        16 => name == "authorization_id",
        18 => name == "ignores_delinquent",
        _ => false,
    }
}

/// Returns whether a tool with this need passes over a name. The name of a client does not tell for which client an
/// authorization is to be created: without an id beside it, it would be one for nobody's client.
pub(crate) fn is_known_to(need: Need, name: &str) -> bool {
    is_known(name) && !(need == Need::New && name == "client_name")
}

/// How much an unknown name resembles one that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// The same but for case, `-`, `_`, blanks, invisible characters or a plural.
    Spelling,
    /// A few letters differ, one is the beginning of the other, or they mean the same.
    Letters,
}

/// Checks the unknown names of a record or header line; `has` tells whether a name is in it. `word` is `field` or
/// `column`.
///
/// # Errors
/// A message that quotes the name that looks like a misspelling, and the name that was probably meant.
pub(crate) fn check<'n>(
    word: &str,
    unknown: impl IntoIterator<Item = &'n str>,
    need: Need,
    has: impl Fn(&str) -> bool,
) -> Result<(), String> {
    for name in unknown {
        let Some((likeness, read)) = resembles(name, need) else { continue };
        let other = EITHER.iter().find(|pair| pair.contains(&read));
        let is_there = has(read) || other.is_some_and(|pair| pair.iter().any(|name| has(name)));
        if likeness == Likeness::Spelling || !is_there {
            return Err(misspelled(word, name, read));
        }
    }
    Ok(())
}

/// Formats the message about a misspelled name.
pub(crate) fn misspelled(word: &str, name: &str, read: &str) -> String {
    format!("unknown {word} '{}'; did you mean '{read}'?", text::shorten(&text::escape(name), 64))
}

/// Returns the name that a tool reads and an unknown name resembles most, if it does.
fn resembles(name: &str, need: Need) -> Option<(Likeness, &'static str)> {
    let plain = plain(name);
    // `oauth_scopes`, `token_scope`
    let other = match plain.contains("scope") {
        true => Some("scope"),
        false => OTHER_WORDS.iter().find(|(word, _)| *word == plain).map(|(_, read)| *read),
    };
    if let Some(read) = other.filter(|read| need.names().contains(read) && plain != *read) {
        return Some((Likeness::Letters, read));
    }
    need.names()
        .iter()
        .filter_map(|read| likeness(&plain, read).map(|(likeness, distance)| (likeness, distance, *read)))
        .min_by_key(|(likeness, distance, _)| (*likeness, *distance))
        .map(|(likeness, _, read)| (likeness, read))
}

/// Returns the name that is nearest to a word, if the word resembles one that a tool reads.
pub(crate) fn meant(word: &str, need: Need) -> Option<&'static str> {
    resembles(word, need).map(|(_, read)| read)
}

fn likeness(name: &str, read: &str) -> Option<(Likeness, usize)> {
    let read = plain(read);
    if name == read {
        return Some((Likeness::Spelling, 0));
    }
    // Of two letters, too many other words differ in one.
    if name.len() < 3 || read.len() < 3 {
        return None;
    }
    // Words of four or five letters that differ in two are other words: `date` is not `name`.
    let limit = if read.len() <= 5 { 1 } else { 1 + read.len().min(name.len()) / 4 };
    let distance = text::distance(name, &read);
    let is_mark = ["current", "default"].contains(&read.as_str());
    let is_part = !is_mark
        && read.len() >= 5
        && name.len() >= 4
        && (read.starts_with(name) || name.starts_with(read.get(..5)?));
    (distance <= limit || is_part).then_some((Likeness::Letters, distance))
}

/// Returns a name in lower case, with its letters and digits only, and in the singular.
fn plain(name: &str) -> String {
    let plain: String =
        name.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    match plain.strip_suffix('s') {
        Some(singular) if singular.len() > 1 => singular.to_owned(),
        _ => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, need: Need, there: &[&str]) -> Option<String> {
        check("field", [name], need, |n| there.contains(&n)).err()
    }

    #[test]
    fn a_name_that_nearly_is_one_that_the_tool_reads_is_refused() {
        for (name, read) in [
            ("Scope", "scope"),
            ("SCOPE", "scope"),
            ("scopes", "scope"),
            ("scop", "scope"),
            ("scpoe", "scope"),
            ("sope", "scope"),
            ("scope ", "scope"),
            ("scope\u{200b}", "scope"),
            ("scope_list", "scope"),
            ("oauth_scopes", "scope"),
            ("tokenScope", "scope"),
            ("perms", "scope"),
            ("capabilities", "scope"),
            ("lifespan", "expires_in"),
            ("validity", "expires_in"),
            ("ttl_seconds", "expires_in"),
            ("until", "expires_at"),
            ("deadline", "expires_at"),
            ("days", "expires_in"),
            ("timeout", "expires_in"),
            ("claims", "scope"),
            ("client_name", "client"),
            ("permissions", "scope"),
            ("Privileges", "scope"),
            ("access_level", "scope"),
            ("access", "scope"),
            ("roles", "scope"),
            ("rights", "scope"),
            ("ttl", "expires_in"),
            ("TTL", "expires_in"),
            ("life_time", "expires_in"),
            ("max-age", "expires_in"),
            ("validFor", "expires_in"),
            ("duration", "expires_in"),
            ("exp", "expires_at"),
            ("valid_until", "expires_at"),
            ("not_after", "expires_at"),
            ("end date", "expires_at"),
            ("expires-in", "expires_in"),
            ("expiresIn", "expires_in"),
            ("ExpiresAt", "expires_at"),
            ("expire_in", "expires_in"),
            ("expires", "expires_in"),
            ("expiry", "expires_in"),
            ("desc", "description"),
            ("descripton", "description"),
            ("Description", "description"),
            ("redirect_url", "redirect_uri"),
            ("redirect-uri", "redirect_uri"),
            ("redirectUri", "redirect_uri"),
            ("redirect", "redirect_uri"),
            ("uri", "url"),
            ("URL", "url"),
            ("names", "name"),
            ("nmae", "name"),
            ("clientId", "client_id"),
            ("client-id", "client_id"),
            ("clients", "client"),
            ("Kind", "kind"),
            ("kinds", "kind"),
            ("knid", "kind"),
        ] {
            let wanted = format!("did you mean '{read}'?");
            let found = message(name, Need::New, &[]);
            assert!(found.as_ref().is_some_and(|m| m.contains(&wanted)), "{name}: {found:?}");
        }
        for (name, read) in
            [("ID", "id"), ("ids", "id"), ("_id", "id"), ("curent", "current"), ("Default", "default")]
        {
            let found = message(name, Need::Identity, &[]);
            assert!(found.as_ref().is_some_and(|m| m.contains(&format!("'{read}'?"))), "{name}: {found:?}");
        }
    }

    #[test]
    fn names_that_resemble_nothing_pass() {
        for name in [
            "owner",
            "team",
            "note",
            "date",
            "time",
            "link",
            "size",
            "type",
            "shop",
            "ticket",
            "comment",
            "x",
            "uid",
            "sha",
            "message",
            "region",
            "stack",
            "price",
            "Besitzer",
            "größe",
            "last_used",
            "ip",
        ] {
            for need in [Need::Identity, Need::Fields, Need::New] {
                assert_eq!(message(name, need, &[]), None, "{name}");
            }
        }
        // What is not read cannot be misspelled.
        assert_eq!(message("scopes", Need::Identity, &[]), None);
        assert_eq!(message("scopes", Need::Fields, &[]), None);
    }

    #[test]
    fn beside_the_name_that_it_resembles_a_name_is_one_of_its_own() {
        assert_eq!(message("scope_reviewed", Need::New, &["scope"]), None);
        assert_eq!(message("uri", Need::New, &["redirect_uri"]), None);
        assert!(message("Scope", Need::New, &["scope"]).is_some());
        assert!(message("expires", Need::New, &["expires_at"]).is_some());
    }

    #[test]
    fn no_known_name_is_misspelled() {
        for kind in Kind::ALL {
            for (name, _) in crate::record::columns::columns(kind) {
                assert!(is_known(name), "{name}");
            }
        }
        assert!(READ.iter().all(|name| is_known(name)));
    }
}

//! The kinds of objects: what each is called, where it lives on the API, what can be done to it.

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
    /// An access token got by exchanging a grant code or a refresh token.
    Token,
}

impl Kind {
    /// The kinds that can be listed, in the order in which `oauth-ls` prints them.
    pub const LISTED: [Kind; 3] = [Kind::Authz, Kind::Client, Kind::Session];
    /// All kinds.
    pub const ALL: [Kind; 4] = [Kind::Authz, Kind::Client, Kind::Session, Kind::Token];

    /// The kind that a word names: ours, its plural, or one of Heroku's.
    ///
    /// # Errors
    /// What is wrong, with the nearest word.
    pub fn parse(word: &str) -> Result<Kind, String> {
        Kind::named(word).ok_or_else(|| {
            let words = Kind::ALL.iter().flat_map(|k| k.words());
            match text::nearest(word, words.copied()) {
                Some(near) => format!("unknown kind '{word}'; did you mean '{near}'?"),
                None => format!("unknown kind '{word}': give authz, client, session or token"),
            }
        })
    }

    /// The kind that a word names, if it names one.
    pub fn named(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| k.words().contains(&word))
    }

    /// Every word for this kind; the first is the one in records.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Kind::Authz => &["authz", "authzs", "authorization", "authorizations"],
            Kind::Client => &["client", "clients"],
            Kind::Session => &["session", "sessions"],
            Kind::Token => &["token", "tokens"],
        }
    }

    /// The word in records and messages.
    pub fn word(self) -> &'static str {
        self.words()[0]
    }

    /// How messages name one of this kind: `authz 3f71…`.
    pub fn place(self, id: &str) -> String {
        // "token" and a uuid would look like a secret to the redaction of messages.
        let word = if self == Kind::Token { "token id" } else { self.word() };
        format!("{word} {id}").trim_end().to_owned()
    }

    /// The field's term, for sentences.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::Authz => "authorization",
            Kind::Client => "client",
            Kind::Session => "session",
            Kind::Token => "token",
        }
    }

    /// Where the collection lives on the API (WIRE.md, "Requests").
    pub fn path(self) -> &'static str {
        match self {
            Kind::Authz => "/oauth/authorizations",
            Kind::Client => "/oauth/clients",
            Kind::Session => "/oauth/sessions",
            Kind::Token => "/oauth/tokens",
        }
    }

    /// The action below an object that gives it a new secret, if it has one.
    pub fn rotate_action(self) -> Option<&'static str> {
        match self {
            Kind::Authz => Some("regenerate-tokens"),
            Kind::Client => Some("rotate-credentials"),
            Kind::Session | Kind::Token => None,
        }
    }

    /// What a removal is called: `revoked` for what grants access, else `deleted`.
    pub fn removed(self) -> &'static str {
        match self {
            Kind::Authz | Kind::Token => "revoked",
            Kind::Client | Kind::Session => "deleted",
        }
    }
}

/// The bytes that may stand in an id. A table, since a million ids are checked before the first is used.
const IN_AN_ID: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 128 {
        table[b] = (b as u8).is_ascii_alphanumeric() || b as u8 == b'-' || b as u8 == b'_';
        b += 1;
    }
    table
};

/// Whether a text has only the characters of an id, which mean nothing to a path, to JSON or to CSV.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| IN_AN_ID[usize::from(b)])
}

/// Checks that an id can stand in a path of the API and nowhere else.
///
/// Ids are uuids today; what is refused is whatever could leave its place in the path (`/`, `..`, `?`, `%`),
/// the alias `~`, and control characters.
///
/// # Errors
/// What is wrong.
pub(crate) fn check_id(id: &str) -> Result<(), String> {
    let shown = || text::shorten(&text::escape(id), 64).into_owned();
    if id.is_empty() {
        Err("the id is empty".to_owned())
    } else if id.starts_with("HRKU-") {
        Err("that is a token, not an id".to_owned())
    } else if id.len() > 128 {
        Err(format!("'{}' is too long for an id", shown()))
    } else if !is_plain(id) {
        Err(format!("'{}' is no id: only letters, digits, - and _ can stand in one", shown()))
    } else if id.starts_with('-') {
        Err(format!("'{}' is no id: it starts with -", shown()))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_names_one_kind() {
        for kind in Kind::ALL {
            for word in kind.words() {
                assert_eq!(Kind::parse(word), Ok(kind));
            }
        }
        assert_eq!(Kind::parse("clinets").unwrap_err(), "unknown kind 'clinets'; did you mean 'clients'?");
        assert!(Kind::parse("app").is_err());
    }

    #[test]
    fn an_id_cannot_leave_its_place_in_the_path() {
        assert_eq!(check_id("01234567-89ab-cdef-0123-456789abcdef"), Ok(()));
        assert!(!check_id("HRKU-AAs3cret").unwrap_err().contains("s3cret"));
        for bad in ["", "~", "..", "a/b", "a?b", "a%2fb", "a#b", "a b", "a\nb", "é", "-n", "a.b"] {
            assert!(check_id(bad).is_err(), "{bad:?}");
        }
        assert!(!check_id("\x1b[31m").unwrap_err().contains('\x1b'));
    }
}

//! What can go wrong, what is said about it, and the exit status it leads to.

use std::fmt;
use std::io;

/// Everything was done.
pub const OK: u8 = 0;
/// Some records failed or were refused, or the output could not be delivered.
pub const FAILED: u8 = 1;
/// The command line or the input is wrong; nothing was attempted.
pub const USAGE: u8 = 2;
/// No token, a rejected token, or a second factor that cannot be asked for.
pub const AUTH: u8 = 4;
/// A passing fault (`EX_TEMPFAIL` of sysexits(3)): the same command may be given again.
pub const TEMPORARY: u8 = 75;

/// An answer of the API that says no (WIRE.md, "Errors").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The API's word for the error, such as `not_found`; empty where the answer was not the API's.
    pub id: String,
    /// The API's sentence, or what the answer was if it was not the API's.
    pub message: String,
    /// The `Request-Id` of the answer, for Heroku's support.
    pub request_id: Option<String>,
}

impl Refusal {
    /// Whether the API itself, and not something on the way to it, says that there is no such object.
    pub fn is_gone(&self) -> bool {
        matches!(self.status, 404 | 410) && !self.id.is_empty()
    }
}

/// Why a tool, or its work on one record, did not succeed.
#[derive(Debug)]
pub enum Error {
    /// The command line is wrong.
    Usage(String),
    /// An input line is wrong. `origin` is `stdin:12`, or an operand's place.
    Input {
        /// Where the input came from.
        origin: String,
        /// What is wrong with it.
        what: String,
    },
    /// The environment or a configuration file is wrong.
    Config(String),
    /// There is no usable token, or the API rejects it.
    Auth {
        /// What happened.
        what: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The API refused.
    Refused(Refusal),
    /// The API or the network failed in a way that may pass.
    Temporary {
        /// What happened.
        what: String,
        /// The network as a whole is away, so that trying other records is pointless.
        unreachable: bool,
    },
    /// A create whose answer was lost, and which may have been applied.
    Unresolved {
        /// What was lost, and which objects may be the one that was made.
        what: String,
    },
    /// The network or the server is wrong in a way that will not pass (an unknown certificate, a redirect).
    Permanent {
        /// What happened.
        what: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// A record was left alone on purpose, or cannot be used.
    Left {
        /// Why.
        what: String,
        /// The option or action that would change that.
        hint: &'static str,
    },
    /// Standard output is gone or full.
    Stdout(io::Error),
    /// A named file could not be read or written.
    File {
        /// The file's name as given.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// All there is to say has been said; only the status is left.
    Reported(u8),
    /// A signal ended the run; what there is to say has been said.
    Signal(u8),
}

impl Error {
    /// An answer that came well and cannot be used; `what` is wrong with it.
    pub fn unusable(what: impl fmt::Display) -> Error {
        Error::Permanent { what: format!("unusable answer: {what}"), hint: "" }
    }

    /// The exit status that this error leads to.
    pub fn code(&self) -> u8 {
        match self {
            Error::Usage(_) | Error::Input { .. } | Error::Config(_) => USAGE,
            Error::Auth { .. } => AUTH,
            Error::Temporary { .. } | Error::Unresolved { .. } => TEMPORARY,
            Error::Refused(_)
            | Error::Permanent { .. }
            | Error::Left { .. }
            | Error::Stdout(_)
            | Error::File { .. } => FAILED,
            Error::Reported(code) => *code,
            Error::Signal(number) => 128u8.saturating_add(*number),
        }
    }

    /// What the user can do about it, where there is something to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::Auth { hint, .. } | Error::Permanent { hint, .. } | Error::Left { hint, .. }
                if !hint.is_empty() =>
            {
                Some(hint)
            }
            Error::Unresolved { .. } => {
                Some("adopt a candidate with oauth-rot, or revoke it with oauth-rm; then give the rest again")
            }
            _ => None,
        }
    }

    /// The same after an answer to an earlier try was lost: the change may have been made all the same. A `hint` takes
    /// the place of the error's own.
    pub(crate) fn in_doubt(self, hint: &'static str) -> Error {
        let told = |what: String| format!("{what}; it may have been done all the same");
        let or = |own| if hint.is_empty() { own } else { hint };
        match self {
            Error::Auth { what, hint } => Error::Auth { what: told(what), hint: or(hint) },
            Error::Permanent { what, hint } => Error::Permanent { what: told(what), hint: or(hint) },
            Error::Refused(refusal) => Error::Left { what: told(refusal.to_string()), hint },
            Error::Temporary { what, unreachable } => Error::Temporary { what: told(what), unreachable },
            other => other,
        }
    }

    /// Whether going on with other records is pointless.
    pub fn stops_the_run(&self) -> bool {
        matches!(
            self,
            Error::Auth { .. }
                | Error::Config(_)
                | Error::Permanent { .. }
                | Error::Stdout(_)
                | Error::File { .. }
                | Error::Signal(_)
                | Error::Temporary { unreachable: true, .. }
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Input { origin, what } => write!(f, "{origin}: {what}"),
            Error::Usage(what)
            | Error::Config(what)
            | Error::Auth { what, .. }
            | Error::Temporary { what, .. }
            | Error::Unresolved { what }
            | Error::Permanent { what, .. }
            | Error::Left { what, .. } => f.write_str(what),
            Error::Refused(refusal) => refusal.fmt(f),
            Error::Stdout(source) => write!(f, "standard output: {}", reason(source)),
            Error::File { path, source } => write!(f, "{path}: {}", reason(source)),
            Error::Reported(code) => write!(f, "exit status {code}"),
            Error::Signal(number) => write!(f, "ended by signal {number}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = if self.id.is_empty() { format!("HTTP {}", self.status) } else { self.id.clone() };
        write!(f, "{} ({id}", self.message)?;
        if let Some(request) = &self.request_id {
            write!(f, ", request {request}")?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for Error {}

/// The system's reason for an I/O error, without Rust's `(os error N)`.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    match text.split_once(' ') {
        Some((first, rest)) if first.chars().skip(1).all(|c| c.is_lowercase()) => {
            format!("{} {rest}", first.to_lowercase())
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variant_has_the_status_the_manual_gives_it() {
        let what = String::new;
        let io = || io::Error::from_raw_os_error(28);
        let cases = [
            (Error::Usage(what()), 2),
            (Error::Input { origin: what(), what: what() }, 2),
            (Error::Config(what()), 2),
            (Error::Auth { what: what(), hint: "" }, 4),
            (Error::Temporary { what: what(), unreachable: false }, 75),
            (Error::Unresolved { what: what() }, 75),
            (Error::Permanent { what: what(), hint: "" }, 1),
            (Error::Left { what: what(), hint: "" }, 1),
            (Error::Stdout(io()), 1),
            (Error::File { path: what(), source: io() }, 1),
            (Error::Reported(75), 75),
            (Error::Signal(2), 130),
        ];
        for (error, code) in cases {
            assert_eq!(error.code(), code, "{error:?}");
        }
    }

    #[test]
    fn the_systems_reason_is_told_without_the_number() {
        let full = Error::Stdout(io::Error::from_raw_os_error(28));
        assert_eq!(full.to_string(), "standard output: no space left on device");
    }

    #[test]
    fn a_refusal_names_its_request() {
        let refusal = Refusal {
            status: 404,
            id: "not_found".into(),
            message: "Couldn't find that authorization.".into(),
            request_id: Some("5ac1".into()),
        };
        assert_eq!(refusal.to_string(), "Couldn't find that authorization. (not_found, request 5ac1)");
    }
}

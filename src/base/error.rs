//! Errors: a class, which decides the exit status and whether the run goes on, a text, and a hint for the user.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// Everything was done.
pub const OK: u8 = 0;
/// Some records failed or were skipped, or the output could not be delivered.
pub const FAILED: u8 = 1;
/// The command line or the input is wrong; nothing was attempted.
pub const USAGE: u8 = 2;
/// There is no token, the API rejects it, or it needs a two-factor code that cannot be asked for.
pub const AUTH: u8 = 4;
/// A temporary error (`EX_TEMPFAIL` in sysexits(3)): the same command may succeed later.
pub const TEMPORARY: u8 = 75;

/// The class of an error. It decides the exit status and whether the run stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The command line is wrong.
    Usage,
    /// The input, the environment or a configuration file is wrong.
    Input,
    /// There is no usable token, or the API rejects it.
    Auth,
    /// The API refused the request with this HTTP status.
    Refused(u16),
    /// The API reports that the object does not exist. A 404 from a proxy does not count.
    Gone,
    /// A temporary error of the API or the network.
    Temporary,
    /// The API cannot be reached at all, so trying other records is pointless.
    Unreachable,
    /// The response to a create was lost, so the object may exist.
    InDoubt,
    /// The response is about another object than the request, so the change may have been made, and so may others.
    OtherObject,
    /// The network or the server failed in a way that a retry cannot help: an unknown certificate, a redirect.
    Permanent,
    /// The server lacks the operation, so trying other records is pointless.
    Unsupported,
    /// One record failed or was skipped.
    Failed,
    /// Standard output cannot be written.
    Stdout,
    /// The reader of standard output has exited (EPIPE).
    ReaderGone,
    /// A file that the user named cannot be read or written.
    File,
    /// Everything has been reported; the program only has to exit with this status.
    Reported(u8),
    /// This signal stopped the run, and everything has been reported.
    Signal(u8),
}

/// The reason why a tool, or its work on one record, failed.
#[derive(Debug)]
pub struct Error {
    class: Class,
    text: String,
    hint: Option<Cow<'static, str>>,
    is_skip: bool,
}

impl Error {
    fn new(class: Class, text: impl Into<String>) -> Error {
        Error { class, text: text.into(), hint: None, is_skip: false }
    }

    /// Creates an error: the command line is wrong.
    pub(crate) fn usage(text: impl Into<String>) -> Error {
        Error::new(Class::Usage, text)
    }

    /// Creates an error: the environment, a configuration file or the input as a whole is wrong.
    pub(crate) fn input(text: impl Into<String>) -> Error {
        Error::new(Class::Input, text)
    }

    /// Creates an error: there is no usable token, or the API rejects it.
    pub(crate) fn auth(text: impl Into<String>) -> Error {
        Error::new(Class::Auth, text)
    }

    /// Returns the error with another text.
    pub(crate) fn with_text(self, text: impl Into<String>) -> Error {
        Error { text: text.into(), ..self }
    }

    /// Creates an error: the API refused the request with this HTTP status.
    pub(crate) fn refused(status: u16, text: impl Into<String>) -> Error {
        Error::new(Class::Refused(status), text)
    }

    /// Creates an error: the API reports that the object does not exist.
    pub(crate) fn gone(text: impl Into<String>) -> Error {
        Error::new(Class::Gone, text)
    }

    /// Creates an error: the API or the network failed temporarily.
    pub(crate) fn temporary(text: impl Into<String>) -> Error {
        Error::new(Class::Temporary, text)
    }

    /// Creates an error: the API cannot be reached at all.
    pub(crate) fn unreachable(text: impl Into<String>) -> Error {
        Error::new(Class::Unreachable, text)
    }

    /// Creates an error: the response to a create was lost. `text` names the objects that it may have created.
    pub(crate) fn unresolved(text: impl Into<String>) -> Error {
        Error::new(Class::InDoubt, text)
            .with_hint("rotate a candidate with oauth-rot to use it, or remove it with oauth-rm, then run the rest again")
    }

    /// Creates an error: the response is about another object than the request.
    pub(crate) fn other_object(text: impl Into<String>) -> Error {
        Error::new(Class::OtherObject, text)
    }

    /// Creates an error: the network or the server failed in a way that a retry cannot help.
    pub(crate) fn permanent(text: impl Into<String>) -> Error {
        Error::new(Class::Permanent, text)
    }

    /// Creates an error: the server lacks the operation, for this and every other object.
    pub(crate) fn unsupported(text: impl Into<String>) -> Error {
        Error::new(Class::Unsupported, text)
            .with_hint("the server cannot do this for any object: see what its bridge supports")
    }

    /// Creates an error: a response arrived whole, but cannot be used. `why` says what is wrong with it.
    pub(crate) fn unusable(why: impl fmt::Display) -> Error {
        Error::permanent(format!("unusable response: {why}"))
    }

    /// Creates an error: one record failed or was skipped.
    pub(crate) fn failed(text: impl Into<String>) -> Error {
        Error::new(Class::Failed, text)
    }

    /// Creates an error: one record was skipped on purpose, because of `why`.
    pub(crate) fn skipped(why: impl fmt::Display) -> Error {
        Error { is_skip: true, ..Error::failed(format!("skipped: {why}")) }
    }

    /// Returns whether the record was skipped on purpose.
    pub(crate) fn is_skip(&self) -> bool {
        self.is_skip
    }

    /// Creates an error: standard output cannot be written.
    pub(crate) fn stdout(source: io::Error) -> Error {
        let class =
            if source.kind() == io::ErrorKind::BrokenPipe { Class::ReaderGone } else { Class::Stdout };
        Error::new(class, format!("standard output: {}", reason(&source)))
    }

    /// Creates an error: a file cannot be read or written. `path` is its name as the user typed it.
    pub(crate) fn file(path: impl fmt::Display, source: io::Error) -> Error {
        Error::new(Class::File, format!("{path}: {}", reason(&source)))
    }

    /// Creates an error: a file that the command line names cannot be used, and nothing was attempted.
    pub(crate) fn unusable_file(path: impl fmt::Display, source: io::Error) -> Error {
        Error::input(format!("{path}: {}", reason(&source)))
    }

    /// Creates an error that prints nothing: everything has been reported, and the program exits with `status`.
    pub(crate) fn reported(status: u8) -> Error {
        Error::new(Class::Reported(status), "")
    }

    /// Creates an error: this signal stopped the run.
    pub(crate) fn signal(number: u8) -> Error {
        Error::new(Class::Signal(number), "")
    }

    /// Adds a hint: what the user can do about the error.
    pub(crate) fn with_hint(self, hint: impl Into<Cow<'static, str>>) -> Error {
        Error { hint: Some(hint.into()), ..self }
    }

    /// Returns the class.
    pub(crate) fn class(&self) -> Class {
        self.class
    }

    /// Returns the hint, if there is one.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns whether the API reports that the object does not exist.
    pub(crate) fn is_gone(&self) -> bool {
        self.class == Class::Gone
    }

    /// Returns whether the API refused the request, for whatever reason.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.class, Class::Gone | Class::Refused(_))
    }

    /// Returns whether standard output can no longer be written.
    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self.class, Class::Stdout | Class::ReaderGone)
    }

    /// Returns the exit status for this error (oauth-tools(7), EXIT STATUS).
    pub(crate) fn status(&self) -> u8 {
        match self.class {
            Class::Usage | Class::Input => USAGE,
            Class::Auth => AUTH,
            Class::Temporary | Class::Unreachable | Class::InDoubt | Class::OtherObject => TEMPORARY,
            Class::Refused(_)
            | Class::Gone
            | Class::Permanent
            | Class::Unsupported
            | Class::Failed
            | Class::Stdout
            | Class::ReaderGone
            | Class::File => FAILED,
            Class::Reported(status) => status,
            Class::Signal(number) => 128u8.saturating_add(number),
        }
    }

    /// Returns whether the run stops, because other records would fail in the same way.
    pub(crate) fn stops_the_run(&self) -> bool {
        match self.class {
            Class::Usage
            | Class::Refused(_)
            | Class::Gone
            | Class::Temporary
            | Class::InDoubt
            | Class::Failed
            | Class::Reported(_) => false,
            Class::Input
            | Class::Auth
            | Class::Unreachable
            | Class::OtherObject
            | Class::Permanent
            | Class::Unsupported
            | Class::Stdout
            | Class::ReaderGone
            | Class::File
            | Class::Signal(_) => true,
        }
    }

    /// Returns this error for a call whose earlier request may have been carried out. `hint` replaces the error's hint.
    pub(crate) fn in_doubt(self, hint: Option<&'static str>) -> Error {
        let class = match self.class {
            // The refusal is about the retry; the lost request before it may have succeeded.
            Class::Refused(_) | Class::Gone | Class::Unsupported => Class::Failed,
            Class::Auth | Class::Permanent | Class::Temporary | Class::Unreachable => self.class,
            _ => return self,
        };
        let text = format!("{}; the change may have been made anyway", self.text);
        Error { class, text, hint: hint.map(Cow::Borrowed).or(self.hint), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.class {
            Class::Reported(status) => write!(f, "exit status {status}"),
            Class::Signal(number) => write!(f, "ended by signal {number}"),
            _ => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for Error {}

/// Counts the failed records of a run and decides its exit status.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Records that failed, including the temporary errors.
    failed: usize,
    /// Records that failed with a temporary error.
    temporary: usize,
    /// Records that failed with a temporary error since the last one that got through.
    in_a_row: usize,
    /// The status of the error that stopped the run.
    stop_status: Option<u8>,
}

/// The number of records in a row that fail with a temporary error before a run stops: each is retried for a while, so
/// going on would take days.
const STUCK: usize = 8;
/// What is reported then.
pub(crate) const NOTHING_GETS_THROUGH: &str =
    "stopped: one record after another failed, and none got through";

impl Tally {
    /// Returns whether any record failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed > 0 || self.stop_status.is_some()
    }

    /// Counts an error.
    pub(crate) fn count(&mut self, error: &Error) {
        self.failed += 1;
        match error.class() {
            _ if error.status() == TEMPORARY => {
                self.temporary += 1;
                self.in_a_row += 1;
            }
            Class::Refused(_) | Class::Gone => self.in_a_row = 0,
            _ => {}
        }
        if error.stops_the_run() {
            self.stop(error.status());
        }
    }

    /// Records that the API has done what was asked for a record.
    pub(crate) fn got_through(&mut self) {
        self.in_a_row = 0;
    }

    /// Returns whether nothing gets through, so that the run should stop.
    pub(crate) fn is_stuck(&self) -> bool {
        self.in_a_row >= STUCK
    }

    /// Records that the run stops with `status`. Only the first call counts.
    pub(crate) fn stop(&mut self, status: u8) {
        self.stop_status.get_or_insert(status);
    }

    /// Returns whether an error stopped the run.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop_status.is_some()
    }

    /// Returns the result of the run. `signal` is the signal that arrived, if any; `unfinished` is true if records were
    /// not attempted.
    ///
    /// # Errors
    /// [`Class::Signal`] or [`Class::Reported`] if anything failed.
    pub(crate) fn result(&self, signal: Option<u8>, unfinished: bool) -> Result<(), Error> {
        match (signal, self.stop_status) {
            // Without the signal, more records would have been attempted or retried.
            (Some(signal), _) if unfinished || self.temporary > 0 => Err(Error::signal(signal)),
            // Some records failed for good, so running the command again would not be enough.
            (_, Some(TEMPORARY)) if self.failed > self.temporary => Err(Error::reported(FAILED)),
            (_, Some(status)) => Err(Error::reported(status)),
            _ if self.failed > 0 && self.failed == self.temporary => Err(Error::reported(TEMPORARY)),
            _ if self.failed > 0 => Err(Error::reported(FAILED)),
            _ => Ok(()),
        }
    }
}

/// Returns the system's text for an I/O error in lower case, without Rust's `(os error N)`.
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
    fn each_class_has_its_documented_status() {
        let full = || io::Error::from_raw_os_error(28);
        let cases = [
            (Error::usage(""), 2),
            (Error::input(""), 2),
            (Error::auth(""), 4),
            (Error::refused(422, ""), 1),
            (Error::gone(""), 1),
            (Error::temporary(""), 75),
            (Error::unreachable(""), 75),
            (Error::unresolved(""), 75),
            (Error::other_object(""), 75),
            (Error::permanent(""), 1),
            (Error::unsupported(""), 1),
            (Error::failed(""), 1),
            (Error::stdout(full()), 1),
            (Error::stdout(io::Error::from_raw_os_error(32)), 1),
            (Error::file("f", full()), 1),
            (Error::reported(75), 75),
            (Error::signal(2), 130),
        ];
        for (error, status) in cases {
            assert_eq!(error.status(), status, "{error:?}");
        }
    }

    #[test]
    fn io_errors_are_reported_without_their_number() {
        let full = Error::stdout(io::Error::from_raw_os_error(28));
        assert_eq!(full.to_string(), "standard output: no space left on device");
        assert_eq!(full.class(), Class::Stdout);
        assert_eq!(Error::stdout(io::Error::from_raw_os_error(32)).class(), Class::ReaderGone);
    }

    #[test]
    fn an_error_in_doubt_keeps_its_status_but_is_not_gone() {
        let gone = Error::gone("there is no x").in_doubt(Some("look"));
        assert!(!gone.is_gone());
        assert_eq!(gone.to_string(), "there is no x; the change may have been made anyway");
        assert_eq!((gone.status(), gone.hint()), (FAILED, Some("look")));
        let auth = Error::auth("no").with_hint("log in").in_doubt(None);
        assert_eq!((auth.status(), auth.hint()), (AUTH, Some("log in")));
        assert_eq!(Error::signal(2).in_doubt(None).to_string(), "ended by signal 2");
    }

    #[test]
    fn runs_have_their_documented_status() {
        let run = |errors: &[Error], signal, unfinished| {
            let mut tally = Tally::default();
            errors.iter().for_each(|e| tally.count(e));
            tally.result(signal, unfinished).map_or_else(|e| e.status(), |()| OK)
        };
        let (refused, temporary) = (|| Error::refused(422, ""), || Error::temporary(""));
        assert_eq!(run(&[], None, false), OK);
        assert_eq!(run(&[temporary(), temporary()], None, false), TEMPORARY);
        assert_eq!(run(&[temporary(), refused()], None, false), FAILED, "a retry does not help all");
        assert_eq!(
            run(&[refused(), Error::auth("")], None, true),
            AUTH,
            "the error that stopped the run decides"
        );
        assert_eq!(run(&[refused(), Error::unreachable("")], None, true), FAILED);
        assert_eq!(run(&[refused()], Some(15), false), FAILED, "the signal came too late to matter");
        assert_eq!(run(&[refused()], Some(15), true), 143);
        assert_eq!(run(&[temporary()], Some(2), false), 130, "the signal prevented a retry");
    }
}

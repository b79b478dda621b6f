//! What can go wrong: a class, which decides the exit status and whether the run goes on, a text, and what to do about
//! it.

use std::fmt;
use std::io;

/// Everything was done.
pub const OK: u8 = 0;
/// Some records failed or were skipped, or the output could not be delivered.
pub const FAILED: u8 = 1;
/// The command line or the input is wrong; nothing was attempted.
pub const USAGE: u8 = 2;
/// No token, a rejected token, or a second factor that cannot be asked for.
pub const AUTH: u8 = 4;
/// A temporary error (`EX_TEMPFAIL` of sysexits(3)): the same command may be run again.
pub const TEMPORARY: u8 = 75;

/// The kind of an error: it decides the exit status, and whether a run stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The command line is wrong.
    Usage,
    /// The input, the environment or a configuration file is wrong.
    Input,
    /// There is no usable token, or the API rejects it.
    Auth,
    /// The API refused with this HTTP status.
    Refused(u16),
    /// The API itself, and not a proxy on the way to it, says that there is no such object.
    Gone,
    /// The API or the network failed in a way that may pass.
    Temporary,
    /// The network as a whole is away, so trying other records is pointless.
    Unreachable,
    /// A create whose response was lost may have been applied.
    InDoubt,
    /// The network or the server is wrong in a way that will not pass: an unknown certificate, a redirect.
    Permanent,
    /// One record failed or was skipped.
    Failed,
    /// Standard output cannot be written.
    Stdout,
    /// The reader of standard output went away (EPIPE).
    ReaderGone,
    /// A named file cannot be read or written.
    File,
    /// Everything was said already; this status is left.
    Reported(u8),
    /// This signal ended the run, and what there is to say was said.
    Signal(u8),
}

/// Why a tool, or its work on one record, did not succeed.
#[derive(Debug)]
pub struct Error {
    class: Class,
    text: String,
    hint: Option<&'static str>,
}

impl Error {
    fn new(class: Class, text: impl Into<String>) -> Error {
        Error { class, text: text.into(), hint: None }
    }

    /// The command line is wrong.
    pub(crate) fn usage(text: impl Into<String>) -> Error {
        Error::new(Class::Usage, text)
    }

    /// The environment, a configuration file or the input as a whole is wrong.
    pub(crate) fn input(text: impl Into<String>) -> Error {
        Error::new(Class::Input, text)
    }

    /// There is no usable token, or the API rejects it.
    pub(crate) fn auth(text: impl Into<String>) -> Error {
        Error::new(Class::Auth, text)
    }

    /// The API refused with this HTTP status.
    pub(crate) fn refused(status: u16, text: impl Into<String>) -> Error {
        Error::new(Class::Refused(status), text)
    }

    /// The API says that there is no such object.
    pub(crate) fn gone(text: impl Into<String>) -> Error {
        Error::new(Class::Gone, text)
    }

    /// The API or the network failed in a way that may pass.
    pub(crate) fn temporary(text: impl Into<String>) -> Error {
        Error::new(Class::Temporary, text)
    }

    /// The network as a whole is away.
    pub(crate) fn unreachable(text: impl Into<String>) -> Error {
        Error::new(Class::Unreachable, text)
    }

    /// A create whose response was lost may have been applied; `text` names the candidates.
    pub(crate) fn unresolved(text: impl Into<String>) -> Error {
        Error::new(Class::InDoubt, text)
            .with_hint("adopt a candidate with oauth-rot or revoke it with oauth-rm, then run the rest again")
    }

    /// The network or the server is wrong in a way that will not pass.
    pub(crate) fn permanent(text: impl Into<String>) -> Error {
        Error::new(Class::Permanent, text)
    }

    /// A response came well and cannot be used; `what` is wrong with it.
    pub(crate) fn unusable(what: impl fmt::Display) -> Error {
        Error::permanent(format!("unusable answer: {what}"))
    }

    /// One record failed or was skipped.
    pub(crate) fn failed(text: impl Into<String>) -> Error {
        Error::new(Class::Failed, text)
    }

    /// Standard output cannot be written.
    pub(crate) fn stdout(source: io::Error) -> Error {
        let class =
            if source.kind() == io::ErrorKind::BrokenPipe { Class::ReaderGone } else { Class::Stdout };
        Error::new(class, format!("standard output: {}", reason(&source)))
    }

    /// The file at `path`, as the user gave it, cannot be read or written.
    pub(crate) fn file(path: impl fmt::Display, source: io::Error) -> Error {
        Error::new(Class::File, format!("{path}: {}", reason(&source)))
    }

    /// Everything was said already; only the status is left.
    pub(crate) fn reported(status: u8) -> Error {
        Error::new(Class::Reported(status), "")
    }

    /// This signal ended the run, and what there is to say was said.
    pub(crate) fn signal(number: u8) -> Error {
        Error::new(Class::Signal(number), "")
    }

    /// The same error, and what the user can do about it.
    pub(crate) fn with_hint(self, hint: &'static str) -> Error {
        Error { hint: Some(hint), ..self }
    }

    /// The class.
    pub(crate) fn class(&self) -> Class {
        self.class
    }

    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        self.hint
    }

    /// Whether the API itself says that there is no such object.
    pub(crate) fn is_gone(&self) -> bool {
        self.class == Class::Gone
    }

    /// Whether the API refused, for whatever reason.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.class, Class::Gone | Class::Refused(_))
    }

    /// Whether standard output takes no more.
    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self.class, Class::Stdout | Class::ReaderGone)
    }

    /// The exit status that this error leads to (oauth-tools(7), EXIT STATUS).
    pub(crate) fn status(&self) -> u8 {
        match self.class {
            Class::Usage | Class::Input => USAGE,
            Class::Auth => AUTH,
            Class::Temporary | Class::Unreachable | Class::InDoubt => TEMPORARY,
            Class::Refused(_)
            | Class::Gone
            | Class::Permanent
            | Class::Failed
            | Class::Stdout
            | Class::ReaderGone
            | Class::File => FAILED,
            Class::Reported(status) => status,
            Class::Signal(number) => 128u8.saturating_add(number),
        }
    }

    /// Whether going on with other records is pointless.
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
            | Class::Permanent
            | Class::Stdout
            | Class::ReaderGone
            | Class::File
            | Class::Signal(_) => true,
        }
    }

    /// The same error where an earlier try of the call may have been applied. `hint` replaces the error's own.
    pub(crate) fn in_doubt(self, hint: Option<&'static str>) -> Error {
        let class = match self.class {
            // That something is gone, or refused, says nothing about the try before.
            Class::Refused(_) | Class::Gone => Class::Failed,
            Class::Auth | Class::Permanent | Class::Temporary | Class::Unreachable => self.class,
            _ => return self,
        };
        let text = format!("{}; it may have been done all the same", self.text);
        Error { class, text, hint: hint.or(self.hint) }
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

/// Counts what failed in a run over many records, and decides the run's exit status.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    failed: usize,
    /// Of the failed, those that may succeed another time.
    temporary: usize,
    /// The status of the error that stopped the run.
    stopper: Option<u8>,
}

impl Tally {
    /// Counts an error.
    pub(crate) fn count(&mut self, error: &Error) {
        self.failed += 1;
        if error.status() == TEMPORARY {
            self.temporary += 1;
        }
        if error.stops_the_run() {
            self.stop(error.status());
        }
    }

    /// Notes that the run stops with a status; the first one counts.
    pub(crate) fn stop(&mut self, status: u8) {
        self.stopper.get_or_insert(status);
    }

    /// Whether an error stopped the run.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopper.is_some()
    }

    /// The result of the run. `signal` is one that came; `unfinished` says that records were not attempted.
    ///
    /// # Errors
    /// [`Class::Signal`] or [`Class::Reported`], where anything failed.
    pub(crate) fn result(&self, signal: Option<u8>, unfinished: bool) -> Result<(), Error> {
        match (signal, self.stopper) {
            // It kept records from being tried, or from being tried again.
            (Some(signal), _) if unfinished || self.temporary > 0 => Err(Error::signal(signal)),
            // Running it again would not help all of them.
            (_, Some(TEMPORARY)) if self.failed > self.temporary => Err(Error::reported(FAILED)),
            (_, Some(status)) => Err(Error::reported(status)),
            _ if self.failed > 0 && self.failed == self.temporary => Err(Error::reported(TEMPORARY)),
            _ if self.failed > 0 => Err(Error::reported(FAILED)),
            _ => Ok(()),
        }
    }
}

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
    fn each_class_has_the_status_that_the_manual_gives_it() {
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
            (Error::permanent(""), 1),
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
    fn an_io_error_is_reported_without_its_number() {
        let full = Error::stdout(io::Error::from_raw_os_error(28));
        assert_eq!(full.to_string(), "standard output: no space left on device");
        assert_eq!(full.class(), Class::Stdout);
        assert_eq!(Error::stdout(io::Error::from_raw_os_error(32)).class(), Class::ReaderGone);
    }

    #[test]
    fn an_error_in_doubt_keeps_its_status_but_no_longer_says_that_the_object_is_gone() {
        let gone = Error::gone("there is no x").in_doubt(Some("look"));
        assert!(!gone.is_gone());
        assert_eq!(gone.to_string(), "there is no x; it may have been done all the same");
        assert_eq!((gone.status(), gone.hint()), (FAILED, Some("look")));
        let auth = Error::auth("no").with_hint("log in").in_doubt(None);
        assert_eq!((auth.status(), auth.hint()), (AUTH, Some("log in")));
        assert_eq!(Error::signal(2).in_doubt(None).to_string(), "ended by signal 2");
    }

    #[test]
    fn a_run_ends_with_the_status_of_the_manual() {
        let run = |errors: &[Error], signal, unfinished| {
            let mut tally = Tally::default();
            errors.iter().for_each(|e| tally.count(e));
            tally.result(signal, unfinished).map_or_else(|e| e.status(), |()| OK)
        };
        let (refused, temporary) = (|| Error::refused(422, ""), || Error::temporary(""));
        assert_eq!(run(&[], None, false), OK);
        assert_eq!(run(&[temporary(), temporary()], None, false), TEMPORARY);
        assert_eq!(run(&[temporary(), refused()], None, false), FAILED, "trying again does not help all");
        assert_eq!(run(&[refused(), Error::auth("")], None, true), AUTH, "what stopped the run counts");
        assert_eq!(run(&[refused(), Error::unreachable("")], None, true), FAILED);
        assert_eq!(run(&[refused()], Some(15), false), FAILED, "the signal came too late to matter");
        assert_eq!(run(&[refused()], Some(15), true), 143);
        assert_eq!(run(&[temporary()], Some(2), false), 130, "it would have been tried again");
    }
}

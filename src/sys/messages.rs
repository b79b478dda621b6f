//! Standard error: every line that a program says.

use std::collections::HashSet;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::base::error::Error;
use crate::base::secret::{self, Secret};
use crate::base::sync::lock;
use crate::base::text;

/// Standard error: every line with the program's name before it, secrets redacted, control characters escaped,
/// and in one write, so that lines of parallel work never mix.
#[derive(Clone)]
pub struct Messages {
    program: &'static str,
    shared: Arc<Shared>,
}

struct Shared {
    to: Mutex<Box<dyn Write + Send>>,
    /// A progress line is showing, and must be wiped before anything else is written.
    progress: AtomicBool,
    known: Mutex<Vec<Secret>>,
    /// What was advised already.
    hinted: Mutex<HashSet<&'static str>>,
    failed: AtomicBool,
    verbose: AtomicBool,
}

impl Messages {
    /// Messages of `program` to `to`.
    pub fn new(program: &'static str, to: Box<dyn Write + Send>) -> Messages {
        let shared = Shared {
            to: Mutex::new(to),
            progress: AtomicBool::new(false),
            known: Mutex::default(),
            hinted: Mutex::default(),
            failed: AtomicBool::new(false),
            verbose: AtomicBool::new(false),
        };
        Messages { program, shared: Arc::new(shared) }
    }

    /// The program's name.
    pub fn program(&self) -> &'static str {
        self.program
    }

    /// Names a secret that must never appear in a message, whatever its shape.
    pub fn hide(&self, secret: &Secret) {
        lock(&self.shared.known).push(secret.clone());
    }

    /// Turns `-v` on.
    pub fn set_verbose(&self) {
        self.shared.verbose.store(true, Ordering::Relaxed);
    }

    /// Whether `-v` is on.
    pub fn is_verbose(&self) -> bool {
        self.shared.verbose.load(Ordering::Relaxed)
    }

    /// A text without any secret that is known, or has the shape of one.
    pub fn redacted(&self, text: &str) -> String {
        let known = lock(&self.shared.known);
        let known: Vec<&str> = known.iter().map(Secret::expose).collect();
        secret::redact(text, &known).into_owned()
    }

    /// A line for the user.
    pub fn say(&self, text: &str) {
        let text = self.redacted(text);
        let line = format!("{}: {}\n", self.program, text::shorten(&text::escape(&text), 2000));
        self.write(&line, false);
    }

    /// Shows how far a run is, on a line that the next message wipes; for a terminal only.
    pub fn progress(&self, text: &str) {
        self.write(text, true);
    }

    /// Notes that the user has ended the line that was showing.
    pub fn line_ended(&self) {
        self.shared.progress.store(false, Ordering::Relaxed);
    }

    /// Wipes the progress line, if one is showing.
    pub fn wipe(&self) {
        if self.shared.progress.load(Ordering::Relaxed) {
            self.write("", false);
        }
    }

    fn write(&self, text: &str, is_progress: bool) {
        let mut to = lock(&self.shared.to);
        let was = self.shared.progress.swap(is_progress, Ordering::Relaxed);
        let wipe = if was { "\r\x1b[K" } else { "" };
        // There is nowhere left to tell that standard error failed.
        let _ = to.write_all(format!("{wipe}{text}").as_bytes());
    }

    /// A line for the user about something that failed; the run's status is then not 0.
    pub fn fail(&self, text: &str) {
        self.shared.failed.store(true, Ordering::Relaxed);
        self.say(text);
    }

    /// Whether something was reported as failed.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// A line of `-v`.
    pub fn trace(&self, text: impl FnOnce() -> String) {
        if self.is_verbose() {
            self.say(&text());
        }
    }

    /// An error, after `place` where it names one, with its hint on a line of its own, once a run.
    pub fn error(&self, place: &str, error: &Error) {
        let colon = if place.is_empty() { "" } else { ": " };
        self.fail(&format!("{place}{colon}{error}"));
        if let Some(hint) = error.hint().filter(|hint| lock(&self.shared.hinted).insert(hint)) {
            self.say(hint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::streams::Captured;

    #[test]
    fn a_message_is_one_safe_line() {
        let err = Captured::default();
        let messages = Messages::new("oauth-rm", Box::new(err.clone()));
        messages.hide(&Secret::new("hunter22".into()));
        messages.say("a\nb \x1b[31m hunter22");
        assert_eq!(err.text(), "oauth-rm: a\\nb \\u{1b}[31m **********\n");
        assert!(!messages.has_failed());
    }

    #[test]
    fn an_error_brings_its_hint_once() {
        let err = Captured::default();
        let messages = Messages::new("oauth-rm", Box::new(err.clone()));
        let error = Error::failed("not touched").with_hint("use --x");
        messages.error("stdin:3", &error);
        messages.clone().error("stdin:4", &error);
        let both = "oauth-rm: stdin:3: not touched\noauth-rm: use --x\noauth-rm: stdin:4: not touched\n";
        assert_eq!(err.text(), both);
        assert!(messages.has_failed());
    }
}

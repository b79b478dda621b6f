//! Standard error: messages, warnings and the progress line.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::base::error::{Error, TEMPORARY};
use crate::base::secret::{self, STARS, Secret};
use crate::base::sync::lock;
use crate::base::text;

/// Standard error. Each line starts with the program's name, has its secrets redacted and its control characters
/// escaped, and is written by a single call, so that the lines of threads do not mix.
#[derive(Clone)]
pub struct Messages {
    program: &'static str,
    shared: Arc<Shared>,
}

struct Shared {
    to: Mutex<Box<dyn Write + Send>>,
    /// True while a progress line is on the screen. It must be wiped before anything else is written.
    progress: AtomicBool,
    /// Secrets to redact, whatever they look like.
    secrets: Mutex<Vec<Secret>>,
    /// The hashes of secrets that the server made in this run. There may be many, so a message is searched for them word
    /// by word.
    new_secrets: Mutex<HashSet<u64>>,
    hasher: RandomState,
    /// The hints that were printed, so that each appears once.
    printed_hints: Mutex<HashSet<String>>,
    failed: AtomicBool,
    failed_for_good: AtomicBool,
    verbose: AtomicBool,
}

/// Returns whether a byte can be part of a secret that [`Messages::hide_new`] finds by its hash.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

impl Messages {
    /// Creates the messages of `program`, written to `to`.
    pub fn new(program: &'static str, to: Box<dyn Write + Send>) -> Messages {
        let shared = Shared {
            to: Mutex::new(to),
            progress: AtomicBool::new(false),
            secrets: Mutex::default(),
            new_secrets: Mutex::default(),
            hasher: RandomState::new(),
            printed_hints: Mutex::default(),
            failed: AtomicBool::new(false),
            failed_for_good: AtomicBool::new(false),
            verbose: AtomicBool::new(false),
        };
        Messages { program, shared: Arc::new(shared) }
    }

    /// Returns the program's name.
    pub fn program(&self) -> &'static str {
        self.program
    }

    /// Redacts this secret from all further messages, whatever it looks like.
    pub fn hide(&self, secret: &Secret) {
        lock(&self.shared.secrets).push(secret.clone());
    }

    /// Redacts a secret that the server has made from all further messages.
    pub fn hide_new(&self, secret: &str) {
        if secret.bytes().all(is_of_word) {
            lock(&self.shared.new_secrets).insert(self.shared.hasher.hash_one(secret));
        } else {
            self.hide(&Secret::new(secret.to_owned()));
        }
    }

    /// Turns on the messages of `-v`.
    pub fn set_verbose(&self) {
        self.shared.verbose.store(true, Ordering::Relaxed);
    }

    /// Returns whether `-v` is on.
    pub fn is_verbose(&self) -> bool {
        self.shared.verbose.load(Ordering::Relaxed)
    }

    /// Redacts `text`: the hidden secrets, and everything that looks like a secret.
    pub fn redacted(&self, text: &str) -> String {
        let secrets = lock(&self.shared.secrets);
        let known: Vec<&str> = secrets.iter().map(Secret::expose).collect();
        let text = secret::redact(text, &known);
        let new = lock(&self.shared.new_secrets);
        if new.is_empty() {
            return text.into_owned();
        }
        let mut out = String::with_capacity(text.len());
        for part in text.as_bytes().chunk_by(|a, b| is_of_word(*a) == is_of_word(*b)) {
            // Cannot fail: a part ends before or after an ASCII character.
            let part = String::from_utf8_lossy(part);
            let is_secret = new.contains(&self.shared.hasher.hash_one(&*part));
            out.push_str(if is_secret { STARS } else { &part });
        }
        out
    }

    /// Prints a line, at most about 2000 characters of it.
    pub fn say(&self, text: &str) {
        let text = self.redacted(text);
        let line = format!("{}: {}\n", self.program, text::shorten(&text::escape_message(&text), 2000));
        self.write(&line, false);
    }

    /// Shows a progress line, which the next message wipes. For terminals only.
    pub fn progress(&self, text: &str) {
        self.write(text, true);
    }

    /// Records that the progress line has ended, because the user pressed Enter, so that it is not wiped.
    pub fn line_ended(&self) {
        self.shared.progress.store(false, Ordering::Relaxed);
    }

    /// Returns whether a progress line is on the screen.
    pub fn shows_progress(&self) -> bool {
        self.shared.progress.load(Ordering::Relaxed)
    }

    /// Wipes the progress line, if there is one.
    pub fn wipe(&self) {
        if self.shared.progress.load(Ordering::Relaxed) {
            self.write("", false);
        }
    }

    fn write(&self, text: &str, is_progress: bool) {
        let mut to = lock(&self.shared.to);
        let was = self.shared.progress.swap(is_progress, Ordering::Relaxed);
        // A progress line is written over the one before it, so that it does not flicker.
        let (before, after) = match (was, is_progress) {
            (true, true) => ("\r", "\x1b[K"),
            (true, false) => ("\r\x1b[K", ""),
            (false, _) => ("", ""),
        };
        // If standard error fails, there is nowhere to report it.
        let _ = to.write_all(format!("{before}{text}{after}").as_bytes());
    }

    /// Prints a line about a failure. The program's exit status is then not 0.
    pub fn fail(&self, text: &str) {
        self.shared.failed.store(true, Ordering::Relaxed);
        self.say(text);
    }

    /// Returns whether an error was printed that a retry cannot help.
    pub fn has_failed_for_good(&self) -> bool {
        self.shared.failed_for_good.load(Ordering::Relaxed)
    }

    /// Returns whether a failure was printed.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// Prints a line if `-v` is on.
    pub fn trace(&self, text: impl FnOnce() -> String) {
        if self.is_verbose() {
            self.say(&text());
        }
    }

    /// Prints an error, after `place` unless that is empty, and then its hint, unless the hint was printed before.
    pub fn error(&self, place: &str, error: &Error) {
        if error.status() != TEMPORARY {
            self.shared.failed_for_good.store(true, Ordering::Relaxed);
        }
        let colon = if place.is_empty() { "" } else { ": " };
        self.fail(&format!("{place}{colon}{error}"));
        if let Some(hint) =
            error.hint().filter(|hint| lock(&self.shared.printed_hints).insert((*hint).to_owned()))
        {
            self.say(hint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::streams::Captured;

    #[test]
    fn messages_are_redacted_and_escaped_lines() {
        let err = Captured::default();
        let messages = Messages::new("oauth-rm", Box::new(err.clone()));
        messages.hide(&Secret::new("hunter22".into()));
        messages.say("a\nb \x1b[31m hunter22");
        assert_eq!(err.text(), "oauth-rm: a\\nb \\u{1b}[31m **********\n");
        assert!(!messages.has_failed());
    }

    #[test]
    fn a_hint_is_printed_once() {
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

//! `--log FILE`: one record a change, written before the change and completed after it.
//!
//! A record has its place on the disk before the change is made: a full disk is an error while nothing has happened
//! yet. Until the outcome is known it says `begun`, and after a kill -9 it still does. Records have a fixed length,
//! and their place is taken under a lock, so that the lines of parallel runs never mix.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::api::Api;
use crate::base::error::{Error, TEMPORARY};
use crate::base::time;
use crate::change::outcome::Outcome;
use crate::record::Record;
use crate::record::json::json_line;
use crate::record::kind::Kind;
use crate::sys::messages::Messages;

/// Bytes of a line, its line break included.
const LINE: usize = 512;
/// Bytes of a description that are kept where there is room for them, as they stand in JSON.
const DESCRIPTION: usize = 160;

/// The log of a run.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    tool: &'static str,
    account: String,
    messages: Messages,
}

/// The place of a record whose outcome is not known yet.
#[derive(Debug)]
struct Begun {
    at: u64,
    time: String,
}

/// What became of a change.
#[derive(Debug, Default)]
struct Entry<'a> {
    /// The id of the object.
    id: &'a str,
    /// What it is called.
    description: &'a str,
    /// `revoked`, `created`, …, or `failed: ` or `unknown: ` and why.
    result: &'a str,
    /// The request id of the answer.
    request_id: &'a str,
}

/// Makes a change to the object `id` between the two halves of its record in the log, if there is one.
///
/// # Errors
/// Those of the change; Those of the file where its record cannot be begun, and it was not made. That the record of a
/// change cannot be completed is told, and stands in [`Outcome::unlogged`].
pub(crate) fn around(
    log: Option<&Log>,
    kind: Kind,
    id: &str,
    change: impl FnOnce() -> Result<Outcome, Error>,
) -> Result<Outcome, Error> {
    let Some(log) = log else { return change() };
    let begun = log.begin(kind, id)?;
    let mut done = change();
    if let Err(e) = log.end(&begun, kind, id, &done) {
        log.messages.error("--log", &e);
        if let Ok(done) = &mut done {
            done.unlogged = true;
        }
    }
    done
}

impl Log {
    /// Opens the log, made for its owner alone if it is not there, and asks once who is acting.
    ///
    /// # Errors
    /// Those of the file where it cannot be written; those of the call, but for a token that may not ask.
    pub(crate) fn open(path: &Path, tool: &'static str, api: &Api) -> Result<Log, Error> {
        let fail = |source| Error::file(path.display(), source);
        let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(no_link);
        let file = options.open(path).map_err(fail)?;
        if !file.metadata().map_err(fail)?.is_file() {
            return Err(fail(io::Error::other("is no regular file")));
        }
        let account = api.account()?.unwrap_or_default();
        Ok(Log { path: path.to_owned(), file, tool, account, messages: api.messages().clone() })
    }

    fn fail(&self, source: io::Error) -> Error {
        Error::file(self.path.display(), source)
    }

    /// Writes that a change begins. If this fails, the change must not be made.
    fn begin(&self, kind: Kind, id: &str) -> Result<Begun, Error> {
        let time = time::rfc3339(time::now()).unwrap_or_default();
        let line = self.line(&time, kind, &Entry { id, result: "begun", ..Entry::default() });
        let at = self.append(&line).map_err(|e| self.fail(e))?;
        Ok(Begun { at, time })
    }

    /// Takes a place at the end, and fills it.
    fn append(&self, line: &[u8]) -> io::Result<u64> {
        // Threads share the file's one lock, processes do not; a clone of the handle would share it too.
        let _turn = TURN.lock();
        self.file.lock()?;
        let written = (|| {
            let mut end = (&self.file).seek(SeekFrom::End(0))?;
            if end > 0 {
                // Another program's half line must not run into ours.
                let mut last = [0];
                (&self.file).seek(SeekFrom::Start(end - 1))?;
                (&self.file).read_exact(&mut last)?;
                if last != [b'\n'] {
                    self.file.write_all_at(b"\n", end)?;
                    end += 1;
                }
            }
            match self.file.write_all_at(line, end) {
                Ok(()) => Ok(end),
                Err(e) => {
                    let _ = self.file.set_len(end);
                    Err(e)
                }
            }
        })();
        self.file.unlock()?;
        written
    }

    /// Completes a record. If this fails, it still says that the change was begun.
    fn end(&self, begun: &Begun, kind: Kind, id: &str, done: &Result<Outcome, Error>) -> Result<(), Error> {
        let object = done.as_ref().ok().and_then(|done| done.object.as_ref());
        let record = object.map(|object| &object.record);
        let result = match done {
            Ok(done) => done.status.to_owned(),
            // What ended in a passing fault may have been done all the same.
            Err(e) if e.status() == TEMPORARY => format!("unknown: {e}"),
            Err(e) => format!("failed: {e}"),
        };
        let outcome = Entry {
            id: record.map_or(id, |record| &record.id),
            description: &record.map(Record::name).unwrap_or_default(),
            result: &result,
            request_id: object.and_then(|object| object.request_id.as_deref()).unwrap_or_default(),
        };
        let line = self.line(&begun.time, kind, &outcome);
        self.file.write_all_at(&line, begun.at).map_err(|e| self.fail(e))
    }

    fn line(&self, time: &str, kind: Kind, outcome: &Entry<'_>) -> Vec<u8> {
        // What a server says may quote a secret; what is cut short could not be told from one any more.
        let safe = |text: &str, room| cut(&self.messages.redacted(text), room);
        let line = |description: &str| {
            json_line(&[
                ("time", time),
                ("tool", self.tool),
                ("account", &safe(&self.account, 64)),
                ("kind", kind.word()),
                ("id", &self.messages.redacted(outcome.id)),
                ("result", &safe(outcome.result, 40)),
                ("request_id", &safe(outcome.request_id, 40)),
                ("description", description),
            ])
        };
        let room = LINE.saturating_sub(line("").len()).min(DESCRIPTION);
        let mut line = line(&safe(outcome.description, room));
        line.pop();
        line.resize(LINE - 1, b' ');
        line.push(b'\n');
        line
    }
}

static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// As much of a text as takes at most `max` bytes in JSON.
fn cut(text: &str, max: usize) -> String {
    let mut room = max;
    let size = |c: char| if c.is_control() || c == '"' || c == '\\' { 6 } else { c.len_utf8() };
    text.chars()
        .take_while(|c| {
            let fits = room >= size(*c);
            room = room.saturating_sub(size(*c));
            fits
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;

    #[test]
    fn a_secret_that_a_server_quotes_is_not_kept() {
        let messages = Messages::new("oauth-rm", Box::new(io::sink()));
        messages.hide(&Secret::new("hunter22".to_owned()));
        let file = File::open("/dev/null").expect("a file");
        let log = Log { path: PathBuf::new(), file, tool: "oauth-rm", account: "hunter22".into(), messages };
        let uuid = "b9c4a6de-6fd1-4f4e-9d4f-0cf4b8a2b6a1";
        let (result, token) = (format!("failed: token {uuid}"), format!("HRKU-{uuid}"));
        let outcome = Entry { id: &token, description: "x hunter22", result: &result, request_id: &token };
        let line = String::from_utf8(log.line("t", Kind::Authz, &outcome)).expect("UTF-8");
        assert!(!line.contains("hunter22") && !line.contains("6fd1"), "{line}");
        let own = Entry { id: uuid, ..Entry::default() };
        assert!(String::from_utf8(log.line("t", Kind::Authz, &own)).expect("UTF-8").contains(uuid));
    }

    #[test]
    fn whatever_stands_in_it_a_line_has_one_length() {
        let log = Log {
            path: PathBuf::new(),
            file: File::open("/dev/null").expect("a file"),
            tool: "oauth-sandbox",
            account: "é".repeat(200),
            messages: Messages::new("oauth-sandbox", Box::new(io::sink())),
        };
        for text in ["", "plain", "\u{1b}\"\\\n"] {
            let text = text.repeat(300);
            let outcome =
                Entry { id: &"i".repeat(128), description: &text, result: &text, request_id: &text };
            let line = log.line("2026-01-01T00:00:00Z", Kind::Session, &outcome);
            assert_eq!(line.len(), LINE, "{}", String::from_utf8_lossy(&line));
            assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok());
            assert_eq!(memchr::memchr_iter(b'\n', &line).count(), 1);
        }
    }
}

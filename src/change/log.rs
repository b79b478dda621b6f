//! `--log FILE`: one line for each change, written before the change and completed after it.
//!
//! The line is on disk before the change is made, so a full disk is noticed before anything happens. It says `begun`
//! until the result is known, and still does after a `kill -9`. Lines have a fixed length and are appended under a
//! lock, so that parallel runs do not mix their lines.

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

/// The length of a line in bytes, with its line break.
const LINE: usize = 512;
/// The most that is kept of a description, in bytes of JSON. A long id or result leaves less room.
const DESCRIPTION: usize = 160;

/// The log of a run.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    tool: &'static str,
    account: String,
    messages: Messages,
}

/// A line whose result is not known yet: its offset in the file and its time.
#[derive(Debug)]
struct Begun {
    at: u64,
    time: String,
}

/// The parts of a line that depend on the change.
#[derive(Debug, Default)]
struct Entry<'a> {
    /// The id of the object.
    id: &'a str,
    /// The description of the object, or its name.
    description: &'a str,
    /// `begun`; a status (`revoked`, `created`, …); `failed: ` or `unknown: ` and the error.
    result: &'a str,
    /// The request id of the response.
    request_id: &'a str,
}

/// Makes a change to the object `id`. If there is a log, its line is begun before and completed after the change.
///
/// # Errors
/// Those of the change; those of the file if the line cannot be begun, in which case the change is not made. If the
/// line cannot be completed, that is reported, and [`Outcome::unlogged`] is set.
pub(crate) fn around(
    log: Option<&Log>,
    kind: Kind,
    id: &str,
    change: impl FnOnce() -> Result<Outcome, Error>,
) -> Result<Outcome, Error> {
    let Some(log) = log else { return change() };
    let begun = log.begin(kind, id)?;
    let mut result = change();
    if let Err(e) = log.complete(&begun, kind, id, &result) {
        log.messages.error("--log", &e);
        if let Ok(outcome) = &mut result {
            outcome.unlogged = true;
        }
    }
    result
}

impl Log {
    /// Opens the log, or creates it with mode 0600, and asks the API for the name of the account.
    ///
    /// # Errors
    /// Those of the file, if it cannot be written; those of the call. A token that may not read the account is not an
    /// error: the name stays empty.
    pub(crate) fn open(path: &Path, tool: &'static str, api: &Api) -> Result<Log, Error> {
        let fail = |source| Error::file(path.display(), source);
        let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(no_link);
        let file = options.open(path).map_err(fail)?;
        if !file.metadata().map_err(fail)?.is_file() {
            return Err(fail(io::Error::other("is not a regular file")));
        }
        let account = api.account()?.unwrap_or_default();
        Ok(Log { path: path.to_owned(), file, tool, account, messages: api.messages().clone() })
    }

    fn fail(&self, source: io::Error) -> Error {
        Error::file(self.path.display(), source)
    }

    /// Begins a line. If this fails, the change must not be made.
    fn begin(&self, kind: Kind, id: &str) -> Result<Begun, Error> {
        let time = time::rfc3339(time::now()).unwrap_or_default();
        let line = self.line(&time, kind, &Entry { id, result: "begun", ..Entry::default() });
        let at = self.append(&line).map_err(|e| self.fail(e))?;
        Ok(Begun { at, time })
    }

    /// Appends a line and returns its offset.
    fn append(&self, line: &[u8]) -> io::Result<u64> {
        // The lock of the file keeps other processes out, but not the threads of this one, which share the handle.
        let _turn = TURN.lock();
        self.file.lock()?;
        let written = (|| {
            let mut end = (&self.file).seek(SeekFrom::End(0))?;
            if end > 0 {
                // Ends an incomplete line of another program, so that ours does not run into it.
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

    /// Completes a line. If this fails, it still says `begun`.
    fn complete(
        &self,
        begun: &Begun,
        kind: Kind,
        id: &str,
        result: &Result<Outcome, Error>,
    ) -> Result<(), Error> {
        let object = result.as_ref().ok().and_then(|outcome| outcome.object.as_ref());
        let record = object.map(|object| &object.record);
        let result = match result {
            Ok(outcome) => outcome.status.to_owned(),
            // After a temporary error the change may have been made.
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
        // The response may quote a secret. It is redacted first: a part of a secret would no longer be recognised.
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

/// Cuts a text so that it takes at most `max` bytes in JSON.
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
    fn secrets_in_a_response_are_not_logged() {
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
    fn every_line_has_the_same_length() {
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

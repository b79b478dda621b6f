//! `--log FILE`: one line for each change, written before the change and completed after it.
//!
//! The line is on disk before the change is made, so a full disk is noticed before anything happens. It says `begun`
//! until the result is known, and still does after a `kill -9`. Lines have a fixed length and are appended under a
//! lock, so that parallel runs do not mix their lines. If another program truncates the file meanwhile (copytruncate of
//! logrotate), a completed line is appended once more instead of being written over something else.

use std::fs::{File, TryLockError};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::base::error::{Error, TEMPORARY};
use crate::base::sync::lock;
use crate::base::time;
use crate::change::outcome::Outcome;
use crate::record::Record;
use crate::record::json::json_line;
use crate::record::kind::Kind;
use crate::session::Session;
use crate::sys::files::{self, is_at};
use crate::sys::messages::Messages;
use crate::sys::signals::Stop;

/// The length of a line in bytes, with its line break.
const LINE: usize = 512;
/// The most that is kept of a description, in bytes of JSON. A long id or result leaves less room.
const DESCRIPTION: usize = 160;
/// How long to wait for another program's lock on the file.
const PATIENCE: Duration = Duration::from_secs(10);

/// The file of a log, before its first line.
pub(crate) struct OpenLog {
    path: PathBuf,
    /// For reading, and for overwriting our own lines.
    file: File,
    /// For appending: wherever the end of the file is at that moment.
    end: Mutex<File>,
}

/// The log of a run.
pub(crate) struct Log {
    file: OpenLog,
    stop: Stop,
    tool: &'static str,
    account: String,
    messages: Messages,
}

/// A line whose result is not known yet.
#[derive(Debug)]
struct Begun {
    /// Its offset in the file.
    at: u64,
    time: String,
    line: Vec<u8>,
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
    /// The id of the authorization that the object replaces.
    replaces: &'a str,
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

impl OpenLog {
    /// Opens the file, or creates it with mode 0600.
    ///
    /// # Errors
    /// An input error that begins with `name` if it cannot be written, or is not a regular file of our own with a single name.
    pub(crate) fn open(path: &Path, name: &str) -> Result<OpenLog, Error> {
        let opened = files::open_own(path, false).and_then(|file| {
            let end = files::open_own(path, true)?;
            match is_at(&end.metadata()?, path) && is_at(&file.metadata()?, path) {
                true => Ok((file, end)),
                false => Err(io::Error::other("was replaced while it was opened")),
            }
        });
        let (file, end) = opened.map_err(|source| Error::unusable_file(name, source))?;
        Ok(OpenLog { path: path.to_owned(), file, end: Mutex::new(end) })
    }

    /// Locks the file against other processes and threads.
    fn lock(&self, stop: &Stop) -> io::Result<Turn<'_>> {
        // The lock of the file does not keep out the threads of this process, which share the handle.
        let end = lock(&self.end);
        let start = Instant::now();
        loop {
            match self.file.try_lock() {
                // Nobody would ever read what is written to a file without a name.
                Ok(()) if end.metadata()?.nlink() == 0 => {
                    let _ = self.file.unlock();
                    return Err(io::Error::other("was removed by another program"));
                }
                Ok(()) => return Ok(Turn { file: &self.file, end }),
                Err(TryLockError::Error(e)) if e.kind() != io::ErrorKind::Interrupted => return Err(e),
                Err(_) if start.elapsed() > PATIENCE || stop.is_over() => {
                    return Err(io::Error::other("locked by another program"));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

/// The right to change the file, until this is dropped.
struct Turn<'a> {
    file: &'a File,
    end: MutexGuard<'a, File>,
}

impl Turn<'_> {
    /// Appends a line and returns its offset.
    fn append(&mut self, line: &[u8]) -> io::Result<u64> {
        let before = self.file.metadata()?.len();
        let mut last = [b'\n'];
        // Ends an incomplete line of another program, so that ours does not run into it.
        if before > 0 && self.file.read_at(&mut last, before - 1)? == 1 && last != [b'\n'] {
            self.end.write_all(b"\n")?;
        }
        let written = self.end.write_all(line);
        let end = self.end.stream_position()?;
        match written {
            Ok(()) => Ok(end - line.len() as u64),
            Err(e) => {
                // A part of the line may be there. If so, it is the last line.
                let complete = before + u64::from(before > 0 && last != [b'\n']);
                if self.file.metadata()?.len() > complete {
                    let _ = self.file.set_len(complete);
                }
                Err(e)
            }
        }
    }

    /// Overwrites the line that was appended at an offset. If it is not there any more, appends `line`.
    fn replace(&mut self, at: u64, old: &[u8], line: &[u8]) -> io::Result<()> {
        let mut there = vec![0; old.len()];
        if !matches!(self.file.read_at(&mut there, at), Ok(n) if there[..n] == *old) {
            return self.append(line).map(drop);
        }
        self.file.write_all_at(line, at)?;
        // If the file was truncated after the check, the system has filled it with NUL up to our line.
        let mut start = [b'{'];
        if at > 0 && self.file.read_at(&mut start, 0)? == 1 && start == [0] {
            self.file.set_len(0)?;
            self.append(line)?;
        }
        Ok(())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

impl Log {
    /// Creates the log of a run, and asks the API for the name of the account.
    ///
    /// # Errors
    /// Those of the call. A token that may not read the account is not an error: the name stays empty.
    pub(crate) fn start(file: OpenLog, session: &mut Session) -> Result<Log, Error> {
        let tool = session.io.messages.program();
        let api = session.api()?;
        let account = api.account()?.unwrap_or_default();
        Ok(Log { file, stop: api.stop().clone(), tool, account, messages: api.messages().clone() })
    }

    fn fail(&self, source: io::Error) -> Error {
        Error::file(self.file.path.display(), source)
    }

    /// Begins a line. If this fails, the change must not be made.
    fn begin(&self, kind: Kind, id: &str) -> Result<Begun, Error> {
        let time = time::rfc3339(time::now()).unwrap_or_default();
        let line = self.line(&time, kind, &Entry { id, result: "begun", ..Entry::default() });
        let appended = self.file.lock(&self.stop).and_then(|mut turn| turn.append(&line));
        let at = appended.map_err(|e| self.fail(e))?;
        Ok(Begun { at, time, line })
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
        let mut added = result.as_ref().ok().into_iter().flat_map(|outcome| &outcome.added);
        let replaces = added.find(|(name, _)| *name == "replaces");
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
            replaces: replaces.map(|(_, id)| id.as_str()).unwrap_or_default(),
        };
        let line = self.line(&begun.time, kind, &outcome);
        let turn = self.file.lock(&self.stop);
        turn.and_then(|mut turn| turn.replace(begun.at, &begun.line, &line)).map_err(|e| self.fail(e))
    }

    fn line(&self, time: &str, kind: Kind, outcome: &Entry<'_>) -> Vec<u8> {
        // The response may quote a secret. It is redacted first: a part of a secret would no longer be recognised.
        let safe = |text: &str, room| cut(&self.messages.redacted(text), room);
        let (id, replaces) = (self.messages.redacted(outcome.id), self.messages.redacted(outcome.replaces));
        // Two of the longest ids leave less room for the rest.
        let (name, text) = if id.len() + replaces.len() > 200 { (24, 24) } else { (64, 40) };
        let account = safe(&self.account, name);
        let (result, request_id) = (safe(outcome.result, text), safe(outcome.request_id, text));
        let line = |description: &str| {
            let mut members = vec![
                ("time", time),
                ("tool", self.tool),
                ("account", &account[..]),
                ("kind", kind.word()),
                ("id", &id),
                ("replaces", &replaces),
                ("result", &result),
                ("request_id", &request_id),
                ("description", description),
            ];
            members.retain(|(name, text)| *name != "replaces" || !text.is_empty());
            json_line(&members)
        };
        let room = LINE.saturating_sub(line("").len()).min(DESCRIPTION);
        let mut line = line(&safe(outcome.description, room));
        line.pop();
        line.resize(LINE - 1, b' ');
        line.push(b'\n');
        line
    }
}

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
    use crate::folder::Folder;

    fn log(messages: Messages) -> Log {
        let open = || File::open("/dev/null").expect("a file");
        let file = OpenLog { path: PathBuf::new(), file: open(), end: Mutex::new(open()) };
        Log { file, stop: Stop::default(), tool: "oauth-rm", account: String::new(), messages }
    }

    #[test]
    fn a_line_is_completed_in_its_place_or_appended_if_that_is_gone() {
        let folder = Folder::new();
        let path = folder.join("log");
        let text = || std::fs::read_to_string(&path).expect("readable");
        let log = OpenLog::open(&path, "log").expect("opened");
        let turn = || log.lock(&Stop::default()).expect("locked");
        let places = ["a begun\n", "b begun\n"].map(|line| turn().append(line.as_bytes()).expect("appended"));
        turn().replace(places[1], b"b begun\n", b"b done \n").expect("completed");
        assert_eq!(text(), "a begun\nb done \n");
        // copytruncate, and then another run's line in the same place, or in the middle of it.
        for other in ["c begun\n", "longer than a line\n", "short\n", "", "c begun", "x"] {
            std::fs::write(&path, "").expect("truncated");
            std::fs::write(&path, other).expect("written");
            turn().replace(places[0], b"a begun\n", b"a done \n").expect("appended");
            let break_ = if other.is_empty() || other.ends_with('\n') { "" } else { "\n" };
            assert_eq!(text(), format!("{other}{break_}a done \n"));
        }
    }

    #[test]
    fn secrets_in_a_response_are_not_logged() {
        let messages = Messages::new("oauth-rm", Box::new(io::sink()));
        messages.hide(&Secret::new("hunter22".to_owned()));
        let log = Log { account: "hunter22".into(), ..log(messages) };
        let uuid = "b9c4a6de-6fd1-4f4e-9d4f-0cf4b8a2b6a1";
        let (result, token) = (format!("failed: token {uuid}"), format!("HRKU-{uuid}"));
        let (id, request_id) = (&token[..], &token[..]);
        let outcome = Entry { id, description: "x hunter22", result: &result, request_id, replaces: "" };
        let line = String::from_utf8(log.line("t", Kind::Authz, &outcome)).expect("UTF-8");
        assert!(!line.contains("hunter22") && !line.contains("6fd1"), "{line}");
        let own = Entry { id: uuid, ..Entry::default() };
        assert!(String::from_utf8(log.line("t", Kind::Authz, &own)).expect("UTF-8").contains(uuid));
    }

    #[test]
    fn every_line_has_the_same_length() {
        let log = Log {
            tool: "oauth-sandbox",
            account: "é".repeat(200),
            ..log(Messages::new("oauth-sandbox", Box::new(io::sink())))
        };
        for text in ["", "plain", "\u{1b}\"\\\n"] {
            let text = text.repeat(300);
            let id = "i".repeat(128);
            for replaces in ["", &id[..36], &id] {
                let outcome =
                    Entry { id: &id, description: &text, result: &text, request_id: &text, replaces };
                let line = log.line("2026-01-01T00:00:00Z", Kind::Session, &outcome);
                assert_eq!(line.len(), LINE, "{}", String::from_utf8_lossy(&line));
                assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok());
                assert_eq!(memchr::memchr_iter(b'\n', &line).count(), 1);
            }
        }
    }
}

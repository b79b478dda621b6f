//! Runs programs, and holds their results.

use std::borrow::BorrowMut;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use oauth_tools::sandbox::Server;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::objects::{records, text};

/// How long a program may take, so that a test fails instead of waiting forever.
const LIMIT: Duration = Duration::from_secs(900);

/// The folder of the programs.
pub(crate) fn programs() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_oauth-ls")).parent().expect("a folder")
}

/// A `PATH` with the programs, and the shells and filters of the system.
pub(crate) fn path() -> String {
    format!("{}:/usr/bin:/bin", programs().display())
}

/// Returns a program with its arguments, for the account of a sandbox: with nothing of this process's environment, no
/// home and no input.
pub(crate) fn tool(server: &Server, name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(programs().join(name));
    command.args(args).env_clear();
    command
        .env("HOME", "/nonexistent")
        .env("HEROKU_HOST", server.url())
        .env("HEROKU_API_KEY", server.token());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a [`tool`] to its end with `input` on its standard input.
#[track_caller]
pub(crate) fn run(mut command: Command, input: &str) -> Ran {
    command.stdin(Stdio::piped());
    Running::start(command).feed_to_end(input.as_bytes())
}

/// Runs a command to its end without any input.
#[track_caller]
pub(crate) fn finish(mut command: impl BorrowMut<Command>) -> Ran {
    let command = command.borrow_mut();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running::start(command).ended()
}

/// A command line of a shell, ready to run.
pub(crate) struct Line {
    text: String,
    command: Command,
}

impl Line {
    pub(crate) fn new(text: String, command: Command) -> Line {
        Line { text, command }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Line {
        self.command.env(name, value);
        self.text = format!("{name}={value} {}", self.text);
        self
    }

    pub(crate) fn unset(mut self, name: &str) -> Line {
        self.command.env_remove(name);
        self
    }

    /// Starts it with pipes on its streams.
    pub(crate) fn start(mut self, limit: Duration) -> Running {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running { line: self.text, ..Running::start_within(limit, self.command) }
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(self, input: &[u8]) -> Ran {
        let ran = self.start(LIMIT).feed_to_end(input);
        assert!(ran.signal.is_none(), "it ended by itself{ran}");
        ran
    }
}

/// A running program. It is killed after a while, so that a test fails instead of waiting forever.
pub(crate) struct Running {
    line: String,
    pub(crate) child: Child,
    /// Dropped at the end of the program.
    limit: Sender<()>,
}

impl Running {
    /// Starts a command; its streams are as the caller has set them.
    #[track_caller]
    pub(crate) fn start(command: impl BorrowMut<Command>) -> Running {
        Running::start_within(LIMIT, command)
    }

    /// Starts a command that may take as long as `limit`.
    #[track_caller]
    pub(crate) fn start_within(limit: Duration, mut command: impl BorrowMut<Command>) -> Running {
        let command = command.borrow_mut();
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let line = words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
        let child = command.spawn().unwrap_or_else(|e| panic!("{line}: {e}"));
        let (sender, ended) = channel();
        let pid = pid(&child);
        std::thread::spawn(move || {
            if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Running { line, child, limit: sender }
    }

    /// Sends it a signal, unless it has ended.
    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        let sent = kill_process(pid(&self.child), signal);
        assert!(matches!(sent, Ok(()) | Err(Errno::SRCH)), "{}: {sent:?}", self.line);
    }

    #[track_caller]
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_some()
    }

    /// Kills it, and waits for its end.
    #[track_caller]
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("an end");
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(self) -> Ran {
        self.feed_to_end(b"")
    }

    /// Writes `input` to its standard input if that is a pipe, and waits for its end.
    #[track_caller]
    pub(crate) fn feed_to_end(self, input: &[u8]) -> Ran {
        let Running { line, mut child, limit } = self;
        let stdin = child.stdin.take();
        let ended = std::thread::scope(|scope| {
            // A program need not read everything, or anything.
            scope.spawn(move || stdin.is_some_and(|mut stdin| stdin.write_all(input).is_ok()));
            child.wait_with_output().expect("an end")
        });
        drop(limit);
        Ran::new(line, ended)
    }
}

fn pid(child: &Child) -> Pid {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process")
}

/// The result of a run. Shown in full where a test fails.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    pub(crate) line: String,
    /// The exit status as a shell shows it: 128 and its number for a signal.
    pub(crate) status: i32,
    /// The signal that ended the program.
    pub(crate) signal: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ran { line, status, out, err, .. } = self;
        write!(f, "\n$ {line}\nstatus: {status}\nstdout:\n{out:.4000}\nstderr:\n{err}\n")
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn new(line: String, Output { status, stdout, stderr }: Output) -> Ran {
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes)
                .unwrap_or_else(|e| panic!("{line}: {e}: {}", e.as_bytes().escape_ascii()))
        };
        let (out, err) = (text(stdout), text(stderr));
        let signal = status.signal();
        let status = status.code().or(signal.map(|n| 128 + n)).expect("a status");
        Ran { line, status, signal, out, err }
    }

    /// Asserts that the run exited with that status.
    #[track_caller]
    pub(crate) fn exits(self, status: i32) -> Ran {
        assert_eq!((self.status, self.signal), (status, None), "{self}");
        self
    }

    /// Asserts that the run succeeded without a message.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Ran {
        assert!(self.status == 0 && self.err.is_empty(), "{self}");
        self
    }

    /// Asserts that there is no message.
    #[track_caller]
    pub(crate) fn says_nothing(self) -> Ran {
        assert!(self.err.is_empty(), "{self}");
        self
    }

    /// Asserts that standard error contains `part`.
    #[track_caller]
    pub(crate) fn says(self, part: &str) -> Ran {
        assert!(self.err.contains(part), "stderr lacks: {part}{self}");
        self
    }

    /// Asserts that standard error does not contain `part`.
    #[track_caller]
    pub(crate) fn never_says(self, part: &str) -> Ran {
        assert!(!self.err.contains(part), "stderr has: {part}{self}");
        self
    }

    /// Asserts that standard output is `text`.
    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Ran {
        assert!(self.out == text, "stdout is not:\n{text}{self}");
        self
    }

    /// The lines of standard output.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }

    /// The records of standard output, one a line.
    #[track_caller]
    pub(crate) fn records(&self) -> Vec<Value> {
        records(&self.out).unwrap_or_else(|e| panic!("{e}{self}"))
    }

    /// The only record of standard output.
    #[track_caller]
    pub(crate) fn record(&self) -> Value {
        let mut records = self.records();
        assert_eq!(records.len(), 1, "one record{self}");
        records.remove(0)
    }

    /// A text member of each record, in order.
    #[track_caller]
    pub(crate) fn each(&self, member: &str) -> Vec<String> {
        self.records().iter().map(|r| text(&r[member])).collect()
    }

    /// The ids of the records.
    #[track_caller]
    pub(crate) fn ids(&self) -> BTreeSet<String> {
        self.each("id").into_iter().collect()
    }
}

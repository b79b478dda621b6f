//! A rehearsal account, and command lines as a user types them, run against it.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use oauth_tools::sandbox::{Server, Settings};
use serde_json::Value;

/// A server, and a folder of its own in which commands run; both are gone at the end.
pub(crate) struct Account {
    pub(crate) server: Server,
    /// Where commands run.
    pub(crate) folder: PathBuf,
}

impl Account {
    /// The account that the sandbox comes with.
    pub(crate) fn new() -> Account {
        Account::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Account {
        Account { folder: folder(), server: Server::start(settings).expect("a sandbox") }
    }

    /// An account that keeps everything, its secrets too, in the file `state` of its folder.
    pub(crate) fn kept(settings: Settings) -> Account {
        let folder = folder();
        let settings = Settings { state: Some(folder.join("state")), ..settings };
        Account { folder, server: Server::start(settings).expect("a sandbox") }
    }

    /// An account made of records.
    pub(crate) fn of(records: &[&str]) -> Account {
        let load = Some(records.iter().map(|r| (*r).to_owned()).collect());
        Account::with(Settings { load, ..Settings::default() })
    }

    /// Runs a line of sh(1), with nothing on its standard input.
    pub(crate) fn sh(&self, line: &str) -> Ran {
        self.line("sh", line).run(b"")
    }

    /// Runs a line of bash(1) that fails where any part of a pipeline fails.
    pub(crate) fn bash(&self, line: &str) -> Ran {
        self.line("bash", &format!("set -o pipefail; {line}")).run(b"")
    }

    /// Runs a line of sh(1) that reads `input`.
    pub(crate) fn feed(&self, line: &str, input: impl AsRef<[u8]>) -> Ran {
        self.line("sh", line).run(input.as_ref())
    }

    /// A line for a shell, in the account's folder and with nothing in its environment but the account.
    pub(crate) fn line(&self, shell: &str, line: &str) -> Line {
        let mut command = Command::new(shell);
        command
            .args(["-c", line])
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", path())
            .env("HOME", self.folder.join("home"))
            .env("HEROKU_HOST", self.server.url())
            .env("HEROKU_API_KEY", self.server.token());
        Line { text: format!("{shell} -c '{line}'"), command }
    }

    /// Everything that the account holds.
    pub(crate) fn holds(&self) -> Vec<Value> {
        self.server.dump().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The objects of a kind.
    pub(crate) fn kind(&self, kind: &str) -> Vec<Value> {
        self.holds().into_iter().filter(|r| r["kind"] == kind).collect()
    }

    /// The ids of a kind that are listed: a team's authorizations have a list of their own.
    pub(crate) fn ids(&self, kind: &str) -> BTreeSet<String> {
        self.kind(kind).iter().filter(|r| r["team"].is_null()).map(|r| text(&r["id"])).collect()
    }

    /// The object with that description or name.
    #[track_caller]
    pub(crate) fn named(&self, name: &str) -> Value {
        let is = |r: &Value| r["description"] == name || r["name"] == name;
        self.holds().into_iter().find(is).unwrap_or_else(|| panic!("the account holds no '{name}'"))
    }

    /// The id of the object with that description or name.
    #[track_caller]
    pub(crate) fn id(&self, name: &str) -> String {
        text(&self.named(name)["id"])
    }

    /// The object with that id, if there is one.
    pub(crate) fn get(&self, id: &str) -> Option<Value> {
        self.holds().into_iter().find(|r| r["id"] == id)
    }

    /// How many requests of that method and endpoint came.
    pub(crate) fn asked(&self, endpoint: &str) -> u64 {
        self.server.stats().requests(endpoint)
    }

    /// Every token, client secret and code that one of [`Account::kept`] has now.
    pub(crate) fn secrets(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for line in self.read("state").lines().skip(1) {
            collect(&serde_json::from_str(line).expect("JSON"), &mut found);
        }
        assert!(found.len() > 20, "there are secrets to be found");
        found
    }

    /// What the account holds, but for the seconds that pass.
    pub(crate) fn state(&self) -> Vec<Value> {
        let mut all = self.holds();
        all.iter_mut().for_each(forget_seconds);
        all
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.folder.join(name), content).expect("written");
    }

    /// Where a file of the folder is.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.join(name)
    }

    /// Reads a file of the folder.
    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A command line that is ready to run.
pub(crate) struct Line {
    text: String,
    command: Command,
}

impl Line {
    pub(crate) fn env(mut self, name: &str, value: &str) -> Line {
        self.command.env(name, value);
        self.text = format!("{name}={value} {}", self.text);
        self
    }

    pub(crate) fn unset(mut self, name: &str) -> Line {
        self.command.env_remove(name);
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self, input: &[u8]) -> Ran {
        let pipes = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap_or_else(|e| panic!("{}: {e}", self.text));
        let mut stdin = child.stdin.take().expect("a pipe");
        let ended = std::thread::scope(|scope| {
            // A command need not read all, or anything.
            scope.spawn(move || stdin.write_all(input).is_ok());
            child.wait_with_output().expect("it ends")
        });
        Ran {
            line: self.text,
            status: ended.status.code().expect("ended by itself"),
            out: String::from_utf8_lossy(&ended.stdout).into_owned(),
            err: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }
    }
}

/// What came of a command line. Shown whole where a test fails.
#[derive(Clone)]
pub(crate) struct Ran {
    pub(crate) line: String,
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ran { line, status, out, err } = self;
        write!(f, "\n$ {line}\nstatus: {status}\nstdout:\n{out}\nstderr:\n{err}\n")
    }
}

impl Ran {
    /// This run, which must have ended with that status.
    #[track_caller]
    pub(crate) fn exits(self, status: i32) -> Ran {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// This run, which must have succeeded without a word.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Ran {
        assert!(self.status == 0 && self.err.is_empty(), "{self}");
        self
    }

    /// This run, whose standard error must have `part` in it.
    #[track_caller]
    pub(crate) fn says(self, part: &str) -> Ran {
        assert!(self.err.contains(part), "stderr lacks: {part}{self}");
        self
    }

    /// This run, whose standard error must not have `part` in it.
    #[track_caller]
    pub(crate) fn never_says(self, part: &str) -> Ran {
        assert!(!self.err.contains(part), "stderr has: {part}{self}");
        self
    }

    /// This run, whose standard output must be `text`.
    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Ran {
        assert!(self.out == text, "stdout is not:\n{text}{self}");
        self
    }

    /// The output's lines.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }

    /// The records in the output, one a line.
    #[track_caller]
    pub(crate) fn records(&self) -> Vec<Value> {
        let record = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}{self}"));
        self.out.lines().map(record).collect()
    }

    /// The one record in the output.
    #[track_caller]
    pub(crate) fn record(&self) -> Value {
        let mut records = self.records();
        assert_eq!(records.len(), 1, "one record{self}");
        records.remove(0)
    }

    /// A member of each record, in order.
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

/// A JSON string's text.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The members of a set, a line each.
pub(crate) fn joined<'a>(lines: impl IntoIterator<Item = &'a String>) -> String {
    lines.into_iter().map(|line| format!("{line}\n")).collect()
}

/// The programs, and the shells and filters of the system.
pub(crate) fn path() -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_oauth-ls")).parent().expect("a folder");
    format!("{}:/usr/bin:/bin", programs.display())
}

fn forget_seconds(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("expires_in");
            members.values_mut().for_each(forget_seconds);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_seconds),
        _ => {}
    }
}

/// A folder that no other test has, with an empty `home` in it.
fn folder() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("home")).expect("a folder");
    folder
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(secret) if ["token", "secret", "code"].contains(&name.as_str()) => {
                        found.insert(secret.to_owned());
                    }
                    _ => collect(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

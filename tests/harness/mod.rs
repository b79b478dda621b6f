//! Runs the programs against a sandbox in this process, and reads what came of it.

// Each test program uses its part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use oauth_tools::sandbox::{Server, Settings};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

#[path = "../sandbox/client.rs"]
pub(crate) mod client;

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit status; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// This run, which must have ended so.
    #[track_caller]
    pub(crate) fn is(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{}", self.err);
        self
    }

    /// The records on standard output, which must all be whole.
    #[track_caller]
    pub(crate) fn records(&self) -> Vec<Value> {
        records(&self.out).unwrap_or_else(|what| panic!("{what}"))
    }
}

/// The records of an output, each a line of its own.
pub(crate) fn records(out: &str) -> Result<Vec<Value>, String> {
    if !out.is_empty() && !out.ends_with('\n') {
        return Err(format!("the output ends in the middle of a line: {out:?}"));
    }
    let whole = |line: &str| match serde_json::from_str::<Value>(line) {
        Ok(record) if record["id"].is_string() && record["status"].is_string() => Ok(record),
        _ => Err(format!("this is no whole record: {line:?}")),
    };
    out.lines().map(whole).collect()
}

/// The ids of records, in their order.
pub(crate) fn ids(records: &[Value]) -> Vec<String> {
    records.iter().map(|r| text(r, "/id")).collect()
}

/// The text at a JSON pointer; empty where there is none.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A started sandbox.
pub(crate) fn start(settings: Settings) -> Server {
    Server::start(settings).expect("a sandbox")
}

/// Settings with faults, a latency in milliseconds, and a seed.
pub(crate) fn settings(faults: &[String], latency: u64, seed: u64) -> Settings {
    Settings {
        faults: faults.iter().map(|f| f.parse().expect("a fault")).collect(),
        latency: Duration::from_millis(latency),
        seed,
        ..Settings::default()
    }
}

/// A program, ready to run against a sandbox, with nothing of this process's environment.
pub(crate) fn tool(server: &Server, name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(match name {
        "oauth-ls" => env!("CARGO_BIN_EXE_oauth-ls"),
        "oauth-mk" => env!("CARGO_BIN_EXE_oauth-mk"),
        "oauth-rm" => env!("CARGO_BIN_EXE_oauth-rm"),
        "oauth-rot" => env!("CARGO_BIN_EXE_oauth-rot"),
        "oauth-set" => env!("CARGO_BIN_EXE_oauth-set"),
        other => panic!("there is no {other}"),
    });
    command.args(args).env_clear().env("HEROKU_HOST", server.url()).env("HEROKU_API_KEY", server.token());
    command.env("HOME", "/nonexistent").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a program to its end with `input` on its standard input.
pub(crate) fn run(mut command: Command, input: &str) -> Ran {
    let mut child = command.stdin(Stdio::piped()).spawn().expect("a process");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    // It may end before it has read everything.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let ran = ended(child);
    feeder.join().expect("fed");
    ran
}

/// How long a program may take, so that a test fails instead of waiting for ever.
const LIMIT: Duration = Duration::from_secs(900);

/// Ends a program after a while, unless what is returned is dropped before.
pub(crate) fn limit(child: &Child, span: Duration) -> Sender<()> {
    let pid = pid(child);
    let (limit, over) = channel();
    std::thread::spawn(move || {
        if over.recv_timeout(span) == Err(RecvTimeoutError::Timeout) {
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    limit
}

/// A program's process.
pub(crate) fn pid(child: &Child) -> Pid {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process")
}

/// Waits for a program's end.
pub(crate) fn ended(child: Child) -> Ran {
    let _limit = limit(&child, LIMIT);
    let output = child.wait_with_output().expect("an end");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// What matters of an account: for each id its kind, its name and the visible part of its secret.
pub(crate) type Account = BTreeMap<String, (String, String, String)>;

/// What matters of the account in a sandbox.
pub(crate) fn account(server: &Server) -> Account {
    let essence = |line: &String| {
        let record: Value = serde_json::from_str(line).expect("a record");
        let (kind, secret) = (text(&record, "/kind"), text(&record, "/access_token/token"));
        let name = text(&record, if kind == "client" { "/name" } else { "/description" });
        let secret = if kind == "client" { text(&record, "/secret") } else { secret };
        (text(&record, "/id"), (kind, name, secret))
    };
    server.dump().iter().map(essence).collect()
}

/// The secret that a record shows, if it shows a whole one.
pub(crate) fn secret(record: &Value) -> Option<String> {
    let secret = text(record, if record["kind"] == "client" { "/secret" } else { "/access_token/token" });
    (!secret.is_empty() && !secret.contains("**********")).then_some(secret)
}

/// Whether `shown` is `secret` with its middle hidden.
pub(crate) fn masks(shown: &str, secret: &str) -> bool {
    match shown.split_once("**********") {
        Some((start, end)) => secret.starts_with(start) && secret.ends_with(end),
        None => false,
    }
}

/// A folder for one test, empty.
pub(crate) fn folder(name: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{number}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Runs `work` on each item, on a few threads at a time, and gives the results in the order of the items.
pub(crate) fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(item) = items.get(at) else { return done };
                        done.push((at, work(item)));
                    }
                })
            })
            .collect();
        handles.into_iter().flat_map(|h| h.join().expect("a thread")).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

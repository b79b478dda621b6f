//! Runs over many records: order, prompt output, the end of a stream, a lost reader, the quota.

mod in_flight;
mod lost_responses;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use crate::common::{
    Folder, Objects, Ran, Running, faulty, ids, objects, records, run, start, text_at, tool,
};
use oauth_tools::sandbox::{Server, Settings};
use rustix::process::Signal;

fn server(authz: usize, faults: &[&str], latency: u64) -> Server {
    start(Settings { authz, latency: Duration::from_millis(latency), seed: 5, ..faulty(faults) })
}

/// The ids of the generated authorizations.
fn generated(server: &Server) -> Vec<String> {
    let mut found: Vec<String> = objects(server)
        .into_iter()
        .filter(|(_, object)| object.name.starts_with("generated "))
        .map(|(id, _)| id)
        .collect();
    // The order differs from that of the account.
    found.reverse();
    found
}

/// Those of them that have not expired: for the others, a new token is dead at once.
fn active(server: &Server) -> Vec<String> {
    let dump = server.dump();
    let expired = dump.iter().filter(|line| line.contains("\"status\":\"expired\""));
    let expired: BTreeSet<String> =
        expired.map(|line| text_at(&serde_json::from_str(line).expect("a record"), "/id")).collect();
    generated(server).into_iter().filter(|id| !expired.contains(id)).collect()
}

/// Ids as input lines, with the kind before them.
fn rows(ids: &[String]) -> String {
    ids.iter().map(|id| format!("authz,{id}\n")).collect()
}

/// A run whose pipes the test holds.
struct Held {
    program: Running,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

/// How long such a run may take.
const LIMIT: Duration = Duration::from_secs(50);

impl Held {
    fn start(server: &Server, name: &str, args: &[&str]) -> Held {
        let mut command = tool(server, name, args);
        command.stdin(Stdio::piped());
        let mut program = Running::start_within(LIMIT, command);
        let (stdin, stdout) = (program.child.stdin.take(), program.child.stdout.take().expect("a pipe"));
        Held { program, stdin, stdout: BufReader::new(stdout) }
    }

    fn write(&mut self, text: &str) {
        self.stdin.as_mut().expect("open").write_all(text.as_bytes()).expect("taken");
    }

    /// Writes the whole input.
    fn feed(&mut self, text: &str) {
        self.write(text);
        self.stdin = None;
    }

    /// The id in the next record.
    fn next(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("readable");
        text_at(&records(&line).expect("a record")[0], "/id")
    }

    /// Waits for its end, without closing its standard input first.
    fn ended(self) -> Ran {
        let Held { program, stdin, mut stdout } = self;
        let mut out = String::new();
        stdout.read_to_string(&mut out).expect("readable");
        let ran = Ran { out, ..program.ended() };
        drop(stdin);
        ran
    }
}

#[test]
fn results_come_in_the_order_of_the_input() {
    let server = server(300, &["slow@DELETE:ms=15:p=0.3", "503@DELETE:p=0.1"], 0);
    let wanted = generated(&server);
    let ran = run(tool(&server, "oauth-rm", &[]), &rows(&wanted)).exits(0);
    assert_eq!(ids(&ran.records()), wanted);
    assert!(server.stats().most_at_once > 4, "side by side");
}

#[test]
fn a_result_does_not_wait_for_later_ones() {
    let plain = server(6, &[], 0);
    let wanted = generated(&plain);
    let fault = format!("slow@DELETE /oauth/authorizations/{}$:ms=60000", wanted[2]);
    let server = server(6, &[&fault], 0);
    let mut held = Held::start(&server, "oauth-rm", &[]);
    held.feed(&rows(&wanted));
    assert_eq!([held.next(), held.next()], [wanted[0].clone(), wanted[1].clone()]);
    // The third takes a minute.
    assert!(!held.program.has_ended());
    held.program.kill();
}

#[test]
fn a_slow_request_lets_four_results_wait_per_request_in_flight() {
    let all = generated(&server(20, &[], 0));
    let fault = format!("slow@DELETE /oauth/authorizations/{}$:ms=60000", all[0]);
    let server = server(20, &[&fault], 0);
    let mut held = Held::start(&server, "oauth-rm", &["-P", "2"]);
    held.feed(&rows(&all));
    let begun = || server.stats().requests("DELETE /oauth/authorizations/{id}");
    while begun() < 8 {
        assert!(!held.program.has_ended(), "only {} were begun", begun());
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(begun(), 8);
    held.program.kill();
}

#[test]
fn a_stream_is_processed_as_it_arrives_and_stops_on_a_signal() {
    for (args, removed) in [(["--stream", "-v"], 10), (["--stream", "-n"], 0)] {
        let server = server(20, &[], 0);
        let all = generated(&server);
        let mut held = Held::start(&server, "oauth-rm", &args);
        for id in &all[..10] {
            // The next line is written only after this record.
            held.write(&format!("authz,{id}\n"));
            assert_eq!(held.next(), *id);
        }
        // Half a line, and the pipe stays open.
        held.write(&format!("authz,{}", &all[10][..20]));
        held.program.signal(Signal::INT);
        let ran = held.ended().exits(130);
        assert!(ran.out.is_empty() && !ran.err.contains("stdin"), "{ran:?}");
        let requests = server.stats().requests("DELETE /oauth/authorizations/{id}");
        assert_eq!(requests, removed, "half a line is no line");
    }
}

#[test]
fn an_interrupted_stream_from_a_file_keeps_the_rest_of_the_file() {
    let (server, folder) = (server(2_000, &[], 5), Folder::new());
    let (all, list, rest) = (generated(&server), folder.join("list"), folder.join("rest"));
    fs::write(&list, rows(&all)).expect("written");
    let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let start = |rest: &Path, key: Option<&str>| {
        let mut command = tool(&server, "oauth-rm", &["--stream", "-P", "2", "--rest", &path(rest)]);
        if let Some(key) = key {
            command.env("HEROKU_API_KEY", key);
        }
        command.stdin(File::open(&list).expect("a list"));
        Running::start(command)
    };
    // Until something can be changed, the file of an earlier run and the list itself stay as they are.
    fs::write(&rest, "old\n").expect("written");
    start(&rest, Some("HRKU-wrong")).ended().exits(4);
    assert_eq!(fs::read_to_string(&rest).expect("a rest"), "old\n");
    assert!(start(&list, None).ended().exits(2).err.contains("--rest names the input of --stream"));
    assert_eq!(fs::read_to_string(&list).expect("a list"), rows(&all));

    let mut program = start(&rest, None);
    let (mut out, mut line) = (BufReader::new(program.child.stdout.take().expect("a pipe")), String::new());
    out.read_line(&mut line).expect("a record");
    program.signal(Signal::INT);
    out.read_to_string(&mut line).expect("records");
    program.ended().exits(130);
    let done = line.lines().count();
    assert!(done < all.len());
    assert_eq!(fs::read_to_string(&rest).expect("a rest"), rows(&all[done..]));
}

#[test]
fn an_interrupted_stream_keeps_the_lines_it_has_read() {
    let (server, folder) = (server(40, &[], 5), Folder::new());
    let (all, rest) = (generated(&server), folder.join("rest"));
    let mut held =
        Held::start(&server, "oauth-rm", &["--stream", "-P", "2", "--rest", rest.to_str().expect("UTF-8")]);
    held.write("kind,id\n");
    held.write(&(rows(&all) + "authz,01234"));
    let first = held.next();
    held.program.signal(Signal::INT);
    let ran = held.ended().exits(130);
    let mut done = vec![first];
    done.extend(ids(&ran.records()));
    let left = fs::read_to_string(&rest).expect("a rest");
    assert_eq!(left, format!("kind,id\n{}", rows(&all[done.len()..])));
    assert_eq!(done, all[..done.len()]);
    // The same command with the rest as its input.
    let again = run(tool(&server, "oauth-rm", &["--stream", "-f"]), &left).exits(0);
    assert_eq!(ids(&again.records()), all[done.len()..]);
}

#[test]
fn a_signal_stops_the_retries_of_creating_and_verifying() {
    let made = objects(&server(0, &[], 0));
    let (id, _) = made.iter().find(|(_, object)| object.name == "terraform").expect("one");
    for (name, args, fault, endpoint, code, told) in [
        (
            "oauth-mk",
            ["authz", "-d", "x"],
            "drop-before@POST",
            "POST /oauth/authorizations",
            130,
            "not created: ",
        ),
        (
            "oauth-rot",
            ["--replace", "authz", id],
            "quote@GET /account/rate-limits:status=401",
            "GET /account/rate-limits",
            1,
            "the new token does not work: ",
        ),
    ] {
        let server = server(0, &[fault], 0);
        let mut held = Held::start(&server, name, &[&args[..], &["--retry-for", "600"]].concat());
        while server.stats().requests(endpoint) == 0 {
            assert!(!held.program.has_ended(), "{name}: {}", held.ended().err);
            std::thread::sleep(Duration::from_millis(10));
        }
        held.program.signal(Signal::INT);
        let ran = held.ended().exits(code);
        assert!(ran.err.contains(told), "{}", ran.err);
    }
}

#[test]
fn an_unreadable_stream_is_reported_once() {
    let server = server(0, &[], 0);
    let mut command = tool(&server, "oauth-rm", &["--stream", "authz"]);
    command.stdin(File::open("/").expect("a folder"));
    let ran = Running::start(command).ended().exits(1);
    assert_eq!(ran.err, "oauth-rm: stdin: is a directory\n");
}

/// The objects whose secret or existence differs.
fn changed(before: &Objects, after: &Objects) -> BTreeSet<String> {
    let same = |id: &&String| before.get(*id) == after.get(*id);
    before.keys().chain(after.keys()).filter(|id| !same(id)).cloned().collect()
}

/// The objects that messages say could not be delivered.
fn undelivered(err: &str) -> BTreeSet<String> {
    let line = |line: &str| Some(line.split_once(": authz ")?.1.split_once(": ")?.0.to_owned());
    err.lines().filter(|l| l.contains("could not be delivered")).filter_map(line).collect()
}

#[test]
fn a_reader_that_goes_away_stops_the_run_and_undelivered_changes_are_named() {
    // One request is in flight when the reader goes.
    let fault = format!("slow@POST /oauth/authorizations/{}/actions:ms=500", active(&server(200, &[], 0))[9]);
    let (server, folder) = (server(200, &[&fault], 2), Folder::new());
    let (all, rest, before) = (active(&server), folder.join("rest"), objects(&server));
    let mut held = Held::start(&server, "oauth-rot", &["--rest", rest.to_str().expect("UTF-8")]);
    held.feed(&rows(&all));
    let taken: Vec<String> = (0..3).map(|_| held.next()).collect();
    assert_eq!(taken, all[..3]);
    while server.stats().fired(&fault) == 0 && !held.program.has_ended() {
        std::thread::yield_now();
    }
    drop(held.stdout);
    let ran = held.program.ended().exits(1);
    let left: BTreeSet<String> = fs::read_to_string(&rest)
        .expect("a rest")
        .lines()
        .filter_map(|l| Some(l.split_once(',')?.1.to_owned()))
        .collect();
    let changed = changed(&before, &objects(&server));
    let missed = undelivered(&ran.err);
    // A record written into the pipe counts as delivered; every other change is named.
    assert_eq!(missed, changed.intersection(&left).cloned().collect());
    assert_eq!(changed.len() + left.len() - missed.len(), all.len());
    assert!(changed.len() < all.len() && !missed.is_empty(), "{}", ran.err);
    assert!(ran.err.contains("its secret is lost") && !ran.err.contains("HRKU-"), "{}", ran.err);
}

/// Waits until a run whose output is not read is stuck: the pipe is full, a record waits for it, and no request
/// is sent any more.
fn stall(server: &Server) {
    let (mut seen, mut quiet) = (0, 0);
    // On a busy machine a run that could go on may pause for a moment.
    while quiet < 5 || seen < 50 {
        std::thread::sleep(Duration::from_millis(100));
        let now = server.stats().total();
        quiet = if now == seen { quiet + 1 } else { 0 };
        seen = now;
    }
}

#[test]
fn a_signal_stops_a_run_whose_output_is_not_read() {
    let (server, folder) = (server(400, &[], 0), Folder::new());
    let (all, rest, before) = (active(&server), folder.join("rest"), objects(&server));
    let mut held = Held::start(&server, "oauth-rot", &["--rest", rest.to_str().expect("UTF-8")]);
    held.feed(&rows(&all));
    stall(&server);
    held.program.signal(Signal::TERM);
    // Reading before its end would let it go on.
    held.program.child.wait().expect("an end");
    let ran = held.ended().exits(143);
    assert!(ran.err.contains("standard output: the reader does not read"), "{}", ran.err);
    // A record in the pipe counts as delivered; every other change is named.
    let arrived = ran.out.lines().count() - usize::from(!ran.out.ends_with('\n'));
    let left = fs::read_to_string(&rest).expect("a rest");
    assert_eq!(left, rows(&all[arrived..]));
    let missed = undelivered(&ran.err);
    assert_eq!(missed, all[arrived..arrived + missed.len()].iter().cloned().collect());
    assert_eq!(changed(&before, &objects(&server)).len(), arrived + missed.len());
}

#[test]
fn an_undelivered_record_is_in_the_rest_even_after_a_kill() {
    let (server, folder) = (server(400, &[], 0), Folder::new());
    let (all, rest, before) = (active(&server), folder.join("rest"), objects(&server));
    let args = ["-P", "4", "--rest", rest.to_str().expect("UTF-8")];
    let mut held = Held::start(&server, "oauth-rot", &args);
    held.feed(&rows(&all));
    stall(&server);
    // Reading before its end would let it go on.
    held.program.kill();
    let mut out = String::new();
    held.stdout.read_to_string(&mut out).expect("readable");
    let whole = out.rfind('\n').map_or("", |end| &out[..=end]);
    let arrived = ids(&records(whole).expect("records"));
    assert!(arrived.len() < all.len(), "it was not stuck");
    let rotated = changed(&before, &objects(&server)).len();
    assert!(rotated <= arrived.len() + 1 + 4, "a new secret waits for no more than the one before the pipe");
    let left = fs::read_to_string(&rest).expect("a rest");
    let left: Vec<&str> = left.lines().filter_map(|line| Some(line.split_once(',')?.1)).collect();
    assert!(
        left == all[arrived.len()..],
        "{} of {} arrived, {} are left",
        arrived.len(),
        all.len(),
        left.len()
    );
    assert_eq!(arrived, all[..arrived.len()]);
}

#[test]
fn a_fatal_error_is_reported_once_and_each_lost_response_separately() {
    let sent = "DELETE /oauth/authorizations/{id}";
    let ended = |fault: &str, code| {
        let server = server(50, &[fault], 50);
        let args = ["-P", "4", "--retry-for", "0"];
        let ran = run(tool(&server, "oauth-rm", &args), &rows(&generated(&server))).exits(code);
        assert!(ran.err.contains("records were not attempted"), "{}", ran.err);
        (ran.err, server.stats().requests(sent))
    };
    let (err, _) = ended("quote@DELETE:status=401", 4);
    assert_eq!(err.matches("the token was rejected").count(), 1, "{err}");
    let (err, requests) = ended("drop-before@DELETE", 75);
    assert_eq!(err.matches("the change may have been made anyway").count() as u64, requests, "{err}");
}

#[test]
fn a_full_disk_stops_the_run_and_every_change_is_named() {
    let full = || File::options().write(true).open("/dev/full").expect("/dev/full");
    for (name, args) in [("oauth-rm", &["-P", "4"][..]), ("oauth-rot", &["-P", "4"])] {
        let server = server(200, &[], 1);
        let before = objects(&server);
        let mut command = tool(&server, name, args);
        command.stdout(full());
        let ran = run(command, &rows(&active(&server))).exits(1);
        let changed = changed(&before, &objects(&server));
        assert_eq!(undelivered(&ran.err), changed);
        assert!(!changed.is_empty() && changed.len() < 100, "{} were changed", changed.len());
        assert!(ran.err.contains("no space left on device"), "{}", ran.err);
    }
    let server = server(0, &[], 1);
    let before = objects(&server);
    let lines: String = (0..200).map(|n| format!("{{\"description\":\"made {n}\"}}\n")).collect();
    let mut command = tool(&server, "oauth-mk", &["-P", "4", "authz", "-"]);
    command.stdout(full());
    let ran = run(command, &lines).exits(1);
    let made = changed(&before, &objects(&server));
    assert_eq!(undelivered(&ran.err), made);
    assert!(!made.is_empty() && made.len() < 100);
    assert!(!ran.err.contains("HRKU-"), "{}", ran.err);
}

#[test]
fn no_wait_gives_up_immediately() {
    let server = server(50, &["429@DELETE:retry-after=3600"], 0);
    let before = objects(&server);
    let ran = run(tool(&server, "oauth-rm", &["--no-wait", "-P", "4"]), &rows(&generated(&server))).exits(75);
    assert_eq!((objects(&server), ran.out.as_str()), (before, ""));
    assert!(server.stats().requests("DELETE /oauth/authorizations/{id}") <= 4, "none is tried again");
    assert!(ran.err.contains("rate_limit") && ran.err.contains("not attempted"), "{}", ran.err);
}

#[test]
fn the_quota_is_never_used_up() {
    let server = start(Settings {
        authz: 13,
        quota: Some(10),
        latency: Duration::from_millis(1),
        ..faulty::<&str>(&[])
    });
    let args = ["--include-self", "--include-default"];
    let ran = run(tool(&server, "oauth-rm", &args), &rows(&generated(&server))).exits(0);
    assert_eq!(ran.records().len(), 13);
    // A response 429 would cause another request.
    assert_eq!(server.stats().total(), 13, "{:?}", server.stats());
    assert!(ran.err.contains("nearly used up"), "{}", ran.err);
    // However slow this machine is, this one never has a call again.
    let server = Server::start(faulty(&["429"])).expect("a sandbox");
    run(tool(&server, "oauth-rm", &["--no-wait", "authz", "a", "b", "c"]), "").exits(75);
}

#[test]
fn removals_use_no_more_connections_than_requests_in_flight() {
    let server = server(2000, &[], 1);
    let all = generated(&server);
    let ran = run(tool(&server, "oauth-rm", &["-P", "8"]), &rows(&all)).exits(0);
    assert_eq!(ids(&ran.records()), all);
    let stats = server.stats();
    // The list in three pages, and the default API key.
    assert_eq!(stats.total(), 2004, "{stats:?}");
    assert!(stats.connections <= 9, "{stats:?}");
}

#[test]
fn one_unreachable_record_does_not_stop_the_others() {
    let plain = server(60, &[], 0);
    let all = generated(&plain);
    let fault = format!("drop-before@DELETE /oauth/authorizations/{}$", all[7]);
    let server = server(60, &[&fault], 60);
    let ran = run(tool(&server, "oauth-rm", &["--retry-for", "1", "-P", "4"]), &rows(&all)).exits(75);
    let others: Vec<String> = all.iter().filter(|id| **id != all[7]).cloned().collect();
    assert_eq!(ids(&ran.records()), others);
    assert!(ran.err.contains(&all[7]) && !ran.err.contains("not attempted"), "{}", ran.err);
}

//! Long runs under mixed faults lose nothing and do nothing twice.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Instant;

use crate::common::{Object, faulty, ids, masks, objects, run, secret, start, text_at, tool};
use oauth_tools::sandbox::{Server, Settings};
use serde_json::json;

/// About one request in seven fails, look-ups included.
const FAULTS: [&str; 8] = [
    "drop-before:p=0.02",
    "drop-after:p=0.02",
    "500-after:p=0.02",
    "503:p=0.03",
    // Each makes all requests pause, because it says that the quota is used up.
    "429:p=0.01:count=60",
    "cut:p=0.02",
    "garbage:p=0.01",
    "502:p=0.02",
];

fn server(authz: usize, seed: u64) -> Server {
    start(Settings { authz, seed, ..faulty(&FAULTS) })
}

/// The records of the generated authorizations.
fn generated(server: &Server) -> Vec<String> {
    server.dump().into_iter().filter(|line| line.contains("\"description\":\"generated ")).collect()
}

fn id(line: &str) -> String {
    text_at(&serde_json::from_str(line).expect("a record"), "/id")
}

fn input(lines: &[String]) -> String {
    lines.iter().map(|line| line.clone() + "\n").collect()
}

/// Reports the figures of a run.
fn report(name: &str, count: usize, server: &Server, from: Instant) {
    let stats = server.stats();
    let faults: u64 = stats.faults.values().sum();
    let line = format!(
        "soak: {name}: {count} records, {} requests, {faults} faults, {} connections, {} s",
        stats.total(),
        stats.connections,
        from.elapsed().as_secs()
    );
    // println would be shown only for a test that fails.
    let _ = writeln!(std::io::stderr(), "{line}");
    assert!(faults > 0, "{line}");
}

fn remove(count: usize, parallel: &str) {
    let (server, from) = (server(count, 1), Instant::now());
    let (before, lines) = (objects(&server), generated(&server));
    let ran = run(tool(&server, "oauth-rm", &["-P", parallel]), &input(&lines)).exits(0);
    let wanted: Vec<String> = lines.iter().map(|line| id(line)).collect();
    assert!(wanted.len() == count && ids(&ran.records()) == wanted, "each once, in order");
    let gone: BTreeSet<String> = wanted.into_iter().collect();
    let left: BTreeSet<String> = objects(&server).into_keys().collect();
    assert_eq!(left, before.into_keys().filter(|id| !gone.contains(id)).collect());
    report("rm", count, &server, from);
}

fn rotate(count: usize, parallel: &str) {
    let (server, from) = (server(count, 2), Instant::now());
    // For those that have expired, a new token is dead at once.
    let (before, mut lines) = (objects(&server), generated(&server));
    lines.retain(|line| line.contains("\"status\":\"active\""));
    let ran = run(tool(&server, "oauth-rot", &["-P", parallel]), &input(&lines)).exits(0);
    let (after, told) = (objects(&server), ran.records());
    assert_eq!(ids(&told), lines.iter().map(|line| id(line)).collect::<Vec<_>>());
    for record in &told {
        let (id, secret) = (text_at(record, "/id"), secret(record).expect("a secret"));
        assert!(after[&id].secret != before[&id].secret && masks(&after[&id].secret, &secret), "{id}");
    }
    assert!(after.keys().eq(before.keys()));
    report("rot", count, &server, from);
}

fn change(count: usize, parallel: &str) {
    let (server, from) = (server(count, 3), Instant::now());
    let lines: Vec<String> = generated(&server)
        .into_iter()
        .map(|line| line.replace("\"description\":\"generated ", "\"description\":\"changed "))
        .collect();
    let before = objects(&server);
    let ran = run(tool(&server, "oauth-set", &["-P", parallel]), &input(&lines)).exits(0);
    assert_eq!(ids(&ran.records()), lines.iter().map(|line| id(line)).collect::<Vec<_>>());
    for (id, changed) in objects(&server) {
        let name = before[&id].name.replace("generated ", "changed ");
        assert_eq!(changed, Object { name, ..before[&id].clone() });
    }
    report("set", count, &server, from);
}

fn make(count: usize, parallel: &str) {
    let (server, from) = (server(0, 4), Instant::now());
    let line = |n: usize| json!({"description": format!("made {n}"), "scope": ["read"]}).to_string();
    let lines: Vec<String> = (0..count).map(line).collect();
    let before = objects(&server);
    let ran =
        run(tool(&server, "oauth-mk", &["-P", parallel, "--once", "authz", "-"]), &input(&lines)).exits(0);
    let (after, told) = (objects(&server), ran.records());
    let names: Vec<String> = told.iter().map(|record| text_at(record, "/description")).collect();
    assert_eq!(names, (0..count).map(|n| format!("made {n}")).collect::<Vec<_>>());
    for record in &told {
        let secret = secret(record).expect("a secret");
        assert!(masks(&after[&text_at(record, "/id")].secret, &secret), "{}", record["id"]);
    }
    assert_eq!(after.len(), before.len() + count, "each once");
    report("mk --once", count, &server, from);
}

#[test]
fn a_thousand_records_survive_mixed_faults() {
    std::thread::scope(|scope| {
        scope.spawn(|| remove(1000, "16"));
        scope.spawn(|| rotate(500, "16"));
        scope.spawn(|| change(500, "16"));
        scope.spawn(|| make(150, "16"));
    });
}

#[test]
#[ignore = "takes minutes: make soak"]
fn fifty_thousand_removals_survive_mixed_faults() {
    remove(50_000, "32");
}

#[test]
#[ignore = "takes minutes: make soak"]
fn five_thousand_of_each_survive_mixed_faults() {
    rotate(5000, "32");
    change(5000, "32");
    make(5000, "64");
}

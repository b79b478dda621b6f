//! Kills `oauth-run` between any two of its steps, and checks that the account is as before, but for one authorization
//! that expires by itself.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::common::client::status;
use crate::common::{Folder, Objects, Ran, Running, faulty, objects, side_by_side, start, text_at, tool};
use oauth_tools::sandbox::{Server, Settings};
use rustix::process::Signal;
use serde_json::Value;

use super::{Dice, GLANCE, must};

/// Rounds, each with a seed of its own.
const ROUNDS: u64 = 240;
/// The description of the authorization.
const NAME: &str = "killed run";
/// The lifetime that is asked for, in seconds.
const LIFETIME: i64 = 600;

const CREATE: &str = "POST /oauth/authorizations";
const REVOKE: &str = "DELETE /oauth/authorizations/{id}";

/// A point of a run.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The program has been started.
    Start,
    /// The server has got a request of this kind.
    Asked(&'static str),
    /// The command has begun, or ended.
    Begun,
    Ended,
}

const STEPS: [Step; 7] = [
    Step::Start,
    Step::Asked("GET /account"),
    Step::Asked(CREATE),
    Step::Begun,
    Step::Ended,
    Step::Asked("GET /oauth/authorizations/{id}"),
    Step::Asked(REVOKE),
];

/// The command: it leaves a mark when it begins and when it ends.
const COMMAND: &str = "printf b >> \"$MARKS\"; sleep 0.01; printf e >> \"$MARKS\"";

struct Round {
    server: Server,
    folder: Folder,
    before: Objects,
}

impl Round {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn start(&self, name: &str) -> Running {
        let (log, life) = (self.path("log"), format!("{LIFETIME}"));
        let args = ["-d", NAME, "-s", "read", "-e", &life, "--retry-for", "3", "--log"];
        let args = [&args[..], &[log.to_str().expect("UTF-8"), "--", "sh", "-c", COMMAND]].concat();
        let mut command = tool(&self.server, "oauth-run", &args);
        command.env("MARKS", self.path(&format!("{name}.marks"))).env("PATH", "/usr/bin:/bin");
        command.stdout(fs::File::create(self.path(&format!("{name}.out"))).expect("output"));
        command.stderr(fs::File::create(self.path(&format!("{name}.err"))).expect("messages"));
        Running::start_within(Duration::from_secs(120), command)
    }

    /// Returns whether a run has come to a point.
    fn is_at(&self, step: Step) -> bool {
        match step {
            Step::Start => true,
            Step::Asked(endpoint) => self.server.stats().requests(endpoint) > 0,
            Step::Begun => self.read("first.marks").starts_with('b'),
            Step::Ended => self.read("first.marks").ends_with('e'),
        }
    }

    /// Waits for the end of a run, and of its command and requests, which survive it.
    fn end(&self, name: &str, program: Running) -> Result<Ran, String> {
        let ran = program.ended();
        status(&self.server, self.server.token(), "/account");
        while self.server.stats().open > 0 || self.read(&format!("{name}.marks")) == "b" {
            std::thread::sleep(GLANCE);
        }
        let err = self.read(&format!("{name}.err"));
        must(!err.contains("HRKU-") && !self.read("log").contains("HRKU-"), "a token was shown")?;
        must(["", "b", "be"].contains(&self.read(&format!("{name}.marks")).as_str()), "it ran twice")?;
        Ok(Ran { err, ..ran })
    }

    /// Checks the account, and returns the authorizations that were left behind.
    fn left(&self) -> Result<Vec<Value>, String> {
        let mut old = objects(&self.server);
        old.retain(|_, object| object.name != NAME);
        must(old == self.before, "another object was changed")?;
        let records = self.server.dump();
        let records = records.iter().map(|line| serde_json::from_str::<Value>(line).expect("a record"));
        let left: Vec<Value> = records.filter(|record| record["description"] == NAME).collect();
        for record in &left {
            must(record["scope"] == serde_json::json!(["read"]), "it has another scope")?;
            let seconds = record.pointer("/access_token/expires_in").and_then(Value::as_i64);
            let is_bounded = seconds.is_some_and(|seconds| (0..=LIFETIME).contains(&seconds));
            must(is_bounded, &format!("its life has no bound: {record}"))?;
        }
        Ok(left)
    }

    /// Checks that the log says of each change what became of it, or that it was begun.
    fn check_log(&self, left: usize) -> Result<(), String> {
        let log = self.read("log");
        must(log.is_empty() || log.ends_with('\n'), "the log ends in the middle of a line")?;
        let lines: Vec<Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).map_err(|_| format!("no JSON in the log: {line}")))
            .collect::<Result<_, _>>()?;
        let count = |result: &str| lines.iter().filter(|line| text_at(line, "/result") == result).count();
        let (made, revoked) = (self.server.stats().applied(CREATE), self.server.stats().applied(REVOKE));
        must(made == 0 || !lines.is_empty(), "a change is not in the log")?;
        must(count("created") as u64 <= made, "the log has more than was made")?;
        must(count("revoked") as u64 <= revoked, "the log has more than was revoked")?;
        must(count("revoked") == 0 || left == 0, "the log says that it was revoked, but it is there")
    }
}

fn check(seed: u64) -> Result<(), String> {
    let mut dice = Dice(seed);
    let step = STEPS[seed as usize % STEPS.len()];
    let faults = match dice.below(4) {
        0 => vec![format!("drop-after@{CREATE}$:p=0.3"), "503@DELETE /oauth:p=0.3".to_owned()],
        _ => Vec::new(),
    };
    let later = Duration::from_micros(dice.below(6000));
    let calm = faults.is_empty();
    let server = start(Settings { latency: Duration::from_millis(2), seed, ..faulty(&faults) });
    let round = Round { before: objects(&server), server, folder: Folder::new() };
    let what = format!("round {seed}, {step:?} and {later:?}, {faults:?}");
    let verdict = || -> Result<(), String> {
        let mut program = round.start("first");
        while !round.is_at(step) && !program.has_ended() {
            std::thread::sleep(GLANCE);
        }
        std::thread::sleep(later);
        program.signal(Signal::KILL);
        let ran = round.end("first", program)?;
        let killed = ran.signal == Some(9);
        let left = round.left()?;
        must(left.len() <= 1, &format!("{} were left behind", left.len()))?;
        must(
            killed || !calm || (ran.status == 0 && left.is_empty()),
            &format!("status {}: {}", ran.status, ran.err),
        )?;
        let stats = round.server.stats();
        must(stats.applied(CREATE) <= 1, "it was made twice")?;
        let gone = stats.applied(CREATE) - left.len() as u64;
        must(gone == stats.applied(REVOKE), "it was removed by something else")?;
        round.check_log(left.len())?;
        // What was left behind is in nobody's way.
        let again = round.end("again", round.start("again"))?;
        must(!calm || (again.status == 0 && again.err.is_empty()), &format!("again: {}", again.err))?;
        let both = round.left()?;
        must(!calm || both.len() == left.len(), "the second run leaves something behind")?;
        let first = left.iter().all(|record| both.iter().any(|other| other["id"] == record["id"]));
        must(first, "the second run has removed what is not its own")
    };
    verdict().map_err(|e| format!("{what}: {e}"))
}

#[test]
fn a_killed_oauth_run_leaves_at_most_one_authorization_that_expires() {
    let seeds: Vec<u64> = (0..ROUNDS).collect();
    let verdicts = side_by_side(&seeds, 4, |seed| check(*seed));
    let wrong: Vec<String> = verdicts.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} of {ROUNDS} rounds are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

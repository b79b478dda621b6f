//! Kills a run at a random point, runs the same command again, and checks that nothing is lost or done twice.

mod jobs;
mod replace;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::common::client::status;
use crate::common::{
    Folder, Objects, Ran, Running, faulty, ids, masks, objects, records, secret, side_by_side, start,
    text_at, tool,
};
use jobs::{JOBS, Job, Verb};
use oauth_tools::sandbox::{Server, Settings};
use rustix::process::Signal;
use serde_json::Value;

/// Rounds, each with a seed of its own.
const ROUNDS: u64 = 320;
/// Objects in each.
const COUNT: usize = 30;

/// The time between two looks at the server: a small part of its latency, because other rounds need the processor.
pub(crate) const GLANCE: Duration = Duration::from_micros(200);

/// The random choices of a round.
struct Round {
    seed: u64,
    job: &'static Job,
    signal: Signal,
    /// The run is killed after so many requests.
    at: u64,
    parallel: usize,
    faults: bool,
}

impl Round {
    fn new(seed: u64) -> Round {
        let mut dice = Dice(seed);
        Round {
            seed,
            job: &JOBS[seed as usize % JOBS.len()],
            signal: if dice.below(2) == 0 { Signal::KILL } else { Signal::INT },
            at: 1 + dice.below(COUNT as u64),
            parallel: 1 + dice.below(8) as usize,
            faults: dice.below(4) == 0,
        }
    }

    fn check(&self) -> Result<(), String> {
        let faults = match self.faults {
            // Not for creating, where each lost response takes a second.
            true if !self.job.makes() => {
                vec![format!("503@{}:p=0.1", self.job.at), format!("drop-after@{}:p=0.1", self.job.at)]
            }
            _ => Vec::new(),
        };
        let server = start(Settings {
            authz: 2 * COUNT,
            latency: Duration::from_millis(2),
            seed: self.seed,
            ..faulty(&faults)
        });
        let scene = Scene::set(self, &server, faults.is_empty());
        let first = scene.interrupted();
        let verdict = first.and_then(|first| scene.again(&first));
        verdict.map_err(|what| {
            let Round { seed, job, signal, at, parallel, .. } = self;
            format!("round {seed}, {}, {signal:?} at request {at}, -P {parallel}: {what}", job.name)
        })
    }
}

/// A small random sequence: splitmix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// A round under way.
struct Scene<'a> {
    round: &'a Round,
    server: &'a Server,
    calm: bool,
    before: Objects,
    lines: Vec<String>,
    folder: Folder,
}

/// The result of the interrupted run.
struct First {
    delivered: Vec<Value>,
    /// The lines of the `--rest` file; all lines if the run had not written it yet.
    rest: Vec<String>,
}

pub(crate) fn must(right: bool, what: &str) -> Result<(), String> {
    if right { Ok(()) } else { Err(what.to_owned()) }
}

impl<'a> Scene<'a> {
    fn set(round: &'a Round, server: &'a Server, calm: bool) -> Scene<'a> {
        let lines = round.job.input(&server.dump(), COUNT);
        assert_eq!(lines.len(), COUNT);
        Scene { round, server, calm, before: objects(server), lines, folder: Folder::new() }
    }

    /// Starts the command with its streams on files, which stay readable if it is killed.
    fn start(&self, name: &str, again: bool, lines: &[String]) -> Running {
        let file = |end: &str| self.folder.join(format!("{name}.{end}"));
        fs::write(file("in"), lines.iter().map(|line| line.clone() + "\n").collect::<String>())
            .expect("written");
        let (parallel, rest) = (self.round.parallel.to_string(), file("rest"));
        let mut args = vec!["-P", &parallel];
        args.extend(if again { self.round.job.again } else { self.round.job.args });
        if !self.round.job.makes() {
            args.extend(["--rest", rest.to_str().expect("UTF-8")]);
        }
        let mut command = tool(self.server, self.round.job.tool, &args);
        command.stdin(fs::File::open(file("in")).expect("input"));
        command.stdout(fs::File::create(file("out")).expect("output"));
        command.stderr(fs::File::create(file("err")).expect("messages"));
        Running::start_within(Duration::from_secs(120), command)
    }

    fn end(&self, name: &str, program: Running) -> Ran {
        let text = |end: &str| fs::read_to_string(self.folder.join(format!("{name}.{end}"))).expect("UTF-8");
        let ran = program.ended();
        Ran { out: text("out"), err: text("err"), ..ran }
    }

    /// Returns the lines of the `--rest` file; they must be lines of the input, in its order.
    fn rest(&self, path: &Path, given: &[String], whole: bool) -> Result<Vec<String>, String> {
        let Ok(text) = fs::read_to_string(path) else {
            return must(whole, "there is no rest").map(|()| given.to_vec());
        };
        // A killed run leaves blank lines, or one line that it had begun to blank.
        let left = |line: &&str| !(whole && (line.trim().is_empty() || line.starts_with('\0')));
        let rest: Vec<String> = text.lines().filter(left).map(str::to_owned).collect();
        let mut given = given.iter();
        let verbatim = rest.iter().all(|line| given.any(|other| other == line));
        must(verbatim, &format!("the rest is no part of the input: {text:?}"))?;
        must(text.is_empty() || text.ends_with('\n'), "the rest ends in the middle of a line")?;
        Ok(rest)
    }

    /// Runs the command and interrupts it.
    fn interrupted(&self) -> Result<First, String> {
        let mut program = self.start("first", false, &self.lines);
        let came = || self.server.stats().requests(self.round.job.endpoint);
        // The server decides when the point is reached, not a clock.
        while came() < self.round.at && !program.has_ended() {
            std::thread::sleep(GLANCE);
        }
        program.signal(self.round.signal);
        let ran = self.end("first", program);
        self.settle();
        let delivered = records(&ran.out)?;
        let killed = self.round.signal == Signal::KILL;
        let rest = if self.round.job.makes() {
            Vec::new()
        } else {
            let rest = self.rest(&self.folder.join("first.rest"), &self.lines, killed)?;
            self.accounted(&delivered, &rest, killed)?;
            rest
        };
        if !killed {
            let all = delivered.len() == COUNT;
            let status = ran.status;
            must(status == 130 || (all && status == 0), &format!("status {status}: {}", ran.err))?;
            must(ran.signal.is_none(), "a signal ended it")?;
            must(status == 0 || ran.err.contains("not attempted") || all || !self.calm, "nothing is said")?;
        }
        if !killed && self.calm {
            let applied = self.server.stats().applied(self.round.job.endpoint);
            must(applied == delivered.len() as u64, "a change that was made was not delivered")?;
        }
        must(!ran.err.contains("HRKU-"), "there is a token in a message")?;
        Ok(First { delivered, rest })
    }

    /// Checks that the delivered records and the rest together are the input.
    fn accounted(&self, delivered: &[Value], rest: &[String], killed: bool) -> Result<(), String> {
        let delivered: BTreeSet<String> = ids(delivered).into_iter().collect();
        let rest: BTreeSet<String> = rest.iter().map(|line| jobs::id(line)).collect();
        let all: BTreeSet<String> = self.lines.iter().map(|line| jobs::id(line)).collect();
        must(&delivered | &rest == all, "a line is neither done nor in the rest")?;
        // A record that was delivered and not yet blanked is in both.
        let both = (&delivered & &rest).len();
        must(both <= usize::from(killed), &format!("{both} records are done and in the rest"))
    }

    /// Waits until the server has handled all requests of the killed process.
    fn settle(&self) {
        // Connections are accepted in order: those of the process came before this one.
        status(self.server, self.server.token(), "/account");
        while self.server.stats().open > 0 {
            std::thread::sleep(GLANCE);
        }
    }

    /// Runs the command again, and checks the account afterwards.
    fn again(&self, first: &First) -> Result<(), String> {
        let given = if self.round.job.makes() { &self.lines } else { &first.rest };
        let ran = self.end("again", self.start("again", true, given));
        must(ran.status == 0, &format!("the second run: status {}: {}", ran.status, ran.err))?;
        let second = records(&ran.out)?;
        if !self.round.job.makes() {
            let left = self.rest(&self.folder.join("again.rest"), given, false)?;
            must(left.is_empty(), "something is left in the end")?;
        }
        let after = objects(self.server);
        let told: Vec<Value> = first.delivered.iter().chain(&second).cloned().collect();
        match self.round.job.verb {
            Verb::Remove => {
                let mut wanted = self.before.clone();
                wanted.retain(|id, _| !self.lines.iter().any(|line| jobs::id(line) == *id));
                must(after == wanted, "the account is not what it should be")
            }
            Verb::Rotate => {
                must(after.keys().eq(self.before.keys()), "there are more or fewer objects than before")?;
                // The secret that was printed last must be valid.
                let secrets: BTreeMap<String, String> =
                    told.iter().filter_map(|r| Some((text_at(r, "/id"), secret(r)?))).collect();
                must(secrets.len() == COUNT, "a new secret is nowhere")?;
                let known = |(id, secret): (&String, &String)| masks(&after[id].secret, secret);
                must(secrets.iter().all(known), "the secret told last is not the one that counts")
            }
            Verb::Change => {
                must(after.len() == self.before.len(), "there are more or fewer objects than before")?;
                let changed = |line: &String| after[&jobs::id(line)].name == jobs::name(line);
                must(self.lines.iter().all(changed), "a change is missing")
            }
            Verb::Make => self.made(&after, &told, &second),
        }
    }

    /// Checks that each line has one object, and that its secret was printed or the second run reported that it exists.
    fn made(&self, after: &Objects, told: &[Value], second: &[Value]) -> Result<(), String> {
        must(second.len() == COUNT, "not every line was answered")?;
        for line in &self.lines {
            let name = jobs::name(line);
            let made: Vec<&String> =
                after.iter().filter(|(_, object)| object.name == name).map(|(id, _)| id).collect();
            let [id] = made[..] else { return Err(format!("{} of {name} were made", made.len())) };
            let mut secrets = told.iter().filter(|r| text_at(r, "/id") == **id).filter_map(secret);
            let known = secrets.next_back().is_some_and(|secret| masks(&after[id].secret, &secret));
            let told_of = second.iter().any(|r| text_at(r, "/id") == **id && r["status"] == "exists");
            must(known || told_of, &format!("{name}: its secret is lost, and nothing says so"))?;
        }
        must(after.len() == self.before.len() + COUNT, "more was made than asked for")
    }
}

#[test]
fn a_killed_run_loses_nothing_and_does_nothing_twice() {
    let rounds: Vec<Round> = (0..ROUNDS).map(Round::new).collect();
    let verdicts = side_by_side(&rounds, 4, Round::check);
    let wrong: Vec<String> = verdicts.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} of {ROUNDS} rounds are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

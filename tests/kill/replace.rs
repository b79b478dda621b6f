//! Interrupts `oauth-rot --replace --exec` between any two of its steps, several times, and goes on with the `--rest`
//! file. The token in use is among those that are replaced; each run uses the one that the command has stored.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::common::client::status;
use crate::common::{Folder, Ran, Running, masks, objects, side_by_side, start, text_at, tool};
use oauth_tools::sandbox::{Server, Settings};
use rustix::process::Signal;
use serde_json::Value;

use super::{Dice, GLANCE, must};

/// Rounds, each with a seed of its own.
const ROUNDS: u64 = 240;
/// Authorizations in each, besides the one in use.
const COUNT: usize = 6;
/// The most runs that a round may need.
const RUNS: u64 = 6;

/// The steps, by the requests with which they begin or end: create, prove, revoke.
const STEPS: [&str; 4] = [
    "GET /oauth/authorizations/{id}",
    "POST /oauth/authorizations",
    "GET /account/rate-limits",
    "DELETE /oauth/authorizations/{id}",
];

/// The command: it stores the token under the name of the authorization, as a whole or not at all.
const STORE: &str = "cat > \"$STORE/$HEROKU_OAUTH_ID.new\" && mv \"$STORE/$HEROKU_OAUTH_ID.new\" \"$STORE/$HEROKU_OAUTH_NAME\"";

struct Round<'a> {
    server: &'a Server,
    folder: Folder,
    /// The lines of the first run's input: the ids to replace.
    names: BTreeMap<String, String>,
    own: String,
}

impl Round<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The token that a job would use now: the one that was stored last for its authorization.
    fn token(&self) -> String {
        let stored = fs::read_to_string(self.path("store").join(&self.names[&self.own]));
        stored.unwrap_or_else(|_| self.server.token().to_owned())
    }

    /// Starts a run whose input is the file `rest`, or at first `in`.
    fn start(&self, parallel: u64) -> Running {
        let (rest, parallel) = (self.path("rest"), parallel.to_string());
        let input = if rest.exists() { &rest } else { &self.path("in") };
        let args = [
            "--replace",
            "--include-self",
            "authz",
            "-P",
            &parallel,
            "--rest",
            rest.to_str().expect("UTF-8"),
        ];
        let mut command = tool(self.server, "oauth-rot", &[&args[..], &["--exec", STORE]].concat());
        command.env("STORE", self.path("store")).env("HEROKU_API_KEY", self.token());
        command.stdin(fs::File::open(input).expect("input"));
        command.stdout(fs::File::create(self.path("out")).expect("output"));
        command.stderr(fs::File::create(self.path("err")).expect("messages"));
        Running::start_within(Duration::from_secs(120), command)
    }

    /// Waits until the server has handled all requests of a killed process.
    fn settle(&self) {
        status(self.server, self.server.token(), "/account");
        while self.server.stats().open > 0 {
            std::thread::sleep(GLANCE);
        }
    }

    /// Ends a run, after a signal if one is given.
    fn end(&self, program: Running) -> Result<Ran, String> {
        let ran = program.ended();
        self.settle();
        // A command that survives the tool ends by itself.
        while fs::read_dir(self.path("store"))
            .expect("a folder")
            .any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().ends_with(".new")))
        {
            std::thread::sleep(GLANCE);
        }
        let err = fs::read_to_string(self.path("err")).expect("UTF-8");
        must(!err.contains("HRKU-"), "there is a token in a message")?;
        for (id, name) in &self.names {
            let live = objects(self.server).values().filter(|object| object.name == *name).count();
            must(
                (1..=2).contains(&live),
                &format!("{live} authorizations of {name} ({id}) are live: {err}"),
            )?;
        }
        Ok(Ran { err, ..ran })
    }

    /// Checks the account after the last run: one authorization of each name, whose token is the one that was stored.
    fn judge(&self) -> Result<(), String> {
        let after = objects(self.server);
        for (id, name) in &self.names {
            must(!after.contains_key(id), &format!("{name}: the old one is live"))?;
            let live: Vec<_> = after.values().filter(|object| object.name == *name).collect();
            let [one] = live[..] else { return Err(format!("{} of {name} are live", live.len())) };
            let stored =
                fs::read_to_string(self.path("store").join(name)).map_err(|e| format!("{name}: {e}"))?;
            must(masks(&one.secret, &stored), &format!("{name}: another token was stored"))?;
            must(
                status(self.server, &stored, "/account") == 200,
                &format!("{name}: its token does not work"),
            )?;
        }
        let made = self.server.stats().applied(STEPS[1]);
        must(
            made == self.names.len() as u64,
            &format!("{made} successors were made for {}", self.names.len()),
        )?;
        let rest = fs::read_to_string(self.path("rest")).expect("a rest");
        must(rest.is_empty(), &format!("there is something left: {rest}"))
    }
}

fn check(seed: u64) -> Result<(), String> {
    let mut dice = Dice(seed);
    let server =
        start(Settings { authz: 3 * COUNT, latency: Duration::from_millis(2), seed, ..Settings::default() });
    let folder = Folder::new();
    fs::create_dir(folder.join("store")).expect("a folder");
    let listed: Vec<Value> =
        server.dump().iter().map(|line| serde_json::from_str(line).expect("a record")).collect();
    let own =
        listed.iter().find(|r| masks(&text_at(r, "/access_token/token"), server.token())).expect("in use");
    let own = text_at(own, "/id");
    let generated =
        |r: &&Value| r["status"] == "active" && text_at(r, "/description").starts_with("generated ");
    let in_use = listed.iter().filter(|r| r["id"] == *own);
    let names: BTreeMap<String, String> = listed
        .iter()
        .filter(generated)
        .take(COUNT)
        .chain(in_use)
        .map(|r| (text_at(r, "/id"), text_at(r, "/description")))
        .collect();
    let line = |id: &String| match *id == own {
        true => format!("{{\"kind\":\"authz\",\"id\":\"{id}\",\"current\":true}}\n"),
        // The records that a tool prints and bare ids are the same input.
        false if seed.is_multiple_of(2) => format!("{id}\n"),
        false => format!("{{\"kind\":\"authz\",\"id\":\"{id}\"}}\n"),
    };
    fs::write(folder.join("in"), names.keys().map(line).collect::<String>()).expect("written");
    let round = Round { server: &server, folder, names, own };
    let mut what = String::new();
    for run in 0..RUNS {
        let (step, parallel) = (STEPS[dice.below(4) as usize], 1 + dice.below(4));
        let signal = if dice.below(3) == 0 { Signal::INT } else { Signal::KILL };
        let at = round.server.stats().requests(step) + 1 + dice.below(COUNT as u64);
        let mut program = round.start(parallel);
        // The last run is left alone.
        while run + 1 < RUNS && round.server.stats().requests(step) < at && !program.has_ended() {
            std::thread::sleep(GLANCE);
        }
        if run + 1 < RUNS {
            program.signal(signal);
        }
        what.push_str(&format!("; {signal:?} at {step}, -P {parallel}"));
        let ran = round.end(program).map_err(|e| format!("round {seed}{what}: {e}"))?;
        if ran.status == 0 {
            return round.judge().map_err(|e| format!("round {seed}{what}: {e}"));
        }
        let expected = ran.signal == Some(9) || ran.status == 130;
        must(expected && run + 1 < RUNS, &format!("round {seed}{what}: status {}: {}", ran.status, ran.err))?;
    }
    Err(format!("round {seed}{what}: it never ends"))
}

#[test]
fn a_replacement_that_is_interrupted_anywhere_ends_with_one_authorization() {
    let seeds: Vec<u64> = (0..ROUNDS).collect();
    let verdicts = side_by_side(&seeds, 4, |seed| check(*seed));
    let wrong: Vec<String> = verdicts.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} of {ROUNDS} rounds are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

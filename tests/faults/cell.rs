//! Runs an operation under each fault.

use std::io::Write;

use oauth_tools::sandbox::{Server, Settings};

use super::judge::Judged;
use super::rules::{FAULTS, Fault, Hits, expected};
use crate::common::{Object, Objects, Ran, faulty, objects, run, side_by_side, start, tool};

/// The change that an operation makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Read,
    /// Makes an object called [`NAME`]; `once` with `--once`.
    Make {
        once: bool,
    },
    Remove,
    /// Gives an object a new secret.
    Rotate,
    /// Names an object [`NAME`].
    Rename,
    /// Creates a successor, passes it on, and removes the object.
    Replace,
}

/// The name of an object that is made or renamed.
pub(crate) const NAME: &str = "by a test";

/// A command line, and the facts about it that the rules need.
pub(crate) struct Operation {
    /// The program and its arguments; `ID` stands for the target's id.
    pub(crate) args: &'static [&'static str],
    /// What it reads; `ID` stands for the target's id here too.
    pub(crate) input: &'static str,
    pub(crate) verb: Verb,
    pub(crate) kind: &'static str,
    /// The name of the object in the built-in account that the operation is about; empty if there is none.
    pub(crate) target: &'static str,
    /// The requests that do the work, as the sandbox counts them.
    pub(crate) work: &'static str,
    /// It sends other requests before.
    pub(crate) looks_up_first: bool,
    /// How many requests a fault that comes once lets pass.
    pub(crate) after: u32,
    /// The number of authorizations in addition to the built-in account.
    pub(crate) authz: usize,
}

impl Operation {
    /// Runs the operation once for each fault and for each choice of the requests that it hits.
    #[track_caller]
    pub(crate) fn survives_every_fault(&self) {
        let hits = [Hits::Once, Hits::EachTime, Hits::EveryRequest];
        let all = hits.into_iter().flat_map(|hits| FAULTS.iter().map(move |fault| (fault, hits)));
        let cells = all.map(|(fault, hits)| Cell { operation: self, fault, hits });
        let chosen = std::env::var("OAUTH_TOOLS_FAULT").unwrap_or_default();
        let cells: Vec<Cell<'_>> = cells.filter(|cell| cell.name().contains(&chosen)).collect();
        assert!(!cells.is_empty(), "there is no cell '{chosen}'");
        // A cell does little but wait.
        let problems = side_by_side(&cells, 48, |cell| cell.check().err());
        let mut report = String::new();
        for (cell, problem) in cells.iter().zip(&problems) {
            let expected = expected(self, cell.fault, cell.hits);
            let result = problem.as_deref().unwrap_or("ok");
            let line = format!("{}: {}: expected {expected}: {result}\n", self.args.join(" "), cell.name());
            if !chosen.is_empty() {
                // Directly: the test harness hides the output of passing tests.
                let _ = std::io::stderr().write_all(line.as_bytes());
            }
            if problem.is_some() {
                report.push_str(&line);
            }
        }
        assert!(report.is_empty(), "{report}");
    }

    /// The requests that do the work create an object.
    pub(crate) fn creates(&self) -> bool {
        self.work.starts_with("POST") && self.verb != Verb::Rotate
    }

    /// The program's name.
    pub(crate) fn program(&self) -> &'static str {
        self.args[0]
    }

    /// The id of the target; empty if there is none.
    fn target(&self, objects: &Objects) -> String {
        if self.target.is_empty() {
            return String::new();
        }
        let is_target = |object: &Object| object.kind == self.kind && object.name == self.target;
        objects.iter().find(|(_, object)| is_target(object)).expect("the target").0.clone()
    }

    fn run(&self, server: &Server, target: &str, retry_for: &str) -> Ran {
        let mut args = vec!["--retry-for", retry_for, "-o", "ndjson"];
        args.extend(self.args[1..].iter().map(|arg| if *arg == "ID" { target } else { arg }));
        run(tool(server, self.program(), &args), &self.input.replace("ID", target))
    }
}

/// An operation under a fault.
struct Cell<'a> {
    operation: &'a Operation,
    fault: &'static Fault,
    hits: Hits,
}

impl Cell<'_> {
    /// The name within the operation, such as `drop-after, once`.
    fn name(&self) -> String {
        let hits = match self.hits {
            Hits::Once => "once",
            Hits::EachTime => "each time",
            Hits::EveryRequest => "on every request",
        };
        format!("{}{}, {hits}", self.fault.name, self.fault.options)
    }

    /// The fault as the sandbox reads it.
    fn spec(&self) -> String {
        let (Fault { name, options, .. }, after) = (self.fault, self.operation.after);
        let work = self.operation.work.replace("{id}", "*");
        match self.hits {
            Hits::Once => format!("{name}@{work}${options}:count=1:after={after}"),
            Hits::EachTime => format!("{name}@{work}${options}"),
            Hits::EveryRequest => format!("{name}{options}"),
        }
    }

    /// Runs the operation and compares all that can be seen with what is expected.
    fn check(&self) -> Result<(), String> {
        let (operation, spec) = (self.operation, self.spec());
        let server = start(Settings { authz: operation.authz, seed: 7, ..faulty(&[&spec]) });
        let before = objects(&server);
        let target = operation.target(&before);
        // A fault that comes once has time to pass; one that stays is given up soon.
        let retry_for = if self.hits == Hits::Once { "30" } else { "1" };
        let ran = operation.run(&server, &target, retry_for);
        if server.stats().fired(&spec) == 0 {
            return Err(format!("the fault never fired{ran}"));
        }
        let judged = Judged { operation, target: &target, before: &before, server: &server, ran: &ran };
        judged.judge(&expected(operation, self.fault, self.hits)).map_err(|problem| format!("{problem}{ran}"))
    }
}

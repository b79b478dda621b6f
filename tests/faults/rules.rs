//! What must come of an operation under a fault, by a few rules.

use super::ops::{Op, Verb};

/// A fault, and the two facts about it that matter to a client.
pub(crate) struct Fault {
    pub(crate) what: &'static str,
    pub(crate) options: &'static str,
    /// The server did what it was asked.
    applied: bool,
    /// The answer can be used.
    usable: bool,
    /// The answer names a time to wait of a second or more.
    pub(crate) waits: bool,
}

const fn fault(what: &'static str, applied: bool) -> Fault {
    Fault { what, options: "", applied, usable: false, waits: false }
}

const fn wait(options: &'static str) -> Fault {
    Fault { options, waits: true, ..fault("429", false) }
}

pub(crate) static FAULTS: &[Fault] = &[
    fault("drop-before", false),
    fault("drop-after", true),
    fault("429", false),
    wait(":retry-after=1"),
    // The second in which the header is written may pass before the answer is.
    wait(":retry-after=date+2"),
    wait(":retry-after=epoch+2"),
    fault("500", false),
    fault("500-after", true),
    fault("502", false),
    fault("502-after", true),
    fault("503", false),
    fault("503-after", true),
    fault("504-after", true),
    fault("cut", true),
    fault("garbage", true),
    fault("null", true),
    fault("types", true),
    fault("badutf8", true),
    Fault { options: ":ms=30", usable: true, ..fault("slow", true) },
];

/// Which requests a fault hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One of those that do the work.
    Once,
    /// All of those that do the work.
    ForEver,
    /// Every request, look-ups too.
    Everywhere,
}

/// What must be seen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// All was done, and is told: status 0. Otherwise the fault may pass: 75.
    pub(crate) told: bool,
    /// What was asked for has happened on the server.
    pub(crate) done: bool,
    /// Standard error names the object that is concerned.
    pub(crate) named: bool,
    /// Standard error says that it waits.
    pub(crate) waits: bool,
    /// There is nothing to say.
    pub(crate) quiet: bool,
    /// The most requests that may do the work: one where a second would be another object.
    pub(crate) requests: u64,
}

/// The rules.
pub(crate) fn expect(op: &Op, fault: &Fault, mode: Mode) -> Expected {
    let passes = fault.usable || mode == Mode::Once;
    // What is looked up first stands between the fault and the work.
    let reached = passes || mode != Mode::Everywhere || !op.looks_first;
    let waits = fault.waits && mode == Mode::Once;
    // A spent quota is worth a word. A lost create is looked for, whatever that takes.
    let quiet = fault.what != "429";
    let all = Expected { told: true, done: true, named: false, waits, quiet, requests: u64::MAX };
    let failed = Expected { told: false, waits: false, quiet: false, ..all };
    if !reached {
        return Expected { done: false, ..failed };
    }
    match op.verb {
        // Simply sent again until the fault has passed.
        Verb::Read | Verb::Remove | Verb::Rotate | Verb::Change => match passes {
            true => all,
            false => Expected { done: fault.applied, named: !op.called_nothing(), ..failed },
        },
        // A usable answer, or none because nothing was done: like the others.
        Verb::Make { .. } if fault.usable || !fault.applied => match passes {
            true => all,
            false => Expected { done: false, ..failed },
        },
        // The answer to what was done is lost. Never sent again; with --once it is found and adopted.
        Verb::Make { once } => {
            let found = mode != Mode::Everywhere;
            Expected { told: once && found, named: found && !once, waits: false, requests: 1, ..all }
        }
    }
}

//! The outcome of an operation under a fault, by a few rules.

use std::fmt;

use super::cell::{Operation, Verb};

/// A fault of the sandbox.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) options: &'static str,
    effect: Effect,
}

/// The effect of a fault on a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// The request is not applied.
    NotApplied,
    /// The request is applied, but its response is lost or unusable.
    Lost,
    /// The request is applied, and its response is usable.
    Usable,
}

use Effect::{Lost, NotApplied, Usable};

const fn fault(name: &'static str, effect: Effect) -> Fault {
    Fault { name, options: "", effect }
}

pub(crate) static FAULTS: &[Fault] = &[
    fault("drop-before", NotApplied),
    fault("drop-after", Lost),
    fault("429", NotApplied),
    Fault { options: ":retry-after=1", ..fault("429", NotApplied) },
    // 2, because the second in which the header is written may be over when the response arrives.
    Fault { options: ":retry-after=date+2", ..fault("429", NotApplied) },
    Fault { options: ":retry-after=epoch+2", ..fault("429", NotApplied) },
    fault("500", NotApplied),
    fault("500-after", Lost),
    fault("502", NotApplied),
    fault("502-after", Lost),
    fault("503", NotApplied),
    fault("503-after", Lost),
    fault("504-after", Lost),
    fault("cut", Lost),
    fault("garbage", Lost),
    fault("null", Lost),
    fault("types", Lost),
    fault("badutf8", Lost),
    Fault { options: ":ms=30", ..fault("slow", Usable) },
];

/// The requests that a fault hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hits {
    /// One of those that do the work.
    Once,
    /// All of those that do the work.
    EachTime,
    /// All requests, look-ups too.
    EveryRequest,
}

/// The expected outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// 0 if the change is certain and its record is printed, otherwise 75.
    pub(crate) status: i32,
    /// The change was made in the account.
    pub(crate) applied: bool,
    /// Standard error names the object.
    pub(crate) named: bool,
    /// Standard error reports a wait.
    pub(crate) waits: bool,
    /// Standard error is empty.
    pub(crate) silent: bool,
    /// The work is requested at most once, because a second request would make a second object.
    pub(crate) one_request: bool,
}

const DONE: Outcome =
    Outcome { status: 0, applied: true, named: false, waits: false, silent: true, one_request: false };
const NOT_DONE: Outcome = Outcome { status: 75, applied: false, silent: false, ..DONE };
const UNKNOWN: Outcome = Outcome { status: 75, silent: false, ..DONE };

/// The rules. The first one that fits applies.
pub(crate) fn expected(operation: &Operation, fault: &Fault, hits: Hits) -> Outcome {
    let named = !operation.target.is_empty();
    match (operation.verb, fault.effect, hits) {
        // A late response is a response.
        (_, Usable, _) => DONE,
        // The first look-up fails, and nothing is changed.
        (_, _, Hits::EveryRequest) if operation.looks_up_first => NOT_DONE,
        // A lost create is never repeated. With --once the object is looked up and adopted; without, it is named, ...
        (Verb::Make { once: true }, Lost, _) => Outcome { one_request: true, ..DONE },
        (Verb::Make { once: false }, Lost, Hits::Once | Hits::EachTime) => {
            Outcome { named: true, one_request: true, ..UNKNOWN }
        }
        // ... unless the look-up fails too.
        (Verb::Make { once: false }, Lost, Hits::EveryRequest) => Outcome { one_request: true, ..UNKNOWN },
        // A successor is not created again, ...
        (Verb::Replace, Lost, _) if operation.creates() => {
            Outcome { named: true, one_request: true, ..UNKNOWN }
        }
        // ... and where the old authorization cannot be revoked, both are live, or that is not known.
        (Verb::Replace, effect, Hits::EachTime) if !operation.creates() => {
            Outcome { status: 1, applied: effect == Lost, named: true, silent: false, ..DONE }
        }
        // Anything else is repeated until the fault has passed. A response 429 may tell how long to wait.
        (_, _, Hits::Once) if fault.name == "429" => {
            Outcome { waits: !fault.options.is_empty(), silent: false, ..DONE }
        }
        (_, _, Hits::Once) => DONE,
        // The fault stays, and the operation is given up.
        (_, NotApplied, _) => Outcome { named, ..NOT_DONE },
        (_, Lost, _) => Outcome { named, ..UNKNOWN },
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { status, applied, named, waits, silent, one_request } = *self;
        write!(f, "status {status}, {}", if applied { "applied" } else { "not applied" })?;
        let facts = [
            (one_request, "requested once"),
            (named, "names the object"),
            (waits, "reports the wait"),
            (silent, "no message"),
        ];
        facts.iter().filter(|(holds, _)| *holds).try_for_each(|(_, fact)| write!(f, ", {fact}"))
    }
}

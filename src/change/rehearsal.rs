//! Rehearses a change (`-n`).

use std::cell::RefCell;

use crate::api::request::Body;
use crate::base::error::{Error, NOTHING_GETS_THROUGH, Tally};
use crate::change::delivery::Summary;
use crate::change::guard::Guard;
use crate::change::options::Options;
use crate::change::targets::Sourced;
use crate::change::{Change, Plan};
use crate::output::{Output, Style};
use crate::record::Record;
use crate::session::Session;

/// Prints the plan for each item and changes nothing (`-n`).
pub(super) fn rehearse<'t, C: Change>(
    session: &mut Session,
    options: &Options,
    style: Style,
    source: &mut dyn Iterator<Item = Sourced<'t>>,
    (guard, change, ready): (&Guard, &C, &C::Ready),
) -> Result<(), Error> {
    let (messages, stop) = (session.io.messages.clone(), session.stop.clone());
    let summarizes = options.summarizes(session.io.terminal.stderr);
    // A change that needs no protection is rehearsed without a token.
    let (io, api) = match guard.is_idle() {
        true => (&mut session.io, None),
        false => session.connect().map(|(io, api)| (io, Some(&*api)))?,
    };
    let mut output = Output::new(io, style);
    let mut tally = Tally::default();
    let summary = RefCell::new(Summary::default());
    let mut failed = |place: &str, error: &Error| {
        summary.borrow_mut().fail(error);
        messages.error(place, error);
        tally.count(error);
        if tally.is_stuck() {
            messages.say(NOTHING_GETS_THROUGH);
        }
        if error.stops_the_run() || tally.is_stuck() {
            stop.ask();
        }
    };
    for item in source.take_while(|_| !stop.is_set()) {
        let item = match item {
            Ok(item) => item,
            Err(reason) => {
                failed("", &Error::failed(reason));
                continue;
            }
        };
        match change.plan(ready, &item) {
            Ok(Plan::Skip(outcome)) => {
                output.record(&outcome.record(&item))?;
                match &outcome.failure {
                    Some(e) => failed(&item.place(), e),
                    None => summary.borrow_mut().count(outcome.status),
                }
            }
            Ok(Plan::Do(step)) => {
                match guard.check(&item).and_then(|()| api.map_or(Ok(()), |api| guard.prove(api, &item))) {
                    Err(e) if e.is_gone() && change.accepts_absence() => {
                        summary.borrow_mut().count("absent");
                        output.record(&Record::bare(item.kind, &item.id, "absent"))?;
                    }
                    Ok(()) => {
                        summary.borrow_mut().count(step.would);
                        let shown = step.body.as_ref().map_or_else(|| guard.named(&item), Body::shown);
                        output.record(&Record::draft(item.kind, &item.id, step.would, &shown))?;
                    }
                    Err(e) => failed(&item.place(), &e),
                }
            }
            Err(e) => failed(&item.place(), &e),
        }
    }
    output.finish()?;
    summary.borrow().say(&messages, summarizes);
    tally.result(stop.signal(), stop.signal().is_some())
}

//! Delivers results, in the order of their items, to the output, the `--rest` file, the messages and the exit status.

use std::sync::Mutex;

use crate::base::error::{Class, Error, FAILED, NOTHING_GETS_THROUGH, Tally};
use crate::base::sync::lock;
use crate::base::text;
use crate::change::outcome::Outcome;
use crate::change::rest::Rest;
use crate::change::targets::{Item, Sourced};
use crate::output::progress::Progress;
use crate::output::{Output, Style};
use crate::record::kind::Kind;
use crate::sys::messages::Messages;
use crate::sys::signals::Stop;
use crate::sys::streams::Io;

/// The delivery of the results of a run.
pub(crate) struct Delivery<'a> {
    output: Output<'a>,
    rest: Option<&'a Mutex<Rest>>,
    messages: Messages,
    stop: Stop,
    progress: Option<Progress>,
    /// The number of items; `None` with `--stream`.
    total: Option<usize>,
    /// The number of items with a result, good or bad.
    finished: usize,
    tally: Tally,
    /// Standard output can no longer be written.
    output_failed: bool,
    /// Nothing gets through any more, which has been reported.
    is_stuck: bool,
}

impl<'a> Delivery<'a> {
    /// Creates a delivery to the standard output of `io`. `columns` is the width of the progress line, if there is one;
    /// `total` is the number of items, if it is known.
    pub(crate) fn new(
        io: &'a mut Io,
        style: Style,
        stop: Stop,
        columns: Option<usize>,
        rest: Option<&'a Mutex<Rest>>,
        total: Option<usize>,
    ) -> Delivery<'a> {
        Delivery {
            messages: io.messages.clone(),
            output: Output::new(io, style),
            rest,
            stop,
            progress: columns.map(|columns| Progress::new(total, columns)),
            total,
            finished: 0,
            tally: Tally::default(),
            output_failed: false,
            is_stuck: false,
        }
    }

    /// Prints what stands before the first record, so that a full disk is noticed before the first change.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn announce(&mut self, kind: Kind) -> Result<(), Error> {
        self.output.print_csv_header(kind)
    }

    /// Delivers the result for an item.
    pub(crate) fn take(&mut self, item: &Sourced<'_>, result: Result<Outcome, Error>) {
        self.messages.wipe();
        self.finished += 1;
        match (item, result) {
            (Ok(item), Ok(outcome)) => self.print(item, &outcome),
            (Ok(item), Err(e)) => {
                if !self.fail(&item.place(), &e) {
                    // Reported with those that were not begun, or nobody would hear of it.
                    self.finished -= 1;
                }
            }
            (Err(_), Err(e)) => drop(self.fail("", &e)),
            (Err(reason), Ok(_)) => drop(self.fail("", &Error::failed(reason.clone()))),
        }
        if self.tally.is_stuck() && !self.is_stuck {
            self.is_stuck = true;
            self.messages.say(NOTHING_GETS_THROUGH);
            self.stop.ask();
        }
        if let Some(text) = self.progress.as_mut().and_then(|p| p.line(self.finished)) {
            self.messages.progress(&text);
        }
    }

    fn print(&mut self, item: &Item<'_>, outcome: &Outcome) {
        // Without an object, it may have been done without a call.
        if outcome.object.is_some() {
            self.tally.got_through();
        }
        let printed = if self.output_failed { Ok(()) } else { self.output.record(&outcome.record(item)) };
        // An unknown secret is the outcome's failure and is reported below, not twice.
        if let Err(e) = &printed
            && (outcome.failure.is_none() || e.is_stdout())
        {
            self.fail(&Item { id: outcome.id(item).into(), ..item.clone() }.place(), e);
        }
        if printed.is_err_and(|e| e.is_stdout()) {
            self.output_failed = true;
            self.stop.ask();
        }
        let place = item.kind.label(outcome.id(item));
        if self.output_failed {
            let error = Error::failed(format!("{}, but its record could not be delivered", outcome.status));
            self.messages.error(&place, &outcome.lost().into_iter().fold(error, Error::with_hint));
            self.tally.stop(FAILED);
            return;
        }
        if let Some(e) = &outcome.failure {
            // The item of a created object has no id; the response has.
            let id = if item.id.is_empty() { outcome.id(item) } else { &item.id };
            self.fail(&Item { id: id.into(), ..item.clone() }.place(), e);
            if let Some(hint) = outcome.lost().filter(|_| !self.output.shows_secrets()) {
                let what = "its new secret was neither passed on nor printed";
                self.messages.error(&place, &Error::failed(what).with_hint(hint));
            }
            return;
        }
        if let Some(rest) = self.rest
            && let Err(e) = lock(rest).done(item.index)
        {
            self.fail("--rest", &e);
            self.stop.ask();
        }
    }

    /// Reports and counts an error. Returns false if it was not reported.
    fn fail(&mut self, place: &str, error: &Error) -> bool {
        // An error that stops the run is reported once, not for each request in flight. An error after which the change
        // may have been made is reported for each item; so is each error where the items are not counted.
        let in_doubt = matches!(error.class(), Class::Temporary | Class::Unreachable | Class::OtherObject);
        let reported = in_doubt || !error.stops_the_run() || !self.tally.is_stopped() || self.total.is_none();
        if reported {
            self.messages.error(place, error);
        }
        self.tally.count(error);
        reported
    }

    /// Returns whether any record failed, or could not be delivered.
    pub(crate) fn has_failed(&self) -> bool {
        self.tally.has_failed() || self.output_failed
    }

    /// Ends the output, reports how many records were not attempted, and decides the result of the run.
    ///
    /// # Errors
    /// The exit status, if anything failed or was not attempted; those of the output.
    pub(crate) fn finish(self) -> Result<(), Error> {
        self.messages.wipe();
        if !self.output_failed {
            self.output.finish()?;
        }
        let remaining = self.total.map(|total| total - self.finished);
        if let Some(n) = remaining.filter(|n| *n > 0) {
            let what = text::count(n, "record was", "records were");
            self.messages.fail(&format!("stopped: {what} not attempted"));
        }
        self.tally.result(self.stop.signal(), remaining != Some(0))
    }
}

#[cfg(test)]
#[path = "tests/delivery.rs"]
mod tests;

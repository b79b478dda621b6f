//! Delivers results, in the order of their items, to the output, the `--rest` file, the messages and the exit status.

use std::collections::HashSet;
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
    /// The places of the items that others need and that are not done.
    undone: HashSet<usize>,
    tally: Tally,
    /// Standard output can no longer be written.
    output_failed: bool,
    /// Nothing gets through any more, which has been reported.
    is_stuck: bool,
    summary: Summary,
    summarizes: Summarizes,
    /// Records and the progress line go to the same terminal, so the line is wiped before each record.
    shares_terminal: bool,
}

/// The runs that end with a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Summarizes {
    /// None: standard error is not a terminal.
    Never,
    /// Those with more than one record.
    Several,
    /// All.
    Always,
}

/// The counts of a run.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// The number of records for each status, in the order in which the statuses came.
    done: Vec<(&'static str, usize)>,
    skipped: usize,
    failed: usize,
}

impl Summary {
    /// Counts a record that was done.
    pub(crate) fn count(&mut self, status: &'static str) {
        match self.done.iter_mut().find(|(known, _)| *known == status) {
            Some((_, count)) => *count += 1,
            None => self.done.push((status, 1)),
        }
    }

    /// Counts a record that was skipped or failed.
    pub(crate) fn fail(&mut self, error: &Error) {
        *(if error.is_skip() { &mut self.skipped } else { &mut self.failed }) += 1;
    }

    /// Prints the line, such as `138 revoked, 1 skipped, 2 failed`.
    pub(crate) fn say(&self, messages: &Messages, when: Summarizes) {
        let others = [("skipped", self.skipped), ("failed", self.failed)];
        let counts: Vec<(&str, usize)> =
            self.done.iter().copied().chain(others).filter(|(_, count)| *count > 0).collect();
        let total: usize = counts.iter().map(|(_, count)| count).sum();
        if when == Summarizes::Never || (when == Summarizes::Several && total < 2) {
            return;
        }
        let word = |status: &str| match status.strip_prefix("would-") {
            Some(verb) => format!("to {verb}"),
            None => status.replace('-', " "),
        };
        let parts: Vec<String> =
            counts.iter().map(|(status, count)| format!("{count} {}", word(status))).collect();
        messages.say(if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") }.as_str());
    }
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
        let shares_terminal = io.terminal.stdout;
        Delivery {
            messages: io.messages.clone(),
            output: Output::new(io, style),
            rest,
            stop,
            progress: columns.map(|columns| Progress::new(total, columns)),
            total,
            finished: 0,
            undone: HashSet::new(),
            tally: Tally::default(),
            output_failed: false,
            is_stuck: false,
            summary: Summary::default(),
            summarizes: Summarizes::Never,
            shares_terminal,
        }
    }

    /// Ends the run with a summary.
    pub(crate) fn with_summary(self, summarizes: Summarizes) -> Delivery<'a> {
        Delivery { summarizes, ..self }
    }

    /// Notes the places of the items that others need.
    pub(crate) fn watch(&mut self, needed: impl Iterator<Item = usize>) {
        self.undone.extend(needed);
    }

    /// Returns the places of those that are not done yet, or failed.
    pub(crate) fn undone(&self) -> &HashSet<usize> {
        &self.undone
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
        if self.shares_terminal {
            self.messages.wipe();
        }
        self.finished += 1;
        match (item, result) {
            (Ok(item), Ok(outcome)) => {
                let failures = self.summary.failed;
                self.print(item, &outcome);
                if self.summary.failed == failures {
                    self.summary.count(outcome.status);
                }
            }
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
        if let Some(progress) = &mut self.progress
            && let Some(text) = progress.line(self.finished, self.messages.shows_progress())
        {
            self.messages.progress(text);
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
        self.undone.remove(&item.index);
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
        if reported {
            self.summary.fail(error);
        }
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
        self.summary.say(&self.messages, self.summarizes);
        self.tally.result(self.stop.signal(), remaining != Some(0))
    }
}

#[cfg(test)]
#[path = "tests/delivery.rs"]
mod tests;

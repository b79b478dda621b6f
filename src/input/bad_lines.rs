//! Reports each bad line of an input before the run is refused.

use crate::base::error::{Error, USAGE};
use crate::base::text;
use crate::input::entry::Origin;
use crate::sys::messages::Messages;

/// The number of bad lines, or of runs of the same mistake, that are reported; the others are only counted.
const REPORTED: usize = 20;

/// The bad lines of an input: reported as they are found, counted for the exit status. A run of lines with the same
/// mistake is reported once, with a count.
pub(crate) struct BadLines<'a> {
    messages: &'a Messages,
    /// The number of reports.
    reports: usize,
    /// The number of lines that were not reported because there were too many.
    more: usize,
    run: Option<Run>,
}

/// Lines with the same mistake, one after another.
struct Run {
    error: String,
    /// The lines after the first.
    others: usize,
    last: Origin,
}

impl<'a> BadLines<'a> {
    /// Starts with no bad lines.
    pub(crate) fn new(messages: &'a Messages) -> BadLines<'a> {
        BadLines { messages, reports: 0, more: 0, run: None }
    }

    /// Reports the error at `origin`.
    pub(crate) fn add(&mut self, origin: Origin, error: &str) {
        let error_kind = kind_of(error);
        match &mut self.run {
            Some(run) if run.error == error_kind && !matches!(origin, Origin::Operand) => {
                run.others += 1;
                run.last = origin;
            }
            _ => {
                self.end_run();
                self.reports += 1;
                match self.reports <= REPORTED {
                    true => self.messages.fail(&format!("{origin}: {error}")),
                    false => self.more += 1,
                }
                self.run = Some(Run { error: error_kind, others: 0, last: origin });
            }
        }
    }

    /// Notes that a line is good: a run of the same mistake ends there.
    pub(crate) fn good(&mut self) {
        if self.run.is_some() {
            self.end_run();
        }
    }

    fn end_run(&mut self) {
        let Some(Run { others, last, .. }) = self.run.take() else { return };
        match others {
            0 => {}
            others if self.reports > REPORTED => self.more += others,
            1 => self.messages.fail(&format!("{last}: the same mistake")),
            _ => self.messages.fail(&format!("the same mistake in {others} more lines, up to {last}")),
        }
    }

    /// Ends the input: fails if there was a bad line.
    ///
    /// # Errors
    /// Exit status 2 (bad input); everything has been reported.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.end_run();
        if self.reports == 0 {
            return Ok(());
        }
        if self.more > 0 {
            let more = text::count(self.more, "more bad line", "more bad lines");
            self.messages.fail(&format!("and {more}"));
        }
        self.messages.say("nothing was changed");
        Err(Error::reported(USAGE))
    }
}

/// Returns what errors of the same mistake have in common: all but the numbers, such as a column. What is quoted makes a
/// difference.
fn kind_of(error: &str) -> String {
    let mut quoted = false;
    error
        .chars()
        .filter(|c| {
            quoted ^= *c == '\'';
            quoted || !c.is_ascii_digit()
        })
        .collect()
}

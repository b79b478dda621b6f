//! What is wrong with an input: all of it is told before the run is given up.

use crate::base::error::Error;
use crate::base::text;
use crate::input::entry::Origin;
use crate::sys::messages::Messages;

/// How many bad lines are reported one by one.
const REPORTED: usize = 20;

/// Collects what is wrong with an input, so that all of it is told before the run is given up.
pub(crate) struct Complaints<'a> {
    messages: &'a Messages,
    count: usize,
}

impl<'a> Complaints<'a> {
    /// No complaints yet.
    pub(crate) fn new(messages: &'a Messages) -> Complaints<'a> {
        Complaints { messages, count: 0 }
    }

    /// Reports what is wrong at `origin`.
    pub(crate) fn add(&mut self, origin: Origin, what: &str) {
        self.count += 1;
        if self.count <= REPORTED {
            self.messages.fail(&format!("{origin}: {what}"));
        }
    }

    /// Fails where there was one.
    ///
    /// # Errors
    /// A status with the status of bad input.
    pub(crate) fn settle(self) -> Result<(), Error> {
        if self.count == 0 {
            return Ok(());
        }
        if self.count > REPORTED {
            let more = text::count(self.count - REPORTED, "more bad line", "more bad lines");
            self.messages.fail(&format!("and {more}"));
        }
        self.messages.say("nothing was changed");
        Err(Error::reported(crate::base::error::USAGE))
    }
}

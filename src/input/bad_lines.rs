//! Reports each bad line of an input before the run is refused.

use crate::base::error::{Error, USAGE};
use crate::base::text;
use crate::input::entry::Origin;
use crate::sys::messages::Messages;

/// The number of bad lines that are reported one by one; the others are only counted.
const REPORTED: usize = 20;

/// The bad lines of an input: reported as they are found, counted for the exit status.
pub(crate) struct BadLines<'a> {
    messages: &'a Messages,
    count: usize,
}

impl<'a> BadLines<'a> {
    /// Starts with no bad lines.
    pub(crate) fn new(messages: &'a Messages) -> BadLines<'a> {
        BadLines { messages, count: 0 }
    }

    /// Reports the error at `origin`.
    pub(crate) fn add(&mut self, origin: Origin, error: &str) {
        self.count += 1;
        if self.count <= REPORTED {
            self.messages.fail(&format!("{origin}: {error}"));
        }
    }

    /// Ends the input: fails if there was a bad line.
    ///
    /// # Errors
    /// Exit status 2 (bad input); everything has been reported.
    pub(crate) fn finish(self) -> Result<(), Error> {
        if self.count == 0 {
            return Ok(());
        }
        if self.count > REPORTED {
            let more = text::count(self.count - REPORTED, "more bad line", "more bad lines");
            self.messages.fail(&format!("and {more}"));
        }
        self.messages.say("nothing was changed");
        Err(Error::reported(USAGE))
    }
}

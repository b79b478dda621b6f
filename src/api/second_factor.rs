//! The second factor of a run: known from the start, or asked for once.

use std::io;
use std::sync::Mutex;

use crate::base::error::Error;
use crate::base::secret::Secret;
use crate::base::secret::check_token;
use crate::base::sync::lock;
use crate::sys::messages::Messages;
use crate::sys::signals::Stop;
use crate::sys::terminal;

/// The second factor of a run: known from the start, or asked for once, whatever comes of it.
pub(crate) struct SecondFactor(Mutex<State>);

struct State {
    code: Option<Secret>,
    /// Why there is none to be had.
    refused: Option<String>,
}

impl SecondFactor {
    /// A second factor that is `code` if there is one.
    pub(crate) fn new(code: Option<Secret>) -> SecondFactor {
        SecondFactor(Mutex::new(State { code, refused: None }))
    }

    /// The code to send; waits while another thread asks for it.
    pub(crate) fn code(&self) -> Option<Secret> {
        lock(&self.0).code.clone()
    }

    /// Gets a code after a request without one was refused, from the terminal if somebody may be asked.
    ///
    /// # Errors
    /// Where there is none, or a signal came instead.
    pub(crate) fn get(&self, may_ask: bool, messages: &Messages, stop: &Stop) -> Result<(), Error> {
        let mut state = lock(&self.0);
        // Another thread may have asked while this one waited for the lock.
        if state.code.is_some() {
            return Ok(());
        }
        if let Some(signal) = stop.signal() {
            return Err(Error::signal(signal));
        }
        if !may_ask {
            state.refused = Some("a two-factor code is needed".to_owned());
        }
        if let Some(what) = state.refused.clone() {
            return Err(Error::auth(what).with_hint(HINT));
        }
        let asked = ask(messages, stop);
        state.refused = asked.as_ref().err().map(Error::to_string);
        let code = asked?;
        messages.hide(&code);
        state.code = Some(code);
        Ok(())
    }
}

/// What to do where nobody can be asked.
const HINT: &str = "set HEROKU_TWO_FACTOR_CODE for this one command";

fn ask(messages: &Messages, stop: &Stop) -> Result<Secret, Error> {
    messages.wipe();
    let what = match terminal::ask_hidden(&format!("{}: two-factor code: ", messages.program()), stop) {
        Ok(code) => {
            // People are shown codes with a gap in the middle.
            let code: String = code.split_whitespace().collect();
            match check_token(&code) {
                Ok(()) => return Ok(Secret::new(code)),
                Err(_) => "no two-factor code was given",
            }
        }
        Err(e) if e.kind() == io::ErrorKind::Interrupted => match stop.signal() {
            Some(signal) => return Err(Error::signal(signal)),
            None => "no two-factor code was given",
        },
        Err(_) => "a two-factor code is needed, and there is no terminal to ask on",
    };
    Err(Error::auth(what).with_hint(HINT))
}

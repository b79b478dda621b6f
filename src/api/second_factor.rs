//! The two-factor code of a run: set in the environment, or asked for once.

use std::io;
use std::sync::Mutex;

use crate::base::error::Error;
use crate::base::secret::Secret;
use crate::base::sync::lock;
use crate::base::token::check_token;
use crate::sys::messages::Messages;
use crate::sys::signals::Stop;
use crate::sys::terminal;

/// The hint where nobody can be asked.
const HINT: &str = "set HEROKU_TWO_FACTOR_CODE for this one command";

/// The two-factor code of a run: known from the start, or asked for at most once, even if that fails. It is sent only after
/// the API has asked for it, so that a host that needs none does not learn it.
pub(crate) struct SecondFactor(Mutex<State>);

struct State {
    code: Option<Secret>,
    /// The API has asked for it.
    wanted: bool,
    /// Why asking failed.
    unavailable: Option<String>,
}

impl SecondFactor {
    /// Starts with the code from the environment, if there is one.
    pub(crate) fn new(code: Option<Secret>) -> SecondFactor {
        SecondFactor(Mutex::new(State { code, wanted: false, unavailable: None }))
    }

    /// Returns the code, if it is known and the API wants it; waits while another thread asks for it.
    pub(crate) fn to_send(&self) -> Option<Secret> {
        let state = lock(&self.0);
        state.code.clone().filter(|_| state.wanted)
    }

    /// Gets a code after a request without one was refused; calls `ask` if none is known and `may_ask` allows it.
    ///
    /// # Errors
    /// An authentication error if there is no code; a signal that arrived instead.
    pub(crate) fn get(
        &self,
        may_ask: bool,
        stop: &Stop,
        ask: impl FnOnce() -> Result<Secret, Error>,
    ) -> Result<(), Error> {
        let mut state = lock(&self.0);
        state.wanted = true;
        // Another thread may have asked while this one waited for the lock.
        if state.code.is_some() {
            return Ok(());
        }
        if let Some(signal) = stop.signal() {
            return Err(Error::signal(signal));
        }
        if !may_ask {
            state.unavailable = Some("a two-factor code is required".to_owned());
        }
        if let Some(what) = state.unavailable.clone() {
            return Err(Error::auth(what).with_hint(HINT));
        }
        let asked = ask();
        state.unavailable = asked.as_ref().err().map(Error::to_string);
        state.code = Some(asked?);
        Ok(())
    }
}

/// Asks at the terminal for a code to send to `host`. From then on, no message shows it.
///
/// # Errors
/// An authentication error if there is no terminal or no valid code was entered; a signal that arrived instead.
pub(crate) fn ask(messages: &Messages, stop: &Stop, host: &str) -> Result<Secret, Error> {
    messages.wipe();
    let what =
        match terminal::ask_hidden(&format!("{}: two-factor code for {host}: ", messages.program()), stop) {
            Ok(code) => {
                // Authenticator apps show codes with a gap in the middle.
                let code: String = code.split_whitespace().collect();
                match check_token(&code) {
                    Ok(()) => {
                        let code = Secret::new(code);
                        messages.hide(&code);
                        return Ok(code);
                    }
                    Err(_) => "no two-factor code was entered",
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => match stop.signal() {
                Some(signal) => return Err(Error::signal(signal)),
                None => "no two-factor code was entered",
            },
            Err(e) if e.kind() == io::ErrorKind::TimedOut => "no two-factor code was entered",
            Err(_) => "a two-factor code is required, and there is no terminal for the prompt",
        };
    Err(Error::auth(what).with_hint(HINT))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn several_threads_ask_once() {
        let (factor, asked) = (SecondFactor::new(None), AtomicUsize::new(0));
        let get = || {
            factor.get(true, &Stop::default(), || {
                asked.fetch_add(1, Ordering::SeqCst);
                Ok(Secret::new("123456".to_owned()))
            })
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(get)).collect();
            for thread in threads {
                thread.join().expect("joined").expect("a code");
            }
        });
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(factor.to_send().expect("a code").expose(), "123456");
    }

    #[test]
    fn a_failure_to_ask_is_final() {
        let factor = SecondFactor::new(None);
        let stop = Stop::default();
        let first = factor.get(true, &stop, || Err(Error::auth("nobody is there"))).expect_err("no code");
        assert_eq!(first.to_string(), "nobody is there");
        let again = factor.get(true, &stop, || panic!("asked twice")).expect_err("no code");
        assert_eq!((again.to_string().as_str(), again.hint()), ("nobody is there", Some(HINT)));
        assert!(factor.to_send().is_none());
    }

    #[test]
    fn nobody_is_asked_if_a_code_is_known_or_asking_is_not_allowed() {
        let known = SecondFactor::new(Some(Secret::new("123456".to_owned())));
        let stop = Stop::default();
        assert!(known.get(false, &stop, || panic!("asked")).is_ok());
        let unknown = SecondFactor::new(None);
        let error = unknown.get(false, &stop, || panic!("asked")).expect_err("no code");
        assert_eq!(error.to_string(), "a two-factor code is required");
    }
}

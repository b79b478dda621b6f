//! A faithful local server of the API, to rehearse on and to test with.
//!
//! It listens on the loopback interface only, keeps one account in memory (and on disk, if
//! [`Settings::state`] says so) and can be told to be slow, stingy or broken. Where nobody
//! outside the service knows how it behaves, a setting chooses. Its secrets are made from
//! [`Settings::seed`] and are secret from nobody: it must never hold anything real.
//!
//! What no public source settles and no setting chooses is done so:
//!
//! - An authorization made for a client has a code and no token until it is exchanged.
//! - A regenerated token ends when the old one would have; an ended one stays ended.
//! - An access token got through a client lasts eight hours, its refresh token for ever, its
//!   code 300 seconds. A used or unknown code is 422, a wrong client secret 401.
//! - The id of a token is that of the access token; revoking it leaves the authorization.
//! - A token may do everything, whatever its scopes.
//! - In the web flow everybody agrees at once.

mod api;
mod authz;
mod builtin;
mod clients;
mod clock;
mod conn;
mod exchange;
pub mod fault;
mod form;
mod hostile;
mod http;
mod load;
mod mangle;
mod mint;
mod model;
mod pick;
mod quota;
mod range;
mod route;
mod server;
mod sessions;
mod show;
mod state;
mod stats;
mod store;

use std::path::PathBuf;
use std::time::Duration;

pub use fault::{Fault, FaultError};
pub use http::head_len;
pub use server::Server;
pub use stats::Stats;

/// How expired authorizations show in lists and answers: no public source says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expired {
    /// With 0 seconds left.
    #[default]
    Zero,
    /// With a negative number of seconds left.
    Negative,
    /// Without their access token.
    NullToken,
    /// Not at all: as if they were gone.
    Hidden,
}

/// How the sandbox behaves. The default is faithful and fast, and has the built-in account.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long each answer is held back.
    pub latency: Duration,
    /// Calls the account has at the start. They are refilled, 75 a minute, up to 4,500 or to
    /// this number if it is larger; at zero the answer is 429. `None` never runs out, and
    /// every answer shows 4,500.
    pub quota: Option<u32>,
    /// What goes wrong; see [`fault`] for how it is written.
    pub faults: Vec<Fault>,
    /// The two-factor code every authenticated request needs.
    pub two_factor: Option<String>,
    /// What every answer's `Warning-Message` header says.
    pub warning: Option<String>,
    /// Characters of a token visible before and after the ten `*` in lists and info answers.
    pub redact: (usize, usize),
    /// What becomes of expired authorizations.
    pub expired: Expired,
    /// Authorizations to generate beside those of the account.
    pub authz: usize,
    /// Chooses ids, tokens, secrets, and which requests a random fault hits.
    pub seed: u64,
    /// Records, as `oauth-ls` prints them, to be the account in the place of the built-in one.
    pub load: Option<Vec<String>>,
    /// A file that keeps the account across runs. If it is there it is the account, and
    /// `load` and `authz` do nothing; otherwise it is made.
    pub state: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            latency: Duration::ZERO,
            quota: None,
            faults: Vec::new(),
            two_factor: None,
            warning: None,
            redact: (8, 4),
            expired: Expired::Zero,
            authz: 0,
            seed: 0,
            load: None,
            state: None,
        }
    }
}

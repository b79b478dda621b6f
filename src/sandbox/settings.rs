//! How a sandbox behaves.

use std::path::PathBuf;
use std::time::Duration;

use crate::sandbox::account::show::Expired;
use crate::sandbox::faults::Fault;

/// How the sandbox behaves. The default is faithful and fast, and has the built-in account.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long each answer is held back.
    pub latency: Duration,
    /// Calls the account has at the start. They are refilled, 75 a minute, up to 4,500 or to
    /// this number if it is larger; at zero the answer is 429. `None` never runs out, and
    /// every answer shows 4,500.
    pub quota: Option<u32>,
    /// What goes wrong; see [`Fault`] for how it is written.
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

//! The options of a sandbox.

use std::path::PathBuf;
use std::time::Duration;

use crate::sandbox::account::json::Expired;
use crate::sandbox::account::mint::Mask;
use crate::sandbox::faults::Fault;

/// What a rotation makes of the lifetime of an authorization (docs/heroku-api.md, "Lifetime after rotation").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotated {
    /// The new token expires when the old one would have.
    Keep,
    /// The new token lives for so many seconds.
    For(i64),
}

/// The options of a sandbox. By default it has the built-in account and behaves like the API, without delay or faults.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The delay before each response.
    pub latency: Duration,
    /// The quota at the start, in calls. It refills by 75 a minute, up to 4,500 or this number if it is larger; at zero
    /// the response is 429. With `None` it never runs out, and every response shows 4,500.
    pub quota: Option<u32>,
    /// The faults.
    pub faults: Vec<Fault>,
    /// The two-factor code that every authenticated request must send.
    pub two_factor: Option<String>,
    /// The `Warning-Message` header of every response.
    pub warning: Option<String>,
    /// The numbers of visible characters before and after the hidden part of a masked token.
    pub redact: (usize, usize),
    /// The appearance of that hidden part.
    pub mask: Mask,
    /// The appearance of expired authorizations.
    pub expired: Expired,
    /// The lifetime of a rotated token.
    pub rotated: Rotated,
    /// A rotation gives an authorization another id.
    pub new_id: bool,
    /// How long after its expiry an authorization is removed, in seconds; `None` for never.
    pub removed_after: Option<i64>,
    /// The number of authorizations to generate in addition to those of the account.
    pub authz: usize,
    /// The seed of all ids, tokens and secrets, and of the choice of requests that a fault with `p=` hits.
    pub seed: u64,
    /// The records of the account, one per line as `oauth-ls` prints them; `None` for the built-in account.
    pub load: Option<Vec<String>>,
    /// A file that keeps the account across runs. If it exists, the account is read from it, and `load` and `authz` are
    /// ignored; otherwise it is created.
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
            mask: Mask::Stars,
            expired: Expired::Zero,
            rotated: Rotated::Keep,
            new_id: false,
            removed_after: None,
            authz: 0,
            seed: 0,
            load: None,
            state: None,
        }
    }
}

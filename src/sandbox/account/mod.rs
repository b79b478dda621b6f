//! The account: its objects, in memory and on disk. It knows nothing of HTTP.
//!
//! - `model`: authorizations, clients, sessions
//! - `store`: the collection of all objects, and the rules that connect them
//! - `json`: the objects as the API writes them, and as records
//! - `mint`: generates ids, tokens and secrets
//! - `clock`: the time, and dates as text
//! - `load`: records into an account; `state`: the state file
//! - `builtin`: the built-in account

pub(in crate::sandbox) mod builtin;
pub(in crate::sandbox) mod clock;
pub(in crate::sandbox) mod json;
pub(in crate::sandbox) mod load;
pub(in crate::sandbox) mod mint;
pub(in crate::sandbox) mod model;
pub(in crate::sandbox) mod state;
pub(in crate::sandbox) mod store;

//! The account that a sandbox keeps: its objects, in memory and on disk. Knows nothing of HTTP.
//!
//! - `model`: authorizations, clients, sessions
//! - `store`: all of them, and the rules that tie them together
//! - `show`: how they are written as JSON
//! - `mint`: ids, tokens and secrets from a seed
//! - `clock`: dates
//! - `load`, `state`: from records, and from and to a file
//! - `builtin`: the account the sandbox comes with

pub(in crate::sandbox) mod builtin;
pub(in crate::sandbox) mod clock;
pub(in crate::sandbox) mod load;
pub(in crate::sandbox) mod mint;
pub(in crate::sandbox) mod model;
pub(in crate::sandbox) mod show;
pub(in crate::sandbox) mod state;
pub(in crate::sandbox) mod store;

//! What every tool that changes something shares.
//!
//! - `batch`: a run over all input: protection, `-n`, `-P`, `--rest`, `--stream`
//! - `workers`: the threads of a run
//! - `targets`, `stream`: what is worked on, read as a whole or line by line
//! - `guard`: protects what is in use
//! - `create`: creates that are never repeated blindly
//! - `exec`: `--exec`
//! - `outcome`: what came of one item
//! - `rest`: `--rest`
//! - `log`: `--log`
//! - `confirm`: asks before several objects are removed
//! - `progress`: the progress line

pub(crate) mod batch;
pub(crate) mod confirm;
pub(crate) mod create;
pub(crate) mod exec;
pub(crate) mod guard;
pub(crate) mod log;
pub(crate) mod outcome;
pub(crate) mod progress;
pub(crate) mod rest;
pub(crate) mod stream;
pub(crate) mod targets;
pub(crate) mod workers;

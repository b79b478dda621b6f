//! What every tool that changes something shares.
//!
//! - [`batch`]: a run over all input: protection, `-n`, `-P`, `--rest`, `--stream`
//! - [`workers`]: the threads of a run
//! - [`targets`], [`stream`]: what is worked on, read as a whole or line by line
//! - [`guard`]: protects what is in use
//! - [`create`]: creates that are never repeated blindly
//! - [`exec`]: `--exec`
//! - [`outcome`]: what came of one item
//! - [`rest`]: `--rest`
//! - [`log`]: `--log`
//! - [`confirm`]: asks before several objects are removed
//! - [`progress`]: the progress line

pub mod batch;
pub mod confirm;
pub mod create;
pub mod exec;
pub mod guard;
pub mod log;
pub mod outcome;
pub mod progress;
pub mod rest;
pub mod stream;
pub mod targets;
pub mod workers;

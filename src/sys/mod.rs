//! The machine that a program runs on: its streams, signals, terminal, child processes and files.
//!
//! - `streams`: standard input and output
//! - `messages`: standard error
//! - `signals`: the request to stop a run, and the signals for a command
//! - `terminal`: hidden prompts
//! - `child`: the user's command, and helpers
//! - `files`: replacing a file safely, and comparing files

pub(crate) mod child;
pub(crate) mod files;
pub(crate) mod messages;
pub(crate) mod signals;
pub(crate) mod streams;
pub(crate) mod terminal;

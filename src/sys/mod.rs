//! The machine that a program runs on: its streams, signals, terminal, child processes and files.
//!
//! - `streams`: standard input and output
//! - `messages`: standard error
//! - `signals`: the request to stop a run
//! - `terminal`: hidden prompts
//! - `child`: running the user's command
//! - `files`: replacing a file safely, and comparing files

pub(crate) mod child;
pub(crate) mod files;
pub(crate) mod messages;
pub(crate) mod signals;
pub(crate) mod streams;
pub(crate) mod terminal;

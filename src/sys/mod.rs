//! The machine that a program runs on: its streams, signals, terminal, children and files.
//!
//! - `streams`: standard input and output
//! - `messages`: standard error, and every line on it
//! - `signals`: what stops a run
//! - `terminal`: hidden prompts
//! - `child`: a command that is run for the user
//! - `files`: whether two names are one file

pub(crate) mod child;
pub(crate) mod files;
pub(crate) mod messages;
pub(crate) mod signals;
pub(crate) mod streams;
pub(crate) mod terminal;

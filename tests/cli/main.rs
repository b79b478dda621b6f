//! The programs as a user runs them: a command line, its input, and its result.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../common/mod.rs"]
mod common;

mod bridges;
mod credentials;
mod diff;
mod exchange;
mod exec;
mod exec_and_replace;
mod foreign_input;
mod formats;
mod guards;
mod heroku_parity;
mod input;
mod makefile;
mod never_default;
mod options;
mod patch;
mod patch_clients;
mod pipes;
mod provision;
mod redirect_uris;
mod resume;
mod run;
mod sandbox_and_diff;
mod secrets;
mod selecting;
mod shells;
mod streams;
mod truth;

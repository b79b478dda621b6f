//! The programs as a user runs them: a command line, its input, and what comes of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../common/mod.rs"]
mod common;

mod beyond;
mod credentials;
mod formats;
mod fourteen;
mod guards;
mod handover;
mod input;
mod make;
mod options;
mod pipes;
mod secrets;
mod shells;
mod streams;

//! The output in a real pseudo-terminal, and its absence without one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../common/mod.rs"]
mod common;

mod completions;
mod help;
mod messages;
mod progress;
mod pty;
mod questions;
mod screen;
mod signals;
mod tables;
mod two_factor;

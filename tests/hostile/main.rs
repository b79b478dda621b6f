//! Hostile servers, inputs, disks and neighbours: whatever they do, a run ends soon, in little memory, with a
//! message about the cause, and without showing a secret.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[macro_use]
#[path = "../common/mod.rs"]
mod common;
mod audit;
mod data;
mod faults;
mod files;
mod headers;
mod ids;
mod leaks;
mod measured;
mod neighbours;
mod responses;
mod secrets;
mod signals;
mod streams;

//! Servers, inputs, disks and neighbours that mean harm: whatever they do, a run ends soon, in little memory, with a
//! line that says what it was, and without a secret in the wrong place.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[macro_use]
#[path = "../common/mod.rs"]
mod common;
mod data;
mod faults;
mod files;
mod headers;
mod measured;
mod secrets;

//! Runs of the programs against a sandbox that fails, answers late or is left in the middle of a change.
//!
//! They are one test program because they mostly wait: side by side they take as long as the
//! longest of them.

// Clippy allows unwrap in functions with #[test], but not in their helpers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bulk;
mod common;
mod faults;
mod kill;
mod plans;
mod soak;

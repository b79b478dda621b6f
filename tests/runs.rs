//! Runs of the programs against a sandbox that fails, answers late or is left in the middle of a change.
//!
//! One test program, because most of these tests wait most of the time: next to each other they take as long as the
//! longest of them.

// The lints know a test by its attribute, and its helpers have none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bulk;
mod common;
mod faults;
mod kill;
mod soak;

//! Faults: what a sandbox gets wrong on request.
//!
//! - `spec`: how a fault is written
//! - `choice`: which fault hits a request
//! - `mangle`: bodies that a client does not expect

pub(in crate::sandbox) mod choice;
pub(in crate::sandbox) mod mangle;
pub(in crate::sandbox) mod spec;

pub use spec::{Fault, FaultError};

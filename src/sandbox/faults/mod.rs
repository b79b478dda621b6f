//! Faults: what goes wrong on request.
//!
//! - `spec`: parses a fault's specification
//! - `pick`: chooses the fault that hits a request
//! - `mangle`: corrupts response bodies

pub(in crate::sandbox) mod mangle;
pub(in crate::sandbox) mod pick;
pub(in crate::sandbox) mod spec;

pub use spec::{Fault, FaultError};

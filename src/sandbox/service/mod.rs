//! The API itself: a request in, a response out.
//!
//! - `api`: authenticates a request and passes it to its endpoint
//! - `call`: the service, and a request in progress
//! - `authz`, `clients`, `sessions`, `exchange`: the endpoints
//! - `range`: the pages of a list
//! - `quota`: the account's quota of calls

pub(in crate::sandbox) mod api;
pub(in crate::sandbox) mod authz;
pub(in crate::sandbox) mod call;
pub(in crate::sandbox) mod clients;
pub(in crate::sandbox) mod exchange;
pub(in crate::sandbox) mod quota;
pub(in crate::sandbox) mod range;
pub(in crate::sandbox) mod sessions;

//! The API that a sandbox serves: a request in, a reply out.
//!
//! - `api`: who is asking, may they, and which endpoint replies
//! - `authz`, `clients`, `sessions`, `exchange`: the endpoints
//! - `range`: pages of a list
//! - `quota`: the account's balance of calls

pub(in crate::sandbox) mod api;
pub(in crate::sandbox) mod authz;
pub(in crate::sandbox) mod clients;
pub(in crate::sandbox) mod exchange;
pub(in crate::sandbox) mod quota;
pub(in crate::sandbox) mod range;
pub(in crate::sandbox) mod sessions;

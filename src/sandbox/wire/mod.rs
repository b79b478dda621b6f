//! Bytes on a connection: HTTP/1.1 as far as the API needs it, written by hand because the sandbox must also be able to
//! send broken bytes.
//!
//! - `http`: requests in, replies out
//! - `form`: percent-encoding
//! - `route`: which endpoint a path names

pub(in crate::sandbox) mod form;
pub(in crate::sandbox) mod http;
pub(in crate::sandbox) mod route;

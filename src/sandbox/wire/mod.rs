//! HTTP/1.1 on a connection. It is written by hand, because the sandbox must also send broken responses.
//!
//! - `http`: requests and responses
//! - `form`: percent-encoding
//! - `route`: the endpoints by path

pub(in crate::sandbox) mod form;
pub(in crate::sandbox) mod http;
pub(in crate::sandbox) mod route;

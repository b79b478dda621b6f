//! The configuration that the user's environment gives to a run: variables, the API's base URL, the proxy, the token.
//!
//! - `environment`: every variable that the tools read
//! - `base_url`: the API's base URL
//! - `proxy`: the proxy to use
//! - `no_proxy`: the hosts that are reached without it
//! - `credentials`: the search for the token
//! - `netrc`: the format of `~/.netrc`
//! - `scopes`: the scopes that the API knows

pub(crate) mod base_url;
pub(crate) mod credentials;
pub(crate) mod environment;
pub(crate) mod netrc;
mod no_proxy;
mod proxy;
pub(crate) mod scopes;

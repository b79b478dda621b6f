//! What the environment says: variables, the API's address, and the token that is found on this machine.
//!
//! - `environment`: every variable that a tool reads
//! - `credentials`: where the token comes from
//! - `netrc`: netrc(5)

pub(crate) mod credentials;
pub(crate) mod environment;
pub(crate) mod netrc;

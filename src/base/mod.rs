//! Basic types that every other folder uses. Nothing here knows the API, records or the machine.
//!
//! - `error`: errors and their exit statuses
//! - `id`: which ids are the same
//! - `ordered`: a map over items on several threads, in order
//! - `secret`: secrets in memory, and their redaction from text
//! - `sync`: locks, and threads for which there may be no room
//! - `text`: escaping, shortening, counting, spelling suggestions
//! - `time`: timestamps, durations and dates
//! - `token`: what users give as a token or secret
//! - `url`: URLs

pub(crate) mod error;
pub(crate) mod id;
pub(crate) mod ordered;
pub(crate) mod secret;
pub(crate) mod sync;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod token;
pub(crate) mod url;

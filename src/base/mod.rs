//! Words that everything uses; knows nothing of the API, of records or of the machine.
//!
//! - `error`: what can go wrong, and the exit status it leads to
//! - `secret`: secrets in memory, and how text is cleared of them
//! - `sync`: locks
//! - `text`: escaping, shortening, counting, spelling suggestions
//! - `time`: instants, spans and dates
//! - `url`: URLs

pub(crate) mod error;
pub(crate) mod secret;
pub(crate) mod sync;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod url;

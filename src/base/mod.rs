//! Words that everything uses; knows nothing of the API, of records or of the machine.
//!
//! - [`error`]: what can go wrong, and the exit status it leads to
//! - [`secret`]: secrets in memory, and how text is cleared of them
//! - [`sync`]: locks
//! - [`text`]: escaping, shortening, counting, spelling suggestions
//! - [`time`]: instants, spans and dates

pub mod error;
pub mod secret;
pub mod sync;
pub mod text;
pub mod time;

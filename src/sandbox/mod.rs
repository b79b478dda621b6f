//! A local server of the API, for rehearsals and tests.
//!
//! It listens on the loopback interface only and keeps one account in memory, and on disk if [`Settings::state`] is
//! set. It can be made slow, short of quota or faulty. Its secrets are derived from [`Settings::seed`], so anyone can
//! compute them: never put real data into it.
//!
//! `docs/heroku-api.md` says how the API behaves. Where no public source settles a point, either a setting chooses, or
//! the sandbox does this:
//!
//! - An authorization made for a client has a code, and no token until the code is exchanged.
//! - A regenerated token expires when the old one would have; an expired one stays expired.
//! - An access token issued through a client lasts eight hours and its code 300 seconds; its refresh token never
//!   expires. A used or unknown code gets a 422, a wrong client secret a 401.
//! - A token object has the id of its access token; revoking it keeps the authorization.
//! - Every token may do everything, whatever its scopes.
//! - In the web flow every user agrees at once.
//!
//! The sandbox imports nothing from the tools it tests. A module imports only from lower layers; from the bottom:
//!
//! - `wire`: HTTP requests and responses; `account`: the objects; `stats`: counters
//! - `faults`: how a fault is written, and which one hits a request
//! - `settings`: the options
//! - `service`: a request in, a response out
//! - `shared`: the state that all threads share
//! - `hostile`: sends faulty responses
//! - `conn`: one connection
//! - `server`: the socket and the threads

mod account;
mod conn;
mod faults;
mod hostile;
mod server;
mod service;
mod settings;
mod shared;
mod stats;
mod wire;

pub use account::json::Expired;
pub use account::mint::Mask;
pub use faults::{Fault, FaultError};
pub use server::Server;
pub use settings::Rotated;
pub use settings::Settings;
pub use stats::Stats;
pub use wire::http::head_len;

//! A faithful local server of the API, to rehearse on and to test with.
//!
//! It listens on the loopback interface only, keeps one account in memory (and on disk, if
//! [`Settings::state`] says so) and can be told to be slow, stingy or broken. Where nobody
//! outside the service knows how it behaves, a setting chooses. Its secrets are made from
//! [`Settings::seed`] and are secret from nobody: it must never hold anything real.
//!
//! What no public source settles and no setting chooses is done so:
//!
//! - An authorization made for a client has a code and no token until it is exchanged.
//! - A regenerated token ends when the old one would have; an ended one stays ended.
//! - An access token got through a client lasts eight hours, its refresh token for ever, its
//!   code 300 seconds. A used or unknown code is 422, a wrong client secret 401.
//! - The id of a token is that of the access token; revoking it leaves the authorization.
//! - A token may do everything, whatever its scopes.
//! - In the web flow everybody agrees at once.
//!
//! Imports nothing of the tools it tests. From the bottom: `wire`, `account`, `faults`, `settings`, `service`, then
//! `hostile` (puts faults on the wire), `conn` (one connection), `server` (socket and threads), `stats`.

mod account;
mod conn;
mod faults;
mod hostile;
mod server;
mod service;
mod settings;
mod stats;
mod wire;

pub use account::show::Expired;
pub use faults::{Fault, FaultError};
pub use server::Server;
pub use settings::Settings;
pub use stats::Stats;
pub use wire::http::head_len;

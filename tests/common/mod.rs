//! The harness of all test programs: an account in a sandbox, command lines as a user types them, and their results.

// Each test program uses its part of this.
#![allow(dead_code, unused_imports, unused_macros, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
pub(crate) mod client;
mod command;
mod folder;
#[macro_use]
pub(crate) mod needs;
mod objects;
mod parallel;
mod service;

pub(crate) use account::{Account, joined};
pub(crate) use command::{Line, Ran, Running, finish, path, programs, run, tool};
pub(crate) use folder::Folder;
pub(crate) use objects::{Object, Objects, ids, masks, objects, records, secret, text, text_at};
pub(crate) use parallel::side_by_side;
pub(crate) use service::Service;

use oauth_tools::sandbox::{Fault, Server, Settings};

/// Starts a sandbox.
#[track_caller]
pub(crate) fn start(settings: Settings) -> Server {
    Server::start(settings).expect("a sandbox")
}

/// Parses faults as `oauth-sandbox --fault` does.
#[track_caller]
pub(crate) fn faults<T: AsRef<str>>(texts: &[T]) -> Vec<Fault> {
    texts.iter().map(|text| text.as_ref().parse().expect("a fault")).collect()
}

/// The built-in account with faults.
#[track_caller]
pub(crate) fn faulty<T: AsRef<str>>(texts: &[T]) -> Settings {
    Settings { faults: faults(texts), ..Settings::default() }
}

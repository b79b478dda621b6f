//! Tests of the sandbox over HTTP: responses, saved accounts and faults.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod api;
mod client;
mod exchange;
mod faults;
mod http;
mod settings;

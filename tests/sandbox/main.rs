//! Tests of the sandbox over HTTP: responses, saved accounts and faults.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod api;
#[path = "../common/mod.rs"]
mod common;
mod exchange;
mod faults;
mod http;
mod settings;

//! The sandbox over the wire: what it answers, what it keeps, and how it breaks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod api;
mod client;
mod exchange;
mod faults;
mod http;
mod settings;

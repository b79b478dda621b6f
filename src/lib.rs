//! The library behind the programs of oauth-tools.
//!
//! A program calls [`main`], which reads the command line and runs its tool. A folder uses only the folders to its
//! right: bin → lib → tools → change → session → cli → api → input, output → record, config → sys → base.
//!
//! - `bin/`: the programs, one call each
//! - `tools/`: one module for each program: its command line and its work
//! - `change/`: runs a change over many objects, for all changing tools
//! - `session`: the streams, the environment and the API of a run
//! - `cli/`: options, operands, help, completions
//! - `api/`: calls, retries, quota, lists, TLS
//! - `input/`: lines to entries
//! - `output/`: records to standard output
//! - `record/`: one object as one line
//! - `config/`: environment, credentials, netrc
//! - `sys/`: streams, messages, signals, files
//! - `base/`: errors, secrets, time, text
//! - `sandbox/`: the server behind oauth-sandbox, which uses none of the others
//!
//! The programs are described in oauth-tools(7), the design in docs/architecture.md.

#![forbid(unsafe_code)]
// The documentation is built with --document-private-items: only main, the tables and the sandbox are public.
#![allow(rustdoc::private_intra_doc_links)]

use std::ffi::OsString;
use std::process::ExitCode;

use base::error::{self, Class, Error};
use cli::{Args, Invocation, Tool, opts};
use session::Session;

mod api;
mod base;
mod change;
mod cli;
mod config;
#[cfg(test)]
#[path = "../tests/common/folder.rs"]
mod folder;
mod input;
mod output;
mod record;
pub mod sandbox;
mod session;
mod sys;
pub mod tools;

/// The parts that the fuzz targets, the completions example and the tests use. Not an interface: they change with the
/// code.
#[doc(hidden)]
pub mod parts {
    pub use crate::api::Api;
    pub use crate::api::call::Policy;
    pub use crate::api::http::Http;
    pub use crate::api::quota::retry_after;
    pub use crate::api::transport::{Failure, Method, Request, Response, Transport};
    pub use crate::base::error::{AUTH, FAILED, OK, TEMPORARY, USAGE};
    pub use crate::base::secret::{Secret, redact};
    pub use crate::base::time::{parse_http_date, parse_rfc3339, parse_span, relative, rfc3339, span_words};
    pub use crate::cli::completions::Shell;
    pub use crate::cli::{Opt, Tool};
    pub use crate::config::base_url::Base;
    pub use crate::config::environment::{Config, VARIABLES};
    pub use crate::config::netrc::password;
    pub use crate::input::entry::{Entry, Need};
    pub use crate::input::hunk::Verb;
    pub use crate::input::reader::{Found, Lines, read_all};
    pub use crate::input::sniffer::Sniffer;
    pub use crate::output::Format;
    pub use crate::record::Record;
    pub use crate::record::columns::{escape_cell, unescape_cell};
    pub use crate::record::kind::Kind;
    pub use crate::record::redirect_uri::check as check_redirect_uri;
    pub use crate::sys::child::{NOT_FOUND, NOT_RUNNABLE};
    pub use crate::sys::messages::Messages;
    pub use crate::sys::signals::Stop;
}

/// The work of a tool, after its command line has been read.
pub type Run = fn(&Args, &mut Session) -> Result<(), Error>;

/// The main function of every program: reads the command line, runs the tool, reports its error and returns the exit
/// status.
pub fn main(tool: &'static Tool, run: Run) -> ExitCode {
    sys::child::forbid_core_dumps();
    let mut session = Session::system(tool.name);
    ExitCode::from(start(tool, run, std::env::args_os().skip(1), &mut session))
}

/// Does the work of [`main`] in a given session, and returns the exit status.
pub fn start(
    tool: &'static Tool,
    run: Run,
    args: impl IntoIterator<Item = OsString>,
    session: &mut Session,
) -> u8 {
    let print =
        |session: &mut Session, text: &str| session.io.out.write_all(text.as_bytes()).map_err(Error::stdout);
    let ran = match cli::parse(tool, args) {
        Ok(Invocation::ShortHelp) => print(session, &tool.short_help()),
        Ok(Invocation::Help) => print(session, &tool.help()),
        Ok(Invocation::Version) => {
            print(session, &format!("{} (oauth-tools) {}\n", tool.name, env!("CARGO_PKG_VERSION")))
        }
        Ok(Invocation::Run(args)) => {
            if args.has(&opts::VERBOSE) {
                session.io.messages.set_verbose();
            }
            run(&args, session)
        }
        Err(e) => Err(e),
    };
    let status = status(tool, session, ran);
    // Running the command again is no help for what has failed for good. A command's own status is its own.
    let is_own = !matches!(tool.takes, cli::Takes::Command);
    match is_own && status == error::TEMPORARY && session.io.messages.has_failed_for_good() {
        true => error::FAILED,
        false => status,
    }
}

/// Flushes the output, reports the error of a run, and returns the status for it.
fn status(tool: &'static Tool, session: &mut Session, ran: Result<(), Error>) -> u8 {
    let flushed = session.io.out.flush().map_err(Error::stdout);
    match ran.and(flushed) {
        Ok(()) => u8::from(session.io.messages.has_failed()),
        Err(e) if tool.read_only && e.class() == Class::ReaderGone => error::OK,
        Err(e) if matches!(e.class(), Class::Reported(_) | Class::Signal(_)) => e.status(),
        Err(e) => {
            session.io.messages.error("", &e);
            if e.class() == Class::Usage {
                session.io.messages.say(&format!("see {} -h, or man {}", tool.name, tool.name));
            }
            // A wait that a signal ended is reported as a temporary error, but the signal is the reason.
            let signal = session.stop.signal().filter(|_| e.status() == error::TEMPORARY);
            signal.map_or(e, Error::signal).status()
        }
    }
}

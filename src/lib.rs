//! The library behind the programs of oauth-tools; see oauth-tools(7).
//!
//! `bin/oauth-rm.rs → lib::main → tools/rm.rs → { input, output, batch, api, cli } → { record, kind, transport,
//! config } → { error, secret, io }`

#![forbid(unsafe_code)]
// These pages are read with --document-private-items; only main, the tables and the sandbox are public.
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
mod input;
mod output;
mod record;
pub mod sandbox;
mod session;
mod sys;
pub mod tools;

/// The pieces that the fuzz targets, the generators and the tests take apart. Not an interface: they change with the
/// code.
#[doc(hidden)]
pub mod parts {
    pub use crate::api::Api;
    pub use crate::api::call::Policy;
    pub use crate::api::quota::retry_after;
    pub use crate::api::transport::{Failure, Http, Method, Request, Response, Transport};
    pub use crate::base::error::{AUTH, FAILED, OK, TEMPORARY, USAGE};
    pub use crate::base::secret::{Secret, redact};
    pub use crate::base::time::{parse_http_date, parse_rfc3339, parse_span, relative, rfc3339, span_words};
    pub use crate::cli::completions::Shell;
    pub use crate::cli::{Opt, Tool};
    pub use crate::config::base_url::Base;
    pub use crate::config::environment::{Config, VARIABLES};
    pub use crate::config::netrc::password;
    pub use crate::input::entry::{Entry, Need};
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

/// A tool's work.
pub type Run = fn(&Args, &mut Session) -> Result<(), Error>;

/// The main of every program: reads the command line, runs the tool, reports what went wrong, and decides the status.
pub fn main(tool: &'static Tool, run: Run) -> ExitCode {
    let mut session = Session::system(tool.name);
    ExitCode::from(start(tool, run, std::env::args_os().skip(1), &mut session))
}

/// [`main`] without the process around it.
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
            // What a signal cut short wherever it was waited for looks like a passing fault.
            let signal = session.stop.signal().filter(|_| e.status() == error::TEMPORARY);
            signal.map_or(e, Error::signal).status()
        }
    }
}

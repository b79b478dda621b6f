//! oauth-run(1): runs a command with a short-lived authorization of its own.

use std::time::Duration;

use serde_json::json;

use crate::api::{Api, Object};
use crate::base::error::{Class, Error, FAILED};
use crate::base::text;
use crate::base::time::{self, When};
use crate::change::Run;
use crate::change::create::{Likeness, Maker};
use crate::change::log::{self, Log};
use crate::change::options::Options;
use crate::change::outcome::Outcome;
use crate::cli::{Args, Takes, Tool, opts};
use crate::config::credentials::SECRET_VARIABLES;
use crate::config::scopes::Scopes;
use crate::record::Record;
use crate::record::kind::Kind;
use crate::session::Session;
use crate::sys::child;

/// The command line of oauth-run.
pub static TOOL: Tool = Tool {
    name: "oauth-run",
    about: "Run COMMAND with an authorization of its own, and revoke it when COMMAND ends.",
    usage: &["[-d TEXT] [-s SCOPES] [-e SPAN] [options] [--] COMMAND [ARG...]"],
    opts: &[&[&opts::DESCRIPTION, &opts::SCOPE, &opts::EXPIRES_IN, &opts::LOG], &opts::CALLS],
    kinds: &[],
    takes: Takes::Command,
    read_only: false,
    formats: &[],
};

/// The lifetime of the authorization without `-e`.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Creates the authorization, runs the command, and revokes the authorization.
///
/// # Errors
/// Those of the calls; the exit status of the command, if it is not 0.
pub fn run(args: &Args, session: &mut Session) -> Result<(), Error> {
    let Some(command) = args.operands.first() else {
        return Err(Error::usage("give a command to run"));
    };
    let when = args.when(&opts::EXPIRES_IN)?.unwrap_or(When::Span(LIFETIME));
    let left =
        when.seconds_left(time::now()).map_err(|what| Error::usage(format!("--expires-in: {what}")))?;
    let Some(lifetime) = left else {
        return Err(Error::usage("--expires-in: the authorization of a command must expire"));
    };
    let known = Scopes::read(&session.config)?;
    let scope = args.new_scopes(&known)?.unwrap_or_else(|| vec!["global".to_owned()]);
    let description = match args.get(&opts::DESCRIPTION)? {
        Some(text) => text.to_owned(),
        None => {
            let name = command.to_string_lossy();
            let name = name.rsplit('/').next().unwrap_or_default();
            format!("oauth-run {}", text::shorten(name, 40))
        }
    };
    // Before the command starts, a signal stops the run; then it goes to the command; the revocation ignores signals.
    let mut arrivals = session.outlive_signals()?;
    let path = session.config.search_path();
    session.plan_calls(args, 2)?;
    let log = Options::read(args, &session.config)?.open_log()?;
    let log = log.map(|file| Log::start(file, session)).transpose()?;
    let (messages, stop) = (session.io.messages.clone(), session.stop.clone());
    let (_, api) = session.connect()?;

    let likeness = Likeness::new(Kind::Authz, &description, scope.clone());
    let body = json!({ "description": description, "scope": scope, "expires_in": lifetime }).to_string();
    let made = log::around(log.as_ref(), Kind::Authz, "", || match stop.signal() {
        Some(signal) => Err(Error::signal(signal)),
        None => Maker::new(None).make(
            &Run { api, log: log.as_ref(), exec: None, rest: None, guard: None },
            &likeness,
            &body,
        ),
    })?;
    let Some(Object { record, .. }) = &made.object else { return Err(Error::reported(FAILED)) };
    let ran = if let Some(failure) = &made.failure {
        Err((FAILED, format!("authz {}: {failure}; the command was not started", record.id)))
    } else if made.unlogged {
        // A command that is not in the log is not run. The authorization is revoked below.
        Err((FAILED, "the command was not started".to_owned()))
    } else if let Some(signal) = stop.signal() {
        Err((128 + signal, "stopped before the command was started".to_owned()))
    } else {
        let token = record.whole_secret().unwrap_or_default();
        child::run(
            &args.operands,
            &[("HEROKU_API_KEY", &token)],
            &SECRET_VARIABLES,
            path.as_deref(),
            &mut arrivals,
        )
    };
    let status = match ran {
        Ok(status) => child::code(status),
        Err((status, what)) => {
            messages.fail(&what);
            status
        }
    };
    api.ignore_stops();
    let revoked = revoke(api, log.as_ref(), record, &likeness);
    if let Err(e) = &revoked {
        messages.error(&format!("authz {}", record.id), e);
        let end = record.expires_at().unwrap_or_default();
        messages.say(&format!("authz {} could not be revoked; it expires at {end}", record.id));
    }
    match (status, revoked) {
        (0, Ok(())) => Ok(()),
        (0, Err(e)) => Err(Error::reported(e.status())),
        (status, _) => Err(Error::reported(status)),
    }
}

/// Revokes the authorization that the response to the create named. That response may have been another request's: the
/// account must have this authorization as it was asked for.
fn revoke(api: &Api, log: Option<&Log>, record: &Record<'_>, likeness: &Likeness) -> Result<(), Error> {
    match api.get(Kind::Authz, &record.id) {
        Ok(found) => {
            let dates = [&found.record, record].map(|record| record.text(&["created_at"]));
            let differs = likeness.differs(&found.record).or_else(|| {
                (dates[0] != dates[1]).then(|| format!("it was created at {}, not {}", dates[0], dates[1]))
            });
            if let Some(what) = differs {
                return Err(Error::failed(format!("this is not the authorization that was created: {what}")));
            }
        }
        // The command may have revoked it.
        Err(e) if e.is_gone() => {}
        Err(e) => return Err(e),
    }
    let delete = || Outcome::revoke(api, &record.id, None);
    match log::around(log, Kind::Authz, &record.id, delete) {
        // The authorization is revoked even if the log cannot be written.
        Err(e) if e.class() == Class::File => {
            api.messages().error("--log", &e);
            delete().map(drop)
        }
        gone => gone.map(drop),
    }
}

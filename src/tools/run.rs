//! oauth-run(1): runs a command with a short-lived authorization of its own.

use std::time::Duration;

use serde_json::json;

use crate::api::Api;
use crate::base::error::{Error, FAILED};
use crate::base::text;
use crate::change::create::{Likeness, Maker};
use crate::change::log::{self, Audit};
use crate::change::outcome::Done;
use crate::cli::{Args, Tool, opts};
use crate::config::credentials::SECRET_VARIABLES;
use crate::record::Record;
use crate::record::kind::Kind;
use crate::session::World;
use crate::sys::child;

/// What there is to know about oauth-run before it runs.
pub static TOOL: Tool = Tool {
    name: "oauth-run",
    about: "Run COMMAND with an authorization of its own, and revoke it when COMMAND ends.",
    usage: &["[-d TEXT] [-s SCOPES] [-e SPAN] [options] [--] COMMAND [ARG...]"],
    opts: &[&[&opts::DESCRIPTION, &opts::SCOPE, &opts::EXPIRES_IN, &opts::LOG], &opts::CALLS],
    read_only: false,
    runs_command: true,
};

/// How long the authorization lives where `-e` does not say.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Makes the authorization, runs the command, revokes the authorization.
///
/// # Errors
/// Those of the calls; the command's own status as [`Error::Reported`].
pub fn run(args: &Args, world: &mut World) -> Result<(), Error> {
    let Some(command) = args.operands.first() else {
        return Err(Error::Usage("give a command to run".to_owned()));
    };
    let lifetime = args.span(&opts::EXPIRES_IN)?.unwrap_or(LIFETIME).as_secs();
    if lifetime == 0 {
        return Err(Error::Usage("--expires-in: it would have expired at once".to_owned()));
    }
    let scope = args.new_scopes()?.unwrap_or_else(|| vec!["global".to_owned()]);
    let description = match args.get(&opts::DESCRIPTION)? {
        Some(text) => text.to_owned(),
        None => {
            let name = command.to_string_lossy();
            let name = name.rsplit('/').next().unwrap_or_default();
            format!("oauth-run {}", text::shorten(name, 40))
        }
    };
    // They end us until there is a command, then they are for that; to revoke what was made heeds none.
    world.guard_signals()?;
    let mut api = world.api(args, 2)?;
    let log = args.path(&opts::LOG).or_else(|| world.config.path("OAUTH_LOG"));
    let audit = log.as_deref().map(|path| Audit::open(path, TOOL.name, &api)).transpose()?;

    let likeness = Likeness::new(Kind::Authz, &description, scope.clone());
    let body = json!({ "description": description, "scope": scope, "expires_in": lifetime }).to_string();
    let make = || match world.stop.signal() {
        Some(signal) => Err(Error::Signal(signal)),
        None => Maker::new(&api, None, None)?.make(&api, &likeness, &body, None),
    };
    let made = log::around(audit.as_ref(), Kind::Authz, "", make)?;
    let Some(answer) = made.answer else { return Err(Error::Reported(FAILED)) };
    let record = answer.record(Kind::Authz).map_err(|what| Error::Left { what, hint: "" })?;
    let token = record.whole_secret().unwrap_or_default();
    let env = [("HEROKU_API_KEY", token.as_str())];
    let ran = if made.unlogged {
        // Nothing runs that is not in the log, and what was made for it must go.
        Err((FAILED, "the command was not started".to_owned()))
    } else if let Some(signal) = world.stop.signal() {
        Err((128 + signal, "stopped before the command was started".to_owned()))
    } else {
        child::run(&args.operands, &env, &SECRET_VARIABLES, &world.stop)
    };
    let code = match ran {
        Ok(status) => child::code(status),
        Err((code, what)) => {
            world.io.messages.fail(&what);
            code
        }
    };
    api.heed_nothing();
    let revoked = revoke(&api, audit.as_ref(), &record);
    if let Err(e) = &revoked {
        world.io.messages.error(&format!("authz {}", record.id), e);
        let end = record.expires_at().unwrap_or_default();
        world
            .io
            .messages
            .say(&format!("authz {} could not be revoked; it ends by itself at {end}", record.id));
    }
    match (code, revoked) {
        (0, Ok(())) => Ok(()),
        (0, Err(e)) => Err(Error::Reported(e.code())),
        (code, _) => Err(Error::Reported(code)),
    }
}

fn revoke(api: &Api, log: Option<&Audit>, record: &Record<'_>) -> Result<(), Error> {
    let delete = || Done::revoke(api, &record.id);
    match log::around(log, Kind::Authz, &record.id, delete) {
        // Whatever becomes of the log, what grants access must go.
        Err(e @ Error::File { .. }) => {
            api.messages().error("--log", &e);
            delete().map(drop)
        }
        gone => gone.map(drop),
    }
}

//! oauth-rot(1): gives authorizations new tokens, and clients new secrets.

pub(crate) mod replace;

use crate::base::error::Error;
use crate::change::outcome::Outcome;
use crate::change::targets::{Input, Item, Targets};
use crate::change::{self, Change, Effect, Plan, Run, Step};
use crate::cli::operands::Operands;
use crate::cli::{Args, Opt, Tool, opts};
use crate::input::entry::Need;
use crate::output::Style;
use crate::record::kind::Kind;
use crate::session::Session;
use crate::tools::rot::replace::Replace;

/// `--replace`
const REPLACE: Opt =
    Opt::flag(None, "replace", "create a second authorization like it, and keep the old one");

/// The command line of oauth-rot.
pub static TOOL: Tool = Tool {
    name: "oauth-rot",
    about: "Give authorizations new tokens, and clients new secrets.",
    opts: &[
        &[&REPLACE, &opts::TEAM, &opts::EXEC],
        &opts::BULK,
        &opts::PROTECTION,
        &opts::PRINT_SECRETS,
        &opts::CALLS,
    ],
    kinds: &[Kind::Authz, Kind::Client],
    ..Tool::CHANGES
};

/// Runs oauth-rot.
///
/// # Errors
/// Those of [`change::run`].
pub fn run(args: &Args, session: &mut Session) -> Result<(), Error> {
    let operands = Operands::read(args)?;
    let (replaces, team) = (args.has(&REPLACE), args.team()?);
    if team.is_some() && !replaces {
        return Err(Error::usage("--team requires --replace"));
    }
    let input =
        Input { kind: operands.kind, operands: &operands.others, described: None, need: Need::Identity };
    let style = Style { reveal: true, single: input.is_single(), ..session.style(args, true)? };
    match replaces {
        true => change::run(session, args, style, &input, &Replace { team, revokes: args.has(&opts::EXEC) }),
        false => change::run(session, args, style, &input, &Rotate),
    }
}

/// Rotation in place: the old secret stops working immediately.
struct Rotate;

impl Change for Rotate {
    type Ready = ();

    fn effect(&self) -> Effect {
        Effect::Alters
    }

    fn accept(&self, item: &Item<'_>) -> Result<(), String> {
        super::only(item.kind, TOOL.kinds, "rotated")
    }

    fn prepare(&self, _: &mut Session, _: Option<&Targets>) -> Result<(), Error> {
        Ok(())
    }

    fn plan(&self, (): &(), _: &Item<'_>) -> Result<Plan, Error> {
        Ok(Plan::bare("would-rotate"))
    }

    fn apply(&self, (): &(), run: &Run<'_>, item: &Item<'_>, _: &Step) -> Result<Outcome, Error> {
        let object = run.api.rotate(item.kind, &item.id)?;
        Ok(Outcome::renewed(object, "rotated").pass_on(run.exec))
    }
}

#[cfg(test)]
mod tests;

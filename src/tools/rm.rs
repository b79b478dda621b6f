//! oauth-rm(1): revokes authorizations and tokens, deletes clients and sessions.

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

/// `-f`
const FORCE: Opt = Opt::flag(Some('f'), "force", "do not fail if an object does not exist");

/// The command line of oauth-rm.
pub static TOOL: Tool = Tool {
    name: "oauth-rm",
    about: "Revoke authorizations and tokens, delete clients and sessions.",
    opts: &[&[&FORCE, &opts::YES], &opts::BULK, &opts::PROTECTION, &opts::PRINT, &opts::CALLS],
    ..Tool::CHANGES
};

/// Runs oauth-rm.
///
/// # Errors
/// Those of [`change::run`].
pub fn run(args: &Args, session: &mut Session) -> Result<(), Error> {
    let operands = Operands::read(args)?;
    let input =
        Input { kind: operands.kind, operands: &operands.others, described: None, need: Need::Identity };
    let style = Style { single: input.is_single(), ..session.style(args, true)? };
    change::run(session, args, style, &input, &Remove { force: args.has(&FORCE) })
}

struct Remove {
    force: bool,
}

impl Change for Remove {
    type Ready = ();

    fn effect(&self) -> Effect {
        Effect::Removes
    }

    fn prepare(&self, _: &mut Session, _: Option<&Targets>) -> Result<(), Error> {
        Ok(())
    }

    fn plan(&self, (): &(), item: &Item<'_>) -> Result<Plan, Error> {
        Ok(Plan::bare(match item.kind {
            Kind::Authz | Kind::Token => "would-revoke",
            Kind::Client | Kind::Session => "would-delete",
        }))
    }

    fn asks(&self, kind: Kind) -> Option<(&'static str, &'static str)> {
        let done = kind.removed();
        Some((if done == "revoked" { "revoke" } else { "delete" }, done))
    }

    fn accepts_absence(&self) -> bool {
        self.force
    }

    fn apply(&self, (): &(), run: &Run<'_>, item: &Item<'_>, _: &Step) -> Result<Outcome, Error> {
        match run.api.delete(item.kind, &item.id) {
            Ok(object) => Ok(Outcome { object, ..Outcome::bare(item.kind.removed()) }),
            // Someone else removed it first: with -f that is what the user wanted.
            Err(e) if self.force && e.is_gone() => Ok(Outcome::bare("absent")),
            Err(e) => Err(e),
        }
    }
}

#[cfg(test)]
mod tests;

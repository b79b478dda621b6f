//! oauth-rm(1): revokes authorizations and tokens, deletes clients and sessions.

use crate::base::error::Error;
use crate::change::batch::{self, Work};
use crate::change::outcome::Done;
use crate::change::targets::Wanted;
use crate::cli::{Args, Opt, Tool, opts};
use crate::input::entry::Need;
use crate::record::kind::Kind;
use crate::session::World;

/// `-f`
const FORCE: Opt = Opt::flag(Some('f'), "force", "what does not exist is no failure");

/// What there is to know about oauth-rm before it runs.
pub static TOOL: Tool = Tool {
    name: "oauth-rm",
    about: "Revoke authorizations and tokens, delete clients and sessions.",
    usage: &["[options] [KIND] ID...", "[options] [KIND] < RECORDS"],
    opts: &[&[&FORCE, &opts::YES], &opts::BULK, &opts::SPARED, &opts::PRINT, &opts::CALLS],
    read_only: false,
    runs_command: false,
};

/// Removes what the operands or the input name.
///
/// # Errors
/// Those of [`batch::run`].
pub fn run(args: &Args, world: &mut World) -> Result<(), Error> {
    let (kind, ids) = super::kind_and_ids(args)?;
    let force = args.has(&FORCE);
    let style = world.style(args, true)?;
    let wanted = Wanted { kind, operands: &ids, need: Need::Identity, given: None, check: &|_| Ok(()) };
    let work = Work {
        would: &|kind| match kind {
            Kind::Authz | Kind::Token => "would-revoke",
            Kind::Client | Kind::Session => "would-delete",
        },
        removes: true,
        guarded: true,
        prepare: &|_, _| Ok(()),
        looks: false,
        known: &|_| None,
        draft: &|_| None,
        act: &|api, item, _| match api.delete(item.kind, &item.id) {
            Ok(answer) => Ok(Done { answer, ..Done::bare(item.kind.removed()) }),
            Err(Error::Refused(refusal)) if force && refusal.is_gone() => Ok(Done::bare("absent")),
            Err(e) => Err(e),
        },
    };
    batch::run(world, args, style, &wanted, &work)
}

#[cfg(test)]
mod tests;

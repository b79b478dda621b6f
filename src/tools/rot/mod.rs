//! oauth-rot(1): gives authorizations new tokens, and clients new secrets.

pub(crate) mod replace;

use std::sync::OnceLock;

use crate::base::error::Error;
use crate::change::batch::{self, Work};
use crate::change::create::Maker;
use crate::change::outcome::Done;
use crate::change::targets::{Item, Wanted};
use crate::cli::{Args, Opt, Tool, opts};
use crate::input::entry::Need;
use crate::output::Style;
use crate::record::kind::Kind;
use crate::session::World;

/// `--replace`
const REPLACE: Opt =
    Opt::flag(None, "replace", "make a second authorization like it, and let the old one stay");

/// What there is to know about oauth-rot before it runs.
pub static TOOL: Tool = Tool {
    name: "oauth-rot",
    about: "Give authorizations new tokens, and clients new secrets.",
    usage: &["[options] [KIND] ID...", "[options] [KIND] < RECORDS"],
    opts: &[
        &[&REPLACE, &opts::TEAM, &opts::EXEC],
        &opts::BULK,
        &opts::SPARED,
        &opts::PRINT_SECRETS,
        &opts::CALLS,
    ],
    read_only: false,
    runs_command: false,
};

/// Rotates what the operands or the input name.
///
/// # Errors
/// Those of [`batch::run`].
pub fn run(args: &Args, world: &mut World) -> Result<(), Error> {
    let (kind, ids) = super::kind_and_ids(args)?;
    let style = Style { reveal: true, ..world.style(args, true)? };
    let (replace, exec, team) = (args.has(&REPLACE), args.get(&opts::EXEC)?, args.team()?);
    if team.is_some() && !replace {
        return Err(Error::Usage("--team is where --replace makes the new ones; add it".to_owned()));
    }
    let check = |item: &Item<'_>| {
        super::only(item.kind, &[Kind::Authz, Kind::Client], "rotated")?;
        if replace && (item.kind != Kind::Authz || item.id == "~") {
            return Err("--replace is for authorizations, by their ids".to_owned());
        }
        Ok(())
    };
    let wanted = Wanted { kind, operands: &ids, need: Need::Identity, given: None, check: &check };
    let maker = OnceLock::new();
    let work = Work {
        would: &|_| if replace { "would-replace" } else { "would-rotate" },
        removes: false,
        // A successor alone ends nobody's access.
        guarded: !replace || exec.is_some(),
        prepare: &|api, _| {
            let _ = maker.set(Maker::new(api, team, None)?);
            Ok(())
        },
        looks: false,
        known: &|_| None,
        draft: &|_| None,
        act: &|api, item, log| match maker.get() {
            Some(maker) if replace => replace::replace(api, maker, item, exec, log),
            _ => {
                let answer = api.rotate(item.kind, &item.id)?;
                Ok(Done::renewed(item.kind, answer, "rotated").hand_over(api, item.kind, exec))
            }
        },
    };
    batch::run(world, args, style, &wanted, &work)
}

#[cfg(test)]
mod tests;

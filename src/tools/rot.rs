//! oauth-rot(1): gives authorizations new tokens, and clients new secrets.

use crate::batch::{self, Done, Work};
use crate::cli::{Args, Tool, opts};
use crate::error::Error;
use crate::input::Need;
use crate::kind::Kind;
use crate::targets::Wanted;
use crate::world::World;

/// What there is to know about oauth-rot before it runs.
pub static TOOL: Tool = Tool {
    name: "oauth-rot",
    about: "Give authorizations new tokens, and clients new secrets.",
    usage: &["[options] [KIND] ID...", "[options] [KIND] < RECORDS"],
    opts: &[
        &opts::DRY_RUN,
        &opts::PARALLEL,
        &opts::REST,
        &opts::STREAM,
        &opts::INCLUDE_SELF,
        &opts::INCLUDE_DEFAULT,
        &opts::FORMAT,
        &opts::JSON,
        &opts::SHELL,
        &opts::SHORT,
        &opts::COLOR,
        &opts::RETRY_FOR,
        &opts::NO_WAIT,
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
    let style = args.style(world, true)?;
    let wanted = Wanted {
        kind,
        operands: &ids,
        need: Need::Identity,
        given: None,
        check: &|item| super::only(item.kind, &[Kind::Authz, Kind::Client], "rotated"),
    };
    let work = Work {
        would: &|_| "would-rotate",
        removes: false,
        guarded: true,
        prepare: &|_, _| Ok(()),
        draft: &|_| None,
        act: &|api, item| Ok(Done::new(api.rotate(item.kind, &item.id)?, "rotated")),
    };
    batch::run(world, args, style, &wanted, &work)
}

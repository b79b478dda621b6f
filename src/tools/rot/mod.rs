//! oauth-rot(1): gives authorizations new tokens, and clients new secrets.

pub(crate) mod replace;
pub(crate) mod resume;

use crate::base::error::Error;
use crate::base::secret::{Likeness, Secret};
use crate::base::time;
use crate::change::guard::Seen;
use crate::change::outcome::Outcome;
use crate::change::targets::{Input, Item, Targets};
use crate::change::{self, Change, Effect, Plan, Run, Step};
use crate::cli::operands::Operands;
use crate::cli::{Args, Opt, Tool, opts};
use crate::input::entry::Need;
use crate::output::Style;
use crate::record::Expiry;
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
        &[&REPLACE, &opts::DESCRIPTION, &opts::TEAM, &opts::EXEC, &opts::YES],
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
    let only = [&opts::TEAM, &opts::DESCRIPTION].into_iter().find(|opt| !replaces && args.has(opt));
    if let Some(opt) = only {
        return Err(Error::usage(format!("--{} requires --replace", opt.long)));
    }
    let need = if replaces { Need::Replacement } else { Need::Rotation };
    let input = Input { kind: operands.kind, operands: &operands.others, described: None, need };
    let style = Style { reveal: true, single: input.is_single(), ..session.style(args, true)? };
    match replaces {
        true => {
            let (revokes, rest) = (args.has(&opts::EXEC), args.has(&opts::REST) && !args.has(&opts::DRY_RUN));
            let description = args.get(&opts::DESCRIPTION)?;
            change::run(session, args, style, &input, &Replace { team, description, revokes, rest })
        }
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

    fn asks(&self, _: Kind) -> Option<(&'static str, &'static str)> {
        Some(("rotate", "rotated"))
    }

    fn compares(&self) -> bool {
        true
    }

    fn apply(&self, (): &(), run: &Run<'_>, item: &Item<'_>, _: &Step) -> Result<Outcome, Error> {
        let object = run.api.rotate(item.kind, &item.id)?;
        let before = before(run, item);
        let mut outcome = Outcome::renewed(object, "rotated");
        if let (Some(object), None) = (&outcome.object, &outcome.failure) {
            if let Some(what) = shortened(before.expiry, object.record.expiry) {
                run.api.messages().say(&format!("{}: {what}", item.place()));
            }
            let new = object.record.whole_secret().map(Secret::new);
            let is_old = |new: &Secret| match new.expose() == run.api.token().expose() {
                true => true,
                false => matches!(new.compare(&before.token), Likeness::Fits { is_certain: true }),
            };
            outcome.failure = new.filter(is_old).map(|_| {
                Error::failed("the response holds the old secret: nothing shows that it was rotated")
                    .with_hint("look at it with oauth-ls, then rotate it again with oauth-rot")
            });
        }
        Ok(outcome.within(&before.scope).pass_on(run.exec))
    }
}

/// Returns what is known of an object before its rotation: from a look-up that was made anyway, or else from the record in
/// the input, which somebody may have edited. The token comes from the record if it has one: a list shows only a part.
fn before(run: &Run<'_>, item: &Item<'_>) -> Seen {
    let fields = item.fields();
    let seen = run.guard.and_then(|guard| guard.seen(&item.id));
    let expiry = match (seen.map(|seen| seen.expiry), fields.expires_at.as_deref()) {
        (Some(expiry), _) if expiry != Expiry::Unknown => expiry,
        (_, Some("never")) => Expiry::Never,
        (_, at) => at.and_then(time::parse_rfc3339).map_or(Expiry::Unknown, Expiry::At),
    };
    let token = fields.secret.clone().or_else(|| seen.map(|seen| seen.token.clone()));
    let shown = seen.map(|seen| seen.scope.clone()).filter(|scope| !scope.is_empty());
    let scope = shown.or_else(|| fields.scope.clone());
    Seen { scope: scope.unwrap_or_default(), expiry, token: token.unwrap_or_default() }
}

/// Returns a message if a rotation has shortened a life by more than the clocks may differ
/// (docs/heroku-api.md, "Lifetime after rotation").
fn shortened(old: Expiry, new: Expiry) -> Option<String> {
    let Expiry::At(new) = new else { return None };
    let end = |at| time::rfc3339(at).unwrap_or_default();
    let was = match old {
        Expiry::Never => "it never expired before".to_owned(),
        Expiry::At(old) if new + 60 < old => format!("before, it expired at {}", end(old)),
        _ => return None,
    };
    Some(format!(
        "the rotation has shortened its life: it expires at {}; {was}; --replace keeps the lifetime",
        end(new)
    ))
}

#[cfg(test)]
mod tests;

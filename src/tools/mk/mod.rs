//! oauth-mk(1): creates authorizations, clients and tokens.

pub(crate) mod exchange;
pub(crate) mod web_flow;

use crate::api::Object;
use crate::api::creation;
use crate::base::error::Error;
use crate::change::create::{Likeness, Maker, other_lifetime};
use crate::change::outcome::Outcome;
use crate::change::targets::{Input, Item, Targets};
use crate::change::{self, Change, Effect, Plan, Run, Step};
use crate::cli::operands::Operands;
use crate::cli::{Args, Opt, Takes, Tool, opts};
use crate::config::scopes::Scopes;
use crate::input::entry::{Fields, Need};
use crate::output::Style;
use crate::record::kind::Kind;
use crate::session::Session;
use crate::sys::messages::Messages;
use crate::tools::mk::exchange::Exchange;

/// `--once`
const ONCE: Opt = Opt::flag(None, "once", "do not create again what exists");

/// `--strict`
const STRICT: Opt = Opt::flag(None, "strict", "with --once: what exists counts as failed");

/// The command line of oauth-mk.
pub static TOOL: Tool = Tool {
    name: "oauth-mk",
    about: "Make authorizations and clients, and print their new secrets.",
    usage: &[
        "[options] authz [-d TEXT] [-s SCOPES] [-e SPAN]",
        "[options] client NAME URL",
        "[options] token --grant-code FROM --client-secret FROM",
        "[options] token --web CLIENT-ID",
        "[options] [KIND] - < RECORDS",
    ],
    opts: &[
        &[
            &opts::DESCRIPTION,
            &opts::SCOPE,
            &opts::EXPIRES_IN,
            &opts::NAME,
            &opts::URL,
            &opts::CLIENT_ID,
            &exchange::GRANT_CODE,
            &exchange::REFRESH_TOKEN,
            &opts::CLIENT_SECRET,
            &exchange::WEB,
            &opts::TEAM,
            &ONCE,
            &STRICT,
            &opts::EXEC,
        ],
        &opts::BULK,
        &opts::PRINT_SECRETS,
        &opts::CALLS,
    ],
    kinds: &[Kind::Authz, Kind::Client, Kind::Token],
    takes: Takes::Words,
    ..Tool::CHANGES
};

/// Runs oauth-mk.
///
/// # Errors
/// Those of [`change::run`].
pub fn run(args: &Args, session: &mut Session) -> Result<(), Error> {
    let operands = Operands::read_kind_first(args)?;
    for opt in [&opts::REST, &opts::STREAM].into_iter().filter(|_| !operands.stdin) {
        if args.has(opt) {
            return Err(Error::usage(format!("--{} is for records on standard input: add -", opt.long)));
        }
    }
    let style = Style { reveal: true, single: !operands.stdin, ..session.style(args, true)? };
    if operands.kind == Some(Kind::Token) && !operands.stdin {
        let exchange = token(args, session, &operands.others)?;
        let described = Some((Kind::Token, Fields::default()));
        let input = Input { kind: None, operands: &[], described, need: Need::New };
        return change::run(session, args, style, &input, &exchange);
    }
    for opt in [&exchange::GRANT_CODE, &exchange::REFRESH_TOKEN, &opts::CLIENT_SECRET, &exchange::WEB] {
        if args.has(opt) {
            return Err(Error::usage(format!("--{} is for tokens", opt.long)));
        }
    }
    let scopes = Scopes::read(&session.config)?;
    let make = Make {
        options: option_fields(args, &scopes)?,
        scopes,
        team: args.team()?,
        once: args.has(&ONCE),
        strict: args.has(&STRICT),
        messages: session.io.messages.clone(),
    };
    if make.strict && !make.once {
        return Err(Error::usage("--strict requires --once"));
    }
    if make.once && args.has(&opts::STREAM) {
        return Err(Error::usage("--once reads the whole input first: it cannot be combined with --stream"));
    }
    let described = match (operands.stdin, operands.kind) {
        (true, _) => None,
        (false, None) => return Err(Error::usage("say what to create: authz or client")),
        (false, Some(kind)) => {
            let fields = operand_fields(kind, &operands.others, &make.options)?;
            make.accept(&Item::described(kind, fields.clone())).map_err(Error::usage)?;
            Some((kind, fields))
        }
    };
    let input = Input { kind: operands.kind, operands: &[], described, need: Need::New };
    change::run(session, args, style, &input, &make)
}

/// Creates authorizations and clients.
struct Make<'a> {
    /// The values from the options, which take precedence over a record.
    options: Fields,
    /// The scopes that the API knows.
    scopes: Scopes,
    team: Option<&'a str>,
    once: bool,
    strict: bool,
    messages: Messages,
}

impl Make<'_> {
    fn fields(&self, item: &Item<'_>) -> Fields {
        fill(item.fields(), &self.options)
    }
}

impl<'a> Change for Make<'a> {
    type Ready = Maker<'a>;

    fn effect(&self) -> Effect {
        Effect::Creates
    }

    fn accept(&self, item: &Item<'_>) -> Result<(), String> {
        // Tokens come from an exchange.
        super::only(item.kind, &[Kind::Authz, Kind::Client], "made from records")?;
        if self.team.is_some() && item.kind != Kind::Authz {
            return Err("--team is for authorizations".to_owned());
        }
        creation::body(item.kind, &self.fields(item), &self.scopes).map(drop)
    }

    fn prepare(&self, session: &mut Session, targets: Option<&Targets>) -> Result<Maker<'a>, Error> {
        match targets.filter(|_| self.once) {
            Some(targets) => {
                let wanted =
                    targets.iter().map(|item| Likeness::wanted(item.kind, &self.fields(&item))).collect();
                Ok(Maker::once(session.api()?, self.team, &wanted)?.strict(self.strict))
            }
            None => Ok(Maker::new(self.team)),
        }
    }

    fn plan(&self, maker: &Maker<'a>, item: &Item<'_>) -> Result<Plan, Error> {
        let fields = self.fields(item);
        let likeness = Likeness::wanted(item.kind, &fields);
        if let Some(exists) = maker.existing(&likeness) {
            report_lifetime(&self.messages, item, &fields, &exists);
            return Ok(Plan::Skip(exists));
        }
        maker.refuse_namesake(&likeness)?;
        let body = creation::body(item.kind, &fields, &self.scopes).map_err(Error::usage)?;
        Ok(Plan::Do(Step { would: "would-create", body: Some(body), likeness: Some(likeness) }))
    }

    fn apply(
        &self,
        maker: &Maker<'a>,
        run: &Run<'_>,
        item: &Item<'_>,
        step: &Step,
    ) -> Result<Outcome, Error> {
        let (Some(likeness), Some(body)) = (&step.likeness, &step.body) else {
            return Err(Error::failed("nothing was planned"));
        };
        let outcome = maker.make(run, likeness, &body.sent())?;
        if outcome.status == "exists" {
            report_lifetime(&self.messages, item, &self.fields(item), &outcome);
        }
        Ok(outcome)
    }
}

/// Reads the exchange that the command line describes.
fn token(args: &Args, session: &mut Session, operands: &[String]) -> Result<Exchange, Error> {
    if !operands.is_empty() {
        return Err(Error::usage("a token takes no operands"));
    }
    const OTHERS: [&Opt; 8] = [
        &opts::DESCRIPTION,
        &opts::EXPIRES_IN,
        &opts::NAME,
        &opts::URL,
        &opts::CLIENT_ID,
        &opts::TEAM,
        &ONCE,
        &STRICT,
    ];
    if let Some(opt) = OTHERS.into_iter().find(|opt| args.has(opt)) {
        return Err(Error::usage(format!("--{} is not for tokens", opt.long)));
    }
    if args.has(&opts::SCOPE) && !args.has(&exchange::WEB) {
        return Err(Error::usage("--scope is for --web: a grant has its scopes already"));
    }
    Exchange::read(args, session)
}

/// Reads the values from the options.
fn option_fields(args: &Args, known: &Scopes) -> Result<Fields, Error> {
    let text = |opt| args.get(opt).map(|v| v.map(str::to_owned));
    Ok(Fields {
        description: text(&opts::DESCRIPTION)?,
        scope: args.new_scopes(known)?,
        expires_in: text(&opts::EXPIRES_IN)?,
        expires_at: None,
        name: text(&opts::NAME)?,
        url: text(&opts::URL)?,
        client_id: text(&opts::CLIENT_ID)?,
        ..Fields::NONE
    })
}

/// Reads the values from the operands.
fn operand_fields(kind: Kind, operands: &[String], options: &Fields) -> Result<Fields, Error> {
    let mut fields = Fields::default();
    let usage = |what: &str| Err(Error::usage(what.to_owned()));
    match (kind, operands) {
        (Kind::Authz, []) => {}
        (Kind::Authz, _) => return usage("an authorization takes no operands; its description is -d TEXT"),
        (Kind::Client, [name, url]) if options.name.is_none() && options.url.is_none() => {
            fields.name = Some(name.clone());
            fields.url = Some(url.clone());
        }
        (Kind::Client, []) => {}
        (Kind::Client, _) => return usage("a client takes two operands: NAME and URL"),
        (Kind::Session | Kind::Token, _) => {
            return Err(Error::usage(format!("a {} cannot be made", kind.noun())));
        }
    }
    Ok(fields)
}

fn fill(fields: &Fields, options: &Fields) -> Fields {
    let or = |a: &Option<String>, b: &Option<String>| a.clone().or_else(|| b.clone());
    Fields {
        description: or(&options.description, &fields.description),
        scope: options.scope.clone().or_else(|| fields.scope.clone()),
        expires_in: or(&options.expires_in, &fields.expires_in),
        // A lifetime from an option replaces the record's expiry in either form.
        expires_at: fields.expires_at.clone().filter(|_| options.expires_in.is_none()),
        name: or(&options.name, &fields.name),
        url: or(&options.url, &fields.url),
        client_id: or(&options.client_id, &fields.client_id),
        ..Fields::NONE
    }
}

/// Reports an existing object with another lifetime than the wanted one: users should know if access lasts longer or
/// shorter than they asked for.
fn report_lifetime(messages: &Messages, item: &Item<'_>, fields: &Fields, exists: &Outcome) {
    let Some(Object { record, .. }) = &exists.object else { return };
    if let Some(what) = other_lifetime(item.kind, fields, record) {
        let place = Item { id: record.id.as_ref().into(), ..item.clone() }.place();
        messages.say(&format!("{place}: {what}"));
    }
}

#[cfg(test)]
mod tests;

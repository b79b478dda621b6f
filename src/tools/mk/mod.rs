//! oauth-mk(1): creates authorizations, clients and tokens.

pub(crate) mod exchange;
pub(crate) mod web_flow;

use crate::api::Object;
use crate::api::request::Body;
use crate::base::error::Error;
use crate::base::time::{self, Unix};
use crate::change::create::{DEFAULT_DESCRIPTION, Likeness, Maker};
use crate::change::outcome::Outcome;
use crate::change::targets::{Input, Item, Targets};
use crate::change::{self, Change, Effect, Plan, Run, Step};
use crate::cli::operands::Operands;
use crate::cli::{Args, Opt, Takes, Tool, opts};
use crate::input::entry::{Fields, Need, check_scopes};
use crate::output::Style;
use crate::record::Expiry;
use crate::record::kind::{Kind, check_id};
use crate::record::redirect_uri;
use crate::session::Session;
use crate::sys::messages::Messages;
use crate::tools::mk::exchange::Exchange;

/// `--once`
const ONCE: Opt = Opt::flag(None, "once", "do not create again what exists");

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
    let make = Make {
        options: option_fields(args)?,
        team: args.team()?,
        once: args.has(&ONCE),
        exec: args.has(&opts::EXEC),
        messages: session.io.messages.clone(),
    };
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
    team: Option<&'a str>,
    once: bool,
    exec: bool,
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
        body(item.kind, &self.fields(item)).map(drop)
    }

    fn prepare(&self, session: &mut Session, targets: Option<&Targets>) -> Result<Maker<'a>, Error> {
        match targets.filter(|_| self.once) {
            Some(targets) => {
                let wanted = targets.iter().map(|item| likeness(item.kind, &self.fields(&item))).collect();
                Maker::once(session.api()?, self.team, &wanted)
            }
            None => Ok(Maker::new(self.team)),
        }
    }

    fn plan(&self, maker: &Maker<'a>, item: &Item<'_>) -> Result<Plan, Error> {
        let fields = self.fields(item);
        let likeness = likeness(item.kind, &fields);
        if let Some(exists) = maker.existing(&likeness, self.exec) {
            report_lifetime(&self.messages, item, &fields, &exists);
            return Ok(Plan::Skip(exists));
        }
        let body = body(item.kind, &fields).map_err(Error::usage)?;
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
    const OTHERS: [&Opt; 7] = [
        &opts::DESCRIPTION,
        &opts::EXPIRES_IN,
        &opts::NAME,
        &opts::URL,
        &opts::CLIENT_ID,
        &opts::TEAM,
        &ONCE,
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
fn option_fields(args: &Args) -> Result<Fields, Error> {
    let text = |opt| args.get(opt).map(|v| v.map(str::to_owned));
    Ok(Fields {
        description: text(&opts::DESCRIPTION)?,
        scope: args.new_scopes()?,
        expires_in: text(&opts::EXPIRES_IN)?,
        expires_at: None,
        name: text(&opts::NAME)?,
        url: text(&opts::URL)?,
        client_id: text(&opts::CLIENT_ID)?,
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
    }
}

fn description(fields: &Fields) -> &str {
    fields.description.as_deref().unwrap_or(DEFAULT_DESCRIPTION)
}

fn scope(fields: &Fields) -> Vec<String> {
    fields.scope.clone().filter(|s| !s.is_empty()).unwrap_or_else(|| vec!["global".to_owned()])
}

fn likeness(kind: Kind, fields: &Fields) -> Likeness {
    match kind {
        Kind::Client => Likeness::new(kind, fields.name.as_deref().unwrap_or_default(), fields.url.clone()),
        _ => Likeness::new(kind, description(fields), scope(fields)).made_for(fields.client_id.as_deref()),
    }
}

/// Returns the body of the request that creates the object.
fn body(kind: Kind, fields: &Fields) -> Result<Body, String> {
    let mut body = Body::default();
    if kind == Kind::Client {
        let not_of_clients = [&fields.description, &fields.expires_in, &fields.client_id];
        if not_of_clients.iter().any(|f| f.is_some()) || fields.scope.is_some() {
            return Err("a client has no description, scope, expiry or client".to_owned());
        }
        let (Some(name), Some(url)) = (&fields.name, &fields.url) else {
            return Err("a client needs a name and a redirect URI".to_owned());
        };
        redirect_uri::check(url)?;
        body.set("name", name.as_str());
        body.set("redirect_uri", url.as_str());
        return Ok(body);
    }
    if fields.name.is_some() || fields.url.is_some() {
        return Err("an authorization has no name and no URL; its description is -d TEXT".to_owned());
    }
    fields.scope.as_deref().map_or(Ok(()), check_scopes)?;
    body.set("scope", scope(fields));
    body.set("description", description(fields));
    if let Some(seconds) = lifetime(fields)? {
        body.set("expires_in", seconds);
    }
    if let Some(id) = &fields.client_id {
        check_id(id)?;
        body.set("client", id.as_str());
    }
    Ok(body)
}

/// How far two equal lifetimes may differ, in seconds. The token of an object that was found after a lost response is
/// younger than its authorization.
const LIFETIME_SKEW: Unix = 60;

/// Reports an existing object with another lifetime than the wanted one. A likeness ignores lifetimes, and users should
/// know if access lasts longer or shorter than they asked for.
fn report_lifetime(messages: &Messages, item: &Item<'_>, fields: &Fields, exists: &Outcome) {
    let Some(Object { record, .. }) = &exists.object else { return };
    let wanted = lifetime(fields).ok().flatten().and_then(|seconds| Unix::try_from(seconds).ok());
    let close = |a: Unix, b: Unix| (a - b).abs() <= LIFETIME_SKEW;
    let what = match (wanted, record.expiry) {
        _ if item.kind != Kind::Authz || fields.client_id.is_some() => return,
        (Some(_), Expiry::Never) => "never expires".to_owned(),
        // The same lifetime, counted from now or from its creation.
        (Some(wanted), Expiry::At(at)) if close(wanted, at - time::now()) => return,
        (Some(wanted), Expiry::At(_)) if record.lifetime().is_none_or(|life| close(wanted, life)) => return,
        (_, Expiry::At(at)) => format!("expires at {}", time::rfc3339(at).unwrap_or_default()),
        _ => return,
    };
    let place = Item { id: record.id.as_ref().into(), ..item.clone() }.place();
    messages.say(&format!("{place}: it already exists with another lifetime: it {what}"));
}

/// Returns the lifetime that is asked for, in seconds; `None` if the authorization shall never expire.
fn lifetime(fields: &Fields) -> Result<Option<u64>, String> {
    if let Some(span) = fields.expires_in.as_deref().filter(|s| *s != "null") {
        let seconds = time::parse_span(span)?.as_secs();
        return if seconds > 0 { Ok(Some(seconds)) } else { Err("it would expire immediately".to_owned()) };
    }
    let Some(at) = &fields.expires_at else { return Ok(None) };
    let at = time::parse_rfc3339(at).ok_or_else(|| format!("'{at}' is not an RFC 3339 time"))?;
    match u64::try_from(at - time::now()) {
        Ok(seconds) if seconds > 0 => Ok(Some(seconds)),
        _ => Err("its expires_at is in the past: give --expires-in".to_owned()),
    }
}

#[cfg(test)]
mod tests;

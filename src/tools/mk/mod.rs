//! oauth-mk(1): makes authorizations and clients.

pub(crate) mod exchange;
pub(crate) mod web_flow;

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::base::error::Error;
use crate::base::time::{self, Unix};
use crate::change::batch::{self, Work};
use crate::change::create::{DEFAULT_DESCRIPTION, Likeness, Maker};
use crate::change::outcome::Done;
use crate::change::targets::{Item, Wanted};
use crate::cli::{Args, Opt, Tool, opts};
use crate::input::entry::{Fields, Need, check_scopes};
use crate::output::Style;
use crate::record::Expiry;
use crate::record::kind::{Kind, check_id};
use crate::record::redirect_uri;
use crate::session::World;
use crate::sys::messages::Messages;
use crate::tools::mk::exchange::Exchange;

/// `--once`
const ONCE: Opt = Opt::flag(None, "once", "what exists with these properties is not made again");

/// What there is to know about oauth-mk before it runs.
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
    read_only: false,
    runs_command: false,
};

/// Makes what the operands, or the records, describe.
///
/// # Errors
/// Those of [`batch::run`].
pub fn run(args: &Args, world: &mut World) -> Result<(), Error> {
    let mut operands = args.texts()?;
    let from_stdin = operands.last().is_some_and(|o| o == "-");
    if from_stdin {
        operands.pop();
    }
    let kind = match operands.is_empty() {
        true => None,
        false => Some(Kind::parse(&operands.remove(0)).map_err(Error::Usage)?),
    };
    for opt in [&opts::REST, &opts::STREAM].into_iter().filter(|_| !from_stdin) {
        if args.has(opt) {
            return Err(Error::Usage(format!("--{} is for records on standard input: add -", opt.long)));
        }
    }
    if kind == Some(Kind::Token) && !from_stdin {
        return token(args, world, &operands);
    }
    for opt in [&exchange::GRANT_CODE, &exchange::REFRESH_TOKEN, &opts::CLIENT_SECRET, &exchange::WEB] {
        if args.has(opt) {
            return Err(Error::Usage(format!("--{} is for tokens", opt.long)));
        }
    }
    let options = given(args)?;
    let team = args.team()?;
    let one = match (from_stdin, kind) {
        (true, _) if !operands.is_empty() => {
            return Err(Error::Usage("with -, all comes from the records".to_owned()));
        }
        (true, _) => None,
        (false, None) => return Err(Error::Usage("say what to make: authz or client".to_owned())),
        (false, Some(kind)) => Some((kind, one(kind, &operands, &options)?)),
    };
    let filled = |item: &Item<'_>| fill(item.fields(), &options);
    let check = |item: &Item<'_>| {
        super::only(item.kind, &[Kind::Authz, Kind::Client], "made from records")?;
        if team.is_some() && item.kind != Kind::Authz {
            return Err("--team is for authorizations".to_owned());
        }
        body(item.kind, &filled(item)).map(drop)
    };
    if let Some((kind, fields)) = &one {
        check(&Item::given(*kind, fields.clone())).map_err(Error::Usage)?;
    }
    let style = Style { reveal: true, ..world.style(args, true)? };
    let (once, exec) = (args.has(&ONCE), args.get(&opts::EXEC)?);
    if once && args.has(&opts::STREAM) {
        return Err(Error::Usage("--once looks at all input first, --stream at none".to_owned()));
    }
    let wanted = Wanted { kind, operands: &[], need: Need::New, given: one, check: &check };
    let (maker, messages) = (OnceLock::new(), world.io.messages.clone());
    let work = Work {
        would: &|_| "would-create",
        removes: false,
        guarded: false,
        prepare: &|api, targets| {
            let alike =
                targets.map(|targets| targets.iter().map(|i| likeness(i.kind, &filled(&i))).collect());
            let existing = alike.filter(|_| once);
            let _ = maker.set(Maker::new(api, team, existing.as_ref())?);
            Ok(())
        },
        looks: once,
        known: &|item| {
            let maker: &Maker<'_> = maker.get().filter(|_| once)?;
            let fields = filled(item);
            let exists = maker.existing(&likeness(item.kind, &fields), exec)?;
            tell_end(&messages, item, &fields, &exists);
            Some(exists)
        },
        draft: &|item| body(item.kind, &filled(item)).ok(),
        act: &|api, item, _| {
            let fields = filled(item);
            let body = body(item.kind, &fields).map_err(Error::Usage)?;
            match maker.get() {
                Some(maker) => {
                    let done = maker.make(api, &likeness(item.kind, &fields), &body, exec)?;
                    if done.status == "exists" {
                        tell_end(&messages, item, &fields, &done);
                    }
                    Ok(done)
                }
                None => Err(Error::Usage("nothing can be made yet".to_owned())),
            }
        },
    };
    batch::run(world, args, style, &wanted, &work)
}

/// Makes a token by an exchange.
fn token(args: &Args, world: &mut World, operands: &[String]) -> Result<(), Error> {
    if !operands.is_empty() {
        return Err(Error::Usage("a token takes no operands".to_owned()));
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
        return Err(Error::Usage(format!("--{} is not for tokens", opt.long)));
    }
    if args.has(&opts::SCOPE) && !args.has(&exchange::WEB) {
        return Err(Error::Usage("--scope is for --web: a grant has its scopes already".to_owned()));
    }
    let style = Style { reveal: true, ..world.style(args, true)? };
    let (exchange, exec) = (Exchange::read(args, world)?, args.get(&opts::EXEC)?);
    let given = Some((Kind::Token, Fields::default()));
    let wanted = Wanted { kind: None, operands: &[], need: Need::New, given, check: &|_| Ok(()) };
    let work = Work {
        would: &|_| "would-create",
        removes: false,
        guarded: false,
        prepare: &|_, _| Ok(()),
        looks: false,
        known: &|_| None,
        draft: &|_| Some(exchange.draft()),
        act: &|api, item, _| Ok(exchange.run(api)?.hand_over(api, item.kind, exec)),
    };
    batch::run(world, args, style, &wanted, &work)
}

/// What the options say; it wins over what a record says.
fn given(args: &Args) -> Result<Fields, Error> {
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

/// The one thing that operands and options describe.
fn one(kind: Kind, operands: &[String], options: &Fields) -> Result<Fields, Error> {
    let mut fields = Fields::default();
    let usage = |what: &str| Err(Error::Usage(what.to_owned()));
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
            return Err(Error::Usage(format!("a {} cannot be made", kind.noun())));
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
        // A lifetime from an option takes the place of the record's own end.
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

/// The body of the request that makes it.
fn body(kind: Kind, fields: &Fields) -> Result<String, String> {
    let mut body = Map::new();
    if kind == Kind::Client {
        let foreign = [&fields.description, &fields.expires_in, &fields.client_id];
        if foreign.iter().any(|f| f.is_some()) || fields.scope.is_some() {
            return Err("a client has no description, scope, expiry or client".to_owned());
        }
        let (Some(name), Some(url)) = (&fields.name, &fields.url) else {
            return Err("a client needs a name and a redirect URI".to_owned());
        };
        redirect_uri::check(url)?;
        body.insert("name".to_owned(), json!(name));
        body.insert("redirect_uri".to_owned(), json!(url));
        return Ok(Value::Object(body).to_string());
    }
    if fields.name.is_some() || fields.url.is_some() {
        return Err("an authorization has no name and no URL; its description is -d TEXT".to_owned());
    }
    fields.scope.as_deref().map_or(Ok(()), check_scopes)?;
    body.insert("scope".to_owned(), json!(scope(fields)));
    body.insert("description".to_owned(), json!(description(fields)));
    if let Some(seconds) = lifetime(fields)? {
        body.insert("expires_in".to_owned(), json!(seconds));
    }
    if let Some(id) = &fields.client_id {
        check_id(id)?;
        body.insert("client".to_owned(), json!(id));
    }
    Ok(Value::Object(body).to_string())
}

/// How far two lifetimes may differ and be the same, in seconds: an adopted token is younger than its authorization.
const SAME: Unix = 60;

/// Tells where what stands for the one wanted has another end: likeness does not look at it, and access that lasts
/// longer, or shorter, than the input says should surprise nobody.
fn tell_end(messages: &Messages, item: &Item<'_>, fields: &Fields, exists: &Done) {
    let Some(record) = exists.answer.as_ref().and_then(|answer| answer.record(item.kind).ok()) else {
        return;
    };
    let wanted = lifetime(fields).ok().flatten().and_then(|seconds| Unix::try_from(seconds).ok());
    let close = |a: Unix, b: Unix| (a - b).abs() <= SAME;
    let what = match (wanted, record.expiry) {
        _ if item.kind != Kind::Authz || fields.client_id.is_some() => return,
        (Some(_), Expiry::Never) => "never ends".to_owned(),
        // As long as was wanted, or until when.
        (Some(wanted), Expiry::At(at)) if close(wanted, at - time::now()) => return,
        (Some(wanted), Expiry::At(_)) if record.lifetime().is_none_or(|life| close(wanted, life)) => return,
        (_, Expiry::At(at)) => format!("ends at {}", time::rfc3339(at).unwrap_or_default()),
        _ => return,
    };
    let place = Item { id: record.id.as_ref().into(), ..item.clone() }.place();
    messages.say(&format!("{place}: it exists already, with another lifetime: it {what}"));
}

/// Seconds that an authorization is to live; `None` for ever.
fn lifetime(fields: &Fields) -> Result<Option<u64>, String> {
    if let Some(span) = fields.expires_in.as_deref().filter(|s| *s != "null") {
        let seconds = time::parse_span(span)?.as_secs();
        return if seconds > 0 { Ok(Some(seconds)) } else { Err("it would have expired at once".to_owned()) };
    }
    let Some(at) = &fields.expires_at else { return Ok(None) };
    let at = time::parse_rfc3339(at).ok_or_else(|| format!("'{at}' is no RFC 3339 time"))?;
    match u64::try_from(at - time::now()) {
        Ok(seconds) if seconds > 0 => Ok(Some(seconds)),
        _ => Err("its expires_at has passed: give --expires-in".to_owned()),
    }
}

#[cfg(test)]
mod tests;

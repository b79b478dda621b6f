//! oauth-patch(1): applies a plan, as oauth-diff(1) prints it, to the account.
//!
//! - `account`: compares the account with the plan, before the first change
//! - `clients`: the clients of the authorizations to make, which the plan may make too

mod account;
mod clients;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::api::request::Body;
use crate::api::{Object, creation};
use crate::base::error::Error;
use crate::change::create::{Maker, other_lifetime};
use crate::change::outcome::Outcome;
use crate::change::targets::{Input, Item, Targets};
use crate::change::{self, Change, Effect, Plan, Run, Step};
use crate::cli::operands::Operands;
use crate::cli::{Args, Opt, Takes, Tool, opts};
use crate::config::scopes::Scopes;
use crate::input::entry::{Fields, Need};
use crate::input::hunk::{Hunk, Value, Verb, same};
use crate::output::{Format, Style};
use crate::record::json::JsonObject;
use crate::record::kind::Kind;
use crate::record::redirect_uri;
use crate::session::Session;
use crate::tools::patch::account::{Compared, State};
use crate::tools::patch::clients::Client;

/// `--remove`
const REMOVE: Opt = Opt::flag(None, "remove", "remove what the plan says was removed");

/// The command line of oauth-patch.
pub static TOOL: Tool = Tool {
    name: "oauth-patch",
    about: "Apply a plan: make, change and remove what oauth-diff says.",
    usage: &["[options] [KIND] < PLAN"],
    opts: &[
        &[&REMOVE, &opts::EXEC, &opts::YES],
        &[&opts::DRY_RUN, &opts::PARALLEL, &opts::REST, &opts::LOG, &opts::SUMMARY],
        &opts::PROTECTION,
        &opts::PRINT,
        &opts::CALLS,
    ],
    kinds: &Kind::LISTED,
    takes: Takes::Words,
    formats: &[Format::Ndjson, Format::Csv, Format::Json, Format::Id, Format::Table],
    ..Tool::CHANGES
};

/// Runs oauth-patch.
///
/// # Errors
/// Those of [`change::run`].
pub fn run(args: &Args, session: &mut Session) -> Result<(), Error> {
    let operands = Operands::read_kind_first(args)?;
    if let Some(other) = operands.others.first() {
        return Err(Error::usage(format!("unexpected argument '{other}': a plan comes from standard input")));
    }
    let input = Input { kind: operands.kind, operands: &[], described: None, need: Need::Plan };
    let style = Style { reveal: true, ..session.style(args, true)? };
    let patch = Patch { removes: args.has(&REMOVE), scopes: Scopes::read(&session.config)? };
    change::run(session, args, style, &input, &patch)
}

/// Applies a plan.
struct Patch {
    /// What the plan says was removed is removed.
    removes: bool,
    /// The scopes that the API knows.
    scopes: Scopes,
}

/// What is known before the first change.
struct Ready {
    maker: Maker<'static>,
    compared: Compared,
}

/// The members that follow from other changes, or hold secrets, which nobody can set.
const CONSEQUENCES: [&str; 8] =
    ["updated_at", "created_at", "access_token", "refresh_token", "secret", "grant", "session", "expires_in"];

/// Those of them that show that an object has another secret.
const SECRETS: [&str; 3] = ["access_token", "refresh_token", "secret"];

/// Returns the line of the plan for an item.
fn hunk<'a>(item: &'a Item<'_>) -> Result<&'a Hunk, String> {
    item.fields().hunk.as_deref().ok_or_else(|| "this is not a line of a plan".to_owned())
}

/// Returns the fields of an object to make, with the client of this id. The expiry of one for a client is that of its
/// code, not a lifetime.
fn new_fields(item: &Item<'_>, client_id: Option<String>) -> Fields {
    let fields = item.fields().clone();
    let is_for_client = fields.client_id.is_some() || fields.client_name.is_some();
    let expires_at = fields.expires_at.filter(|_| !is_for_client);
    Fields { expires_at, client_id, client_name: None, ..fields }
}

/// Returns the values that are sent to the API.
fn sent(kind: Kind, hunk: &Hunk) -> impl Iterator<Item = &Value> {
    hunk.values.iter().filter(move |value| {
        matches!(
            (kind, value.name.as_str()),
            (Kind::Authz, "description") | (Kind::Client, "name" | "redirect_uri")
        )
    })
}

/// Returns the body of the request that changes an object; empty if nothing is to be sent.
fn update(kind: Kind, hunk: &Hunk) -> Result<Body, String> {
    let mut body = Body::default();
    for value in &hunk.values {
        let name = value.name.as_str();
        if CONSEQUENCES.contains(&name) || (name == "client" && same_client(value)) {
            continue;
        }
        if !sent(kind, hunk).any(|sent| sent.name == name) {
            return Err(refusal(kind, name));
        }
        let now = value.now.as_deref().ok_or_else(|| format!("its new {name} is missing"))?;
        let now: Json = serde_json::from_str(now).map_err(|_| format!("its new {name} cannot be read"))?;
        match (&now, name) {
            (Json::Null, "description") => {}
            (Json::String(uri), "redirect_uri") => redirect_uri::check(uri)?,
            (Json::String(text), _) if name != "name" || !text.trim().is_empty() => {}
            _ => return Err(format!("its new {name} is not a text")),
        }
        body.set(name, now);
    }
    Ok(body)
}

/// Returns whether the client is the same: its name and redirect URI change with the client itself.
fn same_client(value: &Value) -> bool {
    let id = |raw: &str| {
        let client: JsonObject<'_> = serde_json::from_str(raw).ok()?;
        client.get("id").map(|id| id.get().to_owned())
    };
    let (was, now) = (id(&value.was), value.now.as_deref().and_then(id));
    was.is_some_and(|was| now.is_some_and(|now| same(&was, &now)))
}

/// Says why a member cannot be changed, and what can be done.
fn refusal(kind: Kind, name: &str) -> String {
    let shown = crate::base::text::escape(name);
    match (kind, name) {
        (Kind::Authz, "scope" | "expires_at") => format!(
            "the API cannot change its {name}: oauth-rot --replace or oauth-mk makes another, oauth-rm revokes this one"
        ),
        (Kind::Authz, "client") => {
            "its client changes only with that client's secret: use oauth-set --client-id".to_owned()
        }
        (Kind::Session, _) => format!("the API cannot change a session, so not its {shown}"),
        _ => format!("oauth-patch cannot change its {shown}"),
    }
}

impl Change for Patch {
    type Ready = Ready;

    fn effect(&self) -> Effect {
        if self.removes { Effect::Removes } else { Effect::Alters }
    }

    fn accept(&self, item: &Item<'_>) -> Result<(), String> {
        crate::tools::only(item.kind, TOOL.kinds, "in a plan")?;
        let hunk = hunk(item)?;
        if item.id == "~" {
            return Err("a plan names objects by their own ids, not by ~".to_owned());
        }
        match hunk.verb {
            Verb::Added => {
                crate::tools::only(item.kind, &[Kind::Authz, Kind::Client], "made from a plan")?;
                if item.kind == Kind::Authz && item.fields().scope.is_none() {
                    return Err("its scope is missing: say which, global if it must be".to_owned());
                }
                let client_id = item.fields().client_id.clone();
                creation::body(item.kind, &new_fields(item, client_id), &self.scopes).map(drop)
            }
            Verb::Changed => update(item.kind, hunk).map(drop),
            Verb::Removed => Ok(()),
        }
    }

    fn prepare(&self, session: &mut Session, targets: Option<&Targets>) -> Result<Ready, Error> {
        let targets = targets.ok_or_else(|| Error::usage("a plan is read as a whole"))?;
        let compared = account::compare(session, targets, self.removes)?;
        Ok(Ready { maker: Maker::adopting(), compared })
    }

    fn plan(&self, ready: &Ready, item: &Item<'_>) -> Result<Plan, Error> {
        match ready.compared.states.get(item.index) {
            Some(State::Done(object, status)) => {
                let fields = item.fields();
                // The expiry of one for a client is that of its code.
                let lives =
                    fields.are_of_new_object() && fields.client_id.is_none() && fields.client_name.is_none();
                let other = if lives { other_lifetime(item.kind, fields, &object.record) } else { None };
                let failure = other.map(Error::failed);
                return Ok(Plan::Skip(Outcome { failure, ..Outcome::new((**object).clone(), status) }));
            }
            Some(State::Absent) => return Ok(Plan::Skip(Outcome::bare("absent"))),
            Some(State::Kept) => return Ok(Plan::Skip(Outcome::bare("kept"))),
            Some(State::Open) => {}
            None => return Err(Error::failed("nothing is known of it")),
        }
        let hunk = hunk(item).map_err(Error::input)?;
        Ok(match hunk.verb {
            Verb::Added => Plan::Do(self.creation(ready, item).map_err(Error::input)?),
            Verb::Changed => {
                let body = update(item.kind, hunk).map_err(Error::input)?;
                Plan::Do(Step { would: "would-update", body: Some(body), ..Step::default() })
            }
            Verb::Removed if item.kind.removed() == "revoked" => Plan::bare("would-revoke"),
            Verb::Removed => Plan::bare("would-delete"),
        })
    }

    fn accepts_absence(&self) -> bool {
        true
    }

    /// An authorization needs its client.
    fn needs(&self, ready: &Ready, item: &Item<'_>) -> Option<usize> {
        ready.compared.clients.needs(item)
    }

    /// What is removed comes last, and only if all that replaces it is there.
    fn waits(&self, item: &Item<'_>) -> bool {
        self.removes && item.fields().hunk.as_ref().is_some_and(|hunk| hunk.verb == Verb::Removed)
    }

    fn apply(&self, ready: &Ready, run: &Run<'_>, item: &Item<'_>, step: &Step) -> Result<Outcome, Error> {
        let hunk = hunk(item).map_err(Error::input)?;
        match (hunk.verb, &step.likeness, &step.body) {
            (Verb::Added, Some(likeness), Some(body)) => {
                let outcome = ready.maker.make(run, likeness, &body.sent())?;
                if let Some(object) = outcome.object.as_ref().filter(|_| item.kind == Kind::Client) {
                    ready.compared.clients.learn(item.index, &object.record.id);
                }
                Ok(outcome)
            }
            (Verb::Changed, _, Some(body)) => {
                let object = run.api.update(item.kind, &item.id, &body.sent())?;
                let failure = check(item.kind, hunk, &object).err();
                Ok(Outcome { failure, ..Outcome::new(masked(object), "updated") })
            }
            (Verb::Removed, ..) => match run.api.delete(item.kind, &item.id) {
                Ok(object) => {
                    Ok(Outcome { object: object.map(masked), ..Outcome::bare(item.kind.removed()) })
                }
                // Removed by someone else, or with its client.
                Err(e) if e.is_gone() => Ok(Outcome::bare("absent")),
                Err(e) => Err(e),
            },
            _ => Err(Error::failed("nothing was planned")),
        }
    }
}

impl Patch {
    /// Plans the creation of an object. One whose client does not exist yet is only shown: it has no likeness.
    fn creation(&self, ready: &Ready, item: &Item<'_>) -> Result<Step, String> {
        let clients = &ready.compared.clients;
        let (client_id, unmade) = match clients.of(item) {
            Some(Client::Known(id)) => (Some(id), None),
            Some(Client::Unmade(line)) => (None, Some(line)),
            None if item.fields().client_name.is_some() => return Err("its client is unknown".to_owned()),
            None => (None, None),
        };
        let mut body = creation::body(item.kind, &new_fields(item, client_id), &self.scopes)?;
        if let Some(line) = unmade {
            body.set("client", serde_json::json!({ "name": line.name }));
        }
        let likeness = unmade.is_none().then(|| clients.likeness(item));
        Ok(Step { would: "would-create", body: Some(body), likeness })
    }
}

/// Checks that the object in the response to a change has the new values.
fn check(kind: Kind, hunk: &Hunk, object: &Object) -> Result<(), Error> {
    let found: BTreeMap<&str, &str> = sent(kind, hunk)
        .filter_map(|value| Some((value.name.as_str(), object.record.member(&value.name)?.get())))
        .collect();
    let differs = |value: &&Value| {
        let found = found.get(value.name.as_str()).copied().unwrap_or("null");
        !value.now.as_deref().is_some_and(|now| same(found, now))
    };
    match sent(kind, hunk).find(differs) {
        None => Ok(()),
        Some(value) => Err(Error::failed(format!(
            "the API accepted the change, but its {} is not the one in the plan",
            value.name
        ))),
    }
}

/// Returns an object without its secrets: only those of new objects are printed.
fn masked(object: Object) -> Object {
    match object.record.masked() {
        Some(record) => Object { record, ..object },
        None => object,
    }
}

//! oauth-set(1): changes descriptions, names and redirect URIs.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::api::request::Body;
use crate::api::{Api, Object};
use crate::base::error::Error;
use crate::base::id;
use crate::base::secret::Secret;
use crate::base::text;
use crate::change::outcome::Outcome;
use crate::change::targets::{Input, Item, Targets};
use crate::change::{self, Change, Effect, Plan, Run, Step};
use crate::cli::operands::Operands;
use crate::cli::{Args, Tool, opts};
use crate::input::entry::{Fields, Need};
use crate::output::Style;
use crate::record::kind::{Kind, check_id};
use crate::record::redirect_uri;
use crate::session::Session;
use crate::tools::secret_option;

/// The command line of oauth-set.
pub static TOOL: Tool = Tool {
    name: "oauth-set",
    about: "Change an authorization's description or client, a client's name or URI.",
    opts: &[
        &[&opts::DESCRIPTION, &opts::CLIENT_ID, &opts::CLIENT_SECRET, &opts::NAME, &opts::URL],
        &opts::BULK,
        &opts::PROTECTION,
        &opts::PRINT,
        &opts::CALLS,
    ],
    kinds: &[Kind::Authz, Kind::Client],
    ..Tool::CHANGES
};

/// Runs oauth-set.
///
/// # Errors
/// Those of [`change::run`].
pub fn run(args: &Args, session: &mut Session) -> Result<(), Error> {
    let operands = Operands::read(args)?;
    let edits = Edits::read(args, session, !operands.others.is_empty())?;
    if let (Some(kind), false) = (operands.kind, operands.others.is_empty()) {
        let body = edits.body(kind, &Fields::NONE).map_err(Error::usage)?;
        if body.is_empty() {
            return Err(Error::usage(nothing_to_change(kind)));
        }
    }
    // Options are for all records: then these name objects only.
    let need = if edits.are_given() { Need::Identity } else { Need::Fields };
    let input = Input { kind: operands.kind, operands: &operands.others, described: None, need };
    let style = Style { single: input.is_single(), ..session.style(args, true)? };
    change::run(session, args, style, &input, &edits)
}

/// The values from the options. If there are any, the fields of the records are ignored.
struct Edits {
    description: Option<String>,
    client: Option<(String, Secret)>,
    name: Option<String>,
    url: Option<String>,
}

impl Edits {
    fn read(args: &Args, session: &mut Session, stdin_is_free: bool) -> Result<Edits, Error> {
        let text = |opt| args.get(opt).map(|v| v.map(str::to_owned));
        let client = match (text(&opts::CLIENT_ID)?, text(&opts::CLIENT_SECRET)?) {
            (None, None) => None,
            (Some(id), Some(secret)) => {
                check_id(&id).map_err(|e| Error::usage(format!("--client-id: {e}")))?;
                let secret = secret_option::secret(session, "--client-secret", &secret, stdin_is_free)?;
                Some((id, secret))
            }
            _ => return Err(Error::usage("--client-id and --client-secret go together")),
        };
        let url = text(&opts::URL)?;
        if let Some(url) = &url {
            redirect_uri::check(url).map_err(|e| Error::usage(format!("--url: {e}")))?;
        }
        Ok(Edits { description: text(&opts::DESCRIPTION)?, client, name: text(&opts::NAME)?, url })
    }

    fn are_given(&self) -> bool {
        self.description.is_some() || self.client.is_some() || self.name.is_some() || self.url.is_some()
    }

    /// Returns the body of the request for an object; empty if there is nothing to change.
    fn body(&self, kind: Kind, fields: &Fields) -> Result<Body, String> {
        super::only(kind, TOOL.kinds, "changed")?;
        if kind == Kind::Authz && (self.name.is_some() || self.url.is_some()) {
            return Err("--name and --url are for clients".to_owned());
        }
        if kind == Kind::Client && (self.description.is_some() || self.client.is_some()) {
            return Err("--description and --client-id are for authorizations".to_owned());
        }
        let mut body = Body::default();
        for (name, option, field) in match kind {
            Kind::Client => {
                vec![("name", &self.name, &fields.name), ("redirect_uri", &self.url, &fields.url)]
            }
            _ => vec![("description", &self.description, &fields.description)],
        } {
            if let Some(value) = if self.are_given() { option } else { field } {
                if name == "redirect_uri" {
                    redirect_uri::check(value)?;
                }
                body.set(name, value.as_str());
            }
        }
        if let (Kind::Authz, Some((id, secret))) = (kind, &self.client) {
            body.set_client(id, secret);
        }
        Ok(body)
    }
}

impl Change for Edits {
    /// The current objects, without secrets; empty if the values come from options.
    type Ready = HashMap<(Kind, String), Object>;

    fn effect(&self) -> Effect {
        Effect::Alters
    }

    fn accept(&self, item: &Item<'_>) -> Result<(), String> {
        // A record without fields is unchanged; a bare id without an option is a mistake.
        match self.body(item.kind, item.fields())?.is_empty() && item.fields.is_none() {
            true => Err(nothing_to_change(item.kind)),
            false => Ok(()),
        }
    }

    fn prepare(&self, session: &mut Session, targets: Option<&Targets>) -> Result<Self::Ready, Error> {
        match targets {
            Some(targets) if !self.are_given() => current_objects(session.api()?, targets),
            _ => Ok(HashMap::new()),
        }
    }

    fn plan(&self, account: &Self::Ready, item: &Item<'_>) -> Result<Plan, Error> {
        if let Some(outcome) = unchanged(account, item) {
            return Ok(Plan::Skip(outcome));
        }
        let body = self.body(item.kind, item.fields()).map_err(Error::usage)?;
        Ok(Plan::Do(Step { would: "would-update", body: Some(body), ..Step::default() }))
    }

    fn apply(&self, _: &Self::Ready, run: &Run<'_>, item: &Item<'_>, step: &Step) -> Result<Outcome, Error> {
        match &step.body {
            Some(body) if !body.is_empty() => {
                let sent = body.sent();
                let object = run.api.update(item.kind, &item.id, &sent)?;
                let failure = unlike(&sent, &object);
                Ok(Outcome { failure, ..Outcome::new(object, "updated") })
            }
            _ => Err(Error::failed(nothing_to_change(item.kind))),
        }
    }
}

/// Returns an error if the object in the response to a change does not have the values that were sent. A member that the
/// response leaves out cannot differ.
fn unlike(sent: &str, object: &Object) -> Option<Error> {
    let sent: serde_json::Map<String, Value> = serde_json::from_str(sent).unwrap_or_default();
    let record = &object.record;
    let differs = |(name, value): &(&String, &Value)| {
        record.member(name).is_some()
            && match value.get("id").and_then(Value::as_str) {
                Some(id) => !id::same(id, &record.text(&[name, "id"])),
                None => value.as_str().is_some_and(|text| text.trim() != record.text(&[name]).trim()),
            }
    };
    sent.iter().find(differs).map(|(name, _)| {
        let found = text::shorten(&record.text(&[name]), 80).into_owned();
        let what = format!("the API accepted the change, but its {name} is '{found}'");
        Error::failed(what).with_hint("look at it with oauth-ls, then set it again")
    })
}

fn nothing_to_change(kind: Kind) -> String {
    match kind {
        Kind::Authz => "nothing to change: give --description, or --client-id and --client-secret".to_owned(),
        _ => "nothing to change: give --name or --url".to_owned(),
    }
}

/// Lists the current objects that are among the targets. A list costs one call for a thousand objects; an update for
/// each that is unchanged would cost a call for each.
fn current_objects(api: &Api, targets: &Targets) -> Result<HashMap<(Kind, String), Object>, Error> {
    let wanted: HashSet<(Kind, String)> = targets.iter().map(|i| (i.kind, id::key(&i.id))).collect();
    let kinds: HashSet<Kind> = wanted.iter().map(|(kind, _)| *kind).collect();
    let mut account = HashMap::new();
    for kind in kinds {
        api.each(kind, None, &mut |record, date| {
            let key = (kind, id::key(&record.id));
            if wanted.contains(&key)
                && let Some(record) = record.masked()
            {
                account.insert(key, Object { record, date, request_id: None });
            }
        })?;
    }
    Ok(account)
}

/// Returns the outcome `unchanged` if the object already has all values of the record.
fn unchanged(account: &HashMap<(Kind, String), Object>, item: &Item<'_>) -> Option<Outcome> {
    let object = account.get(&(item.kind, id::key(&item.id)))?;
    let fields = item.fields();
    let given = match item.kind {
        Kind::Authz => vec![("description", &fields.description)],
        _ => vec![("name", &fields.name), ("redirect_uri", &fields.url)],
    };
    let same = |(name, text): (&str, &Option<String>)| {
        text.as_ref().is_none_or(|text| *text == object.record.text(&[name]))
    };
    given.into_iter().all(same).then(|| Outcome::new(object.clone(), "unchanged"))
}

#[cfg(test)]
mod tests;

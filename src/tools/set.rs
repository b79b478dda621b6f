//! oauth-set(1): changes descriptions, names and redirect URIs.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::api::{Answer, Api};
use crate::base::error::Error;
use crate::base::secret::Secret;
use crate::base::time::Unix;
use crate::change::batch::{self, Work};
use crate::change::outcome::Done;
use crate::change::targets::{Item, Targets, Wanted};
use crate::cli::{Args, Tool, opts};
use crate::input::entry::{Fields, Need};
use crate::record::Record;
use crate::record::kind::{Kind, check_id};
use crate::record::redirect_uri;
use crate::session::World;
use crate::tools::secret_option;

/// What there is to know about oauth-set before it runs.
pub static TOOL: Tool = Tool {
    name: "oauth-set",
    about: "Change an authorization's description or client, a client's name or URI.",
    usage: &["[options] [KIND] ID...", "[options] [KIND] < RECORDS"],
    opts: &[
        &[&opts::DESCRIPTION, &opts::CLIENT_ID, &opts::CLIENT_SECRET, &opts::NAME, &opts::URL],
        &opts::BULK,
        &opts::SPARED,
        &opts::PRINT,
        &opts::CALLS,
    ],
    read_only: false,
    runs_command: false,
};

/// What the options change; each wins over what a record says.
struct Changes {
    description: Option<String>,
    client: Option<(String, Secret)>,
    name: Option<String>,
    url: Option<String>,
}

impl Changes {
    fn read(args: &Args, world: &mut World, stdin_is_free: bool) -> Result<Changes, Error> {
        let text = |opt| args.get(opt).map(|v| v.map(str::to_owned));
        let client = match (text(&opts::CLIENT_ID)?, text(&opts::CLIENT_SECRET)?) {
            (None, None) => None,
            (Some(id), Some(secret)) => {
                check_id(&id).map_err(|e| Error::Usage(format!("--client-id: {e}")))?;
                let secret = secret_option::secret(world, "--client-secret", &secret, stdin_is_free)?;
                Some((id, secret))
            }
            _ => return Err(Error::Usage("--client-id and --client-secret go together".to_owned())),
        };
        let url = text(&opts::URL)?;
        if let Some(url) = &url {
            redirect_uri::check(url).map_err(|e| Error::Usage(format!("--url: {e}")))?;
        }
        Ok(Changes { description: text(&opts::DESCRIPTION)?, client, name: text(&opts::NAME)?, url })
    }

    fn some(&self) -> bool {
        self.description.is_some() || self.client.is_some() || self.name.is_some() || self.url.is_some()
    }

    /// The body of the request for an item; `None` where there is nothing to change.
    fn body(&self, kind: Kind, fields: &Fields, with_secret: bool) -> Result<Option<String>, String> {
        super::only(kind, &[Kind::Authz, Kind::Client], "changed")?;
        let (own, other) = match kind {
            Kind::Authz => (
                vec![("description", &self.description, &fields.description)],
                (self.name.is_some() || self.url.is_some())
                    .then_some("an authorization has no --name and no --url"),
            ),
            _ => (
                vec![("name", &self.name, &fields.name), ("redirect_uri", &self.url, &fields.url)],
                (self.description.is_some() || self.client.is_some())
                    .then_some("a client has no --description and no --client-id"),
            ),
        };
        if let Some(what) = other {
            return Err(what.to_owned());
        }
        let mut body = Map::new();
        for (name, option, field) in own {
            // Where an option says what to change, the record only says what it is about.
            if let Some(value) = if self.some() { option } else { field } {
                body.insert(name.to_owned(), Value::String(value.clone()));
            }
        }
        if let (Kind::Authz, Some((id, secret))) = (kind, &self.client) {
            let secret = if with_secret { secret.expose() } else { crate::base::secret::STARS };
            body.insert("client".to_owned(), serde_json::json!({ "id": id, "secret": secret }));
        }
        if let Some(Value::String(url)) = body.get("redirect_uri") {
            redirect_uri::check(url)?;
        }
        Ok((!body.is_empty()).then(|| Value::Object(body).to_string()))
    }
}

fn nothing(kind: Kind) -> String {
    match kind {
        Kind::Authz => "nothing to change: give --description, or --client-id and --client-secret".to_owned(),
        _ => "nothing to change: give --name or --url".to_owned(),
    }
}

/// Objects as the account has them: JSON without secrets, and its date.
type Account = HashMap<(Kind, String), (String, Unix)>;

/// The targets as they are now. A list costs a call for a thousand records; to send each of them unchanged would cost
/// one for each, and touch it.
fn as_it_is(api: &Api, targets: &Targets) -> Result<Account, Error> {
    let wanted: HashSet<(Kind, String)> = targets.iter().map(|i| (i.kind, i.id.to_string())).collect();
    let kinds: HashSet<Kind> = wanted.iter().map(|(kind, _)| *kind).collect();
    let mut account = Account::new();
    for kind in kinds {
        api.each(kind, None, &mut |record, date| {
            let key = (kind, record.id.to_string());
            if wanted.contains(&key) {
                account.insert(key, (record.masked_line(), date));
            }
        })?;
    }
    Ok(account)
}

/// What there is to say of an item whose record says nothing new.
fn unchanged(account: &Account, item: &Item<'_>) -> Option<Done> {
    let (json, date) = account.get(&(item.kind, item.id.to_string()))?;
    let record = Record::from_line(item.kind, json).ok()?;
    let fields = item.fields();
    let said = match item.kind {
        Kind::Authz => vec![("description", &fields.description)],
        _ => vec![("name", &fields.name), ("redirect_uri", &fields.url)],
    };
    let same = |(name, text): (&str, &Option<String>)| {
        text.as_ref().is_none_or(|text| *text == record.text(&[name]))
    };
    let answer = Answer::known(json.clone(), *date);
    said.into_iter().all(same).then(|| Done::new(answer, "unchanged"))
}

/// Changes what the operands or the input name.
///
/// # Errors
/// Those of [`batch::run`].
pub fn run(args: &Args, world: &mut World) -> Result<(), Error> {
    let (kind, ids) = super::kind_and_ids(args)?;
    let style = world.style(args, true)?;
    let changes = Changes::read(args, world, !ids.is_empty())?;
    let check = |item: &Item<'_>| {
        match changes.body(item.kind, item.fields(), false)? {
            // A record may say nothing new; a bare id with no option is a mistake.
            None if item.fields.is_none() => Err(nothing(item.kind)),
            _ => Ok(()),
        }
    };
    let now = OnceLock::new();
    if let (Some(kind), false) = (kind, ids.is_empty()) {
        let body = changes.body(kind, &Fields::default(), false).map_err(Error::Usage)?;
        body.ok_or_else(|| Error::Usage(nothing(kind)))?;
    }
    let wanted = Wanted { kind, operands: &ids, need: Need::Fields, given: None, check: &check };
    let work = Work {
        would: &|_| "would-update",
        removes: false,
        guarded: true,
        prepare: &|api, targets| {
            if let (false, Some(targets)) = (changes.some(), targets) {
                let _ = now.set(as_it_is(api, targets)?);
            }
            Ok(())
        },
        looks: !changes.some(),
        known: &|item| unchanged(now.get()?, item),
        draft: &|item| changes.body(item.kind, item.fields(), false).ok().flatten(),
        act: &|api, item, _| {
            let body = changes.body(item.kind, item.fields(), true).map_err(Error::Usage)?;
            let body = body.ok_or_else(|| Error::Left { what: nothing(item.kind), hint: "" })?;
            Ok(Done::new(api.update(item.kind, &item.id, &body)?, "updated"))
        },
    };
    batch::run(world, args, style, &wanted, &work)
}

#[cfg(test)]
mod tests;

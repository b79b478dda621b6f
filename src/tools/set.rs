//! oauth-set(1): changes descriptions, names and redirect URIs.

use serde_json::{Map, Value};

use crate::batch::{self, Work};
use crate::cli::{Args, Tool, opts};
use crate::done::Done;
use crate::error::Error;
use crate::given;
use crate::input::{Fields, Need};
use crate::kind::{Kind, check_id};
use crate::redirect;
use crate::secret::Secret;
use crate::targets::{Item, Wanted};
use crate::world::World;

/// What there is to know about oauth-set before it runs.
pub static TOOL: Tool = Tool {
    name: "oauth-set",
    about: "Change an authorization's description or client, a client's name or URI.",
    usage: &["[options] [KIND] ID...", "[options] [KIND] < RECORDS"],
    opts: &[
        &opts::DESCRIPTION,
        &opts::CLIENT_ID,
        &opts::CLIENT_SECRET,
        &opts::NAME,
        &opts::URL,
        &opts::DRY_RUN,
        &opts::PARALLEL,
        &opts::REST,
        &opts::STREAM,
        &opts::LOG,
        &opts::INCLUDE_SELF,
        &opts::INCLUDE_DEFAULT,
        &opts::FORMAT,
        &opts::JSON,
        &opts::COLOR,
        &opts::RETRY_FOR,
        &opts::NO_WAIT,
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
                let secret = given::secret(world, "--client-secret", &secret, stdin_is_free)?;
                Some((id, secret))
            }
            _ => return Err(Error::Usage("--client-id and --client-secret go together".to_owned())),
        };
        let url = text(&opts::URL)?;
        if let Some(url) = &url {
            redirect::check(url).map_err(|e| Error::Usage(format!("--url: {e}")))?;
        }
        Ok(Changes { description: text(&opts::DESCRIPTION)?, client, name: text(&opts::NAME)?, url })
    }

    fn some(&self) -> bool {
        self.description.is_some() || self.client.is_some() || self.name.is_some() || self.url.is_some()
    }

    /// The body of the request for an item.
    fn body(&self, kind: Kind, fields: &Fields, with_secret: bool) -> Result<String, String> {
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
            let secret = if with_secret { secret.expose() } else { crate::secret::STARS };
            body.insert("client".to_owned(), serde_json::json!({ "id": id, "secret": secret }));
        }
        if let Some(Value::String(url)) = body.get("redirect_uri") {
            redirect::check(url)?;
        }
        if body.is_empty() {
            return Err(match kind {
                Kind::Authz => "nothing to change: give --description, or --client-id and --client-secret",
                _ => "nothing to change: give --name or --url",
            }
            .to_owned());
        }
        Ok(Value::Object(body).to_string())
    }
}

/// Changes what the operands or the input name.
///
/// # Errors
/// Those of [`batch::run`].
pub fn run(args: &Args, world: &mut World) -> Result<(), Error> {
    let (kind, ids) = super::kind_and_ids(args)?;
    let style = args.style(world, true)?;
    let changes = Changes::read(args, world, !ids.is_empty())?;
    let check = |item: &Item<'_>| {
        super::only(item.kind, &[Kind::Authz, Kind::Client], "changed")?;
        changes.body(item.kind, item.fields(), false).map(drop)
    };
    if let (Some(kind), false) = (kind, ids.is_empty()) {
        changes.body(kind, &Fields::default(), false).map_err(Error::Usage)?;
    }
    let wanted = Wanted { kind, operands: &ids, need: Need::Fields, given: None, check: &check };
    let work = Work {
        would: &|_| "would-update",
        removes: false,
        guarded: true,
        prepare: &|_, _| Ok(()),
        draft: &|item| changes.body(item.kind, item.fields(), false).ok(),
        act: &|api, item| {
            let body = changes.body(item.kind, item.fields(), true).map_err(Error::Usage)?;
            Ok(Done::new(api.update(item.kind, &item.id, &body)?, "updated"))
        },
    };
    batch::run(world, args, style, &wanted, &work)
}

#[cfg(test)]
mod tests;

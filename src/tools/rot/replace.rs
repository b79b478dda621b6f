//! Rotation without an outage: a second authorization like the first, proven to work before the first goes.

use serde_json::{Map, Value, json};

use crate::api::Api;
use crate::base::error::Error;
use crate::base::secret::Secret;
use crate::change::create::{DEFAULT_DESCRIPTION, Likeness, Maker};
use crate::change::exec;
use crate::change::log::{self, Audit};
use crate::change::outcome::Done;
use crate::change::targets::Item;
use crate::record::kind::Kind;
use crate::record::{Expiry, Record};

/// Makes a successor with the same description, scopes and lifetime, and proves its token. With `exec` it is handed
/// over, and only when that went well the old authorization is revoked; without, the old one stays.
///
/// # Errors
/// Where there is no successor. What goes wrong after it was made stands in [`Done::failed`], and both work.
pub(crate) fn replace(
    api: &Api,
    maker: &Maker<'_>,
    item: &Item<'_>,
    exec: Option<&str>,
    log: Option<&Audit>,
) -> Result<Done, Error> {
    let old = api.get(Kind::Authz, &item.id)?;
    let old = old.record(Kind::Authz).map_err(left)?;
    if !old.text(&["client"]).is_empty() {
        return Err(Error::Left {
            what: "it was made through a client, whose application must renew it".to_owned(),
            hint: "",
        });
    }
    let scope: Vec<String> = old.text(&["scope"]).split(' ').map(str::to_owned).collect();
    let mut body = Map::new();
    body.insert("scope".to_owned(), json!(scope));
    let mut name = old.name();
    if name.is_empty() {
        // In full, as for every one that is made: what the API calls one without is the API's to say.
        DEFAULT_DESCRIPTION.clone_into(&mut name);
    }
    body.insert("description".to_owned(), json!(name));
    if let Some(seconds) = lifetime(&old)? {
        body.insert("expires_in".to_owned(), json!(seconds));
    }
    let likeness = Likeness::new(Kind::Authz, &name, scope);
    let mut done = maker.make(api, &likeness, &Value::Object(body).to_string(), None)?;
    done.added.push(("replaces", item.id.to_string()));
    done.failed = finish(api, item, exec, log, &mut done).err();
    Ok(done)
}

/// The steps after the successor is there.
fn finish(
    api: &Api,
    item: &Item<'_>,
    exec: Option<&str>,
    log: Option<&Audit>,
    done: &mut Done,
) -> Result<(), Error> {
    let Some(answer) = &done.answer else { return Ok(()) };
    let new = answer.record(Kind::Authz).map_err(left)?;
    let both = |e: &Error| left(format!("both it and its successor {} are there: {e}", new.id));
    let Some(token) = new.whole_secret() else { return Err(left("its successor has no token".to_owned())) };
    api.prove(&Secret::new(token)).map_err(|e| both(&e))?;
    let Some(command) = exec else { return Ok(()) };
    exec::run(api, command, &new).map_err(|e| both(&e))?;
    done.handed = true;
    let revoke = || Done::revoke(api, &item.id);
    log::around(log, Kind::Authz, &item.id, revoke).map_err(|e| both(&e))?;
    done.added.push(("revoked", item.id.to_string()));
    Ok(())
}

/// How long the old one was to live from its beginning, in seconds; `None` for ever.
fn lifetime(old: &Record<'_>) -> Result<Option<i64>, Error> {
    let Expiry::At(_) = old.expiry else { return Ok(None) };
    match old.lifetime() {
        Some(seconds) if old.status != "expired" => Ok(Some(seconds)),
        // What has expired no longer tells when it did: its seconds left are 0 whatever they were.
        _ => Err(Error::Left {
            what: "it has expired, and its lifetime is not known any more".to_owned(),
            hint: "make a new one with oauth-mk",
        }),
    }
}

fn left(what: String) -> Error {
    Error::Left { what, hint: "" }
}

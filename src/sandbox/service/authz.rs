//! `/oauth/authorizations` and the teams' lists of them.

use serde_json::Value;

use crate::sandbox::account::model::{Authz, Client};
use crate::sandbox::account::show::Expired;
use crate::sandbox::account::store::{Store, blank, json};
use crate::sandbox::service::api::{Answer, Body, Call};
use crate::sandbox::wire::http::Reply;

/// What an authorization may be allowed to do.
const SCOPES: [&str; 6] = ["global", "identity", "read", "write", "read-protected", "write-protected"];
/// What one is called that was made without a description.
const DESCRIPTION: &str = "Long-lived user authorization";
/// Longest life that can be asked for, in seconds: a thousand years.
const LONGEST: i64 = 1000 * 365 * 24 * 3600;

/// The account's own authorizations, or those of a team.
pub(in crate::sandbox) fn list(call: &Call<'_>, team: Option<&str>) -> Answer {
    let hide = call.api.settings.expired == Expired::Hidden;
    call.api.read(|store| {
        known_team(store, team)?;
        let shown = |a: &Authz| a.team.as_deref() == team && !(hide && a.expired(call.now));
        call.list(store.authz(), shown)
    })
}

/// One authorization.
pub(in crate::sandbox) fn info(call: &Call<'_>, id: &str) -> Answer {
    call.api.read(|store| {
        let authz = find(call, store, id)?;
        Ok(Reply::json(200, json(authz, &call.view())))
    })
}

/// A new authorization: with a token, or with a code if it is for a client.
pub(in crate::sandbox) fn create(call: &Call<'_>, team: Option<&str>) -> Answer {
    let body = call.body()?;
    let scope = scope(body.get("scope"))?;
    let life = life(body.get("expires_in"))?;
    let description = match body.get("description") {
        None => Some(DESCRIPTION.to_owned()),
        Some(value) => text_or_null(value, "description")?,
    };
    let client = match body.get("client") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(id.as_str()),
        Some(Value::Object(client)) => client.get("id").and_then(Value::as_str),
        Some(_) => return Err(Reply::invalid("client must be an id.")),
    };
    call.api.write(|store| {
        known_team(store, team)?;
        let client = client.map(|id| known_client(store, id).cloned()).transpose()?;
        let user = store.user.raw();
        let id = blank(store, call.now, client.as_ref(), |authz| {
            authz.description = description;
            authz.scope = scope;
            authz.team = team.map(str::to_owned);
            authz.user = user;
        });
        if client.is_none() {
            let token = store.fresh_token(life.map(|s| call.now.saturating_add(s)));
            store.set_token(&id, call.now, Some(token));
        }
        let made = store.authz().get(&id).ok_or_else(missing)?;
        Ok(Reply::json(201, json(made, &call.clear())))
    })
}

/// Another description or client.
pub(in crate::sandbox) fn update(call: &Call<'_>, id: &str) -> Answer {
    let body = call.body()?;
    let description = body.get("description").map(|d| text_or_null(d, "description")).transpose()?;
    let client = body.get("client").filter(|c| !c.is_null()).map(credentials).transpose()?;
    call.api.write(|store| {
        let id = find(call, store, id)?.id.clone();
        let client = match client {
            None => None,
            Some((client, secret)) => {
                let client = known_client(store, client)?;
                if client.secret != secret {
                    return Err(Reply::invalid("client.secret is not that client's secret."));
                }
                Some(client.reference())
            }
        };
        store.update(&id, call.now, |authz| {
            if let Some(description) = description {
                authz.description = description;
            }
            if client.is_some() {
                authz.client = client;
            }
        });
        let changed = store.authz().get(&id).ok_or_else(missing)?;
        Ok(Reply::json(200, json(changed, &call.view())))
    })
}

/// Revokes an authorization; its token is refused from now on.
pub(in crate::sandbox) fn delete(call: &Call<'_>, id: &str) -> Answer {
    call.api.write(|store| {
        let id = find(call, store, id)?.id.clone();
        let gone = store.remove(&id).ok_or_else(missing)?;
        Ok(Reply::json(200, json(&gone, &call.view())))
    })
}

/// A new token in the place of the old one, at once; it ends when the old one would have.
pub(in crate::sandbox) fn regenerate(call: &Call<'_>, id: &str) -> Answer {
    call.api.write(|store| {
        let authz = find(call, store, id)?;
        if !authz.direct() {
            let text = "Tokens can be regenerated only for direct authorizations.";
            return Err(Reply::invalid(text));
        }
        let (id, expires_at) = (authz.id.clone(), authz.expires_at);
        let token = store.fresh_token(expires_at);
        store.set_token(&id, call.now, Some(token));
        let changed = store.authz().get(&id).ok_or_else(missing)?;
        Ok(Reply::json(200, json(changed, &call.clear())))
    })
}

/// The authorization of an id; `~` is the default API key.
fn find<'s>(call: &Call<'_>, store: &'s Store, id: &str) -> Result<&'s Authz, Reply> {
    let id = if id == "~" { store.default.as_deref().ok_or_else(missing)? } else { id };
    let hide = call.api.settings.expired == Expired::Hidden;
    let found = store.authz().get(id).filter(|a| !(hide && a.expired(call.now)));
    found.ok_or_else(missing)
}

fn missing() -> Reply {
    Reply::missing("authorization", "authorization")
}

fn known_team(store: &Store, team: Option<&str>) -> Result<(), Reply> {
    match team {
        Some(team) if !store.teams.contains(team) => Err(Reply::missing("team", "team")),
        _ => Ok(()),
    }
}

fn known_client<'s>(store: &'s Store, id: &str) -> Result<&'s Client, Reply> {
    store.clients.get(id).ok_or_else(crate::sandbox::service::clients::missing)
}

/// The scopes asked for, which must be known; none given are `global`.
pub(in crate::sandbox) fn scope(value: Option<&Value>) -> Result<Vec<String>, Reply> {
    let Some(value) = value else {
        return Ok(vec!["global".to_owned()]);
    };
    let words = value.as_array().filter(|words| !words.is_empty());
    let known = |word: &Value| {
        let word = word.as_str()?;
        SCOPES.contains(&word).then(|| word.to_owned())
    };
    words.and_then(|words| words.iter().map(known).collect()).ok_or_else(|| {
        let text = format!("scope must be an array of some of: {}.", SCOPES.join(", "));
        Reply::invalid(&text)
    })
}

fn life(value: Option<&Value>) -> Result<Option<i64>, Reply> {
    match value {
        None | Some(Value::Null) => Ok(None),
        // The official client sends its option's text, so the service must take one.
        Some(value) => match value.as_i64().or_else(|| value.as_str()?.parse().ok()) {
            Some(seconds @ 1..=LONGEST) => Ok(Some(seconds)),
            _ => Err(Reply::invalid("expires_in must be a positive integer, in seconds, or null.")),
        },
    }
}

/// A string or null, for the member called `name`.
pub(in crate::sandbox) fn text_or_null(value: &Value, name: &str) -> Result<Option<String>, Reply> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(Reply::invalid(&format!("{name} must be a string."))),
    }
}

fn credentials(value: &Value) -> Result<(&str, &str), Reply> {
    let members: Option<&Body> = value.as_object();
    let member = |name| members.and_then(|m| m.get(name)).and_then(Value::as_str);
    match (member("id"), member("secret")) {
        (Some(id), Some(secret)) => Ok((id, secret)),
        _ => Err(Reply::invalid("client must be an object with id and secret.")),
    }
}

//! `/oauth/authorizations`, and `/teams/{team}/oauth/authorizations`.

use serde_json::Value;

use crate::sandbox::account::json::{Expired, to_json};
use crate::sandbox::account::model::{Authz, Client};
use crate::sandbox::account::store::Store;
use crate::sandbox::service::call::{Body, Call, Outcome};
use crate::sandbox::settings::Rotated;
use crate::sandbox::wire::http::Response;

/// The known scopes.
const SCOPES: [&str; 6] = ["global", "identity", "read", "write", "read-protected", "write-protected"];
/// The default description.
const DESCRIPTION: &str = "Long-lived user authorization";
/// The longest lifetime in seconds: a thousand years.
const MAX_LIFETIME: i64 = 1000 * 365 * 24 * 3600;

/// Lists the account's own authorizations, or those of a team.
pub(in crate::sandbox) fn list(call: &Call<'_>, team: Option<&str>) -> Outcome {
    call.api.read(|store| {
        known_team(store, team)?;
        let shown = |a: &Authz| a.team.as_deref() == team && is_shown(call, a);
        call.list(store.authz(), shown)
    })
}

/// Returns one authorization.
pub(in crate::sandbox) fn info(call: &Call<'_>, id: &str) -> Outcome {
    call.api.read(|store| {
        let authz = find(call, store, id)?;
        Ok(Response::json(200, to_json(authz, &call.view())))
    })
}

/// Creates an authorization: with a token, or for a client with a code.
pub(in crate::sandbox) fn create(call: &Call<'_>, team: Option<&str>) -> Outcome {
    let body = call.body()?;
    let scope = scope(body.get("scope"))?;
    let lifetime = lifetime(body.get("expires_in"))?;
    let description = match body.get("description") {
        None => Some(DESCRIPTION.to_owned()),
        Some(value) => text_or_null(value, "description")?,
    };
    let client = match body.get("client") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(id.as_str()),
        Some(Value::Object(client)) => client.get("id").and_then(Value::as_str),
        Some(_) => return Err(Response::invalid("client must be an id.")),
    };
    call.api.write(|store| {
        known_team(store, team)?;
        let client = client.map(|id| known_client(store, id).cloned()).transpose()?;
        let user = store.user.raw();
        let id = store.add_authz(call.now, client.as_ref(), |authz| {
            authz.description = description;
            authz.scope = scope;
            authz.team = team.map(str::to_owned);
            authz.user = user;
        });
        if client.is_none() {
            let token = store.fresh_token(lifetime.map(|s| call.now.saturating_add(s)));
            store.set_token(&id, call.now, Some(token));
        }
        let made = store.authz().get(&id).ok_or_else(missing)?;
        Ok(Response::json(201, to_json(made, &call.view_with_tokens())))
    })
}

/// Changes the description or the client.
pub(in crate::sandbox) fn update(call: &Call<'_>, id: &str) -> Outcome {
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
                    return Err(Response::invalid("client.secret is not that client's secret."));
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
        Ok(Response::json(200, to_json(changed, &call.view())))
    })
}

/// Deletes an authorization; its token stops working.
pub(in crate::sandbox) fn delete(call: &Call<'_>, id: &str) -> Outcome {
    call.api.write(|store| {
        let id = find(call, store, id)?.id.clone();
        let removed = store.remove(&id).ok_or_else(missing)?;
        Ok(Response::json(200, to_json(&removed, &call.view())))
    })
}

/// Replaces the token. The old one stops working immediately; the new one expires when the old one would have, or as
/// the settings say.
pub(in crate::sandbox) fn regenerate(call: &Call<'_>, id: &str) -> Outcome {
    call.api.write(|store| {
        let authz = find(call, store, id)?;
        if !authz.is_direct() {
            let text = "Tokens can be regenerated only for direct authorizations.";
            return Err(Response::invalid(text));
        }
        let mut authz = authz.clone();
        let expires_at = match call.api.settings.rotated {
            Rotated::Keep => authz.expires_at,
            Rotated::For(seconds) => Some(call.now + seconds),
        };
        let token = store.fresh_token(expires_at);
        let mut id = authz.id.clone();
        if call.api.settings.new_id {
            let (current, default) =
                (store.current.as_ref() == Some(&id), store.default.as_ref() == Some(&id));
            store.remove(&id);
            id = store.fresh_id();
            authz.id.clone_from(&id);
            authz.access_token = None;
            store.insert(authz);
            store.current = if current { Some(id.clone()) } else { store.current.take() };
            store.default = if default { Some(id.clone()) } else { store.default.take() };
        }
        store.set_token(&id, call.now, Some(token));
        let changed = store.authz().get(&id).ok_or_else(missing)?;
        Ok(Response::json(200, to_json(changed, &call.view_with_tokens())))
    })
}

/// Returns whether an authorization is there, as far as the settings say what happens to expired ones.
fn is_shown(call: &Call<'_>, authz: &Authz) -> bool {
    let settings = &call.api.settings;
    let is_hidden = settings.expired == Expired::Hidden && authz.expired(call.now);
    let removed = settings.removed_after.is_some_and(|after| authz.expired(call.now - after));
    !is_hidden && !removed
}

/// Returns the authorization with this id; `~` is the default API key.
fn find<'s>(call: &Call<'_>, store: &'s Store, id: &str) -> Result<&'s Authz, Response> {
    let id = if id == "~" { store.default.as_deref().ok_or_else(missing)? } else { id };
    let found = store.authz().get(id).filter(|a| is_shown(call, a));
    found.ok_or_else(missing)
}

fn missing() -> Response {
    Response::not_found("authorization", "authorization")
}

fn known_team(store: &Store, team: Option<&str>) -> Result<(), Response> {
    match team {
        Some(team) if !store.teams.contains(team) => Err(Response::not_found("team", "team")),
        _ => Ok(()),
    }
}

fn known_client<'s>(store: &'s Store, id: &str) -> Result<&'s Client, Response> {
    store.clients.get(id).ok_or_else(crate::sandbox::service::clients::missing)
}

/// Returns the requested scopes, `global` by default; unknown ones are refused.
pub(in crate::sandbox) fn scope(value: Option<&Value>) -> Result<Vec<String>, Response> {
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
        Response::invalid(&text)
    })
}

fn lifetime(value: Option<&Value>) -> Result<Option<i64>, Response> {
    match value {
        None | Some(Value::Null) => Ok(None),
        // The official client sends the number as a string (docs/heroku-api.md, The official client).
        Some(value) => match value.as_i64().or_else(|| value.as_str()?.parse().ok()) {
            Some(seconds @ 1..=MAX_LIFETIME) => Ok(Some(seconds)),
            _ => Err(Response::invalid("expires_in must be a positive integer, in seconds, or null.")),
        },
    }
}

/// Returns a string or null; `name` is that of the member, for the error.
pub(in crate::sandbox) fn text_or_null(value: &Value, name: &str) -> Result<Option<String>, Response> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(Response::invalid(&format!("{name} must be a string."))),
    }
}

fn credentials(value: &Value) -> Result<(&str, &str), Response> {
    let members: Option<&Body> = value.as_object();
    let member = |name| members.and_then(|m| m.get(name)).and_then(Value::as_str);
    match (member("id"), member("secret")) {
        (Some(id), Some(secret)) => Ok((id, secret)),
        _ => Err(Response::invalid("client must be an object with id and secret.")),
    }
}

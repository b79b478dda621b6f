//! `/oauth/clients`.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::Uri;
use serde_json::Value;

use crate::sandbox::account::clock;
use crate::sandbox::account::json::{Show, View, to_json};
use crate::sandbox::account::model::Client;
use crate::sandbox::service::call::{Body, Call, Outcome};
use crate::sandbox::wire::http::Response;

/// Lists the clients, with their secrets in clear (docs/heroku-api.md, Objects).
pub(in crate::sandbox) fn list(call: &Call<'_>) -> Outcome {
    call.api.read(|store| call.list(&store.clients, |_| true))
}

/// Returns one client, without its secret if the request has no token.
pub(in crate::sandbox) fn info(call: &Call<'_>, id: &str) -> Outcome {
    let secrets = if call.token.is_some() { Show::Clear } else { Show::Absent };
    call.api.read(|store| {
        let client = store.clients.get(id).ok_or_else(missing)?;
        Ok(Response::json(200, to_json(client, &View { secrets, ..call.view() })))
    })
}

/// Creates a client.
pub(in crate::sandbox) fn create(call: &Call<'_>) -> Outcome {
    let body = call.body()?;
    let name = name(&body)?.ok_or_else(|| Response::invalid("name is required."))?;
    let redirect_uri = redirect_uri(&body)?.ok_or_else(|| Response::invalid("redirect_uri is required."))?;
    call.api.write(|store| {
        let date = clock::rfc3339(call.now);
        let client = Client {
            id: store.fresh_id(),
            name,
            redirect_uri,
            secret: store.mint.uuid(),
            created_at: date.clone(),
            updated_at: date,
            ..Client::default()
        };
        let body = to_json(&client, &call.view());
        store.clients.insert(client.id.clone(), client);
        Ok(Response::json(201, body))
    })
}

/// Changes the name or the redirect URI.
pub(in crate::sandbox) fn update(call: &Call<'_>, id: &str) -> Outcome {
    let body = call.body()?;
    let (name, redirect_uri) = (name(&body)?, redirect_uri(&body)?);
    change(call, id, |client, _| {
        client.name = name.unwrap_or_else(|| std::mem::take(&mut client.name));
        client.redirect_uri = redirect_uri.unwrap_or_else(|| std::mem::take(&mut client.redirect_uri));
    })
}

/// Replaces the secret; the old one stops working immediately.
pub(in crate::sandbox) fn rotate(call: &Call<'_>, id: &str) -> Outcome {
    change(call, id, |client, secret| client.secret = secret())
}

fn change(call: &Call<'_>, id: &str, act: impl FnOnce(&mut Client, &mut dyn FnMut() -> String)) -> Outcome {
    call.api.write(|store| {
        let client = store.clients.get_mut(id).ok_or_else(missing)?;
        act(client, &mut || store.mint.uuid());
        client.updated_at = clock::rfc3339(call.now);
        let client = client.clone();
        store.refresh_client(&client);
        Ok(Response::json(200, to_json(&client, &call.view())))
    })
}

/// Deletes a client and the authorizations made through it.
pub(in crate::sandbox) fn delete(call: &Call<'_>, id: &str) -> Outcome {
    call.api.write(|store| {
        let removed = store.remove_client(id).ok_or_else(missing)?;
        Ok(Response::json(200, to_json(&removed, &call.view())))
    })
}

/// Returns the 404 for an unknown client.
pub(in crate::sandbox) fn missing() -> Response {
    Response::not_found("client", "OAuth client")
}

fn name(body: &Body) -> Result<Option<String>, Response> {
    match body.get("name") {
        None => Ok(None),
        Some(Value::String(name)) if !name.trim().is_empty() => Ok(Some(name.clone())),
        Some(_) => Err(Response::invalid("name must be a string that is not blank.")),
    }
}

fn redirect_uri(body: &Body) -> Result<Option<String>, Response> {
    match body.get("redirect_uri") {
        None => Ok(None),
        Some(Value::String(uri)) if allowed(uri) => Ok(Some(uri.clone())),
        Some(_) => Err(Response::invalid(
            "redirect_uri must be an https URL; http is allowed only for localhost, *.local \
             and loopback or private addresses.",
        )),
    }
}

/// Returns whether a client may have this redirect URI: https, or http to a local address (docs/heroku-api.md, Redirect
/// URIs).
fn allowed(uri: &str) -> bool {
    if uri.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return false;
    }
    let Ok(uri) = uri.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => local(&host.to_ascii_lowercase()),
        _ => false,
    }
}

fn local(host: &str) -> bool {
    if let Ok(v4) = host.parse::<Ipv4Addr>() {
        return v4.is_loopback() || v4.is_private();
    }
    if let Ok(v6) = host.parse::<Ipv6Addr>() {
        return v6.is_loopback() || v6.is_unique_local();
    }
    host == "localhost" || host.ends_with(".local")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris_are_secure_or_local() {
        for uri in [
            "https://example.com/cb",
            "HTTPS://example.com",
            "http://localhost:3000/x",
            "http://my.local",
            "http://127.0.0.1",
            "http://10.1.2.3:80/",
            "http://192.168.0.1/",
            "http://172.16.0.1/",
            "http://172.31.255.255/",
            "http://[::1]:80/",
            "http://u@localhost/",
        ] {
            assert!(allowed(uri), "{uri}");
        }
        for uri in [
            "http://example.com",
            "http://172.32.0.1/",
            "http://192.0.2.1/",
            "ftp://localhost",
            "",
            "https://",
            "https:///x",
            "http://localhost.example.com",
            "http://localhost@evil.com/",
            "http://[::1",
            "javascript:alert(1)",
            "https://a b/",
            "http://8.8.8.8",
        ] {
            assert!(!allowed(uri), "{uri}");
        }
    }
}

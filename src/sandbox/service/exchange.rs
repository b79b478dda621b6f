//! Exchanges codes and refresh tokens for access tokens: `/oauth/tokens`, and the web flow `/oauth/authorize` and
//! `/oauth/token` (docs/heroku-api.md, Web flow).

use serde_json::{Value, json};

use crate::sandbox::account::json::{ApiObject, View};
use crate::sandbox::account::model::{Authz, Token};
use crate::sandbox::account::store::{ACCESS_TOKEN_LIFE, Store};
use crate::sandbox::service::authz::scope;
use crate::sandbox::service::call::{Body, Call, Outcome};
use crate::sandbox::wire::form::{encode, field};
use crate::sandbox::wire::http::Response;

/// The credential that is exchanged for an access token.
enum Credential<'a> {
    Code(&'a str),
    Refresh(&'a str),
}

/// Issues an access token for a code or a refresh token.
pub(in crate::sandbox) fn create(call: &Call<'_>) -> Outcome {
    let body = call.body()?;
    let kind = text(&body, "grant", "type");
    let credential = match kind {
        Some("authorization_code") => text(&body, "grant", "code").map(Credential::Code),
        Some("refresh_token") => text(&body, "refresh_token", "token").map(Credential::Refresh),
        _ => {
            let text = "grant.type must be authorization_code or refresh_token.";
            return Err(Response::invalid(text));
        }
    };
    let credential = credential.ok_or_else(|| {
        Response::invalid("grant.code or refresh_token.token must go with that grant.type.")
    })?;
    let secret =
        text(&body, "client", "secret").ok_or_else(|| Response::invalid("client.secret is required."))?;
    call.api.write(|store| {
        let id = exchange(store, call.now, &credential, secret)?;
        let authz = store.authz().get(&id).ok_or_else(refused)?;
        let token = token_object(authz, &call.view_with_tokens(), kind, secret);
        Ok(Response::json(201, token.to_string().into()))
    })
}

/// Revokes an access token; its authorization stays.
pub(in crate::sandbox) fn delete(call: &Call<'_>, id: &str) -> Outcome {
    call.api.write(|store| {
        let has = |a: &&Authz| a.access_token.as_ref().is_some_and(|t| t.id == id);
        let authz = store.authz().values().find(has);
        let authz = authz.ok_or_else(|| Response::not_found("token", "token"))?;
        let object = token_object(authz, &call.view(), None, "");
        let id = authz.id.clone();
        store.set_token(&id, call.now, None);
        Ok(Response::json(200, object.to_string().into()))
    })
}

/// Redirects to the client with a code, as if the user had agreed.
pub(in crate::sandbox) fn authorize(call: &Call<'_>) -> Outcome {
    let query = &call.request.query;
    if field(query, "response_type").as_deref() != Some("code") {
        return Err(Response::error(400, "bad_request", "response_type must be code."));
    }
    let client_id = field(query, "client_id").unwrap_or_default();
    let words = field(query, "scope").unwrap_or_default();
    let words: Value = words.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let scope = scope(Some(&words).filter(|words| *words != &json!([])))?;
    call.api.write(|store| {
        let client = store.clients.get(&client_id).cloned();
        let client = client.ok_or_else(crate::sandbox::service::clients::missing)?;
        let user = store.user.raw();
        let id = store.add_authz(call.now, Some(&client), |authz| {
            authz.description = Some(client.name.clone());
            authz.scope = scope;
            authz.user = user;
        });
        let made = store.authz().get(&id).and_then(|a| a.grant.as_ref());
        let code = made.map(|grant| encode(&grant.code)).unwrap_or_default();
        let glue = if client.redirect_uri.contains('?') { '&' } else { '?' };
        let mut location = format!("{}{glue}code={code}", client.redirect_uri);
        if let Some(state) = field(query, "state") {
            location.push_str("&state=");
            location.push_str(&encode(&state));
        }
        Ok(Response::json(302, Vec::new()).with("Location", &location))
    })
}

/// Issues an access token in the web flow, which takes a form and returns flat JSON.
pub(in crate::sandbox) fn web_token(call: &Call<'_>) -> Outcome {
    let form = String::from_utf8_lossy(&call.request.body);
    let value = |name: &str| field(&form, name);
    let (code, refresh) = (value("code"), value("refresh_token"));
    let credential = match (value("grant_type").as_deref(), &code, &refresh) {
        (Some("authorization_code"), Some(code), _) => Credential::Code(code),
        (Some("refresh_token"), _, Some(token)) => Credential::Refresh(token),
        _ => {
            let text = "grant_type must be authorization_code, with code, or refresh_token, \
                with refresh_token.";
            return Err(Response::error(400, "bad_request", text));
        }
    };
    let secret = value("client_secret").unwrap_or_default();
    call.api.write(|store| {
        let id = exchange(store, call.now, &credential, &secret)?;
        let nonce = store.mint.text(24);
        let authz = store.authz().get(&id).ok_or_else(refused)?;
        let token = |token: &Option<Token>| token.as_ref().map(|t| t.token.clone());
        let body = json!({
            "access_token": token(&authz.access_token),
            "expires_in": authz.expires_at.map(|at| at - call.now),
            "refresh_token": token(&authz.refresh_token),
            "session_nonce": nonce,
            "token_type": "Bearer",
            "user_id": store.user.id,
        });
        Ok(Response::json(200, body.to_string().into()))
    })
}

/// Gives the authorization of a code or refresh token a new access token and returns the authorization's id.
///
/// A code works once, a refresh token always. An earlier access token stops working immediately.
fn exchange(
    store: &mut Store,
    now: i64,
    credential: &Credential<'_>,
    secret: &str,
) -> Result<String, Response> {
    let matches = |authz: &&Authz| match credential {
        Credential::Code(code) => {
            authz.has_open_grant(now) && authz.grant.as_ref().is_some_and(|g| g.code == *code)
        }
        Credential::Refresh(token) => authz.refresh_token.as_ref().is_some_and(|t| t.token == *token),
    };
    let authz = store.authz().values().find(matches).ok_or_else(refused)?;
    let client = authz.client_id().and_then(|id| store.clients.get(id));
    if client.is_none_or(|client| client.secret != secret) {
        return Err(Response::error(401, "unauthorized", "The client's secret is not valid."));
    }
    let (id, first) = (authz.id.clone(), authz.refresh_token.is_none());
    let token = store.fresh_token(Some(now + ACCESS_TOKEN_LIFE));
    store.set_token(&id, now, Some(token));
    if first {
        let refresh = store.fresh_token(None);
        store.update(&id, now, |authz| authz.refresh_token = Some(refresh));
    }
    Ok(id)
}

/// Returns the API's token object, whose id is that of the access token.
fn token_object(authz: &Authz, view: &View, kind: Option<&str>, secret: &str) -> Value {
    let token =
        |token: &Option<Token>| token.as_ref().and_then(|t| serde_json::to_value(ApiObject(t, view)).ok());
    let user = authz.user.as_ref().and_then(|u| serde_json::from_str::<Value>(u.get()).ok());
    let code = authz.grant.as_ref().map(|g| g.code.as_str());
    json!({
        "access_token": token(&authz.access_token),
        "authorization": { "id": authz.id },
        "client": kind.map(|_| json!({ "secret": secret })),
        "created_at": authz.updated_at,
        "grant": kind.map(|kind| json!({ "code": code, "type": kind })),
        "id": authz.access_token.as_ref().map(|t| t.id.as_str()),
        "refresh_token": token(&authz.refresh_token),
        "session": authz.session_id().map(|id| json!({ "id": id })),
        "updated_at": authz.updated_at,
        "user": user.and_then(|u| u.get("id").map(|id| json!({ "id": id }))),
    })
}

fn refused() -> Response {
    Response::invalid("The code or refresh token is not valid, was used, or is too old.")
}

fn text<'b>(body: &'b Body, object: &str, member: &str) -> Option<&'b str> {
    body.get(object)?.get(member)?.as_str()
}

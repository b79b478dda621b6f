//! Authenticates a request and passes it to its endpoint.

use crate::sandbox::account::clock;
use crate::sandbox::service::authz;
use crate::sandbox::service::call::{Api, Call, Outcome};
use crate::sandbox::service::clients;
use crate::sandbox::service::exchange;
use crate::sandbox::service::sessions;
use crate::sandbox::wire::http::{Request, Response};
use crate::sandbox::wire::route::Route;

const NO_ENDPOINT: &str = "The requested API endpoint was not found. Are you using the right \
    HTTP verb (i.e. `GET` vs. `POST`), and did you specify your intended version with the \
    `Accept` header?";

impl Api {
    /// Returns the response to a request; `route` is its endpoint, `None` if there is none.
    pub(in crate::sandbox) fn respond(&self, request: &Request, route: Option<&Route>) -> Response {
        self.try_respond(request, route).unwrap_or_else(|error| error)
    }

    fn try_respond(&self, request: &Request, route: Option<&Route>) -> Outcome {
        let Some(route) = route else {
            return Err(no_endpoint());
        };
        let mut call = Call { api: self, request, now: clock::now(), token: None };
        if route.is_web() {
            return dispatch(&call, route);
        }
        let version = accepted_version(request).ok_or_else(|| {
            let text = "Specify the API's version: `Accept: application/vnd.heroku+json; version=3`.";
            Response::error(406, "not_acceptable", text)
        })?;
        if matches!(route, Route::TeamAuthorizations(_)) && version != "3.sdk" {
            return Err(no_endpoint());
        }
        call.token = self.authenticate(request, route, call.now)?;
        if call.token.is_some() {
            if !matches!(route, Route::RateLimits) && !self.quota.charge() {
                let text = "Your account reached the API rate limit\n\
                    Please wait a few minutes before making new requests";
                return Err(Response::error(429, "rate_limit", text));
            }
            self.second_factor(request)?;
        }
        dispatch(&call, route)
    }

    fn authenticate<'a>(
        &self,
        request: &'a Request,
        route: &Route,
        now: i64,
    ) -> Result<Option<&'a str>, Response> {
        let Some(header) = request.header("Authorization") else {
            // Anyone may read a client, and an exchange is authenticated by the client's secret.
            let public = match route {
                Route::Client(_) => request.method == "GET",
                Route::Tokens => request.method == "POST",
                _ => false,
            };
            return if public { Ok(None) } else { Err(unauthorized()) };
        };
        let (scheme, token) = header.trim().split_once(' ').unwrap_or_default();
        let token = token.trim();
        let known =
            scheme.eq_ignore_ascii_case("Bearer") && self.read(|store| store.caller(token, now).is_some());
        if known { Ok(Some(token)) } else { Err(unauthorized()) }
    }

    fn second_factor(&self, request: &Request) -> Result<(), Response> {
        let Some(wanted) = self.settings.two_factor.as_deref() else {
            return Ok(());
        };
        match request.header("Heroku-Two-Factor-Code") {
            Some(code) if code == wanted => Ok(()),
            Some(_) => {
                let text = "The two-factor code is not valid.";
                Err(Response::error(401, "invalid_two_factor_code", text))
            }
            None => {
                let text = "A second authentication factor or pre-authorization is required \
                    for this request.";
                let response = Response::error(403, "two_factor", text);
                Err(response.with("Heroku-Two-Factor-Required", "true"))
            }
        }
    }
}

fn dispatch(call: &Call<'_>, route: &Route) -> Outcome {
    match (call.request.method.as_str(), route) {
        ("GET", Route::Authorizations) => authz::list(call, None),
        ("POST", Route::Authorizations) => authz::create(call, None),
        ("GET", Route::TeamAuthorizations(team)) => authz::list(call, Some(team)),
        ("POST", Route::TeamAuthorizations(team)) => authz::create(call, Some(team)),
        ("GET", Route::Authorization(id)) => authz::info(call, id),
        ("PATCH", Route::Authorization(id)) => authz::update(call, id),
        ("DELETE", Route::Authorization(id)) => authz::delete(call, id),
        ("POST", Route::Regenerate(id)) => authz::regenerate(call, id),
        ("GET", Route::Clients) => clients::list(call),
        ("POST", Route::Clients) => clients::create(call),
        ("GET", Route::Client(id)) => clients::info(call, id),
        ("PATCH", Route::Client(id)) => clients::update(call, id),
        ("DELETE", Route::Client(id)) => clients::delete(call, id),
        ("POST", Route::Rotate(id)) => clients::rotate(call, id),
        ("GET", Route::Sessions) => sessions::list(call),
        ("GET", Route::Session(id)) => sessions::info(call, id),
        ("DELETE", Route::Session(id)) => sessions::delete(call, id),
        ("POST", Route::Tokens) => exchange::create(call),
        ("DELETE", Route::Token(id)) => exchange::delete(call, id),
        ("GET", Route::Authorize) => exchange::authorize(call),
        ("POST", Route::WebToken) => exchange::web_token(call),
        ("GET", Route::Account) => Ok(account(call)),
        ("GET", Route::RateLimits) => Ok(rate_limits(call)),
        _ => Err(no_endpoint()),
    }
}

fn account(call: &Call<'_>) -> Response {
    let user = call.api.read(|store| store.user.clone());
    let body = serde_json::json!({
        "allow_tracking": false, "beta": false, "email": user.email, "id": user.id,
        "name": user.full_name, "two_factor_authentication": call.api.settings.two_factor.is_some(),
        "verified": true,
    });
    Response::json(200, body.to_string().into())
}

fn rate_limits(call: &Call<'_>) -> Response {
    let remaining = call.api.quota.remaining();
    Response::json(200, serde_json::json!({ "remaining": remaining }).to_string().into())
}

/// Returns the requested API version: `3`, or `3.` and a variant.
fn accepted_version(request: &Request) -> Option<&str> {
    let accept = request.header("Accept")?;
    let ours = accept.split(',').find(|media| media.contains("application/vnd.heroku+json"))?;
    let version = ours.split(';').find_map(|param| param.trim().strip_prefix("version="))?.trim();
    (version == "3" || version.starts_with("3.")).then_some(version)
}

fn unauthorized() -> Response {
    Response::error(401, "unauthorized", "Invalid credentials provided.")
}

fn no_endpoint() -> Response {
    Response::error(404, "not_found", NO_ENDPOINT)
}

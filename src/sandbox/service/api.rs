//! Authenticates a request and passes it to its endpoint.

use std::sync::{PoisonError, RwLock};

use serde_json::{Map, Value};

use crate::sandbox::account::clock;
use crate::sandbox::account::json::{ApiObject, Object, Show, View};
use crate::sandbox::account::model::Authz;
use crate::sandbox::account::state::StateFile;
use crate::sandbox::account::store::Store;
use crate::sandbox::service::authz;
use crate::sandbox::service::clients;
use crate::sandbox::service::exchange;
use crate::sandbox::service::quota::Quota;
use crate::sandbox::service::range::Range;
use crate::sandbox::service::sessions;
use crate::sandbox::settings::Settings;
use crate::sandbox::wire::http::{Request, Response};
use crate::sandbox::wire::route::Route;

/// The response to a request; `Err` for an error response.
pub(in crate::sandbox) type Outcome = Result<Response, Response>;

/// The members of a JSON body.
pub(in crate::sandbox) type Body = Map<String, Value>;

/// The service: the account, its quota and its state file.
#[derive(Debug)]
pub(in crate::sandbox) struct Api {
    pub(in crate::sandbox) settings: Settings,
    pub(in crate::sandbox) store: RwLock<Store>,
    pub(in crate::sandbox) quota: Quota,
    pub(in crate::sandbox) state: Option<StateFile>,
}

/// A request in progress.
pub(in crate::sandbox) struct Call<'a> {
    pub(in crate::sandbox) api: &'a Api,
    pub(in crate::sandbox) request: &'a Request,
    /// The time of the request in Unix seconds, to which the whole response refers.
    pub(in crate::sandbox) now: i64,
    /// The valid token of the request; `None` if it has none and needs none.
    pub(in crate::sandbox) token: Option<&'a str>,
}

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

    /// Reads the account.
    pub(in crate::sandbox) fn read<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        look(&self.store.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the account and saves it to the state file, if there is one, before the response is sent. If saving fails,
    /// the response is a 500.
    pub(in crate::sandbox) fn write(&self, change: impl FnOnce(&mut Store) -> Outcome) -> Outcome {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        let mut response = change(&mut store)?;
        response.applied = true;
        if let Some(state) = &self.state
            && let Err(error) = state.save(&store)
        {
            let text = format!("The sandbox could not write its state: {error}");
            let failed = Response::error(500, "internal_server_error", &text);
            return Ok(Response { applied: true, ..failed });
        }
        Ok(response)
    }
}

impl Call<'_> {
    /// Returns the view of most responses: tokens masked, client secrets in clear (docs/heroku-api.md, Objects).
    pub(in crate::sandbox) fn view(&self) -> View {
        View {
            now: self.now,
            redact: self.api.settings.redact,
            expired: self.api.settings.expired,
            tokens: Show::Masked,
            secrets: Show::Clear,
            absolute: false,
        }
    }

    /// Returns the view of a response with a new token, which is in clear.
    pub(in crate::sandbox) fn view_with_tokens(&self) -> View {
        View { tokens: Show::Clear, ..self.view() }
    }

    /// Returns the authorization of the request's token.
    pub(in crate::sandbox) fn caller<'s>(&self, store: &'s Store) -> Option<&'s Authz> {
        store.caller(self.token?, self.now).flatten()
    }

    /// Parses the request's body; an empty one is an empty object.
    pub(in crate::sandbox) fn body(&self) -> Result<Body, Response> {
        let bytes = &self.request.body;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Body::new());
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => Ok(members),
            Ok(_) => Err(Response::error(400, "bad_request", "The body must be a JSON object.")),
            Err(_) => Err(Response::error(400, "bad_request", "The body is not valid JSON.")),
        }
    }

    /// Returns the page that the request's `Range` asks for, with the items for which `wanted` is true.
    pub(in crate::sandbox) fn list<T: Object>(
        &self,
        items: &std::collections::BTreeMap<String, T>,
        wanted: impl Fn(&T) -> bool,
    ) -> Outcome {
        let range = match self.request.header("Range") {
            None => Range::default(),
            Some(text) => Range::parse(text).ok_or_else(|| {
                let text = "The requested range is not satisfiable; its form is \
                    `id [FROM]..[TO]; max=N`.";
                Response::error(416, "requested_range_not_satisfiable", text)
            })?,
        };
        let (page, next) = range.page(items, wanted);
        let view = self.view();
        let mut body = Vec::with_capacity(64 + page.len() * 768);
        body.push(b'[');
        for (i, item) in page.iter().enumerate() {
            if i > 0 {
                body.push(b',');
            }
            // Writing these objects into memory cannot fail.
            let _ = serde_json::to_writer(&mut body, &ApiObject(*item, &view));
        }
        body.push(b']');
        let mut response = Response::json(if next.is_some() { 206 } else { 200 }, body);
        response = response.with("Accept-Ranges", "id");
        if let (Some(first), Some(last)) = (page.first(), page.last()) {
            response = response.with("Content-Range", &format!("id {}..{}", first.id(), last.id()));
        }
        if let Some(next) = next {
            response = response.with("Next-Range", &next.to_string());
        }
        Ok(response)
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

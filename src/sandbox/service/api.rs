//! One request in, one answer out: who is asking, may they, and who answers.

use std::sync::{PoisonError, RwLock};

use serde_json::{Map, Value};

use crate::sandbox::Settings;
use crate::sandbox::account::clock;
use crate::sandbox::account::model::Authz;
use crate::sandbox::account::show::{Object, Show, Shown, View};
use crate::sandbox::account::state::StateFile;
use crate::sandbox::account::store::Store;
use crate::sandbox::service::authz;
use crate::sandbox::service::clients;
use crate::sandbox::service::exchange;
use crate::sandbox::service::quota::Quota;
use crate::sandbox::service::range::Range;
use crate::sandbox::service::sessions;
use crate::sandbox::wire::http::{Reply, Request};
use crate::sandbox::wire::route::Route;

/// An answer, or the error that is the answer.
pub(in crate::sandbox) type Answer = Result<Reply, Reply>;

/// The members of a request's body.
pub(in crate::sandbox) type Body = Map<String, Value>;

/// The service behind the sockets.
#[derive(Debug)]
pub(in crate::sandbox) struct Api {
    pub(in crate::sandbox) settings: Settings,
    pub(in crate::sandbox) store: RwLock<Store>,
    pub(in crate::sandbox) quota: Quota,
    pub(in crate::sandbox) state: Option<StateFile>,
}

/// A request with what is known about it.
pub(in crate::sandbox) struct Call<'a> {
    pub(in crate::sandbox) api: &'a Api,
    pub(in crate::sandbox) request: &'a Request,
    /// Unix seconds at which it came; everything in the answer is of this instant.
    pub(in crate::sandbox) now: i64,
    /// The token it came with, known to be good; `None` where none was needed or given.
    pub(in crate::sandbox) token: Option<&'a str>,
}

const NO_ENDPOINT: &str = "The requested API endpoint was not found. Are you using the right \
    HTTP verb (i.e. `GET` vs. `POST`), and did you specify your intended version with the \
    `Accept` header?";

impl Api {
    /// The answer to a request; `route` is its endpoint.
    pub(in crate::sandbox) fn answer(&self, request: &Request, route: Option<&Route>) -> Reply {
        self.checked(request, route).unwrap_or_else(|error| error)
    }

    fn checked(&self, request: &Request, route: Option<&Route>) -> Answer {
        let Some(route) = route else {
            return Err(no_endpoint());
        };
        let mut call = Call { api: self, request, now: clock::now(), token: None };
        if route.is_web() {
            return dispatch(&call, route);
        }
        let version = accepted_version(request).ok_or_else(|| {
            let text = "Specify the API's version: `Accept: application/vnd.heroku+json; version=3`.";
            Reply::error(406, "not_acceptable", text)
        })?;
        if matches!(route, Route::TeamAuthorizations(_)) && version != "3.sdk" {
            return Err(no_endpoint());
        }
        call.token = self.authenticate(request, route, call.now)?;
        if call.token.is_some() {
            if !matches!(route, Route::RateLimits) && !self.quota.charge() {
                let text = "Your account reached the API rate limit\n\
                    Please wait a few minutes before making new requests";
                return Err(Reply::error(429, "rate_limit", text));
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
    ) -> Result<Option<&'a str>, Reply> {
        let Some(header) = request.header("Authorization") else {
            // Anyone may look a client up; in an exchange the client's secret is the proof.
            let open = match route {
                Route::Client(_) => request.method == "GET",
                Route::Tokens => request.method == "POST",
                _ => false,
            };
            return if open { Ok(None) } else { Err(unauthorized()) };
        };
        let (scheme, token) = header.trim().split_once(' ').unwrap_or_default();
        let token = token.trim();
        let known =
            scheme.eq_ignore_ascii_case("Bearer") && self.read(|store| store.caller(token, now).is_some());
        if known { Ok(Some(token)) } else { Err(unauthorized()) }
    }

    fn second_factor(&self, request: &Request) -> Result<(), Reply> {
        let Some(wanted) = self.settings.two_factor.as_deref() else {
            return Ok(());
        };
        match request.header("Heroku-Two-Factor-Code") {
            Some(code) if code == wanted => Ok(()),
            Some(_) => {
                let text = "The two-factor code is not valid.";
                Err(Reply::error(401, "invalid_two_factor_code", text))
            }
            None => {
                let text = "A second authentication factor or pre-authorization is required \
                    for this request.";
                let reply = Reply::error(403, "two_factor", text);
                Err(reply.with("Heroku-Two-Factor-Required", "true"))
            }
        }
    }

    /// Looks at the account.
    pub(in crate::sandbox) fn read<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        look(&self.store.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the account; a change is on disk, if it is kept there, before the answer
    /// leaves. Where it could not be written the answer says so.
    pub(in crate::sandbox) fn write(&self, change: impl FnOnce(&mut Store) -> Answer) -> Answer {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        let mut reply = change(&mut store)?;
        reply.applied = true;
        if let Some(state) = &self.state
            && let Err(error) = state.save(&store)
        {
            let text = format!("The sandbox could not write its state: {error}");
            let failed = Reply::error(500, "internal_server_error", &text);
            return Ok(Reply { applied: true, ..failed });
        }
        Ok(reply)
    }
}

impl Call<'_> {
    /// The view of a list or info answer: tokens masked, client secrets in clear.
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

    /// The view of the answer that brings a new token.
    pub(in crate::sandbox) fn clear(&self) -> View {
        View { tokens: Show::Clear, ..self.view() }
    }

    /// The authorization the request came with.
    pub(in crate::sandbox) fn caller<'s>(&self, store: &'s Store) -> Option<&'s Authz> {
        store.caller(self.token?, self.now).flatten()
    }

    /// The request's body as members; no body is an empty object.
    pub(in crate::sandbox) fn body(&self) -> Result<Body, Reply> {
        let bytes = &self.request.body;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Body::new());
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => Ok(members),
            Ok(_) => Err(Reply::error(400, "bad_request", "The body must be a JSON object.")),
            Err(_) => Err(Reply::error(400, "bad_request", "The body is not valid JSON.")),
        }
    }

    /// The page of `items` the request's `Range` asks for, of those that `wanted` admits.
    pub(in crate::sandbox) fn list<T: Object>(
        &self,
        items: &std::collections::BTreeMap<String, T>,
        wanted: impl Fn(&T) -> bool,
    ) -> Answer {
        let range = match self.request.header("Range") {
            None => Range::default(),
            Some(text) => Range::parse(text).ok_or_else(|| {
                let text = "The requested range is not satisfiable; its form is \
                    `id [FROM]..[TO]; max=N`.";
                Reply::error(416, "requested_range_not_satisfiable", text)
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
            // Writing into memory does not fail, nor do these objects.
            let _ = serde_json::to_writer(&mut body, &Shown(*item, &view));
        }
        body.push(b']');
        let mut reply = Reply::json(if next.is_some() { 206 } else { 200 }, body);
        reply = reply.with("Accept-Ranges", "id");
        if let (Some(first), Some(last)) = (page.first(), page.last()) {
            reply = reply.with("Content-Range", &format!("id {}..{}", first.id(), last.id()));
        }
        if let Some(next) = next {
            reply = reply.with("Next-Range", &next.to_string());
        }
        Ok(reply)
    }
}

fn dispatch(call: &Call<'_>, route: &Route) -> Answer {
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

fn account(call: &Call<'_>) -> Reply {
    let user = call.api.read(|store| store.user.clone());
    let body = serde_json::json!({
        "allow_tracking": false, "beta": false, "email": user.email, "id": user.id,
        "name": user.full_name, "two_factor_authentication": call.api.settings.two_factor.is_some(),
        "verified": true,
    });
    Reply::json(200, body.to_string().into())
}

fn rate_limits(call: &Call<'_>) -> Reply {
    let remaining = call.api.quota.remaining();
    Reply::json(200, serde_json::json!({ "remaining": remaining }).to_string().into())
}

/// The API version asked for: `3`, or `3.` and a variant.
fn accepted_version(request: &Request) -> Option<&str> {
    let accept = request.header("Accept")?;
    let ours = accept.split(',').find(|media| media.contains("application/vnd.heroku+json"))?;
    let version = ours.split(';').find_map(|param| param.trim().strip_prefix("version="))?.trim();
    (version == "3" || version.starts_with("3.")).then_some(version)
}

fn unauthorized() -> Reply {
    Reply::error(401, "unauthorized", "Invalid credentials provided.")
}

fn no_endpoint() -> Reply {
    Reply::error(404, "not_found", NO_ENDPOINT)
}

//! The service, and a request to it that is in progress.

use std::sync::{PoisonError, RwLock};

use serde_json::{Map, Value};

use crate::sandbox::account::json::{ApiObject, Object, Show, View};
use crate::sandbox::account::model::Authz;
use crate::sandbox::account::state::StateFile;
use crate::sandbox::account::store::Store;
use crate::sandbox::service::quota::Quota;
use crate::sandbox::service::range::Range;
use crate::sandbox::settings::Settings;
use crate::sandbox::wire::http::{Request, Response};

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

impl Api {
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
            mask: self.api.settings.mask,
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
            let range = format!("id {}..{}; max={}", first.id(), last.id(), range.max());
            response = response.with("Content-Range", &range);
        }
        if let Some(next) = next {
            response = response.with("Next-Range", &next.to_string());
        }
        Ok(response)
    }
}

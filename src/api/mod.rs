//! The API: list, get, create, update, delete, rotate. This module knows paths and objects; the others send one call:
//!
//! - `call` retries it, `verdict` judges each response, `body` and `page` check what it holds;
//! - `quota` sets the pace, `second_factor` gets the two-factor code, `request` says what is sent;
//! - `creation` writes the body of the request for a new object;
//! - `transport` is what carries a request; `http` is the real one, `wire` watches its connections, and `certificates`
//!   explains its TLS errors.

pub(crate) mod body;
pub(crate) mod call;
pub(crate) mod certificates;
pub(crate) mod creation;
pub(crate) mod http;
pub(crate) mod page;
pub(crate) mod quota;
pub(crate) mod request;
pub(crate) mod second_factor;
pub(crate) mod transport;
pub(crate) mod verdict;
pub(crate) mod wire;

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Mutex;
use std::time::Duration;

use serde::Deserialize;

use crate::api::body::object;
use crate::api::call::{Caller, Fault, Parsed, Policy};
use crate::api::page::Pages;
use crate::api::quota::Backoff;
use crate::api::request::{AfterLoss, Call};
use crate::api::transport::{Method, Transport};
use crate::base::error::{Class, Error};
use crate::base::id;
use crate::base::secret::Secret;
use crate::base::sync::lock;
use crate::base::time::Unix;
use crate::config::base_url::Base;
use crate::config::environment::Config;
use crate::record::Record;
use crate::record::kind::Kind;
use crate::sys::messages::Messages;
use crate::sys::signals::Stop;

/// An object of the account, with details of the response that it came in.
#[derive(Debug, Clone)]
pub struct Object {
    /// The object.
    pub(crate) record: Record<'static>,
    /// When the server sent the response: the `Date` header if there is one, else this machine's time.
    pub(crate) date: Unix,
    /// The response's request id.
    pub(crate) request_id: Option<String>,
}

impl From<Parsed<Record<'static>>> for Object {
    fn from(parsed: Parsed<Record<'static>>) -> Object {
        Object { record: parsed.value, date: parsed.date, request_id: parsed.request_id }
    }
}

/// The API of one account.
pub struct Api {
    caller: Caller,
    /// The secrets that this run was given, and the keys of the ids of their objects, as hashes. The token in use is among
    /// them, without an object.
    given: Mutex<HashMap<u64, u64>>,
}

impl Api {
    /// Returns the API behind `transport`, for the account that `token` belongs to.
    ///
    /// # Errors
    /// An input error if an environment variable is invalid.
    pub fn new(
        transport: Box<dyn Transport + Send>,
        config: &Config,
        base: Base,
        token: Secret,
        policy: Policy,
        messages: Messages,
        stop: Stop,
    ) -> Result<Api, Error> {
        let caller = Caller::new(transport, config, base, token, policy, messages, stop)?;
        let own = (caller.request_ids.hash_one(caller.token.expose()), caller.request_ids.hash_one(""));
        Ok(Api { caller, given: Mutex::new(HashMap::from([own])) })
    }

    /// Sets where the token was found, for the message if the API rejects it.
    pub(crate) fn name_source(&mut self, source: String) {
        self.caller.source = Some(source);
    }

    /// Returns the token in use.
    pub fn token(&self) -> &Secret {
        &self.caller.token
    }

    /// Returns the API's address.
    pub fn base(&self) -> &Base {
        &self.caller.base
    }

    /// Returns the signal or other reason to stop the run, if there is one.
    pub fn stop(&self) -> &Stop {
        &self.caller.stop
    }

    /// Ignores signals from now on, for calls that must be made in any case.
    pub fn ignore_stops(&mut self) {
        self.caller.stop = Stop::default();
    }

    /// Returns the destination of messages.
    pub fn messages(&self) -> &Messages {
        &self.caller.messages
    }

    /// Begins to open connections for calls that will be made soon.
    pub(crate) fn connect_ahead(&self, count: usize) {
        self.caller.transport.connect_ahead(count, &self.caller.stop);
    }

    /// Lists a collection page by page, each when it is asked for (docs/heroku-api.md, Lists).
    pub fn pages(&self, kind: Kind, team: Option<&str>) -> Pages<'_> {
        Pages::new(&self.caller, collection(kind, team), kind, team.is_some())
    }

    /// Passes each object of a collection to `each`, with the date of its response.
    ///
    /// # Errors
    /// Those of the calls; a permanent error if an object is unusable.
    pub fn each(
        &self,
        kind: Kind,
        team: Option<&str>,
        each: &mut dyn FnMut(&Record<'_>, Unix),
    ) -> Result<(), Error> {
        self.pages(kind, team).try_for_each(|page| {
            let (page, date) = page?;
            page.objects().try_for_each(|object| {
                each(&Record::from_api(kind, object, date).map_err(Error::unusable)?, date);
                Ok(())
            })
        })
    }

    /// Reads one object; `~` stands for the default API key, or for the session in use.
    ///
    /// # Errors
    /// Those of the call.
    pub fn get(&self, kind: Kind, id: &str) -> Result<Object, Error> {
        let path = item(kind, id);
        self.object(&Call::new(Method::Get, &path, AfterLoss::SendAgain), kind, id).map_err(into_error)
    }

    /// Changes one object.
    ///
    /// # Errors
    /// Those of the call.
    pub fn update(&self, kind: Kind, id: &str, body: &str) -> Result<Object, Error> {
        let path = item(kind, id);
        let call = Call { body: Some(body), ..Call::new(Method::Patch, &path, AfterLoss::SendAgain) };
        self.object(&call, kind, id).map_err(into_error)
    }

    /// Removes one object; `None` if a response was lost and the next one says that the object does not exist.
    ///
    /// # Errors
    /// Those of the call.
    pub fn delete(&self, kind: Kind, id: &str) -> Result<Option<Object>, Error> {
        self.delete_as(kind, id, None)
    }

    /// Removes one object, if `token` is given by that token instead of the one in use.
    ///
    /// # Errors
    /// Those of the call.
    pub(crate) fn delete_as(
        &self,
        kind: Kind,
        id: &str,
        token: Option<&Secret>,
    ) -> Result<Option<Object>, Error> {
        let path = item(kind, id);
        let bearer = token.map(bearer);
        let call =
            Call { bearer: bearer.as_ref(), ..Call::new(Method::Delete, &path, AfterLoss::GoneIsDone) };
        match self.object(&call, kind, id) {
            Ok(object) => Ok(Some(object)),
            Err(Fault::Lost(_)) => Ok(None),
            Err(Fault::Error(e)) => Err(e),
        }
    }

    /// Gives one object a new secret. It is sent again after a lost response: only the secret of the last response is
    /// then valid.
    ///
    /// # Errors
    /// Those of the call; [`Class::OtherObject`] if the response is about another object.
    pub fn rotate(&self, kind: Kind, id: &str) -> Result<Object, Error> {
        let Some(action) = kind.rotate_action() else {
            return Err(Error::usage(format!("a {} cannot be rotated", kind.noun())));
        };
        let path = format!("{}/actions/{action}", item(kind, id));
        let call = Call::new(Method::Post, &path, AfterLoss::SendAgain);
        // A response about another object is not lost: a second rotation would be answered in the same way.
        let parse = |body: String, date| Ok(Record::from_api(kind, &body, date)?.into_owned());
        let object = Object::from(self.caller.call(&call, parse).map_err(into_error)?);
        let other = &object.record.id;
        let is_asked = id == "~" || id::same(other, id);
        // Whether the token in use was rotated, the caller can tell better.
        let secret = object.record.whole_secret().filter(|secret| secret != self.token().expose());
        if is_asked && secret.is_none_or(|secret| self.is_new(&secret, other)) {
            return Ok(object);
        }
        let what = match is_asked {
            true => "it may have been rotated: the response holds the secret of another object".to_owned(),
            false => format!("it may have been rotated: the response is about {}", kind.label(other)),
        };
        Err(Error::other_object(what)
            .with_hint("look at both with oauth-ls first: if it was rotated, nobody has its new secret"))
    }

    /// Returns whether a secret was not given to another object in this run, and is not the token in use. A response that
    /// repeats one belongs to another request.
    fn is_new(&self, secret: &str, id: &str) -> bool {
        let hash = |text: &str| self.caller.request_ids.hash_one(text);
        let object = hash(&id::key(id));
        *lock(&self.given).entry(hash(secret)).or_insert(object) == object
    }

    /// Sends a call whose response is the object with that id.
    fn object(&self, call: &Call<'_>, kind: Kind, id: &str) -> Result<Object, Fault> {
        self.caller.call(call, |body, date| object(kind, id, &body, date)).map(Object::from)
    }

    /// Returns an id for the attempts of one create.
    pub(crate) fn new_request_id(&self) -> String {
        self.caller.new_request_id()
    }

    /// Sends a create once.
    ///
    /// # Errors
    /// [`Fault::Lost`] if the response was lost and the object may exist.
    pub(crate) fn create_once(
        &self,
        kind: Kind,
        team: Option<&str>,
        body: &str,
        request_id: &str,
    ) -> Result<Object, Fault> {
        let path = collection(kind, team);
        let call = Call {
            body: Some(body),
            request_id: Some(request_id),
            team: team.is_some(),
            ..Call::new(Method::Post, &path, AfterLoss::Stop)
        };
        let parse = |body: String, date| {
            let record = Record::from_api(kind, &body, date)?;
            let secret = record.whole_secret().ok_or("it has no secret")?;
            if !self.is_new(&secret, &record.id) {
                return Err("its secret belongs to another object".to_owned());
            }
            Ok(record.into_owned())
        };
        self.caller.call(&call, parse).map(Object::from)
    }

    /// Returns the e-mail address of the account; `None` if the token may not read it.
    ///
    /// # Errors
    /// Those of the call.
    pub fn account(&self) -> Result<Option<String>, Error> {
        #[derive(Deserialize)]
        struct Account {
            email: String,
        }
        let call = Call::new(Method::Get, "/account", AfterLoss::SendAgain);
        let parse = |body: String, _| {
            serde_json::from_str::<Account>(&body).map_err(|_| "it is not an account".to_owned())
        };
        match self.caller.call(&call, parse).map_err(into_error) {
            Ok(parsed) => Ok(Some(parsed.value.email)),
            Err(e) if e.is_refusal() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Checks that a new token works by using it. Rejections are retried for a while, because a new token may not work
    /// at once.
    ///
    /// # Errors
    /// A failure if the token is still rejected in the end; those of the calls.
    pub fn prove(&self, token: &Secret) -> Result<(), Error> {
        let bearer = bearer(token);
        let mut backoff = self.backoff();
        let request_id = self.caller.new_request_id();
        loop {
            // This call costs no quota and needs no scope (docs/heroku-api.md, Quota).
            let call = Call {
                bearer: Some(&bearer),
                request_id: Some(&request_id),
                ..Call::new(Method::Get, "/account/rate-limits", AfterLoss::SendAgain)
            };
            let rejected = match self.caller.call(&call, |_, _| Ok(())).map_err(into_error) {
                Ok(_) => return Ok(()),
                Err(e) if e.class() == Class::Refused(403) => return Ok(()),
                Err(e) if e.class() == Class::Auth => e,
                Err(e) => return Err(e),
            };
            match backoff.pause(None) {
                Some(pause) if self.caller.stop.sleep(pause) => {}
                _ => return Err(Error::failed(format!("the new token does not work: {rejected}"))),
            }
        }
    }

    /// Exchanges a grant code or a refresh token. Sent only once, because a code works only once.
    ///
    /// # Errors
    /// Those of the call; a permanent error if the response was lost.
    pub fn exchange(&self, body: &str) -> Result<Object, Error> {
        self.create_once(Kind::Token, None, body, &self.new_request_id()).map_err(|fault| match fault {
            Fault::Error(e) if e.class() == Class::Auth => {
                e.with_hint("check the client's secret, and the token in HEROKU_API_KEY")
            }
            Fault::Error(e) => e,
            Fault::Lost(what) => {
                Error::permanent(format!("the response was lost ({what}); the code may have been used up"))
                    .with_hint("get a new code; a refresh token can be used again")
            }
        })
    }

    /// Returns the pauses for a caller's own retries.
    pub(crate) fn backoff(&self) -> Backoff {
        self.caller.backoff()
    }

    /// Sleeps for such a pause; returns false if the run has to stop.
    pub(crate) fn pause(&self, span: Duration) -> bool {
        self.caller.stop.sleep(span)
    }
}

/// Returns the `Authorization` header of a token.
fn bearer(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.expose()))
}

fn collection(kind: Kind, team: Option<&str>) -> String {
    match team {
        Some(team) => format!("/teams/{team}{}", kind.path()),
        None => kind.path().to_owned(),
    }
}

fn item(kind: Kind, id: &str) -> String {
    format!("{}/{id}", kind.path())
}

/// Returns the error of a call that is always sent again: a lost response is then a temporary error.
fn into_error(fault: Fault) -> Error {
    match fault {
        Fault::Error(error) => error,
        Fault::Lost(what) => Error::temporary(what),
    }
}

#[cfg(test)]
pub(crate) mod tests;

//! One call of the API: sent until a response is usable, or until the rules forbid another attempt
//! (docs/architecture.md, Rules, "Never twice").

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::api::page::Next;
use crate::api::quota::{Backoff, Quota, Slot};
use crate::api::request::{AfterLoss, Call};
use crate::api::second_factor::{self, SecondFactor};
use crate::api::transport::{Failure, Request, Response, Transport};
use crate::api::verdict::{Accept, Accepted, Cause, FRESH_CODE, Verdict, judge};
use crate::base::error::Error;
use crate::base::secret::Secret;
use crate::base::sync::lock;
use crate::base::time::Unix;
use crate::config::base_url::Base;
use crate::config::environment::Config;
use crate::record::{LARGEST, json, limits};
use crate::sys::messages::Messages;
use crate::sys::signals::Stop;

/// The API version to ask for, and the one that team collections need (docs/heroku-api.md, Requests).
const ACCEPT: &str = "application/vnd.heroku+json; version=3";
const ACCEPT_TEAM: &str = "application/vnd.heroku+json; version=3.sdk";
/// How long a pooled connection may have been idle: less for a create, because a connection that was used recently is
/// less likely to lose the response, and a create cannot simply be sent again.
const IDLE: Duration = Duration::from_secs(10);
const IDLE_CREATE: Duration = Duration::from_secs(1);
/// How many different warnings of the server are shown in a run.
const MAX_WARNINGS: usize = 64;
/// The shortest value of an extra header that no message shows, in bytes. Hiding shorter ones would only garble messages.
const SHORTEST_HIDDEN: usize = 6;
const QUOTA_LOW: &str = "the API quota is nearly used up";

/// How long to retry, and whether to wait for quota.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How long temporary errors of one call are retried.
    pub retry_for: Duration,
    /// Wait for quota, and ask for a two-factor code, instead of giving up.
    pub wait: bool,
}

/// A usable response, parsed.
#[derive(Debug)]
pub(crate) struct Parsed<T> {
    /// The parsed body.
    pub(crate) value: T,
    /// When the server sent it: the `Date` header if there is one, else this machine's time.
    pub(crate) date: Unix,
    /// Its request id, for the log.
    pub(crate) request_id: Option<String>,
    /// How it goes on, if it is a page of a list.
    pub(crate) next: Next,
}

/// Why a call has no usable response.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The call failed.
    Error(Error),
    /// The server may have acted, and the call must not be sent again blindly.
    Lost(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Error(error)
    }
}

/// Sends the calls of one account.
pub(crate) struct Caller {
    pub(super) transport: Box<dyn Transport + Send>,
    pub(crate) base: Base,
    pub(crate) token: Secret,
    /// Where the token was found, for messages.
    pub(crate) source: Option<String>,
    bearer: Secret,
    headers: Vec<(String, String)>,
    policy: Policy,
    quota: Quota,
    pub(crate) messages: Messages,
    pub(crate) stop: Stop,
    second_factor: SecondFactor,
    warnings: Mutex<HashSet<String>>,
    pub(crate) request_ids: RandomState,
    calls: Mutex<u64>,
    /// When the last response to any call arrived.
    last_response: Mutex<Option<Instant>>,
}

impl Caller {
    /// Returns a caller that uses `transport`, for the account that `token` belongs to.
    ///
    /// # Errors
    /// An input error if an environment variable is invalid.
    pub(crate) fn new(
        transport: Box<dyn Transport + Send>,
        config: &Config,
        base: Base,
        token: Secret,
        policy: Policy,
        messages: Messages,
        stop: Stop,
    ) -> Result<Caller, Error> {
        messages.hide(&token);
        let headers = config.headers()?;
        for (_, value) in headers.iter().filter(|(_, value)| value.len() >= SHORTEST_HIDDEN) {
            messages.hide(&Secret::new(value.clone()));
        }
        let code = config.two_factor_code()?;
        if let Some(code) = &code {
            messages.hide(code);
        }
        Ok(Caller {
            transport,
            base,
            bearer: Secret::new(format!("Bearer {}", token.expose())),
            token,
            source: None,
            headers,
            policy,
            quota: Quota::default(),
            messages,
            stop,
            second_factor: SecondFactor::new(code),
            warnings: Mutex::default(),
            request_ids: RandomState::new(),
            calls: Mutex::new(0),
            last_response: Mutex::default(),
        })
    }

    /// Returns the pauses for retries by code outside this module.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.policy.retry_for)
    }

    /// Sends a call until `parse` accepts a response to it, or no further attempt is allowed. `parse` gets the body and
    /// the instant at which it was sent.
    pub(crate) fn call<T>(
        &self,
        call: &Call<'_>,
        parse: impl Fn(String, Unix) -> Result<T, String>,
    ) -> Result<Parsed<T>, Fault> {
        let (mut value, mut lost) = (None, false);
        let mut accept = |body: String, date| {
            // From here on no message shows a secret of the object, whatever the server quotes it in.
            self.hide_secrets(&body);
            value = Some(parse(body, date)?);
            Ok(())
        };
        // All attempts have one id, so that both sides can tell that they are the same call.
        let own = self.new_request_id();
        let call = &Call { request_id: call.request_id.or(Some(&own)), ..*call };
        match (self.retry(call, &mut accept, &mut lost), value) {
            (Ok(Accepted { date, request_id, next }), Some(value)) => {
                Ok(Parsed { value, date, request_id, next })
            }
            (Ok(_), None) => Err(Fault::Lost("no response was accepted".to_owned())),
            (Err(Fault::Error(error)), _) if lost => Err(Fault::Error(call.in_doubt(error))),
            (Err(fault), _) => Err(fault),
        }
    }

    /// Sends a call until it is done or must not be sent again. Sets `lost` once a response to it was lost.
    fn retry(&self, call: &Call<'_>, accept: Accept<'_>, lost: &mut bool) -> Result<Accepted, Fault> {
        let start = Instant::now();
        let mut backoff = self.backoff();
        let mut idle = if call.after_loss == AfterLoss::Stop { IDLE_CREATE } else { IDLE };
        loop {
            let (cause, after) = match self.attempt(call, idle, accept, &mut backoff) {
                Verdict::Done(accepted) => return Ok(accepted),
                Verdict::NotFound(_) if *lost => return Err(Fault::Lost("the object is gone".to_owned())),
                Verdict::Refused(refusal) | Verdict::NotFound(refusal) => {
                    return Err(refusal.into_error().into());
                }
                Verdict::Fatal(error) => return Err(error.into()),
                Verdict::TwoFactor { sent: true } => {
                    let error = Error::auth("the two-factor code was rejected");
                    return Err(error.with_hint(FRESH_CODE).into());
                }
                Verdict::TwoFactor { sent: false } => {
                    let asked = Instant::now();
                    let ask = || second_factor::ask(&self.messages, &self.stop, self.base.host());
                    self.second_factor.get(self.policy.wait, &self.stop, ask)?;
                    backoff.extend(asked.elapsed());
                    continue;
                }
                Verdict::Quota { cause, .. } if !self.policy.wait => {
                    return Err(Error::unreachable(cause.text).into());
                }
                Verdict::Quota { cause, after } => (cause, after),
                Verdict::NotSent(cause) => (cause, None),
                Verdict::Lost { cause, .. } if call.after_loss == AfterLoss::Stop => {
                    return Err(Fault::Lost(cause.text));
                }
                Verdict::Lost { cause, after } => {
                    *lost = true;
                    (cause, after)
                }
            };
            if cause.network {
                idle = Duration::ZERO;
            }
            let Some(pause) = backoff.pause(after) else {
                // If other calls get responses meanwhile, the network works and only this call fails.
                let unreachable =
                    cause.network && lock(&self.last_response).is_none_or(|response| response < start);
                let error =
                    if unreachable { Error::unreachable(cause.text) } else { Error::temporary(cause.text) };
                return Err(error.into());
            };
            if pause >= Duration::from_secs(1) {
                self.messages.say(&format!("retrying in {} s: {}", pause.as_secs_f64().ceil(), cause.brief));
            }
            if !self.stop.sleep(call.pause(*lost, pause)) {
                return Err(Error::temporary(format!("stopped: {}", cause.text)).into());
            }
        }
    }

    /// Sends a call once.
    fn attempt(&self, call: &Call<'_>, idle: Duration, accept: Accept<'_>, backoff: &mut Backoff) -> Verdict {
        let slot = match self.wait_for_quota(backoff) {
            Ok(slot) => slot,
            Err(verdict) => return verdict,
        };
        let sent = Instant::now();
        let code = self.second_factor.to_send();
        self.messages.trace(|| format!("> {} {}", call.method.as_str(), call.path));
        let response = self.send(call, idle, code.as_ref());
        let remaining = response.as_ref().ok().and_then(|r| r.header("ratelimit-remaining"));
        self.quota.update(slot, remaining);
        if response.is_ok() {
            *lock(&self.last_response) = Some(Instant::now());
        }
        let verdict = match response {
            Ok(response) => {
                let (status, took, warnings) = (response.status, sent.elapsed(), warnings(&response));
                let id = response.header("request-id").unwrap_or("-").to_owned();
                let source = self.source.as_deref().filter(|_| call.bearer.is_none());
                let verdict = judge(call, response, self.base.host(), source, code.is_some(), accept);
                // A header may quote a secret. It is only known when the body was read, so the headers are shown after it;
                // if the body is unusable, they are not.
                let is_lost = matches!(verdict, Verdict::Lost { .. });
                self.messages.trace(|| {
                    let id = if is_lost { "-" } else { &id };
                    format!("< {status} request {id} after {} ms", took.as_millis())
                });
                if !is_lost {
                    warnings.iter().for_each(|text| self.say_once(text));
                }
                verdict
            }
            Err(Failure::NotSent(what)) => Verdict::NotSent(Cause::network(what)),
            Err(Failure::Lost(what)) => Verdict::lost(Cause::network(what)),
            Err(Failure::Permanent { what, hint }) => {
                Verdict::Fatal(hint.into_iter().fold(Error::permanent(what), Error::with_hint))
            }
        };
        if let Verdict::Lost { cause, .. } | Verdict::NotSent(cause) | Verdict::Quota { cause, .. } = &verdict
        {
            self.messages.trace(|| format!("< no usable response: {}", cause.text));
        }
        verdict
    }

    /// Waits until the quota allows a call. Time spent here does not count as time spent retrying.
    fn wait_for_quota(&self, backoff: &mut Backoff) -> Result<Slot, Verdict> {
        loop {
            let wait = match self.quota.claim() {
                Ok(slot) => return Ok(slot),
                Err(wait) => wait,
            };
            if !self.policy.wait {
                return Err(Verdict::Quota { cause: Cause::other(QUOTA_LOW.to_owned()), after: None });
            }
            self.say_once(&format!("{QUOTA_LOW}: continuing at 75 calls a minute"));
            // In short steps: responses to other calls may show that there is quota again.
            let start = Instant::now();
            if !self.stop.sleep(wait.min(Duration::from_millis(250))) {
                return Err(Verdict::Fatal(Error::temporary("stopped")));
            }
            backoff.extend(start.elapsed());
        }
    }

    /// Sends the request of a call with all its headers.
    fn send(&self, call: &Call<'_>, idle: Duration, code: Option<&Secret>) -> Result<Response, Failure> {
        let bearer = call.bearer.unwrap_or(&self.bearer);
        let mut headers = vec![("authorization", bearer.expose())];
        headers.extend(call.request_id.map(|id| ("request-id", id)));
        let has = |name: &str| self.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        headers.push(("accept", if call.team { ACCEPT_TEAM } else { ACCEPT }));
        if !has("user-agent") {
            headers.push(("user-agent", concat!("oauth-tools/", env!("CARGO_PKG_VERSION"))));
        }
        if call.body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        if let Some(range) = call.range {
            headers.push(("range", range));
        }
        if let Some(code) = code {
            headers.push(("heroku-two-factor-code", code.expose()));
        }
        headers.extend(self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        let body = call.body.map(str::as_bytes);
        let (method, path, stop) = (call.method, call.path, &self.stop);
        self.transport.send(&Request { method, path, headers: &headers, body, idle, stop })
    }

    /// Shows a text that the server may send with each response once a run.
    fn say_once(&self, text: &str) {
        let mut warnings = lock(&self.warnings);
        if warnings.len() < MAX_WARNINGS && warnings.insert(text.to_owned()) {
            self.messages.say(text);
        }
    }

    /// Hides the secrets of an object from all further messages.
    pub(crate) fn hide_secrets(&self, object: &str) {
        // One beyond the limits is an error when it is parsed.
        if limits::check(object, LARGEST).is_ok() {
            json::each_secret(object, &mut |secret| self.messages.hide_new(secret));
        }
    }

    /// Returns a random UUID (RFC 9562, version 4) that identifies a call to both sides.
    pub(crate) fn new_request_id(&self) -> String {
        let mut calls = lock(&self.calls);
        *calls += 1;
        let (a, b) = (self.request_ids.hash_one((*calls, 1)), self.request_ids.hash_one((*calls, 2)));
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xfff,
            b >> 48 & 0x3fff | 0x8000,
            b & 0xffff_ffff_ffff
        )
    }
}

/// Returns the warnings in the headers of a response.
fn warnings(response: &Response) -> Vec<String> {
    let is_warning = |name: &str| matches!(name, "warning-message" | "x-heroku-warning");
    let found = response.headers.iter().filter(|(name, _)| is_warning(name));
    found.map(|(_, text)| format!("warning: {text}")).collect()
}

#[cfg(test)]
#[path = "tests/call.rs"]
mod tests;

//! One call of the API: sent until it has a usable answer, or the rules say no more.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::api::body::{Broken, Refusal, read, refusal};
use crate::api::quota::{Backoff, Pacer, retry_after};
use crate::api::second_factor::SecondFactor;
use crate::api::transport::{Failure, Method, Request, Response, Transport};
use crate::base::error::Error;
use crate::base::secret::Secret;
use crate::base::sync::lock;
use crate::base::time::{self, Unix};
use crate::config::base_url::Base;
use crate::config::environment::Config;
use crate::sys::messages::Messages;
use crate::sys::signals::Stop;

/// The largest answer about one object that is taken, in bytes.
const LARGEST_ANSWER: u64 = 8 << 20;
/// How long an API may still be busy with a request whose answer was lost: only then is it looked for, or sent again
/// where the last one done is the one that counts.
pub(crate) const SETTLE: Duration = Duration::from_secs(1);
/// The version that the API is asked for, and the one that team collections need (WIRE.md, "Requests").
const ACCEPT: &str = "application/vnd.heroku+json; version=3";
const ACCEPT_TEAM: &str = "application/vnd.heroku+json; version=3.sdk";

/// What to do about a code that was rejected.
const FRESH_CODE: &str = "give a fresh code in HEROKU_TWO_FACTOR_CODE";

/// How long to try, and whether to wait for quota.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How long a call is tried again at passing faults.
    pub retry_for: Duration,
    /// Wait for quota instead of giving up.
    pub wait: bool,
}

/// A usable response, parsed.
#[derive(Debug)]
pub(crate) struct Parsed<T> {
    /// What its body holds.
    pub(crate) value: T,
    /// When the server sent it, by its own clock where it told.
    pub(crate) date: Unix,
    /// Its request id, for the log.
    pub(crate) request_id: Option<String>,
    /// The range of the next page.
    pub(crate) next_range: Option<String>,
}

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The end of it.
    Error(Error),
    /// The server may have acted, and the call is one that must not be sent blindly again.
    Lost(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Error(error)
    }
}

/// What may be done after an answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterLoss {
    /// The end is the same however often it is sent.
    SendAgain,
    /// Sent again; "no such object" then means that it worked.
    GoneIsDone,
    /// Never: another object would come of it.
    Ask,
}

/// Takes the body of a response that was sent at an instant, or tells why it is not the one that was asked for.
type Take<'t> = &'t mut dyn FnMut(String, Unix) -> Result<(), String>;

/// A response whose body was taken.
struct Taken {
    date: Unix,
    request_id: Option<String>,
    next_range: Option<String>,
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) body: Option<&'a str>,
    pub(crate) range: Option<&'a str>,
    pub(crate) team: bool,
    /// Another token than the caller's own.
    pub(crate) bearer: Option<&'a Secret>,
    pub(crate) after_loss: AfterLoss,
    pub(crate) largest: u64,
}

impl<'a> Call<'a> {
    pub(crate) fn new(method: Method, path: &'a str, after_loss: AfterLoss) -> Call<'a> {
        Call {
            method,
            path,
            body: None,
            range: None,
            team: false,
            bearer: None,
            after_loss,
            largest: LARGEST_ANSWER,
        }
    }

    /// What is known after an answer to it was lost, whatever came of the next try.
    fn in_doubt(&self, error: Error) -> Error {
        match self.method {
            Method::Get => error,
            // Of all changes this one alone ends in a secret that nobody has.
            Method::Post => error.in_doubt(Some(
                "if it was, its new secret is lost: rotate it again, with another token if it was the one in use",
            )),
            Method::Patch | Method::Delete => error.in_doubt(None),
        }
    }
}

/// What one try came to.
enum Try {
    Done(Taken),
    Refused(Refusal),
    /// 404 on a removal.
    NoSuch(Refusal),
    /// The server cannot have acted; `after` if it said when to come back.
    Again {
        what: String,
        after: Option<Duration>,
        quota: bool,
        network: bool,
    },
    Lost {
        what: String,
        network: bool,
    },
    /// A second factor is wanted; `had` if one was sent.
    TwoFactor {
        had: bool,
    },
    End(Error),
}

/// Sends the calls of one account.
pub(crate) struct Caller {
    transport: Box<dyn Transport + Send>,
    pub(crate) base: Base,
    pub(crate) token: Secret,
    bearer: Secret,
    headers: Vec<(String, String)>,
    policy: Policy,
    pacer: Pacer,
    pub(crate) messages: Messages,
    pub(crate) stop: Stop,
    second_factor: SecondFactor,
    warned: Mutex<HashSet<String>>,
    pub(crate) request_ids: RandomState,
    calls: Mutex<u64>,
    /// When the last answer came, to whichever call.
    heard: Mutex<Option<Instant>>,
}

impl Caller {
    /// Calls through `transport`, for the account that `token` belongs to.
    ///
    /// # Errors
    /// An input error for unusable variables.
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
        let code = config.two_factor_code()?;
        if let Some(code) = &code {
            messages.hide(code);
        }
        Ok(Caller {
            transport,
            base,
            bearer: Secret::new(format!("Bearer {}", token.expose())),
            token,
            headers: config.headers()?,
            policy,
            pacer: Pacer::default(),
            messages,
            stop,
            second_factor: SecondFactor::new(code),
            warned: Mutex::default(),
            request_ids: RandomState::new(),
            calls: Mutex::new(0),
            heard: Mutex::default(),
        })
    }

    /// The pauses of a caller that tries again by itself.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.policy.retry_for)
    }

    /// Sends a call until `parse` accepts a response to it, or the rules say no more. `parse` gets the body, and the
    /// instant at which it was sent.
    pub(crate) fn call<T>(
        &self,
        call: &Call<'_>,
        parse: impl Fn(String, Unix) -> Result<T, String>,
    ) -> Result<Parsed<T>, Fault> {
        let (mut value, mut lost_before) = (None, false);
        let mut take = |body, date| {
            value = Some(parse(body, date)?);
            Ok(())
        };
        match (self.tries(call, &mut take, &mut lost_before), value) {
            (Ok(Taken { date, request_id, next_range }), Some(value)) => {
                Ok(Parsed { value, date, request_id, next_range })
            }
            (Ok(_), None) => Err(Fault::Lost("no response was taken".to_owned())),
            (Err(Fault::Error(error)), _) if lost_before => Err(Fault::Error(call.in_doubt(error))),
            (Err(fault), _) => Err(fault),
        }
    }

    fn tries(&self, call: &Call<'_>, take: Take<'_>, lost_before: &mut bool) -> Result<Taken, Fault> {
        let from = Instant::now();
        let mut backoff = Backoff::new(self.policy.retry_for);
        let mut idle = match call.after_loss {
            // The younger a connection's last use, the less likely it is to be gone when it is used again.
            AfterLoss::Ask => Duration::from_secs(1),
            _ => Duration::from_secs(10),
        };
        loop {
            let (what, after, network) = match self.attempt(call, idle, take, &mut backoff) {
                Try::Done(taken) => return Ok(taken),
                Try::NoSuch(_) if *lost_before => return Err(Fault::Lost("it is gone".to_owned())),
                Try::Refused(refusal) | Try::NoSuch(refusal) => return Err(refusal.into_error().into()),
                Try::End(error) => return Err(error.into()),
                Try::TwoFactor { had: true } => {
                    let error = Error::auth("the two-factor code was not accepted");
                    return Err(error.with_hint(FRESH_CODE).into());
                }
                Try::TwoFactor { had: false } => {
                    let asked = Instant::now();
                    self.second_factor.get(self.policy.wait, &self.messages, &self.stop)?;
                    backoff.excuse(asked.elapsed());
                    continue;
                }
                Try::Again { what, quota: true, .. } if !self.policy.wait => {
                    return Err(Error::unreachable(what).into());
                }
                Try::Again { what, after, network, .. } => (what, after, network),
                Try::Lost { what, .. } if call.after_loss == AfterLoss::Ask => return Err(Fault::Lost(what)),
                Try::Lost { what, network } => {
                    *lost_before = true;
                    (what, None, network)
                }
            };
            if network {
                idle = Duration::ZERO;
            }
            let Some(pause) = backoff.pause(after) else {
                // Others are answered all the while: then it is this call, and not the network.
                let unreachable = network && lock(&self.heard).is_none_or(|heard| heard < from);
                let error = if unreachable { Error::unreachable(what) } else { Error::temporary(what) };
                return Err(error.into());
            };
            if pause >= Duration::from_secs(1) {
                self.messages.say(&format!("waiting {} s: {what}", pause.as_secs_f64().ceil()));
            }
            // A rotation that is done after the next one would make its secret a dead one.
            let busy = *lost_before && call.method == Method::Post;
            if !self.stop.sleep(if busy { pause.max(SETTLE) } else { pause }) {
                return Err(Error::temporary(format!("stopped: {what}")).into());
            }
        }
    }

    /// Sends a call once.
    fn attempt(&self, call: &Call<'_>, idle: Duration, take: Take<'_>, backoff: &mut Backoff) -> Try {
        let taken = loop {
            let wait = match self.pacer.take() {
                Ok(taken) => break taken,
                Err(wait) => wait,
            };
            if !self.policy.wait {
                let what = "the account's quota is nearly used up".to_owned();
                return Try::Again { what, after: None, quota: true, network: false };
            }
            self.say_once("the account's quota is nearly used up: going at 75 calls a minute from here");
            // Not to its end: the answers to others may tell that there is more.
            let from = Instant::now();
            if !self.stop.sleep(wait.min(Duration::from_millis(250))) {
                return Try::End(Error::temporary("stopped"));
            }
            backoff.excuse(from.elapsed());
        };
        let from = Instant::now();
        let request_id = self.request_id();
        let code = self.second_factor.code();
        let bearer = call.bearer.unwrap_or(&self.bearer);
        let mut headers = vec![("authorization", bearer.expose()), ("request-id", &request_id)];
        let has = |name: &str| self.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        if !has("accept") {
            headers.push(("accept", if call.team { ACCEPT_TEAM } else { ACCEPT }));
        }
        if !has("user-agent") {
            headers.push(("user-agent", concat!("oauth-tools/", env!("CARGO_PKG_VERSION"))));
        }
        if call.body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        if let Some(range) = call.range {
            headers.push(("range", range));
        }
        if let Some(code) = &code {
            headers.push(("heroku-two-factor-code", code.expose()));
        }
        headers.extend(self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        let body = call.body.map(str::as_bytes);
        let request = Request { method: call.method, path: call.path, headers: &headers, body, idle };
        self.messages.trace(|| format!("> {} {}", call.method.as_str(), call.path));
        let answer = self.transport.send(&request);
        self.pacer.put(taken, answer.as_ref().ok().and_then(|a| a.header("ratelimit-remaining")));
        if answer.is_ok() {
            *lock(&self.heard) = Some(Instant::now());
        }
        let outcome = match answer {
            Ok(response) => {
                self.messages.trace(|| {
                    let id = response.header("request-id").unwrap_or("-");
                    format!("< {} request {id} after {} ms", response.status, from.elapsed().as_millis())
                });
                self.judge(call, response, code.is_some(), take)
            }
            Err(Failure::NotSent(what)) => Try::Again { what, after: None, quota: false, network: true },
            Err(Failure::Lost(what)) => Try::Lost { what, network: true },
            Err(Failure::Permanent { what, hint }) => {
                Try::End(hint.into_iter().fold(Error::permanent(what), Error::with_hint))
            }
        };
        if let Try::Lost { what, .. } | Try::Again { what, .. } = &outcome {
            self.messages.trace(|| format!("< none: {what}"));
        }
        outcome
    }

    /// Decides what an answer means.
    fn judge(&self, call: &Call<'_>, mut response: Response, had: bool, take: Take<'_>) -> Try {
        for (name, text) in &response.headers {
            if matches!(&name[..], "warning-message" | "x-heroku-warning") {
                self.say_once(&format!("warning: {text}"));
            }
        }
        let date = response.header("date").and_then(time::parse_http_date).unwrap_or_else(time::now);
        let status = response.status;
        let request_id = response.header("request-id").map(str::to_owned);
        let after = response.header("retry-after").and_then(|v| retry_after(v, date));
        let two_factor = response.header("heroku-two-factor-required").is_some();
        let next_range = response.header("next-range").map(str::to_owned);
        let location = response.header("location").map(str::to_owned);
        let body = read(&mut response, call.largest);
        let refusal = |body: &str| refusal(status, body, request_id.clone());
        match (status, body) {
            (200..=299, Ok(body)) => match take(body, date) {
                Ok(()) => Try::Done(Taken { date, request_id, next_range }),
                Err(what) => {
                    Try::Lost { what: format!("unusable answer ({status}): {what}"), network: false }
                }
            },
            (200..=299, Err(Broken::TooLarge(what))) if call.method == Method::Get => {
                Try::End(Error::permanent(what))
            }
            (200..=299, Err(Broken::TooLarge(what) | Broken::Off(what))) => Try::Lost { what, network: true },
            (300..=399, _) => {
                let what = match location {
                    Some(to) => {
                        format!("{} redirects to {to}; a token is not taken elsewhere", self.base.host())
                    }
                    None => format!("unusable answer ({status})"),
                };
                Try::End(Error::permanent(what).with_hint("check HEROKU_HOST"))
            }
            (429, body) => {
                let what = refusal(&body.unwrap_or_default()).to_string();
                Try::Again { what, after, quota: true, network: false }
            }
            (500..=599, body) => {
                Try::Lost { what: refusal(&body.unwrap_or_default()).to_string(), network: false }
            }
            (_, body) => {
                let refused = refusal(&body.unwrap_or_default());
                match (status, refused.id.as_str()) {
                    (401 | 403, "two_factor") => Try::TwoFactor { had },
                    (401 | 403, _) if two_factor && !had => Try::TwoFactor { had },
                    (401, "invalid_two_factor_code") => {
                        Try::End(Error::auth(refused.to_string()).with_hint(FRESH_CODE))
                    }
                    (401, _) => Try::End(
                        Error::auth(refused.to_string())
                            .with_hint("the token was rejected: set HEROKU_API_KEY to one that is valid"),
                    ),
                    (404 | 410, _) if call.after_loss == AfterLoss::GoneIsDone => match refused.is_gone() {
                        true => Try::NoSuch(refused),
                        // A proxy's page proves nothing.
                        false => Try::Lost { what: refused.to_string(), network: false },
                    },
                    _ => Try::Refused(refused),
                }
            }
        }
    }

    fn say_once(&self, text: &str) {
        let mut warned = lock(&self.warned);
        if warned.len() < 64 && warned.insert(text.to_owned()) {
            self.messages.say(text);
        }
    }

    /// A random uuid (RFC 9562, version 4) that names a request on both sides.
    fn request_id(&self) -> String {
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

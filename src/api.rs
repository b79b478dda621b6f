//! The API: list, get, create, update, delete, rotate. Knows paths and JSON, and how often to try; no sockets.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::body::{Broken, is_object, is_page, read, refusal};
use crate::config::{Base, Config};
use crate::error::{Error, Refusal};
use crate::io::{Messages, Stop, lock};
use crate::kind::Kind;
use crate::pace::{Backoff, Pacer, retry_after};
use crate::question::SecondFactor;
use crate::record::Record;
use crate::secret::Secret;
use crate::transport::{Failure, Method, Request, Response, Transport};
use crate::when::{self, Unix};

/// The largest page of a list that is taken, in bytes.
const LARGEST_PAGE: u64 = 64 << 20;
/// The largest answer about one object that is taken, in bytes.
const LARGEST_ANSWER: u64 = 8 << 20;
/// The version that the API is asked for, and the one that team collections need (WIRE.md, "Requests").
const ACCEPT: &str = "application/vnd.heroku+json; version=3";
const ACCEPT_TEAM: &str = "application/vnd.heroku+json; version=3.sdk";

/// How long to try, and whether to wait for quota.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How long a call is tried again at passing faults.
    pub retry_for: Duration,
    /// Wait for quota instead of giving up.
    pub wait: bool,
}

/// An answer with a usable body.
#[derive(Debug)]
pub struct Answer {
    /// The body: JSON, in UTF-8.
    pub body: String,
    /// When the server gave it, by its own clock where it told.
    pub date: Unix,
    /// Its request id, for the log.
    pub request_id: Option<String>,
    /// The range of the next page.
    next_range: Option<String>,
}

impl Answer {
    /// What is known of an object without a call.
    pub(crate) fn known(body: String, date: Unix) -> Answer {
        Answer { body, date, request_id: None, next_range: None }
    }

    /// Whether a secret stands in it that is shown this once only.
    pub fn holds_secret(&self, kind: Kind) -> bool {
        self.record(kind).is_ok_and(|r| r.whole_secret().is_some())
    }

    /// The object in the answer.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn record(&self, kind: Kind) -> Result<Record<'_>, String> {
        Record::from_api(kind, &self.body, self.date)
    }
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

/// What is done with a page of a list: its objects, and its date.
pub type EachPage<'f> = dyn FnMut(&[&RawValue], Unix) -> Result<(), Error> + 'f;

/// What may be done after an answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterLoss {
    /// The end is the same however often it is sent.
    SendAgain,
    /// Sent again; "no such object" then means that it worked.
    GoneIsDone,
    /// Never: another object would come of it.
    Ask,
}

/// One call.
#[derive(Debug, Clone, Copy)]
struct Call<'a> {
    method: Method,
    path: &'a str,
    body: Option<&'a str>,
    range: Option<&'a str>,
    team: bool,
    /// Another token than the caller's own.
    bearer: Option<&'a Secret>,
    after_loss: AfterLoss,
    largest: u64,
}

impl<'a> Call<'a> {
    fn new(method: Method, path: &'a str, after_loss: AfterLoss) -> Call<'a> {
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
}

/// What one try came to.
enum Try {
    Done(Answer),
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

/// The API of one account.
pub struct Api {
    transport: Box<dyn Transport + Send>,
    base: Base,
    token: Secret,
    bearer: Secret,
    headers: Vec<(String, String)>,
    policy: Policy,
    pacer: Pacer,
    messages: Messages,
    stop: Stop,
    second_factor: SecondFactor,
    warned: Mutex<HashSet<String>>,
    request_ids: RandomState,
    calls: Mutex<u64>,
    /// When the last answer came, to whichever call.
    heard: Mutex<Option<Instant>>,
}

impl Api {
    /// The API behind `transport`, for the account that `token` belongs to.
    ///
    /// # Errors
    /// [`Error::Config`] for unusable variables.
    pub fn new(
        transport: Box<dyn Transport + Send>,
        config: &Config,
        base: Base,
        token: Secret,
        policy: Policy,
        messages: Messages,
        stop: Stop,
    ) -> Result<Api, Error> {
        messages.hide(&token);
        let code = config.two_factor_code()?;
        if let Some(code) = &code {
            messages.hide(code);
        }
        Ok(Api {
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

    /// The token in use.
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// The API's address.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// Why the run shall stop, once there is a reason.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Where messages go.
    pub fn messages(&self) -> &Messages {
        &self.messages
    }

    /// Reads a list page by page; `each` gets the objects of a page, and the page's date.
    ///
    /// # Errors
    /// Those of the calls, and what `each` returns. Pages that came before are then already handed on.
    pub fn list(&self, kind: Kind, team: Option<&str>, each: &mut EachPage<'_>) -> Result<(), Error> {
        let path = collection(kind, team);
        let mut range = "id ..; max=1000".to_owned();
        // Only what tells pages apart is kept, so that an endless list does not fill the memory.
        let mut seen = HashSet::from([self.request_ids.hash_one(&range)]);
        loop {
            let call = Call {
                range: Some(&range),
                team: team.is_some(),
                largest: LARGEST_PAGE,
                ..Call::new(Method::Get, &path, AfterLoss::SendAgain)
            };
            let answer = self.call(&call, &|body| is_page(body)).map_err(unlost)?;
            let page: Vec<&RawValue> =
                serde_json::from_str(&answer.body).map_err(|_| wrong("the list is no JSON array"))?;
            each(&page, answer.date)?;
            let Some(next) = answer.next_range else { return Ok(()) };
            if page.is_empty() || !seen.insert(self.request_ids.hash_one(&next)) {
                return Err(wrong("the list does not come to an end: the server repeats a page"));
            }
            range = next;
        }
    }

    /// Reads one object; `~` is the default API key, or the session in use.
    ///
    /// # Errors
    /// Those of the call.
    pub fn get(&self, kind: Kind, id: &str) -> Result<Answer, Error> {
        let path = item(kind, id);
        let call = Call::new(Method::Get, &path, AfterLoss::SendAgain);
        self.call(&call, &|body| is_object(kind, id, body)).map_err(unlost)
    }

    /// Changes one object.
    ///
    /// # Errors
    /// Those of the call.
    pub fn update(&self, kind: Kind, id: &str, body: &str) -> Result<Answer, Error> {
        let path = item(kind, id);
        let call = Call { body: Some(body), ..Call::new(Method::Patch, &path, AfterLoss::SendAgain) };
        self.call(&call, &|body| is_object(kind, id, body)).map_err(unlost)
    }

    /// Removes one object; `None` where an answer was lost, and the next said that there is no such object.
    ///
    /// # Errors
    /// Those of the call.
    pub fn delete(&self, kind: Kind, id: &str) -> Result<Option<Answer>, Error> {
        let path = item(kind, id);
        let call = Call::new(Method::Delete, &path, AfterLoss::GoneIsDone);
        match self.call(&call, &|body| is_object(kind, id, body)) {
            Ok(answer) => Ok(Some(answer)),
            Err(Fault::Lost(_)) => Ok(None),
            Err(Fault::Error(e)) => Err(e),
        }
    }

    /// Gives one object a new secret. Sent again after a loss: the end is one valid secret, the one answered last.
    ///
    /// # Errors
    /// Those of the call.
    pub fn rotate(&self, kind: Kind, id: &str) -> Result<Answer, Error> {
        let Some(action) = kind.rotate_action() else {
            return Err(Error::Usage(format!("a {} cannot be rotated", kind.noun())));
        };
        let path = format!("{}/actions/{action}", item(kind, id));
        let call = Call::new(Method::Post, &path, AfterLoss::SendAgain);
        self.call(&call, &|body| is_object(kind, id, body)).map_err(unlost)
    }

    /// Sends a create once. [`Fault::Lost`] where it may have been applied without an answer.
    pub(crate) fn create_once(&self, kind: Kind, team: Option<&str>, body: &str) -> Result<Answer, Fault> {
        let path = collection(kind, team);
        let call =
            Call { body: Some(body), team: team.is_some(), ..Call::new(Method::Post, &path, AfterLoss::Ask) };
        let made = |body: &str| {
            let record = Record::from_api(kind, body, 0)?;
            // An authorization made for a client has a grant code before it has a token.
            match record.whole_secret().or(Some(record.text(&["grant", "code"])).filter(|c| !c.is_empty())) {
                Some(_) => Ok(()),
                None => Err("it has no secret in it".to_owned()),
            }
        };
        self.call(&call, &made)
    }

    /// The e-mail address of the account; `None` where the token may not ask.
    ///
    /// # Errors
    /// Those of the call.
    pub fn account(&self) -> Result<Option<String>, Error> {
        #[derive(Deserialize)]
        struct Account {
            email: String,
        }
        let call = Call::new(Method::Get, "/account", AfterLoss::SendAgain);
        let parse =
            |body: &str| serde_json::from_str::<Account>(body).map_err(|_| "it is no account".to_owned());
        match self.call(&call, &|body| parse(body).map(drop)).map_err(unlost) {
            Ok(answer) => Ok(parse(&answer.body).ok().map(|account| account.email)),
            Err(Error::Refused(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Proves that a fresh token works, by using it; patiently, since it may need a moment to be known everywhere.
    ///
    /// # Errors
    /// [`Error::Left`] where it is still rejected in the end; those of the calls.
    pub fn prove(&self, token: &Secret) -> Result<(), Error> {
        let bearer = Secret::new(format!("Bearer {}", token.expose()));
        let mut backoff = self.backoff();
        loop {
            // This call costs no quota, and every token may make it (WIRE.md).
            let call = Call {
                bearer: Some(&bearer),
                ..Call::new(Method::Get, "/account/rate-limits", AfterLoss::SendAgain)
            };
            let what = match self.call(&call, &|_| Ok(())).map_err(unlost) {
                Ok(_) => return Ok(()),
                Err(Error::Refused(refusal)) if refusal.status == 403 => return Ok(()),
                Err(Error::Auth { what, .. }) => what,
                Err(e) => return Err(e),
            };
            match backoff.pause(None) {
                Some(pause) if self.stop.sleep(pause) => {}
                _ => {
                    return Err(Error::Left {
                        what: format!("the new token does not work: {what}"),
                        hint: "",
                    });
                }
            }
        }
    }

    /// Exchanges a grant code or a refresh token; sent once only, since a code works once only.
    ///
    /// # Errors
    /// Those of the call; [`Error::Unresolved`] where the answer was lost.
    pub fn exchange(&self, body: &str) -> Result<Answer, Error> {
        self.create_once(Kind::Token, None, body).map_err(|fault| match fault {
            Fault::Error(e) => e,
            Fault::Lost(what) => Error::Permanent {
                what: format!("the answer was lost ({what}): the code may have been used up"),
                hint: "get a new code; a refresh token can be used again",
            },
        })
    }

    /// The pauses of a caller that tries again by itself.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.policy.retry_for)
    }

    /// Sleeps for one of those pauses; false where the run shall stop.
    pub(crate) fn pause(&self, span: Duration) -> bool {
        self.stop.sleep(span)
    }

    /// Sends a call until it has an answer, or the rules say no more.
    fn call(&self, call: &Call<'_>, check: &dyn Fn(&str) -> Result<(), String>) -> Result<Answer, Fault> {
        let from = Instant::now();
        let mut backoff = Backoff::new(self.policy.retry_for);
        let mut lost_before = false;
        let mut idle = match call.after_loss {
            // The younger a connection's last use, the less likely it is to be gone when it is used again.
            AfterLoss::Ask => Duration::from_secs(1),
            _ => Duration::from_secs(10),
        };
        loop {
            let (what, after, network) = match self.attempt(call, idle, check) {
                Try::Done(answer) => return Ok(answer),
                Try::NoSuch(_) if lost_before => return Err(Fault::Lost("it is gone".to_owned())),
                Try::Refused(refusal) | Try::NoSuch(refusal) => return Err(Error::Refused(refusal).into()),
                Try::End(error) => return Err(error.into()),
                Try::TwoFactor { had: true } => {
                    let what = "the two-factor code was not accepted".to_owned();
                    let hint = "give a fresh code in HEROKU_TWO_FACTOR_CODE";
                    return Err(Error::Auth { what, hint }.into());
                }
                Try::TwoFactor { had: false } => {
                    self.second_factor.get(self.policy.wait, &self.messages, &self.stop)?;
                    continue;
                }
                Try::Again { what, quota: true, .. } if !self.policy.wait => {
                    return Err(Error::Temporary { what, unreachable: true }.into());
                }
                Try::Again { what, after, network, .. } => (what, after, network),
                Try::Lost { what, .. } if call.after_loss == AfterLoss::Ask => return Err(Fault::Lost(what)),
                Try::Lost { what, network } => {
                    lost_before = true;
                    (what, None, network)
                }
            };
            if network {
                idle = Duration::ZERO;
            }
            let Some(pause) = backoff.pause(after) else {
                // Others are answered all the while: then it is this call, and not the network.
                let unreachable = network && lock(&self.heard).is_none_or(|heard| heard < from);
                return Err(Error::Temporary { what, unreachable }.into());
            };
            if pause >= Duration::from_secs(1) {
                self.messages.say(&format!("waiting {} s: {what}", pause.as_secs_f64().ceil()));
            }
            if !self.stop.sleep(pause) {
                let what = format!("stopped: {what}");
                return Err(Error::Temporary { what, unreachable: false }.into());
            }
        }
    }

    /// Sends a call once.
    fn attempt(&self, call: &Call<'_>, idle: Duration, check: &dyn Fn(&str) -> Result<(), String>) -> Try {
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
            if !self.stop.sleep(wait.min(Duration::from_millis(250))) {
                return Try::End(Error::Temporary { what: "stopped".to_owned(), unreachable: false });
            }
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
                self.judge(call, response, code.is_some(), check)
            }
            Err(Failure::NotSent(what)) => Try::Again { what, after: None, quota: false, network: true },
            Err(Failure::Lost(what)) => Try::Lost { what, network: true },
            Err(Failure::Permanent { what, hint }) => Try::End(Error::Permanent { what, hint }),
        };
        if let Try::Lost { what, .. } | Try::Again { what, .. } = &outcome {
            self.messages.trace(|| format!("< none: {what}"));
        }
        outcome
    }

    /// Decides what an answer means.
    fn judge(
        &self,
        call: &Call<'_>,
        mut response: Response,
        had: bool,
        check: &dyn Fn(&str) -> Result<(), String>,
    ) -> Try {
        for (name, text) in &response.headers {
            if matches!(&name[..], "warning-message" | "x-heroku-warning") {
                self.say_once(&format!("warning: {text}"));
            }
        }
        let date = response.header("date").and_then(when::parse_http_date).unwrap_or_else(when::now);
        let status = response.status;
        let request_id = response.header("request-id").map(str::to_owned);
        let after = response.header("retry-after").and_then(|v| retry_after(v, date));
        let two_factor = response.header("heroku-two-factor-required").is_some();
        let next_range = response.header("next-range").map(str::to_owned);
        let location = response.header("location").map(str::to_owned);
        let body = read(&mut response, call.largest);
        let refusal = |body: &str| refusal(status, body, request_id.clone());
        match (status, body) {
            (200..=299, Ok(body)) => match check(&body) {
                Ok(()) => Try::Done(Answer { body, date, request_id, next_range }),
                Err(what) => {
                    Try::Lost { what: format!("unusable answer ({status}): {what}"), network: false }
                }
            },
            (200..=299, Err(Broken::TooLarge(what))) if call.method == Method::Get => {
                Try::End(Error::Permanent { what, hint: "" })
            }
            (200..=299, Err(Broken::TooLarge(what) | Broken::Off(what))) => Try::Lost { what, network: true },
            (300..=399, _) => Try::End(Error::Permanent {
                what: match location {
                    Some(to) => {
                        format!("{} redirects to {to}; a token is not taken elsewhere", self.base.host())
                    }
                    None => format!("unusable answer ({status})"),
                },
                hint: "check HEROKU_HOST",
            }),
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
                    (401, "invalid_two_factor_code") => Try::End(Error::Auth {
                        what: refused.to_string(),
                        hint: "give a fresh code in HEROKU_TWO_FACTOR_CODE",
                    }),
                    (401, _) => Try::End(Error::Auth {
                        what: refused.to_string(),
                        hint: "the token was rejected: set HEROKU_API_KEY to one that is valid",
                    }),
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

fn collection(kind: Kind, team: Option<&str>) -> String {
    match team {
        Some(team) => format!("/teams/{team}{}", kind.path()),
        None => kind.path().to_owned(),
    }
}

fn item(kind: Kind, id: &str) -> String {
    format!("{}/{id}", kind.path())
}

fn wrong(what: &str) -> Error {
    Error::Permanent { what: format!("unusable answer: {what}"), hint: "" }
}

/// For calls that are simply sent again, a loss ends as a passing fault.
fn unlost(fault: Fault) -> Error {
    match fault {
        Fault::Error(error) => error,
        Fault::Lost(what) => Error::Temporary { what, unreachable: false },
    }
}

#[cfg(test)]
mod tests;

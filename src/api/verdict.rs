//! Decides what a response means for its call: done, refused, to be retried, or in doubt
//! (docs/heroku-api.md, Errors).

use std::time::Duration;

use crate::api::body::{BodyError, Refusal, read, refusal};
use crate::api::page::Next;
use crate::api::quota::retry_after;
use crate::api::request::{AfterLoss, Call};
use crate::api::transport::{Method, Response};
use crate::base::error::Error;
use crate::base::time::{self, Unix};

/// The hint after a two-factor code that was rejected.
pub(crate) const FRESH_CODE: &str = "set HEROKU_TWO_FACTOR_CODE to a fresh code";

/// Parses the body of a response, given the instant at which it was sent; an error says why it is unusable.
pub(crate) type Accept<'t> = &'t mut dyn FnMut(String, Unix) -> Result<(), String>;

/// The head of a response whose body was accepted.
pub(crate) struct Accepted {
    pub(crate) date: Unix,
    pub(crate) request_id: Option<String>,
    pub(crate) next: Next,
}

/// Why one attempt brought no usable response.
#[derive(Debug)]
pub(crate) struct Cause {
    /// The text of the error, if this ends the call.
    pub(crate) text: String,
    /// The text of the line that announces a retry.
    pub(crate) brief: String,
    /// The network failed, not the API.
    pub(crate) network: bool,
}

impl Cause {
    /// A failure of the network.
    pub(crate) fn network(text: String) -> Cause {
        Cause { brief: text.clone(), text, network: true }
    }

    /// A failure on this side of the network, or a response that cannot be used.
    pub(crate) fn other(text: String) -> Cause {
        Cause { brief: text.clone(), text, network: false }
    }

    /// A response that reports an error.
    fn refusal(refusal: &Refusal) -> Cause {
        Cause { text: refusal.to_string(), brief: refusal.brief(), network: false }
    }
}

/// The result of one attempt.
pub(crate) enum Verdict {
    /// The response is usable.
    Done(Accepted),
    /// The API refuses, and would again.
    Refused(Refusal),
    /// The API says that the object to be removed does not exist.
    NotFound(Refusal),
    /// The server cannot have acted on the request.
    NotSent(Cause),
    /// The quota is used up, and the server did not act; `after` is its `Retry-After`.
    Quota { cause: Cause, after: Option<Duration> },
    /// The server may have acted, and the response is lost or unusable; `after` is its `Retry-After`.
    Lost { cause: Cause, after: Option<Duration> },
    /// A two-factor code is required; `sent` if the request had one.
    TwoFactor { sent: bool },
    /// Retrying cannot help.
    Fatal(Error),
}

impl Verdict {
    /// The verdict on a response without a `Retry-After` that could be honoured.
    pub(crate) fn lost(cause: Cause) -> Verdict {
        Verdict::Lost { cause, after: None }
    }
}

/// Judges a response to `call`. `host` and `source`, the place where the token was found, are for messages. `code_sent`
/// says whether the request had a two-factor code.
pub(crate) fn judge(
    call: &Call<'_>,
    mut response: Response,
    host: &str,
    source: Option<&str>,
    code_sent: bool,
    accept: Accept<'_>,
) -> Verdict {
    let date = response.header("date").and_then(time::parse_http_date).unwrap_or_else(time::now);
    let status = response.status;
    let header = |name: &str| response.header(name).map(str::to_owned);
    let request_id = header("request-id");
    let next = Next::read(status, response.header("next-range"), response.header("content-range"));
    let after = response.header("retry-after").and_then(|v| retry_after(v, date));
    let code_required = response.header("heroku-two-factor-required").is_some();
    let location = header("location");
    let body = read(&mut response, call.largest);
    let refusal = |body: Result<String, BodyError>| {
        refusal(status, body.as_deref().unwrap_or_default(), request_id.clone())
    };
    match (status, body) {
        (200..=299, Ok(body)) => match accept(body, date) {
            Ok(()) => Verdict::Done(Accepted { date, request_id, next }),
            Err(what) => Verdict::lost(Cause::other(format!("unusable response ({status}): {what}"))),
        },
        // A read that is too large would be as large the next time.
        (200..=299, Err(BodyError::TooLarge(what))) if call.method == Method::Get => {
            Verdict::Fatal(Error::permanent(what))
        }
        (200..=299, Err(BodyError::TooLarge(what) | BodyError::Broken(what))) => {
            Verdict::lost(Cause::network(what))
        }
        // "See other" comes after the server has acted; other statuses are no responses (RFC 9110, 15 and 15.4.4).
        (303, body) if call.method != Method::Get => Verdict::lost(Cause::refusal(&refusal(body))),
        (..=199 | 600.., body) => Verdict::lost(Cause::refusal(&refusal(body))),
        (300..=399, _) => {
            let what = match location {
                Some(to) => format!("{host} redirects to {to}: refusing to send the token there"),
                None => format!("unusable response ({status})"),
            };
            Verdict::Fatal(Error::permanent(what).with_hint("check HEROKU_HOST"))
        }
        (429, body) => Verdict::Quota { cause: Cause::refusal(&refusal(body)), after },
        // The server would not risk to process it (RFC 8470, 5.2).
        (425, body) => Verdict::NotSent(Cause::refusal(&refusal(body))),
        // The server gave up waiting for the request (RFC 9110, 15.5.9), or something in between for the server.
        (408 | 500..=599, body) => Verdict::Lost { cause: Cause::refusal(&refusal(body)), after },
        (_, body) => refused(call, refusal(body), source, code_sent, code_required),
    }
}

/// Judges a refusal that is neither about the quota nor a failure of the server.
fn refused(
    call: &Call<'_>,
    refusal: Refusal,
    source: Option<&str>,
    code_sent: bool,
    code_required: bool,
) -> Verdict {
    match (refusal.status, refusal.id.as_str()) {
        (401 | 403, "two_factor") => Verdict::TwoFactor { sent: code_sent },
        (401 | 403, _) if code_required && !code_sent => Verdict::TwoFactor { sent: false },
        (401, "invalid_two_factor_code") => {
            Verdict::Fatal(Error::auth(refusal.to_string()).with_hint(FRESH_CODE))
        }
        (401, _) => {
            let source = source.map_or(String::new(), |source| format!("; the token is from {source}"));
            let error = Error::auth(format!("{refusal}{source}"));
            Verdict::Fatal(error.with_hint("the token was rejected: set HEROKU_API_KEY to a valid one"))
        }
        // The server can do this for no object at all.
        (405, "method_not_allowed") => Verdict::Fatal(Error::unsupported(refusal.to_string())),
        (404 | 410, _) if call.after_loss == AfterLoss::GoneIsDone => match refusal.is_gone() {
            true => Verdict::NotFound(refusal),
            // A proxy's page does not prove that the object is gone.
            false => Verdict::lost(Cause::refusal(&refusal)),
        },
        _ => Verdict::Refused(refusal),
    }
}

//! Bodies of responses: read within a limit of size, and checked before they are used.

use std::fmt;
use std::io::Read;

use serde::Deserialize;

use crate::api::http::{reason_phrase, status_text};
use crate::api::transport::Response;
use crate::base::error::{Error, reason};
use crate::base::id;
use crate::base::time::Unix;
use crate::record::Record;
use crate::record::kind::Kind;

/// A response that refuses (docs/heroku-api.md, Errors).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The API's name for the error, such as `not_found`; empty if the response is not from the API.
    pub(crate) id: String,
    /// The API's message, or a description of the response if it is not from the API.
    pub(crate) message: String,
    /// The `Request-Id` of the response, for Heroku's support.
    pub(crate) request_id: Option<String>,
}

impl Refusal {
    /// Returns whether the API itself, not a proxy in between, says that the object does not exist.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.status, 404 | 410) && !self.id.is_empty()
    }

    /// Returns the error that ends the call.
    pub(crate) fn into_error(self) -> Error {
        let text = self.to_string();
        if self.is_gone() { Error::gone(text) } else { Error::refused(self.status, text) }
    }

    /// The response in a few words, for the line that announces a retry.
    pub(crate) fn brief(&self) -> String {
        let who = if self.id.is_empty() { "the response was" } else { "the API responded" };
        format!("{who} {}", status_text(self.status))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = if self.id.is_empty() { format!("HTTP {}", self.status) } else { self.id.clone() };
        write!(f, "{} ({id}", self.message)?;
        if let Some(request) = &self.request_id {
            write!(f, ", request {request}")?;
        }
        f.write_str(")")
    }
}

/// Parses an object, which must be the one with that id; `~` stands for whichever the API chose.
pub(crate) fn object(kind: Kind, asked: &str, body: &str, date: Unix) -> Result<Record<'static>, String> {
    let record = Record::from_api(kind, body, date)?;
    if asked == "~" || id::same(&record.id, asked) {
        Ok(record.into_owned())
    } else {
        Err("it describes another object".to_owned())
    }
}

/// Reads a body of at most `largest` bytes, which must be UTF-8.
pub(crate) fn read(response: &mut Response, largest: u64) -> Result<String, BodyError> {
    let mut bytes = Vec::new();
    match (&mut response.body).take(largest + 1).read_to_end(&mut bytes) {
        Err(e) => Err(BodyError::Broken(format!("the response was cut short: {}", reason(&e)))),
        Ok(n) if n as u64 > largest => {
            Err(BodyError::TooLarge(format!("the response is larger than {} MiB", largest >> 20)))
        }
        Ok(_) => {
            String::from_utf8(bytes).map_err(|_| BodyError::Broken("the response is not UTF-8".to_owned()))
        }
    }
}

/// Why a body cannot be used.
pub(crate) enum BodyError {
    /// It ended early, or is not UTF-8.
    Broken(String),
    /// It is larger than the limit.
    TooLarge(String),
}

/// Parses the body of an error. Proxies respond with HTML or nothing instead (docs/heroku-api.md, Errors).
pub(crate) fn refusal(status: u16, body: &str, request_id: Option<String>) -> Refusal {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        id: String,
        message: String,
    }
    match serde_json::from_str::<Body>(body) {
        Ok(Body { id, message }) => Refusal { status, id, message, request_id },
        Err(_) => {
            let what = if body.trim_start().starts_with('<') {
                "the response is an HTML page, not an API error"
            } else {
                "the response is not an API error"
            };
            let message = match reason_phrase(status) {
                Some(phrase) => format!("{what}: {phrase}"),
                None => what.to_owned(),
            };
            Refusal { status, id: String::new(), message, request_id }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_its_request_id() {
        let body = r#"{"id":"not_found","message":"Couldn't find that authorization."}"#;
        let found = refusal(404, body, Some("5ac1".into()));
        assert_eq!(found.to_string(), "Couldn't find that authorization. (not_found, request 5ac1)");
        assert!(found.into_error().is_gone());
    }

    #[test]
    fn a_retry_is_announced_with_the_status() {
        let body = r#"{"id":"internal_server_error","message":"It is not your fault."}"#;
        assert_eq!(refusal(500, body, None).brief(), "the API responded 500 (Internal server error)");
        assert_eq!(refusal(502, "<html>", None).brief(), "the response was 502 (Bad gateway)");
        assert_eq!(refusal(599, "", None).brief(), "the response was 599");
    }

    #[test]
    fn a_proxys_page_does_not_prove_that_an_object_is_gone() {
        for body in ["<html>404</html>", "", r#"{"message":"no such route"}"#] {
            let error = refusal(404, body, None).into_error();
            assert!(!error.is_gone() && error.is_refusal(), "{error}");
        }
    }
}

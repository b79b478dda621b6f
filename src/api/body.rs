//! Bodies of answers: read within their bounds, and looked at before they are believed.

use std::fmt;
use std::io::Read;

use serde::Deserialize;

use crate::api::transport::{Response, reason_phrase};
use crate::base::error::{Error, reason};
use crate::base::time::Unix;
use crate::record::Record;
use crate::record::kind::Kind;

/// A response that refuses (docs/heroku-api.md, Errors).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The API's word for the error, such as `not_found`; empty where the response is not the API's.
    pub(crate) id: String,
    /// The API's sentence, or what the response is if it is not the API's.
    pub(crate) message: String,
    /// The `Request-Id` of the response, for Heroku's support.
    pub(crate) request_id: Option<String>,
}

impl Refusal {
    /// Whether the API itself, and not a proxy on the way to it, says that there is no such object.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.status, 404 | 410) && !self.id.is_empty()
    }

    /// The refusal as the end of a call.
    pub(crate) fn into_error(self) -> Error {
        let text = self.to_string();
        if self.is_gone() { Error::gone(text) } else { Error::refused(self.status, text) }
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

/// The object in a body, which must be the one with that id.
pub(crate) fn object(kind: Kind, id: &str, body: &str, date: Unix) -> Result<Record<'static>, String> {
    let record = Record::from_api(kind, body, date)?;
    if id == "~" || record.id.eq_ignore_ascii_case(id) {
        Ok(record.into_owned())
    } else {
        Err("it is about another object".to_owned())
    }
}

/// Reads a body, which must end within its bound and be text.
pub(crate) fn read(response: &mut Response, largest: u64) -> Result<String, Broken> {
    let mut bytes = Vec::new();
    match (&mut response.body).take(largest + 1).read_to_end(&mut bytes) {
        Err(e) => Err(Broken::Off(format!("the answer broke off: {}", reason(&e)))),
        Ok(n) if n as u64 > largest => {
            Err(Broken::TooLarge(format!("the answer is larger than {} MiB", largest >> 20)))
        }
        Ok(_) => String::from_utf8(bytes).map_err(|_| Broken::Off("the answer is not UTF-8".to_owned())),
    }
}

/// Why a body cannot be used.
pub(crate) enum Broken {
    /// It ended early, or is no text.
    Off(String),
    /// It went on beyond its bound.
    TooLarge(String),
}

/// The API's error body, or what stands in its place (WIRE.md, "Errors": proxies answer HTML or nothing).
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
            let what =
                if body.trim_start().starts_with('<') { "an HTML page" } else { "no error of the API" };
            let message = match reason_phrase(status) {
                Some(phrase) => format!("{what} came back: {phrase}"),
                None => format!("{what} came back"),
            };
            Refusal { status, id: String::new(), message, request_id }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_its_request() {
        let body = r#"{"id":"not_found","message":"Couldn't find that authorization."}"#;
        let found = refusal(404, body, Some("5ac1".into()));
        assert_eq!(found.to_string(), "Couldn't find that authorization. (not_found, request 5ac1)");
        assert!(found.into_error().is_gone());
    }

    #[test]
    fn a_proxys_page_does_not_prove_that_an_object_is_gone() {
        for body in ["<html>404</html>", "", r#"{"message":"no such route"}"#] {
            let error = refusal(404, body, None).into_error();
            assert!(!error.is_gone() && error.is_refusal(), "{error}");
        }
    }
}

//! Bodies of answers: read within their bounds, and looked at before they are believed.

use std::io::Read;

use serde::Deserialize;

use crate::api::transport::{Response, reason_phrase};
use crate::base::error::{Refusal, reason};
use crate::record::Record;
use crate::record::kind::Kind;

/// Whether a body is the object that was asked for.
pub(crate) fn is_object(kind: Kind, id: &str, body: &str) -> Result<(), String> {
    let record = Record::from_api(kind, body, 0)?;
    if id == "~" || record.id.eq_ignore_ascii_case(id) {
        Ok(())
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

//! A call of the API: the request to send, what may be done if its response is lost, and its body. `-n` shows the same
//! body that the run sends, with its secret hidden.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::api::transport::Method;
use crate::base::error::Error;
use crate::base::secret::{STARS, Secret};

/// The largest response about one object, in bytes.
const LARGEST_OBJECT: u64 = 8 << 20;
/// How long the API may still be working on a request whose response was lost. Only then is a created object searched
/// for, or a rotation sent again: the API must not apply the first rotation after the second.
pub(crate) const SETTLE: Duration = Duration::from_secs(1);

/// What may be done after a response was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterLoss {
    /// Send it again: the result is the same however often it is sent.
    SendAgain,
    /// Send it again; a 404 then means that the first attempt succeeded.
    GoneIsDone,
    /// Never send it again: it would create a second object.
    Stop,
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) body: Option<&'a str>,
    pub(crate) range: Option<&'a str>,
    pub(crate) team: bool,
    /// The `Authorization` header, if not that of the caller's own token.
    pub(crate) bearer: Option<&'a Secret>,
    /// The `Request-Id` header, if this call continues another one; otherwise it gets an id of its own.
    pub(crate) request_id: Option<&'a str>,
    pub(crate) after_loss: AfterLoss,
    /// The largest body of a response, in bytes.
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
            request_id: None,
            after_loss,
            largest: LARGEST_OBJECT,
        }
    }

    /// The error of this call after the response to an earlier attempt was lost: that attempt may have succeeded.
    pub(crate) fn in_doubt(&self, error: Error) -> Error {
        match self.method {
            Method::Get => error,
            // Only a rotation can leave a valid secret that nobody has.
            Method::Post => error.in_doubt(Some(
                "if so, the new secret is lost: rotate again, using another token if the rotated one is in use",
            )),
            Method::Patch | Method::Delete => error.in_doubt(None),
        }
    }

    /// The pause before this call is sent again; `lost` if a response to it was lost. A rotation must not be applied
    /// after the next one, or the secret of the next one is no longer valid.
    pub(crate) fn pause(&self, lost: bool, pause: Duration) -> Duration {
        if lost && self.method == Method::Post { pause.max(SETTLE) } else { pause }
    }
}

/// A JSON object.
#[derive(Debug, Default)]
pub(crate) struct Body {
    members: Map<String, Value>,
    /// The client to tie an authorization to: its id and secret.
    client: Option<(String, Secret)>,
}

impl Body {
    /// Adds a member.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.members.insert(name.to_owned(), value.into());
    }

    /// Adds the client to tie an authorization to.
    pub(crate) fn set_client(&mut self, id: &str, secret: &Secret) {
        self.client = Some((id.to_owned(), secret.clone()));
    }

    /// Returns whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.client.is_none()
    }

    /// Returns the body as JSON, with stars for the secret.
    pub(crate) fn shown(&self) -> String {
        self.json(|_| STARS)
    }

    /// Returns the body as JSON, as it is sent.
    pub(crate) fn sent(&self) -> String {
        self.json(Secret::expose)
    }

    fn json<'s>(&'s self, text: impl Fn(&'s Secret) -> &'s str) -> String {
        let mut members = self.members.clone();
        if let Some((id, secret)) = &self.client {
            members.insert("client".to_owned(), json!({ "id": id, "secret": text(secret) }));
        }
        Value::Object(members).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_shows_the_body_without_its_secret() {
        let mut body = Body::default();
        assert!(body.is_empty());
        body.set("description", "x");
        body.set_client("c1", &Secret::new("hunter22".to_owned()));
        assert!(!body.is_empty());
        assert_eq!(body.sent(), r#"{"client":{"id":"c1","secret":"hunter22"},"description":"x"}"#);
        assert_eq!(body.shown(), body.sent().replace("hunter22", STARS));
    }
}

//! The body of a request: `-n` shows the same body that the run sends, with its secret hidden.

use serde_json::{Map, Value, json};

use crate::base::secret::{STARS, Secret};

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

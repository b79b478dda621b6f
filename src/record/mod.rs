//! Records: one object of the API as one line, which begins with the header fields that every tool needs
//! (oauth-record(5)).
//!
//! - `kind`: the kinds of objects, their names and paths
//! - `json`: JSON objects whose values keep their spelling
//! - `limits`: limits checked before JSON is parsed
//! - `columns`: CSV columns and cells
//! - `redirect_uri`: checks redirect URIs

pub(crate) mod columns;
pub(crate) mod json;
pub(crate) mod kind;
pub(crate) mod limits;
pub(crate) mod redirect_uri;

use std::borrow::Cow;
use std::io::Write;

use serde_json::value::RawValue;

use crate::base::secret::{is_complete, mask_tokens};
use crate::base::time::{self, Unix};
use crate::record::json::{JsonObject, display_text, string, write_masked, write_on_one_line, write_string};
use crate::record::kind::{Kind, check_foreign_id};

/// The time at which an object expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// The API did not say.
    Unknown,
    /// Never.
    Never,
    /// In the past; the API does not say when.
    Past,
    /// At an instant.
    At(Unix),
}

/// An object of the account, as the tools print it: header fields, then the fields of the API.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// The kind of the object.
    pub kind: Kind,
    /// The id of the object; empty if it does not exist yet.
    pub id: Cow<'a, str>,
    /// `active` or `expired`, or the result of a change: `created`, `revoked`, ….
    pub status: Cow<'a, str>,
    /// The time at which it expires.
    pub expiry: Expiry,
    /// The server's time at which this was so; `None` if it is not from the API.
    pub as_of: Option<Unix>,
    /// It is the authorization or the session in use.
    pub current: bool,
    /// It is the account's default API key.
    pub default: bool,
    /// Fields that a tool adds after the header fields, such as `replaces`: a name and a text.
    pub added: Vec<(&'static str, String)>,
    /// The same, with JSON instead of a text.
    pub added_json: Vec<(&'static str, String)>,
    object: JsonObject<'a>,
}

/// The largest object that is accepted from the API, in bytes.
pub(crate) const LARGEST: usize = 8 << 20;

/// The words of `status` (oauth-record(5), STATUS WORDS).
pub(crate) const STATUS_WORDS: [&str; 21] = [
    "active",
    "expired",
    "created",
    "exists",
    "updated",
    "unchanged",
    "rotated",
    "replaced",
    "revoked",
    "deleted",
    "absent",
    "kept",
    "added",
    "changed",
    "removed",
    "would-create",
    "would-update",
    "would-rotate",
    "would-replace",
    "would-revoke",
    "would-delete",
];

/// The header fields of a record. They replace fields of the same names in the API's object.
pub(crate) const HEADER_FIELDS: [&str; 6] = ["kind", "id", "status", "expires_at", "current", "default"];

impl<'a> Record<'a> {
    /// Makes a record of an object of which only the id is known.
    pub fn bare(kind: Kind, id: &'a str, status: impl Into<Cow<'a, str>>) -> Record<'a> {
        Record {
            kind,
            id: Cow::Borrowed(id),
            status: status.into(),
            expiry: Expiry::Unknown,
            as_of: None,
            current: false,
            default: false,
            added: Vec::new(),
            added_json: Vec::new(),
            object: JsonObject::default(),
        }
    }

    /// Makes a record of a planned change. `json` is the request body: the fields that the object would get; empty if
    /// there is none.
    pub fn draft(kind: Kind, id: &'a str, status: &'static str, json: &'a str) -> Record<'a> {
        // Most plans have no body, and a run may plan a million of them. A body is our own, so parsing it cannot fail.
        let object = (!json.is_empty()).then(|| serde_json::from_str(json).unwrap_or_default());
        Record { object: object.unwrap_or_default(), ..Record::bare(kind, id, status) }
    }

    /// Parses a record that a tool has printed, with its header fields.
    ///
    /// # Errors
    /// A message, if it is not a JSON object with an id, or a header field is there twice.
    pub fn from_line(kind: Kind, line: &'a str) -> Result<Record<'a>, String> {
        let record = Record::partial(kind, line)?;
        if record.object.text("id").is_some() { Ok(record) } else { Err("it has no id".to_owned()) }
    }

    /// Parses a record like [`Record::from_line`]; without an id, it is one of an object that does not exist yet.
    ///
    /// # Errors
    /// A message, if it is not a JSON object, or a header field is there twice.
    pub(crate) fn partial(kind: Kind, line: &'a str) -> Result<Record<'a>, String> {
        limits::check(line, usize::MAX)?;
        let object: JsonObject<'a> =
            serde_json::from_str(line).map_err(|_| "it is not a JSON object".to_owned())?;
        object.check_unique(&HEADER_FIELDS)?;
        let text = |name| object.text(name);
        let is = |name| object.get(name).is_some_and(|value| value.get() == "true");
        Ok(Record {
            id: text("id").unwrap_or_default(),
            status: text("status").unwrap_or_default(),
            expiry: match (object.get("expires_at").map(RawValue::get), text("expires_at")) {
                (_, Some(at)) => time::parse_rfc3339(&at).map_or(Expiry::Unknown, Expiry::At),
                (Some("null"), _) => Expiry::Never,
                _ => Expiry::Unknown,
            },
            as_of: None,
            current: is("current"),
            default: is("default"),
            kind,
            added: Vec::new(),
            added_json: Vec::new(),
            object,
        })
    }

    /// Parses an object of a response. `now` is the time at which the server sent it.
    ///
    /// This is the only way in for objects from outside: the ids that the tools act on or print have our own grammar
    /// afterwards.
    ///
    /// # Errors
    /// A message, if it is not a JSON object with a valid id, an id in it is invalid, or its expiry cannot be read.
    pub fn from_api(kind: Kind, json: &'a str, now: Unix) -> Result<Record<'a>, String> {
        limits::check(json, LARGEST)?;
        let object: JsonObject<'a> =
            serde_json::from_str(json).map_err(|_| "it is not a JSON object".to_owned())?;
        object.check_unique(&["id", "access_token", "expires_in"])?;
        let id = object.text("id").ok_or("it has no id")?;
        check_foreign_id(&id)?;
        for name in ["client", "session", "access_token"] {
            object.get(name).map_or(Ok(()), |value| check_nested_id(name, value))?;
        }
        let expiry = match kind {
            Kind::Authz | Kind::Token => match object.get("access_token") {
                // An authorization without a token has expired, unless its code can still be exchanged for one.
                Some(token) if token.get() == "null" => match object.at(&["grant", "expires_in"]) {
                    Some(left) if left.get() != "null" => seconds_left(Some(left), now)?,
                    _ => Expiry::Past,
                },
                Some(token) => {
                    let token: JsonObject<'_> = serde_json::from_str(token.get())
                        .map_err(|_| "its access_token is not an object".to_owned())?;
                    token.check_unique(&["token", "expires_in"])?;
                    seconds_left(token.get("expires_in"), now)?
                }
                None => Expiry::Never,
            },
            Kind::Session => seconds_left(object.get("expires_in"), now)?,
            Kind::Client => Expiry::Never,
        };
        let status = match expiry {
            Expiry::Past => "expired",
            Expiry::At(at) if at <= now => "expired",
            _ => "active",
        };
        Ok(Record {
            kind,
            id,
            status: Cow::Borrowed(status),
            expiry,
            as_of: Some(now),
            current: false,
            default: false,
            added: Vec::new(),
            added_json: Vec::new(),
            object,
        })
    }

    /// Returns the same record, borrowed from this one.
    pub(crate) fn borrowed(&self) -> Record<'_> {
        Record {
            kind: self.kind,
            id: Cow::Borrowed(&self.id),
            status: Cow::Borrowed(&self.status),
            expiry: self.expiry,
            as_of: self.as_of,
            current: self.current,
            default: self.default,
            added: self.added.clone(),
            added_json: self.added_json.clone(),
            object: self.object.borrowed(),
        }
    }

    /// Returns the same record, without borrows.
    pub(crate) fn into_owned(self) -> Record<'static> {
        Record {
            kind: self.kind,
            id: Cow::Owned(self.id.into_owned()),
            status: Cow::Owned(self.status.into_owned()),
            expiry: self.expiry,
            as_of: self.as_of,
            current: self.current,
            default: self.default,
            added: self.added,
            added_json: self.added_json,
            object: self.object.into_owned(),
        }
    }

    /// Returns the lifetime in seconds, from creation to expiry; `None` if it never expires, or one of both is unknown.
    pub fn lifetime(&self) -> Option<Unix> {
        let (Expiry::At(at), created) = (self.expiry, self.text(&["created_at"])) else { return None };
        time::parse_rfc3339(&created).filter(|created| at > *created).map(|created| at - created)
    }

    /// Returns the text at a path of the object, such as `["access_token", "token"]`; empty if there is none.
    pub fn text(&self, path: &[&str]) -> String {
        self.object.at(path).map(display_text).unwrap_or_default()
    }

    /// Returns the name for people: a client's name, otherwise the description.
    pub fn name(&self) -> String {
        self.text(&[if self.kind == Kind::Client { "name" } else { "description" }])
    }

    /// Returns the scopes of an authorization; none if the record does not say them.
    pub(crate) fn scope(&self) -> Vec<String> {
        let text = self.text(&["scope"]);
        text.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
    }

    /// Returns the name for people, without the tokens that somebody may have pasted into it. It is not for comparisons.
    pub(crate) fn title(&self) -> String {
        mask_tokens(&self.name()).into_owned()
    }

    /// Returns the secret: whole, or masked by the API.
    pub fn secret(&self) -> Option<String> {
        let path: &[&str] = match self.kind {
            Kind::Authz | Kind::Token => &["access_token", "token"],
            Kind::Client => &["secret"],
            Kind::Session => return None,
        };
        let secret = self.object.at(path).and_then(string);
        // An authorization for a client has a grant code until it has a token.
        let code =
            || self.object.at(&["grant", "code"]).filter(|_| self.kind == Kind::Authz).and_then(string);
        secret.or_else(code).map(Cow::into_owned)
    }

    /// Returns the secret, if it is not masked.
    pub fn whole_secret(&self) -> Option<String> {
        self.secret().filter(|secret| is_complete(secret))
    }

    /// Returns the name of the shell variable for the secret.
    pub fn secret_variable(&self) -> &'static str {
        match self.kind {
            Kind::Authz if self.text(&["access_token", "token"]).is_empty() => "HEROKU_OAUTH_CODE",
            Kind::Client => "HEROKU_OAUTH_SECRET",
            Kind::Authz | Kind::Session | Kind::Token => "HEROKU_API_KEY",
        }
    }

    /// Returns the expiry for people: `in 3 days`, `never`; empty if it is unknown.
    pub fn expiry_words(&self, now: Unix) -> String {
        match self.expiry {
            Expiry::Past => "expired".to_owned(),
            Expiry::At(at) => time::relative(at, self.as_of.unwrap_or(now)),
            Expiry::Never => "never".to_owned(),
            Expiry::Unknown => String::new(),
        }
    }

    /// Returns the expiry as RFC 3339; `None` if it never expires, or that is unknown.
    pub fn expires_at(&self) -> Option<String> {
        match self.expiry {
            // A life that ends after the year 9999 must not look like one of which nothing is known.
            Expiry::At(at) => time::rfc3339(at.clamp(time::FIRST, time::LAST)),
            Expiry::Never | Expiry::Unknown | Expiry::Past => None,
        }
    }

    /// Appends the record as one line of JSON, without a line break; secrets are masked unless `reveal`.
    pub fn write_json(&self, out: &mut Vec<u8>, reveal: bool) {
        out.extend_from_slice(b"{\"kind\":\"");
        out.extend_from_slice(self.kind.word().as_bytes());
        out.extend_from_slice(b"\",\"id\":");
        if self.id.is_empty() {
            out.extend_from_slice(b"null")
        } else {
            write_string(out, &self.id)
        }
        out.extend_from_slice(b",\"status\":");
        write_string(out, &self.status);
        match self.expires_at() {
            Some(at) => {
                let _ = write!(out, ",\"expires_at\":\"{at}\"");
            }
            None if self.expiry == Expiry::Never => out.extend_from_slice(b",\"expires_at\":null"),
            None => {}
        }
        if self.current {
            out.extend_from_slice(b",\"current\":true");
        }
        if self.default {
            out.extend_from_slice(b",\"default\":true");
        }
        for (name, text) in &self.added {
            let _ = write!(out, ",\"{name}\":");
            write_string(out, text);
        }
        for (name, json) in &self.added_json {
            let _ = write!(out, ",\"{name}\":{json}");
        }
        let added = || self.added.iter().chain(&self.added_json);
        for (name, value) in &self.object.0 {
            if HEADER_FIELDS.contains(&name.as_ref()) || added().any(|(n, _)| n == name) {
                continue;
            }
            out.push(b',');
            write_string(out, name);
            out.push(b':');
            // The secrets that were exchanged for a token are the caller's: only the new ones are shown.
            let is_callers = self.kind == Kind::Token && ["client", "grant"].contains(&name.as_ref());
            // A token in the text of a person is not the secret of the object.
            let is_title = ["description", "name"].contains(&name.as_ref());
            if reveal && !is_callers && !is_title {
                write_on_one_line(out, value.get());
            } else {
                write_masked(out, name, value);
            }
        }
        out.push(b'}');
    }
}

impl Record<'_> {
    /// Returns whether the API says that a member is null, and does not just leave it out.
    pub(crate) fn is_null(&self, path: &[&str]) -> bool {
        self.object.at(path).is_some_and(|value| value.get() == "null")
    }

    /// Returns a member of the object, as it was written.
    pub(crate) fn member(&self, name: &str) -> Option<&RawValue> {
        self.object.get(name)
    }

    /// Returns the record without its secrets, and without borrows.
    pub(crate) fn masked(&self) -> Option<Record<'static>> {
        // Cannot fail: a printed record can be parsed.
        Record::from_line(self.kind, &self.masked_line()).ok().map(Record::into_owned)
    }

    /// Returns the record as one line of JSON with masked secrets.
    pub fn masked_line(&self) -> String {
        let mut line = Vec::new();
        self.write_json(&mut line, false);
        String::from_utf8(line).unwrap_or_default()
    }
}

/// Checks the id of an object in an object. It may have none, or be null.
fn check_nested_id(name: &str, value: &RawValue) -> Result<(), String> {
    if value.get() == "null" {
        return Ok(());
    }
    let nested: JsonObject<'_> =
        serde_json::from_str(value.get()).map_err(|_| format!("its {name} is not an object"))?;
    nested.check_unique(&["id"])?;
    match nested.get("id") {
        None => Ok(()),
        Some(id) if id.get() == "null" => Ok(()),
        Some(id) => {
            let id = string(id).ok_or_else(|| format!("the id of its {name} is not a string"))?;
            check_foreign_id(&id).map_err(|what| format!("{name}: {what}"))
        }
    }
}

/// Parses `expires_in`: the seconds that are left, or null for never (docs/heroku-api.md, "Expiry").
fn seconds_left(value: Option<&RawValue>, now: Unix) -> Result<Expiry, String> {
    match value.map(RawValue::get) {
        None | Some("null") => Ok(Expiry::Never),
        Some(number) => match number.parse::<i64>() {
            // The API responds 0 whenever the time is over.
            Ok(0) => Ok(Expiry::Past),
            Ok(seconds) if seconds.unsigned_abs() < 1 << 40 => Ok(Expiry::At(now + seconds)),
            _ => Err("its expires_in is not a number of seconds".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests;

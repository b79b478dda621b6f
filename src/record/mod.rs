//! The record: one object of the API as one line, led by what every tool needs (oauth-record(5)).

pub(crate) mod columns;
pub(crate) mod json;
pub(crate) mod kind;
pub(crate) mod limits;
pub(crate) mod redirect_uri;

use std::borrow::Cow;
use std::io::Write;

use serde_json::value::RawValue;

use crate::base::secret::is_masked;
use crate::base::time::{self, Unix};
use crate::record::json::{Members, masked, one_line, plain, quote, string};
use crate::record::kind::Kind;

/// When an object ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Not told.
    Unknown,
    /// Never.
    Never,
    /// At an instant.
    At(Unix),
}

/// An object of the account, as the tools print it.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: Cow<'a, str>,
    /// `active` or `expired`, or the news of a change: `created`, `revoked`, ….
    pub status: Cow<'a, str>,
    /// When it ends.
    pub expiry: Expiry,
    /// It is the authorization (or the session, or the client) that the caller is using.
    pub current: bool,
    /// It is the account's default API key.
    pub default: bool,
    /// Members that the tools add behind the lead, such as `replaces`: a name and a text.
    pub added: Vec<(&'static str, String)>,
    /// The same, with JSON in the place of a text.
    pub added_json: Vec<(&'static str, String)>,
    members: Members<'a>,
}

/// The largest record that the API may answer with, in bytes.
pub(crate) const LARGEST: usize = 8 << 20;

/// Members that the lead of a record replaces.
const LEAD: [&str; 6] = ["kind", "id", "status", "expires_at", "current", "default"];

impl<'a> Record<'a> {
    /// A record about an object of which no more is known than its id.
    pub fn bare(kind: Kind, id: &'a str, status: impl Into<Cow<'a, str>>) -> Record<'a> {
        Record {
            kind,
            id: Cow::Borrowed(id),
            status: status.into(),
            expiry: Expiry::Unknown,
            current: false,
            default: false,
            added: Vec::new(),
            added_json: Vec::new(),
            members: Members::default(),
        }
    }

    /// A record about an object that does not exist yet: what it would be made or changed with, as a JSON object.
    pub fn draft(kind: Kind, id: &'a str, status: &'static str, json: &'a str) -> Record<'a> {
        // The JSON is our own request body.
        let members = serde_json::from_str(json).unwrap_or_default();
        Record { members, ..Record::bare(kind, id, status) }
    }

    /// Reads a record that a tool has printed: its lead is taken as it stands.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_line(kind: Kind, line: &'a str) -> Result<Record<'a>, String> {
        limits::check(line, usize::MAX)?;
        let members: Members<'a> =
            serde_json::from_str(line).map_err(|_| "it is no JSON object".to_owned())?;
        members.check_unique(&LEAD)?;
        let text = |name| members.text(name);
        let is = |name| members.get(name).is_some_and(|value| value.get() == "true");
        Ok(Record {
            id: text("id").ok_or("it has no id")?,
            status: text("status").unwrap_or_default(),
            expiry: match (members.get("expires_at").map(RawValue::get), text("expires_at")) {
                (_, Some(at)) => time::parse_rfc3339(&at).map_or(Expiry::Unknown, Expiry::At),
                (Some("null"), _) => Expiry::Never,
                _ => Expiry::Unknown,
            },
            current: is("current"),
            default: is("default"),
            kind,
            added: Vec::new(),
            added_json: Vec::new(),
            members,
        })
    }

    /// Reads one object of an answer that the server dated `now`.
    ///
    /// # Errors
    /// What is wrong, where it is no object with an id, or a field that decides about it is unusable.
    pub fn from_api(kind: Kind, json: &'a str, now: Unix) -> Result<Record<'a>, String> {
        limits::check(json, LARGEST)?;
        let members: Members<'a> =
            serde_json::from_str(json).map_err(|_| "it is no JSON object".to_owned())?;
        members.check_unique(&["id", "access_token", "expires_in"])?;
        let id = members.text("id").ok_or("it has no id")?;
        let expiry = match kind {
            Kind::Authz | Kind::Token => match members.get("access_token") {
                // Without its token an authorization grants nothing: it has ended, unless its code can still be
                // exchanged for one.
                Some(token) if token.get() == "null" => match members.at(&["grant", "expires_in"]) {
                    Some(left) if left.get() != "null" => seconds_left(Some(left), now)?,
                    _ => Expiry::At(now),
                },
                Some(token) => {
                    let token: Members<'_> = serde_json::from_str(token.get())
                        .map_err(|_| "its access_token is no object".to_owned())?;
                    token.check_unique(&["token", "expires_in"])?;
                    seconds_left(token.get("expires_in"), now)?
                }
                None => Expiry::Never,
            },
            Kind::Session => seconds_left(members.get("expires_in"), now)?,
            Kind::Client => Expiry::Never,
        };
        let status = match expiry {
            Expiry::At(at) if at <= now => "expired",
            _ => "active",
        };
        Ok(Record {
            kind,
            id,
            status: Cow::Borrowed(status),
            expiry,
            current: false,
            default: false,
            added: Vec::new(),
            added_json: Vec::new(),
            members,
        })
    }

    /// The same record, which borrows from this one.
    pub(crate) fn borrowed(&self) -> Record<'_> {
        Record {
            kind: self.kind,
            id: Cow::Borrowed(&self.id),
            status: Cow::Borrowed(&self.status),
            expiry: self.expiry,
            current: self.current,
            default: self.default,
            added: self.added.clone(),
            added_json: self.added_json.clone(),
            members: self.members.borrowed(),
        }
    }

    /// The same record, which borrows nothing.
    pub(crate) fn into_owned(self) -> Record<'static> {
        Record {
            kind: self.kind,
            id: Cow::Owned(self.id.into_owned()),
            status: Cow::Owned(self.status.into_owned()),
            expiry: self.expiry,
            current: self.current,
            default: self.default,
            added: self.added,
            added_json: self.added_json,
            members: self.members.into_owned(),
        }
    }

    /// How long it was to live from its beginning, in seconds, where it ends.
    pub fn lifetime(&self) -> Option<Unix> {
        let (Expiry::At(at), born) = (self.expiry, self.text(&["created_at"])) else { return None };
        time::parse_rfc3339(&born).filter(|born| at > *born).map(|born| at - born)
    }

    /// The text at a path of the object, such as `["access_token", "token"]`; empty where there is none.
    pub fn text(&self, path: &[&str]) -> String {
        self.members.at(path).map(plain).unwrap_or_default()
    }

    /// What a person calls it: the description, or a client's name.
    pub fn name(&self) -> String {
        self.text(&[if self.kind == Kind::Client { "name" } else { "description" }])
    }

    /// The secret, or as much of it as the API shows.
    pub fn secret(&self) -> Option<String> {
        let path: &[&str] = match self.kind {
            Kind::Authz | Kind::Token => &["access_token", "token"],
            Kind::Client => &["secret"],
            Kind::Session => return None,
        };
        let secret = self.members.at(path).and_then(string);
        // An authorization made for a client has a grant code before it has a token.
        let code =
            || self.members.at(&["grant", "code"]).filter(|_| self.kind == Kind::Authz).and_then(string);
        secret.or_else(code).map(Cow::into_owned)
    }

    /// The secret, if it is there in full.
    pub fn whole_secret(&self) -> Option<String> {
        self.secret().filter(|secret| !secret.is_empty() && !is_masked(secret))
    }

    /// The variable in which a shell gets the secret.
    pub fn secret_variable(&self) -> &'static str {
        match self.kind {
            Kind::Authz if self.text(&["access_token", "token"]).is_empty() => "HEROKU_OAUTH_CODE",
            Kind::Client => "HEROKU_OAUTH_SECRET",
            Kind::Authz | Kind::Session | Kind::Token => "HEROKU_API_KEY",
        }
    }

    /// When it ends, for a person.
    pub fn expiry_words(&self, now: Unix) -> String {
        match self.expiry {
            // The API may tell no more than that nothing is left, as of its answer.
            Expiry::At(at) if self.status == "expired" && now.abs_diff(at) < 60 => "expired".to_owned(),
            Expiry::At(at) => time::relative(at, now),
            Expiry::Never => "never".to_owned(),
            Expiry::Unknown => String::new(),
        }
    }

    /// The end as RFC 3339; `None` where there is none or it is not known.
    pub fn expires_at(&self) -> Option<String> {
        match self.expiry {
            Expiry::At(at) => time::rfc3339(at),
            Expiry::Never | Expiry::Unknown => None,
        }
    }

    /// Appends the record as one line of JSON, without the line break; secrets are masked unless `reveal`.
    pub fn write_json(&self, out: &mut Vec<u8>, reveal: bool) {
        out.extend_from_slice(b"{\"kind\":\"");
        out.extend_from_slice(self.kind.word().as_bytes());
        out.extend_from_slice(b"\",\"id\":");
        if self.id.is_empty() {
            out.extend_from_slice(b"null")
        } else {
            quote(out, &self.id)
        }
        out.extend_from_slice(b",\"status\":");
        quote(out, &self.status);
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
            quote(out, text);
        }
        for (name, json) in &self.added_json {
            let _ = write!(out, ",\"{name}\":{json}");
        }
        let added = || self.added.iter().chain(&self.added_json);
        for (name, value) in &self.members.0 {
            if LEAD.contains(&name.as_ref()) || added().any(|(n, _)| n == name) {
                continue;
            }
            out.push(b',');
            quote(out, name);
            out.push(b':');
            // What a token was exchanged for is the caller's own, and no news.
            let given = self.kind == Kind::Token && ["client", "grant"].contains(&name.as_ref());
            if reveal && !given { one_line(out, value.get()) } else { masked(out, name, value) }
        }
        out.push(b'}');
    }
}

impl Record<'_> {
    /// The record without its secrets; it borrows nothing.
    pub(crate) fn masked(&self) -> Option<Record<'static>> {
        // What was printed can be read.
        Record::from_line(self.kind, &self.masked_line()).ok().map(Record::into_owned)
    }

    /// The record as one line of JSON without secrets.
    pub fn masked_line(&self) -> String {
        let mut line = Vec::new();
        self.write_json(&mut line, false);
        String::from_utf8(line).unwrap_or_default()
    }
}

/// Seconds left, as an instant (WIRE.md: `expires_in` is seconds left, null means never).
fn seconds_left(value: Option<&RawValue>, now: Unix) -> Result<Expiry, String> {
    match value.map(RawValue::get) {
        None | Some("null") => Ok(Expiry::Never),
        Some(number) => match number.parse::<i64>() {
            Ok(seconds) if seconds.unsigned_abs() < 1 << 40 => Ok(Expiry::At(now + seconds)),
            _ => Err("its expires_in is no number of seconds".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests;

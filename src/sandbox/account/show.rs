//! How the account's objects are written: as the API's objects and as records.
//!
//! The API writes the members of an object in alphabetical order; members the sandbox
//! does not know are put in their place among them.

use std::collections::btree_map;
use std::iter::Peekable;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::sandbox::account::clock;
use crate::sandbox::account::mint::mask;
use crate::sandbox::account::model::{Authz, Client, ClientRef, Extra, Grant, Session, SessionRef, Token};

/// How expired authorizations show in lists and answers: no public source says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expired {
    /// With 0 seconds left.
    #[default]
    Zero,
    /// With a negative number of seconds left.
    Negative,
    /// Without their access token.
    NullToken,
    /// Not at all: as if they were gone.
    Hidden,
}

/// How much of a secret is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Show {
    /// All of it.
    Clear,
    /// Prefix, ten `*`, suffix.
    Masked,
    /// Not even the member's name.
    Absent,
}

/// Who looks, when, and at how much.
#[derive(Debug, Clone, Copy)]
pub(in crate::sandbox) struct View {
    /// Unix seconds, from which `expires_in` is counted.
    pub(in crate::sandbox) now: i64,
    /// Visible characters at the start and the end of a masked secret.
    pub(in crate::sandbox) redact: (usize, usize),
    /// What becomes of expired authorizations.
    pub(in crate::sandbox) expired: Expired,
    /// Access and refresh tokens.
    pub(in crate::sandbox) tokens: Show,
    /// Client secrets and grant codes.
    pub(in crate::sandbox) secrets: Show,
    /// Whether nested objects also get an absolute `expires_at`: the state file only.
    pub(in crate::sandbox) absolute: bool,
}

impl View {
    fn secret(&self, show: Show, secret: &str) -> Option<String> {
        match show {
            Show::Clear => Some(secret.to_owned()),
            Show::Masked => Some(mask(secret, self.redact)),
            Show::Absent => None,
        }
    }

    /// Seconds left, as the API would say it.
    fn left(&self, expires_at: Option<i64>) -> Option<i64> {
        let left = expires_at?.saturating_sub(self.now);
        Some(if self.expired == Expired::Negative { left } else { left.max(0) })
    }
}

/// One object of the account under a view: serialises as the API's object.
pub(in crate::sandbox) struct Shown<'a, T>(pub(in crate::sandbox) &'a T, pub(in crate::sandbox) &'a View);

/// One object of the account under a view: serialises as a record.
pub(in crate::sandbox) struct Record<'a, T> {
    pub(in crate::sandbox) item: &'a T,
    pub(in crate::sandbox) view: &'a View,
    /// Whether it is the one in use.
    pub(in crate::sandbox) current: bool,
    /// Whether it is the account's default API key.
    pub(in crate::sandbox) default: bool,
}

/// Writes members in order, slipping unknown ones in where they belong.
pub(in crate::sandbox) struct Members<'a, M> {
    map: M,
    extra: Peekable<btree_map::Iter<'a, String, Box<RawValue>>>,
    /// Whether `id` was written already.
    led: bool,
}

impl<'a, M: SerializeMap> Members<'a, M> {
    fn new(map: M, extra: &'a Extra, led: bool) -> Self {
        Members { map, extra: extra.iter().peekable(), led }
    }

    fn put<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), M::Error> {
        while let Some((name, raw)) = self.extra.next_if(|(name, _)| name.as_str() < key) {
            self.map.serialize_entry(name, raw)?;
        }
        if self.led && key == "id" {
            return Ok(());
        }
        self.map.serialize_entry(key, value)
    }

    fn end(mut self) -> Result<M::Ok, M::Error> {
        for (name, raw) in self.extra {
            self.map.serialize_entry(name, raw)?;
        }
        self.map.end()
    }
}

/// An object that knows its members.
pub(in crate::sandbox) trait Object {
    /// Its kind, as records call it; empty for a nested object.
    const KIND: &'static str = "";

    fn extra(&self) -> &Extra;

    fn put<M: SerializeMap>(&self, v: &View, out: &mut Members<'_, M>) -> Result<(), M::Error>;

    fn id(&self) -> &str;

    fn expires_at(&self) -> Option<i64> {
        None
    }

    fn team(&self) -> Option<&str> {
        None
    }

    fn is_expired(&self, now: i64) -> bool {
        self.expires_at().is_some_and(|at| at <= now)
    }
}

impl<T: Object> Serialize for Shown<'_, T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut out = Members::new(s.serialize_map(None)?, self.0.extra(), false);
        self.0.put(self.1, &mut out)?;
        out.end()
    }
}

impl<T: Object> Serialize for Record<'_, T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(None)?;
        map.serialize_entry("kind", T::KIND)?;
        map.serialize_entry("id", self.item.id())?;
        let expired = self.item.is_expired(self.view.now);
        map.serialize_entry("status", if expired { "expired" } else { "active" })?;
        map.serialize_entry("expires_at", &self.item.expires_at().map(clock::rfc3339))?;
        if self.current {
            map.serialize_entry("current", &true)?;
        }
        if self.default {
            map.serialize_entry("default", &true)?;
        }
        if let Some(team) = self.item.team() {
            map.serialize_entry("team", team)?;
        }
        let mut out = Members::new(map, self.item.extra(), true);
        self.item.put(self.view, &mut out)?;
        out.end()
    }
}

impl Object for Token {
    fn extra(&self) -> &Extra {
        &self.extra
    }

    fn put<M: SerializeMap>(&self, v: &View, out: &mut Members<'_, M>) -> Result<(), M::Error> {
        if v.absolute {
            out.put("expires_at", &self.expires_at.map(clock::rfc3339))?;
        }
        out.put("expires_in", &v.left(self.expires_at))?;
        out.put("id", &self.id)?;
        match v.secret(v.tokens, &self.token) {
            Some(token) => out.put("token", &token),
            None => Ok(()),
        }
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Object for Grant {
    fn extra(&self) -> &Extra {
        &self.extra
    }

    fn put<M: SerializeMap>(&self, v: &View, out: &mut Members<'_, M>) -> Result<(), M::Error> {
        if let Some(code) = v.secret(v.secrets, &self.code) {
            out.put("code", &code)?;
        }
        if v.absolute {
            out.put("expires_at", &self.expires_at.map(clock::rfc3339))?;
        }
        out.put("expires_in", &v.left(self.expires_at))?;
        out.put("id", &self.id)
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Object for ClientRef {
    fn extra(&self) -> &Extra {
        &self.extra
    }

    fn put<M: SerializeMap>(&self, _: &View, out: &mut Members<'_, M>) -> Result<(), M::Error> {
        out.put("id", &self.id)?;
        out.put("name", &self.name)?;
        out.put("redirect_uri", &self.redirect_uri)
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Object for SessionRef {
    fn extra(&self) -> &Extra {
        &self.extra
    }

    fn put<M: SerializeMap>(&self, _: &View, out: &mut Members<'_, M>) -> Result<(), M::Error> {
        out.put("id", &self.id)
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Object for Authz {
    const KIND: &'static str = "authz";

    fn extra(&self) -> &Extra {
        &self.extra
    }

    fn put<M: SerializeMap>(&self, v: &View, out: &mut Members<'_, M>) -> Result<(), M::Error> {
        let lost = v.expired == Expired::NullToken && self.expired(v.now);
        let token = self.access_token.as_ref().filter(|_| !lost);
        out.put("access_token", &token.map(|t| Shown(t, v)))?;
        out.put("client", &self.client.as_ref().map(|c| Shown(c, v)))?;
        out.put("created_at", &self.created_at)?;
        out.put("description", &self.description)?;
        out.put("grant", &self.grant.as_ref().map(|g| Shown(g, v)))?;
        out.put("id", &self.id)?;
        out.put("refresh_token", &self.refresh_token.as_ref().map(|t| Shown(t, v)))?;
        out.put("scope", &self.scope)?;
        out.put("session", &self.session.as_ref().map(|s| Shown(s, v)))?;
        out.put("updated_at", &self.updated_at)?;
        out.put("user", &self.user)
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn expires_at(&self) -> Option<i64> {
        self.expires_at
    }

    fn team(&self) -> Option<&str> {
        self.team.as_deref()
    }
}

impl Object for Client {
    const KIND: &'static str = "client";

    fn extra(&self) -> &Extra {
        &self.extra
    }

    fn put<M: SerializeMap>(&self, v: &View, out: &mut Members<'_, M>) -> Result<(), M::Error> {
        out.put("created_at", &self.created_at)?;
        out.put("id", &self.id)?;
        out.put("ignores_delinquent", &self.ignores_delinquent)?;
        out.put("name", &self.name)?;
        out.put("redirect_uri", &self.redirect_uri)?;
        if let Some(secret) = v.secret(v.secrets, &self.secret) {
            out.put("secret", &secret)?;
        }
        out.put("updated_at", &self.updated_at)
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Object for Session {
    const KIND: &'static str = "session";

    fn extra(&self) -> &Extra {
        &self.extra
    }

    fn put<M: SerializeMap>(&self, v: &View, out: &mut Members<'_, M>) -> Result<(), M::Error> {
        out.put("created_at", &self.created_at)?;
        out.put("description", &self.description)?;
        out.put("expires_in", &v.left(self.expires_at))?;
        out.put("id", &self.id)?;
        out.put("updated_at", &self.updated_at)
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn expires_at(&self) -> Option<i64> {
        self.expires_at
    }
}

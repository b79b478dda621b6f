//! The account's objects as JSON: as the API writes them, and as records.
//!
//! The API writes the members of an object in alphabetical order. Members that the sandbox does not know are sorted in.

use std::collections::btree_map;
use std::iter::Peekable;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::sandbox::account::clock;
use crate::sandbox::account::mint::{Mask, mask_as};
use crate::sandbox::account::model::{Authz, Client, ClientRef, Extra, Grant, Session, SessionRef, Token};

/// The appearance of expired authorizations in responses; no public source says what the API does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expired {
    /// With `expires_in` 0.
    #[default]
    Zero,
    /// With a negative `expires_in`: the seconds since they expired.
    Negative,
    /// Without their access token.
    NullToken,
    /// Not at all, as if they did not exist.
    Hidden,
}

/// The form in which a secret is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Show {
    /// In full.
    Clear,
    /// Prefix, mask, suffix.
    Masked,
    /// The member is left out.
    Absent,
}

/// The form in which objects are written: the time, and how much of their secrets is visible.
#[derive(Debug, Clone, Copy)]
pub(in crate::sandbox) struct View {
    /// Unix seconds, from which `expires_in` is counted.
    pub(in crate::sandbox) now: i64,
    /// The numbers of visible characters at the start and the end of a masked secret.
    pub(in crate::sandbox) redact: (usize, usize),
    /// The hidden part of a masked secret.
    pub(in crate::sandbox) mask: Mask,
    /// The form of expired authorizations.
    pub(in crate::sandbox) expired: Expired,
    /// Access and refresh tokens.
    pub(in crate::sandbox) tokens: Show,
    /// Client secrets and grant codes.
    pub(in crate::sandbox) secrets: Show,
    /// True to give nested objects an absolute `expires_at` too; only state files have it.
    pub(in crate::sandbox) absolute: bool,
}

impl View {
    /// The view for a dump (masked secrets) or a state file (clear secrets, absolute dates).
    pub(in crate::sandbox) fn whole_account(redact: (usize, usize), show: Show) -> View {
        View {
            now: clock::now(),
            redact,
            // What is written here can be loaded again.
            mask: Mask::Stars,
            expired: Expired::Zero,
            tokens: show,
            secrets: show,
            absolute: show == Show::Clear,
        }
    }

    fn secret(&self, show: Show, secret: &str) -> Option<String> {
        match show {
            Show::Clear => Some(secret.to_owned()),
            Show::Masked if self.mask == Mask::Absent => None,
            Show::Masked => Some(mask_as(secret, self.redact, self.mask)),
            Show::Absent => None,
        }
    }

    /// The value of `expires_in`.
    fn left(&self, expires_at: Option<i64>) -> Option<i64> {
        let left = expires_at?.saturating_sub(self.now);
        Some(if self.expired == Expired::Negative { left } else { left.max(0) })
    }
}

/// An object that serializes as the API's object.
pub(in crate::sandbox) struct ApiObject<'a, T>(pub(in crate::sandbox) &'a T, pub(in crate::sandbox) &'a View);

/// An object that serializes as a record.
pub(in crate::sandbox) struct Record<'a, T> {
    pub(in crate::sandbox) item: &'a T,
    pub(in crate::sandbox) view: &'a View,
    /// True for the authorization or session in use.
    pub(in crate::sandbox) current: bool,
    /// True for the account's default API key.
    pub(in crate::sandbox) default: bool,
}

/// Returns an object as the API's JSON.
pub(in crate::sandbox) fn to_json<T: Object>(item: &T, view: &View) -> Vec<u8> {
    // Writing these objects into memory cannot fail.
    serde_json::to_vec(&ApiObject(item, view)).unwrap_or_default()
}

/// Writes members in alphabetical order, unknown ones included.
pub(in crate::sandbox) struct Members<'a, M> {
    map: M,
    extra: Peekable<btree_map::Iter<'a, String, Box<RawValue>>>,
    /// True if `id` has already been written, as a header field.
    id_written: bool,
}

impl<'a, M: SerializeMap> Members<'a, M> {
    fn new(map: M, extra: &'a Extra, id_written: bool) -> Self {
        Members { map, extra: extra.iter().peekable(), id_written }
    }

    fn put<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), M::Error> {
        while let Some((name, raw)) = self.extra.next_if(|(name, _)| name.as_str() < key) {
            self.map.serialize_entry(name, raw)?;
        }
        if self.id_written && key == "id" {
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

/// An object that can write its members.
pub(in crate::sandbox) trait Object {
    /// The `kind` of its record; empty for a nested object.
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

impl<T: Object> Serialize for ApiObject<'_, T> {
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
        let left_out = v.expired == Expired::NullToken && self.expired(v.now);
        let token = self.access_token.as_ref().filter(|_| !left_out);
        out.put("access_token", &token.map(|t| ApiObject(t, v)))?;
        out.put("client", &self.client.as_ref().map(|c| ApiObject(c, v)))?;
        out.put("created_at", &self.created_at)?;
        out.put("description", &self.description)?;
        out.put("grant", &self.grant.as_ref().map(|g| ApiObject(g, v)))?;
        out.put("id", &self.id)?;
        out.put("refresh_token", &self.refresh_token.as_ref().map(|t| ApiObject(t, v)))?;
        out.put("scope", &self.scope)?;
        out.put("session", &self.session.as_ref().map(|s| ApiObject(s, v)))?;
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

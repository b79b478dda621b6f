//! Builds an account from records: the output of `oauth-ls`, or a state file.
//!
//! A masked secret is replaced by a generated one with the same mask. Everything else is kept, including members that
//! the sandbox does not know.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::sandbox::account::clock;
use crate::sandbox::account::mint::{MASK, Mint};
use crate::sandbox::account::model::{Authz, Client, ClientRef, Extra, Grant, Session, SessionRef, Token};
use crate::sandbox::account::store::{Store, User};

/// Builds an account from lines of records; blank lines are ignored.
///
/// # Errors
/// The number of the invalid line and what is wrong with it.
pub(in crate::sandbox) fn account(seed: u64, lines: &[String], now: i64) -> Result<Store, String> {
    // Salted, because the lines may be a dump of the built-in account: new ids must not collide with that account's.
    let mut mint = Mint::salted(seed, &lines.concat());
    let user = User { id: mint.uuid(), email: "you@example.com".to_owned(), full_name: None };
    let mut store = Store::empty(mint, user);
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        record(&mut store, line, now).map_err(|problem| format!("line {}: {problem}", number + 1))?;
    }
    Ok(store)
}

/// Adds one record to the account.
///
/// # Errors
/// The problem with the line.
pub(in crate::sandbox) fn record(store: &mut Store, line: &str, now: i64) -> Result<(), String> {
    let mut fields = Fields::read(line)?;
    let kind: String = fields.require("kind")?;
    let id: String = fields.require("id")?;
    if id.is_empty() {
        return Err("`id` is empty".to_owned());
    }
    let duplicate = store.authz().contains_key(&id)
        || store.clients.contains_key(&id)
        || store.sessions.contains_key(&id);
    if duplicate {
        return Err(format!("duplicate id {id:?}"));
    }
    let header = Header {
        id,
        expired: fields.take::<String>("status")?.as_deref() == Some("expired"),
        expires_at: fields.date("expires_at")?,
        current: fields.take("current")?.unwrap_or_default(),
        default: fields.take("default")?.unwrap_or_default(),
        now,
    };
    match kind.as_str() {
        "authz" => authz(store, header, fields),
        "client" => client(store, header, fields),
        "session" => session(store, header, fields),
        _ => Err(format!("unknown kind {kind:?}: expected authz, client or session")),
    }
}

/// The header fields of a record.
struct Header {
    id: String,
    expired: bool,
    /// `None` if absent, `Some(None)` if null, which means never.
    expires_at: Option<Option<i64>>,
    current: bool,
    default: bool,
    now: i64,
}

impl Header {
    /// Returns the expiry (Unix seconds); `left` is the object's own `expires_in`.
    fn expiry(&self, left: Option<i64>) -> Option<i64> {
        let from_left = left.map(|seconds| self.now.saturating_add(seconds));
        let expiry = self.expires_at.unwrap_or(from_left);
        // A server that leaves out an expired token leaves out its expiry too.
        expiry.or(self.expired.then_some(self.now))
    }
}

fn authz(store: &mut Store, header: Header, mut fields: Fields) -> Result<(), String> {
    let (now, mint) = (header.now, &mut store.mint);
    let mut token = fields.nested("access_token", |f| token(mint, f, now))?;
    let refresh_token = fields.nested("refresh_token", |f| self::token(mint, f, now))?;
    let grant = fields.nested("grant", |f| grant(mint, f, now))?;
    if let Some(token) = &mut token {
        while store.has_token(&token.secret) {
            if !token.written.contains(MASK) {
                return Err("its token belongs to another authorization".to_owned());
            }
            token.secret = store.mint.unmask(&token.written);
        }
    }
    let expires_at =
        header.expiry(token.as_ref().and_then(|t| t.expires_at).map(|at| at.saturating_sub(now)));
    let user: Option<Box<RawValue>> = fields.take("user")?;
    if let Some(owner) = user.as_deref().and_then(owner) {
        // Team authorizations name other people as `user`, so prefer the marked ones, which are the account's own.
        if header.current || header.default || store.authz().is_empty() {
            store.user = owner;
        }
    }
    let authz = Authz {
        team: fields.take("team")?,
        description: fields.take("description")?,
        scope: fields.take("scope")?.unwrap_or_default(),
        created_at: fields.created(now)?,
        updated_at: fields.updated(now)?,
        access_token: token.map(|t| Token { expires_at, ..t.into_token() }),
        expires_at,
        refresh_token: refresh_token.map(LoadedToken::into_token),
        client: fields.nested("client", client_ref)?,
        grant,
        session: fields.nested("session", session_ref)?,
        user,
        extra: fields.rest(),
        id: header.id.clone(),
    };
    store.insert(authz);
    let mark = |wanted: bool, marker: &mut Option<String>| {
        if wanted && marker.is_none() {
            *marker = Some(header.id.clone());
        }
    };
    mark(header.current, &mut store.current);
    mark(header.default, &mut store.default);
    Ok(())
}

fn client(store: &mut Store, header: Header, mut fields: Fields) -> Result<(), String> {
    let secret: Option<String> = fields.take("secret")?;
    let client = Client {
        name: fields.take("name")?.unwrap_or_default(),
        redirect_uri: fields.take("redirect_uri")?.unwrap_or_default(),
        secret: match secret {
            Some(masked) => store.mint.unmask(&masked),
            None => store.mint.uuid(),
        },
        ignores_delinquent: fields.take("ignores_delinquent")?,
        created_at: fields.created(header.now)?,
        updated_at: fields.updated(header.now)?,
        extra: fields.rest(),
        id: header.id.clone(),
    };
    store.clients.insert(header.id, client);
    Ok(())
}

fn session(store: &mut Store, header: Header, mut fields: Fields) -> Result<(), String> {
    let left = fields.take("expires_in")?;
    let session = Session {
        description: fields.take("description")?,
        expires_at: header.expiry(left),
        created_at: fields.created(header.now)?,
        updated_at: fields.updated(header.now)?,
        extra: fields.rest(),
        id: header.id.clone(),
    };
    store.sessions.insert(header.id.clone(), session);
    if header.current && store.current_session.is_none() {
        store.current_session = Some(header.id);
    }
    Ok(())
}

/// A token as loaded; its secret is generated again if another authorization has the same one.
struct LoadedToken {
    id: String,
    secret: String,
    /// The secret as the record has it, masked or not.
    written: String,
    expires_at: Option<i64>,
    extra: Extra,
}

impl LoadedToken {
    fn into_token(self) -> Token {
        Token { id: self.id, token: self.secret, expires_at: self.expires_at, extra: self.extra }
    }
}

fn token(mint: &mut Mint, fields: &mut Fields, now: i64) -> Result<LoadedToken, String> {
    let written = fields.take("token")?.unwrap_or_else(|| MASK.to_owned());
    Ok(LoadedToken {
        id: fields.take("id")?.unwrap_or_else(|| mint.uuid()),
        secret: mint.unmask(&written),
        written,
        expires_at: fields.expiry(now)?,
        extra: fields.rest(),
    })
}

fn grant(mint: &mut Mint, fields: &mut Fields, now: i64) -> Result<Grant, String> {
    let written: Option<String> = fields.take("code")?;
    Ok(Grant {
        id: fields.take("id")?.unwrap_or_else(|| mint.uuid()),
        code: mint.unmask(written.as_deref().unwrap_or(MASK)),
        expires_at: fields.expiry(now)?,
        extra: fields.rest(),
    })
}

fn client_ref(fields: &mut Fields) -> Result<ClientRef, String> {
    Ok(ClientRef {
        id: fields.require("id")?,
        name: fields.take("name")?,
        redirect_uri: fields.take("redirect_uri")?,
        extra: fields.rest(),
    })
}

fn session_ref(fields: &mut Fields) -> Result<SessionRef, String> {
    Ok(SessionRef { id: fields.require("id")?, extra: fields.rest() })
}

fn owner(user: &RawValue) -> Option<User> {
    let mut fields = Fields::read(user.get()).ok()?;
    Some(User {
        id: fields.require("id").ok()?,
        email: fields.require("email").ok()?,
        full_name: fields.take("full_name").ok()?,
    })
}

/// The members of a JSON object that have not been read yet. Of duplicate names the last value counts, as in
/// serde_json.
struct Fields(BTreeMap<String, Box<RawValue>>);

impl Fields {
    fn read(json: &str) -> Result<Fields, String> {
        match serde_json::from_str(json) {
            Ok(members) => Ok(Fields(members)),
            Err(e) if e.is_data() => Err("not a JSON object".to_owned()),
            Err(_) => Err("not valid JSON".to_owned()),
        }
    }

    /// Removes a member and returns its value; `None` if it is absent or null.
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, String> {
        let Some(raw) = self.0.remove(name) else {
            return Ok(None);
        };
        serde_json::from_str(raw.get()).map_err(|_| format!("`{name}` has the wrong type"))
    }

    fn require<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, String> {
        self.take(name)?.ok_or_else(|| format!("`{name}` is missing"))
    }

    /// Removes an RFC 3339 date; `None` if it is absent, `Some(None)` if it is null.
    fn date(&mut self, name: &str) -> Result<Option<Option<i64>>, String> {
        if !self.0.contains_key(name) {
            return Ok(None);
        }
        let Some(text) = self.take::<String>(name)? else {
            return Ok(Some(None));
        };
        match clock::parse_rfc3339(&text) {
            Some(at) => Ok(Some(Some(at))),
            None => Err(format!("`{name}` is not an RFC 3339 date")),
        }
    }

    /// Removes the expiry of a nested object: `expires_at`, which state files have, or else `expires_in`.
    fn expiry(&mut self, now: i64) -> Result<Option<i64>, String> {
        let left: Option<i64> = self.take("expires_in")?;
        let at = self.date("expires_at")?;
        Ok(at.unwrap_or(left.map(|seconds| now.saturating_add(seconds))))
    }

    fn created(&mut self, now: i64) -> Result<String, String> {
        Ok(self.take("created_at")?.unwrap_or_else(|| clock::rfc3339(now)))
    }

    fn updated(&mut self, now: i64) -> Result<String, String> {
        Ok(self.take("updated_at")?.unwrap_or_else(|| clock::rfc3339(now)))
    }

    fn nested<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        let raw: Option<Box<RawValue>> = self.take(name)?;
        let Some(raw) = raw else { return Ok(None) };
        let mut fields = Fields::read(raw.get()).map_err(|e| format!("`{name}` is {e}"))?;
        read(&mut fields).map(Some).map_err(|e| format!("`{name}`: {e}"))
    }

    fn rest(&mut self) -> Extra {
        std::mem::take(&mut self.0)
    }
}

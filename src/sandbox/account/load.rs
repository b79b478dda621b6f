//! Records as an account: what `oauth-ls` printed, or what a state file keeps.
//!
//! Secrets that are masked are made up anew, so that the mask stays the same; everything
//! else is kept, members the sandbox does not know among it.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::sandbox::account::clock;
use crate::sandbox::account::mint::{MASK, Mint};
use crate::sandbox::account::model::{Authz, Client, ClientRef, Extra, Grant, Session, SessionRef, Token};
use crate::sandbox::account::store::{Store, User};

/// Adds one record to the account. The error says what is wrong with the line.
pub(in crate::sandbox) fn record(store: &mut Store, line: &str, now: i64) -> Result<(), String> {
    let mut fields = Fields::read(line)?;
    let kind: String = fields.need("kind")?;
    let id: String = fields.need("id")?;
    if id.is_empty() {
        return Err("`id` is empty".to_owned());
    }
    let taken = store.authz().contains_key(&id)
        || store.clients.contains_key(&id)
        || store.sessions.contains_key(&id);
    if taken {
        return Err(format!("id {id:?} is there twice"));
    }
    let lead = Lead {
        id,
        expired: fields.take::<String>("status")?.as_deref() == Some("expired"),
        expires_at: fields.date("expires_at")?,
        current: fields.take("current")?.unwrap_or_default(),
        default: fields.take("default")?.unwrap_or_default(),
        now,
    };
    match kind.as_str() {
        "authz" => authz(store, lead, fields),
        "client" => client(store, lead, fields),
        "session" => session(store, lead, fields),
        _ => Err(format!("kind {kind:?} is none of authz, client, session")),
    }
}

/// What leads every record.
struct Lead {
    id: String,
    expired: bool,
    /// Outer: whether it is given; inner: null is never.
    expires_at: Option<Option<i64>>,
    current: bool,
    default: bool,
    now: i64,
}

impl Lead {
    /// When the object ends; `left` is its own `expires_in`.
    fn end(&self, left: Option<i64>) -> Option<i64> {
        let from_left = left.map(|seconds| self.now.saturating_add(seconds));
        let end = self.expires_at.unwrap_or(from_left);
        // A server that drops an expired token also drops the time it ended.
        end.or(self.expired.then_some(self.now))
    }
}

fn authz(store: &mut Store, lead: Lead, mut fields: Fields) -> Result<(), String> {
    let (now, mint) = (lead.now, &mut store.mint);
    let mut token = fields.nested("access_token", |f| token(mint, f, now))?;
    let refresh_token = fields.nested("refresh_token", |f| self::token(mint, f, now))?;
    let grant = fields.nested("grant", |f| grant(mint, f, now))?;
    if let Some(token) = &mut token {
        while store.has_token(&token.token.0) {
            if !token.token.1.contains(MASK) {
                return Err("its token is another authorization's".to_owned());
            }
            token.token.0 = store.mint.unmask(&token.token.1);
        }
    }
    let expires_at = lead.end(token.as_ref().and_then(|t| t.expires_at).map(|at| at.saturating_sub(now)));
    let user: Option<Box<RawValue>> = fields.take("user")?;
    if let Some(owner) = user.as_deref().and_then(owner) {
        // Team authorizations name other people; the account's own come with the marks.
        if lead.current || lead.default || store.authz().is_empty() {
            store.user = owner;
        }
    }
    let authz = Authz {
        team: fields.take("team")?,
        description: fields.take("description")?,
        scope: fields.take("scope")?.unwrap_or_default(),
        created_at: fields.created(now)?,
        updated_at: fields.updated(now)?,
        access_token: token.map(|t| Token { expires_at, ..t.settle() }),
        expires_at,
        refresh_token: refresh_token.map(Made::settle),
        client: fields.nested("client", client_ref)?,
        grant,
        session: fields.nested("session", session_ref)?,
        user,
        extra: fields.rest(),
        id: lead.id.clone(),
    };
    store.insert(authz);
    let mark = |wanted: bool, marker: &mut Option<String>| {
        if wanted && marker.is_none() {
            *marker = Some(lead.id.clone());
        }
    };
    mark(lead.current, &mut store.current);
    mark(lead.default, &mut store.default);
    Ok(())
}

fn client(store: &mut Store, lead: Lead, mut fields: Fields) -> Result<(), String> {
    let secret: Option<String> = fields.take("secret")?;
    let client = Client {
        name: fields.take("name")?.unwrap_or_default(),
        redirect_uri: fields.take("redirect_uri")?.unwrap_or_default(),
        secret: match secret {
            Some(masked) => store.mint.unmask(&masked),
            None => store.mint.uuid(),
        },
        ignores_delinquent: fields.take("ignores_delinquent")?,
        created_at: fields.created(lead.now)?,
        updated_at: fields.updated(lead.now)?,
        extra: fields.rest(),
        id: lead.id.clone(),
    };
    store.clients.insert(lead.id, client);
    Ok(())
}

fn session(store: &mut Store, lead: Lead, mut fields: Fields) -> Result<(), String> {
    let left = fields.take("expires_in")?;
    let session = Session {
        description: fields.take("description")?,
        expires_at: lead.end(left),
        created_at: fields.created(lead.now)?,
        updated_at: fields.updated(lead.now)?,
        extra: fields.rest(),
        id: lead.id.clone(),
    };
    store.sessions.insert(lead.id.clone(), session);
    if lead.current && store.current_session.is_none() {
        store.current_session = Some(lead.id);
    }
    Ok(())
}

/// A token whose secret may still have to be made up another way.
struct Made {
    id: String,
    /// The whole secret, and what stood in the record.
    token: (String, String),
    expires_at: Option<i64>,
    extra: Extra,
}

impl Made {
    fn settle(self) -> Token {
        Token { id: self.id, token: self.token.0, expires_at: self.expires_at, extra: self.extra }
    }
}

fn token(mint: &mut Mint, fields: &mut Fields, now: i64) -> Result<Made, String> {
    let written = fields.take("token")?.unwrap_or_else(|| MASK.to_owned());
    Ok(Made {
        id: fields.take("id")?.unwrap_or_else(|| mint.uuid()),
        token: (mint.unmask(&written), written),
        expires_at: fields.end(now)?,
        extra: fields.rest(),
    })
}

fn grant(mint: &mut Mint, fields: &mut Fields, now: i64) -> Result<Grant, String> {
    let written: Option<String> = fields.take("code")?;
    Ok(Grant {
        id: fields.take("id")?.unwrap_or_else(|| mint.uuid()),
        code: mint.unmask(written.as_deref().unwrap_or(MASK)),
        expires_at: fields.end(now)?,
        extra: fields.rest(),
    })
}

fn client_ref(fields: &mut Fields) -> Result<ClientRef, String> {
    Ok(ClientRef {
        id: fields.need("id")?,
        name: fields.take("name")?,
        redirect_uri: fields.take("redirect_uri")?,
        extra: fields.rest(),
    })
}

fn session_ref(fields: &mut Fields) -> Result<SessionRef, String> {
    Ok(SessionRef { id: fields.need("id")?, extra: fields.rest() })
}

fn owner(user: &RawValue) -> Option<User> {
    let mut fields = Fields::read(user.get()).ok()?;
    Some(User {
        id: fields.need("id").ok()?,
        email: fields.need("email").ok()?,
        full_name: fields.take("full_name").ok()?,
    })
}

/// The members of an object that were not taken yet. A name that is there twice means its
/// last value, as to every JSON reader the suite uses.
struct Fields(BTreeMap<String, Box<RawValue>>);

impl Fields {
    fn read(json: &str) -> Result<Fields, String> {
        match serde_json::from_str(json) {
            Ok(members) => Ok(Fields(members)),
            Err(e) if e.is_data() => Err("not a JSON object".to_owned()),
            Err(_) => Err("not valid JSON".to_owned()),
        }
    }

    /// A member's value, which is then known; null is none.
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, String> {
        let Some(raw) = self.0.remove(name) else {
            return Ok(None);
        };
        serde_json::from_str(raw.get()).map_err(|_| format!("`{name}` has a wrong type"))
    }

    fn need<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, String> {
        self.take(name)?.ok_or_else(|| format!("`{name}` is missing"))
    }

    /// An RFC 3339 date: given at all, and not null.
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

    /// When a nested object ends: `expires_at` of a state file, else `expires_in`.
    fn end(&mut self, now: i64) -> Result<Option<i64>, String> {
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

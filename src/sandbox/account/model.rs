//! The objects of an account: authorizations, clients and sessions (docs/heroku-api.md, Objects).

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Members that the sandbox does not know, kept byte for byte.
pub(in crate::sandbox) type Extra = BTreeMap<String, Box<RawValue>>;

/// An access or refresh token.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct Token {
    pub(in crate::sandbox) id: String,
    /// The whole secret, never a mask.
    pub(in crate::sandbox) token: String,
    /// Unix seconds; `None` never expires. For an access token [`Authz::expires_at`] counts.
    pub(in crate::sandbox) expires_at: Option<i64>,
    pub(in crate::sandbox) extra: Extra,
}

/// The grant of an authorization for a client; its code is exchanged for tokens.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct Grant {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) code: String,
    /// Unix seconds; `None` never expires.
    pub(in crate::sandbox) expires_at: Option<i64>,
    pub(in crate::sandbox) extra: Extra,
}

/// The client an authorization was made through; another account may own it.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct ClientRef {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) name: Option<String>,
    pub(in crate::sandbox) redirect_uri: Option<String>,
    pub(in crate::sandbox) extra: Extra,
}

/// The session an authorization is tied to.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct SessionRef {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) extra: Extra,
}

/// An OAuth authorization.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct Authz {
    pub(in crate::sandbox) id: String,
    /// The team it belongs to; `None` means the account itself.
    pub(in crate::sandbox) team: Option<String>,
    pub(in crate::sandbox) description: Option<String>,
    pub(in crate::sandbox) scope: Vec<String>,
    pub(in crate::sandbox) created_at: String,
    pub(in crate::sandbox) updated_at: String,
    pub(in crate::sandbox) access_token: Option<Token>,
    /// The expiry of the access token in Unix seconds. It is not part of the token, because an expired authorization
    /// may have none.
    pub(in crate::sandbox) expires_at: Option<i64>,
    pub(in crate::sandbox) refresh_token: Option<Token>,
    pub(in crate::sandbox) client: Option<ClientRef>,
    pub(in crate::sandbox) grant: Option<Grant>,
    pub(in crate::sandbox) session: Option<SessionRef>,
    pub(in crate::sandbox) user: Option<Box<RawValue>>,
    pub(in crate::sandbox) extra: Extra,
}

impl Authz {
    /// Returns whether it has expired at `now` (Unix seconds).
    pub(in crate::sandbox) fn expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Returns whether it was made without a client; only then can its token be regenerated.
    pub(in crate::sandbox) fn is_direct(&self) -> bool {
        self.client.is_none() && self.grant.is_none() && self.refresh_token.is_none()
    }

    /// Returns whether its code can still be exchanged at `now` (Unix seconds).
    pub(in crate::sandbox) fn has_open_grant(&self, now: i64) -> bool {
        let unused = self.access_token.is_none() && self.refresh_token.is_none();
        let grant = self.grant.as_ref();
        unused && grant.is_some_and(|g| g.expires_at.is_none_or(|at| at > now))
    }

    /// The id of the client it was made through.
    pub(in crate::sandbox) fn client_id(&self) -> Option<&str> {
        self.client.as_ref().map(|c| c.id.as_str())
    }

    /// The id of the session it is tied to.
    pub(in crate::sandbox) fn session_id(&self) -> Option<&str> {
        self.session.as_ref().map(|s| s.id.as_str())
    }
}

/// An OAuth client of the account.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct Client {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) redirect_uri: String,
    pub(in crate::sandbox) secret: String,
    pub(in crate::sandbox) ignores_delinquent: Option<bool>,
    pub(in crate::sandbox) created_at: String,
    pub(in crate::sandbox) updated_at: String,
    pub(in crate::sandbox) extra: Extra,
}

impl Client {
    /// Returns this client as an authorization shows it.
    pub(in crate::sandbox) fn reference(&self) -> ClientRef {
        ClientRef {
            id: self.id.clone(),
            name: Some(self.name.clone()),
            redirect_uri: Some(self.redirect_uri.clone()),
            extra: Extra::new(),
        }
    }
}

/// A login session of the account.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct Session {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) description: Option<String>,
    /// Unix seconds; `None` never expires.
    pub(in crate::sandbox) expires_at: Option<i64>,
    pub(in crate::sandbox) created_at: String,
    pub(in crate::sandbox) updated_at: String,
    pub(in crate::sandbox) extra: Extra,
}

//! What an account holds: authorizations, clients and sessions.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Members that the sandbox does not know, kept as they were written.
pub(super) type Extra = BTreeMap<String, Box<RawValue>>;

/// An access or refresh token.
#[derive(Debug, Clone, Default)]
pub(super) struct Token {
    pub(super) id: String,
    /// The whole secret, never a mask.
    pub(super) token: String,
    /// Unix seconds; `None` never expires. Of an access token see [`Authz::expires_at`].
    pub(super) expires_at: Option<i64>,
    pub(super) extra: Extra,
}

/// The grant whose code is, or was, exchanged for tokens.
#[derive(Debug, Clone, Default)]
pub(super) struct Grant {
    pub(super) id: String,
    pub(super) code: String,
    /// Unix seconds; `None` never expires.
    pub(super) expires_at: Option<i64>,
    pub(super) extra: Extra,
}

/// The client an authorization was made through; it may belong to somebody else.
#[derive(Debug, Clone, Default)]
pub(super) struct ClientRef {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) redirect_uri: Option<String>,
    pub(super) extra: Extra,
}

/// The session an authorization is tied to.
#[derive(Debug, Clone, Default)]
pub(super) struct SessionRef {
    pub(super) id: String,
    pub(super) extra: Extra,
}

/// An OAuth authorization.
#[derive(Debug, Clone, Default)]
pub(super) struct Authz {
    pub(super) id: String,
    /// The team it belongs to; `None` is the account's own.
    pub(super) team: Option<String>,
    pub(super) description: Option<String>,
    pub(super) scope: Vec<String>,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) access_token: Option<Token>,
    /// When the access token ends, in Unix seconds. It stands here and not in the token,
    /// because an expired authorization may have lost its token.
    pub(super) expires_at: Option<i64>,
    pub(super) refresh_token: Option<Token>,
    pub(super) client: Option<ClientRef>,
    pub(super) grant: Option<Grant>,
    pub(super) session: Option<SessionRef>,
    pub(super) user: Option<Box<RawValue>>,
    pub(super) extra: Extra,
}

impl Authz {
    /// Whether its time has passed at `now` (Unix seconds).
    pub(super) fn expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Whether it was made without a client, so that its token can be regenerated.
    pub(super) fn direct(&self) -> bool {
        self.client.is_none() && self.grant.is_none() && self.refresh_token.is_none()
    }

    /// Whether its code still waits to be exchanged at `now` (Unix seconds).
    pub(super) fn open_grant(&self, now: i64) -> bool {
        let unused = self.access_token.is_none() && self.refresh_token.is_none();
        let grant = self.grant.as_ref();
        unused && grant.is_some_and(|g| g.expires_at.is_none_or(|at| at > now))
    }

    /// The id of the client it was made through.
    pub(super) fn client_id(&self) -> Option<&str> {
        self.client.as_ref().map(|c| c.id.as_str())
    }

    /// The id of the session it is tied to.
    pub(super) fn session_id(&self) -> Option<&str> {
        self.session.as_ref().map(|s| s.id.as_str())
    }
}

/// An OAuth client of the account.
#[derive(Debug, Clone, Default)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) redirect_uri: String,
    pub(super) secret: String,
    pub(super) ignores_delinquent: Option<bool>,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) extra: Extra,
}

impl Client {
    /// What an authorization says about this client.
    pub(super) fn reference(&self) -> ClientRef {
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
pub(super) struct Session {
    pub(super) id: String,
    pub(super) description: Option<String>,
    /// Unix seconds; `None` never expires.
    pub(super) expires_at: Option<i64>,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) extra: Extra,
}

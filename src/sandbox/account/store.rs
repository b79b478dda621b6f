//! The account in memory, and the rules that connect its objects (docs/heroku-api.md, Objects).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::value::RawValue;

use crate::sandbox::account::clock;
use crate::sandbox::account::json::{Record, View};
use crate::sandbox::account::mint::Mint;
use crate::sandbox::account::model::{Authz, Client, Grant, Session, Token};

/// The lifetime in seconds of an access token issued through a client: eight hours.
pub(in crate::sandbox) const ACCESS_TOKEN_LIFE: i64 = 8 * 3600;
/// The seconds within which a code must be exchanged.
pub(in crate::sandbox) const CODE_LIFE: i64 = 300;

/// The account's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct User {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) email: String,
    pub(in crate::sandbox) full_name: Option<String>,
}

impl User {
    /// Returns the owner as authorizations show it.
    pub(in crate::sandbox) fn raw(&self) -> Option<Box<RawValue>> {
        let mut map = BTreeMap::new();
        map.insert("email", Some(&self.email));
        map.insert("full_name", self.full_name.as_ref());
        map.insert("id", Some(&self.id));
        serde_json::value::to_raw_value(&map).ok()
    }
}

/// The whole account.
#[derive(Debug)]
pub(in crate::sandbox) struct Store {
    pub(in crate::sandbox) mint: Mint,
    pub(in crate::sandbox) user: User,
    authz: BTreeMap<String, Authz>,
    pub(in crate::sandbox) clients: BTreeMap<String, Client>,
    pub(in crate::sandbox) sessions: BTreeMap<String, Session>,
    pub(in crate::sandbox) teams: BTreeSet<String>,
    /// The authorization in use: the one whose token [`Store::bearer_token`] returns.
    pub(in crate::sandbox) current: Option<String>,
    /// The account's default API key.
    pub(in crate::sandbox) default: Option<String>,
    /// The session that `~` means for that token.
    pub(in crate::sandbox) current_session: Option<String>,
    /// A key that is valid although no authorization has it.
    pub(in crate::sandbox) unlisted_key: Option<String>,
    /// Authorization id by access token, so that a request need not search the account.
    by_token: HashMap<String, String>,
}

impl Store {
    /// Returns an account without objects.
    pub(in crate::sandbox) fn empty(mint: Mint, user: User) -> Store {
        Store {
            mint,
            user,
            authz: BTreeMap::new(),
            clients: BTreeMap::new(),
            sessions: BTreeMap::new(),
            teams: BTreeSet::new(),
            current: None,
            default: None,
            current_session: None,
            unlisted_key: None,
            by_token: HashMap::new(),
        }
    }

    /// All authorizations by id, including those of teams.
    pub(in crate::sandbox) fn authz(&self) -> &BTreeMap<String, Authz> {
        &self.authz
    }

    /// Returns an unused id.
    pub(in crate::sandbox) fn fresh_id(&mut self) -> String {
        loop {
            let id = self.mint.uuid();
            let taken = self.authz.contains_key(&id)
                || self.clients.contains_key(&id)
                || self.sessions.contains_key(&id);
            if !taken {
                return id;
            }
        }
    }

    /// Returns a new token that expires at `expires_at` (Unix seconds).
    pub(in crate::sandbox) fn fresh_token(&mut self, expires_at: Option<i64>) -> Token {
        let mut token = self.mint.token();
        while self.by_token.contains_key(&token) {
            token = self.mint.token();
        }
        Token { id: self.fresh_id(), token, expires_at, ..Token::default() }
    }

    /// Returns whether an authorization has this access token.
    pub(in crate::sandbox) fn has_token(&self, token: &str) -> bool {
        self.by_token.contains_key(token)
    }

    /// Adds an authorization; its id must be new.
    pub(in crate::sandbox) fn insert(&mut self, authz: Authz) {
        if let Some(token) = &authz.access_token {
            self.by_token.insert(token.token.clone(), authz.id.clone());
        }
        if let Some(team) = &authz.team {
            self.teams.insert(team.clone());
        }
        self.authz.insert(authz.id.clone(), authz);
    }

    /// Removes an authorization; its token stops working.
    pub(in crate::sandbox) fn remove(&mut self, id: &str) -> Option<Authz> {
        let authz = self.authz.remove(id)?;
        if let Some(token) = &authz.access_token {
            self.by_token.remove(&token.token);
        }
        for marker in [&mut self.current, &mut self.default] {
            marker.take_if(|marked| marked == id);
        }
        Some(authz)
    }

    /// Changes an authorization and sets `updated_at`. For the access token use [`Store::set_token`].
    pub(in crate::sandbox) fn update(&mut self, id: &str, now: i64, change: impl FnOnce(&mut Authz)) {
        if let Some(authz) = self.authz.get_mut(id) {
            change(authz);
            authz.updated_at = clock::rfc3339(now);
        }
    }

    /// Replaces or removes the access token of an authorization; the old token stops working immediately.
    pub(in crate::sandbox) fn set_token(&mut self, id: &str, now: i64, token: Option<Token>) {
        let Some(authz) = self.authz.get_mut(id) else {
            return;
        };
        authz.expires_at = token.as_ref().and_then(|t| t.expires_at);
        authz.updated_at = clock::rfc3339(now);
        if let Some(new) = &token {
            self.by_token.insert(new.token.clone(), id.to_owned());
        }
        if let Some(old) = std::mem::replace(&mut authz.access_token, token) {
            self.by_token.remove(&old.token);
        }
    }

    /// Removes a client and the authorizations made through it.
    pub(in crate::sandbox) fn remove_client(&mut self, id: &str) -> Option<Client> {
        let client = self.clients.remove(id)?;
        self.remove_where(|a| a.client_id() == Some(id));
        Some(client)
    }

    /// Removes a session and the authorizations tied to it.
    pub(in crate::sandbox) fn remove_session(&mut self, id: &str) -> Option<Session> {
        let session = self.sessions.remove(id)?;
        self.current_session.take_if(|current| current == id);
        self.remove_where(|a| a.session_id() == Some(id));
        Some(session)
    }

    fn remove_where(&mut self, doomed: impl Fn(&Authz) -> bool) {
        let ids: Vec<String> = self.authz.values().filter(|a| doomed(a)).map(|a| a.id.clone()).collect();
        for id in ids {
            let _ = self.remove(&id);
        }
    }

    /// Copies a changed client into the authorizations made through it.
    pub(in crate::sandbox) fn refresh_client(&mut self, client: &Client) {
        for authz in self.authz.values_mut() {
            if let Some(reference) = authz.client.as_mut().filter(|c| c.id == client.id) {
                let extra = std::mem::take(&mut reference.extra);
                *reference = client.reference();
                reference.extra = extra;
            }
        }
    }

    /// Returns the authorization of a valid token: `None` if the token is invalid, `Some(None)` for the unlisted key.
    pub(in crate::sandbox) fn caller(&self, token: &str, now: i64) -> Option<Option<&Authz>> {
        if let Some(authz) = self.by_token.get(token).and_then(|id| self.authz.get(id)) {
            return (!authz.expired(now)).then_some(Some(authz));
        }
        (self.unlisted_key.as_deref() == Some(token)).then_some(None)
    }

    /// Returns the id of the caller's session.
    pub(in crate::sandbox) fn session_of<'a>(&'a self, caller: Option<&'a Authz>) -> Option<&'a str> {
        let own = caller.and_then(Authz::session_id);
        let in_use = caller.is_none_or(|a| Some(&a.id) == self.current.as_ref());
        own.or(self.current_session.as_deref().filter(|_| in_use))
    }

    /// Returns the token for `HEROKU_API_KEY`. If no valid authorization is in use, this is an unlisted key.
    pub(in crate::sandbox) fn bearer_token(&mut self, now: i64) -> String {
        let current = self.current.as_ref().and_then(|id| self.authz.get(id));
        let current = current.filter(|authz| !authz.expired(now));
        if let Some(token) = current.and_then(|a| a.access_token.as_ref()) {
            return token.token.clone();
        }
        if self.unlisted_key.is_none() {
            self.unlisted_key = Some(self.mint.token());
        }
        self.unlisted_key.clone().unwrap_or_default()
    }

    /// Returns the account as records, one per line, sorted by kind and id.
    pub(in crate::sandbox) fn records(&self, view: &View) -> Result<Vec<String>, serde_json::Error> {
        let total = self.authz.len() + self.clients.len() + self.sessions.len();
        let mut lines = Vec::with_capacity(total);
        let is = |marker: &Option<String>, id: &str| marker.as_deref() == Some(id);
        for item in self.authz.values() {
            let (current, default) = (is(&self.current, &item.id), is(&self.default, &item.id));
            lines.push(serde_json::to_string(&Record { item, view, current, default })?);
        }
        for item in self.clients.values() {
            let record = Record { item, view, current: false, default: false };
            lines.push(serde_json::to_string(&record)?);
        }
        for item in self.sessions.values() {
            let current = is(&self.current_session, &item.id);
            lines.push(serde_json::to_string(&Record { item, view, current, default: false })?);
        }
        Ok(lines)
    }

    /// Adds an authorization without a token and returns its id. With a client, it gets a code to exchange.
    pub(in crate::sandbox) fn add_authz(
        &mut self,
        now: i64,
        client: Option<&Client>,
        fill: impl FnOnce(&mut Authz),
    ) -> String {
        let date = clock::rfc3339(now);
        let grant = client.map(|_| Grant {
            id: self.fresh_id(),
            code: self.mint.uuid(),
            expires_at: Some(now + CODE_LIFE),
            ..Grant::default()
        });
        let mut authz = Authz {
            id: self.fresh_id(),
            created_at: date.clone(),
            updated_at: date,
            client: client.map(Client::reference),
            grant,
            ..Authz::default()
        };
        fill(&mut authz);
        let id = authz.id.clone();
        self.insert(authz);
        id
    }
}

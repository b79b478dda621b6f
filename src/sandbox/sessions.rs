//! `/oauth/sessions`.

use super::api::{Answer, Call};
use super::http::Reply;
use super::store::{Store, json};

/// The account's sessions.
pub(super) fn list(call: &Call<'_>) -> Answer {
    call.api.read(|store| call.list(&store.sessions, |_| true))
}

/// One session.
pub(super) fn info(call: &Call<'_>, id: &str) -> Answer {
    call.api.read(|store| {
        let id = resolve(call, store, id).ok_or_else(missing)?;
        let session = store.sessions.get(id).ok_or_else(missing)?;
        Ok(Reply::json(200, json(session, &call.view())))
    })
}

/// Ends a session and the authorizations tied to it.
pub(super) fn delete(call: &Call<'_>, id: &str) -> Answer {
    call.api.write(|store| {
        let id = resolve(call, store, id).ok_or_else(missing)?.to_owned();
        let gone = store.remove_session(&id).ok_or_else(missing)?;
        Ok(Reply::json(200, json(&gone, &call.view())))
    })
}

/// An id, or what `~` stands for: the session the caller is in.
fn resolve<'s>(call: &Call<'_>, store: &'s Store, id: &'s str) -> Option<&'s str> {
    if id == "~" { store.session_of(call.caller(store)) } else { Some(id) }
}

fn missing() -> Reply {
    Reply::missing("session", "session")
}

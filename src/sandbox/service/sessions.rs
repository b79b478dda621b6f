//! `/oauth/sessions`.

use crate::sandbox::account::store::{Store, json};
use crate::sandbox::service::api::{Answer, Call};
use crate::sandbox::wire::http::Reply;

/// The account's sessions.
pub(in crate::sandbox) fn list(call: &Call<'_>) -> Answer {
    call.api.read(|store| call.list(&store.sessions, |_| true))
}

/// One session.
pub(in crate::sandbox) fn info(call: &Call<'_>, id: &str) -> Answer {
    call.api.read(|store| {
        let id = resolve(call, store, id).ok_or_else(missing)?;
        let session = store.sessions.get(id).ok_or_else(missing)?;
        Ok(Reply::json(200, json(session, &call.view())))
    })
}

/// Ends a session and the authorizations tied to it.
pub(in crate::sandbox) fn delete(call: &Call<'_>, id: &str) -> Answer {
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

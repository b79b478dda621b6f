//! `/oauth/sessions`.

use crate::sandbox::account::json::to_json;
use crate::sandbox::account::store::Store;
use crate::sandbox::service::call::{Call, Outcome};
use crate::sandbox::wire::http::Response;

/// Lists the sessions.
pub(in crate::sandbox) fn list(call: &Call<'_>) -> Outcome {
    call.api.read(|store| call.list(&store.sessions, |_| true))
}

/// Returns one session.
pub(in crate::sandbox) fn info(call: &Call<'_>, id: &str) -> Outcome {
    call.api.read(|store| {
        let id = resolve(call, store, id).ok_or_else(missing)?;
        let session = store.sessions.get(id).ok_or_else(missing)?;
        Ok(Response::json(200, to_json(session, &call.view())))
    })
}

/// Deletes a session and the authorizations tied to it.
pub(in crate::sandbox) fn delete(call: &Call<'_>, id: &str) -> Outcome {
    call.api.write(|store| {
        let id = resolve(call, store, id).ok_or_else(missing)?.to_owned();
        let removed = store.remove_session(&id).ok_or_else(missing)?;
        Ok(Response::json(200, to_json(&removed, &call.view())))
    })
}

/// Returns the id itself, or for `~` that of the caller's session.
fn resolve<'s>(call: &Call<'_>, store: &'s Store, id: &'s str) -> Option<&'s str> {
    if id == "~" { store.session_of(call.caller(store)) } else { Some(id) }
}

fn missing() -> Response {
    Response::not_found("session", "session")
}

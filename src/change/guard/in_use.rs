//! Finds the authorizations that may be in use, and notes what their list shows of the others.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use crate::api::{Api, Object};
use crate::base::error::Error;
use crate::base::id;
use crate::base::secret::Likeness;
use crate::base::sync::lock;
use crate::change::guard::{Names, Seen};
use crate::record::Record;
use crate::record::kind::Kind;

/// An authorization whose token may be the one in use.
pub(super) struct Own {
    pub(super) id: String,
    /// No other token looks like that.
    pub(super) is_certain: bool,
    /// The ids of the objects that its access depends on: empty if it has none, `None` if that is unknown.
    pub(super) client: Option<String>,
    pub(super) session: Option<String>,
    pub(super) token: Option<String>,
}

/// Finds the authorizations whose token may be the one in use (docs/heroku-api.md, Masked tokens).
pub(super) fn own_objects(
    api: &Api,
    watched: &HashSet<String>,
    names: Option<&Mutex<Names>>,
) -> Result<(Vec<Own>, HashMap<String, Seen>), Error> {
    let (mut own, mut seen) = (Vec::new(), HashMap::new());
    api.each(Kind::Authz, None, &mut |record, _| {
        let key = if watched.is_empty() { String::new() } else { id::key(&record.id) };
        if watched.contains(&key) {
            let token = record.text(&["access_token", "token"]);
            seen.insert(key, Seen { scope: record.scope(), expiry: record.expiry, token });
        }
        names.into_iter().for_each(|names| note_name(names, record));
        if let Likeness::Fits { is_certain } = compare(api, record) {
            let id = |of| part_id(record, of);
            own.push(Own {
                id: record.id.to_string(),
                is_certain,
                client: id("client"),
                session: id("session"),
                token: id("access_token"),
            });
        }
    })?;
    Ok((own, seen))
}

pub(super) fn note_name(names: &Mutex<Names>, record: &Record<'_>) {
    lock(names).insert(id::key(&record.id), record.title());
}

/// Returns the id of an object within a record: empty if there is no such object, `None` if it shows no id.
pub(super) fn part_id(record: &Record<'_>, part: &str) -> Option<String> {
    let id = record.text(&[part, "id"]);
    (!id.is_empty() || record.text(&[part]).is_empty()).then_some(id)
}

/// Compares the token in use with that of an authorization. A grant code is not a token, and an authorization that has
/// no token is not in use.
pub(crate) fn compare(api: &Api, record: &Record<'_>) -> Likeness {
    if record.is_null(&["access_token"]) {
        return Likeness::Differs;
    }
    api.token().compare(&record.text(&["access_token", "token"]))
}

/// Looks up the object that `~` stands for. `None` if there is no such object: the API responds 404 then
/// (docs/heroku-api.md, Resources).
pub(crate) fn alias(api: &Api, kind: Kind) -> Result<Option<Record<'static>>, Error> {
    match api.get(kind, "~") {
        Ok(Object { record, .. }) => Ok(Some(record)),
        Err(e) if e.is_gone() => Ok(None),
        Err(e) => Err(e),
    }
}

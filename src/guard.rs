//! What is never touched unless the user says so: the authorization in use, the default API key, and `~`.

use std::collections::{HashMap, HashSet};

use crate::api::Api;
use crate::error::Error;
use crate::kind::Kind;
use crate::record::Record;
use crate::targets::Item;

/// Which objects are spared.
#[derive(Debug, Default)]
pub struct Guard {
    include_self: bool,
    include_default: bool,
    own: Spared,
    default: Spared,
}

/// Ids of a kind.
type Spared = HashMap<Kind, HashSet<String>>;

/// What the input holds that guards are for.
#[derive(Debug, Default, Clone, Copy)]
pub struct Present {
    /// Kinds of which there is an item that its record does not already mark.
    pub authz: bool,
    /// See `authz`.
    pub client: bool,
    /// See `authz`.
    pub session: bool,
    /// See `authz`.
    pub token: bool,
}

impl Present {
    /// Everything, for input that is not known yet.
    pub const ALL: Present = Present { authz: true, client: true, session: true, token: true };

    /// What the items hold; `removing` where clients are removed, and their authorizations with them.
    pub fn of<'a>(items: impl Iterator<Item = Item<'a>>, removing: bool) -> Present {
        let mut present = Present::default();
        for item in items.filter(|i| !i.current && !i.default && i.id != "~") {
            match item.kind {
                Kind::Authz => present.authz = true,
                Kind::Client => present.client |= removing,
                Kind::Session => present.session = true,
                Kind::Token => present.token = true,
            }
        }
        present
    }
}

impl Guard {
    /// A guard that looks up what it must know: the list of authorizations, the default API key and the session in
    /// use, side by side, and each only where something in the input could be it and no option lets it go.
    ///
    /// # Errors
    /// Those of the calls: what cannot be told apart is not touched.
    pub fn look_up(
        api: &Api,
        present: Present,
        include_self: bool,
        include_default: bool,
    ) -> Result<Guard, Error> {
        let mut guard = Guard { include_self, include_default, ..Guard::default() };
        let find_own = !include_self && (present.authz || present.client || present.token);
        let find_session = !include_self && present.session;
        let find_default = !include_default && present.authz;
        let (own, session, default) = std::thread::scope(|scope| {
            let own = find_own.then(|| scope.spawn(|| own_objects(api)));
            let session = find_session.then(|| scope.spawn(|| alias(api, Kind::Session)));
            let default = if find_default { alias(api, Kind::Authz) } else { Ok(None) };
            (
                own.map(std::thread::ScopedJoinHandle::join),
                session.map(std::thread::ScopedJoinHandle::join),
                default,
            )
        });
        let gone = || Error::Permanent { what: "a look-up ended without an answer".to_owned(), hint: "" };
        for (kind, id) in own.map_or(Ok(Vec::new()), |own| own.map_err(|_| gone())?)? {
            guard.own.entry(kind).or_default().insert(id);
        }
        if let Some(id) = session.map_or(Ok(None), |id| id.map_err(|_| gone())?)? {
            guard.own.entry(Kind::Session).or_default().insert(id);
        }
        if let Some(id) = default? {
            guard.default.entry(Kind::Authz).or_default().insert(id);
        }
        Ok(guard)
    }

    /// Fails where an item is to be spared.
    ///
    /// # Errors
    /// [`Error::Left`], with the option that would let it go.
    pub fn check(&self, item: &Item<'_>) -> Result<(), Error> {
        let left = |what: &str, hint| Err(Error::Left { what: what.to_owned(), hint });
        if !self.include_self && self.is_own(item) {
            let what = match item.kind {
                Kind::Authz => "left alone: it is, or may be, the authorization in use",
                Kind::Client => "left alone: the authorization in use was, or may have been, made through it",
                Kind::Session => "left alone: it is the session in use",
                Kind::Token => "left alone: it is, or may be, the token in use",
            };
            return left(what, "to work on it all the same, add --include-self");
        }
        if !self.include_default && self.is_default(item) {
            return left(
                "left alone: it is the account's default API key",
                "to work on it all the same, add --include-default",
            );
        }
        Ok(())
    }

    /// Whether an item must wait until all others are done, since it may end our own access.
    pub fn goes_last(&self, item: &Item<'_>) -> bool {
        self.is_own(item) || self.is_default(item)
    }

    /// Whether an item is, or may be, what the caller uses.
    pub fn is_own(&self, item: &Item<'_>) -> bool {
        item.current || (item.kind == Kind::Session && item.id == "~") || contains(&self.own, item)
    }

    fn is_default(&self, item: &Item<'_>) -> bool {
        item.default || (item.kind == Kind::Authz && item.id == "~") || contains(&self.default, item)
    }
}

fn contains(spared: &Spared, item: &Item<'_>) -> bool {
    spared.get(&item.kind).is_some_and(|ids| ids.contains(item.id.as_ref()))
}

/// The authorizations whose token may be the one in use, and what belongs to them.
fn own_objects(api: &Api) -> Result<Vec<(Kind, String)>, Error> {
    let mut own = Vec::new();
    api.list(Kind::Authz, None, &mut |page, date| {
        for object in page {
            let record = Record::from_api(Kind::Authz, object.get(), date).map_err(unusable)?;
            if record.secret().is_some_and(|shown| api.token().may_be(&shown)) {
                own.push((Kind::Authz, record.id.to_string()));
                own.push((Kind::Client, record.text(&["client", "id"])));
                own.push((Kind::Session, record.text(&["session", "id"])));
                own.push((Kind::Token, record.text(&["access_token", "id"])));
            }
        }
        Ok(())
    })?;
    own.retain(|(_, id)| !id.is_empty());
    Ok(own)
}

/// The id behind `~`, if there is one (WIRE.md: 404 if there is none).
pub(crate) fn alias(api: &Api, kind: Kind) -> Result<Option<String>, Error> {
    match api.get(kind, "~") {
        Ok(answer) => Ok(Some(answer.record(kind).map_err(unusable)?.id.into_owned())),
        Err(Error::Refused(refusal)) if refusal.status == 404 => Ok(None),
        Err(e) => Err(e),
    }
}

fn unusable(what: String) -> Error {
    Error::Permanent { what: format!("unusable answer: {what}"), hint: "" }
}

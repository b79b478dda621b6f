//! What is never touched unless the user says so: the authorization in use, the default API key, and `~`.

use std::borrow::Cow;
use std::collections::HashSet;

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

/// Ids of a kind, in small letters.
type Spared = [HashSet<String>; Kind::ALL.len()];

/// What must be looked up.
#[derive(Debug, Default, Clone, Copy)]
pub struct Unknown {
    /// The authorization in use, and what belongs to it.
    own: bool,
    /// The session in use.
    session: bool,
    /// The default API key.
    default: bool,
}

impl Guard {
    /// A guard that knows no more than what the options let go.
    pub fn new(include_self: bool, include_default: bool) -> Guard {
        Guard { include_self, include_default, ..Guard::default() }
    }

    /// Everything that no option lets go, for input that is not known yet.
    pub fn unknown(&self) -> Unknown {
        let (own, default) = (!self.include_self, !self.include_self || !self.include_default);
        Unknown { own, session: own, default }
    }

    /// What must be looked up for the items; `removing` where clients are removed, and their authorizations with
    /// them. An item that its own record spares needs nothing; one that it marks and an option lets go may still be
    /// the other thing.
    pub fn unknown_of<'a>(&self, items: impl Iterator<Item = Item<'a>>, removing: bool) -> Unknown {
        let mut unknown = Unknown::default();
        for item in items.filter(|item| self.check(item).is_ok()) {
            let own = !self.include_self;
            match item.kind {
                Kind::Authz => {
                    unknown.own |= own;
                    unknown.default |= !self.include_default || (own && item.id == "~");
                }
                Kind::Client => unknown.own |= own && removing,
                Kind::Session => unknown.session |= own,
                Kind::Token => unknown.own |= own,
            }
        }
        unknown
    }

    /// Looks up what must be known: the list of authorizations, the default API key and the session in use, side by
    /// side.
    ///
    /// # Errors
    /// Those of the calls: what cannot be told apart is not touched.
    pub fn look_up(mut self, api: &Api, unknown: Unknown) -> Result<Guard, Error> {
        let (own, session, default) = std::thread::scope(|scope| {
            let own = unknown.own.then(|| scope.spawn(|| own_objects(api)));
            let session = unknown.session.then(|| scope.spawn(|| alias(api, Kind::Session)));
            let default = if unknown.default { alias(api, Kind::Authz) } else { Ok(None) };
            (
                own.map(std::thread::ScopedJoinHandle::join),
                session.map(std::thread::ScopedJoinHandle::join),
                default,
            )
        });
        let gone = || Error::Permanent { what: "a look-up ended without an answer".to_owned(), hint: "" };
        for (kind, id) in own.map_or(Ok(Vec::new()), |own| own.map_err(|_| gone())?)? {
            spare(&mut self.own, kind, &id);
        }
        if let Some(id) = session.map_or(Ok(None), |id| id.map_err(|_| gone())?)? {
            spare(&mut self.own, Kind::Session, &id);
        }
        if let Some(id) = default? {
            if contains(&self.own, Kind::Authz, &id) {
                spare(&mut self.own, Kind::Authz, "~");
            }
            spare(&mut self.default, Kind::Authz, &id);
        }
        Ok(self)
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
        item.current
            || (item.kind == Kind::Session && item.id == "~")
            || contains(&self.own, item.kind, &item.id)
    }

    fn is_default(&self, item: &Item<'_>) -> bool {
        item.default
            || (item.kind == Kind::Authz && item.id == "~")
            || contains(&self.default, item.kind, &item.id)
    }
}

fn spare(spared: &mut Spared, kind: Kind, id: &str) {
    spared[kind as usize].insert(id.to_ascii_lowercase());
}

/// A uuid is the same in capitals, perhaps to the API too.
fn contains(spared: &Spared, kind: Kind, id: &str) -> bool {
    let ids = &spared[kind as usize];
    // Nearly always it is one id against a million: cheaper to compare than to hash.
    if ids.len() <= 4 {
        return ids.iter().any(|spared| spared.eq_ignore_ascii_case(id));
    }
    let small = match id.bytes().any(|b| b.is_ascii_uppercase()) {
        true => Cow::Owned(id.to_ascii_lowercase()),
        false => Cow::Borrowed(id),
    };
    ids.contains(small.as_ref())
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
        Err(Error::Refused(refusal)) if refusal.is_gone() => Ok(None),
        Err(e) => Err(e),
    }
}

fn unusable(what: String) -> Error {
    Error::Permanent { what: format!("unusable answer: {what}"), hint: "" }
}

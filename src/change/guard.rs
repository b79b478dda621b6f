//! Protects the objects in use and the default API key, unless an option includes them (docs/architecture.md, Rules:
//! Protection).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::api::{Api, Object};
use crate::base::error::Error;
use crate::change::Effect;
use crate::change::options::Options;
use crate::change::targets::Item;
use crate::record::kind::Kind;
use crate::session::Session;

/// How many look-ups are made at the same time.
pub(crate) const LOOK_UPS: usize = 3;

/// The protected objects.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    include_self: bool,
    include_default: bool,
    /// Objects are removed. Only this makes a client in use worth protecting: a new secret or name ends no access.
    removes: bool,
    /// Nothing is protected, so nothing is looked up.
    is_idle: bool,
    /// The authorizations and the session in use, and the clients and tokens of those authorizations.
    own: Ids,
    /// The default API key and its token.
    default: Ids,
    /// The id that `~` stands for, for each kind; only if the items name both `~` and ids.
    tilde: [Option<String>; Kind::ALL.len()],
}

/// Ids in lower case, for each kind.
type Ids = [HashSet<String>; Kind::ALL.len()];

/// The look-ups that a run needs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LookUps {
    /// The list of authorizations, to find those in use.
    own: bool,
    /// The session in use.
    session: bool,
    /// The default API key.
    default: bool,
    /// The items name both `~` and ids of its kind, so the id that `~` stands for may be among them.
    tilde: bool,
}

impl Guard {
    /// Creates a guard that has not looked anything up. A change that only creates objects needs no protection.
    pub(crate) fn new(options: &Options, effect: Effect) -> Guard {
        let is_idle = effect == Effect::Creates;
        Guard {
            include_self: options.include_self || is_idle,
            include_default: options.include_default || is_idle,
            removes: effect == Effect::Removes,
            is_idle,
            ..Guard::default()
        }
    }

    /// Returns the look-ups for input that is not known yet.
    pub(crate) fn all_look_ups(&self) -> LookUps {
        let (own, default) = (!self.include_self, !self.include_self || !self.include_default);
        LookUps { own, session: own, default, tilde: false }
    }

    /// Returns the look-ups for the items.
    ///
    /// An item that is protected by its own marks needs none. An item whose mark is overruled by an option may still be
    /// protected for the other reason: the default API key may be the authorization in use. `~` may be any other item
    /// of its kind.
    pub(crate) fn look_ups_for<'a>(&self, items: impl Iterator<Item = Item<'a>>) -> LookUps {
        let mut look_ups = LookUps::default();
        let (mut tilde, mut named) = ([false; Kind::ALL.len()], [false; Kind::ALL.len()]);
        for item in items {
            let of_kind = if item.id == "~" { &mut tilde } else { &mut named };
            of_kind[item.kind as usize] = true;
            if self.check(&item).is_err() {
                continue;
            }
            let own = !self.include_self;
            match item.kind {
                Kind::Authz => {
                    look_ups.own |= own;
                    look_ups.default |= !self.include_default || (own && item.id == "~");
                }
                Kind::Client => look_ups.own |= own && self.removes,
                Kind::Session => look_ups.session |= own,
                Kind::Token => {
                    look_ups.own |= own;
                    look_ups.default |= !self.include_default;
                }
            }
        }
        let both = |kind: Kind| tilde[kind as usize] && named[kind as usize];
        look_ups.default |= both(Kind::Authz);
        look_ups.session |= both(Kind::Session);
        look_ups.tilde = both(Kind::Authz) || both(Kind::Session);
        look_ups
    }

    /// Makes the look-ups, at the same time.
    ///
    /// # Errors
    /// Those of the calls. The run ends then, because protected objects cannot be recognised.
    pub(crate) fn look_up(mut self, session: &mut Session, look_ups: LookUps) -> Result<Guard, Error> {
        if self.is_idle {
            return Ok(self);
        }
        // Also if nothing is looked up: a missing token is the first thing to report.
        let api = session.api()?;
        let (own, session, default) = std::thread::scope(|scope| {
            let own = look_ups.own.then(|| scope.spawn(|| own_objects(api)));
            let session = look_ups.session.then(|| scope.spawn(|| alias(api, Kind::Session)));
            let default = if look_ups.default { alias(api, Kind::Authz) } else { Ok(None) };
            (
                own.map(std::thread::ScopedJoinHandle::join),
                session.map(std::thread::ScopedJoinHandle::join),
                default,
            )
        });
        let panicked = |_| Error::permanent("a look-up ended without a response");
        for (kind, id) in own.map_or(Ok(Vec::new()), |own| own.map_err(panicked)?)? {
            protect(&mut self.own, kind, &id);
        }
        let session = session.map_or(Ok(None), |found| found.map_err(panicked)?)?.map(|(id, _)| id);
        let (default, token) = default?.unzip();
        if look_ups.tilde {
            self.tilde[Kind::Session as usize].clone_from(&session);
            self.tilde[Kind::Authz as usize].clone_from(&default);
        }
        if let Some(id) = session {
            protect(&mut self.own, Kind::Session, &id);
        }
        if let Some(id) = default {
            if contains(&self.own, Kind::Authz, &id) {
                protect(&mut self.own, Kind::Authz, "~");
            }
            protect(&mut self.default, Kind::Authz, &id);
            protect(&mut self.default, Kind::Token, &token.unwrap_or_default());
        }
        Ok(self)
    }

    /// Returns the places of items that repeat an earlier one under its other name: `~`, or the id that it stands for.
    ///
    /// # Errors
    /// If the two are to be changed to different values.
    pub(crate) fn repeats<'a>(&self, items: impl Iterator<Item = Item<'a>>) -> Result<HashSet<usize>, Error> {
        let (mut first, mut repeats) = (HashMap::new(), HashSet::new());
        if self.tilde.iter().all(Option::is_none) {
            return Ok(repeats);
        }
        let is_tilde = |item: &Item<'_>| {
            let id = self.tilde[item.kind as usize].as_ref();
            id.is_some_and(|id| item.id == "~" || id.eq_ignore_ascii_case(&item.id))
        };
        for item in items.filter(is_tilde) {
            match first.get(&item.kind) {
                None => {
                    first.insert(item.kind, item.fields);
                }
                Some(fields) if *fields == item.fields => {
                    repeats.insert(item.index);
                }
                Some(_) => {
                    let what = "~ and the id it stands for are both in the input, with different values";
                    return Err(Error::input(format!("{}: {what}", item.origin)));
                }
            }
        }
        Ok(repeats)
    }

    /// Checks that an item is not protected.
    ///
    /// # Errors
    /// The reason, with the option that includes such items.
    pub(crate) fn check(&self, item: &Item<'_>) -> Result<(), Error> {
        let skipped = |reason: &str, hint| Err(Error::failed(reason).with_hint(hint));
        if !self.include_self && self.is_own(item) {
            let reason = match item.kind {
                Kind::Authz => "skipped: it is, or may be, the authorization in use",
                Kind::Client => "skipped: the authorization in use was, or may have been, created through it",
                Kind::Session => "skipped: it is the session in use",
                Kind::Token => "skipped: it is, or may be, the token in use",
            };
            return skipped(reason, "add --include-self to include it");
        }
        if !self.include_default && self.is_default(item) {
            return skipped(
                match item.kind {
                    Kind::Token => "skipped: it is the token of the account's default API key",
                    _ => "skipped: it is the account's default API key",
                },
                "add --include-default to include it",
            );
        }
        Ok(())
    }

    /// Returns whether an item must wait until all others are done, because its change may end our own access.
    pub(crate) fn goes_last(&self, item: &Item<'_>) -> bool {
        self.is_own(item) || self.is_default(item)
    }

    /// Returns whether an item is, or may be, in use by this run.
    pub(crate) fn is_own(&self, item: &Item<'_>) -> bool {
        // The authorizations of a client outlive its new secret or name.
        if item.kind == Kind::Client && !self.removes {
            return false;
        }
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

fn protect(ids: &mut Ids, kind: Kind, id: &str) {
    ids[kind as usize].insert(id.to_ascii_lowercase());
}

/// Ignores the case of ids, because a uuid in capitals is the same uuid, and the API may accept it.
fn contains(ids: &Ids, kind: Kind, id: &str) -> bool {
    let ids = &ids[kind as usize];
    // Usually there is one protected id and up to a million items: comparing is cheaper than hashing.
    if ids.len() <= 4 {
        return ids.iter().any(|protected| protected.eq_ignore_ascii_case(id));
    }
    let lower = match id.bytes().any(|b| b.is_ascii_uppercase()) {
        true => Cow::Owned(id.to_ascii_lowercase()),
        false => Cow::Borrowed(id),
    };
    ids.contains(lower.as_ref())
}

/// Finds the authorizations whose token may be the one in use, with their clients, sessions and tokens. A masked token
/// that could be ours counts as ours (docs/heroku-api.md, Masked tokens).
fn own_objects(api: &Api) -> Result<Vec<(Kind, String)>, Error> {
    let mut own = Vec::new();
    api.each(Kind::Authz, None, &mut |record, _| {
        if record.secret().is_some_and(|shown| api.token().may_be(&shown)) {
            own.push((Kind::Authz, record.id.to_string()));
            own.push((Kind::Client, record.text(&["client", "id"])));
            own.push((Kind::Session, record.text(&["session", "id"])));
            own.push((Kind::Token, record.text(&["access_token", "id"])));
        }
    })?;
    own.retain(|(_, id)| !id.is_empty());
    Ok(own)
}

/// Looks up the id that `~` stands for, and the id of its token. `None` if there is no such object: the API responds
/// 404 then (docs/heroku-api.md, Resources).
pub(crate) fn alias(api: &Api, kind: Kind) -> Result<Option<(String, String)>, Error> {
    match api.get(kind, "~") {
        Ok(Object { record, .. }) => {
            let token = record.text(&["access_token", "id"]);
            Ok(Some((record.id.into_owned(), token)))
        }
        Err(e) if e.is_gone() => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
#[path = "tests/guard.rs"]
mod tests;

//! What is never touched unless the user says so: the authorization in use, the default API key, and `~`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::api::{Api, Object};
use crate::base::error::Error;
use crate::change::Effect;
use crate::change::options::Options;
use crate::change::targets::Item;
use crate::record::kind::Kind;
use crate::session::Session;

/// Look-ups that are under way at the same time.
pub(crate) const LOOK_UPS: usize = 3;

/// Which objects are protected.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    include_self: bool,
    include_default: bool,
    /// Objects are removed, and what was made through a client with it.
    removes: bool,
    /// There may be something to look up.
    looks: bool,
    own: Protected,
    default: Protected,
    /// What `~` stands for, where it is among the items.
    tilde: [Option<String>; Kind::ALL.len()],
}

/// Ids of a kind, in small letters.
type Protected = [HashSet<String>; Kind::ALL.len()];

/// What must be looked up.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Unknown {
    /// The authorization in use, and what belongs to it.
    own: bool,
    /// The session in use.
    session: bool,
    /// The default API key.
    default: bool,
    /// `~` is among the items.
    tilde: bool,
}

impl Guard {
    /// A guard that knows no more than what the options let go. A change that ends nobody's access needs none.
    pub(crate) fn new(options: &Options, effect: Effect) -> Guard {
        let free = effect == Effect::Creates;
        Guard {
            include_self: options.include_self || free,
            include_default: options.include_default || free,
            removes: effect == Effect::Removes,
            looks: !free,
            ..Guard::default()
        }
    }

    /// Everything that no option lets go, for input that is not known yet.
    pub(crate) fn unknown(&self) -> Unknown {
        let (own, default) = (!self.include_self, !self.include_self || !self.include_default);
        Unknown { own, session: own, default, tilde: false }
    }

    /// What must be looked up for the items. An item that its own record spares needs nothing; one that it marks and
    /// an option lets go may still be the other thing, and `~` may be any other item of its kind.
    pub(crate) fn unknown_of<'a>(&self, items: impl Iterator<Item = Item<'a>>) -> Unknown {
        let mut unknown = Unknown::default();
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
                    unknown.own |= own;
                    unknown.default |= !self.include_default || (own && item.id == "~");
                }
                Kind::Client => unknown.own |= own && self.removes,
                Kind::Session => unknown.session |= own,
                Kind::Token => {
                    unknown.own |= own;
                    unknown.default |= !self.include_default;
                }
            }
        }
        let both = |kind: Kind| tilde[kind as usize] && named[kind as usize];
        unknown.default |= both(Kind::Authz);
        unknown.session |= both(Kind::Session);
        unknown.tilde = both(Kind::Authz) || both(Kind::Session);
        unknown
    }

    /// Looks up what must be known: the list of authorizations, the default API key and the session in use, side by
    /// side.
    ///
    /// # Errors
    /// Those of the calls: what cannot be told apart is not touched.
    pub(crate) fn look_up(mut self, session: &mut Session, unknown: Unknown) -> Result<Guard, Error> {
        if !self.looks {
            return Ok(self);
        }
        // Also where nothing is unknown: without a token, the user should hear of it before anything else.
        let api = session.api()?;
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
        let gone = || Error::permanent("a look-up ended without a response");
        for (kind, id) in own.map_or(Ok(Vec::new()), |own| own.map_err(|_| gone())?)? {
            spare(&mut self.own, kind, &id);
        }
        let session = session.map_or(Ok(None), |found| found.map_err(|_| gone())?)?.map(|(id, _)| id);
        let (default, token) = default?.unzip();
        if unknown.tilde {
            self.tilde[Kind::Session as usize].clone_from(&session);
            self.tilde[Kind::Authz as usize].clone_from(&default);
        }
        if let Some(id) = session {
            spare(&mut self.own, Kind::Session, &id);
        }
        if let Some(id) = default {
            if contains(&self.own, Kind::Authz, &id) {
                spare(&mut self.own, Kind::Authz, "~");
            }
            spare(&mut self.default, Kind::Authz, &id);
            spare(&mut self.default, Kind::Token, &token.unwrap_or_default());
        }
        Ok(self)
    }

    /// The places of items that were named before by another name: `~`, and the id that it stands for.
    ///
    /// # Errors
    /// Where they say different things.
    pub(crate) fn again<'a>(&self, items: impl Iterator<Item = Item<'a>>) -> Result<HashSet<usize>, Error> {
        let (mut first, mut again) = (HashMap::new(), HashSet::new());
        if self.tilde.iter().all(Option::is_none) {
            return Ok(again);
        }
        let is_it = |item: &Item<'_>| {
            let id = self.tilde[item.kind as usize].as_ref();
            id.is_some_and(|id| item.id == "~" || id.eq_ignore_ascii_case(&item.id))
        };
        for item in items.filter(is_it) {
            match first.get(&item.kind) {
                None => {
                    first.insert(item.kind, item.fields);
                }
                Some(fields) if *fields == item.fields => {
                    again.insert(item.index);
                }
                Some(_) => {
                    let what = "~ and the id it stands for are both in the input, with different values";
                    return Err(Error::input(format!("{}: {what}", item.origin)));
                }
            }
        }
        Ok(again)
    }

    /// Fails where an item is to be spared.
    ///
    /// # Errors
    /// Why, with the option that would let it go.
    pub(crate) fn check(&self, item: &Item<'_>) -> Result<(), Error> {
        let left = |what: &str, hint| Err(Error::failed(what).with_hint(hint));
        if !self.include_self && self.is_own(item) {
            let what = match item.kind {
                Kind::Authz => "skipped: it is, or may be, the authorization in use",
                Kind::Client => "skipped: the authorization in use was, or may have been, created through it",
                Kind::Session => "skipped: it is the session in use",
                Kind::Token => "skipped: it is, or may be, the token in use",
            };
            return left(what, "add --include-self to include it");
        }
        if !self.include_default && self.is_default(item) {
            return left(
                match item.kind {
                    Kind::Token => "skipped: it is the token of the account's default API key",
                    _ => "skipped: it is the account's default API key",
                },
                "add --include-default to include it",
            );
        }
        Ok(())
    }

    /// Whether an item must wait until all others are done, since it may end our own access.
    pub(crate) fn goes_last(&self, item: &Item<'_>) -> bool {
        self.is_own(item) || self.is_default(item)
    }

    /// Whether an item is, or may be, what the caller uses.
    pub(crate) fn is_own(&self, item: &Item<'_>) -> bool {
        // What was made through a client outlives its new secret and its new name.
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

fn spare(spared: &mut Protected, kind: Kind, id: &str) {
    spared[kind as usize].insert(id.to_ascii_lowercase());
}

/// A uuid is the same in capitals, perhaps to the API too.
fn contains(spared: &Protected, kind: Kind, id: &str) -> bool {
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

/// The id behind `~`, and the id of its token, if there is one (WIRE.md: 404 if there is none).
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

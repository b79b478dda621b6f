//! Protects the objects in use and the default API key, unless an option includes them (docs/architecture.md, Rules:
//! Protection).
//!
//! An item is changed only if something proves that it is not in use. If the list of authorizations holds the one in
//! use, that proves it for all others. Otherwise (the list of a team holds it, or the API shows too little of the
//! tokens) each authorization is read before it is changed, and its token must differ from the one in use. Clients and
//! tokens cannot be proved not to be in use then, and are skipped.
//!
//! - `in_use`: finds the authorizations that may be in use

mod in_use;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::api::Api;
use crate::base::error::{Error, TEMPORARY};
use crate::base::id;
use crate::base::secret::Likeness;
use crate::base::sync::{beside, lock};
use crate::change::Effect;
use crate::change::guard::in_use::{Own, note_name, own_objects, part_id};
pub(crate) use crate::change::guard::in_use::{alias, compare};
use crate::change::options::Options;
use crate::change::targets::Item;
use crate::input::hunk::Verb;
use crate::record::Expiry;
use crate::record::kind::Kind;
use crate::session::Session;

/// How many look-ups are made at the same time.
pub(crate) const LOOK_UPS: usize = 5;

/// How many of them most runs need.
pub(crate) const CALLS: usize = 2;

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
    /// The kinds of which everything in use is known. An item of another kind needs a proof of its own.
    is_known: [bool; Kind::ALL.len()],
    /// The token of the default API key is unknown.
    lacks_default_token: bool,
    /// The authorizations whose state before the change is wanted, by the keys of their ids; and that state, as far as a
    /// look-up has shown it.
    watched: HashSet<String>,
    seen: HashMap<String, Seen>,
    /// The descriptions and names of the listed objects, by the keys of their ids.
    pub(super) names: [Names; Kind::ALL.len()],
    /// The id that `~` stands for, for each kind; only if the items name both `~` and ids.
    tilde: [Option<String>; Kind::ALL.len()],
}

/// What a look-up has shown of an authorization.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Its scopes.
    pub(crate) scope: Vec<String>,
    /// Its expiry.
    pub(crate) expiry: Expiry,
    /// Its token, or the part of it that is shown.
    pub(crate) token: String,
}
/// Descriptions or names, by the keys of ids.
type Names = HashMap<String, String>;

/// The keys of ids, for each kind.
type Ids = [HashSet<String>; Kind::ALL.len()];

/// The look-ups that a run needs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LookUps {
    /// The list of authorizations, to find those in use.
    pub(super) own: bool,
    /// The session in use.
    pub(super) session: bool,
    /// The default API key.
    pub(super) default: bool,
    /// The items name both `~` and ids of its kind, so the id that `~` stands for may be among them.
    tilde: bool,
    /// The kinds whose descriptions and names are looked up too, because a person will read them.
    pub(super) names: [bool; Kind::ALL.len()],
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

    /// Remembers what the look-ups show of the authorizations among the items whose records do not say it.
    pub(crate) fn watch<'a>(&mut self, items: impl Iterator<Item = Item<'a>>) {
        let watched = items.filter(|item| item.kind == Kind::Authz);
        self.watched = watched.map(|item| id::key(&item.id)).collect();
    }

    /// Returns what the look-ups have shown of a watched authorization.
    pub(crate) fn seen(&self, id: &str) -> Option<&Seen> {
        id::find(&self.seen, id)
    }

    /// Returns whether there is something that the options do not include.
    pub(crate) fn protects(&self) -> bool {
        !self.include_self || !self.include_default
    }

    /// Returns whether nothing is protected.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_idle
    }

    /// Returns the look-ups for input that is not known yet.
    pub(crate) fn all_look_ups(&self) -> LookUps {
        let (own, default) = (!self.include_self, !self.include_self || !self.include_default);
        LookUps { own, session: own, default, ..LookUps::default() }
    }

    /// Returns the look-ups for the items.
    ///
    /// An item that is protected by its own marks needs none. An item whose mark is overruled by an option may still be
    /// protected for the other reason: the default API key may be the authorization in use. `~` may be any other item
    /// of its kind.
    pub(crate) fn look_ups_for<'a>(&self, items: impl Iterator<Item = Item<'a>>) -> LookUps {
        let mut look_ups = LookUps::default();
        let (mut tilde, mut named) = ([false; Kind::ALL.len()], [false; Kind::ALL.len()]);
        for item in items.filter(|item| self.may_protect(item)) {
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
                Kind::Client => look_ups.own |= own && self.removes(&item),
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
        let watched = std::mem::take(&mut self.watched);
        let names: [Mutex<Names>; Kind::ALL.len()] = Default::default();
        // One list serves both: its failure counts only if protection depends on it.
        let wanted = |kind: Kind| look_ups.names[kind as usize].then_some(&names[kind as usize]);
        let list_own = || own_objects(api, &watched, wanted(Kind::Authz));
        let list_names = [Kind::Authz, Kind::Client, Kind::Session].map(|kind| {
            let names = wanted(kind).filter(|_| kind != Kind::Authz || !look_ups.own);
            names.map(|names| move || api.each(kind, None, &mut |record, _| note_name(names, record)))
        });
        let find_session = || alias(api, Kind::Session);
        let (own, session, default) = std::thread::scope(|scope| {
            let own = look_ups.own.then(|| beside(scope, &list_own));
            let session = look_ups.session.then(|| beside(scope, &find_session));
            let others: Vec<_> = list_names.iter().flatten().map(|list| beside(scope, list)).collect();
            let default = if look_ups.default { alias(api, Kind::Authz) } else { Ok(None) };
            others.into_iter().for_each(|wait| drop(wait()));
            (own.map(|wait| wait()), session.map(|wait| wait()), default)
        });
        let panicked = |_| Error::permanent("a look-up ended without a response");
        let own = own.map_or(Ok((Vec::new(), HashMap::new())), |own| own.map_err(panicked)?);
        let session = session.map_or(Ok(None), |found| found.map_err(panicked)?);
        let (own, session, default) = all(own, session, default)?;
        self.know(own.0);
        self.seen = own.1;
        for record in [&session, &default].into_iter().flatten() {
            lock(&names[record.kind as usize]).insert("~".to_owned(), record.title());
        }
        self.names = names.map(|names| names.into_inner().unwrap_or_else(PoisonError::into_inner));
        let session = session.map(|record| record.id.into_owned());
        let (default, token) =
            default.map(|record| (record.id.to_string(), part_id(&record, "access_token"))).unzip();
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
            match token.flatten() {
                Some(token) => protect(&mut self.default, Kind::Token, &token),
                None => self.lacks_default_token = true,
            }
        }
        Ok(self)
    }

    /// Protects the objects of the authorizations whose token may be the one in use.
    fn know(&mut self, own: Vec<Own>) {
        // A token belongs to one authorization only.
        let is_found = own.iter().any(|own| own.is_certain);
        let knows = |id: fn(&Own) -> &Option<String>| is_found && own.iter().all(|own| id(own).is_some());
        self.is_known[Kind::Authz as usize] = is_found;
        self.is_known[Kind::Client as usize] = knows(|own| &own.client);
        self.is_known[Kind::Token as usize] = knows(|own| &own.token);
        for own in own {
            protect(&mut self.own, Kind::Authz, &own.id);
            let others = [(Kind::Client, own.client), (Kind::Session, own.session), (Kind::Token, own.token)];
            for (kind, id) in others {
                id.filter(|id| !id.is_empty()).into_iter().for_each(|id| protect(&mut self.own, kind, &id));
            }
        }
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
            id.is_some_and(|id| item.id == "~" || id::same(id, &item.id))
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

    /// Checks that an item is not protected, nor the authorization that it replaces.
    ///
    /// # Errors
    /// The reason, with the option that includes such items.
    pub(crate) fn check(&self, item: &Item<'_>) -> Result<(), Error> {
        item.replaced().map_or(Ok(()), |old| self.check(&old))?;
        let skipped = |reason: &str, hint| Err(Error::skipped(reason).with_hint(hint));
        if !self.include_self && self.is_own(item) {
            let reason = match item.kind {
                Kind::Authz => "it is, or may be, the authorization in use",
                Kind::Client => "the authorization in use was, or may have been, created through it",
                Kind::Session => "it is the session in use",
                Kind::Token => "it is, or may be, the token in use",
            };
            return skipped(reason, INCLUDE_SELF);
        }
        if !self.include_default && self.is_default(item) {
            return skipped(
                match item.kind {
                    Kind::Token => "it is the token of the account's default API key",
                    _ => "it is the account's default API key",
                },
                INCLUDE_DEFAULT,
            );
        }
        Ok(())
    }

    /// Checks that something proves that an item, which [`Guard::check`] has passed, is not in use. This takes a call if
    /// the list does not hold the authorization in use.
    ///
    /// # Errors
    /// Those of the call; the reason why the item is skipped.
    pub(crate) fn prove(&self, api: &Api, item: &Item<'_>) -> Result<(), Error> {
        if !self.may_protect(item) {
            return Ok(());
        }
        let unproven = |why: &str| Err(Error::skipped(why).with_hint(INCLUDE_SELF));
        if item.kind == Kind::Token && self.lacks_default_token && !self.include_default {
            let why = "it may be the token of the account's default API key";
            return Err(Error::skipped(why).with_hint(INCLUDE_DEFAULT));
        }
        if self.include_self || self.is_known[item.kind as usize] {
            return Ok(());
        }
        if let Some(old) = item.replaced() {
            self.prove(api, &old).or_else(|e| if e.is_gone() { Ok(()) } else { Err(e) })?;
        }
        match item.kind {
            // The API says which session is the one in use.
            Kind::Session => Ok(()),
            Kind::Client if !self.removes(item) => Ok(()),
            Kind::Client => {
                unproven("nothing proves that the authorization in use was not created through it")
            }
            Kind::Token => unproven("nothing proves that it is not the token in use"),
            Kind::Authz => match compare(api, &api.get(item.kind, &item.id)?.record) {
                Likeness::Differs => Ok(()),
                Likeness::Fits { .. } => unproven("it is, or may be, the authorization in use"),
                Likeness::Unknown => unproven("nothing proves that it is not the authorization in use"),
            },
        }
    }

    /// Returns whether an item must wait until all others are done, because its change may end our own access.
    pub(crate) fn goes_last(&self, item: &Item<'_>) -> bool {
        self.is_own(item) || self.is_default(item) || item.replaced().is_some_and(|old| self.goes_last(&old))
    }

    /// Returns whether an item is, or may be, in use by this run.
    pub(crate) fn is_own(&self, item: &Item<'_>) -> bool {
        // The authorizations of a client outlive its new secret or name.
        if item.kind == Kind::Client && !self.removes(item) {
            return false;
        }
        item.current
            || (item.kind == Kind::Session && item.id == "~")
            || contains(&self.own, item.kind, &item.id)
    }

    /// Returns whether the change removes an item. A plan says that for each.
    fn removes(&self, item: &Item<'_>) -> bool {
        self.removes && item.fields().hunk.as_ref().is_none_or(|hunk| hunk.verb == Verb::Removed)
    }

    /// Returns whether an item may be protected: it exists, and the run may change it.
    fn may_protect(&self, item: &Item<'_>) -> bool {
        match &item.fields().hunk {
            None => true,
            Some(hunk) => match hunk.verb {
                Verb::Added => false,
                Verb::Changed => true,
                Verb::Removed => self.removes,
            },
        }
    }

    fn is_default(&self, item: &Item<'_>) -> bool {
        item.default
            || (item.kind == Kind::Authz && item.id == "~")
            || contains(&self.default, item.kind, &item.id)
    }
}

/// Returns what all three look-ups found.
///
/// # Errors
/// The first error, but rather one that a retry cannot help.
fn all<A, B, C>(a: Result<A, Error>, b: Result<B, Error>, c: Result<C, Error>) -> Result<(A, B, C), Error> {
    match (a, b, c) {
        (Ok(a), Ok(b), Ok(c)) => Ok((a, b, c)),
        (a, b, c) => {
            let mut errors: Vec<Error> = [a.err(), b.err(), c.err()].into_iter().flatten().collect();
            errors.sort_by_key(|error| error.status() == TEMPORARY);
            Err(errors.swap_remove(0))
        }
    }
}

const INCLUDE_SELF: &str = "add --include-self to include it";
const INCLUDE_DEFAULT: &str = "add --include-default to include it";

fn protect(ids: &mut Ids, kind: Kind, id: &str) {
    ids[kind as usize].insert(id::key(id));
}

fn contains(ids: &Ids, kind: Kind, id: &str) -> bool {
    let ids = &ids[kind as usize];
    // Usually there is one protected id and up to a million items: comparing is cheaper than hashing.
    if ids.len() <= 4 {
        return ids.iter().any(|protected| id::same(protected, id));
    }
    ids.contains(&id::key(id))
}

#[cfg(test)]
mod tests;

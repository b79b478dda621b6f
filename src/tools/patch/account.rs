//! Compares the account with the plan: what is done already, what is to be done, and what is neither as the plan says
//! it was nor as it is to be. Nothing is changed if there is such a conflict.

use std::collections::{BTreeSet, HashMap};

use serde_json::value::RawValue;

use crate::api::Object;
use crate::base::error::{Error, FAILED};
use crate::base::id;
use crate::base::text;
use crate::change::create::Likeness;
use crate::change::targets::{Item, Targets};
use crate::input::entry::Origin;
use crate::input::hunk::{Hunk, Value, Verb, same};
use crate::record::json::display_text;
use crate::record::kind::Kind;
use crate::session::Session;
use crate::tools::patch::clients::{Clients, Known, Problems};
use crate::tools::patch::{SECRETS, hunk, masked, sent};

/// The number of conflicts that are reported one by one; the others are only counted.
const REPORTED: usize = 20;

/// What is to be done for a line of the plan.
pub(super) enum State {
    /// It is to be applied.
    Open,
    /// The account is as the plan says: the object, and the status to print.
    Done(Box<Object>, &'static str),
    /// What is to be removed does not exist.
    Absent,
    /// It would be removed with `--remove`.
    Kept,
}

/// The objects that the plan is about, as they are in the account.
#[derive(Default)]
struct Account {
    /// Those that the plan changes or removes, by kind and key; `None` if there is none.
    named: HashMap<(Kind, String), Option<Object>>,
    /// The active ones like those that the plan makes.
    alike: HashMap<Likeness, Vec<Object>>,
    /// Those that the plan removes.
    removed: BTreeSet<(Kind, String)>,
    /// The names of clients that the plan gives in place of ids, and the clients that have them.
    names: BTreeSet<String>,
    clients: Vec<Known>,
}

/// What the comparison has shown.
pub(super) struct Compared {
    /// The state of each item.
    pub(super) states: Vec<State>,
    /// The clients of the authorizations to make.
    pub(super) clients: Clients,
}

/// Lists the account, a call for a thousand objects, and compares each line of the plan with it.
///
/// # Errors
/// Those of the calls; a status, once all conflicts have been reported.
pub(super) fn compare(session: &mut Session, targets: &Targets, removes: bool) -> Result<Compared, Error> {
    let messages = session.io.messages.clone();
    let (account, clients, mut problems) = look_up(session, targets, removes)?;
    let (mut states, mut conflicts) = (Vec::with_capacity(targets.len()), 0);
    let mut made: HashMap<(Likeness, usize), Origin> = HashMap::new();
    for item in targets.iter() {
        let hunk = hunk(&item).map_err(Error::input)?;
        let state = match (hunk.verb, problems.remove(&item.index)) {
            (_, Some(what)) => Err(what),
            (Verb::Added, None) => {
                let likeness = clients.likeness(&item);
                let state = account.made(&likeness, hunk);
                if let Some(before) = made.insert((likeness, hunk.nth), item.origin) {
                    let what =
                        format!("{}: it makes the same object as {before}: leave one out", item.origin);
                    return Err(Error::input(what));
                }
                Ok(state)
            }
            (Verb::Removed, None) if !removes => Ok(State::Kept),
            (Verb::Changed, None) => account.changed(&item, hunk),
            (Verb::Removed, None) => account.removed(&item, hunk),
        };
        if hunk.verb == Verb::Changed
            && hunk.values.iter().any(|value| SECRETS.contains(&value.name.as_str()))
        {
            messages.say(&format!("{}: no secret can be set: to rotate it, use oauth-rot", item.place()));
        }
        states.push(state.unwrap_or_else(|what| {
            conflicts += 1;
            if conflicts <= REPORTED {
                messages.fail(&format!("{}: conflict: {what}", item.place()));
            }
            State::Open
        }));
    }
    if conflicts == 0 {
        return Ok(Compared { states, clients });
    }
    if conflicts > REPORTED {
        let more = text::count(conflicts - REPORTED, "more conflict", "more conflicts");
        messages.fail(&format!("and {more}"));
    }
    messages.say("nothing was changed: make the plan again with oauth-diff");
    Err(Error::reported(FAILED))
}

/// Lists the kinds that the plan is about. Clients come first: an authorization to make is like another one only if that
/// is for the same client.
fn look_up(
    session: &mut Session,
    targets: &Targets,
    removes: bool,
) -> Result<(Account, Clients, Problems), Error> {
    let (mut clients, mut problems) = Clients::read(targets);
    let mut account = Account { names: Clients::names(targets), ..Account::default() };
    for kind in [Kind::Client, Kind::Authz, Kind::Session] {
        let mut is_listed = kind == Kind::Client && !account.names.is_empty();
        for item in targets.iter().filter(|item| item.kind == kind) {
            match verb(&item)? {
                Verb::Added => drop(account.alike.entry(clients.likeness(&item)).or_default()),
                Verb::Removed if !removes => continue,
                Verb::Changed => drop(account.named.insert(key(&item), None)),
                Verb::Removed => {
                    account.named.insert(key(&item), None);
                    account.removed.insert(key(&item));
                }
            }
            is_listed = true;
        }
        if is_listed {
            account.list(session, kind)?;
        }
        if kind == Kind::Client {
            problems.extend(account.find_clients(targets, &mut clients)?);
        }
    }
    Ok((account, clients, problems))
}

fn verb(item: &Item<'_>) -> Result<Verb, Error> {
    hunk(item).map(|hunk| hunk.verb).map_err(Error::input)
}

fn key(item: &Item<'_>) -> (Kind, String) {
    (item.kind, id::key(&item.id))
}

impl Account {
    fn list(&mut self, session: &mut Session, kind: Kind) -> Result<(), Error> {
        session.api()?.each(kind, None, &mut |record, date| {
            let object = || masked(Object { record: record.borrowed().into_owned(), date, request_id: None });
            if let Some(named) = self.named.get_mut(&(kind, id::key(&record.id))) {
                *named = Some(object());
            }
            if kind == Kind::Client && self.names.contains(&record.name()) {
                self.clients.push((record.name(), record.id.to_string()));
            }
            // An expired object grants no access, so a new one is wanted.
            if record.status == "active"
                && let Some(alike) = self.alike.get_mut(&Likeness::of(record))
            {
                alike.push(object());
            }
        })
    }

    /// Finds the clients of the authorizations to make that exist, and returns the problems with those that do not.
    fn find_clients(&mut self, targets: &Targets, clients: &mut Clients) -> Result<Problems, Error> {
        for item in targets.iter().filter(|item| item.kind == Kind::Client) {
            let hunk = hunk(&item).map_err(Error::input)?;
            if hunk.verb == Verb::Added
                && let State::Done(object, _) = self.made(&clients.likeness(&item), hunk)
            {
                clients.learn(item.index, &object.record.id);
            }
        }
        let removed = &self.removed;
        self.clients.retain(|(_, id)| !removed.contains(&(Kind::Client, id::key(id))));
        Ok(clients.find(targets, &self.clients))
    }

    /// Returns whether the object that a line makes is there. Those that were there before the plan, or that it removes,
    /// are not it.
    fn made(&self, likeness: &Likeness, hunk: &Hunk) -> State {
        let is_other = |object: &&Object| {
            let id = &object.record.id;
            hunk.like.iter().any(|like| id::same(like, id))
                || self.removed.contains(&(object.record.kind, id::key(id)))
        };
        let alike = self.alike.get(likeness).map(Vec::as_slice).unwrap_or_default();
        let mut made = alike.iter().filter(|object| !is_other(object));
        match made.nth(hunk.nth.saturating_sub(1)) {
            Some(object) => State::Done(Box::new(object.clone()), "exists"),
            None => State::Open,
        }
    }

    fn changed(&self, item: &Item<'_>, hunk: &Hunk) -> Result<State, String> {
        let object = self.named.get(&key(item)).and_then(Option::as_ref).ok_or("it does not exist")?;
        let mut is_open = false;
        for value in sent(item.kind, hunk) {
            let found = member(object, &value.name);
            if value.now.as_deref().is_some_and(|now| same(found, now)) {
                continue;
            }
            if !same(found, &value.was) {
                return Err(unlike(value, found, " nor what it is to be"));
            }
            is_open = true;
        }
        for value in &hunk.context {
            let found = member(object, &value.name);
            if !same(found, &value.was) {
                return Err(format!("{}; to change it, name it in was", unlike(value, found, "")));
            }
        }
        Ok(if is_open { State::Open } else { State::Done(Box::new(object.clone()), "unchanged") })
    }

    fn removed(&self, item: &Item<'_>, hunk: &Hunk) -> Result<State, String> {
        let Some(object) = self.named.get(&key(item)).and_then(Option::as_ref) else {
            return Ok(State::Absent);
        };
        match hunk.values.iter().find(|value| !same(member(object, &value.name), &value.was)) {
            None => Ok(State::Open),
            Some(value) => Err(unlike(value, member(object, &value.name), "")),
        }
    }
}

fn member<'a>(object: &'a Object, name: &str) -> &'a str {
    object.record.member(name).map_or("null", RawValue::get)
}

fn unlike(value: &Value, found: &str, nor: &str) -> String {
    let shown = |raw: &str| {
        let text = serde_json::from_str::<&RawValue>(raw).map(display_text).unwrap_or_default();
        let text = if text.is_empty() { raw.to_owned() } else { text };
        text::shorten(&text::escape(&text), 80).into_owned()
    };
    let (name, found, was) = (text::escape(&value.name), shown(found), shown(&value.was));
    let neither = if nor.is_empty() { "not" } else { "neither" };
    format!("its {name} is '{found}', {neither} '{was}' as it was in the plan{nor}")
}

//! The clients of the authorizations that a plan makes: clients of the account, or such that the plan makes too. In a
//! plan, these have the ids of another account, or none.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use crate::base::error::Error;
use crate::base::id;
use crate::base::sync::lock;
use crate::base::text;
use crate::change::create::Likeness;
use crate::change::targets::{Item, Targets};
use crate::input::entry::Origin;
use crate::record::kind::Kind;

/// A line of the plan that makes a client.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Its place among the items.
    index: usize,
    /// Where it is in the input.
    pub(super) origin: Origin,
    /// The name of the client.
    pub(super) name: String,
}

/// The client of an authorization to make.
pub(super) enum Client<'a> {
    /// The id of one that exists.
    Known(String),
    /// One that a line of the plan has yet to make.
    Unmade(&'a Line),
}

/// The clients of all authorizations to make.
#[derive(Debug, Default)]
pub(super) struct Clients {
    /// The lines that make clients.
    lines: Vec<Line>,
    /// The lines on which authorizations depend, by the places of these.
    needed: HashMap<usize, Line>,
    /// The ids of the clients of the account that authorizations name only by their names, by the places of these.
    named: HashMap<usize, String>,
    /// The ids of the clients that lines of the plan have made, or found, by the places of these lines.
    ids: Mutex<HashMap<usize, String>>,
}

/// A client of the account: its name and its id.
pub(super) type Known = (String, String);

impl Clients {
    /// Finds the lines that make clients, and the authorizations that name them by their ids.
    ///
    /// # Errors
    /// An input error, if it is not certain which client is meant.
    pub(super) fn read(targets: &Targets) -> Result<Clients, Error> {
        let mut clients = Clients::default();
        let (mut ids, mut looks) = (HashMap::<String, Vec<usize>>::new(), HashMap::<_, Vec<usize>>::new());
        for item in made(targets, Kind::Client) {
            let name = item.fields().name.clone().unwrap_or_default();
            let id = item.fields().hunk.as_ref().and_then(|hunk| hunk.id.as_deref());
            id.into_iter().for_each(|id| ids.entry(id::key(id)).or_default().push(clients.lines.len()));
            let look = Likeness::wanted(item.kind, item.fields());
            looks.entry(look).or_default().push(clients.lines.len());
            clients.lines.push(Line { index: item.index, origin: item.origin, name });
        }
        let twins: HashMap<usize, &Vec<usize>> = looks
            .values()
            .filter(|lines| lines.len() > 1)
            .flat_map(|lines| lines.iter().map(move |line| (*line, lines)))
            .collect();
        for item in made(targets, Kind::Authz) {
            let Some(id) = item.fields().client_id.as_deref() else { continue };
            let Some(lines) = ids.get(&id::key(id)) else { continue };
            let lines = twins.get(&lines[0]).copied().unwrap_or(lines);
            if let [first, second, ..] = lines[..] {
                let [first, second] = [first, second].map(|line| clients.lines[line].origin);
                let what = format!("{}: its client is made by {first} and by {second}", item.place());
                return Err(Error::input(what).with_hint(
                    "they cannot be told apart: leave one out, or make the authorization with oauth-mk --client-id",
                ));
            }
            clients.needed.insert(item.index, clients.lines[lines[0]].clone());
        }
        Ok(clients)
    }

    /// Returns the names by which authorizations name their clients.
    pub(super) fn names(targets: &Targets) -> BTreeSet<String> {
        made(targets, Kind::Authz).filter_map(|item| item.fields().client_name.clone()).collect()
    }

    /// Notes the client that the line at a place has made, or found.
    pub(super) fn learn(&self, index: usize, id: &str) {
        lock(&self.ids).insert(index, id.to_owned());
    }

    /// Finds the client that an authorization names by its name: in the account, or in the plan.
    ///
    /// # Errors
    /// The problem, if there is none, or more than one.
    pub(super) fn find(&mut self, item: &Item<'_>, account: &[Known]) -> Result<(), String> {
        let Some(name) = &item.fields().client_name else { return Ok(()) };
        let lines: Vec<&Line> = self.lines.iter().filter(|line| line.name == *name).collect();
        let found = lock(&self.ids).clone();
        let is_of_line =
            |id: &str| lines.iter().any(|line| found.get(&line.index).is_some_and(|of| of == id));
        let others: Vec<&str> = account
            .iter()
            .filter(|(known, id)| known == name && !is_of_line(id))
            .map(|(_, id)| id.as_str())
            .collect();
        let shown = text::shorten(&text::escape(name), 64).into_owned();
        match (&lines[..], &others[..]) {
            ([line], []) => drop(self.needed.insert(item.index, (*line).clone())),
            ([], [id]) => drop(self.named.insert(item.index, (*id).to_owned())),
            ([], []) => return Err(format!("there is no client '{shown}'")),
            _ => {
                let lines = lines.iter().map(|line| line.origin.to_string());
                let all: Vec<String> = lines.chain(others.iter().map(|id| (*id).to_owned())).collect();
                let all = all.join(", ");
                return Err(format!("'{shown}' is the name of several clients: {all}; give its id"));
            }
        }
        Ok(())
    }

    /// Returns the place of the line that makes the client of an authorization.
    pub(super) fn needs(&self, item: &Item<'_>) -> Option<usize> {
        self.needed.get(&item.index).map(|line| line.index)
    }

    /// Returns the client of an object to make; `None` if it has none.
    pub(super) fn of(&self, item: &Item<'_>) -> Option<Client<'_>> {
        if let Some(line) = self.needed.get(&item.index) {
            return Some(match lock(&self.ids).get(&line.index) {
                Some(id) => Client::Known(id.clone()),
                None => Client::Unmade(line),
            });
        }
        let id = self.named.get(&item.index).or(item.fields().client_id.as_ref())?;
        Some(Client::Known(id.clone()))
    }

    /// Returns what an object to make looks like. For a client that does not exist, the line that makes it stands.
    pub(super) fn likeness(&self, item: &Item<'_>) -> Likeness {
        let client = self.of(item).map(|client| match client {
            Client::Known(id) => id,
            Client::Unmade(line) => line.origin.to_string(),
        });
        Likeness::wanted(item.kind, item.fields()).made_for(client.as_deref())
    }
}

/// Returns the items of a kind that the plan makes.
fn made(targets: &Targets, kind: Kind) -> impl Iterator<Item = Item<'_>> {
    targets.iter().filter(move |item| item.kind == kind && item.fields().are_of_new_object())
}

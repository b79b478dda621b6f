//! The clients of the authorizations that a plan makes: clients of the account, or clients that the plan also makes. In a
//! plan, these have the ids of another account, or none.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Mutex;

use crate::base::id;
use crate::base::sync::lock;
use crate::base::text;
use crate::change::create::Likeness;
use crate::change::targets::{Item, Targets};
use crate::input::entry::Origin;
use crate::record::kind::Kind;

/// A line of the plan that makes a client.
#[derive(Debug)]
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
    /// Which of the lines makes the client of an authorization, by the place of this.
    needed: HashMap<usize, usize>,
    /// The ids of the clients of the account that authorizations name only by their names, by the places of these.
    named: HashMap<usize, String>,
    /// The ids of the clients that lines of the plan have made, or found, by the places of these lines.
    ids: Mutex<HashMap<usize, String>>,
}

/// A client of the account: its name and its id.
pub(super) type Known = (String, String);

/// The problems with the clients of authorizations, by the places of these.
pub(super) type Problems = HashMap<usize, String>;

/// The clients of a name.
#[derive(Debug, Default)]
struct Namesakes<'a> {
    /// Those that the plan makes: the places among the lines.
    lines: Vec<usize>,
    /// The ids of the others in the account.
    ids: Vec<&'a str>,
}

impl Clients {
    /// Finds the lines that make clients, and the authorizations that name them by their ids. Returns the problems too: it
    /// must be certain which client is meant.
    pub(super) fn read(targets: &Targets) -> (Clients, Problems) {
        let mut problems = Problems::new();
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
            match lines[..] {
                [line] => drop(clients.needed.insert(item.index, line)),
                _ => {
                    let all = listed(lines.iter().map(|line| clients.lines[*line].origin.to_string()));
                    let what = format!("several lines make its client, and cannot be told apart: {all}");
                    let hint = "leave out all but one, or use oauth-mk --client-id";
                    problems.insert(item.index, format!("{what}; {hint}"));
                }
            }
        }
        (clients, problems)
    }

    /// Returns the names by which authorizations name their clients.
    pub(super) fn names(targets: &Targets) -> BTreeSet<String> {
        made(targets, Kind::Authz).filter_map(|item| item.fields().client_name.clone()).collect()
    }

    /// Notes the client that the line at a place has made, or found.
    pub(super) fn learn(&self, index: usize, id: &str) {
        lock(&self.ids).insert(index, id.to_owned());
    }

    /// Finds the clients that authorizations name by their names: in the account, or in the plan. Returns the problems: there
    /// is none of the name, or more than one.
    pub(super) fn find(&mut self, targets: &Targets, account: &[Known]) -> Problems {
        let Clients { lines, needed, named, ids } = self;
        let ids = lock(ids);
        let found: HashSet<&str> = ids.values().map(String::as_str).collect();
        let mut by_name = HashMap::<&str, Namesakes<'_>>::new();
        for (at, line) in lines.iter().enumerate() {
            by_name.entry(&line.name).or_default().lines.push(at);
        }
        for (name, id) in account.iter().filter(|(_, id)| !found.contains(id.as_str())) {
            by_name.entry(name).or_default().ids.push(id);
        }
        let (none, mut problems) = (Namesakes::default(), Problems::new());
        for item in made(targets, Kind::Authz) {
            let Some(name) = &item.fields().client_name else { continue };
            let all = by_name.get(name.as_str()).unwrap_or(&none);
            match (&all.lines[..], &all.ids[..]) {
                ([line], []) => drop(needed.insert(item.index, *line)),
                ([], [id]) => drop(named.insert(item.index, (*id).to_owned())),
                (of_lines, of_account) => {
                    let shown = text::shorten(&text::escape(name), 64).into_owned();
                    let of_lines = of_lines.iter().map(|line| lines[*line].origin.to_string());
                    let all = listed(of_lines.chain(of_account.iter().map(|id| (*id).to_owned())));
                    let what = match all.is_empty() {
                        true => format!("there is no client '{shown}'"),
                        false => format!("'{shown}' is the name of several clients: {all}; give its id"),
                    };
                    problems.insert(item.index, what);
                }
            }
        }
        problems
    }

    /// Returns the place of the line that makes the client of an authorization.
    pub(super) fn needs(&self, item: &Item<'_>) -> Option<usize> {
        self.line(item).map(|line| line.index)
    }

    fn line(&self, item: &Item<'_>) -> Option<&Line> {
        self.lines.get(*self.needed.get(&item.index)?)
    }

    /// Returns the client of an object to make; `None` if it has none.
    pub(super) fn of(&self, item: &Item<'_>) -> Option<Client<'_>> {
        if let Some(line) = self.line(item) {
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

/// How many clients a message lists.
const LISTED: usize = 20;

/// Returns a list for a message.
fn listed(mut all: impl Iterator<Item = String>) -> String {
    let mut list = all.by_ref().take(LISTED).collect::<Vec<String>>().join(", ");
    let more = all.count();
    if more > 0 {
        list.push_str(&format!(" and {more} more"));
    }
    list
}

/// Returns the items of a kind that the plan makes.
fn made(targets: &Targets, kind: Kind) -> impl Iterator<Item = Item<'_>> {
    targets.iter().filter(move |item| item.kind == kind && item.fields().are_of_new_object())
}

//! Matches the records of two lists: by id, or else by name.
//!
//! One list is held in memory, about 600 bytes a record; the other passes by.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::value::RawValue;

use crate::base::id;
use crate::base::text;
use crate::input::id_index::{IdIndex, Tag};
use crate::record::json::{JsonObject, string};
use crate::record::kind::Kind;
use crate::tools::diff::list::{Part, name, name_member};
use crate::tools::diff::members::{Side, changes};

/// The text of a record: in the held list, or its own.
#[derive(Debug)]
pub(super) enum Text {
    Held(usize),
    Own(String),
}

/// A difference.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) kind: Kind,
    /// The id of the object; empty if it does not exist yet.
    pub(super) id: String,
    /// `added`, `changed` or `removed`.
    pub(super) change: &'static str,
    /// The record of the new list; of the old list if it was removed.
    pub(super) text: Text,
    /// The old values of what has changed, as a JSON object; and the old record.
    pub(super) was: Option<(String, Text)>,
    /// The ids of other objects that look like one that was added.
    pub(super) like: Vec<String>,
    /// Of several that were added and look the same: which one this is, from 1.
    pub(super) nth: usize,
}

impl Difference {
    fn new(kind: Kind, id: String, change: &'static str, text: Text) -> Difference {
        Difference { kind, id, change, text, was: None, like: Vec::new(), nth: 1 }
    }
}

/// Returns a hash of what makes an object look the same as another: its description, scopes and client, or its name and
/// redirect URI. `None` for one that nobody can make, or that has expired.
fn likeness(kind: Kind, text: &str) -> Option<u64> {
    let object: JsonObject<'_> = serde_json::from_str(text).ok()?;
    if !matches!(kind, Kind::Authz | Kind::Client) || object.text("status").is_some_and(|s| s == "expired") {
        return None;
    }
    let raw = |name| object.get(name).map_or("null", RawValue::get);
    let text = |name| object.text(name).unwrap_or_default();
    let scope = serde_json::from_str::<BTreeSet<String>>(raw("scope")).unwrap_or_default();
    let client = [&["client", "id"][..], &["client"], &["client", "name"]];
    let client = client.iter().find_map(|path| object.at(path).and_then(string)).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    (kind, text(name_member(kind)), scope, text("redirect_uri"), id::key(&client)).hash(&mut hasher);
    Some(hasher.finish())
}

#[derive(Debug)]
struct Slot {
    at: usize,
    len: u32,
    id_at: u32,
    id_len: u8,
    kind: Kind,
    is_row: bool,
    is_whole: bool,
    is_expired: bool,
    is_matched: bool,
    line: u32,
}

type Names = HashMap<(Kind, String), Vec<usize>>;

/// The list that is held in memory.
#[derive(Debug, Default)]
pub(super) struct Held {
    texts: String,
    ids: String,
    slots: Vec<Slot>,
    index: Index,
    /// The records without an id, by their names.
    nameless: HashMap<(Kind, String), usize>,
}

#[derive(Default)]
struct Index(IdIndex);

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Index")
    }
}

const TWICE: &str = "the record is in the list twice";

fn twice(name: &str, line: u32) -> String {
    format!("'{}' is also the name in line {line}: say by their ids which is which", shorten(name))
}

fn shorten(name: &str) -> String {
    text::shorten(&text::escape(name), 64).into_owned()
}

impl Held {
    /// Adds a record.
    ///
    /// # Errors
    /// The problem, if the list has it already.
    pub(super) fn add(&mut self, part: Part) -> Result<(), String> {
        let place = self.slots.len();
        if part.id.is_empty() {
            let name = part.name().unwrap_or_default();
            if let Some(before) = self.nameless.insert((part.kind, name.clone()), place) {
                return Err(twice(&name, self.slots[before].line));
            }
        } else {
            let Held { ids, slots, index, .. } = self;
            let same = |at: usize| slots[at].kind == part.kind && id::same(id_of(ids, &slots[at]), &part.id);
            if index.0.insert(Tag::of(&part.id), place, same).is_some() {
                return Err(TWICE.to_owned());
            }
        }
        self.slots.push(Slot {
            at: self.texts.len(),
            len: part.text.len() as u32,
            id_at: self.ids.len() as u32,
            id_len: part.id.len() as u8,
            kind: part.kind,
            is_row: part.is_row,
            is_whole: part.is_whole,
            is_expired: part.is_expired,
            is_matched: false,
            line: part.line,
        });
        self.texts.push_str(&part.text);
        self.ids.push_str(&part.id);
        Ok(())
    }

    /// Returns the text of a record.
    pub(super) fn text<'a>(&'a self, text: &'a Text) -> &'a str {
        match text {
            Text::Held(place) => self.side(*place).text,
            Text::Own(text) => text,
        }
    }

    fn side(&self, place: usize) -> Side<'_> {
        let slot = &self.slots[place];
        let text = &self.texts[slot.at..slot.at + slot.len as usize];
        Side { text, is_row: slot.is_row, is_whole: slot.is_whole }
    }

    fn id(&self, place: usize) -> &str {
        id_of(&self.ids, &self.slots[place])
    }

    fn by_id(&self, part: &Part) -> Option<usize> {
        let same = |at: usize| self.slots[at].kind == part.kind && id::same(self.id(at), &part.id);
        self.index.0.get(Tag::of(&part.id), same)
    }
}

fn id_of<'a>(ids: &'a str, slot: &Slot) -> &'a str {
    &ids[slot.id_at as usize..slot.id_at as usize + usize::from(slot.id_len)]
}

/// Chooses one of several records of a name. One that has expired is not meant, unless `wants_expired`.
///
/// # Errors
/// The places of all that can be meant, if they are several.
fn choose(candidates: &[bool], wants_expired: bool) -> Result<Option<usize>, Vec<usize>> {
    let are = |expired: bool| (0..candidates.len()).filter(move |at| candidates[*at] == expired);
    let active: Vec<usize> = are(false).collect();
    let meant = if active.is_empty() && wants_expired { are(true).collect() } else { active };
    match meant[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(meant),
    }
}

/// Compares the held list with one that passes by.
pub(super) struct Matching<'a> {
    held: &'a mut Held,
    /// The held list is the old one.
    holds_old: bool,
    /// The kinds that the held list names; all if it names none.
    kinds: &'a BTreeSet<Kind>,
    found: Vec<Difference>,
    seen: IdIndex,
    seen_ids: Vec<(Kind, String)>,
    /// If they are those of the old list: what each looks like.
    seen_looks: Vec<Option<u64>>,
    seen_names: HashMap<(Kind, String), u32>,
    /// The held records by their names, once a record without an id has come.
    names: Option<Names>,
    /// The records that came for a held one without an id.
    waiting: HashMap<usize, Vec<Part>>,
}

impl<'a> Matching<'a> {
    pub(super) fn new(held: &'a mut Held, holds_old: bool, kinds: &'a BTreeSet<Kind>) -> Matching<'a> {
        Matching {
            held,
            holds_old,
            kinds,
            found: Vec::new(),
            seen: IdIndex::default(),
            seen_ids: Vec::new(),
            seen_looks: Vec::new(),
            seen_names: HashMap::new(),
            names: None,
            waiting: HashMap::new(),
        }
    }

    /// Takes a record of the list that passes by.
    ///
    /// # Errors
    /// The problem with it.
    pub(super) fn take(&mut self, part: Part) -> Result<(), String> {
        if !self.kinds.is_empty() && !self.kinds.contains(&part.kind) {
            return Ok(());
        }
        if part.id.is_empty() {
            return self.take_nameless(part);
        }
        let place = self.seen_ids.len();
        let (kind, seen_ids) = (part.kind, &self.seen_ids);
        let same = |at: usize| seen_ids[at].0 == kind && id::same(&seen_ids[at].1, &part.id);
        if self.seen.insert(Tag::of(&part.id), place, same).is_some() {
            return Err(TWICE.to_owned());
        }
        self.seen_ids.push((part.kind, part.id.clone()));
        if !self.holds_old {
            self.seen_looks.push(likeness(part.kind, &part.text));
        }
        if let Some(place) = self.held.by_id(&part) {
            return self.matched(place, part);
        }
        let place = match self.held.nameless.is_empty() {
            true => None,
            false => part.name().and_then(|name| self.held.nameless.get(&(part.kind, name)).copied()),
        };
        match place {
            Some(place) => self.waiting.entry(place).or_default().push(part),
            None => self.lone(part),
        }
        Ok(())
    }

    fn take_nameless(&mut self, part: Part) -> Result<(), String> {
        let key = (part.kind, part.name().unwrap_or_default());
        if let Some(line) = self.seen_names.insert(key.clone(), part.line) {
            return Err(twice(&key.1, line));
        }
        let names = self.names.get_or_insert_with(|| names(self.held));
        let candidates = names.get(&key).map(Vec::as_slice).unwrap_or_default();
        let expired: Vec<bool> = candidates.iter().map(|at| self.held.slots[*at].is_expired).collect();
        match choose(&expired, part.is_expired) {
            Ok(Some(at)) => {
                let place = candidates[at];
                self.matched(place, part)
            }
            Ok(None) => {
                self.lone(part);
                Ok(())
            }
            Err(several) => {
                let ids = several.into_iter().map(|at| self.held.id(candidates[at]));
                Err(ambiguous(&key.1, ids.collect()))
            }
        }
    }

    fn matched(&mut self, place: usize, part: Part) -> Result<(), String> {
        if std::mem::replace(&mut self.held.slots[place].is_matched, true) {
            return Err(format!("{TWICE}: by its id and by its name"));
        }
        let (held, own) = (self.held.side(place), part.side());
        let was = if self.holds_old { changes(held, own)? } else { changes(own, held)? };
        let Some(was) = was else { return Ok(()) };
        let id = if part.id.is_empty() { self.held.id(place).to_owned() } else { part.id };
        let (text, old) = (Text::Own(part.text), Text::Held(place));
        let (text, old) = if self.holds_old { (text, old) } else { (old, text) };
        let was = Some((was, old));
        self.found.push(Difference { was, ..Difference::new(part.kind, id, "changed", text) });
        Ok(())
    }

    /// Notes a record that the held list does not have.
    fn lone(&mut self, part: Part) {
        let change = if self.holds_old { "added" } else { "removed" };
        self.found.push(Difference::new(part.kind, part.id, change, Text::Own(part.text)));
    }

    /// Ends the list, which named these kinds, and returns the differences in the order of kinds and ids.
    ///
    /// # Errors
    /// The problem with a held record that several others match: its line, and what it is.
    pub(super) fn finish(mut self, named: &BTreeSet<Kind>) -> Result<Vec<Difference>, (u32, String)> {
        let mut waiting: Vec<(usize, Vec<Part>)> = std::mem::take(&mut self.waiting).into_iter().collect();
        waiting.sort_by_key(|(place, _)| *place);
        for (place, mut parts) in waiting {
            let expired: Vec<bool> = parts.iter().map(|part| part.is_expired).collect();
            let slot = &self.held.slots[place];
            let (line, wants_expired) = (slot.line, slot.is_expired);
            let chosen = choose(&expired, wants_expired).map_err(|several| {
                let name = parts[0].name().unwrap_or_default();
                (line, ambiguous(&name, several.iter().map(|at| parts[*at].id.as_str()).collect()))
            })?;
            if let Some(at) = chosen {
                let part = parts.swap_remove(at);
                self.matched(place, part).map_err(|what| (line, what))?;
            }
            parts.into_iter().for_each(|part| self.lone(part));
        }
        let change = if self.holds_old { "removed" } else { "added" };
        for (place, slot) in self.held.slots.iter().enumerate() {
            let is_compared = named.is_empty() || named.contains(&slot.kind);
            if is_compared && !slot.is_matched {
                let (kind, id) = (slot.kind, self.held.id(place).to_owned());
                self.found.push(Difference::new(kind, id, change, Text::Held(place)));
            }
        }
        self.found.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
        self.note_alike();
        Ok(self.found)
    }

    /// Notes for each record that was added which others look like it, before or after: who applies the differences
    /// must not take one of them for it.
    fn note_alike(&mut self) {
        let mut like: HashMap<u64, (usize, BTreeSet<String>)> = HashMap::new();
        let looks = |held: &Held, found: &Difference| likeness(found.kind, held.text(&found.text));
        for found in self.found.iter().filter(|found| found.change == "added") {
            looks(self.held, found).map(|look| like.entry(look).or_default());
        }
        if like.is_empty() {
            return;
        }
        let mut note = |look: Option<u64>, id: &str| {
            if let Some((_, ids)) = look.and_then(|look| like.get_mut(&look)).filter(|_| !id.is_empty()) {
                ids.insert(id.to_owned());
            }
        };
        match self.holds_old {
            true => (0..self.held.slots.len()).for_each(|place| {
                note(likeness(self.held.slots[place].kind, self.held.side(place).text), self.held.id(place));
            }),
            false => self.seen_looks.iter().zip(&self.seen_ids).for_each(|(look, (_, id))| note(*look, id)),
        }
        for found in self.found.iter().filter(|found| found.change == "changed") {
            note(looks(self.held, found), &found.id);
        }
        for found in self.found.iter_mut().filter(|found| found.change == "added") {
            let look = likeness(found.kind, self.held.text(&found.text));
            if let Some((count, ids)) = look.and_then(|look| like.get_mut(&look)) {
                *count += 1;
                found.nth = *count;
                found.like = ids.iter().cloned().collect();
            }
        }
    }
}

fn ambiguous(name: &str, ids: Vec<&str>) -> String {
    let ids: HashSet<&str> = ids.into_iter().collect();
    let mut ids: Vec<&str> = ids.into_iter().collect();
    ids.sort_unstable();
    format!(
        "'{}' is the name of several: {}; say by its id which one is meant",
        shorten(name),
        ids.join(", ")
    )
}

fn names(held: &Held) -> Names {
    let mut names = Names::new();
    for (place, slot) in held.slots.iter().enumerate() {
        if let Some(name) = name(slot.kind, held.side(place).text) {
            names.entry((slot.kind, name)).or_default().push(place);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_expired_is_not_meant_by_its_name() {
        for (candidates, wants_expired, chosen) in [
            (&[][..], false, Ok(None)),
            (&[false], false, Ok(Some(0))),
            (&[true, false, true], false, Ok(Some(1))),
            (&[true], false, Ok(None)),
            (&[true], true, Ok(Some(0))),
            (&[false, true, false], false, Err(vec![0, 2])),
            (&[true, true], true, Err(vec![0, 1])),
            (&[true, false], true, Ok(Some(1))),
        ] {
            assert_eq!(choose(candidates, wants_expired), chosen, "{candidates:?}");
        }
    }
}

//! Matches the records of two lists: by id, or else by name.
//!
//! One list is held in memory, about 300 bytes a record; the other passes by.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::value::RawValue;

use crate::base::id;
use crate::input::id_index::{IdIndex, Tag};
use crate::record::json::{JsonObject, string};
use crate::record::kind::Kind;
use crate::tools::diff::held::{Held, Id, Names, TWICE, names, shorten, twice};
use crate::tools::diff::list::{Part, name_member};
use crate::tools::diff::members::{Side, changes};
use crate::tools::diff::texts::Packed;

/// A difference.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) kind: Kind,
    /// The id of the object; empty if it does not exist yet.
    pub(super) id: Id,
    /// `added`, `changed` or `removed`.
    pub(super) change: &'static str,
    /// The record of the new list; of the old list if it was removed.
    pub(super) text: Packed,
    /// The old values of what has changed, as a JSON object; and the old record.
    pub(super) was: Option<(Packed, Packed)>,
    /// The ids of other objects that look like one that was added.
    pub(super) like: Vec<Id>,
    /// Of several that were added and look the same: which one this is, from 1.
    pub(super) nth: u32,
}

impl Difference {
    fn new(kind: Kind, id: Id, change: &'static str, text: Packed) -> Difference {
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
    seen_ids: Vec<(Kind, Id)>,
    /// If they are those of the old list: what each looks like.
    seen_looks: Vec<Option<u64>>,
    seen_names: HashMap<(Kind, String), u32>,
    /// The held records by their names, once a record without an id has come.
    names: Option<Names>,
    /// The records that came for a held one without an id.
    waiting: HashMap<usize, Vec<(Part, Id)>>,
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
        let (kind, seen_ids, held) = (part.kind, &self.seen_ids, &*self.held);
        let same = |at: usize| seen_ids[at].0 == kind && id::same(held.id(seen_ids[at].1), &part.id);
        if self.seen.insert(Tag::of(&part.id), place, same).is_some() {
            return Err(TWICE.to_owned());
        }
        let id = self.held.note(&part.id);
        self.seen_ids.push((part.kind, id));
        if !self.holds_old {
            self.seen_looks.push(likeness(part.kind, &part.text));
        }
        if let Some(place) = self.held.by_id(&part) {
            return self.matched(place, part, id);
        }
        let place = match self.held.nameless.is_empty() {
            true => None,
            false => part.name().and_then(|name| self.held.nameless.get(&(part.kind, name)).copied()),
        };
        match place {
            Some(place) => self.waiting.entry(place).or_default().push((part, id)),
            None => self.lone(&part, id),
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
                self.matched(place, part, self.held.slots[place].id)
            }
            Ok(None) => {
                let id = self.held.note("");
                self.lone(&part, id);
                Ok(())
            }
            Err(several) => {
                let ids = several.into_iter().map(|at| self.held.id(self.held.slots[candidates[at]].id));
                Err(ambiguous(&key.1, ids.collect()))
            }
        }
    }

    /// Compares a record with the held one at a place. `id` is that of the object.
    fn matched(&mut self, place: usize, part: Part, id: Id) -> Result<(), String> {
        let slot = &mut self.held.slots[place];
        if std::mem::replace(&mut slot.is_matched, true) {
            return Err(format!("{TWICE}: by its id and by its name"));
        }
        let (there, is_row, is_whole) = (slot.text, slot.is_row, slot.is_whole);
        let Some(own) = self.held.texts.add_other(&part.text, there) else { return Ok(()) };
        let text = self.held.texts.get(there);
        let held = Side { text: &text, is_row, is_whole };
        let was = match self.holds_old {
            true => changes(held, part.side())?,
            false => changes(part.side(), held)?,
        };
        let Some(was) = was else {
            self.held.texts.remove_last(own);
            return Ok(());
        };
        let (text, old) = if self.holds_old { (own, there) } else { (there, own) };
        let was = Some((self.held.texts.add(&was), old));
        self.found.push(Difference { was, ..Difference::new(part.kind, id, "changed", text) });
        Ok(())
    }

    /// Notes a record that the held list does not have.
    fn lone(&mut self, part: &Part, id: Id) {
        let change = if self.holds_old { "added" } else { "removed" };
        let text = self.held.texts.add(&part.text);
        self.found.push(Difference::new(part.kind, id, change, text));
    }

    /// Ends the list, which named these kinds, and returns the differences in the order of kinds and ids.
    ///
    /// # Errors
    /// The problem with a held record that several others match: its line, and what it is.
    pub(super) fn finish(mut self, named: &BTreeSet<Kind>) -> Result<Vec<Difference>, (u32, String)> {
        let mut waiting: Vec<(usize, Vec<(Part, Id)>)> =
            std::mem::take(&mut self.waiting).into_iter().collect();
        waiting.sort_by_key(|(place, _)| *place);
        for (place, mut parts) in waiting {
            let expired: Vec<bool> = parts.iter().map(|(part, _)| part.is_expired).collect();
            let slot = &self.held.slots[place];
            let (line, wants_expired) = (slot.line, slot.is_expired);
            let chosen = choose(&expired, wants_expired).map_err(|several| {
                let name = parts[0].0.name().unwrap_or_default();
                (line, ambiguous(&name, several.iter().map(|at| parts[*at].0.id.as_str()).collect()))
            })?;
            if let Some(at) = chosen {
                let (part, id) = parts.swap_remove(at);
                self.matched(place, part, id).map_err(|what| (line, what))?;
            }
            parts.into_iter().for_each(|(part, id)| self.lone(&part, id));
        }
        let change = if self.holds_old { "removed" } else { "added" };
        for slot in &self.held.slots {
            let is_compared = named.is_empty() || named.contains(&slot.kind);
            if is_compared && !slot.is_matched {
                self.found.push(Difference::new(slot.kind, slot.id, change, slot.text));
            }
        }
        // Records without ids keep the order of their lines, which is that of their texts.
        let held = &*self.held;
        let key = |found: &Difference| (found.kind, held.id(found.id), found.text.at);
        self.found.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
        self.note_alike();
        Ok(self.found)
    }

    /// Notes for each record that was added which others look like it, before or after: who applies the differences
    /// must not take one of them for it.
    fn note_alike(&mut self) {
        let held = &*self.held;
        let looks = |found: &Difference| likeness(found.kind, &held.texts.get(found.text));
        let mut like: HashMap<u64, (u32, Vec<Id>)> = HashMap::new();
        for found in self.found.iter().filter(|found| found.change == "added") {
            looks(found).map(|look| like.entry(look).or_default());
        }
        if like.is_empty() {
            return;
        }
        let mut note = |look: Option<u64>, id: Id| {
            if let Some((_, ids)) =
                look.and_then(|look| like.get_mut(&look)).filter(|_| !held.id(id).is_empty())
            {
                ids.push(id);
            }
        };
        match self.holds_old {
            true => held
                .slots
                .iter()
                .for_each(|slot| note(likeness(slot.kind, &held.texts.get(slot.text)), slot.id)),
            false => self.seen_looks.iter().zip(&self.seen_ids).for_each(|(look, (_, id))| note(*look, *id)),
        }
        for found in self.found.iter().filter(|found| found.change == "changed") {
            note(looks(found), found.id);
        }
        for (_, ids) in like.values_mut() {
            ids.sort_unstable_by_key(|id| held.id(*id));
            ids.dedup_by_key(|id| held.id(*id));
        }
        for found in self.found.iter_mut().filter(|found| found.change == "added") {
            let look = likeness(found.kind, &held.texts.get(found.text));
            if let Some((count, ids)) = look.and_then(|look| like.get_mut(&look)) {
                *count += 1;
                found.nth = *count;
                found.like.clone_from(ids);
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

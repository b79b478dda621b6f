//! The list that is held in memory, and what is noted of the one that passes by.

use std::collections::HashMap;

use crate::base::id;
use crate::base::text;
use crate::input::id_index::{IdIndex, Tag};
use crate::record::kind::Kind;
use crate::tools::diff::list::{Part, name};
use crate::tools::diff::texts::{Packed, Texts};

/// An id among all ids that were noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id {
    at: u32,
    len: u8,
}

/// A record of the held list.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) text: Packed,
    pub(super) id: Id,
    pub(super) kind: Kind,
    pub(super) is_row: bool,
    pub(super) is_whole: bool,
    pub(super) is_expired: bool,
    pub(super) is_matched: bool,
    pub(super) line: u32,
}

/// The places of the records of a name.
pub(super) type Names = HashMap<(Kind, String), Vec<usize>>;

/// The list that is held in memory.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The texts of its records, and those of the other list that differ.
    pub(super) texts: Texts,
    ids: String,
    pub(super) slots: Vec<Slot>,
    index: Index,
    /// The records without an id, by their names.
    pub(super) nameless: HashMap<(Kind, String), usize>,
}

#[derive(Default)]
struct Index(IdIndex);

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Index")
    }
}

/// The problem with a record that the list has already.
pub(super) const TWICE: &str = "the record is in the list twice";

/// Returns the problem with a record without an id whose name is that of another line.
pub(super) fn twice(name: &str, line: u32) -> String {
    format!("'{}' is also the name in line {line}: say by their ids which is which", shorten(name))
}

/// Returns a name for a message.
pub(super) fn shorten(name: &str) -> String {
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
            let same =
                |at: usize| slots[at].kind == part.kind && id::same(id_of(ids, slots[at].id), &part.id);
            if index.0.insert(Tag::of(&part.id), place, same).is_some() {
                return Err(TWICE.to_owned());
            }
        }
        let (text, id) = (self.texts.add(&part.text), self.note(&part.id));
        self.slots.push(Slot {
            text,
            id,
            kind: part.kind,
            is_row: part.is_row,
            is_whole: part.is_whole,
            is_expired: part.is_expired,
            is_matched: false,
            line: part.line,
        });
        Ok(())
    }

    /// Notes an id of either list.
    pub(super) fn note(&mut self, id: &str) -> Id {
        let at = self.ids.len() as u32;
        self.ids.push_str(id);
        // check_id allows at most 128 bytes.
        Id { at, len: id.len() as u8 }
    }

    /// Returns an id that was noted.
    pub(super) fn id(&self, id: Id) -> &str {
        id_of(&self.ids, id)
    }

    /// Returns the place of the record with the id of another one.
    pub(super) fn by_id(&self, part: &Part) -> Option<usize> {
        let same = |at: usize| {
            let slot = &self.slots[at];
            slot.kind == part.kind && id::same(self.id(slot.id), &part.id)
        };
        self.index.0.get(Tag::of(&part.id), same)
    }
}

fn id_of(ids: &str, id: Id) -> &str {
    &ids[id.at as usize..id.at as usize + usize::from(id.len)]
}

/// Returns the places of the held records by their names.
pub(super) fn names(held: &Held) -> Names {
    let mut names = Names::new();
    for (place, slot) in held.slots.iter().enumerate() {
        if let Some(name) = name(slot.kind, &held.texts.get(slot.text)) {
            names.entry((slot.kind, name)).or_default().push(place);
        }
    }
    names
}

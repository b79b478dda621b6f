//! The items of a run: parsed, checked and free of duplicates before the first change (docs/architecture.md, Rules:
//! Whole input first).

use std::borrow::Cow;
use std::sync::Arc;

use crate::base::error::Error;
use crate::base::id;
use crate::change::rest::Rest;
use crate::input::bad_lines::BadLines;
use crate::input::entry::{Entry, Fields, Need, Origin};
use crate::input::id_index::{IdIndex, Tag};
use crate::input::reader::{self, Consumer, Found};
use crate::record::kind::Kind;
use crate::session::Session;

/// One object to change or to create.
#[derive(Debug, Clone)]
pub(crate) struct Item<'a> {
    /// Its place among the items, from 0.
    pub index: usize,
    /// Where the user named it.
    pub origin: Origin,
    /// The kind of the object.
    pub kind: Kind,
    /// The id of the object; empty if it is to be created.
    pub id: Cow<'a, str>,
    /// The record is marked as the object in use.
    pub current: bool,
    /// The record is marked as the default API key.
    pub default: bool,
    /// The other members of the record that a tool may need; none if it did not ask for them, or there are none.
    pub fields: Option<Arc<Fields>>,
}

/// An item, or the text of an error with the place of the line in front.
pub(crate) type Sourced<'t> = Result<Item<'t>, String>;

impl Item<'_> {
    /// Creates the item for an object that operands and options describe.
    pub(crate) fn described(kind: Kind, fields: Fields) -> Item<'static> {
        let (id, origin, fields) = (Cow::Borrowed(""), Origin::Operand, Some(Arc::new(fields)));
        Item { index: 0, origin, kind, id, current: false, default: false, fields }
    }

    /// Returns the other members of the record, or [`Fields::NONE`].
    pub(crate) fn fields(&self) -> &Fields {
        self.fields.as_deref().unwrap_or(&Fields::NONE)
    }

    /// Returns the authorization that it replaces, which is revoked in the end.
    pub(crate) fn replaced(&self) -> Option<Item<'_>> {
        let old = self.fields().replaces.as_deref()?;
        Some(Item { id: Cow::Borrowed(old), current: false, default: false, fields: None, ..*self })
    }

    /// Returns its name for messages: `stdin:12: authz 3f71…`.
    pub(crate) fn place(&self) -> String {
        let what = self.kind.label(&self.id);
        match self.origin {
            Origin::Operand => what,
            line @ Origin::Line(_) => format!("{line}: {what}"),
        }
    }
}

/// Checks an entry and creates its item.
///
/// # Errors
/// The text of an error, without its place.
pub(crate) fn item<'a>(
    index: usize,
    origin: Origin,
    entry: &'a Entry<'_>,
    kind: Option<Kind>,
    need: Need,
) -> Result<Item<'a>, String> {
    let kind = entry.kind(kind)?;
    entry.check_telling(kind, need)?;
    if matches!(kind, Kind::Client | Kind::Token) && entry.id.as_ref().is_some_and(|id| id.as_str() == "~") {
        return Err(format!("there is no {} ~", kind.noun()));
    }
    // A record used as a template does not pass on its `current` and `default` marks.
    let is_new = need == Need::New || entry.fields.as_deref().is_some_and(Fields::are_of_new_object);
    let is = |mark: bool| mark && !is_new;
    let id = if is_new { "" } else { entry.id()? };
    Ok(Item {
        index,
        origin,
        kind,
        id: Cow::Borrowed(id),
        current: is(entry.current),
        default: is(entry.default),
        fields: entry.fields.clone(),
    })
}

/// All items of a run, packed: a million take about 70 MB, with the index of duplicates.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    /// The ids of all items, one after the other.
    ids: String,
    slots: Vec<Packed>,
    /// The fields of each item; empty if the tool did not ask for fields.
    fields: Vec<Option<Arc<Fields>>>,
}

/// One item. Its id is in [`Targets::ids`].
#[derive(Debug)]
struct Packed {
    /// The offset of its id, in bytes.
    at: usize,
    /// The line number; 0 for an operand.
    line: u32,
    /// The length of its id, in bytes.
    len: u8,
    kind: Kind,
    current: bool,
    default: bool,
}

/// The source of the items.
pub(crate) struct Input<'a> {
    /// The KIND operand.
    pub(crate) kind: Option<Kind>,
    /// The other operands. If there are none, standard input is read.
    pub(crate) operands: &'a [String],
    /// The object to create, if operands and options describe it.
    pub(crate) described: Option<(Kind, Fields)>,
    /// What the tool needs of a record.
    pub(crate) need: Need,
}

impl Input<'_> {
    /// Returns whether standard input is read.
    pub(crate) fn is_read(&self) -> bool {
        self.operands.is_empty() && self.described.is_none()
    }

    /// Returns whether the user asked for one object, by its id or by a description.
    pub(crate) fn is_single(&self) -> bool {
        self.operands.len() == 1 || self.described.is_some()
    }
}

/// Checks that the tool can work on an item; the error is the reason why not.
pub(crate) type Accept<'a> = dyn Fn(&Item<'_>) -> Result<(), String> + Sync + 'a;

impl Targets {
    /// Reads and checks the whole input, and adds its lines to the `--rest` file.
    ///
    /// # Errors
    /// A status, once all bad lines have been reported; a usage error if standard input is a terminal.
    pub(crate) fn read(
        session: &mut Session,
        input: &Input<'_>,
        accept: &Accept<'_>,
        rest: Option<&mut Rest>,
    ) -> Result<Targets, Error> {
        let mut targets = Targets::default();
        let messages = session.io.messages.clone();
        if let Some((kind, fields)) = &input.described {
            targets.push(Item::described(*kind, fields.clone()), input.need);
            return Ok(targets);
        }
        let bad_lines = BadLines::new(&messages);
        let mut intake = Intake { targets, id_index: IdIndex::default(), input, accept, rest, bad_lines };
        if input.operands.is_empty() {
            refuse_terminal(session)?;
            let stop = session.stop.clone();
            let read = reader::read_all(session.io.interruptible_input(&stop), input.need, &mut intake);
            read.map_err(|e| match stop.signal() {
                Some(signal) => {
                    messages.fail("stopped while reading the input; nothing was changed");
                    Error::signal(signal)
                }
                None => e,
            })?;
        }
        for operand in input.operands {
            intake.take(Origin::Operand, operand.as_bytes(), Entry::bare_word(operand))?;
        }
        intake.bad_lines.finish()?;
        Ok(intake.targets)
    }

    /// Adds an entry. Returns false if it is a duplicate.
    fn add(
        &mut self,
        origin: Origin,
        entry: &Entry<'_>,
        input: &Input<'_>,
        accept: &Accept<'_>,
        id_index: &mut IdIndex,
    ) -> Result<bool, String> {
        let item = item(self.slots.len(), origin, entry, input.kind, input.need)?;
        accept(&item)?;
        let same = |place: usize| {
            let there = &self.slots[place];
            there.kind == item.kind && id::same(self.id(there), &item.id)
        };
        if !item.id.is_empty()
            && let Some(tag) = entry.tag()
            && let Some(before) = id_index.insert(tag, self.slots.len(), same)
        {
            // Two records with different values contradict each other, and only the user knows which one is right.
            let rotates = matches!(input.need, Need::Rotation | Need::Replacement);
            let replaces = |fields: &Option<Arc<Fields>>| fields.as_ref().and_then(|f| f.replaces.clone());
            let agree = |fields: &Option<Arc<Fields>>| match rotates {
                // Lists of different times may show an object differently: that does not matter here.
                true => replaces(fields) == replaces(&item.fields),
                false => *fields == item.fields,
            };
            return match self.fields.get(before).is_none_or(agree) {
                true => Ok(false),
                false => Err("the record is in the input twice, with different values".to_owned()),
            };
        }
        self.push(item, input.need);
        Ok(true)
    }

    fn push(&mut self, item: Item<'_>, need: Need) {
        self.slots.push(Packed {
            at: self.ids.len(),
            line: match item.origin {
                Origin::Operand => 0,
                Origin::Line(number) => number,
            },
            // check_id allows at most 128 bytes.
            len: item.id.len() as u8,
            kind: item.kind,
            current: item.current,
            default: item.default,
        });
        self.ids.push_str(&item.id);
        if need != Need::Identity {
            self.fields.push(item.fields);
        }
    }

    /// Returns the number of items.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns whether there are no items.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Returns the item at a place.
    pub(crate) fn get(&self, index: usize) -> Item<'_> {
        let slot = &self.slots[index];
        Item {
            index,
            origin: if slot.line == 0 { Origin::Operand } else { Origin::Line(slot.line) },
            kind: slot.kind,
            id: Cow::Borrowed(self.id(slot)),
            current: slot.current,
            default: slot.default,
            fields: self.fields.get(index).cloned().flatten(),
        }
    }

    fn id(&self, slot: &Packed) -> &str {
        &self.ids[slot.at..slot.at + usize::from(slot.len)]
    }

    /// Returns all items in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// Collects [`Targets`] from operands and lines.
struct Intake<'a> {
    targets: Targets,
    id_index: IdIndex,
    input: &'a Input<'a>,
    accept: &'a Accept<'a>,
    rest: Option<&'a mut Rest>,
    bad_lines: BadLines<'a>,
}

impl Intake<'_> {
    fn take(&mut self, origin: Origin, line: &[u8], entry: Result<Entry<'_>, String>) -> Result<(), Error> {
        match entry
            .and_then(|entry| self.targets.add(origin, &entry, self.input, self.accept, &mut self.id_index))
        {
            Ok(is_new) => {
                self.bad_lines.good();
                match self.rest.as_deref_mut().filter(|_| is_new) {
                    Some(rest) if self.input.need == Need::Replacement => {
                        rest.keep_item(&self.targets.get(self.targets.len() - 1))
                    }
                    Some(rest) => rest.keep(line),
                    None => Ok(()),
                }
            }
            Err(reason) => {
                self.bad_lines.add(origin, &reason);
                Ok(())
            }
        }
    }
}

impl Consumer for Intake<'_> {
    fn line(&mut self, number: u32, line: &[u8], found: Found<'_>) -> Result<(), Error> {
        match found.transpose() {
            Some(entry) => self.take(Origin::Line(number), line, entry),
            None if self.input.need == Need::Replacement => Ok(()),
            None => self.rest.as_deref_mut().map_or(Ok(()), |rest| rest.header(line)),
        }
    }

    fn prefetch(&mut self, tags: impl Iterator<Item = Tag>) {
        self.id_index.prefetch(tags);
    }
}

/// Checks that standard input is not a terminal: the user has most likely forgotten an operand.
///
/// # Errors
/// A usage error if it is.
pub(crate) fn refuse_terminal(session: &Session) -> Result<(), Error> {
    if session.io.terminal.stdin {
        return Err(Error::usage("nothing to work on: give ids, or records on standard input"));
    }
    Ok(())
}

#[cfg(test)]
#[path = "tests/targets.rs"]
mod tests;

//! The whole input of a changing tool: parsed, validated and free of duplicates before the first change.

use std::borrow::Cow;
use std::sync::Arc;

use crate::base::error::Error;
use crate::change::rest::Rest;
use crate::input::bad_lines::BadLines;
use crate::input::entry::{Entry, Fields, Need, Origin};
use crate::input::id_index::{IdIndex, Tag};
use crate::input::reader::{self, Consumer, Found};
use crate::record::kind::Kind;
use crate::session::Session;

/// One thing to work on.
#[derive(Debug, Clone)]
pub(crate) struct Item<'a> {
    /// Its place in the input, from 0.
    pub index: usize,
    /// Where it came from.
    pub origin: Origin,
    /// What it is.
    pub kind: Kind,
    /// Its id; empty for what is to be made.
    pub id: Cow<'a, str>,
    /// The record said that it is the one in use.
    pub current: bool,
    /// The record said that it is the default API key.
    pub default: bool,
    /// What the record said about the object, where the tool asked.
    pub fields: Option<Arc<Fields>>,
}

/// An item, or what is wrong with a line, its place before it.
pub(crate) type Sourced<'t> = Result<Item<'t>, String>;

impl Item<'_> {
    /// Something to be made that operands and options describe.
    pub(crate) fn given(kind: Kind, fields: Fields) -> Item<'static> {
        let (id, origin, fields) = (Cow::Borrowed(""), Origin::Operand, Some(Arc::new(fields)));
        Item { index: 0, origin, kind, id, current: false, default: false, fields }
    }

    /// What the record said about the object; nothing where the tool did not ask.
    pub(crate) fn fields(&self) -> &Fields {
        self.fields.as_deref().unwrap_or(&Fields::NONE)
    }

    /// How messages name it: `stdin:12: authz 3f71…`.
    pub(crate) fn place(&self) -> String {
        let what = self.kind.label(&self.id);
        match self.origin {
            Origin::Operand => what,
            line @ Origin::Line(_) => format!("{line}: {what}"),
        }
    }
}

/// Checks an entry and makes an item of it.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn item<'a>(
    index: usize,
    origin: Origin,
    entry: &'a Entry<'_>,
    kind: Option<Kind>,
    need: Need,
) -> Result<Item<'a>, String> {
    let kind = entry.kind(kind)?;
    if matches!(kind, Kind::Client | Kind::Token) && entry.id.as_ref().is_some_and(|id| id.as_str() == "~") {
        return Err(format!("there is no {} ~", kind.noun()));
    }
    // A record used as a template does not pass on its `current` and `default` marks.
    let is = |mark: bool| mark && need != Need::New;
    let id = if need == Need::New { "" } else { entry.id()? };
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

/// Items, kept as little more than their ids: a million of them take about 70 MB, the index of duplicates included.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    ids: String,
    slots: Vec<Packed>,
    fields: Vec<Option<Arc<Fields>>>,
}

#[derive(Debug)]
struct Packed {
    at: usize,
    /// The line; 0 for an operand.
    line: u32,
    len: u8,
    kind: Kind,
    current: bool,
    default: bool,
}

/// Where the items of a run come from.
pub(crate) struct Input<'a> {
    /// The KIND operand.
    pub(crate) kind: Option<Kind>,
    /// The other operands; if there are none, lines are read.
    pub(crate) operands: &'a [String],
    /// The one thing to be made, where operands and options describe it.
    pub(crate) given: Option<(Kind, Fields)>,
    /// What is read from a record.
    pub(crate) need: Need,
}

impl Input<'_> {
    /// Whether standard input is read.
    pub(crate) fn is_read(&self) -> bool {
        self.operands.is_empty() && self.given.is_none()
    }

    /// Whether one object was asked for, by its id or by a description.
    pub(crate) fn is_single(&self) -> bool {
        self.operands.len() == 1 || self.given.is_some()
    }
}

/// Checks that a tool can work on an item, or tells why not.
pub(crate) type Accept<'a> = dyn Fn(&Item<'_>) -> Result<(), String> + Sync + 'a;

impl Targets {
    /// Reads all input, and keeps its lines in `rest` where one is wanted.
    ///
    /// # Errors
    /// A status once all bad lines are reported; a usage error where input would come from a terminal.
    pub(crate) fn read(
        session: &mut Session,
        input: &Input<'_>,
        accept: &Accept<'_>,
        rest: Option<&mut Rest>,
    ) -> Result<Targets, Error> {
        let mut targets = Targets::default();
        let messages = session.io.messages.clone();
        if let Some((kind, fields)) = &input.given {
            targets.push(Item::given(*kind, fields.clone()), input.need);
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
            intake.take(Origin::Operand, operand.as_bytes(), Ok(Entry::bare(operand)))?;
        }
        intake.bad_lines.finish()?;
        Ok(intake.targets)
    }

    /// Adds an entry; false if it was there already.
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
            there.kind == item.kind && self.id(there) == item.id
        };
        if input.need != Need::New
            && let Some(tag) = entry.tag()
            && let Some(before) = id_index.insert(tag, self.slots.len(), same)
        {
            // Twice the same is once; two contradicting wishes are a mistake, and nobody can say which.
            return match self.fields.get(before).is_none_or(|fields| *fields == item.fields) {
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
            // check_id allows 128 bytes.
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

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The item at a place.
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

    /// All items in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// The input on its way to [`Targets`].
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
            Ok(true) => self.rest.as_deref_mut().map_or(Ok(()), |rest| rest.keep(line)),
            Ok(false) => Ok(()),
            Err(what) => {
                self.bad_lines.add(origin, &what);
                Ok(())
            }
        }
    }
}

impl Consumer for Intake<'_> {
    fn line(&mut self, number: u32, line: &[u8], found: Found<'_>) -> Result<(), Error> {
        match found.transpose() {
            Some(entry) => self.take(Origin::Line(number), line, entry),
            None => self.rest.as_deref_mut().map_or(Ok(()), |rest| rest.header(line)),
        }
    }

    fn prefetch(&mut self, tags: impl Iterator<Item = Tag>) {
        self.id_index.prefetch(tags);
    }
}

/// Fails where the input would have to be typed: that is a forgotten operand, not a pipeline.
///
/// # Errors
/// A usage error.
pub(crate) fn refuse_terminal(session: &Session) -> Result<(), Error> {
    if session.io.terminal.stdin {
        return Err(Error::usage("nothing to work on: give ids, or records on standard input"));
    }
    Ok(())
}

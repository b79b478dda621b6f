//! The whole input of a changing tool: parsed, validated and free of duplicates before the first change.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::complaints::Complaints;
use crate::error::Error;
use crate::input::{Entry, Fields, Need, Origin};
use crate::kind::Kind;
use crate::lines;
use crate::rest::Rest;
use crate::world::World;

/// One thing to work on.
#[derive(Debug, Clone)]
pub struct Item<'a> {
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
pub type Sourced<'t> = Result<Item<'t>, String>;

impl Item<'_> {
    /// Something to be made that operands and options describe.
    pub fn given(kind: Kind, fields: Fields) -> Item<'static> {
        let (id, origin, fields) = (Cow::Borrowed(""), Origin::Operand, Some(Arc::new(fields)));
        Item { index: 0, origin, kind, id, current: false, default: false, fields }
    }

    /// What the record said about the object; nothing where the tool did not ask.
    pub fn fields(&self) -> &Fields {
        self.fields.as_deref().unwrap_or(&Fields::NONE)
    }

    /// How messages name it: `stdin:12: authz 3f71…`.
    pub fn place(&self) -> String {
        // "token" and a uuid would look like a secret to the redaction of messages.
        let word = if self.kind == Kind::Token { "token id" } else { self.kind.word() };
        let what = format!("{word} {}", self.id);
        match self.origin {
            Origin::Operand => what.trim_end().to_owned(),
            line @ Origin::Line(_) => format!("{line}: {}", what.trim_end()),
        }
    }
}

/// Checks an entry and makes an item of it.
///
/// # Errors
/// What is wrong with it.
pub fn item<'a>(
    index: usize,
    origin: Origin,
    entry: &'a Entry<'_>,
    kind: Option<Kind>,
    need: Need,
) -> Result<Item<'a>, String> {
    let kind = entry.kind(kind)?;
    if matches!(kind, Kind::Client | Kind::Token) && entry.id.as_deref() == Some("~") {
        return Err(format!("there is no {} ~", kind.noun()));
    }
    // What is to be made is none of the things that the record it is like was.
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

/// Items, kept as little more than their ids: a million of them take about 90 MB, the index of duplicates included.
#[derive(Debug, Default)]
pub struct Targets {
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

/// What a tool accepts as its input.
pub struct Wanted<'a> {
    /// The KIND operand.
    pub kind: Option<Kind>,
    /// The other operands; if there are none, lines are read.
    pub operands: &'a [String],
    /// The one thing to be made, where operands and options describe it.
    pub given: Option<(Kind, Fields)>,
    /// What is read from a record.
    pub need: Need,
    /// Whether the tool can work on a kind, and on what the record says.
    pub check: &'a (dyn Fn(&Item<'_>) -> Result<(), String> + Sync),
}

impl Targets {
    /// Reads all input, and keeps its lines in `rest` where one is wanted.
    ///
    /// # Errors
    /// [`Error::Reported`] once all bad lines are reported; [`Error::Usage`] where input would come from a terminal.
    pub fn read(
        world: &mut World,
        wanted: &Wanted<'_>,
        mut rest: Option<&mut Rest>,
    ) -> Result<Targets, Error> {
        let mut targets = Targets::default();
        let mut seen = Seen::default();
        let messages = world.io.messages.clone();
        let mut complaints = Complaints::new(&messages);
        if let Some((kind, fields)) = &wanted.given {
            targets.push(Item::given(*kind, fields.clone()), wanted.need);
            return Ok(targets);
        }
        if wanted.operands.is_empty() {
            refuse_terminal(world)?;
            lines::read_all(&mut world.io.input, wanted.need, &mut |number, line, entry| {
                let origin = Origin::Line(number);
                let added = match entry {
                    Ok(None) => return rest.as_deref_mut().map_or(Ok(()), |rest| rest.header(line)),
                    Ok(Some(entry)) => targets.add(origin, &entry, wanted, &mut seen),
                    Err(what) => Err(what),
                };
                match (added, rest.as_deref_mut()) {
                    (Ok(true), Some(rest)) => rest.keep(line)?,
                    (Ok(_), _) => {}
                    (Err(what), _) => complaints.add(origin, &what),
                }
                Ok(())
            })?;
        }
        for operand in wanted.operands {
            let entry = Entry::bare(operand);
            match (targets.add(Origin::Operand, &entry, wanted, &mut seen), rest.as_deref_mut()) {
                (Ok(true), Some(rest)) => rest.keep(operand.as_bytes())?,
                (Ok(_), _) => {}
                (Err(what), _) => complaints.add(Origin::Operand, &what),
            }
        }
        complaints.settle()?;
        Ok(targets)
    }

    /// Adds an entry; false if it was there already.
    fn add(
        &mut self,
        origin: Origin,
        entry: &Entry<'_>,
        wanted: &Wanted<'_>,
        seen: &mut Seen,
    ) -> Result<bool, String> {
        let item = item(self.slots.len(), origin, entry, wanted.kind, wanted.need)?;
        (wanted.check)(&item)?;
        if wanted.need != Need::New
            && let Some(before) = seen.insert(self, item.kind, &item.id)
        {
            // Twice the same is once; two contradicting wishes are a mistake, and nobody can say which.
            return match self.fields.get(before).is_none_or(|fields| *fields == item.fields) {
                true => Ok(false),
                false => Err("the record stands in the input twice, and says different things".to_owned()),
            };
        }
        self.push(item, wanted.need);
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
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The item at a place.
    pub fn get(&self, index: usize) -> Item<'_> {
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
    pub fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// Fails where the input would have to be typed: that is a forgotten operand, not a pipeline.
///
/// # Errors
/// [`Error::Usage`].
pub fn refuse_terminal(world: &World) -> Result<(), Error> {
    if world.io.terminal.stdin {
        return Err(Error::Usage("nothing to work on: give ids, or records on standard input".to_owned()));
    }
    Ok(())
}

/// Which ids were there already: hashes and places only, the ids themselves stand in [`Targets`].
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    places: HashMap<u64, u32, Identity>,
}

impl Seen {
    /// Notes an id that will be the next target; its place if it is one already.
    fn insert(&mut self, targets: &Targets, kind: Kind, id: &str) -> Option<usize> {
        let mut hash = self.hasher.hash_one((kind, id));
        loop {
            match self.places.entry(hash) {
                Slot::Vacant(slot) => {
                    slot.insert(targets.slots.len() as u32);
                    return None;
                }
                Slot::Occupied(slot) => {
                    let there = &targets.slots[*slot.get() as usize];
                    if there.kind == kind && targets.id(there) == id {
                        return Some(*slot.get() as usize);
                    }
                    hash = hash.wrapping_add(1);
                }
            }
        }
    }
}

/// A hasher for what is a hash already.
#[derive(Default, Clone)]
struct Identity(u64);

impl BuildHasher for Identity {
    type Hasher = Identity;
    fn build_hasher(&self) -> Identity {
        Identity(0)
    }
}

impl std::hash::Hasher for Identity {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |h, b| h << 8 ^ u64::from(*b));
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

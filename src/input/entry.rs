//! The part of a record that tools read: the object it names, its marks and its fields (oauth-record(5)).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

pub(crate) use crate::input::fields::{Fields, split_scopes};
use crate::input::fields::{Slots, Value, check_texts, json_text};
use crate::input::id_index::Tag;
use crate::input::names::{self, READ};
use crate::record::json::Text;
use crate::record::kind::{Kind, check_id};

/// The place in the input where an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An operand of the command line.
    Operand,
    /// A line of standard input, counted from 1.
    Line(u32),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Operand => f.write_str("operand"),
            Origin::Line(number) => write!(f, "stdin:{number}"),
        }
    }
}

/// An id as an entry holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Id<'a> {
    /// As it stands in the input.
    Unchecked(Cow<'a, str>),
    /// Valid by the rules of [`Entry::id`], with its tag: large inputs are checked on several threads.
    Checked(&'a str, Tag),
}

impl Id<'_> {
    /// The id itself.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Id::Unchecked(text) => text,
            Id::Checked(text, _) => text,
        }
    }
}

/// A record of the input: the object that it names, and what tools need to know about it.
#[derive(Debug, Default)]
pub struct Entry<'a> {
    pub(crate) kind: Option<Kind>,
    pub(crate) id: Option<Id<'a>>,
    /// The record is marked as the one in use.
    pub current: bool,
    /// The record is marked as the default API key.
    pub default: bool,
    /// Its fields, if the tool needs them ([`Need`]).
    pub fields: Option<Arc<Fields>>,
    /// The fields that it has, a bit for each place in [`READ`]; those that are blank do not count for [`Need::New`].
    pub(crate) says: u16,
    /// All of the record, if the tool needs that.
    pub(crate) whole: Option<Whole<'a>>,
}

/// All of a record, as it stands in the input.
#[derive(Debug)]
pub(crate) enum Whole<'a> {
    /// A JSON object.
    Json(&'a str),
    /// A CSV row: the name of each column, and the text of its cell.
    Row(Vec<(String, String)>),
}

impl<'a> Entry<'a> {
    /// Returns the kind that the record or the KIND operand names.
    ///
    /// # Errors
    /// A message, if they contradict each other or both are missing.
    pub fn kind(&self, operand: Option<Kind>) -> Result<Kind, String> {
        match (self.kind, operand) {
            (Some(own), Some(operand)) if own != operand => {
                Err(format!("the record is of kind {}, not {}", own.word(), operand.word()))
            }
            (Some(kind), _) | (None, Some(kind)) => Ok(kind),
            (None, None) => Err("a bare id needs a KIND operand: authz, client, session or token".to_owned()),
        }
    }

    /// Returns the id if it is valid. The alias `~` passes here; whether the kind has one is up to the caller.
    ///
    /// # Errors
    /// A message, if the id is missing, or not safe in a URL path.
    pub fn id(&self) -> Result<&str, String> {
        match &self.id {
            Some(Id::Checked(id, _)) => Ok(id),
            Some(Id::Unchecked(id))
                if id == "~" && !matches!(self.kind, Some(Kind::Client | Kind::Token)) =>
            {
                Ok("~")
            }
            Some(Id::Unchecked(id)) => check_id(id).map(|()| id.as_ref()),
            None => Err("the record has no id".to_owned()),
        }
    }

    /// Returns the tag of the id, if there is an id.
    pub(crate) fn tag(&self) -> Option<Tag> {
        match self.id.as_ref()? {
            Id::Checked(_, tag) => Some(*tag),
            Id::Unchecked(id) => Some(Tag::of(id)),
        }
    }

    /// Makes an entry of a bare id.
    pub fn bare(id: &str) -> Entry<'_> {
        Entry { id: Some(Id::Unchecked(Cow::Borrowed(id))), ..Entry::default() }
    }

    /// Makes an entry of a bare id.
    ///
    /// # Errors
    /// A message, if the word is what programs print where an id is missing.
    pub(crate) fn bare_word(word: &str) -> Result<Entry<'_>, String> {
        match word {
            "null" | "undefined" | "None" => {
                Err(format!("'{word}' is not an id: a program printed it where one is missing"))
            }
            word => Ok(Entry::bare(word)),
        }
    }

    /// Checks that the record says something about an object of this kind that the tool reads.
    ///
    /// # Errors
    /// A message that names the fields that could say something.
    pub(crate) fn check_telling(&self, kind: Kind, need: Need) -> Result<(), String> {
        let telling = need.telling(kind);
        let says = |name: &str| names::place(name).is_some_and(|at| self.says & (1 << at) != 0);
        // A bare id has no fields: then options say what to change.
        match self.fields.is_none() || telling.is_empty() || telling.iter().any(|name| says(name)) {
            true => Ok(()),
            false => {
                let what = if need == Need::New { "create" } else { "change" };
                let what = format!("the record says nothing about the {} to {what}", kind.noun());
                Err(format!("{what}: it needs {}", or(&telling[..telling.len().min(2)])))
            }
        }
    }

    /// Parses a JSON record.
    ///
    /// # Errors
    /// A message without any value of the line, which may hold a secret.
    pub fn from_json(line: &'a str, need: Need) -> Result<Entry<'a>, String> {
        let mut json = serde_json::Deserializer::from_str(line);
        // Filled in place: it is large, and there may be a million.
        let mut found = Found::default();
        let members = Members { need, found: &mut found };
        members.deserialize(&mut json).and_then(|()| json.end()).map_err(|e| json_error(&e))?;
        if let Some(name) = found.twice {
            return Err(format!("duplicate field '{name}'"));
        }
        let has = |name: &str| names::place(name).is_some_and(|at| found.slots[at].is_some());
        names::check("field", found.unknown.iter().map(|name| name.as_ref()), need, has)?;
        let says_no_end = found.has_expired && !has("expires_in") && !has("expires_at");
        if says_no_end && need == Need::New {
            found.slots[EXPIRES_AT] = Some(Value::Cell(Cow::Borrowed(EXPIRED)));
        }
        let may_be_escaped = !found.is_structured;
        let mut entry = Entry::new(&found.slots, need, may_be_escaped, found.is_error)?;
        if need.is_rotation() {
            entry.fields = Fields::of_rotation(line, need == Need::Replacement)?.filled();
        }
        if need == Need::Whole {
            // The caller takes the fields as they stand: they must be what they seem to be.
            if may_be_escaped {
                check_texts(&found.slots)?;
            }
            entry.whole = Some(Whole::Json(line));
        }
        if need == Need::Plan {
            entry.fields = Some(Arc::new(Fields::of_plan(line, &found.slots)?));
        }
        Ok(entry)
    }

    /// Makes an entry of the values of a record. `is_error`: it has a member as the error responses of APIs have.
    ///
    /// # Errors
    /// A message without any value of the record, which may be a secret.
    pub(crate) fn new(
        slots: &Slots<'a>,
        need: Need,
        may_be_escaped: bool,
        is_error: bool,
    ) -> Result<Entry<'a>, String> {
        let [id, current, default, kind, ..] = slots;
        let kind = kind.as_ref().map_or(Ok(None), |value| value.text("kind"))?;
        let kind = kind.as_deref().map(str::trim).filter(|word| !word.is_empty());
        let kind = kind.map(Kind::parse).transpose()?;
        let mark = |name: &str, value: &Option<Value<'a>>| {
            value.as_ref().map_or(Ok(false), |value| value.mark(name))
        };
        let mut entry = Entry { kind, ..Entry::default() };
        if need != Need::New {
            let id = match id {
                Some(Value::Json(raw)) => json_text(raw, "id")?,
                Some(Value::Cell(cell)) => Some(cell.clone()).filter(|cell| !cell.is_empty()),
                None => None,
            };
            entry.id = id.map(Id::Unchecked);
            (entry.current, entry.default) = (mark("current", current)?, mark("default", default)?);
        }
        if matches!(need, Need::Fields | Need::New) {
            for (at, value) in slots.iter().enumerate() {
                let says = value.as_ref().is_some_and(|value| need == Need::Fields || !value.is_blank());
                entry.says |= u16::from(says) << at;
            }
            entry.fields = Some(Arc::new(Fields::read(slots, need, may_be_escaped)?));
        }
        match is_error && kind.is_none() && id.is_some() {
            true => Err("this is an error response of an API, not a record".to_owned()),
            false => Ok(entry),
        }
    }
}

/// Formats a list of names: `name`, `description or scope`.
fn or(names: &[&str]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(" or ")
}

/// The members of a JSON object that a tool reads, and what is to be known of the others.
#[derive(Default)]
struct Found<'a> {
    slots: Slots<'a>,
    unknown: Vec<Cow<'a, str>>,
    /// A name that is there twice.
    twice: Option<&'static str>,
    /// A member is named as in the error responses of APIs.
    is_error: bool,
    /// It has members that no CSV row can have.
    is_structured: bool,
    /// Its status is `expired`.
    has_expired: bool,
}

/// Collects the members of a JSON object that a tool reads.
struct Members<'f, 'a> {
    need: Need,
    found: &'f mut Found<'a>,
}

impl<'a> DeserializeSeed<'a> for Members<'_, 'a> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'a>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Members<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let found = self.found;
        let is_identity = self.need == Need::Identity || self.need.is_rotation();
        let read = if is_identity { 4 } else { READ.len() };
        while let Some(Text(name)) = map.next_key::<Text<'a>>()? {
            match READ[..read].iter().position(|read| *read == name) {
                Some(at) => {
                    let raw: &'a RawValue = map.next_value()?;
                    found.is_structured |= raw.get().starts_with(['{', '[']);
                    if found.slots[at].replace(Value::Json(raw)).is_some() {
                        found.twice = Some(READ[at]);
                    }
                }
                None if names::is_known_to(self.need, &name) => match is_identity {
                    true => {
                        map.next_value::<IgnoredAny>()?;
                    }
                    false => {
                        let raw: &'a RawValue = map.next_value()?;
                        found.has_expired |= name == "status" && raw.get() == "\"expired\"";
                        found.is_structured |=
                            raw.get().starts_with(['{', '[']) || name == "ignores_delinquent";
                    }
                },
                None => {
                    map.next_value::<IgnoredAny>()?;
                    found.is_error |= ["message", "error"].contains(&name.as_ref());
                    found.unknown.push(name);
                }
            }
        }
        Ok(())
    }
}

/// The place of `expires_at` in [`Slots`].
pub(crate) const EXPIRES_AT: usize = 7;

/// Stands for the expiry of a record that has expired at an unknown time, so that a copy of it does not live for ever.
pub(crate) const EXPIRED: &str = "expired";

/// The part of each record that a tool needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Its kind, id and marks.
    Identity,
    /// Its fields too.
    Fields,
    /// Its scopes, its expiry, the visible part of its secret.
    Rotation,
    /// The same, and how far its replacement is; the `--rest` file says that too.
    Replacement,
    /// The fields of an object to create: there is no id, and a CSV row of two cells is NAME,URL.
    New,
    /// All of it, to compare it with others. A CSV row of two cells is NAME,URL.
    Whole,
    /// A line of a plan, as oauth-diff prints it.
    Plan,
}

impl Need {
    /// Returns whether it is that of a rotation: an identity, and a few fields beside it.
    pub(crate) fn is_rotation(self) -> bool {
        matches!(self, Need::Rotation | Need::Replacement)
    }
}

/// Describes a JSON error by its nature and column only: the line itself may hold a secret.
fn json_error(e: &serde_json::Error) -> String {
    let text = e.to_string().replace('`', "'");
    let what = text.split(" at line").next().unwrap_or_default();
    match e.classify() {
        Category::Eof => "invalid JSON: the line ends inside the object".to_owned(),
        _ => format!("invalid JSON: {what} at column {}", e.column()),
    }
}

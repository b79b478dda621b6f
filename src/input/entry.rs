//! The part of a record that tools read: the object it names, its marks and its fields (oauth-record(5)).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::base::text::nearest;
use crate::input::id_index::Tag;
use crate::record::json::{Text, string};
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

/// The fields of a record that describe the object.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Fields {
    /// `description`
    pub description: Option<String>,
    /// `scope`
    pub scope: Option<Vec<String>>,
    /// `expires_in` of the record itself: seconds, or a span such as `8h`.
    pub expires_in: Option<String>,
    /// `expires_at`
    pub expires_at: Option<String>,
    /// `name`
    pub name: Option<String>,
    /// `redirect_uri`, or else `url`
    pub url: Option<String>,
    /// The id of its client.
    pub client_id: Option<String>,
}

impl Fields {
    /// The fields of a record that has none.
    pub const NONE: Fields = Fields {
        description: None,
        scope: None,
        expires_in: None,
        expires_at: None,
        name: None,
        url: None,
        client_id: None,
    };

    pub(crate) fn set(&mut self, column: &str, text: String) {
        // CSV cannot tell null from empty.
        let text = Some(text).filter(|t| !t.is_empty());
        match column {
            "description" => self.description = text,
            "scope" => self.scope = text.map(|t| split_scopes(&t)),
            "expires_in" => self.expires_in = text,
            "expires_at" => self.expires_at = text,
            "name" => self.name = text,
            // As in JSON, `redirect_uri` counts before `url`.
            "redirect_uri" => self.url = text.or(self.url.take()),
            "url" => self.url = self.url.take().or(text),
            "client_id" => self.client_id = text,
            _ => {}
        }
    }

    fn from_json(line: &str) -> Result<Fields, String> {
        #[derive(Deserialize)]
        struct Full<'a> {
            #[serde(borrow)]
            description: Option<Text<'a>>,
            #[serde(borrow)]
            scope: Option<&'a RawValue>,
            #[serde(borrow)]
            expires_in: Option<&'a RawValue>,
            expires_at: Option<Text<'a>>,
            name: Option<Text<'a>>,
            redirect_uri: Option<Text<'a>>,
            url: Option<Text<'a>>,
            #[serde(borrow)]
            client: Option<&'a RawValue>,
            client_id: Option<Text<'a>>,
        }
        #[derive(Deserialize)]
        struct Client<'a> {
            #[serde(borrow)]
            id: Option<Text<'a>>,
        }
        let full: Full<'_> = serde_json::from_str(line).map_err(|e| json_error(&e))?;
        let owned = |t: Option<Text<'_>>| t.map(|Text(t)| t.into_owned());
        let scope = match full.scope.filter(|raw| raw.get() != "null") {
            None => None,
            Some(raw) => Some(match serde_json::from_str::<Vec<String>>(raw.get()) {
                Ok(list) => list,
                Err(_) => split_scopes(&string(raw).ok_or("its scope is not a list of strings")?),
            }),
        };
        Ok(Fields {
            description: owned(full.description),
            scope,
            expires_in: full.expires_in.map(|raw| string(raw).map_or(raw.get().to_owned(), Cow::into_owned)),
            expires_at: owned(full.expires_at),
            name: owned(full.name),
            url: owned(full.redirect_uri).or(owned(full.url)),
            // The API's responses have an object here, requests to it an id.
            client_id: match full.client.filter(|raw| raw.get() != "null") {
                None => owned(full.client_id),
                Some(raw) => match serde_json::from_str::<Client<'_>>(raw.get()) {
                    Ok(client) => owned(client.id),
                    Err(_) => {
                        Some(string(raw).ok_or("its client is neither an object nor an id")?.into_owned())
                    }
                },
            },
        })
    }
}

/// The scopes that the API knows (docs/heroku-api.md, "Objects").
pub(crate) const SCOPES: [&str; 6] =
    ["global", "identity", "read", "write", "read-protected", "write-protected"];

/// Splits a list of scopes at commas and blanks.
pub(crate) fn split_scopes(text: &str) -> Vec<String> {
    text.split([',', ' ']).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

/// Checks that there is at least one scope, and that the API knows all of them.
///
/// # Errors
/// A message that names the unknown scope and the nearest known one.
pub(crate) fn check_scopes(scopes: &[String]) -> Result<(), String> {
    if scopes.is_empty() {
        return Err("its scope is empty: name a scope, or leave the field out for global".to_owned());
    }
    let Some(unknown) = scopes.iter().find(|s| !SCOPES.contains(&s.as_str())) else { return Ok(()) };
    Err(match nearest(unknown, SCOPES) {
        Some(near) => format!("unknown scope '{unknown}'; did you mean '{near}'?"),
        None => format!("unknown scope '{unknown}': use one of {}", SCOPES.join(", ")),
    })
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

    /// Parses a JSON record.
    ///
    /// # Errors
    /// A message without any part of the line, which may hold a secret.
    pub fn from_json(line: &'a str, need: Need) -> Result<Entry<'a>, String> {
        #[derive(Deserialize)]
        struct Identity<'a> {
            #[serde(borrow)]
            kind: Option<Text<'a>>,
            #[serde(borrow)]
            id: Option<Text<'a>>,
            current: Option<bool>,
            default: Option<bool>,
        }
        let found: Identity<'_> = serde_json::from_str(line).map_err(|e| json_error(&e))?;
        Ok(Entry {
            kind: found.kind.map(|Text(word)| Kind::parse(&word)).transpose()?,
            id: found.id.map(|Text(id)| Id::Unchecked(id)),
            current: found.current.unwrap_or(false),
            default: found.default.unwrap_or(false),
            whole: (need == Need::Whole).then_some(Whole::Json(line)),
            fields: match need {
                Need::Identity | Need::Whole => None,
                Need::Fields | Need::New => Some(Arc::new(Fields::from_json(line)?)),
            },
        })
    }
}

/// The part of each record that a tool needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Its kind, id and marks.
    Identity,
    /// Its fields too.
    Fields,
    /// The fields of an object to create: there is no id, and a CSV row of two cells is NAME,URL.
    New,
    /// All of it, to compare it with others. A CSV row of two cells is NAME,URL.
    Whole,
}

/// Describes a JSON error by its nature and column only: the line itself may hold a secret.
fn json_error(e: &serde_json::Error) -> String {
    let text = e.to_string().replace('`', "'");
    let what = text.split(" at line").next().unwrap_or_default();
    match e.classify() {
        Category::Data if what.starts_with("duplicate field") => what.to_owned(),
        Category::Data => format!("a field before column {} has the wrong type", e.column()),
        Category::Eof => "invalid JSON: the line ends inside the object".to_owned(),
        Category::Syntax | Category::Io => format!("invalid JSON: {what} at column {}", e.column()),
    }
}

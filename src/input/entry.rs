//! What a line of input names, and what it says about it: the part of a record that tools read (oauth-record(5)).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::base::text::{escape, nearest, shorten};
use crate::record::json::{Text, string};
use crate::record::kind::{Kind, check_id};

/// Where an entry came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An operand of the command line.
    Operand,
    /// A line of standard input; the first is 1.
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

/// What a line names, and what it says about it. Only what tools need is read.
#[derive(Debug, Default)]
pub struct Entry<'a> {
    pub(crate) kind: Option<Kind>,
    pub(crate) id: Option<Cow<'a, str>>,
    /// What stands for the id in the index of duplicates, where that was found and the id checked by another thread
    pub(crate) tag: Option<u32>,
    /// The record's mark as the one in use.
    pub current: bool,
    /// The record's mark as the default API key.
    pub default: bool,
    /// The rest, where the tool asked for it.
    pub fields: Option<Arc<Fields>>,
}

/// What a record says about the object itself.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Fields {
    /// `description`
    pub description: Option<String>,
    /// `scope`
    pub scope: Option<Vec<String>>,
    /// `expires_in` (seconds or a span) of the record itself.
    pub expires_in: Option<String>,
    /// `expires_at`
    pub expires_at: Option<String>,
    /// `name`
    pub name: Option<String>,
    /// `redirect_uri` or `url`
    pub url: Option<String>,
    /// The id of the client it is tied to.
    pub client_id: Option<String>,
}

impl Fields {
    /// A record that says nothing.
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
        // An empty cell says nothing: CSV cannot tell null from empty.
        let text = Some(text).filter(|t| !t.is_empty());
        match column {
            "description" => self.description = text,
            "scope" => self.scope = text.map(|t| scopes(&t)),
            "expires_in" => self.expires_in = text,
            "expires_at" => self.expires_at = text,
            "name" => self.name = text,
            // As in JSON: the first that says something, in this order.
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
                Err(_) => scopes(&string(raw).ok_or("its scope is no list of texts")?),
            }),
        };
        Ok(Fields {
            description: owned(full.description),
            scope,
            expires_in: full.expires_in.map(|raw| string(raw).map_or(raw.get().to_owned(), Cow::into_owned)),
            expires_at: owned(full.expires_at),
            name: owned(full.name),
            url: owned(full.redirect_uri).or(owned(full.url)),
            // An object in what the API answers, an id in what it is sent.
            client_id: match full.client.filter(|raw| raw.get() != "null") {
                None => owned(full.client_id),
                Some(raw) => match serde_json::from_str::<Client<'_>>(raw.get()) {
                    Ok(client) => owned(client.id),
                    Err(_) => Some(string(raw).ok_or("its client is no client")?.into_owned()),
                },
            },
        })
    }
}

/// The scopes that the API knows (WIRE.md, "Objects").
pub(crate) const SCOPES: [&str; 6] =
    ["global", "identity", "read", "write", "read-protected", "write-protected"];

/// Scopes with commas or blanks between them.
pub(crate) fn scopes(text: &str) -> Vec<String> {
    text.split([',', ' ']).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

/// Checks that there are scopes, and that the API knows them.
///
/// # Errors
/// What is wrong, with the nearest scope.
pub(crate) fn check_scopes(scopes: &[String]) -> Result<(), String> {
    if scopes.is_empty() {
        return Err("it has no scope: name one, or leave the member out for global".to_owned());
    }
    let Some(unknown) = scopes.iter().find(|s| !SCOPES.contains(&s.as_str())) else { return Ok(()) };
    let near = nearest(unknown, SCOPES);
    let hint = near.map_or(SCOPES.join(", "), |near| format!("did you mean '{near}'?"));
    Err(format!("'{unknown}' is no scope: {hint}"))
}

impl<'a> Entry<'a> {
    /// What the entry is, by itself and by the KIND operand.
    ///
    /// # Errors
    /// That they contradict each other, or that neither says.
    pub fn kind(&self, asked: Option<Kind>) -> Result<Kind, String> {
        match (self.kind, asked) {
            (Some(own), Some(asked)) if own != asked => {
                Err(format!("the record is of kind {}, not {}", own.word(), asked.word()))
            }
            (Some(kind), _) | (None, Some(kind)) => Ok(kind),
            (None, None) => Err("a bare id needs a KIND operand: authz, client, session or token".to_owned()),
        }
    }

    /// The id, checked; `~` passes, for the guards to deal with.
    ///
    /// # Errors
    /// That there is none, or that it cannot stand in a path.
    pub fn id(&self) -> Result<&str, String> {
        match self.id.as_deref() {
            Some("~") if !matches!(self.kind, Some(Kind::Client | Kind::Token)) => Ok("~"),
            Some(id) if self.tag.is_some() => Ok(id),
            Some(id) => check_id(id).map(|()| id),
            None => Err("the record has no id".to_owned()),
        }
    }

    /// An entry that is only an id.
    pub fn bare(id: &str) -> Entry<'_> {
        Entry { id: Some(Cow::Borrowed(id)), ..Entry::default() }
    }

    /// Reads a record of JSON.
    ///
    /// # Errors
    /// What is wrong with it.
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
            id: found.id.map(|Text(id)| id),
            tag: None,
            current: found.current.unwrap_or(false),
            default: found.default.unwrap_or(false),
            fields: match need {
                Need::Identity => None,
                Need::Fields | Need::New => Some(Arc::new(Fields::from_json(line)?)),
            },
        })
    }
}

/// What a tool reads from its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// What identifies a record.
    Identity,
    /// Its fields too.
    Fields,
    /// The fields of records to be made: they have no id, and a CSV row of two cells is NAME,URL.
    New,
}

fn json_error(e: &serde_json::Error) -> String {
    // Only the kind of mistake and its column: the text itself may hold a secret.
    let what = e.to_string();
    if e.is_data() && !what.starts_with("duplicate") {
        return format!("not a usable record: a member before column {} has a wrong type", e.column());
    }
    let what = what.split(" at line").next().unwrap_or_default().to_lowercase();
    format!("not a usable record: {}", shorten(&escape(&what), 120))
}

//! The fields of a record that describe an object, read from JSON and from CSV by the same rules.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::input::entry::Need;
use crate::input::hunk::{Hunk, Verb};
use crate::input::names::{READ, place};
use crate::record::columns::unescape_cell;
use crate::record::json::{JsonObject, string};

/// The fields of a record that describe the object.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Fields {
    /// `description`
    pub description: Option<String>,
    /// `scope`; empty if it is given and blank, which is not the same as no scope at all.
    pub scope: Option<Vec<String>>,
    /// `expires_in` of the record itself: seconds, or a span such as `8h`; empty if it is given and blank.
    pub expires_in: Option<String>,
    /// `expires_at`; empty if it is given and blank.
    pub expires_at: Option<String>,
    /// `name`
    pub name: Option<String>,
    /// `redirect_uri`, or else `url`
    pub url: Option<String>,
    /// The id of its client.
    pub client_id: Option<String>,
    /// The name of its client, in a plan that does not say its id.
    pub client_name: Option<String>,
    /// The token or secret, or the part of it that is shown.
    pub secret: Option<String>,
    /// The id of the authorization that this one is to replace.
    pub replaces: Option<String>,
    /// When the creation of its successor began, in the server's time (RFC 3339).
    pub replacing_since: Option<String>,
    /// What a plan does to the object, if the tool reads plans.
    pub hunk: Option<Box<Hunk>>,
}

/// The value of a field of a record.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    /// JSON.
    Json(&'a RawValue),
    /// A CSV cell.
    Cell(Cow<'a, str>),
}

/// The values of a record's fields, by their place in [`READ`].
pub(crate) type Slots<'a> = [Option<Value<'a>>; READ.len()];

impl Value<'_> {
    /// Returns the text of a value; `None` for null.
    ///
    /// # Errors
    /// Those of [`json_text`].
    pub(crate) fn text(&self, name: &str) -> Result<Option<Cow<'_, str>>, String> {
        match self {
            Value::Cell(cell) => Ok(Some(Cow::Borrowed(cell))),
            Value::Json(raw) => json_text(raw, name),
        }
    }

    /// Returns whether a mark is set, in any form that a spreadsheet or a converter may give it.
    ///
    /// # Errors
    /// A message that names the field. It does not quote the value: where cells are out of place, it may be a secret.
    pub(crate) fn mark(&self, name: &str) -> Result<bool, String> {
        let text = match self {
            Value::Json(raw) if raw.get() == "null" => Cow::Borrowed(""),
            Value::Json(raw) => string(raw).unwrap_or(Cow::Borrowed(raw.get())),
            Value::Cell(cell) => Cow::Borrowed(cell.as_ref()),
        };
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Ok(true),
            "" | "false" | "no" | "0" => Ok(false),
            _ => Err(format!("{name} must be true or false")),
        }
    }

    /// Returns whether the value is null or has nothing in it.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Value::Cell(cell) => cell.trim().is_empty(),
            Value::Json(raw) => match raw.get() {
                "null" | "[]" => true,
                _ => string(raw).is_some_and(|text| text.trim().is_empty()),
            },
        }
    }
}

/// Returns the text of a JSON value; `None` for null. Some programs write text that looks like a number as one.
///
/// # Errors
/// A message that names the field, if the value is something else.
pub(crate) fn json_text<'a>(raw: &'a RawValue, name: &str) -> Result<Option<Cow<'a, str>>, String> {
    match string(raw) {
        Some(text) => Ok(Some(text)),
        None if raw.get() == "null" => Ok(None),
        None if is_whole_number(raw.get()) => Ok(Some(Cow::Borrowed(raw.get()))),
        None => Err(format!("the field '{name}' has the wrong type: it must be a string")),
    }
}

/// Returns whether JSON is a number whose spelling a converter cannot have changed: of `007`, `1.0` or `1e5`, nobody
/// knows what it was.
fn is_whole_number(raw: &str) -> bool {
    (1..=15).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_digit())
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
        client_name: None,
        secret: None,
        replaces: None,
        replacing_since: None,
        hunk: None,
    };

    /// Reads what a rotation needs to know about the object, and with `replaces` how far its replacement is.
    /// `expires_at` is `never` if the record says that.
    ///
    /// # Errors
    /// A message that names the field that cannot be used.
    pub(crate) fn of_rotation(line: &str, replaces: bool) -> Result<Fields, String> {
        let object: JsonObject<'_> = serde_json::from_str(line).map_err(|_| "invalid JSON".to_owned())?;
        object.check_unique(&["expires_at", "replaces", "replacing_since", "revoked"])?;
        let text = |name: &str| object.text(name).map(Cow::into_owned);
        // A record that says what was revoked is of a replacement that is complete.
        let open = |name: &str| match object.get(name).filter(|_| replaces && object.get("revoked").is_none())
        {
            Some(raw) => json_text(raw, name).map(|text| text.map(Cow::into_owned)),
            None => Ok(None),
        };
        let never = object.get("expires_at").is_some_and(|at| at.get() == "null").then(|| "never".to_owned());
        let secret = object.at(&["access_token", "token"]).and_then(string).map(Cow::into_owned);
        Ok(Fields {
            scope: object
                .get("scope")
                .and_then(|raw| scopes(&Value::Json(raw)).ok())
                .filter(|s| !s.is_empty()),
            expires_at: text("expires_at").or(never),
            secret: secret.or_else(|| text("secret")),
            replaces: open("replaces")?,
            replacing_since: open("replacing_since")?,
            ..Fields::NONE
        })
    }

    /// Returns the fields, unless there is none.
    pub(crate) fn filled(self) -> Option<Arc<Fields>> {
        (self != Fields::NONE).then(|| Arc::new(self))
    }

    /// Takes the fields that a tool with this need reads. `may_be_escaped`: the record is JSON and may have been a CSV
    /// row before, whose cells are escaped.
    ///
    /// # Errors
    /// A message that names the field that cannot be used.
    pub(crate) fn read(slots: &Slots<'_>, need: Need, may_be_escaped: bool) -> Result<Fields, String> {
        let get = |name: &str| match need.names().contains(&name) {
            true => place(name).and_then(|at| slots[at].as_ref()),
            false => None,
        };
        // CSV cannot tell null from empty.
        let text = |name: &str| -> Result<Option<String>, String> {
            let Some(value) = get(name) else { return Ok(None) };
            let Some(text) = value.text(name)? else { return Ok(None) };
            match value {
                Value::Cell(cell) => Ok(Some(unescape_cell(cell)).filter(|text| !text.is_empty())),
                Value::Json(_) if may_be_escaped => {
                    check_unescaped(name, &text).map(|()| Some(text.into_owned()))
                }
                Value::Json(_) => Ok(Some(text.into_owned())),
            }
        };
        let word = |name: &str| -> Result<Option<String>, String> {
            let text = get(name).map_or(Ok(None), |value| value.text(name))?;
            Ok(text.map(|text| text.trim().to_owned()))
        };
        let client_name = get("client").filter(|_| need == Need::Plan).and_then(client_name);
        Ok(Fields {
            description: text("description")?,
            scope: get("scope").map(scopes).transpose()?,
            expires_in: word("expires_in")?,
            expires_at: word("expires_at")?,
            name: text("name")?,
            // An empty cell beside the other column says nothing.
            url: match text("redirect_uri")? {
                Some(uri) => Some(uri),
                None => text("url")?,
            },
            client_id: match get("client") {
                _ if client_name.is_some() => None,
                Some(value) if !matches!(value, Value::Json(raw) if raw.get() == "null") => {
                    Some(client_id(value)?)
                }
                _ => word("client_id")?.filter(|id| !id.is_empty()),
            },
            client_name,
            ..Fields::NONE
        })
    }

    /// Takes the fields of a line of a plan. Only an object to make has other fields.
    ///
    /// # Errors
    /// Those of [`Hunk::from_json`] and of [`Fields::read`].
    pub(crate) fn of_plan(line: &str, slots: &Slots<'_>) -> Result<Fields, String> {
        let hunk = Hunk::from_json(line)?;
        let is_new = hunk.verb == Verb::Added;
        let fields = if is_new { Fields::read(slots, Need::Plan, false)? } else { Fields::NONE };
        Ok(Fields { hunk: Some(Box::new(hunk)), ..fields })
    }

    /// Returns whether a plan makes the object: the id in its record is that of another one.
    pub(crate) fn are_of_new_object(&self) -> bool {
        self.hunk.as_ref().is_some_and(|hunk| hunk.verb == Verb::Added)
    }
}

/// Returns the scopes of a value; none if it is null or blank.
fn scopes(value: &Value<'_>) -> Result<Vec<String>, String> {
    let list = match value {
        Value::Json(raw) => serde_json::from_str::<Vec<String>>(raw.get()).ok(),
        Value::Cell(_) => None,
    };
    match list {
        Some(list) => Ok(list),
        None => match value.text("scope") {
            Ok(text) => Ok(split_scopes(&text.unwrap_or_default())),
            Err(_) => Err("the field 'scope' has the wrong type: it must be a list of strings".to_owned()),
        },
    }
}

/// Returns the id of a client. The API's responses have an object here, requests to it an id.
fn client_id(value: &Value<'_>) -> Result<String, String> {
    const WRONG: &str = "the field 'client' has the wrong type: it must be an object with an id, or an id";
    let id = match value {
        Value::Json(raw) if raw.get().starts_with('{') => serde_json::from_str::<JsonObject<'_>>(raw.get())
            .ok()
            .and_then(|client| client.text("id").map(|id| id.into_owned())),
        other => other.text("client").ok().flatten().map(Cow::into_owned),
    };
    id.filter(|id| !id.trim().is_empty()).ok_or_else(|| WRONG.to_owned())
}

/// The fields whose cells are escaped.
const TEXTS: [&str; 4] = ["description", "name", "redirect_uri", "url"];

/// Checks the texts of a JSON record that may have been a CSV row before: escapes must not be taken for the text itself.
///
/// # Errors
/// A message that names the field.
pub(crate) fn check_texts(slots: &Slots<'_>) -> Result<(), String> {
    TEXTS.iter().try_for_each(|name| match place(name).and_then(|at| slots[at].as_ref()) {
        Some(Value::Json(raw)) => string(raw).map_or(Ok(()), |text| check_unescaped(name, &text)),
        _ => Ok(()),
    })
}

fn check_unescaped(name: &str, text: &str) -> Result<(), String> {
    match text == unescape_cell(text) {
        true => Ok(()),
        false => Err(format!(
            "the field '{name}' looks like an escaped CSV cell that another program turned into JSON: give the CSV itself"
        )),
    }
}

/// Returns the name of a client that has no id.
fn client_name(value: &Value<'_>) -> Option<String> {
    let Value::Json(raw) = value else { return None };
    let client: JsonObject<'_> = serde_json::from_str(raw.get()).ok()?;
    let name = client.text("name").filter(|_| client.get("id").is_none())?;
    Some(name.into_owned()).filter(|name| !name.trim().is_empty())
}

/// Splits a list of scopes at commas and blanks.
pub(crate) fn split_scopes(text: &str) -> Vec<String> {
    text.split([',', ' ']).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

//! JSON as it came: members keep their order, their numbers and their spelling.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::base::secret::{STARS, is_masked};
use crate::record::kind::is_plain;

/// A string that borrows from the JSON it came from where that has no escapes in it.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// The members of a JSON object: their order, their numbers and their spelling are kept.
#[derive(Debug, Default, Clone)]
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, Cow<'a, RawValue>)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    members.push((name, Cow::Borrowed(value)));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

impl<'a> Members<'a> {
    /// The value of a member; of several with that name the last, as most readers of JSON take it.
    pub(crate) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_ref())
    }

    /// The text of a member, borrowed from the JSON that these members were parsed from.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        match &self.0.iter().rev().find(|(n, _)| n == name)?.1 {
            Cow::Borrowed(value) => string(value),
            Cow::Owned(value) => string(value).map(|text| Cow::Owned(text.into_owned())),
        }
    }

    /// The value at a path of names.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&RawValue> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.get(first)?, |value, name| member(value, name))
    }

    /// The same members, which borrow from these.
    pub(crate) fn borrowed(&self) -> Members<'_> {
        Members(self.0.iter().map(|(n, v)| (Cow::Borrowed(&**n), Cow::Borrowed(&**v))).collect())
    }

    /// The same members, of which none borrows.
    pub(crate) fn into_owned(self) -> Members<'static> {
        let own = |(name, value): (Cow<'_, str>, Cow<'_, RawValue>)| {
            (Cow::Owned(name.into_owned()), Cow::Owned(value.into_owned()))
        };
        Members(self.0.into_iter().map(own).collect())
    }

    /// Fails where a name that decides what the record is stands in it twice.
    pub(crate) fn check_unique(&self, names: &[&str]) -> Result<(), String> {
        match names.iter().find(|name| self.0.iter().filter(|(n, _)| n == *name).count() > 1) {
            Some(name) => Err(format!("'{name}' stands in it twice")),
            None => Ok(()),
        }
    }
}

/// The value of a member of a JSON object.
fn member<'v>(value: &'v RawValue, name: &str) -> Option<&'v RawValue> {
    let Members(members) = serde_json::from_str::<Members<'v>>(value.get()).ok()?;
    members.into_iter().rev().find(|(n, _)| n == name).and_then(|(_, value)| match value {
        Cow::Borrowed(value) => Some(value),
        Cow::Owned(_) => None,
    })
}

/// A JSON string's text.
pub(crate) fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|Text(text)| text)
}

/// A value as a person reads it: a string's text, an array's items with blanks between, nothing for null.
pub(crate) fn plain(value: &RawValue) -> String {
    let raw = value.get();
    match raw.as_bytes().first() {
        Some(b'"') => string(value).unwrap_or_default().into_owned(),
        Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(raw) {
            Ok(items) => items.into_iter().map(plain).collect::<Vec<_>>().join(" "),
            Err(_) => raw.to_owned(),
        },
        Some(b'n') => String::new(),
        _ => {
            let mut line = Vec::new();
            one_line(&mut line, raw);
            String::from_utf8(line).unwrap_or_default()
        }
    }
}

/// Appends a JSON string.
pub(crate) fn quote(out: &mut Vec<u8>, text: &str) {
    if is_plain(text) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        return out.push(b'"');
    }
    // Writing to a Vec cannot fail, and a str is always a JSON string.
    let _ = serde_json::to_writer(out, text);
}

/// Appends raw JSON without the line breaks and blanks that may stand between its parts.
pub(crate) fn one_line(out: &mut Vec<u8>, raw: &str) {
    if memchr::memchr2(b'\n', b'\r', raw.as_bytes()).is_none() {
        out.extend_from_slice(raw.as_bytes());
        return;
    }
    let (mut quoted, mut escaped) = (false, false);
    for &b in raw.as_bytes() {
        if quoted {
            quoted = escaped || b != b'"';
            escaped = !escaped && b == b'\\';
            out.push(b);
        } else if !b.is_ascii_whitespace() {
            quoted = b == b'"';
            out.push(b);
        }
    }
}

/// Names under which the API gives secrets.
const SECRET_NAMES: [&str; 7] =
    ["token", "secret", "code", "refresh_token", "access_token", "session_nonce", "password"];

/// Appends a value with every secret in it masked, however deep.
pub(crate) fn masked(out: &mut Vec<u8>, name: &str, value: &RawValue) {
    let raw = value.get();
    let is_secret = SECRET_NAMES.contains(&name);
    match raw.as_bytes().first() {
        Some(b'"') if is_secret => match string(value) {
            Some(text) if is_masked(&text) || text.is_empty() => one_line(out, raw),
            _ => quote(out, STARS),
        },
        Some(b'-' | b'0'..=b'9') if is_secret => quote(out, STARS),
        Some(b'{') if may_hold_secret(raw) => match serde_json::from_str::<Members<'_>>(raw) {
            Ok(Members(members)) => {
                out.push(b'{');
                for (i, (name, value)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    quote(out, name);
                    out.push(b':');
                    masked(out, name, value);
                }
                out.push(b'}');
            }
            Err(_) => out.extend_from_slice(b"null"),
        },
        Some(b'[') if is_secret || may_hold_secret(raw) => {
            match serde_json::from_str::<Vec<&RawValue>>(raw) {
                Ok(items) => {
                    out.push(b'[');
                    for (i, item) in items.into_iter().enumerate() {
                        if i > 0 {
                            out.push(b',');
                        }
                        masked(out, name, item);
                    }
                    out.push(b']');
                }
                Err(_) => out.extend_from_slice(b"null"),
            }
        }
        _ => one_line(out, raw),
    }
}

/// Whether a look inside is needed: a secret's name stands there, or an escape that could spell one.
fn may_hold_secret(raw: &str) -> bool {
    raw.contains('\\') || SECRET_NAMES.iter().any(|name| raw.contains(name))
}

/// Appends compact JSON with line breaks and two blanks a level.
pub(crate) fn indent(out: &mut Vec<u8>, json: &[u8], mut depth: usize) {
    let (mut quoted, mut escaped) = (false, false);
    let break_line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.resize(out.len() + 2 * depth, b' ');
    };
    for (i, &b) in json.iter().enumerate() {
        if quoted {
            quoted = escaped || b != b'"';
            escaped = !escaped && b == b'\\';
            out.push(b);
            continue;
        }
        match b {
            b'{' | b'[' => {
                out.push(b);
                if !matches!(json.get(i + 1), Some(b'}' | b']')) {
                    depth += 1;
                    break_line(out, depth);
                }
            }
            b'}' | b']' => {
                if !matches!(json[i.saturating_sub(1)], b'{' | b'[') {
                    depth = depth.saturating_sub(1);
                    break_line(out, depth);
                }
                out.push(b);
            }
            b',' => {
                out.push(b);
                break_line(out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            b if b.is_ascii_whitespace() => {}
            b => {
                quoted = b == b'"';
                out.push(b);
            }
        }
    }
}

/// One line of JSON made of names and texts; for records that are not the API's.
pub(crate) fn json_line(members: &[(&str, &str)]) -> Vec<u8> {
    let mut line = vec![b'{'];
    for (i, (name, text)) in members.iter().enumerate() {
        if i > 0 {
            line.push(b',');
        }
        quote(&mut line, name);
        line.push(b':');
        quote(&mut line, text);
    }
    line.extend_from_slice(b"}\n");
    line
}

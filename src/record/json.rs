//! JSON objects whose fields keep their order, and whose values keep their spelling: a number is not rewritten.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
use serde_json::value::RawValue;

use crate::base::secret::{SHORTEST_TOKEN, STARS, is_complete, is_masked, mask_tokens};
use crate::record::kind::has_only_id_bytes;

/// A JSON string, borrowed from the JSON unless it has escapes.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// The fields of a JSON object in their order, with their values as they were written.
#[derive(Debug, Default, Clone)]
pub(crate) struct JsonObject<'a>(pub(crate) Vec<(Cow<'a, str>, Cow<'a, RawValue>)>);

impl<'de> Deserialize<'de> for JsonObject<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = JsonObject<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(16);
                while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    fields.push((name, Cow::Borrowed(value)));
                }
                Ok(JsonObject(fields))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

impl<'a> JsonObject<'a> {
    /// Returns the value of a field. If there are several of that name, the last counts, as in most JSON parsers.
    pub(crate) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_ref())
    }

    /// Returns the text of a string field, borrowed from the parsed JSON.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        match &self.0.iter().rev().find(|(n, _)| n == name)?.1 {
            Cow::Borrowed(value) => string(value),
            Cow::Owned(value) => string(value).map(|text| Cow::Owned(text.into_owned())),
        }
    }

    /// Returns the value at a path of field names.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&RawValue> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.get(first)?, |value, name| field(value, name))
    }

    /// Returns the same fields, borrowed from these.
    pub(crate) fn borrowed(&self) -> JsonObject<'_> {
        JsonObject(self.0.iter().map(|(n, v)| (Cow::Borrowed(&**n), Cow::Borrowed(&**v))).collect())
    }

    /// Returns the same fields, without borrows.
    pub(crate) fn into_owned(self) -> JsonObject<'static> {
        let own = |(name, value): (Cow<'_, str>, Cow<'_, RawValue>)| {
            (Cow::Owned(name.into_owned()), Cow::Owned(value.into_owned()))
        };
        JsonObject(self.0.into_iter().map(own).collect())
    }

    /// Checks that none of these fields is there twice: parsers differ in the one that counts.
    ///
    /// # Errors
    /// A message that names the field.
    pub(crate) fn check_unique(&self, names: &[&str]) -> Result<(), String> {
        match names.iter().find(|name| self.0.iter().filter(|(n, _)| n == *name).count() > 1) {
            Some(name) => Err(format!("duplicate field '{name}'")),
            None => Ok(()),
        }
    }
}

/// Returns the value of a field of a JSON object.
fn field<'v>(value: &'v RawValue, name: &str) -> Option<&'v RawValue> {
    let JsonObject(fields) = serde_json::from_str::<JsonObject<'v>>(value.get()).ok()?;
    fields.into_iter().rev().find(|(n, _)| n == name).and_then(|(_, value)| match value {
        Cow::Borrowed(value) => Some(value),
        Cow::Owned(_) => None,
    })
}

/// Returns the text of a JSON string; `None` if the value is not a string.
pub(crate) fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    // Most strings have no escapes, and nothing to parse.
    let raw = value.get().strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
    if let Some(text) = raw.filter(|raw| memchr::memchr(b'\\', raw.as_bytes()).is_none()) {
        return Some(Cow::Borrowed(text));
    }
    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|Text(text)| text)
}

/// Returns the text of a JSON string for people. A half of a surrogate pair, which JSON can write and no text can hold
/// (RFC 8259, 8.2), becomes U+FFFD. Never compare or send such text: compare the JSON as it was written.
fn lossy(value: &RawValue) -> Option<Cow<'_, str>> {
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a string")
        }
        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_owned())
        }
    }
    string(value).or_else(|| {
        let bytes = serde_json::Deserializer::from_str(value.get()).deserialize_bytes(Bytes).ok()?;
        // A half comes as the three bytes that UTF-8 would have for it.
        Some(Cow::Owned(String::from_utf8_lossy(&bytes).replace("\u{fffd}\u{fffd}\u{fffd}", "\u{fffd}")))
    })
}

/// Returns whether a value is text that [`string`] cannot express.
pub(crate) fn is_broken_text(value: &RawValue) -> bool {
    value.get().starts_with('"') && string(value).is_none()
}

/// Returns a value as text for people: a string without quotes, the items of an array with blanks between, nothing for
/// null.
pub(crate) fn display_text(value: &RawValue) -> String {
    let raw = value.get();
    match raw.as_bytes().first() {
        Some(b'"') => lossy(value).unwrap_or(Cow::Borrowed(raw)).into_owned(),
        Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(raw) {
            Ok(items) => items.into_iter().map(display_text).collect::<Vec<_>>().join(" "),
            Err(_) => raw.to_owned(),
        },
        Some(b'n') => String::new(),
        _ => {
            let mut line = Vec::new();
            write_on_one_line(&mut line, raw);
            String::from_utf8(line).unwrap_or_default()
        }
    }
}

/// Appends a JSON string.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    if has_only_id_bytes(text) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        return out.push(b'"');
    }
    // Writing to a Vec cannot fail, and a str is always a JSON string.
    let _ = serde_json::to_writer(out, text);
}

/// Appends raw JSON on one line: if it has line breaks, it loses the white space between its parts.
pub(crate) fn write_on_one_line(out: &mut Vec<u8>, raw: &str) {
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

/// Objects of the API that hold a secret and also members that are not secret, such as an id.
const CONTAINERS: [&str; 3] = ["access_token", "refresh_token", "grant"];

/// Returns whether a member of this name holds a secret: those of the API, and what other programs call theirs, such as
/// `client_secret`.
fn is_secret_name(name: &str) -> bool {
    match name {
        // Most of a list: these need no search.
        "id" | "description" | "scope" | "created_at" | "updated_at" | "client" | "user" | "session"
        | "grant" | "email" | "full_name" | "expires_in" | "name" | "redirect_uri" | "ignores_delinquent" => {
            false
        }
        "access_token" | "refresh_token" | "token" | "secret" | "code" => true,
        _ => {
            let contains = |word: &str| {
                name.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
            };
            name.eq_ignore_ascii_case("code")
                || ["secret", "token", "password", "nonce"].into_iter().any(contains)
        }
    }
}

/// Appends the value of the field `name`; every secret in it is masked, at any depth.
pub(crate) fn write_masked(out: &mut Vec<u8>, name: &str, value: &RawValue) {
    write_value(out, is_secret_name(name), CONTAINERS.contains(&name), value);
}

/// Appends a value. If it is `secret`, everything in it is masked, unless it is an object that is a `container`.
fn write_value(out: &mut Vec<u8>, secret: bool, container: bool, value: &RawValue) {
    let raw = value.get();
    match raw.as_bytes().first() {
        Some(b'"') if secret => match string(value) {
            Some(text) if is_masked(&text) || text.is_empty() => write_on_one_line(out, raw),
            _ => write_string(out, STARS),
        },
        Some(b'-' | b'0'..=b'9') if secret => write_string(out, STARS),
        // A token in a text, such as a description that somebody has pasted one into.
        Some(b'"') if may_hold_token(raw) => match string(value).as_deref().map(mask_tokens) {
            Some(Cow::Owned(masked)) => write_string(out, &masked),
            _ => write_on_one_line(out, raw),
        },
        Some(b'{') if secret || may_hold_secret(raw) => match serde_json::from_str::<JsonObject<'_>>(raw) {
            Ok(JsonObject(fields)) => {
                out.push(b'{');
                for (i, (name, value)) in fields.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    write_string(out, name);
                    out.push(b':');
                    let inner = (secret && !container) || is_secret_name(name);
                    write_value(out, inner, CONTAINERS.contains(&name.as_ref()), value);
                }
                out.push(b'}');
            }
            Err(_) => out.extend_from_slice(b"null"),
        },
        Some(b'[') if secret || may_hold_secret(raw) => match serde_json::from_str::<Vec<&RawValue>>(raw) {
            Ok(items) => {
                out.push(b'[');
                for (i, item) in items.into_iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    write_value(out, secret, container, item);
                }
                out.push(b']');
            }
            Err(_) => out.extend_from_slice(b"null"),
        },
        _ => write_on_one_line(out, raw),
    }
}

/// Calls `each` for each complete secret in a JSON object, at any depth.
pub(crate) fn each_secret(json: &str, each: &mut dyn FnMut(&str)) {
    let Ok(JsonObject(fields)) = serde_json::from_str::<JsonObject<'_>>(json) else { return };
    for (name, value) in &fields {
        match string(value) {
            Some(text) if is_secret_name(name) && text.len() >= 8 && is_complete(&text) => each(&text),
            Some(_) => {}
            None => each_secret(value.get(), each),
        }
    }
}

/// Returns the place of the quote that ends a JSON string, from a place in it; the length of the text if it does not end.
pub(crate) fn end_of_string(text: &[u8], mut at: usize) -> usize {
    while let Some(next) = memchr::memchr2(b'"', b'\\', &text[at..]) {
        match text[at + next] {
            b'"' => return at + next,
            _ => at = (at + next + 2).min(text.len()),
        }
    }
    text.len()
}

/// Returns true if a text may hold a token, or an escape that may spell one.
fn may_hold_token(raw: &str) -> bool {
    static TOKEN: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("HRKU-"));
    // No token is shorter. Most texts of a list are.
    raw.len() >= SHORTEST_TOKEN && (has_escapes(raw) || TOKEN.find(raw.as_bytes()).is_some())
}

fn has_escapes(raw: &str) -> bool {
    memchr::memchr(b'\\', raw.as_bytes()).is_some()
}

/// Returns true if an object or array may have a member with the name of a secret, an escape that may spell one, or a
/// token in a text.
fn may_hold_secret(raw: &str) -> bool {
    if has_escapes(raw) || may_hold_token(raw) {
        return true;
    }
    // Without escapes, each name stands between two quotes and a colon.
    memchr::memchr_iter(b'"', raw.as_bytes()).any(|end| {
        let name = || raw[..end].rfind('"').map(|start| &raw[start + 1..end]);
        raw[end + 1..].trim_ascii_start().starts_with(':') && name().is_some_and(is_secret_name)
    })
}

/// Appends JSON with a line break after each value, and two blanks of indentation for each level.
pub(crate) fn write_indented(out: &mut Vec<u8>, json: &[u8], mut depth: usize) {
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

/// Returns a JSON object of string fields on one line, with a line break; for lines that are not records of the API.
pub(crate) fn json_line(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut line = vec![b'{'];
    for (i, (name, text)) in fields.iter().enumerate() {
        if i > 0 {
            line.push(b',');
        }
        write_string(&mut line, name);
        line.push(b':');
        write_string(&mut line, text);
    }
    line.extend_from_slice(b"}\n");
    line
}

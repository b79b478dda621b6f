//! A difference in words: what changed, from what to what. Fit to be mailed, so nothing is cut.

use std::fmt::Write;

use serde_json::value::RawValue;

use crate::base::text::escape;
use crate::output::cells::{NONE, paint};
use crate::record::Record;
use crate::record::json::JsonObject;
use crate::record::kind::Kind;
use crate::tools::diff::list::shown;

/// Appends a sentence for a difference, and a line for each member that says more.
pub(super) fn write(
    out: &mut String,
    change: &str,
    record: &Record<'_>,
    was: Option<&str>,
    now: &str,
    color: bool,
) {
    let gap = if record.id.is_empty() { "" } else { " " };
    let _ = write!(out, "{} {}{gap}{}", paint(change, change, color), record.kind.noun(), escape(&record.id));
    let name = record.name();
    let _ =
        writeln!(out, "{}", if name.is_empty() { String::new() } else { format!(" ({})", escape(&name)) });
    let object = |text: &str| serde_json::from_str::<JsonObject<'_>>(text).map(JsonObject::into_owned).ok();
    let now = object(now).unwrap_or_default();
    match was.and_then(object) {
        Some(was) => {
            for (member, old) in &was.0 {
                match (now.get(member), now.get("expires_in")) {
                    // The record asks for a lifetime.
                    (None, Some(wanted)) => {
                        let old = if old.get() == "null" { "never".to_owned() } else { value_text(old) };
                        let _ = writeln!(
                            out,
                            "  {}: {old} -> {} after its creation",
                            escape(member),
                            value_text(wanted)
                        );
                    }
                    (new, _) => compare(out, member, Some(old), new),
                }
            }
        }
        None => {
            let members: &[&str] = match record.kind {
                Kind::Client => &["redirect_uri"],
                Kind::Authz => &["scope", "expires_in", "expires_at"],
                Kind::Session | Kind::Token => &["expires_at"],
            };
            for member in members {
                if let Some(value) = now.get(member) {
                    let text = if (*member, value.get()) == ("expires_at", "null") {
                        "never".to_owned()
                    } else {
                        value_text(value)
                    };
                    let _ = writeln!(out, "  {member}: {text}");
                }
            }
            let client = now.get("client").filter(|client| client.get() != "null");
            if let Some(client) = client.filter(|_| record.kind == Kind::Authz) {
                let known_by = now.at(&["client", "name"]).or_else(|| now.at(&["client", "id"]));
                let _ = writeln!(out, "  client: {}", value_text(known_by.unwrap_or(client)));
            }
        }
    }
}

/// Appends a line for each value that differs, at any depth.
fn compare(out: &mut String, path: &str, old: Option<&RawValue>, new: Option<&RawValue>) {
    let (a, b) = (old.map_or("null", RawValue::get), new.map_or("null", RawValue::get));
    let object = |raw| serde_json::from_str::<JsonObject<'_>>(raw).ok();
    if let (Some(a), Some(b)) = (object(a), object(b)) {
        for (name, _) in b.0.iter().filter(|(name, _)| name != "expires_in") {
            let (old, new) = (a.get(name), b.get(name));
            if old.map_or("null", RawValue::get) != new.map_or("null", RawValue::get) {
                compare(out, &format!("{path}.{name}"), old, new);
            }
        }
        return;
    }
    let text = |value: Option<&RawValue>| value.map_or_else(|| NONE.to_owned(), value_text);
    let (mut old, mut new) = (text(old), text(new));
    if old == new {
        // Values that look alike: half a character, a number as a text.
        (old, new) = (a.to_owned(), b.to_owned());
    }
    let (path, old, new) = (escape(path), escape(&old).into_owned(), escape(&new).into_owned());
    let _ = if path == "expires_at" && new == NONE {
        writeln!(out, "  {path}: {old} -> never")
    } else if path == "expires_at" && old == NONE {
        writeln!(out, "  {path}: never -> {new}")
    } else {
        writeln!(out, "  {path}: {old} -> {new}")
    };
}

/// Returns a value on one line: a text as it is, the items of a list with commas.
fn value_text(value: &RawValue) -> String {
    let raw = value.get();
    let text = match raw.as_bytes().first() {
        Some(b'n') => NONE.to_owned(),
        Some(b'"') if raw == "\"\"" => raw.to_owned(),
        Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(raw).map_or_else(
            |_| raw.to_owned(),
            |items| items.into_iter().map(shown).collect::<Vec<_>>().join(","),
        ),
        _ => shown(value),
    };
    let text = if text.is_empty() { raw.to_owned() } else { text };
    escape(&text).into_owned()
}

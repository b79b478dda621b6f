//! Reads a list of records, whole or partial: NDJSON or CSV from a file, or the account as it is.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use serde_json::value::RawValue;

use crate::base::error::{Error, reason};
use crate::base::text;
use crate::input::entry::{Entry, Need, Whole, split_scopes};
use crate::input::reader::Lines;
use crate::input::sniffer::Sniffer;
use crate::record::columns::columns;
use crate::record::json::{JsonObject, display_text, string, write_masked, write_string};
use crate::record::kind::Kind;
use crate::record::{HEADER_FIELDS, limits};
use crate::session::Session;
use crate::tools::diff::members::{Side, lifetime};

/// A record of a list.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) kind: Kind,
    /// Its id; empty if the record has none.
    pub(super) id: String,
    /// A JSON object with masked secrets.
    pub(super) text: String,
    pub(super) is_row: bool,
    pub(super) is_whole: bool,
    pub(super) is_expired: bool,
    /// Its line in the file; 0 for the account.
    pub(super) line: u32,
}

impl Part {
    pub(super) fn side(&self) -> Side<'_> {
        Side { text: &self.text, is_row: self.is_row, is_whole: self.is_whole }
    }

    /// Returns the name by which a record without an id is matched.
    pub(super) fn name(&self) -> Option<String> {
        name(self.kind, &self.text)
    }
}

/// The member that names an object of a kind.
pub(super) fn name_member(kind: Kind) -> &'static str {
    if kind == Kind::Client { "name" } else { "description" }
}

/// Returns the name in the text of a record; `None` if it has none, or an empty one.
pub(super) fn name(kind: Kind, text: &str) -> Option<String> {
    let object: JsonObject<'_> = serde_json::from_str(text).ok()?;
    object.text(name_member(kind)).filter(|name| !name.is_empty()).map(std::borrow::Cow::into_owned)
}

/// Takes the records of a list, in their order; the error is the problem with the record.
pub(super) type Take<'a> = dyn FnMut(Part) -> Result<(), String> + 'a;

/// The hint for a file that is not a list.
const A_LIST: &str =
    "give a list as oauth-ls prints it or as CSV with a header line, or - for the account as it is now";

fn unusable(place: &str, what: &str) -> Error {
    Error::failed(format!("{place}: {what}")).with_hint(A_LIST)
}

/// Reads a list from a file, and returns the kinds that it names. If `kind` is given, records of other kinds are left
/// out, and those that do not say their kind are of that one.
///
/// # Errors
/// Those of the file; a bad line.
pub(super) fn file(path: &Path, kind: Option<Kind>, take: &mut Take<'_>) -> Result<BTreeSet<Kind>, Error> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|e| unusable(&name, &reason(&e)))?;
    let (mut lines, mut sniffer) = (Lines::named(file, name.clone()), Sniffer::new(Need::Whole));
    let (mut kinds, mut skips) = (BTreeSet::new(), false);
    loop {
        let next = lines.next_line().map_err(|e| e.with_hint(A_LIST));
        let Some((number, line)) = next? else { break };
        let bad = |what: String| unusable(&format!("{name}:{number}"), &what);
        let Some(entry) = sniffer.line(line).map_err(bad)? else { continue };
        match (entry.kind, kind) {
            (Some(own), Some(kind)) if own != kind => {
                skips = true;
                continue;
            }
            (None, None) if entry.whole.is_some() => {
                return Err(Error::failed(format!("{name}:{number}: the record does not say its kind"))
                    .with_hint("give a KIND operand: authz, client or session"));
            }
            _ => {}
        }
        let part = part(&entry, kind, number).map_err(bad)?;
        kinds.insert(part.kind);
        take(part).map_err(|what| Error::failed(format!("{name}:{number}: {what}")))?;
    }
    if let (Some(kind), true, true) = (kind, kinds.is_empty(), skips) {
        return Err(Error::failed(format!("{name}: no record of it is of kind {}", kind.word()))
            .with_hint("leave the KIND operand out, or give another list"));
    }
    Ok(kinds)
}

/// Lists the objects of these kinds in the account.
///
/// # Errors
/// Those of the calls, and of `take`.
pub(super) fn account(
    session: &mut Session,
    kinds: &BTreeSet<Kind>,
    take: &mut Take<'_>,
) -> Result<(), Error> {
    let api = session.api()?;
    for kind in kinds {
        let mut problem = Ok(());
        api.each(*kind, None, &mut |record, _| {
            let part = Part {
                kind: *kind,
                id: record.id.to_string(),
                text: record.masked_line(),
                is_row: false,
                is_whole: true,
                is_expired: record.status == "expired",
                line: 0,
            };
            if problem.is_ok() {
                problem = take(part);
            }
        })?;
        problem.map_err(Error::failed)?;
    }
    Ok(())
}

fn part(entry: &Entry<'_>, kind: Option<Kind>, line: u32) -> Result<Part, String> {
    let whole = entry.whole.as_ref().ok_or("this is not a record")?;
    let kind = entry.kind(kind)?;
    let id = if entry.id.is_some() { entry.id()?.to_owned() } else { String::new() };
    let (text, is_row) = match whole {
        Whole::Json(line) => (masked(kind, &id, line)?, false),
        Whole::Row(cells) => (from_row(kind, &id, cells)?, true),
    };
    let object: JsonObject<'_> =
        serde_json::from_str(&text).map_err(|_| "it is not a JSON object".to_owned())?;
    let status = object.text("status");
    let is_whole = !is_row && !id.is_empty() && status.is_some();
    let span = object.get("expires_in").filter(|span| !is_whole && !["null", "\"\""].contains(&span.get()));
    if span.is_some_and(|span| lifetime(span).is_none()) {
        return Err("its expires_in is not a span: write seconds, or 8h, 30d".to_owned());
    }
    let is_expired = status.is_some_and(|status| status == "expired");
    let part = Part { kind, id, is_row, is_whole, is_expired, line, text };
    match part.id.is_empty() && part.name().is_none() {
        true => Err(format!("it has neither an id nor a {} to match it by", name_member(kind))),
        false => Ok(part),
    }
}

/// Returns a JSON record with masked secrets. What other tools also accept gets the form of the API: `url`,
/// `client_id`, the id of a client alone, scopes in a text.
fn masked(kind: Kind, id: &str, line: &str) -> Result<String, String> {
    limits::check(line, usize::MAX)?;
    let object: JsonObject<'_> =
        serde_json::from_str(line).map_err(|_| "it is not a JSON object".to_owned())?;
    object.check_unique(&HEADER_FIELDS)?;
    let mut out = Vec::with_capacity(line.len());
    for (name, value) in &object.0 {
        out.push(if out.is_empty() { b'{' } else { b',' });
        let text = || string(value).filter(|_| value.get().starts_with('"'));
        match (kind, name.as_ref()) {
            // Some programs write an id of digits as a number.
            (_, "id") if !id.is_empty() => {
                out.extend_from_slice(b"\"id\":");
                write_string(&mut out, id);
            }
            (Kind::Client, "url") if object.get("redirect_uri").is_none() => {
                out.extend_from_slice(b"\"redirect_uri\":");
                write_masked(&mut out, name, value);
            }
            (Kind::Authz, "client_id") if object.get("client").is_none() => {
                out.extend_from_slice(b"\"client\":{\"id\":");
                write_masked(&mut out, name, value);
                out.push(b'}');
            }
            (Kind::Authz, "client") if text().is_some() => {
                out.extend_from_slice(b"\"client\":{\"id\":");
                write_masked(&mut out, name, value);
                out.push(b'}');
            }
            (Kind::Authz, "scope") if text().is_some() => {
                out.extend_from_slice(b"\"scope\":");
                write_list(&mut out, &text().unwrap_or_default());
            }
            _ => {
                write_string(&mut out, name);
                out.push(b':');
                write_masked(&mut out, name, value);
            }
        }
    }
    out.extend_from_slice(if out.is_empty() { b"{}" } else { b"}" });
    String::from_utf8(out).map_err(|_| "the line is not UTF-8 text".to_owned())
}

fn write_list(out: &mut Vec<u8>, scopes: &str) {
    out.push(b'[');
    for (i, scope) in split_scopes(scopes).iter().enumerate() {
        out.extend((i > 0).then_some(b','));
        write_string(out, scope);
    }
    out.push(b']');
}

/// Returns a row of CSV as a JSON record with masked secrets.
///
/// In a row with an id, an empty cell means null. In one without, which somebody wrote by hand, it says nothing; but a
/// scope that is left empty is not the same as no scope.
fn from_row(kind: Kind, id: &str, cells: &[(String, String)]) -> Result<String, String> {
    let mut members: Vec<(&str, &str, &str)> = Vec::new();
    for (column, cell) in cells {
        let known = columns(kind).iter().find(|(name, _)| name == column);
        let (outer, inner) = match (column.as_str(), known) {
            // A mark does not make a difference.
            ("current" | "default", _) => continue,
            ("url", _) if kind == Kind::Client => ("redirect_uri", ""),
            ("expires_in", _) => ("expires_in", ""),
            (_, Some((name, []))) => (*name, ""),
            (_, Some((_, [outer]))) => (*outer, ""),
            (_, Some((_, [outer, inner, ..]))) => (*outer, *inner),
            (_, None) if cell.is_empty() => continue,
            (_, None) => return Err(unknown(kind, column)),
        };
        let says_nothing = id.is_empty() || matches!(outer, "id" | "kind" | "status" | "expires_in");
        if !(cell.is_empty() && says_nothing && outer != "scope") {
            members.push((outer, inner, cell));
        }
    }
    let mut out = b"{".to_vec();
    for (i, (outer, inner, cell)) in members.iter().enumerate() {
        let same = |other: &(&str, &str, &str)| other.0 == *outer;
        if members[..i].iter().any(same) {
            // The cells of one member stand together in it.
            continue;
        }
        out.extend((i > 0).then_some(b','));
        write_string(&mut out, outer);
        out.push(b':');
        if inner.is_empty() {
            write_cell(&mut out, outer, cell);
            continue;
        }
        for (n, (_, inner, cell)) in members.iter().filter(|other| same(other)).enumerate() {
            out.push(if n == 0 { b'{' } else { b',' });
            write_string(&mut out, inner);
            out.push(b':');
            write_cell(&mut out, inner, cell);
        }
        out.push(b'}');
    }
    out.push(b'}');
    let text = String::from_utf8(out).map_err(|_| "the line is not UTF-8 text".to_owned())?;
    masked(kind, id, &text)
}

fn write_cell(out: &mut Vec<u8>, name: &str, cell: &str) {
    match name {
        "scope" => write_list(out, cell),
        _ if cell.is_empty() => out.extend_from_slice(b"null"),
        _ => write_string(out, cell),
    }
}

fn unknown(kind: Kind, column: &str) -> String {
    let names = || columns(kind).iter().map(|(name, _)| *name);
    let shown = text::escape(column);
    match text::nearest(column, names()) {
        Some(near) => format!("unknown column '{shown}'; did you mean '{near}'?"),
        None => format!(
            "unknown column '{shown}': a {} has {}",
            kind.noun(),
            names().collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Returns a raw value as text for people.
pub(super) fn shown(raw: &RawValue) -> String {
    display_text(raw)
}

//! oauth-diff(1): prints the records that were added, changed and removed between two lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use crate::base::error::{Class, Error, FAILED, USAGE, reason};
use crate::base::secret::{STARS, is_masked};
use crate::base::time;
use crate::cli::{Args, Takes, Tool, opts};
use crate::input::entry::Need;
use crate::input::reader::Lines;
use crate::input::sniffer::Sniffer;
use crate::output::{Format, Output, Style};
use crate::record::Record;
use crate::record::kind::Kind;
use crate::session::Session;

/// The command line of oauth-diff.
pub static TOOL: Tool = Tool {
    name: "oauth-diff",
    about: "Print what was added, changed and removed between two lists of records.",
    usage: &["[options] OLD NEW"],
    opts: &[&[&opts::FORMAT, &opts::COLOR], &opts::CALLS],
    kinds: &[],
    takes: Takes::Files,
    // Its exit status says whether the lists differ, also where the reader of its output exits early.
    read_only: false,
};

/// How far apart two times of the same expiry may be, in seconds. They are computed from the seconds left and the date
/// of each response, which are both rounded.
const SKEW: i64 = 2;

/// A list: the line of each object, by its kind and id.
type List = BTreeMap<(Kind, String), String>;

/// Compares two lists. The exit status is that of diff(1): 0 if they are the same, 1 if they differ, 2 after an error.
///
/// # Errors
/// The exit status, if it is not 0.
pub fn run(args: &Args, session: &mut Session) -> Result<(), Error> {
    match compare(args, session) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::reported(FAILED)),
        // A record was printed, so the lists differ.
        Err(e) if e.class() == Class::ReaderGone => Err(Error::reported(FAILED)),
        Err(e) => {
            session.io.messages.error("", &e);
            Err(Error::reported(USAGE))
        }
    }
}

fn compare(args: &Args, session: &mut Session) -> Result<bool, Error> {
    let [old, new] = &args.operands[..] else {
        return Err(Error::usage("give two lists, or a list and - for the account as it is now"));
    };
    if old == "-" && new == "-" {
        return Err(Error::usage("only one of the lists can be -"));
    }
    let style = session.style(args, true)?;
    if !matches!(style.format, Format::Ndjson | Format::Json | Format::Id | Format::Table) {
        return Err(Error::usage("--format: give ndjson, json, id or table"));
    }
    session.plan_calls(args, 1)?;
    let mut list = |name: &std::ffi::OsString| match name.to_str() {
        Some("-") => account(session),
        _ => file(Path::new(name)),
    };
    let (old, new) = (list(old)?, list(new)?);
    let mut same = true;
    let mut output = Output::new(&mut session.io, Style { reveal: false, eager: false, ..style });
    let mut print = |line: &str, kind: Kind, change: &'static str, was: Map<String, Value>| {
        same = false;
        let mut record = Record::from_line(kind, line).map_err(unusable_record)?;
        record.added.push(("change", change.to_owned()));
        if style.format == Format::Table {
            record.status = change.into();
        }
        if !was.is_empty() {
            record.added_json.push(("was", Value::Object(was).to_string()));
        }
        output.record(&record)
    };
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for key in keys {
        match (old.get(key), new.get(key)) {
            (None, Some(line)) => print(line, key.0, "added", Map::new())?,
            (Some(line), None) => print(line, key.0, "removed", Map::new())?,
            (Some(before), Some(after)) if before != after => {
                let was = changes(&object(before), &object(after));
                if !was.is_empty() {
                    print(after, key.0, "changed", was)?;
                }
            }
            _ => {}
        }
    }
    output.finish()?;
    Ok(same)
}

/// Returns the members that differ, with their old values. Members that change without a change to the object are
/// ignored: the seconds left, the status that follows from them, and the marks for the object in use.
fn changes(before: &Map<String, Value>, after: &Map<String, Value>) -> Map<String, Value> {
    let expired = |list: &Map<String, Value>| list.get("status").and_then(Value::as_str) == Some("expired");
    let end = |list: &Map<String, Value>| {
        list.get("expires_at").and_then(Value::as_str).and_then(time::parse_rfc3339)
    };
    let same_end = match (end(before), end(after)) {
        (Some(a), Some(b)) => (a - b).abs() <= SKEW || (expired(before) && expired(after)),
        (None, None) => true,
        _ => false,
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut was = Map::new();
    for name in names {
        let differs = match name.as_str() {
            "status" | "current" | "default" | "expires_in" => false,
            "expires_at" => !same_end,
            _ => !alike(before.get(name).unwrap_or(&Value::Null), after.get(name).unwrap_or(&Value::Null)),
        };
        if differs {
            was.insert(name.clone(), before.get(name).cloned().unwrap_or(Value::Null));
        }
    }
    was
}

/// Returns whether two values are the same. Seconds left are ignored, and a hidden secret equals a masked one.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => a.keys().chain(b.keys()).all(|name| {
            name == "expires_in"
                || alike(a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null))
        }),
        (Value::String(a), Value::String(b)) => {
            a == b || (a == STARS && is_masked(b)) || (b == STARS && is_masked(a))
        }
        _ => a == b,
    }
}

fn unusable_record(what: String) -> Error {
    Error::failed(format!("unusable record: {what}"))
}

fn object(line: &str) -> Map<String, Value> {
    serde_json::from_str(line).unwrap_or_default()
}

/// Reads a list from a file.
fn file(path: &Path) -> Result<List, Error> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|e| unusable(&name, &reason(&e)))?;
    read(file, &name)
}

fn read(from: impl Read, name: &str) -> Result<List, Error> {
    let (mut lines, mut sniffer) = (Lines::named(from, name.to_owned()), Sniffer::new(Need::Identity));
    let mut list = List::new();
    loop {
        let next = lines.next_line().map_err(|e| e.with_hint(A_LIST));
        let Some((number, line)) = next? else { return Ok(list) };
        let bad = |what: String| unusable(&format!("{name}:{number}"), &what);
        if let Some(what) = partial_record(line) {
            return Err(bad(what.to_owned()));
        }
        let Some(entry) = sniffer.line(line).map_err(bad)? else { continue };
        let key = (entry.kind(None).map_err(bad)?, entry.id().map_err(bad)?.to_owned());
        let text = std::str::from_utf8(line).unwrap_or_default().trim_start_matches(MARK);
        let line = Record::from_line(key.0, text.trim()).map_err(bad)?.masked_line();
        if list.insert(key, line).is_some() {
            return Err(bad("the record is in the list twice".to_owned()));
        }
    }
}

/// The byte order mark that some editors write at the beginning of a file.
const MARK: char = '\u{feff}';

/// Describes a line that other tools accept as input, but that is not a whole record and so cannot be compared.
fn partial_record(line: &[u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(line).ok()?.trim_start_matches(MARK).trim();
    match text.bytes().next()? {
        b'{' if text == "{" => Some("this is JSON over several lines"),
        b'{' | b'[' | 0 => None,
        _ if text.contains(',') => Some("this is CSV, which holds only a part of each record"),
        _ => Some("this is not a record"),
    }
}

/// The hint for a file that is not a list.
const A_LIST: &str =
    "give a list as oauth-ls prints it, one JSON record a line, or - for the account as it is now";

fn unusable(place: &str, what: &str) -> Error {
    Error::failed(format!("{place}: {what}")).with_hint(A_LIST)
}

/// Lists the account as it is now.
fn account(session: &mut Session) -> Result<List, Error> {
    let api = session.api()?;
    let mut list = List::new();
    for kind in Kind::LISTED {
        api.each(kind, None, &mut |record, _| {
            list.insert((kind, record.id.to_string()), record.masked_line());
        })?;
    }
    Ok(list)
}

//! oauth-diff(1): prints the records that were added, changed and removed between two lists.
//!
//! - `held`: the list that is held in memory
//! - `list`: reads a list, whole or partial
//! - `matching`: matches records by id, or else by name
//! - `members`: compares two records
//! - `report`: a difference in words
//! - `texts`: the texts of many records, packed

mod held;
mod list;
mod matching;
mod members;
mod report;
mod texts;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use crate::base::error::{Class, Error, FAILED, USAGE};
use crate::cli::{Args, Opt, Takes, Tool, opts};
use crate::output::{Format, Output, Style};
use crate::record::Record;
use crate::record::json::JsonObject;
use crate::record::kind::Kind;
use crate::session::Session;
use crate::tools::diff::held::Held;
use crate::tools::diff::list::{Take, name_member};
use crate::tools::diff::matching::{Difference, Matching};

/// `--only`
const ONLY: Opt = Opt::value(None, "only", "CHANGES", "print only these: added, changed, removed");

/// The command line of oauth-diff.
pub static TOOL: Tool = Tool {
    name: "oauth-diff",
    about: "Print what was added, changed and removed between two lists of records.",
    usage: &["[options] [KIND] OLD NEW"],
    opts: &[&[&ONLY, &opts::FORMAT, &opts::COLOR], &opts::CALLS],
    kinds: &Kind::LISTED,
    takes: Takes::Files,
    // Its exit status says whether the lists differ, also where the reader of its output exits early.
    read_only: false,
    formats: &[Format::Ndjson, Format::Json, Format::Id, Format::Table],
};

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

/// Prints the differences, once all of them are known: half a plan must not be applied.
fn compare(args: &Args, session: &mut Session) -> Result<bool, Error> {
    let (kind, old, new) = operands(args)?;
    let only = only(args)?;
    let style = session.style(args, true)?;
    session.plan_calls(args, 1)?;
    // The account passes by; of two files, the new one.
    let holds_old = old != "-";
    let (first, second) = if holds_old { (old, new) } else { (new, old) };
    let mut held = Held::default();
    let kinds = list::file(Path::new(first), kind, &mut |part| held.add(part))?;
    let mut matching = Matching::new(&mut held, holds_old, &kinds);
    let mut take = |part| matching.take(part);
    let named = pass(session, (first, second), kind, &kinds, &mut take)?;
    let found = matching
        .finish(&named)
        .map_err(|(line, what)| Error::failed(format!("{}:{line}: {what}", Path::new(first).display())))?;
    let found: Vec<Difference> = found.into_iter().filter(|f| only.contains(&f.change)).collect();
    let style = Style { reveal: false, eager: false, ..style };
    print(session, style, &held, &found)?;
    Ok(found.is_empty())
}

/// Returns KIND, OLD and NEW.
fn operands(args: &Args) -> Result<(Option<Kind>, &OsString, &OsString), Error> {
    let (kind, old, new) = match &args.operands[..] {
        [old, new] => (None, old, new),
        [kind, old, new] => {
            let word = kind.to_str().unwrap_or_default();
            (Some(Kind::parse(word).map_err(Error::usage)?), old, new)
        }
        _ => {
            return Err(Error::usage("give two lists, or a list and - for the account as it is now"));
        }
    };
    if kind.is_some_and(|kind| !Kind::LISTED.contains(&kind)) {
        return Err(Error::usage("there is no list of tokens"));
    }
    if old == "-" && new == "-" {
        return Err(Error::usage("only one of the lists can be -"));
    }
    Ok((kind, old, new))
}

/// Returns the changes to print.
fn only(args: &Args) -> Result<Vec<&'static str>, Error> {
    const ALL: [&str; 3] = ["added", "changed", "removed"];
    let Some(words) = args.get(&ONLY)? else { return Ok(ALL.to_vec()) };
    let known = |word: &str| ALL.into_iter().find(|known| *known == word.trim());
    words
        .split(',')
        .map(|word| {
            known(word).ok_or_else(|| {
                Error::usage(format!(
                    "--only: '{}' is not one of {}",
                    crate::base::text::escape(word),
                    ALL.join(", ")
                ))
            })
        })
        .collect()
}

/// Passes the second list by, and returns the kinds that it names.
fn pass(
    session: &mut Session,
    (first, second): (&OsString, &OsString),
    kind: Option<Kind>,
    kinds: &BTreeSet<Kind>,
    take: &mut Take<'_>,
) -> Result<BTreeSet<Kind>, Error> {
    let first = Path::new(first).display();
    if second == "-" {
        let asked = kind.map_or_else(|| kinds.clone(), |kind| BTreeSet::from([kind]));
        if asked.is_empty() {
            return Err(Error::failed(format!("{first}: it is empty, so it does not say what to compare"))
                .with_hint("give a KIND operand: authz, client or session"));
        }
        list::account(session, &asked, take)?;
        return Ok(asked);
    }
    let named = list::file(Path::new(second), kind, take)?;
    if !kinds.is_empty() && !named.is_empty() && kinds.is_disjoint(&named) {
        let second = Path::new(second).display();
        return Err(Error::failed(format!("{first} and {second} have no kind in common")));
    }
    Ok(named)
}

/// How much text is collected before it is written, in bytes.
const AT_ONCE: usize = 64 * 1024;

fn print(session: &mut Session, style: Style, held: &Held, found: &[Difference]) -> Result<(), Error> {
    if style.format == Format::Table {
        let mut text = String::new();
        for difference in found {
            let told = Unpacked::of(held, difference);
            let was = told.old.as_ref().map(|(was, _)| was.as_str());
            report::write(&mut text, difference.change, &told.record()?, was, &told.now, style.color);
            if text.len() > AT_ONCE {
                session.io.out.write_all(text.as_bytes()).map_err(Error::stdout)?;
                text.clear();
            }
        }
        return session.io.out.write_all(text.as_bytes()).map_err(Error::stdout);
    }
    let mut output = Output::new(&mut session.io, style);
    found.iter().try_for_each(|difference| output.record(&Unpacked::of(held, difference).record()?))?;
    output.finish()
}

/// A difference with its texts.
struct Unpacked<'a> {
    difference: &'a Difference,
    id: &'a str,
    now: String,
    /// The old values, and the old record.
    old: Option<(String, String)>,
    /// The ids of other objects that look the same.
    like: Vec<&'a str>,
}

impl<'a> Unpacked<'a> {
    fn of(held: &'a Held, difference: &'a Difference) -> Unpacked<'a> {
        let text = |packed| held.texts.get(packed);
        Unpacked {
            difference,
            id: held.id(difference.id),
            now: text(difference.text),
            old: difference.was.map(|(was, old)| (text(was), text(old))),
            like: difference.like.iter().map(|id| held.id(*id)).collect(),
        }
    }

    /// Returns the record to print: that of the new list, or of the old one if it was removed. A partial record gets the
    /// id and the name of the object that it matches.
    fn record(&self) -> Result<Record<'_>, Error> {
        let unusable = |what: String| Error::failed(format!("unusable record: {what}"));
        let kind = self.difference.kind;
        let mut record = Record::partial(kind, &self.now).map_err(unusable)?;
        record.added.push(("change", self.difference.change.to_owned()));
        if !self.like.is_empty() {
            // Ids, which need no escapes.
            record.added_json.push(("like", format!("[\"{}\"]", self.like.join("\",\""))));
        }
        if self.difference.nth > 1 {
            record.added_json.push(("nth", self.difference.nth.to_string()));
        }
        let Some((was, old)) = &self.old else { return Ok(record) };
        let old = Record::partial(kind, old).map_err(unusable)?;
        record.added_json.push(("was", was.clone()));
        if record.id.is_empty() {
            record.id = Cow::Borrowed(self.id);
        }
        let member = name_member(kind);
        let object: JsonObject<'_> = serde_json::from_str(&self.now).unwrap_or_default();
        if let (None, Some(name)) = (object.get(member), old.member(member)) {
            record.added_json.push((member, name.get().to_owned()));
        }
        Ok(record)
    }
}

//! CSV: header lines with known names, the separator between cells, and rows (oauth-record(5)).
//!
//! Other programs write semicolons or tabs, names in another case, and columns of their own. Such a table is read if it
//! is certain what was meant, and refused if not.

use std::borrow::Cow;

use crate::base::text;
use crate::input::entry::{EXPIRED, EXPIRES_AT, Entry, Need, Whole};
use crate::input::fields::{Fields, Slots, Value, split_scopes};
use crate::input::names::{self, place};
use crate::record::STATUS_WORDS;
use crate::record::columns::{columns, unescape_cell};
use crate::record::kind::Kind;

/// The separators between cells; the first is ours.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// The first columns of each kind. A table that begins with them is ours, or a part of it.
const OURS: [&str; 4] = ["kind", "id", "status", "expires_at"];

/// A header line.
#[derive(Debug)]
pub(crate) struct Header {
    /// The names of the columns, in lower case; a column without a name is empty.
    names: Vec<String>,
    separator: char,
    /// They are the fixed columns of a kind.
    is_fixed: bool,
}

impl Header {
    /// Returns whether the table is a list of ids, one a line.
    pub(crate) fn is_list(&self) -> bool {
        self.names == ["id"]
    }

    /// Returns whether a line that begins with `#` can be a row of this table.
    pub(crate) fn takes_hash(&self) -> bool {
        !matches!(self.names.first().map(String::as_str), Some("kind" | "id") | None)
    }

    /// Returns whether the table has one column.
    pub(crate) fn is_single(&self) -> bool {
        self.names.len() == 1
    }
}

/// Returns the header that a line is, if it is one. `before` is the header that holds until then.
///
/// # Errors
/// A message about the names.
pub(crate) fn header(line: &str, need: Need, before: Option<&Header>) -> Result<Option<Header>, String> {
    // Most rows begin with a kind or an id: they need not be taken apart twice.
    if let Some(before) = before {
        let first =
            line.split(SEPARATORS).next().unwrap_or_default().trim_matches(['"', ' ']).to_ascii_lowercase();
        if !names::is_known(&first) && before.names.first() != Some(&first) {
            return Ok(None);
        }
    }
    let mut first_error = None;
    for separator in SEPARATORS.into_iter().filter(|s| *s == ',' || line.contains(*s)) {
        let Ok(cells) = split(line, separator) else { continue };
        let names: Vec<String> = cells.iter().map(|cell| cell.trim().to_ascii_lowercase()).collect();
        match is_header(&names, need, before) {
            Ok(true) => return checked(names, separator, need).map(Some),
            Ok(false) => {}
            Err(e) => first_error = first_error.or(Some(e)),
        }
    }
    first_error.map_or(Ok(None), Err)
}

/// Returns whether cells are the names of columns: `kind` and `id`, or one that the tool needs, beside others.
fn is_header(names: &[String], need: Need, before: Option<&Header>) -> Result<bool, String> {
    let is_key = |name: &String| match need {
        Need::New => ["name", "description", "scope"].contains(&name.as_str()),
        Need::Identity | Need::Rotation | Need::Replacement | Need::Fields | Need::Plan => name == "id",
        Need::Whole => ["id", "name", "description"].contains(&name.as_str()),
    };
    let known = names.iter().filter(|name| names::is_known(name)).count();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    let all_known = known == names.len() && names.iter().any(is_key);
    if has("kind") && has("id") || (all_known && names.len() >= 2) {
        return Ok(true);
    }
    // Among rows, a description may happen to be the name of a column.
    if let Some(before) = before {
        return Ok(before.names == names || (known >= 3 && names.iter().any(is_key)));
    }
    if all_known {
        return Ok(true);
    }
    let is_pair = takes_pairs(need) && names.len() == 2 && names[1].contains(':');
    if Kind::named(&names[0]).is_some() && names.get(1).is_some_and(|name| name == "id") {
        return Err("this looks like a header line: its first column must be 'kind' or 'id'".to_owned());
    }
    if Kind::named(&names[0]).is_some() || is_pair {
        return Ok(false);
    }
    if names.len() >= 2 && names.iter().any(is_key) {
        return Ok(true);
    }
    // Not a row: it would begin with a kind. So its names are misspelled.
    let keys = if takes_pairs(need) { &["name", "description", "scope"][..] } else { &["id", "kind"] };
    let nearly = |name: &&String| names::meant(name, need).is_some_and(|meant| keys.contains(&meant));
    match names.iter().filter(|name| !names::is_known(name)).find(nearly) {
        Some(name) if names.len() >= 2 || need == Need::New || names[0] == "ids" => {
            Err(names::misspelled("column", name, names::meant(name, need).unwrap_or_default()))
        }
        _ => Ok(false),
    }
}

/// Checks the names of a header line.
fn checked(names: Vec<String>, separator: char, need: Need) -> Result<Header, String> {
    let is_twice = |(i, name): &(usize, &String)| !name.is_empty() && names[..*i].contains(name);
    if let Some((_, name)) = names.iter().enumerate().find(is_twice) {
        return Err(format!("duplicate column '{}'", text::shorten(&text::escape(name), 64)));
    }
    let unknown = names.iter().map(String::as_str).filter(|name| !names::is_known_to(need, name));
    names::check("column", unknown, need, |name| names.iter().any(|n| n == name))?;
    let is_fixed = Kind::ALL.iter().any(|kind| column_names(*kind).eq(names.iter()));
    Ok(Header { names, separator, is_fixed })
}

/// The names of a kind's fixed columns.
fn column_names(kind: Kind) -> impl Iterator<Item = &'static str> {
    columns(kind).iter().map(|(name, _)| *name)
}

/// Parses a row. Returns `None` if all its cells are blank: a blank line of a spreadsheet.
///
/// # Errors
/// A message that does not quote a cell: where cells are out of place, it may be a secret.
pub(crate) fn row<'a>(line: &str, header: Option<&Header>, need: Need) -> Result<Option<Entry<'a>>, String> {
    let separator = header.map_or(',', |header| header.separator);
    if line.chars().all(|c| c == separator || c == '"' || c.is_whitespace()) {
        return Ok(None);
    }
    // Programs that write tabs escape or quote by rules of their own, which cannot be told apart.
    if separator == '\t' && need != Need::Identity && !need.is_rotation() && line.contains(['\\', '"']) {
        return Err("a backslash or quote in a tab-separated table may mean two things: separate by commas"
            .to_owned());
    }
    let mut cells = split(line, separator)?;
    let kind = cells.first().and_then(|word| Kind::named(word.trim()));
    let is_pair = header.is_none() && kind.is_none();
    let own: Vec<&str>;
    let (names, has_header): (Vec<&str>, bool) = match (header, kind) {
        // A list of several kinds has a header line for each; a filter such as grep may have dropped this kind's.
        (Some(header), Some(kind)) if header.is_fixed => {
            own = column_names(kind).collect();
            (own, true)
        }
        (Some(header), _) => (header.names.iter().map(String::as_str).collect(), true),
        (None, Some(kind)) => {
            own = column_names(kind).collect();
            check_order(&cells, kind, need)?;
            (own, false)
        }
        (None, None) if takes_pairs(need) && cells.len() == 2 => (vec!["name", "redirect_uri"], false),
        (None, None) => return Err(no_header(line)),
    };
    while cells.len() > names.len() && cells.last().is_some_and(|cell| cell.trim().is_empty()) {
        cells.pop();
    }
    if cells.len() > names.len() || (has_header && cells.len() != names.len()) {
        return Err(format!("the row has {} cells for {} columns", cells.len(), names.len()));
    }
    let is_ours = header.is_none_or(|header| header.names.starts_with(&OURS.map(str::to_owned)));
    let whole = (need == Need::Whole).then(|| {
        let cells = names.iter().zip(&cells);
        Whole::Row(cells.map(|(name, cell)| ((*name).to_owned(), unescape_cell(cell))).collect())
    });
    let mut slots: Slots<'a> = Default::default();
    let (mut is_error, mut has_expired) = (false, false);
    let mut of_rotation = Fields::default();
    for (name, cell) in names.into_iter().zip(cells) {
        let is_blank = cell.trim().is_empty();
        match name {
            "" if !is_blank => return Err("the row has a cell in a column without a name".to_owned()),
            "status" if cell.trim() == EXPIRED => has_expired = true,
            "status" if !is_status(cell.trim()) => {
                return Err(
                    "the cell of 'status' holds no status word: are the cells in their columns?".to_owned()
                );
            }
            // In our own columns an empty cell is null: it never expires.
            "expires_at" if is_blank && is_ours => {
                if has_expired && need == Need::New {
                    slots[EXPIRES_AT] = Some(Value::Cell(Cow::Borrowed(EXPIRED)));
                }
            }
            "message" | "error" => is_error |= !is_blank,
            "expires_at" if need.is_rotation() && (is_ours || !is_blank) => {
                of_rotation.expires_at = Some(if is_blank { "never".to_owned() } else { cell });
            }
            "scope" if need.is_rotation() && !is_blank => of_rotation.scope = Some(split_scopes(&cell)),
            "token" | "secret" if need.is_rotation() => of_rotation.secret = Some(cell),
            "replaces" if need == Need::Replacement && !is_blank => {
                of_rotation.replaces = Some(cell.trim().to_owned())
            }
            name => {
                let is_text = matches!(name, "description" | "name" | "redirect_uri" | "url") && !is_pair;
                if let Some(at) = place(name) {
                    let cell = if is_text { cell } else { cell.trim().to_owned() };
                    slots[at] = Some(Value::Cell(Cow::Owned(cell)));
                }
            }
        }
    }
    let mut entry = Entry::new(&slots, need, false, is_error)?;
    entry.fields = of_rotation.filled().or(entry.fields);
    Ok(Some(Entry { whole, ..entry }))
}

/// Checks that the cells of a row without a header line are in the order of the fixed columns.
fn check_order(cells: &[String], kind: Kind, need: Need) -> Result<(), String> {
    let cell = |at: usize| cells.get(at).map(|cell| cell.trim()).filter(|cell| !cell.is_empty());
    if cell(3).is_some_and(|time| !time.starts_with(|c: char| c.is_ascii_digit())) {
        return Err(
            "the fourth cell is not a time: are the cells in the order of the fixed columns?".to_owned()
        );
    }
    let scope = column_names(kind).position(|name| name == "scope");
    match scope
        .filter(|at| need == Need::New && cells.len() <= *at && cells.iter().skip(2).any(|c| !c.is_empty()))
    {
        Some(_) => Err("the row ends before its scope".to_owned()),
        None => Ok(()),
    }
}

/// Returns whether a row of two cells without a header line is NAME,URL.
fn takes_pairs(need: Need) -> bool {
    matches!(need, Need::New | Need::Whole)
}

fn is_status(word: &str) -> bool {
    word.is_empty() || STATUS_WORDS.contains(&word)
}

/// Describes a row that nothing says how to read.
fn no_header(line: &str) -> String {
    match SEPARATORS[1..]
        .iter()
        .find(|s| line.split(**s).next().is_some_and(|word| Kind::named(word).is_some()))
    {
        Some(';') => "the cells are separated by semicolons: give a header line, such as kind;id".to_owned(),
        Some(_) => {
            "the cells are separated by tabs: give a header line, or separate them by commas".to_owned()
        }
        None => "a CSV row needs a header line, or a kind and an id as its first cells".to_owned(),
    }
}

/// Returns true if quotes stand only where RFC 4180 allows them: around a whole cell, and doubled inside it. The csv crate
/// accepts others, and guesses.
fn has_valid_quotes(line: &str, separator: char) -> bool {
    let mut rest = line;
    loop {
        let end = if let Some(inside) = rest.strip_prefix('"') {
            let mut at = 0;
            loop {
                match inside[at..].find('"') {
                    None => return false,
                    Some(n) if inside[at + n + 1..].starts_with('"') => at += n + 2,
                    Some(n) => break at + n + 2,
                }
            }
        } else {
            let end = rest.find(separator).unwrap_or(rest.len());
            if rest[..end].contains('"') {
                return false;
            }
            end
        };
        match rest[end..].strip_prefix(separator) {
            Some(more) => rest = more,
            None => return rest.len() == end,
        }
    }
}

/// Splits a CSV row into its cells.
fn split(line: &str, separator: char) -> Result<Vec<String>, String> {
    if !line.contains('"') {
        return Ok(line.split(separator).map(str::to_owned).collect());
    }
    if line.bytes().filter(|b| *b == b'"').count() % 2 == 1 {
        return Err("a quoted cell does not end on its line: write a line break in a cell as \\n".to_owned());
    }
    if !has_valid_quotes(line, separator) {
        return Err("misplaced quote: quote whole cells, and double the quotes inside them".to_owned());
    }
    let mut row = csv::StringRecord::new();
    let mut builder = csv::ReaderBuilder::new();
    let builder = builder.has_headers(false).flexible(true).delimiter(separator as u8);
    match builder.from_reader(line.as_bytes()).read_record(&mut row) {
        Ok(true) => Ok(row.iter().map(str::to_owned).collect()),
        _ => Err("invalid CSV".to_owned()),
    }
}

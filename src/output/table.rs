//! For people: aligned columns, a block for one object, a sentence for a change.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::base::secret::{STARS, is_masked};
use crate::base::text::escape;
use crate::base::time::{self, Unix};
use crate::record::Record;
use crate::record::kind::Kind;

/// Columns of a table that goes to no window.
const WIDTH: usize = 120;
/// Blanks between two columns.
const GAP: usize = 2;
/// What stands for a name that is not there.
const NONE: &str = "<none>";

/// Rows that are aligned when all are there, one table a kind.
pub(crate) struct Table {
    width: usize,
    color: bool,
    sorted: bool,
    rows: Vec<Row>,
}

/// What a table tells about a record.
struct Row {
    kind: Kind,
    name: String,
    /// What is told about the name, whatever is cut from it: ` (in use)`.
    mark: &'static str,
    id: String,
    /// Scopes, or a redirect URI.
    extra: String,
    status: String,
    expires: String,
    secret: String,
}

/// A column: its head, and how narrow it may become; `None` where nothing may be cut.
struct Column {
    head: &'static str,
    least: Option<usize>,
    /// It tells the status, and has its colour.
    painted: bool,
    cell: fn(&Row) -> (&str, &'static str),
}

impl Table {
    /// A table for a window of `width` columns; 0 where there is none, which counts as 120. Rows that come
    /// `sorted` keep their order, others are sorted by name.
    pub(crate) fn new(width: usize, color: bool, sorted: bool) -> Table {
        let width = if width == 0 { WIDTH } else { width };
        Table { width, color, sorted, rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, record: &Record<'_>, now: Unix, reveal: bool) {
        let name = record.name();
        let secret = reveal && record.kind != Kind::Session;
        self.rows.push(Row {
            kind: record.kind,
            name: if name.is_empty() { NONE.to_owned() } else { flat(&name) },
            mark: match (record.current, record.default) {
                (true, _) => " (in use)",
                (_, true) => " (default)",
                _ => "",
            },
            id: flat(&record.id),
            extra: flat(&match record.kind {
                Kind::Authz => record.text(&["scope"]).replace(' ', ","),
                Kind::Client => record.text(&["redirect_uri"]),
                Kind::Session | Kind::Token => String::new(),
            }),
            status: flat(&record.status),
            expires: record.expiry_words(now),
            secret: if secret { flat(&record.secret().unwrap_or_default()) } else { String::new() },
        });
    }

    /// Prints the tables, each sorted by name as the Heroku CLI sorts it, unless its rows came sorted.
    pub(crate) fn print(&mut self, out: &mut Vec<u8>) {
        let mut text = String::new();
        if !self.sorted {
            self.rows.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        }
        for kind in Kind::ALL {
            let rows: Vec<&Row> = self.rows.iter().filter(|row| row.kind == kind).collect();
            if rows.is_empty() {
                continue;
            }
            if !text.is_empty() {
                text.push('\n');
            }
            // A window that is too narrow for the status has it in the words about the end; one that is too
            // narrow for columns gets a block a record.
            let fitting = [true, false].into_iter().find_map(|status| {
                let columns = columns(kind, status, rows.iter().any(|row| !row.secret.is_empty()));
                self.widths(&columns, &rows).map(|widths| (columns, widths))
            });
            match fitting {
                Some((columns, widths)) => self.lines(&columns, &widths, &rows, &mut text),
                None => rows.iter().for_each(|row| self.block(row, &mut text)),
            }
        }
        out.extend_from_slice(text.as_bytes());
    }

    /// How wide the columns are; `None` where they do not fit even with all cut that can be cut.
    fn widths(&self, columns: &[Column], rows: &[&Row]) -> Option<Vec<usize>> {
        let cells = |column: &Column, measure: fn((&str, &str)) -> usize| {
            rows.iter().map(|row| measure((column.cell)(row))).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = Vec::new();
        let mut least: Vec<usize> = Vec::new();
        for column in columns {
            let whole = cells(column, |(text, tail)| text.width() + tail.width()).max(column.head.width());
            // A letter or two of the text stay before what must not be cut.
            let tail = cells(column, |(_, tail)| if tail.is_empty() { 0 } else { tail.width() + 4 });
            widths.push(whole);
            least.push(column.least.map_or(whole, |least| least.max(tail).min(whole)));
        }
        let room = self.width.checked_sub(GAP * columns.len().saturating_sub(1))?;
        if least.iter().sum::<usize>() > room {
            return None;
        }
        while widths.iter().sum::<usize>() > room {
            let widest = (0..widths.len()).filter(|&c| widths[c] > least[c]).max_by_key(|&c| widths[c])?;
            widths[widest] -= 1;
        }
        Some(widths)
    }

    fn lines(&self, columns: &[Column], widths: &[usize], rows: &[&Row], text: &mut String) {
        let mut line = |row: Option<&Row>| {
            let mut blanks = 0;
            for (column, &width) in columns.iter().zip(widths) {
                let (cell, tail) = row.map_or((column.head, ""), |row| (column.cell)(row));
                let cell = fit(cell, width - tail.width());
                let used = cell.width() + tail.width();
                // Blanks at a line's end would wrap in a window that became narrower.
                text.extend(std::iter::repeat_n(' ', if used == 0 { 0 } else { blanks }));
                blanks = if used == 0 { blanks + width + GAP } else { width - used + GAP };
                match row {
                    Some(row) if column.painted => {
                        text.push_str(&self.paint(&row.status, &cell));
                    }
                    _ => {
                        text.push_str(&cell);
                        text.push_str(tail);
                    }
                }
            }
            text.push('\n');
        };
        line(None);
        rows.iter().for_each(|row| line(Some(row)));
    }

    /// A record on lines of its own: the name, the id as it is, what else there is.
    fn block(&self, row: &Row, text: &mut String) {
        let name = fit(&row.name, self.width.saturating_sub(row.mark.width()));
        let _ = writeln!(text, "{name}{}", row.mark);
        let _ = writeln!(text, "  {}", row.id);
        if row.kind != Kind::Client {
            let end = match (&row.expires[..], &row.status[..]) {
                ("", status) => status.to_owned(),
                ("never", "active") => "never expires".to_owned(),
                (words, "active") => format!("expires {words}"),
                ("expired", _) => "expired".to_owned(),
                (words, status) => format!("{status} {words}"),
            };
            let _ = writeln!(text, "  {}", self.paint(&row.status, &end));
        }
        if !row.extra.is_empty() {
            let _ = writeln!(text, "  {}", fit(&row.extra, self.width.max(12) - 2));
        }
        // A secret that was asked for is of no use with a piece cut off, and must not be taken for an id.
        if !row.secret.is_empty() {
            let label = if row.kind == Kind::Client { "secret" } else { "token" };
            let _ = writeln!(text, "  {label} {}", row.secret);
        }
    }

    fn paint<'t>(&self, status: &str, text: &'t str) -> Cow<'t, str> {
        paint(status, text, self.color)
    }
}

/// The columns of a kind.
fn columns(kind: Kind, status: bool, secret: bool) -> Vec<Column> {
    let column = |head, least, cell| Column { head, least, painted: false, cell };
    let (name, token) = match kind {
        Kind::Client => ("NAME", "SECRET"),
        _ => ("DESCRIPTION", "TOKEN"),
    };
    let least = if status { 16 } else { 12 };
    let mut columns = vec![
        column(name, Some(least), |row: &Row| (&row.name, row.mark)),
        column("ID", None, |row| (&row.id, "")),
    ];
    match kind {
        Kind::Authz => columns.push(column("SCOPE", Some(least - 4), |row| (&row.extra, ""))),
        Kind::Client => columns.push(column("REDIRECT URI", Some(20), |row| (&row.extra, ""))),
        Kind::Session | Kind::Token => {}
    }
    if kind != Kind::Client {
        if status {
            columns.push(Column { painted: true, ..column("STATUS", None, |row| (&row.status, "")) });
            // Of some that have ended no more is known than that.
            columns.push(column("EXPIRES", None, |row| {
                (if row.expires == row.status { "" } else { &row.expires }, "")
            }));
        } else {
            columns.push(Column { painted: true, ..column("EXPIRES", None, |row| (&row.expires, "")) });
        }
    }
    if secret {
        columns.push(column(token, None, |row| (&row.secret, "")));
    }
    columns
}

/// A cell's text: escaped, and without what terminals disagree about the width of (a variation selector, a skin
/// tone).
fn flat(text: &str) -> String {
    let kept = |c: &char| !matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    escape(text).chars().filter(kept).collect()
}

/// `text` in at most `width` columns, with an ellipsis where something was cut.
fn fit(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let (mut out, mut used) = (String::new(), 1);
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out.push('…');
    Cow::Owned(out)
}

/// `text` in the colour of a status: green for what is there, red for what has ended, yellow for what was removed,
/// cyan for what has only been rehearsed.
fn paint<'t>(status: &str, text: &'t str, color: bool) -> Cow<'t, str> {
    let code = match status {
        "active" | "created" | "exists" | "rotated" | "replaced" | "updated" | "added" => 32,
        "expired" => 31,
        "revoked" | "deleted" | "absent" | "removed" | "changed" => 33,
        _ if status.starts_with("would-") => 36,
        _ => return Cow::Borrowed(text),
    };
    if color { Cow::Owned(format!("\x1b[{code}m{text}\x1b[0m")) } else { Cow::Borrowed(text) }
}

/// A change in words, on one line of a window of `width` columns (0 as for a table).
pub(crate) fn sentence(out: &mut Vec<u8>, record: &Record<'_>, width: usize, color: bool) {
    let (status, kind) = (record.status.replace('-', " "), record.kind.noun());
    let (id, name) = (escape(&record.id), record.name());
    // What does not exist yet has no id.
    let gap = if id.is_empty() { "" } else { " " };
    let mut text = format!("{} {kind}{gap}{id}", paint(&record.status, &escape(&status), color));
    if !name.is_empty() {
        let width = if width == 0 { WIDTH } else { width };
        let used = status.width() + kind.len() + id.width() + 5;
        let _ = write!(text, " ({})", fit(&flat(&name), width.saturating_sub(used).max(16)));
    }
    text.push('\n');
    out.extend_from_slice(text.as_bytes());
}

/// One object, a field a line, as the Heroku CLI shows it.
pub(crate) fn details(out: &mut Vec<u8>, record: &Record<'_>, now: Unix, reveal: bool, color: bool) {
    let none = |text: String| if text.is_empty() { NONE.to_owned() } else { text };
    let date = |name: &str| {
        let text = record.text(&[name]);
        match time::parse_rfc3339(&text) {
            Some(at) => format!("{text} ({})", time::relative(at, now)),
            None => text,
        }
    };
    let words = record.expiry_words(now);
    let expires = match record.expires_at() {
        Some(at) => format!("{at} ({words})"),
        None => words,
    };
    let shown = |path: &[&str]| match record.text(path) {
        secret if reveal || secret.is_empty() || is_masked(&secret) => secret,
        _ => STARS.to_owned(),
    };
    let id = record.id.to_string();
    // The news of a change stands in the sentence before.
    let status = match (&record.status[..], record.current, record.default) {
        (status @ ("active" | "expired"), true, _) => format!("{status} (in use)"),
        (status @ ("active" | "expired"), _, true) => format!("{status} (default API key)"),
        (status @ ("active" | "expired"), ..) => status.to_owned(),
        _ => String::new(),
    };
    let fields: Vec<(&str, String)> = match record.kind {
        Kind::Authz => vec![
            ("Client", none(record.text(&["client", "name"]))),
            ("Redirect URI", record.text(&["client", "redirect_uri"])),
            ("ID", id),
            ("Description", record.text(&["description"])),
            ("Scope", record.text(&["scope"]).replace(' ', ", ")),
            ("Code", shown(&["grant", "code"])),
            ("Token", shown(&["access_token", "token"])),
            ("Refresh token", shown(&["refresh_token", "token"])),
            ("Status", status),
            ("Expires at", expires),
            ("Created at", date("created_at")),
            ("Updated at", date("updated_at")),
        ],
        Kind::Client => vec![
            ("Name", record.text(&["name"])),
            ("ID", id),
            ("Redirect URI", record.text(&["redirect_uri"])),
            ("Secret", shown(&["secret"])),
            ("Created at", date("created_at")),
            ("Updated at", date("updated_at")),
        ],
        Kind::Session => vec![
            ("Description", record.text(&["description"])),
            ("ID", id),
            ("Status", status),
            ("Expires at", expires),
            ("Created at", date("created_at")),
            ("Updated at", date("updated_at")),
        ],
        Kind::Token => vec![
            ("ID", id),
            ("Token", shown(&["access_token", "token"])),
            ("Refresh token", shown(&["refresh_token", "token"])),
            ("Expires at", expires),
        ],
    };
    let mut text = String::new();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        let value = escape(value);
        let value = if *name == "Status" { paint(&record.status, &value, color) } else { value };
        let _ = writeln!(text, "{:<15}{value}", format!("{name}:"));
    }
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Unix = 1_700_000_000;

    fn authz(n: usize, description: &str, scope: &str, left: &str) -> String {
        format!(
            r#"{{"id":"01234567-89ab-cdef-0123-{n:012}","description":{description:?},"scope":["{scope}"],
            "access_token":{{"token":"HRKU-AA1**********wxyz","expires_in":{left}}}}}"#
        )
    }

    fn table(width: usize, reveal: bool, color: bool, rows: &[String]) -> String {
        let mut table = Table::new(width, color, false);
        for (n, json) in rows.iter().enumerate() {
            let mut record = Record::from_api(Kind::Authz, json, NOW).expect("a record");
            record.current = n == 0;
            table.add(&record, NOW, reveal);
        }
        let mut out = Vec::new();
        table.print(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    fn rows() -> Vec<String> {
        vec![
            authz(1, "a description that is longer than most", "write-protected", "null"),
            authz(2, "夜間バックアップ 夜間バックアップ 🌙", "read", "259200"),
            authz(3, "active", "identity", "0"),
            authz(4, "", "global", "-2592000"),
        ]
    }

    #[test]
    fn a_table_fits_its_window_and_its_columns_are_aligned() {
        for width in 38..=160 {
            for reveal in [false, true] {
                let text = table(width, reveal, false, &rows());
                let lines: Vec<&str> = text.lines().collect();
                assert!(lines.iter().all(|line| line.width() <= width), "{width}: {text}");
                assert!(lines.iter().all(|line| line.trim_end() == *line), "{width}: {text}");
                // What tells the most is whole in every window.
                for n in 1..=4 {
                    assert!(text.contains(&format!("0123-{n:012}")), "{width}: {text}");
                }
                assert!(text.contains(" (in use)") && text.contains("in 3 days"), "{width}: {text}");
                assert_eq!(text.contains("HRKU-AA1**********wxyz"), reveal, "{width}: {text}");
                if let Some(at) = lines[0].find("ID  ") {
                    let starts =
                        lines[1..].iter().map(|line| line.split_once("01234567").map(|l| l.0.width()));
                    assert!(starts.clone().all(|start| start == Some(at)), "{width}: {text}");
                } else {
                    assert_eq!(lines.len(), if reveal { 20 } else { 16 }, "{width}: {text}");
                }
            }
        }
    }

    #[test]
    fn a_status_is_painted_and_a_name_like_one_is_not() {
        let text = table(120, false, true, &rows()[2..]);
        assert!(
            text.lines().any(|line| line.starts_with("active (in use)") && line.contains("\x1b[31mexpired"))
        );
        let plain = table(120, false, false, &rows()[2..]);
        assert_eq!(text.replace("\x1b[31m", "").replace("\x1b[0m", ""), plain, "colour moves nothing");
    }

    #[test]
    fn cells_are_cut_between_characters_and_as_wide_as_they_look() {
        assert_eq!(fit("夜間バック", 5), "夜間…");
        assert_eq!(fit("夜間バック", 6), "夜間…");
        assert_eq!(fit("夜間", 4), "夜間");
        assert_eq!(fit("ab cdef", 4), "ab…");
        assert_eq!(flat("❤\u{fe0f} 👍\u{1f3fd} a\u{202e}b\n"), "❤ 👍 a\\u{202e}b\\n");
    }

    #[test]
    fn a_sentence_names_no_id_that_is_not_there() {
        let said = |id: &str, status: &'static str| {
            let mut out = Vec::new();
            sentence(&mut out, &Record::bare(Kind::Authz, id, status), 80, false);
            String::from_utf8(out).expect("UTF-8")
        };
        assert_eq!(said("a1", "revoked"), "revoked authorization a1\n");
        assert_eq!(said("", "would-create"), "would create authorization\n");
    }
}

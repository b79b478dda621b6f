//! A list for people: aligned columns, or a block of lines for each record if the terminal is too narrow.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::base::time::Unix;
use crate::output::cells::{DEFAULT_WIDTH, NONE, fit, flatten, paint, width};
use crate::record::Record;
use crate::record::kind::Kind;

/// Blanks between two columns.
const GAP: usize = 2;

/// Collects rows, and prints a table for each kind.
pub(crate) struct Table {
    width: usize,
    color: bool,
    sorted: bool,
    rows: Vec<Row>,
}

/// The cells of a record, escaped.
struct Row {
    kind: Kind,
    name: String,
    /// A mark after the name, which is never cut: ` (in use)`.
    mark: &'static str,
    id: String,
    /// The scopes, or the redirect URI.
    extra: String,
    status: String,
    expires: String,
    secret: String,
}

struct Column {
    heading: &'static str,
    /// The width to which it may be cut; `None` if it is never cut.
    min_width: Option<usize>,
    /// It has the colour of the status.
    painted: bool,
    /// Returns the text of a cell, and a mark that is never cut from it.
    cell: fn(&Row) -> (&str, &'static str),
}

impl Table {
    /// Makes a table for a terminal of `width` columns; 0 means none, and counts as 120. If the rows are `sorted`, they
    /// keep their order; otherwise they are sorted by name.
    pub(crate) fn new(width: usize, color: bool, sorted: bool) -> Table {
        let width = if width == 0 { DEFAULT_WIDTH } else { width };
        Table { width, color, sorted, rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, record: &Record<'_>, now: Unix, reveal: bool) {
        let name = record.title();
        let secret = reveal && record.kind != Kind::Session;
        self.rows.push(Row {
            kind: record.kind,
            name: if name.is_empty() { NONE.to_owned() } else { flatten(&name) },
            mark: match (record.current, record.default) {
                (true, _) => " (in use)",
                (_, true) => " (default)",
                _ => "",
            },
            id: flatten(&record.id),
            extra: flatten(&match record.kind {
                Kind::Authz => record.text(&["scope"]).replace(' ', ","),
                Kind::Client => record.text(&["redirect_uri"]),
                Kind::Session | Kind::Token => String::new(),
            }),
            status: flatten(&record.status),
            expires: record.expiry_words(now),
            secret: if secret { flatten(&record.secret().unwrap_or_default()) } else { String::new() },
        });
    }

    /// Appends the tables.
    pub(crate) fn print(&mut self, out: &mut Vec<u8>) {
        let mut text = String::new();
        // By name, as the Heroku CLI does.
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
            // If the terminal is too narrow, the STATUS column goes first: EXPIRES also says `expired`.
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

    /// Returns the widths of the columns; `None` if they do not fit, however much is cut.
    fn widths(&self, columns: &[Column], rows: &[&Row]) -> Option<Vec<usize>> {
        let widest_cell = |column: &Column, measure: fn((&str, &str)) -> usize| {
            rows.iter().map(|row| measure((column.cell)(row))).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = Vec::new();
        let mut min_widths: Vec<usize> = Vec::new();
        for column in columns {
            let whole =
                widest_cell(column, |(text, mark)| width(text) + width(mark)).max(width(column.heading));
            // At least a few letters stay before a mark.
            let marked = widest_cell(column, |(_, mark)| if mark.is_empty() { 0 } else { width(mark) + 4 });
            widths.push(whole);
            min_widths.push(column.min_width.map_or(whole, |min| min.max(marked).min(whole)));
        }
        let room = self.width.checked_sub(GAP * columns.len().saturating_sub(1))?;
        if min_widths.iter().sum::<usize>() > room {
            return None;
        }
        while widths.iter().sum::<usize>() > room {
            let widest =
                (0..widths.len()).filter(|&c| widths[c] > min_widths[c]).max_by_key(|&c| widths[c])?;
            widths[widest] -= 1;
        }
        Some(widths)
    }

    /// Appends the heading and the rows.
    fn lines(&self, columns: &[Column], widths: &[usize], rows: &[&Row], text: &mut String) {
        let mut line = |row: Option<&Row>| {
            // Blanks are held back until a cell follows: at the end of a line they would wrap in a narrowed terminal.
            let mut blanks = 0;
            for (column, &column_width) in columns.iter().zip(widths) {
                let (cell, mark) = row.map_or((column.heading, ""), |row| (column.cell)(row));
                let cell = fit(cell, column_width - width(mark));
                let used = width(&cell) + width(mark);
                text.extend(std::iter::repeat_n(' ', if used == 0 { 0 } else { blanks }));
                blanks = if used == 0 { blanks + column_width + GAP } else { column_width - used + GAP };
                match row {
                    Some(row) if column.painted => {
                        text.push_str(&self.paint(&row.status, &cell));
                    }
                    _ => {
                        text.push_str(&cell);
                        text.push_str(mark);
                    }
                }
            }
            text.push('\n');
        };
        line(None);
        rows.iter().for_each(|row| line(Some(row)));
    }

    /// Appends a record as a block: the name, then a line for each other field.
    fn block(&self, row: &Row, text: &mut String) {
        let name = fit(&row.name, self.width.saturating_sub(width(row.mark)));
        let _ = writeln!(text, "{name}{}", row.mark);
        let _ = writeln!(text, "  {}", row.id);
        if row.kind != Kind::Client {
            let expiry = match (&row.expires[..], &row.status[..]) {
                ("", status) => status.to_owned(),
                ("never", "active") => "never expires".to_owned(),
                (words, "active") => format!("expires {words}"),
                ("expired", _) => "expired".to_owned(),
                (words, status) => format!("{status} {words}"),
            };
            let _ = writeln!(text, "  {}", self.paint(&row.status, &expiry));
        }
        if !row.extra.is_empty() {
            let _ = writeln!(text, "  {}", fit(&row.extra, self.width.max(12) - 2));
        }
        // A secret is never cut, and has a label so that nobody copies it as an id.
        if !row.secret.is_empty() {
            let label = if row.kind == Kind::Client { "secret" } else { "token" };
            let _ = writeln!(text, "  {label} {}", row.secret);
        }
    }

    fn paint<'t>(&self, status: &str, text: &'t str) -> Cow<'t, str> {
        paint(status, text, self.color)
    }
}

/// Returns the columns of a kind; `status` and `secret` say whether they include these.
fn columns(kind: Kind, status: bool, secret: bool) -> Vec<Column> {
    let column = |heading, min_width, cell| Column { heading, min_width, painted: false, cell };
    let (name, token) = match kind {
        Kind::Client => ("NAME", "SECRET"),
        _ => ("DESCRIPTION", "TOKEN"),
    };
    let min_width = if status { 16 } else { 12 };
    let mut columns = vec![
        column(name, Some(min_width), |row: &Row| (&row.name, row.mark)),
        column("ID", None, |row| (&row.id, "")),
    ];
    match kind {
        Kind::Authz => columns.push(column("SCOPE", Some(min_width - 4), |row| (&row.extra, ""))),
        Kind::Client => columns.push(column("REDIRECT URI", Some(20), |row| (&row.extra, ""))),
        Kind::Session | Kind::Token => {}
    }
    if kind != Kind::Client {
        if status {
            columns.push(Column { painted: true, ..column("STATUS", None, |row| (&row.status, "")) });
            // The API may say only that an object has expired, which STATUS says already.
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
    fn a_table_fits_the_terminal_and_its_columns_are_aligned() {
        for width in 38..=160 {
            for reveal in [false, true] {
                let text = table(width, reveal, false, &rows());
                let lines: Vec<&str> = text.lines().collect();
                assert!(lines.iter().all(|line| super::width(line) <= width), "{width}: {text}");
                assert!(lines.iter().all(|line| line.trim_end() == *line), "{width}: {text}");
                // Ids, marks, expiry and secrets are never cut.
                for n in 1..=4 {
                    assert!(text.contains(&format!("0123-{n:012}")), "{width}: {text}");
                }
                assert!(text.contains(" (in use)") && text.contains("in 3 days"), "{width}: {text}");
                assert_eq!(text.contains("HRKU-AA1**********wxyz"), reveal, "{width}: {text}");
                if let Some(at) = lines[0].find("ID  ") {
                    let starts =
                        lines[1..].iter().map(|line| line.split_once("01234567").map(|l| super::width(l.0)));
                    assert!(starts.clone().all(|start| start == Some(at)), "{width}: {text}");
                } else {
                    assert_eq!(lines.len(), if reveal { 20 } else { 16 }, "{width}: {text}");
                }
            }
        }
    }

    #[test]
    fn a_status_has_a_colour_and_a_name_that_looks_like_one_has_not() {
        let text = table(120, false, true, &rows()[2..]);
        assert!(
            text.lines().any(|line| line.starts_with("active (in use)") && line.contains("\x1b[31mexpired"))
        );
        let plain = table(120, false, false, &rows()[2..]);
        assert_eq!(text.replace("\x1b[31m", "").replace("\x1b[0m", ""), plain, "colour moves nothing");
    }
}

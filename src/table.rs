//! For people: aligned columns, a block for one object, a sentence for a change.

use std::fmt::Write as _;
use std::io::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::kind::Kind;
use crate::output::expiry_words;
use crate::record::Record;
use crate::secret::{STARS, is_masked};
use crate::text::escape;
use crate::when::{self, Unix};

/// Columns of a table that goes to no window.
const WIDTH: usize = 120;

/// Rows that are aligned when all are there, one table a kind.
pub struct Table {
    width: usize,
    color: bool,
    rows: Vec<(Kind, Vec<String>)>,
}

impl Table {
    /// A table for a window of `width` columns; 0 where there is none, which counts as [`WIDTH`].
    pub fn new(width: usize, color: bool) -> Table {
        let width = if width == 0 { WIDTH } else { width };
        Table { width, color, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn add(&mut self, record: &Record<'_>, now: Unix, reveal: bool) {
        let mut name = record.name();
        if record.current {
            name.push_str(" (in use)");
        }
        if record.default {
            name.push_str(" (default API key)");
        }
        let mut row = vec![name, record.id.to_string()];
        match record.kind {
            Kind::Authz => row.push(record.text(&["scope"]).replace(' ', ",")),
            Kind::Client => row.push(record.text(&["redirect_uri"])),
            Kind::Session | Kind::Token => {}
        }
        if record.kind != Kind::Client {
            row.push(record.status.to_string());
            row.push(expiry_words(record, now));
        }
        if reveal && record.kind != Kind::Session {
            row.push(record.secret().unwrap_or_default());
        }
        self.rows.push((record.kind, row.into_iter().map(|c| escape(&c).into_owned()).collect()));
    }

    /// Prints the tables, each sorted by name as the Heroku CLI sorts it.
    pub fn print(&mut self, out: &mut Vec<u8>) {
        let mut first = true;
        for kind in Kind::ALL {
            let mut rows: Vec<Vec<String>> =
                self.rows.iter().filter(|(k, _)| *k == kind).map(|(_, row)| row.clone()).collect();
            if rows.is_empty() {
                continue;
            }
            rows.sort();
            if !first {
                out.push(b'\n');
            }
            first = false;
            self.print_one(kind, &rows, out);
        }
    }

    fn print_one(&self, kind: Kind, rows: &[Vec<String>], out: &mut Vec<u8>) {
        let heads: &[&str] = match kind {
            Kind::Authz => &["DESCRIPTION", "ID", "SCOPE", "STATUS", "EXPIRES", "TOKEN"],
            Kind::Client => &["NAME", "ID", "REDIRECT URI", "SECRET"],
            Kind::Session => &["DESCRIPTION", "ID", "STATUS", "EXPIRES"],
            Kind::Token => &["DESCRIPTION", "ID", "STATUS", "EXPIRES", "TOKEN"],
        };
        let columns = rows.first().map_or(0, Vec::len);
        let mut widths: Vec<usize> = (0..columns)
            .map(|c| rows.iter().map(|r| r[c].width()).max().unwrap_or(0).max(heads[c].len()))
            .collect();
        // What does not fit is taken from the name first: ids and words stay whole as long as they can.
        let gaps = 2 * columns.saturating_sub(1);
        let mut over = (widths.iter().sum::<usize>() + gaps).saturating_sub(self.width);
        let flexible: &[usize] = if matches!(kind, Kind::Client | Kind::Authz) { &[0, 2] } else { &[0] };
        for &c in flexible {
            let cut = over.min(widths[c].saturating_sub(12));
            widths[c] -= cut;
            over -= cut;
        }
        let mut line = |cells: &[&str], status: Option<&str>| {
            let mut text = String::new();
            for (c, cell) in cells.iter().enumerate() {
                let cut = fit(cell, widths[c]);
                let pad = widths[c].saturating_sub(cut.width());
                let painted = status.filter(|_| self.color && (*cell == "active" || *cell == "expired"));
                match painted {
                    Some("expired") => text.push_str(&format!("\x1b[31m{cut}\x1b[0m")),
                    Some(_) => text.push_str(&format!("\x1b[32m{cut}\x1b[0m")),
                    None => text.push_str(&cut),
                }
                if c + 1 < cells.len() {
                    text.push_str(&" ".repeat(pad + 2));
                }
            }
            out.extend_from_slice(text.trim_end().as_bytes());
            out.push(b'\n');
        };
        line(&heads[..columns], None);
        for row in rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            line(&cells, row.get(if kind == Kind::Authz { 3 } else { 2 }).map(String::as_str));
        }
    }
}

/// `text` in at most `width` columns, with an ellipsis where something was cut.
fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut out, mut used) = (String::new(), 1);
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// A change in words.
pub fn sentence(out: &mut Vec<u8>, record: &Record<'_>) {
    let status = record.status.replace('-', " ");
    let name = record.name();
    let _ = write!(out, "{} {}", escape(&status), record.kind.noun());
    if !record.id.is_empty() {
        let _ = write!(out, " {}", escape(&record.id));
    }
    if !name.is_empty() {
        let _ = write!(out, " ({})", escape(&name));
    }
    out.push(b'\n');
}

/// One object, a field a line, as the Heroku CLI shows it.
pub fn details(out: &mut Vec<u8>, record: &Record<'_>, now: Unix, reveal: bool) {
    let none = |text: String| if text.is_empty() { "<none>".to_owned() } else { text };
    let date = |name: &str| {
        let text = record.text(&[name]);
        match when::parse_rfc3339(&text) {
            Some(at) => format!("{text} ({})", when::relative(at, now)),
            None => text,
        }
    };
    let expires = match record.expires_at() {
        Some(at) => format!("{at} ({})", expiry_words(record, now)),
        None => expiry_words(record, now),
    };
    let shown = |path: &[&str]| match record.text(path) {
        secret if reveal || secret.is_empty() || is_masked(&secret) => secret,
        _ => STARS.to_owned(),
    };
    let id = record.id.to_string();
    let fields: Vec<(&str, String)> = match record.kind {
        Kind::Authz => vec![
            ("Client", none(record.text(&["client", "name"]))),
            ("Redirect URI", record.text(&["client", "redirect_uri"])),
            ("ID", id),
            ("Description", record.text(&["description"])),
            ("Scope", record.text(&["scope"]).replace(' ', ", ")),
            ("Token", shown(&["access_token", "token"])),
            ("Expires at", expires),
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
            ("Expires at", expires),
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
        let _ = writeln!(text, "{:<14}{}", format!("{name}:"), escape(value));
    }
    out.extend_from_slice(text.as_bytes());
}

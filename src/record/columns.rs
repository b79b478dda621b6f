//! The fixed CSV columns of each kind, and the escapes in a CSV cell (oauth-record(5)).

use crate::base::secret::{STARS, is_masked, mask_tokens};
use crate::record::Record;
use crate::record::kind::Kind;

/// A CSV column: its name, and the path of its field in the object. Header fields have no path.
pub(crate) type Column = (&'static str, &'static [&'static str]);

/// Returns the fixed CSV columns of a kind, in their order.
pub(crate) fn columns(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Authz => &[
            ("kind", &[]),
            ("id", &[]),
            ("status", &[]),
            ("expires_at", &[]),
            ("current", &[]),
            ("default", &[]),
            ("description", &["description"]),
            ("scope", &["scope"]),
            ("client_id", &["client", "id"]),
            ("client_name", &["client", "name"]),
            ("token", &["access_token", "token"]),
            ("created_at", &["created_at"]),
            ("updated_at", &["updated_at"]),
            ("code", &["grant", "code"]),
        ],
        Kind::Client => &[
            ("kind", &[]),
            ("id", &[]),
            ("status", &[]),
            ("expires_at", &[]),
            ("name", &["name"]),
            ("redirect_uri", &["redirect_uri"]),
            ("secret", &["secret"]),
            ("created_at", &["created_at"]),
            ("updated_at", &["updated_at"]),
        ],
        Kind::Session => &[
            ("kind", &[]),
            ("id", &[]),
            ("status", &[]),
            ("expires_at", &[]),
            ("current", &[]),
            ("description", &["description"]),
            ("created_at", &["created_at"]),
            ("updated_at", &["updated_at"]),
        ],
        Kind::Token => &[
            ("kind", &[]),
            ("id", &[]),
            ("status", &[]),
            ("expires_at", &[]),
            ("authorization_id", &["authorization", "id"]),
            ("token", &["access_token", "token"]),
            ("refresh_token", &["refresh_token", "token"]),
        ],
    }
}

/// Returns the text of a cell; secrets are masked unless `reveal`.
pub(crate) fn cell(record: &Record<'_>, column: Column, reveal: bool) -> String {
    let mark = |is: bool| if is { "true".to_owned() } else { String::new() };
    match column {
        ("kind", _) => record.kind.word().to_owned(),
        ("id", _) => record.id.to_string(),
        ("status", _) => record.status.to_string(),
        ("expires_at", _) => record.expires_at().unwrap_or_default(),
        ("current", _) => mark(record.current),
        ("default", _) => mark(record.default),
        (name, path) => {
            let text = record.text(path);
            let hide = matches!(name, "token" | "secret" | "refresh_token" | "code") && !reveal;
            match hide && !text.is_empty() && !is_masked(&text) {
                true => STARS.to_owned(),
                false if reveal && !["description", "name", "client_name"].contains(&name) => text,
                false => mask_tokens(&text).into_owned(),
            }
        }
    }
}

/// Returns whether a cell needs a `'` before it: a spreadsheet could run it as a formula, also after blanks or a byte order
/// mark, or in full width; or it begins with a `'` itself.
fn needs_quote(cell: &str) -> bool {
    let blank = |c: char| (c.is_whitespace() && !c.is_control()) || matches!(c, '\u{200b}' | '\u{feff}');
    let formula = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    cell.starts_with('\'') || cell.trim_start_matches(blank).starts_with(formula)
}

/// Escapes the text of a CSV cell, so that it stays on one line and no spreadsheet runs it as a formula.
///
/// `\` and control characters are written as in JSON (`\\`, `\n`, `\u001b`); a text that begins with one of
/// `= + - @ '`, or with blanks before one, gets a `'` before it. [`unescape_cell`] reverses both exactly.
pub fn escape_cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    if needs_quote(text) {
        out.push('\'');
    }
    for c in text.chars() {
        match c {
            '\\' => out.push_str(r"\\"),
            '\n' => out.push_str(r"\n"),
            '\r' => out.push_str(r"\r"),
            '\t' => out.push_str(r"\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Returns the text of a CSV cell: the reverse of [`escape_cell`]. Unknown escapes are left as they are.
pub fn unescape_cell(cell: &str) -> String {
    let cell = match cell.strip_prefix('\'') {
        Some(rest) if needs_quote(rest) => rest,
        _ => cell,
    };
    let mut out = String::with_capacity(cell.len());
    let mut rest = cell;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let (c, len) = match escape.bytes().next() {
            Some(b'\\') => ('\\', 1),
            Some(b'n') => ('\n', 1),
            Some(b'r') => ('\r', 1),
            Some(b't') => ('\t', 1),
            Some(b'u') => match escape.get(1..5).and_then(|hex| u32::from_str_radix(hex, 16).ok()) {
                Some(code) => (char::from_u32(code).unwrap_or('\u{fffd}'), 5),
                None => ('\\', 0),
            },
            _ => ('\\', 0),
        };
        out.push(c);
        rest = &escape[len..];
    }
    out + rest
}

#[cfg(test)]
mod formula_tests {
    use super::*;

    #[test]
    fn no_disguise_makes_a_formula_of_a_cell() {
        for text in
            ["=1", " =1", "\u{feff}=1", "\u{a0}@x", "\u{ff1d}1", " \u{ff0b}1", "'=1", "' =1", "'' =1", " -1"]
        {
            let cell = escape_cell(text);
            assert!(cell.starts_with('\''), "{cell:?}");
            assert_eq!(unescape_cell(&cell), text, "{cell:?}");
        }
        for text in [" a", "\t=1", "a=1", "\u{feff}"] {
            assert!(!escape_cell(text).starts_with('\''), "{text:?}");
            assert_eq!(unescape_cell(&escape_cell(text)), text, "{text:?}");
        }
    }
}

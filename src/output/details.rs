//! One object for people: a field per line.

use std::fmt::Write as _;

use crate::base::secret::{STARS, is_masked};
use crate::base::text::escape;
use crate::base::time::{self, Unix};
use crate::output::cells::{NONE, paint};
use crate::record::Record;
use crate::record::kind::Kind;

/// Appends one object, a field per line, with the labels of the Heroku CLI.
pub(crate) fn write_details(out: &mut Vec<u8>, record: &Record<'_>, now: Unix, reveal: bool, color: bool) {
    // The filters use the server's clock too.
    let now = record.as_of.unwrap_or(now);
    let or_none = |text: String| if text.is_empty() { NONE.to_owned() } else { text };
    let date = |name: &str| {
        let text = record.text(&[name]);
        match time::parse_rfc3339(&text) {
            Some(at) => format!("{text} ({})", time::relative(at, now)),
            None => text,
        }
    };
    // An object to create says how long it is to live; without that, it never expires.
    let planned = || match record.text(&["expires_in"]).parse() {
        Ok(seconds) => format!("in {}", time::span_words(seconds)),
        Err(_) => "never".to_owned(),
    };
    let words = if record.status == "would-create" { planned() } else { record.expiry_words(now) };
    let expires = match record.expires_at() {
        Some(at) => format!("{at} ({words})"),
        None => words,
    };
    let secret = |path: &[&str]| match record.text(path) {
        text if reveal || text.is_empty() || is_masked(&text) => text,
        _ => STARS.to_owned(),
    };
    let paths: [&[&str]; 3] = [&["client", "name"], &["client", "id"], &["client"]];
    let client = paths.map(|path| record.text(path)).into_iter().find(|text| !text.is_empty());
    let id = record.id.to_string();
    // Any other status is the result of a change, which the sentence before has.
    let status = match (&record.status[..], record.current, record.default) {
        (status @ ("active" | "expired"), true, _) => format!("{status} (in use)"),
        (status @ ("active" | "expired"), _, true) => format!("{status} (default API key)"),
        (status @ ("active" | "expired"), ..) => status.to_owned(),
        _ => String::new(),
    };
    let fields: Vec<(&str, String)> = match record.kind {
        Kind::Authz => vec![
            ("Client", or_none(client.unwrap_or_default())),
            ("Redirect URI", record.text(&["client", "redirect_uri"])),
            ("ID", id),
            ("Description", record.title()),
            ("Scope", record.text(&["scope"]).replace(' ', ", ")),
            ("Code", secret(&["grant", "code"])),
            ("Token", secret(&["access_token", "token"])),
            ("Refresh token", secret(&["refresh_token", "token"])),
            ("Status", status),
            ("Expires at", expires),
            ("Created at", date("created_at")),
            ("Updated at", date("updated_at")),
        ],
        Kind::Client => vec![
            ("Name", record.title()),
            ("ID", id),
            ("Redirect URI", record.text(&["redirect_uri"])),
            ("Secret", secret(&["secret"])),
            ("Created at", date("created_at")),
            ("Updated at", date("updated_at")),
        ],
        Kind::Session => vec![
            ("Description", record.title()),
            ("ID", id),
            ("Status", status),
            ("Expires at", expires),
            ("Created at", date("created_at")),
            ("Updated at", date("updated_at")),
        ],
        Kind::Token => vec![
            ("ID", id),
            ("Token", secret(&["access_token", "token"])),
            ("Refresh token", secret(&["refresh_token", "token"])),
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

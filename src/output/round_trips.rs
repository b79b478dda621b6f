//! Properties that hold for any text, tested on random ones: a record survives each format and back.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::base::secret::{STARS, redact};
use crate::base::text::{escape, shell_word};
use crate::input::entry::{Fields, Need};
use crate::input::reader::{Found, Lines, read_all};
use crate::input::sniffer::Sniffer;
use crate::output::{Format, Output, Style};
use crate::record::Record;
use crate::record::kind::Kind;
use crate::sys::streams::Io;

/// Pieces of text that break careless formats.
const NASTY: [&str; 32] = [
    "\"", "\"\"", "'", "\\", "\\n", "\\u0041", "\n", "\r\n", "\r", "\t", "\0", "\x1b[31m", "\x07", "\x7f",
    "\u{85}", "\u{9b}", "\u{202e}", "\u{2028}", "\u{feff}", "\u{fffd}", ",", ";", "=1+1", "+", "-n", "@",
    "{", "[", "#", " ", "🌙", "é",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => proptest::sample::select(&NASTY[..]).prop_map(str::to_owned),
        2 => any::<char>().prop_map(String::from),
        1 => "[ -~]{0,12}",
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_][A-Za-z0-9_-]{0,40}"
}

/// Prints an object of the API in a format.
fn print(kind: Kind, object: &Value, format: Format) -> String {
    let (mut io, out, _) = Io::test("");
    let style = Style {
        format,
        reveal: false,
        single: false,
        change: false,
        eager: false,
        color: false,
        sorted: false,
    };
    let json = object.to_string();
    let record = Record::from_api(kind, &json, 0).expect("a record");
    let mut output = Output::new(&mut io, style);
    output.record(&record).expect("printed");
    output.finish().expect("finished");
    out.text()
}

/// Reads the one record of a text: its kind and id as most tools do, its fields as oauth-mk does.
fn read(text: &str) -> (Kind, String, Fields) {
    let (kind, id, _) = read_for(text, Need::Identity);
    let (_, _, fields) = read_for(text, Need::New);
    (kind, id, fields)
}

fn read_for(text: &str, need: Need) -> (Kind, String, Fields) {
    let mut found = Vec::new();
    let read = read_all(text.as_bytes(), need, &mut |number: u32, _: &[u8], entry: Found<'_>| {
        if let Some(entry) = entry.unwrap_or_else(|e| panic!("line {number}: {e}\n{text}")) {
            let kind = entry.kind(None).expect("a kind");
            let fields = entry.fields.as_deref().cloned().unwrap_or_default();
            found.push((kind, entry.id().unwrap_or_default().to_owned(), fields));
        }
        Ok(())
    });
    assert!(read.is_ok() && found.len() == 1, "one record: {found:?}\n{text}");
    found.remove(0)
}

/// CSV cannot tell an empty text from none.
fn as_csv(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|t| !t.is_empty())
}

fn check_authz(id: &str, description: &str) {
    let object =
        json!({ "id": id, "description": description, "scope": ["read", "write"], "client": { "id": id } });
    let scope = Some(vec!["read".to_owned(), "write".to_owned()]);
    let whole = Fields {
        description: Some(description.to_owned()),
        scope,
        client_id: Some(id.to_owned()),
        ..Fields::NONE
    };
    let (ndjson, csv) =
        (print(Kind::Authz, &object, Format::Ndjson), print(Kind::Authz, &object, Format::Csv));
    assert_eq!(ndjson.lines().count(), 1, "one line: {ndjson}");
    assert_eq!(read(&ndjson), (Kind::Authz, id.to_owned(), whole.clone()));
    let whole = Fields { description: as_csv(description), ..whole };
    assert_eq!(read(&csv), (Kind::Authz, id.to_owned(), whole.clone()));
    let row = csv.split_once('\n').map(|(_, row)| row).unwrap_or_default();
    assert_eq!(read(row), (Kind::Authz, id.to_owned(), whole), "without its header");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn an_authorization_survives_every_format(id in id(), description in text()) {
        check_authz(&id, &description);
    }

    #[test]
    fn a_client_survives_every_format(id in id(), name in text(), url in text()) {
        // Without a member that no CSV row has, text that looks escaped would be refused.
        let object = json!({ "id": id, "name": name, "redirect_uri": url, "ignores_delinquent": null });
        let whole = Fields { name: Some(name.clone()), url: Some(url.clone()), ..Fields::NONE };
        prop_assert_eq!(read(&print(Kind::Client, &object, Format::Ndjson)), (Kind::Client, id.clone(), whole));
        let whole = Fields { name: as_csv(&name), url: as_csv(&url), ..Fields::NONE };
        prop_assert_eq!(read(&print(Kind::Client, &object, Format::Csv)), (Kind::Client, id, whole));
    }

    #[test]
    fn unknown_fields_keep_their_values(id in id(), name in text(), value in text()) {
        prop_assume!(!["kind", "id", "status", "expires_at", "current", "default"].contains(&name.as_str()));
        let secret = ["token", "secret", "code", "refresh_token", "access_token", "session_nonce", "password"];
        prop_assume!(!secret.contains(&name.as_str()));
        let object = json!({ "id": id, name.as_str(): { "deep": [value] } });
        for format in [Format::Ndjson, Format::Json] {
            let printed = print(Kind::Session, &object, format);
            let back: Value = serde_json::from_str(&printed).expect("JSON");
            let back = if format == Format::Json { &back[0] } else { &back };
            prop_assert_eq!(&back[name.as_str()], &object[name.as_str()], "{}", printed);
        }
    }

    #[test]
    fn tables_and_messages_never_move_the_cursor(name in text()) {
        for printed in [
            print(Kind::Client, &json!({ "id": "c", "name": name, "redirect_uri": name }), Format::Table),
            escape(&name).into_owned(),
        ] {
            let bad = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
            prop_assert!(!printed.contains(bad), "{:?}", printed);
        }
    }

    #[test]
    fn lines_are_those_of_a_simple_split(parts in vec("[\r a-z]{0,9}|\n|\n\n", 0..60), chunk in 1usize..9) {
        let text = parts.concat();
        let mut split: Vec<&str> = text.split('\n').collect();
        if split.last().is_some_and(|last| last.is_empty()) {
            split.pop();
        }
        let mut lines = Lines::new(SlowPipe { bytes: text.as_bytes(), chunk });
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next_line().expect("no error") {
            prop_assert_eq!(number as usize, found.len() + 1);
            found.push(String::from_utf8_lossy(line).into_owned());
        }
        prop_assert_eq!(&found, &split);
        let mut all = Vec::new();
        let _ = read_all(SlowPipe { bytes: text.as_bytes(), chunk }, Need::Identity, &mut |_: u32, line: &[u8], _: Found<'_>| {
            all.push(String::from_utf8_lossy(line).into_owned());
            Ok(())
        });
        prop_assert_eq!(&all, &split);
    }

    #[test]
    fn the_sniffer_accepts_any_bytes(lines in vec(vec(any::<u8>(), 0..60), 0..8), texts in vec(text(), 0..8)) {
        for need in [Need::Identity, Need::Fields, Need::New] {
            let mut sniffer = Sniffer::new(need);
            for line in lines.iter().map(Vec::as_slice).chain(texts.iter().map(String::as_bytes)) {
                if let Ok(Some(entry)) = sniffer.line(line) {
                    // A valid id cannot change a URL path.
                    let safe = |id: &str| id == "~" || id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
                    prop_assert!(entry.id().map_or(true, safe));
                }
            }
        }
    }

    #[test]
    fn redaction_leaves_no_token(pieces in vec(piece(), 0..8)) {
        let text: String = pieces.iter().map(|(before, token)| format!("{before}{token} ")).collect();
        let shown = redact(&text, &[]).into_owned();
        for (_, token) in pieces.iter().filter(|(_, token)| !token.is_empty()) {
            prop_assert!(!shown.contains(token.as_str()), "{}\n{}", text, shown);
        }
        prop_assert_eq!(redact(&shown, &[]), shown.as_str(), "a second redaction changes nothing");
    }

    #[test]
    fn known_secrets_are_always_redacted(before in text(), secret in "[!-~]{4,40}", after in text()) {
        let shown = redact(&format!("{before}{secret}{after}"), &[&secret]).into_owned();
        prop_assert!(STARS.contains(&secret) || !shown.contains(&secret), "{}", shown);
    }
}

/// Random text, and a token after it or none.
fn piece() -> impl Strategy<Value = (String, String)> {
    let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
    let announced = proptest::sample::select(
        &["token: ", "Secret=", "\"token\":\"", "Bearer ", "code ", "API_KEY='"][..],
    );
    prop_oneof![
        text().prop_map(|noise| (noise, String::new())),
        uuid.prop_map(|id| (format!("authz {id} "), String::new())),
        (text(), uuid).prop_map(|(noise, uuid)| (noise, format!("HRKU-{uuid}"))),
        (text(), "HRKU-AA[0-9A-Za-z_-]{58}").prop_map(|(noise, token)| (noise, token)),
        (text(), announced, uuid).prop_map(|(noise, word, uuid)| (format!("{noise}{word}"), uuid)),
    ]
}

/// Returns its bytes in small pieces, as a slow pipe does.
struct SlowPipe<'a> {
    bytes: &'a [u8],
    chunk: usize,
}

impl std::io::Read for SlowPipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.chunk.min(self.bytes.len()).min(buffer.len());
        buffer[..n].copy_from_slice(&self.bytes[..n]);
        self.bytes = &self.bytes[n..];
        Ok(n)
    }
}

#[test]
fn very_long_texts_survive_too() {
    for piece in ["x", "\"", "\n", "\\", "漢", "\0"] {
        check_authz("a1", &piece.repeat(200_000 / piece.len()));
    }
}

#[test]
fn a_shell_reads_every_word_unchanged() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 50,
        failure_persistence: None,
        ..Default::default()
    });
    let outcome = runner.run(&text(), |word| {
        // A shell cannot hold a NUL.
        let word = word.replace('\0', "");
        let script = format!("printf %s {}", shell_word(&word));
        let ran = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
        prop_assert!(ran.status.success() && ran.stdout == word.as_bytes(), "{}\n{:?}", script, ran);
        Ok(())
    });
    outcome.unwrap_or_else(|e| panic!("{e}"));
}

//! Properties that hold for any input: one function per target, used by the fuzzer and by tests/corpus.rs.

use std::io::{Cursor, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use oauth_tools::parts::{
    self, Api, Base, Config, Entry, Failure, Found, Http, Kind, Lines, Messages, Method, Need, Policy,
    Record, Request, Response, Secret, Sniffer, Stop, Transport, Verb, escape_cell, read_all, redact,
    unescape_cell,
};
use oauth_tools::sandbox;
use serde_json::Value;

/// The name of a target and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 11] = [
    ("record", record),
    ("input", input),
    ("plan", plan),
    ("csv", csv),
    ("netrc", netrc),
    ("redact", redaction),
    ("answers", answers),
    ("http", http),
    ("sandbox", requests),
    ("when", times),
    ("fault", faults),
];

/// A record is printed as one line of JSON with its header fields. Its secrets are hidden by default.
pub fn record(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for kind in Kind::ALL {
        let read = [Record::from_api(kind, text, 1_700_000_000), Record::from_line(kind, text)];
        for record in read.into_iter().flatten() {
            for reveal in [false, true] {
                let mut line = Vec::new();
                record.write_json(&mut line, reveal);
                assert!(!line.contains(&b'\n') && !line.contains(&b'\r'), "one line");
                let back: Value = match serde_json::from_slice(&line) {
                    Ok(back) => back,
                    // Records keep values that serde_json cannot represent: huge numbers, lone surrogates.
                    Err(e) => {
                        let e = e.to_string();
                        return assert!(e.contains("number out of range") || e.contains("hex escape"), "{e}");
                    }
                };
                assert_eq!(back["kind"], kind.word());
                if !reveal {
                    check_hidden(&back, "");
                }
            }
            let _ = (record.name(), record.secret(), record.expires_at(), record.text(&["scope"]));
        }
    }
}

/// Checks that each member with the name of a secret is empty or masked.
fn check_hidden(value: &Value, name: &str) {
    const SECRET: [&str; 7] =
        ["token", "secret", "code", "refresh_token", "access_token", "session_nonce", "password"];
    match value {
        Value::String(text) if SECRET.contains(&name) => {
            assert!(text.is_empty() || text.contains("**********"), "{name}");
        }
        Value::Number(_) => assert!(!SECRET.contains(&name), "{name}"),
        Value::Array(items) => items.iter().for_each(|item| check_hidden(item, name)),
        Value::Object(members) => members.iter().for_each(|(name, value)| check_hidden(value, name)),
        _ => {}
    }
}

/// Threads that parse blocks of lines find the same records as a loop over single lines, also in JSON over several lines,
/// and ids are safe in a path. A line that goes into a `--rest` file is one line and is read back as the same record, and
/// what can be read is read the same behind a byte order mark, between comments and blank rows, and in indented JSON.
pub fn input(bytes: &[u8]) {
    for need in [Need::Identity, Need::Fields, Need::New, Need::Whole] {
        let describe = |entry: Result<Option<Entry<'_>>, String>| match entry {
            Ok(Some(entry)) => {
                let id = entry.id().map(str::to_owned);
                if let Ok(id) = &id {
                    let safe = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
                    assert!(id == "~" || (!id.starts_with('-') && id.bytes().all(safe)), "{id}");
                }
                let (kind, marks) = (entry.kind(None), (entry.current, entry.default));
                format!("{kind:?} {id:?} {marks:?} {:?}", entry.fields)
            }
            other => format!("{:?}", other.map(|_| ())),
        };
        let mut at_once = Vec::new();
        let read = read_all(bytes, need, &mut |number: u32, line: &[u8], entry: Found<'_>| {
            at_once.push((number, line.to_owned(), describe(entry)));
            Ok(())
        });
        assert!(read.is_ok());
        let (mut sniffer, mut lines) = (Sniffer::new(need), Lines::new(bytes));
        let mut one_by_one = Vec::new();
        while let Some((number, line)) = lines.next_line().expect("short lines") {
            one_by_one.push((number, line.to_owned(), describe(sniffer.line(line))));
        }
        assert_eq!(at_once, one_by_one);
        assert!(at_once.iter().all(|(_, line, _)| !line.contains(&b'\n')), "one line");
        // A record of JSON means the same alone, marked, and in indented form.
        let json = at_once.iter().filter(|(_, line, found)| line.starts_with(b"{") && !found.contains("Err"));
        for (_, line, found) in json.take(4) {
            let alone = |text: &[u8]| {
                let (mut lines, mut sniffer) = (Lines::new(text), Sniffer::new(need));
                let mut all = Vec::new();
                while let Some((_, line)) = lines.next_line().expect("short lines") {
                    match sniffer.line(line) {
                        Ok(None) => {}
                        other => all.push(describe(other)),
                    }
                }
                all
            };
            assert_eq!(alone(line), [found.as_str()]);
            let marked = [&b"# a comment\n,,\n\xef\xbb\xbf"[..], line, b"\r\n#\n"].concat();
            assert_eq!(alone(&marked), [found.as_str()]);
            if let Ok(value) = serde_json::from_slice::<Value>(line)
                && serde_json::to_vec(&value).is_ok_and(|compact| alone(&compact) == [found.as_str()])
            {
                let indented = serde_json::to_vec_pretty(&value).expect("JSON");
                assert_eq!(alone(&indented), [found.as_str()]);
                assert_eq!(alone(&[&indented[..], b"\n", &indented].concat()).len(), 2);
            }
        }
    }
}

/// A line of a plan is read as serde_json reads it, or refused. What is to be made has no id, and nothing else lacks one.
pub fn plan(bytes: &[u8]) {
    let mut accepted = Vec::new();
    let read = read_all(bytes, Need::Plan, &mut |_: u32, line: &[u8], entry: Found<'_>| {
        if let Ok(Some(entry)) = entry {
            let fields = entry.fields.as_deref().cloned().expect("fields");
            accepted.push((line.to_owned(), fields));
        }
        Ok(())
    });
    assert!(read.is_ok());
    for (line, fields) in accepted {
        let hunk = fields.hunk.expect("a hunk");
        // Lines may hold what serde_json cannot represent: huge numbers, lone surrogates.
        let Ok(json) = serde_json::from_slice::<Value>(&line) else { continue };
        let word = match hunk.verb {
            Verb::Added => "added",
            Verb::Changed => "changed",
            Verb::Removed => "removed",
        };
        assert_eq!(json["change"], word);
        if hunk.verb == Verb::Changed {
            assert_eq!(json["was"].as_object().map(serde_json::Map::len), Some(hunk.values.len()));
            for value in &hunk.values {
                let was = serde_json::from_str::<Value>(&value.was).expect("JSON");
                assert_eq!(json["was"][&value.name], was);
                let now = value.now.as_ref().map(|now| serde_json::from_str::<Value>(now).expect("JSON"));
                assert_eq!(json.get(&value.name), now.as_ref());
            }
        }
        if hunk.verb == Verb::Added {
            if let Some(name) = &fields.name {
                assert!(json["name"] == *name.as_str() || json["name"].is_number());
            }
            assert!(fields.scope.is_none() || json.get("scope").is_some());
        }
    }
}

/// A CSV cell has no control characters, is not a formula, and is read back unchanged.
pub fn csv(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let cell = escape_cell(text);
    assert!(!cell.contains(char::is_control) && !cell.starts_with(['=', '+', '-', '@']), "{cell}");
    assert_eq!(unescape_cell(&cell), text);
    let _ = unescape_cell(text);
}

/// Any text can be parsed as a netrc file, a password is never longer than the text, and an entry on lines of its own is
/// found whatever stands before it, unless that has an entry for the same host.
pub fn netrc(bytes: &[u8]) {
    const HOST: &str = "api.heroku.com";
    let text = String::from_utf8_lossy(bytes);
    let found = parts::password(&text, HOST, None);
    assert!(found.as_ref().is_none_or(|password| password.len() <= text.len()));
    if !text.to_lowercase().contains(HOST) {
        let with = format!("{text}\n\nmachine {HOST}\n  login me\n  password p1\n");
        assert_eq!(parts::password(&with, HOST, None).as_deref(), Some("p1"));
    }
}

/// A token, a client secret and a known secret are redacted whatever text is around them. Redacting twice is the same.
pub fn redaction(bytes: &[u8]) {
    const LONG: &str = "HRKU-AAxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyz0";
    const UUID: &str = "b9c4a6de-6fd1-4f4e-9d4f-0cf4b8a2b6a1";
    const KNOWN: &str = "hunter2-and-more";
    let noise = String::from_utf8_lossy(bytes);
    if [&LONG[5..], UUID, KNOWN].iter().any(|secret| noise.contains(secret)) {
        return;
    }
    let middle = (0..=noise.len() / 2).rev().find(|at| noise.is_char_boundary(*at)).unwrap_or(0);
    let (before, after) = noise.split_at(middle);
    let text = format!("{before} {LONG} {after} token: {UUID}, {KNOWN}{before}");
    let shown = redact(&text, &[KNOWN]);
    for secret in [LONG, UUID, KNOWN] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(redact(&shown, &[KNOWN]), shown);
}

/// Every call of the API returns, whatever the responses are. The input is a series of responses.
pub fn answers(bytes: &[u8]) {
    type Canned = (u16, Vec<(String, String)>, Vec<u8>);
    struct Script(Mutex<Vec<Canned>>);
    impl Transport for Script {
        fn send(&self, _: &Request<'_>) -> Result<Response, Failure> {
            let next = self.0.lock().expect("unharmed").pop();
            let next = next.map(|(status, headers, body)| Response {
                status,
                headers,
                body: Box::new(Cursor::new(body)),
            });
            next.ok_or(Failure::Permanent { what: "no more responses".to_owned(), hint: None })
        }
    }
    // Two bytes choose the status and the headers; the body ends at the next 0xff.
    let script = || {
        let response = |part: &[u8]| {
            const STATUS: [u16; 12] = [200, 206, 200, 201, 204, 302, 401, 403, 404, 422, 429, 503];
            let (head, body) = part.split_at(part.len().min(2));
            let (status, flags) = (head.first().copied().unwrap_or(0), head.get(1).copied().unwrap_or(0));
            let mut headers = Vec::new();
            let text = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            let names =
                ["next-range", "retry-after", "ratelimit-remaining", "date", "request-id", "location"];
            for (i, name) in names.into_iter().enumerate().filter(|(i, _)| flags >> i & 1 == 1) {
                headers.push((name.to_owned(), if i == 0 { format!("id ]{text}..") } else { text.clone() }));
            }
            (STATUS[usize::from(status) % STATUS.len()], headers, body.to_owned())
        };
        let mut all: Vec<Canned> = bytes.split(|b| *b == 0xff).take(20).map(response).collect();
        all.reverse();
        all
    };
    let api = || {
        let base = Base::parse("http://127.0.0.1:1").expect("a base");
        let policy = Policy { retry_for: Duration::ZERO, wait: false };
        let messages = Messages::new("oauth-fuzz", Box::new(std::io::sink()));
        let token = Secret::new("HRKU-AAthe-token-in-use-0123456789".to_owned());
        let (transport, config) = (Box::new(Script(Mutex::new(script()))), Config::from(|_| None));
        Api::new(transport, &config, base, token, policy, messages, Stop::default()).expect("an api")
    };
    for kind in Kind::LISTED {
        let mut count = 0;
        for (page, date) in api().pages(kind, None).map_while(Result::ok) {
            for object in page.objects() {
                count += 1;
                drop(Record::from_api(kind, object, date));
            }
        }
        assert!(count <= bytes.len());
    }
    let _ = api().get(Kind::Authz, "a1");
    let _ = api().delete(Kind::Client, "a1");
    let _ = api().rotate(Kind::Client, "a1");
    let _ = api().exchange("{}");
    let _ = api().account();
}

/// The HTTP client returns a response or an error for any bytes from a socket, and a body no longer than they allow.
pub fn http(bytes: &[u8]) {
    static SERVER: OnceLock<(SocketAddr, SyncSender<Vec<u8>>, Http)> = OnceLock::new();
    let (addr, queue, http) = SERVER.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let (queue, responses): (_, Receiver<Vec<u8>>) = sync_channel(1);
        std::thread::spawn(move || {
            for response in responses {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let mut head = [0; 4096];
                let _ = stream.read(&mut head);
                let _ = stream.write_all(&response);
            }
        });
        let base = Base::parse(&format!("http://{addr}")).expect("a base");
        (addr, queue, Http::new(&Config::from(|_| None), base, 1).expect("a transport"))
    });
    queue.send(bytes.to_owned()).expect("a server");
    let (method, idle, stop) = (Method::Get, Duration::ZERO, &Stop::default());
    let request = Request { method, path: "/x", headers: &[], body: None, idle, stop };
    if let Ok(mut response) = http.send(&request) {
        let mut body = Vec::new();
        let read = (&mut response.body).take(1 << 20).read_to_end(&mut body);
        assert!(addr.port() > 0 && (100..1000).contains(&response.status));
        assert!(read.is_err() || body.len() <= bytes.len() * 1100, "gzip does not compress better than this");
    }
}

/// The sandbox's parser of requests accepts or rejects any bytes.
pub fn requests(bytes: &[u8]) {
    match sandbox::head_len(bytes) {
        Ok(Some(len)) => assert!(len <= bytes.len()),
        Ok(None) => {}
        Err(status) => assert!((400..500).contains(&status)),
    }
}

/// Dates and durations are parsed within their limits, and dates survive a round trip.
pub fn times(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for now in [0, 1_700_000_000, i64::from(u32::MAX)] {
        if let Some(pause) = parts::retry_after(&text, now) {
            assert!(pause <= Duration::from_secs(300));
        }
    }
    if let Ok(span) = parts::parse_span(&text) {
        assert!(span.as_secs() <= u64::from(u32::MAX));
        let _ = parts::span_words(span.as_secs());
    }
    for at in [parts::parse_rfc3339(&text), parts::parse_http_date(&text)].into_iter().flatten() {
        if let Some(again) = parts::rfc3339(at) {
            assert_eq!(parts::parse_rfc3339(&again), Some(at), "{again}");
        }
        let _ = parts::relative(at, 0);
    }
}

/// Fault specifications survive a round trip; base URLs are safe; header lines cannot be injected.
pub fn faults(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(fault) = text.parse::<sandbox::Fault>() {
        assert_eq!(fault.to_string(), text);
    }
    let _ = parts::check_redirect_uri(text);
    if let Ok(base) = Base::parse(text) {
        assert!(base.scheme() == "https" || base.is_loopback(), "{text}");
        assert!(!base.url("/x").contains(char::is_whitespace), "{text}");
    }
    let value = text.to_owned();
    let config = Config::from(move |name| (name == "HEROKU_HEADERS").then(|| value.clone().into()));
    for (name, value) in config.headers().unwrap_or_default() {
        assert!(!name.eq_ignore_ascii_case("authorization") && !value.contains(['\r', '\n']), "{text}");
    }
}

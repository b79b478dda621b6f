//! Sends responses with a fault.

use std::io::{self, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;
use serde_json::Value;

use crate::sandbox::account::clock;
use crate::sandbox::account::json::{Show, View};
use crate::sandbox::faults::mangle;
use crate::sandbox::faults::spec::{FaultKind, RetryAfter};
use crate::sandbox::shared::Shared;
use crate::sandbox::wire::http::{Connection, Request, Response, reason};

/// The limits after which endless responses stop all the same, in bytes and time.
const ENDLESS_BYTES: usize = 64 * 1024 * 1024;
const ENDLESS_TIME: Duration = Duration::from_secs(10);
/// The unpacked size of a gzip bomb, in bytes.
const BOMB_BYTES: usize = 1 << 30;
/// The size of flooding lists, in bytes: less than a client's limit, which must not be what stops them.
const FLOOD_LIST: usize = 60_000_000;
/// The size of flooding objects, in bytes, likewise.
const FLOOD_OBJECT: usize = 8_000_000;
/// The depth of nested arrays.
const FLOOD_DEPTH: usize = 1_000_000;

/// Returns the response that a fault sends instead of the true one. `response` is the true one, `None` if the request
/// was not applied. Faults that break the transfer itself are in [`send`].
pub(in crate::sandbox) fn replace(
    kind: &FaultKind,
    shared: &Shared,
    request: &Request,
    response: Option<Response>,
) -> Response {
    let response = response.unwrap_or_else(|| Response::json(200, Vec::new()));
    let body = |mangled: Vec<u8>| Response { body: mangled, ..without_body(&response) };
    match kind {
        FaultKind::TooMany(after) => too_many(*after),
        FaultKind::Status { status: 405, .. } => {
            Response::error(405, "method_not_allowed", "This server cannot do that.")
        }
        FaultKind::Status { status: 502, .. } => bad_gateway(),
        FaultKind::Status { status, .. } => Response::error(*status, "error", reason(*status)),
        FaultKind::Late(_) => Response::error(504, "error", reason(504)),
        FaultKind::Redirect { status, to } => Response::json(*status, Vec::new()).with("Location", to),
        FaultKind::Garbage => body(b"<<< {\"id\": \"this is no\x1b[5m JSON".to_vec()),
        FaultKind::Null => body(b"null".to_vec()),
        FaultKind::Types => body(mangle::wrong_types(&response.body)),
        FaultKind::Dup => body(mangle::duplicate_ids(&response.body)),
        FaultKind::Mask => body(mangle::mask_secrets(&response.body)),
        FaultKind::Replay => shared.replayed.get_or_init(|| response).clone(),
        FaultKind::Id(to) => body(mangle::replace_id(&response.body, to)),
        FaultKind::NestedId(to) => body(mangle::replace_nested_ids(&response.body, to)),
        FaultKind::Text(to) => body(mangle::replace_text(&response.body, to)),
        FaultKind::Member(to) => body(mangle::merge_members(&response.body, to)),
        FaultKind::Warn => warn(response),
        FaultKind::Answer(status) => Response { status: *status, ..response },
        FaultKind::Bignum => body(mangle::big_numbers(&response.body)),
        FaultKind::BadUtf8 => body(mangle::bad_utf8(&response.body)),
        FaultKind::GzipBomb => {
            let bomb = mangle::gzip_bomb(BOMB_BYTES);
            Response { body: bomb, ..Response::json(200, Vec::new()) }.with("Content-Encoding", "gzip")
        }
        FaultKind::Loop => {
            let again = request.header("Range").unwrap_or("id ..; max=200");
            let mut looped = Response { status: 206, ..response };
            looped.headers.retain(|(name, _)| *name != "Next-Range");
            looped.with("Next-Range", again)
        }
        FaultKind::Partial => {
            let mut partial = Response { status: 206, ..response };
            partial.headers.retain(|(name, _)| *name != "Next-Range");
            partial
        }
        FaultKind::Endless => {
            // A smaller `max` each time makes the range a new one.
            let asked = request.header("Range").and_then(|range| range.split_once("max="));
            let max = asked.and_then(|(_, max)| max.parse::<u32>().ok()).unwrap_or(1000);
            let mut again = Response { status: 206, ..response };
            again.headers.retain(|(name, _)| *name != "Next-Range");
            again.with("Next-Range", &format!("id ..; max={}", max.saturating_sub(1).max(1)))
        }
        FaultKind::Quote(status) => quote_secrets(*status, shared, request),
        _ => response,
    }
}

/// Sends a response with the fault's kind of transfer; returns whether the connection stays open.
pub(in crate::sandbox) fn send(
    kind: &FaultKind,
    connection: &mut Connection,
    shared: &Shared,
    request: &Request,
    response: &Response,
) -> io::Result<bool> {
    let close = request.close;
    match kind {
        FaultKind::DropBefore | FaultKind::DropAfter => {}
        FaultKind::Cut => {
            let mut bytes = response.head(close);
            bytes.extend_from_slice(&response.body[..response.body.len() / 2]);
            connection.stream.write_all(&bytes)?;
        }
        FaultKind::Huge => {
            let start = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                Connection: close\r\n\r\n[\"";
            send_endless(connection, shared, start, &"x".repeat(64 * 1024))?;
        }
        FaultKind::HugeHeaders => {
            let line = format!("X-Padding: {}\r\n", "x".repeat(1000));
            send_endless(connection, shared, "HTTP/1.1 200 OK\r\n", &line.repeat(64))?;
        }
        FaultKind::Interim => {
            let line = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
            send_endless(connection, shared, "", &line.repeat(1000))?;
        }
        FaultKind::Many | FaultKind::Wide | FaultKind::Deep => send_flood(kind, connection, request)?,
        FaultKind::Reset => {
            // Without lingering, closing the last handle resets the connection.
            set_socket_linger(&connection.stream, Some(Duration::ZERO))?;
            return Ok(false);
        }
        FaultKind::Drip(pause) => {
            let mut bytes = response.head(close);
            bytes.extend_from_slice(&response.body);
            let start = Instant::now();
            for byte in bytes {
                if start.elapsed() > ENDLESS_TIME || shared.stopping() {
                    return Ok(false);
                }
                connection.stream.write_all(&[byte])?;
                shared.pause(*pause);
            }
            return Ok(!close);
        }
        _ => {
            connection.send(response, close)?;
            return Ok(!close);
        }
    }
    let _ = connection.stream.shutdown(Shutdown::Both);
    Ok(false)
}

fn send_endless(connection: &mut Connection, shared: &Shared, start: &str, more: &str) -> io::Result<()> {
    let begin = Instant::now();
    connection.stream.write_all(start.as_bytes())?;
    let mut sent = 0;
    while sent < ENDLESS_BYTES && begin.elapsed() < ENDLESS_TIME && !shared.stopping() {
        connection.stream.write_all(more.as_bytes())?;
        sent += more.len();
    }
    Ok(())
}

/// Sends a complete response that is within a client's size limit and grows when it is parsed: a long list, an object
/// with many members, or nested arrays.
fn send_flood(kind: &FaultKind, connection: &mut Connection, request: &Request) -> io::Result<()> {
    let is_list = request.header("Range").is_some();
    let id: String = request.path.split('/').nth(3).unwrap_or("x").chars().take(64).collect();
    let id = if id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') { id.as_str() } else { "x" };
    let object = format!("{{\"id\":\"{id}\"");
    let (start, more, end) = match kind {
        FaultKind::Many if is_list => (object + "}", ",{\"id\":\"x\"}", String::new()),
        FaultKind::Many => (format!("{object},\"scope\":[0"), ",0", "]}".to_owned()),
        FaultKind::Wide => (object, ",\"\":0", "}".to_owned()),
        // The word "token" makes a client search the value for secrets, down to its innermost array.
        _ => (format!("{object},\"scope\":[\"token\",["), "[", format!("{}]]}}", "]".repeat(FLOOD_DEPTH))),
    };
    let times = match kind {
        FaultKind::Deep => FLOOD_DEPTH,
        _ => (if is_list { FLOOD_LIST } else { FLOOD_OBJECT }) / more.len(),
    };
    let (start, end) = match kind {
        _ if is_list => (format!("[{start}"), format!("{end}]")),
        _ => (start, end),
    };
    let length = start.len() + times * more.len() + end.len();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let stream = &mut connection.stream;
    write!(stream, "{head}Content-Length: {length}\r\n\r\n{start}")?;
    let chunk = more.repeat(10_000);
    for _ in 0..times / 10_000 {
        stream.write_all(chunk.as_bytes())?;
    }
    stream.write_all(more.repeat(times % 10_000).as_bytes())?;
    stream.write_all(end.as_bytes())
}

/// Adds a warning that quotes each secret of the body, and nothing that announces a secret.
fn warn(response: Response) -> Response {
    let mut quotes = Vec::new();
    if let Ok(body) = serde_json::from_slice(&response.body) {
        secrets(&body, &mut |_, secret| quotes.push(secret.to_owned()));
    }
    response.with("Warning-Message", &format!("remember {}", quotes.join(" ")))
}

/// Returns an error that quotes every secret: the caller's token, those of the request and those of the account.
fn quote_secrets(status: u16, shared: &Shared, request: &Request) -> Response {
    let mut quotes = Vec::new();
    let token = request.header("Authorization").unwrap_or_default().trim_start_matches("Bearer ");
    quotes.push(format!("{token} may not do this"));
    if let Ok(body) = serde_json::from_slice(&request.body) {
        secrets(&body, &mut |_, secret| quotes.push(format!("{secret} came with it")));
    }
    let all = View::whole_account(shared.api.settings.redact, Show::Clear);
    for line in shared.api.read(|store| store.records(&all)).unwrap_or_default() {
        let record: Value = serde_json::from_str(&line).unwrap_or_default();
        secrets(&record, &mut |name, secret| quotes.push(format!("{name} {secret}")));
    }
    let message = quotes.join(", ");
    let warning: String = message.chars().take(4000).collect();
    Response::error(status, "quoted", &message)
        .with("Warning-Message", &warning)
        .with("Request-Id", &format!("of-{token}"))
}

/// Calls `each` with the name and the value of every secret in a value.
fn secrets(value: &Value, each: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(secret) if ["token", "secret", "code"].contains(&name.as_str()) => {
                        each(name, secret);
                    }
                    _ => secrets(value, each),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| secrets(item, each)),
        _ => {}
    }
}

/// Returns the response without its body.
fn without_body(response: &Response) -> Response {
    Response {
        status: response.status,
        headers: response.headers.clone(),
        content_type: response.content_type,
        body: Vec::new(),
        applied: response.applied,
    }
}

fn too_many(after: Option<RetryAfter>) -> Response {
    let response = Response::error(429, "rate_limit", "Your account reached the API rate limit");
    let now = clock::now();
    match after {
        None => response,
        Some(RetryAfter::Seconds(s)) => response.with("Retry-After", &s.to_string()),
        Some(RetryAfter::Date(s)) => response.with("Retry-After", &clock::imf_fixdate(now + i64::from(s))),
        Some(RetryAfter::Epoch(s)) => response.with("Retry-After", &(now + i64::from(s)).to_string()),
    }
}

/// Returns the 502 of a proxy: HTML instead of JSON, with escapes that must not reach a terminal.
fn bad_gateway() -> Response {
    let page = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n\
        <body><h1>\x1b[31mBad Gateway\x1b[0m</h1>\x1b]0;owned\x07\u{202e}</body></html>\n";
    let response = Response::json(502, page.as_bytes().to_vec());
    Response { content_type: "text/html; charset=utf-8", ..response }
}

//! Faults put on the wire.

use std::io::{self, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;
use serde_json::Value;

use crate::sandbox::account::clock;
use crate::sandbox::account::show::Show;
use crate::sandbox::account::store::whole;
use crate::sandbox::faults::mangle;
use crate::sandbox::faults::spec::{RetryAfter, What};
use crate::sandbox::server::Shared;
use crate::sandbox::wire::http::{Connection, Reply, Request};

/// Where answers without an end stop all the same: bytes, and time.
const ENDLESS: usize = 64 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);
/// What a gzip bomb unpacks to, in bytes.
const BOMB: usize = 1 << 30;
/// The size of a list, and of an object, that clients may still take, in bytes; and how deep arrays are nested.
const FULL_LIST: usize = 60_000_000;
const FULL_OBJECT: usize = 8_000_000;
const NEST: usize = 1_000_000;

/// The answer that a fault puts in the place of the true one, where it is a whole one.
/// `reply` is the true answer, or nothing if the request was not done.
pub(in crate::sandbox) fn replace(
    what: &What,
    shared: &Shared,
    request: &Request,
    reply: Option<Reply>,
) -> Reply {
    let reply = reply.unwrap_or_else(|| Reply::json(200, Vec::new()));
    let body = |mangled: Vec<u8>| Reply { body: mangled, ..without_headers(&reply) };
    match what {
        What::TooMany(after) => too_many(*after),
        What::Status { status: 502, .. } => bad_gateway(),
        What::Status { status, .. } => Reply::error(*status, "error", "It is not your fault."),
        What::Late(_) => Reply::error(504, "error", "It may be done yet."),
        What::Redirect { status, to } => Reply::json(*status, Vec::new()).with("Location", to),
        What::Garbage => body(b"<<< {\"id\": \"this is no\x1b[5m JSON".to_vec()),
        What::Null => body(b"null".to_vec()),
        What::Types => body(mangle::wrong_types(&reply.body)),
        What::Dup => body(mangle::twice(&reply.body)),
        What::Mask => body(mangle::masked(&reply.body)),
        What::Bignum => body(mangle::big_numbers(&reply.body)),
        What::BadUtf8 => body(mangle::bad_utf8(&reply.body)),
        What::GzipBomb => {
            let bomb = mangle::gzip_bomb(BOMB);
            Reply { body: bomb, ..Reply::json(200, Vec::new()) }.with("Content-Encoding", "gzip")
        }
        What::Loop => {
            let again = request.header("Range").unwrap_or("id ..; max=200");
            let mut looped = Reply { status: 206, ..reply };
            looped.headers.retain(|(name, _)| *name != "Next-Range");
            looped.with("Next-Range", again)
        }
        What::Endless => {
            // Each name is a range that gives the same page, and none comes twice.
            let asked = request.header("Range").and_then(|range| range.split_once("max="));
            let max = asked.and_then(|(_, max)| max.parse::<u32>().ok()).unwrap_or(1000);
            let mut again = Reply { status: 206, ..reply };
            again.headers.retain(|(name, _)| *name != "Next-Range");
            again.with("Next-Range", &format!("id ..; max={}", max.saturating_sub(1).max(1)))
        }
        What::Quote(status) => quoting(*status, shared, request),
        _ => reply,
    }
}

/// Sends an answer as a fault wants it; says whether the connection can go on.
pub(in crate::sandbox) fn send(
    what: &What,
    connection: &mut Connection,
    shared: &Shared,
    request: &Request,
    reply: &Reply,
) -> io::Result<bool> {
    let close = request.close;
    match what {
        What::DropBefore | What::DropAfter => {}
        What::Cut => {
            let mut bytes = reply.head(close);
            // A body too short to halve is left out.
            bytes.extend_from_slice(&reply.body[..reply.body.len() / 2]);
            connection.stream.write_all(&bytes)?;
        }
        What::Huge => {
            let start = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                Connection: close\r\n\r\n[\"";
            endless(connection, shared, start, &"x".repeat(64 * 1024))?;
        }
        What::HugeHeaders => {
            let line = format!("X-Padding: {}\r\n", "x".repeat(1000));
            endless(connection, shared, "HTTP/1.1 200 OK\r\n", &line.repeat(64))?;
        }
        What::Interim => {
            let line = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
            endless(connection, shared, "", &line.repeat(1000))?;
        }
        What::Many | What::Wide | What::Deep => filled(what, connection, request)?,
        What::Reset => {
            // With nothing to linger for, the last one to close it resets the connection.
            set_socket_linger(&connection.stream, Some(Duration::ZERO))?;
            return Ok(false);
        }
        What::Drip(pause) => {
            let mut bytes = reply.head(close);
            bytes.extend_from_slice(&reply.body);
            let start = Instant::now();
            for byte in bytes {
                if start.elapsed() > PATIENCE || shared.stopping() {
                    return Ok(false);
                }
                connection.stream.write_all(&[byte])?;
                shared.pause(*pause);
            }
            return Ok(!close);
        }
        _ => {
            connection.send(reply, close)?;
            return Ok(!close);
        }
    }
    let _ = connection.stream.shutdown(Shutdown::Both);
    Ok(false)
}

fn endless(connection: &mut Connection, shared: &Shared, start: &str, more: &str) -> io::Result<()> {
    let begin = Instant::now();
    connection.stream.write_all(start.as_bytes())?;
    let mut sent = 0;
    while sent < ENDLESS && begin.elapsed() < PATIENCE && !shared.stopping() {
        connection.stream.write_all(more.as_bytes())?;
        sent += more.len();
    }
    Ok(())
}

/// A whole answer within the bounds of a client's patience that grows when it is taken apart: a list of numbers, an
/// object of members, arrays in arrays.
fn filled(what: &What, connection: &mut Connection, request: &Request) -> io::Result<()> {
    let is_list = request.header("Range").is_some();
    let id: String = request.path.split('/').nth(3).unwrap_or("x").chars().take(64).collect();
    let id = if id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') { id.as_str() } else { "x" };
    let object = format!("{{\"id\":\"{id}\"");
    let (start, more, end) = match what {
        What::Many if is_list => (object + "}", ",{\"id\":\"x\"}", String::new()),
        What::Many => (format!("{object},\"scope\":[0"), ",0", "]}".to_owned()),
        What::Wide => (object, ",\"\":0", "}".to_owned()),
        // What has a secret's name in it is looked through to its end.
        _ => (format!("{object},\"scope\":[\"token\",["), "[", format!("{}]]}}", "]".repeat(NEST))),
    };
    let times = match what {
        What::Deep => NEST,
        _ => (if is_list { FULL_LIST } else { FULL_OBJECT }) / more.len(),
    };
    let (start, end) = match what {
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

/// An error that quotes every secret there is: the caller's token, what the request brought, the account's.
fn quoting(status: u16, shared: &Shared, request: &Request) -> Reply {
    let mut told = Vec::new();
    let token = request.header("Authorization").unwrap_or_default().trim_start_matches("Bearer ");
    told.push(format!("{token} may not do this"));
    if let Ok(body) = serde_json::from_slice(&request.body) {
        secrets(&body, &mut |_, secret| told.push(format!("{secret} came with it")));
    }
    let all = whole(shared.api.settings.redact, Show::Clear);
    for line in shared.api.read(|store| store.records(&all)).unwrap_or_default() {
        let record: Value = serde_json::from_str(&line).unwrap_or_default();
        secrets(&record, &mut |name, secret| told.push(format!("{name} {secret}")));
    }
    let message = told.join(", ");
    let warning: String = message.chars().take(4000).collect();
    Reply::error(status, "quoted", &message)
        .with("Warning-Message", &warning)
        .with("Request-Id", &format!("of-{token}"))
}

/// Each secret in a value, with its name.
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

/// The same status, and not the headers that go with the true body.
fn without_headers(reply: &Reply) -> Reply {
    Reply {
        status: reply.status,
        headers: reply.headers.clone(),
        content_type: reply.content_type,
        body: Vec::new(),
        applied: reply.applied,
    }
}

fn too_many(after: Option<RetryAfter>) -> Reply {
    let reply = Reply::error(429, "rate_limit", "Your account reached the API rate limit");
    let now = clock::now();
    match after {
        None => reply,
        Some(RetryAfter::Seconds(s)) => reply.with("Retry-After", &s.to_string()),
        Some(RetryAfter::Date(s)) => reply.with("Retry-After", &clock::imf_fixdate(now + i64::from(s))),
        Some(RetryAfter::Epoch(s)) => reply.with("Retry-After", &(now + i64::from(s)).to_string()),
    }
}

/// What a router answers whose application is gone: not the API's JSON, and not harmless
/// on a terminal.
fn bad_gateway() -> Reply {
    let page = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n\
        <body><h1>\x1b[31mBad Gateway\x1b[0m</h1>\x1b]0;owned\x07\u{202e}</body></html>\n";
    let reply = Reply::json(502, page.as_bytes().to_vec());
    Reply { content_type: "text/html; charset=utf-8", ..reply }
}

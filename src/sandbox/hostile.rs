//! Faults put on the wire.

use std::io::{self, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::fault::{RetryAfter, What};
use super::http::{Connection, Reply, Request};
use super::server::Shared;
use super::{clock, mangle};

/// Where answers without an end stop all the same: bytes, and time.
const ENDLESS: usize = 64 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);
/// What a gzip bomb unpacks to, in bytes.
const BOMB: usize = 1 << 30;

/// The answer that a fault puts in the place of the true one, where it is a whole one.
/// `reply` is the true answer, or nothing if the request was not done.
pub(super) fn replace(what: &What, request: &Request, reply: Option<Reply>) -> Reply {
    let reply = reply.unwrap_or_else(|| Reply::json(200, Vec::new()));
    let body = |mangled: Vec<u8>| Reply { body: mangled, ..without_headers(&reply) };
    match what {
        What::TooMany(after) => too_many(*after),
        What::Status { status: 502, .. } => bad_gateway(),
        What::Status { status, .. } => Reply::error(*status, "error", "It is not your fault."),
        What::Redirect { status, to } => Reply::json(*status, Vec::new()).with("Location", to),
        What::Garbage => body(b"<<< {\"id\": \"this is no\x1b[5m JSON".to_vec()),
        What::Null => body(b"null".to_vec()),
        What::Types => body(mangle::wrong_types(&reply.body)),
        What::Dup => body(mangle::twice(&reply.body)),
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
        _ => reply,
    }
}

/// Sends an answer as a fault wants it; says whether the connection can go on.
pub(super) fn send(
    what: &What,
    connection: &mut Connection,
    shared: &Shared,
    reply: &Reply,
    close: bool,
) -> io::Result<bool> {
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

//! Just enough of HTTP/1.1 to read a request and write an answer.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde::Serialize;

/// Most bytes of request line and headers.
const MAX_HEAD: usize = 64 * 1024;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;
/// Most bytes of a request's body.
const MAX_BODY: usize = 1024 * 1024;

/// A request as it was read.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Request {
    pub(in crate::sandbox) method: String,
    /// The path, still percent-encoded, without the query.
    pub(in crate::sandbox) path: String,
    /// What follows `?`, still percent-encoded.
    pub(in crate::sandbox) query: String,
    headers: Vec<(String, String)>,
    pub(in crate::sandbox) body: Vec<u8>,
    /// Whether the connection ends with the answer.
    pub(in crate::sandbox) close: bool,
}

impl Request {
    /// The value of the first header of this name.
    pub(in crate::sandbox) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a comma-separated header holds a word.
    fn has(&self, name: &str, word: &str) -> bool {
        let named = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.flat_map(|(_, v)| v.split(',')).any(|w| w.trim().eq_ignore_ascii_case(word))
    }

    /// The body's length as announced, or the answer that refuses it.
    fn body_len(&self) -> Result<usize, Reply> {
        if self.header("Transfer-Encoding").is_some() {
            return Err(Reply::error(411, "length_required", "A Content-Length is required."));
        }
        let mut lengths = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("Content-Length"));
        let Some((_, first)) = lengths.next() else {
            return Ok(0);
        };
        let digits = !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit());
        if !digits || lengths.any(|(_, other)| other != first) {
            return Err(Reply::error(400, "bad_request", "Content-Length is not a number."));
        }
        match first.parse() {
            Ok(len) if len <= MAX_BODY => Ok(len),
            _ => Err(Reply::error(413, "payload_too_large", "The request's body is too large.")),
        }
    }
}

/// The body of an error, in the API's order.
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    id: &'a str,
    message: &'a str,
}

/// An answer before it is put on the wire.
#[derive(Debug)]
pub(in crate::sandbox) struct Reply {
    pub(in crate::sandbox) status: u16,
    pub(in crate::sandbox) headers: Vec<(&'static str, String)>,
    pub(in crate::sandbox) content_type: &'static str,
    pub(in crate::sandbox) body: Vec<u8>,
    /// Whether the account was changed.
    pub(in crate::sandbox) applied: bool,
}

impl Reply {
    /// An answer with a JSON body.
    pub(in crate::sandbox) fn json(status: u16, body: Vec<u8>) -> Reply {
        let content_type = "application/json";
        Reply { status, headers: Vec::new(), content_type, body, applied: false }
    }

    /// An error as the API writes it: `{"id", "message"}`.
    pub(in crate::sandbox) fn error(status: u16, id: &str, message: &str) -> Reply {
        Reply::problem(status, &Problem { resource: None, id, message })
    }

    /// A 404 that names what was looked for: `{"resource", "id", "message"}`.
    pub(in crate::sandbox) fn missing(resource: &str, called: &str) -> Reply {
        let message = &format!("Couldn't find that {called}.");
        let id = "not_found";
        Reply::problem(404, &Problem { resource: Some(resource), id, message })
    }

    fn problem(status: u16, problem: &Problem<'_>) -> Reply {
        Reply::json(status, serde_json::to_vec(problem).unwrap_or_default())
    }

    /// A 422 for a body whose members do not make sense.
    pub(in crate::sandbox) fn invalid(message: &str) -> Reply {
        Reply::error(422, "invalid_params", message)
    }

    /// This answer with another header; what could not stand in a header becomes a space.
    pub(in crate::sandbox) fn with(mut self, name: &'static str, value: &str) -> Reply {
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        self.headers.push((name, value.chars().map(clean).collect()));
        self
    }

    /// Status line and headers, up to and with the empty line.
    pub(in crate::sandbox) fn head(&self, close: bool) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        let mut line = |name: &str, value: &str| {
            for part in [name, ": ", value, "\r\n"] {
                head.push_str(part);
            }
        };
        line("Content-Type", self.content_type);
        line("Content-Length", &self.body.len().to_string());
        for (name, value) in &self.headers {
            line(name, value);
        }
        if close {
            line("Connection", "close");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        206 => "Partial Content",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        406 => "Not Acceptable",
        411 => "Length Required",
        413 => "Content Too Large",
        416 => "Range Not Satisfiable",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

/// Why no request came.
#[derive(Debug)]
pub(in crate::sandbox) enum NoRequest {
    /// The peer went away or was silent for too long.
    Gone,
    /// What came is refused, and the connection with it.
    Refused(Reply),
}

impl From<io::Error> for NoRequest {
    fn from(_: io::Error) -> NoRequest {
        NoRequest::Gone
    }
}

/// A connection, with what was read from it beyond the last request.
#[derive(Debug)]
pub(in crate::sandbox) struct Connection {
    pub(in crate::sandbox) stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(in crate::sandbox) fn new(stream: TcpStream) -> Connection {
        Connection { stream, buffer: Vec::new() }
    }

    /// The next request.
    pub(in crate::sandbox) fn read(&mut self) -> Result<Request, NoRequest> {
        let (mut request, head) = loop {
            match parse_head(&self.buffer) {
                Ok(Some(parsed)) => break parsed,
                Ok(None) if self.buffer.len() < MAX_HEAD => self.fill()?,
                Ok(None) => {
                    let text = "The request's headers are too large.";
                    return Err(NoRequest::Refused(Reply::error(431, "bad_request", text)));
                }
                Err(reply) => return Err(NoRequest::Refused(reply)),
            }
        };
        let len = request.body_len().map_err(NoRequest::Refused)?;
        if len > 0 && self.buffer.len() == head && request.has("Expect", "100-continue") {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        while self.buffer.len() < head + len {
            self.fill()?;
        }
        request.body = self.buffer[head..head + len].to_vec();
        self.buffer.drain(..head + len);
        Ok(request)
    }

    fn fill(&mut self) -> Result<(), NoRequest> {
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(NoRequest::Gone),
            Ok(n) => {
                self.buffer.extend_from_slice(&chunk[..n]);
                Ok(())
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Puts an answer on the wire in one write.
    pub(in crate::sandbox) fn send(&mut self, reply: &Reply, close: bool) -> io::Result<()> {
        let mut bytes = reply.head(close);
        bytes.extend_from_slice(&reply.body);
        self.stream.write_all(&bytes)
    }

    /// Ends the connection so that the peer can still read the last answer: closing with
    /// unread input would reset it, and the answer would be lost.
    pub(in crate::sandbox) fn close(mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        let _ = self.stream.set_read_timeout(Some(Duration::from_millis(500)));
        let mut chunk = [0; 16 * 1024];
        for _ in 0..256 {
            if !matches!(self.stream.read(&mut chunk), Ok(n) if n > 0) {
                break;
            }
        }
    }
}

/// What the sandbox makes of the first bytes of a connection: the length of a request's head, nothing where its end has
/// not come yet, or the status that refuses it. For those who want to try it on bytes of their own.
///
/// # Errors
/// The status of the answer that refuses it.
pub fn head_len(bytes: &[u8]) -> Result<Option<usize>, u16> {
    let parsed = parse_head(bytes).map_err(|reply| reply.status)?;
    let Some((request, len)) = parsed else { return Ok(None) };
    request.body_len().map_err(|reply| reply.status)?;
    Ok(Some(len))
}

/// Request line and headers at the start of `bytes`, and their length; `None` if their
/// end has not come yet.
fn parse_head(bytes: &[u8]) -> Result<Option<(Request, usize)>, Reply> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let len = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Reply::error(431, "bad_request", "The request has too many headers."));
        }
        Err(_) => return Err(Reply::error(400, "bad_request", "This is not HTTP/1.1.")),
    };
    let target = parsed.path.unwrap_or_default();
    // What a client sends to a proxy.
    let local = match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => target,
    };
    let (path, query) = local.split_once('?').unwrap_or((local, ""));
    let mut request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: parsed
            .headers
            .iter()
            .map(|h| (h.name.to_owned(), String::from_utf8_lossy(h.value).into_owned()))
            .collect(),
        ..Request::default()
    };
    let old = parsed.version == Some(0) && !request.has("Connection", "keep-alive");
    request.close = old || request.has("Connection", "close");
    Ok(Some((request, len)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_or_refused_but_never_a_panic() {
        let (request, len) = parse_head(b"GET /a?b=c HTTP/1.1\r\nX: \xff\r\n\r\nrest").unwrap().unwrap();
        assert_eq!((request.path.as_str(), request.query.as_str(), len), ("/a", "b=c", 29));
        assert!(!request.close);
        let (request, _) = parse_head(b"GET http://h/p HTTP/1.0\r\n\r\n").unwrap().unwrap();
        assert!(request.close && request.path == "/p");
        assert!(parse_head(b"GET / HT").unwrap().is_none());
        for bad in [&b"\x00\x01\x02\r\n\r\n"[..], b"GET\r\n\r\n", b"\xff\xfe / HTTP/1.1\r\n\r\n"] {
            assert_eq!(parse_head(bad).unwrap_err().status, 400);
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65));
        assert_eq!(parse_head(many.as_bytes()).unwrap_err().status, 431);
    }
}

//! HTTP/1.1 requests and responses, as far as the API needs them.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde::Serialize;

/// The largest request line and headers, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// The largest number of headers.
const MAX_HEADERS: usize = 64;
/// The largest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// A request as received.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Request {
    pub(in crate::sandbox) method: String,
    /// The path, still percent-encoded, without the query.
    pub(in crate::sandbox) path: String,
    /// The part after `?`, still percent-encoded.
    pub(in crate::sandbox) query: String,
    headers: Vec<(String, String)>,
    pub(in crate::sandbox) body: Vec<u8>,
    /// True to close the connection after the response.
    pub(in crate::sandbox) close: bool,
}

impl Request {
    /// Returns the value of the first header with this name.
    pub(in crate::sandbox) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns whether a comma-separated header contains a word.
    fn has(&self, name: &str, word: &str) -> bool {
        let named = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.flat_map(|(_, v)| v.split(',')).any(|w| w.trim().eq_ignore_ascii_case(word))
    }

    /// Returns the announced length of the body.
    ///
    /// # Errors
    /// The response that refuses the request.
    fn body_len(&self) -> Result<usize, Response> {
        if self.header("Transfer-Encoding").is_some() {
            return Err(Response::error(411, "length_required", "A Content-Length is required."));
        }
        let mut lengths = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("Content-Length"));
        let Some((_, first)) = lengths.next() else {
            return Ok(0);
        };
        let digits = !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit());
        if !digits || lengths.any(|(_, other)| other != first) {
            return Err(Response::error(400, "bad_request", "Content-Length is not a number."));
        }
        match first.parse() {
            Ok(len) if len <= MAX_BODY => Ok(len),
            _ => Err(Response::error(413, "payload_too_large", "The request's body is too large.")),
        }
    }
}

/// The body of an error; its members are in the order of the API (docs/heroku-api.md, Errors).
#[derive(Serialize)]
struct ErrorBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    id: &'a str,
    message: &'a str,
}

/// A response before it is sent.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Response {
    pub(in crate::sandbox) status: u16,
    pub(in crate::sandbox) headers: Vec<(&'static str, String)>,
    pub(in crate::sandbox) content_type: &'static str,
    pub(in crate::sandbox) body: Vec<u8>,
    /// True if the request changed the account.
    pub(in crate::sandbox) applied: bool,
}

impl Response {
    /// Returns a response with a JSON body.
    pub(in crate::sandbox) fn json(status: u16, body: Vec<u8>) -> Response {
        let content_type = "application/json";
        Response { status, headers: Vec::new(), content_type, body, applied: false }
    }

    /// Returns an error: `{"id", "message"}`.
    pub(in crate::sandbox) fn error(status: u16, id: &str, message: &str) -> Response {
        Response::with_error(status, &ErrorBody { resource: None, id, message })
    }

    /// Returns a 404 that names the kind of object: `{"resource", "id", "message"}`.
    pub(in crate::sandbox) fn not_found(resource: &str, called: &str) -> Response {
        let message = &format!("Couldn't find that {called}.");
        let id = "not_found";
        Response::with_error(404, &ErrorBody { resource: Some(resource), id, message })
    }

    fn with_error(status: u16, error: &ErrorBody<'_>) -> Response {
        Response::json(status, serde_json::to_vec(error).unwrap_or_default())
    }

    /// Returns a 422 for a body with invalid members.
    pub(in crate::sandbox) fn invalid(message: &str) -> Response {
        Response::error(422, "invalid_params", message)
    }

    /// Adds a header. Control characters in the value become spaces, so that it cannot break out of its line.
    pub(in crate::sandbox) fn with(mut self, name: &'static str, value: &str) -> Response {
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        self.headers.push((name, value.chars().map(clean).collect()));
        self
    }

    /// Returns status line and headers, with the empty line.
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

/// Returns the reason phrase of a status.
pub(in crate::sandbox) fn reason(status: u16) -> &'static str {
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

/// The reason why no request could be read.
#[derive(Debug)]
pub(in crate::sandbox) enum RequestError {
    /// The peer closed the connection or was silent for too long.
    Closed,
    /// The request is invalid; the connection closes after this response.
    Refused(Response),
}

impl From<io::Error> for RequestError {
    fn from(_: io::Error) -> RequestError {
        RequestError::Closed
    }
}

/// A connection and the bytes received after the last request.
#[derive(Debug)]
pub(in crate::sandbox) struct Connection {
    pub(in crate::sandbox) stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(in crate::sandbox) fn new(stream: TcpStream) -> Connection {
        Connection { stream, buffer: Vec::new() }
    }

    /// Reads the next request.
    pub(in crate::sandbox) fn read(&mut self) -> Result<Request, RequestError> {
        let (mut request, head) = loop {
            match parse_head(&self.buffer) {
                Ok(Some(parsed)) => break parsed,
                Ok(None) if self.buffer.len() < MAX_HEAD => self.fill()?,
                Ok(None) => {
                    let text = "The request's headers are too large.";
                    return Err(RequestError::Refused(Response::error(431, "bad_request", text)));
                }
                Err(response) => return Err(RequestError::Refused(response)),
            }
        };
        let len = request.body_len().map_err(RequestError::Refused)?;
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

    fn fill(&mut self) -> Result<(), RequestError> {
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(RequestError::Closed),
            Ok(n) => {
                self.buffer.extend_from_slice(&chunk[..n]);
                Ok(())
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Sends a response in one write.
    pub(in crate::sandbox) fn send(&mut self, response: &Response, close: bool) -> io::Result<()> {
        let mut bytes = response.head(close);
        bytes.extend_from_slice(&response.body);
        self.stream.write_all(&bytes)
    }

    /// Closes the connection so that the peer can still read the last response. Input is read first, because closing
    /// with unread input resets the connection and discards the response.
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

/// Parses the first bytes of a connection and returns the length of the request's head, or `None` if it is incomplete.
/// For fuzzing.
///
/// # Errors
/// The status of the response that refuses the request.
pub fn head_len(bytes: &[u8]) -> Result<Option<usize>, u16> {
    let parsed = parse_head(bytes).map_err(|response| response.status)?;
    let Some((request, len)) = parsed else { return Ok(None) };
    request.body_len().map_err(|response| response.status)?;
    Ok(Some(len))
}

/// Parses request line and headers at the start of `bytes` and returns them with their length; `None` if they are
/// incomplete.
fn parse_head(bytes: &[u8]) -> Result<Option<(Request, usize)>, Response> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let len = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Response::error(431, "bad_request", "The request has too many headers."));
        }
        Err(_) => return Err(Response::error(400, "bad_request", "This is not HTTP/1.1.")),
    };
    let target = parsed.path.unwrap_or_default();
    // Clients send an absolute URL when they take the server for a proxy.
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
    fn every_head_is_parsed_or_refused() {
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

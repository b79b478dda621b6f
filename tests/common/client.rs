//! A minimal client on a socket, which shows responses exactly as the server sends them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use oauth_tools::sandbox::Server;
use serde_json::Value;

/// A response.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, v)| v.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// Asserts the status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Response {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Asserts the status and returns the error's id.
    #[track_caller]
    pub(crate) fn error(self, status: u16) -> String {
        self.is(status).json()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn whole(&self) -> bool {
        let len = self.header("Content-Length").and_then(|l| l.parse().ok());
        len == Some(self.body.len())
    }
}

/// Sends bytes on a new connection and returns everything received.
pub(crate) fn raw(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // The server may refuse before it has read everything.
    let _ = stream.write_all(bytes);
    let mut back = Vec::new();
    let _ = stream.read_to_end(&mut back);
    back
}

/// Parses a response; `None` if its head is incomplete.
pub(crate) fn parse(bytes: &[u8]) -> Option<Response> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &str| line.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned()));
    let headers = lines.filter_map(header).collect();
    Some(Response { status, headers, body: bytes[end + 4..].to_vec() })
}

/// Returns a request with the usual headers and the lines of `extra`, each of which ends in CRLF.
pub(crate) fn request(token: &str, method: &str, path: &str, extra: &str, body: &str) -> String {
    let bearer = match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    let accept = match extra.contains("Accept:") {
        true => "",
        false => "Accept: application/vnd.heroku+json; version=3\r\n",
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n{accept}{bearer}{extra}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends a request; returns `None` if there is no response.
pub(crate) fn try_send(
    server: &Server,
    token: &str,
    (method, path): (&str, &str),
    extra: &str,
    body: &str,
) -> Option<Response> {
    parse(&raw(server, request(token, method, path, extra, body).as_bytes()))
}

/// Sends a request with the sandbox's own token.
#[track_caller]
pub(crate) fn send(server: &Server, method: &str, path: &str, body: &str) -> Response {
    try_send(server, server.token(), (method, path), "", body).expect("a response")
}

/// Sends a request with the sandbox's own token and more headers.
#[track_caller]
pub(crate) fn send_with(server: &Server, method: &str, path: &str, extra: &str) -> Response {
    try_send(server, server.token(), (method, path), extra, "").expect("a response")
}

/// Returns the status of a GET with this token.
#[track_caller]
pub(crate) fn status(server: &Server, token: &str, path: &str) -> u16 {
    try_send(server, token, ("GET", path), "", "").expect("a response").status
}

/// Fetches all pages of a list.
pub(crate) fn list(server: &Server, path: &str) -> Vec<Value> {
    let (mut all, mut range) = (Vec::new(), "id ..; max=1000".to_owned());
    loop {
        let page = send_with(server, "GET", path, &format!("Range: {range}\r\n"));
        all.extend(page.json().as_array().unwrap().iter().cloned());
        match page.header("Next-Range") {
            Some(next) => range = next.to_owned(),
            None => return all,
        }
    }
}

/// Returns the first object for which `wanted` is true.
#[track_caller]
pub(crate) fn find(list: &[Value], wanted: impl Fn(&Value) -> bool) -> Value {
    list.iter().find(|v| wanted(v)).expect("a matching object").clone()
}

pub(crate) const AUTHZ: &str = "/oauth/authorizations";
pub(crate) const CLIENTS: &str = "/oauth/clients";
pub(crate) const SESSIONS: &str = "/oauth/sessions";

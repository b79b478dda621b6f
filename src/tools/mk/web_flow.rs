//! The web flow's part that happens on this machine: the address to visit, and one visit of the redirect URI.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;

use crate::base::error::{Error, reason};
use crate::base::secret::Secret;
use crate::base::url::{Url, is_loopback};
use crate::config::base_url::Base;
use crate::sys::messages::Messages;
use crate::sys::signals::Stop;

/// How long the redirect is waited for: as long as a grant code lives (WIRE.md: about 300 seconds).
const PATIENCE: Duration = Duration::from_secs(300);
/// The longest request that is read, in bytes.
const LONGEST: u64 = 16 * 1024;

/// A redirect URI on this machine, being listened at.
pub(crate) struct Redirect {
    listeners: Vec<TcpListener>,
    path: String,
}

impl Redirect {
    /// Listens where a client's redirect URI points.
    ///
    /// # Errors
    /// Where that is not this machine, or something else listens there.
    pub(crate) fn listen(uri: &str) -> Result<Redirect, Error> {
        let elsewhere = || {
            Error::failed(format!("the client's redirect URI {uri} is not on this machine"))
                .with_hint("give the client an http://localhost:PORT/… one with oauth-set --url")
        };
        let here = |url: &Url| url.scheme() == "http" && is_loopback(url.host());
        let url = Url::parse(uri).ok().filter(here).ok_or_else(elsewhere)?;
        let port = url.port().unwrap_or(80);
        let hosts: Vec<IpAddr> = match url.bare_host().parse() {
            Ok(ip) => vec![ip],
            Err(_) => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        };
        let mut listeners = Vec::new();
        let mut refused = None;
        for ip in hosts {
            match TcpListener::bind(SocketAddr::new(ip, port)) {
                Ok(listener) => listeners.push(listener),
                // A machine without IPv6 has one address less. One that somebody else has would bring them the code.
                Err(e) if e.kind() == io::ErrorKind::AddrNotAvailable => refused = refused.or(Some(e)),
                Err(e) => return Err(Error::failed(format!("cannot listen at {uri}: {}", reason(&e)))),
            }
        }
        if let (true, Some(e)) = (listeners.is_empty(), refused) {
            return Err(Error::failed(format!("cannot listen at {uri}: {}", reason(&e))));
        }
        for listener in &listeners {
            listener.set_nonblocking(true).map_err(|e| Error::failed(format!("{uri}: {}", reason(&e))))?;
        }
        Ok(Redirect { listeners, path: url.path().to_owned() })
    }

    /// Waits for the one visit that carries our `state`, and takes its grant code.
    ///
    /// # Errors
    /// Where consent is refused or nobody comes.
    pub(crate) fn wait(&self, state: &str, messages: &Messages, stop: &Stop) -> Result<Secret, Error> {
        let from = Instant::now();
        while from.elapsed() < PATIENCE {
            for listener in &self.listeners {
                if let Ok((stream, _)) = listener.accept()
                    && let Some(query) = self.visit(&stream)
                {
                    let value = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
                    if value("state") != Some(state) {
                        // Somebody else's page may point here: it must not end our waiting.
                        messages.say("rejected a visit with a wrong state");
                        answer(&stream, "400 Bad Request", "This is not the visit that was waited for.");
                        continue;
                    }
                    if let Some(error) = value("error") {
                        answer(&stream, "200 OK", "Consent was refused. You can close this page.");
                        return Err(Error::failed(format!("consent was refused: {error}")));
                    }
                    if let Some(code) = value("code").filter(|code| !code.is_empty()) {
                        answer(
                            &stream,
                            "200 OK",
                            "Done. You can close this page and go back to the terminal.",
                        );
                        return Ok(Secret::new(code.to_owned()));
                    }
                    answer(&stream, "400 Bad Request", "There is no code in this visit.");
                }
            }
            if !stop.sleep(Duration::from_millis(20)) {
                let stopped = Error::failed("stopped while waiting for the visit");
                return Err(stop.signal().map_or(stopped, Error::signal));
            }
        }
        Err(Error::failed("no visit came within 300 s"))
    }

    /// The query of a visit of our path; any other visit is answered here.
    fn visit(&self, stream: &TcpStream) -> Option<Vec<(String, String)>> {
        let target = read_target(stream).ok()?;
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        if path != self.path {
            answer(stream, "404 Not Found", "There is nothing here.");
            return None;
        }
        Some(
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(n, v)| (decode(n), decode(v)))
                .collect(),
        )
    }
}

/// The address at which the client's user is asked for consent.
pub(crate) fn authorize_url(base: &Base, client_id: &str, scope: &[String], state: &str) -> String {
    format!(
        "{}/oauth/authorize?client_id={client_id}&response_type=code&scope={}&state={state}",
        base.consent(),
        scope.join("%20")
    )
}

/// The target of a GET request.
fn read_target(mut stream: &TcpStream) -> io::Result<String> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|w| w == b"\r\n\r\n") && head.len() as u64 <= LONGEST {
        let n = stream.read(&mut chunk)?;
        if n == 0 {
            break;
        }
        head.extend_from_slice(&chunk[..n]);
    }
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    request.parse(&head).map_err(|_| invalid())?;
    match (request.method, request.path) {
        (Some("GET"), Some(path)) => Ok(path.to_owned()),
        _ => Err(invalid()),
    }
}

fn answer(mut stream: &TcpStream, status: &str, text: &str) {
    let page = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    // The visitor may have gone; the code counts, not the page.
    let _ = stream.write_all(page.as_bytes());
}

/// A part of a query with its `%` escapes and `+` undone; what is not an escape stays as it is.
fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_listened_at() {
        for elsewhere in [
            "https://localhost:9/cb",
            "http://example.com/cb",
            "http://10.0.0.1/cb",
            "http://localhost.example/cb",
        ] {
            assert!(Redirect::listen(elsewhere).is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn a_query_is_decoded() {
        assert_eq!(decode("a%20b+c%2B%zz%4%"), "a b c+%zz%4%");
    }

    #[test]
    fn people_are_asked_at_id() {
        let base = Base::parse("heroku.com").expect("a base");
        let url = authorize_url(&base, "c1", &["read".to_owned(), "write".to_owned()], "s1");
        assert_eq!(
            url,
            "https://id.heroku.com/oauth/authorize?client_id=c1&response_type=code&scope=read%20write&state=s1"
        );
    }
}

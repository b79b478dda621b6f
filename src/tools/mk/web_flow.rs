//! The web flow (docs/heroku-api.md, "Web flow"): the URL to visit, and a server for one request to the redirect URI.

use std::collections::VecDeque;
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

/// How long to wait for the browser: about as long as a grant code is valid.
const TIMEOUT: Duration = Duration::from_secs(300);
/// The longest request that is read, in bytes.
const MAX_REQUEST: usize = 16 * 1024;
/// How long a visitor may take to send a request.
const VISIT: Duration = Duration::from_secs(30);
/// How many visitors are waited for at the same time; with more, the oldest is dropped.
const MOST_VISITORS: usize = 64;

/// A server for a redirect URI on this machine.
pub(crate) struct Redirect {
    listeners: Vec<TcpListener>,
    path: String,
}

impl Redirect {
    /// Listens on the port of a client's redirect URI.
    ///
    /// # Errors
    /// If the URI is not http on loopback, or another program listens on the port.
    pub(crate) fn listen(uri: &str) -> Result<Redirect, Error> {
        let elsewhere = || {
            Error::failed(format!("the client's redirect URI {uri} is not on this machine"))
                .with_hint("change it to http://localhost:PORT/… with oauth-set --url")
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
                // A machine without IPv6 has only one of the addresses. But if another program has one of them, the
                // browser may give the code to that program.
                Err(e) if e.kind() == io::ErrorKind::AddrNotAvailable => refused = refused.or(Some(e)),
                Err(e) => return Err(Error::failed(format!("cannot listen on {uri}: {}", reason(&e)))),
            }
        }
        if let (true, Some(e)) = (listeners.is_empty(), refused) {
            return Err(Error::failed(format!("cannot listen on {uri}: {}", reason(&e))));
        }
        for listener in &listeners {
            listener.set_nonblocking(true).map_err(|e| Error::failed(format!("{uri}: {}", reason(&e))))?;
        }
        Ok(Redirect { listeners, path: url.path().to_owned() })
    }

    /// Waits for the request that has our `state`, and returns its grant code. Any number of other visitors may come
    /// meanwhile, and take their time.
    ///
    /// # Errors
    /// If the user refuses consent, no request arrives in time, or a stop is requested.
    pub(crate) fn wait(&self, state: &str, messages: &Messages, stop: &Stop) -> Result<Secret, Error> {
        let from = Instant::now();
        let mut visitors: VecDeque<Visitor> = VecDeque::new();
        while from.elapsed() < TIMEOUT {
            for listener in &self.listeners {
                while let Ok((stream, _)) = listener.accept() {
                    if visitors.len() >= MOST_VISITORS {
                        visitors.pop_front();
                    }
                    if stream.set_nonblocking(true).is_ok() {
                        visitors.push_back(Visitor { stream, head: Vec::new(), since: Instant::now() });
                    }
                    // Each is read at once: a later one cannot push it out unread.
                    if let Some(code) = self.serve(&mut visitors, state, messages)? {
                        return Ok(code);
                    }
                }
            }
            if let Some(code) = self.serve(&mut visitors, state, messages)? {
                return Ok(code);
            }
            if !stop.sleep(Duration::from_millis(20)) {
                let stopped = Error::failed("stopped while waiting for the browser");
                return Err(stop.signal().map_or(stopped, Error::signal));
            }
        }
        Err(Error::failed(format!("the browser did not come back within {} s", TIMEOUT.as_secs())))
    }

    /// Reads what the visitors have sent, and responds to those whose request is complete. Returns the grant code, once
    /// it has come.
    fn serve(
        &self,
        visitors: &mut VecDeque<Visitor>,
        state: &str,
        messages: &Messages,
    ) -> Result<Option<Secret>, Error> {
        let mut waiting = VecDeque::with_capacity(visitors.len());
        for mut visitor in visitors.drain(..) {
            match visitor.target() {
                None if visitor.since.elapsed() < VISIT => waiting.push_back(visitor),
                None => {}
                Some(target) => {
                    if let Some(code) = self.receive(&visitor.stream, &target, state, messages)? {
                        return Ok(Some(code));
                    }
                }
            }
        }
        *visitors = waiting;
        Ok(None)
    }

    /// Responds to a request. Returns its grant code if it is the one.
    fn receive(
        &self,
        stream: &TcpStream,
        target: &str,
        state: &str,
        messages: &Messages,
    ) -> Result<Option<Secret>, Error> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path != self.path {
            respond(stream, "404 Not Found", "Not found.");
            return Ok(None);
        }
        let query: Vec<(String, String)> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(n, v)| (decode(n), decode(v)))
            .collect();
        let value = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        if value("state") != Some(state) {
            // Any web page can link here, so a wrong state must not end the wait.
            messages.say("ignored a request with the wrong state");
            respond(stream, "400 Bad Request", "This request has the wrong state.");
            return Ok(None);
        }
        if let Some(error) = value("error") {
            respond(stream, "200 OK", "Consent was refused. You can close this page.");
            return Err(Error::failed(format!("consent was refused: {error}")));
        }
        let Some(code) = value("code").filter(|code| !code.is_empty()) else {
            respond(stream, "400 Bad Request", "This request has no code.");
            return Ok(None);
        };
        respond(stream, "200 OK", "Done. You can close this page and go back to the terminal.");
        Ok(Some(Secret::new(code.to_owned())))
    }
}

/// A connection whose request is not complete yet.
struct Visitor {
    stream: TcpStream,
    head: Vec<u8>,
    since: Instant,
}

impl Visitor {
    /// Reads what has arrived, without waiting. Returns the target of a complete GET request; an empty text if the
    /// request is none.
    fn target(&mut self) -> Option<String> {
        let mut chunk = [0; 4096];
        let mut at_end = false;
        while !at_end && self.head.len() <= MAX_REQUEST && !self.is_complete() {
            match (&self.stream).read(&mut chunk) {
                Ok(0) => at_end = true,
                Ok(n) => self.head.extend_from_slice(&chunk[..n]),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return None,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => at_end = true,
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        let target = match request.parse(&self.head).map(|_| (request.method, request.path)) {
            Ok((Some("GET"), Some(path))) => path,
            _ => "",
        };
        Some(target.to_owned())
    }

    fn is_complete(&self) -> bool {
        self.head.windows(4).any(|w| w == b"\r\n\r\n")
    }
}

/// Returns the URL of the page that asks the client's user for consent.
pub(crate) fn authorize_url(base: &Base, client_id: &str, scope: &[String], state: &str) -> String {
    format!(
        "{}/oauth/authorize?client_id={client_id}&response_type=code&scope={}&state={state}",
        base.consent(),
        scope.join("%20")
    )
}

fn respond(mut stream: &TcpStream, status: &str, text: &str) {
    let page = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    // If the browser is gone, only the page is lost: the code is already here.
    let _ = stream.write_all(page.as_bytes());
}

/// Decodes the `%` escapes and the `+` of a name or value in a query. Invalid escapes stay as they are.
fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris_elsewhere_are_rejected() {
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
    fn queries_are_decoded() {
        assert_eq!(decode("a%20b+c%2B%zz%4%"), "a b c+%zz%4%");
    }

    #[test]
    fn consent_is_asked_for_on_the_id_host() {
        let base = Base::parse("heroku.com").expect("a base");
        let url = authorize_url(&base, "c1", &["read".to_owned(), "write".to_owned()], "s1");
        assert_eq!(
            url,
            "https://id.heroku.com/oauth/authorize?client_id=c1&response_type=code&scope=read%20write&state=s1"
        );
    }
}

//! One request to the API's host, one answer: the trait, and ureq behind it.
//!
//! What happened to a request that failed is told in the one distinction that decides about trying again: whether
//! the server can have seen it. The settings, and why, are those that were measured for short-lived programs.

use std::collections::HashMap;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ureq::config::Config as AgentConfig;
use ureq::http::{Request as HttpRequest, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Proxy, Timeout};

use crate::api::certificates::{self, Trust};
use crate::base::error::{Error, reason};
use crate::base::sync::lock;
use crate::config::base_url::Base;
use crate::config::environment::Config;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the server may think, and how long it may be silent in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(30);
/// How long one answer's body may take altogether, so that a slow drip ends too.
const BODY: Duration = Duration::from_secs(120);

/// The largest head of an answer that is read, in bytes.
const LARGEST_HEAD: usize = 48 * 1024;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Create, or act.
    Post,
    /// Change.
    Patch,
    /// Remove.
    Delete,
}

impl Method {
    /// The method's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// A request to the API's host.
#[derive(Debug)]
pub struct Request<'a> {
    /// What is asked for.
    pub method: Method,
    /// The path, and nothing that could name another host.
    pub path: &'a str,
    /// Headers, the authorization among them.
    pub headers: &'a [(&'a str, &'a str)],
    /// A JSON body.
    pub body: Option<&'a [u8]>,
    /// How long a pooled connection may have been idle to be used; zero asks for a fresh one.
    pub idle: Duration,
}

/// An answer, its body still to be read.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, already unpacked if it came packed.
    pub body: Box<dyn Read>,
}

impl Response {
    /// The first header of that name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The server cannot have seen the request: safe to send again, whatever it asks for.
    NotSent(String),
    /// The server may have acted on the request.
    Lost(String),
    /// Sending again cannot help.
    Permanent {
        /// What happened.
        what: String,
        /// What to do about it.
        hint: Option<&'static str>,
    },
}

/// Carries requests to the API's host.
pub trait Transport: Sync {
    /// Sends one request and waits for the head of its answer, whatever its status.
    ///
    /// # Errors
    /// A [`Failure`] where no answer came.
    fn send(&self, request: &Request<'_>) -> Result<Response, Failure>;
}

/// What an HTTP status is called (RFC 9110, 15).
pub(crate) fn reason_phrase(status: u16) -> Option<&'static str> {
    ureq::http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason())
}

/// The transport of the real programs.
pub struct Http {
    agent: Agent,
    /// For what needs a new connection: asking the pool for one would empty it.
    fresh: Agent,
    found: Found,
    base: Base,
    /// The proxy in between, as messages name it.
    via: Option<String>,
    trust: Trust,
}

impl Http {
    /// A transport to `base` with room for `parallel` connections.
    ///
    /// # Errors
    /// An input error where the proxy cannot be used.
    pub fn new(config: &Config, base: Base, parallel: usize) -> Result<Http, Error> {
        let proxy = match config.proxy(&base)? {
            None => None,
            Some(url) => {
                Some(Proxy::new(&url).map_err(|_| Error::input("the proxy variable holds no usable URL"))?)
            }
        };
        let via = proxy.as_ref().map(|proxy| format!("the proxy {}:{}", proxy.host(), proxy.port()));
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(ring)
            .build();
        let settings = |idle: usize| {
            Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .https_only(base.scheme() == "https")
                .proxy(proxy.clone())
                .user_agent("")
                .max_idle_connections(idle)
                .max_idle_connections_per_host(idle)
                .input_buffer_size(64 * 1024)
                // Less than the buffer: what fills it would be taken for the connection's end.
                .max_response_header_size(LARGEST_HEAD)
                .output_buffer_size(16 * 1024)
                .timeout_connect(Some(CONNECT))
                .timeout_recv_response(Some(SILENCE))
                .timeout_per_read(Some(SILENCE))
                .timeout_per_write(Some(SILENCE))
                .tls_config(tls.clone())
                .build()
        };
        let found = Found::default();
        let cache = || Cache { found: found.clone(), system: DefaultResolver::default() };
        let agent = |idle| Agent::with_parts(settings(idle), DefaultConnector::default(), cache());
        let (agent, fresh, trust) = (agent(parallel), agent(0), Trust::named(config));
        Ok(Http { agent, fresh, found, base, via, trust })
    }
}

impl Transport for Http {
    fn send(&self, request: &Request<'_>) -> Result<Response, Failure> {
        let mut head =
            HttpRequest::builder().method(request.method.as_str()).uri(self.base.url(request.path));
        for (name, value) in request.headers {
            head = head.header(*name, *value);
        }
        let broken = |e| Failure::Permanent { what: format!("unusable request: {e}"), hint: None };
        let idle = request.idle;
        let agent = if idle.is_zero() { &self.fresh } else { &self.agent };
        let answer = match request.method {
            Method::Get | Method::Delete => {
                let head = head.body(()).map_err(broken)?;
                agent.run(agent.configure_request(head).max_idle_age(idle).build())
            }
            Method::Post | Method::Patch => {
                let head = head.body(request.body.unwrap_or_default()).map_err(broken)?;
                agent.run(agent.configure_request(head).max_idle_age(idle).build())
            }
        };
        let answer = answer.map_err(|e| explain(e, self)).inspect_err(|failure| {
            // The host may have moved: the next try looks again.
            if let Failure::NotSent(_) = failure {
                lock(&self.found).clear();
            }
        })?;
        let (head, body) = answer.into_parts();
        let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers =
            head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let body = Box::new(Bounded { inner: body.into_reader(), spent: Duration::ZERO });
        Ok(Response { status: head.status.as_u16(), headers, body })
    }
}

/// What a failure of ureq means for the request.
fn explain(error: ureq::Error, http: &Http) -> Failure {
    use io::ErrorKind as Kind;
    let (host, trust) = (http.base.authority(), &http.trust);
    // The first hop is the one that can be out of reach.
    let hop = http.via.as_deref().unwrap_or(host);
    let permanent = |what: String, hint| Failure::Permanent { what, hint };
    match error {
        ureq::Error::HostNotFound => Failure::NotSent(format!("cannot find host {hop}")),
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
            Failure::NotSent(format!("cannot reach {hop}: no connection within {} s", CONNECT.as_secs()))
        }
        ureq::Error::Timeout(_) => {
            Failure::Lost(format!("{host} did not answer within {} s", SILENCE.as_secs()))
        }
        ureq::Error::ConnectionFailed => Failure::NotSent(format!("cannot reach {hop}")),
        ureq::Error::Io(e) => match e.kind() {
            Kind::ConnectionRefused
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::AddrNotAvailable => Failure::NotSent(format!("cannot reach {hop}: {}", reason(&e))),
            Kind::PermissionDenied => permanent(format!("{host}: {}", reason(&e)), None),
            Kind::InvalidData => match e.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
                Some(e) => explain_tls(e, host, trust),
                None => permanent(format!("{host}: TLS: {}", reason(&e)), None),
            },
            _ if e.to_string().contains("failed to lookup address") => {
                Failure::NotSent(format!("cannot find host {hop}"))
            }
            Kind::UnexpectedEof | Kind::ConnectionReset | Kind::BrokenPipe | Kind::ConnectionAborted => {
                Failure::Lost(format!("{host} closed the connection without an answer"))
            }
            _ => Failure::Lost(format!("{host}: {}", reason(&e))),
        },
        // Nothing was sent through it: its own 502, 503 and 504, or its silence, may pass.
        ureq::Error::ConnectProxyFailed(what) if is_passing(&what) => {
            Failure::NotSent(format!("{hop} cannot connect: {what}"))
        }
        ureq::Error::ConnectProxyFailed(what) => {
            permanent(format!("the proxy refused: {what}"), Some("check HTTPS_PROXY and NO_PROXY"))
        }
        ureq::Error::InvalidProxyUrl => {
            permanent("the proxy's URL is unusable".to_owned(), Some("check HTTPS_PROXY and ALL_PROXY"))
        }
        ureq::Error::LargeResponseHeader(..) => {
            Failure::Lost(format!("{host} answered with headers beyond all bounds"))
        }
        ureq::Error::Protocol(e) => Failure::Lost(format!("{host} did not answer in HTTP: {e}")),
        ureq::Error::Rustls(e) => explain_tls(&e, host, trust),
        ureq::Error::Tls(e) => permanent(format!("{host}: TLS: {e}"), None),
        other => Failure::Lost(format!("{host}: {other}")),
    }
}

/// Whether a proxy's refusal to connect is one of a moment. The library tells it as a text alone.
fn is_passing(what: &str) -> bool {
    what.ends_with("did not respond") || ["502", "503", "504"].iter().any(|status| what.ends_with(status))
}

/// Which of the faults of TLS it is, and what to do about it.
fn explain_tls(error: &rustls::Error, host: &str, trust: &Trust) -> Failure {
    use rustls::CertificateError as Fault;
    let untrusted = rustls::Error::InvalidCertificate(Fault::UnknownIssuer);
    if (*error == untrusted || matches!(error, rustls::Error::General(_)))
        && let Some(fault) = trust.fault()
    {
        let what = format!("the certificate of {host} cannot be checked: {fault}");
        return Failure::Permanent { what, hint: Some(certificates::HINT) };
    }
    let (what, hint) = match error {
        rustls::Error::InvalidCertificate(fault) => match fault {
            Fault::UnknownIssuer | Fault::BadSignature => (
                format!("the certificate of {host} is signed by nobody this machine trusts"),
                "if a proxy of yours opens TLS connections, name its authority's certificate in SSL_CERT_FILE",
            ),
            Fault::NotValidForName | Fault::NotValidForNameContext { .. } => (
                format!("the certificate is not for {host}: {error}"),
                "check HEROKU_HOST; something may stand between this machine and the API",
            ),
            Fault::Expired | Fault::ExpiredContext { .. } => (
                format!("the certificate of {host} has expired"),
                "check this machine's clock; if it is right, the server's certificate must be renewed",
            ),
            Fault::NotValidYet | Fault::NotValidYetContext { .. } => {
                (format!("the certificate of {host} is not valid yet"), "check this machine's clock")
            }
            _ => {
                let what = format!("the certificate of {host} cannot be used: {error}");
                return Failure::Permanent { what, hint: None };
            }
        },
        rustls::Error::InvalidMessage(_) => {
            (format!("{host} does not speak TLS"), "check HEROKU_HOST: its port may be one for http")
        }
        rustls::Error::General(_) | rustls::Error::PeerIncompatible(_) => (
            format!("{host}: TLS: {error}"),
            "if no trusted certificates were found: install ca-certificates, or set SSL_CERT_FILE",
        ),
        // Anything else may come after the request went out.
        _ => return Failure::Lost(format!("{host}: TLS: {error}")),
    };
    Failure::Permanent { what, hint: Some(hint) }
}

/// A body whose reading takes at most [`BODY`], the reader's own pauses not counted.
struct Bounded<R> {
    inner: R,
    spent: Duration,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.spent > BODY {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the answer came too slowly"));
        }
        let from = Instant::now();
        let read = self.inner.read(buffer);
        self.spent += from.elapsed();
        read
    }
}

/// The addresses of each host that was looked up.
type Found = Arc<Mutex<HashMap<String, Vec<SocketAddr>>>>;

/// Looks each host up once, until it cannot be reached: ureq asks before each request, pooled connection or not.
#[derive(Debug)]
struct Cache {
    found: Found,
    system: DefaultResolver,
}

impl Resolver for Cache {
    fn resolve(
        &self,
        uri: &Uri,
        config: &AgentConfig,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let key =
            format!("{}://{}", uri.scheme_str().unwrap_or(""), uri.authority().map_or("", |a| a.as_str()));
        let mut found = lock(&self.found);
        if let Some(addresses) = found.get(&key) {
            let mut answer = self.empty();
            addresses.iter().for_each(|address| answer.push(*address));
            return Ok(answer);
        }
        let answer = self.system.resolve(uri, config, timeout)?;
        // Plain http is only for this machine: a name that merely claims to be it gets nothing.
        if uri.scheme_str() == Some("http")
            && config.proxy().is_none()
            && let Some(outside) = answer.iter().find(|a| !a.ip().is_loopback())
        {
            let what = format!("{} is not loopback", outside.ip());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, what).into());
        }
        found.insert(key, answer.iter().copied().collect());
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{Server, Settings};

    #[test]
    fn a_host_that_cannot_be_reached_is_looked_up_again() {
        let server = Server::start(Settings::default()).expect("a sandbox");
        let url = server.url();
        let config = Config::from(move |name| (name == "HEROKU_HOST").then(|| url.clone().into()));
        let http = Http::new(&config, config.base().expect("a base"), 1).expect("a transport");
        let send = |idle| {
            let request = Request { method: Method::Get, path: "/account", headers: &[], body: None, idle };
            http.send(&request).map(|answer| answer.status)
        };
        assert!(send(Duration::from_secs(9)).is_ok());
        assert_eq!(lock(&http.found).len(), 1, "both ways of connecting share what is known");
        server.stop();
        assert!(matches!(send(Duration::ZERO), Err(Failure::NotSent(_))));
        assert!(lock(&http.found).is_empty());
    }
}

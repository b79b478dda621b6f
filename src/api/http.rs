//! The transport of the programs: HTTP with ureq.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use ureq::http::Request as HttpRequest;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Proxy, Timeout};

use crate::api::certificates::{self, CertificateVariables};
use crate::api::transport::{Failure, Method, Request, Response, Transport};
use crate::api::wire::{self, Addresses, BODY, CONNECT, Cache, SILENCE, Unresolved, Wire};
use crate::base::error::{Error, reason};
use crate::base::sync::lock;
use crate::config::base_url::Base;
use crate::config::environment::Config;
use crate::sys::signals::Stop;

/// The largest status line and headers of a response, in bytes.
const LARGEST_HEAD: usize = 48 * 1024;

/// Returns the standard name of an HTTP status, such as `Not Found` (RFC 9110, 15).
pub(crate) fn reason_phrase(status: u16) -> Option<&'static str> {
    ureq::http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason())
}

/// Describes an HTTP status in a sentence: `502 (Bad gateway)`.
pub(crate) fn status_text(status: u16) -> String {
    let Some(phrase) = reason_phrase(status) else { return status.to_string() };
    let lower = |(i, word): (usize, &str)| match i == 0 || word.chars().all(char::is_uppercase) {
        true => word.to_owned(),
        false => word.to_lowercase(),
    };
    let words: Vec<String> = phrase.split(' ').enumerate().map(lower).collect();
    format!("{status} ({})", words.join(" "))
}

/// The transport of the programs.
pub struct Http {
    agent: Agent,
    /// Opens a new connection for each request, and leaves the pool of `agent` as it is.
    unpooled: Agent,
    /// Opens connections for the requests of `agent`.
    ahead: Agent,
    /// The wire of `agent` and `ahead`.
    wire: Wire,
    addresses: Addresses,
    base: Base,
    proxy: Option<Via>,
    /// A variable that names a proxy which is not used.
    unused_proxy: Option<&'static str>,
    certificates: CertificateVariables,
}

/// The proxy in between, for messages.
struct Via {
    host: String,
    port: u16,
    /// The environment variable that names it.
    variable: &'static str,
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {}:{} (from {})", self.host, self.port, self.variable)
    }
}

/// The programs never present a certificate of their own. Without the code that signs with one they are 60 KB smaller.
#[derive(Debug)]
struct NoClientKeys;

impl KeyProvider for NoClientKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("client certificates are not supported".to_owned()))
    }
}

impl Http {
    /// Returns a transport to `base` that keeps up to `parallel` connections open.
    ///
    /// # Errors
    /// An input error if the proxy variable is invalid, or if `SSL_CERT_FILE` and `SSL_CERT_DIR` name no certificate.
    pub fn new(config: &Config, base: Base, parallel: usize) -> Result<Http, Error> {
        let (proxy, via) = match config.proxy(&base)? {
            None => (None, None),
            Some((variable, url)) => {
                // The URL may hold a password: it is not quoted.
                let proxy = Proxy::new(&url)
                    .map_err(|_| Error::input(format!("{variable}: invalid URL of a proxy")))?;
                let via = Via { host: proxy.host().to_owned(), port: proxy.port(), variable };
                (Some(proxy), Some(via))
            }
        };
        let certificates = CertificateVariables::from_config(config);
        if base.scheme() == "https" {
            certificates.check()?;
        }
        let ring = CryptoProvider { key_provider: &NoClientKeys, ..rustls::crypto::ring::default_provider() };
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(ring))
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
                // Smaller than the buffer: ureq mistakes headers that fill the buffer for the end of the connection.
                .max_response_header_size(LARGEST_HEAD)
                .output_buffer_size(16 * 1024)
                .timeout_connect(Some(CONNECT))
                .timeout_recv_response(Some(SILENCE))
                .timeout_recv_body(Some(BODY))
                .timeout_per_read(Some(SILENCE))
                .timeout_per_write(Some(SILENCE))
                .tls_config(tls.clone())
                .build()
        };
        let addresses = Addresses::default();
        let cache = || Cache::new(&addresses);
        let wire = Wire::default();
        let agent = |idle, wire| Agent::with_parts(settings(idle), wire, cache());
        let (agent, unpooled, ahead) =
            (agent(parallel, wire.clone()), agent(0, wire.fresh()), agent(0, wire.clone()));
        let unused_proxy = config.unused_proxy();
        Ok(Http { agent, unpooled, ahead, wire, addresses, base, proxy: via, unused_proxy, certificates })
    }
}

impl Transport for Http {
    fn send(&self, request: &Request<'_>) -> Result<Response, Failure> {
        let mut head =
            HttpRequest::builder().method(request.method.as_str()).uri(self.base.url(request.path));
        for (name, value) in request.headers {
            head = head.header(*name, *value);
        }
        let invalid = |e| Failure::Permanent { what: format!("invalid request: {e}"), hint: None };
        let idle = request.idle;
        wire::begin(request.stop, idle);
        let agent = if idle.is_zero() { &self.unpooled } else { &self.agent };
        let response = match request.method {
            Method::Get | Method::Delete => {
                let head = head.body(()).map_err(invalid)?;
                agent.run(agent.configure_request(head).max_idle_age(idle).build())
            }
            Method::Post | Method::Patch => {
                let head = head.body(request.body.unwrap_or_default()).map_err(invalid)?;
                agent.run(agent.configure_request(head).max_idle_age(idle).build())
            }
        };
        let response = response.map_err(|e| explain(e, self, wire::sent())).inspect_err(|failure| {
            // The host's addresses may have changed: the next attempt resolves it again.
            if let Failure::NotSent(_) = failure {
                lock(&self.addresses).addresses.clear();
            }
        })?;
        let (head, body) = response.into_parts();
        let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers =
            head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let body = Box::new(Body(body.into_reader()));
        Ok(Response { status: head.status.as_u16(), headers, body })
    }

    fn connect_ahead(&self, count: usize, stop: &Stop) {
        for _ in 0..count {
            let (agent, url) = (self.ahead.clone(), self.base.url("/"));
            self.wire.open_ahead(stop, move || drop(agent.get(url).call()));
        }
    }
}

/// Translates an error of ureq. Whether the request may be sent again depends only on whether any of it was `sent`.
fn explain(error: ureq::Error, http: &Http, sent: bool) -> Failure {
    if sent { Failure::Lost(explain_sent(error, http)) } else { explain_unsent(error, http) }
}

/// Describes an error of the HTTP library without the prefix that says where in its code it arose.
fn protocol(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    text.strip_prefix("http parse fail: ").map_or(text.clone(), str::to_owned)
}

/// Explains why there is no response to a request of which the server may have seen a part.
fn explain_sent(error: ureq::Error, http: &Http) -> String {
    use io::ErrorKind as Kind;
    let host = http.base.authority();
    let not_tls = |e: &rustls::Error| match e {
        rustls::Error::InvalidMessage(_) => format!("{host} sent something other than TLS"),
        _ => format!("{host}: TLS: {}", certificates::describe(e)),
    };
    match error {
        ureq::Error::Timeout(_) => format!("{host} did not respond within {} s", SILENCE.as_secs()),
        ureq::Error::LargeResponseHeader(..) => {
            format!("{host} sent more than {} KiB of headers", LARGEST_HEAD >> 10)
        }
        ureq::Error::Protocol(e) => format!("{host} sent an invalid HTTP response: {}", protocol(&e)),
        ureq::Error::Rustls(e) => not_tls(&e),
        ureq::Error::Io(e) => match (rustls_error(&e), e.kind()) {
            (Some(e), _) => not_tls(e),
            (
                None,
                Kind::UnexpectedEof | Kind::ConnectionReset | Kind::BrokenPipe | Kind::ConnectionAborted,
            ) => {
                format!("{host} closed the connection without responding")
            }
            (None, _) => format!("the connection to {host} failed: {}", reason(&e)),
        },
        other => format!("{host}: {other}"),
    }
}

/// Explains why there is no connection to send the request through.
fn explain_unsent(error: ureq::Error, http: &Http) -> Failure {
    let host = http.base.authority();
    match error {
        ureq::Error::HostNotFound | ureq::Error::Timeout(Timeout::Resolve) => unresolved(http, None),
        ureq::Error::Other(e) => match e.downcast_ref::<Unresolved>() {
            Some(Unresolved(host)) => unresolved(http, Some(host)),
            None => Failure::NotSent(format!("{host}: {e}")),
        },
        ureq::Error::Timeout(_) => {
            unreachable(http, &format!(": no connection within {} s", CONNECT.as_secs()))
        }
        ureq::Error::ConnectionFailed => unreachable(http, ""),
        ureq::Error::Io(e) => explain_io(&e, http),
        ureq::Error::ConnectProxyFailed(what) => explain_proxy(&what, http),
        ureq::Error::InvalidProxyUrl => Failure::Permanent {
            what: "invalid URL of a proxy".to_owned(),
            hint: Some("check HTTPS_PROXY and ALL_PROXY"),
        },
        ureq::Error::Rustls(e) => certificates::explain(&e, host, &http.certificates),
        ureq::Error::Tls(e) => Failure::Permanent { what: format!("{host}: TLS: {e}"), hint: None },
        ureq::Error::Protocol(e) if http.proxy.is_some() => {
            unreachable(http, &format!(": it sent an invalid HTTP response: {}", protocol(&e)))
        }
        other => Failure::NotSent(format!("{host}: {other}")),
    }
}

/// Reports that a host has no address; without its name, it is that of the first hop.
fn unresolved(http: &Http, name: Option<&str>) -> Failure {
    Failure::NotSent(match &http.proxy {
        Some(Via { host, variable, .. }) if name.is_none_or(|name| name.eq_ignore_ascii_case(host)) => {
            format!("cannot resolve the proxy host {host} (from {variable})")
        }
        _ => format!("cannot resolve the host {}{}", http.base.authority(), unused(http)),
    })
}

/// Returns a note about the proxy that is not used, if there is one.
fn unused(http: &Http) -> String {
    let note = |name| format!(" ({name} is not used for https: set HTTPS_PROXY)");
    http.unused_proxy.filter(|_| http.base.scheme() == "https").map_or(String::new(), note)
}

/// Reports that there is no connection to the first hop.
fn unreachable(http: &Http, why: &str) -> Failure {
    Failure::NotSent(match &http.proxy {
        Some(proxy) => format!("cannot reach {proxy}{why}"),
        None => format!("cannot reach {}{why}{}", http.base.authority(), unused(http)),
    })
}

/// Returns the TLS library's own error inside an error of input or output.
fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|e| e.downcast_ref())
}

/// Explains an error before the connection was open.
fn explain_io(error: &io::Error, http: &Http) -> Failure {
    use io::ErrorKind as Kind;
    let host = http.base.authority();
    match error.kind() {
        Kind::PermissionDenied => {
            Failure::Permanent { what: format!("{host}: {}", reason(error)), hint: None }
        }
        Kind::InvalidData => match rustls_error(error) {
            Some(e) => certificates::explain(e, host, &http.certificates),
            None => Failure::NotSent(format!("{host}: TLS: {}", reason(error))),
        },
        Kind::UnexpectedEof | Kind::ConnectionReset | Kind::BrokenPipe | Kind::ConnectionAborted => {
            unreachable(http, ": the connection was closed before the request was sent")
        }
        _ => unreachable(http, &format!(": {}", reason(error))),
    }
}

/// Explains why a proxy did not connect. Nothing was sent through it; its 502, 503, 504 or silence may be temporary.
fn explain_proxy(what: &str, http: &Http) -> Failure {
    let proxy = http.proxy.as_ref().map_or_else(|| "the proxy".to_owned(), Via::to_string);
    // The library reports the status in a text only: `proxy server responded 502/502`.
    let status = what.rsplit('/').next().and_then(|status| status.parse::<u16>().ok());
    let problem = match status {
        Some(status) => format!("{proxy} responded {}", status_text(status)),
        None => format!("{proxy} {}", what.strip_prefix("proxy server ").unwrap_or(what)),
    };
    if matches!(status, Some(502..=504)) || what.ends_with("did not respond") {
        return Failure::NotSent(problem);
    }
    Failure::Permanent { what: problem, hint: Some("check HTTPS_PROXY and NO_PROXY") }
}

/// A body, whose errors say which limit was reached.
struct Body<R>(R);

impl<R: Read> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|e| {
            let what = match e.get_ref().and_then(|e| e.downcast_ref()) {
                Some(ureq::Error::Timeout(Timeout::PerRead)) => {
                    format!("nothing arrived for {} s", SILENCE.as_secs())
                }
                Some(ureq::Error::Timeout(_)) => format!("it took longer than {} s", BODY.as_secs()),
                _ => return e,
            };
            io::Error::new(io::ErrorKind::TimedOut, what)
        })
    }
}

#[cfg(test)]
#[path = "tests/http.rs"]
mod tests;

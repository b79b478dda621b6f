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
use crate::api::wire::{self, Addresses, BODY, CONNECT, Cache, SILENCE, Wire};
use crate::base::error::{Error, reason};
use crate::base::sync::lock;
use crate::config::base_url::Base;
use crate::config::environment::Config;

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
    addresses: Addresses,
    base: Base,
    proxy: Option<Via>,
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
    /// An input error if the proxy variable is invalid.
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
        let agent = |idle| Agent::with_parts(settings(idle), Wire::default(), cache());
        let (agent, unpooled) = (agent(parallel), agent(0));
        let certificates = CertificateVariables::from_config(config);
        Ok(Http { agent, unpooled, addresses, base, proxy: via, certificates })
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
        wire::begin(request.stop);
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
                lock(&self.addresses).clear();
            }
        })?;
        let (head, body) = response.into_parts();
        let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers =
            head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let body = Box::new(Body(body.into_reader()));
        Ok(Response { status: head.status.as_u16(), headers, body })
    }
}

/// Translates an error of ureq. Whether the request may be sent again depends only on whether any of it was `sent`.
fn explain(error: ureq::Error, http: &Http, sent: bool) -> Failure {
    if sent { Failure::Lost(explain_sent(error, http)) } else { explain_unsent(error, http) }
}

/// Explains why there is no response to a request of which the server may have seen a part.
fn explain_sent(error: ureq::Error, http: &Http) -> String {
    use io::ErrorKind as Kind;
    let host = http.base.authority();
    let not_tls = |e: &rustls::Error| match e {
        rustls::Error::InvalidMessage(_) => format!("{host} sent something other than TLS"),
        _ => format!("{host}: TLS: {e}"),
    };
    match error {
        ureq::Error::Timeout(_) => format!("{host} did not respond within {} s", SILENCE.as_secs()),
        ureq::Error::LargeResponseHeader(..) => {
            format!("{host} sent more than {} KiB of headers", LARGEST_HEAD >> 10)
        }
        ureq::Error::Protocol(e) => format!("{host} sent an invalid HTTP response: {e}"),
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
        ureq::Error::HostNotFound | ureq::Error::Timeout(Timeout::Resolve) => unresolved(http),
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
            unreachable(http, &format!(": it sent an invalid HTTP response: {e}"))
        }
        other => Failure::NotSent(format!("{host}: {other}")),
    }
}

/// Reports that the first hop, the proxy or the API's host, has no address.
fn unresolved(http: &Http) -> Failure {
    Failure::NotSent(match &http.proxy {
        Some(Via { host, variable, .. }) => format!("cannot resolve the proxy host {host} (from {variable})"),
        None => format!("cannot resolve the host {}", http.base.authority()),
    })
}

/// Reports that there is no connection to the first hop.
fn unreachable(http: &Http, why: &str) -> Failure {
    Failure::NotSent(match &http.proxy {
        Some(proxy) => format!("cannot reach {proxy}{why}"),
        None => format!("cannot reach {}{why}", http.base.authority()),
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
        // The resolver's error has no kind of its own.
        _ if error.to_string().contains("failed to lookup address") => unresolved(http),
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
        None => format!("{proxy}: {what}"),
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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sandbox::{Server, Settings};
    use crate::sys::signals::Stop;

    #[test]
    fn an_unreachable_host_is_resolved_again() {
        let server = Server::start(Settings::default()).expect("a sandbox");
        let url = server.url();
        let config = Config::from(move |name| (name == "HEROKU_HOST").then(|| url.clone().into()));
        let http = Http::new(&config, config.base().expect("a base"), 1).expect("a transport");
        let send = |idle| {
            let request = Request {
                method: Method::Get,
                path: "/account",
                headers: &[],
                body: None,
                idle,
                stop: &Stop::default(),
            };
            http.send(&request).map(|response| response.status)
        };
        assert!(send(Duration::from_secs(9)).is_ok());
        assert_eq!(lock(&http.addresses).len(), 1, "both agents share the addresses");
        server.stop();
        assert!(matches!(send(Duration::ZERO), Err(Failure::NotSent(_))));
        assert!(lock(&http.addresses).is_empty());
    }

    #[test]
    fn statuses_read_as_a_sentence() {
        assert_eq!(status_text(500), "500 (Internal server error)");
        assert_eq!(status_text(414), "414 (URI too long)");
        assert_eq!(status_text(599), "599");
    }

    #[test]
    fn the_phase_decides_whether_a_request_may_be_sent_again() {
        use io::ErrorKind as Kind;
        let config = Config::from(|name| (name == "HEROKU_HOST").then(|| "http://127.0.0.1:1".into()));
        let http = Http::new(&config, config.base().expect("a base"), 1).expect("a transport");
        let kinds = [
            Kind::ConnectionRefused,
            Kind::HostUnreachable,
            Kind::NetworkUnreachable,
            Kind::NetworkDown,
            Kind::AddrNotAvailable,
            Kind::UnexpectedEof,
            Kind::ConnectionReset,
            Kind::BrokenPipe,
            Kind::ConnectionAborted,
            Kind::NotConnected,
            Kind::TimedOut,
            Kind::OutOfMemory,
            Kind::InvalidData,
            Kind::Other,
        ];
        let io = |kind: Kind| ureq::Error::Io(kind.into());
        for kind in kinds {
            assert!(matches!(explain(io(kind), &http, false), Failure::NotSent(_)), "{kind}");
            assert!(matches!(explain(io(kind), &http, true), Failure::Lost(_)), "{kind}");
        }
        let not_tls = || rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        let others: [fn() -> ureq::Error; 6] = [
            || ureq::Error::Timeout(Timeout::Connect),
            || ureq::Error::ConnectionFailed,
            || ureq::Error::HostNotFound,
            || io::Error::from(Kind::PermissionDenied).into(),
            || io::Error::from_raw_os_error(24).into(),
            || ureq::Error::Tls("broken"),
        ];
        for error in others {
            assert!(matches!(explain(error(), &http, true), Failure::Lost(_)), "{}", error());
            assert!(!matches!(explain(error(), &http, false), Failure::Lost(_)), "{}", error());
        }
        assert!(matches!(explain(not_tls().into(), &http, true), Failure::Lost(_)));
        assert!(matches!(explain(not_tls().into(), &http, false), Failure::Permanent { .. }));
        let wrapped = || io::Error::new(Kind::InvalidData, not_tls()).into();
        assert!(matches!(explain(wrapped(), &http, true), Failure::Lost(_)));
    }
}

//! The HTTP client: its errors, and its cache of addresses.

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
    assert_eq!(lock(&http.addresses).addresses.len(), 1, "both agents share the addresses");
    server.stop();
    assert!(matches!(send(Duration::ZERO), Err(Failure::NotSent(_))));
    assert!(lock(&http.addresses).addresses.is_empty());
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

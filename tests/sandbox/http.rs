//! The HTTP layer: common headers, invalid requests, connections.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use oauth_tools::sandbox::{Server, Settings};

use crate::common::client::*;
use crate::common::start;

#[test]
fn every_response_has_the_common_headers() {
    let settings = Settings { warning: Some("be\r\nwarned".into()), ..Settings::default() };
    let server = start(settings);
    let responses = [
        send(&server, "GET", AUTHZ, "").is(200),
        send(&server, "GET", "/nowhere", "").is(404),
        send(&server, "POST", CLIENTS, "{}").is(422),
        parse(&raw(&server, b"nonsense\r\n\r\n")).unwrap().is(400),
    ];
    for response in responses {
        assert!(response.whole());
        assert_eq!(response.header("Content-Type"), Some("application/json"));
        assert_eq!(response.header("RateLimit-Remaining"), Some("4500"));
        assert_eq!(response.header("Warning-Message"), Some("be  warned"));
        assert_eq!(response.header("Request-Id").map(str::len), Some(36));
        assert!(response.header("Date").unwrap().ends_with(" GMT"));
    }
}

#[test]
fn a_valid_request_id_is_returned() {
    let server = start(Settings::default());
    let back = |id: &str| {
        let response = send_with(&server, "GET", "/account", &format!("Request-Id: {id}\r\n"));
        response.header("Request-Id").unwrap().to_owned()
    };
    assert_eq!(back("01234567-89ab-cdef-0123-456789abcdef"), "01234567-89ab-cdef-0123-456789abcdef");
    assert_eq!(back("a").as_str(), "a");
    assert_ne!(back(&"a".repeat(65)), "a".repeat(65));
    assert_ne!(back("<script>"), "<script>");
}

#[test]
fn invalid_requests_are_refused_and_the_server_goes_on() {
    let server = start(Settings::default());
    let status = |bytes: &[u8]| parse(&raw(&server, bytes)).map(|a| a.status);
    assert_eq!(status(b"\r\n\x00\xff\r\n\r\n"), Some(400));
    assert_eq!(status(b"GET / HTTP/9.9\r\n\r\n"), Some(400));
    assert_eq!(status(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), Some(411));
    assert_eq!(status(b"POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n"), Some(413));
    assert_eq!(status(b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), Some(400));
    assert_eq!(status(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), Some(400));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(100));
    assert_eq!(status(many.as_bytes()), Some(431));
    let long = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "b".repeat(70_000));
    assert_eq!(status(long.as_bytes()), Some(431));
    let big = format!("POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n{}", "x".repeat(2_000_000));
    assert_eq!(status(big.as_bytes()), Some(413));
    send(&server, "GET", "/account", "").is(200);
}

#[test]
fn a_connection_takes_pipelined_requests() {
    let server = start(Settings::default());
    let one = format!(
        "GET /account HTTP/1.1\r\nAccept: application/vnd.heroku+json; version=3\r\n\
         Authorization: Bearer {}\r\n\r\n",
        server.token()
    );
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    let closing = one.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    stream.write_all(format!("{one}{one}{one}{closing}").as_bytes()).unwrap();
    let mut back = String::new();
    stream.read_to_string(&mut back).unwrap();
    assert_eq!(back.matches("HTTP/1.1 200 OK").count(), 4);
    let stats = server.stats();
    assert_eq!((stats.connections, stats.requests("GET /account"), stats.total()), (1, 4, 4));
}

#[test]
fn http_1_0_and_expect_100_continue_are_served() {
    let server = start(Settings::default());
    let head = format!(
        "Accept: application/vnd.heroku+json; version=3\r\nAuthorization: Bearer {}\r\n",
        server.token()
    );
    let old = raw(&server, format!("GET /account HTTP/1.0\r\n{head}\r\n").as_bytes());
    parse(&old).unwrap().is(200);
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    let post = format!(
        "POST {CLIENTS} HTTP/1.1\r\n{head}Content-Length: 2\r\nExpect: 100-continue\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(post.as_bytes()).unwrap();
    let mut go = [0; 25];
    stream.read_exact(&mut go).unwrap();
    assert!(go.starts_with(b"HTTP/1.1 100 Continue"));
    stream.write_all(b"{}").unwrap();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap();
    parse(&back).unwrap().is(422);
}

#[test]
fn requests_without_an_api_version_are_refused() {
    let server = start(Settings::default());
    for accept in [
        "*/*",
        "application/json",
        "application/vnd.heroku+json",
        "text/html; version=3",
        "application/vnd.heroku+json; version=2",
    ] {
        let response = send_with(&server, "GET", AUTHZ, &format!("Accept: {accept}\r\n"));
        assert_eq!(response.error(406), "not_acceptable", "{accept}");
    }
    let fine = "Accept: text/html, application/vnd.heroku+json; version=3.sdk\r\n";
    send_with(&server, "GET", AUTHZ, fine).is(200);
}

#[test]
fn stopping_closes_all_connections() {
    let server = start(Settings { latency: Duration::from_secs(600), ..Settings::default() });
    let addr = server.addr();
    let mut idle = TcpStream::connect(addr).unwrap();
    let mut waiting = TcpStream::connect(addr).unwrap();
    waiting.write_all(request(server.token(), "GET", AUTHZ, "", "").as_bytes()).unwrap();
    while server.stats().total() == 0 {
        std::thread::yield_now();
    }
    server.stop();
    assert_eq!(idle.read(&mut [0; 1]).unwrap_or(0), 0);
    let mut rest = Vec::new();
    let _ = waiting.read_to_end(&mut rest);
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn concurrent_requests_are_all_applied() {
    let server = start(Settings::default());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    send(&server, "POST", AUTHZ, "{}").is(201);
                }
            });
        }
    });
    let made = list(&server, AUTHZ);
    let made = made.iter().filter(|a| a["description"] == "Long-lived user authorization");
    assert_eq!(made.count(), 80);
    assert_eq!(server.stats().applied("POST /oauth/authorizations"), 80);
}

#[test]
fn a_connection_above_the_limit_gets_503() {
    let server = start(Settings::default());
    let connect = || TcpStream::connect(server.addr()).unwrap();
    let idle: Vec<TcpStream> = (0..256).map(|_| connect()).collect();
    let mut back = Vec::new();
    let _ = connect().read_to_end(&mut back);
    parse(&back).unwrap().is(503);
    drop(idle);
    // Their threads notice only after a moment.
    while try_send(&server, server.token(), ("GET", AUTHZ), "", "").is_none_or(|a| a.status != 200) {
        std::thread::yield_now();
    }
}

#[test]
fn the_server_listens_on_loopback_only() {
    let server: Server = start(Settings::default());
    assert!(server.addr().ip().is_loopback());
    assert_eq!(server.url(), format!("http://{}", server.addr()));
}

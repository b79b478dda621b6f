//! Each fault, as a client sees it.

use std::io::{Read, Write};
use std::net::TcpStream;

use oauth_tools::sandbox::{Server, Settings};
use serde_json::Value;

use crate::common::client::*;
use crate::common::start;

fn with(faults: &[&str]) -> Server {
    let faults = faults.iter().map(|f| f.parse().unwrap()).collect();
    start(Settings { faults, ..Settings::default() })
}

fn create(server: &Server) -> Option<Response> {
    try_send(server, server.token(), ("POST", AUTHZ), "", "{}")
}

/// Creates an authorization under a fault; returns the response and the number of authorizations created.
#[track_caller]
fn creating(fault: &str) -> (Option<Response>, u64) {
    let server = with(&[fault]);
    let response = create(&server);
    assert_eq!(server.stats().fired(fault), 1, "{fault}");
    let made = list_len(&server) - 16;
    assert_eq!(made, server.stats().applied("POST /oauth/authorizations"), "{fault}");
    (response, made)
}

/// Counts the account's own authorizations without a request, which a fault could hit.
fn list_len(server: &Server) -> u64 {
    let own = |line: &&String| line.starts_with("{\"kind\":\"authz\"") && !line.contains("\"team\":");
    server.dump().iter().filter(own).count() as u64
}

#[test]
fn connections_drop_before_or_after_the_change() {
    let (response, made) = creating("drop-before");
    assert!(response.is_none() && made == 0);
    let (response, made) = creating("drop-after");
    assert!(response.is_none() && made == 1);
}

#[test]
fn errors_come_without_the_change_or_after_it() {
    for status in [500, 502, 503, 504] {
        for (after, wanted) in [("", 0), ("-after", 1)] {
            let (response, made) = creating(&format!("{status}{after}"));
            let response = response.unwrap().is(status);
            assert_eq!(made, wanted);
            if status == 502 {
                assert!(response.header("Content-Type").unwrap().starts_with("text/html"));
                assert!(response.text().contains('\u{1b}'));
            } else {
                assert!(response.json()["message"].is_string());
            }
        }
    }
}

#[test]
fn a_late_request_is_applied_after_its_response() {
    let fault = "late:ms=300";
    let server = with(&[fault]);
    create(&server).unwrap().is(504);
    let made = || server.stats().applied("POST /oauth/authorizations");
    let at_first = made();
    while made() == 0 {
        std::thread::yield_now();
    }
    assert_eq!((at_first, list_len(&server)), (0, 17));
}

#[test]
fn retry_after_has_three_forms() {
    let after = |fault: &str| {
        let (response, made) = creating(fault);
        let response = response.unwrap().is(429);
        assert_eq!((made, response.header("RateLimit-Remaining")), (0, Some("0")));
        response.header("Retry-After").map(str::to_owned)
    };
    assert_eq!(after("429"), None);
    assert_eq!(after("429:retry-after=3").as_deref(), Some("3"));
    assert!(after("429:retry-after=date").unwrap().ends_with(" GMT"));
    let epoch: u64 = after("429:retry-after=epoch+60").unwrap().parse().unwrap();
    assert!(epoch > 1_500_000_000);
}

#[test]
fn bodies_are_cut_or_corrupted() {
    let (response, made) = creating("cut");
    let response = response.unwrap().is(201);
    assert!(made == 1 && !response.whole() && !response.body.is_empty());

    let (response, made) = creating("garbage");
    let response = response.unwrap().is(201);
    assert!(made == 1 && response.whole() && serde_json::from_slice::<Value>(&response.body).is_err());

    let (response, _) = creating("null");
    assert_eq!(response.unwrap().is(201).text(), "null");

    let (response, _) = creating("types");
    let response = response.unwrap().is(201).json();
    assert!(response["id"].is_u64() && response["access_token"].is_array());

    let (response, _) = creating("dup");
    let response = response.unwrap().is(201);
    assert_eq!(response.text().matches("\"id\":\"00000000-").count(), 1);
    assert!(!response.json()["id"].as_str().unwrap().starts_with("00000000-"));

    let (response, _) = creating("bignum");
    let response = response.unwrap().is(201);
    assert!(response.whole() && response.text().contains("\"expires_in\":1234567890123456789012345"));

    let (response, _) = creating("badutf8");
    let response = response.unwrap().is(201);
    assert!(response.whole() && String::from_utf8(response.body).is_err());
}

#[test]
fn slow_and_dripping_responses_are_complete() {
    for fault in ["slow:ms=1", "drip:ms=0"] {
        let (response, made) = creating(fault);
        let response = response.unwrap().is(201);
        assert!(made == 1 && response.whole(), "{fault}");
        assert!(response.json()["id"].is_string());
    }
}

#[test]
fn slow_adds_to_another_fault() {
    let server = with(&["slow:ms=1", "503"]);
    create(&server).unwrap().is(503);
    assert_eq!((server.stats().fired("slow:ms=1"), server.stats().fired("503")), (1, 1));
}

#[test]
fn a_redirect_names_its_target() {
    let elsewhere = start(Settings::default());
    let (response, made) = creating(&format!("redirect:to={}/x:status=307", elsewhere.url()));
    let response = response.unwrap().is(307);
    assert_eq!(response.header("Location"), Some(format!("{}/x", elsewhere.url()).as_str()));
    assert_eq!((made, elsewhere.stats().connections), (0, 0));
}

#[test]
fn a_looping_list_repeats_its_range() {
    let server = with(&["loop"]);
    let range = "id ..; max=5";
    for _ in 0..3 {
        let page = send_with(&server, "GET", AUTHZ, &format!("Range: {range}\r\n")).is(206);
        assert_eq!(page.header("Next-Range"), Some(range));
    }
}

#[test]
fn an_endless_response_stops_when_the_client_closes() {
    for (fault, start) in
        [("huge", "HTTP/1.1 200 OK\r\nContent-Type"), ("huge-headers", "HTTP/1.1 200 OK\r\nX-Padding")]
    {
        let server = with(&[fault]);
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream.write_all(request(server.token(), "GET", AUTHZ, "", "").as_bytes()).unwrap();
        let mut some = vec![0; 1 << 20];
        stream.read_exact(&mut some).unwrap();
        assert!(some.starts_with(start.as_bytes()));
        drop(stream);
        server.stop();
    }
}

#[test]
fn an_endless_response_stops_at_its_limit() {
    let server = with(&["huge:count=1"]);
    let got = raw(&server, request(server.token(), "GET", AUTHZ, "", "").as_bytes());
    assert!(got.len() > 1 << 20 && got.len() < 66 << 20);
    send(&server, "GET", AUTHZ, "").is(200);
}

#[test]
fn a_gzip_bomb_is_small_on_the_wire() {
    let (response, made) = creating("gzip-bomb");
    let response = response.unwrap().is(200);
    assert_eq!((made, response.header("Content-Encoding")), (0, Some("gzip")));
    assert!(response.whole() && response.body.len() < 8 << 20);
}

#[test]
fn a_fault_hits_only_matching_requests() {
    let server = with(&["500@DELETE /oauth/clients:count=1", "503@/oauth/authorizations/*/actions"]);
    send(&server, "GET", CLIENTS, "").is(200);
    send(&server, "DELETE", "/oauth/clients/x", "").is(500);
    send(&server, "DELETE", "/oauth/clients/x", "").is(404);
    send(&server, "POST", "/oauth/authorizations/~/actions/regenerate-tokens", "").is(503);
    send(&server, "GET", "/oauth/authorizations/~", "").is(200);
    assert_eq!(server.stats().faults.values().sum::<u64>(), 2);
}

#[test]
fn after_a_drop_the_next_connection_is_served() {
    let server = with(&["drop-after:count=1"]);
    assert!(create(&server).is_none());
    create(&server).unwrap().is(201);
    assert_eq!((list_len(&server), server.stats().connections), (18, 2));
}

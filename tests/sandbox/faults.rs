//! Each fault, seen from the other end.

use std::io::{Read, Write};
use std::net::TcpStream;

use oauth_tools::sandbox::{Server, Settings};
use serde_json::Value;

use crate::client::*;

fn with(faults: &[&str]) -> Server {
    let faults = faults.iter().map(|f| f.parse().unwrap()).collect();
    start(Settings { faults, ..Settings::default() })
}

fn create(server: &Server) -> Option<Answer> {
    try_send(server, server.token(), ("POST", AUTHZ), "", "{}")
}

/// A create under a fault, and how many authorizations it made.
#[track_caller]
fn creating(fault: &str) -> (Option<Answer>, u64) {
    let server = with(&[fault]);
    let answer = create(&server);
    assert_eq!(server.stats().fired(fault), 1, "{fault}");
    let made = list_len(&server) - 16;
    assert_eq!(made, server.stats().applied("POST /oauth/authorizations"), "{fault}");
    (answer, made)
}

/// The account's personal authorizations, counted where no fault can reach.
fn list_len(server: &Server) -> u64 {
    let own = |line: &&String| line.starts_with("{\"kind\":\"authz\"") && !line.contains("\"team\":");
    server.dump().iter().filter(own).count() as u64
}

#[test]
fn connections_drop_before_and_after() {
    let (answer, made) = creating("drop-before");
    assert!(answer.is_none() && made == 0);
    let (answer, made) = creating("drop-after");
    assert!(answer.is_none() && made == 1);
}

#[test]
fn errors_come_instead_of_the_work_or_after_it() {
    for status in [500, 502, 503, 504] {
        for (after, wanted) in [("", 0), ("-after", 1)] {
            let (answer, made) = creating(&format!("{status}{after}"));
            let answer = answer.unwrap().is(status);
            assert_eq!(made, wanted);
            if status == 502 {
                assert!(answer.header("Content-Type").unwrap().starts_with("text/html"));
                assert!(answer.text().contains('\u{1b}'));
            } else {
                assert!(answer.json()["message"].is_string());
            }
        }
    }
}

#[test]
fn a_late_request_is_done_after_its_answer() {
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
fn too_many_requests_says_when_in_three_ways() {
    let after = |fault: &str| {
        let (answer, made) = creating(fault);
        let answer = answer.unwrap().is(429);
        assert_eq!((made, answer.header("RateLimit-Remaining")), (0, Some("0")));
        answer.header("Retry-After").map(str::to_owned)
    };
    assert_eq!(after("429"), None);
    assert_eq!(after("429:retry-after=3").as_deref(), Some("3"));
    assert!(after("429:retry-after=date").unwrap().ends_with(" GMT"));
    let epoch: u64 = after("429:retry-after=epoch+60").unwrap().parse().unwrap();
    assert!(epoch > 1_500_000_000);
}

#[test]
fn bodies_are_cut_or_spoilt() {
    let (answer, made) = creating("cut");
    let answer = answer.unwrap().is(201);
    assert!(made == 1 && !answer.whole() && !answer.body.is_empty());

    let (answer, made) = creating("garbage");
    let answer = answer.unwrap().is(201);
    assert!(made == 1 && answer.whole() && serde_json::from_slice::<Value>(&answer.body).is_err());

    let (answer, _) = creating("null");
    assert_eq!(answer.unwrap().is(201).text(), "null");

    let (answer, _) = creating("types");
    let answer = answer.unwrap().is(201).json();
    assert!(answer["id"].is_u64() && answer["access_token"].is_array());

    let (answer, _) = creating("dup");
    let answer = answer.unwrap().is(201);
    assert_eq!(answer.text().matches("\"id\":\"00000000-").count(), 1);
    assert!(!answer.json()["id"].as_str().unwrap().starts_with("00000000-"));

    let (answer, _) = creating("bignum");
    let answer = answer.unwrap().is(201);
    assert!(answer.whole() && answer.text().contains("\"expires_in\":1234567890123456789012345"));

    let (answer, _) = creating("badutf8");
    let answer = answer.unwrap().is(201);
    assert!(answer.whole() && String::from_utf8(answer.body).is_err());
}

#[test]
fn slow_and_dripping_answers_are_whole() {
    for fault in ["slow:ms=1", "drip:ms=0"] {
        let (answer, made) = creating(fault);
        let answer = answer.unwrap().is(201);
        assert!(made == 1 && answer.whole(), "{fault}");
        assert!(answer.json()["id"].is_string());
    }
}

#[test]
fn slowness_adds_to_another_fault() {
    let server = with(&["slow:ms=1", "503"]);
    create(&server).unwrap().is(503);
    assert_eq!((server.stats().fired("slow:ms=1"), server.stats().fired("503")), (1, 1));
}

#[test]
fn redirects_lead_elsewhere() {
    let elsewhere = start(Settings::default());
    let (answer, made) = creating(&format!("redirect:to={}/x:status=307", elsewhere.url()));
    let answer = answer.unwrap().is(307);
    assert_eq!(answer.header("Location"), Some(format!("{}/x", elsewhere.url()).as_str()));
    assert_eq!((made, elsewhere.stats().connections), (0, 0));
}

#[test]
fn a_looping_list_never_gets_on() {
    let server = with(&["loop"]);
    let range = "id ..; max=5";
    for _ in 0..3 {
        let page = send_with(&server, "GET", AUTHZ, &format!("Range: {range}\r\n")).is(206);
        assert_eq!(page.header("Next-Range"), Some(range));
    }
}

#[test]
fn endless_answers_end_with_their_reader() {
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
fn an_endless_answer_stops_by_itself() {
    let server = with(&["huge:count=1"]);
    let got = raw(&server, request(server.token(), "GET", AUTHZ, "", "").as_bytes());
    assert!(got.len() > 1 << 20 && got.len() < 66 << 20);
    send(&server, "GET", AUTHZ, "").is(200);
}

#[test]
fn a_bomb_is_small_on_the_wire() {
    let (answer, made) = creating("gzip-bomb");
    let answer = answer.unwrap().is(200);
    assert_eq!((made, answer.header("Content-Encoding")), (0, Some("gzip")));
    assert!(answer.whole() && answer.body.len() < 8 << 20);
}

#[test]
fn a_fault_hits_what_it_names() {
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

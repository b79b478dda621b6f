//! Connections that are opened before there are requests for them.

use std::process::Stdio;
use std::time::{Duration, Instant};

use oauth_tools::sandbox::{Server, Settings};

use crate::common::{Folder, Ran, Running, finish, start, tool};
use crate::relay::{Authority, TlsRelay};

/// The ids of so many generated authorizations, a line each.
fn ids(server: &Server, count: usize) -> String {
    let listed = finish(tool(server, "oauth-ls", &["authz", "--match", "generated", "-o", "id"]));
    listed.out.split_inclusive('\n').take(count).collect()
}

#[test]
fn lists_are_asked_for_at_the_same_time() {
    let at_once = |args: &[&str]| {
        let server = start(Settings { latency: Duration::from_millis(300), ..Settings::default() });
        finish(tool(&server, "oauth-ls", args)).exits(0);
        server.stats().most_at_once
    };
    assert_eq!((at_once(&[]), at_once(&["clients"])), (3, 1));
}

/// Runs oauth-rm through a relay. Its input comes once `is_time`.
fn remove(
    server: &Server,
    relay: &TlsRelay,
    authority: &Authority,
    input: &str,
    is_time: impl Fn() -> bool,
) -> Ran {
    let folder = Folder::new();
    let trusted = folder.join("ca.pem");
    std::fs::write(&trusted, authority.pem()).unwrap();
    let mut command = tool(server, "oauth-rm", &["authz", "-P", "4", "--retry-for", "0"]);
    command.env("HEROKU_HOST", format!("https://localhost:{}", relay.port())).env("SSL_CERT_FILE", &trusted);
    command.stdin(Stdio::piped());
    let running = Running::start(command);
    let start = Instant::now();
    while !is_time() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(is_time(), "nothing was opened ahead");
    running.feed_to_end(input.as_bytes())
}

#[test]
fn connections_are_opened_while_the_input_comes_and_used_again() {
    let server = start(Settings { authz: 20, ..Settings::default() });
    let ours = Authority::new();
    let relay = TlsRelay::start(&server, &ours, &["localhost"], (2020, 2100));
    let ran = remove(&server, &relay, &ours, &ids(&server, 12), || relay.accepted() == 2);
    assert_eq!((ran.status, ran.lines().len()), (0, 12), "{ran}");
    // Four calls at once, and two before them, whose connections may not be free yet.
    assert!(relay.accepted() <= 6, "{}", relay.accepted());
}

#[test]
fn bad_input_sends_nothing_through_them() {
    let server = start(Settings::default());
    let ours = Authority::new();
    let relay = TlsRelay::start(&server, &ours, &["localhost"], (2020, 2100));
    let before = server.stats().total();
    let ran = remove(&server, &relay, &ours, "no id\n", || relay.accepted() == 2);
    assert_eq!((ran.status, server.stats().total()), (2, before), "{ran}");
}

#[test]
fn one_that_the_server_closes_or_breaks_is_replaced_without_a_word() {
    for breaks in [false, true] {
        let server = start(Settings { authz: 20, ..Settings::default() });
        let ours = Authority::new();
        let relay = TlsRelay::closing(&server, &ours, 2, breaks);
        let ran = remove(&server, &relay, &ours, &ids(&server, 12), || relay.closed() == 2);
        assert_eq!((ran.status, ran.lines().len(), ran.err.as_str()), (0, 12, ""), "{breaks} {ran}");
    }
}

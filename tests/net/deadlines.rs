//! Servers that never come to an end: each wait has a deadline, and ends soon after a signal.

use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{Ran, Running, finish, programs};
use crate::relay::Endless;

/// A run that takes longer than this after a signal is killed, and the test fails.
const LIMIT: Duration = Duration::from_secs(40);
const ID: &str = "01234567-89ab-4def-8123-456789abcdef";
const JSON: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

/// Sends `more` until the client has gone; tells `begun` that it does.
fn flood(stream: &mut TcpStream, begun: &Sender<()>, start: &[u8], more: &[u8], pause: Duration) {
    let _ = stream.write_all(start);
    let _ = begun.send(());
    while stream.write_all(more).is_ok() {
        std::thread::sleep(pause);
    }
}

fn command(name: &str, port: u16, args: &[&str]) -> Command {
    let mut command = Command::new(programs().join(name));
    command.args(args).env_clear().env("HOME", "/nonexistent");
    command.env("HEROKU_HOST", format!("http://127.0.0.1:{port}")).env("HEROKU_API_KEY", "HRKU-x");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a tool against a server that sends `start` and then `more` without end, and sends it SIGINT meanwhile.
fn interrupted(name: &str, args: &[&str], start: &[u8], more: &'static [u8], pause: Duration) -> Ran {
    let (sender, begun) = channel();
    let start = [JSON.as_bytes(), start].concat();
    let server = Endless::start(move |stream, _| flood(stream, &sender, &start, more, pause));
    let run = Running::start_within(LIMIT, command(name, server.port(), args));
    begun.recv().unwrap();
    run.signal(Signal::INT);
    run.ended()
}

/// The tools and the part of a response that has no end.
fn all(start: &[u8], more: &'static [u8], pause: Duration) {
    let lines: [(&str, &[&str]); 3] =
        [("oauth-rm", &["authz", ID]), ("oauth-mk", &["authz", "-d", "x"]), ("oauth-rot", &["authz", ID])];
    std::thread::scope(|scope| {
        for (name, args) in lines {
            scope.spawn(move || {
                let ran = interrupted(name, args, start, more, pause);
                assert!(ran.signal.is_none() && [75, 130].contains(&ran.status), "{ran}");
                assert!(ran.err.contains("the run was stopped before the server responded"), "{ran}");
            });
        }
    });
}

#[test]
fn a_gzip_body_of_empty_blocks_ends_at_a_signal() {
    // An empty stored block, many times.
    static BLOCKS: [u8; 5 * 64] = {
        let mut blocks = [0; 5 * 64];
        let mut at = 0;
        while at < 5 * 64 {
            (blocks[at + 3], blocks[at + 4]) = (0xff, 0xff);
            at += 5;
        }
        blocks
    };
    let mut start = b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n".to_vec();
    start.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    all(&start, &BLOCKS, Duration::ZERO);
}

#[test]
fn endless_trailers_end_at_a_signal() {
    all(b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n", b"X-T: y\r\n", Duration::ZERO);
}

#[test]
fn a_dripping_body_ends_at_a_signal() {
    all(b"Connection: close\r\n\r\n", b" ", Duration::from_millis(50));
}

#[test]
fn a_dripping_head_ends_at_a_signal() {
    all(b"X-Padding: ", b"x", Duration::from_millis(50));
}

#[test]
fn silence_ends_at_a_signal() {
    all(b"Content-Length: 9\r\n\r\n", b"", Duration::from_millis(50));
}

#[test]
fn a_list_whose_pages_always_bring_new_ids_ends_at_a_signal() {
    let (sender, begun) = channel();
    let server = Endless::start(move |stream, n| {
        let body = format!("[{{\"id\":\"01234567-89ab-4def-8123-{n:012x}\"}}]");
        let length = body.len();
        let head = format!("{JSON}Next-Range: id {n}..; max=1000\r\nContent-Length: {length}\r\n");
        std::thread::sleep(Duration::from_millis(20));
        let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes());
        let _ = sender.send(());
    });
    let run = Running::start_within(LIMIT, command("oauth-rm", server.port(), &["authz", ID]));
    (0..10).for_each(|_| begun.recv().unwrap());
    run.signal(Signal::TERM);
    let ran = run.ended();
    assert!(ran.signal.is_none() && [75, 143].contains(&ran.status), "{ran}");
}

#[test]
fn a_proxy_that_drips_its_response_is_given_up() {
    let (sender, _begun) = channel();
    let proxy = Endless::start(move |stream, _| {
        flood(stream, &sender, b"HTTP/1.1 200 OK\r\nX: ", b"x", Duration::from_millis(50));
    });
    let mut ls = Command::new(programs().join("oauth-ls"));
    ls.args(["authz", "--retry-for", "0"]).env_clear().env("HOME", "/nonexistent");
    ls.env("HEROKU_HOST", "corp.example").env("HEROKU_API_KEY", "HRKU-x");
    ls.env("HTTPS_PROXY", format!("http://127.0.0.1:{}", proxy.port()));
    let ran = finish(ls);
    assert!(ran.status == 75 && ran.err.contains("no connection within 10 s"), "{ran}");
}

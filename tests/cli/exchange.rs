//! Exchanging grant codes and refresh tokens, also by the web flow.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::common::{Account, text};

/// Visits a URL of this machine, and returns where it redirects to.
fn visit(url: &str) -> Option<String> {
    let (authority, path) = url.strip_prefix("http://")?.split_once('/')?;
    let mut stream = TcpStream::connect(authority).ok()?;
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer
        .lines()
        .find_map(|line| line.to_lowercase().starts_with("location: ").then(|| line[10..].to_owned()))
}

#[test]
fn codes_and_refresh_tokens_are_exchanged_for_tokens() {
    let account = Account::new();
    let client = account.id("Example CI");
    account
        .sh(&format!("oauth-ls client {client} -S > secret; oauth-mk authz --client-id {client} -S > code"))
        .succeeds();
    let token = account.sh("oauth-mk token --grant-code @code --client-secret @secret").succeeds().record();
    let refresh = text(&token["refresh_token"]["token"]);
    // The next command does not get the secret and code that were exchanged.
    for given in ["secret", "code"] {
        assert!(!token.to_string().contains(account.read(given).trim()), "{given}: {token}");
    }
    account.sh("oauth-mk token --grant-code @code --client-secret @secret").exits(1).says("was used");
    // A variable that is named as the source of a secret is hidden from commands.
    let line = "CODE=$(oauth-mk authz --client-id CLIENT -S) SECRET=$(cat secret) OTHER=x; export CODE SECRET OTHER; \
                oauth-mk token --grant-code env:CODE --client-secret env:SECRET --exec env";
    let ran = account.sh(&line.replace("CLIENT", &client)).exits(0).says("OTHER=x\n");
    ran.never_says("CODE=").never_says("\nSECRET=");
    let line = "oauth-mk token --refresh-token - --client-secret @secret";
    let fresh = account.feed(line, &refresh).succeeds().record();
    let key = text(&fresh["access_token"]["token"]);
    account.line("sh", "oauth-ls authz -o id").env("HEROKU_API_KEY", &key).run(b"").succeeds();
    account.sh(&format!("oauth-rm token {}", text(&fresh["id"]))).succeeds();
    account.line("sh", "oauth-ls authz -o id").env("HEROKU_API_KEY", &key).run(b"").exits(4);
    account
        .sh(&format!("oauth-rm token {refresh}"))
        .exits(2)
        .says("a token, not an id")
        .never_says(&refresh[8..]);
    account.write("wrong", "b9c4a6de-6fd1-4f4e-9d4f-0cf4b8a2b6a1");
    let line = format!("oauth-mk authz --client-id {client} -S > code; oauth-mk token --grant-code @code");
    account.sh(&format!("{line} --client-secret @wrong")).exits(4).says("check the client's secret");
    account
        .sh("oauth-mk token --grant-code - --client-secret -")
        .exits(2)
        .says("standard input is already used");
}

#[test]
fn the_web_flow_accepts_one_visit_with_the_right_state() {
    let account = Account::new();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let line = format!("oauth-mk client web http://127.0.0.1:{port}/cb -o id");
    let client = account.sh(&line).succeeds().lines()[0].to_owned();
    let line = format!("oauth-mk token --web {client} -s read 2> said");
    let ran = std::thread::scope(|scope| {
        let run = scope.spawn(|| account.sh(&line));
        let url = loop {
            let said = std::fs::read_to_string(account.path("said")).unwrap_or_default();
            match said.lines().find_map(|l| l.strip_prefix("oauth-mk: visit ")) {
                Some(url) if said.ends_with('\n') => break url.to_owned(),
                _ => std::thread::sleep(std::time::Duration::from_millis(5)),
            }
        };
        visit(&format!("http://127.0.0.1:{port}/favicon.ico"));
        visit(&format!("http://127.0.0.1:{port}/cb?state=wrong&code=stolen"));
        let back = visit(&url).expect("the sandbox leads back");
        visit(&back);
        run.join().unwrap()
    });
    let token = ran.succeeds().record();
    assert_eq!(token["kind"], "token");
    assert!(account.read("said").contains("ignored a request with the wrong state"));
    // Without a visit, a signal ends the wait.
    let line = format!("timeout --preserve-status -k 30 1 oauth-mk token --web {client}");
    account.sh(&line).exits(143).says("visit ").says("ended by signal 15");
    // If the port is taken, no URL is shown.
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    account.sh(&format!("oauth-mk token --web {client}")).exits(1).says("cannot listen").never_says("visit");
}

//! The requests and the output of oauth-rot.

use super::{TOOL, run};
use crate::api::tests::stub::{Stub, TOKEN};
use crate::api::transport::Method::{Get, Post};

const ROT: (&crate::cli::Tool, crate::Run) = (&TOOL, run);
const FLAGS: [&str; 2] = ["--include-self", "--include-default"];

#[test]
fn each_kind_has_its_action_and_its_request_has_no_body() {
    for (kind, path, response) in [
        (
            "authz",
            "/oauth/authorizations/x1/actions/regenerate-tokens",
            r#"{"id":"x1","access_token":{"token":"new"}}"#,
        ),
        ("client", "/oauth/clients/x1/actions/rotate-credentials", r#"{"id":"x1","secret":"new"}"#),
    ] {
        let args = |format| [&[kind, "x1", "-o", format], &FLAGS[..]].concat();
        let stub = Stub::new().on(Post, path, 200, response);
        stub.clone().run(ROT, &args("secret"), "").succeeds().prints("new\n");
        assert_eq!(stub.sent("content-type"), [None], "no body");
        let ran = Stub::new().on(Post, path, 200, response).run(ROT, &args("env"), "").succeeds();
        let name = if kind == "client" { "HEROKU_OAUTH_SECRET" } else { "HEROKU_API_KEY" };
        ran.prints(&format!("HEROKU_OAUTH_ID=x1\n{name}=new\n"));
    }
}

#[test]
fn sessions_and_tokens_cannot_be_rotated() {
    for kind in ["session", "token"] {
        let ran = Stub::new().run(ROT, &[kind, "x1"], "").exits(2);
        ran.says(&format!("a {kind} cannot be rotated"));
    }
}

#[test]
fn a_rotation_without_a_complete_secret_fails_and_is_not_repeated() {
    let path = "/oauth/clients/c1/actions/rotate-credentials";
    for secret in ["null", r#""""#, r#""s**********""#, r#""s********9""#, r#""s…9""#, r#""s...""#] {
        let response = format!(r#"{{"id":"c1","secret":{secret}}}"#);
        for more in ["-ondjson", "-S", "--exec=echo ran"] {
            let ran =
                Stub::new().on(Post, path, 200, &response).run(ROT, &["client", "c1", more], "").exits(1);
            assert_eq!(ran.out.contains(r#""id":"c1","status":"rotated""#), more != "-S", "{ran:#?}");
            let message =
                "client c1: the response holds no complete secret: there is a new one that nobody knows";
            let hint = "oauth-ls client c1 -S shows it; oauth-rot client c1 gives it another";
            assert_eq!(ran.err, format!("oauth-test: {message}\noauth-test: {hint}\n"));
        }
    }
}

#[test]
fn a_rotation_whose_response_is_about_another_object_is_in_doubt_and_stops_the_run() {
    let path = "/oauth/clients/c1/actions/rotate-credentials";
    for secret in [r#","secret":"new""#, ""] {
        let stub = Stub::new().on(Post, path, 200, &format!(r#"{{"id":"c9"{secret}}}"#));
        let ran = stub.run(ROT, &["client", "c1", "c2", "-P1"], "").exits(75).prints("");
        ran.says("client c1: it may have been rotated: the response is about client c9\n")
            .says("stopped: 1 record was not attempted");
    }
}

#[test]
fn a_refusal_does_not_stop_the_others() {
    let path = |id: &str| format!("/oauth/clients/{id}/actions/rotate-credentials");
    let stub = Stub::new()
        .on(Post, &path("c1"), 200, r#"{"id":"c1","secret":"one"}"#)
        .on(Post, &path("c2"), 422, r#"{"id":"invalid_params","message":"No."}"#)
        .on(Post, &path("c3"), 200, r#"{"id":"c3","secret":"three"}"#);
    let ran = stub.run(ROT, &["client", "-S"], "c1\nc2\nc3\n").exits(1).prints("one\nthree\n");
    ran.says("oauth-test: stdin:2: client c2: No. (invalid_params)\n");
}

#[test]
fn a_successor_always_has_a_description() {
    let path = "/oauth/authorizations";
    for (old, description) in [
        (r#"{"id":"x1","scope":["read"],"description":"job"}"#, "job"),
        (r#"{"id":"x1","scope":["read"],"description":null}"#, "Long-lived user authorization"),
        (r#"{"id":"x1","scope":["read"],"description":""}"#, "Long-lived user authorization"),
    ] {
        let body = format!(r#"{{"description":"{description}","scope":["read"]}}"#);
        let made = r#"{"id":"x2","access_token":{"token":"new"}}"#;
        let stub = Stub::new().on(Get, &format!("{path}/x1"), 200, old).on_body(Post, path, &body, 201, made);
        let stub = stub.on(Get, "/account/rate-limits", 200, "{}");
        stub.run(ROT, &[&["authz", "x1", "--replace"], &FLAGS[..]].concat(), "").succeeds();
    }
}

#[test]
fn the_token_of_a_successor_is_tested() {
    let refusal = r#"{"id":"not_so","message":"No."}"#;
    for (statuses, more, code, message) in [
        (&[200][..], "", 0, ""),
        // The token works, but may not read the rate limits.
        (&[403], "", 0, ""),
        // A new token may take a moment to work.
        (&[401, 401, 200], "", 0, ""),
        (&[401], "--retry-for=0", 1, "are live: the new token does not work: No. (not_so)\n"),
        (&[404], "", 1, "both it and its successor x2 are live: No. (not_so)\n"),
    ] {
        let mut stub = Stub::new()
            .on(Get, "/oauth/authorizations/x1", 200, r#"{"id":"x1","scope":["read"]}"#)
            .on(Post, "/oauth/authorizations", 201, r#"{"id":"x2","access_token":{"token":"new"}}"#);
        for status in statuses {
            stub = stub.on(Get, "/account/rate-limits", *status, refusal);
        }
        let args: Vec<&str> =
            ["authz", "x1", "--replace", more].into_iter().filter(|a| !a.is_empty()).collect();
        let ran = stub.clone().run(ROT, &[&args, &FLAGS[..]].concat(), "").exits(code).says(message);
        assert!(ran.out.contains(r#""id":"x2""#) && ran.out.contains(r#""replaces":"x1""#), "{ran:#?}");
        let bearer = |token: &str| Some(format!("Bearer {token}"));
        let mut bearers = vec![bearer(TOKEN); 2];
        bearers.resize(2 + statuses.len(), bearer("new"));
        assert_eq!(stub.sent("authorization"), bearers, "{statuses:?}");
    }
}

#[test]
fn a_rotation_that_shortens_a_life_is_reported_with_both_ends() {
    let path = "/oauth/authorizations/x1/actions/regenerate-tokens";
    let record =
        |expires_at: &str| format!("{{\"kind\":\"authz\",\"id\":\"x1\",\"expires_at\":{expires_at}}}\n");
    for (before, left, told) in [
        (record("null"), "28800", Some("; it never expired before;")),
        (record("\"2999-01-01T00:00:00Z\""), "28800", Some("; before, it expired at 2999-01-01T00:00:00Z;")),
        ("id,expires_at\nx1,2999-01-01T00:00:00Z\n".to_owned(), "28800", Some("at 2999-01-01T00:00:00Z;")),
        (record("\"2001-01-01T00:00:00Z\""), "28800", None),
        (record("null"), "null", None),
        ("x1\n".to_owned(), "28800", None),
        (r#"{"kind":"authz","id":"x1"}"#.to_owned(), "28800", None),
    ] {
        let response = format!(r#"{{"id":"x1","access_token":{{"token":"new","expires_in":{left}}}}}"#);
        let stub = Stub::new().on(Post, path, 200, &response);
        let ran = stub.run(ROT, &[&["authz"], &FLAGS[..]].concat(), &before).exits(0);
        let shortened = "stdin:1: authz x1: the rotation has shortened its life: it expires at 2";
        let line =
            if before.starts_with("id,") { shortened.replace(":1:", ":2:") } else { shortened.to_owned() };
        match told {
            Some(old) => drop(ran.says(&line).says(old).says("--replace keeps the lifetime")),
            None => assert_eq!(ran.err, "", "{before}"),
        }
    }
}

#[test]
fn a_bare_id_is_compared_with_the_list_that_finds_the_token_in_use() {
    let list = r#"[{"id":"x1","access_token":{"token":"HRKU-AAxx**********wxyz","expires_in":null}},
        {"id":"own","access_token":{"token":"HRKU-AAthe-token-in-use-0123456789","expires_in":null}}]"#;
    let stub = |response: &str| {
        let stub = Stub::new().on(Get, "/oauth/authorizations", 200, list);
        let stub = stub.on(Get, "/oauth/authorizations/~", 404, r#"{"id":"not_found","message":"No."}"#);
        stub.on(Post, "/oauth/authorizations/x1/actions/regenerate-tokens", 200, response)
    };
    let new = r#"{"id":"x1","access_token":{"token":"new","expires_in":28800}}"#;
    stub(new).run(ROT, &["authz", "x1"], "").exits(0).says("authz x1: the rotation has shortened its life");
    let kept =
        r#"{"id":"x1","access_token":{"token":"HRKU-AAxx-the-same-as-before-wxyz","expires_in":null}}"#;
    for more in ["-ondjson", "--exec=echo ran"] {
        let ran = stub(kept).run(ROT, &["authz", "x1", more], "").exits(1);
        assert_eq!(ran.err.lines().count(), 2, "{ran:#?}");
        ran.says("authz x1: the response holds the old secret: nothing shows that it was rotated");
    }
}

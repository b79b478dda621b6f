//! The requests of oauth-mk, and its work after a lost response.

use std::sync::Arc;

use super::{TOOL, run};
use crate::api::tests::stub::{Ran, Stub};
use crate::api::transport::Method::{Get, Post};

const MK: (&crate::cli::Tool, crate::Run) = (&TOOL, run);
const AUTHZ: &str = "/oauth/authorizations";
const CLIENTS: &str = "/oauth/clients";

const MADE: &str = r#"{"id":"a9","description":"x","access_token":{"token":"HRKU-AAnew","expires_in":null}}"#;
const PRINTED: &str = concat!(
    r#"{"kind":"authz","id":"a9","status":"created","expires_at":null,"description":"x","#,
    r#""access_token":{"token":"HRKU-AAnew","expires_in":null}}"#,
    "\n"
);

/// An authorization as it appears in a list.
fn listed(id: &str, description: &str, scope: &str, created_at: &str) -> String {
    format!(
        r#"{{"id":"{id}","description":"{description}","scope":["{scope}"],"created_at":"{created_at}",
            "access_token":{{"token":"HRKU-AAz**********zzzz","expires_in":null}}}}"#
    )
}

/// A time after any request of a test.
const LATER: &str = "2999-01-01T00:00:00Z";
const BEFORE: &str = "2001-01-01T00:00:00Z";

#[track_caller]
fn sends(args: &[&str], stdin: &str, path: &str, body: &str) {
    // The response has what was asked for.
    let mut response: serde_json::Map<String, serde_json::Value> = serde_json::from_str(body).unwrap();
    let made: serde_json::Map<String, serde_json::Value> = match path {
        CLIENTS => serde_json::from_str(r#"{"id":"c9","secret":"s"}"#).unwrap(),
        _ => serde_json::from_str(
            r#"{"id":"a9","client":null,"access_token":{"token":"HRKU-AAnew","expires_in":null}}"#,
        )
        .unwrap(),
    };
    let life = response.remove("expires_in");
    response.extend(made);
    if let Some(life) = life {
        response["access_token"]["expires_in"] = life;
    }
    let response = serde_json::Value::Object(response).to_string();
    Stub::new().on_body(Post, path, body, 201, &response).run(MK, args, stdin).succeeds();
}

#[test]
fn options_become_the_body_of_the_request() {
    let long = r#""description":"Long-lived user authorization","#;
    sends(&["authz"], "", AUTHZ, &format!(r#"{{{long}"scope":["global"]}}"#));
    sends(
        &["authz", "-d", "x", "-s", "read,write", "-s", "identity"],
        "",
        AUTHZ,
        r#"{"description":"x","scope":["read","write","identity"]}"#,
    );
    sends(
        &["authz", "-d", "x", "-e", "10m"],
        "",
        AUTHZ,
        r#"{"description":"x","expires_in":600,"scope":["global"]}"#,
    );
    sends(
        &["authz", "-d", "x", "--client-id", "c1"],
        "",
        AUTHZ,
        r#"{"client":"c1","description":"x","scope":["global"]}"#,
    );
    sends(&["authz", "-d", ""], "", AUTHZ, r#"{"description":"","scope":["global"]}"#);
    sends(
        &["authz", "--team", "ops", "-d", "x"],
        "",
        "/teams/ops/oauth/authorizations",
        r#"{"description":"x","scope":["global"]}"#,
    );
    sends(
        &["client", "n", "https://u.example"],
        "",
        CLIENTS,
        r#"{"name":"n","redirect_uri":"https://u.example"}"#,
    );
    sends(
        &["client", "--name", "n", "--url", "http://localhost"],
        "",
        CLIENTS,
        r#"{"name":"n","redirect_uri":"http://localhost"}"#,
    );
}

#[test]
fn records_become_the_body_of_the_request_and_options_take_precedence() {
    let record = r#"{"kind":"authz","id":"old","description":"x","scope":["read"],"expires_in":60}"#;
    sends(&["-"], record, AUTHZ, r#"{"description":"x","expires_in":60,"scope":["read"]}"#);
    sends(
        &["-", "-d", "y", "-e", "2m"],
        record,
        AUTHZ,
        r#"{"description":"y","expires_in":120,"scope":["read"]}"#,
    );
    sends(
        &["authz", "-"],
        "description,scope,expires_in\n'=x,\"read,write\",1h",
        AUTHZ,
        r#"{"description":"=x","expires_in":3600,"scope":["read","write"]}"#,
    );
    sends(
        &["-"],
        "kind,id,status,expires_at,name,redirect_uri\nclient,,,,n,https://u\n",
        CLIENTS,
        r#"{"name":"n","redirect_uri":"https://u"}"#,
    );
    // A record that never expires is created so; an expired one is refused.
    sends(
        &["-"],
        r#"{"kind":"authz","description":"x","expires_at":null}"#,
        AUTHZ,
        r#"{"description":"x","scope":["global"]}"#,
    );
    let past = r#"{"kind":"authz","expires_at":"2001-01-01T00:00:00Z"}"#;
    Stub::new().run(MK, &["-"], past).exits(2).says("its expires_at is in the past: give --expires-in");
}

#[test]
fn options_without_an_effect_are_refused() {
    for (args, message) in [
        (&["token", "--grant-code", "c", "--client-secret", "s", "-s", "bogus"][..], "--scope is for --web"),
        (&["token", "--refresh-token", "r", "--client-secret", "s", "-s", "read"], "--scope is for --web"),
        (&["token", "--web", "c1", "--team", "ops"], "--team is not for tokens"),
        (&["authz", "--web", "c1"], "--web is for tokens"),
        (&["authz", "-d", "x", "--stream"], "--stream is for records on standard input: add -"),
        (&["token", "--web", "c1", "--stream"], "--stream is for records on standard input: add -"),
        (&["client", "n", "https://u.example", "--team", "ops"], "--team is for authorizations"),
        (&["client", "n", "https://u.example", "-s", "read"], "a client has no description, scope"),
    ] {
        Stub::new().run(MK, args, "").exits(2).says(message).prints("");
    }
}

fn lost() -> Arc<Stub> {
    Stub::new().lose(Post, AUTHZ)
}

fn make(stub: Arc<Stub>, more: &[&str]) -> Ran {
    stub.run(MK, &[&["authz", "-d", "x", "-s", "read"], more].concat(), "")
}

#[test]
fn a_candidate_after_a_lost_response_is_reported_and_nothing_is_created_again() {
    let page = format!("[{}]", listed("a7", "x", "read", LATER));
    let ran = make(lost().on(Get, AUTHZ, 200, &page), &[]).exits(75).prints("");
    ran.says("authz: the response was lost (the line went dead); it may have been created: authz a7").says(
        "rotate a candidate with oauth-rot to use it, or remove it with oauth-rm, then run the rest again",
    );
}

#[test]
fn an_unusable_response_counts_as_lost() {
    let page = format!("[{}]", listed("a7", "x", "read", LATER));
    for (status, response) in
        [(500, ""), (503, "<html>"), (201, "<html>"), (201, ""), (201, "{\"id\":\"a7\"}"), (201, "{")]
    {
        let stub = Stub::new().on(Post, AUTHZ, status, response).on(Get, AUTHZ, 200, &page);
        make(stub, &[]).exits(75).prints("").says("may have been created: authz a7");
    }
}

#[test]
fn without_a_candidate_the_request_is_sent_again() {
    let others = [
        listed("a1", "x", "read", BEFORE),
        listed("a2", "x", "write", LATER),
        listed("a3", "another", "read", LATER),
    ];
    let page = format!("[{}]", others.join(","));
    let stub = lost().on(Get, AUTHZ, 200, &page).on(Post, AUTHZ, 201, MADE);
    make(stub, &[]).succeeds().prints(PRINTED);
}

#[test]
fn if_the_search_fails_nothing_is_created_again() {
    let stub = lost().on(Get, AUTHZ, 503, "");
    make(stub, &["--retry-for", "0"]).exits(75).says("and the search for the object failed");
}

#[test]
fn once_adopts_a_single_candidate() {
    let page = format!("[{}]", listed("a7", "x", "read", LATER));
    let rotated = r#"{"id":"a7","access_token":{"token":"HRKU-AAadopted","expires_in":null}}"#;
    let stub = Stub::new().on(Get, AUTHZ, 200, "[]").lose(Post, AUTHZ).on(Get, AUTHZ, 200, &page).on(
        Post,
        "/oauth/authorizations/a7/actions/regenerate-tokens",
        200,
        rotated,
    );
    let ran = make(stub, &["--once"]).succeeds();
    assert!(ran.out.contains(r#""status":"created""#) && ran.out.contains("HRKU-AAadopted"), "{ran:#?}");
}

#[test]
fn once_fails_if_the_candidate_has_no_complete_secret() {
    let page = format!("[{}]", listed("a7", "x", "read", LATER));
    let rotate = "/oauth/authorizations/a7/actions/regenerate-tokens";
    for token in ["null", r#""""#, r#""HRKU-AA**********zzzz""#] {
        let rotated = format!(r#"{{"id":"a7","access_token":{{"token":{token}}}}}"#);
        let stub = Stub::new().on(Get, AUTHZ, 200, "[]").lose(Post, AUTHZ).on(Get, AUTHZ, 200, &page);
        let ran = make(stub.on(Post, rotate, 200, &rotated), &["--once", "--exec", "echo ran >&2"]).exits(1);
        assert!(ran.out.contains(r#""id":"a7","status":"created""#), "{ran:#?}");
        ran.says("authz a7: the response holds no complete secret")
            .says("oauth-rot authz a7 gives it another");
    }
}

#[test]
fn once_does_not_adopt_one_of_two_candidates() {
    let page = format!("[{},{}]", listed("a7", "x", "read", LATER), listed("a8", "x", "read", LATER));
    let stub = Stub::new().on(Get, AUTHZ, 200, "[]").lose(Post, AUTHZ).on(Get, AUTHZ, 200, &page);
    make(stub, &["--once"]).exits(75).says("it may have been created: authz a7, a8");
}

#[test]
fn once_creates_again_only_what_has_expired() {
    let page = format!("[{}]", listed("a1", "x", "read", BEFORE));
    let ran = make(Stub::new().on(Get, AUTHZ, 200, &page), &["--once"]).succeeds();
    assert!(ran.out.contains(r#""id":"a1","status":"exists""#), "{ran:#?}");
    let expired = page.replace("\"expires_in\":null", "\"expires_in\":0");
    let stub = Stub::new().on(Get, AUTHZ, 200, &expired).on(Post, AUTHZ, 201, MADE);
    make(stub, &["--once"]).succeeds().prints(PRINTED);
}

#[test]
fn what_exists_is_done_or_with_strict_a_failure_in_a_dry_run_too() {
    let page = format!("[{}]", listed("a1", "x", "read", BEFORE));
    for more in [&["--exec", "echo ran"][..], &["--exec", "echo ran", "-n"], &[], &["-n"]] {
        let run = |strict: &[&str]| {
            make(Stub::new().on(Get, AUTHZ, 200, &page), &[&["--once"], more, strict].concat())
        };
        let ran = run(&[]).succeeds();
        assert!(ran.out.contains(r#""id":"a1","status":"exists""#), "{ran:#?}");
        let ran = run(&["--strict"]).exits(1).says(": it already exists, and its secret cannot");
        assert!(ran.out.contains(r#""id":"a1","status":"exists""#) && !ran.err.contains("ran"), "{ran:#?}");
    }
    make(Stub::new(), &["--strict"]).exits(2).says("--strict requires --once");
}

#[test]
fn a_client_of_the_name_with_another_redirect_uri_is_reported_and_no_second_one_created() {
    const CLIENTS: &str = "/oauth/clients";
    let page = r#"[{"id":"c1","name":"Shop","redirect_uri":"https://old.example/cb","secret":"s"}]"#;
    for more in [&[][..], &["-n"], &["--exec", "true"]] {
        let args = [&["client", "Shop", "https://new.example/cb", "--once"], more].concat();
        let ran = Stub::new().on(Get, CLIENTS, 200, page).run(MK, &args, "").exits(1).prints("");
        ran.says("client: client c1 has the name 'Shop' and the redirect URI 'https://old.example/cb'\n")
            .says("change it with oauth-set client c1 --url URL");
    }
    // Both are wanted.
    let both = "Shop,https://old.example/cb\nShop,https://new.example/cb\n";
    let made = r#"{"id":"c2","name":"Shop","redirect_uri":"https://new.example/cb","secret":"t"}"#;
    let stub = Stub::new().on(Get, CLIENTS, 200, page).on(Post, CLIENTS, 201, made);
    let ran = stub.run(MK, &["client", "-", "--once", "-o", "id"], both).succeeds();
    ran.prints("c1\nc2\n");
}

#[test]
fn the_grant_code_of_an_authorization_for_a_client_is_printed() {
    let made = r#"{"id":"a9","access_token":null,"grant":{"code":"the-code","expires_in":300}}"#;
    let ran = make(Stub::new().on(Post, AUTHZ, 201, made), &["--client-id", "c1"]).succeeds();
    assert!(ran.out.contains("the-code") && ran.out.contains(r#""status":"created""#), "{ran:#?}");
}

#[test]
fn once_reports_an_existing_object_with_another_lifetime() {
    let born = crate::base::time::rfc3339(crate::base::time::now() - 3600).expect("a date");
    let page = format!("[{}]", listed("a1", "x", "read", &born).replace("null", "25200"));
    for (span, differs) in [("8h", false), ("7h", false), ("1h", true), ("30d", true)] {
        let ran = make(Stub::new().on(Get, AUTHZ, 200, &page), &["--once", "-e", span]).exits(0);
        assert_eq!(ran.err.contains("another lifetime: it expires at 2"), differs, "{ran:#?}");
    }
    let never = page.replace("25200", "null");
    let ran = make(Stub::new().on(Get, AUTHZ, 200, &never), &["--once", "-e", "8h"]).exits(0);
    ran.says("authz a1: it already exists with another lifetime: it never expires");
    make(Stub::new().on(Get, AUTHZ, 200, &never), &["--once"]).succeeds();
}

//! What oauth-ls makes of answers.

use super::{TOOL, run};
use crate::api::stub::Stub;
use crate::api::transport::Method::Get;

const LS: (&crate::cli::Tool, crate::Run) = (&TOOL, run);
const AUTHZ: &str = "/oauth/authorizations";
const NOON: (&str, &str) = ("date", "Sun, 06 Nov 1994 12:00:00 GMT");

#[test]
fn the_end_is_counted_from_the_servers_clock() {
    let page = r#"[{"id":"a1","access_token":{"token":"x**********y","expires_in":60}},
        {"id":"a2","access_token":{"token":"x**********z","expires_in":0}},
        {"id":"a3","access_token":null},
        {"id":"a4","access_token":{"token":"x**********z","expires_in":null}}]"#;
    let stub = Stub::new().on_header(Get, AUTHZ, 200, NOON, page);
    let ran = stub.run(LS, &["authz", "-o", "csv"], "").succeeds();
    let rows: Vec<&str> = ran.out.lines().skip(1).map(|line| line.split(",,").next().unwrap_or("")).collect();
    assert_eq!(
        rows,
        [
            "authz,a1,active,1994-11-06T12:01:00Z",
            "authz,a2,expired,1994-11-06T12:00:00Z",
            "authz,a3,expired,1994-11-06T12:00:00Z",
            "authz,a4,active",
        ]
    );
}

#[test]
fn the_one_in_use_is_marked_by_its_mask_without_a_call() {
    let page = r#"[{"id":"a1","access_token":{"token":"HRKU-AAt**********6789"}},
        {"id":"a2","access_token":{"token":"HRKU-AAx**********6789"}}]"#;
    let stub = Stub::new().on(Get, AUTHZ, 200, page);
    stub.run(LS, &["authz", "-o", "ndjson"], "").succeeds().prints(concat!(
        r#"{"kind":"authz","id":"a1","status":"active","expires_at":null,"current":true,"#,
        r#""access_token":{"token":"HRKU-AAt**********6789"}}"#,
        "\n",
        r#"{"kind":"authz","id":"a2","status":"active","expires_at":null,"#,
        r#""access_token":{"token":"HRKU-AAx**********6789"}}"#,
        "\n"
    ));
}

#[test]
fn marks_cost_two_calls_and_a_missing_one_is_no_failure() {
    let page = r#"[{"id":"a1"},{"id":"a2"}]"#;
    let missing = r#"{"id":"not_found","message":"none"}"#;
    let stub = Stub::new()
        .on(Get, "/oauth/authorizations/~", 200, r#"{"id":"a2"}"#)
        .on(Get, "/oauth/sessions/~", 404, missing)
        .on(Get, AUTHZ, 200, page);
    let ran = stub.run(LS, &["authz", "--marks"], "").succeeds();
    assert!(ran.out.lines().nth(1).is_some_and(|l| l.contains(r#""default":true"#)), "{ran:#?}");
}

#[test]
fn members_come_out_as_they_came_in() {
    let odd = r#"{"id":"c1","zeta":1e3,"name":"\u0041","n":123456789012345678901234567890,"a":{"b":[null]}}"#;
    let stub = Stub::new().on(Get, "/oauth/clients", 200, &format!("[{odd}]"));
    let ran = stub.run(LS, &["clients"], "").succeeds();
    let lead = r#"{"kind":"client","id":"c1","status":"active","expires_at":null,"#;
    assert_eq!(ran.out, format!("{lead}{}\n", &odd[11..]));
}

#[test]
fn what_was_read_before_an_error_is_printed() {
    let stub = Stub::new()
        .on_header(Get, "/oauth/sessions", 206, ("next-range", "]s1.."), r#"[{"id":"s1"}]"#)
        .on(Get, "/oauth/sessions", 503, "");
    let ran = stub.run(LS, &["sessions", "-o", "id", "--retry-for", "0"], "").exits(75);
    ran.prints("s1\n");
}

#[test]
fn an_object_that_cannot_be_used_keeps_no_other_back() {
    for bad in [r#""soon""#, "1.5", "{}"] {
        let page = format!(r#"[{{"id":"s1"}},{{"id":"s2","expires_in":{bad}}},{{"id":"s3"}}]"#);
        for more in [&[][..], &["--sort", "id"], &["--status", "active"]] {
            let stub = Stub::new().on(Get, "/oauth/sessions", 200, &page);
            let ran =
                stub.run(LS, &[&["sessions", "-o", "id"], more].concat(), "").exits(1).prints("s1\ns3\n");
            let what = "unusable session in the response: its expires_in is not a number of seconds";
            assert_eq!(ran.err, format!("oauth-test: session s2: {what}\n"));
        }
    }
    // Nor does it hide that a page comes again under another name.
    let page = r#"[{"id":"s1","expires_in":"soon"}]"#;
    let stub = Stub::new().on_header(Get, "/oauth/sessions", 206, ("next-range", "]s1.."), page).on_header(
        Get,
        "/oauth/sessions",
        206,
        ("next-range", "]s1...."),
        page,
    );
    stub.run(LS, &["sessions"], "").exits(1).says("the server repeats a page");
}

#[test]
fn an_object_that_is_none_is_told() {
    for page in ["[7]", "[null]", r#"[{"name":"x"}]"#, r#"[{"id":"a","id":"b"}]"#] {
        let stub = Stub::new().on(Get, "/oauth/clients", 200, page);
        // Like any other answer that cannot be used: the next may be better.
        let ran = stub.run(LS, &["clients", "--retry-for", "0"], "").exits(75).prints("");
        ran.says("unusable response (200): it is not a list of objects with ids");
    }
}

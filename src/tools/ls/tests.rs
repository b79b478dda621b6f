//! The requests and the output of oauth-ls.

use super::{TOOL, run};
use crate::api::tests::stub::Stub;
use crate::api::transport::Method::Get;

const LS: (&crate::cli::Tool, crate::Run) = (&TOOL, run);
const AUTHZ: &str = "/oauth/authorizations";
const NOON: (&str, &str) = ("date", "Sun, 06 Nov 1994 12:00:00 GMT");

#[test]
fn the_expiry_is_computed_from_the_clock_of_the_server() {
    let page = r#"[{"id":"a1","access_token":{"token":"x**********y","expires_in":60}},
        {"id":"a2","access_token":{"token":"x**********z","expires_in":0}},
        {"id":"a3","access_token":null},
        {"id":"a4","access_token":{"token":"x**********z","expires_in":null}}]"#;
    let stub = Stub::new().on_header(Get, AUTHZ, 200, NOON, page);
    let ran = stub.run(LS, &["authz", "-o", "csv"], "").succeeds();
    let rows: Vec<&str> = ran.out.lines().skip(1).map(|line| line.split(",,").next().unwrap_or("")).collect();
    assert_eq!(
        rows,
        ["authz,a1,active,1994-11-06T12:01:00Z", "authz,a2,expired", "authz,a3,expired", "authz,a4,active",]
    );
}

#[test]
fn the_authorization_in_use_is_recognised_by_its_masked_token() {
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
fn marks_cost_two_calls_and_a_missing_object_is_not_an_error() {
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
fn members_are_printed_as_they_were_received() {
    let odd = r#"{"id":"c1","zeta":1e3,"name":"\u0041","n":123456789012345678901234567890,"a":{"b":[null]}}"#;
    let stub = Stub::new().on(Get, "/oauth/clients", 200, &format!("[{odd}]"));
    let ran = stub.run(LS, &["clients"], "").succeeds();
    let header = r#"{"kind":"client","id":"c1","status":"active","expires_at":null,"#;
    assert_eq!(ran.out, format!("{header}{}\n", &odd[11..]));
}

#[test]
fn records_before_an_error_are_printed() {
    let stub = Stub::new()
        .on_header(Get, "/oauth/sessions", 206, ("next-range", "]s1.."), r#"[{"id":"s1"}]"#)
        .on(Get, "/oauth/sessions", 503, "");
    let ran = stub.run(LS, &["sessions", "-o", "id", "--retry-for", "0"], "").exits(75);
    ran.prints("s1\n");
}

#[test]
fn an_unusable_object_is_reported_and_the_others_are_printed() {
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
    // It does not hide that the server repeats a page under another name.
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
fn a_list_of_other_things_than_objects_is_unusable() {
    for page in ["[7]", "[null]", r#"[{"name":"x"}]"#, r#"[{"id":"a","id":"b"}]"#] {
        let stub = Stub::new().on(Get, "/oauth/clients", 200, page);
        // Like any unusable response: a retry may help.
        let ran = stub.run(LS, &["clients", "--retry-for", "0"], "").exits(75).prints("");
        ran.says("unusable response (200): it is not a list of objects with ids");
    }
}

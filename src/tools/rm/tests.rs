//! The requests and the output of oauth-rm.

use super::{TOOL, run};
use crate::api::tests::stub::Stub;
use crate::api::transport::Method::{Delete, Get};
use crate::folder::Folder;

const RM: (&crate::cli::Tool, crate::Run) = (&TOOL, run);

const LIST: &str = r#"[{"id":"own","access_token":{"id":"t0","token":"HRKU-AAt**********6789"},
    "client":{"id":"c0"},"session":{"id":"s0"}},{"id":"a1"}]"#;
const MISSING: &str = r#"{"id":"not_found","message":"none"}"#;

#[test]
fn each_kind_has_its_path_and_status() {
    for (kind, path, status) in [
        ("authz", "/oauth/authorizations/x1", "revoked"),
        ("client", "/oauth/clients/x1", "deleted"),
        ("session", "/oauth/sessions/x1", "deleted"),
        ("token", "/oauth/tokens/x1", "revoked"),
    ] {
        let stub = Stub::new().on(Delete, path, 200, r#"{"id":"x1","n":1}"#);
        let ran = stub.run(RM, &[kind, "x1", "--include-self", "--include-default"], "").succeeds();
        assert!(
            ran.out.starts_with(&format!(r#"{{"kind":"{kind}","id":"x1","status":"{status}","#)),
            "{ran:#?}"
        );
    }
}

#[test]
fn the_same_id_of_two_kinds_is_not_a_duplicate() {
    let path = |kind: &str, id: &str| format!("/oauth/{kind}s/{id}");
    let stub = [("client", "x1"), ("client", "x2"), ("session", "x1")]
        .iter()
        .fold(Stub::new(), |stub, (kind, id)| {
            stub.on(Delete, &path(kind, id), 200, &format!(r#"{{"id":"{id}"}}"#))
        });
    let input = "client,x1\nsession,x1\nclient,x2\nclient,x1\nsession,x1\n";
    let ran = stub.run(RM, &["--include-self", "-o", "id"], input).succeeds();
    ran.prints("x1\nx1\nx2\n");
}

#[test]
fn a_record_marked_as_in_use_is_skipped_without_a_call() {
    for kind in ["authz", "client", "session", "token"] {
        let record = format!(r#"{{"kind":"{kind}","id":"x1","current":true}}"#);
        Stub::new().run(RM, &[], &record).exits(1).prints("").says("skipped").says("--include-self");
    }
    let record = r#"{"kind":"authz","id":"x1","default":true}"#;
    Stub::new().run(RM, &["--include-self"], record).exits(1).prints("").says("--include-default");
}

#[test]
fn empty_input_succeeds() {
    Stub::new().run(RM, &["authz"], "\n\n").succeeds().prints("");
    Stub::new().run(RM, &["authz", "-j"], "").succeeds().prints("[]\n");
}

#[test]
fn json_output_is_an_object_for_one_operand_and_a_list_for_several() {
    let (path, own) = ("/oauth/sessions/s1", "--include-self");
    let stub = || Stub::new().on(Delete, path, 200, r#"{"id":"s1"}"#);
    let begins =
        |ran: crate::api::tests::stub::Ran, with: &str| assert!(ran.out.starts_with(with), "{ran:#?}");
    begins(stub().run(RM, &["session", "s1", own, "-j"], "").succeeds(), "{\n  \"kind\"");
    begins(stub().run(RM, &["session", own, "-j"], "s1\n").succeeds(), "[\n  {");
    let two = stub().on(Delete, "/oauth/sessions/s2", 200, r#"{"id":"s2"}"#);
    begins(two.run(RM, &["session", "s1", "s2", own, "-j"], "").succeeds(), "[\n  {");
}

#[test]
fn rest_keeps_the_lines_not_done_and_a_dry_run_keeps_none() {
    let folder = Folder::new();
    let path = folder.join("rest");
    let name = path.to_str().expect("UTF-8");
    let args = ["session", "--include-self", "-o", "id", "--rest", name];
    Stub::new().run(RM, &[&args[..], &["-n"]].concat(), "s1\n").succeeds().prints("s1\n");
    assert!(!path.exists());
    let stub = Stub::new()
        .on(Delete, "/oauth/sessions/s1", 200, r#"{"id":"s1"}"#)
        .on(Delete, "/oauth/sessions/s2", 404, MISSING)
        .on(Delete, "/oauth/sessions/s3", 200, r#"{"id":"s3"}"#);
    let ran = stub.run(RM, &args, "s1\ns2\ns3\n").exits(1).prints("s1\ns3\n");
    ran.says(&format!("oauth-test: 1 input line is left in {name}\n"));
    assert_eq!(std::fs::read_to_string(&path).expect("a rest"), "s2\n");
    // If everything is done, nothing is reported.
    let stub = Stub::new().on(Delete, "/oauth/sessions/s2", 200, r#"{"id":"s2"}"#);
    stub.run(RM, &args, "s2\n").succeeds().prints("s2\n");
    assert_eq!(std::fs::read_to_string(&path).expect("a rest"), "");
}

#[test]
fn stream_is_ignored_with_operands() {
    let stub = Stub::new().on(Delete, "/oauth/sessions/s1", 200, r#"{"id":"s1"}"#);
    let args = ["session", "s1", "--include-self", "--stream", "-o", "id"];
    stub.run(RM, &args, "s2\n").succeeds().prints("s1\n");
}

#[test]
fn stream_reports_bad_lines_and_keeps_the_lines_not_done() {
    let folder = Folder::new();
    let path = folder.join("rest");
    let name = path.to_str().expect("UTF-8");
    let args = ["--stream", "--include-self", "-o", "id", "--rest", name];
    let input = "kind,id\nsession,s1\napp,x\n\nsession,s2\nsession,s3\nsession,s1\n";
    let ran = Stub::new().on(Get, "/oauth/authorizations/~", 404, MISSING).run(
        RM,
        &[&args[..], &["-n"]].concat(),
        input,
    );
    ran.exits(1).prints("s1\ns2\ns3\ns1\n").says("oauth-test: stdin:3: unknown kind 'app'");
    assert!(!path.exists());
    let mut stub = Stub::new().on(Get, "/oauth/authorizations/~", 404, MISSING);
    for (id, status, response) in [
        ("s1", 200, r#"{"id":"s1"}"#),
        ("s2", 404, MISSING),
        ("s3", 200, r#"{"id":"s3"}"#),
        ("s1", 404, MISSING),
    ] {
        stub = stub.on(Delete, &format!("/oauth/sessions/{id}"), status, response);
    }
    let ran = stub.run(RM, &[&args[..], &["-P", "1"]].concat(), input).exits(1).prints("s1\ns3\n");
    let ran = ran.says("stdin:3: unknown kind 'app'").says("stdin:5: session s2: none (not_found)\n");
    ran.says(&format!("oauth-test: 3 input lines are left in {name}\n"));
    let rest = std::fs::read_to_string(&path).expect("a rest");
    assert_eq!(rest, "kind,id\napp,x\nsession,s2\nsession,s1\n");
}

#[test]
fn the_authorization_in_use_its_client_and_its_token_are_skipped() {
    for more in [&[][..], &["-n"]] {
        let stub = Stub::new().on(Get, "/oauth/authorizations", 200, LIST).on(
            Get,
            "/oauth/authorizations/~",
            404,
            MISSING,
        );
        let ran = stub.run(RM, &[&["authz", "own"], more].concat(), "").exits(1).prints("");
        ran.says("oauth-test: authz own: skipped").says("--include-self");
    }
    for (kind, id) in [("client", "c0"), ("token", "t0"), ("token", "T0")] {
        let mut stub = Stub::new().on(Get, "/oauth/authorizations", 200, LIST);
        if kind == "token" {
            // It may also be the token of the default API key.
            stub = stub.on(Get, "/oauth/authorizations/~", 404, MISSING);
        }
        stub.run(RM, &[kind, id], "").exits(1).prints("").says("--include-self");
    }
}

#[test]
fn an_alias_is_skipped_unless_it_is_included() {
    Stub::new().run(RM, &["authz", "~"], "").exits(1).says("--include-default");
    Stub::new().run(RM, &["session", "~"], "").exits(1).says("--include-self");
    // The default API key may also be the authorization in use, which needs its own option.
    let stub = Stub::new().on(Get, "/oauth/authorizations", 200, LIST).on(
        Get,
        "/oauth/authorizations/~",
        200,
        r#"{"id":"own"}"#,
    );
    stub.run(RM, &["authz", "~", "--include-default"], "").exits(1).says("--include-self");
    let stub = Stub::new()
        .on(Get, "/oauth/authorizations", 200, LIST)
        .on(Get, "/oauth/authorizations/~", 200, r#"{"id":"a1"}"#)
        .on(Delete, "/oauth/authorizations/~", 200, r#"{"id":"a1"}"#);
    stub.run(RM, &["authz", "~", "--include-default"], "").succeeds();
}

#[test]
fn an_account_without_a_default_key_is_not_an_error() {
    let stub = Stub::new()
        .on(Get, "/oauth/authorizations", 200, LIST)
        .on(Get, "/oauth/authorizations/~", 404, MISSING)
        .on(Delete, "/oauth/authorizations/a1", 200, r#"{"id":"a1"}"#);
    stub.run(RM, &["authz", "a1"], "").succeeds();
}

#[test]
fn a_response_about_another_object_is_unusable() {
    let stub = Stub::new().on(Delete, "/oauth/sessions/s1", 200, r#"{"id":"s2"}"#);
    let ran = stub.run(RM, &["session", "s1", "--include-self", "--retry-for", "0"], "").exits(75);
    ran.says("it describes another object");
}

#[test]
fn the_status_is_75_only_if_all_errors_are_temporary() {
    let args = ["session", "s1", "s2", "--include-self", "--retry-for", "0", "-P", "1"];
    let stub =
        Stub::new().on(Delete, "/oauth/sessions/s1", 503, "").on(Delete, "/oauth/sessions/s2", 404, MISSING);
    stub.run(RM, &args, "").exits(1);
    let stub =
        Stub::new().on(Delete, "/oauth/sessions/s1", 503, "").on(Delete, "/oauth/sessions/s2", 503, "");
    stub.run(RM, &args, "").exits(75);
}

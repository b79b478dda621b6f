//! The requests of oauth-set.

use super::{TOOL, run};
use crate::api::tests::stub::Stub;
use crate::api::transport::Method::{Get, Patch};

const SET: (&crate::cli::Tool, crate::Run) = (&TOOL, run);
const AUTHZ: &str = "/oauth/authorizations/x1";
const CLIENT: &str = "/oauth/clients/x1";

#[track_caller]
fn sends(args: &[&str], stdin: &str, path: &str, body: &str) {
    let args = [args, &["--include-self", "--include-default"]].concat();
    Stub::new().on_body(Patch, path, body, 200, r#"{"id":"x1"}"#).run(SET, &args, stdin).succeeds();
}

#[test]
fn options_become_the_body_of_the_request() {
    sends(&["authz", "x1", "-d", "new"], "", AUTHZ, r#"{"description":"new"}"#);
    sends(&["authz", "x1", "-d", ""], "", AUTHZ, r#"{"description":""}"#);
    sends(&["client", "x1", "--name", "n"], "", CLIENT, r#"{"name":"n"}"#);
    let both = r#"{"name":"n","redirect_uri":"https://u"}"#;
    sends(&["client", "x1", "--name", "n", "--url", "https://u"], "", CLIENT, both);
    let tie = r#"{"client":{"id":"c1","secret":"s3cret"}}"#;
    let ids = ["authz", "x1", "--client-id", "c1", "--client-secret"];
    sends(&[&ids[..], &["s3cret"]].concat(), "", AUTHZ, tie);
    sends(&[&ids[..], &["-"]].concat(), "s3cret\nmore\n", AUTHZ, tie);
}

/// Expects one list, and an update with `body`.
#[track_caller]
fn updates_from_a_record(record: &str, path: &str, now: &str, body: &str) {
    let collection = path.trim_end_matches("/x1");
    Stub::new()
        .on(Get, collection, 200, &format!("[{now}]"))
        .on_body(Patch, path, body, 200, r#"{"id":"x1"}"#)
        .run(SET, &["--include-self", "--include-default"], record)
        .succeeds();
}

#[test]
fn unchanged_records_are_not_sent() {
    let now = r#"[{"id":"x1","name":"n","redirect_uri":"https://r","secret":"s3cret"}]"#;
    for record in [
        r#"{"kind":"client","id":"x1","name":"n","redirect_uri":"https://r"}"#,
        r#"{"kind":"client","id":"x1","name":"n"}"#,
        r#"{"kind":"client","id":"X1","name":null}"#,
        "kind,id,name\nclient,x1,",
    ] {
        let ran = Stub::new().on(Get, "/oauth/clients", 200, now).run(SET, &[], record).succeeds();
        assert!(ran.out.contains(r#""status":"unchanged""#), "{}", ran.out);
        assert!(!ran.out.contains("s3cret"), "{}", ran.out);
    }
}

#[test]
fn a_duplicate_with_different_values_is_refused() {
    let twice = "kind,id,name\nclient,x1,a\nclient,x1,b";
    Stub::new().run(SET, &[], twice).exits(2).says("stdin:3: the record is in the input twice");
}

#[test]
fn options_take_precedence_over_records() {
    let record = r#"{"kind":"client","id":"x1","name":"from the record","redirect_uri":"https://r"}"#;
    let now = r#"{"id":"x1","name":"n","redirect_uri":"https://r"}"#;
    updates_from_a_record(record, CLIENT, now, r#"{"name":"from the record","redirect_uri":"https://r"}"#);
    sends(&["--name", "n"], record, CLIENT, r#"{"name":"n"}"#);
    updates_from_a_record(
        "kind,id,name\nclient,x1,\"a, \"\"b\"\"\\n'\"",
        CLIENT,
        now,
        r#"{"name":"a, \"b\"\n'"}"#,
    );
    let record = r#"{"kind":"authz","id":"x1","description":"d","scope":["read"],"client":{"id":"c"}}"#;
    updates_from_a_record(record, AUTHZ, r#"{"id":"x1","description":null}"#, r#"{"description":"d"}"#);
}

#[test]
fn unsuitable_options_are_refused_before_the_first_request() {
    for (args, message) in [
        (&["authz", "x1", "--name", "n"][..], "--name and --url are for clients"),
        (&["client", "x1", "-d", "n"], "--description and --client-id are for authorizations"),
        (&["client", "x1", "--url", "http://u.example"], "--url: the redirect URI must use https"),
        (&["authz", "x1", "--client-id", "a/b", "--client-secret", "s"], "--client-id: invalid id 'a/b'"),
        (
            &["authz", "x1", "--client-id", "c", "--client-secret", "two words"],
            "--client-secret: the secret contains a",
        ),
        (
            &["authz", "--client-id", "c", "--client-secret", "-"],
            "--client-secret -: standard input is already used",
        ),
        (&["authz", "x1", "--client-id", "c", "--client-secret", "@/no/file"], "/no/file: no such file"),
    ] {
        let code = if message.starts_with('/') { 1 } else { 2 };
        Stub::new().run(SET, args, "").exits(code).says(message);
    }
}

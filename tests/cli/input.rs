//! The whole input is checked before the first change.

use crate::common::Account;

/// Runs a line on an invalid input: nothing may change.
#[track_caller]
fn refused(line: &str, input: impl AsRef<[u8]>, wanted: &[&str]) {
    let account = Account::new();
    let before = account.state();
    let mut ran = account.feed(line, input).exits(2).prints("");
    for part in wanted {
        ran = ran.says(part);
    }
    let ran = ran.says("nothing was changed");
    assert_eq!(account.state(), before, "{ran}");
    assert_eq!(account.server.stats().total(), 0, "no request{ran}");
}

#[test]
fn every_invalid_line_is_reported_with_its_place() {
    let input = "good-1\n~x\n\ngood-2\n../up\na/b\n%2f\ngood-3\n";
    let told = [
        "stdin:2: invalid id '~x'",
        "stdin:5: invalid id '../up'",
        "stdin:6: invalid id 'a/b'",
        "stdin:7: invalid id '%2f'",
    ];
    refused("oauth-rm authz", input, &told);
    refused("oauth-rot authz -n", input, &told);
    refused("oauth-ls authz -", input, &told);
}

#[test]
fn a_record_of_another_kind_is_refused() {
    let input = r#"{"kind":"client","id":"c1"}"#;
    refused("oauth-rm authz", input, &["stdin:1: the record is of kind client, not authz"]);
    refused(
        "oauth-rm sessions",
        "kind,id\nauthz,a1\n",
        &["stdin:2: the record is of kind authz, not session"],
    );
    refused("oauth-ls sessions -", input, &["stdin:1: the record is of kind client, not session"]);
    refused("oauth-rot", r#"{"kind":"session","id":"s1"}"#, &["a session cannot be rotated"]);
    refused("oauth-set", "session,s1", &["a session cannot be changed"]);
    refused("oauth-rm", r#"{"kind":"app","id":"s1"}"#, &["stdin:1: unknown kind 'app'"]);
}

#[test]
fn an_id_that_could_change_the_path_is_refused() {
    for id in ["..", ".", "a/b", "a%2fb", "%2e%2e", "a?b", "a#b", "a\\b", "a;b", "é", "a b", "-n"] {
        refused("oauth-rm authz", id, &["stdin:1: invalid id '"]);
        let record = serde_json::json!({"kind": "authz", "id": id});
        refused("oauth-rm", record.to_string(), &["stdin:1: invalid id '"]);
        // The same as an operand; `-n` would be the option.
        let account = Account::new();
        account.sh(&format!("oauth-rm authz -- '{id}'")).exits(2).prints("").says("invalid id '");
        account.sh(&format!("oauth-ls authz -- '{id}'")).exits(2).prints("").says("invalid id '");
        assert_eq!(account.server.stats().total(), 0);
    }
    refused("oauth-rm authz", "x".repeat(129), &["too long for an id"]);
    refused("oauth-rm authz", r#"{"kind":"authz","id":""}"#, &["the id is empty"]);
}

#[test]
fn control_characters_are_refused_and_escaped_in_the_message() {
    refused("oauth-rm authz", "a\x1b[31mb", &["stdin:1: invalid id 'a\\u{1b}[31mb'"]);
    refused("oauth-rm authz", "a\x00b", &["stdin:1: invalid id 'a\\u{0}b'"]);
    refused("oauth-rm", r#"{"kind":"authz","id":"a\u202eb\n"}"#, &["stdin:1: invalid id 'a\\u{202e}b\\n'"]);
    refused("oauth-rm authz", b"good\nb\xffd\n", &["stdin:2: the line is not UTF-8 text"]);
}

#[test]
fn a_bare_id_without_a_kind_is_refused() {
    refused("oauth-rm", "a1\na2\n", &["stdin:1: a bare id needs a KIND operand", "stdin:2: "]);
    refused("oauth-rm", r#"{"id":"a1"}"#, &["stdin:1: a bare id needs a KIND operand"]);
    refused("oauth-rm", r#"{"kind":"authz"}"#, &["stdin:1: the record has no id"]);
}

#[test]
fn invalid_json_on_line_3_of_5_stops_all_5() {
    let account = Account::new();
    let mut lines: Vec<String> = account
        .sh("oauth-ls authz --status active --client none")
        .lines()
        .into_iter()
        .skip(6)
        .take(5)
        .map(str::to_owned)
        .collect();
    assert_eq!(lines.len(), 5);
    lines[2].pop();
    for line in ["oauth-rm", "oauth-rot", "oauth-set"] {
        refused(line, lines.join("\n"), &["stdin:3: invalid JSON: the line ends inside the object"]);
    }
    refused("oauth-rm", "[{\"kind\":\"authz\",\"id\":\"a\"}]", &["stdin:1: this is a JSON array", "jq -c"]);
    refused("oauth-rm", r#"{"kind":"authz","id":"a","id":"b"}"#, &["stdin:1: duplicate field 'id'"]);
    refused("oauth-rm", "kind,id\nauthz,a,b\n", &["stdin:2: the row has 3 cells for 2 columns"]);
    refused("oauth-rm", "authz,\"a", &["stdin:1: a quoted cell does not end on its line"]);
}

#[test]
fn records_that_cannot_be_made_are_reported_before_the_first_is_made() {
    let input = "{\"description\":\"one\"}\n{\"scope\":[\"raed\"]}\n{\"expires_in\":0}\n{\"name\":\"x\"}\n";
    let told = [
        "stdin:2: unknown scope 'raed'; did you mean 'read'?",
        "stdin:3: it would expire",
        "stdin:4: an auth",
    ];
    refused("oauth-mk authz -", input, &told);
    refused("oauth-mk client -", "x,http://example.com\n", &["stdin:1: the redirect URI must use https"]);
    refused(
        "oauth-mk client -",
        "just-a-name\n",
        &["stdin:1: this is not a record: give JSON, or CSV with a header line"],
    );
    refused("oauth-mk -", "{\"kind\":\"session\"}\n", &["stdin:1: a session cannot be made"]);
    refused("oauth-set authz", "a1\n", &["stdin:1: nothing to change"]);
    refused(
        "oauth-set",
        r#"{"kind":"client","id":"c1","name":"x","redirect_uri":"ftp://x"}"#,
        &["stdin:1: the redirect"],
    );
}

#[test]
fn of_many_invalid_lines_the_first_are_reported_and_the_others_counted() {
    let input: String = (1..=500).map(|n| format!("a/{n}\n")).collect();
    refused("oauth-rm authz", input, &["stdin:20: ", "and 480 more bad lines"]);
}

#[test]
fn a_run_of_the_same_mistake_is_reported_once() {
    for (input, wanted) in [
        ("a/b\n".repeat(500), "the same mistake in 499 more lines, up to stdin:500"),
        ("authz,a,b,c,d,e\n\n".repeat(3), "the same mistake in 2 more lines, up to stdin:5"),
        ("authz,\"a\n".repeat(2), "stdin:2: the same mistake"),
        ("{\"id\" \"a\"}\n{\"name\" \"a\"}\n".repeat(9), "the same mistake in 17 more lines, up to stdin:18"),
    ] {
        let account = Account::new();
        let ran = account.feed("oauth-rm authz", input).exits(2).prints("").says(wanted);
        assert_eq!(ran.err.lines().count(), 3, "{ran}");
    }
    // Good lines between them: each has its place.
    refused("oauth-rm authz", "a/b\nok\na/b\n", &["stdin:1: ", "stdin:3: invalid id"]);
}

#[test]
fn duplicate_lines_are_done_once() {
    let account = Account::new();
    let id = account.id("terraform");
    let input = format!("{id}\n{{\"kind\":\"authz\",\"id\":\"{id}\"}}\nauthz,{id},active\n\n{id}\r\n");
    let ran = account.feed("oauth-rm authz", input).succeeds();
    assert_eq!(ran.record()["id"], id.as_str());
    assert_eq!(account.asked("DELETE /oauth/authorizations/{id}"), 1);
    let other = account.id("@ops rotation");
    account.sh(&format!("oauth-rm authz {other} {other}")).succeeds();
    assert_eq!(account.asked("DELETE /oauth/authorizations/{id}"), 2);
}

#[test]
fn blank_lines_windows_line_ends_and_a_byte_order_mark_are_ignored() {
    let account = Account::new();
    let ran = account.feed("oauth-rm -n authz", "\u{feff}\r\n\r\n  a1  \r\n\n\ta2\n\n").succeeds();
    assert_eq!(ran.each("id"), ["a1", "a2"]);
}

#[test]
fn an_empty_input_succeeds_and_changes_nothing() {
    let account = Account::new();
    for line in
        ["oauth-rm", "oauth-rm authz", "oauth-rot", "oauth-set -d x", "oauth-mk -", "oauth-ls authz -"]
    {
        account.sh(&format!("{line} < /dev/null")).succeeds().prints("");
        account.sh(&format!("{line} <&-")).succeeds().prints("");
        account.feed(line, "\n\n").succeeds().prints("");
    }
    account.sh("oauth-rm -j < /dev/null").succeeds().prints("[]\n");
    assert!(account.server.stats().applied.is_empty());
}

#[test]
fn standard_input_is_not_read_if_there_are_operands() {
    let account = Account::new();
    account
        .feed("oauth-rm -n authz a1 && cat", "next")
        .succeeds()
        .prints("{\"kind\":\"authz\",\"id\":\"a1\",\"status\":\"would-revoke\"}\nnext");
}

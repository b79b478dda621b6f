//! Rehearsals: oauth-sandbox on a copy of an account, and oauth-diff for the result.

use crate::common::Account;

#[test]
fn a_rehearsal_changes_a_copy_and_oauth_diff_shows_what_it_did() {
    let account = Account::new();
    account.sh("oauth-ls --marks > before").succeeds();
    account
        .write("script", "oauth-ls authz --status expired | oauth-rm -o id\noauth-mk authz -d new -o id\n");
    account.sh("oauth-sandbox --load before --dump same true; oauth-diff before same").succeeds();
    account.sh("oauth-sandbox --load before --dump after sh -e ./script").succeeds();
    let changes = account.sh("oauth-diff before after").exits(1).each("change");
    assert_eq!(changes.iter().filter(|c| *c == "removed").count(), 4);
    assert_eq!(changes.iter().filter(|c| *c == "added").count(), 1);
    account.sh("oauth-diff before -").succeeds();
    let client = account.id("Example CI");
    account.sh(&format!("oauth-set client {client} --name Other -o id")).succeeds();
    let changed = account.sh("oauth-diff before -").exits(1).record();
    assert_eq!(changed["was"]["name"], "Example CI");
}

#[test]
fn a_state_file_wins_over_a_list_to_load_which_must_exist() {
    let account = Account::new();
    account.sh("oauth-ls clients > list").succeeds();
    // The same command line each time: the first run loads the list, the others continue.
    let line = "oauth-sandbox --state kept --load list --authz 3";
    account.sh(&format!("{line} oauth-mk client Shop https://a.example -o id")).succeeds();
    let ids = account.sh(&format!("{line} oauth-ls -o id")).succeeds();
    assert_eq!(account.sh("oauth-sandbox --state kept oauth-ls -o id").succeeds().out, ids.out);
    assert!(ids.lines().len() >= 5 + 3, "{ids}");
    account.sh("echo junk > list").succeeds();
    assert_eq!(account.sh(&format!("{line} oauth-ls -o id")).succeeds().out, ids.out);
    let line = line.replace("list", "lsit");
    account.sh(&format!("{line} touch ran")).exits(1).says("lsit: no such file or directory");
    assert!(!account.path("ran").exists());
}

#[test]
fn a_file_that_is_not_a_list_is_reported() {
    let account = Account::new();
    account
        .sh("oauth-ls > list; mkdir folder; printf '\\357\\273\\277' > marked; cat list >> marked")
        .succeeds();
    for (command, what) in [
        ("rm -f other", "other: no such file or directory"),
        ("ln -s folder other", "other: is a directory"),
        ("echo a,b,c", "other:1: a CSV row needs a header line"),
        (
            "oauth-ls -j",
            "other:1: this is a JSON array: give one object per line, as jq -c '.[]' prints them",
        ),
        ("oauth-ls -o table", "other:1: this is not a record"),
        ("oauth-ls authz -o id", "other:1: this is not a record"),
        ("cat list list", "the record is in the list twice"),
        ("cat list; echo '{\"kind\":\"authz\"'", "invalid JSON: the line ends inside the object"),
        ("echo '{\"id\":\"a1\"}'", "other:1: "),
    ] {
        let make =
            if command.contains("other") { command.to_owned() } else { format!("{{ {command}; }} > other") };
        account.sh(&format!("rm -f other; {make}")).exits(0);
        for line in ["oauth-diff list other", "oauth-diff other -"] {
            let ran = account.sh(line).exits(2).prints("").says("oauth-diff: other:");
            ran.says(what).never_says("stdin");
        }
    }
    account
        .sh("oauth-diff list marked; oauth-diff marked - && oauth-diff /dev/stdin list < marked")
        .succeeds();
    // JSON over several lines is what jq prints.
    let id = account.id("terraform");
    account.sh(&format!("oauth-ls authz {id} > one; oauth-ls authz {id} -j > indented")).succeeds();
    account.sh("oauth-diff one indented && oauth-diff indented one").succeeds().prints("");
}

#[test]
fn a_difference_shows_a_record_as_its_list_does() {
    let account = Account::new();
    for (line, shown) in [
        (
            r#"{"n":1,"default":true,"current":true,"expires_at":"2030-01-02T04:04:05+01:00","status":"active","id":"a"}"#,
            r#""status":"active","expires_at":"2030-01-02T03:04:05Z","current":true,"default":true,"change":"added","n":1}"#,
        ),
        (
            r#"{"id":"a","status":"x","current":false,"default":null,"expires_at":null,"token":"T"}"#,
            r#""status":"x","expires_at":null,"change":"added","token":"**********"}"#,
        ),
        (r#"{"id":"a","change":"x","was":"y"}"#, r#""status":"","change":"added","was":"y"}"#),
    ] {
        let list = line.replacen('{', r#"{"kind":"authz","#, 1);
        let ran = account.feed("oauth-diff /dev/null /dev/stdin", list).exits(1);
        ran.prints(&format!("{{\"kind\":\"authz\",\"id\":\"a\",{shown}\n"));
    }
    account.write("old", r#"{"kind":"authz","id":"a","status":"x","was":"y"}"#);
    let ran = account.feed("oauth-diff old /dev/stdin", r#"{"kind":"authz","id":"a","was":"z"}"#).exits(1);
    ran.prints(
        "{\"kind\":\"authz\",\"id\":\"a\",\"status\":\"\",\"change\":\"changed\",\"was\":{\"was\":\"y\"}}\n",
    );
    account
        .feed("oauth-diff /dev/null /dev/stdin", r#"{"kind":"authz","id":"a","status":1,"status":2}"#)
        .exits(2)
        .says("/dev/stdin:1: duplicate field 'status'");
}

//! oauth-diff: which records match, which kinds and members are compared, and what a difference says.

use crate::common::{Account, text};

#[test]
fn a_list_of_one_kind_is_compared_with_that_kind_of_the_account() {
    let account = Account::new();
    account.sh("oauth-ls > all; oauth-ls -o csv > all.csv").succeeds();
    for kind in ["authz", "client", "session"] {
        account.sh(&format!("oauth-ls {kind} > {kind}; oauth-ls {kind} -o csv > {kind}.csv")).succeeds();
        for list in [kind.to_owned(), format!("{kind}.csv")] {
            account.sh(&format!("oauth-diff {list} - && oauth-diff - {list}")).succeeds().prints("");
            account.sh(&format!("oauth-diff {list} all && oauth-diff all.csv {list}")).succeeds().prints("");
        }
        let others = account.sh(&format!("oauth-diff {kind} all /dev/null")).exits(1).each("kind");
        assert!(!others.is_empty() && others.iter().all(|k| k == kind), "{others:?}");
    }
    account.sh("oauth-diff all.csv all && oauth-diff all all.csv && oauth-diff all.csv -").succeeds();
    account.sh("oauth-diff authz client").exits(2).says("authz and client have no kind in common");
    account.sh("oauth-diff client authz -").exits(2).says("authz: no record of it is of kind client");
    account.sh("oauth-diff /dev/null -").exits(2).says("/dev/null: it is empty").says("give a KIND operand");
    account.sh("oauth-mk authz -d surprise -o id; oauth-diff authz -").exits(1);
    for wrong in ["oauth-diff authz", "oauth-diff - -", "oauth-diff autz all -", "oauth-diff token all -"] {
        account.sh(wrong).exits(2);
    }
}

#[test]
fn only_the_members_of_the_new_record_are_compared() {
    let account = Account::new();
    let dashboard = account.id("Example Dashboard");
    let terraform = account.id("terraform");
    for (kind, list) in [
        ("client", "name,redirect_uri\nExample CI,https://ci.example.net/oauth\n".to_owned()),
        (
            "client",
            format!("id,redirect_uri\n{dashboard},https://dashboard.example.com/auth/heroku/callback\n"),
        ),
        ("client", "{\"name\":\"Example CI\",\"url\":\"https://ci.example.net/oauth\"}\n".to_owned()),
        ("client", "Example CI,https://ci.example.net/oauth\n".to_owned()),
        ("authz", "description,scope\nci deploy 2023,\"write,read\"\nterraform,global\n".to_owned()),
        ("authz", "{\"description\":\"terraform\"}".to_owned()),
        (
            "authz",
            format!("{{\"kind\":\"authz\",\"id\":\"{terraform}\",\"scope\":\"global\",\"client\":null}}"),
        ),
        ("authz", "{\"description\":\"terraform\",\"scope\":[\"global\"],\"expires_at\":null}".to_owned()),
        ("session", "description\nSession @ 198.51.100.23\n".to_owned()),
    ] {
        let line = format!("oauth-diff {kind} - /dev/stdin --only changed");
        account.feed(&line, &list).succeeds().prints("");
        let line = format!("oauth-diff {kind} /dev/stdin - --only changed");
        account.feed(&line, &list).succeeds().prints("");
    }
    for (kind, list, was) in [
        (
            "client",
            "name,redirect_uri\nExample CI,https://other.example/\n",
            r#"{"redirect_uri":"https://ci.example.net/oauth"}"#,
        ),
        ("authz", "description,scope\nterraform,read\n", r#"{"scope":["global"]}"#),
        ("authz", "description,scope\nterraform,\n", r#"{"scope":["global"]}"#),
        ("authz", "{\"description\":\"terraform\",\"expires_in\":\"30d\"}", r#"{"expires_at":null}"#),
        ("authz", "{\"description\":\"terraform\",\"client_id\":\"c1\"}", r#"{"client":null}"#),
    ] {
        let ran = account.feed(&format!("oauth-diff {kind} - /dev/stdin --only changed"), list).exits(1);
        assert_eq!(ran.record()["was"].to_string(), was, "{list}");
        assert!(ran.record()["id"].is_string());
    }
}

#[test]
fn a_name_that_matches_twice_is_an_error_that_lists_the_ids() {
    let account = Account::new();
    let first = account.id("Example CI");
    let made = account.sh("oauth-mk client 'Example CI' https://x.example/ -o ndjson").succeeds().record();
    let second = text(&made["id"]);
    account.write("wanted", "name,redirect_uri\nShop,https://y.example/\nExample CI,https://x.example/\n");
    for line in [
        "oauth-diff client - wanted",
        "oauth-diff client wanted -",
        "oauth-ls > all; oauth-diff client wanted all",
    ] {
        account.sh(line).exits(2).prints("").says("wanted:3: 'Example CI'").says(&first).says(&second);
    }
    account.write("wanted", format!("id,name,redirect_uri\n{second},Example CI,https://x.example/\n"));
    account.sh("oauth-diff client - wanted --only added,changed").succeeds();
    account.write("wanted", "name,redirect_uri\nShop,https://a.example/\nShop,https://b.example/\n");
    for line in ["oauth-diff client - wanted", "oauth-diff client wanted -"] {
        account.sh(line).exits(2).says("wanted:3: 'Shop' is also the name in line 2");
    }
    // What has expired grants nothing, so it is not what is wanted.
    account.write("wanted", "description,scope\nlaptop (old),global\n");
    let added = account.sh("oauth-diff authz - wanted --only added,changed").exits(1).out;
    assert!(added.contains(r#""id":null"#) && added.contains(r#""change":"added""#), "{added}");
}

#[test]
fn only_selects_changes_and_decides_the_status() {
    let account = Account::new();
    account.sh("oauth-ls > before; oauth-ls authz --status expired | oauth-rm -o id").exits(0);
    account.sh("oauth-diff before - --only added,changed").succeeds().prints("");
    let ran = account.sh("oauth-diff before - --only removed").exits(1);
    assert_eq!(ran.lines().len(), 4);
    account.sh("oauth-diff before - --only remove").exits(2).says("--only: 'remove' is not one of");
    account.sh("oauth-diff before - --only added,").exits(2);
}

#[test]
fn a_table_says_what_changed_from_what_to_what() {
    let account = Account::new();
    let (ci, tf, red) = (account.id("Example CI"), account.id("terraform"), account.id("@ops rotation"));
    account.sh("oauth-ls --secrets > before").succeeds();
    let script = format!(
        "oauth-set client {ci} --url https://ci.example.org/ -o id; oauth-set authz {tf} -d 'a\u{1b}[2Jb' -o id; \
         oauth-rot authz {red} -o id; oauth-mk authz -d new -s read,identity -o id; \
         oauth-mk authz -d code -s read --client-id {ci} -o id; oauth-rm session {} -o id",
        account.id("Session @ 198.51.100.23")
    );
    account.sh(&script).succeeds();
    let ran = account.sh("oauth-diff before - -o table").exits(1);
    for part in [
        format!(
            "changed client {ci} (Example CI)\n  redirect_uri: https://ci.example.net/oauth -> https://ci.example.org/\n"
        ),
        format!("changed authorization {tf} (a\\u{{1b}}[2Jb)\n  description: terraform -> a\\u{{1b}}[2Jb\n"),
        "  scope: read,identity\n  expires_at: never\n".to_owned(),
        "  client: Example CI\n".to_owned(),
        "  access_token.token: ".to_owned(),
        "removed session ".to_owned(),
    ] {
        assert!(ran.out.contains(&part), "{part}{ran}");
    }
    assert!(ran.out.is_ascii() && !ran.out.contains('\u{1b}'), "{ran}");
    for line in account.read("before").lines().filter(|line| line.contains("\"kind\":\"client\"")) {
        let record: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(!ran.out.contains(&text(&record["secret"])), "{ran}");
    }
}

#[test]
fn what_cannot_be_decoded_never_compares_equal() {
    let account = Account::new();
    let record = |value: &str, scope: &str| {
        format!(
            "{{\"kind\":\"authz\",\"id\":\"a\",\"status\":\"active\",\"description\":{value},\"scope\":[\"{scope}\"]}}\n"
        )
    };
    for (a, b) in [
        (r#""\ud800""#, r#""\ud801""#),
        ("1e999", "2e999"),
        ("18446744073709551616", "18446744073709551617"),
        (r#""\ud800""#, "null"),
    ] {
        account.write("old", record(a, "read"));
        account.write("new", record(b, "read"));
        let ran = account.sh("oauth-diff old new").exits(1);
        assert!(ran.out.contains(&format!("\"was\":{{\"description\":{a}}}")), "{ran}");
        assert_ne!(account.sh("oauth-diff old new -o table").exits(1).out, "");
        account.write("new", record(a, "global"));
        let ran = account.sh("oauth-diff old new").exits(1);
        assert!(ran.out.contains(r#""was":{"scope":["read"]}"#), "{ran}");
        account.sh("oauth-diff old old").succeeds();
    }
}

#[test]
fn help_offers_the_formats_that_work() {
    let account = Account::new();
    let help = account.sh("oauth-diff --help").succeeds();
    assert!(help.out.contains("ndjson, json, id or table"), "{help}");
    account.sh("oauth-ls > before; oauth-mk authz -d x -o id").succeeds();
    for format in ["ndjson", "json", "id", "table"] {
        assert_ne!(account.sh(&format!("oauth-diff before - -o {format}")).exits(1).out, "");
    }
    for format in ["csv", "env", "secret"] {
        account.sh(&format!("oauth-diff before - -o {format}")).exits(2).says("unknown value");
    }
}

#[test]
fn a_record_that_cannot_be_compared_is_reported_with_its_line() {
    let account = Account::new();
    for (kind, list, what) in [
        ("", "name,redirect_uri\na,https://b.example\n", "list:2: the record does not say its kind"),
        (
            "client",
            "{\"redirect_uri\":\"https://b.example\"}",
            "list:1: it has neither an id nor a name to match it by",
        ),
        ("client", "kind,id,owner\nclient,a,b\n", "list:2: unknown column 'owner'"),
        (
            "client",
            "kind,id,redirect_url\nclient,a,b\n",
            "unknown column 'redirect_url'; did you mean 'redirect_uri'?",
        ),
        ("authz", "{\"description\":\"a\",\"expires_in\":\"soon\"}", "list:1: its expires_in is not a span"),
        ("authz", "{\"id\":\"../a\"}", "list:1: invalid id"),
        ("client", "c1", "list:1: this is not a record"),
    ] {
        account.write("list", list);
        account.sh(&format!("oauth-diff {kind} - list")).exits(2).prints("").says(what);
    }
}

//! Servers that nearly keep to the rules: secrets in places where no secret belongs, responses that do not say what was
//! asked for, and statuses that are none.

use crate::common::Account;
use crate::measured::hostile;

#[test]
fn a_secret_in_a_response_is_not_shown_in_its_headers_whatever_the_method() {
    let before = hostile(&[]);
    let client = before.ids("client").into_iter().next().unwrap();
    for line in [
        "oauth-ls client -o id".to_owned(),
        format!("oauth-ls client {client} -v -o id"),
        format!("oauth-set client {client} --name other -o id"),
        format!("oauth-rm client {client} --include-self -o id"),
        format!("oauth-rot client {client} -o id"),
        "oauth-mk client new https://app.example/cb -o id".to_owned(),
        "oauth-mk authz -d new -s read -o id".to_owned(),
    ] {
        let account = hostile(&["warn"]);
        let ran = account.sh(&line).exits(0).says("warning: remember");
        for secret in account.secrets().into_iter().chain(before.secrets()) {
            assert!(!ran.err.contains(&secret), "{line}{ran}");
        }
        assert!(ran.err.contains("**********"), "{line}{ran}");
    }
}

#[test]
fn a_secret_of_another_object_is_no_new_secret() {
    const TOKEN: &str = "HRKU-AA0123456789012345678901234567890123456789012345678901234567";
    let replaced = format!(r#"to={{"access_token":{{"token":"{TOKEN}"}}}}"#);
    let lines = "printf '%s\\n' '{\"kind\":\"authz\",\"description\":\"n1\",\"scope\":[\"read\"]}' \
         '{\"kind\":\"authz\",\"description\":\"n2\",\"scope\":[\"read\"]}' | ";
    let account = hostile(&[&format!("member@POST:{replaced}")]);
    let ran = account.sh(&format!("{lines} oauth-mk - -P 1 --retry-for 2")).exits(75);
    assert_eq!(ran.records().len(), 1, "{ran}");
    assert!(ran.err.contains("belongs to another object") && ran.err.contains(&account.id("n2")), "{ran}");
    // The first rotation may be the true one.
    let account = hostile(&[&format!("member@POST:{replaced}")]);
    let ids = account.sh("oauth-mk authz -d n1 -s read -o id; oauth-mk authz -d n2 -s read -o id").succeeds();
    let ran = account.feed("oauth-rot authz - -P 1", ids.out).exits(75);
    assert_eq!(ran.records().len(), 1, "{ran}");
    assert!(ran.err.contains("holds the secret of another object"), "{ran}");
}

#[test]
fn the_token_in_use_is_no_new_token() {
    let account = Account::new();
    let own = account.sh("printf %s \"$HEROKU_API_KEY\"").succeeds().out;
    let faulty = hostile(&[&format!(r#"member@POST:to={{"access_token":{{"token":"{own}"}}}}"#)]);
    let line = "oauth-mk authz -d new -s read --retry-for 2";
    let ran = faulty.line("sh", line).env("HEROKU_API_KEY", &own).run(b"");
    assert!(ran.status == 75 && ran.out.is_empty(), "{ran}");
}

#[test]
fn a_life_that_is_longer_than_asked_for_is_a_failure_and_no_command_gets_the_token() {
    for life in ["null", "86400", "4102444800"] {
        let fault =
            format!(r#"member@POST /oauth/authorizations$:to={{"access_token":{{"expires_in":{life}}}}}"#);
        for (line, records) in [
            ("oauth-mk authz -d new -s read -e 1h", 1),
            ("oauth-mk authz -d new -s read -e 1h --exec 'touch ran'", 1),
            ("oauth-run -s read -e 1h touch ran", 0),
        ] {
            let account = hostile(&[&fault]);
            let before = account.ids("authz");
            let ran = account.sh(line).exits(1).says("longer than the 3600 seconds that were asked for");
            assert_eq!(ran.records().len(), records, "{ran}");
            assert!(!account.path("ran").exists(), "{ran}");
            if records == 0 {
                assert_eq!(account.ids("authz"), before, "revoked{ran}");
            }
        }
    }
    hostile(&[]).sh("oauth-mk authz -d new -s read -e 1h").succeeds();
    let account = hostile(&[r#"member@POST:to={"access_token":{"expires_in":3599}}"#]);
    account.sh("oauth-mk authz -d new -s read -e 1h").succeeds().says_nothing();
}

#[test]
fn a_change_that_the_response_does_not_show_is_not_reported_as_made() {
    let clients = Account::new().ids("client");
    let client = clients.iter().next().unwrap();
    let authz = Account::new().sh("oauth-ls authz -o id | sed -n 2p").succeeds().out;
    let authz = authz.trim();
    for (members, line) in [
        (r#"{"description":"old"}"#, format!("oauth-set authz {authz} -d new --include-default")),
        (r#"{"description":null}"#, format!("oauth-set authz {authz} -d new --include-default")),
        (r#"{"name":"old"}"#, format!("oauth-set client {client} --name new")),
        (
            r#"{"redirect_uri":"https://evil.example"}"#,
            format!("oauth-set client {client} --url https://good.example"),
        ),
    ] {
        let account = hostile(&[&format!("member@PATCH:to={members}")]);
        let ran = account.sh(&line).exits(1).says("the API accepted the change, but its ");
        assert_eq!(ran.records().len(), 1, "{ran}");
        hostile(&[]).sh(&line).succeeds();
    }
}

#[test]
fn a_status_that_does_not_say_that_nothing_was_done_leaves_a_create_in_doubt() {
    for status in [303, 600, 799, 999] {
        let account = hostile(&[&format!("answer@POST /oauth/authorizations$:status={status}")]);
        let ran = account.sh("oauth-mk authz -d new -s read --retry-for 2 -o id").exits(75);
        assert!(ran.err.contains(&account.id("new")), "{status}{ran}");
        // What was removed is gone at the second attempt.
        let account = hostile(&[&format!("answer@DELETE:status={status}:count=1")]);
        let id = account.sh("oauth-ls authz -o id | sed -n 3p").succeeds().out;
        account.sh(&format!("oauth-rm authz {}", id.trim())).succeeds();
    }
}

#[test]
fn a_life_beyond_the_calendar_does_not_become_one_without_end() {
    let account = hostile(&[r#"member@GET:to={"access_token":{"expires_in":500000000000}}"#]);
    let ran = account.sh("oauth-ls authz").succeeds();
    assert!(ran.out.contains(r#""expires_at":"9999-12-31T23:59:59Z""#), "{ran}");
}

#[test]
fn a_secret_that_a_variable_cannot_hold_is_not_cut() {
    let account = hostile(&[r#"member@POST:to={"access_token":{"token":"HRKU-AA\u0000cut"}}"#]);
    let ran = account.sh("oauth-mk authz -d new -s read --shell").exits(1);
    assert!(ran.out.is_empty() && ran.err.contains("a variable cannot hold"), "{ran}");
}

#[test]
fn nothing_more_is_changed_once_the_log_was_removed() {
    let account = hostile(&[]);
    let before = account.ids("authz").len();
    let ran =
        account.sh("printf '%s\\n' '{\"kind\":\"authz\",\"description\":\"n1\",\"scope\":[\"read\"]}' \
         '{\"kind\":\"authz\",\"description\":\"n2\",\"scope\":[\"read\"]}' | \
         oauth-mk - -P 1 --log log --exec 'rm -f log'");
    let ran = ran.exits(1).says("log: was removed by another program");
    assert_eq!((ran.records().len(), account.ids("authz").len()), (1, before + 1), "{ran}");
}

const DEAD: &str = "the response says that it has expired: its new secret does not work";

#[test]
fn a_new_token_that_is_dead_at_once_does_not_count_as_made() {
    for left in ["0", "-1", "-86400"] {
        let to = format!(r#"to={{"access_token":{{"expires_in":{left}}}}}"#);
        for (line, records) in [
            ("oauth-rot authz ID", 1),
            ("oauth-ls authz ID | oauth-rot", 1),
            ("echo ID | oauth-rot authz --rest rest", 1),
            ("oauth-rot authz ID --exec 'touch ran'", 1),
            ("oauth-rot authz ID --replace --exec 'touch ran'", 1),
            ("oauth-mk authz -d new -s read -e 1h", 1),
            ("oauth-mk authz -d new -s read", 1),
            ("oauth-mk authz -d new -s read --exec 'touch ran' --log log", 1),
            ("oauth-run -s read touch ran", 0),
        ] {
            let account = hostile(&[&format!("member@POST:{to}")]);
            let (id, before) = (account.id("terraform"), account.ids("authz"));
            let ran = account.sh(&line.replace("ID", &id)).exits(1).says(DEAD);
            let statuses = ran.each("status");
            assert!(
                statuses.len() == records && statuses.iter().all(|word| word == "expired"),
                "{line}{ran}"
            );
            assert!(!account.path("ran").exists() && before.is_subset(&account.ids("authz")), "{line}{ran}");
            if line.contains("--rest") {
                assert_eq!(account.read("rest"), format!("{id}\n"), "{ran}");
            }
        }
    }
    let account = hostile(&[r#"member@POST /oauth/tokens:to={"access_token":{"expires_in":0}}"#]);
    let client = account.id("Example CI");
    let ran = account.sh(&format!(
        "oauth-ls client {client} -S > secret; oauth-mk authz --client-id {client} -S > code; \
         oauth-mk token --grant-code @code --client-secret @secret --exec 'touch ran'"
    ));
    assert_eq!(ran.each("status"), ["expired"], "{ran}");
    ran.exits(1).says(DEAD).says("remove this one: oauth-rm token ");
    assert!(!account.path("ran").exists());
    let account = hostile(&[r#"member@POST:to={"access_token":{"expires_in":1}}"#]);
    account.sh(&format!("oauth-rot authz {} -o id", account.id("terraform"))).exits(0);
}

#[test]
fn a_rotation_that_widens_the_scope_does_not_count_as_done() {
    let lines = [
        "oauth-rot authz ID",
        "oauth-ls authz ID | oauth-rot",
        "oauth-ls authz ID -o csv | oauth-rot",
        "oauth-ls authz ID | oauth-rot --exec 'touch ran'",
    ];
    for (now, wider) in [
        (r#"["global"]"#, Some("its scope is 'global', wider than 'read identity'")),
        (
            r#"["read","identity","write"]"#,
            Some("its scope is 'read identity write', wider than 'read identity'"),
        ),
        (r#"["identity","read"]"#, None),
        (r#"["read"]"#, None),
        ("null", None),
    ] {
        for line in lines {
            let rotation = "member@POST /oauth/authorizations/*/actions";
            let account = hostile(&[&format!(r#"{rotation}:to={{"scope":{now}}}"#)]);
            let id = account.sh("oauth-mk authz -d narrow -s read,identity -o id").succeeds().out;
            let ran = account.sh(&line.replace("ID", id.trim()));
            assert_eq!(ran.each("status"), ["rotated"], "{now} {line}{ran}");
            assert_eq!(ran.status, i32::from(wider.is_some()), "{now} {line}{ran}");
            assert_eq!(
                account.path("ran").exists(),
                line.contains("exec") && wider.is_none(),
                "{now} {line}{ran}"
            );
            if let Some(wider) = wider {
                ran.says(wider).says(&format!("to revoke it: oauth-rm authz {id}"));
            }
        }
    }
}

#[test]
fn a_rotation_is_compared_with_the_account_rather_than_with_an_edited_record() {
    let rotation = "member@POST /oauth/authorizations/*/actions";
    for (edit, faults, status) in [
        (r#"s/"identity"/"write"/"#, vec![], 0),
        (r#"s/"read"/"global"/"#, vec![format!(r#"{rotation}:to={{"scope":["global"]}}"#)], 1),
    ] {
        let account = hostile(&faults.iter().map(String::as_str).collect::<Vec<&str>>());
        let id = account.sh("oauth-mk authz -d narrow -s read,identity -o id").succeeds().out;
        let ran =
            account.sh(&format!("oauth-ls authz {} | sed '{edit}' | oauth-rot", id.trim())).exits(status);
        assert_eq!(ran.each("status"), ["rotated"], "{ran}");
        assert_eq!(ran.err.contains("wider than 'read identity'"), status == 1, "{ran}");
        // Where the account is not looked at, only the record tells.
        let line = format!(
            "oauth-ls authz {} | sed 's/\"identity\"/\"write\"/' | oauth-rot --include-self --include-default",
            id.trim()
        );
        account.sh(&line).exits(1).says("wider than 'read write'");
    }
}

#[test]
fn a_lost_creation_that_is_repaired_is_held_to_what_was_asked_for() {
    for (member, what) in [
        (r#"{"scope":["global"]}"#, "its scope is 'global', wider than 'read'"),
        (r#"{"access_token":{"expires_in":28880}}"#, "longer than the 3600 seconds that were asked for"),
        (r#"{"access_token":{"expires_in":0}}"#, DEAD),
    ] {
        let rotation = "member@POST /oauth/authorizations/*/actions";
        let lost = "drop-after@POST /oauth/authorizations$:count=1";
        let account = hostile(&[lost, &format!("{rotation}:to={member}")]);
        let line = "oauth-mk authz -d new -s read -e 1h --once --retry-for 9 --exec 'touch ran'";
        let ran = account.sh(line).exits(1).says(what);
        assert!(ran.records().len() == 1 && !account.path("ran").exists(), "{ran}");
    }
    let account = hostile(&[r#"member@POST /oauth/authorizations/*/actions:to={"scope":["global"]}"#]);
    let old = account.sh("oauth-mk authz -d old -s read -o id").succeeds().out;
    let begun = account.sh(&format!("oauth-rot authz {} --replace --exec false > begun", old.trim()));
    let ran = begun.exits(1);
    assert!(ran.err.contains("both it and its successor"), "{ran}");
    let ran = account.sh("oauth-rot --replace --exec 'touch ran' < begun").exits(1);
    ran.says("its scope is 'global', wider than 'read'");
    assert!(!account.path("ran").exists() && account.ids("authz").contains(old.trim()), "{old}");
}

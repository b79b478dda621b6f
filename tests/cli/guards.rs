//! Protection: which objects are skipped, how many look-ups that takes, and which go last.

use std::collections::BTreeSet;

use crate::common::{Account, faulty, text};

const LIST: &str = "GET /oauth/authorizations";
const DEFAULT: &str = "GET /oauth/authorizations/{id}";
const SESSION: &str = "GET /oauth/sessions/{id}";

const OWN: &str = "oauth-tools sandbox";
const KEY: &str = "Default API key";

#[test]
fn the_authorization_in_use_is_skipped_however_it_is_given() {
    let account = Account::new();
    let id = account.id(OWN);
    let lines = [
        format!("oauth-rm authz {id}"),
        format!("oauth-rm authz {}", id.to_uppercase()),
        format!("echo {id} | oauth-rm authz"),
        format!("echo authz,{id} | oauth-rm"),
        format!("oauth-ls authz {id} | oauth-rm"),
        format!("echo '{{\"kind\":\"authz\",\"id\":\"{id}\"}}' | oauth-rm"),
        format!("echo {id} | oauth-rm authz --stream"),
        format!("oauth-rot authz {id}"),
        format!("oauth-set authz {id} -d x"),
        format!("oauth-rm -n authz {id}"),
        format!("oauth-rm authz {id} --include-default"),
    ];
    let before = account.state();
    for line in lines {
        let ran = account.sh(&line).exits(1).prints("");
        ran.says("skipped: it is, or may be, the authorization in use").says("--include-self");
    }
    assert_eq!(account.state(), before);
}

#[test]
fn the_default_api_key_is_skipped_however_it_is_given() {
    let account = Account::new();
    let id = account.id(KEY);
    let before = account.state();
    for line in [
        format!("oauth-rm authz {id}"),
        format!("oauth-rm authz {}", id.to_uppercase()),
        format!("oauth-ls authz {id} --marks | oauth-rm"),
        format!("oauth-rm authz {id} --include-self"),
        format!("oauth-rot authz {id}"),
        "oauth-rm authz '~'".to_owned(),
        "oauth-rot authz '~'".to_owned(),
        "echo '{\"kind\":\"authz\",\"id\":\"~\"}' | oauth-rm".to_owned(),
    ] {
        let ran = account.sh(&line).exits(1).prints("");
        ran.says("skipped: it is the account's default API key").says("--include-default");
    }
    let token = text(&account.get(&id).expect("it is there")["access_token"]["id"]);
    for line in [format!("oauth-rm token {token}"), format!("echo token,{token} | oauth-rm --stream")] {
        account
            .sh(&line)
            .exits(1)
            .says("the token of the account's default API key")
            .says("--include-default");
    }
    assert_eq!(account.state(), before);
    let gone = account.sh(&format!("oauth-rm authz {id} --include-default")).succeeds();
    assert_eq!(gone.record()["id"], id.as_str());
    let account = Account::new();
    account.sh(&format!("oauth-rm token {token} --include-default")).succeeds();
}

#[test]
fn the_tilde_and_its_id_are_one_object() {
    let fresh = || {
        let account = Account::new();
        let (key, other) = (account.id(KEY), account.id("terraform"));
        account.write("both", format!("~\n{key}\n{other}\n{}\n", key.to_uppercase()));
        (account, key)
    };
    const ROTATE: &str = "POST /oauth/authorizations/{id}/actions/regenerate-tokens";
    for flags in ["--include-default", "--include-default --include-self"] {
        let (account, key) = fresh();
        let line = format!("oauth-rot authz {flags}");
        let rehearsed = account.sh(&format!("{line} -n < both")).succeeds();
        assert_eq!(rehearsed.lines().len(), 2, "{rehearsed}");
        let ran = account.sh(&format!("{line} --rest rest < both")).succeeds();
        // It is revoked last, and its new token works.
        assert_eq!((ran.each("id")[1].as_str(), account.asked(ROTATE)), (key.as_str(), 2), "{ran}");
        assert_eq!(account.read("rest"), "");
        account.sh(&format!("oauth-rm authz '~' {key} {flags}")).succeeds().record();
        // The look-up that protection needs shows that both are one object.
        assert_eq!(account.asked(DEFAULT), 3);
        assert_eq!(account.asked(LIST), if flags.contains("self") { 0 } else { 3 });
    }
    // Alone it needs no look-up.
    let (account, key) = fresh();
    account.sh("oauth-set authz '~' --include-default --include-self -d x").succeeds();
    assert_eq!((account.asked(DEFAULT), text(&account.named("x")["id"])), (0, key.clone()));
    // Two different changes of one object are an error.
    let two = format!("{{\"id\":\"~\",\"description\":\"y\"}}\n{{\"id\":\"{key}\",\"description\":\"z\"}}\n");
    let ran = account.feed("oauth-set authz --include-default", &two).exits(2).prints("");
    ran.says("oauth-set: stdin:2: ~ and the id it stands for are both in the input, with different values");
    assert_eq!(account.id("x"), key);
    let session = text(&account.kind("session").iter().find(|s| s["current"] == true).expect("one")["id"]);
    let gone = account.sh(&format!("oauth-rm session {session} '~' --include-self")).succeeds();
    assert_eq!((gone.record()["id"].clone(), account.get(&session)), (session.as_str().into(), None));
}

#[test]
fn replacing_the_authorization_in_use_is_allowed_until_it_would_be_revoked() {
    let account = Account::new();
    let id = account.id(OWN);
    let made = account.sh(&format!("oauth-ls authz {id} | oauth-rot --replace")).succeeds().record();
    assert_eq!(made["replaces"], id.as_str());
    assert_eq!(account.ids("authz").len(), 17);
    account
        .sh(&format!("oauth-ls authz {id} | oauth-rot --replace --exec true"))
        .exits(1)
        .says("--include-self");
}

#[test]
fn the_session_and_the_client_in_use_are_skipped() {
    let account = Account::new();
    let session = text(&account.kind("session").iter().find(|s| s["current"] == true).expect("one")["id"]);
    account.sh(&format!("oauth-rm session {session}")).exits(1).says("it is the session in use");
    account.sh("oauth-rm session '~'").exits(1).says("it is the session in use");
    account.sh(&format!("oauth-rm session {session} --include-self")).succeeds();

    // The token in use belongs to an authorization of a client: deleting the client would revoke it.
    let account = Account::of(&[
        r#"{"kind":"client","id":"c1","name":"mine","redirect_uri":"https://x.example"}"#,
        r#"{"kind":"authz","id":"a1","current":true,"client":{"id":"c1","name":"mine"},
            "access_token":{"id":"t1","token":"HRKU-AAthe-token-in-use-0123456789"}}"#
            .replace('\n', " ")
            .as_str(),
    ]);
    account.sh("oauth-rm client c1").exits(1).says("was, or may have been, created through it");
    account.sh("oauth-rm token t1").exits(1).says("it is, or may be, the token in use");
    // A new secret or name revokes nothing.
    let others = r#"printf 'client,c1\nauthz,a1\n'"#;
    account.sh("oauth-rot client c1").succeeds();
    let rotated = account.sh(&format!("{others} | oauth-rot")).exits(1).says("the authorization in use");
    assert_eq!(rotated.each("id"), ["c1"]);
    let renamed = account.sh("echo client,c1 | oauth-set --name x --stream").succeeds();
    assert_eq!(renamed.each("id"), ["c1"]);
}

#[test]
fn all_but_the_protected_objects_are_removed() {
    let account = Account::new();
    let (own, key) = (account.id(OWN), account.id(KEY));
    account.bash("oauth-ls authz -o id | oauth-rm authz > gone").exits(1).says(&own).says(&key);
    assert_eq!(account.ids("authz"), BTreeSet::from([own, key]));
    assert_eq!(account.read("gone").lines().count(), 14);
}

/// Two authorizations whose hidden tokens look the same: either may be the one in use.
#[test]
fn an_ambiguous_match_counts_as_a_match() {
    let twin = |id: &str, current: bool, middle: &str| {
        format!(
            r#"{{"kind":"authz","id":"{id}","current":{current},"access_token":{{"token":"HRKU-AA1{}9999"}}}}"#,
            middle.repeat(54)
        )
    };
    let account =
        Account::of(&[&twin("a1", true, "x"), &twin("a2", false, "y"), r#"{"kind":"authz","id":"a3"}"#]);
    let ran = account.sh("oauth-rm authz a1 a2 a3").exits(1);
    assert_eq!(ran.ids(), BTreeSet::from(["a3".to_owned()]), "{ran}");
    let ran = ran.says("authz a1: skipped").says("authz a2: skipped");
    assert_eq!(account.ids("authz").len(), 2, "{ran}");
}

#[test]
fn fully_hidden_tokens_all_count_as_the_token_in_use() {
    let settings = oauth_tools::sandbox::Settings { redact: (0, 0), ..Default::default() };
    let account = Account::with(settings);
    account.sh(&format!("oauth-rm authz {}", account.id("terraform"))).exits(1).says("may be");
    assert_eq!(account.ids("authz").len(), 16);
}

#[test]
fn included_objects_go_last_and_the_token_in_use_very_last() {
    let account = Account::new();
    let (own, key) = (account.id(OWN), account.id(KEY));
    // With the options nothing is looked up; the records must say which they are.
    let line = "oauth-ls authz --marks | oauth-rm --include-self --include-default -P 8";
    let ran = account.sh(line).succeeds();
    let ids = ran.each("id");
    assert_eq!((ids.len(), &ids[14], &ids[15]), (16, &key, &own), "{ran}");
    assert!(account.ids("authz").is_empty());
}

#[test]
fn a_record_marked_as_current_may_still_be_the_default_key() {
    // The default API key is the token in use, as with `heroku auth:token` on many machines.
    let record = r#"{"kind":"authz","id":"a1","current":true,"default":true,"access_token":{"token":"HRKU-AAthe-default-key-0123456789"}}"#;
    let account = Account::of(&[record]);
    let line = "oauth-ls authz a1 | oauth-rm";
    account.sh(&format!("{line} --include-self")).exits(1).says("default API key").prints("");
    account
        .sh("echo '{\"kind\":\"authz\",\"id\":\"a1\",\"default\":true}' | oauth-rm --include-default")
        .exits(1)
        .says("authorization in use")
        .prints("");
    account.sh("oauth-rm authz '~' --include-default").exits(1).says("authorization in use").prints("");
    assert_eq!(account.ids("authz").len(), 1);
    account.sh(&format!("{line} --include-self --include-default")).succeeds();
}

/// The look-ups of each kind that a line takes.
#[track_caller]
fn cost(line: &str) -> (u64, u64, u64) {
    let account = Account::new();
    let line = line
        .replace("AUTHZ", &account.id("terraform"))
        .replace("TOKEN", &text(&account.get(&account.id("terraform")).expect("one")["access_token"]["id"]))
        .replace("CLIENT", &account.id("Example CI"))
        .replace("LOGIN", &account.id("Session @ 198.51.100.23"));
    account.sh(&line).succeeds();
    (account.asked(LIST), account.asked(DEFAULT), account.asked(SESSION))
}

#[test]
fn protection_takes_few_look_ups_and_none_with_the_options() {
    assert_eq!(cost("oauth-rm authz AUTHZ"), (1, 1, 0));
    assert_eq!(cost("oauth-rm -n authz AUTHZ"), (1, 1, 0));
    assert_eq!(cost("oauth-rot authz AUTHZ"), (1, 1, 0));
    assert_eq!(cost("oauth-set authz AUTHZ -d x"), (1, 1, 0));
    assert_eq!(cost("oauth-rm client CLIENT"), (1, 0, 0));
    assert_eq!(cost("oauth-rot client CLIENT"), (0, 0, 0));
    assert_eq!(cost("oauth-set client CLIENT --name x"), (0, 0, 0));
    assert_eq!(cost("oauth-rm session LOGIN"), (0, 0, 1));
    assert_eq!(cost("oauth-rm token TOKEN"), (1, 1, 0));
    assert_eq!(cost("printf 'authz,AUTHZ\nsession,LOGIN\n' | oauth-rm"), (1, 1, 1));
    assert_eq!(cost("oauth-rm authz AUTHZ --include-self"), (0, 1, 0));
    assert_eq!(cost("oauth-rm authz AUTHZ --include-default"), (1, 0, 0));
    for line in [
        "oauth-rm authz AUTHZ --include-self --include-default",
        "oauth-rm session LOGIN --include-self",
        "oauth-rm client CLIENT --include-self",
        "oauth-rm -n authz AUTHZ --include-self --include-default",
        "oauth-rot authz AUTHZ --include-self --include-default",
    ] {
        assert_eq!(cost(line), (0, 0, 0), "{line}");
    }
}

#[test]
fn a_record_marked_as_in_use_needs_no_look_up() {
    let account = Account::new();
    let record = format!("{{\"kind\":\"authz\",\"id\":\"{}\",\"current\":true}}", account.id(OWN));
    account.feed("oauth-rm", record).exits(1).says("authorization in use");
    assert_eq!(account.server.stats().total(), 0);
}

#[test]
fn nothing_is_changed_if_the_look_up_fails() {
    let account = Account::with(faulty(&["500@GET /oauth/authorizations"]));
    account.sh(&format!("oauth-rm authz {} --retry-for 0", account.id("terraform"))).exits(75);
    assert!(account.server.stats().applied.is_empty());
}

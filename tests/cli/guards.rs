//! Protection: which objects are skipped, how many look-ups that takes, and which go last.

use std::collections::BTreeSet;

use oauth_tools::sandbox::{Mask, Settings};

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

/// An account whose authorization in use is in a team's list, and so not in the account's own.
fn with_a_teams_token(mask: Mask) -> Account {
    let authz = |id: &str, more: &str, token: &str| {
        format!(
            r#"{{"kind":"authz","id":"{id}",{more}"access_token":{{"id":"t{id}","token":"HRKU-AA{token}"}}}}"#
        )
    };
    let client = r#""client":{"id":"c1","name":"mine"},"#;
    let lines = vec![
        authz("own", &format!(r#""team":"devs","current":true,{client}"#), "in-use-0123456789-0123456789"),
        authz("other", "", "another-one-0123456789-9876"),
        authz("team", r#""team":"devs","#, "of-the-team-0123456789-5432"),
        r#"{"kind":"client","id":"c1","name":"mine","redirect_uri":"https://x.example"}"#.to_owned(),
        r#"{"kind":"session","id":"s1"}"#.to_owned(),
    ];
    Account::with(Settings { load: Some(lines), mask, ..Settings::default() })
}

/// Every way to name it; each is judged by the account.
#[track_caller]
fn the_one_in_use_stays(account: &Account, id: &str) {
    let before = account.get(id);
    assert!(before.is_some());
    for line in [
        format!("oauth-rm authz {id}"),
        format!("oauth-rm authz {id} --include-default"),
        format!("oauth-rm authz {id} -f"),
        format!("echo {id} | oauth-rm authz --stream"),
        format!("oauth-rm -n authz {id}"),
        format!("oauth-rot authz {id}"),
        format!("oauth-rot authz {id} --replace --exec true"),
        format!("oauth-set authz {id} -d x"),
    ] {
        let ran = account.sh(&line).exits(1).prints("");
        ran.says("skipped: ").says("the authorization in use").says("--include-self");
        assert_eq!(account.get(id), before, "{line}");
    }
}

#[test]
fn the_token_of_a_team_is_protected_although_the_account_does_not_list_it() {
    let account = with_a_teams_token(Mask::Stars);
    the_one_in_use_stays(&account, "own");
    account
        .sh("oauth-rm token town")
        .exits(1)
        .prints("")
        .says("nothing proves that it is not the token in use");
    account.sh("oauth-rm client c1").exits(1).prints("").says("nothing proves that").says("--include-self");
    assert!(account.get("own").is_some() && account.get("c1").is_some());
    // Others are read first, and shown to be others.
    let (list, one) = (account.asked(LIST), account.asked(DEFAULT));
    let gone = account.sh("oauth-rm authz own other team").exits(1);
    assert_eq!(gone.each("id"), ["other", "team"]);
    assert_eq!((account.asked(LIST) - list, account.asked(DEFAULT) - one), (1, 4));
    account.sh("oauth-rm session s1").succeeds();
    account.sh("oauth-rot client c1").succeeds();
    account.sh("oauth-rm client c1 --include-self").succeeds();
}

#[test]
fn a_missing_object_is_reported_where_each_is_read_first() {
    let account = with_a_teams_token(Mask::Stars);
    account.sh("oauth-rm authz nobody").exits(1).prints("").says("not_found");
    for line in ["oauth-rm -f authz nobody", "oauth-rm -fn authz nobody"] {
        assert_eq!(account.sh(line).succeeds().record()["status"], "absent", "{line}");
    }
}

#[test]
fn the_authorization_in_use_is_recognised_behind_every_mask() {
    for (mask, redact) in [
        (Mask::FewStars, (8, 4)),
        (Mask::FewStars, (12, 0)),
        (Mask::AllStars, (8, 4)),
        (Mask::Ellipsis, (8, 4)),
        (Mask::Ellipsis, (0, 6)),
        (Mask::Letters, (8, 4)),
        (Mask::Brackets, (8, 4)),
        (Mask::Cut, (8, 4)),
        (Mask::Cut, (12, 0)),
        (Mask::Cut, (0, 6)),
    ] {
        let account = Account::with(Settings { mask, redact, ..Settings::default() });
        account.sh(&format!("oauth-rm authz {}", account.id(OWN))).exits(1).prints("").says("may be");
        // It is found in the list, so others cost no further call.
        account.sh(&format!("oauth-rm authz {}", account.id("terraform"))).succeeds();
        assert_eq!((account.asked(LIST), account.asked(DEFAULT)), (2, 2), "{mask:?} {redact:?}");
        assert_eq!(account.ids("authz").len(), 15);
    }
}

#[test]
fn what_a_mask_leaves_in_doubt_is_skipped() {
    for (mask, redact) in [
        (Mask::Stars, (7, 0)),
        (Mask::FewStars, (0, 0)),
        (Mask::Ellipsis, (0, 0)),
        (Mask::Letters, (0, 0)),
        (Mask::Word, (8, 4)),
        (Mask::Word, (0, 0)),
        (Mask::Cut, (0, 4)),
        (Mask::Cut, (0, 0)),
        (Mask::Absent, (8, 4)),
    ] {
        let account = Account::with(Settings { mask, redact, ..Settings::default() });
        the_one_in_use_stays(&account, &account.id(OWN));
        let team = with_a_teams_token(mask);
        the_one_in_use_stays(&team, "own");
    }
}

/// One character is no proof that the list has the one in use: others may share it.
#[test]
fn a_match_by_chance_proves_nothing_about_others() {
    let settings = |load| Settings { redact: (8, 0), load: Some(load), ..Settings::default() };
    let authz = |id: &str, more: &str, token: &str| {
        format!(
            r#"{{"kind":"authz","id":"{id}",{more}"access_token":{{"id":"t{id}","token":"HRKU-AA{token}"}}}}"#
        )
    };
    let account = Account::with(settings(vec![
        authz("own", r#""team":"devs","current":true,"#, "in-use-0123456789-0123456789"),
        authz("like", "", "i-begin-like-it-0123456789"),
        authz("other", "", "another-one-0123456789-9876"),
    ]));
    let ran = account.sh("oauth-rm authz own like other").exits(1);
    assert_eq!(ran.each("id"), ["other"], "{ran}");
    assert!(account.get("own").is_some());
}

#[test]
fn an_id_in_another_spelling_is_the_same_object() {
    let account = Account::new();
    let (own, key) = (account.id(OWN), account.id(KEY));
    let spellings = |id: &str| {
        let bare = id.replace('-', "");
        [id.to_uppercase(), bare.clone(), bare.to_uppercase(), format!("{}-{}", &bare[..4], &bare[4..])]
    };
    let before = account.state();
    for id in spellings(&own) {
        account.sh(&format!("oauth-rm authz {id}")).exits(1).says("the authorization in use");
        account
            .sh(&format!("echo {id} | oauth-rot authz --stream"))
            .exits(1)
            .says("the authorization in use");
    }
    for id in spellings(&key) {
        account.sh(&format!("oauth-rm authz {id} --include-self")).exits(1).says("default API key");
    }
    let session = text(&account.kind("session").iter().find(|s| s["current"] == true).expect("one")["id"]);
    for id in spellings(&session) {
        account.sh(&format!("oauth-rm session {id}")).exits(1).says("it is the session in use");
    }
    let token = text(&account.get(&key).expect("one")["access_token"]["id"]);
    for id in spellings(&token) {
        account.sh(&format!("oauth-rm token {id}")).exits(1).says("default API key");
    }
    assert_eq!(account.state(), before);
    // Two spellings in the input are one object, and a response about it is one about what was asked for.
    let id = account.id("terraform");
    let all = spellings(&id).join("\n");
    const ROTATE: &str = "POST /oauth/authorizations/{id}/actions/regenerate-tokens";
    let ran = account.feed("oauth-rot authz --rest rest", format!("{all}\n{id}\n")).succeeds();
    assert_eq!(
        (ran.ids().len(), account.asked(ROTATE), account.read("rest")),
        (1, 1, String::new()),
        "{ran}"
    );
}

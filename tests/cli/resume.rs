//! Replacements that go on after a failure, and the replacement of the token in use.

use oauth_tools::sandbox::{Rotated, Settings};

use crate::common::{Account, faulty, text};

/// The ids of the authorizations with that description.
fn live(account: &Account, name: &str) -> Vec<String> {
    let all = account.kind("authz");
    all.iter().filter(|r| r["description"] == name).map(|r| text(&r["id"])).collect()
}

#[test]
fn however_often_a_hand_over_fails_there_is_one_successor() {
    let account = Account::new();
    let old = account.id("terraform");
    let line = |more: &str| format!("oauth-rot --replace --exec 'cat > new; test -e ready' {more}");
    // The record goes on as the input of the next run, or the --rest file does.
    let mut ran = account.sh(&line(&format!("authz {old}"))).exits(1);
    let new = text(&ran.record()["id"]);
    let resume = format!("echo '{{\"kind\":\"authz\",\"id\":\"{new}\",\"replaces\":\"{old}\"}}'");
    let hint = format!("to go on: {resume} | oauth-rot --replace --exec CMD");
    let both = format!("authz {old}: both it and its successor {new} are live: --exec: the command exited");
    ran.clone().says(&both).says(&hint);
    let mut tokens = vec![account.read("new")];
    for _ in 0..3 {
        let record = ran.out.clone();
        ran = account.feed(&line("--rest rest"), &record).exits(1).says(&hint);
        assert_eq!(
            (ran.record()["id"].as_str(), ran.record()["replaces"].as_str()),
            (Some(&*new), Some(&*old))
        );
        assert_eq!(
            account.read("rest"),
            format!("{{\"kind\":\"authz\",\"id\":\"{new}\",\"replaces\":\"{old}\"}}\n")
        );
        tokens.push(account.read("new"));
        assert_eq!(live(&account, "terraform").len(), 2);
        account.sh(&format!("cp rest todo; {} < todo", line("--rest rest"))).exits(1);
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 4, "each time a fresh token");
    // The echoed record, the rest and the printed record all end it.
    account.write("ready", "");
    let done = account.sh(&format!("{resume} | {}", line("--rest rest"))).succeeds().record();
    assert_eq!((done["revoked"].as_str(), done["status"].as_str()), (Some(&*old), Some("created")));
    assert_eq!((live(&account, "terraform"), account.read("rest")), (vec![new], String::new()));
    assert_eq!(account.read("new"), text(&done["access_token"]["token"]));
    // A record that is complete is replaced in its turn.
    let next = account.feed(&line(""), format!("{done}\n")).succeeds().record();
    assert_eq!(next["replaces"], done["id"]);
}

#[test]
fn the_rest_of_a_failed_replacement_has_its_successors_from_any_input() {
    let account = Account::new();
    let ids: Vec<String> = ["terraform", "@ops rotation"].iter().map(|name| account.id(name)).collect();
    account.write("ids", format!("{}\n{}\n", ids[0], ids[1]));
    for input in ["cat ids", "oauth-ls authz $(cat ids)", "oauth-ls authz $(cat ids) -o csv"] {
        let line = format!("{input} | oauth-rot --replace authz --exec false --rest rest -o id");
        let ran = account.sh(&line).exits(1);
        let rest = account.read("rest");
        let records: Vec<serde_json::Value> =
            rest.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let pairs: Vec<(String, String)> =
            records.iter().map(|r| (text(&r["id"]), text(&r["replaces"]))).collect();
        let new: Vec<String> = ran.lines().iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(pairs, new.iter().cloned().zip(ids.clone()).collect::<Vec<_>>());
        account.feed("oauth-rm authz -o id", format!("{}\n{}\n", new[0], new[1])).exits(0);
        // A successor that someone has removed is created anew.
        account.sh("cp rest todo; oauth-rot --replace --exec false --rest rest < todo").exits(1);
        let line = "cp rest todo; oauth-rot --replace --rest rest < todo -o id";
        let again: Vec<String> =
            account.sh(line).exits(0).lines().iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(account.read("rest"), "");
        account.feed("oauth-rm authz -o id", format!("{}\n{}\n", again[0], again[1])).exits(0);
    }
    assert_eq!(ids.iter().filter(|id| account.get(id).is_some()).count(), 2);
}

#[test]
fn a_record_that_contradicts_another_is_refused() {
    let account = Account::new();
    let record =
        |id: &str, old: &str| format!("{{\"kind\":\"authz\",\"id\":\"{id}\",\"replaces\":\"{old}\"}}\n");
    for (input, message) in [
        (record("a", "b") + &record("c", "b"), "two records replace authz b: leave one of them out"),
        (record("a", "b") + "b\n", "authz b and its successor are both in the input: leave one of them out"),
        (record("a", "A"), "stdin:1: it cannot replace itself"),
        (record("a", "../b"), "stdin:1: replaces: invalid id '../b'"),
        (record("a", "b") + &record("a", "c"), "stdin:2: the record is in the input twice"),
        (
            "{\"kind\":\"authz\",\"id\":\"a\",\"replacing_since\":\"yesterday\"}\n".to_owned(),
            "is not an RFC 3339",
        ),
    ] {
        account.feed("oauth-rot --replace authz --exec true", &input).exits(2).says(message);
    }
    // Without --replace the member says nothing: the record is rotated.
    let id = account.id("terraform");
    assert_eq!(account.feed("oauth-rot", record(&id, "../b")).exits(0).each("status"), ["rotated"]);
}

#[test]
fn an_authorization_in_use_is_not_revoked_through_its_successor() {
    let account = Account::new();
    let own = account.sh("oauth-ls authz | grep '\"current\":true'").exits(0).record();
    let (own, name) = (text(&own["id"]), text(&own["description"]));
    let failed = account.sh(&format!("oauth-rot --replace --include-self authz {own} --exec false")).exits(1);
    let again = account.feed("oauth-rot --replace --exec true", &failed.out).exits(1);
    again.says("skipped: it is, or may be, the authorization in use");
    assert_eq!(live(&account, &name).len(), 2);
    account.feed("oauth-rot --replace --include-self --exec true", &failed.out).succeeds();
    assert_eq!(live(&account, &name).len(), 1);
}

#[test]
fn a_job_replaces_its_own_token() {
    // Without redaction the list tells which one it is.
    let own = Account::new().sh("oauth-ls authz | grep '\"current\":true'").exits(0).record();
    let own = text(&own["id"]);
    for redact in [None, Some((0, 0)), Some((64, 0))] {
        // The response to the revocation is lost: only the new token can tell that it was made.
        for fault in
            ["slow:ms=1", "drop-after@DELETE:count=1", "503@DELETE:count=2", "502-after@DELETE:count=1"]
        {
            let mut settings = faulty(&[fault]);
            if let Some(redact) = redact {
                settings.redact = redact;
            }
            let account = Account::with(settings);
            let all = account.ids("authz").len();
            let exec = "--exec 'umask 077; cat > token'";
            let ran = match redact {
                None => {
                    let line = format!(
                        "oauth-ls authz | grep '\"current\":true' | oauth-rot --replace --include-self {exec}"
                    );
                    account.sh(&line)
                }
                Some(_) => account.sh(&format!("oauth-rot --replace --include-self authz {own} {exec}")),
            };
            let done = ran.exits(0).record();
            assert_eq!(done["replaces"], done["revoked"], "{fault}");
            assert_eq!((account.get(&text(&done["revoked"])), account.ids("authz").len()), (None, all));
            account.sh("HEROKU_API_KEY=$(cat token) oauth-ls authz -o id").exits(0);
        }
    }
}

#[test]
fn the_log_says_what_was_replaced() {
    let account = Account::new();
    let old = account.id("terraform");
    let line = format!("oauth-rot --replace authz {old} --exec 'test -e ready' --log log");
    let failed = account.sh(&line).exits(1);
    account.feed("touch ready; oauth-rot --replace --exec true --log log", &failed.out).exits(0);
    let log = account.read("log");
    let lines: Vec<serde_json::Value> = log.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let facts: Vec<_> = lines.iter().map(|l| (l["result"].as_str(), l["replaces"].as_str())).collect();
    let old = Some(&*old);
    assert_eq!(facts, [(Some("created"), old), (Some("created"), old), (Some("revoked"), None)]);
}

#[test]
fn a_successor_can_have_another_description() {
    let account = Account::new();
    let id = account.id("terraform");
    let ran = account.sh(&format!("oauth-rot --replace authz {id} -d 'terraform %d'")).exits(0);
    let name = text(&ran.record()["description"]);
    let date = name.strip_prefix("terraform ").expect("its description");
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    assert!(date.len() == 10 && digits(date) && date.starts_with('2'), "{name}");
    account.sh(&format!("oauth-rot authz {id} -d x")).exits(2).says("--description requires --replace");
}

#[test]
fn a_rotation_tells_what_it_has_made_of_the_life_and_of_the_id() {
    let rotate = "POST /oauth/authorizations/{id}/actions/regenerate-tokens";
    let account = Account::with(Settings { rotated: Rotated::For(28_800), ..Settings::default() });
    for input in
        ["oauth-rot authz ID", "oauth-ls authz ID | oauth-rot", "oauth-ls authz ID -o csv | oauth-rot"]
    {
        let (never, month) = (account.id("terraform"), account.id("+1 555 0100 on-call pager"));
        let shortened = "the rotation has shortened its life: it expires at 2";
        let ran = account.sh(&input.replace("ID", &never)).exits(0).says(shortened);
        ran.says("; it never expired before; --replace keeps the lifetime");
        let ran = account.sh(&input.replace("ID", &month)).exits(0).says(shortened);
        ran.says("; before, it expired at 2");
        // The second time nothing is shortened any more.
        account.sh(&input.replace("ID", &never)).succeeds();
        account.sh(&format!("oauth-rm authz {never} {month}")).exits(0);
        account
            .sh("oauth-mk authz -d terraform; oauth-mk authz -d '+1 555 0100 on-call pager' -e 30d")
            .exits(0);
    }
    // Another id: in doubt, sent once, and the run stops.
    let account = Account::with(Settings { new_id: true, ..Settings::default() });
    let ids = ["terraform", "@ops rotation"].map(|name| account.id(name));
    let ran =
        account.sh(&format!("oauth-rot -P1 authz {} {} --rest rest", ids[0], ids[1])).exits(75).prints("");
    let ran = ran.says(&format!("authz {}: it may have been rotated: the response is about authz ", ids[0]));
    ran.says("stopped: 1 record was not attempted");
    assert_eq!((account.asked(rotate), account.read("rest")), (1, format!("{}\n{}\n", ids[0], ids[1])));
}

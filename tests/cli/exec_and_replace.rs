//! New secrets passed to a command (--exec), or in the place of old ones (--replace).

use std::collections::BTreeSet;

use oauth_tools::sandbox::Settings;

use crate::common::{Account, faulty, text};

#[test]
fn a_failed_exec_is_a_failure_and_loses_nothing() {
    let account = Account::new();
    let made = account.sh("oauth-mk authz -d job --once --exec 'exit 1'").exits(1).says("status 1");
    assert_eq!(made.record()["status"], "created");
    // In a second run the object exists; whether that is enough is up to the user.
    let line = "oauth-mk authz -d job --once --exec 'touch handed'";
    account.sh(&format!("{line} --strict")).exits(1).says("oauth-rot --exec");
    let again = account.sh(line).succeeds();
    assert_eq!(again.record()["status"], "exists");
    assert!(!account.path("handed").exists());
    assert_eq!(account.kind("authz").iter().filter(|r| r["description"] == "job").count(), 1);
    // If the record does not print the secret, nobody has it.
    let lost = account.sh("oauth-mk authz -d other -o id --exec 'exit 1'").exits(1);
    lost.says("its new secret was neither passed on nor printed").says("its secret is lost");
    assert!(!made.err.contains("lost"), "{made}");
}

#[test]
fn an_object_that_exec_received_in_the_same_run_is_done() {
    let account = Account::new();
    let twice = "{\"kind\":\"authz\",\"description\":\"job\"}\n".repeat(2);
    // In any order of the two, whether the second looks it up before or after the first is done.
    for parallel in ["", "-P 1", "-P 2"] {
        let line = format!("oauth-mk - --once --exec 'echo ran >> ran' --rest rest {parallel}");
        let mut each = account.feed(&line, &twice).succeeds().each("status");
        each.sort();
        assert_eq!(each, ["created", "exists"]);
        assert_eq!((account.read("ran").as_str(), account.read("rest").as_str()), ("ran\n", ""));
        let id = account.id("job");
        account.sh(&format!("oauth-rm authz {id} && rm ran")).exits(0);
        assert!(account.ids("authz").len() == 16, "one was made");
    }
    // If the command failed, nobody has the secret.
    account.feed("oauth-mk - --once --exec 'exit 1'", &twice).exits(1).says("status 1");
}

#[test]
fn replace_revokes_the_old_authorization_once_the_new_one_is_delivered() {
    let account = Account::new();
    let old = account.id("terraform");
    // Without --exec both stay.
    let new = account.sh(&format!("oauth-rot --replace authz {old}")).succeeds().record();
    assert_eq!((&new["replaces"], &new["description"]), (&old.as_str().into(), &"terraform".into()));
    assert!(account.get(&old).is_some() && account.get(&text(&new["id"])).is_some());
    // If --exec fails, both stay, and that is reported.
    let ran =
        account.sh(&format!("oauth-rot --replace authz {old} --exec false")).exits(1).says("both it and");
    assert!(account.get(&old).is_some() && account.get(&text(&ran.record()["id"])).is_some());
    // If it succeeds, the old token is revoked and the new one works.
    let new = account.sh(&format!("oauth-rot --replace authz {old} --exec 'cat > new'")).succeeds().record();
    assert!(account.get(&old).is_none());
    let token = text(&new["access_token"]["token"]);
    account.line("sh", "oauth-ls authz -o id").env("HEROKU_API_KEY", &token).run(b"").succeeds();
}

#[test]
fn the_exec_command_may_revoke_the_old_authorization_itself() {
    let account = Account::new();
    let old = account.id("terraform");
    let line = format!("oauth-rot --replace authz {old} --exec 'oauth-rm authz {old}' --rest rest");
    let new = account.sh(&line).exits(0).never_says("both it and").record();
    assert_eq!((&new["status"], &new["revoked"]), (&"created".into(), &old.as_str().into()));
    assert!(account.get(&old).is_none() && account.read("rest").is_empty());
}

#[test]
fn the_log_records_the_new_and_the_old_authorization() {
    let account = Account::new();
    let old = account.id("terraform");
    let line = format!("oauth-rot --replace authz {old} --exec 'cat > new' --log log");
    let new = account.sh(&line).succeeds().each("id").remove(0);
    let logged = |name: &str| -> Vec<_> {
        let log = account.read(name);
        let lines = log.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).expect("JSON"));
        lines.map(|l| (text(&l["id"]), text(&l["result"]), text(&l["description"]))).collect()
    };
    let record = |id: &str, result: &str| (id.to_owned(), result.to_owned(), "terraform".to_owned());
    assert_eq!(logged("log"), [record(&new, "created"), record(&old, "revoked")]);
    // If there is no room for the second record, the old one stays.
    let line = format!("ulimit -f 1; oauth-rot --replace authz {new} --exec true --log full");
    let newer = account.sh(&line).exits(1).says("are live: full: file too large").each("id").remove(0);
    assert_eq!(logged("full"), [record(&newer, "created")]);
    assert!(account.get(&new).is_some() && account.get(&newer).is_some());
}

#[test]
fn a_replacement_is_made_in_the_given_team() {
    let account = Account::with(Settings { ..faulty(&["drop-after@POST /teams:after=2:count=1"]) });
    let old = account.id("team deploys");
    let team = |id: &str| account.get(id).expect("it is there")["team"].clone();
    let line = format!("oauth-rot --replace authz {old}");
    let own = account.sh(&line).succeeds().each("id");
    assert!(team(&own[0]).is_null());
    let new = account.sh(&format!("{line} --team example-team")).succeeds().each("id");
    assert_eq!(team(&new[0]), "example-team");
    let new = account.sh(&format!("{line} --team example-team --exec true")).succeeds().each("id");
    assert_eq!((team(&new[0]), account.get(&old)), ("example-team".into(), None));
    // After a lost response the search is in the team too.
    let all = || account.kind("authz").iter().map(|r| text(&r["id"])).collect::<BTreeSet<String>>();
    let before = all();
    let line = format!("oauth-rot --replace authz {} --team example-team", new[0]);
    let ran = account.sh(&line).exits(75).says("it may have been created");
    let lost: Vec<String> = all().difference(&before).cloned().collect();
    assert!(lost.len() == 1 && ran.err.contains(&lost[0]), "{ran}");
    // The rotation is not sent to the team's endpoint.
    account
        .sh(&format!("oauth-rot authz {old} --team example-team"))
        .exits(2)
        .says("--team requires --replace");
    account.sh(&format!("{line}/..")).exits(2).says("--team: ");
}

#[test]
fn a_new_token_is_verified_at_growing_intervals() {
    let account = Account::with(faulty(&["quote@GET /account/rate-limits:status=401"]));
    let line = format!("oauth-rot --replace authz {} --retry-for 2", account.id("terraform"));
    account.sh(&line).exits(1).says("are live: the new token does not work");
    let tries = account.asked("GET /account/rate-limits");
    assert!((2..20).contains(&tries), "{tries}");
}

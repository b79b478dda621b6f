//! oauth-patch: a plan is applied as it stands, or not at all.

use serde_json::Value;

use crate::common::{Account, text};

fn statuses(records: &[Value]) -> Vec<String> {
    records.iter().map(|record| text(&record["status"])).collect()
}

#[test]
fn a_wanted_list_is_applied_once_and_the_second_run_changes_nothing() {
    let account = Account::new();
    account.write(
        "wanted.csv",
        "kind,name,redirect_uri\n\
         client,Shop,https://shop.example/cb\n\
         client,Example CI,https://ci.example.org/oauth\n",
    );
    account.write(
        "wanted.ndjson",
        "{\"kind\":\"authz\",\"description\":\"ci\",\"scope\":[\"read\"],\"expires_in\":\"30d\"}\n\
         {\"kind\":\"authz\",\"description\":\"terraform\",\"scope\":\"global\"}\n",
    );
    let diff = "oauth-diff client - wanted.csv --only added,changed > plan; \
                oauth-diff - wanted.ndjson --only added,changed >> plan; oauth-patch";
    let dry = account.sh(&format!("{diff} -n < plan")).succeeds();
    assert_eq!(
        statuses(&dry.out.lines().map(json).collect::<Vec<_>>()),
        ["would-create", "would-update", "would-create"]
    );
    let before = account.state();
    let ran = account.sh(&format!("{diff} < plan")).succeeds();
    assert_eq!(statuses(&ran.records()), ["created", "updated", "created"]);
    assert_eq!(account.state().len(), before.len() + 2);
    assert_eq!(account.named("Shop")["redirect_uri"], "https://shop.example/cb");
    assert_eq!(account.named("Example CI")["redirect_uri"], "https://ci.example.org/oauth");
    assert_eq!(account.named("ci")["scope"], serde_json::json!(["read"]));
    assert!(account.named("ci")["expires_at"].is_string());
    // The secrets of what was made are printed, and no other.
    let secrets: Vec<bool> = ran.records().iter().map(|r| crate::common::secret(r).is_some()).collect();
    assert_eq!(secrets, [true, false, true]);
    let after = account.state();
    let again = account.sh("oauth-patch < plan").succeeds();
    assert_eq!(statuses(&again.records()), ["exists", "unchanged", "exists"]);
    assert_eq!(account.state(), after);
    account.sh("oauth-diff client - wanted.csv --only added,changed && oauth-diff - wanted.ndjson --only added,changed").succeeds();
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).expect("JSON")
}

#[test]
fn a_conflict_is_reported_before_the_first_change() {
    let account = Account::new();
    account.sh("oauth-ls > before").succeeds();
    let (ci, tf) = (account.id("Example CI"), account.id("terraform"));
    account.write(
        "change",
        format!(
            "oauth-set client {ci} --url https://ci.example.org/ -o id; oauth-set authz {tf} -d tf -o id; \
             oauth-mk client New https://new.example/ -o id; oauth-ls authz --status expired | oauth-rm -o id"
        ),
    );
    account
        .sh("oauth-sandbox --load before --dump after sh ./change; oauth-diff before after > plan")
        .exits(1);
    // Somebody else comes first.
    account.sh(&format!("oauth-set client {ci} --url https://other.example/ -o id")).succeeds();
    let state = account.state();
    for options in ["", "-n", "--remove"] {
        account
            .sh(&format!("oauth-patch {options} < plan"))
            .exits(1)
            .prints("")
            .says(&format!("client {ci}: conflict: its redirect_uri is 'https://other.example/', neither 'https://ci.example.net/oauth'"))
            .says("nothing was changed");
        assert_eq!(account.state(), state);
    }
    account.sh(&format!("oauth-rm client {ci} -o id")).succeeds();
    account
        .sh("oauth-patch < plan")
        .exits(1)
        .prints("")
        .says(&format!("client {ci}: conflict: it does not exist"));
    // What the plan removes must be what the reviewer saw.
    account.sh("grep removed plan > removed").succeeds();
    let line = account.read("removed").lines().next().map(json).expect("a line");
    account.sh(&format!("oauth-set authz {} -d 'in use again' -o id", text(&line["id"]))).succeeds();
    let state = account.state();
    account
        .sh("oauth-patch --remove < removed")
        .exits(1)
        .prints("")
        .says("conflict: its description is 'in use again', not");
    assert_eq!(account.state(), state);
}

#[test]
fn what_the_api_cannot_change_is_refused_before_the_first_change() {
    let account = Account::new();
    let id = account.id("terraform");
    let client = account.id("Example CI");
    let good = "{\"kind\":\"client\",\"id\":null,\"change\":\"added\",\"name\":\"New\",\"redirect_uri\":\"https://new.example/\"}\n";
    let state = account.state();
    for (line, what) in [
        (
            format!(
                r#"{{"kind":"authz","id":"{id}","change":"changed","was":{{"scope":["global"]}},"scope":["read"]}}"#
            ),
            "oauth-rot --replace",
        ),
        (
            format!(
                r#"{{"kind":"authz","id":"{id}","change":"changed","was":{{"expires_at":null}},"expires_at":"2030-01-01T00:00:00Z"}}"#
            ),
            "oauth-rot --replace",
        ),
        (
            format!(
                r#"{{"kind":"authz","id":"{id}","change":"changed","was":{{"client":null}},"client":{{"id":"c"}}}}"#
            ),
            "oauth-set --client-id",
        ),
        (
            format!(
                r#"{{"kind":"client","id":"{client}","change":"changed","was":{{"owner":null}},"owner":"x"}}"#
            ),
            "cannot change its owner",
        ),
        (
            format!(
                r#"{{"kind":"client","id":"{client}","change":"changed","was":{{"name":"Example CI"}},"name":"\ud800"}}"#
            ),
            "its new name cannot be read",
        ),
        (
            format!(
                r#"{{"kind":"client","id":"{client}","change":"changed","was":{{"name":"Example CI"}},"name":null}}"#
            ),
            "its new name is not a text",
        ),
        (
            format!(
                r#"{{"kind":"client","id":"{client}","change":"changed","was":{{"name":"Example CI"}}}}"#
            ),
            "its new name is missing",
        ),
        (
            format!(r#"{{"kind":"client","id":"{client}","change":"changed","name":"x"}}"#),
            "it does not say what it was",
        ),
        (
            format!(
                r#"{{"kind":"client","id":"{client}","change":"changed","was":{{"redirect_uri":""}},"redirect_uri":"http://shop.example"}}"#
            ),
            "http",
        ),
        (
            r#"{"kind":"authz","id":"~","change":"changed","was":{"description":""},"description":"x"}"#
                .to_owned(),
            "not by ~",
        ),
        (
            r#"{"kind":"authz","id":null,"change":"added","description":"x"}"#.to_owned(),
            "its scope is missing",
        ),
        (
            r#"{"kind":"authz","id":null,"change":"added","description":"x","scope":[]}"#.to_owned(),
            "its scope is empty",
        ),
        (
            r#"{"kind":"authz","id":null,"change":"added","description":"x","scope":["raed"]}"#.to_owned(),
            "unknown scope 'raed'",
        ),
        (
            r#"{"kind":"authz","id":null,"change":"added","description":"\ud800","scope":["read"]}"#
                .to_owned(),
            "stdin:2: ",
        ),
        (
            r#"{"kind":"session","id":"s","change":"added","description":"x"}"#.to_owned(),
            "a session cannot be made from a plan",
        ),
        (
            r#"{"kind":"session","id":"s","change":"changed","was":{"description":"y"},"description":"x"}"#
                .to_owned(),
            "the API cannot change a session",
        ),
        (r#"{"kind":"token","id":"t","change":"removed"}"#.to_owned(), "a token cannot be in a plan"),
        (r#"{"kind":"authz","id":"a"}"#.to_owned(), "this is not a line of a plan"),
        ("authz,a".to_owned(), "this is not a line of a plan"),
        (good.to_owned(), "it makes the same object as stdin:1"),
    ] {
        let ran = account.feed("oauth-patch --remove", format!("{good}{line}\n")).exits(2).prints("");
        ran.says("stdin:2: ").says(what);
        assert_eq!(account.state(), state, "{line}");
    }
    account.feed("oauth-patch authz", good).exits(2).says("the record is of kind client, not authz");
    account.feed("oauth-patch authz x", good).exits(2).says("a plan comes from standard input");
}

#[test]
fn only_with_remove_is_anything_removed() {
    let account = Account::new();
    account.sh("oauth-ls > before; cp before after; grep -v '\"status\":\"expired\"' before > after; oauth-diff before after > plan").exits(1);
    let state = account.state();
    let ran = account.sh("oauth-patch < plan").succeeds();
    assert!(statuses(&ran.records()).iter().all(|s| s == "kept"), "{ran}");
    assert_eq!(account.state(), state);
    account.sh("oauth-patch --remove -n < plan").succeeds();
    assert_eq!(account.state(), state);
    let ran = account.sh("oauth-patch --remove --log log < plan").succeeds();
    assert_eq!(statuses(&ran.records()).iter().filter(|s| *s == "revoked").count(), 4);
    assert_eq!(account.read("log").lines().count(), ran.lines().len());
    let again = account.sh("oauth-patch --remove < plan").succeeds();
    assert!(statuses(&again.records()).iter().all(|s| s == "absent"), "{again}");
    account.sh("oauth-diff after -").succeeds();
}

#[test]
fn what_is_in_use_is_protected() {
    let account = Account::new();
    account.sh("oauth-ls --marks > all").succeeds();
    let (own, default) = (account.id("oauth-tools sandbox"), account.id("Default API key"));
    account.sh("oauth-diff all /dev/null > plan").exits(1);
    let ran = account.sh("oauth-patch --remove < plan").exits(1);
    ran.says(&format!("authz {own}: skipped")).says(&format!("authz {default}: skipped"));
    assert!(account.get(&own).is_some() && account.get(&default).is_some());
    account.sh("oauth-ls > here").succeeds();
    let plan = format!(
        "{{\"kind\":\"authz\",\"id\":\"{own}\",\"change\":\"changed\",\"was\":{{\"description\":\"oauth-tools sandbox\"}},\"description\":\"x\"}}\n"
    );
    account.feed("oauth-patch", &plan).exits(1).says("skipped: it is, or may be, the authorization in use");
    account.feed("oauth-patch --include-self", &plan).succeeds();
    assert_eq!(text(&account.named("x")["id"]), own);
}

#[test]
fn nothing_is_removed_if_what_replaces_it_could_not_be_made() {
    let account = Account::new();
    account.sh("oauth-ls > before; id=$(oauth-ls authz -o csv | grep ',terraform,' | cut -d, -f2); \
        oauth-sandbox --load before --dump after sh -c \"oauth-rot --replace authz $id -o id; oauth-rm authz $id -o id\"; oauth-diff before after > plan").exits(1);
    let old = account.id("terraform");
    let plan = account.read("plan");
    assert!(plan.contains(&format!("\"like\":[\"{old}\"]")), "{plan}");
    // A create that fails: its client does not exist.
    let bad = format!(
        "{plan}{{\"kind\":\"authz\",\"id\":null,\"change\":\"added\",\"description\":\"x\",\"scope\":[\"read\"],\"client\":\"none\"}}\n"
    );
    let ran = account.feed("oauth-patch --remove --rest rest -P 1", &bad).exits(1);
    let ran = ran.says("stopped: 1 record was not attempted");
    assert!(account.get(&old).is_some(), "{ran}");
    assert_eq!(account.read("rest").lines().count(), 2);
    let ran = account.sh("oauth-patch --remove < plan").succeeds();
    assert_eq!(statuses(&ran.records()), ["exists", "revoked"]);
    assert!(account.get(&old).is_none() && account.id("terraform") != old);
    let again = account.sh("oauth-patch --remove < plan").succeeds();
    assert_eq!(statuses(&again.records()), ["exists", "absent"]);
}

#[test]
fn a_secret_in_a_plan_is_not_set_which_is_said() {
    let account = Account::new();
    let id = account.id("terraform");
    account.sh(&format!("oauth-ls > before; oauth-sandbox --load before --dump after oauth-rot authz {id} -o id; oauth-diff before after > plan")).exits(1);
    let state = account.state();
    let ran =
        account.sh("oauth-patch < plan").exits(0).says("no secret can be set: to rotate it, use oauth-rot");
    assert_eq!(statuses(&ran.records()), ["unchanged"]);
    assert_eq!(account.state(), state);
}

#[test]
fn new_secrets_are_passed_on() {
    let account = Account::new();
    let plan = "{\"kind\":\"client\",\"id\":null,\"change\":\"added\",\"name\":\"New\",\"redirect_uri\":\"https://new.example/\"}\n";
    let ran = account.feed("oauth-patch --exec 'cat > secret'", plan).succeeds();
    assert_eq!(account.read("secret"), text(&ran.record()["secret"]));
    account.feed("oauth-patch -o secret", plan).exits(2).says("unknown value");
}

#[test]
fn a_value_that_was_does_not_name_is_never_passed_over() {
    let account = Account::new();
    let (ci, tf) = (account.id("Example CI"), account.id("terraform"));
    let state = account.state();
    for (line, says) in [
        (
            format!(
                r#"{{"kind":"client","change":"changed","id":"{ci}","was":{{"name":"Example CI"}},"name":"New","redirect_uri":"https://new.example"}}"#
            ),
            "its redirect_uri is 'https://ci.example.net/oauth', not 'https://new.example' as it was in the plan; to change it, name it in was",
        ),
        (
            format!(
                r#"{{"kind":"authz","change":"changed","id":"{tf}","was":{{"description":"terraform"}},"description":"tf","scope":["read"]}}"#
            ),
            "its scope is 'global', not 'read' as it was in the plan",
        ),
        (
            format!(r#"{{"kind":"client","change":"changed","id":"{ci}","was":{{}},"name":"New"}}"#),
            "its name is 'Example CI', not 'New' as it was in the plan",
        ),
    ] {
        account.write("plan", &line);
        account.sh("oauth-patch < plan").exits(1).says(says).says("nothing was changed");
        assert_eq!(account.state(), state);
    }
}

#[test]
fn an_authorization_that_is_there_with_another_lifetime_is_a_failure() {
    let account = Account::new();
    account.write(
        "plan",
        r#"{"kind":"authz","change":"added","description":"terraform","scope":["global"],"expires_in":"1h"}"#,
    );
    let state = account.state();
    account
        .sh("oauth-patch -o id < plan")
        .exits(1)
        .says("it already exists with another lifetime: it never expires");
    assert_eq!(account.state(), state);
}

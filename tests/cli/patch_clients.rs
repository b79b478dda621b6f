//! oauth-patch: authorizations for clients that the same plan makes.

use oauth_tools::sandbox::Settings;
use serde_json::Value;

use crate::common::{Account, text};

/// A script that makes a client and two authorizations for it.
const SCRIPT: &str = "id=$(oauth-mk client Shop https://shop.example/cb -o id)
    for who in one two; do oauth-mk authz -d $who -s read --client-id $id -o id; done
    oauth-mk authz -d plain -s read -o id";

/// Writes a plan for what the script does to a copy of an account.
fn planned(faults: &[&str], script: &str) -> Account {
    let faults = faults.iter().map(|spec| spec.parse().expect("a fault")).collect();
    let account = Account::with(Settings { faults, ..Settings::default() });
    account.write("script", script);
    account
        .sh("oauth-ls > before; oauth-sandbox --load before --dump after sh ./script; oauth-diff before after > plan")
        .exits(1);
    account
}

fn told(records: &[Value]) -> Vec<String> {
    let name = |r: &Value| r["name"].as_str().or(r["description"].as_str()).unwrap_or_default().to_owned();
    records.iter().map(|r| format!("{} {}", text(&r["status"]), name(r)).trim().to_owned()).collect()
}

#[test]
fn an_authorization_gets_the_client_that_the_plan_makes() {
    let account = planned(&[], SCRIPT);
    let state = account.state();
    let dry = account.sh("oauth-patch -n < plan").succeeds();
    assert_eq!(dry.out.matches("\"client\":{\"name\":\"Shop\"}").count(), 2, "{dry}");
    assert_eq!(account.state(), state);
    let ran = account.sh("oauth-patch --rest rest --log log < plan").succeeds();
    let mut lines = told(&ran.records());
    lines.sort();
    assert_eq!(lines, ["created Shop", "created one", "created plain", "created two"]);
    assert_eq!(account.read("rest"), "");
    let id = account.id("Shop");
    for name in ["one", "two"] {
        assert_eq!(text(&account.named(name)["client"]["id"]), id, "{ran}");
    }
    // A client that exists already is not made again, and neither is what is for it.
    let state = account.state();
    let again = account.sh("oauth-patch < plan").succeeds();
    assert!(told(&again.records()).iter().all(|line| line.starts_with("exists ")), "{again}");
    assert_eq!(account.state(), state);
    account.sh(&format!("oauth-rm authz {} -o id", account.id("two"))).succeeds();
    let ran = account.sh("oauth-patch < plan").succeeds();
    assert_eq!(told(&ran.records()).iter().filter(|line| *line == "created two").count(), 1, "{ran}");
    assert_eq!(text(&account.named("two")["client"]["id"]), id);
}

#[test]
fn without_its_client_an_authorization_is_not_attempted() {
    let account = planned(&["quote@POST /oauth/clients$:status=422:count=1"], SCRIPT);
    let expired = account.read("before").lines().filter(|line| line.contains("expired")).count();
    assert!(expired > 0);
    account
        .sh("grep expired before | sed 's/\"change\":\"[a-z]*\"//; s/}$/,\"change\":\"removed\"}/' >> plan")
        .succeeds();
    let ran = account.sh("oauth-patch --remove --rest rest < plan").exits(1);
    assert_eq!(told(&ran.records()), ["created plain"]);
    let ran = ran.says("client: ").says(&format!("stopped: {} records were not attempted", 2 + expired));
    assert_eq!(account.read("rest").lines().count(), 3 + expired, "{ran}");
    let ran = account.sh("oauth-patch --remove --rest rest < rest").succeeds();
    let made: Vec<String> = told(&ran.records()).into_iter().filter(|s| s.starts_with("created")).collect();
    assert_eq!(made.len(), 3, "{ran}");
    assert_eq!(account.read("rest"), "");
    assert_eq!(text(&account.named("one")["client"]["id"]), account.id("Shop"));
}

#[test]
fn the_rest_keeps_the_client_of_what_is_left() {
    let account = planned(&["quote@POST /oauth/authorizations$:status=422:after=1:count=1"], SCRIPT);
    let ran = account.sh("oauth-patch -P 1 --rest rest < plan").exits(1);
    assert_eq!(told(&ran.records()).len(), 3, "{ran}");
    // The client is made, and the line that is left needs it.
    let left = account.read("rest");
    assert_eq!(left.matches("\"kind\":\"client\"").count(), 1, "{left}");
    assert_eq!(left.lines().count(), 2);
    let ran = account.sh("oauth-patch --rest rest < rest").succeeds();
    let mut lines = told(&ran.records());
    lines.sort();
    assert_eq!(lines[1], "exists Shop");
    assert!(lines[0].starts_with("created "), "{ran}");
    assert_eq!(account.read("rest"), "");
    let id = account.id("Shop");
    for name in ["one", "two"] {
        assert_eq!(text(&account.named(name)["client"]["id"]), id);
    }
}

#[test]
fn a_client_without_an_id_is_found_by_its_name() {
    let account = Account::new();
    let shop = r#"{"kind":"client","name":"Shop","redirect_uri":"https://shop.example/cb"}"#;
    let authz = |description: &str, client: &str| {
        format!(
            r#"{{"kind":"authz","description":"{description}","scope":["read"],"client":{{"name":"{client}"}}}}"#
        )
    };
    account
        .write("wanted", format!("{}\n{shop}\n{}\n", authz("partner", "Shop"), authz("robot", "Example CI")));
    let diff = "oauth-diff - wanted --only added,changed > plan";
    account.sh(diff).exits(1);
    account.sh("oauth-patch < plan").succeeds();
    for (name, client) in [("partner", "Shop"), ("robot", "Example CI")] {
        assert_eq!(text(&account.named(name)["client"]["id"]), account.id(client));
    }
    account.sh(diff).succeeds();
    // One that is there already, and only the authorization is missing.
    account.sh(&format!("oauth-rm authz {} -o id", account.id("partner"))).succeeds();
    account.sh(diff).exits(1);
    assert_eq!(account.read("plan").lines().count(), 1);
    account.sh("oauth-patch < plan").succeeds();
    assert_eq!(text(&account.named("partner")["client"]["id"]), account.id("Shop"));
    // Two of one name, or none: no authorization, and least of all one without a client.
    account.sh("oauth-mk client Shop https://other.example/cb -o id").succeeds();
    let state = account.state();
    let line = |client: &str| authz("new", client).replacen('{', "{\"id\":null,\"change\":\"added\",", 1);
    for (plan, what) in [
        (line("Shop"), "'Shop' is the name of several clients: "),
        (line("Shap"), "conflict: there is no client 'Shap'"),
        (
            format!(
                "{}\n{}",
                shop.replacen('{', "{\"change\":\"added\",\"like\":[],", 1).replace("shop.ex", "third.ex"),
                line("Shop")
            ),
            "'Shop' is the name of several clients: stdin:1, ",
        ),
    ] {
        for options in ["-n", ""] {
            account.feed(&format!("oauth-patch {options}"), &plan).exits(1).prints("").says(what);
            assert_eq!(account.state(), state, "{plan}");
        }
    }
}

#[test]
fn clients_that_cannot_be_told_apart_are_refused() {
    let twins = "for n in 1 2; do id=$(oauth-mk client Shop https://shop.example/cb -o id); done
        oauth-mk authz -d one -s read --client-id $id -o id";
    let account = planned(&[], twins);
    let state = account.state();
    for options in ["-n", ""] {
        account
            .sh(&format!("oauth-patch {options} < plan"))
            .exits(1)
            .prints("")
            .says("stdin:1: authz: conflict: several lines make its client, and cannot be told apart: stdin:2, stdin:3")
            .says("--client-id");
        assert_eq!(account.state(), state);
    }
    // Without the authorization, both are made.
    let ran = account
        .sh("oauth-patch client < /dev/null; grep '\"kind\":\"client\"' plan | oauth-patch")
        .succeeds();
    assert_eq!(told(&ran.records()), ["created Shop", "created Shop"]);
}

//! The tasks of the Heroku CLI's OAuth commands, one by one, judged by the account afterwards.

use serde_json::json;

use crate::common::{Account, text};

// heroku authorizations
#[test]
fn authorizations_are_listed() {
    let account = Account::new();
    let ran = account.sh("oauth-ls authorizations").succeeds();
    assert_eq!(ran.ids(), account.ids("authz"), "{ran}");
    assert_eq!(ran.each("kind"), vec!["authz"; ran.lines().len()], "{ran}");
}

// heroku authorizations:create -d … -s … -e …
#[test]
fn an_authorization_is_created() {
    let account = Account::new();
    let made = account.sh("oauth-mk authz -d 'nightly job' -s read,write -e 8h").succeeds().record();
    assert_eq!(made["status"], "created");
    let held = account.named("nightly job");
    assert_eq!(held["id"], made["id"]);
    assert_eq!(held["scope"], json!(["read", "write"]));
    assert!(held["access_token"]["expires_in"].as_i64().is_some_and(|s| s > 28_000 && s <= 28_800));
    // The token is complete, and works.
    let token = text(&made["access_token"]["token"]);
    account.line("sh", "oauth-ls sessions -o id").env("HEROKU_API_KEY", &token).run(b"").succeeds();
}

// heroku authorizations:create without a flag
#[test]
fn an_authorization_without_options_has_herokus_defaults() {
    let account = Account::new();
    let made = account.sh("oauth-mk authz").succeeds().record();
    let held = account.get(&text(&made["id"])).expect("it is there");
    assert_eq!(held["description"], "Long-lived user authorization");
    assert_eq!(held["scope"], json!(["global"]));
    assert_eq!(held["expires_at"], json!(null));
}

// HEROKU_API_KEY=$(heroku authorizations:create -S)
#[test]
fn short_output_is_only_the_token() {
    let account = Account::new();
    let line = "HEROKU_API_KEY=$(oauth-mk authz -S) && export HEROKU_API_KEY && oauth-ls sessions -o id";
    let ran = account.sh(line).succeeds();
    assert_eq!(ran.lines().len(), account.ids("session").len(), "{ran}");
}

// heroku authorizations:info ID
#[test]
fn an_authorization_is_shown() {
    let account = Account::new();
    let id = account.id("terraform");
    let shown = account.sh(&format!("oauth-ls authz {id}")).succeeds().record();
    assert_eq!((&shown["description"], &shown["status"]), (&json!("terraform"), &json!("active")));
    let one = account.sh(&format!("oauth-ls authz {id} -j")).succeeds();
    let object: serde_json::Value = serde_json::from_str(&one.out).expect("one object");
    assert_eq!(object["id"], id.as_str(), "{one}");
}

// heroku authorizations:update ID -d …
#[test]
fn an_authorization_gets_another_description() {
    let account = Account::new();
    let id = account.id("terraform");
    let changed = account.sh(&format!("oauth-set authz {id} -d 'terraform, eu'")).succeeds().record();
    assert_eq!(changed["status"], "updated");
    assert_eq!(account.get(&id).expect("it is there")["description"], "terraform, eu");
}

// heroku authorizations:update ID --client-id … --client-secret …
#[test]
fn an_authorization_gets_a_client() {
    let account = Account::new();
    let (id, client) = (account.id("terraform"), account.id("Example CI"));
    let secret = text(&account.sh(&format!("oauth-rot client {client}")).succeeds().record()["secret"]);
    account.write("secret", format!("{secret}\n"));
    for given in ["@secret", "- < secret", &secret] {
        let line = format!("oauth-set authz {id} --client-id {client} --client-secret {given}");
        account.sh(&line).succeeds();
        assert_eq!(account.get(&id).expect("it is there")["client"]["id"], client.as_str());
    }
    let line = format!("oauth-set authz {id} --client-id {client} --client-secret wrong");
    account.sh(&line).exits(1).says("client.secret is not that client's secret");
}

// heroku authorizations:rotate ID
#[test]
fn an_authorization_gets_a_new_token() {
    let account = Account::new();
    let old = text(&account.sh("oauth-mk authz -d rotated").succeeds().record()["access_token"]["token"]);
    let id = account.id("rotated");
    let ran = account.sh(&format!("oauth-rot authz {id}")).succeeds().record();
    assert_eq!(ran["status"], "rotated");
    let new = text(&ran["access_token"]["token"]);
    let with = |token: &str| account.line("sh", "oauth-ls authz -o id").env("HEROKU_API_KEY", token).run(b"");
    with(&old).exits(4);
    with(&new).succeeds();
}

// heroku authorizations:revoke ID
#[test]
fn an_authorization_is_revoked() {
    let account = Account::new();
    let before = account.ids("authz");
    let id = account.id("terraform");
    let gone = account.sh(&format!("oauth-rm authorizations {id}")).succeeds().record();
    assert_eq!((&gone["id"], &gone["status"]), (&json!(id), &json!("revoked")));
    let mut left = before;
    assert!(left.remove(&id));
    assert_eq!(account.ids("authz"), left);
}

// heroku clients
#[test]
fn clients_are_listed() {
    let account = Account::new();
    let ran = account.sh("oauth-ls clients").succeeds();
    assert_eq!(ran.ids(), account.ids("client"), "{ran}");
}

// heroku clients:create NAME URL --shell
#[test]
fn a_client_is_created() {
    let account = Account::new();
    let line = "oauth-mk client 'My app' https://app.example.com/cb --shell";
    let ran = account.sh(line).succeeds();
    let held = account.named("My app");
    assert_eq!(held["redirect_uri"], "https://app.example.com/cb");
    let id = text(&held["id"]);
    assert!(ran.out.starts_with(&format!("HEROKU_OAUTH_ID={id}\nHEROKU_OAUTH_SECRET=")), "{ran}");
    assert_eq!(ran.lines().len(), 2, "{ran}");
    account.sh("oauth-mk client x http://example.com").exits(2).says("the redirect URI must use https");
}

// heroku clients:info ID
#[test]
fn a_client_is_shown_with_its_secret_only_on_request() {
    let account = Account::new();
    let id = account.id("Example CI");
    let masked = account.sh(&format!("oauth-ls client {id}")).succeeds().record();
    assert_eq!(masked["secret"], "**********");
    let env = account.sh(&format!("oauth-ls client {id} --shell")).succeeds();
    let secret = account.sh(&format!("oauth-ls client {id} -S")).succeeds();
    assert_eq!(env.out, format!("HEROKU_OAUTH_ID={id}\nHEROKU_OAUTH_SECRET={}", secret.out));
    assert_eq!(secret.out.trim_end().len(), 36, "{secret}");
}

// heroku clients:update ID -n … --url …
#[test]
fn a_client_gets_another_name_and_url() {
    let account = Account::new();
    let id = account.id("Example CI");
    account.sh(&format!("oauth-set client {id} --name 'CI 2'")).succeeds();
    account.sh(&format!("oauth-set client {id} --url http://localhost:5000/cb")).succeeds();
    let held = account.get(&id).expect("it is there");
    assert_eq!((&held["name"], &held["redirect_uri"]), (&json!("CI 2"), &json!("http://localhost:5000/cb")));
}

// heroku clients:rotate ID
#[test]
fn a_client_gets_a_new_secret() {
    let account = Account::new();
    let id = account.id("Example CI");
    let secret = |line: &str| account.sh(&format!("{line} client {id} -S")).succeeds().out;
    let (old, new) = (secret("oauth-ls"), secret("oauth-rot"));
    assert_ne!(old, new);
    assert_eq!(secret("oauth-ls"), new, "the new one is the one that holds");
}

// heroku clients:destroy ID
#[test]
fn a_client_is_deleted() {
    let account = Account::new();
    let id = account.id("Example CI");
    assert_eq!(account.sh(&format!("oauth-rm clients {id}")).succeeds().record()["status"], "deleted");
    assert_eq!(account.get(&id), None);
}

// heroku sessions
#[test]
fn sessions_are_listed() {
    let account = Account::new();
    let ran = account.sh("oauth-ls sessions").succeeds();
    assert_eq!(ran.ids(), account.ids("session"), "{ran}");
}

// heroku sessions:destroy ID
#[test]
fn a_session_is_deleted() {
    let account = Account::new();
    let id = account.id("Session @ 198.51.100.23");
    assert_eq!(account.sh(&format!("oauth-rm session {id}")).succeeds().record()["status"], "deleted");
    assert_eq!(account.get(&id), None);
}

#[test]
fn without_a_kind_everything_is_listed() {
    let account = Account::new();
    let ran = account.sh("oauth-ls").succeeds();
    let all: Vec<_> = ["authz", "client", "session"].iter().flat_map(|k| account.ids(k)).collect();
    assert_eq!(ran.ids(), all.into_iter().collect(), "{ran}");
    let mut kinds = ran.each("kind");
    kinds.dedup();
    assert_eq!(kinds, ["authz", "client", "session"], "{ran}");
}

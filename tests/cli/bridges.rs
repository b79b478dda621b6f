//! Servers behind a bridge: they may lack an operation, and have scopes of their own.

use oauth_tools::sandbox::Settings;

use crate::common::Account;

fn faulty(faults: &[&str]) -> Account {
    let faults = faults.iter().map(|spec| spec.parse().expect("a fault")).collect();
    Account::with(Settings { faults, authz: 40, ..Settings::default() })
}

#[test]
fn an_operation_that_the_server_lacks_ends_the_run_with_one_message() {
    let runs = [
        ("405@DELETE", "oauth-ls authz --status active | oauth-rm", "DELETE /oauth/authorizations/"),
        ("405@DELETE", "oauth-ls clients | oauth-rm", "DELETE /oauth/clients/"),
        ("405@PATCH", "oauth-ls clients | oauth-set client --name x", "PATCH /oauth/clients/"),
        ("405@POST", "oauth-ls clients | oauth-rot", "POST /oauth/clients/"),
        ("405@POST", "oauth-ls authz | oauth-rot", "POST /oauth/authorizations/"),
        (
            "405@POST",
            "for n in 1 2 3 4 5 6 7 8 9; do echo '{\"description\":\"new '$n'\",\"scope\":[\"read\"]}'; done |
             oauth-mk authz -",
            "POST /oauth/authorizations",
        ),
    ];
    for (fault, line, endpoint) in runs {
        for options in ["-P 1", "-P 8", "-P 1 --rest left"] {
            let account = faulty(&[fault]);
            let before = account.state();
            let ran = account.sh(&format!("{line} {options}")).exits(1);
            assert_eq!(ran.err.matches("method_not_allowed").count(), 1, "{line} {options}: {ran}");
            let ran = ran.says("the server cannot do this for any object").says("not attempted");
            assert_eq!(account.state(), before, "{line} {options}");
            if options != "-P 8" {
                assert_eq!(account.server.stats().fired(fault), 1, "{endpoint}: {ran}");
            }
        }
    }
}

#[test]
fn a_refusal_by_a_proxy_is_about_one_record_only() {
    // A 405 without the API's name for it.
    let account = faulty(&["quote@DELETE:status=405:count=1"]);
    let ran = account.sh("oauth-ls clients | oauth-rm -P 1").exits(1);
    assert!(account.kind("client").len() < 4, "the others are removed: {ran}");
}

#[test]
fn a_list_that_the_server_lacks_hides_no_other() {
    for lacking in ["/oauth/authorizations", "/oauth/clients", "/oauth/sessions"] {
        let account = faulty(&[&format!("405@GET {lacking}")]);
        let ran = account.sh("oauth-ls").exits(1).says("method_not_allowed");
        for (kind, path) in
            [("authz", "/oauth/authorizations"), ("client", "/oauth/clients"), ("session", "/oauth/sessions")]
        {
            let is_shown = ran.out.contains(&format!("{{\"kind\":\"{kind}\""));
            assert_eq!(is_shown, path != lacking, "{lacking}, {kind}: {ran}");
        }
    }
}

#[test]
fn a_bridge_says_which_scopes_its_server_knows() {
    let account = faulty(&[]);
    let made = |scopes: &str, line: &str| account.line("sh", line).env("HEROKU_SCOPES", scopes);
    for line in [
        "oauth-mk authz -n -s openid,profile",
        "echo '{\"description\":\"x\",\"scope\":[\"openid\"]}' | oauth-mk authz -n -",
        "printf 'description,scope\\nx,openid profile\\n' | oauth-mk authz -n -",
    ] {
        made("openid profile", line).run(b"").exits(0);
        made("*", line).run(b"").exits(0);
        account.sh(line).exits(2).says("unknown scope 'openid'");
    }
    for line in ["oauth-mk authz -n -s profil", "oauth-run -s profil true"] {
        made("openid profile", line).run(b"").exits(2).says("did you mean 'profile'?");
    }
    // Heroku's default is not a scope of that server.
    made("openid profile", "oauth-mk authz -n -d x").run(b"").exits(2).says("unknown scope 'global'");
    made(" ", "oauth-mk authz -n -d x").run(b"").exits(2).says("HEROKU_SCOPES names no scope");
    // The sandbox has Heroku's scopes, whatever surrounds it.
    made("openid", "oauth-sandbox oauth-mk authz -s read -o id").run(b"").exits(0);
}

//! oauth-run: a command with an authorization of its own.

use crate::common::{Account, faulty, text};

#[test]
fn a_command_runs_with_its_own_authorization_which_is_then_revoked() {
    let account = Account::new();
    let before = account.ids("authz");
    let ran = account.sh("oauth-run -d job -s read,write -e 10m -- oauth-ls authz").succeeds();
    let own: Vec<_> = ran.records().into_iter().filter(|r| r["description"] == "job").collect();
    assert_eq!(own.len(), 1, "{ran}");
    assert_eq!((&own[0]["current"], own[0]["expires_at"].is_string()), (&true.into(), true), "{ran}");
    assert_eq!(account.ids("authz"), before);
    // However the command ends, its status is returned and the authorization revoked.
    for (command, status) in [("sh -c 'exit 7'", 7), ("no-such-command", 127), ("sh -c 'kill -9 $$'", 137)] {
        account.sh(&format!("oauth-run -- {command}")).exits(status);
        assert_eq!(account.ids("authz"), before, "{command}");
    }
    for signal in ["TERM", "INT", "HUP", "QUIT", "USR1"] {
        let line = format!("oauth-run -- sh -c 'kill -{signal} $PPID; exec sleep 60'; echo $?");
        account.sh(&line).succeeds();
        assert_eq!(account.ids("authz"), before, "{signal}");
    }
    account.sh("oauth-run -- sh -c 'test \"$HEROKU_API_KEY\" = \"$OURS\"'").exits(1);
}

#[test]
fn a_signal_stops_the_preparation_but_not_the_revocation() {
    let with = |faults: &[&str]| Account::with(faulty(faults));
    // The signal comes after the message `sign`.
    let line = |sign: &str| {
        format!(
            "oauth-run -v --retry-for 20 -- touch ran 2> said & \
             until grep -q '{sign}' said; do sleep 0.05; done; kill -TERM $!; wait $!; \
             status=$?; cat said >&2; exit $status"
        )
    };
    for (account, host, sign) in [
        (with(&[]), Some("http://127.0.0.1:1"), "< no usable response: "),
        // Not by an empty quota, which has a call again after 0.8 s.
        (with(&["429@POST"]), None, "quota"),
        (with(&["503@POST"]), None, "< 503"),
        // The authorization is made, and revoked again.
        (with(&["slow@POST:ms=3000"]), None, "> POST"),
    ] {
        let before = account.ids("authz");
        let host = host.map_or_else(|| account.server.url(), str::to_owned);
        let ran = account.line("sh", &line(sign)).env("HEROKU_HOST", &host).run(b"").exits(143);
        assert!(!account.path("ran").exists(), "{ran}");
        assert_eq!(account.ids("authz"), before, "{ran}");
    }
    // An authorization that may have been made is named.
    let account = with(&["503-after@POST"]);
    account.sh(&line("< 503")).exits(143).says(&account.id("oauth-run touch"));
    let account = with(&["503@DELETE:count=3"]);
    let before = account.ids("authz");
    account.sh(&line("> DELETE")).exits(0);
    assert!(account.path("ran").exists() && account.ids("authz") == before);
}

#[test]
fn the_log_records_what_became_of_the_authorization() {
    let results = |account: &Account| -> Vec<String> {
        let log = account.read("log");
        let lines = log.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).expect("JSON"));
        lines.map(|l| text(&l["result"]).split(':').next().unwrap_or_default().to_owned()).collect()
    };
    let line = "oauth-run --retry-for 0 --log log";
    let account = Account::new();
    account.sh(&format!("{line} -- sh -c 'exit 7'")).exits(7);
    account
        .sh(&format!("{line} -- sh -c 'oauth-ls authz | grep current | oauth-rm --include-self'"))
        .exits(0);
    assert_eq!(results(&account), ["created", "revoked"].repeat(2));
    // A refused request was not applied; after a temporary error the result is unknown.
    for (fault, status, told) in [
        ("quote@POST /oauth/authorizations$:status=403", 1, vec!["failed"]),
        ("503@POST /oauth/authorizations$", 75, vec!["unknown"]),
        ("quote@DELETE:status=403", 1, vec!["created", "failed"]),
        ("503@DELETE", 75, vec!["created", "unknown"]),
    ] {
        let account = Account::with(faulty(&[fault]));
        account.sh(&format!("{line} -- true")).exits(status);
        assert_eq!(results(&account), told, "{fault}");
    }
}

#[test]
fn a_full_log_does_not_prevent_the_revocation() {
    let account = Account::new();
    let before = account.ids("authz");
    let ran = account.sh("ulimit -f 1; oauth-run --log log -- true").exits(1);
    ran.says("--log: log: file too large").never_says("could not be revoked");
    assert_eq!(account.ids("authz"), before);
    assert_eq!(account.read("log").lines().count(), 1);
}

#[test]
fn the_commands_environment_has_no_secret_but_its_own_token() {
    let account = Account::new();
    let line = account
        .line("sh", "oauth-run sh -c 'env; test \"$HEROKU_API_KEY\" != \"$OURS\"'")
        .env("OURS", account.server.token())
        .env("HEROKU_API_TOKEN", "sekret-1")
        .env("HEROKU_HEADERS", "{\"X-Own\":\"sekret-2\"}")
        .env("HEROKU_TWO_FACTOR_CODE", "sekret-3");
    let ran = line.run(b"").succeeds();
    assert!(!ran.out.contains("sekret") && ran.out.contains("HEROKU_HOST="), "{ran}");
}

#[test]
fn a_killed_run_leaves_only_an_authorization_that_expires() {
    let account = Account::new();
    let before = account.ids("authz");
    account.sh("oauth-run -d left -- sh -c 'kill -9 $PPID'").exits(137);
    let left: Vec<_> = account.kind("authz").into_iter().filter(|r| r["description"] == "left").collect();
    assert_eq!(left.len(), 1);
    assert!(left[0]["expires_at"].is_string() && !before.contains(&text(&left[0]["id"])));
}

//! What the environment, core dumps and pasted tokens could give away.

use crate::common::Account;

#[test]
fn commands_get_none_of_the_callers_secrets() {
    let account = Account::new();
    for line in ["oauth-run -s read -- env", "oauth-sandbox env", "oauth-rot client \"$ID\" -o id --exec env"]
    {
        for name in [
            "HEROKU_API_TOKEN",
            "HEROKU_OAUTH_SECRET",
            "HEROKU_OAUTH_CODE",
            "HEROKU_OAUTH_RECORD",
            "HEROKU_TWO_FACTOR_CODE",
        ] {
            let id = account.sh("oauth-ls clients -o id | head -n 1").succeeds().out;
            let ran = account
                .line("sh", &format!("{line} 2>&1"))
                .env("ID", id.trim())
                .env(name, "callers-own-secret")
                .run(b"")
                .succeeds();
            assert!(
                !ran.out.contains("callers-own-secret") && !ran.err.contains("callers-own-secret"),
                "{name}{ran}"
            );
        }
    }
}

#[test]
fn core_dumps_are_off_and_commands_get_the_callers_limit() {
    let account = Account::new();
    // The limit is lifted for the moment in which the command starts.
    let script = "ulimit -S -c 1000 && oauth-run -s read -- \
                  sh -c 'ulimit -c; until grep -q \"core file size  *0 \" /proc/$PPID/limits; do sleep 0.05; done'";
    account.sh(script).prints("1000\n");
    let sandbox = "ulimit -S -c 1000 && oauth-sandbox sh -c 'ulimit -c'";
    account.sh(sandbox).prints("1000\n");
}

#[test]
fn a_token_that_was_pasted_into_a_description_is_masked_in_every_format() {
    let account = Account::new();
    let token = format!("HRKU-AA{}", "Zq9".repeat(19));
    account.sh(&format!("oauth-mk authz -s read -d 'for ci: {token}.' -o id")).succeeds();
    for format in ["ndjson", "csv", "json", "table", "id"] {
        let ran = account.sh(&format!("oauth-ls authz -o {format}")).succeeds();
        assert!(!ran.out.contains("Zq9Zq9"), "{format}{ran}");
        assert!(format == "id" || ran.out.contains("for ci: HRKU-**********"), "{format}{ran}");
    }
}

#[test]
fn a_token_in_a_description_is_masked_beside_a_new_secret() {
    let account = Account::new();
    let token = "HRKU-AAbcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvw";
    for line in [
        format!("oauth-mk authz -d 'x {token}'"),
        format!("oauth-mk authz -n -d 'x {token}'"),
        format!("oauth-mk authz -d 'x {token}' -o csv"),
        format!("oauth-mk client 'x {token}' https://x.example/ -o table"),
    ] {
        let ran = account.sh(&line).succeeds();
        assert!(!ran.out.contains(token) && ran.out.contains("HRKU-***"), "{line} {ran}");
    }
}

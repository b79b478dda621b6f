//! Commands of `--exec`: the bare secret on standard input, the rest in the environment.

use serde_json::Value;

use crate::common::{Account, text};

/// A program that stores its standard input byte for byte, as those do that a secret is passed to.
const STORE: &str = "#!/bin/sh\numask 077\nfor last; do :; done\ncat > \"${last%%=*}\"\n";

/// An account with stand-ins for the programs that store secrets in services.
fn with_stores() -> Account {
    let account = Account::new();
    for name in ["pass", "kubectl", "gh", "vault", "docker"] {
        account.write(name, STORE);
    }
    account.sh("chmod +x pass kubectl gh vault docker").succeeds();
    account
}

/// Runs a command of `--exec` for a new client, in a shell, and returns the client's secret.
#[track_caller]
fn passed(account: &Account, shell: &str, command: &str) -> String {
    account.write("command", command);
    let line =
        format!("PATH=$PWD:$PATH oauth-mk client n https://n.example --exec '{shell} ./command' -o ndjson");
    text(&account.sh(&line).exits(0).record()["secret"])
}

#[test]
fn commands_store_exactly_the_secret() {
    needs!("gpg", "openssl");
    let account = with_stores();
    let key = "gpg --batch -q --passphrase '' --quick-generate-key me@example.com default default never";
    account.sh(&format!("mkdir -m 700 home/.gnupg && {key}")).exits(0);
    for shell in ["dash", "bash"] {
        for (command, show) in [
            ("cat > stored", "cat stored"),
            ("tee stored > /dev/null", "cat stored"),
            ("install -m 600 /dev/stdin stored", "cat stored"),
            ("dd of=stored 2> /dev/null", "cat stored"),
            ("gpg --batch -q -e -r me@example.com -o stored", "gpg --batch -q -d stored"),
            (
                "openssl enc -aes-256-cbc -pbkdf2 -pass file:home/key -out stored",
                "openssl enc -d -aes-256-cbc -pbkdf2 -pass file:home/key -in stored",
            ),
            ("pass insert -m stored", "cat stored"),
            ("kubectl create secret generic n --from-file=key=/dev/stdin stored", "cat stored"),
            ("gh secret set stored", "cat stored"),
            ("vault kv put secret/n stored=-", "cat stored"),
            ("docker secret create stored - && mv -- - stored", "cat stored"),
            ("printf %s \"$HEROKU_OAUTH_SECRET\" > stored", "cat stored"),
            ("read -r secret < /dev/null || read -r secret; printf %s \"$secret\" > stored", "cat stored"),
            ("printf 'KEY=%s\\n' \"$(cat)\" > env; . ./env; printf %s \"$KEY\" > stored", "cat stored"),
        ] {
            account.sh("rm -f stored env; echo k > home/key").succeeds();
            let secret = passed(&account, shell, command);
            let shown = account.sh(show).exits(0).out;
            assert_eq!(shown, secret, "{shell}: {command}");
        }
    }
}

#[test]
fn the_environment_describes_the_record() {
    let account = Account::new();
    let show = "env | grep -E \"^HEROKU_(OAUTH|API)\" | sort > env; cat > stdin";
    let env = |name: &str| {
        let all = account.read("env");
        let value = all.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).map(str::to_owned);
        value.unwrap_or_else(|| "none".to_owned())
    };
    let check = |printed: &Value, secret: &str, variable: &str, name: &str| {
        let record: Value = serde_json::from_str(&env("HEROKU_OAUTH_RECORD")).expect("JSON");
        assert_eq!(record, *printed);
        let expected = [&printed["kind"], &printed["id"]].map(text);
        assert_eq!([env("HEROKU_OAUTH_KIND"), env("HEROKU_OAUTH_ID")], expected);
        assert_eq!((env("HEROKU_OAUTH_NAME").as_str(), account.read("stdin").as_str()), (name, secret));
        for other in ["HEROKU_OAUTH_SECRET", "HEROKU_OAUTH_CODE", "HEROKU_API_KEY"] {
            assert_eq!(env(other), if other == variable { secret } else { "none" }, "{other}");
        }
    };
    // Variables of the caller never pass for those of the record.
    let own =
        "HEROKU_OAUTH_SECRET=mine HEROKU_OAUTH_CODE=mine HEROKU_OAUTH_REPLACES=mine HEROKU_OAUTH_RECORD=x";
    let client =
        account.sh(&format!("{own} oauth-mk client Shop https://s.example --exec '{show}'")).succeeds();
    let client = client.record();
    check(&client, &text(&client["secret"]), "HEROKU_OAUTH_SECRET", "Shop");
    assert_eq!(env("HEROKU_OAUTH_REPLACES"), "none");
    let authz = account.sh(&format!("{own} oauth-mk authz -d '' --exec '{show}'")).succeeds().record();
    check(&authz, &text(&authz["access_token"]["token"]), "HEROKU_API_KEY", "none");
    let id = account.id("terraform");
    let authz =
        account.sh(&format!("{own} oauth-rot --replace authz {id} --exec '{show}'")).succeeds().record();
    assert_eq!(env("HEROKU_OAUTH_REPLACES"), id);
    assert_eq!(env("HEROKU_OAUTH_NAME"), "terraform");
    assert_eq!(env("HEROKU_API_KEY"), text(&authz["access_token"]["token"]));
    let id = text(&client["id"]);
    let code = account.sh(&format!("{own} oauth-mk authz --client-id {id} -d c --exec '{show}'")).succeeds();
    let code = code.record();
    check(&code, &text(&code["grant"]["code"]), "HEROKU_OAUTH_CODE", "c");
}

#[test]
fn awkward_names_reach_the_command() {
    let account = Account::new();
    for name in ["two\\nlines", "quotes \\\" and \\u0000 NUL", "$(touch ran)", "=cmd", "\\ud83d\\ude00"] {
        let line = "oauth-mk client - --exec 'printf %s \"$HEROKU_OAUTH_NAME\" > name; cat > stdin'";
        let input = format!("{{\"kind\":\"client\",\"name\":\"{name}\",\"url\":\"https://x.example\"}}\n");
        let made = account.feed(line, input).exits(0).record();
        assert_eq!(account.read("name"), text(&made["name"]).replace('\0', "\u{fffd}"));
        assert_eq!(account.read("stdin"), text(&made["secret"]));
    }
    assert!(!account.path("ran").exists());
    // A name or a record that no environment holds is left out; the secret is passed all the same.
    let name = "x".repeat(200_000);
    let input = format!("{{\"kind\":\"client\",\"name\":\"{name}\",\"url\":\"https://x.example\"}}\n");
    let line = "oauth-mk client - --exec 'cat > stdin; echo \"${HEROKU_OAUTH_NAME-none}\" > name'";
    let made = account.feed(line, input).exits(0).record();
    assert_eq!((account.read("stdin"), account.read("name")), (text(&made["secret"]), "none\n".to_owned()));
}

#[test]
fn a_command_that_fails_counts_as_not_done_and_names_the_next_step() {
    let account = Account::new();
    let client = account.id("Example CI");
    for (command, why) in [
        ("exit 3", "status 3"),
        ("kill -9 $$", "status 137"),
        ("no-such-command", "status 127"),
        ("if", "status 2"),
    ] {
        let ran = account.sh(&format!("oauth-rot client {client} --exec '{command}' --rest rest")).exits(1);
        let ran = ran.says(&format!("client {client}: --exec: the command exited with {why}; it is rotated"));
        ran.says(&format!("oauth-ls client {client} -S shows it")).never_says("lost");
        assert_eq!(account.read("rest"), format!("{client}\n"));
    }
    let ran = account.sh("oauth-mk authz -d job --exec false").exits(1);
    let id = account.id("job");
    ran.says(&format!("authz {id}: --exec: the command exited with status 1; it is created, and its new"))
        .says(&format!("oauth-rot authz {id} --exec CMD gives it another"));
    // What says nothing of the secret on standard output says how to get it.
    let id = account.id("terraform");
    let ran = account.sh(&format!("oauth-rot authz {id} -o id --exec false")).exits(1);
    ran.says(&format!("its secret is lost: oauth-rot authz {id} gives it another"));
}

#[test]
fn a_command_that_cannot_be_run_stops_the_run() {
    for (tool, kept) in [("oauth-rot", "rotated"), ("oauth-mk --once client -", "created")] {
        let account = Account::new();
        account.sh("for i in 1 2 3 4 5; do oauth-mk client n$i https://x.example/$i -o id; done").succeeds();
        let input = match tool {
            "oauth-rot" => "oauth-ls clients",
            _ => {
                r#"for i in 6 7 8 9; do echo "{\"name\":\"n$i\",\"redirect_uri\":\"https://x.example/$i\"}"; done"#
            }
        };
        let ran = account.sh(&format!("{input} | {tool} -P 1 --exec no-such-command -o id")).exits(1);
        assert!(ran.err.contains(&format!("it is {kept}")), "{ran}");
        assert_eq!(ran.lines().len(), 1, "{ran}");
    }
}

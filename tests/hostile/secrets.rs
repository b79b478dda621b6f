//! Secrets do not reach the environment of helpers and commands, arguments, or messages about invalid input.

use std::os::unix::fs::PermissionsExt;

use crate::common::text;
use crate::measured::{hostile, measure, measure_with};

/// Variables that only the tool itself needs, with values to search for.
const OWN: [(&str, &str); 6] = [
    ("HEROKU_TWO_FACTOR_CODE", "918273"),
    ("HEROKU_HEADERS", "{\"X-Own\":\"of-the-header\"}"),
    ("HEROKU_API_TOKEN", "of-the-wrong-variable"),
    ("ALL_PROXY", "http://user:of-the-proxy@127.0.0.1:9"),
    ("CODE", "b9c4a6de-6fd1-4f4e-9d4f-0cf4b8a2b6a1"),
    ("SECRET", "5a4d8c12-aaaa-4bbb-8ccc-0123456789ab"),
];

#[test]
fn a_helper_gets_no_secret_that_it_does_not_need() {
    let account = hostile(&[]);
    let bin = account.folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for helper in ["secret-tool", "gpg"] {
        let path = bin.join(helper);
        std::fs::write(
            &path,
            format!(
                "#!/bin/sh\nenv >> '{0}/seen'; echo \"$@\" >> '{0}/seen'; exit 1\n",
                account.folder.display()
            ),
        )
        .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let home = account.folder.join("home");
    std::fs::create_dir_all(home.join(".local/share/heroku")).unwrap();
    std::fs::write(home.join(".local/share/heroku/login.json"), "{\"account\":\"a@example.com\"}").unwrap();
    std::fs::write(home.join(".netrc.gpg"), "x").unwrap();
    let path = format!("{}:{}", bin.display(), crate::common::path());
    let mut env = OWN.to_vec();
    env.extend([("PATH", path.as_str()), ("HEROKU_API_KEY", "")]);
    let line = "oauth-mk token --grant-code env:CODE --client-secret env:SECRET";
    let ran = measure_with(&account, line, b"", &env);
    assert_eq!(ran.status, 4, "{ran}");
    let seen = account.read("seen");
    assert!(seen.contains("a@example.com") && seen.contains("--decrypt"), "both were asked: {seen}");
    for (name, value) in OWN {
        assert!(!seen.contains(value), "{name} in the environment of a helper: {seen}");
    }
}

#[test]
fn a_command_gets_the_new_secret_and_not_the_callers() {
    let account = hostile(&[]);
    let client = account.id("Example CI");
    let own = [("HEROKU_TWO_FACTOR_CODE", "918273"), ("HEROKU_HEADERS", "{\"X-Own\":\"of-the-header\"}")];
    let line = format!("oauth-rot client {client} --exec 'env; cat' -o id");
    let ran = measure_with(&account, &line, b"", &own);
    let (seen, new) = (ran.err.clone(), text(&account.named("Example CI")["id"]));
    assert!(ran.status == 0 && seen.contains(&format!("HEROKU_OAUTH_ID={new}")), "{ran}");
    for secret in [account.server.token(), "918273", "of-the-header"] {
        assert!(!seen.contains(secret), "{ran}");
    }
    // The command that gets the new token does not get the code and secret of the exchange.
    let code = exchangeable(&account);
    let env = [("CODE", code.0.as_str()), ("SECRET", code.1.as_str())];
    let line = "oauth-mk token --grant-code env:CODE --client-secret env:SECRET --exec env -o id";
    let ran = measure_with(&account, line, b"", &env);
    assert!(ran.status == 0 && ran.err.contains("HEROKU_API_KEY="), "{ran}");
    assert!(!ran.err.contains(&code.0) && !ran.err.contains(&code.1), "{ran}");
}

/// A grant code that can be exchanged, and the secret of its client.
fn exchangeable(account: &crate::common::Account) -> (String, String) {
    let client = account.id("Example CI");
    let made = account.sh(&format!("oauth-mk authz -d for-a-client --client-id {client}")).exits(0).record();
    let secret = account.sh(&format!("oauth-ls client {client} -S")).succeeds().out.trim().to_owned();
    (text(&made["grant"]["code"]), secret)
}

#[test]
fn invalid_input_and_options_show_no_secret() {
    let account = hostile(&[]);
    let known = account.secrets();
    let token = account.server.token().to_owned();
    let record = format!("{{\"kind\":\"authz\",\"id\":[7],\"access_token\":{{\"token\":\"{token}\"}}}}\n");
    for (line, input) in [
        ("oauth-rm --rest rest --log log".to_owned(), record.clone()),
        ("oauth-rot authz -v".to_owned(), format!("{token}\n")),
        ("oauth-set authz -d x -v".to_owned(), format!("kind,id\nauthz,{token},{token}\n")),
        ("oauth-mk -".to_owned(), format!("{{\"scope\":[\"{token}\"]}}\n")),
        ("oauth-mk authz -".to_owned(), format!("{{\"expires_in\":\"{token}\"}}\n")),
        ("oauth-ls -".to_owned(), format!("[{token}]\n")),
        ("oauth-diff list -".to_owned(), String::new()),
    ] {
        account.write("list", &record);
        let ran = measure(&account, &line, input.as_bytes()).ends_well();
        assert!(ran.status != 0, "{ran}");
        assert_eq!(ran.leaks(&account, &known), Vec::<&str>::new(), "{ran}");
    }
}

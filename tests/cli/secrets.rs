//! No run writes a secret of the account, unless printing it is its purpose.

use std::collections::BTreeSet;

use oauth_tools::sandbox::Settings;

use crate::common::{Account, Ran};

/// The secrets among `all` that a text contains.
fn shown<'a>(all: &'a BTreeSet<String>, text: &str) -> Vec<&'a String> {
    all.iter().filter(|secret| text.contains(secret.as_str())).collect()
}

/// Runs a line; returns what it prints, and the secrets that the account has before or after.
fn run(account: &Account, line: &str) -> (Ran, BTreeSet<String>) {
    let before = account.secrets();
    let ran = account.sh(line);
    (ran, &before | &account.secrets())
}

#[test]
fn no_run_shows_a_secret_unless_asked_for_one() {
    let account = Account::kept(Settings { authz: 20, ..Settings::default() });
    let (authz, client) = (account.id("terraform"), account.id("Example CI"));
    assert!(account.secrets().len() > 40, "there are secrets to be found");
    for line in [
        "oauth-ls",
        "oauth-ls -v -o csv",
        "oauth-ls -j",
        "oauth-ls clients -o table",
        "oauth-ls authz -o table --marks -v",
        &format!("oauth-ls client {client} -o table"),
        &format!("oauth-ls authz {authz} -o env"),
        &format!("oauth-ls authz {authz} --secrets"),
        &format!("oauth-set -v authz {authz} -d x"),
        &format!("oauth-set -v client {client} --name x -o table"),
        &format!("oauth-rot -v client {client} > /dev/full"),
        "oauth-mk -v authz -d new > /dev/full",
        "oauth-mk -v authz -d '@ops rotation' -s write --once -o table",
        "oauth-mk -n authz -d new",
        "oauth-ls --secrets > list; oauth-diff list - -v; oauth-diff /dev/null list; rm list",
        "oauth-run -v -- true",
        "oauth-ls authz | grep generated | oauth-rm -v --rest rest | head -n 1; cat rest",
        "oauth-ls -o csv -v authz",
        "oauth-ls authz --secrets | oauth-rm -n -o csv",
        "oauth-rm authz no-such \"$HEROKU_API_KEY\"",
        "oauth-ls authz \"$HEROKU_API_KEY\"",
        "oauth-ls \"$HEROKU_API_KEY\"",
        "echo \"$HEROKU_API_KEY\" | oauth-rm authz",
        "echo \"{\\\"token\\\":\\\"$HEROKU_API_KEY\\\"}\" | oauth-rm",
    ] {
        let (ran, secrets) = run(&account, line);
        for stream in [&ran.out, &ran.err] {
            assert_eq!(shown(&secrets, stream), Vec::<&String>::new(), "{ran}");
        }
    }
}

#[test]
fn a_new_secret_is_printed_on_standard_output_only() {
    let account = Account::kept(Settings::default());
    let (authz, client) = (account.id("terraform"), account.id("Example CI"));
    for line in [
        format!("oauth-ls -v client {client} -o env"),
        format!("oauth-ls -v client {client} -S"),
        format!("oauth-ls -v client {client} --secrets"),
        format!("oauth-rot -v client {client}"),
        format!("oauth-rot -v authz {authz} -o csv"),
        format!("oauth-rot -v authz {authz} -o table"),
        "oauth-mk -v authz -d new".to_owned(),
        "oauth-mk -v client new https://x.example -o env".to_owned(),
    ] {
        let (ran, secrets) = run(&account, &line);
        let ran = ran.exits(0);
        assert_eq!(shown(&secrets, &ran.out).len(), 1, "{ran}");
        assert_eq!(shown(&secrets, &ran.err), Vec::<&String>::new(), "{ran}");
    }
}

#[test]
fn a_secret_given_on_the_command_line_is_not_repeated() {
    let account = Account::kept(Settings::default());
    let (authz, client) = (account.id("terraform"), account.id("Example CI"));
    let secret = account.sh(&format!("oauth-ls client {client} -S")).succeeds().out;
    for more in ["", "-v", "-n", "-o table", "-d x -v"] {
        let line =
            format!("oauth-set authz {authz} --client-id {client} --client-secret {} {more}", secret.trim());
        let ran = account.sh(&line).exits(0);
        assert!(!ran.out.contains(secret.trim()) && !ran.err.contains(secret.trim()), "{ran}");
    }
}

#[test]
fn reading_a_secret_takes_one_line_and_leaves_the_rest() {
    let account = Account::new();
    let (client, authz) = (account.id("Example CI"), account.id("terraform"));
    account.sh(&format!("oauth-ls client {client} -S > secret; mkfifo pipe")).succeeds();
    // The shell keeps both ends open, so that there is never an end of file.
    let line = format!("timeout 20 oauth-set authz {authz} --client-id {client} -o id --client-secret");
    let open = "exec 3<> pipe; cat secret >&3; echo next >&3";
    for from in ["- <&3", "@pipe"] {
        let ran = account.sh(&format!("{open}; {line} {from}; timeout 20 head -n 1 <&3")).succeeds();
        ran.prints(&format!("{authz}\nnext\n"));
    }
    let long = "x".repeat(5000);
    account
        .feed(&format!("{line} -"), &long)
        .exits(1)
        .says("stdin: the first line is longer than 4096 bytes");
    account.feed(&format!("{line} -"), "\n").exits(2).says("--client-secret: the secret is blank");
}

#[test]
fn a_secret_from_an_option_is_checked_as_the_one_from_the_environment_is() {
    let account = Account::new();
    let (client, authz) = (account.id("Example CI"), account.id("terraform"));
    let line = format!("oauth-set authz {authz} --client-id {client} -o id --client-secret");
    let secret = account.sh(&format!("oauth-ls client {client} -S")).succeeds().out;
    let secret = secret.trim();
    for (before, after) in [("", ""), ("\u{feff}", "\r\n"), (" \t", "\u{a0} \n"), ("", "\r\nsecond line\n")] {
        account.write("file", format!("{before}{secret}{after}"));
        account.sh(&format!("{line} @file")).succeeds();
        account.sh(&format!("{line} - < file")).succeeds();
    }
    account
        .sh(&format!("S=$(printf '\\n%s\\r\\n.' '{secret}'); export S; S=${{S%.}} {line} env:S"))
        .succeeds();
    let before = account.state();
    for (text, what) in [
        (format!("{}**********", &secret[..8]), "is masked: a part of it is hidden"),
        (format!("{}...", &secret[..8]), "is masked: a part of it is hidden"),
        (format!("\"{secret}\""), "has quotes around it"),
        (format!("{} {}", &secret[..8], &secret[9..]), "contains a character that is not allowed in a token"),
        (format!("HEROKU_OAUTH_SECRET {secret}"), "contains a character that is not allowed in a token"),
        (format!("{{\"secret\":\"{secret}\"}}"), "is JSON: give the bare token"),
        ("undefined".to_owned(), "is 'undefined', 'null' or the like"),
        ("\u{feff}\r".to_owned(), "is blank"),
        ("${SECRET}".to_owned(), "is a placeholder that was not replaced"),
    ] {
        account.write("file", format!("{text}\n"));
        for from in ["@file", "- < file", "env:S", "\"$S\""] {
            let ran = account.sh(&format!("S=$(cat file); export S; {line} {from}")).exits(2);
            let ran = ran.says(&format!("--client-secret: the secret {what}"));
            assert!(!ran.err.contains(&secret[..8]), "{ran}");
        }
    }
    // Of a file only the first line is read; a variable is one value.
    account.write("file", format!("{secret}\n{secret}\n"));
    for from in ["env:S", "\"$S\""] {
        let ran = account.sh(&format!("S=$(cat file); export S; {line} {from}")).exits(2);
        ran.says("--client-secret: the secret contains a line break");
    }
    assert_eq!(account.state(), before);
}

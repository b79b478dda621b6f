//! Texts that are long, look like options, or contain commands.

use serde_json::{Value, json};

use crate::common::Account;

/// An authorization with that description.
fn authz(id: &str, description: &str) -> String {
    json!({ "kind": "authz", "id": id, "description": description, "scope": ["read"] }).to_string()
}

#[test]
fn a_text_of_200_kb_survives_every_format() {
    for piece in ["x", "\"", "\\", ",", "'", "\n", "漢", "\u{1f600}", "=", "$(id)"] {
        let text = piece.repeat(200_000 / piece.len());
        let account = Account::of(&[&authz("a1", &text)]);
        let ran = account.sh("oauth-ls authz").exits(0);
        assert_eq!(ran.record()["description"], text.as_str(), "{piece}");
        let ran = account.sh("oauth-ls authz a1 -j").exits(0);
        assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap()["description"], text.as_str(), "{piece}");
        for format in ["ndjson", "csv"] {
            let line = format!("oauth-ls authz -o {format} | oauth-set --stream | oauth-ls -");
            let ran = account.bash(&line).exits(0);
            assert_eq!(ran.record()["description"], text.as_str(), "{piece} {format}");
            let line = format!("oauth-ls authz -o {format} | oauth-mk -e 8h -n - | wc -l");
            account.bash(&line).exits(0).prints("1\n");
        }
        for format in ["table", "env", "id"] {
            let ran = account.sh(&format!("oauth-ls authz a1 -o {format}"));
            assert!([0, 1].contains(&ran.status) && !ran.out.contains('\u{1b}'), "{piece} {format}");
        }
    }
}

#[test]
fn a_text_that_looks_like_an_option_is_a_text() {
    for text in ["-n", "--dry-run", "--", "-", "-n=x", "--include-self"] {
        let account = Account::of(&[&authz("a1", "x")]);
        account.sh(&format!("oauth-set authz a1 --description='{text}'")).exits(0);
        assert_eq!(account.named(text)["id"], "a1", "{text}");
        account.sh("oauth-ls authz -o csv > list").succeeds();
        account.sh("oauth-set authz a1 -d other").exits(0);
        account.sh("oauth-set < list").exits(0);
        assert_eq!(account.named(text)["id"], "a1", "{text}: through CSV and back");
        // As an operand it is not a valid id; `-` is standard input, which is empty here.
        let before = account.state();
        if text == "-" {
            continue;
        }
        let ran = account.sh(&format!("oauth-rm authz -- '{text}'"));
        assert_eq!((ran.status, account.state()), (2, before), "{ran}");
    }
    // As an input line it is not an option either.
    let account = Account::of(&[&authz("a1", "x")]);
    for line in ["-n", "--include-self", "--help"] {
        let ran = account.feed("oauth-rm authz", format!("{line}\na1\n")).exits(2);
        assert!(ran.err.contains("starts with -"), "{ran}");
    }
    assert!(account.get("a1").is_some());
}

in_each_shell!(what_a_shell_sources_runs_nothing);

fn what_a_shell_sources_runs_nothing(shell: &str) {
    let mean = [
        "$(touch ran)",
        "`touch ran`",
        "; touch ran",
        "\ntouch ran\n",
        "' ; touch ran ; '",
        "\\'; touch ran #",
        "!touch",
        "${IFS}touch${IFS}ran",
        "~",
        "*",
        "a\\",
        "\"; touch ran; \"",
        "$'\\n'touch ran",
        "=touch",
        "%n",
    ];
    for text in mean {
        let record = json!({ "kind": "client", "id": "c1", "name": text, "redirect_uri": "https://x.example",
            "secret": text, "created_at": text });
        let account = Account::of(&[&record.to_string()]);
        account.sh("oauth-ls client c1 -o env > vars");
        let script = ". ./vars; test ! -e ran && test \"$HEROKU_OAUTH_ID\" = c1";
        let ran = account.line(shell, script).run(b"").exits(0);
        assert!(ran.err.is_empty(), "{shell} {text:?}{ran}");
        assert!(!account.folder.join("ran").exists(), "{shell} {text:?}: {}", account.read("vars"));
    }
}

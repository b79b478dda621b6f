//! `-o env` and its quoting, in every shell.

use crate::common::Account;

in_each_shell!(
    env_lines_set_exactly_the_id_and_the_secret,
    eval_sets_a_new_token_in_one_line,
    oauth_sandbox_tells_a_shell_where_it_is,
);

/// Texts that a shell must not interpret.
const HOSTILE: [&str; 8] = [
    "plain-secret",
    "it's $(touch harm) `touch harm`",
    "two\nlines; touch harm",
    "a\\\\b\\'\"c\"",
    "'; touch harm; '",
    "* ? [a-z] ~ {a,b} !x #y",
    " = -n \t end ",
    "夜間 \u{202e} 🌙",
];

/// A client whose name and secret are that text, as a record. An id cannot be: it is letters, digits, - and _.
fn client(text: &str) -> String {
    serde_json::json!({ "kind": "client", "id": "c-1", "name": text, "redirect_uri": "https://x", "secret": text })
        .to_string()
}

fn env_lines_set_exactly_the_id_and_the_secret(shell: &str) {
    for hostile in HOSTILE {
        let account = Account::of(&[&client(hostile)]);
        let env = account.sh("oauth-ls clients -o env > env && cat env").succeeds();
        assert!(env.out.starts_with("HEROKU_OAUTH_ID="), "{env}");
        let line = ". ./env && printf '%s|%s' \"$HEROKU_OAUTH_ID\" \"$HEROKU_OAUTH_SECRET\"";
        let ran = account.line(shell, line).run(b"").succeeds();
        assert_eq!(ran.out, format!("c-1|{hostile}"), "{ran}{env}");
        let ran = account.line(shell, "eval \"$(cat env)\"; printf %s \"$HEROKU_OAUTH_SECRET\"").run(b"");
        assert_eq!(ran.succeeds().out, hostile, "{shell}{env}");
        assert!(!account.folder.join("harm").exists(), "{env}");
    }
}

fn eval_sets_a_new_token_in_one_line(shell: &str) {
    let account = Account::new();
    let line = "eval \"$(oauth-mk authz -d handed-over --shell)\" && export HEROKU_API_KEY && \
                oauth-ls authz | grep current";
    let ran = account.line(shell, line).run(b"").succeeds();
    assert_eq!(ran.record()["description"], "handed-over", "{ran}");
}

fn oauth_sandbox_tells_a_shell_where_it_is(shell: &str) {
    let account = Account::new();
    let line = ": > lines; oauth-sandbox > lines & \
                while [ $(wc -l < lines) -lt 2 ]; do sleep 0.02; done; \
                . ./lines; oauth-ls authz -o id; kill $!; wait $! || [ $? = 143 ]";
    let ran = account.line(shell, line).run(b"").exits(0);
    assert_eq!(ran.lines().len(), 16, "{ran}");
    assert_eq!(account.server.stats().total(), 0, "the account around it was not asked");
}

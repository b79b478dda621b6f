//! Invalid tokens, hosts and networks: the messages and exit statuses.

use crate::common::Account;

const TOOLS: [&str; 5] =
    ["oauth-ls", "oauth-mk authz", "oauth-rm authz a1", "oauth-rot authz a1", "oauth-set authz a1 -d x"];

#[test]
fn without_a_token_every_tool_says_what_to_do() {
    let account = Account::new();
    for tool in TOOLS {
        let ran = account.line("sh", tool).unset("HEROKU_API_KEY").run(b"").exits(4).prints("");
        ran.says("no token for 127.0.0.1").says("set HEROKU_API_KEY, or log in with the Heroku CLI");
    }
    assert_eq!(account.server.stats().total(), 0);
}

#[test]
fn heroku_api_token_is_pointed_out_as_the_wrong_name() {
    let account = Account::new();
    let line = account.line("sh", "oauth-ls").unset("HEROKU_API_KEY").env("HEROKU_API_TOKEN", "hunter22");
    line.run(b"").exits(4).says("the variable is called HEROKU_API_KEY").never_says("hunter22");
}

#[test]
fn a_rejected_token_is_reported_and_not_shown() {
    let account = Account::new();
    for tool in TOOLS {
        let ran = account.line("sh", tool).env("HEROKU_API_KEY", "no-token-of-this-account").run(b"");
        let ran = ran.exits(4).prints("").never_says("no-token-of-this-account");
        ran.says("(unauthorized, request ").says("the token was rejected");
    }
    for key in ["two\nlines", "with blank", "é"] {
        let ran = account.line("sh", "oauth-ls").env("HEROKU_API_KEY", key).run(b"").exits(2);
        ran.says("HEROKU_API_KEY contains a ").never_says(key);
    }
}

#[test]
fn a_netrc_file_is_read_if_the_environment_has_no_token() {
    let account = Account::new();
    let token = account.server.token();
    account.write("home/.netrc", format!("machine 127.0.0.1\n  login you@example.com\n  password {token}\n"));
    let line = "chmod 644 home/.netrc; oauth-ls sessions -o id";
    account
        .line("sh", line)
        .unset("HEROKU_API_KEY")
        .run(b"")
        .exits(0)
        .says("can be read by other users")
        .says("oauth-ls: run chmod 600 ");
    let line = "chmod 600 home/.netrc; oauth-ls sessions -o id";
    account.line("sh", line).unset("HEROKU_API_KEY").run(b"").succeeds();
}

#[test]
fn plain_http_goes_to_loopback_only() {
    let account = Account::new();
    for host in [
        "http://example.com",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1@x.example",
    ] {
        for tool in TOOLS {
            account
                .line("sh", tool)
                .env("HEROKU_HOST", host)
                .run(b"")
                .exits(2)
                .prints("")
                .says("HEROKU_HOST ");
        }
    }
    let ran = account.line("sh", "oauth-ls").env("HEROKU_HOST", "http://example.com").run(b"");
    ran.exits(2)
        .says("HEROKU_HOST must start with https://: http is allowed only for loopback, not for example.com");
}

#[test]
fn an_unreachable_server_is_a_temporary_error() {
    // An address at which nothing listens any more.
    let address = Account::new().server.url();
    let account = Account::new();
    for tool in TOOLS {
        let line = account.line("sh", &format!("{tool} --retry-for 0")).env("HEROKU_HOST", &address);
        line.run(b"").exits(75).prints("").says("cannot reach 127.0.0.1:").says("connection refused");
    }
}

#[test]
fn a_missing_object_is_one_failure_among_others() {
    let account = Account::new();
    let id = account.id("terraform");
    let ran = account.sh(&format!("oauth-rm authz no-such {id}")).exits(1);
    assert_eq!(ran.record()["id"], id.as_str(), "{ran}");
    ran.says("oauth-rm: authz no-such: Couldn't find that authorization").says("(not_found, request ");
    account.sh("oauth-ls client no-such").exits(1).prints("").says("oauth-ls: client no-such: ");
    account.sh("oauth-rot client no-such").exits(1).prints("").says("oauth-rot: client no-such: ");
    account.sh("oauth-set client no-such --name x").exits(1).prints("").says("oauth-set: client no-such: ");
    account.feed("oauth-rm client", "no-such\n").exits(1).says("oauth-rm: stdin:1: client no-such: ");
}

#[test]
fn a_second_factor_comes_from_the_environment() {
    needs!("setsid");
    let settings =
        oauth_tools::sandbox::Settings { two_factor: Some("123456".to_owned()), ..Default::default() };
    let account = Account::with(settings);
    let code = |code: &str| {
        account.line("sh", "oauth-ls sessions -o id").env("HEROKU_TWO_FACTOR_CODE", code).run(b"")
    };
    code("123456").succeeds();
    code("654321").exits(4).says("set HEROKU_TWO_FACTOR_CODE to a fresh code").never_says("654321");
    let ran = account.sh("setsid -w oauth-ls sessions").exits(4).prints("");
    ran.says("a two-factor code is required, and there is no terminal for the prompt");
}

#[test]
fn a_second_factor_is_asked_for_on_the_terminal_once_per_run() {
    needs!("script");
    let settings =
        oauth_tools::sandbox::Settings { two_factor: Some("123456".to_owned()), ..Default::default() };
    let account = Account::with(settings);
    // The code is typed after the question.
    let line = ": > screen; (while ! grep -q 'code for' screen; do sleep 0.02; done; echo 123456) | \
                script -qefc 'oauth-ls -o id 2> err | cat' screen";
    let ran = account.sh(line).exits(0);
    assert_eq!(ran.out.matches("two-factor code").count(), 1, "{ran}");
    assert_eq!(ran.lines().len(), 1 + 24, "{ran}");
    assert_eq!(account.read("err"), "", "{ran}");
}

#[test]
fn verbose_shows_requests_and_no_secret() {
    let account = Account::new();
    let ran = account.sh("oauth-ls sessions -v -o id").exits(0);
    let ran = ran.says("oauth-ls: > GET /oauth/sessions\n").says("oauth-ls: < 200 request ");
    ran.never_says(account.server.token());
}

//! The token is sent to its host, in its own header, and nowhere else.

use oauth_tools::sandbox::{Server, Settings};

use crate::measured::{hostile, measure, measure_with};

#[test]
fn a_redirect_never_gets_the_token() {
    for status in [302, 307, 308] {
        let elsewhere = Server::start(Settings::default()).unwrap();
        let to = elsewhere.url();
        let account = hostile(&[&format!("redirect:to={to}/oauth/clients:status={status}")]);
        let id = account.id("terraform");
        for line in [
            "oauth-ls".to_owned(),
            format!("oauth-ls authz {id}"),
            "oauth-mk authz -d x".to_owned(),
            "oauth-mk client x https://x.example".to_owned(),
            format!("oauth-rm authz {id} --include-self --include-default"),
            format!("oauth-rot authz {id} --include-self --include-default"),
            format!("oauth-set authz {id} -d x --include-self --include-default"),
            "oauth-run -- true".to_owned(),
            "oauth-diff authz /dev/null -".to_owned(),
        ] {
            let ran = measure(&account, &line, b"").ends_well();
            assert!([1, 2].contains(&ran.status) && ran.err.contains(&format!("redirects to {to}")), "{ran}");
        }
        assert_eq!(elsewhere.stats().connections, 0, "{status}");
        assert_eq!(account.server.stats().applied.values().sum::<u64>(), 0, "{status}");
    }
}

#[test]
fn http_is_allowed_for_loopback_only() {
    let account = hostile(&[]);
    for host in [
        "http://example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://[::]",
        "http://[::ffff:127.0.0.1]",
        "http://2130706433",
        "http://0x7f.1",
        "http://127.1",
        "HTTP://10.0.0.1",
        "ftp://localhost",
    ] {
        let ran = measure_with(&account, "oauth-ls", b"", &[("HEROKU_HOST", host)]).ends_well();
        assert!(ran.status == 2 && ran.err.contains("HEROKU_HOST"), "{host}{ran}");
    }
    assert_eq!(account.server.stats().connections, 0);
}

#[test]
fn variables_and_operands_cannot_inject_headers_or_change_the_path() {
    let account = hostile(&[]);
    let breaks = ["x\r\nEvil: 1", "x\nEvil: 1", "x\rEvil: 1", "x y", "\u{e9}"];
    for name in ["HEROKU_API_KEY", "HEROKU_TWO_FACTOR_CODE", "HEROKU_HOST"] {
        for value in breaks {
            let ran = measure_with(&account, "oauth-ls", b"", &[(name, value)]).ends_well();
            assert!(ran.status == 2 && ran.err.contains(name), "{name} {value:?}{ran}");
            assert!(!ran.err.contains("Evil: 1") || name == "HEROKU_HOST", "{ran}");
        }
    }
    for value in
        [r#"{"X":"1\r\nEvil: 1"}"#, r#"{"X\r\nEvil":"1"}"#, r#"{"Host":"evil"}"#, r#"{"X":"\u0000"}"#]
    {
        let ran = measure_with(&account, "oauth-ls", b"", &[("HEROKU_HEADERS", value)]).ends_well();
        assert!(ran.status == 2 && ran.err.contains("HEROKU_HEADERS"), "{value}{ran}");
    }
    for line in [
        "oauth-ls authz 'a/../b'",
        "oauth-ls authz 'a?x=y'",
        "oauth-ls authz 'a%2fb'",
        "oauth-ls --team 'a/b'",
        "oauth-ls --team \"$(printf 'a\\r\\nEvil: 1')\"",
        "oauth-rm authz \"$(printf 'a HTTP/1.1\\r\\nEvil: 1')\"",
        "oauth-set authz a --client-id 'b/c' --client-secret x",
    ] {
        let ran = measure(&account, line, b"").ends_well();
        assert!(ran.status == 2, "{ran}");
    }
    assert_eq!(account.server.stats().connections, 0);
    let secret = measure_with(
        &account,
        "oauth-mk token --grant-code env:BAD --client-secret env:GOOD",
        b"",
        &[("BAD", "x\r\nEvil: 1"), ("GOOD", "x")],
    );
    // Only the first line of a variable is used.
    assert!(!secret.err.contains("Evil"), "{secret}");
}

//! Redirect URIs with characters that cannot be seen, and hosts that the URL standard refuses.

use crate::common::Account;

#[test]
fn a_redirect_uri_that_cannot_be_right_is_refused_before_the_first_change() {
    let account = Account::new();
    for (uri, what) in [
        ("https://app.example/\u{a0}cb", "contains the invisible character '\\u{a0}'"),
        ("https://app.example/cb\u{200b}", "contains the invisible character '\\u{200b}'"),
        ("\u{feff}https://app.example/cb", "contains the invisible character '\\u{feff}'"),
        ("https://app.example/\u{202e}", "contains the invisible character '\\u{202e}'"),
        ("https://app.example/\u{3000}", "contains the invisible character '\\u{3000}'"),
        ("https://app.example/a b", "contains a space or a backslash"),
        ("https://app.example\\cb", "contains a space or a backslash"),
        ("https://app.example:99999/cb", "has an invalid port"),
        ("https://app.example:0/cb", "has an invalid port"),
        ("https://1.2.3.256/cb", "has a host that is not a valid IPv4 address"),
        ("https://app^x.example/cb", "is not a valid URL"),
        ("https://app%00.example/cb", "is not a valid URL"),
        ("https://[::1/cb", "is not a valid URL"),
        ("https://user@app.example/cb", "contains a user name"),
        ("https://app.example/#cb", "has a fragment (#)"),
    ] {
        let made = account.sh(&format!("oauth-mk client x '{uri}'"));
        let told = format!("the redirect URI {what}");
        assert!(made.status == 2 && made.err.contains(&told), "{uri:?}: {made}");
        let record = serde_json::json!({"kind": "client", "name": "x", "redirect_uri": uri});
        let made = account.sh(&format!("printf '%s\\n' '{record}' | oauth-mk client -"));
        assert!(made.status == 2 && made.err.contains(&told), "{uri:?}: {made}");
    }
}

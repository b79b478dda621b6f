//! Ids in responses that leave their place in a path, run as code, break a line or reach a terminal; and responses that
//! are about another object than the request.

use crate::measured::hostile;

/// Ids that do harm somewhere: in a path, a shell, a line, a terminal.
const EVIL: [&str; 14] = [
    "../../apps/precious",
    "$(touch ran)",
    "$(touch${IFS}ran)",
    "`touch ran`",
    "a b",
    "a'b",
    "a\"b",
    "a\nb",
    "a\rb",
    "\u{1b}]52;c;eA==\u{7}",
    "\u{9b}31m",
    "-n",
    "~",
    "\u{202e}a",
];

/// No control character is in an output, and no name of the account that has an evil id in it.
fn is_clean(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && c != '\n') && !text.contains("\u{202e}a")
}

#[test]
fn an_object_with_an_evil_id_is_reported_and_the_rest_is_listed() {
    for id in EVIL {
        let account = hostile(&[&format!("id:to={id}")]);
        let all = account.ids("client");
        for format in ["id", "ndjson", "csv", "json", "table"] {
            let ran = account.sh(&format!("oauth-ls client -o {format}")).exits(1).says("its id");
            assert!(is_clean(&ran.out) && is_clean(&ran.err), "{id:?} {format}{ran}");
            assert_eq!(
                all.iter().filter(|id| ran.out.contains(*id)).count(),
                all.len() - 1,
                "{id:?} {format}{ran}"
            );
            assert!(!ran.out.contains(id) || ["a b", "~", "-n"].contains(&id), "{id:?} {format}{ran}");
        }
        let listed = account.sh("oauth-ls client -o id").exits(1).lines().len();
        assert_eq!(listed, all.len() - 1, "{id:?}");
    }
}

#[test]
fn an_evil_id_in_an_object_keeps_the_object_back() {
    for id in EVIL {
        let account = hostile(&[&format!("nested-id:to={id}")]);
        for kind in ["client", "authz"] {
            let ran = account.sh(&format!("oauth-ls {kind} -o csv")).exits(1).says("its id '");
            assert!(is_clean(&ran.out) && is_clean(&ran.err), "{id:?} {kind}{ran}");
            assert!(!ran.out.contains(id) || ["a b", "~", "-n"].contains(&id), "{id:?} {kind}{ran}");
        }
    }
}

#[test]
fn a_create_that_responds_with_an_evil_id_is_never_followed() {
    for id in ["../../apps/precious", "a\nb", "~"] {
        for (line, status) in [
            ("oauth-run --retry-for 0 -- touch ran", 75),
            ("oauth-mk authz -d new -o id --retry-for 0", 75),
            ("oauth-mk client new https://x.example --retry-for 0", 75),
        ] {
            let account = hostile(&[&format!("id@POST /oauth:to={id}")]);
            let ran = account.sh(line);
            assert_eq!(ran.status, status, "{id:?}{ran}");
            assert!(ran.err.contains("its id") && is_clean(&ran.out) && is_clean(&ran.err), "{id:?}{ran}");
            assert!(!account.path("ran").exists(), "{id:?}{ran}");
            let requests = account.server.stats();
            let deleted = requests.requests("DELETE /oauth/authorizations/{id}")
                + requests.requests("DELETE (unknown)");
            assert_eq!(deleted, 0, "{id:?}{ran}");
        }
    }
}

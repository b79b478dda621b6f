//! Responses that belong to another request, and values that no program can decode: neither is believed.

use crate::common::Account;
use crate::measured::hostile;

#[test]
fn a_create_that_gets_the_response_of_an_earlier_one_is_not_reported_as_done() {
    let account = hostile(&["replay@POST"]);
    let ran =
        account.sh("printf '%s\\n' '{\"kind\":\"authz\",\"description\":\"n1\",\"scope\":[\"read\"]}' \
         '{\"kind\":\"authz\",\"description\":\"n2\",\"scope\":[\"read\"]}' \
         '{\"kind\":\"authz\",\"description\":\"n3\",\"scope\":[\"read\"]}' | oauth-mk - -P 1 --retry-for 2");
    let ran = ran.exits(75);
    // One has a record of its own; the others were made, and are named.
    assert_eq!(ran.records().len(), 1, "{ran}");
    for name in ["n2", "n3"] {
        assert!(ran.err.contains(&account.id(name)), "{name}{ran}");
    }
}

#[test]
fn oauth_run_revokes_only_the_authorization_that_it_made() {
    for id in Account::new().ids("authz") {
        let account = hostile(&[&format!("id@POST /oauth/authorizations:to={id}")]);
        let before = account.ids("authz");
        let ran = account.sh("oauth-run -s read --retry-for 2 -- true").says("authz");
        assert_ne!(ran.status, 0, "{ran}");
        for id in before {
            assert!(account.ids("authz").contains(&id), "{id} is gone{ran}");
        }
    }
}

/// Halves of surrogate pairs are valid JSON, and no text.
const BROKEN: [&str; 4] = [r#""\ud800""#, r#""a\udc00b""#, r#""\ud800\ud800""#, r#""tail \ud83d""#];

#[test]
fn text_that_cannot_be_decoded_is_shown_kept_and_never_empty() {
    for json in BROKEN {
        let account = hostile(&[&format!("text@GET /oauth/authorizations:to={json}")]);
        let table = account.sh("oauth-ls authz -o table").succeeds();
        assert!(table.out.contains('\u{fffd}'), "{json}{table}");
        let lines = account.sh("oauth-ls authz").succeeds();
        assert!(lines.out.contains(json), "as it came: {json}{lines}");
        // A second authorization would have another description.
        let old = account.sh("oauth-ls authz -o id | sed -n 1p").succeeds().out;
        let before = account.ids("authz").len();
        let ran = account.sh(&format!("oauth-rot --replace authz {}", old.trim())).exits(1);
        assert!(ran.err.contains("its description is not valid text"), "{json}{ran}");
        assert_eq!(account.ids("authz").len(), before, "{json}{ran}");
    }
}

#[test]
fn a_value_that_cannot_be_decoded_hides_no_difference() {
    let account = Account::new();
    for (before, after) in [
        (r#""\ud800""#, r#""\ud801""#),
        (r#""\ud800""#, r#""""#),
        ("1e999", "1e998"),
        ("18446744073709551616", "18446744073709551617"),
        (r#""x""#, r#""\ud800""#),
    ] {
        for (name, value) in [("old", before), ("new", after)] {
            let line = format!(
                "{{\"kind\":\"authz\",\"id\":\"a1\",\"description\":\"d\",\"scope\":[\"read\"],\"extra\":{value}}}\n"
            );
            std::fs::write(account.path(name), line).unwrap();
        }
        account.sh("oauth-diff old new").exits(1);
        account.sh("oauth-diff old old").exits(0);
        // Whatever else it is, the change of the scope is seen.
        account.sh("sed -i 's/read/global/' new; oauth-diff old new | grep -q global").exits(0);
    }
}

//! Lost responses: each object is made once, and found and adopted once.

use oauth_tools::parts::Secret;

use super::{active, changed, server};
use crate::common::{objects, run, secret, tool};

#[test]
fn a_repeated_line_is_made_once_even_if_the_response_is_lost() {
    // The create is applied and its response lost; then every look-up fails.
    let faults = ["drop-after@POST:count=1", "503@GET:after=1:count=1000"];
    let server = server(0, &faults, 0);
    let before = objects(&server);
    let line = "{\"description\":\"twice\"}\n";
    let args = ["--once", "--retry-for", "1", "authz", "-"];
    let ran = run(tool(&server, "oauth-mk", &args), &line.repeat(3)).exits(75);
    assert_eq!(changed(&before, &objects(&server)).len(), 1);
    assert_eq!(ran.err.matches("the response was lost").count(), 3, "{}", ran.err);
}

#[test]
fn a_create_that_is_applied_late_is_found() {
    // An immediate look-up would find nothing, and a second object would be created.
    let server = server(0, &["late@POST /oauth/authorizations$:ms=500:count=1"], 0);
    let ran = run(tool(&server, "oauth-mk", &["authz", "-d", "late", "--once"]), "").exits(0);
    assert_eq!(ran.records()[0]["status"], "created");
    let (stats, endpoint) = (server.stats(), "POST /oauth/authorizations");
    assert_eq!((stats.requests(endpoint), stats.applied(endpoint)), (1, 1), "{stats:?}");
}

#[test]
fn a_rotation_that_is_applied_late_keeps_the_printed_secret_valid() {
    let fault = "late@POST /oauth/authorizations/:ms=500:count=1";
    let server = server(9, &[fault], 0);
    let id = &active(&server)[0];
    let ran = run(tool(&server, "oauth-rot", &["authz", id]), "").exits(0);
    let endpoint = "POST /oauth/authorizations/{id}/actions/regenerate-tokens";
    assert_eq!(server.stats().applied(endpoint), 2);
    let shown = &objects(&server)[id].secret;
    let printed = Secret::new(secret(&ran.records()[0]).expect("a secret"));
    assert!(printed.may_be(shown), "{shown}");
}

#[test]
fn an_object_that_is_found_but_not_adopted_is_named() {
    let faults =
        ["drop-after@POST /oauth/authorizations$:count=1", "503@POST /oauth/authorizations/*/actions"];
    let server = server(0, &faults, 0);
    let before = objects(&server);
    let args = ["--once", "--retry-for", "1", "authz", "-d", "lost"];
    let ran = run(tool(&server, "oauth-mk", &args), "").exits(75);
    let made = changed(&before, &objects(&server));
    assert_eq!(made.len(), 1);
    assert!(made.iter().all(|id| ran.err.contains(id)), "{}", ran.err);
}

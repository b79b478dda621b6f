//! The requests that tools send: their headers, their number, and what follows from the responses.

mod lists;
pub(crate) mod stub;
mod warnings;

use std::sync::Arc;

use crate::Run;
use crate::api::tests::stub::{Stub, TOKEN};
use crate::api::transport::Failure;
use crate::api::transport::Method::{Delete, Get, Patch, Post};
use crate::cli::Tool;
use crate::record::Record;
use crate::record::kind::Kind;
use crate::tools::{ls, mk, rm, rot, set};

const LS: (&Tool, Run) = (&ls::TOOL, ls::run);
const MK: (&Tool, Run) = (&mk::TOOL, mk::run);
const RM: (&Tool, Run) = (&rm::TOOL, rm::run);
const ROT: (&Tool, Run) = (&rot::TOOL, rot::run);
const SET: (&Tool, Run) = (&set::TOOL, set::run);

const SESSIONS: &str = "/oauth/sessions";
const SESSION: &str = "/oauth/sessions/s1";
const CLIENT: &str = "/oauth/clients/c1";
/// Turns off the look-ups of what is in use, in tests that are not about them.
const ALL: &str = "--include-self";

/// The API's response about the object `id`.
fn object(id: &str) -> String {
    format!(r#"{{"id":"{id}","secret":"sss"}}"#)
}

fn error(id: &str) -> String {
    format!(r#"{{"id":"{id}","message":"Sorry."}}"#)
}

#[test]
fn a_page_may_be_larger_than_one_object() {
    let text = "x".repeat(5 << 20);
    let page = format!(r#"[{{"id":"s1","description":"{text}"}},{{"id":"s2","description":"{text}"}}]"#);
    let stub = Stub::new().on(Get, SESSIONS, 200, &page);
    stub.run(LS, &["sessions", "-o", "id"], "").succeeds().prints("s1\ns2\n");
    let stub = Stub::new().on(Get, SESSION, 200, &page);
    stub.run(LS, &["session", "s1"], "").exits(1).says("the response is larger than 8 MiB");
    // A change with such a response may have been made: it is sent again.
    let stub = Stub::new().on(Delete, SESSION, 200, &page).on(Delete, SESSION, 404, &error("not_found"));
    stub.run(RM, &["session", "s1", ALL], "").succeeds();
}

#[test]
fn requests_have_the_headers_of_the_api() {
    let stub = Stub::new().on(Get, SESSION, 200, &object("s1"));
    stub.clone().run(LS, &["session", "s1"], "").succeeds();
    let one = |name: &str| stub.sent(name).remove(0);
    assert_eq!(one("accept").as_deref(), Some("application/vnd.heroku+json; version=3"));
    assert_eq!(one("authorization"), Some(format!("Bearer {TOKEN}")));
    assert_eq!(one("user-agent").as_deref(), Some(concat!("oauth-tools/", env!("CARGO_PKG_VERSION"))));
    assert_eq!((one("content-type"), one("range")), (None, None));

    let id = one("request-id").expect("one");
    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
    assert!(&id[14..15] == "4" && "89ab".contains(&id[19..20]), "a random uuid: {id}");

    let stub = Stub::new().on(Patch, CLIENT, 200, &object("c1"));
    stub.clone().run(SET, &["client", "c1", "--name", "x"], "").succeeds();
    assert_eq!(stub.sent("content-type"), [Some("application/json".to_owned())]);
}

#[test]
fn the_attempts_of_a_call_have_one_request_id_and_each_call_its_own() {
    let other = SESSION.replace("s1", "s2");
    let stub = Stub::new().lose(Get, SESSION).on(Get, SESSION, 503, "").on(Get, SESSION, 200, &object("s1"));
    let stub = stub.on(Get, &other, 200, &object("s2"));
    stub.clone().run(LS, &["session", "s1", "s2"], "").succeeds();
    let ids = stub.sent("request-id");
    let mut all: Vec<usize> = ids.iter().map(|id| ids.iter().filter(|other| *other == id).count()).collect();
    all.sort_unstable();
    assert_eq!(all, [1, 3, 3, 3], "{ids:?}");
    // A create is sent again after a search, which is a call of its own.
    let path = "/oauth/authorizations";
    let made = r#"{"id":"a1","access_token":{"token":"t"}}"#;
    let stub = Stub::new().lose(Post, path).on(Get, path, 200, "[]").on(Post, path, 201, made);
    stub.clone().run(MK, &["authz"], "").succeeds();
    let ids = stub.sent("request-id");
    assert!(ids[0] == ids[2] && ids[0] != ids[1] && ids.len() == 3, "{ids:?}");
}

#[test]
fn team_collections_ask_for_another_api_version() {
    let path = "/teams/ops/oauth/authorizations";
    let stub = Stub::new().on(Get, path, 200, "[]");
    stub.clone().run(LS, &["--team", "ops"], "").succeeds();
    let version = || Some("application/vnd.heroku+json; version=3.sdk".to_owned());
    assert_eq!(stub.sent("accept"), [version()]);
    let stub = Stub::new().on(Post, path, 201, r#"{"id":"a1","access_token":{"token":"t"}}"#);
    stub.clone().run(MK, &["authz", "--team", "ops"], "").succeeds();
    assert_eq!(stub.sent("accept"), [version()]);
}

#[test]
fn heroku_headers_adds_and_replaces_headers() {
    let stub = Stub::new().on(Get, SESSION, 200, &object("s1"));
    let env = [("HEROKU_HEADERS", r#"{"X-Trace":"7","user-agent":"mine"}"#)];
    stub.clone().run_in(LS, &["session", "s1"], "", &env).succeeds();
    assert_eq!(stub.sent("X-Trace"), [Some("7".to_owned())]);
    assert_eq!(stub.sent("user-agent"), [Some("mine".to_owned())]);
}

#[test]
fn a_two_factor_code_is_sent_with_every_request_once_the_api_wants_it() {
    let code = [("HEROKU_TWO_FACTOR_CODE", "123456")];
    let sent = || Some("123456".to_owned());
    let (second, wanted) = ("/oauth/sessions/s2", error("two_factor"));
    let both =
        |stub: Arc<Stub>| stub.on(Delete, SESSION, 200, &object("s1")).on(Delete, second, 200, &object("s2"));
    let stub = both(Stub::new().on(Delete, SESSION, 403, &wanted));
    stub.clone().run_in(RM, &["session", "s1", "s2", ALL, "-P", "1"], "", &code).succeeds();
    assert_eq!(stub.sent("heroku-two-factor-code"), [None, sent(), sent()]);
    // A host that does not ask for it does not learn it.
    let stub = both(Stub::new());
    stub.clone().run_in(RM, &["session", "s1", "s2", ALL, "-P", "1"], "", &code).succeeds();
    assert_eq!(stub.sent("heroku-two-factor-code"), [None, None]);

    for (status, id) in [(401, "invalid_two_factor_code"), (403, "two_factor"), (401, "two_factor")] {
        let refused = Stub::new().on(Delete, SESSION, 403, &wanted).on(Delete, SESSION, status, &error(id));
        let ran = refused.run_in(RM, &["session", "s1", ALL], "", &code).exits(4);
        let ran = ran.says("set HEROKU_TWO_FACTOR_CODE to a fresh code");
        assert!(!ran.err.contains("123456"), "{ran:#?}");
    }
}

#[test]
fn calls_wait_while_the_quota_is_used_up() {
    let stub = Stub::new().on_header(Get, SESSION, 429, ("retry-after", "0"), &error("rate_limit")).on(
        Get,
        SESSION,
        200,
        &object("s1"),
    );
    stub.run(LS, &["session", "s1"], "").succeeds().prints(
        "{\"kind\":\"session\",\"id\":\"s1\",\"status\":\"active\",\"expires_at\":null,\"secret\":\"**********\"}\n",
    );
    let stub = Stub::new().on(Get, SESSION, 429, &error("rate_limit"));
    stub.run(LS, &["session", "s1", "--no-wait"], "").exits(75).says("(rate_limit)");
}

#[test]
fn calls_slow_down_when_the_quota_is_nearly_used_up() {
    let first = || {
        let left = ("ratelimit-remaining", "1");
        Stub::new().on_header(Delete, SESSION, 200, left, &object("s1"))
    };
    let args = ["session", "s1", "s2", ALL, "-P", "1"];
    let ran = first().on(Delete, "/oauth/sessions/s2", 200, &object("s2")).run(RM, &args, "").exits(0);
    let low = "the API quota is nearly used up";
    assert_eq!(ran.err, format!("oauth-test: {low}: continuing at 75 calls a minute\n"));
    let ran = first().run(RM, &[&args[..], &["--no-wait"]].concat(), "").exits(75);
    assert_eq!(ran.err, format!("oauth-test: session s2: {low}\n"));
}

#[test]
fn a_header_can_require_a_two_factor_code() {
    let wanted = ("heroku-two-factor-required", "true");
    let stub = || Stub::new().on_header(Get, SESSION, 401, wanted, &error("unauthorized"));
    let args = ["session", "s1", "--no-wait"];
    stub().run(LS, &args, "").exits(4).says("session s1: a two-factor code is required\n");
    // If a code was sent, the token is at fault.
    let code = [("HEROKU_TWO_FACTOR_CODE", "123456")];
    let stub = stub().on_header(Get, SESSION, 401, wanted, &error("unauthorized"));
    stub.run_in(LS, &args, "", &code).exits(4).says("Sorry. (unauthorized)").says("the token was rejected");
}

#[test]
fn temporary_errors_are_retried() {
    for status in [500, 502, 503, 504] {
        let stub =
            Stub::new().on(Get, SESSION, status, "<html>\x1b[31mSorry.").on(Get, SESSION, 200, &object("s1"));
        stub.run(LS, &["session", "s1"], "").succeeds();
    }
    for cut in ["", "{\"id\":\"s1\"", "<html>", "[]", "null", r#"{"id":7}"#, r#"{"id":"another"}"#] {
        let stub = Stub::new().on(Get, SESSION, 200, cut).on(Get, SESSION, 200, &object("s1"));
        stub.run(LS, &["session", "s1"], "").succeeds();
    }
    let stub = Stub::new().on(Get, SESSION, 503, "");
    let text = "oauth-test: session s1: the response is not an API error: Service Unavailable (HTTP 503)";
    stub.run(LS, &["session", "s1", "--retry-for", "0"], "").exits(75).says(&format!("{text}\n"));
    let stub = Stub::new().on(Delete, SESSION, 503, "");
    let ran = stub.run(RM, &["session", "s1", ALL, "--retry-for", "0"], "").exits(75);
    ran.says(&format!("{text}; the change may have been made anyway\n"));
    let away = Failure::NotSent("cannot reach it".to_owned());
    let stub = Stub::new().on_with(Delete, SESSION, None, Err(away));
    let ran = stub.run(RM, &["session", "s1", ALL, "--retry-for", "0"], "").exits(75);
    ran.says("oauth-test: session s1: cannot reach it\n");
}

#[test]
fn waiting_for_quota_does_not_use_up_the_retry_budget() {
    // After a response that leaves no quota, the next call waits for longer than --retry-for allows.
    let quota = |stub: std::sync::Arc<Stub>, left| {
        stub.on_header(Get, SESSION, 503, ("ratelimit-remaining", left), "")
    };
    let stub = quota(quota(Stub::new(), "0"), "100").on(Get, SESSION, 200, &object("s1"));
    let ran = stub.run(LS, &["session", "s1", "--retry-for", "1"], "").exits(0);
    ran.says("the API quota is nearly used up");
}

#[test]
fn a_refusal_after_a_lost_response_reports_that_the_change_may_have_been_made() {
    let rotate = "/oauth/clients/c1/actions/rotate-credentials";
    let again =
        "if so, the new secret is lost: rotate again, using another token if the rotated one is in use\n";
    let doubt = |id: &str| {
        let source = if id == "unauthorized" { "; the token is from HEROKU_API_KEY" } else { "" };
        format!("Sorry. ({id}){source}; the change may have been made anyway\n")
    };
    for (status, id, code) in [(401, "unauthorized", 4), (403, "suspended", 1), (422, "invalid_params", 1)] {
        let stub = Stub::new().lose(Delete, SESSION).on(Delete, SESSION, status, &error(id));
        let ran = stub.run(RM, &["session", "s1", ALL], "").exits(code).says(&doubt(id));
        assert!(!ran.err.contains("rotate again"), "{ran:#?}");
        let stub = Stub::new().lose(Post, rotate).on(Post, rotate, status, &error(id));
        stub.run(ROT, &["client", "c1"], "").exits(code).says(&doubt(id)).says(again);
        let stub = Stub::new().lose(Patch, CLIENT).on(Patch, CLIENT, status, &error(id));
        stub.run(SET, &["client", "c1", "--name", "x"], "").exits(code).says(&doubt(id));
        // A read changes nothing.
        let stub = Stub::new().lose(Get, SESSION).on(Get, SESSION, status, &error(id));
        let ran = stub.run(LS, &["session", "s1"], "").exits(code);
        assert!(!ran.err.contains("may have been"), "{ran:#?}");
    }
}

#[test]
fn refusals_are_not_retried() {
    for (status, code) in
        [(400, 1), (401, 4), (402, 1), (403, 1), (404, 1), (406, 1), (409, 1), (410, 1), (422, 1)]
    {
        let stub = Stub::new().on(Patch, CLIENT, status, &error("not_so"));
        let ran = stub.run(SET, &["client", "c1", "--name", "x"], "").exits(code).prints("");
        ran.says("client c1: Sorry. (not_so)");
    }
}

#[test]
fn redirects_are_not_followed() {
    for status in [301, 302, 307, 308] {
        let to = ("location", "https://evil.example/");
        let stub = Stub::new().on_header(Get, SESSION, status, to, "");
        let ran = stub.run(LS, &["session", "s1"], "").exits(1);
        ran.says("redirects to https://evil.example/: refusing to send the token there")
            .says("check HEROKU_HOST");
    }
}

#[test]
fn a_404_after_a_lost_delete_means_done() {
    let gone = r#"{"kind":"session","id":"s1","status":"deleted"}"#;
    let stub = Stub::new().lose(Delete, SESSION).on(Delete, SESSION, 404, &error("not_found"));
    stub.run(RM, &["session", "s1", ALL], "").succeeds().prints(&format!("{gone}\n"));
    let stub = Stub::new().on(Delete, SESSION, 502, "").on(Delete, SESSION, 410, &error("gone"));
    stub.run(RM, &["session", "s1", ALL], "").succeeds().prints(&format!("{gone}\n"));
    // Without a lost response before, 404 is a failure; a request that was never sent does not count as lost.
    let refused = Failure::NotSent("refused".to_owned());
    let stub = Stub::new().on_with(Delete, SESSION, None, Err(refused)).on(
        Delete,
        SESSION,
        404,
        &error("not_found"),
    );
    stub.run(RM, &["session", "s1", ALL], "").exits(1).prints("").says("(not_found)");
}

#[test]
fn a_404_page_of_a_proxy_does_not_mean_that_an_object_is_gone() {
    let page = "<html>nothing here</html>";
    let stub = Stub::new().on(Delete, SESSION, 502, page).on(Delete, SESSION, 404, page).on(
        Delete,
        SESSION,
        200,
        &object("s1"),
    );
    let ran = stub.run(RM, &["session", "s1", ALL], "").succeeds();
    assert!(ran.out.contains("expires_at"), "the record is the deleted object: {ran:#?}");
    let stub = Stub::new().on(Delete, SESSION, 404, page);
    stub.run(RM, &["-f", "session", "s1", ALL, "--retry-for", "0"], "").exits(75).prints("");
    // Nor does it mean that there is no session in use.
    let stub = Stub::new().on(Get, "/oauth/sessions/~", 404, page);
    stub.run(RM, &["session", "s1"], "").exits(1).prints("");
}

#[test]
fn a_response_about_another_object_counts_as_lost_but_not_that_of_a_rotation() {
    let stub = Stub::new().on(Get, SESSION, 200, &object("s2")).on(Get, SESSION, 200, &object("s1"));
    stub.run(LS, &["session", "s1"], "").succeeds();
    let stub = Stub::new().on(Delete, SESSION, 200, &object("s2")).on(Delete, SESSION, 200, &object("s1"));
    stub.run(RM, &["session", "s1", ALL], "").succeeds();
    let stub = Stub::new().on(Patch, CLIENT, 200, &object("c2")).on(Patch, CLIENT, 200, &object("c1"));
    stub.run(SET, &["client", "c1", "--name", "x"], "").succeeds();
}

#[test]
fn updates_and_rotations_are_sent_again_after_a_lost_response() {
    let path = "/oauth/clients/c1/actions/rotate-credentials";
    let stub = Stub::new().lose(Post, path).on(Post, path, 200, &object("c1"));
    let ran = stub.run(ROT, &["client", "c1"], "").succeeds();
    assert!(ran.out.contains(r#""status":"rotated""#) && ran.out.contains("sss"), "{ran:#?}");
    let stub = Stub::new().lose(Patch, CLIENT).on(Patch, CLIENT, 200, &object("c1"));
    stub.run(SET, &["client", "c1", "--name", "x"], "").succeeds();
}

#[test]
fn a_create_that_never_reached_the_server_is_sent_again() {
    let refused = Failure::NotSent("refused".to_owned());
    let stub = Stub::new().on_with(Post, "/oauth/clients", None, Err(refused)).on(
        Post,
        "/oauth/clients",
        201,
        &object("c9"),
    );
    stub.run(MK, &["client", "x", "https://x.example"], "").succeeds();
}

#[test]
fn a_create_uses_only_recently_used_connections_and_a_retry_a_new_one() {
    let stub = Stub::new().lose(Get, SESSION).on(Get, SESSION, 503, "").on(Get, SESSION, 200, &object("s1"));
    stub.clone().run(LS, &["session", "s1"], "").succeeds();
    assert_eq!(stub.sent("(idle)"), ["10", "0", "0"].map(|s| Some(s.to_owned())));
    let stub = Stub::new().on(Get, SESSION, 503, "").on(Get, SESSION, 200, &object("s1"));
    stub.clone().run(LS, &["session", "s1"], "").succeeds();
    assert_eq!(stub.sent("(idle)"), ["10", "10"].map(|s| Some(s.to_owned())));
    let stub = Stub::new().on(Post, "/oauth/clients", 201, &object("c9"));
    stub.clone().run(MK, &["client", "x", "https://x.example"], "").succeeds();
    assert_eq!(stub.sent("(idle)"), [Some("1".to_owned())]);
}

#[test]
fn an_unreachable_network_stops_the_run() {
    let away = Failure::NotSent("cannot reach it".to_owned());
    let stub = Stub::new().on_with(Delete, SESSION, None, Err(away));
    let args = ["session", "s1", "s2", "s3", ALL, "-P", "1", "--retry-for", "0"];
    let ran = stub.run(RM, &args, "").exits(75).says("session s1: cannot reach it");
    ran.says("stopped: 2 records were not attempted");
    let stub = Stub::new().on(Delete, SESSION, 200, &object("s1")).on_with(
        Delete,
        "/oauth/sessions/s2",
        None,
        Err(Failure::NotSent("cannot reach it".to_owned())),
    );
    stub.run(RM, &args, "").exits(75).says("stopped: 1 record was not attempted");
}

#[test]
fn a_rejected_token_stops_the_run() {
    let stub = Stub::new().on(Delete, SESSION, 401, &error("unauthorized"));
    let ran = stub.run(RM, &["session", "s1", "s2", ALL, "-P", "1"], "").exits(4);
    ran.says("the token was rejected").says("stopped: 1 record was not attempted");
}

#[test]
fn a_warning_is_shown_once_a_run() {
    let warning = ("warning-message", "the moon\nis blue");
    let stub = Stub::new().on_header(Delete, SESSION, 200, warning, &object("s1")).on_header(
        Delete,
        "/oauth/sessions/s2",
        200,
        warning,
        &object("s2"),
    );
    let ran = stub.run(RM, &["session", "s1", "s2", ALL, "-P", "1"], "").exits(0);
    assert_eq!(ran.err, "oauth-test: warning: the moon\\nis blue\n");
    let stub = Stub::new().on_header(Delete, SESSION, 200, ("x-heroku-warning", "old"), &object("s1"));
    stub.run(RM, &["session", "s1", ALL], "").exits(0).says("warning: old");
    // The number of different warnings is limited.
    let ids: Vec<String> = (0..70).map(|n| format!("s{n}")).collect();
    let stub = ids.iter().fold(Stub::new(), |stub, id| {
        stub.on_header(Delete, &format!("{SESSIONS}/{id}"), 200, ("warning-message", id), &object(id))
    });
    let ran = stub.run(RM, &["sessions", ALL], &ids.join("\n")).exits(0);
    assert_eq!(ran.err.lines().count(), 64, "{ran:#?}");
}

#[test]
fn a_masked_secret_is_not_complete() {
    for (body, holds) in [
        (r#"{"id":"c1","secret":"sss"}"#, true),
        (r#"{"id":"c1","secret":"s**********"}"#, false),
        (r#"{"id":"c1"}"#, false),
    ] {
        let record = Record::from_api(Kind::Client, body, 0).expect("a record");
        assert_eq!(record.whole_secret().is_some(), holds, "{body}");
    }
}

#[test]
fn error_pages_cannot_send_control_characters_to_the_terminal() {
    let stub = Stub::new().on(Get, SESSION, 404, "<html>\x1b]0;owned\x07");
    let ran = stub.run(LS, &["session", "s1"], "").exits(1);
    ran.says("session s1: the response is an HTML page, not an API error: Not Found (HTTP 404)\n");
    let hostile = r#"{"id":"x","message":"a\u001b[31m\u202eb\nc HRKU-01234567-89ab-cdef-0123-456789abcdef"}"#;
    let stub = Stub::new().on(Get, SESSION, 422, hostile);
    stub.run(LS, &["session", "s1"], "").exits(1).says("a\\u{1b}[31m\\u{202e}b\\nc ********** (x)\n");
}

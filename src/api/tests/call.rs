//! The retries of one call. What they mean for a tool's output and status is tested in `api/tests.rs`.

use std::sync::Arc;

use super::*;
use crate::api::request::SETTLE;
use crate::api::tests::stub::{Stub, TOKEN};
use crate::api::transport::Method;
use crate::api::transport::Method::{Delete, Get, Patch, Post};
use crate::base::error::Class;
use crate::sys::streams::Captured;

const PATH: &str = "/oauth/clients/c1";
const BODY: &str = r#"{"name":"x"}"#;
const MINUTE: Policy = Policy { retry_for: Duration::from_secs(60), wait: true };
const NO_RETRIES: Policy = Policy { retry_for: Duration::ZERO, wait: true };

/// A caller with a stub as its transport, and what it prints.
fn caller(stub: &Arc<Stub>, policy: Policy) -> (Caller, Captured) {
    let err = Captured::default();
    let messages = Messages::new("oauth-test", Box::new(err.clone()));
    let config = Config::from(|_| None);
    let base = config.base().expect("a base");
    let transport = Box::new(stub.clone());
    let token = Secret::new(TOKEN.to_owned());
    let caller = Caller::new(transport, &config, base, token, policy, messages, Stop::default());
    (caller.expect("a caller"), err)
}

fn call(method: Method, after_loss: AfterLoss) -> Call<'static> {
    let body = matches!(method, Post | Patch).then_some(BODY);
    Call { body, ..Call::new(method, PATH, after_loss) }
}

/// Accepts `{}`.
fn parse(body: String, _: Unix) -> Result<(), String> {
    if body == "{}" { Ok(()) } else { Err("it is not {}".to_owned()) }
}

/// Sends a call; exactly the requests that `stub` expects must be sent.
#[track_caller]
fn send(stub: &Arc<Stub>, policy: Policy, call: &Call<'_>) -> Result<(), Fault> {
    let (caller, _) = caller(stub, policy);
    let result = caller.call(call, parse).map(|_| ());
    stub.verify(&result);
    result
}

#[track_caller]
fn error(result: Result<(), Fault>) -> Error {
    match result {
        Err(Fault::Error(error)) => error,
        other => panic!("no error: {other:?}"),
    }
}

/// The ways in which a response is lost, each as the first exchange of a stub.
fn losses(method: Method) -> Vec<Arc<Stub>> {
    let large = "x".repeat(9 << 20);
    let mut losses = vec![Stub::new().lose(method, PATH)];
    for (status, body) in [(500, ""), (502, "<html>"), (503, ""), (200, "garbage"), (200, "")] {
        losses.push(Stub::new().on(method, PATH, status, body));
    }
    if method != Get {
        losses.push(Stub::new().on(method, PATH, 200, &large));
    }
    losses
}

#[test]
fn reads_updates_and_removals_are_sent_again_unchanged_after_a_lost_response() {
    for (method, after_loss) in
        [(Get, AfterLoss::SendAgain), (Patch, AfterLoss::SendAgain), (Delete, AfterLoss::GoneIsDone)]
    {
        for stub in losses(method) {
            let stub = stub.on(method, PATH, 200, "{}");
            assert!(send(&stub, MINUTE, &call(method, after_loss)).is_ok());
            for part in ["(request)", "(body)", "authorization", "accept", "content-type"] {
                let sent = stub.sent(part);
                assert!(sent.len() == 2 && sent[0] == sent[1], "{method:?} {part}: {sent:?}");
            }
        }
    }
}

#[test]
fn a_create_is_never_sent_again_after_a_lost_response() {
    for stub in losses(Post) {
        let lost = send(&stub, MINUTE, &call(Post, AfterLoss::Stop));
        assert!(matches!(lost, Err(Fault::Lost(_))), "{lost:?}");
    }
}

#[test]
fn a_create_is_sent_again_if_the_quota_was_used_up() {
    let stub = Stub::new().on(Post, PATH, 429, "").on(Post, PATH, 201, "{}");
    assert!(send(&stub, MINUTE, &call(Post, AfterLoss::Stop)).is_ok());
    // A response that is lost then still ends it.
    let stub = Stub::new().on(Post, PATH, 429, "").lose(Post, PATH);
    let lost = send(&stub, MINUTE, &call(Post, AfterLoss::Stop));
    assert!(matches!(lost, Err(Fault::Lost(_))), "{lost:?}");
}

#[test]
fn a_rotation_is_sent_again_after_a_second() {
    let stub = Stub::new().lose(Post, PATH).on(Post, PATH, 200, "{}");
    let rotation = call(Post, AfterLoss::SendAgain);
    assert!(send(&stub, MINUTE, &rotation).is_ok());
    let short = Duration::from_millis(100);
    assert_eq!(rotation.pause(true, short), SETTLE);
    assert_eq!(rotation.pause(true, SETTLE * 3), SETTLE * 3);
    assert_eq!(rotation.pause(false, short), short, "nothing was lost");
    assert_eq!(call(Patch, AfterLoss::SendAgain).pause(true, short), short);
}

#[test]
fn a_404_after_a_lost_delete_is_a_lost_response_and_not_an_error() {
    let removal = call(Delete, AfterLoss::GoneIsDone);
    let gone = r#"{"id":"not_found","message":"Sorry."}"#;
    for stub in losses(Delete) {
        let result = send(&stub.on(Delete, PATH, 404, gone), MINUTE, &removal);
        assert!(matches!(result, Err(Fault::Lost(_))), "{result:?}");
    }
    let first = error(send(&Stub::new().on(Delete, PATH, 404, gone), MINUTE, &removal));
    assert!(first.is_gone(), "{first:?}");
    // The object of an update that is gone is an error, even after a loss, and leaves the update in doubt.
    let stub = Stub::new().lose(Patch, PATH).on(Patch, PATH, 404, gone);
    let update = error(send(&stub, MINUTE, &call(Patch, AfterLoss::SendAgain)));
    assert!(!update.is_gone(), "{update:?}");
    assert_eq!(update.to_string(), "Sorry. (not_found); the change may have been made anyway");
}

#[test]
fn retry_after_is_honoured() {
    for (status, header, said) in [
        (429, Some("7"), "oauth-test: retrying in 8 s: the API responded 429 (Too many requests)\n"),
        (429, None, ""),
        (503, Some("7"), "oauth-test: retrying in 8 s: the API responded 503 (Service unavailable)\n"),
        (408, Some("7"), "oauth-test: retrying in 8 s: the API responded 408 (Request timeout)\n"),
        (408, None, ""),
        (425, None, ""),
    ] {
        let body = r#"{"id":"rate_limit","message":"Sorry."}"#;
        let stub = match header {
            Some(value) => Stub::new().on_header(Get, PATH, status, ("retry-after", value), body),
            None => Stub::new().on(Get, PATH, status, body),
        };
        let (caller, err) = caller(&stub, MINUTE);
        // The pause is announced, and then cut short.
        caller.stop.ask();
        let result = caller.call(&call(Get, AfterLoss::SendAgain), parse).map(|_| ());
        stub.verify(&result);
        assert_eq!(error(result).to_string(), "stopped: Sorry. (rate_limit)");
        assert_eq!(err.text(), said, "{status} {header:?}");
    }
}

#[test]
fn without_waiting_a_used_up_quota_ends_the_run() {
    let stub = Stub::new().on_header(Get, PATH, 429, ("retry-after", "7"), "");
    let policy = Policy { wait: false, ..MINUTE };
    let error = error(send(&stub, policy, &call(Get, AfterLoss::SendAgain)));
    assert_eq!(error.class(), Class::Unreachable);
}

#[test]
fn without_a_retry_budget_nothing_is_sent_again() {
    for (method, after_loss) in [
        (Get, AfterLoss::SendAgain),
        (Post, AfterLoss::SendAgain),
        (Patch, AfterLoss::SendAgain),
        (Delete, AfterLoss::GoneIsDone),
    ] {
        for stub in losses(method).into_iter().chain([Stub::new().on(method, PATH, 429, "")]) {
            let error = error(send(&stub, NO_RETRIES, &call(method, after_loss)));
            assert!(error.status() == crate::base::error::TEMPORARY, "{method:?}: {error:?}");
        }
    }
}

#[test]
fn the_network_is_unreachable_only_if_no_call_gets_a_response() {
    let read = call(Get, AfterLoss::SendAgain);
    let not_sent = || Stub::new().on_with(Get, PATH, None, Err(Failure::NotSent("no route".to_owned())));
    let class = |stub: Arc<Stub>| error(send(&stub, NO_RETRIES, &read)).class();
    assert_eq!(class(not_sent()), Class::Unreachable);
    assert_eq!(class(Stub::new().lose(Get, PATH)), Class::Unreachable);
    assert_eq!(class(Stub::new().on(Get, PATH, 503, "")), Class::Temporary, "the API responded");

    let (caller, _) = caller(&not_sent(), NO_RETRIES);
    let class = |at: Option<Instant>| {
        *lock(&caller.last_response) = at;
        error(caller.call(&read, parse).map(|_| ())).class()
    };
    assert_eq!(class(Some(Instant::now() + Duration::from_secs(3600))), Class::Temporary, "another call");
}

#[test]
fn a_response_that_is_cut_short_does_not_make_the_network_unreachable() {
    let small = Call { largest: 1, ..call(Patch, AfterLoss::SendAgain) };
    let error = error(send(&Stub::new().on(Patch, PATH, 200, "{}"), NO_RETRIES, &small));
    assert_eq!(error.class(), Class::Temporary);
}

#[test]
fn permanent_failures_are_not_retried() {
    let failure = Failure::Permanent { what: "wrong certificate".to_owned(), hint: Some("look") };
    let stub = Stub::new().on_with(Get, PATH, None, Err(failure));
    let error = error(send(&stub, MINUTE, &call(Get, AfterLoss::SendAgain)));
    assert_eq!((error.class(), error.hint()), (Class::Permanent, Some("look")));
}

#[test]
fn a_required_code_that_is_not_available_fails_every_call_after_one_request_each() {
    let body = r#"{"id":"two_factor","message":"Sorry."}"#;
    let stub = Stub::new().on(Get, PATH, 403, body).on(Get, PATH, 403, body);
    let (caller, _) = caller(&stub, Policy { wait: false, ..MINUTE });
    for _ in 0..2 {
        let result = caller.call(&call(Get, AfterLoss::SendAgain), parse).map(|_| ());
        let error = error(result);
        assert_eq!(
            (error.class(), error.to_string().as_str()),
            (Class::Auth, "a two-factor code is required")
        );
    }
    stub.verify(&"both calls");
}

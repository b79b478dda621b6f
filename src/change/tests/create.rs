//! Which objects are alike, and which requests a maker sends. What oauth-mk does after a lost response is tested with
//! the tool.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;
use crate::api::tests::stub::{Stub, session};
use crate::api::transport::Method::{Get, Post};
use crate::api::transport::{Failure, Request, Response, Transport};
use crate::base::error::Class;
use crate::change::exec::Exec;
use crate::config::environment::Config;
use crate::folder::Folder;
use crate::record::Record;

const AUTHZ: &str = "/oauth/authorizations";
/// A time after any request of a test.
const LATER: &str = "2999-01-01T00:00:00Z";

fn authz(description: &str, scopes: &[&str]) -> Likeness {
    Likeness::new(Kind::Authz, description, scopes.iter().map(|scope| (*scope).to_owned()))
}

fn of(kind: Kind, json: &str) -> Likeness {
    Likeness::of(&Record::from_api(kind, json, 0).expect(json))
}

/// An authorization with the description `x` and the scope `read`, as the API shows it in a list.
fn listed(id: &str, created_at: &str) -> String {
    format!(
        r#"{{"id":"{id}","description":"x","scope":["read"],"created_at":{created_at},
            "access_token":{{"token":"HRKU-AAz**********zzzz","expires_in":null}}}}"#
    )
}

/// The response to a create.
fn created(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","description":"x","scope":["read"],
            "access_token":{{"token":"HRKU-AA-{id}","expires_in":null}}}}"#
    )
}

/// Does `work` with the API behind a stub, which must have been asked for exactly what it expects.
#[track_caller]
fn with_api<T>(stub: &Arc<Stub>, work: impl FnOnce(&Api) -> T) -> T {
    let (mut session, _, err) = session(stub.clone(), "", &[]);
    let done = work(session.api().expect("an API"));
    stub.verify(&err.text());
    done
}

fn run<'a>(api: &'a Api, exec: Option<&'a Exec>) -> Run<'a> {
    Run { api, log: None, exec, rest: None, guard: None }
}

/// The status and the id of an outcome, or the class and the text of an error.
fn shown(made: Result<Outcome, Error>) -> Result<String, (Class, String)> {
    let shown = |outcome: Outcome| {
        let id = outcome.object.map_or(String::new(), |object| object.record.id.to_string());
        format!("{} {id}", outcome.status)
    };
    made.map(shown).map_err(|e| (e.class(), e.to_string()))
}

#[test]
fn scopes_are_alike_in_any_order_and_other_properties_as_they_are() {
    let wanted = authz("x", &["read", "write"]);
    assert_eq!(wanted, authz("x", &["write", "read", "read"]));
    for other in [authz("X", &["read", "write"]), authz("x", &["read"]), authz("", &["read", "write"])] {
        assert_ne!(wanted, other);
    }
    let client = |name: &str, uri: &str| Likeness::new(Kind::Client, name, [uri.to_owned()]);
    assert_eq!(client("n", "https://u"), client("n", "https://u"));
    assert_ne!(client("n", "https://u"), client("n", "https://u/"));
    assert_ne!(client("n", "https://u"), client("m", "https://u"));
    assert_ne!(client("x", "read"), authz("x", &["read"]), "of another kind");
}

#[test]
fn an_authorization_is_alike_only_for_the_same_client() {
    let wanted = || authz("x", &["read"]);
    assert_eq!(wanted().made_for(Some("C1")), wanted().made_for(Some("c1")), "a uuid in capitals");
    assert_eq!(wanted().made_for(None), wanted().made_for(Some("")));
    assert_ne!(wanted().made_for(Some("c1")), wanted());
    assert_ne!(wanted().made_for(Some("c1")), wanted().made_for(Some("c2")));
}

#[test]
fn records_are_alike_what_they_were_created_from() {
    let wanted = authz("x", &["read", "write"]);
    let record =
        r#"{"id":"a1","description":"x","scope":["write","read"],"created_at":"2001-01-01T00:00:00Z"}"#;
    assert_eq!(of(Kind::Authz, record), wanted);
    let tied = r#"{"id":"a1","description":"x","scope":["read","write"],"client":{"id":"C1","name":"n"}}"#;
    assert_eq!(of(Kind::Authz, tied), wanted.made_for(Some("c1")));
    let client = r#"{"id":"c1","name":"n","redirect_uri":"https://u","secret":"s"}"#;
    assert_eq!(of(Kind::Client, client), Likeness::new(Kind::Client, "n", ["https://u".to_owned()]));
}

#[test]
fn objects_of_this_run_are_not_candidates_for_a_lost_one() {
    let wanted = authz("x", &["read"]);
    let page = format!("[{}]", listed("a1", &format!("\"{LATER}\"")));
    let stub = Stub::new()
        .on_body(Post, AUTHZ, "first", 201, &created("a1"))
        .on_with(Post, AUTHZ, Some("second"), Err(Failure::Lost("the line went dead".to_owned())))
        .on(Get, AUTHZ, 200, &page)
        .on_body(Post, AUTHZ, "second", 201, &created("a2"));
    with_api(&stub, |api| {
        let maker = Maker::new(None);
        let made = |body| shown(maker.make(&run(api, None), &wanted, body));
        assert_eq!(made("first"), Ok("created a1".to_owned()));
        assert_eq!(made("second"), Ok("created a2".to_owned()));
    });
}

#[test]
fn a_candidate_without_a_date_counts() {
    let stub = Stub::new().lose(Post, AUTHZ).on(Get, AUTHZ, 200, &format!("[{}]", listed("a7", "null")));
    let made =
        with_api(&stub, |api| shown(Maker::new(None).make(&run(api, None), &authz("x", &["read"]), "{}")));
    let (class, text) = made.expect_err("in doubt");
    assert!(class == Class::InDoubt && text.ends_with("it may have been created: authz a7"), "{text}");
}

#[test]
fn once_does_not_create_again_what_is_in_doubt() {
    let wanted = authz("x", &["read"]);
    let two = ["a7", "a8"].map(|id| listed(id, &format!("\"{LATER}\""))).join(",");
    let stub =
        Stub::new().on(Get, AUTHZ, 200, "[]").lose(Post, AUTHZ).on(Get, AUTHZ, 200, &format!("[{two}]"));
    with_api(&stub, |api| {
        let maker = Maker::once(api, None, &HashSet::from([wanted.clone()])).expect("listed");
        let made = || shown(maker.make(&run(api, None), &wanted, "{}")).expect_err("in doubt");
        let first = made();
        assert_eq!(first.0, Class::InDoubt);
        // No second request is expected.
        assert_eq!(made(), first);
    });
}

#[test]
fn a_lost_authorization_for_a_client_is_adopted_without_a_rotation() {
    let wanted = authz("x", &["read"]).made_for(Some("c1"));
    let tied = listed("a7", &format!("\"{LATER}\"")).replace(r#""scope""#, r#""client":{"id":"c1"},"scope""#);
    let shown_again = tied.replace(r#""scope""#, r#""grant":{"code":"the-code"},"scope""#);
    let stub = Stub::new()
        .on(Get, AUTHZ, 200, "[]")
        .lose(Post, AUTHZ)
        .on(Get, AUTHZ, 200, &format!("[{tied}]"))
        .on(Get, "/oauth/authorizations/a7", 200, &shown_again);
    let object = with_api(&stub, |api| {
        let maker = Maker::once(api, None, &HashSet::from([wanted.clone()])).expect("listed");
        maker.make(&run(api, None), &wanted, "{}").expect("adopted").object.expect("an object")
    });
    assert_eq!(object.record.text(&["grant", "code"]), "the-code");
}

#[test]
fn once_creates_two_wanted_alike_only_once_and_forgets_the_secret() {
    let (wanted, other) = (authz("x", &["read"]), authz("y", &["read"]));
    let stub = Stub::new().on(Get, AUTHZ, 200, "[]").on(Post, AUTHZ, 201, &created("a1")).on(
        Post,
        AUTHZ,
        201,
        &created("a2").replace(r#""x""#, r#""y""#),
    );
    with_api(&stub, |api| {
        let maker = Maker::once(api, None, &HashSet::from([wanted.clone(), other.clone()])).expect("listed");
        assert!(maker.existing(&wanted).is_none());
        assert_eq!(shown(maker.make(&run(api, None), &wanted, "{}")), Ok("created a1".to_owned()));
        assert_eq!(shown(maker.make(&run(api, None), &wanted, "{}")), Ok("exists a1".to_owned()));
        assert_eq!(shown(maker.make(&run(api, None), &other, "{}")), Ok("created a2".to_owned()));
        let exists = maker.existing(&wanted).and_then(|outcome| outcome.object).expect("it exists");
        assert_eq!(exists.record.whole_secret(), None);
    });
}

/// Appends the id of each object to a file.
fn exec(path: &Path, and: &str) -> Exec {
    Exec::new(&format!("echo $HEROKU_OAUTH_ID >> '{}'; {and}", path.display()), &Config::from(|_| None))
}

#[test]
fn a_secret_is_passed_to_the_command_once() {
    let wanted = authz("x", &["read"]);
    for (and, fails) in [("true", false), ("exit 3", true)] {
        let folder = Folder::new();
        let path = folder.join("ran");
        let exec = exec(&path, and);
        let stub = Stub::new().on(Get, AUTHZ, 200, "[]").on(Post, AUTHZ, 201, &created("a1"));
        with_api(&stub, |api| {
            let maker =
                Maker::once(api, None, &HashSet::from([wanted.clone()])).expect("listed").strict(true);
            let make = || maker.make(&run(api, Some(&exec)), &wanted, "{}").expect("made");
            let (first, second) = (make(), make());
            assert_eq!((first.status, first.delivered, first.failure.is_some()), ("created", !fails, fails));
            // It exists now; that is a failure only if its secret reached no command.
            assert_eq!((second.status, second.delivered, second.failure.is_some()), ("exists", false, fails));
            let third = maker.existing(&wanted).expect("it exists");
            assert_eq!(third.failure.is_some(), fails);
        });
        assert_eq!(std::fs::read_to_string(&path).expect("it ran"), "a1\n", "the command ran once");
    }
}

/// Counts the requests that are in progress at the same time.
#[derive(Default)]
struct Crowd {
    inside: AtomicUsize,
    most: AtomicUsize,
    sent: AtomicUsize,
}

impl Transport for Arc<Crowd> {
    fn send(&self, _: &Request<'_>) -> Result<Response, Failure> {
        self.most.fetch_max(self.inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        for _ in 0..100 {
            thread::yield_now();
        }
        self.inside.fetch_sub(1, Ordering::SeqCst);
        let id = self.sent.fetch_add(1, Ordering::SeqCst);
        let body = Cursor::new(created(&format!("a{id}")).into_bytes());
        Ok(Response { status: 201, headers: Vec::new(), body: Box::new(body) })
    }
}

#[test]
fn two_alike_are_not_created_at_the_same_time() {
    let (crowd, wanted) = (Arc::new(Crowd::default()), authz("x", &["read"]));
    let (mut session, ..) = session(crowd.clone(), "", &[]);
    let api = session.api().expect("an API");
    let maker = Maker::new(None);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    maker.make(&run(api, None), &wanted, "{}").expect("made");
                }
            });
        }
    });
    assert_eq!(crowd.sent.load(Ordering::SeqCst), 40);
    assert_eq!(crowd.most.load(Ordering::SeqCst), 1);
}

#[test]
fn different_objects_do_not_wait_for_each_other() {
    let maker = Maker::new(None);
    let (one, other) = (authz("x", &["read"]), authz("y", &["read"]));
    let _turn = maker.turn(&one);
    // If they did, this would wait forever.
    drop(maker.turn(&other));
    drop(maker.turn(&other));
}

/// The first response is about an object that existed before: the new one is searched for.
#[test]
fn a_response_about_another_object_is_a_lost_one() {
    let wanted = authz("x", &["read"]);
    let old = created("a1").replace("{\"id\"", "{\"created_at\":\"2001-01-01T00:00:00Z\",\"id\"");
    let found = format!("[{}]", listed("a2", &format!("\"{LATER}\"")));
    // Replayed: the second create gets the first one's response.
    let replayed = Stub::new()
        .on(Post, AUTHZ, 201, &created("a1"))
        .on(Post, AUTHZ, 201, &created("A1"))
        .on(Get, AUTHZ, 200, &found);
    with_api(&replayed, |api| {
        let maker = Maker::new(None);
        assert_eq!(shown(maker.make(&run(api, None), &wanted, "{}")), Ok("created a1".to_owned()));
        let (class, what) = shown(maker.make(&run(api, None), &wanted, "{}")).expect_err("in doubt");
        assert_eq!(class, Class::InDoubt);
        assert!(what.contains("about authz A1, which existed") && what.contains("authz a2"), "{what}");
    });
    // One that is too old is not asked for again: if the API's clocks differ, it is the new one.
    let cached = Stub::new().on(Post, AUTHZ, 201, &old);
    with_api(&cached, |api| {
        let (class, what) =
            shown(Maker::new(None).make(&run(api, None), &wanted, "{}")).expect_err("in doubt");
        assert_eq!(class, Class::InDoubt);
        assert!(what.contains("authz a1") && what.contains("created at 2001-01-01T00:00:00Z"), "{what}");
    });
}

#[test]
fn an_object_with_other_properties_than_asked_for_is_in_doubt_and_named() {
    for (response, what) in [
        (created("a1").replace(r#"["read"]"#, r#"["global"]"#), "its scope is 'global', not 'read'"),
        (
            created("a1").replace(r#"["read"]"#, r#"["read","write"]"#),
            "its scope is 'read write', not 'read'",
        ),
        (created("a1").replace(r#""x""#, r#""y""#), "its description is 'y', not 'x'"),
        (created("a1").replace(r#""x""#, r#""\ud800""#), "its description is '\u{fffd}', not 'x'"),
        (created("a1").replace("{\"id", "{\"client\":{\"id\":\"c1\"},\"id"), "its client is 'c1', not ''"),
    ] {
        let stub = Stub::new().on(Post, AUTHZ, 201, &response);
        with_api(&stub, |api| {
            let made = Maker::new(None).make(&run(api, None), &authz("x", &["read"]), "{}");
            let (class, text) = shown(made).expect_err("in doubt");
            assert_eq!(class, Class::InDoubt);
            assert!(text.contains("authz a1") && text.contains(what) && !text.contains("HRKU"), "{text}");
        });
    }
    // What the response leaves out cannot differ.
    let bare = r#"{"id":"a1","description":null,"access_token":{"token":"HRKU-AA-a1","expires_in":null}}"#;
    with_api(&Stub::new().on(Post, AUTHZ, 201, bare), |api| {
        let made = Maker::new(None).make(&run(api, None), &authz("x", &["read"]), "{}");
        assert_eq!(shown(made), Ok("created a1".to_owned()));
    });
}

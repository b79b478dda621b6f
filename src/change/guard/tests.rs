//! Which look-ups a run makes, and which items are protected after them.

use std::borrow::Cow;
use std::sync::Arc;

use super::*;
use crate::api::tests::stub::{Stub, session};
use crate::api::transport::Method::Get;
use crate::base::error::Class;
use crate::cli::Args;
use crate::config::environment::Config;
use crate::input::entry::{Fields, Origin};

const LIST: &str = "/oauth/authorizations";
const DEFAULT: &str = "/oauth/authorizations/~";
const SESSION: &str = "/oauth/sessions/~";
const MISSING: &str = r#"{"id":"not_found","message":"none"}"#;
/// A masked token that the token in use may have.
const OURS: &str = "HRKU-AAt**********6789";

fn guard(effect: Effect, include_self: bool, include_default: bool) -> Guard {
    let mut options = Options::read(&Args::default(), &Config::from(|_| None)).expect("options");
    (options.include_self, options.include_default) = (include_self, include_default);
    Guard::new(&options, effect)
}

fn item(kind: Kind, id: &str) -> Item<'_> {
    let id = Cow::Borrowed(id);
    Item { index: 0, origin: Origin::Operand, kind, id, current: false, default: false, fields: None }
}

fn items<'a>(ids: &[(Kind, &'a str)]) -> Vec<Item<'a>> {
    let place = |(index, (kind, id)): (usize, &(Kind, &'a str))| Item { index, ..item(*kind, id) };
    ids.iter().enumerate().map(place).collect()
}

/// The look-ups for the items, as words.
fn look_ups(guard: &Guard, items: Vec<Item<'_>>) -> String {
    let LookUps { own, session, default, tilde, .. } = guard.look_ups_for(items.into_iter());
    let words = [(own, "own"), (session, "session"), (default, "default"), (tilde, "tilde")];
    words.iter().filter(|(wanted, _)| *wanted).map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
}

/// Makes all look-ups that the items need; the stub must have been asked for exactly what it expects.
#[track_caller]
fn after_look_ups(guard: Guard, stub: &Arc<Stub>, items: &[Item<'_>]) -> Guard {
    let (mut session, _, err) = session(stub.clone(), "", &[]);
    let look_ups = guard.look_ups_for(items.iter().cloned());
    let guard = guard.look_up(&mut session, look_ups).expect("looked up");
    stub.verify(&err.text());
    guard
}

fn is_protected(guard: &Guard, kind: Kind, id: &str) -> bool {
    guard.check(&item(kind, id)).is_err()
}

#[test]
fn each_kind_effect_and_option_needs_its_own_look_ups() {
    use Effect::{Alters, Creates, Removes};
    use Kind::{Authz, Client, Session, Token};
    for (effect, kind, id, plain, with_self, with_default, with_both) in [
        (Removes, Authz, "a1", "own default", "default", "own", ""),
        (Removes, Client, "c1", "own", "", "own", ""),
        (Removes, Session, "s1", "session", "", "session", ""),
        (Removes, Token, "t1", "own default", "default", "own", ""),
        (Alters, Authz, "a1", "own default", "default", "own", ""),
        (Alters, Client, "c1", "", "", "", ""),
        // Protected without a look-up, unless an option includes it: then it may be the authorization in use.
        (Removes, Authz, "~", "", "", "own default", ""),
        (Removes, Session, "~", "", "", "", ""),
        (Creates, Authz, "a1", "", "", "", ""),
        (Creates, Authz, "~", "", "", "", ""),
    ] {
        let got = |include_self, include_default| {
            look_ups(&guard(effect, include_self, include_default), vec![item(kind, id)])
        };
        let all = [got(false, false), got(true, false), got(false, true), got(true, true)];
        assert_eq!(all, [plain, with_self, with_default, with_both], "{effect:?} {kind:?} {id}");
    }
}

#[test]
fn an_item_protected_by_its_mark_needs_no_look_up() {
    let current = || vec![Item { current: true, ..item(Kind::Authz, "a1") }];
    let default = || vec![Item { default: true, ..item(Kind::Authz, "a1") }];
    assert_eq!(look_ups(&guard(Effect::Removes, false, false), current()), "");
    assert_eq!(look_ups(&guard(Effect::Removes, false, false), default()), "");
    // An option overrules one mark; the other protection still has to be looked up.
    assert_eq!(look_ups(&guard(Effect::Removes, true, false), current()), "default");
    assert_eq!(look_ups(&guard(Effect::Removes, false, true), default()), "own");
}

#[test]
fn a_tilde_beside_ids_of_its_kind_is_looked_up_whatever_the_options_are() {
    let both = guard(Effect::Removes, true, true);
    let (authz, session) = (Kind::Authz, Kind::Session);
    assert_eq!(look_ups(&both, items(&[(authz, "~"), (authz, "a1")])), "default tilde");
    assert_eq!(look_ups(&both, items(&[(session, "s1"), (session, "~")])), "session tilde");
    assert_eq!(look_ups(&both, items(&[(authz, "~"), (session, "s1")])), "", "of another kind");
}

#[test]
fn a_stream_needs_all_look_ups_that_no_option_makes_needless() {
    for (include_self, include_default, own, default) in [
        (false, false, true, true),
        (true, false, false, true),
        (false, true, true, true),
        (true, true, false, false),
    ] {
        let look_ups = guard(Effect::Removes, include_self, include_default).all_look_ups();
        assert_eq!(look_ups, LookUps { own, session: own, default, ..LookUps::default() });
    }
}

#[test]
fn creates_look_up_nothing_and_protect_nothing() {
    let (mut session, ..) = session(Stub::new(), "", &[("HEROKU_API_KEY", "")]);
    let guard = guard(Effect::Creates, false, false);
    let everything = LookUps { own: true, session: true, default: true, tilde: true, ..LookUps::default() };
    // Without a token, any connection would fail.
    let guard = guard.look_up(&mut session, everything).expect("no look-up");
    for kind in Kind::ALL {
        assert!(guard.check(&Item { current: true, default: true, ..item(kind, "x1") }).is_ok(), "{kind:?}");
    }
}

#[test]
fn everything_that_belongs_to_a_possible_match_is_protected() {
    let page = format!(
        r#"[{{"id":"a1","access_token":{{"id":"t1","token":"{OURS}"}},"client":{{"id":"c1"}},"session":{{"id":"s1"}}}},
            {{"id":"a2","access_token":{{"id":"t2","token":"{OURS}"}},"client":null,"session":null}},
            {{"id":"a3","access_token":{{"id":"t3","token":"HRKU-AAx**********6789"}},"client":{{"id":"c3"}}}},
            {{"id":"a4","access_token":null}}]"#
    );
    let stub = Stub::new().on(Get, LIST, 200, &page).on(Get, DEFAULT, 404, MISSING);
    let found = after_look_ups(guard(Effect::Removes, false, false), &stub, &[item(Kind::Authz, "a9")]);
    for (kind, id) in [
        (Kind::Authz, "a1"),
        (Kind::Client, "c1"),
        (Kind::Session, "s1"),
        (Kind::Token, "t1"),
        // Its masked token is the same: one of the two is in use, and nobody knows which.
        (Kind::Authz, "a2"),
        (Kind::Token, "t2"),
    ] {
        assert!(is_protected(&found, kind, id), "{kind:?} {id}");
        assert!(found.goes_last(&item(kind, id)), "{kind:?} {id}");
    }
    for (kind, id) in [
        (Kind::Authz, "a3"),
        (Kind::Client, "c3"),
        (Kind::Token, "t3"),
        (Kind::Authz, "a4"),
        (Kind::Client, "a1"),
    ] {
        assert!(!is_protected(&found, kind, id), "{kind:?} {id}");
        assert!(!found.goes_last(&item(kind, id)), "{kind:?} {id}");
    }
    let refused = found.check(&item(Kind::Authz, "a1")).expect_err("protected");
    assert_eq!(refused.hint(), Some("add --include-self to include it"));
}

#[test]
fn a_client_in_use_is_protected_from_its_removal_only() {
    let page = format!(r#"[{{"id":"a1","access_token":{{"token":"{OURS}"}},"client":{{"id":"c1"}}}}]"#);
    for (effect, wanted) in [(Effect::Removes, true), (Effect::Alters, false)] {
        let stub = Stub::new().on(Get, LIST, 200, &page).on(Get, DEFAULT, 404, MISSING);
        let found = after_look_ups(guard(effect, false, false), &stub, &[item(Kind::Authz, "a9")]);
        assert!(is_protected(&found, Kind::Authz, "a1"), "{effect:?}");
        assert_eq!(is_protected(&found, Kind::Client, "c1"), wanted, "{effect:?}");
        let marked = Item { current: true, ..item(Kind::Client, "c2") };
        assert_eq!(found.check(&marked).is_err(), wanted, "{effect:?}");
    }
}

#[test]
fn the_default_key_and_its_token_are_protected() {
    let found = r#"{"id":"a1","access_token":{"id":"t1","token":"x"}}"#;
    let stub = Stub::new().on(Get, DEFAULT, 200, found);
    let found = after_look_ups(guard(Effect::Removes, true, false), &stub, &[item(Kind::Authz, "a9")]);
    for (kind, id) in [(Kind::Authz, "a1"), (Kind::Authz, "~"), (Kind::Token, "t1")] {
        let refused = found.check(&item(kind, id)).expect_err(id);
        assert_eq!(refused.hint(), Some("add --include-default to include it"), "{id}");
    }
    assert!(!is_protected(&found, Kind::Session, "a1") && !is_protected(&found, Kind::Authz, "a2"));
}

#[test]
fn the_default_key_may_be_the_authorization_in_use() {
    let page = format!(r#"[{{"id":"a1","access_token":{{"token":"{OURS}"}}}}]"#);
    for (default, wanted) in [("a1", true), ("A1", true), ("a2", false)] {
        let found = format!(r#"{{"id":"{default}"}}"#);
        let stub = Stub::new().on(Get, LIST, 200, &page).on(Get, DEFAULT, 200, &found);
        let found = after_look_ups(guard(Effect::Removes, false, true), &stub, &[item(Kind::Authz, "~")]);
        assert_eq!(is_protected(&found, Kind::Authz, "~"), wanted, "{default}");
        assert_eq!(found.is_own(&item(Kind::Authz, "~")), wanted, "{default}");
        assert!(found.goes_last(&item(Kind::Authz, "~")), "{default}");
    }
}

#[test]
fn ids_are_the_same_in_capitals() {
    // Few ids are compared, many are hashed.
    for matches in [1, 9] {
        let authz = |n| format!(r#"{{"id":"Ab{n}","access_token":{{"token":"{OURS}"}}}}"#);
        let page = format!("[{}]", (0..matches).map(authz).collect::<Vec<_>>().join(","));
        let stub = Stub::new().on(Get, LIST, 200, &page).on(Get, DEFAULT, 404, MISSING);
        let found = after_look_ups(guard(Effect::Removes, false, false), &stub, &[item(Kind::Authz, "x")]);
        for id in ["Ab0", "ab0", "AB0"] {
            assert!(is_protected(&found, Kind::Authz, id), "{id} of {matches}");
        }
        assert!(!is_protected(&found, Kind::Authz, "ab10"), "{matches}");
    }
}

#[test]
fn the_session_in_use_is_protected() {
    let stub = Stub::new().on(Get, SESSION, 200, r#"{"id":"s1"}"#);
    let found = after_look_ups(guard(Effect::Removes, false, false), &stub, &[item(Kind::Session, "s9")]);
    assert!(is_protected(&found, Kind::Session, "S1") && is_protected(&found, Kind::Session, "~"));
    assert!(!is_protected(&found, Kind::Session, "s2") && !is_protected(&found, Kind::Authz, "s1"));
    let stub = Stub::new().on(Get, SESSION, 404, MISSING);
    let found = after_look_ups(guard(Effect::Removes, false, false), &stub, &[item(Kind::Session, "s9")]);
    assert!(!is_protected(&found, Kind::Session, "s1") && is_protected(&found, Kind::Session, "~"));
}

#[test]
fn a_failed_look_up_ends_the_run() {
    let refused = r#"{"id":"forbidden","message":"No."}"#;
    for (failing, others) in [(LIST, &[DEFAULT, SESSION][..]), (DEFAULT, &[SESSION]), (SESSION, &[DEFAULT])] {
        let mut stub = Stub::new().on(Get, failing, 403, refused);
        for path in others {
            stub = stub.on(Get, path, 404, MISSING);
        }
        if failing != LIST {
            stub = stub.on(Get, LIST, 200, "[]");
        }
        let (mut session, ..) = session(stub.clone(), "", &[]);
        let guard = guard(Effect::Removes, false, false);
        let look_ups = guard.all_look_ups();
        let error = guard.look_up(&mut session, look_ups).expect_err(failing);
        assert_eq!(error.class(), Class::Refused(403), "{failing}");
        stub.verify(&failing);
    }
}

#[test]
fn tilde_and_its_id_are_one_object() {
    let both = || guard(Effect::Removes, true, true);
    let (authz, session) = (Kind::Authz, Kind::Session);
    let stub = || Stub::new().on(Get, DEFAULT, 200, r#"{"id":"a1"}"#);
    for (ids, repeats) in [
        (&[(authz, "~"), (authz, "a2"), (authz, "a1")][..], &[2][..]),
        (&[(authz, "A1"), (authz, "~")], &[1]),
        (&[(authz, "~"), (authz, "a2")], &[]),
        (&[(session, "a1"), (authz, "~"), (authz, "a2")], &[]),
    ] {
        let items = items(ids);
        let found = after_look_ups(both(), &stub(), &items);
        let got = found.repeats(items.iter().cloned()).expect("no contradiction");
        assert_eq!(got, repeats.iter().copied().collect(), "{ids:?}");
    }
    let items = items(&[(session, "s1"), (session, "~")]);
    let found = after_look_ups(both(), &Stub::new().on(Get, SESSION, 200, r#"{"id":"s1"}"#), &items);
    assert_eq!(found.repeats(items.iter().cloned()).expect("no contradiction"), HashSet::from([1]));
}

#[test]
fn tilde_and_its_id_with_different_values_are_refused() {
    let with = |description: &str, id, line| {
        let fields = Fields { description: Some(description.to_owned()), ..Fields::NONE };
        Item { origin: Origin::Line(line), fields: Some(Arc::new(fields)), ..item(Kind::Authz, id) }
    };
    let (same, other) = ([with("x", "~", 1), with("x", "a1", 2)], [with("x", "~", 1), with("y", "a1", 2)]);
    for (items, refused) in [(same, false), (other, true)] {
        let stub = Stub::new().on(Get, DEFAULT, 200, r#"{"id":"a1"}"#);
        let found = after_look_ups(guard(Effect::Alters, true, true), &stub, &items);
        let got = found.repeats(items.iter().cloned()).map_err(|e| (e.class(), e.to_string()));
        let text = "stdin:2: ~ and the id it stands for are both in the input, with different values";
        assert_eq!(got.err(), refused.then(|| (Class::Input, text.to_owned())));
    }
}

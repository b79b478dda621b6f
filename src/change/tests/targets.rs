//! Items from operands and lines.

use super::*;
use crate::api::tests::stub::{Stub, session};
use crate::base::error::Class;
use crate::folder::Folder;

fn input(kind: Option<Kind>, operands: &[String], need: Need) -> Input<'_> {
    Input { kind, operands, described: None, need }
}

/// Reads the whole of `stdin`, or the operands if there are any. Returns the messages with the error.
fn read(input: &Input<'_>, stdin: &str, accept: &Accept<'_>) -> Result<Targets, (Class, String)> {
    let (mut session, _, err) = session(Stub::new(), stdin, &[]);
    Targets::read(&mut session, input, accept, None).map_err(|e| (e.class(), err.text()))
}

fn any(_: &Item<'_>) -> Result<(), String> {
    Ok(())
}

/// The items as `origin kind id`.
fn places(targets: &Targets) -> Vec<String> {
    targets.iter().map(|item| format!("{} {}", item.origin, item.kind.label(&item.id))).collect()
}

fn operands(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn duplicates_are_dropped_within_a_kind() {
    let lines = "authz,a1\nclient,a1\n\nauthz,a1\n{\"kind\":\"authz\",\"id\":\"a1\"}\nauthz,A1\n";
    let targets = read(&input(None, &[], Need::Identity), lines, &any).expect("read");
    // A1 is another spelling of a1.
    assert_eq!(places(&targets), ["stdin:1 authz a1", "stdin:2 client a1"]);
    assert_eq!(targets.iter().map(|item| item.index).collect::<Vec<_>>(), [0, 1]);
    let ids = operands(&["s1", "s2", "s1"]);
    let targets = read(&input(Some(Kind::Session), &ids, Need::Identity), "", &any).expect("read");
    assert_eq!(places(&targets), ["operand session s1", "operand session s2"]);
}

#[test]
fn duplicates_with_different_values_are_refused() {
    let fields = input(None, &[], Need::Fields);
    let line = |name| format!(r#"{{"kind":"client","id":"c1","name":"{name}"}}"#);
    let same = format!("{}\n{}\n", line("n"), line("n"));
    assert_eq!(read(&fields, &same, &any).expect("read").len(), 1);
    let other = format!("{}\n{}\n", line("n"), line("m"));
    let (class, err) = read(&fields, &other, &any).expect_err("refused");
    assert_eq!(class, Class::Reported(2));
    assert!(err.contains("stdin:2: the record is in the input twice, with different values"), "{err}");
    // Values that the tool did not ask for are not compared.
    assert_eq!(read(&input(None, &[], Need::Identity), &other, &any).expect("read").len(), 1);
}

#[test]
fn templates_may_repeat_and_do_not_pass_on_their_id_and_marks() {
    let line = r#"{"kind":"authz","id":"a1","current":true,"default":true,"description":"d"}"#;
    let twice = format!("{line}\n{line}\n");
    let targets = read(&input(None, &[], Need::New), &twice, &any).expect("read");
    assert_eq!(targets.len(), 2);
    for item in targets.iter() {
        assert!(item.id.is_empty() && !item.current && !item.default, "{item:?}");
        assert_eq!(item.fields().description.as_deref(), Some("d"));
    }
    let targets = read(&input(None, &[], Need::Identity), line, &any).expect("read");
    let item = targets.get(0);
    assert!(item.id == "a1" && item.current && item.default, "{item:?}");
    assert_eq!(*item.fields(), Fields::NONE);
}

#[test]
fn a_bare_id_has_the_kind_of_the_operand_and_a_record_must_agree_with_it() {
    let client = input(Some(Kind::Client), &[], Need::Identity);
    let targets = read(&client, "c1\nclient,c2\n", &any).expect("read");
    assert_eq!(places(&targets), ["stdin:1 client c1", "stdin:2 client c2"]);
    assert_eq!(read(&client, "authz,a1\n", &any).expect_err("another kind").0, Class::Reported(2));
    assert_eq!(
        read(&input(None, &[], Need::Identity), "c1\n", &any).expect_err("no kind").0,
        Class::Reported(2)
    );
}

#[test]
fn tilde_stands_for_authorizations_and_sessions_only() {
    let tilde = operands(&["~"]);
    for (kind, wanted) in [
        (Kind::Authz, Ok(1)),
        (Kind::Session, Ok(1)),
        (Kind::Client, Err("operand: there is no client ~")),
        (Kind::Token, Err("operand: there is no token ~")),
    ] {
        match (read(&input(Some(kind), &tilde, Need::Identity), "", &any), wanted) {
            (Ok(targets), Ok(count)) => assert_eq!(targets.len(), count),
            (Err((class, err)), Err(text)) => {
                assert!(class == Class::Reported(2) && err.contains(text), "{err}");
            }
            (got, _) => panic!("{kind:?}: {got:?}"),
        }
    }
}

#[test]
fn items_that_the_tool_does_not_accept_are_all_reported() {
    let accept = |item: &Item<'_>| match item.kind {
        Kind::Token => Err("a token cannot be rotated".to_owned()),
        _ => Ok(()),
    };
    let lines = "token,t1\nauthz,a1\ntoken,t2\n";
    let (class, err) = read(&input(None, &[], Need::Identity), lines, &accept).expect_err("refused");
    assert_eq!(class, Class::Reported(2));
    for line in ["stdin:1: a token cannot be rotated", "stdin:3: a token cannot be rotated"] {
        assert!(err.contains(line), "{err}");
    }
}

#[test]
fn places_name_the_line_or_only_the_operand() {
    let targets = read(&input(None, &[], Need::Identity), "\nkind,id\n\nauthz,a1\n", &any).expect("read");
    assert_eq!(targets.get(0).place(), "stdin:4: authz a1");
    let ids = operands(&["a1"]);
    let targets = read(&input(Some(Kind::Authz), &ids, Need::Identity), "", &any).expect("read");
    assert_eq!(targets.get(0).place(), "authz a1");
}

#[test]
fn a_described_object_is_the_only_item() {
    let fields = Fields { name: Some("n".to_owned()), ..Fields::NONE };
    let described = Some((Kind::Client, fields.clone()));
    let input = Input { described, ..input(None, &[], Need::New) };
    assert!(!input.is_read() && input.is_single());
    let targets = read(&input, "authz,a1\n", &any).expect("read");
    assert_eq!(places(&targets), ["operand client"]);
    assert_eq!(*targets.get(0).fields(), fields);
}

#[test]
fn a_terminal_is_not_read() {
    let (mut session, ..) = session(Stub::new(), "authz,a1\n", &[]);
    session.io.terminal.stdin = true;
    let error = Targets::read(&mut session, &input(None, &[], Need::Identity), &any, None);
    assert_eq!(error.expect_err("refused").class(), Class::Usage);
}

#[test]
fn packed_items_are_small_and_come_back_whole() {
    assert_eq!(size_of::<Packed>(), 16, "of a million items, each byte counts");
    let fields = |n: usize| Some(Arc::new(Fields { name: Some(format!("n{n}")), ..Fields::NONE }));
    let item = |n: usize| Item {
        index: n,
        origin: if n.is_multiple_of(5) { Origin::Operand } else { Origin::Line(u32::MAX - n as u32) },
        kind: Kind::ALL[n % 4],
        id: "é-".repeat(n % 43).into(),
        current: n.is_multiple_of(2),
        default: n.is_multiple_of(3),
        fields: if n.is_multiple_of(7) { None } else { fields(n) },
    };
    let mut targets = Targets::default();
    (0..100).for_each(|n| targets.push(item(n), Need::Fields));
    targets.push(Item { id: "x".repeat(128).into(), ..item(100) }, Need::Fields);
    for (n, got) in targets.iter().take(100).enumerate() {
        let want = item(n);
        assert_eq!(
            (got.index, got.origin, got.kind, &got.id),
            (want.index, want.origin, want.kind, &want.id)
        );
        assert_eq!((got.current, got.default, got.fields), (want.current, want.default, want.fields));
    }
    assert_eq!(targets.get(100).id, "x".repeat(128), "the longest id");
    // Fields that nobody asked for take no memory.
    targets = Targets::default();
    targets.push(item(1), Need::Identity);
    assert!(targets.fields.is_empty() && targets.get(0).fields.is_none());
}

#[test]
fn rest_gets_each_line_once_with_its_header_line() {
    let folder = Folder::new();
    let path = folder.join("rest");
    let mut rest = Rest::start(&path, crate::input::entry::Need::Identity).expect("started");
    let lines = "kind,id\nauthz,a1\n\nauthz,a2\nauthz,a1\n";
    let (mut session, ..) = session(Stub::new(), lines, &[]);
    let input = input(None, &[], Need::Identity);
    Targets::read(&mut session, &input, &any, Some(&mut rest)).expect("read");
    rest.publish().expect("published");
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), "kind,id\nauthz,a1\nauthz,a2\n");
    assert_eq!(rest.remaining(), 2);
}

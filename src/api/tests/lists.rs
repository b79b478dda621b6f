//! Lists of several pages.

use super::{LS, SESSIONS, error};
use crate::api::tests::stub::Stub;
use crate::api::transport::Method::Get;

#[test]
fn pages_follow_next_range_verbatim() {
    let next = "]s1..; max=1000,order=asc; \"quoted\"";
    let stub = Stub::new().on_header(Get, SESSIONS, 206, ("next-range", next), r#"[{"id":"s1"}]"#).on(
        Get,
        SESSIONS,
        200,
        r#"[{"id":"s2"}]"#,
    );
    let ran = stub.clone().run(LS, &["sessions", "-o", "id"], "").succeeds();
    ran.prints("s1\ns2\n");
    assert_eq!(stub.sent("range"), [Some("id ..; max=1000".to_owned()), Some(next.to_owned())]);
}

#[test]
fn a_repeated_page_is_an_error() {
    let page = r#"[{"id":"s1"}]"#;
    let repeats = Stub::new().on_header(Get, SESSIONS, 206, ("next-range", "]s1.."), page).on_header(
        Get,
        SESSIONS,
        206,
        ("next-range", "]s1.."),
        page,
    );
    repeats.run(LS, &["sessions"], "").exits(1).says("the server repeats a page");
    let first = Stub::new().on_header(Get, SESSIONS, 206, ("next-range", "id ..; max=1000"), page);
    first.run(LS, &["sessions"], "").exits(1).says("the server repeats a page");
    let empty = Stub::new().on_header(Get, SESSIONS, 206, ("next-range", "]s1.."), "[]");
    empty.run(LS, &["sessions"], "").exits(1).says("the server repeats a page");
}

#[test]
fn a_list_that_does_not_say_where_it_goes_on_is_read_on_or_reported() {
    let page = |id: &str| format!(r#"[{{"id":"{id}"}}]"#);
    let first = || Stub::new().on(Get, SESSIONS, 206, &page("s1"));
    let (range, after) = (Some("id ..; max=1000".to_owned()), Some("id ]s1..; max=1000".to_owned()));
    for (status, body, more) in [
        (200, page("s2"), "s2\n"),
        (206, page("s2"), "s2\n"),
        (200, "[]".to_owned(), ""),
        (206, "[]".to_owned(), ""),
        (416, error("requested_range_not_satisfiable"), ""),
    ] {
        let mut stub = first().on(Get, SESSIONS, status, &body);
        let mut asked = vec![range.clone(), after.clone()];
        if status == 206 && !more.is_empty() {
            stub = stub.on(Get, SESSIONS, 200, "[]");
            asked.push(Some("id ]s2..; max=1000".to_owned()));
        }
        let ran = stub.clone().run(LS, &["sessions", "-o", "id"], "").succeeds();
        ran.prints(&format!("s1\n{more}"));
        assert_eq!(stub.sent("range"), asked, "{status} {body}");
    }
    for (status, body) in [(200, page("s1")), (206, page("s1"))] {
        let ran = first().on(Get, SESSIONS, status, &body).run(LS, &["sessions", "-o", "id"], "").exits(1);
        ran.prints("s1\n")
            .says("the list is incomplete: the server says that there is more (206), but not where");
    }
    first().on(Get, SESSIONS, 404, &error("not_found")).run(LS, &["sessions", "-o", "id"], "").exits(1);
    // Where the page is not full, nothing more is asked for.
    let few =
        Stub::new().on_header(Get, SESSIONS, 206, ("content-range", "id s1..s1; max=1000"), &page("s1"));
    few.run(LS, &["sessions", "-o", "id"], "").succeeds().prints("s1\n");
}

#[test]
fn a_list_that_always_brings_new_objects_is_an_error_in_the_end() {
    let stub = (0..10_000).fold(Stub::new(), |stub, n| {
        let (next, page) = (format!("]s{n}.."), format!(r#"[{{"id":"s{n}"}}]"#));
        stub.on_header(Get, SESSIONS, 206, ("next-range", &next), &page)
    });
    let ran = stub.run(LS, &["sessions", "-o", "id"], "");
    ran.exits(1).says("the list does not end: it has more than 10000 pages");
}

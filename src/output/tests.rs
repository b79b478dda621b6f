use crate::record::columns::{columns, escape_cell, unescape_cell};
use crate::record::json::write_indented;
use crate::record::kind::Kind;

#[test]
fn a_csv_cell_is_on_one_line_and_is_not_a_formula() {
    for text in
        ["=1+1", "+x", "-n", "@a", "'=x", "'", "a\nb", r"a\nb", "\x1b[31m", "\u{85}", "plain", "", r"\u0041"]
    {
        let cell = escape_cell(text);
        assert!(!cell.starts_with(['=', '+', '-', '@']) && !cell.contains(char::is_control), "{cell}");
        assert_eq!(unescape_cell(&cell), text);
    }
    assert_eq!(unescape_cell(r"C:\temp \x"), "C:\temp \\x", "\\t is a tab to us; the manual says so");
}

#[test]
fn indented_json_is_the_same_json() {
    let json = br#"{"a":[],"b":{},"c":[1,{"d":"x,{\"}"}]}"#;
    let mut out = Vec::new();
    write_indented(&mut out, json, 0);
    let text = String::from_utf8(out).expect("UTF-8");
    assert_eq!(
        text,
        "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": \"x,{\\\"}\"\n    }\n  ]\n}"
    );
}

#[test]
fn columns_are_unique_and_start_with_the_header_fields() {
    for kind in Kind::ALL {
        let names: Vec<_> = columns(kind).iter().map(|(name, _)| *name).collect();
        assert_eq!(names[..4], ["kind", "id", "status", "expires_at"]);
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), names.len());
    }
}

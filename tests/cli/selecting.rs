//! The options of oauth-ls that select and sort records, and the forms of a time.

use crate::common::{Account, text};

#[test]
fn match_ignores_case_unicode_form_and_typographic_quotes() {
    let account = Account::new();
    for name in ["Caf\u{e9} D\u{e9}ploiement", "it\u{2019}s \u{201c}prod\u{201d}"] {
        account.sh(&format!("oauth-mk authz -d '{name}'")).succeeds();
    }
    for (wanted, count) in
        [("CAFE\u{301} de\u{301}", 1), ("IT'\\''S \"PROD\"", 1), ("cafe", 0), ("TERRAFORM", 1), ("HRKU", 0)]
    {
        let ran = account.sh(&format!("oauth-ls authz --match '{wanted}' -o id")).succeeds();
        assert_eq!(ran.out.lines().count(), count, "{wanted}: {ran}");
    }
    account.sh("oauth-ls --match ' '").exits(2).says("--match is empty");
}

#[test]
fn tokens_select_their_authorizations_and_are_not_printed() {
    let account = Account::new();
    let made = account.sh("oauth-mk authz -d leaked -o secret").succeeds().out;
    let (token, id) = (made.trim(), account.id("leaked"));
    let other = format!("{}{}", &token[..7], "z".repeat(58));
    account.write("tokens", format!("\n{token}\r\n{token}\n  {other}\n"));
    for line in ["--token - < tokens", "--token @tokens"] {
        let ran = account.sh(&format!("oauth-ls authz -o id {line}")).exits(1);
        assert_eq!(ran.out, format!("{id}\n"), "{ran}");
        assert!(ran.err.contains(":4: it belongs to no authorization"), "{ran}");
        assert!(!ran.err.contains(token) && !ran.err.contains(&other), "{ran}");
    }
    let ran = account.sh(&format!("T={token} oauth-ls --token env:T")).succeeds();
    assert_eq!(text(&ran.record()["id"]), id);
    // No token selects nothing.
    account.sh("oauth-ls authz --token - < /dev/null").succeeds().prints("");
    for (line, what) in [
        (format!("--token {token}"), "give -, @FILE or env:NAME"),
        ("--token env:NOT_SET".to_owned(), "is not set"),
        (format!("client --token env:T T={token}"), "give no other KIND"),
    ] {
        let ran = account.sh(&format!("oauth-ls {line}")).exits(2).says(what);
        assert!(!ran.err.contains(token), "{ran}");
    }
    let whole = format!("\u{feff}{token}\r\n\u{feff}\r\n\t{token}\u{a0}\n");
    account.write("windows", whole);
    account.sh("oauth-ls authz -o id --token @windows").succeeds().prints(&format!("{id}\n"));
    let not_full = "is not a token in full";
    for (bad, what) in [
        (token[..30].to_owned(), not_full),
        (format!("src/config.rb,{token}"), not_full),
        (format!("{}**********wxyz", &token[..40]), "is masked: a part of it is hidden"),
        (format!("{}...", &token[..40]), "is masked: a part of it is hidden"),
        (format!("{{\"Secret\":\"{token}\"}}"), "is JSON: give the bare token"),
        (format!("\"{token}\""), "has quotes around it"),
        (format!("{} {}", &token[..20], &token[20..]), "contains a character that is not allowed in a token"),
        (format!("{token}\r{token}"), "contains a line break"),
        (format!("Bearer {token}"), "has a word such as 'Bearer' before the token"),
        ("null".to_owned(), "is 'undefined', 'null' or the like"),
    ] {
        account.write("bad", format!("{token}\n{bad}\n"));
        let ran =
            account.sh("oauth-ls authz --token @bad").exits(2).says(&format!("oauth-ls: bad:2: {what}"));
        let ran = ran.says("\noauth-ls: give bare tokens in full, one a line\n").prints("");
        assert!(!ran.err.contains(&token[..20]), "{ran}");
    }
}

#[test]
fn never_comes_last_in_both_directions() {
    let account = Account::new();
    for (name, end) in [("a", "2d"), ("b", "1y"), ("c", "1d12h")] {
        account.sh(&format!("oauth-mk authz -d sorted-{name} -e {end} -s read")).succeeds();
    }
    account.sh("oauth-mk authz -d sorted-never -s read -e never").succeeds();
    for (order, wanted) in [("expires_at", "c a b never"), ("-expires_at", "b a c never")] {
        let ran = account.sh(&format!("oauth-ls authz --match sorted- --sort {order}")).succeeds();
        let names: Vec<String> = ran.each("description").iter().map(|name| name[7..].to_owned()).collect();
        assert_eq!(names.join(" "), wanted, "{order}");
    }
    account.sh("oauth-ls --sort -nothing").exits(2).says("unknown column 'nothing'");
}

#[test]
fn an_expiry_is_a_span_a_date_or_never() {
    let account = Account::new();
    for (end, status) in
        [("2999-01-31", 0), ("1y", 0), ("never", 0), ("1994-01-31", 2), ("2999-02-30", 2), ("0", 2)]
    {
        account.sh(&format!("oauth-mk authz -n -d x -s read -e {end}")).exits(status);
    }
    account.sh("oauth-mk authz -d dated -s read -e 2099-01-31").succeeds();
    let record = account.sh("oauth-ls authz --match dated").succeeds().record();
    assert!(text(&record["expires_at"]).starts_with("2099-01-3"), "{record}");
    for (option, found) in [
        ("--expires-within 2099-02-02", true),
        ("--expires-within 2098-01-01", false),
        ("--expires-within 100y", true),
        ("--expires-within never", false),
        ("--older-than 1994-01-01", false),
    ] {
        let ran = account.sh(&format!("oauth-ls authz --match dated {option}")).succeeds();
        assert_eq!(!ran.out.is_empty(), found, "{option}");
    }
    account.sh("oauth-ls --older-than never").exits(2).says("--older-than");
    account.sh("oauth-run -e never true").exits(2).says("must expire");
}

#[test]
fn a_copy_of_what_expired_at_an_unknown_time_does_not_live_for_ever() {
    let account = Account::new();
    for format in ["ndjson", "csv"] {
        let list = account.sh(&format!("oauth-ls authz --status expired -o {format}")).succeeds().out;
        assert!(!list.contains("\"expires_at\":"), "{list}");
        account.write("list", &list);
        account.sh("oauth-mk - < list").exits(2).says("give --expires-in").prints("");
        account.sh("oauth-mk - -n -e 1d < list").succeeds();
    }
}

#[test]
fn ids_are_shown_in_parallel_and_in_order() {
    let account = Account::new();
    let ids = account.sh("oauth-ls authz -o id | sort -r").succeeds().out;
    account.write("ids", &ids);
    for parallel in [1, 3, 64] {
        account.sh(&format!("oauth-ls authz - -P {parallel} -o id < ids")).succeeds().prints(&ids);
    }
    account.write("ids", format!("no-such\n{ids}nor-this\n"));
    let ran = account.sh("oauth-ls authz - -o id < ids").exits(1);
    assert_eq!(ran.out, ids, "{ran}");
    account.sh("oauth-ls authz - -o id < ids | head -n 1").exits(0);
    account.sh("oauth-ls authz -P 0 a b").exits(2);
}

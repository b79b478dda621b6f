//! Pipelines: the output of one tool is the input of the next.

use crate::common::{Account, joined};

#[test]
fn every_list_format_gives_the_next_tool_the_same_ids() {
    let account = Account::new();
    for (kind, spared) in
        [("authz", "--include-self --include-default"), ("client", ""), ("session", "--include-self")]
    {
        for format in ["ndjson", "csv", "id"] {
            let line = format!("oauth-ls {kind} -o {format} | oauth-rm -n {kind} {spared}");
            let ran = account.bash(&line).succeeds();
            assert_eq!(ran.ids(), account.ids(kind), "{ran}");
            let would = if kind == "authz" { "would-revoke" } else { "would-delete" };
            assert!(ran.each("status").iter().all(|s| s == would), "{ran}");
        }
    }
    assert!(account.server.stats().applied.is_empty(), "a dry run changes nothing");
}

#[test]
fn records_need_no_kind_operand() {
    let account = Account::new();
    for format in ["ndjson", "csv"] {
        let ran =
            account.bash(&format!("oauth-ls -o {format} | oauth-rm -n --include-self --include-default"));
        assert_eq!(ran.succeeds().ids().len(), 16 + 4 + 4);
    }
    account
        .bash("oauth-ls authz -o id | oauth-rm -n")
        .exits(2)
        .says("stdin:1: a bare id needs a KIND operand");
}

#[test]
fn csv_without_its_header_is_read_by_its_fixed_columns() {
    let account = Account::new();
    let header = account.bash("oauth-ls authz -o csv | grep expired | oauth-rm -n").succeeds();
    let status = account.bash("oauth-ls authz --status expired | oauth-rm -n").succeeds();
    assert_eq!(header.ids(), status.ids());
    assert_eq!(header.ids().len(), 4, "{header}");
    let tail = account.bash("oauth-ls -o csv | grep -v ^kind | oauth-rm -n --include-self --include-default");
    assert_eq!(tail.succeeds().ids().len(), 24);
}

#[test]
fn grep_and_the_status_filter_select_the_same_records() {
    let account = Account::new();
    let greped = account.bash("oauth-ls authz | grep expired").succeeds();
    let filtered = account.sh("oauth-ls authz --status expired").succeeds();
    // The expiry is computed from the second of the response.
    assert_eq!(greped.each("id"), filtered.each("id"));
    account.bash("oauth-ls authz | grep expired | oauth-rm").succeeds();
    account.sh("oauth-ls authz --status expired").succeeds().prints("");
    assert_eq!(account.ids("authz").len(), 12);
}

#[test]
fn the_output_of_a_dry_run_is_an_input_for_the_run() {
    let account = Account::new();
    let ran = account.bash("oauth-ls authz --status expired | oauth-rm -n | oauth-rm").succeeds();
    assert_eq!(ran.each("status"), ["revoked"; 4], "{ran}");
}

#[test]
fn edited_csv_goes_back_through_oauth_set() {
    let account = Account::new();
    let before = account.state();
    account.bash("oauth-ls clients -o csv | oauth-set").succeeds();
    let strip = |records: Vec<serde_json::Value>| -> Vec<_> {
        records.into_iter().map(|r| (r["id"].clone(), r["name"].clone(), r["redirect_uri"].clone())).collect()
    };
    assert_eq!(strip(account.state()), strip(before), "hostile names come back as they were");
    account.bash("oauth-ls clients -o csv | sed s/example.net/example.com/ | oauth-set").succeeds();
    assert_eq!(account.named("Example CI")["redirect_uri"], "https://ci.example.com/oauth");
}

#[test]
fn edited_descriptions_go_back_through_oauth_set_in_both_forms() {
    for format in ["csv", "ndjson"] {
        let account = Account::new();
        let before = account.state();
        let same = account.sh(&format!("oauth-ls authz -o {format} | oauth-set")).succeeds();
        assert_eq!(same.each("status"), vec!["unchanged"; 16], "{same}");
        // Descriptions that were cleared come back with the earlier list; null changes nothing.
        let line = format!(
            "oauth-ls authz -o {format} > all; all='--include-self --include-default'; \
             oauth-ls authz | grep -v '\"description\":null' | oauth-set $all -d lost > lost; oauth-set $all < all"
        );
        let ran = account.sh(&line).succeeds();
        let updated = ran.each("status").into_iter().filter(|status| status == "updated").count();
        assert_eq!(updated, 15, "{ran}");
        let texts = |all: Vec<serde_json::Value>| {
            all.into_iter().map(|r| r["description"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            texts(account.state()),
            texts(before),
            "{format}: hostile descriptions come back as they were"
        );
    }
}

#[test]
fn names_and_urls_become_clients() {
    let account = Account::new();
    let made = account.feed(
        "oauth-mk client - -o csv",
        "One app,https://one.example/cb\n\"Two, three\",https://two.example/cb?x=1\n",
    );
    assert_eq!(made.succeeds().lines().len(), 3);
    assert_eq!(account.named("Two, three")["redirect_uri"], "https://two.example/cb?x=1");
    let with_header = account.feed("oauth-mk client -", "url,name\nhttps://three.example,Three\n").succeeds();
    assert_eq!(with_header.record()["name"], "Three");
}

#[test]
fn one_account_is_copied_into_another() {
    let (from, to) = (Account::new(), Account::of(&[]));
    let list = from.sh("oauth-ls authz --status active --client none").succeeds();
    let made = to.feed("oauth-mk -", list.out.as_bytes()).succeeds();
    assert_eq!(made.lines().len(), list.lines().len());
    let mut wanted: Vec<_> =
        list.records().iter().map(|r| (r["description"].clone(), r["scope"].clone())).collect();
    let mut held: Vec<_> =
        to.holds().iter().map(|r| (r["description"].clone(), r["scope"].clone())).collect();
    // An authorization without a description gets the default one.
    wanted
        .iter_mut()
        .filter(|(d, _)| d.is_null())
        .for_each(|(d, _)| *d = "Long-lived user authorization".into());
    wanted.sort_by_key(|r| format!("{r:?}"));
    held.sort_by_key(|r| format!("{r:?}"));
    assert_eq!(held, wanted);
}

#[test]
fn the_output_of_creating_is_an_input_for_revoking() {
    let account = Account::new();
    let before = account.ids("authz");
    for format in ["ndjson", "csv"] {
        let line = format!(
            "for i in 1 2 3; do echo '{{\"description\":\"'$i'\"}}'; done | oauth-mk authz - -o {format} | oauth-rm"
        );
        assert_eq!(account.bash(&line).succeeds().each("status"), ["revoked"; 3]);
    }
    assert_eq!(account.ids("authz"), before);
}

#[test]
fn a_record_is_the_same_by_id_and_in_the_list() {
    let account = Account::new();
    let ids = joined(&account.ids("client"));
    let shown = account.feed("oauth-ls clients -", ids).succeeds();
    let listed = account.sh("oauth-ls clients").succeeds();
    assert_eq!(shown.out, listed.out);
}

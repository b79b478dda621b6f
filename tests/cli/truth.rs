//! The status tells the truth, and what came is printed.

use oauth_tools::sandbox::Settings;

use crate::common::{Account, text};

fn faulty(faults: &[&str]) -> Account {
    let faults = faults.iter().map(|spec| spec.parse().expect("a fault")).collect();
    Account::with(Settings { faults, ..Settings::default() })
}

const NOW: &str = "--retry-for 0";

#[test]
fn a_later_list_that_fails_hides_nothing_of_the_earlier_ones() {
    let account = faulty(&["503@GET /oauth/clients"]);
    let ran = account.sh(&format!("oauth-ls -j {NOW}")).exits(75).says("oauth-ls: clients: ");
    let all: Vec<serde_json::Value> = serde_json::from_str(&ran.out).expect("a whole array");
    let of = |kind: &str| all.iter().filter(|record| record["kind"] == kind).count();
    assert_eq!((of("authz"), of("client")), (16, 0), "{ran}");
    assert!(of("session") > 0, "lists after it are printed too: {ran}");
    for format in ["table", "csv", "ndjson", "id"] {
        let ran = account.sh(&format!("oauth-ls -o {format} {NOW}")).exits(75);
        assert!(ran.out.contains(&account.id("terraform")), "{format}: {ran}");
        assert!(ran.out.contains(&text(&account.kind("session")[0]["id"])), "{format}: {ran}");
    }
}

#[test]
fn a_list_that_breaks_off_is_a_whole_table_or_array() {
    let faults = vec!["503@GET /oauth/authorizations:after=1".parse().expect("a fault")];
    let account = Account::with(Settings { faults, authz: 1500, ..Settings::default() });
    let ran = account.sh(&format!("oauth-ls authz -j {NOW}")).exits(75);
    let all: Vec<serde_json::Value> = serde_json::from_str(&ran.out).expect("a whole array");
    assert_eq!(all.len(), 1000, "{}", ran.err);
    let faults = vec!["503@GET /oauth/authorizations:after=1".parse().expect("a fault")];
    let account = Account::with(Settings { faults, authz: 1500, ..Settings::default() });
    let ran = account.sh(&format!("oauth-ls authz -o table --sort name {NOW}")).exits(75);
    assert_eq!(ran.lines().len(), 1001, "{}", ran.err);
}

#[test]
fn a_failure_for_good_is_not_hidden_by_a_temporary_one() {
    // One object cannot be used; later nothing comes.
    let account = faulty(&["bignum@GET /oauth/authorizations", "503@GET /oauth/clients"]);
    account.sh(&format!("oauth-ls {NOW}")).exits(1).says("oauth-ls: clients: ");
    // Two look-ups at the same time.
    let account =
        faulty(&["503@GET /oauth/authorizations$", "redirect@GET /oauth/sessions/:to=http://127.0.0.1:9/"]);
    let both = format!("printf 'authz,a1\\nsession,s1\\n' | oauth-rm {NOW}");
    account.sh(&both).exits(1);
    assert!(account.server.stats().applied.is_empty());
    let account =
        faulty(&["redirect@GET /oauth/authorizations$:to=http://127.0.0.1:9/", "503@GET /oauth/sessions/"]);
    account.sh(&both).exits(1);
    // A temporary failure alone still is one.
    let account = faulty(&["503@GET /oauth/sessions/"]);
    account.sh(&both).exits(75);
}

#[test]
fn a_run_stops_where_nothing_gets_through() {
    let account = faulty(&["503@DELETE /"]);
    let input: String = (0..1000).map(|n| format!("s{n}\n")).collect();
    for parallel in [1, 8] {
        let line = format!("oauth-rm session --include-self {NOW} -P {parallel} --rest rest");
        let before = account.server.stats().total();
        let ran = account.feed(&line, &input).exits(75).prints("");
        let ran = ran.says("none got through").says("records were not attempted");
        assert!(account.server.stats().total() - before < 100, "{ran}");
        assert_eq!(account.read("rest").lines().count(), 1000, "{ran}");
    }
    let streamed = account.feed(&format!("oauth-rm session --include-self {NOW} --stream"), &input);
    streamed.exits(75).says("none got through");
    let shown = faulty(&["503@GET /oauth/sessions/"]);
    shown.feed(&format!("oauth-ls session - {NOW}"), &input).exits(75).says("none got through");
    assert!(shown.server.stats().total() < 100);
}

#[test]
fn a_run_goes_on_while_anything_gets_through() {
    // Seven fail, then the API refuses one: it works.
    let account = faulty(&["503@DELETE /oauth/sessions/bad"]);
    let input: String = (0..40)
        .map(|n| if n % 8 == 7 { "gone\n".replace('e', &n.to_string()) } else { format!("bad{n}\n") })
        .collect();
    let ran = account.feed(&format!("oauth-rm session --include-self {NOW}"), &input).exits(1);
    assert_eq!(account.asked("DELETE /oauth/sessions/{id}"), 40, "{ran}");
    ran.never_says("none got through");
}

#[test]
fn a_list_that_does_not_say_where_it_goes_on_is_read_to_its_end() {
    for count in [1500, 1984, 5] {
        let account = Account::with(Settings {
            authz: count,
            faults: vec!["partial@GET /oauth/authorizations$".parse().unwrap()],
            ..Settings::default()
        });
        let all = account.ids("authz").len();
        let ran = account.sh("oauth-ls authz -o id").succeeds();
        assert_eq!(ran.out.lines().count(), all, "{count}");
        let pages = u64::try_from(all / 1000).unwrap() + 1;
        assert_eq!(account.asked("GET /oauth/authorizations"), pages, "{count} {all}");
    }
}

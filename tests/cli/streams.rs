//! Streams that are closed, full, gone or a terminal; invalid operands and options.

use std::collections::BTreeSet;

use oauth_tools::sandbox::Settings;

use crate::common::{Account, text};

const TOOLS: [&str; 8] = ["diff", "ls", "mk", "rm", "rot", "run", "sandbox", "set"];

#[test]
fn every_tool_fails_if_its_output_cannot_be_written() {
    let account = Account::new();
    let id = account.id("terraform");
    for line in [
        "oauth-ls".to_owned(),
        "oauth-ls authz -o table".to_owned(),
        "oauth-ls clients -j".to_owned(),
        format!("oauth-set authz {id} -d x"),
        format!("oauth-rm -n authz {id}"),
        format!("oauth-rm authz {id}"),
        "oauth-sandbox".to_owned(),
    ] {
        account.sh(&format!("{line} > /dev/full")).exits(1).says("no space left on device");
    }
    // 1 is a difference, as in diff(1).
    account.sh("oauth-diff authz /dev/null - > /dev/full").exits(2).says("no space left on device");
    for tool in TOOLS {
        for option in ["-h", "--help", "--version"] {
            let ran = account.sh(&format!("oauth-{tool} {option} > /dev/full")).exits(1);
            ran.says(&format!("oauth-{tool}: standard output: no space left on device"));
        }
    }
}

#[test]
fn an_undelivered_secret_is_named_by_its_id_and_not_shown() {
    let account = Account::new();
    let secrets = |account: &Account| account.sh("oauth-ls clients -S").succeeds().out;

    let ran = account.sh("oauth-mk client lost https://x.example > /dev/full").exits(1);
    let ran =
        ran.says(&format!("client {}: created, but its record could not be delivered", account.id("lost")));
    let ran = ran.says(&format!("oauth-ls client {} -S shows it", account.id("lost"))).never_says("is lost");
    for secret in secrets(&account).lines() {
        assert!(!ran.err.contains(secret), "{ran}");
    }

    let id = account.id("Example CI");
    let ran = account.sh(&format!("oauth-rot client {id} > /dev/full")).exits(1);
    let ran = ran.says(&format!("client {id}: rotated, but its record could not be delivered"));
    for secret in secrets(&account).lines() {
        assert!(!ran.err.contains(secret), "{ran}");
    }

    // A secret that can be shown again, or that --exec received, is not lost.
    for line in [format!("oauth-set client {id} --name x"), format!("oauth-rot client {id} --exec true")] {
        let ran = account.sh(&format!("{line} > /dev/full")).exits(1);
        ran.says(&format!("client {id}: ")).says("could not be delivered").never_says("secret is lost");
    }

    let ran = account.sh("oauth-mk authz -d lost-authz > /dev/full").exits(1);
    let ran = ran.says(&format!("authz {}: created", account.id("lost-authz")));
    assert!(!ran.err.contains("HRKU-"), "{ran}");
}

#[test]
fn a_token_whose_record_is_lost_is_named_by_its_id() {
    let account = Account::new();
    // Ids of tokens are uuids, as some tokens are.
    let ids = ["5a4d8c12-aaaa-4bbb-8ccc-0123456789ab", "5a4d8c12-aaaa-4bbb-8ccc-0123456789ac"];
    let line = format!("oauth-rm -f token {} --include-self -P 1 > /dev/full", ids.join(" "));
    let ran = account.sh(&line).exits(1);
    ran.says(&format!("token id {}: absent, but its record could not be delivered", ids[0]))
        .never_says("**********");
}

#[test]
fn a_list_succeeds_if_its_reader_stops_early() {
    let account = Account::with(Settings { authz: 5000, ..Settings::default() });
    for format in ["ndjson", "csv", "id", "json", "table"] {
        let line = format!("oauth-ls authz -o {format} 2> err | head -n 1; echo ${{PIPESTATUS[0]}}");
        let ran = account.line("bash", &line).run(b"");
        assert_eq!(ran.lines()[1..], ["0"], "{ran}");
        assert_eq!(account.read("err"), "", "{ran}");
    }
}

#[test]
fn changes_stop_if_the_reader_goes_away_and_undelivered_ones_are_named() {
    let account = Account::with(Settings { authz: 500, ..Settings::default() });
    let before = account.ids("authz");
    let line = "oauth-ls authz | grep generated | oauth-rm 2> err | head -n 1; echo ${PIPESTATUS[2]}";
    let ran = account.line("bash", line).run(b"");
    assert_eq!(ran.lines()[1..], ["1"], "{ran}");
    let (told, left) = (account.read("err"), account.ids("authz"));
    assert!(left.len() > 400, "it stopped: {} are left\n{told}{ran}", left.len());
    assert!(told.contains("records were not attempted"), "{told}");
    let gone: BTreeSet<String> = before.difference(&left).cloned().collect();
    let lost = named_as_lost(&told);
    assert!(!lost.is_empty() && lost.is_subset(&gone), "{gone:?}\n{told}");
    assert!(lost.iter().all(|id| !ran.out.contains(id)), "{told}{ran}");
}

#[test]
fn every_change_lost_to_a_full_disk_is_named() {
    let account = Account::with(Settings { authz: 100, ..Settings::default() });
    let before = account.ids("authz");
    let told = account.bash("oauth-ls authz | grep generated | oauth-rm > /dev/full").exits(1).err;
    let gone: BTreeSet<String> = before.difference(&account.ids("authz")).cloned().collect();
    assert!(!gone.is_empty() && gone.len() < 50, "{told}");
    assert_eq!(named_as_lost(&told), gone, "{told}");
}

#[test]
fn nothing_is_changed_if_nobody_reads_from_the_start() {
    let account = Account::new();
    let before = account.state();
    let id = account.id("terraform");
    for tool in ["oauth-rm", "oauth-rot", "oauth-set -d x"] {
        let line = format!("mkfifo pipe; exec 4<> pipe 3> pipe 4<&-; rm pipe; {tool} authz {id} >&3");
        account.sh(&line).exits(1).says("stopped: 1 record was not attempted");
    }
    assert_eq!(account.state(), before);
}

/// The ids of changes whose records could not be delivered, as messages name them.
fn named_as_lost(told: &str) -> BTreeSet<String> {
    let lost = told.lines().filter(|line| line.ends_with("but its record could not be delivered"));
    lost.map(|line| line.split([' ', ':']).nth(3).unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_terminal_on_standard_input_is_a_usage_error() {
    needs!("script");
    let account = Account::new();
    for line in
        ["oauth-rm", "oauth-rm authz", "oauth-rot", "oauth-set -d x", "oauth-mk authz -", "oauth-ls authz -"]
    {
        let ran = account.sh(&format!("script -qec '{line} 2>&1 | cat' /dev/null < /dev/null"));
        assert!(ran.out.contains("nothing to work on: give ids, or records on standard input"), "{ran}");
        let ran = account.sh(&format!("script -qec '{line}' /dev/null < /dev/null")).exits(2);
        assert!(ran.out.contains(" -h, or man oauth-"), "{ran}");
    }
    // With operands, standard input is not used.
    account.sh("script -qec 'oauth-rm -n authz a1' /dev/null < /dev/null").exits(0);
}

#[test]
fn only_a_terminal_gets_tables_and_sentences() {
    needs!("script");
    let account = Account::new();
    let ran = account.sh("script -qec 'oauth-ls clients' /dev/null < /dev/null").exits(0);
    assert!(ran.out.starts_with("NAME "), "{ran}");
    let line = format!("NO_COLOR=1 oauth-rm client {}", account.id("Example CI"));
    let ran = account.sh(&format!("script -qec '{line}' /dev/null < /dev/null")).exits(0);
    assert!(ran.out.starts_with("deleted client ") && ran.out.contains("(Example CI)"), "{ran}");
    let ran = account.sh("script -qec 'oauth-ls clients | cat' /dev/null < /dev/null").exits(0);
    assert!(ran.out.starts_with("{\"kind\":\"client\""), "{ran}");
}

#[test]
fn colour_is_used_only_on_terminals_that_want_it() {
    needs!("script");
    let account = Account::new();
    let on_terminal = |prefix: &str| {
        account.sh(&format!("script -qec '{prefix} oauth-ls authz' /dev/null < /dev/null")).exits(0).out
    };
    assert!(on_terminal("TERM=xterm").contains("\x1b[31mexpired\x1b[0m"));
    assert!(!on_terminal("TERM=dumb").contains("\x1b["));
    assert!(!on_terminal("NO_COLOR=1").contains("\x1b["));
    assert!(!account.sh("oauth-ls authz -o table").out.contains('\x1b'));
    assert!(account.sh("oauth-ls authz -o table --color always").out.contains("\x1b[31mexpired"));
}

#[test]
fn invalid_utf8_is_refused() {
    let account = Account::new();
    for line in
        ["oauth-rm authz", "oauth-ls authz", "oauth-rot authz", "oauth-set -d x authz", "oauth-mk client x"]
    {
        account.line("bash", &format!("{line} $'b\\xffd'")).run(b"").exits(2).prints("").says("is not UTF-8");
    }
    account
        .line("bash", "oauth-mk authz -d $'b\\xffd'")
        .run(b"")
        .exits(2)
        .says("--description: the argument is not UTF-8");
    assert_eq!(account.server.stats().total(), 0);
}

#[test]
fn an_unknown_option_is_reported_with_the_nearest_one() {
    let account = Account::new();
    for (line, told) in [
        ("oauth-rm --dry-rum", "oauth-rm: unknown option --dry-rum; did you mean --dry-run?"),
        ("oauth-ls --secret", "oauth-ls: unknown option --secret; did you mean --secrets?"),
        ("oauth-ls -x", "oauth-ls: unknown option -x"),
        ("oauth-rm -n -n authz a", "--dry-run is given twice"),
        ("oauth-rm authz a -P", "--parallel requires an argument: N"),
        ("oauth-rm authz a -P 0", "--parallel: '0' is not a number from 1 to 64"),
        ("oauth-ls clinets", "unknown kind 'clinets'; did you mean 'clients'?"),
        ("oauth-rm clinet a", "unknown kind 'clinet'; did you mean 'client'?"),
        ("oauth-mk", "say what to create: authz or client"),
        ("oauth-mk session", "a session cannot be made"),
        ("oauth-ls tokens", "the API does not list or show tokens"),
        ("oauth-ls --sort nmae", "did you mean 'name'?"),
        ("oauth-ls --team x clients", "--team is for authorizations"),
        ("oauth-ls --team x authz a1", "--sort and --team cannot be combined with ids"),
        ("oauth-ls --sort id authz -", "--sort and --team cannot be combined with ids"),
        ("oauth-set authz a", "nothing to change"),
        ("oauth-set session s1 -d x", "a session cannot be changed"),
        ("oauth-set authz a --client-id c", "--client-id and --client-secret go together"),
        ("oauth-mk authz -e 1mo", "'1mo' is not a duration"),
    ] {
        let ran = account.sh(line).exits(2).prints("");
        let tool = line.split(' ').next().expect("a tool");
        ran.says(told).says(&format!("{tool}: see {tool} -h, or man {tool}"));
    }
    assert_eq!(account.server.stats().total(), 0);
}

#[test]
fn every_tool_has_help_and_version() {
    let account = Account::new();
    for tool in TOOLS {
        let short = account.sh(&format!("oauth-{tool} -h")).succeeds();
        let long = account.sh(&format!("oauth-{tool} --help")).succeeds();
        assert!(short.out.starts_with(&format!("usage: oauth-{tool} ")), "{short}");
        assert!(long.out.starts_with(&short.out) && long.out.contains("-h, --help"), "{long}");
        let version = format!("oauth-{tool} (oauth-tools) {}\n", env!("CARGO_PKG_VERSION"));
        account.sh(&format!("oauth-{tool} --version")).succeeds().prints(&version);
        account.sh(&format!("oauth-{tool} -V")).succeeds().prints(&version);
    }
}

#[test]
fn a_message_is_one_line_however_hostile_the_text() {
    let account = Account::new();
    let id = account.kind("client").iter().find(|c| text(&c["name"]).contains('\n')).map(|c| text(&c["id"]));
    let ran = account.sh(&format!("oauth-rm client {} -o table", id.expect("one"))).succeeds();
    assert_eq!(ran.lines().len(), 1, "{ran}");
    assert!(!ran.out.contains(['\x1b', '\x07', '\u{202e}']), "{ran}");
}

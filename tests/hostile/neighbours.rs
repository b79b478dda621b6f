//! Files that others use at the same time, or that are not what they seem: `--log` and `--rest`.

use std::fs;
use std::os::unix::fs::symlink;

use oauth_tools::sandbox::Settings;
use serde_json::Value;

use crate::common::{Account, faulty};

/// The lines of a log, each a complete record.
#[track_caller]
fn log(account: &Account, name: &str) -> Vec<Value> {
    let text = account.read(name);
    assert!(!text.contains('\0') && (text.is_empty() || text.ends_with('\n')), "{text:?}");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}"))).collect()
}

#[test]
fn a_file_that_cannot_be_used_is_refused_before_anything_is_attempted() {
    let account = Account::new();
    let list = account.sh("oauth-ls authz --status expired | tee list").succeeds().out;
    let before = account.state();
    account.write("victim", "precious\n");
    account.write("script", "#!/bin/sh\nrm -f x y z\n");
    symlink(account.path("victim"), account.path("link")).unwrap();
    symlink(account.path("nothing"), account.path("dangling")).unwrap();
    fs::hard_link(account.path("victim"), account.path("hard")).unwrap();
    fs::create_dir(account.path("folder")).unwrap();
    account.sh("mkfifo pipe").succeeds();
    let mut cases = vec![
        ("--log", "link", "is a symbolic link"),
        ("--log", "dangling", "is a symbolic link"),
        ("--log", "hard", "has another name too"),
        ("--log", "folder", "is a directory"),
        ("--log", "pipe", "is not a regular file"),
        ("--log", "/dev/null", "is not a regular file"),
        ("--log", "missing/log", "no such file"),
        ("--log", "", ""),
        ("--rest", "link", "is a symbolic link"),
        ("--rest", "dangling", "is a symbolic link"),
        ("--rest", "folder", "not a regular file"),
        ("--rest", "pipe", "not a regular file"),
        ("--rest", "/dev/null", "not a regular file"),
        ("--rest", "missing/rest", "no such file"),
        ("--rest", "script", "is not a list of records"),
        ("--rest", "", ""),
    ];
    account.write("foreign", "");
    if std::os::unix::fs::chown(account.path("foreign"), Some(12345), None).is_ok() {
        cases.push(("--log", "foreign", "belongs to another user"));
    }
    for (option, name, what) in &cases {
        let ran = account.feed(&format!("oauth-rm {option} '{name}'"), &list).exits(2);
        assert!(ran.out.is_empty() && ran.err.contains(what), "{option} {name}{ran}");
        if *option == "--log" {
            let both = format!("oauth-rm --rest old --log '{name}'");
            account.write("old", "left-1\n");
            account.feed(&both, &list).exits(2);
            assert_eq!(account.read("old"), "left-1\n", "{name}");
            account.sh(&format!("oauth-run --log '{name}' touch ran")).exits(2);
            account.sh(&format!("OAUTH_LOG='{name}' oauth-mk authz -d x -s read > made"));
        }
    }
    assert!(!account.path("ran").exists() && !account.path("nothing").exists());
    assert_eq!((account.read("victim").as_str(), account.state().len()), ("precious\n", before.len() + 1));
    assert!(
        !fs::read_dir(&account.folder)
            .unwrap()
            .any(|e| e.unwrap().path().extension() == Some("tmp".as_ref()))
    );
}

#[test]
fn a_log_that_is_truncated_meanwhile_loses_no_line_and_gets_no_hole() {
    for other in [
        "",
        "oauth-mk authz -d other -s read --log log > other;",
        "oauth-mk authz -d other -s read --log log > other; : > log;",
        "printf 'half a line' > log;",
    ] {
        let line = format!(
            "oauth-mk authz -d slow -s read --log log > slow & until test \"$(grep -c begun log)\" = 1; do sleep 0.01; done; \
             cp log log.1; : > log; {other} wait $!"
        );
        let slow = Account::with(faulty(&["slow@POST:ms=900:count=1"]));
        slow.sh(&line).exits(0);
        let text = slow.read("log");
        assert!(!text.contains('\0'), "{other}: {text:?}");
        let lines: Vec<&str> = text.lines().filter(|line| *line != "half a line").collect();
        let results: Vec<Value> =
            lines.iter().map(|line| serde_json::from_str(line).expect("a record")).collect();
        assert!(
            results.iter().any(|line| line["description"] == "slow" && line["result"] == "created"),
            "{text}"
        );
        assert_eq!(
            results.len(),
            1 + usize::from(other.contains("other") && !other.ends_with(": > log;")),
            "{other}: {text}"
        );
        assert_eq!(log(&slow, "log.1").len(), 1);
    }
}

#[test]
fn a_foreign_lock_on_the_log_does_not_block_for_ever() {
    needs!("flock");
    let account = Account::new();
    let before = account.ids("authz");
    account.write("log", "");
    let held = |line: &str| {
        format!(
            "flock -o log sleep 15 > slept 2>&1 & until ! flock -n log true; do sleep 0.02; done; {line}; status=$?; kill $!; exit $status"
        )
    };
    let ran = account.sh(&held("oauth-mk authz -d x -s read --log log")).exits(1);
    ran.says("locked by another program");
    assert_eq!(account.ids("authz"), before);
    let line = "timeout -s TERM 1 oauth-run --log log true";
    account.sh(&held(line));
    assert_eq!(account.ids("authz"), before);
}

#[test]
fn with_a_full_log_each_record_is_reported_or_counted() {
    let account = Account::with(Settings { authz: 60, ..Settings::default() });
    account.sh("oauth-ls authz | grep generated > list").succeeds();
    let total = account.read("list").lines().count();
    assert!(total > 50);
    for parallel in [1, 8, 8, 8, 8, 8, 8, 8, 8, 32] {
        let account = Account::with(Settings { authz: 60, ..Settings::default() });
        account.sh("oauth-ls authz | grep generated > list").succeeds();
        let line = format!("ulimit -f 8; exec oauth-rm -P {parallel} --log log -o id < list");
        let ran = account.sh(&line).exits(1);
        let reported = ran.err.lines().filter(|line| line.contains(": authz ")).count();
        let counted = ran.err.lines().find_map(|line| {
            line.strip_prefix("oauth-rm: stopped: ")?.split(' ').next()?.parse::<usize>().ok()
        });
        let done = ran.lines().len();
        assert_eq!(done + reported + counted.unwrap_or(0), total, "-P {parallel}{ran}");
    }
}

#[test]
fn a_second_run_with_the_same_rest_file_is_refused_at_once() {
    for stream in ["", "--stream"] {
        let account = Account::with(faulty(&["slow@DELETE:ms=600"]));
        let total = account.sh("oauth-ls authz --status expired | tee list").succeeds().lines().len();
        let line = format!(
            "oauth-rm -v -P 1 --rest rest {stream} < list > out 2> said & \
             until grep -q '> DELETE' said; do sleep 0.02; done; \
             oauth-rm --rest rest {stream} < list > second; echo $?; wait $!; echo $?"
        );
        let ran = account.sh(&line).exits(0);
        assert_eq!(ran.lines(), ["2", "0"], "{ran}");
        ran.says("rest: another run is using it");
        assert_eq!((account.read("out").lines().count(), account.read("second").as_str()), (total, ""));
        assert_eq!(account.read("rest"), "");
        // A run that was killed is no other run.
        account.sh("oauth-mk authz -d left -s read | tee left").succeeds();
        let line = "oauth-rm -v --rest rest < left 2> said & until grep -q '> DELETE' said; do sleep 0.02; done; \
                    kill -9 $!; wait $!; cp rest todo; oauth-rm -f --rest rest < todo";
        account.sh(line).exits(0);
        assert_eq!(account.read("rest"), "");
    }
}

//! Signals of every kind, and parents that ignore some: commands are ended by them, authorizations are revoked, and
//! exit statuses are true.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::common::{Account, faulty, text};

/// The signals that end a process and can be caught, by number: those of signal(7), and some real-time signals.
#[cfg(all(target_os = "linux", not(any(target_arch = "mips", target_arch = "mips64"))))]
const ENDING: &[i32] =
    &[1, 2, 3, 5, 6, 7, 10, 12, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31, 34, 35, 36, 49, 50, 63, 64];
/// Those that other systems have too.
#[cfg(not(all(target_os = "linux", not(any(target_arch = "mips", target_arch = "mips64")))))]
const ENDING: &[i32] = &[1, 2, 3, 14, 15];

#[test]
fn each_signal_reaches_the_command_and_the_authorization_is_revoked() {
    let account = Account::new();
    let before = account.ids("authz");
    for signal in ENDING {
        for runner in ["oauth-run", "oauth-sandbox"] {
            let script =
                format!("trap \"exit 7\" {signal}; kill -{signal} $PPID; while :; do sleep 0.01; done");
            account.sh(&format!("{runner} sh -c '{script}'")).exits(7);
        }
        assert_eq!(account.ids("authz"), before, "{signal}");
    }
}

#[test]
fn a_command_that_a_signal_ends_has_its_status() {
    let account = Account::new();
    let before = account.ids("authz");
    for signal in ENDING {
        let script = format!("kill -{signal} $PPID; exec sleep 60");
        account.sh(&format!("ulimit -c 0; oauth-run sh -c '{script}'")).exits(128 + signal);
        assert_eq!(account.ids("authz"), before, "{signal}");
    }
}

#[test]
fn no_signal_is_lost_if_several_come_at_once() {
    let account = Account::new();
    let script = r#"for n in 1 2 3 10 12 14 15; do trap "echo $n >> got" $n; done
        for n in 15 1 2 10 12 14 3; do kill -$n $PPID; done
        until test "$(wc -l < got)" -ge 7; do sleep 0.01; done 2> /dev/null; sleep 0.1"#;
    for _ in 0..5 {
        account.write("script", script);
        account.sh("rm -f got; oauth-run sh script").succeeds();
        let mut got: Vec<i32> = account.read("got").lines().map(|n| n.parse().unwrap()).collect();
        got.sort_unstable();
        assert_eq!(got, [1, 2, 3, 10, 12, 14, 15]);
    }
}

#[test]
fn each_signal_lets_a_change_in_flight_finish() {
    for signal in ENDING.iter().filter(|signal| **signal != 25) {
        let account = Account::with(faulty(&["slow@POST:ms=1200"]));
        let line = format!(
            "oauth-mk -v authz -d new 2> said & until grep -q '> POST' said; do sleep 0.02; done; \
             kill -{signal} $!; wait $!; status=$?; cat said >&2; exit $status"
        );
        let ran = account.sh(&line).exits(0);
        let made = ran.record();
        assert_eq!(account.named("new")["id"], made["id"], "{ran}");
        assert!(!text(&made["access_token"]["token"]).contains('*'), "{ran}");
    }
}

#[test]
fn the_status_is_that_of_the_signal_if_something_is_left() {
    for signal in [1, 12, 14, 15] {
        let account = Account::with(faulty(&["slow@DELETE:ms=700"]));
        account.sh("oauth-ls authz --status expired > list").succeeds();
        assert!(account.read("list").lines().count() > 1);
        let line = format!(
            "oauth-rm -P 1 -v --rest rest < list > out 2> said & \
             until grep -q '> DELETE' said; do sleep 0.02; done; kill -{signal} $!; wait $!"
        );
        account.sh(&line).exits(128 + signal);
        let (done, left) = (account.read("out").lines().count(), account.read("rest").lines().count());
        assert_eq!((done, done + left), (1, account.read("list").lines().count()));
    }
}

#[test]
fn a_parent_that_ignores_children_does_not_change_a_status() {
    let account = Account::new();
    let before = account.ids("authz");
    for (line, status) in [
        ("oauth-run sh -c 'exit 3'", 3),
        ("oauth-run true", 0),
        ("oauth-run sh -c 'kill -9 $$'", 137),
        ("oauth-sandbox sh -c 'exit 3'", 3),
        ("oauth-run sh -c 'sh -c \"exit 5\"; exit $?'", 5),
        ("oauth-mk authz -d handed -s read --exec 'cat > got'", 0),
        ("oauth-mk authz -d refused -s read --exec 'exit 9'", 1),
    ] {
        let ran = account.sh(&format!("exec env --ignore-signal=CHLD {line}")).exits(status);
        ran.never_says("child").never_says("lost");
    }
    assert!(!account.read("got").is_empty());
    assert_eq!(account.ids("authz").len(), before.len() + 2);
}

#[test]
fn a_signal_that_the_parent_ignores_stays_ignored() {
    let account = Account::new();
    for (name, number) in [("HUP", 1), ("INT", 2), ("TERM", 15), ("USR1", 10), ("RTMIN", 34)] {
        let script = format!("kill -{number} $PPID; sleep 0.2; exit 7");
        account.sh(&format!("exec env --ignore-signal={name} oauth-run sh -c '{script}'")).exits(7);
    }
}

#[test]
fn without_proc_an_ignored_signal_stays_ignored_too() {
    needs!("unshare");
    let account = Account::new();
    let ways = ["unshare -m", "unshare -rm", "unshare -m --propagation unchanged"];
    let hide = "mount -t tmpfs none /proc && test ! -e /proc/self";
    let works = |unshare: &str| account.sh(&format!("{unshare} sh -c '{hide}'")).status == 0;
    let Some(unshare) = ways.into_iter().find(|unshare| works(unshare)) else {
        crate::common::needs::leave_out("no right to hide /proc", None);
        return;
    };
    let slow = Account::with(faulty(&["slow@POST:ms=700"]));
    for (name, number) in [("HUP", 1), ("INT", 2), ("USR2", 12), ("RTMAX", 64)] {
        let script = format!(
            "{hide} || exit 99\n\
             env --ignore-signal={name} oauth-run sh -c 'kill -{number} $PPID; sleep 0.2; exit 7'; echo $?\n\
             oauth-run sh -c 'trap \"exit 8\" {number}; kill -{number} $PPID; while :; do sleep 0.01; done'; echo $?\n\
             env --ignore-signal={name} oauth-mk -v authz -d x -s read 2> said > out &\n\
             until grep -q '> POST' said; do sleep 0.02; done; kill -{number} $!; wait $!; echo $?\n\
             env --ignore-signal={name} oauth-run sh -c 'trap \"exit 9\" 15; kill -15 $PPID; while :; do sleep 0.01; done'\n\
             echo $?\n"
        );
        slow.write("script", &script);
        let ran = slow.sh(&format!("rm -f said; {unshare} sh ./script")).exits(0);
        assert_eq!(ran.lines(), ["7", "8", "0", "9"], "{name}{ran}");
    }
}

#[test]
fn a_command_is_found_and_started_as_execvp_does() {
    let account = Account::new();
    let before = account.ids("authz");
    let script = |name: &str, content: &[u8], mode: u32| {
        account.write(name, content);
        fs::set_permissions(account.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    fs::create_dir(account.path("bin")).unwrap();
    fs::create_dir(account.path("folder")).unwrap();
    let bare = b"test \"$1\" = 'a b' && test -n \"$HEROKU_API_KEY\" && exit 5\nexit 6\n";
    script("bin/bare", bare, 0o700);
    script("-bare", bare, 0o700);
    script("empty", b"", 0o700);
    script("hash", b"#!/bin/sh\nexit 5\n", 0o700);
    script("binary", b"\x7fELF\0\0\0\0not for this machine", 0o700);
    script("closed", b"#!/bin/sh\n", 0o600);
    script("orphan", b"#!/no/such/interpreter\n", 0o700);
    for (command, status) in [
        ("bin/bare 'a b'", 5),
        ("bare 'a b'", 5),
        ("./-bare 'a b'", 5),
        ("./empty", 0),
        ("./hash", 5),
        ("./binary", 126),
        ("./closed", 126),
        ("./folder", 126),
        ("./hash/x", 126),
        ("./orphan", 127),
        ("./missing", 127),
        ("missing", 127),
    ] {
        let ran = account.sh(&format!("PATH=$PWD/bin:$PATH; oauth-run -- {command}"));
        assert_eq!(ran.status, status, "{command}{ran}");
        assert_eq!(account.ids("authz"), before, "{command}");
        assert!(status < 126 || ran.err.lines().count() == 1, "{command}{ran}");
    }
}

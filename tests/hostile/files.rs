//! Files that tools write: for their owner only, never through a link, never half of a new one over an old one.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use oauth_tools::sandbox::Settings;

use crate::common::Account;

/// Lines that write a file called `FILE`.
const WRITERS: [&str; 5] = [
    "oauth-ls authz | grep generated | head -n 3 | oauth-rm --rest FILE -o id > gone; true",
    "oauth-mk authz -d x --log FILE -o id",
    "oauth-run --log FILE -- true",
    "oauth-sandbox --dump FILE true",
    "oauth-sandbox --state FILE true",
];

#[test]
fn a_new_file_is_for_its_owner_alone() {
    for line in WRITERS {
        let account = Account::with(Settings { authz: 5, ..Settings::default() });
        account.bash(&format!("umask 0; {}", line.replace("FILE", "file"))).exits(0);
        let mode =
            |name: &str| fs::metadata(account.folder.join(name)).expect(line).permissions().mode() & 0o777;
        assert_eq!(mode("file"), 0o600, "{line}");
        for entry in
            fs::read_dir(&account.folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap())
        {
            let ours = !["home", "gone", "file"].contains(&entry.as_str());
            assert!(!ours || mode(&entry) == 0o600, "{line}: {entry}");
            assert!(!entry.ends_with(".tmp"), "{line}: {entry}");
        }
    }
}

#[test]
fn no_file_is_written_through_a_link() {
    for line in WRITERS {
        for there in [true, false] {
            let account = Account::with(Settings { authz: 5, ..Settings::default() });
            if there {
                account.write("victim", "precious\n");
            }
            symlink(account.folder.join("victim"), account.folder.join("file")).unwrap();
            let ran = account.bash(&line.replace("FILE", "file").replace("; true", ""));
            assert!([1, 2].contains(&ran.status) && ran.err.contains("file: "), "{ran}");
            assert_eq!(account.folder.join("victim").exists(), there, "{ran}");
            assert!(!there || account.read("victim") == "precious\n", "{ran}");
            assert!(fs::symlink_metadata(account.folder.join("file")).unwrap().is_symlink(), "{ran}");
        }
    }
    // The lock file of a state file may not be a link either.
    let account = Account::new();
    symlink(account.folder.join("victim"), account.folder.join("file.lock")).unwrap();
    let ran = account.sh("oauth-sandbox --state file true");
    assert!(ran.status == 1 && !account.folder.join("victim").exists(), "{ran}");
}

#[test]
fn a_file_size_limit_keeps_the_old_file_and_prevents_changes() {
    let account = Account::with(Settings { authz: 2000, ..Settings::default() });
    let before = account.state();
    account.sh("oauth-ls authz | grep generated > list").succeeds();
    // 8 blocks of 512 bytes (dash, and sh where it is dash) or of 1 KiB (bash): less than each of these needs.
    for (line, status) in [
        ("oauth-rm --rest file -o id < list", 2),
        ("oauth-sandbox --authz 2000 --dump file true", 1),
        ("oauth-sandbox --authz 2000 --state file true", 1),
    ] {
        let good = if line.contains("--state") { String::new() } else { "good\n".to_owned() };
        account.write("file", &good);
        if good.is_empty() {
            fs::remove_file(account.folder.join("file")).unwrap();
        }
        let ran = account.sh(&format!("ulimit -f 8; exec {line}")).exits(status);
        assert!(ran.err.contains("file too large"), "{ran}");
        let now = fs::read_to_string(account.folder.join("file")).unwrap_or_default();
        assert_eq!(now, good, "{ran}");
        let drafts = fs::read_dir(&account.folder).unwrap();
        let drafts: Vec<_> = drafts
            .map(|e| e.unwrap().file_name())
            .filter(|n| n.to_string_lossy().ends_with(".tmp"))
            .collect();
        assert!(drafts.is_empty(), "{drafts:?}{ran}");
    }
    assert_eq!(account.state(), before);
}

#[test]
fn a_full_log_prevents_changes_and_keeps_complete_lines() {
    let account = Account::with(Settings { authz: 50, ..Settings::default() });
    account.sh("oauth-ls authz | grep generated > list").succeeds();
    // 8 KiB, or 4: room for some records of 512 bytes.
    let ran = account.sh("ulimit -f 8; exec oauth-rm --log log -o id < list").exits(1);
    assert!(ran.err.contains("log: file too large"), "{ran}");
    let log = account.read("log");
    assert!(log.ends_with('\n') && log.lines().count() >= 8, "{log}");
    for line in log.lines() {
        let record: serde_json::Value = serde_json::from_str(line).expect("a whole record");
        assert_eq!(record["result"], "revoked", "{line}");
    }
    let gone = ran.lines().len();
    assert_eq!(gone, log.lines().count(), "each change is in the log{ran}");
    assert_eq!(account.asked("DELETE /oauth/authorizations/{id}"), gone as u64, "{ran}");
}

#[test]
fn a_full_disk_keeps_the_old_file() {
    needs!("unshare");
    let account = Account::with(Settings { authz: 2000, ..Settings::default() });
    account.sh("oauth-ls authz | grep generated > list; mkdir disk").succeeds();
    // A small file system, if the test may mount one: as root, as root of a user namespace, or in a chroot.
    let ways = ["unshare -m", "unshare -rm", "unshare -m --propagation unchanged"];
    let mount = "mount -t tmpfs -o size=16k tmpfs disk";
    let works = |unshare: &str| account.sh(&format!("{unshare} sh -c '{mount} && umount disk'")).status == 0;
    let Some(unshare) = ways.into_iter().find(|unshare| works(unshare)) else {
        crate::common::needs::leave_out("no right to mount a file system of its own", None);
        return;
    };
    let script = "echo good > disk/file; \
        oauth-rm --rest disk/file -o id < list; echo $?; cat disk/file; ls -A disk; \
        oauth-rm --log disk/log -o id < list > out; echo $?; tail -c 1 disk/log | od -c | head -n 1; wc -l < out; wc -l < disk/log; \
        rm disk/log; oauth-sandbox --authz 2000 --dump disk/file true; echo $?; cat disk/file; ls -A disk; \
        oauth-sandbox --authz 2000 --state disk/state true; echo $?; ls -A disk";
    account.write("script", format!("{mount} && {{ {script}; umount disk; }}\n"));
    let ran = account.sh(&format!("{unshare} sh ./script"));
    let said = ran.lines();
    println!("{ran}");
    assert_eq!(said[..3], ["2", "good", "file"], "{ran}");
    assert!(ran.err.matches("no space left on device").count() >= 4, "{ran}");
    assert_eq!(said[3], "1", "{ran}");
    assert!(said[4].ends_with("\\n"), "{ran}");
    assert_eq!(said[5], said[6], "each change is in the log{ran}");
    assert_eq!(said[7..], ["1", "good", "file", "1", "file", "state.lock"], "{ran}");
}

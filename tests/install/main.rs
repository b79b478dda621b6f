//! make install, and make uninstall after it: what comes, where, and that nothing stays.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use oauth_tools::parts::Shell;
use oauth_tools::tools::ALL;
use oauth_tools::tools::completions as script;

/// All files below a folder, by their paths from it, and their modes.
fn files(root: &Path) -> BTreeSet<(String, u32)> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.insert((name, fs::metadata(&path).unwrap().permissions().mode() & 0o777));
            }
        }
    }
    found
}

struct Install {
    root: PathBuf,
    made: PathBuf,
}

impl Install {
    fn new(name: &str) -> Install {
        let top = Path::new(env!("CARGO_TARGET_TMPDIR")).join("install").join(name);
        let _ = fs::remove_dir_all(&top);
        let install = Install { root: top.join("a root"), made: top.join("made") };
        fs::create_dir_all(&install.root).unwrap();
        fs::create_dir_all(&install.made).unwrap();
        // What `make completions` would build a program for.
        for (shell, name) in [(Shell::Bash, "bash"), (Shell::Zsh, "zsh"), (Shell::Fish, "fish")] {
            fs::write(install.made.join(name), script(shell)).unwrap();
        }
        fs::write(install.made.join("print"), "cat \"$(dirname \"$0\")/$1\"\n").unwrap();
        install
    }

    /// Runs make on the programs that this test was built with.
    #[track_caller]
    fn make(&self, goal: &str, prefix: &str) {
        let built = Path::new(env!("CARGO_BIN_EXE_oauth-ls")).parent().unwrap();
        let out = Command::new("make")
            .arg("--no-print-directory")
            .arg(goal)
            .arg(format!("DESTDIR={}", self.root.display()))
            .arg(format!("PREFIX={prefix}"))
            .arg(format!("TARGET={}", self.made.display()))
            .arg(format!("BUILT={}", built.display()))
            .arg(format!("COMPLETIONS=sh '{}'", self.made.join("print").display()))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_remove("MAKEFLAGS")
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
}

fn wanted(prefix: &str) -> BTreeSet<(String, u32)> {
    let share = format!("{prefix}/share");
    let mut wanted = BTreeSet::new();
    for tool in ALL.map(|tool| tool.name) {
        wanted.insert((format!("{prefix}/bin/{tool}"), 0o755));
        wanted.insert((format!("{share}/man/man1/{tool}.1"), 0o644));
        wanted.insert((format!("{share}/bash-completion/completions/{tool}"), 0o644));
        wanted.insert((format!("{share}/fish/vendor_completions.d/{tool}.fish"), 0o644));
    }
    wanted.insert((format!("{share}/man/man5/oauth-record.5"), 0o644));
    wanted.insert((format!("{share}/man/man7/oauth-tools.7"), 0o644));
    wanted.insert((format!("{share}/zsh/site-functions/_oauth_tools"), 0o644));
    wanted
}

#[test]
fn what_is_installed_is_complete_and_what_is_uninstalled_is_gone() {
    for prefix in ["usr", "opt/oauth"] {
        let install = Install::new(&prefix.replace('/', "-"));
        let before = BTreeSet::from([(format!("{prefix}/bin/other"), 0o644)]);
        fs::create_dir_all(install.root.join(prefix).join("bin")).unwrap();
        fs::write(install.root.join(prefix).join("bin/other"), "").unwrap();
        install.make("install", &format!("/{prefix}"));
        let installed: BTreeSet<_> = files(&install.root).difference(&before).cloned().collect();
        assert_eq!(installed, wanted(prefix));
        let bin = install.root.join(prefix).join("bin");
        let version = Command::new(bin.join("oauth-ls")).arg("--version").output().unwrap();
        assert!(version.status.success());
        let share = install.root.join(prefix).join("share");
        let bash = fs::read_to_string(share.join("bash-completion/completions/oauth-mk")).unwrap();
        assert_eq!(bash, script(Shell::Bash));
        // Again, over what is there.
        install.make("install", &format!("/{prefix}"));
        install.make("uninstall", &format!("/{prefix}"));
        assert_eq!(files(&install.root), before);
    }
}

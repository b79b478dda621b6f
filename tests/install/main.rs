//! The files that are installed and packed: `make install`, `make uninstall`, `make dist`, `make help`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../common/mod.rs"]
mod common;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Folder, finish};
use oauth_tools::parts::Shell;
use oauth_tools::tools::ALL;
use oauth_tools::tools::completions as script;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The files in `completions/`.
const COMPLETIONS: [(&str, Shell); 3] =
    [("_oauth_tools", Shell::Zsh), ("oauth-tools.bash", Shell::Bash), ("oauth-tools.fish", Shell::Fish)];

/// The files below a folder: their paths from it, and their modes.
fn files(root: &Path) -> BTreeSet<(String, u32)> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let data = fs::symlink_metadata(&path).unwrap();
            if data.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.insert((name, data.permissions().mode() & 0o777));
            }
        }
    }
    found
}

/// Writes a shell script that can be run.
fn program(path: &Path, lines: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a command to its end, and returns what it printed.
#[track_caller]
fn run(command: &mut Command) -> String {
    finish(command).exits(0).out
}

/// Returns make in a folder with settings, without the variables of this run.
fn make(folder: &Path, goal: &str, settings: &[(&str, &OsStr)]) -> Command {
    let mut make = Command::new("make");
    make.current_dir(folder).args(["--no-print-directory", goal]);
    for (name, value) in settings {
        let mut setting = std::ffi::OsString::from(format!("{name}="));
        setting.push(value);
        make.arg(setting);
    }
    for name in ["MAKEFLAGS", "MAKELEVEL", "CARGO", "CARGO_TARGET_DIR", "BUILT", "PREFIX", "DESTDIR"] {
        make.env_remove(name);
    }
    make
}

/// Returns make in a folder, on a machine without cargo and rustc.
fn make_without_cargo(folder: &Path, goal: &str, settings: &[(&str, &OsStr)]) -> Command {
    let fakes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("install/no-cargo");
    for name in ["cargo", "rustc"] {
        let fake = fakes.join(format!("{name}.{:?}", std::thread::current().id()));
        program(&fake, "echo 'nothing is to be built here' >&2; exit 1");
        fs::rename(fake, fakes.join(name)).unwrap();
    }
    let mut path = fakes.into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let mut make = make(folder, goal, settings);
    make.env("PATH", path);
    make
}

/// The files of an installation.
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
    wanted.insert((format!("{share}/man/man7/oauth-bridge.7"), 0o644));
    wanted.insert((format!("{share}/man/man7/oauth-tools.7"), 0o644));
    wanted.insert((format!("{share}/zsh/site-functions/_oauth_tools"), 0o644));
    wanted
}

/// Installs from a folder twice and uninstalls, next to a file of another package; `check` gets the installed programs.
fn install_and_uninstall(from: &Path, to: &Path, prefix: &str, built: Option<&Path>, check: impl Fn(&Path)) {
    let path = format!("/{prefix}");
    let mut settings = vec![("DESTDIR", to.as_os_str()), ("PREFIX", OsStr::new(&path))];
    settings.extend(built.map(|built| ("BUILT", built.as_os_str())));
    let before = BTreeSet::from([(format!("{prefix}/bin/other"), 0o755)]);
    program(&to.join(prefix).join("bin/other"), "");

    run(&mut make_without_cargo(from, "install", &settings));
    let installed: BTreeSet<_> = files(to).difference(&before).cloned().collect();
    assert_eq!(installed, wanted(prefix));
    let share = to.join(prefix).join("share");
    let [zsh, bash, fish] =
        COMPLETIONS.map(|(file, _)| fs::read(Path::new(ROOT).join("completions").join(file)));
    assert_eq!(fs::read(share.join("zsh/site-functions/_oauth_tools")).unwrap(), zsh.unwrap());
    assert_eq!(fs::read(share.join("bash-completion/completions/oauth-mk")).unwrap(), bash.unwrap());
    assert_eq!(fs::read(share.join("fish/vendor_completions.d/oauth-mk.fish")).unwrap(), fish.unwrap());
    check(&to.join(prefix).join("bin"));

    // Over an installation, with parallel jobs.
    run(make_without_cargo(from, "install", &settings).arg("-j4"));
    run(make_without_cargo(from, "uninstall", &settings).arg("-j4"));
    assert_eq!(files(to), before);
}

#[test]
fn completions_in_the_repository_follow_the_option_tables() {
    let folder = Path::new(ROOT).join("completions");
    for (file, shell) in COMPLETIONS {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        assert!(text == script(shell), "completions/{file} is out of date: run `make completions`");
    }
    let names: BTreeSet<String> = files(&folder).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, COMPLETIONS.map(|(file, _)| file.to_owned()).into());
}

#[test]
fn install_is_complete_and_uninstall_leaves_nothing() {
    let built = Path::new(env!("CARGO_BIN_EXE_oauth-ls")).parent().unwrap();
    let up = Path::new(ROOT).components().skip(1).map(|_| "..").collect::<PathBuf>();
    let relative = up.join(built.strip_prefix("/").unwrap());
    let folder = Folder::new();
    for (prefix, built) in [("usr", built), ("opt/oauth", &relative)] {
        let to = folder.join(prefix.replace('/', "-")).join("a root");
        install_and_uninstall(Path::new(ROOT), &to, prefix, Some(built), |bin| {
            let version = run(Command::new(bin.join("oauth-ls")).arg("--version"));
            assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
        });
    }
}

/// Writes small programs to pack, which print their names: those of this build are ten times as large as a release's.
fn stand_ins(folder: &Path) {
    for tool in ALL.map(|tool| tool.name) {
        program(&folder.join(tool), &format!("echo {tool}"));
    }
}

/// The only archive in a folder, and the folder that is in it.
fn archive(folder: &Path) -> (PathBuf, String) {
    let names: Vec<String> = files(folder).into_iter().map(|(name, _)| name).collect();
    assert!(names.len() == 2 && names[0] == "SHA256SUMS", "{names:?}");
    let inside = names[1].strip_suffix(".tar.gz").unwrap();
    let target = inside.strip_prefix(&format!("oauth-tools-{}-", env!("CARGO_PKG_VERSION"))).unwrap();
    assert!(target.starts_with(std::env::consts::ARCH) && target.contains(std::env::consts::OS), "{target}");
    (folder.join(&names[1]), inside.to_owned())
}

#[test]
fn an_archive_is_complete_and_installs_itself() {
    let top = Folder::new();
    let (built, out, unpacked) = (top.join("built"), top.join("out"), top.join("a folder"));
    stand_ins(&built);
    run(make(Path::new(ROOT), "dist", &[("BUILT", built.as_os_str()), ("TARGET", out.as_os_str())])
        .env("SOURCE_DATE_EPOCH", "1700000000"));
    let (archive, inside) = archive(&out);
    run(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&out));

    // The order must not depend on the file system.
    let listed = run(Command::new("tar").arg("-tf").arg(&archive));
    assert!(listed.lines().map(Path::new).is_sorted(), "{listed}");

    fs::create_dir(&unpacked).unwrap();
    run(Command::new("tar").arg("-xf").arg(archive).current_dir(&unpacked));
    let entries: Vec<_> = fs::read_dir(&unpacked).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(entries, [OsStr::new(&inside)], "an archive unpacks into one folder");
    let unpacked = unpacked.join(inside);
    let mut wanted = BTreeSet::new();
    for name in ["CHANGELOG.md", "LICENSE", "Makefile", "README.md"] {
        wanted.insert((name.to_owned(), 0o644));
    }
    for tool in ALL.map(|tool| tool.name) {
        wanted.insert((format!("bin/{tool}"), 0o755));
    }
    for folder in ["completions", "man"] {
        let all = files(&Path::new(ROOT).join(folder));
        wanted.extend(all.into_iter().map(|(name, _)| (format!("{folder}/{name}"), 0o644)));
    }
    assert_eq!(files(&unpacked), wanted);
    for (name, _) in &wanted {
        assert_eq!(fs::metadata(unpacked.join(name)).unwrap().mtime(), 1_700_000_000, "{name}");
    }

    install_and_uninstall(&unpacked, &top.join("a root"), "usr/local", None, |bin| {
        for tool in ALL.map(|tool| tool.name) {
            assert_eq!(run(&mut Command::new(bin.join(tool))), format!("{tool}\n"));
        }
    });
    // make without a target only prints help.
    let help = run(&mut make_without_cargo(&unpacked, "help", &[]));
    assert_eq!(run(make_without_cargo(&unpacked, "-s", &[]).env("DESTDIR", &*top)), help);
}

#[test]
fn an_archive_has_the_same_bytes_wherever_it_is_packed() {
    let top = Folder::new();
    let (built, another, copy) = (top.join("built"), top.join("built elsewhere"), top.join("a copy"));
    stand_ins(&built);
    stand_ins(&another);
    fs::create_dir(&copy).unwrap();
    for name in
        ["CHANGELOG.md", "Cargo.toml", "LICENSE", "Makefile", "README.md", "completions", "man", "packaging"]
    {
        run(Command::new("cp").arg("-r").arg(Path::new(ROOT).join(name)).arg(&copy));
    }
    // The same, with other modes, times and order of the files.
    for (name, _) in files(&another) {
        fs::set_permissions(another.join(name), fs::Permissions::from_mode(0o700)).unwrap();
    }
    let page = fs::read(copy.join("man/oauth-ls.1")).unwrap();
    fs::remove_file(copy.join("man/oauth-ls.1")).unwrap();
    fs::write(copy.join("man/oauth-ls.1"), page).unwrap();
    let packed = [(Path::new(ROOT), built, "022"), (&copy, another, "077")].map(|(from, built, umask)| {
        let out = top.join(umask);
        let settings = [("BUILT", built.as_os_str()), ("TARGET", out.as_os_str())];
        let make = make(from, "dist", &settings);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "umask \"$0\" && exec \"$@\"", umask])
            .arg(make.get_program())
            .args(make.get_args());
        shell.current_dir(from).env("SOURCE_DATE_EPOCH", "1700000000");
        for (name, _) in make.get_envs() {
            shell.env_remove(name);
        }
        run(&mut shell);
        let (archive, _) = archive(&out);
        (fs::read(archive).unwrap(), fs::read_to_string(out.join("SHA256SUMS")).unwrap())
    });
    assert!(packed[0] == packed[1], "{} {}", packed[0].1, packed[1].1);
}

#[test]
fn help_has_a_line_for_each_target_and_setting() {
    let mut targets = BTreeSet::new();
    for file in ["Makefile", "packaging/install.mk"] {
        let text = fs::read_to_string(Path::new(ROOT).join(file)).unwrap();
        let phony = text.lines().filter_map(|line| line.strip_prefix(".PHONY:"));
        targets.extend(phony.flat_map(str::split_whitespace).map(str::to_owned));
    }
    assert!(targets.remove("all") && targets.len() > 10, "{targets:?}");
    let help = run(&mut make_without_cargo(Path::new(ROOT), "help", &[]));
    let lines: Vec<(&str, &str)> =
        help.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(' ')).collect();
    assert!(lines.iter().all(|(_, text)| !text.trim().is_empty()), "{help}");
    let (settings, named): (BTreeSet<_>, BTreeSet<_>) = lines
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .partition(|name| name.starts_with(char::is_uppercase));
    assert_eq!(named, targets);
    assert_eq!(lines.len(), settings.len() + named.len(), "each once: {help}");
    for setting in ["PREFIX", "DESTDIR", "BUILT"] {
        assert!(settings.contains(setting), "{help}");
    }
}

//! The packages that the programs are built from: licences, versions, sources; and the absence of unsafe code.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use common::{Ran, finish};
use serde_json::Value;

/// The most packages that a build for this platform may need, without our own.
const MOST: usize = 55;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).expect(name)
}

/// Runs cargo as the build left it: with the packages in its cache, without the network.
fn cargo(args: &[&str]) -> Ran {
    finish(Command::new(env!("CARGO")).args(args).args(["--locked", "--offline"]).current_dir(root()))
}

/// The platform that the tests run on, as cargo calls it.
fn platform() -> String {
    let version = cargo(&["--version", "--verbose"]).exits(0).out;
    version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host").to_owned()
}

/// The licences that deny.toml allows.
fn allowed() -> BTreeSet<String> {
    let text = read("deny.toml");
    let (_, list) = text.split_once("\nallow = [\n").expect("a list of licences");
    let (list, _) = list.split_once("\n]").expect("its end");
    list.lines().map(|line| line.trim_matches([' ', '"', ',']).to_owned()).collect()
}

/// Returns whether a licence expression (SPDX, or the old form with a slash) can be met with allowed licences.
fn is_fine(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    // No expression in the tree is nested more than once.
    let any =
        |part: &str| part.trim_matches(['(', ')', ' ']).split(" OR ").any(|one| allowed.contains(one.trim()));
    expression.split(" AND ").all(any)
}

/// Checks the licences of the packages in the output of `cargo metadata`.
fn check_licences(metadata: &str) {
    let metadata: Value = serde_json::from_str(metadata).expect("JSON");
    let mut by_licence: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name").to_owned();
        let licence = package["license"].as_str().unwrap_or_else(|| panic!("{name} names no licence"));
        by_licence.entry(licence.to_owned()).or_default().push(name);
    }
    assert!(by_licence.len() > 3, "the packages were found");
    let allowed = allowed();
    for (licence, packages) in &by_licence {
        assert!(is_fine(licence, &allowed), "{licence}: {packages:?}");
    }
}

#[test]
fn licences_of_this_platforms_packages_are_allowed() {
    let args = ["metadata", "--format-version", "1", "--filter-platform", &platform()];
    check_licences(&cargo(&args).exits(0).out);
    let allowed = allowed();
    assert!(allowed.len() > 5 && allowed.contains("MIT"), "{allowed:?}");
    let fine = |expression| is_fine(expression, &allowed);
    assert!(!fine("GPL-3.0") && !fine("MIT AND GPL-3.0") && fine("GPL-3.0 OR MIT") && fine("MIT/GPL-3.0"));
    assert!(fine("(MIT OR GPL-3.0) AND ISC") && !fine("(MIT OR ISC) AND GPL-3.0") && !fine(""));
}

#[test]
fn licences_of_all_platforms_packages_are_allowed() {
    // A build fetches only the packages of its own platform.
    let ran = cargo(&["metadata", "--format-version", "1"]);
    if ran.status != 0 && ran.err.contains("--offline") {
        common::needs::leave_out(
            "no packages of other platforms in cargo's cache: cargo fetch --locked",
            None,
        );
        return;
    }
    check_licences(&ran.exits(0).out);
}

#[test]
fn the_tree_is_small_and_has_one_version_of_each_package() {
    let tree = cargo(&["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"]).exits(0).out;
    let packages: BTreeSet<(&str, &str)> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?))
        })
        .filter(|(name, _)| *name != env!("CARGO_PKG_NAME"))
        .collect();
    let names: BTreeSet<&str> = packages.iter().map(|(name, _)| *name).collect();
    assert!(names.contains("ureq") && names.contains("serde_json"), "{packages:?}");
    assert_eq!(names.len(), packages.len(), "one version of each: {packages:?}");
    assert!(packages.len() <= MOST, "{} packages: {packages:?}", packages.len());
}

#[test]
fn packages_come_from_one_registry_with_their_checksums() {
    let lock = read("Cargo.lock");
    let packages: Vec<&str> = lock.split("[[package]]\n").skip(1).collect();
    let line = |package: &str, key: &str| {
        package.lines().find_map(|line| Some(line.strip_prefix(key)?.strip_prefix(" = ")?.to_owned()))
    };
    let (ours, others): (Vec<&str>, Vec<&str>) =
        packages.into_iter().partition(|package| line(package, "source").is_none());
    assert_eq!(ours.len(), 1, "{ours:?}");
    let sources: BTreeSet<_> = others.iter().filter_map(|package| line(package, "source")).collect();
    assert!(sources.len() == 1 && sources.iter().all(|s| s.starts_with("\"registry+")), "{sources:?}");
    assert!(others.len() > 50 && others.iter().all(|package| line(package, "checksum").is_some()));
}

/// Runs tests/left-out.sh on a script.
fn report(script: &str) -> Ran {
    let mut command = Command::new("sh");
    command.args(["tests/left-out.sh", "sh", "-c", script]).current_dir(root());
    finish(command.env_remove("OAUTH_TOOLS_LEFT_OUT"))
}

#[test]
fn left_out_tests_are_reported_and_the_status_is_that_of_the_tests() {
    report("true").succeeds().prints("left out: no test\n");
    let told = "left out: 2 tests\n    cli b: no gpg, no zsh\n    net a: no disk\n\
        To run them too: apt-get install gnupg zsh\n";
    let script = r#"printf '%s\t%s\t%s\n' 'net a' 'no disk' - 'cli b' 'no zsh' zsh 'cli b' 'no gpg' gnupg \
        >> "$OAUTH_TOOLS_LEFT_OUT"; exit 101"#;
    report(script).exits(101).prints(told).says_nothing();
}

#[test]
fn our_code_is_never_unsafe_and_builds_follow_the_lock_file() {
    assert!(read("Cargo.toml").contains("\nunsafe_code = \"forbid\"\n"));
    assert!(read("src/lib.rs").contains("#![forbid(unsafe_code)]"));
    // fmt and clean do not use the lock file; cargo fuzz has no --locked, so the line before it checks.
    let free = ["fmt", "clean", "fuzz"].map(|command| format!("$(CARGO) {command}"));
    let mut before = String::new();
    for line in read("Makefile").lines().filter(|line| line.contains("$(CARGO)")) {
        let is_free = free.iter().any(|command| line.contains(command));
        assert!(is_free || line.contains("--locked"), "{line}");
        let asked = before.contains("metadata --locked") && before.contains("fuzz/Cargo.toml");
        assert!(!line.contains("$(CARGO) fuzz") || asked, "{line}");
        before = line.to_owned();
    }
    for (name, command) in [("README.md", "cargo install"), ("fuzz/README.md", "cargo install")] {
        let text = read(name);
        let mut lines = text.lines().filter(|line| line.contains(command)).peekable();
        assert!(lines.peek().is_some() && lines.all(|line| line.contains("--locked")), "{name}");
    }
}

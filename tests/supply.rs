//! What the programs are built from: the licences of all packages, and code that is never unsafe.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Licences that go with ours (MIT) in a binary.
const FINE: [&str; 9] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "0BSD",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "Zlib",
    "CDLA-Permissive-2.0",
];

/// Whether a licence expression (SPDX, or the old form with a slash) can be met with [`FINE`] ones.
fn is_fine(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    // No expression in the tree is nested more than once.
    let any =
        |part: &str| part.trim_matches(['(', ')', ' ']).split(" OR ").any(|one| FINE.contains(&one.trim()));
    expression.split(" AND ").all(any)
}

#[test]
fn every_licence_of_the_tree_goes_with_ours() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(root)
        .output()
        .expect("cargo");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let mut by_licence: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name").to_owned();
        let licence = package["license"].as_str().unwrap_or_else(|| panic!("{name} names no licence"));
        by_licence.entry(licence.to_owned()).or_default().push(name);
    }
    for (licence, packages) in &by_licence {
        println!("{licence}: {}", packages.join(", "));
        assert!(is_fine(licence), "{licence}: {packages:?}");
    }
    assert!(!is_fine("GPL-3.0") && !is_fine("MIT AND GPL-3.0") && is_fine("GPL-3.0 OR MIT"));
}

#[test]
fn no_code_of_ours_is_unsafe_and_builds_keep_to_the_lock_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).expect(name);
    assert!(read("Cargo.toml").contains("\nunsafe_code = \"forbid\"\n"));
    assert!(read("src/lib.rs").contains("#![forbid(unsafe_code)]"));
    // Neither formats nor cleans by it; cargo fuzz cannot be told, so the line before it asks.
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

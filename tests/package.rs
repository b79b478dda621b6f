//! The files that `cargo package` packs. Not part of the crate itself, where cargo refuses to pack again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The files below a folder of the repository.
fn files(folder: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            names.extend(files(&name));
        } else {
            names.push(name);
        }
    }
    names
}

#[test]
fn the_crate_has_what_an_installation_needs_and_leaves_out_fuzzing_and_ci() {
    // With the lock file cargo would read the registry's index, which may not be on this machine.
    let out = Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--exclude-lockfile", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let packed = String::from_utf8(out.stdout).unwrap();
    let packed: BTreeSet<&str> = packed.lines().collect();
    for folder in ["completions", "man", "packaging"] {
        for name in files(folder) {
            assert!(packed.contains(&*name), "{name} is not in the crate");
        }
    }
    for name in ["CHANGELOG.md", "LICENSE", "Makefile", "README.md"] {
        assert!(packed.contains(name), "{name} is not in the crate");
    }
    for name in packed {
        assert!(!name.starts_with("fuzz/") && !name.starts_with(".ci/"), "{name} is in the crate");
    }
}

#[test]
fn no_test_in_the_crate_reads_an_excluded_file() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let excluded = manifest.lines().find(|line| line.starts_with("exclude = [")).unwrap();
    for name in files("tests") {
        if !excluded.contains(&format!("\"/{name}\"")) {
            let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&name)).unwrap();
            assert!(
                !text.contains("\"fuzz") && !text.contains("../fuzz/") && !text.contains(".ci/"),
                "{name}"
            );
        }
    }
}

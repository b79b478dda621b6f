//! The shape of the code, read from the sources: who may use what, and what nobody may.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A source file: its name under src/, and its lines without those of tests.
struct Source {
    name: String,
    lines: Vec<String>,
}

impl Source {
    /// Its module: `rest` of `rest.rs`, `tools` of `tools/rm.rs`.
    fn module(&self) -> &str {
        self.name.split(['/', '.']).next().unwrap_or_default()
    }

    /// The lines that are no comments.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str).filter(|line| !line.trim_start().starts_with("//"))
    }

    fn has(&self, word: &str) -> bool {
        self.code().any(|line| line.contains(word))
    }
}

/// All sources but those that are only there in tests.
fn sources() -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    let name = |path: &PathBuf| path.strip_prefix(&root).expect("under src").display().to_string();
    let lib = std::fs::read_to_string(root.join("lib.rs")).expect("lib.rs");
    let only_tests = |name: &str| {
        let module = name.trim_end_matches(".rs");
        name.ends_with("tests.rs")
            || lib.contains(&format!("#[cfg(test)]\npub(crate) mod {module};"))
            || lib.contains(&format!("#[cfg(test)]\nmod {module};"))
    };
    let all: Vec<Source> = paths
        .iter()
        .filter(|path| !only_tests(&name(path)))
        .map(|path| Source {
            name: name(path),
            lines: product(&std::fs::read_to_string(path).expect("UTF-8")),
        })
        .collect();
    assert!(all.len() > 40, "the sources were found");
    all
}

/// The lines of a source that are not tests. Relies on rustfmt: an item ends where its indentation does.
fn product(text: &str) -> Vec<String> {
    let mut lines = text.lines();
    let mut product = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("#[cfg(test)]") {
            let end = line.replace("#[cfg(test)]", "}");
            let first = lines.find(|line| !line.trim_start().starts_with("#[")).unwrap_or_default();
            if !first.ends_with([';', ',']) {
                lines.find(|line| *line == end);
            }
        } else {
            product.push(line.to_owned());
        }
    }
    product
}

/// Only these files may have that word in them, and each does.
#[track_caller]
fn only(word: &str, files: &[&str]) {
    let found: BTreeSet<String> = sources().into_iter().filter(|s| s.has(word)).map(|s| s.name).collect();
    let wanted: BTreeSet<String> = files.iter().map(|f| (*f).to_owned()).collect();
    assert_eq!(found, wanted, "{word}");
}

#[test]
fn each_dependency_has_its_one_place() {
    only("lexopt", &["cli.rs"]);
    only("ureq", &["transport.rs"]);
    only("csv::", &["input.rs", "output.rs"]);
    only("signal_hook", &["stop.rs"]);
    only("unicode_width", &["table.rs"]);
    only("zeroize", &["secret.rs"]);
    only("httparse", &["sandbox/http.rs", "web.rs"]);
}

#[test]
fn the_environment_is_read_in_one_place() {
    only("env::var", &["config.rs"]);
    only("env::args", &["lib.rs"]);
    only("env!(", &["call.rs", "lib.rs"]);
}

#[test]
fn the_disk_is_touched_by_few() {
    let users = [
        "audit.rs",
        "credentials.rs",
        "files.rs",
        "given.rs",
        "io.rs",
        "rest.rs",
        "sandbox/state.rs",
        "stop.rs",
        "tools/diff.rs",
        "tools/sandbox.rs",
        "trust.rs",
        "tty.rs",
    ];
    let touches = |s: &Source| {
        s.has("std::fs") || s.has("use std::fs") || s.has("File::open") || s.has("OpenOptions::")
    };
    let found: BTreeSet<String> = sources().into_iter().filter(touches).map(|s| s.name).collect();
    assert_eq!(found, users.iter().map(|f| (*f).to_owned()).collect());
}

#[test]
fn commands_are_started_by_three() {
    only("Command::new", &["child.rs", "credentials.rs", "handover.rs"]);
}

#[test]
fn sockets_are_of_the_transport_the_web_flow_and_the_sandbox() {
    for source in sources().iter().filter(|s| !["sandbox", "transport", "web"].contains(&s.module())) {
        for word in ["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "UnixListener"] {
            assert!(!source.has(word), "{}: {word}", source.name);
        }
    }
}

/// From the bottom to the top: a module uses those of its own layer and of the layers below. What is not named here
/// is what tools are made of.
const LAYERS: [&[&str]; 5] = [
    &["error", "files", "io", "netrc", "redirect", "secret", "shape", "stop", "text"],
    &["child", "config", "kind", "pace", "record", "seen", "transport", "trust", "tty", "when"],
    &["entry", "input", "lines", "output", "rest", "table"],
    &["(all others)"],
    &["bin", "completions", "lib", "sandbox", "tools"],
];

fn layer(module: &str) -> usize {
    LAYERS.iter().position(|modules| modules.contains(&module)).unwrap_or(3)
}

#[test]
fn dependencies_point_down() {
    for source in sources().iter().filter(|s| s.module() != "lib" && s.module() != "bin") {
        for used in source.code().flat_map(|line| line.split("crate::").skip(1)) {
            let used = used.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap_or_default();
            assert!(
                layer(used) <= layer(source.module()),
                "{} uses {used}, which stands above it",
                source.name
            );
        }
    }
}

#[test]
fn tools_do_not_know_each_other() {
    for source in sources().iter().filter(|s| s.module() == "tools") {
        assert!(!source.has("crate::tools"), "{}", source.name);
        let siblings: Vec<String> = sources()
            .iter()
            .filter_map(|s| Some(s.name.strip_prefix("tools/")?.strip_suffix(".rs")?.to_owned()))
            .collect();
        for sibling in siblings.iter().filter(|s| *s != "mod") {
            assert!(!source.has(&format!("super::{sibling}::")), "{} uses {sibling}", source.name);
        }
    }
}

#[test]
fn the_sandbox_stands_alone() {
    only("crate::sandbox", &["tools/sandbox.rs"]);
    for source in sources().iter().filter(|s| s.module() == "sandbox") {
        assert!(!source.has("crate::"), "{} uses the tools it tests", source.name);
    }
}

#[test]
fn programs_are_names_and_not_code() {
    let bins: Vec<Source> = sources().into_iter().filter(|s| s.module() == "bin").collect();
    for bin in &bins {
        let tool =
            bin.name.strip_prefix("bin/oauth-").and_then(|n| n.strip_suffix(".rs")).expect("oauth-TOOL.rs");
        let call = format!(
            "    oauth_tools::main(&oauth_tools::tools::{tool}::TOOL, oauth_tools::tools::{tool}::run)"
        );
        let code: Vec<&str> = bin.code().filter(|line| !line.is_empty()).collect();
        assert_eq!(code, ["fn main() -> std::process::ExitCode {", &call, "}"], "{}", bin.name);
    }
    let tools = sources().iter().filter(|s| s.module() == "tools").count() - 1;
    assert_eq!(bins.len(), tools, "a program for each tool");
}

#[test]
fn nothing_prints_past_the_streams_or_gives_up_in_the_middle() {
    const FORBIDDEN: [&str; 13] = [
        "println!(",
        "print!(",
        "eprintln!(",
        "eprint!(",
        "dbg!(",
        "todo!(",
        "unimplemented!(",
        "panic!(",
        ".unwrap()",
        ".expect(",
        "process::exit",
        "process::abort",
        "unsafe ",
    ];
    for source in sources() {
        for line in source.code() {
            for word in FORBIDDEN {
                assert!(!line.contains(word), "{}: {}", source.name, line.trim());
            }
        }
    }
    let lib =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("lib.rs");
    assert!(lib.contains("\n#![forbid(unsafe_code)]\n"));
}

#[test]
fn no_file_is_too_long_to_be_read() {
    for source in sources() {
        let lines = source.lines.len();
        assert!(lines <= 450, "{}: {lines} lines", source.name);
    }
}

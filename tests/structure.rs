//! The shape of the code, read from the sources: which module may use what, and what none may.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A source file: its name under src/, and its lines without those of tests.
struct Source {
    name: String,
    lines: Vec<String>,
}

impl Source {
    /// The entry in src/: `lib` of `lib.rs`, `tools` of `tools/rm.rs`.
    fn folder(&self) -> &str {
        self.name.split(['/', '.']).next().unwrap_or_default()
    }

    /// The lines that are not comments.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str).filter(|line| !line.trim_start().starts_with("//"))
    }

    fn has(&self, word: &str) -> bool {
        self.code().any(|line| line.contains(word))
    }
}

/// The files in src/: their names from there, and their texts.
fn files() -> Vec<(String, String)> {
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
    let root = root().join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    let name = |path: &Path| path.strip_prefix(&root).expect("under src").display().to_string();
    let files: Vec<_> =
        paths.iter().map(|path| (name(path), std::fs::read_to_string(path).expect("UTF-8"))).collect();
    assert!(files.len() > 40, "the sources were found");
    files
}

/// All sources without those that are compiled for tests only.
fn sources() -> Vec<Source> {
    // Declared with #[cfg(test)] where they are.
    let only_tests = |name: &str| {
        let tests = ["tests.rs", "output/round_trips.rs"];
        name.contains("/tests/") || tests.iter().any(|end| name.ends_with(end))
    };
    let files = files().into_iter().filter(|(name, _)| !only_tests(name));
    files.map(|(name, text)| Source { name, lines: product(&text) }).collect()
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

/// Asserts that these files contain a word, and no others.
#[track_caller]
fn only(word: &str, files: &[&str]) {
    let found: BTreeSet<String> = sources().into_iter().filter(|s| s.has(word)).map(|s| s.name).collect();
    let wanted: BTreeSet<String> = files.iter().map(|f| (*f).to_owned()).collect();
    assert_eq!(found, wanted, "{word}");
}

#[test]
fn each_dependency_has_its_one_place() {
    only("http::Uri", &["api/wire/resolver.rs", "base/url.rs", "sandbox/service/clients.rs"]);
    only("jiff", &["base/time.rs", "sandbox/account/clock.rs"]);
    only("lexopt", &["cli/mod.rs"]);
    only("percent_encoding", &["sandbox/wire/form.rs", "tools/mk/web_flow.rs"]);
    let wire = ["ahead", "mod", "resolver", "tls"].map(|name| format!("api/wire/{name}.rs"));
    only("ureq", &[&["api/http.rs"], &wire.each_ref().map(String::as_str)[..]].concat());
    only("csv::", &["input/table.rs", "output/printer.rs"]);
    only("signal_hook", &["sys/signals.rs"]);
    only("unicode_width", &["base/text.rs", "output/cells.rs"]);
    only("zeroize", &["base/secret.rs"]);
    only("httparse", &["sandbox/wire/http.rs", "tools/mk/web_flow.rs"]);
}

#[test]
fn the_environment_is_read_in_one_place() {
    only("env::var", &["config/environment.rs"]);
    only("env::args", &["lib.rs"]);
    only("env!(", &["api/call.rs", "lib.rs"]);
}

#[test]
fn only_listed_modules_touch_the_disk() {
    let users = [
        "api/certificates.rs",
        "change/log.rs",
        "change/rest.rs",
        "config/credentials.rs",
        "sandbox/account/state.rs",
        "sys/child.rs",
        "sys/files.rs",
        "sys/signals.rs",
        "sys/streams.rs",
        "sys/terminal.rs",
        "tools/diff/list.rs",
        "tools/sandbox.rs",
        "tools/secret_option.rs",
    ];
    let touches = |s: &Source| {
        s.has("std::fs") || s.has("use std::fs") || s.has("File::open") || s.has("OpenOptions::")
    };
    let found: BTreeSet<String> = sources().into_iter().filter(touches).map(|s| s.name).collect();
    assert_eq!(found, users.iter().map(|f| (*f).to_owned()).collect());
}

#[test]
fn only_listed_modules_start_commands() {
    only("Command::new", &["change/exec.rs", "config/credentials.rs", "sys/child.rs", "sys/signals.rs"]);
}

#[test]
fn only_listed_modules_use_sockets() {
    // A pair of sockets wakes the wait for signals.
    let users = ["api/http.rs", "sys/signals.rs", "tools/mk/web_flow.rs"];
    let others = |s: &&Source| s.folder() != "sandbox" && !users.contains(&s.name.as_str());
    for source in sources().iter().filter(others) {
        for word in ["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "UnixListener"] {
            assert!(!source.has(word), "{}: {word}", source.name);
        }
    }
}

/// The entries of src/ from the bottom to the top. A folder imports its own modules and those of the layers below it;
/// folders of one layer do not use each other.
const LAYERS: [&[&str]; 9] = [
    &["base"],
    &["sys"],
    &["record", "config"],
    &["input", "output"],
    &["api"],
    &["cli"],
    &["session"],
    &["change"],
    &["tools"],
];
/// Entries outside the layers: the programs and the library's root may use all, the sandbox none.
const APART: [&str; 3] = ["bin", "lib", "sandbox"];

/// The entries that a source names after `crate::`.
fn used(source: &Source) -> BTreeSet<String> {
    let after = source.code().flat_map(|line| line.split("crate::").skip(1));
    let word =
        |text: &str| text.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().map(str::to_owned);
    after.filter_map(word).collect()
}

#[test]
fn folders_import_only_from_lower_layers() {
    let layer = |folder: &str| LAYERS.iter().position(|names| names.contains(&folder));
    for source in sources().iter().filter(|s| !APART.contains(&s.folder())) {
        let own = layer(source.folder()).unwrap_or_else(|| panic!("{} is in no layer", source.name));
        for used in used(source).iter().filter(|used| *used != source.folder()) {
            let below = layer(used).is_some_and(|layer| layer < own);
            let runs_a_sandbox = source.name == "tools/sandbox.rs" && used == "sandbox";
            assert!(below || runs_a_sandbox, "{} imports {used}, which is not below it", source.name);
        }
    }
}

/// The modules of src/sandbox/ from the bottom to the top, in the same sense.
const SANDBOX_LAYERS: [&[&str]; 8] = [
    &["wire", "account", "stats"],
    &["faults"],
    &["settings"],
    &["service"],
    &["shared"],
    &["hostile"],
    &["conn"],
    &["server"],
];

#[test]
fn sandbox_modules_import_only_from_lower_layers() {
    let layer = |module: &str| SANDBOX_LAYERS.iter().position(|names| names.contains(&module));
    for source in sources().iter().filter(|s| s.name.starts_with("sandbox/") && s.name != "sandbox/mod.rs") {
        let module = source.name["sandbox/".len()..].split(['/', '.']).next().unwrap_or_default();
        let own = layer(module).unwrap_or_else(|| panic!("{} is in no layer", source.name));
        // `super::` and braces after `crate::sandbox::` would hide an import from this test.
        assert!(!source.has("super::"), "{} imports by super::", source.name);
        for import in source.code().flat_map(|line| line.split("crate::sandbox::").skip(1)) {
            let used =
                import.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
            let below = layer(used).is_some_and(|layer| layer < own);
            assert!(used == module || below, "{} imports {used:?}, which is not below it", source.name);
        }
    }
}

#[test]
fn no_folder_in_src_has_more_than_14_entries() {
    let root = root().join("src");
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        let entries: Vec<PathBuf> =
            std::fs::read_dir(&folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
        assert!(entries.len() <= 14, "{} has {} entries", folder.display(), entries.len());
        folders.extend(entries.into_iter().filter(|path| path.is_dir()));
    }
}

#[test]
fn tools_do_not_use_each_other() {
    // `tools/rm.rs` and `tools/mk/exchange.rs` belong to rm and mk.
    let tool =
        |name: &str| name.strip_prefix("tools/").and_then(|n| n.split(['/', '.']).next()).map(str::to_owned);
    let names: BTreeSet<String> = sources()
        .iter()
        .filter_map(|s| tool(&s.name))
        .filter(|n| !["mod", "secret_option"].contains(&n.as_str()))
        .collect();
    for source in sources().iter().filter(|s| s.folder() == "tools" && s.name != "tools/mod.rs") {
        let own = tool(&source.name).expect("a tool");
        for other in names.iter().filter(|name| **name != own) {
            for path in [format!("super::{other}::"), format!("tools::{other}::")] {
                assert!(!source.has(&path), "{} uses {other}", source.name);
            }
        }
    }
}

#[test]
fn the_sandbox_stands_alone() {
    for source in sources().iter().filter(|s| s.folder() == "sandbox") {
        for used in used(source) {
            assert_eq!(used, "sandbox", "{} uses the tools it tests", source.name);
        }
    }
}

#[test]
fn each_program_only_calls_main_with_its_tool() {
    let bins: Vec<Source> = sources().into_iter().filter(|s| s.folder() == "bin").collect();
    for bin in &bins {
        let tool =
            bin.name.strip_prefix("bin/oauth-").and_then(|n| n.strip_suffix(".rs")).expect("oauth-TOOL.rs");
        let call = format!(
            "    oauth_tools::main(&oauth_tools::tools::{tool}::TOOL, oauth_tools::tools::{tool}::run)"
        );
        let code: Vec<&str> = bin.code().filter(|line| !line.is_empty()).collect();
        assert_eq!(code, ["fn main() -> std::process::ExitCode {", &call, "}"], "{}", bin.name);
    }
    assert_eq!(bins.len(), oauth_tools::tools::ALL.len(), "a program for each tool");
}

#[test]
fn nothing_bypasses_the_streams_or_panics() {
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
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).expect("lib.rs");
    assert!(lib.contains("\n#![forbid(unsafe_code)]\n"));
}

#[test]
fn no_file_in_src_is_longer_than_450_lines() {
    for (name, text) in files() {
        let count = text.lines().count();
        assert!(count <= 450, "{name}: {count} lines");
    }
}

/// The functions of a source: their first lines, and how many lines they have. The text of a raw string, such as a
/// shell script, does not count. Relies on rustfmt: a function ends where its indentation does.
fn functions(text: &str) -> Vec<(String, usize)> {
    let mut in_raw_string = false;
    let code: Vec<&str> = text
        .lines()
        .filter(|line| {
            let was_in = in_raw_string;
            // Never both in one line, but for a raw string that ends where it begins.
            in_raw_string = if was_in {
                !line.contains("\"#")
            } else {
                line.split("r#\"").skip(1).any(|s| !s.contains("\"#"))
            };
            !was_in
        })
        .collect();
    let mut found = Vec::new();
    for (at, line) in code.iter().enumerate() {
        let start = line.trim_start();
        let is_function =
            start.split('(').next().is_some_and(|head| head.split(' ').any(|word| word == "fn"));
        if is_function && !start.starts_with("//") && !line.ends_with([';', '}']) {
            let end = format!("{}}}", &line[..line.len() - start.len()]);
            let length = code[at..].iter().position(|line| *line == end).expect("the end of a function") + 1;
            found.push((start.to_owned(), length));
        }
    }
    found
}

#[test]
fn no_function_in_src_is_longer_than_80_lines() {
    let mut count = 0;
    for (name, text) in files() {
        for (function, length) in functions(&text) {
            assert!(length <= 80, "{name}: {length} lines: {function}");
            count += 1;
        }
    }
    assert!(count > 500, "only {count} functions were found");
}

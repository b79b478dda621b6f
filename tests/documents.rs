//! The documents name only files that exist, and the man pages fit terminals of any width. Not part of the crate, which
//! leaves out some of the documents.

#![allow(clippy::expect_used)]

#[macro_use]
mod common;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns whether a path exists; `*` in it is any entry of a folder, `NAME` the name of any tool.
fn exists(path: &str) -> bool {
    let tools = oauth_tools::tools::ALL.iter().filter_map(|tool| tool.name.strip_prefix("oauth-"));
    let mut paths = tools.map(|tool| path.replace("NAME", tool));
    paths.any(|path| {
        let mut found = vec![root().to_owned()];
        for segment in path.trim_end_matches('/').split('/') {
            let below = |folder: PathBuf| match segment {
                "*" => std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect(),
                name => vec![folder.join(name)],
            };
            found = found.into_iter().flat_map(below).filter(|path| path.exists()).collect();
        }
        !found.is_empty()
    })
}

#[test]
fn every_path_in_the_documents_exists() {
    let mut documents: Vec<PathBuf> =
        ["CONTRIBUTING.md", "README.md", "SECURITY.md"].map(|name| root().join(name)).into();
    let pages =
        std::fs::read_dir(root().join("docs")).expect("docs").map(|entry| entry.expect("a page").path());
    documents.extend(pages.filter(|path| path.extension().is_some_and(|e| e == "md")));
    let mut count = 0;
    for document in documents {
        let text = std::fs::read_to_string(&document).expect("UTF-8");
        for path in text.split('`').skip(1).step_by(2) {
            let ours = ["src/", "tests/", "docs/", "man/", "fuzz/", "examples/"];
            if ours.iter().any(|folder| path.starts_with(folder)) {
                assert!(exists(path), "{}: there is no {path}", document.display());
                count += 1;
            }
        }
    }
    assert!(count > 30, "only {count} paths were found");
    assert!(!exists("src/change/no-such-file.rs") && !exists("src/*/no-such-file.rs"));
}

/// Returns the lines of a page as a terminal of `width` columns shows them, without bold and underlined print.
fn rendered(formatter: &str, page: &Path, width: usize) -> Vec<String> {
    let mut command = Command::new(formatter);
    match formatter {
        "mandoc" => command.args(["-T", "utf8", "-O", &format!("width={width}")]),
        // What man(1) of man-db passes on.
        _ => command
            .args(["-mandoc", "-Tutf8", "-P-c"])
            .args([format!("-rLL={width}n"), format!("-rLT={width}n")]),
    };
    let ran = common::finish(command.arg(page));
    assert!(ran.status == 0, "{formatter}, {width} columns, {}: {ran}", page.display());
    let mut lines = Vec::new();
    for line in ran.out.lines() {
        let mut plain = String::new();
        for c in line.chars() {
            match c {
                '\u{8}' => drop(plain.pop()),
                c => plain.push(c),
            }
        }
        lines.push(plain);
    }
    lines
}

/// Commands and tables cannot be broken, and look the same at each width; an option with its argument is one word.
#[test]
fn man_pages_fit_every_terminal() {
    needs!("mandoc", "groff");
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root().join("man"))
        .expect("man")
        .map(|entry| entry.expect("a page").path())
        .collect();
    pages.sort();
    let is_one_word = |text: &str| !text.contains(' ') || text.starts_with(['[', '{']);
    for page in &pages {
        for formatter in ["mandoc", "groff"] {
            let lines = rendered(formatter, page, 200);
            let unbroken: HashSet<&str> = lines.iter().map(|line| line.trim()).collect();
            for width in [40, 41, 46, 52, 64, 79, 80, 100, 132, 200] {
                for line in rendered(formatter, page, width) {
                    let text = line.trim();
                    let fits = line.chars().count() <= width;
                    assert!(
                        fits || width < 80 && (unbroken.contains(text) || is_one_word(text)),
                        "{}, {formatter}, {width} columns: {text}",
                        page.display()
                    );
                }
            }
        }
    }
}

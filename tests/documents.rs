//! The documents name only files that exist. Not part of the crate, which leaves out some of them.

#![allow(clippy::expect_used)]

use std::path::{Path, PathBuf};

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

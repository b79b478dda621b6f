//! Leaves out tests that need a program this machine does not have, and reports each of them.
//!
//! `make test` lists them at its end. If `OAUTH_TOOLS_TEST_ALL` is set, as in CI, they fail instead.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The programs that only some tests need, one a line, each with the Debian package that has it. CI installs
/// these packages.
const PROGRAMS: &str = include_str!("programs.txt");

/// Ends the test that calls it, as left out, if one of these programs is missing.
macro_rules! needs {
    ($($program:literal),+) => {
        if !$crate::common::needs::are_here(&[$($program),+]) {
            return;
        }
    };
}

/// Makes a test for each shell from functions that take its name.
macro_rules! in_each_shell {
    ($($test:ident),+ $(,)?) => {
        $(mod $test {
            #[test]
            fn sh() {
                super::$test("sh");
            }

            #[test]
            fn dash() {
                needs!("dash");
                super::$test("dash");
            }

            #[test]
            fn bash() {
                super::$test("bash");
            }

            #[test]
            fn zsh() {
                needs!("zsh");
                super::$test("zsh");
            }
        })+
    };
}

/// Returns whether all of these programs are installed. If not, reports the calling test as left out.
#[track_caller]
pub(crate) fn are_here(programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|program| !is_here(program)).collect();
    for program in &missing {
        leave_out(&format!("no {program}"), Some(package(program)));
    }
    missing.is_empty()
}

/// Reports the calling test as left out: why, and the Debian package that brings it back, if one does.
#[track_caller]
pub(crate) fn leave_out(why: &str, package: Option<&str>) {
    let thread = std::thread::current();
    let test = format!("{} {}", env!("CARGO_CRATE_NAME"), thread.name().unwrap_or("?"));
    let is_set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    assert!(is_set("OAUTH_TOOLS_TEST_ALL").is_none(), "{test} would be left out: {why}");
    match is_set("OAUTH_TOOLS_LEFT_OUT") {
        Some(path) => {
            let mut file =
                File::options().append(true).create(true).open(path).expect("the list of left-out tests");
            let line = format!("{test}\t{why}\t{}\n", package.unwrap_or("-"));
            file.write_all(line.as_bytes()).expect("the list of left-out tests");
        }
        // Directly: the test harness hides the output of passing tests.
        None => drop(writeln!(std::io::stderr(), "left out: {test}: {why}")),
    }
}

/// The Debian package that has a program.
#[track_caller]
fn package(program: &str) -> &'static str {
    let mut packages = PROGRAMS.lines().filter_map(|line| line.split_once(' '));
    let found = packages.find(|(name, _)| *name == program);
    found.unwrap_or_else(|| panic!("add {program} and its package to tests/common/programs.txt")).1
}

fn is_here(program: &str) -> bool {
    package(program);
    ["/usr/bin", "/bin"].iter().any(|folder| {
        let file = std::fs::metadata(Path::new(folder).join(program));
        file.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    })
}

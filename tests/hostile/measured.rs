//! Runs with limits of time and memory, and a record of everything that they show to others.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::common::{Account, Ran, faulty};

/// The longest time for any run here.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most memory for a run, in KiB: a response of 64 MiB is allowed, and little more.
pub(crate) const MEMORY: u64 = 96 * 1024;

/// An account with these faults, saved in the file `state`.
pub(crate) fn hostile(faults: &[&str]) -> Account {
    Account::kept(faulty(faults))
}

/// The result of a measured run.
pub(crate) struct Measured {
    ran: Ran,
    /// The most memory in use, in KiB.
    pub(crate) memory: u64,
    pub(crate) took: Duration,
    /// The arguments of the process and of its children, which proc(5) shows to everybody.
    pub(crate) args: BTreeSet<String>,
}

impl Deref for Measured {
    type Target = Ran;

    fn deref(&self) -> &Ran {
        &self.ran
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured { ran, memory, took, .. } = self;
        write!(
            f,
            "
{memory} KiB, {took:?}{ran}"
        )
    }
}

impl Measured {
    /// Asserts that the run ended in time, in bounded memory, with a status of the manual and clean messages.
    #[track_caller]
    pub(crate) fn ends_well(self) -> Measured {
        assert!([0, 1, 2, 4, 75].contains(&self.status), "{self}");
        assert!(!self.err.contains("panicked") && !self.err.contains("RUST_BACKTRACE"), "{self}");
        assert!(self.memory <= MEMORY, "{self}");
        assert!(self.took < PATIENCE && self.signal.is_none(), "{self}");
        // 1 is a difference, as in diff(1).
        let fine = if self.line.starts_with("oauth-diff") { 1 } else { 0 };
        assert!(self.status <= fine || !self.err.is_empty(), "it says what is wrong{self}");
        for line in self.err.lines() {
            assert!(line.starts_with("oauth-") && line.len() < 3000, "{self}");
            assert!(!line.contains(char::is_control), "{self}");
        }
        self
    }

    /// Returns the secrets that a run has shown: in its messages, its arguments, any file, or its
    /// output, unless it is to print one. `state` is the sandbox's own file, and `list` the test's.
    pub(crate) fn leaks<'s>(&self, account: &Account, secrets: &'s BTreeSet<String>) -> Vec<&'s str> {
        let mut seen = vec![self.err.clone()];
        seen.extend(self.args.iter().cloned());
        if !["oauth-mk", "oauth-rot"].iter().any(|tool| self.line.starts_with(tool)) {
            seen.push(self.out.clone());
        }
        for entry in fs::read_dir(&account.folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // After the run the sandbox may still be writing its state, through the draft `.state.tmp`.
            let is_state = name == "state" || name.starts_with("state.") || name.starts_with(".state.");
            if name != "list" && !is_state && path.is_file() {
                let bytes = fs::read(&path).unwrap_or_default();
                seen.push(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        secrets.iter().map(String::as_str).filter(|s| seen.iter().any(|text| text.contains(s))).collect()
    }
}

/// Runs one program with arguments as sh(1) reads them, in an account's folder, and measures it.
pub(crate) fn measure(account: &Account, line: &str, input: &[u8]) -> Measured {
    measure_with(account, line, input, &[])
}

/// Does the same with more variables.
pub(crate) fn measure_with(account: &Account, line: &str, input: &[u8], env: &[(&str, &str)]) -> Measured {
    // Beyond this limit an allocation fails, even one too short to be measured.
    let bounded = account.line("sh", &format!("ulimit -d 196608; exec {line}"));
    let bounded = env.iter().fold(bounded, |bounded, (name, value)| bounded.env(name, value));
    let begun = Instant::now();
    let program = bounded.start(PATIENCE);
    let (pid, ended) = (program.child.id(), AtomicBool::new(false));
    let (ran, (memory, args)) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let (mut memory, mut args) = (0, BTreeSet::new());
            while !ended.load(Ordering::Relaxed) {
                let folder = format!("/proc/{pid}");
                look(Path::new(&folder), &mut memory, &mut args);
                let children = fs::read_to_string(format!("{folder}/task/{pid}/children"));
                for child in children.unwrap_or_default().split_whitespace() {
                    look(Path::new(&format!("/proc/{child}")), &mut 0, &mut args);
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            (memory, args)
        });
        let ran = program.feed_to_end(input);
        ended.store(true, Ordering::Relaxed);
        (ran, watcher.join().expect("watched"))
    });
    // Without the ulimit: messages and `leaks` look at the beginning of the line.
    Measured { ran: Ran { line: line.to_owned(), ..ran }, memory, took: begun.elapsed(), args }
}

/// Notes the memory and arguments of a process from proc(5).
fn look(folder: &Path, memory: &mut u64, args: &mut BTreeSet<String>) {
    let line = fs::read(folder.join("cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    // Before the shell executes the program, its arguments are the line of the test.
    if !line.contains("ulimit -d") {
        args.insert(line);
    }
    let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
    *memory = (*memory).max(peak.unwrap_or(0));
}

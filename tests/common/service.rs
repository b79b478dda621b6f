//! A program of the system that serves a test. It ends with the test, even one that fails or is killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::Folder;

/// Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running script, and the folder in which it runs.
pub(crate) struct Service {
    child: Child,
    /// The script runs as long as this is open.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    folder: Folder,
}

impl Service {
    /// Starts a script of sh(1) that ends when its standard input does. `files` are written into its folder before;
    /// `FOLDER` in them is the folder's path.
    pub(crate) fn start(files: &[(&str, &str)], script: &str) -> Service {
        let folder = Folder::short();
        let path = folder.to_str().expect("UTF-8");
        for (name, text) in files {
            std::fs::write(folder.join(name), text.replace("FOLDER", path)).expect("written");
        }
        let log = std::fs::File::create(folder.join("log")).expect("a log");
        let mut child = Command::new("/bin/sh")
            .args(["-c", script])
            .current_dir(&*folder)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &*folder)
            .env("XDG_RUNTIME_DIR", &*folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("sh");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().expect("a pipe"));
        Service { child, stdin, stdout: BufReader::new(stdout), folder }
    }

    /// The next line that the script prints.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        assert!(line.ends_with('\n'), "it ended: {}", self.log());
        line.trim_end().to_owned()
    }

    /// Waits until a condition is true.
    #[track_caller]
    pub(crate) fn wait_until(&self, is_true: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_true() {
            assert!(begun.elapsed() < PATIENCE, "it is not ready: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The script's messages.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.child.wait();
    }
}

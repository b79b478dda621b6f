//! Programs in a real pseudo-terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use oauth_tools::sandbox::{Server, Settings};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::common::{Folder, Ran, finish, programs, start};
use crate::screen::Screen;

/// Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// An account, and the variables with which a program finds it.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) home: Folder,
    pub(crate) vars: Vec<(String, String)>,
}

impl World {
    pub(crate) fn new(settings: Settings) -> World {
        let (server, home) = (start(settings), Folder::new());
        let vars = [
            ("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", programs().display())),
            ("HOME", home.display().to_string()),
            ("HEROKU_HOST", server.url()),
            ("HEROKU_API_KEY", server.token().to_owned()),
            ("TERM", "xterm".to_owned()),
            ("LC_ALL", "C.UTF-8".to_owned()),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value)).to_vec();
        World { server, home, vars }
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> World {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts a script of sh(1) in a window of `columns`.
    pub(crate) fn start(&self, columns: u16, script: &str) -> Pty {
        self.start_with(columns, &["sh", "-c", script])
    }

    /// Starts a program in a window of `columns`.
    pub(crate) fn start_with(&self, columns: u16, argv: &[&str]) -> Pty {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a pty");
        grantpt(&master).expect("granted");
        unlockpt(&master).expect("unlocked");
        let name = ptsname(&master, Vec::new()).expect("its name").into_string().expect("UTF-8");
        let slave = File::options().read(true).write(true).open(name).expect("its other end");
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).expect("its size");
        let end = || Stdio::from(slave.try_clone().expect("a copy"));
        // setsid(1) makes it the terminal of a session of its own.
        let child = Command::new("setsid")
            .args(["--ctty", "--wait"])
            .args(argv)
            .env_clear()
            .envs(self.vars.iter().map(|(name, value)| (name, value)))
            .current_dir(&*self.home)
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("setsid of util-linux");
        drop(slave);
        Pty::new(master, child, usize::from(columns))
    }

    /// Runs a script to its end.
    #[track_caller]
    pub(crate) fn run(&self, columns: u16, script: &str) -> Shown {
        self.start(columns, script).end()
    }

    /// Runs a script without a terminal.
    #[track_caller]
    pub(crate) fn off(&self, script: &str) -> Ran {
        // setsid of util-linux
        let mut command = Command::new("setsid");
        command.args(["--wait", "sh", "-c", script]).env_clear().current_dir(&*self.home);
        command.envs(self.vars.iter().map(|(name, value)| (name, value)));
        finish(command)
    }

    /// The ids of some authorizations that are not in use.
    pub(crate) fn ids(&self, count: usize) -> String {
        let ran = self.off("oauth-ls authz --status expired -o id").exits(0);
        ran.lines().into_iter().take(count).collect::<Vec<_>>().join(" ")
    }
}

/// A program in a terminal.
pub(crate) struct Pty {
    master: File,
    child: Child,
    bytes: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    columns: usize,
}

/// The result of a program in a terminal.
pub(crate) struct Shown {
    pub(crate) status: i32,
    pub(crate) raw: String,
    pub(crate) screen: Screen,
}

impl Pty {
    fn new(master: OwnedFd, child: Child, columns: usize) -> Pty {
        let master = File::from(master);
        let mut reader = master.try_clone().expect("a copy");
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The end is an error (EIO) here: nobody has the other end open.
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        Pty { master, child, bytes, seen: Vec::new(), columns }
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Waits until a text has been printed.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) -> &mut Pty {
        let until = Instant::now() + PATIENCE;
        while !self.seen().contains(text) {
            let left = until.saturating_duration_since(Instant::now());
            match self.bytes.recv_timeout(left) {
                Ok(more) => self.seen.extend(more),
                Err(e) => panic!("{text:?} did not come ({e}): {:?}", self.seen()),
            }
        }
        self
    }

    /// Types.
    pub(crate) fn send(&mut self, text: &str) -> &mut Pty {
        self.master.write_all(text.as_bytes()).expect("typed");
        self
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Shown {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.bytes.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(more) => self.seen.extend(more),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(e) => {
                    let _ = self.child.kill();
                    panic!("it does not end ({e}): {:?}", self.seen());
                }
            }
        }
        let status = self.child.wait().expect("its status");
        let status = status.code().or(status.signal().map(|n| 128 + n)).expect("a status");
        Shown { status, raw: self.seen(), screen: Screen::of(self.columns, &self.seen) }
    }
}

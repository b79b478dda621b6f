//! The streams of a run as a value, so that a test can hold them, and what is known about the terminal.

use std::fs::{File, Metadata};
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
#[cfg(test)]
use std::sync::Mutex;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

#[cfg(test)]
use crate::base::sync::lock;
use crate::sys::files::is_at;
use crate::sys::messages::Messages;
use crate::sys::signals::Stop;

/// Bytes buffered on each stream.
const BUFFER: usize = 64 * 1024;
/// How much a pipe takes without a wait once it is ready (Linux: PIPE_BUF, a page).
const READY: usize = 4096;
/// How long a reader that does not read is waited for after a signal.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long poll(2) sleeps before a look at what else has happened.
const A_WHILE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// What is known about the terminal, if there is one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terminal {
    /// Standard input is a terminal.
    pub stdin: bool,
    /// Standard output is a terminal.
    pub stdout: bool,
    /// Standard error is a terminal.
    pub stderr: bool,
    /// Columns of the window behind standard output; 0 where there is none.
    pub columns: usize,
    /// The same for standard error.
    pub stderr_columns: usize,
}

impl Terminal {
    fn look() -> Terminal {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        Terminal {
            stdin: io::stdin().is_terminal(),
            stdout: stdout.is_terminal(),
            stderr: stderr.is_terminal(),
            columns: columns(stdout.as_fd()),
            stderr_columns: columns(stderr.as_fd()),
        }
    }
}

fn columns(terminal: BorrowedFd<'_>) -> usize {
    rustix::termios::tcgetwinsize(terminal).map_or(0, |window| match window.ws_col {
        // A terminal that does not tell: a serial line, say.
        0 => 80,
        columns => usize::from(columns),
    })
}

/// The streams of a run.
pub(crate) struct Io {
    /// Standard input, unbuffered: whoever reads lines has a buffer of its own.
    pub input: Box<dyn Read + Send>,
    /// Standard output, buffered: `output::Output` flushes it.
    pub out: Box<dyn Write + Send>,
    /// Standard error, shared by the threads of a run.
    pub messages: Messages,
    /// What is known about the terminal.
    pub terminal: Terminal,
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    /// What ends a wait for the reader of standard output.
    heeded: Arc<OnceLock<Stop>>,
}

impl Io {
    /// The process's own streams.
    pub(crate) fn system(program: &'static str) -> Io {
        // Files instead of std's handles: those lock at each call, and flush at each line.
        let (stdout, heeded) = (io::stdout().as_fd().try_clone_to_owned().ok(), Arc::default());
        let out: Box<dyn Write + Send> = match stdout.as_ref().and_then(|fd| fd.try_clone().ok()) {
            Some(fd) => {
                let outlet =
                    Outlet { file: File::from(fd), heeded: Arc::clone(&heeded), waited: Duration::ZERO };
                Box::new(BufWriter::with_capacity(BUFFER, outlet))
            }
            None => Box::new(BufWriter::with_capacity(BUFFER, io::stdout())),
        };
        let stdin = io::stdin().as_fd().try_clone_to_owned().ok();
        let input: Box<dyn Read + Send> = match stdin.as_ref().and_then(|fd| fd.try_clone().ok()) {
            Some(fd) => Box::new(File::from(fd)),
            None => Box::new(io::stdin()),
        };
        Io {
            input,
            out,
            messages: Messages::new(program, Box::new(io::stderr())),
            terminal: Terminal::look(),
            stdin,
            stdout,
            heeded,
        }
    }

    /// Streams over buffers, for tests in process.
    #[cfg(test)]
    pub(crate) fn test(stdin: &str) -> (Io, Captured, Captured) {
        let (out, err) = (Captured::default(), Captured::default());
        let io = Io {
            input: Box::new(io::Cursor::new(stdin.as_bytes().to_vec())),
            out: Box::new(out.clone()),
            messages: Messages::new("oauth-test", Box::new(err.clone())),
            terminal: Terminal::default(),
            stdin: None,
            stdout: None,
            heeded: Arc::default(),
        };
        (io, out, err)
    }

    /// From now on a signal ends a wait for a reader of standard output that does not read.
    pub(crate) fn heed(&self, stop: &Stop) {
        let _ = self.heeded.set(stop.clone());
    }

    /// Whether that is so.
    pub(crate) fn heeds(&self) -> bool {
        self.heeded.get().is_some()
    }

    /// Standard input, whose reads fail once a stop is asked for, even while nothing comes.
    pub(crate) fn patient_input(&mut self, stop: &Stop) -> impl Read + Send + 'static {
        // A regular file is never waited for, and what was not begun is read to its end after a stop.
        let waits = self.stdin.as_ref().filter(|_| regular(&self.stdin).is_none());
        let ready = waits.and_then(|fd| fd.try_clone().ok());
        let input = std::mem::replace(&mut self.input, Box::new(io::empty()));
        Patient { input, ready, stop: stop.clone() }
    }

    /// Whether standard input is the file at `path`.
    pub(crate) fn reads(&self, path: &Path) -> bool {
        regular(&self.stdin).is_some_and(|input| is_at(&input, path))
    }

    /// Whether standard output is the file at `path`.
    pub(crate) fn writes(&self, path: &Path) -> bool {
        regular(&self.stdout).is_some_and(|output| is_at(&output, path))
    }

    /// A watch on standard output that another thread can hold.
    pub(crate) fn watch(&self) -> Watch {
        Watch { stdout: self.stdout.as_ref().and_then(|fd| fd.try_clone().ok()) }
    }
}

/// A stream that is a regular file.
fn regular(stream: &Option<OwnedFd>) -> Option<Metadata> {
    let file = File::from(stream.as_ref()?.try_clone().ok()?);
    file.metadata().ok().filter(Metadata::is_file)
}

/// A reader that does not sleep through a stop.
struct Patient {
    input: Box<dyn Read + Send>,
    ready: Option<OwnedFd>,
    stop: Stop,
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(fd) = &self.ready {
            if self.stop.is_set() {
                // Not an end: what was read of a line is not the line.
                return Err(io::Error::other("stopped"));
            }
            let mut fds = [PollFd::new(fd, PollFlags::IN)];
            if poll(&mut fds, Some(&A_WHILE)).is_ok_and(|n| n > 0) {
                break;
            }
        }
        self.input.read(buffer)
    }
}

/// A writer that does not sleep through a signal before a reader that does not read.
struct Outlet {
    file: File,
    heeded: Arc<OnceLock<Stop>>,
    /// How long it has waited since the signal.
    waited: Duration,
}

impl Outlet {
    fn wait(&mut self, stop: &Stop) -> io::Result<()> {
        loop {
            let from = Instant::now();
            let mut fds = [PollFd::new(&self.file, PollFlags::OUT)];
            if poll(&mut fds, Some(&A_WHILE)).is_ok_and(|n| n > 0) {
                return Ok(());
            }
            if stop.signal().is_some() {
                self.waited += from.elapsed();
                if self.waited >= PATIENCE {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "its reader does not read"));
                }
            }
        }
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.heeded.get().cloned() {
            Some(stop) => {
                self.wait(&stop)?;
                self.file.write(&bytes[..bytes.len().min(READY)])
            }
            None => self.file.write(bytes),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tells whether the reader of standard output went away, without writing to it.
#[derive(Debug)]
pub(crate) struct Watch {
    stdout: Option<OwnedFd>,
}

impl Watch {
    /// True once nothing written to standard output can arrive (poll(2): `POLLERR`, `POLLHUP`).
    pub(crate) fn is_gone(&self) -> bool {
        let Some(fd) = &self.stdout else { return false };
        let mut fds = [PollFd::new(fd, PollFlags::empty())];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&at_once)).is_ok_and(|n| n > 0)
            && fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL)
    }
}

/// A stream that a test can read back.
#[cfg(test)]
#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

#[cfg(test)]
impl Captured {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

#[cfg(test)]
impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

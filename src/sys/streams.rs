//! Standard input and output as a value, so that tests can replace them, and the properties of the terminal.

use std::fs::{File, Metadata};
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
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

/// The size of the buffer of standard output, in bytes.
const BUFFER: usize = 64 * 1024;
/// How many bytes a pipe accepts without blocking once poll(2) reports it as writable (`PIPE_BUF` in pipe(7)).
const PIPE_BUF: usize = 4096;
/// How long a write may block after a signal because the reader of standard output does not read.
const GRACE: Duration = Duration::from_secs(5);
/// How long poll(2) waits before the next check for a stop.
const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// The properties of the terminal, if there is one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terminal {
    /// Standard input is a terminal.
    pub stdin: bool,
    /// Standard output is a terminal.
    pub stdout: bool,
    /// Standard error is a terminal.
    pub stderr: bool,
    /// The width of standard output in columns; 0 if it is not a terminal.
    pub columns: usize,
    /// The width of standard error in columns; 0 if it is not a terminal.
    pub stderr_columns: usize,
}

impl Terminal {
    fn detect() -> Terminal {
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
        // Serial lines, for example, do not know their width.
        0 => 80,
        columns => usize::from(columns),
    })
}

/// The streams of a run.
pub(crate) struct Io {
    /// Standard input, unbuffered because the readers of lines have buffers of their own.
    pub input: Box<dyn Read + Send>,
    /// Standard output, buffered; `output::Output` flushes it.
    pub out: Box<dyn Write + Send>,
    /// Standard error, shared by the threads of a run.
    pub messages: Messages,
    /// The properties of the terminal.
    pub terminal: Terminal,
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    /// The stop that ends a blocked write; set by [`Io::stop_on`].
    stop: Arc<OnceLock<Stop>>,
}

impl Io {
    /// Returns the process's own streams.
    pub(crate) fn system(program: &'static str) -> Io {
        // std's own handles would lock at each call and flush at each line.
        let (stdout, stop) = (io::stdout().as_fd().try_clone_to_owned().ok(), Arc::default());
        let writer = |fd: &Option<OwnedFd>| {
            let file = File::from(fd.as_ref()?.try_clone().ok()?);
            Some(InterruptibleWriter { file, stop: Arc::clone(&stop), blocked: Duration::ZERO })
        };
        let out: Box<dyn Write + Send> = match writer(&stdout) {
            Some(writer) => Box::new(BufWriter::with_capacity(BUFFER, writer)),
            None => Box::new(BufWriter::with_capacity(BUFFER, io::stdout())),
        };
        let stderr = io::stderr().as_fd().try_clone_to_owned().ok();
        let err: Box<dyn Write + Send> = match writer(&stderr) {
            Some(writer) => Box::new(writer),
            None => Box::new(io::stderr()),
        };
        let stdin = io::stdin().as_fd().try_clone_to_owned().ok();
        let input: Box<dyn Read + Send> = match stdin.as_ref().and_then(|fd| fd.try_clone().ok()) {
            Some(fd) => Box::new(PatientReader(File::from(fd))),
            None => Box::new(io::stdin()),
        };
        Io {
            input,
            out,
            messages: Messages::new(program, err),
            terminal: Terminal::detect(),
            stdin,
            stdout,
            stderr,
            stop,
        }
    }

    /// Returns streams in memory, with `stdin` as the input.
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
            stderr: None,
            stop: Arc::default(),
        };
        (io, out, err)
    }

    /// Makes a signal end a write to standard output or error that blocks because the reader does not read. Only the first call
    /// counts.
    pub(crate) fn stop_on(&self, stop: &Stop) {
        let _ = self.stop.set(stop.clone());
    }

    /// Returns whether [`Io::stop_on`] was called.
    pub(crate) fn has_stop(&self) -> bool {
        self.stop.get().is_some()
    }

    /// Takes standard input as a reader that fails once a stop is requested, even while it waits for input.
    pub(crate) fn interruptible_input(&mut self, stop: &Stop) -> impl Read + Send + 'static {
        // Reads of a regular file do not block, and after a stop the rest of the file must still be read for --rest.
        let waits = self.stdin.as_ref().filter(|_| regular(&self.stdin).is_none());
        let ready = waits.and_then(|fd| fd.try_clone().ok());
        let input = std::mem::replace(&mut self.input, Box::new(io::empty()));
        InterruptibleReader { input, ready, stop: stop.clone() }
    }

    /// Returns whether standard input is the file at `path`.
    pub(crate) fn reads(&self, path: &Path) -> bool {
        regular(&self.stdin).is_some_and(|input| is_at(&input, path))
    }

    /// Returns which other stream is the file or pipe of standard input, so that what is written is read again.
    pub(crate) fn feeds_itself(&self) -> Option<&'static str> {
        let input = loops(&self.stdin)?;
        let is_input = |stream: &&(&Option<OwnedFd>, &'static str)| loops(stream.0) == Some(input);
        let outputs = [(&self.stdout, "standard output"), (&self.stderr, "standard error")];
        outputs.iter().find(is_input).map(|(_, name)| *name)
    }

    /// Returns whether standard output is the file at `path`.
    pub(crate) fn writes(&self, path: &Path) -> bool {
        regular(&self.stdout).is_some_and(|output| is_at(&output, path))
    }

    /// Returns a watch on the reader of standard output, for use in another thread.
    pub(crate) fn watch(&self) -> Watch {
        Watch { stdout: self.stdout.as_ref().and_then(|fd| fd.try_clone().ok()) }
    }
}

/// Returns the metadata of a stream, if it is a regular file.
fn regular(stream: &Option<OwnedFd>) -> Option<Metadata> {
    let file = File::from(stream.as_ref()?.try_clone().ok()?);
    file.metadata().ok().filter(Metadata::is_file)
}

/// Returns the device and inode of a stream, if it is a file or pipe: what is written to one can be read from it. On a
/// terminal and a socket, input and output are apart.
fn loops(stream: &Option<OwnedFd>) -> Option<(u64, u64)> {
    let there = File::from(stream.as_ref()?.try_clone().ok()?).metadata().ok()?;
    let kind = there.file_type();
    (kind.is_file() || kind.is_fifo()).then(|| (there.dev(), there.ino()))
}

/// A reader that waits for input also if another program has left the stream in non-blocking mode (`O_NONBLOCK`).
struct PatientReader(File);

impl Read for PatientReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let _ = poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&POLL_INTERVAL));
                }
                read => return read,
            }
        }
    }
}

/// A reader that fails once a stop is requested, even while it waits for input.
struct InterruptibleReader {
    input: Box<dyn Read + Send>,
    /// The descriptor to poll before each read; none if reads do not block.
    ready: Option<OwnedFd>,
    stop: Stop,
}

impl Read for InterruptibleReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(fd) = &self.ready {
            if self.stop.is_set() {
                // End of file would make a line that is cut off look complete.
                return Err(io::Error::other("stopped"));
            }
            let mut fds = [PollFd::new(fd, PollFlags::IN)];
            if poll(&mut fds, Some(&POLL_INTERVAL)).is_ok_and(|n| n > 0) {
                break;
            }
        }
        self.input.read(buffer)
    }
}

/// A writer that gives up some time after a signal if its reader does not read. It waits also if another program has
/// left the stream in non-blocking mode (`O_NONBLOCK`).
struct InterruptibleWriter {
    file: File,
    stop: Arc<OnceLock<Stop>>,
    /// How long it has blocked since the signal.
    blocked: Duration,
}

impl InterruptibleWriter {
    fn wait(&mut self, stop: Option<&Stop>) -> io::Result<()> {
        loop {
            let from = Instant::now();
            let mut fds = [PollFd::new(&self.file, PollFlags::OUT)];
            if poll(&mut fds, Some(&POLL_INTERVAL)).is_ok_and(|n| n > 0) {
                return Ok(());
            }
            if stop.is_some_and(|stop| stop.signal().is_some()) {
                self.blocked += from.elapsed();
                if self.blocked >= GRACE {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "the reader does not read"));
                }
            }
        }
    }
}

impl Write for InterruptibleWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let stop = self.stop.get().cloned();
            let most = match &stop {
                Some(stop) => {
                    self.wait(Some(stop))?;
                    bytes.len().min(PIPE_BUF)
                }
                None => bytes.len(),
            };
            match self.file.write(&bytes[..most]) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.wait(stop.as_ref())?,
                written => return written,
            }
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A watch that notices the exit of the reader of standard output without writing to it.
#[derive(Debug)]
pub(crate) struct Watch {
    stdout: Option<OwnedFd>,
}

impl Watch {
    /// Returns whether the reader has exited (poll(2): `POLLERR`, `POLLHUP`).
    pub(crate) fn is_gone(&self) -> bool {
        let Some(fd) = &self.stdout else { return false };
        let mut fds = [PollFd::new(fd, PollFlags::empty())];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&at_once)).is_ok_and(|n| n > 0)
            && fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL)
    }
}

/// A writer that keeps its output in memory, where a test can read it.
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

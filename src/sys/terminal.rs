//! Hidden prompts on the controlling terminal, even if the standard streams are redirected.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpgrp, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};

use crate::sys::signals::{Hold, Stop, hold};

/// The longest line that is read, in bytes: the limit of a terminal in canonical mode (termios(3)).
const MAX_LINE: usize = 4096;
/// How long to wait for each key.
const PATIENCE: Duration = Duration::from_secs(300);

/// Prints `prompt` on `/dev/tty` and reads a line without echo.
///
/// A signal that would end the process, and one of the keys for SIGINT and SIGQUIT, first end the line. They take
/// effect after the terminal is as it was.
///
/// # Errors
/// `Interrupted` after such a key or a stop; `TimedOut` if no key comes for 300 seconds; other errors if there is no
/// terminal.
pub(crate) fn ask_hidden(prompt: &str, stop: &Stop) -> io::Result<String> {
    let mut tty = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let held = hold();
    let hidden = Hidden::new(&tty)?;
    let keys = hidden.interrupt_keys();
    tty.write_all(prompt.as_bytes())?;
    let (mut line, mut signal) = (Vec::new(), None);
    let mut byte = [0];
    while line.len() < MAX_LINE && ready(&tty, stop, &held)? && tty.read(&mut byte)? == 1 && byte[0] != b'\n'
    {
        signal = keys.iter().find(|(key, _)| *key == byte[0]).map(|(_, signal)| *signal);
        if signal.is_some() {
            break;
        }
        line.push(byte[0]);
    }
    drop(hidden);
    tty.write_all(b"\n")?;
    drop(held);
    if let Some(signal) = signal {
        kill_process(getpid(), signal)?;
        // The kernel may deliver the signal to another thread, so it can arrive a little later.
        stop.sleep(Duration::from_millis(500));
    }
    if signal.is_some() || stop.is_set() {
        return Err(io::ErrorKind::Interrupted.into());
    }
    String::from_utf8(line).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}

/// Returns whether this process and its children get the signals of the terminal's keys: whether their process group is
/// in the foreground.
pub(crate) fn is_in_foreground() -> bool {
    File::open("/dev/tty").is_ok_and(|tty| tcgetpgrp(tty).is_ok_and(|group| group == getpgrp()))
}

/// Waits for input. Returns false if a signal arrives or a stop is requested first.
fn ready(tty: &File, stop: &Stop, held: &Hold) -> io::Result<bool> {
    let interval = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    let start = Instant::now();
    while !stop.is_set() && !held.has_signal() {
        match poll(&mut [PollFd::new(tty, PollFlags::IN)], Some(&interval)) {
            Ok(0) | Err(Errno::INTR) if start.elapsed() > PATIENCE => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(e) => return Err(e.into()),
        }
    }
    Ok(false)
}

/// A terminal without echo. Dropping this restores its settings.
struct Hidden {
    tty: File,
    /// The settings to restore.
    before: Termios,
}

impl Hidden {
    fn new(tty: &File) -> io::Result<Hidden> {
        let before = tcgetattr(tty)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        silent.special_codes[SpecialCodeIndex::VEOL] = before.special_codes[SpecialCodeIndex::VINTR];
        silent.special_codes[SpecialCodeIndex::VEOL2] = before.special_codes[SpecialCodeIndex::VQUIT];
        let hidden = Hidden { tty: tty.try_clone()?, before };
        tcsetattr(tty, OptionalActions::Flush, &silent)?;
        Ok(hidden)
    }

    /// Returns the keys for SIGINT and SIGQUIT.
    fn interrupt_keys(&self) -> [(u8, Signal); 2] {
        let key = |code| self.before.special_codes[code];
        [(key(SpecialCodeIndex::VINTR), Signal::INT), (key(SpecialCodeIndex::VQUIT), Signal::QUIT)]
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // This fails only if the terminal is gone, and then nobody needs it.
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.before);
    }
}

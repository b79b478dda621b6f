//! A question on the terminal itself, whatever the standard streams are.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpgrp, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};

use crate::sys::signals::Stop;

/// The longest answer that is read, in bytes: as much as a terminal takes for one line.
const LONGEST: usize = 4096;

/// Asks on `/dev/tty`, and reads a line that does not show while it is typed.
///
/// The keys that interrupt end the line first and reach the process as their signal then, so that the terminal
/// shows what is typed again whatever the signal does.
///
/// # Errors
/// `Interrupted` by a key or a stop; others where there is no terminal.
pub(crate) fn ask_hidden(prompt: &str, stop: &Stop) -> io::Result<String> {
    let mut tty = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let hidden = Hidden::new(&tty)?;
    let keys = hidden.interrupting();
    tty.write_all(prompt.as_bytes())?;
    let (mut line, mut signal) = (Vec::new(), None);
    let mut byte = [0];
    while line.len() < LONGEST && ready(&tty, stop)? && tty.read(&mut byte)? == 1 && byte[0] != b'\n' {
        signal = keys.iter().find(|(key, _)| *key == byte[0]).map(|(_, signal)| *signal);
        if signal.is_some() {
            break;
        }
        line.push(byte[0]);
    }
    drop(hidden);
    tty.write_all(b"\n")?;
    if let Some(signal) = signal {
        kill_process(getpid(), signal)?;
        // It may come by way of another thread.
        stop.sleep(Duration::from_millis(500));
    }
    if signal.is_some() || stop.is_set() {
        return Err(io::ErrorKind::Interrupted.into());
    }
    String::from_utf8(line).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}

/// Whether the keys of the controlling terminal send their signals to this process, and to those it has started:
/// its group is the one in the foreground, whatever the standard streams are.
pub(crate) fn is_in_front() -> bool {
    File::open("/dev/tty").is_ok_and(|tty| tcgetpgrp(tty).is_ok_and(|group| group == getpgrp()))
}

/// Waits for something to read; false where a stop is asked for instead.
fn ready(tty: &File, stop: &Stop) -> io::Result<bool> {
    let a_while = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    while !stop.is_set() {
        match poll(&mut [PollFd::new(tty, PollFlags::IN)], Some(&a_while)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(e) => return Err(e.into()),
        }
    }
    Ok(false)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden {
    tty: File,
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

    /// The keys that interrupt, and their signals.
    fn interrupting(&self) -> [(u8, Signal); 2] {
        let key = |code| self.before.special_codes[code];
        [(key(SpecialCodeIndex::VINTR), Signal::INT), (key(SpecialCodeIndex::VQUIT), Signal::QUIT)]
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // There is nobody to tell that the terminal went away.
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.before);
    }
}

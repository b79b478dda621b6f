//! A question on the terminal itself, whatever the standard streams are.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The longest answer that is read, in bytes.
const LONGEST: usize = 256;

/// Asks on `/dev/tty`, and reads a line that does not show while it is typed.
///
/// # Errors
/// Where there is no terminal, or the line ends without an answer.
pub fn ask_hidden(prompt: &str) -> io::Result<String> {
    let mut tty = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let hidden = Hidden::new(&tty)?;
    tty.write_all(prompt.as_bytes())?;
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < LONGEST && tty.read(&mut byte)? == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    drop(hidden);
    tty.write_all(b"\n")?;
    String::from_utf8(line).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
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
        silent.local_modes.remove(LocalModes::ECHO);
        let hidden = Hidden { tty: tty.try_clone()?, before };
        tcsetattr(tty, OptionalActions::Flush, &silent)?;
        Ok(hidden)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // There is nobody to tell that the terminal went away.
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.before);
    }
}

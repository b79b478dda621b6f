//! Secrets that a user gives: from standard input, a file, the environment, or, if it must be, the command line.

use std::io::{self, Read};

use crate::base::error::Error;
use crate::base::secret::Secret;
use crate::base::secret::check_token;
use crate::input::reader;
use crate::session::Session;
use crate::sys::terminal;

/// The longest secret that is read, in bytes.
const LONGEST: usize = 4096;

/// The secret that an option's value names: `-` (the first line of standard input, or what is typed unseen where that
/// is a terminal), `@FILE` (its first line), `env:NAME` (a variable), or the text itself, which everybody on the
/// machine can see in the process list.
///
/// # Errors
/// A usage error where it is no secret, or standard input is taken; a file error.
pub(super) fn secret(
    session: &mut Session,
    option: &str,
    value: &str,
    stdin_is_free: bool,
) -> Result<Secret, Error> {
    let fail = |path: &str, source| Error::file(path, source);
    let line = if value == "-" {
        if !stdin_is_free {
            return Err(Error::usage(format!("{option} -: standard input is already used")));
        }
        if session.io.terminal.stdin {
            let prompt = format!("{}: {option}: ", session.io.messages.program());
            terminal::ask_hidden(&prompt, &session.stop).map_err(|e| fail("/dev/tty", e))?
        } else {
            first_line(&mut session.io.input).map_err(|e| fail("stdin", e))?
        }
    } else if let Some(path) = value.strip_prefix('@') {
        let read = std::fs::File::open(path).and_then(|mut file| first_line(&mut file));
        read.map_err(|e| fail(path, e))?
    } else if let Some(name) = value.strip_prefix("env:") {
        session.config.named(name).ok_or_else(|| Error::usage(format!("{option}: {name} is not set")))?
    } else {
        value.to_owned()
    };
    let line = line.lines().next().unwrap_or_default().trim();
    check_token(line).map_err(|what| Error::usage(format!("{option}: the secret {what}")))?;
    let secret = Secret::new(line.to_owned());
    session.io.messages.hide(&secret);
    Ok(secret)
}

/// Not to the end: a writer may keep its pipe open, and what follows the line is for somebody else.
fn first_line(from: &mut dyn Read) -> io::Result<String> {
    let line = reader::read_one_line(from, LONGEST)?;
    if line.len() == LONGEST && line.last() != Some(&b'\n') {
        // Half a secret would be refused by the API, for a reason that nobody understands.
        return Err(io::Error::other(format!("the first line is longer than {LONGEST} bytes")));
    }
    String::from_utf8(line).map_err(|_| io::Error::other("the first line is not UTF-8"))
}

//! The values of options that take a secret.

use std::io::{self, Read};

use crate::base::error::Error;
use crate::base::secret::Secret;
use crate::base::secret::check_token;
use crate::input::reader;
use crate::session::Session;
use crate::sys::terminal;

/// The longest secret that is read, in bytes.
const LONGEST: usize = 4096;

/// Reads the secret that an option's value names.
///
/// - `-`: the first line of standard input; if that is a terminal, the user is asked and the answer is not shown
/// - `@FILE`: the first line of a file
/// - `env:NAME`: a variable of the environment
/// - otherwise the value itself, which everybody on the machine can see in the process list
///
/// # Errors
/// A usage error if the text cannot be a secret, or standard input is already used; those of the file.
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

/// Reads one line and no more: the writer may keep its pipe open, and the rest may be for another program.
fn first_line(from: &mut dyn Read) -> io::Result<String> {
    let line = reader::read_one_line(from, LONGEST)?;
    if line.len() == LONGEST && line.last() != Some(&b'\n') {
        // A secret that is cut off would be rejected by the API without a useful reason.
        return Err(io::Error::other(format!("the first line is longer than {LONGEST} bytes")));
    }
    String::from_utf8(line).map_err(|_| io::Error::other("the first line is not UTF-8"))
}

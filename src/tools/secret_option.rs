//! The values of options that take a secret.

use std::collections::HashSet;
use std::io::{self, Read};

use crate::base::error::{Error, USAGE};
use crate::base::secret::Secret;
use crate::base::token::{BLANK, clean_token, is_in_full};
use crate::input::reader;
use crate::session::Session;
use crate::sys::terminal;

/// The longest secret that is read, in bytes.
const LONGEST: usize = 4096;
/// The most bytes of tokens that are read: they are all held in memory.
const MOST_TEXT: u64 = 16 << 20;

/// Reads the secret that an option's value names.
///
/// - `-`: the first line of standard input; if that is a terminal, the user is asked and the answer is not shown
/// - `@FILE`: the first line of a file
/// - `env:NAME`: a variable of the environment
/// - otherwise the value itself, which everybody on the machine can see in the process list
///
/// White space and a byte order mark around it are removed, and a text that cannot be a secret is refused, as for
/// `HEROKU_API_KEY`.
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
    let line = Secret::new(line);
    let text =
        clean_token(line.expose()).map_err(|what| Error::usage(format!("{option}: the secret {what}")))?;
    let secret = Secret::new(text.to_owned());
    session.io.messages.hide(&secret);
    Ok(secret)
}

/// Reads the tokens that an option's value names, one a line; `from` is `-`, `@FILE` or `env:NAME`. Returns each with its
/// place, for messages. Blank lines are ignored, and so is a token that was there before.
///
/// # Errors
/// A usage error for another value, or if standard input is a terminal; those of the file; a status, once all lines that
/// are not tokens have been reported.
pub(super) fn tokens(
    session: &mut Session,
    option: &str,
    from: &str,
) -> Result<Vec<(String, Secret)>, Error> {
    let (name, text) = if from == "-" {
        if session.io.terminal.stdin {
            return Err(Error::usage(format!("{option} -: give the tokens on standard input, one a line")));
        }
        ("stdin", read_text(&mut session.io.input).map_err(|e| Error::file("stdin", e))?)
    } else if let Some(path) = from.strip_prefix('@') {
        let read = std::fs::File::open(path).and_then(|mut file| read_text(&mut file));
        (path, read.map_err(|e| Error::file(path, e))?)
    } else if let Some(variable) = from.strip_prefix("env:") {
        let text = session.config.named(variable);
        let text = text.ok_or_else(|| Error::usage(format!("{option}: {variable} is not set")))?;
        (variable, Secret::new(text))
    } else {
        let what = "give -, @FILE or env:NAME, so that no token is on the command line";
        return Err(Error::usage(format!("{option}: {what}")));
    };
    let messages = session.io.messages.clone();
    let (mut known, mut tokens, mut bad) = (HashSet::new(), Vec::new(), false);
    for (number, line) in (1..).zip(text.expose().lines()) {
        let token = match clean_token(line) {
            Ok(token) if is_in_full(token) => Ok(token),
            Ok(_) => Err("is not a token in full"),
            Err(BLANK) => continue,
            Err(what) => Err(what),
        };
        match token {
            Ok(token) if known.insert(token) => {
                tokens.push((format!("{name}:{number}"), Secret::new(token.to_owned())));
            }
            Ok(_) => {}
            Err(what) => {
                bad = true;
                messages.fail(&format!("{name}:{number}: {what}"));
            }
        }
    }
    if bad {
        messages.say("give bare tokens in full, one a line");
        return Err(Error::reported(USAGE));
    }
    Ok(tokens)
}

fn read_text(from: &mut dyn Read) -> io::Result<Secret> {
    let mut text = String::new();
    let read = from.take(MOST_TEXT + 1).read_to_string(&mut text);
    let text = Secret::new(text);
    match read? as u64 > MOST_TEXT {
        true => Err(io::Error::other(format!("there are more than {MOST_TEXT} bytes of tokens"))),
        false => Ok(text),
    }
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

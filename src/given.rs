//! Secrets that a user gives: from standard input, a file, the environment, or, if it must be, the command line.

use std::io::Read;

use crate::config::check_token;
use crate::error::Error;
use crate::secret::Secret;
use crate::world::World;

/// The longest secret that is read, in bytes.
const LONGEST: u64 = 4096;

/// The secret that an option's value names: `-` (the first line of standard input), `@FILE` (its first line),
/// `env:NAME` (a variable), or the text itself, which everybody on the machine can see in the process list.
///
/// # Errors
/// [`Error::Usage`] where it is no secret, or standard input is taken; [`Error::File`].
pub fn secret(world: &mut World, option: &str, value: &str, stdin_is_free: bool) -> Result<Secret, Error> {
    let mut text = String::new();
    if value == "-" {
        if !stdin_is_free {
            return Err(Error::Usage(format!("{option} -: standard input is taken already")));
        }
        let read = (&mut world.io.input).take(LONGEST).read_to_string(&mut text);
        read.map_err(|source| Error::File { path: "stdin".to_owned(), source })?;
    } else if let Some(path) = value.strip_prefix('@') {
        let read = std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
        read.map_err(|source| Error::File { path: path.to_owned(), source })?;
    } else if let Some(name) = value.strip_prefix("env:") {
        text =
            world.config.named(name).ok_or_else(|| Error::Usage(format!("{option}: {name} is not set")))?;
    } else {
        value.clone_into(&mut text);
    }
    let line = text.lines().next().unwrap_or_default().trim();
    check_token(line).map_err(|what| Error::Usage(format!("{option}: the secret {what}")))?;
    let secret = Secret::new(line.to_owned());
    world.io.messages.hide(&secret);
    Ok(secret)
}

//! Asks before several objects are removed.

use crate::base::error::Error;
use crate::input::reader;
use crate::record::kind::Kind;
use crate::sys::streams::Io;

/// Asks whether so many objects shall be removed.
///
/// # Errors
/// [`Error::Left`] for any answer but one that begins with `y`.
pub(crate) fn confirm(io: &mut Io, kind: Kind, count: usize) -> Result<(), Error> {
    let verb = if kind.removed() == "revoked" { "revoke" } else { "delete" };
    let program = io.messages.program();
    io.messages.progress(&format!("{program}: {verb} {count} {}s? [y/N] ", kind.noun()));
    // The whole line, lest the shell gets the rest of it.
    let answer = reader::one(&mut io.input, usize::MAX).unwrap_or_default();
    // The answer's own line break has ended the line, or else there is none yet.
    io.messages.line_ended();
    if answer.last() != Some(&b'\n') {
        io.messages.progress("\n");
        io.messages.line_ended();
    }
    if matches!(answer.first(), Some(b'y' | b'Y')) {
        return Ok(());
    }
    Err(Error::Left {
        what: format!("nothing was {}", kind.removed()),
        hint: "--yes leaves the question out",
    })
}

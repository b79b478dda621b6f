//! Asks before several objects are removed.

use crate::base::error::Error;
use crate::input::reader;
use crate::record::kind::Kind;
use crate::sys::streams::Io;

/// Objects that are removed at a terminal without a question, as `rm -I` has it. A pipeline is never asked.
const ASK_ABOVE: usize = 3;

/// Asks before more than three objects are removed, where a person can answer.
///
/// # Errors
/// For any answer but one that begins with `y`.
pub(crate) fn confirm(io: &mut Io, kind: Kind, count: usize) -> Result<(), Error> {
    if count <= ASK_ABOVE || !io.terminal.stdin || !io.terminal.stderr {
        return Ok(());
    }
    let verb = if kind.removed() == "revoked" { "revoke" } else { "delete" };
    let program = io.messages.program();
    io.messages.progress(&format!("{program}: {verb} {count} {}s? [y/N] ", kind.noun()));
    // The whole line, lest the shell gets the rest of it.
    let answer = reader::read_one_line(&mut io.input, usize::MAX).unwrap_or_default();
    // The answer's own line break has ended the line, or else there is none yet.
    io.messages.line_ended();
    if answer.last() != Some(&b'\n') {
        io.messages.progress("\n");
        io.messages.line_ended();
    }
    if matches!(answer.first(), Some(b'y' | b'Y')) {
        return Ok(());
    }
    Err(Error::failed(format!("nothing was {}", kind.removed())).with_hint("--yes skips this question"))
}

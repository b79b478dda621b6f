//! Asks before several objects are removed or rotated.

use crate::base::error::Error;
use crate::input::reader;
use crate::record::kind::Kind;
use crate::sys::streams::Io;

/// How many objects are removed or rotated at a terminal without a question: as many as with `rm -I`.
const ASK_ABOVE: usize = 3;

/// Asks before more than three objects are changed in that way (`revoke`, with its participle), if standard input and standard error are a terminal.
///
/// # Errors
/// If the answer does not begin with `y`.
pub(crate) fn confirm(
    io: &mut Io,
    (verb, done): (&str, &str),
    kind: Kind,
    count: usize,
) -> Result<(), Error> {
    if count <= ASK_ABOVE || !io.terminal.stdin || !io.terminal.stderr {
        return Ok(());
    }
    let program = io.messages.program();
    io.messages.progress(&format!("{program}: {verb} {count} {}s? [y/N] ", kind.noun()));
    // Reads the whole line, or the shell would read the rest of it as a command.
    let answer = reader::read_one_line(&mut io.input, usize::MAX).unwrap_or_default();
    // At end of file (Ctrl-D) the terminal's line is still open.
    io.messages.line_ended();
    if answer.last() != Some(&b'\n') {
        io.messages.progress("\n");
        io.messages.line_ended();
    }
    if matches!(answer.first(), Some(b'y' | b'Y')) {
        return Ok(());
    }
    Err(Error::failed(format!("nothing was {done}")).with_hint("--yes skips this question"))
}

//! Asks before several objects are removed or rotated, and finds the descriptions and names of what would go.

use std::fmt::Write as _;

use crate::base::error::Error;
use crate::base::id;
use crate::change::guard::{Guard, LookUps};
use crate::change::targets::{Item, Targets};
use crate::input::reader;
use crate::output::cells::{fit, flatten};
use crate::record::kind::Kind;
use crate::session::Session;

/// How many objects are removed or rotated at a terminal without a question: as many as with `rm -I`.
const ASK_ABOVE: usize = 3;
/// How many objects the question lists.
const LISTED: usize = 10;

/// Returns whether [`confirm`] asks about so many objects: there are more than three, and standard input and standard
/// error are a terminal.
pub(crate) fn asks(session: &Session, count: usize) -> bool {
    count > ASK_ABOVE && session.io.terminal.stdin && session.io.terminal.stderr
}

/// Lists the first ten objects that would be changed and the number of the others, and asks. The pair is the verb and its
/// participle: `revoke` and `revoked`. Protected objects are not listed, because they will be skipped.
///
/// # Errors
/// If the answer does not begin with `y`; a signal.
pub(crate) fn confirm(
    session: &mut Session,
    (verb, done): (&str, &str),
    targets: &Targets,
    guard: &Guard,
) -> Result<(), Error> {
    let items = || targets.iter().filter(|item| guard.check(item).is_ok());
    let (count, kind) = (items().count(), targets.get(0).kind);
    if count == 0 {
        return Ok(());
    }
    let messages = session.io.messages.clone();
    let columns = session.io.terminal.stderr_columns;
    let mut text: String = items().take(LISTED).map(|item| line(&item, guard.name(&item), columns)).collect();
    if count > LISTED {
        let _ = writeln!(text, "  and {} more", count - LISTED);
    }
    let plural = if count == 1 { "" } else { "s" };
    let _ = write!(text, "{}: {verb} {count} {}{plural}? [y/N] ", messages.program(), kind.noun());
    messages.progress(&messages.redacted(&text));
    // Reads the whole line, or the shell would read the rest of it as a command.
    let stop = session.stop.clone();
    let answer =
        reader::read_one_line(&mut session.io.interruptible_input(&stop), usize::MAX).unwrap_or_default();
    // At end of file (Ctrl-D) the terminal's line is still open.
    messages.line_ended();
    if answer.last() != Some(&b'\n') {
        messages.progress("\n");
        messages.line_ended();
    }
    if let Some(signal) = stop.signal() {
        messages.fail(&format!("nothing was {done}"));
        return Err(Error::signal(signal));
    }
    if matches!(answer.first(), Some(b'y' | b'Y')) {
        return Ok(());
    }
    Err(Error::failed(format!("nothing was {done}")).with_hint("--yes skips this question"))
}

/// Returns the line about one object: its id, which is never cut, and its description or name. On a narrow terminal the
/// name has a line of its own.
fn line(item: &Item<'_>, name: Option<&str>, columns: usize) -> String {
    let Some(name) = name else { return format!("  {}\n", item.id) };
    let room = columns.saturating_sub(item.id.len() + 5);
    match room < 16 {
        true => format!("  {}\n    {}\n", item.id, fit(&flatten(name), columns.saturating_sub(5).max(8))),
        false => format!("  {}  {}\n", item.id, fit(&flatten(name), room)),
    }
}

impl LookUps {
    /// Adds the descriptions and names of the items, if the user is asked, or `rehearses`. A rehearsal that protects
    /// nothing makes no call for the names alone.
    pub(crate) fn with_names<'a>(
        mut self,
        items: impl Iterator<Item = Item<'a>>,
        asks: bool,
        rehearses: bool,
    ) -> LookUps {
        if asks || (rehearses && (self.own || self.session || self.default)) {
            let is_listed = |kind| Kind::LISTED.contains(&kind) && (asks || kind != Kind::Authz || self.own);
            items.for_each(|item| self.names[item.kind as usize] |= is_listed(item.kind));
        }
        self
    }
}

impl Guard {
    /// Returns the description or name of an item's object; `None` if it was not looked up, or the account does not list it.
    pub(crate) fn name(&self, item: &Item<'_>) -> Option<&str> {
        let name = id::find(&self.names[item.kind as usize], &item.id)?;
        Some(name.as_str()).filter(|name| !name.is_empty())
    }

    /// Returns the description or name of an item's object as JSON, for the record of a plan that has no other fields; empty if
    /// there is none.
    pub(crate) fn named(&self, item: &Item<'_>) -> String {
        let field = if item.kind == Kind::Client { "name" } else { "description" };
        self.name(item).map_or_else(String::new, |name| serde_json::json!({ field: name }).to_string())
    }
}

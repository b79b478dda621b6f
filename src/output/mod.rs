//! Records out, in each format. Only the format `table` depends on the terminal: what goes to a pipe never does.
//!
//! - `printer`: prints records, one after another
//! - `table`: aligned columns
//! - `details`: one object, a field per line
//! - `sentence`: one change, in words
//! - `cells`: text of a given width and colour on a terminal
//! - `progress`: the progress line of a long run

pub(crate) mod cells;
pub(crate) mod details;
pub(crate) mod printer;
pub(crate) mod progress;
#[cfg(test)]
mod round_trips;
pub(crate) mod sentence;
pub(crate) mod table;

pub(crate) use printer::Output;

use crate::base::error::Error;

/// The format of printed records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    Ndjson,
    /// The fixed columns of each kind, with a header line before the first row of a kind.
    Csv,
    /// Indented JSON: an array, or one object if it was asked for by id.
    Json,
    /// `HEROKU_OAUTH_ID=…` lines for a shell.
    Env,
    /// One secret per line.
    Secret,
    /// One id per line.
    Id,
    /// For people: aligned columns, details of one object, or a sentence for each change.
    Table,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 7] =
        [Format::Ndjson, Format::Csv, Format::Json, Format::Env, Format::Secret, Format::Id, Format::Table];

    /// The values of `-o`.
    pub const WORDS: [(&'static str, Format); 7] = [
        ("ndjson", Format::Ndjson),
        ("table", Format::Table),
        ("csv", Format::Csv),
        ("json", Format::Json),
        ("env", Format::Env),
        ("secret", Format::Secret),
        ("id", Format::Id),
    ];
}

/// The style in which a run prints its records.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// The format.
    pub format: Format,
    /// Secrets are shown in full.
    pub reveal: bool,
    /// One object was asked for: no array around it, and its details instead of a table.
    pub single: bool,
    /// Records are results of changes: the format `table` prints a sentence for each.
    pub change: bool,
    /// Each record is written at once, not buffered: a secret must be delivered before the next change.
    pub eager: bool,
    /// Colour for tables and sentences.
    pub color: bool,
    /// The records are in the order in which a table should show them.
    pub sorted: bool,
}

impl Style {
    /// Checks that the format can hold this many records: of several assignments to a variable, only the last counts.
    ///
    /// # Errors
    /// A usage error if not.
    pub(crate) fn check_count(&self, records: usize) -> Result<(), Error> {
        match self.format == Format::Env && records > 1 {
            true => Err(Error::usage("--shell (-o env) is for one record: give its id")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;

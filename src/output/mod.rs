//! Records to each format. Nothing that a pipe sees depends on the terminal.

pub(crate) mod progress;
#[cfg(test)]
mod round_trips;
pub(crate) mod table;

use std::io::Write;

use crate::base::error::Error;
use crate::base::text;
use crate::base::time::{self, Unix};
use crate::output::table::Table;
use crate::record::Record;
use crate::record::columns::{cell, columns, escape_cell};
use crate::record::json::write_indented;
use crate::record::kind::Kind;
use crate::sys::streams::Io;

/// How records are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// Fixed columns a kind, a header before the first row of each kind.
    Csv,
    /// Indented JSON: an array, or one object where one was asked for by id.
    Json,
    /// `HEROKU_OAUTH_ID=…` lines for a shell.
    Env,
    /// Secrets alone.
    Secret,
    /// Ids alone.
    Id,
    /// For a person: aligned columns, or a sentence a change.
    Table,
}

impl Format {
    /// The words of `-o`.
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

/// What a run prints, and how.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// The format.
    pub format: Format,
    /// Secrets are shown.
    pub reveal: bool,
    /// One object was asked for: no array around it, and a block instead of a table.
    pub single: bool,
    /// Records are news of changes: a sentence each on a terminal.
    pub change: bool,
    /// Each record must be on its way before the next change.
    pub eager: bool,
    /// Colour for tables and sentences.
    pub color: bool,
    /// Records come in the order in which they are to be shown.
    pub sorted: bool,
}

/// Prints records.
pub(crate) struct Output<'a> {
    out: &'a mut (dyn Write + Send),
    style: Style,
    now: Unix,
    line: Vec<u8>,
    csv_kind: Option<Kind>,
    table: Table,
    columns: usize,
    count: usize,
}

impl<'a> Output<'a> {
    /// An output to the standard output of `io`.
    pub(crate) fn new(io: &'a mut Io, style: Style) -> Output<'a> {
        let table = Table::new(io.terminal.columns, style.color, style.sorted);
        Output {
            out: &mut *io.out,
            style,
            now: time::now(),
            line: Vec::new(),
            csv_kind: None,
            table,
            columns: io.terminal.columns,
            count: 0,
        }
    }

    /// Prints one record.
    ///
    /// # Errors
    /// Where standard output cannot be written, or the format asks for a secret that the API does not show.
    pub(crate) fn record(&mut self, record: &Record<'_>) -> Result<(), Error> {
        self.line.clear();
        let reveal = self.style.reveal;
        match self.style.format {
            Format::Ndjson => {
                record.write_json(&mut self.line, reveal);
                self.line.push(b'\n');
            }
            Format::Json => {
                let mut json = Vec::new();
                record.write_json(&mut json, reveal);
                let depth = usize::from(!self.style.single);
                if !self.style.single {
                    self.line.extend_from_slice(if self.count == 0 { b"[\n  " } else { b",\n  " });
                }
                write_indented(&mut self.line, &json, depth);
                if self.style.single {
                    self.line.push(b'\n');
                }
            }
            Format::Csv => self.csv(record),
            Format::Env => self.env(record),
            Format::Secret => match record.whole_secret() {
                Some(secret) => self.secret(&secret),
                None => return Err(unknown_secret(record)),
            },
            // What does not exist yet has none.
            Format::Id if record.id.is_empty() => {}
            Format::Id => {
                self.line.extend_from_slice(record.id.as_bytes());
                self.line.push(b'\n');
            }
            Format::Table if self.style.change => {
                let color = self.style.color;
                table::sentence(&mut self.line, record, self.columns, color);
                if reveal && (record.whole_secret().is_some() || !record.text(&["grant", "code"]).is_empty())
                {
                    table::details(&mut self.line, record, self.now, reveal, color);
                }
            }
            Format::Table if self.style.single => {
                table::details(&mut self.line, record, self.now, reveal, self.style.color);
            }
            Format::Table => self.table.add(record, self.now, reveal),
        }
        self.count += 1;
        self.out.write_all(&self.line).map_err(Error::stdout)?;
        if self.style.eager {
            self.flush()?;
        }
        // A shell that was to get a secret would go on with the one that it has.
        let wanting = self.style.format == Format::Env && record.status == "exists";
        if wanting && record.whole_secret().is_none() { Err(unknown_secret(record)) } else { Ok(()) }
    }

    /// Whether records are printed with their secrets.
    pub(crate) fn shows_secrets(&self) -> bool {
        self.style.reveal && self.style.format != Format::Id
    }

    /// Hands on what has been printed.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.out.flush().map_err(Error::stdout)
    }

    /// Ends the output: prints a table, closes an array.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.line.clear();
        match self.style.format {
            Format::Table if !self.style.change && !self.style.single => self.table.print(&mut self.line),
            Format::Json if !self.style.single && self.count == 0 => self.line.extend_from_slice(b"[]\n"),
            Format::Json if !self.style.single => self.line.extend_from_slice(b"\n]\n"),
            _ => {}
        }
        self.out.write_all(&self.line).map_err(Error::stdout)?;
        self.flush()
    }

    /// Prints what CSV has before its first record, so that a full disk shows before the first change.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    pub(crate) fn announce(&mut self, kind: Kind) -> Result<(), Error> {
        if self.style.format == Format::Csv {
            self.line.clear();
            self.header(kind);
            self.out.write_all(&self.line).map_err(Error::stdout)?;
            self.flush()?;
        }
        Ok(())
    }

    fn header(&mut self, kind: Kind) {
        if self.csv_kind != Some(kind) {
            self.csv_kind = Some(kind);
            for (i, (name, _)) in columns(kind).iter().enumerate() {
                if i > 0 {
                    self.line.push(b',');
                }
                self.line.extend_from_slice(name.as_bytes());
            }
            self.line.push(b'\n');
        }
    }

    fn csv(&mut self, record: &Record<'_>) {
        self.header(record.kind);
        let row = columns(record.kind).iter().map(|c| escape_cell(&cell(record, *c, self.style.reveal)));
        let mut writer = csv::WriterBuilder::new().from_writer(&mut self.line);
        // Writing to a Vec cannot fail, and a row always has its kind.
        let _ = writer.write_record(row);
        let _ = writer.flush();
    }

    fn env(&mut self, record: &Record<'_>) {
        let name = record.secret_variable();
        let _ = writeln!(self.line, "HEROKU_OAUTH_ID={}", text::shell_word(&record.id));
        // A masked secret in a shell's environment would only fail later and elsewhere.
        if let Some(secret) = record.whole_secret() {
            let _ = writeln!(self.line, "{name}={}", text::shell_word(&secret));
        }
    }

    fn secret(&mut self, secret: &str) {
        self.line.extend(secret.bytes().filter(|b| !b.is_ascii_control()));
        self.line.push(b'\n');
    }
}

fn unknown_secret(record: &Record<'_>) -> Error {
    let (what, hint) = match record.kind {
        Kind::Session => return Error::failed("a session has no secret"),
        Kind::Client => ("its secret is not in the answer", "oauth-ls client ID -o secret shows it"),
        Kind::Authz | Kind::Token => (
            "the API shows a token in full only once, when it is made",
            "oauth-rot gives it a new one; oauth-rot --replace makes a second authorization like it",
        ),
    };
    Error::failed(what).with_hint(hint)
}

#[cfg(test)]
mod tests;

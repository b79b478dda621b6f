//! Prints records in any format, and the frame around them: the brackets of an array, CSV header lines, a table.

use std::io::Write;

use crate::base::error::Error;
use crate::base::text;
use crate::base::time::{self, Unix};
use crate::output::details::write_details;
use crate::output::sentence::write_sentence;
use crate::output::table::Table;
use crate::output::{Format, Style};
use crate::record::Record;
use crate::record::columns::{cell, columns, escape_cell};
use crate::record::json::write_indented;
use crate::record::kind::Kind;
use crate::sys::streams::Io;

/// Prints records to standard output.
pub(crate) struct Output<'a> {
    out: &'a mut (dyn Write + Send),
    style: Style,
    now: Unix,
    line: Vec<u8>,
    /// A record that is printed only if no other comes.
    held: Vec<u8>,
    /// The kind of the last CSV header line.
    csv_kind: Option<Kind>,
    table: Table,
    /// The width of the terminal; 0 if there is none.
    columns: usize,
    /// The number of records so far.
    count: usize,
}

impl<'a> Output<'a> {
    /// Prints to the standard output of `io`.
    pub(crate) fn new(io: &'a mut Io, style: Style) -> Output<'a> {
        let table = Table::new(io.terminal.columns, style.color, style.sorted);
        Output {
            out: &mut *io.out,
            style,
            now: time::now(),
            line: Vec::new(),
            held: Vec::new(),
            csv_kind: None,
            table,
            columns: io.terminal.columns,
            count: 0,
        }
    }

    /// Prints one record.
    ///
    /// # Errors
    /// If standard output cannot be written, or the format needs a secret that the response does not have.
    pub(crate) fn record(&mut self, record: &Record<'_>) -> Result<(), Error> {
        self.style.check_count(self.count + 1)?;
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
            // A shell drops it without a word.
            Format::Env if record.whole_secret().is_some_and(|secret| secret.contains('\0')) => {
                return Err(unprintable("a variable"));
            }
            Format::Env => self.env(record),
            Format::Secret => match record.whole_secret() {
                // Left out or escaped, a character would make another secret of it.
                Some(secret) if text::escape(&secret) != secret => return Err(unprintable("a bare line")),
                Some(secret) => {
                    self.line.extend_from_slice(secret.as_bytes());
                    self.line.push(b'\n');
                }
                None => return Err(no_secret(record)),
            },
            // An object that does not exist yet has no id.
            Format::Id if record.id.is_empty() => {}
            Format::Id => {
                self.line.extend_from_slice(record.id.as_bytes());
                self.line.push(b'\n');
            }
            Format::Table if self.style.change => {
                let color = self.style.color;
                write_sentence(&mut self.line, record, self.columns, color);
                // What would be granted is the point of a rehearsal.
                let is_plan = record.status == "would-create";
                let code = || record.text(&["grant", "code"]);
                if is_plan || reveal && (record.whole_secret().is_some() || !code().is_empty()) {
                    write_details(&mut self.line, record, self.now, reveal, color);
                }
            }
            Format::Table if self.style.single => {
                write_details(&mut self.line, record, self.now, reveal, self.style.color);
            }
            Format::Table => self.table.add(record, self.now, reveal),
        }
        self.count += 1;
        if self.style.format == Format::Env && !self.style.eager {
            // Nothing is printed if a second record comes.
            self.held = std::mem::take(&mut self.line);
        }
        self.print()?;
        if self.style.eager {
            self.flush()?;
        }
        // With `mk --once -o env`, a shell without the new secret would go on with the one that it has.
        let must_have_secret = self.style.format == Format::Env && record.status == "exists";
        if must_have_secret && record.whole_secret().is_none() { Err(no_secret(record)) } else { Ok(()) }
    }

    /// Returns true if records are printed with their secrets.
    pub(crate) fn shows_secrets(&self) -> bool {
        self.style.reveal && self.style.format != Format::Id
    }

    /// The format of the records.
    pub(crate) fn format(&self) -> Format {
        self.style.format
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.out.flush().map_err(Error::stdout)
    }

    /// Ends the output: prints the table, or closes the JSON array.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.line = std::mem::take(&mut self.held);
        match self.style.format {
            Format::Table if !self.style.change && !self.style.single => self.table.print(&mut self.line),
            Format::Json if !self.style.single && self.count == 0 => self.line.extend_from_slice(b"[]\n"),
            Format::Json if !self.style.single => self.line.extend_from_slice(b"\n]\n"),
            _ => {}
        }
        self.print()?;
        self.flush()
    }

    /// Prints the CSV header line of a kind before the first record, so that a full disk fails before the first change.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn print_csv_header(&mut self, kind: Kind) -> Result<(), Error> {
        if self.style.format == Format::Csv {
            self.line.clear();
            self.csv_header(kind);
            self.print()?;
            self.flush()?;
        }
        Ok(())
    }

    /// Writes the line. On a terminal, no format but the table's, which sees to it itself, shows a character that can
    /// move the cursor, turn the text around, or hide.
    fn print(&mut self) -> Result<(), Error> {
        let is_shown = self.columns > 0 && self.style.format != Format::Table;
        let shown = if is_shown { str::from_utf8(&self.line).ok() } else { None };
        match shown {
            Some(line) => self.out.write_all(text::escape_units(line).as_bytes()),
            None => self.out.write_all(&self.line),
        }
        .map_err(Error::stdout)
    }

    fn csv_header(&mut self, kind: Kind) {
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
        self.csv_header(record.kind);
        let row = columns(record.kind).iter().map(|c| escape_cell(&cell(record, *c, self.style.reveal)));
        let mut writer = csv::WriterBuilder::new().from_writer(&mut self.line);
        // Cannot fail: the writer is a Vec.
        let _ = writer.write_record(row);
        let _ = writer.flush();
    }

    fn env(&mut self, record: &Record<'_>) {
        let name = record.secret_variable();
        let _ = writeln!(self.line, "HEROKU_OAUTH_ID={}", text::shell_word(&record.id));
        // A masked secret would fail later, in the program that gets it.
        if let Some(secret) = record.whole_secret() {
            let _ = writeln!(self.line, "{name}={}", text::shell_word(&secret));
        }
    }
}

/// The error for a secret that `what` cannot hold.
fn unprintable(what: &str) -> Error {
    Error::failed(format!("its secret has a character that {what} cannot hold"))
        .with_hint("-o ndjson prints it escaped")
}

/// The error for a format that needs a secret which `record` does not have.
fn no_secret(record: &Record<'_>) -> Error {
    let (text, hint) = match record.kind {
        Kind::Session => return Error::failed("a session has no secret"),
        Kind::Client => {
            ("the secret is not in the response", "to print it, use oauth-ls client ID -o secret")
        }
        Kind::Authz | Kind::Token => (
            "the API shows a token in full only once, when it is created",
            "for a new token, use oauth-rot; with --replace, the old one works until you revoke it",
        ),
    };
    Error::failed(text).with_hint(hint)
}

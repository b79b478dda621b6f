//! `--rest FILE`: the input lines that are not done yet, verbatim, as the input of a second run. A replacement has several
//! steps, so its line is a record that says how far it is.
//!
//! The file is right at every moment, even after `kill -9` (docs/architecture.md, Rules: Interruptible). It starts as
//! the whole input, and each line is overwritten with blanks once its result is delivered. Blank lines, and lines that
//! begin with NUL because they are being overwritten, are ignored as input. At the end both are removed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::base::error::Error;
use crate::base::text;
use crate::change::targets::Item;
use crate::input::entry::Need;
use crate::input::sniffer::Sniffer;
use crate::sys::files::{draft, sole_draft};
use crate::sys::messages::Messages;

/// The file, and where its lines are.
#[derive(Debug)]
pub(crate) struct Rest {
    path: PathBuf,
    draft: Option<PathBuf>,
    writer: Option<BufWriter<File>>,
    file: File,
    end: u64,
    lines: Vec<Span>,
    headers: Vec<Span>,
    /// The lines are padded, so that they can be rewritten.
    padded: bool,
    /// The line that a line needs.
    needs: HashMap<usize, usize>,
    /// For each line that others need: how many of these lines, itself included, are not done.
    open: HashMap<usize, usize>,
}

/// The length of a padded line in bytes, with its line break. It divides a page of memory, so that a line is written as a
/// whole or not at all when the process is killed.
const PADDED: usize = 512;

#[derive(Debug, Clone, Copy)]
struct Span {
    at: u64,
    len: u32,
}

impl Rest {
    /// Creates a draft beside `path`. An old file at `path` is kept until [`Rest::publish`].
    ///
    /// # Errors
    /// Input errors: the draft cannot be created, `path` is not a regular file, another run uses it, or it holds
    /// something other than records of which the tool needs `need`.
    pub(crate) fn start(path: &Path, need: Need) -> Result<Rest, Error> {
        let fail = |source| Error::unusable_file(path.display(), source);
        if !may_be_replaced(path, need).map_err(fail)? {
            let what = "exists, and is not a list of records: name another file";
            return Err(fail(io::Error::other(what)));
        }
        let (draft, file) = sole_draft(path).map_err(fail)?;
        let writer = file.try_clone().map_err(fail)?;
        Ok(Rest {
            path: path.to_owned(),
            draft: Some(draft),
            writer: Some(BufWriter::with_capacity(256 * 1024, writer)),
            file,
            end: 0,
            lines: Vec::new(),
            headers: Vec::new(),
            padded: false,
            needs: HashMap::new(),
            open: HashMap::new(),
        })
    }

    fn fail(&self, source: io::Error) -> Error {
        Error::file(self.path.display(), source)
    }

    /// Adds a line that holds a record.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn keep(&mut self, line: &[u8]) -> Result<(), Error> {
        let span = self.append(line)?;
        self.lines.push(span);
        Ok(())
    }

    /// Adds a line that holds no record: a CSV header line, which the records after it need.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn header(&mut self, line: &[u8]) -> Result<(), Error> {
        if !line.trim_ascii().is_empty() && !line.starts_with(b"\0") {
            let span = self.append(line)?;
            self.headers.push(span);
        }
        Ok(())
    }

    /// Adds the line of an item whose replacement has several steps: a record instead of the line of the input, which
    /// [`Rest::rewrite`] replaces at each step.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn keep_item(&mut self, item: &Item<'_>) -> Result<(), Error> {
        self.padded = true;
        let fields = item.fields();
        self.keep(&padded(item, &item.id, fields.replaces.as_deref(), fields.replacing_since.as_deref()))
    }

    /// Rewrites the line of an item: the record `id`, which `replaces` another, or which is being replaced `since` a time.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn rewrite(
        &self,
        item: &Item<'_>,
        id: &str,
        replaces: Option<&str>,
        since: Option<&str>,
    ) -> Result<(), Error> {
        let Some(span) = self.lines.get(item.index) else { return Ok(()) };
        self.file.write_all_at(&padded(item, id, replaces, since), span.at).map_err(|e| self.fail(e))
    }

    fn append(&mut self, line: &[u8]) -> Result<Span, Error> {
        let span = Span { at: self.end, len: line.len() as u32 };
        let written = match &mut self.writer {
            Some(writer) => writer.write_all(line).and_then(|()| writer.write_all(b"\n")),
            None => self
                .file
                .write_all_at(line, self.end)
                .and_then(|()| self.file.write_all_at(b"\n", self.end + line.len() as u64)),
        };
        written.map_err(|e| match self.writer {
            Some(_) => Error::unusable_file(self.path.display(), e),
            None => self.fail(e),
        })?;
        self.end += line.len() as u64 + 1;
        Ok(span)
    }

    /// Moves the draft to its path. From now on the file lists what is not done.
    ///
    /// # Errors
    /// An input error, if the file cannot be written. If this fails, nothing may be changed.
    pub(crate) fn publish(&mut self) -> Result<(), Error> {
        let flushed = self.writer.take().map_or(Ok(()), |mut writer| writer.flush());
        let published = flushed.and_then(|()| self.file.sync_all()).and_then(|()| match &self.draft {
            Some(draft) => std::fs::rename(draft, &self.path),
            None => Ok(()),
        });
        // Otherwise the draft is removed when this is dropped.
        published.map_err(|e| Error::unusable_file(self.path.display(), e))?;
        self.draft = None;
        Ok(())
    }

    /// Keeps each line that others need until those are done too; a second run could not do them without it. `needs` maps
    /// the place of a line to the place of the line that it needs.
    pub(crate) fn hold(&mut self, needs: &HashMap<usize, usize>) {
        for needed in needs.values() {
            *self.open.entry(*needed).or_insert(1) += 1;
        }
        self.needs.clone_from(needs);
    }

    /// Marks the record at a place in the input as done and delivered.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn done(&mut self, index: usize) -> Result<(), Error> {
        let needed = self.needs.get(&index).copied();
        if needed.is_some() {
            self.blank(index)?;
        }
        let line = needed.unwrap_or(index);
        if let Some(open) = self.open.get_mut(&line) {
            *open = open.saturating_sub(1);
            if *open > 0 {
                return Ok(());
            }
        }
        self.blank(line)
    }

    fn blank(&mut self, index: usize) -> Result<(), Error> {
        let Some(span) = self.lines.get_mut(index) else { return Ok(()) };
        let Span { at, len } = std::mem::replace(span, Span { at: span.at, len: 0 });
        let mut steps = blanking(len.into());
        steps.try_for_each(|(n, bytes)| self.file.write_all_at(bytes, at + n)).map_err(|e| self.fail(e))
    }

    /// Returns the path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns how many lines are not done.
    pub(crate) fn remaining(&self) -> usize {
        self.lines.iter().filter(|span| span.len > 0).count()
    }

    /// Completes the file and reports how many lines are in it.
    ///
    /// # Errors
    /// Those of [`Rest::finish`].
    pub(crate) fn close(rest: Option<Mutex<Rest>>, messages: &Messages) -> Result<(), Error> {
        let Some(rest) = rest else { return Ok(()) };
        let rest = rest.into_inner().unwrap_or_else(PoisonError::into_inner);
        if rest.remaining() > 0 {
            let what = text::count(rest.remaining(), "input line is", "input lines are");
            messages.say(&format!("{what} left in {}", rest.path().display()));
        }
        rest.finish()
    }

    /// Removes the blank lines. If all records are done, the file is empty.
    ///
    /// # Errors
    /// Those of the file. The file with its blank lines is then still there, and right.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let fail = |source| self.fail(source);
        let (path, file) = draft(&self.path).map_err(fail)?;
        let mut writer = BufWriter::new(&file);
        let mut copy = |span: &Span| -> io::Result<()> {
            let mut line = vec![0; span.len as usize];
            self.file.read_exact_at(&mut line, span.at)?;
            writer.write_all(if self.padded { line.trim_ascii_end() } else { &line })?;
            writer.write_all(b"\n")
        };
        let mut all = || -> io::Result<()> {
            let mut headers = self.headers.iter().peekable();
            for line in self.lines.iter().filter(|span| span.len > 0) {
                while headers.peek().is_some_and(|h| h.at < line.at) {
                    headers.next().map_or(Ok(()), &mut copy)?;
                }
                copy(line)?;
            }
            Ok(())
        };
        let written = all().and_then(|()| writer.flush());
        drop(writer);
        let placed = written.and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&path, &self.path));
        placed.map_err(|e| {
            let _ = std::fs::remove_file(&path);
            self.fail(e)
        })
    }
}

/// Returns whether a file is missing, empty, or a list of records, as far as its beginning tells.
fn may_be_replaced(path: &Path, need: Need) -> io::Result<bool> {
    let mut start = Vec::new();
    // Others are refused where the draft is made. Opening a FIFO would block.
    if std::fs::symlink_metadata(path).is_ok_and(|there| there.is_file()) {
        File::open(path)?.take(64 * 1024).read_to_end(&mut start)?;
    }
    if start.len() == 64 * 1024 {
        start.truncate(memchr::memrchr(b'\n', &start).unwrap_or(0));
    }
    // A run with --stream keeps invalid lines too.
    let (mut good, mut bad) = (0, 0);
    let mut sniffer = Sniffer::new(need);
    for line in start.split(|byte| *byte == b'\n') {
        match sniffer.line(line) {
            Ok(Some(entry)) if entry.id.is_none() || entry.id().is_ok() => good += 1,
            Ok(None) => {}
            _ => bad += 1,
        }
    }
    Ok(bad == 0 || good > bad)
}

/// Returns the line of an item, without its line break. An id has no characters that JSON escapes.
fn padded(item: &Item<'_>, id: &str, replaces: Option<&str>, since: Option<&str>) -> Vec<u8> {
    let mut line = format!(r#"{{"kind":"{}","id":"{id}""#, item.kind.word());
    for (name, text) in [("replaces", replaces), ("replacing_since", since)] {
        text.into_iter().for_each(|text| line.push_str(&format!(r#","{name}":"{text}""#)));
    }
    for (name, mark) in [("current", item.current), ("default", item.default)] {
        line.push_str(&if mark { format!(r#","{name}":true"#) } else { String::new() });
    }
    line.push('}');
    format!("{line:<width$}", width = PADDED - 1).into_bytes()
}

/// Returns the writes that overwrite a line of `len` bytes with blanks: offset and bytes, in their order.
///
/// The first write makes the first byte NUL, which marks the line as done. One byte is written or not, so the line is
/// never half a record, whenever the process ends.
fn blanking(len: u64) -> impl Iterator<Item = (u64, &'static [u8])> {
    const BLANKS: &[u8; 256] = &[b' '; 256];
    let begun = (len > 0).then_some((0, &b"\0"[..]));
    let others = (1..len).step_by(BLANKS.len()).map(move |at| (at, &BLANKS[..(len - at).min(256) as usize]));
    begun.into_iter().chain(others).chain([(0, &BLANKS[..len.min(1) as usize])])
}

impl Drop for Rest {
    fn drop(&mut self) {
        // A draft that was not published belongs to a run that failed before its first change.
        if let Some(draft) = &self.draft {
            let _ = std::fs::remove_file(draft);
        }
    }
}

#[cfg(test)]
#[path = "tests/rest.rs"]
mod tests;

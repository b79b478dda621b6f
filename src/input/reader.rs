//! Reads lines in large blocks, and parses the JSON lines of a large input on several threads.
//!
//! A line of JSON means the same wherever it stands, so any thread can parse it. CSV rows depend on the header line
//! before them, and JSON over several lines on the lines around: those, and bare ids, are left to the thread that reads.

use std::borrow::Cow;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::base::error::{Error, reason};
use crate::input::entry::{Entry, Fields, Id, Need};
use crate::input::id_index::Tag;
use crate::input::json_lines::{Added, JsonLines, looks_like_json, trim};
use crate::input::sniffer::Sniffer;
use crate::record::kind::Kind;

/// The size of a block in bytes, at first and at most: large blocks are fast, but a small input is not worth the memory.
const CHUNK: Range<usize> = 64 * 1024..512 * 1024;
/// The name of standard input in messages.
const STDIN: &str = "stdin";
/// The longest line that is read, in bytes. An input with a longer one is not a list of records.
pub(crate) const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// Reads one line, with its line break, of at most `max` bytes. Takes nothing after it: the rest of the input may belong
/// to another program.
///
/// # Errors
/// Those of the stream.
pub(crate) fn read_one_line(from: &mut dyn Read, max: usize) -> std::io::Result<Vec<u8>> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while line.len() < max && line.last() != Some(&b'\n') {
        match from.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => line.push(byte[0]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(line)
}

/// Complete lines in one buffer; the buffer may be longer than they are.
#[derive(Debug, Default)]
struct Block {
    bytes: Vec<u8>,
    end: usize,
}

impl Block {
    /// Iterates over the lines, without their line breaks, as ranges of `bytes`.
    fn lines(&self) -> impl Iterator<Item = Range<usize>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            if at >= self.end {
                return None;
            }
            let end = memchr::memchr(b'\n', &self.bytes[at..self.end]).map_or(self.end, |n| at + n);
            let line = at..end;
            at = end + 1;
            Some(line)
        })
    }
}

/// Reads blocks of complete lines.
struct Blocks<R> {
    from: R,
    /// The name of the stream in messages.
    name: Cow<'static, str>,
    /// The start of a line that is not complete yet.
    tail: Vec<u8>,
    eof: bool,
    /// The size of the next block in bytes.
    chunk: usize,
}

impl<R: Read> Blocks<R> {
    fn new(from: R, name: Cow<'static, str>) -> Blocks<R> {
        Blocks { from, name, tail: Vec::new(), eof: false, chunk: CHUNK.start }
    }

    /// Returns the lines that have arrived, at least one; `None` at the end of file. The buffer of `spare` is reused.
    fn next(&mut self, spare: Block) -> Result<Option<Block>, Error> {
        let mut block = spare;
        block.end = 0;
        let size = block.bytes.len().max(self.chunk).max(self.tail.len() * 2);
        self.chunk = (self.chunk * 2).min(CHUNK.end);
        block.bytes.resize(size, 0);
        block.bytes[..self.tail.len()].copy_from_slice(&self.tail);
        let mut filled = self.tail.len();
        self.tail.clear();
        while !self.eof {
            if filled == block.bytes.len() {
                if filled >= LONGEST_LINE {
                    return Err(Error::input(format!("{}: a line is longer than 16 MiB", self.name)));
                }
                block.bytes.resize(filled * 2, 0);
            }
            match self.from.read(&mut block.bytes[filled..]) {
                Ok(0) => self.eof = true,
                Ok(n) => {
                    let last = memchr::memrchr(b'\n', &block.bytes[filled..filled + n]);
                    let complete = last.map(|at| filled + at + 1);
                    filled += n;
                    if let Some(complete) = complete {
                        self.tail.extend_from_slice(&block.bytes[complete..filled]);
                        block.end = complete;
                        return Ok(Some(block));
                    }
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::input(format!("{}: {}", self.name, reason(&e)))),
            }
        }
        block.end = filled;
        Ok((filled > 0).then_some(block))
    }
}

/// Reads lines one by one, each as soon as it arrives. JSON that goes over several lines is one line here.
pub struct Lines<R> {
    blocks: Blocks<R>,
    block: Block,
    at: usize,
    number: u32,
    json: JsonLines,
    joined: Vec<u8>,
}

impl<R: Read> Lines<R> {
    /// Reads from `from`, which messages call standard input.
    pub fn new(from: R) -> Lines<R> {
        Lines::named(from, STDIN)
    }

    /// Reads from `from`, which messages call `name`.
    pub(crate) fn named(from: R, name: impl Into<Cow<'static, str>>) -> Lines<R> {
        Lines {
            blocks: Blocks::new(from, name.into()),
            block: Block::default(),
            at: 0,
            number: 0,
            json: JsonLines::default(),
            joined: Vec::new(),
        }
    }

    /// Returns the number of the next line, counted from 1, and the line without its line break; `None` at the end of
    /// file.
    ///
    /// # Errors
    /// An input error, if the stream fails or a line is longer than 16 MiB.
    pub fn next_line(&mut self) -> Result<Option<(u32, &[u8])>, Error> {
        loop {
            if self.at >= self.block.end {
                match self.blocks.next(std::mem::take(&mut self.block))? {
                    Some(block) => (self.block, self.at) = (block, 0),
                    None if self.json.is_open() => return Ok(Some(self.take_json())),
                    None => return Ok(None),
                }
            }
            let rest = &self.block.bytes[self.at..self.block.end];
            let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = self.at..self.at + len;
            if self.json.is_open() {
                match self.json.add(&self.block.bytes[line]) {
                    // The line is read again, as the next one.
                    Added::BreaksOff => return Ok(Some(self.take_json())),
                    added => {
                        self.at += len + 1;
                        self.number = self.number.saturating_add(1);
                        if added == Added::Complete {
                            return Ok(Some(self.take_json()));
                        }
                        continue;
                    }
                }
            }
            self.at += len + 1;
            self.number = self.number.saturating_add(1);
            if !self.json.begin(self.number, &self.block.bytes[line.clone()]) {
                return Ok(Some((self.number, &self.block.bytes[line])));
            }
        }
    }

    fn take_json(&mut self) -> (u32, &[u8]) {
        let (number, text) = self.json.take();
        self.joined = text;
        (number, &self.joined)
    }
}

/// The result of parsing a line: `None` for a line without a record, a message for a bad line.
pub type Found<'a> = Result<Option<Entry<'a>>, String>;

/// Takes the lines of an input, in their order.
pub trait Consumer {
    /// Takes a line: its number, counted from 1, the line itself, and the result of parsing it.
    ///
    /// # Errors
    /// Any error ends the reading.
    fn line(&mut self, number: u32, line: &[u8], found: Found<'_>) -> Result<(), Error>;

    /// Gets the tags of the checked ids in the next lines, before [`Consumer::line`] gets the lines.
    fn prefetch(&mut self, _tags: impl Iterator<Item = Tag>) {}
}

impl<F: FnMut(u32, &[u8], Found<'_>) -> Result<(), Error>> Consumer for F {
    fn line(&mut self, number: u32, line: &[u8], found: Found<'_>) -> Result<(), Error> {
        self(number, line, found)
    }
}

/// Reads an input to its end. If it is longer than a block, several threads parse its JSON lines.
///
/// # Errors
/// An input error, if the stream fails or a line is longer than 16 MiB; the error of `consumer`.
pub fn read_all(from: impl Read, need: Need, consumer: &mut impl Consumer) -> Result<(), Error> {
    let mut blocks = Blocks::new(from, STDIN.into());
    let mut delivery =
        Delivery { number: 1, sniffer: Sniffer::new(need), json: JsonLines::default(), consumer };
    let Some(first) = blocks.next(Block::default())? else { return Ok(()) };
    let Some(second) = blocks.next(Block::default())? else {
        delivery.block(&parse(first, need))?;
        return delivery.json();
    };
    // One more than there are processors: parsers also sit idle while this thread reads and delivers.
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4) + 1;
    std::thread::scope(|scope| {
        // Blocks go to the threads in turn, and come back in the same turn: that keeps them in order.
        let parsers: Vec<(SyncSender<Block>, Receiver<ParsedBlock>)> = (0..threads)
            .map_while(|_| {
                let (to_parser, blocks) = sync_channel::<Block>(1);
                let (parsed, from_parser) = sync_channel(1);
                let work = move || blocks.into_iter().try_for_each(|b| parsed.send(parse(b, need)));
                std::thread::Builder::new().spawn_scoped(scope, work).ok()?;
                Some((to_parser, from_parser))
            })
            .collect();
        // The system may have no room for all of them, or for any.
        let threads = parsers.len();
        let mut read_already = [first, second].into_iter();
        let (mut sent, mut received) = (0, 0);
        let mut spare = Block::default();
        loop {
            let next = match read_already.next() {
                Some(block) => Some(block),
                None => blocks.next(std::mem::take(&mut spare))?,
            };
            let at_end = next.is_none();
            if let Some(block) = next {
                if threads == 0 {
                    let parsed = parse(block, need);
                    delivery.block(&parsed)?;
                    spare = parsed.block;
                    continue;
                }
                // Cannot fail: a parser lives as long as its channels.
                let _ = parsers[sent % threads].0.send(block);
                sent += 1;
            }
            while received < sent && (at_end || sent - received >= 2 * threads) {
                if let Ok(parsed) = parsers[received % threads].1.recv() {
                    delivery.block(&parsed)?;
                    spare = parsed.block;
                }
                received += 1;
            }
            if at_end {
                return delivery.json();
            }
        }
    })
}

/// A block, and the result of parsing each of its lines.
struct ParsedBlock {
    block: Block,
    /// The ids of all its JSON records, one after another: one allocation instead of one per id.
    ids: String,
    lines: Vec<ParsedLine>,
}

struct ParsedLine {
    range: Range<usize>,
    content: Content,
}

enum Content {
    /// A JSON record. Of its id there is the length in [`ParsedBlock::ids`], and the tag if it is valid.
    Record {
        kind: Option<Kind>,
        id: Option<(usize, Option<Tag>)>,
        current: bool,
        default: bool,
        fields: Option<Arc<Fields>>,
        says: u16,
    },
    /// CSV, a bare id or a blank line: left to the sniffer, because the lines before it matter. So is an unusable JSON
    /// record, which may be the first line of a record over several lines.
    Other,
}

fn parse(block: Block, need: Need) -> ParsedBlock {
    let mut ids = String::with_capacity(block.end / 8);
    let mut lines = Vec::with_capacity(block.end / 256);
    // UTF-8 is checked once for the whole block: the JSON parser would check each string on its own.
    let whole = std::str::from_utf8(&block.bytes[..block.end]).ok();
    for range in block.lines() {
        let text = match whole {
            // A line without a byte order mark or record separator needs no look at its bytes.
            Some(whole) if whole[range.clone()].starts_with('{') => Ok(whole[range.clone()].trim_ascii_end()),
            _ => std::str::from_utf8(trim(&block.bytes[range.clone()])),
        };
        let content = match text {
            Ok(text) if text.starts_with('{') && looks_like_json(text.as_bytes()) => {
                match Entry::from_json(text, need) {
                    Ok(entry) => {
                        let tag = entry.id().ok().map(Tag::of);
                        let Entry { kind, id, current, default, fields, says, .. } = entry;
                        let id = id.map(|id| {
                            ids.push_str(id.as_str());
                            (id.as_str().len(), tag)
                        });
                        Content::Record { kind, id, current, default, fields, says }
                    }
                    Err(_) => Content::Other,
                }
            }
            _ => Content::Other,
        };
        lines.push(ParsedLine { range, content });
    }
    ParsedBlock { block, ids, lines }
}

/// Passes lines to a consumer, in their order.
struct Delivery<'c, C> {
    /// The number of the next line.
    number: u32,
    sniffer: Sniffer,
    json: JsonLines,
    consumer: &'c mut C,
}

impl<C: Consumer> Delivery<'_, C> {
    /// Passes each line of a block to the consumer.
    fn block(&mut self, parsed: &ParsedBlock) -> Result<(), Error> {
        self.consumer.prefetch(parsed.lines.iter().filter_map(|line| match line.content {
            Content::Record { id: Some((_, tag)), .. } => tag,
            _ => None,
        }));
        let mut at = 0;
        for ParsedLine { range, content } in &parsed.lines {
            let line = &parsed.block.bytes[range.clone()];
            let number = self.number;
            self.number = number.saturating_add(1);
            let id_at = at;
            if let Content::Record { id: Some((len, _)), .. } = content {
                at += len;
            }
            if self.json.is_open() {
                match self.json.add(line) {
                    Added::More => continue,
                    Added::Complete => {
                        self.json()?;
                        continue;
                    }
                    Added::BreaksOff => self.json()?,
                }
            }
            let found = match content {
                Content::Record { kind, id, current, default, fields, says } => {
                    let id = id.map(|(len, tag)| {
                        let id = &parsed.ids[id_at..id_at + len];
                        tag.map_or(Id::Unchecked(Cow::Borrowed(id)), |tag| Id::Checked(id, tag))
                    });
                    let (kind, fields) = (*kind, fields.clone());
                    let (current, default, says) = (*current, *default, *says);
                    Ok(Some(Entry { kind, id, current, default, fields, says, whole: None }))
                }
                _ if self.json.begin(number, line) => continue,
                Content::Other => self.sniffer.line(line),
            };
            self.consumer.line(number, line, found)?;
        }
        Ok(())
    }

    /// Passes on the JSON that went over several lines, if there is any.
    fn json(&mut self) -> Result<(), Error> {
        if !self.json.is_open() {
            return Ok(());
        }
        let (number, text) = self.json.take();
        let found = self.sniffer.line(&text);
        self.consumer.line(number, &text, found)
    }
}

#[cfg(test)]
#[path = "tests/reader.rs"]
mod tests;

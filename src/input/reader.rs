//! Reads lines in large blocks, and parses the JSON lines of a large input on several threads.
//!
//! A line of JSON means the same wherever it stands, so any thread can parse it. CSV rows depend on the header line
//! before them: those, and bare ids, are left to the thread that reads.

use std::borrow::Cow;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::base::error::{Error, reason};
use crate::input::entry::{Entry, Fields, Id, Need};
use crate::input::id_index::Tag;
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

/// Reads lines one by one, each as soon as it arrives.
pub struct Lines<R> {
    blocks: Blocks<R>,
    block: Block,
    at: usize,
    number: u32,
}

impl<R: Read> Lines<R> {
    /// Reads from `from`, which messages call standard input.
    pub fn new(from: R) -> Lines<R> {
        Lines::named(from, STDIN)
    }

    /// Reads from `from`, which messages call `name`.
    pub(crate) fn named(from: R, name: impl Into<Cow<'static, str>>) -> Lines<R> {
        Lines { blocks: Blocks::new(from, name.into()), block: Block::default(), at: 0, number: 0 }
    }

    /// Returns the number of the next line, counted from 1, and the line without its line break; `None` at the end of
    /// file.
    ///
    /// # Errors
    /// An input error, if the stream fails or a line is longer than 16 MiB.
    pub fn next_line(&mut self) -> Result<Option<(u32, &[u8])>, Error> {
        if self.at >= self.block.end {
            match self.blocks.next(std::mem::take(&mut self.block))? {
                Some(block) => (self.block, self.at) = (block, 0),
                None => return Ok(None),
            }
        }
        let rest = &self.block.bytes[self.at..self.block.end];
        let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.at += len + 1;
        self.number = self.number.saturating_add(1);
        Ok(Some((self.number, &rest[..len])))
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
    let mut sniffer = Sniffer::new(need);
    let mut number = 1;
    let Some(first) = blocks.next(Block::default())? else { return Ok(()) };
    let Some(second) = blocks.next(Block::default())? else {
        return deliver(&parse(first, need), &mut 1, &mut sniffer, consumer);
    };
    // One more than there are processors: parsers also sit idle while this thread reads and delivers.
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4) + 1;
    std::thread::scope(|scope| {
        // Blocks go to the threads in turn, and come back in the same turn: that keeps them in order.
        let parsers: Vec<(SyncSender<Block>, Receiver<ParsedBlock>)> = (0..threads)
            .map(|_| {
                let (to_parser, blocks) = sync_channel::<Block>(1);
                let (parsed, from_parser) = sync_channel(1);
                scope.spawn(move || blocks.into_iter().try_for_each(|b| parsed.send(parse(b, need))));
                (to_parser, from_parser)
            })
            .collect();
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
                // Cannot fail: a parser lives as long as its channels.
                let _ = parsers[sent % threads].0.send(block);
                sent += 1;
            }
            while received < sent && (at_end || sent - received >= 2 * threads) {
                if let Ok(parsed) = parsers[received % threads].1.recv() {
                    deliver(&parsed, &mut number, &mut sniffer, consumer)?;
                    spare = parsed.block;
                }
                received += 1;
            }
            if at_end {
                return Ok(());
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
    },
    /// An unusable JSON record.
    Bad(String),
    /// CSV, a bare id or a blank line: left to the sniffer, because the lines before it matter.
    Other,
}

fn parse(block: Block, need: Need) -> ParsedBlock {
    let mut ids = String::with_capacity(block.end / 8);
    let mut lines = Vec::with_capacity(block.end / 256);
    // UTF-8 is checked once for the whole block: the JSON parser would check each string on its own.
    let whole = std::str::from_utf8(&block.bytes[..block.end]).ok();
    for range in block.lines() {
        let text = match whole {
            Some(whole) => Ok(whole[range.clone()].trim_ascii()),
            None => std::str::from_utf8(block.bytes[range.clone()].trim_ascii()),
        };
        let content = match text {
            Ok(text) if text.starts_with('{') => match Entry::from_json(text, need) {
                Ok(entry) => {
                    let tag = entry.id().ok().map(Tag::of);
                    let Entry { kind, id, current, default, fields, .. } = entry;
                    let id = id.map(|id| {
                        ids.push_str(id.as_str());
                        (id.as_str().len(), tag)
                    });
                    Content::Record { kind, id, current, default, fields }
                }
                Err(error) => Content::Bad(error),
            },
            _ => Content::Other,
        };
        lines.push(ParsedLine { range, content });
    }
    ParsedBlock { block, ids, lines }
}

/// Passes each line of a block to `consumer`; `number` is the number of the next line.
fn deliver(
    parsed: &ParsedBlock,
    number: &mut u32,
    sniffer: &mut Sniffer,
    consumer: &mut impl Consumer,
) -> Result<(), Error> {
    consumer.prefetch(parsed.lines.iter().filter_map(|line| match line.content {
        Content::Record { id: Some((_, tag)), .. } => tag,
        _ => None,
    }));
    let mut at = 0;
    for ParsedLine { range, content } in &parsed.lines {
        let line = &parsed.block.bytes[range.clone()];
        let found = match content {
            Content::Record { kind, id, current, default, fields } => {
                let id = id.map(|(len, tag)| {
                    let id = &parsed.ids[at..at + len];
                    at += len;
                    tag.map_or(Id::Unchecked(Cow::Borrowed(id)), |tag| Id::Checked(id, tag))
                });
                sniffer.skip_line();
                let (kind, fields) = (*kind, fields.clone());
                Ok(Some(Entry { kind, id, current: *current, default: *default, fields, whole: None }))
            }
            Content::Bad(error) => {
                sniffer.skip_line();
                Err(error.clone())
            }
            Content::Other => sniffer.line(line),
        };
        consumer.line(*number, line, found)?;
        *number = number.saturating_add(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_longer_than_a_block_is_read_whole() {
        let id = "x".repeat(3 * CHUNK.end);
        let text = format!("{id}\nb");
        let mut lines = Lines::new(text.as_bytes());
        assert_eq!(lines.next_line().ok().flatten().map(|(n, l)| (n, l.len())), Some((1, id.len())));
        assert_eq!(lines.next_line().ok().flatten(), Some((2, b"b".as_slice())));
        assert!(matches!(lines.next_line(), Ok(None)));
    }

    #[test]
    fn lines_of_a_large_input_keep_their_order_and_numbers() {
        let mut text = "kind,id\n".to_owned();
        for n in 0..40_000 {
            text += &match n % 4 {
                0 => format!("{{\"kind\":\"authz\",\"id\":\"j{n}\",\"x\":\"{}\"}}\n", "y".repeat(n % 90)),
                1 => format!("authz,c{n}\n"),
                2 => "\n".to_owned(),
                _ => "{\n".to_owned(),
            };
        }
        let mut lines = Vec::new();
        let read =
            read_all(text.as_bytes(), Need::Identity, &mut |number: u32, _: &[u8], entry: Found<'_>| {
                lines.push((number, entry.map(|e| e.map(|e| e.id().unwrap_or_default().to_owned()))));
                Ok(())
            });
        assert!(read.is_ok());
        assert_eq!(lines.len(), 40_001);
        for (n, (number, found)) in lines.iter().enumerate().skip(1) {
            assert_eq!(*number as usize, n + 1);
            match ((n - 1) % 4, found) {
                (0, Ok(Some(id))) => assert_eq!(*id, format!("j{}", n - 1)),
                (1, Ok(Some(id))) => assert_eq!(*id, format!("c{}", n - 1)),
                (2, Ok(None)) | (3, Err(_)) => {}
                other => panic!("line {number}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_byte_order_mark_is_accepted_only_on_the_first_line() {
        let text = "{\n\u{feff}a1\n";
        let mut found = Vec::new();
        let read = read_all(text.as_bytes(), Need::Identity, &mut |_: u32, _: &[u8], entry: Found<'_>| {
            found.push(entry.map(|e| e.is_some_and(|e| e.id().is_ok())));
            Ok(())
        });
        assert!(read.is_ok() && found[0].is_err() && found[1] == Ok(false), "{found:?}");
    }

    #[test]
    fn an_error_of_the_consumer_ends_the_reading() {
        let text = "{\"id\":\"a\"}\n".repeat(100_000);
        let read =
            read_all(
                text.as_bytes(),
                Need::Identity,
                &mut |number: u32, _: &[u8], _: Found<'_>| match number {
                    50_000 => Err(Error::usage("enough")),
                    _ => Ok(()),
                },
            );
        assert_eq!(read.expect_err("stopped").to_string(), "enough");
    }
}

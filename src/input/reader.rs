//! Lines of a stream, fast: whole blocks of lines, taken apart by several threads where there is much to read.

use std::borrow::Cow;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::base::error::{Error, reason};
use crate::input::entry::{Entry, Fields, Need};
use crate::input::id_index;
use crate::input::sniffer::Sniffer;
use crate::record::kind::Kind;

/// Bytes read at once, at first and at most: much input is worth large blocks, little is not worth the memory.
const CHUNK: Range<usize> = 64 * 1024..512 * 1024;
/// How messages name standard input.
const STDIN: &str = "stdin";
/// The longest line that is read, in bytes; beyond it the input is no list of records.
pub(crate) const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// Reads one line and nothing after it, which is somebody else's, with its line break; at most `max` bytes.
///
/// # Errors
/// Those of the stream.
pub(crate) fn one(from: &mut dyn Read, max: usize) -> std::io::Result<Vec<u8>> {
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

/// Whole lines, in one piece of memory.
#[derive(Debug, Default)]
struct Block {
    bytes: Vec<u8>,
    end: usize,
}

impl Block {
    /// The lines without their line breaks, and where they stand.
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

/// Reads blocks of whole lines.
struct Blocks<R> {
    from: R,
    /// How messages name the stream.
    name: Cow<'static, str>,
    /// The beginning of a line whose end has not come yet.
    tail: Vec<u8>,
    eof: bool,
    /// Bytes to read at once.
    chunk: usize,
}

impl<R: Read> Blocks<R> {
    fn new(from: R, name: Cow<'static, str>) -> Blocks<R> {
        Blocks { from, name, tail: Vec::new(), eof: false, chunk: CHUNK.start }
    }

    /// The lines that have come by now, at least one; `spare` is memory to use again.
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
                    let whole = last.map(|at| filled + at + 1);
                    filled += n;
                    if let Some(whole) = whole {
                        self.tail.extend_from_slice(&block.bytes[whole..filled]);
                        block.end = whole;
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

/// One line after another, as they come.
pub struct Lines<R> {
    blocks: Blocks<R>,
    block: Block,
    at: usize,
    number: u32,
}

impl<R: Read> Lines<R> {
    /// The lines of `from`, which is standard input.
    pub fn new(from: R) -> Lines<R> {
        Lines::named(from, STDIN)
    }

    /// The lines of a stream that messages name so.
    pub(crate) fn named(from: R, name: impl Into<Cow<'static, str>>) -> Lines<R> {
        Lines { blocks: Blocks::new(from, name.into()), block: Block::default(), at: 0, number: 0 }
    }

    /// The next line without its line break, and its number.
    ///
    /// # Errors
    /// An input error where the stream fails or a line is too long.
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

/// The record in a line, if it holds one; or what is wrong with it.
pub type Found<'a> = Result<Option<Entry<'a>>, String>;

/// What is done with what is read.
pub trait Each {
    /// Takes a line: its number, the line itself, and what was found in it.
    ///
    /// # Errors
    /// What ends the reading.
    fn line(&mut self, number: u32, line: &[u8], found: Found<'_>) -> Result<(), Error>;

    /// Hears of the ids in the next lines, by their tags, before it takes them.
    fn ahead(&mut self, _tags: impl Iterator<Item = u32>) {}
}

impl<F: FnMut(u32, &[u8], Found<'_>) -> Result<(), Error>> Each for F {
    fn line(&mut self, number: u32, line: &[u8], found: Found<'_>) -> Result<(), Error> {
        self(number, line, found)
    }
}

/// Reads a whole stream of records. Lines of JSON, which stand for themselves, are parsed by other threads; `each`
/// gets everything in the order of the stream.
///
/// # Errors
/// An input error where the stream fails or a line is too long; what `each` returns.
pub fn read_all(from: impl Read, need: Need, each: &mut impl Each) -> Result<(), Error> {
    let mut blocks = Blocks::new(from, STDIN.into());
    let mut sniffer = Sniffer::new(need);
    let mut number = 1;
    let Some(first) = blocks.next(Block::default())? else { return Ok(()) };
    let Some(second) = blocks.next(Block::default())? else {
        return hand_on(&parse(first, need), &mut 1, &mut sniffer, each);
    };
    // One more than processors: while this one reads and hands on, and while that one waits, none stands idle.
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4) + 1;
    std::thread::scope(|scope| {
        // One channel there and one back for each thread, used in turn: so the order needs no bookkeeping.
        let lanes: Vec<(SyncSender<Block>, Receiver<Parsed>)> = (0..threads)
            .map(|_| {
                let (there, blocks) = sync_channel::<Block>(1);
                let (parsed, back) = sync_channel(1);
                scope.spawn(move || blocks.into_iter().try_for_each(|b| parsed.send(parse(b, need))));
                (there, back)
            })
            .collect();
        let mut waiting = [first, second].into_iter();
        let (mut sent, mut received) = (0, 0);
        let mut spare = Block::default();
        loop {
            let next = match waiting.next() {
                Some(block) => Some(block),
                None => blocks.next(std::mem::take(&mut spare))?,
            };
            let ended = next.is_none();
            if let Some(block) = next {
                // A thread ends only when its channel does.
                let _ = lanes[sent % threads].0.send(block);
                sent += 1;
            }
            while received < sent && (ended || sent - received >= 2 * threads) {
                if let Ok(parsed) = lanes[received % threads].1.recv() {
                    hand_on(&parsed, &mut number, &mut sniffer, each)?;
                    spare = parsed.block;
                }
                received += 1;
            }
            if ended {
                return Ok(());
            }
        }
    })
}

/// A block and what its lines hold.
struct Parsed {
    block: Block,
    ids: String,
    rows: Vec<Row>,
}

/// What a line holds.
struct Row {
    line: Range<usize>,
    what: What,
}

enum What {
    /// A record of JSON; its id is that much of the next in [`Parsed::ids`].
    Record {
        kind: Option<Kind>,
        id: Option<usize>,
        tag: Option<u32>,
        current: bool,
        default: bool,
        fields: Option<Arc<Fields>>,
    },
    /// A record of JSON that cannot be used.
    Bad(String),
    /// Something that depends on the lines before it.
    Other,
}

fn parse(block: Block, need: Need) -> Parsed {
    let mut ids = String::with_capacity(block.end / 8);
    let mut rows = Vec::with_capacity(block.end / 256);
    // Checked once for all lines: the JSON parser would check each name in each of them.
    let whole = std::str::from_utf8(&block.bytes[..block.end]).ok();
    for line in block.lines() {
        let text = match whole {
            Some(whole) => Ok(whole[line.clone()].trim_ascii()),
            None => std::str::from_utf8(block.bytes[line.clone()].trim_ascii()),
        };
        let what = if let Ok(text) = text
            && text.starts_with('{')
        {
            match Entry::from_json(text, need) {
                Ok(entry) => {
                    let tag = entry.id().ok().map(id_index::tag);
                    let Entry { kind, id, current, default, fields, .. } = entry;
                    let id = id.map(|id| {
                        ids.push_str(&id);
                        id.len()
                    });
                    What::Record { kind, id, tag, current, default, fields }
                }
                Err(what) => What::Bad(what),
            }
        } else {
            What::Other
        };
        rows.push(Row { line, what });
    }
    Parsed { block, ids, rows }
}

/// Gives each row to `each`; `number` is that of the next line.
fn hand_on(
    parsed: &Parsed,
    number: &mut u32,
    sniffer: &mut Sniffer,
    each: &mut impl Each,
) -> Result<(), Error> {
    each.ahead(parsed.rows.iter().filter_map(|row| match row.what {
        What::Record { tag, .. } => tag,
        _ => None,
    }));
    let mut at = 0;
    for row in &parsed.rows {
        let line = &parsed.block.bytes[row.line.clone()];
        let entry = match &row.what {
            What::Record { kind, id, tag, current, default, fields } => {
                let id = id.map(|len| {
                    let id = &parsed.ids[at..at + len];
                    at += len;
                    Cow::Borrowed(id)
                });
                sniffer.past_start();
                let (kind, tag, fields) = (*kind, *tag, fields.clone());
                Ok(Some(Entry { kind, id, tag, current: *current, default: *default, fields }))
            }
            What::Bad(what) => {
                sniffer.past_start();
                Err(what.clone())
            }
            What::Other => sniffer.line(line),
        };
        each.line(*number, line, entry)?;
        *number = number.saturating_add(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_cross_blocks() {
        let id = "x".repeat(3 * CHUNK.end);
        let text = format!("{id}\nb");
        let mut lines = Lines::new(text.as_bytes());
        assert_eq!(lines.next_line().ok().flatten().map(|(n, l)| (n, l.len())), Some((1, id.len())));
        assert_eq!(lines.next_line().ok().flatten(), Some((2, b"b".as_slice())));
        assert!(matches!(lines.next_line(), Ok(None)));
    }

    #[test]
    fn a_long_stream_keeps_its_order_and_its_numbers() {
        let mut text = "kind,id\n".to_owned();
        for n in 0..40_000 {
            text += &match n % 4 {
                0 => format!("{{\"kind\":\"authz\",\"id\":\"j{n}\",\"x\":\"{}\"}}\n", "y".repeat(n % 90)),
                1 => format!("authz,c{n}\n"),
                2 => "\n".to_owned(),
                _ => "{\n".to_owned(),
            };
        }
        let mut seen = Vec::new();
        let read =
            read_all(text.as_bytes(), Need::Identity, &mut |number: u32, _: &[u8], entry: Found<'_>| {
                seen.push((number, entry.map(|e| e.map(|e| e.id().unwrap_or_default().to_owned()))));
                Ok(())
            });
        assert!(read.is_ok());
        assert_eq!(seen.len(), 40_001);
        for (n, (number, found)) in seen.iter().enumerate().skip(1) {
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
    fn only_the_first_line_of_all_has_a_byte_order_mark() {
        let text = "{\n\u{feff}a1\n";
        let mut found = Vec::new();
        let read = read_all(text.as_bytes(), Need::Identity, &mut |_: u32, _: &[u8], entry: Found<'_>| {
            found.push(entry.map(|e| e.is_some_and(|e| e.id().is_ok())));
            Ok(())
        });
        assert!(read.is_ok() && found[0].is_err() && found[1] == Ok(false), "{found:?}");
    }

    #[test]
    fn an_error_ends_the_reading() {
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

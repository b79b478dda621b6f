//! `--stream`: items from an input that is worked on while it arrives, without a check of the whole input first.

use std::io::Read;
use std::sync::Mutex;

use crate::base::error::Error;
use crate::base::sync::lock;
use crate::change::rest::Rest;
use crate::change::targets::{Accept, Input, Item, item};
use crate::input::entry::{Need, Origin};
use crate::input::reader::Lines;
use crate::input::sniffer::Sniffer;
use crate::session::Session;
use crate::sys::signals::Stop;

/// An iterator over the items of standard input. Each line is added to the `--rest` file before its item is returned.
pub(crate) struct Stream<'a> {
    lines: Lines<Box<dyn Read + Send>>,
    sniffer: Sniffer,
    input: &'a Input<'a>,
    accept: &'a Accept<'a>,
    rest: Option<&'a Mutex<Rest>>,
    stop: Stop,
    index: usize,
    /// Reading or keeping a line failed: the stream has ended.
    broken: bool,
}

impl<'a> Stream<'a> {
    /// Reads the standard input of `session` until its end or until a stop is requested.
    pub(crate) fn new(
        session: &mut Session,
        input: &'a Input<'a>,
        accept: &'a Accept<'a>,
        rest: Option<&'a Mutex<Rest>>,
    ) -> Stream<'a> {
        let stop = session.stop.clone();
        Stream {
            lines: Lines::new(Box::new(session.io.interruptible_input(&stop))),
            sniffer: Sniffer::new(input.need),
            input,
            accept,
            rest,
            stop,
            index: 0,
            broken: false,
        }
    }

    /// Adds the lines that are read ahead and not begun to the `--rest` file: no other program can read them any more.
    /// An incomplete last line is dropped.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) fn keep_unread(&mut self) -> Result<(), Error> {
        while !self.broken
            && let Ok(Some((_, line))) = self.lines.next_line()
        {
            keep(self.rest, line, !matches!(self.sniffer.line(line), Ok(None)))?;
        }
        Ok(())
    }
}

fn keep(rest: Option<&Mutex<Rest>>, line: &[u8], is_record: bool) -> Result<(), Error> {
    match rest {
        Some(rest) if is_record => lock(rest).keep(line),
        Some(rest) => lock(rest).header(line),
        None => Ok(()),
    }
}

impl Iterator for Stream<'_> {
    type Item = Result<Item<'static>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.broken {
            let (number, line) = match self.lines.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => return None,
                Err(_) if self.stop.is_set() => return None,
                // The next read would fail again.
                Err(e) => {
                    self.broken = true;
                    return Some(Err(e.to_string()));
                }
            };
            let origin = Origin::Line(number);
            let checked = match self.sniffer.line(line) {
                Ok(None) => None,
                Ok(Some(entry)) => Some(
                    item(self.index, origin, &entry, self.input.kind, self.input.need)
                        .and_then(|item| (self.accept)(&item).map(|()| item))
                        .map(|item| Item { id: item.id.into_owned().into(), ..item }),
                ),
                Err(reason) => Some(Err(reason)),
            };
            let kept = match (self.rest, &checked) {
                (Some(rest), Some(Ok(item))) if self.input.need == Need::Replacement => {
                    lock(rest).keep_item(item)
                }
                (_, None) if self.input.need == Need::Replacement => Ok(()),
                _ => keep(self.rest, line, checked.is_some()),
            };
            if let Err(e) = kept {
                // A record that the --rest file cannot hold must not be changed.
                self.broken = true;
                return Some(Err(e.to_string()));
            }
            if let Some(checked) = checked {
                self.index += 1;
                return Some(checked.map_err(|reason| format!("{origin}: {reason}")));
            }
        }
        None
    }
}

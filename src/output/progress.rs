//! The progress line of a long run.

use std::time::{Duration, Instant};

use crate::base::time::span_words;

/// A run shorter than this shows no progress.
const DELAY: Duration = Duration::from_secs(1);
/// The time between two updates of the line.
const INTERVAL: Duration = Duration::from_millis(200);

/// Makes the line: counts, rate and time left.
#[derive(Debug)]
pub(crate) struct Progress {
    total: Option<usize>,
    columns: usize,
    start: Instant,
    next: Instant,
    text: String,
}

impl Progress {
    /// Starts the clock of a run. `columns` is the width of the terminal.
    pub(crate) fn new(total: Option<usize>, columns: usize) -> Progress {
        let start = Instant::now();
        Progress { total, columns, start, next: start + DELAY, text: String::new() }
    }

    /// Returns the line to show after `done` records, if it is time for an update, or the line is not on the screen any
    /// more because something else was written there.
    pub(crate) fn line(&mut self, done: usize, is_shown: bool) -> Option<&str> {
        let now = Instant::now();
        if self.total.is_some_and(|total| done >= total) {
            return None;
        }
        if now < self.next {
            return Some(self.text.as_str()).filter(|text| !is_shown && !text.is_empty());
        }
        self.next = now + INTERVAL;
        // A line that wraps could not be erased.
        self.text = text(done, self.total, now - self.start, self.columns.saturating_sub(1));
        Some(&self.text)
    }
}

/// Returns the line with as many of its parts as fit into `room` columns; it is ASCII, so that a byte is a column.
fn text(done: usize, total: Option<usize>, spent: Duration, room: usize) -> String {
    let whole = parts(done, total, spent);
    let ends = whole.match_indices(", ").map(|(at, _)| at).chain([whole.len()]);
    ends.filter(|end| *end <= room).last().map_or_else(String::new, |end| whole[..end].to_owned())
}

fn parts(done: usize, total: Option<usize>, spent: Duration) -> String {
    let rate = done as f64 / spent.as_secs_f64().max(0.001);
    let digits = usize::from(rate < 9.95);
    match total {
        None => format!("{done} done, {rate:.digits$}/s"),
        Some(total) if done == 0 => format!("0 of {total}"),
        Some(total) => {
            let left = ((total - done) as f64 / rate).ceil() as u64;
            format!("{done} of {total}, {rate:.digits$}/s, {} left", span_words(left))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_rate_and_time_left() {
        let text = |done, total, seconds| text(done, total, Duration::from_secs(seconds), 79);
        assert_eq!(text(50, Some(650), 5), "50 of 650, 10/s, 1 minute left");
        assert_eq!(text(50, None, 5), "50 done, 10/s");
        assert_eq!(text(2, Some(5), 4), "2 of 5, 0.5/s, 6 s left");
        assert_eq!(text(0, Some(5), 2), "0 of 5");
    }

    #[test]
    fn a_narrow_terminal_shows_whole_parts_only() {
        let text = |room| text(50, Some(650), Duration::from_secs(5), room);
        assert_eq!(text(39), "50 of 650, 10/s, 1 minute left");
        assert_eq!((text(29), text(15)), ("50 of 650, 10/s".to_owned(), "50 of 650, 10/s".to_owned()));
        assert_eq!((text(14), text(8)), ("50 of 650".to_owned(), String::new()));
    }

    #[test]
    fn a_short_run_shows_nothing() {
        assert_eq!(Progress::new(Some(5), 80).line(3, false), None);
    }
}

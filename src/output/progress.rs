//! How far a long run is, for a person who waits.

use std::time::{Duration, Instant};

use crate::base::time::span_words;

/// A run shorter than this shows no progress.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line changes.
const STEP: Duration = Duration::from_millis(200);

/// Turns counts into a line with rate and time left.
#[derive(Debug)]
pub(crate) struct Progress {
    total: Option<usize>,
    columns: usize,
    from: Instant,
    next: Instant,
}

impl Progress {
    /// The progress of a run that starts now, in a window of `columns`.
    pub(crate) fn new(total: Option<usize>, columns: usize) -> Progress {
        let from = Instant::now();
        Progress { total, columns, from, next: from + PATIENCE }
    }

    /// The line to show, where it is time for one.
    pub(crate) fn line(&mut self, done: usize) -> Option<String> {
        let now = Instant::now();
        if now < self.next || self.total.is_some_and(|total| done >= total) {
            return None;
        }
        self.next = now + STEP;
        let mut line = text(done, self.total, now - self.from);
        // A line that breaks could not be wiped.
        line.truncate(self.columns.saturating_sub(1));
        Some(line)
    }
}

/// In ASCII, so that a byte is a column.
fn text(done: usize, total: Option<usize>, spent: Duration) -> String {
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
    fn a_line_tells_rate_and_time_left() {
        assert_eq!(text(50, Some(650), Duration::from_secs(5)), "50 of 650, 10/s, 1 minute left");
        assert_eq!(text(50, None, Duration::from_secs(5)), "50 done, 10/s");
        assert_eq!(text(2, Some(5), Duration::from_secs(4)), "2 of 5, 0.5/s, 6 s left");
        assert_eq!(text(0, Some(5), Duration::from_secs(2)), "0 of 5");
    }

    #[test]
    fn a_short_run_shows_nothing() {
        assert_eq!(Progress::new(Some(5), 80).line(3), None);
    }
}

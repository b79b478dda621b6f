//! How far a long run is, for a person who waits.

use std::time::{Duration, Instant};

use crate::when::span_words;

/// A run shorter than this shows no progress.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line changes.
const STEP: Duration = Duration::from_millis(200);

/// Turns counts into a line with rate and time left.
#[derive(Debug)]
pub struct Progress {
    total: Option<usize>,
    from: Instant,
    next: Instant,
}

impl Progress {
    /// The progress of a run that starts now.
    pub fn new(total: Option<usize>) -> Progress {
        let from = Instant::now();
        Progress { total, from, next: from + PATIENCE }
    }

    /// The line to show, where it is time for one.
    pub fn line(&mut self, done: usize) -> Option<String> {
        let now = Instant::now();
        if now < self.next || self.total.is_some_and(|total| done >= total) {
            return None;
        }
        self.next = now + STEP;
        Some(text(done, self.total, now - self.from))
    }
}

fn text(done: usize, total: Option<usize>, spent: Duration) -> String {
    let rate = done as f64 / spent.as_secs_f64().max(0.001);
    match total {
        None => format!("{done} done, {rate:.0}/s"),
        Some(total) => {
            let left = (total - done) as f64 / rate.max(0.001);
            format!("{done} of {total}, {rate:.0}/s, {} left", span_words(left as u64))
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
        assert_eq!(text(0, Some(5), Duration::ZERO), "0 of 5, 0/s, 1 hour left");
    }

    #[test]
    fn a_short_run_shows_nothing() {
        assert_eq!(Progress::new(Some(5)).line(3), None);
    }
}

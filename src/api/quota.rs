//! The pace of calls: pauses between retries, `Retry-After`, and the account's quota (docs/heroku-api.md, Quota).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::base::sync::lock;
use crate::base::time::{self, Unix};

/// The longest `Retry-After` that is honoured.
const LONGEST: Duration = Duration::from_secs(300);
/// Calls by which the quota grows each second: about 75 a minute.
const REFILL: f64 = 75.0 / 60.0;

/// Growing pauses with jitter, within a budget of time.
#[derive(Debug)]
pub(crate) struct Backoff {
    /// When the first failure happened, moved on by the time spent waiting for quota or a two-factor code.
    start: Option<Instant>,
    budget: Duration,
    next: Duration,
}

impl Backoff {
    /// Returns pauses that end when `budget` has passed since the first of them.
    pub(crate) fn new(budget: Duration) -> Backoff {
        Backoff { start: None, budget, next: Duration::from_millis(100) }
    }

    /// Extends the retry budget by the time spent waiting for quota or a two-factor code.
    pub(crate) fn extend(&mut self, span: Duration) {
        self.start = self.start.map(|start| start + span);
    }

    /// Returns the next pause, at least `after` if the server sent a `Retry-After`; `None` once the budget is spent. The
    /// time that the server asked for does not count, and is waited for in full.
    pub(crate) fn pause(&mut self, after: Option<Duration>) -> Option<Duration> {
        let spent = self.start.get_or_insert_with(Instant::now).elapsed();
        let left = self.budget.checked_sub(spent).filter(|left| !left.is_zero())?;
        let base = self.next;
        self.next = (base * 2).min(Duration::from_secs(10));
        let jittered = base.mul_f64(0.5 + 0.5 * random());
        let Some(after) = after else { return Some(jittered.min(left)) };
        let after = after.min(LONGEST);
        self.extend(after);
        Some(after + jittered / 4)
    }
}

/// Returns a random number from 0 to 1, another one in each process and call.
fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// Parses a `Retry-After`: seconds, an HTTP date, or a Unix time, since Heroku does not say which
/// (docs/heroku-api.md, Quota). At most 300 seconds; `None` if it is none of these.
pub fn retry_after(value: &str, now: Unix) -> Option<Duration> {
    let value = value.trim();
    let seconds = match value.parse::<i64>() {
        // A number of seconds as large as a Unix time after 2001 would be a wait of thirty years.
        Ok(number) if number > 1_000_000_000 => number.saturating_sub(now),
        Ok(number) => number,
        Err(_) => time::parse_http_date(value)?.saturating_sub(now),
    };
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).min(LONGEST))
}

/// Slows the calls of a run down before the account's quota is used up.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Calls left as of `at`, less those in flight; unknown until the first response.
    left: Option<f64>,
    at: Option<Instant>,
    in_flight: u32,
    /// The number of calls so far.
    claimed: u64,
    /// The number of the latest call whose response reported the quota, and the calls left that it reported.
    latest: (u64, u32),
}

impl State {
    /// Returns the calls left now.
    fn left(&self) -> Option<f64> {
        let refilled = self.at.map_or(0.0, |at| at.elapsed().as_secs_f64() * REFILL);
        self.left.map(|left| left + refilled)
    }

    fn set(&mut self, left: Option<f64>) {
        self.left = left;
        self.at = Some(Instant::now());
    }
}

/// Permission for one call: the call's number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot(u64);

impl Quota {
    /// Claims one call.
    ///
    /// # Errors
    /// The time until one is available, as far as is known now.
    pub(crate) fn claim(&self) -> Result<Slot, Duration> {
        let mut state = lock(&self.state);
        let left = state.left().map(|left| left - 1.0);
        // One call is kept in reserve for other users of the account.
        if let Some(left) = left.filter(|left| *left < 1.0) {
            return Err(Duration::from_secs_f64((1.0 - left) / REFILL).min(LONGEST));
        }
        state.set(left);
        state.in_flight += 1;
        state.claimed += 1;
        Ok(Slot(state.claimed))
    }

    /// Updates the quota from the `RateLimit-Remaining` of a response; `None` if there was no response or no such
    /// header.
    pub(crate) fn update(&self, Slot(number): Slot, remaining: Option<&str>) {
        let mut state = lock(&self.state);
        state.in_flight = state.in_flight.saturating_sub(1);
        let Some(remaining) = remaining.and_then(|r| r.trim().parse::<u32>().ok()) else { return };
        let (latest, reported) = state.latest;
        let left = if number > latest {
            state.latest = (number, remaining);
            // The server has not yet counted the calls that are still on their way to it.
            Some(f64::from(remaining) - f64::from(state.in_flight))
        } else if remaining > reported {
            // A later call's response came first and is the better source, but this call was still counted as in
            // flight then.
            state.left().map(|left| left + 1.0)
        } else {
            state.left()
        };
        state.set(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_has_three_forms() {
        let seconds = |value| retry_after(value, 1_700_000_000).map(|d| d.as_secs());
        assert_eq!(seconds("7"), Some(7));
        assert_eq!(seconds("1700000009"), Some(9));
        assert_eq!(seconds("Tue, 14 Nov 2023 22:13:30 GMT"), Some(10));
        assert_eq!(seconds("86400"), Some(300), "clamped");
        assert_eq!(seconds("1000000000"), Some(300), "still a number of seconds");
        assert_eq!(seconds("-5"), Some(0));
        assert_eq!(seconds("1600000000"), Some(0), "a time that has passed");
        assert_eq!(seconds("soon"), None);
        // A server whose clock stands in 1900.
        for value in ["9223372036854775807", "-9223372036854775808", "Wed, 29 Dec 9999 23:59:59 GMT"] {
            assert!(retry_after(value, -2_208_988_800).is_some_and(|pause| pause <= LONGEST), "{value}");
        }
    }

    #[test]
    fn pauses_grow_until_the_budget_is_spent() {
        let mut backoff = Backoff::new(Duration::from_secs(60));
        let pauses: Vec<_> = (0..4).filter_map(|_| backoff.pause(None)).collect();
        for (i, pause) in pauses.iter().enumerate() {
            let base = Duration::from_millis(100 << i);
            assert!(*pause >= base / 2 && *pause <= base, "{pauses:?}");
        }
        assert!(backoff.pause(Some(Duration::from_secs(9))).is_some_and(|p| p.as_secs() >= 9));
        assert_eq!(Backoff::new(Duration::ZERO).pause(None), None);
    }

    #[test]
    fn the_retry_budget_starts_with_the_first_failure() {
        // Time passes by setting the start back, so that a slow machine makes no difference.
        let age = |backoff: &mut Backoff, span| backoff.start = backoff.start.map(|start| start - span);
        let (budget, span) = (Duration::from_secs(60), Duration::from_secs(90));
        let mut backoff = Backoff::new(budget);
        age(&mut backoff, span);
        assert!(backoff.pause(None).is_some(), "the time before the first failure does not count");
        age(&mut backoff, span);
        backoff.extend(span);
        assert!(backoff.pause(None).is_some(), "time spent waiting does not count");
        age(&mut backoff, span);
        assert_eq!(backoff.pause(None), None);
    }

    #[test]
    fn pauses_stay_within_their_bounds() {
        let ms = Duration::from_millis;
        let mut short = Backoff::new(ms(100_000));
        assert!(short.pause(Some(LONGEST)).is_some_and(|p| p >= LONGEST), "Retry-After is not cut");
        // Time passes by setting the start back.
        short.start = short.start.map(|start| start - LONGEST);
        assert!(short.pause(None).is_some(), "and does not count");
        let mut long = Backoff::new(Duration::from_secs(3600));
        let asked = long.pause(Some(ms(2000))).expect("a pause");
        assert!((ms(2000)..=ms(2025)).contains(&asked), "Retry-After and a little more: {asked:?}");
        let honoured = long.pause(Some(Duration::from_secs(900))).expect("a pause");
        assert!((LONGEST..LONGEST + ms(51)).contains(&honoured), "{honoured:?}");
        for _ in 0..8 {
            let _ = long.pause(None);
        }
        let last = long.pause(None).expect("a pause");
        assert!((ms(5000)..=ms(10_000)).contains(&last), "pauses have a maximum: {last:?}");
    }

    #[test]
    fn random_numbers_spread_from_0_to_1() {
        let drawn: Vec<f64> = (0..200).map(|_| random()).collect();
        assert!(drawn.iter().all(|r| (0.0..1.0).contains(r)));
        for part in [0.0..0.25, 0.25..0.5, 0.5..0.75, 0.75..1.0] {
            assert!(drawn.iter().any(|r| part.contains(r)), "{part:?}");
        }
    }

    #[test]
    fn the_wait_lasts_until_the_next_call_is_available() {
        // The one call left is kept in reserve; the next is available in 60/75 s. Time passes by setting the state
        // back; the time that really passes is measured, so that a slow machine makes no difference.
        let after = |span| {
            let (quota, begun) = (Quota::default(), Instant::now());
            quota.update(quota.claim().expect("unknown"), Some("1"));
            let mut state = lock(&quota.state);
            state.at = state.at.map(|at| at - Duration::from_millis(span));
            drop(state);
            (quota.claim().map(|_| ()), begun.elapsed())
        };
        for (span, most) in [(0, 800), (400, 400)] {
            let (most, (taken, beside)) = (Duration::from_millis(most), after(span));
            let wait = taken.err().unwrap_or_default();
            let least = most.saturating_sub(beside + Duration::from_millis(1));
            assert!((least..=most).contains(&wait), "{wait:?}, not {most:?} less {beside:?}");
        }
        assert!(after(850).0.is_ok(), "a whole call is available");
    }

    #[test]
    fn calls_in_flight_are_subtracted() {
        let quota = Quota::default();
        let calls: Vec<Slot> = (0..3).filter_map(|_| quota.claim().ok()).collect();
        quota.update(calls[2], Some("5"));
        // Two of the five are in flight, and one is kept in reserve.
        assert_eq!((0..9).filter(|_| quota.claim().is_ok()).count(), 2);
        let silent = Quota::default();
        silent.update(silent.claim().expect("unknown"), None);
        silent.update(silent.claim().expect("unknown"), Some("many"));
        assert!((0..9).all(|_| silent.claim().is_ok()), "the quota is unknown");
    }

    #[test]
    fn calls_wait_before_the_quota_is_used_up() {
        let quota = Quota::default();
        quota.update(quota.claim().expect("unknown"), Some("3"));
        assert!(quota.claim().is_ok() && quota.claim().is_ok());
        assert!(quota.claim().is_err_and(|wait| wait > Duration::ZERO), "one call is kept in reserve");
        let unknown = Quota::default();
        assert!((0..100).all(|_| unknown.claim().is_ok()));
    }

    #[test]
    fn a_late_response_does_not_count_later_calls_twice() {
        let quota = Quota::default();
        let calls: Vec<Slot> = (0..4).filter_map(|_| quota.claim().ok()).collect();
        for (call, remaining) in calls[1..].iter().zip(["5", "4", "3"]) {
            quota.update(*call, Some(remaining));
        }
        quota.update(calls[0], Some("6"));
        assert!(quota.claim().is_ok() && quota.claim().is_ok(), "three are left");
        assert!(quota.claim().is_err());
    }

    #[test]
    fn waiting_ends_when_a_response_reports_more_quota() {
        let quota = Quota::default();
        let calls: Vec<Slot> = (0..2).filter_map(|_| quota.claim().ok()).collect();
        quota.update(calls[0], Some("0"));
        assert!(quota.claim().is_err());
        quota.update(calls[1], Some("100"));
        assert!(quota.claim().is_ok());
    }
}

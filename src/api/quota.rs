//! How fast to go: backoff between tries, `Retry-After`, and the account's quota (WIRE.md, "Quota").

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::base::sync::lock;
use crate::base::time::{self, Unix};

/// The longest wait that a `Retry-After` is believed.
const LONGEST: Duration = Duration::from_secs(300);
/// Calls that the API gives back each second: about 75 a minute.
const REFILL: f64 = 75.0 / 60.0;

/// Growing, jittered pauses within a budget.
#[derive(Debug)]
pub(crate) struct Backoff {
    /// When the first fault came, or as much later as was waited for something else: quota, a two-factor code.
    from: Option<Instant>,
    budget: Duration,
    next: Duration,
}

impl Backoff {
    /// Pauses that end `budget` after the first of them is asked for.
    pub(crate) fn new(budget: Duration) -> Backoff {
        Backoff { from: None, budget, next: Duration::from_millis(100) }
    }

    /// Gives back what was waited for since the first fault and is none.
    pub(crate) fn excuse(&mut self, span: Duration) {
        self.from = self.from.map(|from| from + span);
    }

    /// The next pause, at least `wish` if the server named one; `None` once the budget is spent.
    pub(crate) fn pause(&mut self, wish: Option<Duration>) -> Option<Duration> {
        let spent = self.from.get_or_insert_with(Instant::now).elapsed();
        let left = self.budget.checked_sub(spent).filter(|left| !left.is_zero())?;
        let base = self.next;
        self.next = (base * 2).min(Duration::from_secs(10));
        let jittered = base.mul_f64(0.5 + 0.5 * random());
        Some(wish.map_or(jittered, |w| w.min(LONGEST) + jittered / 4).min(left))
    }
}

/// A number from 0 to 1 that differs from process to process and from call to call.
fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// What a `Retry-After` asks for: seconds, an HTTP date, or a Unix time (it is undocumented; WIRE.md).
pub fn retry_after(value: &str, now: Unix) -> Option<Duration> {
    let value = value.trim();
    let seconds = match value.parse::<i64>() {
        // A Unix time is recognised by being later than 2001; no server asks for thirty years.
        Ok(number) if number > 1_000_000_000 => number - now,
        Ok(number) => number,
        Err(_) => time::parse_http_date(value)? - now,
    };
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).min(LONGEST))
}

/// Keeps the calls of a run within the account's quota before the quota is spent.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Calls left as of `at`, those in flight already taken off; unknown until the first answer.
    left: Option<f64>,
    at: Option<Instant>,
    in_flight: u32,
    /// How many calls there were.
    taken: u64,
    /// The youngest call whose answer told, and what it told.
    told: (u64, u32),
}

impl State {
    /// Calls left now.
    fn left(&self) -> Option<f64> {
        let refilled = self.at.map_or(0.0, |at| at.elapsed().as_secs_f64() * REFILL);
        self.left.map(|left| left + refilled)
    }

    fn set(&mut self, left: Option<f64>) {
        self.left = left;
        self.at = Some(Instant::now());
    }
}

/// A call that was taken from the quota: its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken(u64);

impl Pacer {
    /// Takes one call from the quota.
    ///
    /// # Errors
    /// How long it will be until there is one, as far as is known now.
    pub(crate) fn take(&self) -> Result<Taken, Duration> {
        let mut state = lock(&self.state);
        let left = state.left().map(|left| left - 1.0);
        // One call stays in hand for whoever else uses the account.
        if let Some(left) = left.filter(|left| *left < 1.0) {
            return Err(Duration::from_secs_f64((1.0 - left) / REFILL).min(LONGEST));
        }
        state.set(left);
        state.in_flight += 1;
        state.taken += 1;
        Ok(Taken(state.taken))
    }

    /// Notes what the answer to a call said about the quota; `None` where none came.
    pub(crate) fn put(&self, Taken(number): Taken, remaining: Option<&str>) {
        let mut state = lock(&self.state);
        state.in_flight = state.in_flight.saturating_sub(1);
        let Some(remaining) = remaining.and_then(|r| r.trim().parse::<u32>().ok()) else { return };
        let (youngest, told) = state.told;
        let left = if number > youngest {
            state.told = (number, remaining);
            // The server has not counted the calls that are still on their way to it.
            Some(f64::from(remaining) - f64::from(state.in_flight))
        } else if remaining > told {
            // An answer that was overtaken knows less than the one that overtook it; but its call had been counted.
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
    fn retry_after_in_its_three_forms() {
        let seconds = |value| retry_after(value, 1_700_000_000).map(|d| d.as_secs());
        assert_eq!(seconds("7"), Some(7));
        assert_eq!(seconds("1700000009"), Some(9));
        assert_eq!(seconds("Tue, 14 Nov 2023 22:13:30 GMT"), Some(10));
        assert_eq!(seconds("86400"), Some(300), "clamped");
        assert_eq!(seconds("1000000000"), Some(300), "no Unix time yet");
        assert_eq!(seconds("-5"), Some(0));
        assert_eq!(seconds("1600000000"), Some(0), "a time that has passed");
        assert_eq!(seconds("soon"), None);
    }

    #[test]
    fn pauses_grow_and_end_with_their_budget() {
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
    fn their_budget_begins_with_the_first_fault() {
        // Time passes by setting the start back, so that a slow machine makes no difference.
        let age = |backoff: &mut Backoff, span| backoff.from = backoff.from.map(|from| from - span);
        let (budget, span) = (Duration::from_secs(60), Duration::from_secs(90));
        let mut backoff = Backoff::new(budget);
        age(&mut backoff, span);
        assert!(backoff.pause(None).is_some(), "the time before the first fault does not count");
        age(&mut backoff, span);
        backoff.excuse(span);
        assert!(backoff.pause(None).is_some(), "excused time does not count");
        age(&mut backoff, span);
        assert_eq!(backoff.pause(None), None);
    }

    #[test]
    fn pauses_stay_within_their_bounds() {
        let ms = Duration::from_millis;
        let mut short = Backoff::new(ms(100_000));
        assert!(
            short.pause(Some(LONGEST)).is_some_and(|p| p <= ms(100_000) && p > ms(50_000)),
            "the budget ends it"
        );
        let mut long = Backoff::new(Duration::from_secs(3600));
        let wished = long.pause(Some(ms(2000))).expect("a pause");
        assert!((ms(2000)..=ms(2025)).contains(&wished), "a wish and a little more: {wished:?}");
        let believed = long.pause(Some(Duration::from_secs(900))).expect("a pause");
        assert!((LONGEST..LONGEST + ms(51)).contains(&believed), "{believed:?}");
        for _ in 0..8 {
            let _ = long.pause(None);
        }
        let last = long.pause(None).expect("a pause");
        assert!((ms(5000)..=ms(10_000)).contains(&last), "they grow no further: {last:?}");
    }

    #[test]
    fn chances_are_spread_from_0_to_1() {
        let drawn: Vec<f64> = (0..200).map(|_| random()).collect();
        assert!(drawn.iter().all(|r| (0.0..1.0).contains(r)));
        for part in [0.0..0.25, 0.25..0.5, 0.5..0.75, 0.75..1.0] {
            assert!(drawn.iter().any(|r| part.contains(r)), "{part:?}");
        }
    }

    #[test]
    fn the_wait_is_as_long_as_a_call_takes_to_come_back() {
        // One that is left stays in hand; the next comes back in 60/75 s. Time passes by setting the state back; what
        // passes beside it, on a machine as slow as may be, is measured.
        let after = |span| {
            let (pacer, begun) = (Pacer::default(), Instant::now());
            pacer.put(pacer.take().expect("unknown"), Some("1"));
            let mut state = lock(&pacer.state);
            state.at = state.at.map(|at| at - Duration::from_millis(span));
            drop(state);
            (pacer.take().map(|_| ()), begun.elapsed())
        };
        for (span, most) in [(0, 800), (400, 400)] {
            let (most, (taken, beside)) = (Duration::from_millis(most), after(span));
            let wait = taken.err().unwrap_or_default();
            let least = most.saturating_sub(beside + Duration::from_millis(1));
            assert!((least..=most).contains(&wait), "{wait:?}, not {most:?} less {beside:?}");
        }
        assert!(after(850).0.is_ok(), "a whole one has come back");
    }

    #[test]
    fn calls_in_flight_are_counted_off() {
        let pacer = Pacer::default();
        let calls: Vec<Taken> = (0..3).filter_map(|_| pacer.take().ok()).collect();
        pacer.put(calls[2], Some("5"));
        // Two of the five are on their way, and one stays in hand.
        assert_eq!((0..9).filter(|_| pacer.take().is_ok()).count(), 2);
        let unasked = Pacer::default();
        unasked.put(unasked.take().expect("unknown"), None);
        unasked.put(unasked.take().expect("unknown"), Some("many"));
        assert!((0..9).all(|_| unasked.take().is_ok()), "nothing is known");
    }

    #[test]
    fn calls_wait_before_the_quota_is_spent() {
        let pacer = Pacer::default();
        pacer.put(pacer.take().expect("unknown"), Some("3"));
        assert!(pacer.take().is_ok() && pacer.take().is_ok());
        assert!(pacer.take().is_err_and(|wait| wait > Duration::ZERO), "the last one stays in hand");
        let unknown = Pacer::default();
        assert!((0..100).all(|_| unknown.take().is_ok()));
    }

    #[test]
    fn an_answer_that_was_overtaken_does_not_count_again_what_overtook_it() {
        let pacer = Pacer::default();
        let calls: Vec<Taken> = (0..4).filter_map(|_| pacer.take().ok()).collect();
        for (call, remaining) in calls[1..].iter().zip(["5", "4", "3"]) {
            pacer.put(*call, Some(remaining));
        }
        pacer.put(calls[0], Some("6"));
        assert!(pacer.take().is_ok() && pacer.take().is_ok(), "three are left");
        assert!(pacer.take().is_err());
    }

    #[test]
    fn who_waits_goes_on_when_there_is_more_than_was_known() {
        let pacer = Pacer::default();
        let calls: Vec<Taken> = (0..2).filter_map(|_| pacer.take().ok()).collect();
        pacer.put(calls[0], Some("0"));
        assert!(pacer.take().is_err());
        pacer.put(calls[1], Some("100"));
        assert!(pacer.take().is_ok());
    }
}

//! The account's quota of calls: 4,500, refilled by about 75 a minute (docs/heroku-api.md, Quota).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The number of calls up to which the quota refills.
const CAP: u32 = 4500;
/// The time in which one call is refilled: 75 a minute.
const REFILL: Duration = Duration::from_millis(800);

/// A quota; `None` is unlimited and always shows [`CAP`].
#[derive(Debug)]
pub(in crate::sandbox) struct Quota(Option<Mutex<Balance>>);

#[derive(Debug)]
struct Balance {
    left: u32,
    cap: u32,
    /// The time of the last refill.
    filled: Instant,
}

impl Quota {
    /// Returns a quota of `start` calls; `None` is unlimited.
    pub(in crate::sandbox) fn new(start: Option<u32>) -> Quota {
        Quota(start.map(|left| Mutex::new(Balance { left, cap: CAP.max(left), filled: Instant::now() })))
    }

    /// Takes one call; returns whether there was one left.
    pub(in crate::sandbox) fn charge(&self) -> bool {
        self.with(true, |b| {
            let enough = b.left > 0;
            b.left = b.left.saturating_sub(1);
            enough
        })
    }

    /// The number of calls left, for `RateLimit-Remaining`.
    pub(in crate::sandbox) fn remaining(&self) -> u32 {
        self.with(CAP, |b| b.left)
    }

    fn with<T>(&self, unlimited: T, act: impl FnOnce(&mut Balance) -> T) -> T {
        let Some(balance) = &self.0 else {
            return unlimited;
        };
        let mut balance = balance.lock().unwrap_or_else(PoisonError::into_inner);
        balance.refill(Instant::now());
        act(&mut balance)
    }
}

impl Balance {
    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_millis() / REFILL.as_millis();
        let calls = u32::try_from(passed).unwrap_or(CAP).min(CAP);
        self.filled += REFILL * calls;
        self.left = self.left.saturating_add(calls).min(self.cap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_refills_up_to_its_cap() {
        let start = Instant::now();
        let mut balance = Balance { left: 0, cap: CAP, filled: start };
        balance.refill(start + Duration::from_millis(799));
        assert_eq!(balance.left, 0);
        balance.refill(start + Duration::from_secs(60));
        assert_eq!(balance.left, 75);
        balance.refill(start + Duration::from_secs(100_000));
        assert_eq!(balance.left, CAP);
    }

    #[test]
    fn an_unlimited_quota_never_runs_out() {
        let quota = Quota::new(Some(1));
        assert!(quota.charge() && !quota.charge());
        let free = Quota::new(None);
        assert!((0..10_000).all(|_| free.charge()));
        assert_eq!(free.remaining(), CAP);
    }
}

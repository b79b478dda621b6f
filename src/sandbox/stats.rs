//! What the server counted, for tests and for a curious user.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counts since the server started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections accepted.
    pub connections: u64,
    /// Connections that are open now.
    pub open: usize,
    /// Most requests that were being worked on at one time.
    pub most_at_once: u64,
    /// Requests read, by method and endpoint: `DELETE /oauth/clients/{id}`. A path that is
    /// no endpoint counts as `GET (unknown)`.
    pub requests: BTreeMap<String, u64>,
    /// Requests that changed the account, by the same names, whether or not a fault then
    /// kept the answer from arriving.
    pub applied: BTreeMap<String, u64>,
    /// Faults that fired, by their specification as it was given.
    pub faults: BTreeMap<String, u64>,
}

impl Stats {
    /// Requests read that have this method and endpoint.
    #[must_use]
    pub fn requests(&self, endpoint: &str) -> u64 {
        self.requests.get(endpoint).copied().unwrap_or_default()
    }

    /// Changes made by requests of this method and endpoint.
    #[must_use]
    pub fn applied(&self, endpoint: &str) -> u64 {
        self.applied.get(endpoint).copied().unwrap_or_default()
    }

    /// How often the fault of this specification fired.
    #[must_use]
    pub fn fired(&self, fault: &str) -> u64 {
        self.faults.get(fault).copied().unwrap_or_default()
    }

    /// All requests read.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }
}

/// The counting side of [`Stats`].
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Counters(Mutex<(Stats, u64)>);

impl Counters {
    pub(in crate::sandbox) fn connection(&self) {
        self.with(|stats, _| stats.connections += 1);
    }

    pub(in crate::sandbox) fn begin(&self, endpoint: &str) {
        self.with(|stats, busy| {
            add(&mut stats.requests, endpoint);
            *busy += 1;
            stats.most_at_once = stats.most_at_once.max(*busy);
        });
    }

    pub(in crate::sandbox) fn end(&self) {
        self.with(|_, busy| *busy = busy.saturating_sub(1));
    }

    pub(in crate::sandbox) fn applied(&self, endpoint: &str) {
        self.with(|stats, _| add(&mut stats.applied, endpoint));
    }

    pub(in crate::sandbox) fn fault(&self, spec: &str) {
        self.with(|stats, _| add(&mut stats.faults, spec));
    }

    pub(in crate::sandbox) fn snapshot(&self) -> Stats {
        self.with(|stats, _| stats.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Stats, &mut u64) -> T) -> T {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (stats, busy) = &mut *inner;
        act(stats, busy)
    }
}

fn add(counts: &mut BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => {
            counts.insert(name.to_owned(), 1);
        }
    }
}

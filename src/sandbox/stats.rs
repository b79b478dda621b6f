//! Counts requests and connections, for tests and for `--verbose`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counts since the server started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections accepted.
    pub connections: u64,
    /// Connections open at present.
    pub open: usize,
    /// The largest number of requests in progress at one time.
    pub most_at_once: u64,
    /// Requests received, by method and endpoint: `DELETE /oauth/clients/{id}`. An unknown path counts as
    /// `GET (unknown)`.
    pub requests: BTreeMap<String, u64>,
    /// Requests that changed the account, by the same names, even if a fault prevented the response.
    pub applied: BTreeMap<String, u64>,
    /// Faults that fired, by their specification as given.
    pub faults: BTreeMap<String, u64>,
}

impl Stats {
    /// The number of requests to this method and endpoint.
    #[must_use]
    pub fn requests(&self, endpoint: &str) -> u64 {
        self.requests.get(endpoint).copied().unwrap_or_default()
    }

    /// The number of requests to this method and endpoint that changed the account.
    #[must_use]
    pub fn applied(&self, endpoint: &str) -> u64 {
        self.applied.get(endpoint).copied().unwrap_or_default()
    }

    /// The number of times the fault with this specification fired.
    #[must_use]
    pub fn fired(&self, fault: &str) -> u64 {
        self.faults.get(fault).copied().unwrap_or_default()
    }

    /// The number of all requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }
}

/// The counters behind [`Stats`], and the number of requests in progress.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Counters(Mutex<(Stats, u64)>);

impl Counters {
    pub(in crate::sandbox) fn connection(&self) {
        self.with(|stats, _| stats.connections += 1);
    }

    pub(in crate::sandbox) fn begin(&self, endpoint: &str) {
        self.with(|stats, in_progress| {
            add(&mut stats.requests, endpoint);
            *in_progress += 1;
            stats.most_at_once = stats.most_at_once.max(*in_progress);
        });
    }

    pub(in crate::sandbox) fn end(&self) {
        self.with(|_, in_progress| *in_progress = in_progress.saturating_sub(1));
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
        let (stats, in_progress) = &mut *inner;
        act(stats, in_progress)
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

//! The state that all threads of a running sandbox share.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::sandbox::account::mint::Mint;
use crate::sandbox::faults::pick::Faults;
use crate::sandbox::service::call::Api;
use crate::sandbox::stats::Counters;
use crate::sandbox::wire::http::Response;

/// Connections served at a time; further ones get a 503.
const MAX_CONNECTIONS: usize = 256;

/// The service, the faults and the open connections.
#[derive(Debug)]
pub(in crate::sandbox) struct Shared {
    pub(in crate::sandbox) api: Api,
    pub(in crate::sandbox) faults: Faults,
    pub(in crate::sandbox) counters: Counters,
    /// Ids for requests without one. They have a source of their own, so that the account's ids do not depend on the
    /// number of requests.
    request_ids: Mutex<Mint>,
    /// The response that the fault `replay` sends.
    pub(in crate::sandbox) replayed: OnceLock<Response>,
    stopping: AtomicBool,
    /// Open connections by number, so that they can be closed from outside.
    open: Mutex<BTreeMap<u64, TcpStream>>,
    /// Notified when a connection ends and when the server stops.
    changed: Condvar,
}

impl Shared {
    pub(in crate::sandbox) fn new(api: Api) -> Shared {
        let seed = api.settings.seed;
        Shared {
            faults: Faults::new(&api.settings.faults, seed),
            counters: Counters::default(),
            request_ids: Mutex::new(Mint::salted(seed, "requests")),
            replayed: OnceLock::new(),
            api,
            stopping: AtomicBool::new(false),
            open: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an id for a request that has none.
    pub(in crate::sandbox) fn request_id(&self) -> String {
        self.request_ids.lock().unwrap_or_else(PoisonError::into_inner).uuid()
    }

    /// The number of open connections.
    pub(in crate::sandbox) fn connections(&self) -> usize {
        self.open().len()
    }

    /// Registers a connection under an unused number; returns `false` if there are too many.
    pub(in crate::sandbox) fn register(&self, number: u64, stream: &TcpStream) -> io::Result<bool> {
        let handle = stream.try_clone()?;
        let mut open = self.open();
        let free = open.len() < MAX_CONNECTIONS;
        if free {
            open.insert(number, handle);
        }
        Ok(free)
    }

    /// Removes a connection that has ended.
    pub(in crate::sandbox) fn unregister(&self, number: u64) {
        self.open().remove(&number);
        self.changed.notify_all();
    }

    /// Returns whether the server is stopping.
    pub(in crate::sandbox) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Makes the server stop and ends every [`Shared::pause`].
    pub(in crate::sandbox) fn begin_stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.changed.notify_all();
    }

    /// Closes all connections and waits for their threads, until `deadline` at most.
    pub(in crate::sandbox) fn close_connections(&self, deadline: Instant) {
        let mut open = self.open();
        for stream in open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        while !open.is_empty() && Instant::now() < deadline {
            let wait = self.changed.wait_timeout(open, Duration::from_millis(100));
            (open, _) = wait.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for `time`, or until the server stops.
    pub(in crate::sandbox) fn pause(&self, time: Duration) {
        let start = Instant::now();
        let mut open = self.open();
        while !self.stopping() {
            let left = time.saturating_sub(start.elapsed());
            if left.is_zero() {
                return;
            }
            let wait = self.changed.wait_timeout(open, left);
            (open, _) = wait.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

//! Connections that are opened before there are requests for them.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{NextTimeout, Transport};

use crate::api::wire::{SLICE, is_over};
use crate::base::sync::lock;

type Opened = Result<Box<dyn Transport>, Error>;

/// The connections of one host that are opened ahead. Clones share them.
#[derive(Debug, Default, Clone)]
pub(super) struct Ahead(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    /// Connections that are open, or the errors of those that failed, and when they came.
    ready: Vec<(Instant, Opened)>,
    /// How many are being opened.
    opening: usize,
    /// How many requests wait for one of those.
    waiting: usize,
}

/// A connection that is being opened. Dropped, it counts as failed.
#[derive(Debug)]
pub(super) struct Opening(Ahead, Option<Opened>);

impl Opening {
    /// Adds the connection, or the reason why there is none.
    pub(super) fn done(mut self, opened: Opened) {
        self.1 = Some(opened);
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let (state, changed) = &*self.0.0;
        let mut state = lock(state);
        state.opening -= 1;
        state.ready.push((Instant::now(), self.1.take().unwrap_or(Err(Error::ConnectionFailed))));
        changed.notify_all();
    }
}

impl Ahead {
    /// Notes that a connection is being opened.
    pub(super) fn begin(&self) -> Opening {
        lock(&self.0.0).opening += 1;
        Opening(self.clone(), None)
    }

    /// Returns a connection that is still open and has been idle for less than `idle`; `None` if a new one must be
    /// opened. Waits for one that is being opened, since a new one would be ready later, and returns its error if that
    /// takes too long.
    pub(super) fn take(&self, idle: Duration) -> Option<Opened> {
        let mut state = lock(&self.0.0);
        let mut waits = false;
        let taken = loop {
            match state.ready.pop() {
                Some((since, Ok(mut connection))) if since.elapsed() < idle => {
                    drop(state);
                    let is_open = is_open(&mut *connection);
                    state = lock(&self.0.0);
                    if is_open {
                        break Some(Ok(connection));
                    }
                }
                // Another attempt would take as long.
                Some((_, Err(e @ Error::Timeout(_)))) if waits => break Some(Err(e)),
                // Too old, closed, or failed: this request opens its own.
                Some(_) => {}
                None if is_over() || state.opening < state.waiting + usize::from(!waits) => break None,
                None => {
                    state.waiting += usize::from(!waits);
                    waits = true;
                    state = self.0.1.wait_timeout(state, SLICE).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        };
        state.waiting -= usize::from(waits);
        taken
    }
}

/// Returns whether a connection without a request is open. A server that closed it has sent the end; another one may have
/// sent TLS tickets.
fn is_open(connection: &mut dyn Transport) -> bool {
    let moment = NextTimeout { after: Duration::from_millis(1).into(), ..NextTimeout::default() };
    matches!(connection.await_input(moment), Err(Error::Timeout(_)))
}

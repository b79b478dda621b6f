//! The connection under a request: how far the request got, how long it may take, and whether the run has to stop.
//!
//! Whether a request may be sent again depends on its phase, never on the kind of error: until the connection is open,
//! including a proxy's CONNECT and the TLS handshake, nothing of the request has been sent. From its first byte on, the
//! server may have acted on it.
//!
//! A thread sends one request at a time, and reads its response, so the state of the request is one of the thread.
//!
//! - `ahead`: connections that are opened before there are requests for them
//! - `resolver`: resolves the names of hosts
//! - `tls`: TLS whose settings are made once

mod ahead;
mod resolver;
mod tls;

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, SocksConnector, TcpConnector,
    Transport,
};

use crate::api::wire::ahead::{Ahead, Opening};
pub(crate) use crate::api::wire::resolver::{Addresses, Cache, Unresolved};
use crate::api::wire::tls::Tls;
use crate::sys::signals::Stop;

/// How long connecting may take, with a proxy's CONNECT and the TLS handshake.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
/// How long the server may take to start a response, and how long it may pause in the middle of one.
pub(crate) const SILENCE: Duration = Duration::from_secs(30);
/// How long the body of one response may take, so that a server that sends a byte now and then cannot block a run.
pub(crate) const BODY: Duration = Duration::from_secs(120);
/// How often a wait for the server looks for a signal.
const SLICE: Duration = Duration::from_millis(100);

thread_local! {
    static REQUEST: RefCell<State> = RefCell::new(State::default());
}

/// The state of the thread's request.
#[derive(Default)]
struct State {
    /// The server may have seen a part of it.
    sent: bool,
    /// Its connection is being opened.
    connecting: bool,
    /// This thread has no request: it opens a connection for another one.
    opening: Option<Opening>,
    /// How long a connection that was opened ahead may have been idle.
    idle: Duration,
    /// When the phase must be over.
    until: Option<Instant>,
    stop: Stop,
}

fn set(sent: bool, span: Duration) {
    REQUEST.with_borrow_mut(|state| {
        state.sent = sent;
        state.until = Some(Instant::now() + span);
    });
}

/// Begins a request of this thread, for which a connection may have been idle so long.
pub(crate) fn begin(stop: &Stop, idle: Duration) {
    REQUEST.with_borrow_mut(|state| (state.stop, state.idle) = (stop.clone(), idle));
    set(false, CONNECT + SILENCE + BODY);
}

/// Returns whether the server may have seen a part of this thread's request.
pub(crate) fn sent() -> bool {
    REQUEST.with_borrow(|state| state.sent)
}

/// Returns whether the run was stopped so long ago that nothing is waited for.
pub(crate) fn is_over() -> bool {
    REQUEST.with_borrow(|state| state.stop.is_over())
}

/// Opens connections that note how far their requests get. Clones share what they open ahead.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    chain: Arc<dyn Connector<(), Out = Box<dyn Transport>>>,
    ahead: Ahead,
}

impl Default for Wire {
    fn default() -> Wire {
        // The order of the library's own connector; `Watch` sees each socket, below TLS.
        let chain = SocksConnector::default()
            .chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(Watch)
            .chain(Tls::default())
            .chain(Boxed);
        Wire { chain: Arc::new(chain), ahead: Ahead::default() }
    }
}

impl Wire {
    /// Returns a wire with the same settings that takes no connection opened ahead.
    pub(crate) fn fresh(&self) -> Wire {
        Wire { chain: self.chain.clone(), ahead: Ahead::default() }
    }

    /// Opens a connection for a later request, in a thread of its own. `connect` must ask an agent with this wire for a
    /// connection; the agent then gets an error, and sends nothing.
    pub(crate) fn open_ahead(&self, stop: &Stop, connect: impl FnOnce() + Send + 'static) {
        let (opening, stop) = (self.ahead.begin(), stop.clone());
        // Without a thread, it has failed.
        let _ = thread::Builder::new().spawn(move || {
            begin(&stop, Duration::ZERO);
            REQUEST.with_borrow_mut(|state| state.opening = Some(opening));
            connect();
            // Still there if the agent found an error before it connected.
            drop(REQUEST.with_borrow_mut(|state| state.opening.take()));
        });
    }
}

impl Connector<()> for Wire {
    type Out = Box<dyn Transport>;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Self::Out>, Error> {
        // A CONNECT proxy's own connection is opened inside the one through it, whose deadline goes on.
        if REQUEST.with_borrow_mut(|state| std::mem::replace(&mut state.connecting, true)) {
            return self.chain.connect(details, None);
        }
        set(false, CONNECT);
        let (opening, idle) = REQUEST.with_borrow_mut(|state| (state.opening.take(), state.idle));
        let taken = if opening.is_some() { None } else { self.ahead.take(idle) };
        let opened = taken.map_or_else(|| self.chain.connect(details, None), |taken| taken.map(Some));
        // What was sent so far was for the proxy, or the handshake.
        set(false, SILENCE + BODY);
        REQUEST.with_borrow_mut(|state| state.connecting = false);
        if let Some(opening) = opening {
            opening.done(opened.and_then(|opened| opened.ok_or(Error::ConnectionFailed)));
            return Err(Error::ConnectionFailed);
        }
        Ok(opened?.map(|inner| Box::new(Carrier(inner)) as Box<dyn Transport>))
    }
}

/// Erases the type of a connection.
#[derive(Debug)]
struct Boxed;

impl<In: Transport> Connector<In> for Boxed {
    type Out = Box<dyn Transport>;

    fn connect(&self, _: &ConnectionDetails<'_>, inner: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(inner.map(|inner| Box::new(inner) as Box<dyn Transport>))
    }
}

/// An open connection: all that is sent through it belongs to a request.
#[derive(Debug)]
struct Carrier(Box<dyn Transport>);

impl Transport for Carrier {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        REQUEST.with_borrow_mut(|state| state.sent = true);
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}

/// Watches each socket.
#[derive(Debug)]
struct Watch;

impl<In: Transport> Connector<In> for Watch {
    type Out = Watched<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, inner: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(inner.map(Watched))
    }
}

/// A socket whose waits end at the deadline of the request's phase, and soon after a signal.
#[derive(Debug)]
struct Watched<T>(T);

/// Returns how long the thread's request may wait now.
fn left(timeout: &NextTimeout) -> Result<Duration, Error> {
    REQUEST.with_borrow(|state| {
        if state.stop.is_over() {
            return Err(io::Error::other("the run was stopped before the server responded").into());
        }
        let left = state.until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
        match left.is_zero() {
            true => Err(Error::Timeout(timeout.reason)),
            false => Ok(left),
        }
    })
}

impl<T: Transport> Transport for Watched<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let left = left(&timeout)?;
        let after = (*timeout.after).min(left).into();
        self.0.transmit_output(amount, NextTimeout { after, ..timeout })
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let whole = timeout.for_read();
        let start = Instant::now();
        loop {
            let waited = start.elapsed();
            let left = left(&whole)?.min(whole.after.saturating_sub(waited));
            if left.is_zero() {
                return Err(Error::Timeout(whole.reason));
            }
            // Always the same slice, unless little is left: the socket's own timeout then stays as it is.
            let slice = NextTimeout { after: left.min(SLICE).into(), per_read: None, ..whole };
            match self.0.await_input(slice) {
                Err(Error::Timeout(_)) => {}
                other => return other,
            }
        }
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}

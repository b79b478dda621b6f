//! The connection under a request: how far the request got, how long it may take, and whether the run has to stop.
//!
//! Whether a request may be sent again depends on its phase, never on the kind of error: until the connection is open,
//! including a proxy's CONNECT and the TLS handshake, nothing of the request has been sent. From its first byte on, the
//! server may have acted on it.
//!
//! The names of hosts are resolved here too: each once, in a thread that nobody has to wait for.
//!
//! A thread sends one request at a time, and reads its response, so the state of the request is one of the thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, RustlsConnector,
    SocksConnector, TcpConnector, Transport, time,
};
use ureq::{Error, Timeout};

use crate::base::sync::lock;
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

/// Begins a request of this thread.
pub(crate) fn begin(stop: &Stop) {
    REQUEST.with_borrow_mut(|state| state.stop = stop.clone());
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

/// Opens connections that note how far their requests get.
#[derive(Debug)]
pub(crate) struct Wire(Box<dyn Connector<(), Out = Box<dyn Transport>>>);

impl Default for Wire {
    fn default() -> Wire {
        // The order of the library's own connector; `Watch` sees each socket, below TLS.
        let chain = SocksConnector::default()
            .chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(Watch)
            .chain(RustlsConnector::default())
            .chain(Boxed);
        Wire(Box::new(chain))
    }
}

impl Connector<()> for Wire {
    type Out = Box<dyn Transport>;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Self::Out>, Error> {
        // A CONNECT proxy's own connection is opened inside the one through it, whose deadline goes on.
        if REQUEST.with_borrow_mut(|state| std::mem::replace(&mut state.connecting, true)) {
            return self.0.connect(details, None);
        }
        set(false, CONNECT);
        let opened = self.0.connect(details, None);
        // What was sent so far was for the proxy, or the handshake.
        set(false, SILENCE + BODY);
        REQUEST.with_borrow_mut(|state| state.connecting = false);
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

/// The addresses of each host that was resolved.
pub(crate) type Addresses = Arc<Mutex<HashMap<String, Vec<SocketAddr>>>>;

/// Resolves each host once, until it cannot be reached: ureq resolves before each request, even if it then uses a pooled
/// connection.
#[derive(Debug)]
pub(crate) struct Cache {
    addresses: Addresses,
    system: DefaultResolver,
}

impl Cache {
    /// Creates a resolver that shares `addresses` with others.
    pub(crate) fn new(addresses: &Addresses) -> Cache {
        Cache { addresses: addresses.clone(), system: DefaultResolver::default() }
    }

    /// Asks the system. Its resolver has no limit of its own that we could set, so it runs in a thread that is left behind
    /// if it takes too long, or after a stop.
    fn look_up(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let unlimited =
            NextTimeout { after: time::Duration::NotHappening, reason: timeout.reason, ..timeout };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        if host.parse::<IpAddr>().is_ok() {
            return self.system.resolve(uri, config, unlimited);
        }
        let (sender, receiver) = sync_channel(1);
        let (for_uri, with) = (uri.clone(), config.clone());
        let thread = thread::Builder::new().spawn(move || {
            let _ = sender.send(DefaultResolver::default().resolve(&for_uri, &with, unlimited));
        });
        if thread.is_err() {
            // The system has no room for a thread.
            return self.system.resolve(uri, config, unlimited);
        }
        let start = Instant::now();
        loop {
            match receiver.recv_timeout(Duration::from_millis(50)) {
                Ok(resolved) => return resolved,
                Err(RecvTimeoutError::Disconnected) => return Err(Error::HostNotFound),
                Err(RecvTimeoutError::Timeout)
                    if is_over() || start.elapsed() >= CONNECT.min(*timeout.after) =>
                {
                    return Err(Error::Timeout(Timeout::Resolve));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

impl Resolver for Cache {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let key =
            format!("{}://{}", uri.scheme_str().unwrap_or(""), uri.authority().map_or("", |a| a.as_str()));
        let mut known = lock(&self.addresses);
        if let Some(addresses) = known.get(&key) {
            let mut resolved = self.empty();
            addresses.iter().for_each(|address| resolved.push(*address));
            return Ok(resolved);
        }
        let resolved = self.look_up(uri, config, timeout).map_err(|e| match (&e, uri.host()) {
            (Error::HostNotFound | Error::Timeout(Timeout::Resolve), Some(host)) => named(host),
            // The resolver's error has no kind of its own.
            (Error::Io(io), Some(host)) if io.to_string().contains("failed to lookup address") => named(host),
            _ => e,
        })?;
        // Plain http is for this machine only, and `localhost` may resolve to another one.
        if uri.scheme_str() == Some("http")
            && config.proxy().is_none()
            && let Some(outside) = resolved.iter().find(|a| !a.ip().is_loopback())
        {
            let what = format!("{} is not loopback", outside.ip());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, what).into());
        }
        known.insert(key, resolved.iter().copied().collect());
        Ok(resolved)
    }
}

/// The host that the system cannot resolve: with a proxy, this may be the proxy's or the API's.
#[derive(Debug)]
pub(crate) struct Unresolved(pub(crate) String);

impl std::fmt::Display for Unresolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot resolve the host {}", self.0)
    }
}

impl std::error::Error for Unresolved {}

fn named(host: &str) -> Error {
    Error::Other(Box::new(Unresolved(host.to_owned())))
}

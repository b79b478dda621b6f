//! Resolves the names of hosts: each once, in a thread that nobody has to wait for.

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
use ureq::unversioned::transport::{NextTimeout, time};
use ureq::{Error, Timeout};

use crate::api::wire::{CONNECT, is_over};
use crate::base::sync::lock;

/// What is known of each host.
pub(crate) type Addresses = Arc<Mutex<Known>>;

/// The hosts that were resolved, and those that could not be.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) addresses: HashMap<String, Vec<SocketAddr>>,
    /// When the last look-up failed.
    failed: HashMap<String, Instant>,
}

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
        let asked = Instant::now();
        let mut known = lock(&self.addresses);
        if let Some(addresses) = known.addresses.get(&key) {
            let mut resolved = self.empty();
            addresses.iter().for_each(|address| resolved.push(*address));
            return Ok(resolved);
        }
        // Requests that waited for a look-up that failed do not begin another one each.
        if known.failed.get(&key).is_some_and(|at| *at >= asked) {
            return Err(named(uri.host().unwrap_or_default()));
        }
        let resolved = self.look_up(uri, config, timeout).inspect_err(|_| {
            known.failed.insert(key.clone(), Instant::now());
        });
        let resolved = resolved.map_err(|e| match (&e, uri.host()) {
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
        known.addresses.insert(key, resolved.iter().copied().collect());
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

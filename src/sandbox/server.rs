//! The running sandbox: its socket, its threads and how it stops.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::sandbox::account::builtin;
use crate::sandbox::account::clock;
use crate::sandbox::account::json::{Show, View};
use crate::sandbox::account::load;
use crate::sandbox::account::state::StateFile;
use crate::sandbox::account::store::Store;
use crate::sandbox::conn;
use crate::sandbox::service::call::Api;
use crate::sandbox::service::quota::Quota;
use crate::sandbox::settings::Settings;
use crate::sandbox::shared::Shared;
use crate::sandbox::stats::Stats;
use crate::sandbox::wire::http::{Connection, Request, Response};

/// The time a stopping server waits for requests in progress.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running sandbox; it stops when dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    addr: SocketAddr,
    token: String,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a sandbox on a loopback port that the system chooses.
    ///
    /// # Errors
    ///
    /// [`Settings::load`] contains an invalid record (the message gives its line), the state file is unreadable or in
    /// use, or no socket can be opened. In these cases no state file is written.
    pub fn start(settings: Settings) -> io::Result<Server> {
        let state = settings.state.as_deref().map(StateFile::claim).transpose()?;
        let saved = state.as_ref().map(StateFile::read).transpose()?.flatten();
        let mut store = match saved {
            Some(store) => store,
            None => new_account(&settings)?,
        };
        let token = store.bearer_token(clock::now());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        if let Some(state) = &state {
            state.save(&store)?;
        }
        let api = Api { quota: Quota::new(settings.quota), store: store.into(), state, settings };
        let shared = Arc::new(Shared::new(api));
        let for_thread = Arc::clone(&shared);
        let accepting = thread::Builder::new()
            .name("sandbox".to_owned())
            .spawn(move || accept(&listener, &for_thread))?;
        Ok(Server { shared, addr, token, accepting: Some(accepting) })
    }

    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL without a slash at the end, as `HEROKU_HOST` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The bearer token that was valid at the start. As with the real API, it stops working when its authorization is
    /// regenerated or revoked.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the whole account as records with masked secrets, one per line, sorted by kind and id.
    /// [`Settings::load`] makes the same account from them.
    #[must_use]
    pub fn dump(&self) -> Vec<String> {
        let view = View::whole_account(self.shared.api.settings.redact, Show::Masked);
        // Writing these objects into memory cannot fail.
        self.shared.api.read(|store| store.records(&view)).unwrap_or_default()
    }

    /// The counts so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats { open: self.shared.connections(), ..self.shared.counters.snapshot() }
    }

    /// Stops: closes all connections and releases the state file.
    pub fn stop(self) {}
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.begin_stop();
        // The accepting thread notices only when a connection wakes it.
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
        let deadline = Instant::now() + STOP_TIMEOUT;
        self.shared.close_connections(deadline);
        // A thread unregisters its connection shortly before it drops its reference, which keeps the state file locked.
        while Arc::strong_count(&self.shared) > 1 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn new_account(settings: &Settings) -> io::Result<Store> {
    let now = clock::now();
    let mut store = match &settings.load {
        None => builtin::account(settings.seed, now),
        Some(lines) => load::account(settings.seed, lines, now)
            .map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem))?,
    };
    builtin::generate(&mut store, now, settings.authz);
    Ok(store)
}

/// Accepts connections and starts a thread for each, until the server stops.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for number in 0.. {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(_) if shared.stopping() => return,
            // Most likely there are no file descriptors left; wait until some are closed.
            Err(_) => {
                shared.pause(Duration::from_millis(20));
                continue;
            }
        };
        if shared.stopping() {
            return;
        }
        shared.counters.connection();
        match shared.register(number, &stream) {
            Ok(true) => {}
            Ok(false) => {
                let text = "The sandbox has too many connections.";
                let response = Response::error(503, "unavailable", text);
                let response = conn::add_common_headers(response, shared, &Request::default());
                let _ = Connection::new(stream).send(&response, true);
                continue;
            }
            Err(_) => continue,
        }
        let registered = Registered { shared: Arc::clone(shared), number };
        let thread = thread::Builder::new().name("sandbox connection".to_owned());
        // If no thread can be started, dropping the closure closes the connection.
        let _ = thread.spawn(move || conn::serve(stream, &registered.shared));
    }
}

/// A registered connection; dropping it unregisters the connection, even when its thread panics.
struct Registered {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.shared.unregister(self.number);
    }
}

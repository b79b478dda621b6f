//! The running sandbox: its socket, its threads, its end.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::sandbox::Settings;
use crate::sandbox::account::builtin;
use crate::sandbox::account::clock;
use crate::sandbox::account::load;
use crate::sandbox::account::mint::Mint;
use crate::sandbox::account::show::Show;
use crate::sandbox::account::state::StateFile;
use crate::sandbox::account::store::{Store, User, whole};
use crate::sandbox::conn;
use crate::sandbox::faults::choice::Faults;
use crate::sandbox::service::api::Api;
use crate::sandbox::service::quota::Quota;
use crate::sandbox::stats::{Counters, Stats};
use crate::sandbox::wire::http::{Connection, Reply, Request};

/// Most connections at a time; more are told so and closed.
const MAX_CONNECTIONS: usize = 256;
/// How long a stopping server waits for the requests it is working on.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running sandbox; it stops when dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    addr: SocketAddr,
    token: String,
    accepting: Option<JoinHandle<()>>,
}

/// What all threads of a sandbox see.
#[derive(Debug)]
pub(in crate::sandbox) struct Shared {
    pub(in crate::sandbox) api: Api,
    pub(in crate::sandbox) faults: Faults,
    pub(in crate::sandbox) counters: Counters,
    /// Ids for requests that bring none; apart from the account's, so that those do not
    /// depend on how many requests were made.
    pub(in crate::sandbox) request_ids: Mutex<Mint>,
    stopping: AtomicBool,
    /// Open connections by number, so that stopping can end them.
    open: Mutex<BTreeMap<u64, TcpStream>>,
    /// Told when a connection ended or the server stops.
    changed: Condvar,
}

impl Server {
    /// Starts a sandbox on a loopback port the system chooses.
    ///
    /// # Errors
    ///
    /// A record of [`Settings::load`] that is none (the message names its line), a state
    /// file that is unreadable or in use, or no socket. Nothing is served then, and no
    /// state file is written.
    pub fn start(settings: Settings) -> io::Result<Server> {
        let state = settings.state.as_deref().map(StateFile::claim).transpose()?;
        let kept = state.as_ref().map(StateFile::read).transpose()?.flatten();
        let mut store = match kept {
            Some(store) => store,
            None => new_account(&settings)?,
        };
        let token = store.token_to_hand_out(clock::now());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        if let Some(state) = &state {
            state.save(&store)?;
        }
        let shared = Arc::new(Shared {
            faults: Faults::new(&settings.faults, settings.seed),
            counters: Counters::default(),
            request_ids: Mutex::new(Mint::salted(settings.seed, "requests")),
            api: Api { quota: Quota::new(settings.quota), store: store.into(), state, settings },
            stopping: AtomicBool::new(false),
            open: Mutex::default(),
            changed: Condvar::new(),
        });
        let for_thread = Arc::clone(&shared);
        let accepting = thread::Builder::new()
            .name("sandbox".to_owned())
            .spawn(move || accept(&listener, &for_thread))?;
        Ok(Server { shared, addr, token, accepting: Some(accepting) })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its base URL, without a slash at the end: a value for `HEROKU_HOST`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The bearer token for a client, as it was at the start: regenerating or revoking the
    /// authorization it belongs to ends it, as it would the real one.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The whole account as records with masked secrets, one a line without its end, sorted
    /// by kind, then by id. Given to [`Settings::load`] they make the same account.
    #[must_use]
    pub fn dump(&self) -> Vec<String> {
        let view = whole(self.shared.api.settings.redact, Show::Masked);
        // Writing into memory does not fail, nor do these objects.
        self.shared.api.read(|store| store.records(&view)).unwrap_or_default()
    }

    /// What was counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats { open: self.shared.open().len(), ..self.shared.counters.snapshot() }
    }

    /// Stops: nothing is accepted any more, open connections end, the state file is free.
    pub fn stop(self) {}
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.changed.notify_all();
        // Only a connection wakes a thread that accepts.
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
        let deadline = Instant::now() + PATIENCE;
        let mut open = self.shared.open();
        for stream in open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        while !open.is_empty() && Instant::now() < deadline {
            let wait = self.shared.changed.wait_timeout(open, Duration::from_millis(100));
            (open, _) = wait.unwrap_or_else(PoisonError::into_inner);
        }
        drop(open);
        // A thread takes its connection off the list a moment before it lets go of the state file.
        while Arc::strong_count(&self.shared) > 1 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the server is about to end.
    pub(in crate::sandbox) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Waits, but not beyond the server's end.
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

fn new_account(settings: &Settings) -> io::Result<Store> {
    let now = clock::now();
    let mut store = match &settings.load {
        None => builtin::account(settings.seed, now),
        Some(lines) => loaded(settings.seed, lines, now)?,
    };
    builtin::generate(&mut store, now, settings.authz);
    Ok(store)
}

fn loaded(seed: u64, lines: &[String], now: i64) -> io::Result<Store> {
    // Not the built-in account's values again: these records may be its dump.
    let mut mint = Mint::salted(seed, &lines.concat());
    let user = User { id: mint.uuid(), email: "you@example.com".to_owned(), full_name: None };
    let mut store = Store::empty(mint, user);
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        load::record(&mut store, line, now).map_err(|what| {
            io::Error::new(io::ErrorKind::InvalidData, format!("line {}: {what}", number + 1))
        })?;
    }
    Ok(store)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for number in 0.. {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(_) if shared.stopping() => return,
            // Out of descriptors, most likely: some will come back.
            Err(_) => {
                shared.pause(Duration::from_millis(20));
                continue;
            }
        };
        if shared.stopping() {
            return;
        }
        shared.counters.connection();
        let Ok(twin) = stream.try_clone() else {
            continue;
        };
        let full = {
            let mut open = shared.open();
            let full = open.len() >= MAX_CONNECTIONS;
            if !full {
                open.insert(number, twin);
            }
            full
        };
        if full {
            let text = "The sandbox has too many connections.";
            let reply = Reply::error(503, "unavailable", text);
            let reply = conn::dress(reply, shared, &Request::default());
            let _ = Connection::new(stream).send(&reply, true);
            continue;
        }
        let for_thread = Arc::clone(shared);
        let thread = thread::Builder::new().name("sandbox connection".to_owned());
        let ended = Ended { shared: for_thread, number };
        // If there is no thread to be had, dropping the closure closes the connection.
        let _ = thread.spawn(move || conn::serve(stream, &ended.shared));
    }
}

/// Takes a connection off the list when its thread ends, however it ends.
struct Ended {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.shared.open().remove(&self.number);
        self.shared.changed.notify_all();
    }
}

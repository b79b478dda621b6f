//! The request to stop a run early, from a signal or from the run itself.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};

/// How long requests in flight may still take after the stop was requested.
const GRACE: Duration = Duration::from_secs(5);

/// A request that the run starts nothing more. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// The number of the signal that arrived, or 0.
    signal: Arc<AtomicUsize>,
    /// True if the run itself asked for the stop.
    asked: Arc<AtomicBool>,
    /// When the stop was first seen.
    seen: Arc<OnceLock<Instant>>,
}

impl Stop {
    /// Catches SIGINT, SIGTERM and SIGHUP: they request the stop.
    ///
    /// # Errors
    /// Those of sigaction(2).
    pub fn on_signals() -> io::Result<Stop> {
        Stop::on(&[SIGINT, SIGTERM, SIGHUP])
    }

    /// Catches every signal that would end the process, for a program that must outlive the command it runs.
    ///
    /// # Errors
    /// Those of sigaction(2).
    pub fn on_all_signals() -> io::Result<Stop> {
        Stop::on(&[SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM])
    }

    fn on(signals: &[i32]) -> io::Result<Stop> {
        let stop = Stop::default();
        let ignored = ignored_signals();
        // With SIGXFSZ caught, a write beyond the file size limit fails with EFBIG, which can be reported.
        signal_hook::flag::register(SIGXFSZ, Arc::default())?;
        for &signal in signals {
            let number = usize::try_from(signal).unwrap_or(0);
            // A signal that the parent ignores (nohup, a shell's background job) must stay ignored.
            if ignored >> number.saturating_sub(1) & 1 == 1 {
                continue;
            }
            signal_hook::flag::register_usize(signal, stop.signal.clone(), number)?;
        }
        Ok(stop)
    }

    /// Requests the stop from inside the run.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Returns the number of the signal that arrived, if any.
    pub fn signal(&self) -> Option<u8> {
        u8::try_from(self.signal.load(Ordering::Relaxed)).ok().filter(|n| *n != 0)
    }

    /// Returns the number of the signal that arrived, if any, and forgets it: for programs that forward signals.
    pub fn take_signal(&self) -> Option<u8> {
        u8::try_from(self.signal.swap(0, Ordering::Relaxed)).ok().filter(|n| *n != 0)
    }

    /// Returns whether the stop was requested.
    pub fn is_set(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || self.signal().is_some()
    }

    /// Returns whether the stop was requested so long ago that nothing is waited for any more.
    pub fn is_over(&self) -> bool {
        self.is_set() && self.seen.get_or_init(Instant::now).elapsed() >= GRACE
    }

    /// Sleeps for `span`, or until the stop is requested. Returns false if it was requested.
    pub fn sleep(&self, span: Duration) -> bool {
        const SLICE: Duration = Duration::from_millis(20);
        let mut left = span;
        while !left.is_zero() && !self.is_set() {
            let slice = left.min(SLICE);
            std::thread::sleep(slice);
            left -= slice;
        }
        !self.is_set()
    }
}

/// Returns the set of signals that this process ignores, bit N - 1 for signal N (proc(5), `SigIgn`), or 0 if unknown.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Catches SIGXFSZ: a write beyond the file size limit (setrlimit(2)) then fails with EFBIG instead of killing the
/// process.
pub(crate) fn survive_file_limits() {
    // If this fails, such a write kills the process, as it would without us.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
}

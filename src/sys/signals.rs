//! What ends a run before its end: signals, and what a run itself asks for.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};

/// Why a run shall start nothing more: the number of the signal that came, or that it must stop for another reason.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    signal: Arc<AtomicUsize>,
    asked: Arc<AtomicBool>,
}

impl Stop {
    /// A stop that SIGINT, SIGTERM and SIGHUP bring about.
    ///
    /// # Errors
    /// Those of sigaction(2).
    pub fn on_signals() -> io::Result<Stop> {
        Stop::on(&[SIGINT, SIGTERM, SIGHUP])
    }

    /// A stop for a command's guardian: every signal that would end us, and so leave the command alone.
    ///
    /// # Errors
    /// Those of sigaction(2).
    pub fn on_all_signals() -> io::Result<Stop> {
        Stop::on(&[SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM])
    }

    fn on(signals: &[i32]) -> io::Result<Stop> {
        let stop = Stop::default();
        let ignored = ignored_signals();
        // A file that may not grow is a full disk (EFBIG), which is told; the signal would end us without a word.
        signal_hook::flag::register(SIGXFSZ, Arc::default())?;
        for &signal in signals {
            let number = usize::try_from(signal).unwrap_or(0);
            // What the parent ignores (nohup, a shell's background job) stays ignored.
            if ignored >> number.saturating_sub(1) & 1 == 1 {
                continue;
            }
            signal_hook::flag::register_usize(signal, stop.signal.clone(), number)?;
        }
        Ok(stop)
    }

    /// Asks for the stop from inside the run.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// The signal that came, if one did.
    pub fn signal(&self) -> Option<u8> {
        u8::try_from(self.signal.load(Ordering::Relaxed)).ok().filter(|n| *n != 0)
    }

    /// The signal that came, once: for those that pass it on instead of stopping.
    pub fn take_signal(&self) -> Option<u8> {
        u8::try_from(self.signal.swap(0, Ordering::Relaxed)).ok().filter(|n| *n != 0)
    }

    /// Whether nothing more shall be started.
    pub fn is_set(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || self.signal().is_some()
    }

    /// Sleeps for `span`, or until a stop is asked for; false if it was.
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

/// The set of signals that this process ignores, bit N - 1 for signal N (proc(5), `SigIgn`); empty where unknown.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Lets a write that goes beyond the limit of a file's size fail, as it does on a full disk, instead of ending the
/// process in the middle of it (`SIGXFSZ`; setrlimit(2)).
pub(crate) fn survive_file_limits() {
    let signal = SIGXFSZ;
    // Where that is refused, the system's way remains.
    let _ = signal_hook::flag::register(signal, Arc::default());
}

//! Signals: the request to stop a run early, the signals to pass on to a command, and how the parent left them.
//!
//! Every signal that would end the process and that can be caught is treated alike. Each has a flag of its own, so that
//! none is lost if several arrive at the same time. SIGKILL cannot be caught; SIGSEGV, SIGILL and SIGFPE report that
//! the program itself is broken.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, getpid, kill_process};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::exfiltrator::origin::Origin;
use signal_hook::low_level::siginfo::Cause;
use signal_hook::{flag, low_level};

use crate::sys::terminal;

/// How long requests in flight may still take after the stop was requested.
const GRACE: Duration = Duration::from_secs(5);

/// The signals with a name that end a process by default.
const NAMED: &[Signal] = &[
    Signal::HUP,
    Signal::INT,
    Signal::TERM,
    Signal::QUIT,
    Signal::TRAP,
    Signal::ABORT,
    Signal::BUS,
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
    Signal::VTALARM,
    Signal::PROF,
    Signal::XCPU,
    Signal::SYS,
    #[cfg(target_os = "linux")]
    Signal::IO,
    #[cfg(target_os = "linux")]
    Signal::POWER,
    #[cfg(all(target_os = "linux", not(any(target_arch = "mips", target_arch = "mips64"))))]
    Signal::STKFLT,
];

/// Returns every signal that would end the process and can be caught, except SIGXFSZ, which reports a failed write.
fn ending() -> Vec<Signal> {
    let named = NAMED.iter().copied();
    #[cfg(target_os = "linux")]
    let named = {
        use rustix_libc_wrappers::process::SignalExt;
        named.chain((0..).map_while(Signal::rt))
    };
    named.collect()
}

/// Returns the number of a signal.
fn number(signal: Signal) -> u8 {
    u8::try_from(signal.as_raw()).unwrap_or(0)
}

/// A signal and the flag that is set when it arrives.
type Flag = (u8, Arc<AtomicBool>);

/// Catches each signal that the parent does not ignore (nohup, a shell's background job).
fn catch(signals: &[Signal]) -> io::Result<Vec<Flag>> {
    let ignored = ignored();
    let mut caught = Vec::with_capacity(signals.len());
    for signal in signals.iter().filter(|signal| ignored >> (signal.as_raw() - 1) & 1 == 0) {
        let arrived = Arc::new(AtomicBool::new(false));
        flag::register(signal.as_raw(), arrived.clone())?;
        caught.push((number(*signal), arrived));
    }
    Ok(caught)
}

fn first(flags: &[Flag]) -> Option<u8> {
    flags.iter().find(|(_, arrived)| arrived.load(Ordering::Relaxed)).map(|(number, _)| *number)
}

/// A request that the run starts nothing more. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    flags: Arc<Vec<Flag>>,
    /// The signal that was seen first; later ones do not change the exit status.
    signal: Arc<OnceLock<u8>>,
    /// True if the run itself asked for the stop.
    asked: Arc<AtomicBool>,
    /// True if nothing in flight is to be waited for.
    abandoned: Arc<AtomicBool>,
    /// When the stop was first seen.
    seen: Arc<OnceLock<Instant>>,
}

impl Stop {
    /// Catches every signal that would end the process: it requests the stop.
    ///
    /// # Errors
    /// Those of sigaction(2).
    pub fn on_signals() -> io::Result<Stop> {
        let flags = Arc::new(catch(&ending())?);
        if let Some(held) = HELD.get() {
            held.end.store(false, Ordering::SeqCst);
        }
        let _ = CAUGHT.set(());
        Ok(Stop { flags, ..Stop::default() })
    }

    /// Requests the stop from inside the run.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Requests the stop, and that nothing in flight is waited for.
    pub fn abandon(&self) {
        self.ask();
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Returns the number of the signal that arrived, if any.
    pub fn signal(&self) -> Option<u8> {
        self.signal.get().copied().or_else(|| first(&self.flags).map(|n| *self.signal.get_or_init(|| n)))
    }

    /// Returns whether the stop was requested.
    pub fn is_set(&self) -> bool {
        self.asked.load(Ordering::Relaxed) || self.signal().is_some()
    }

    /// Returns whether nothing is waited for any more: the stop was requested long ago, or by [`Stop::abandon`].
    pub fn is_over(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
            || self.is_set() && self.seen.get_or_init(Instant::now).elapsed() >= GRACE
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

/// The signals that arrive, one by one, for a program that passes them on to its command.
#[derive(Debug)]
pub(crate) struct Arrivals(SignalDelivery<UnixStream, WithOrigin>);

impl Arrivals {
    /// Begins to collect every signal that would end the process and is not ignored by the parent, and SIGCHLD.
    ///
    /// # Errors
    /// Those of the system: no file descriptors, or those of sigaction(2).
    pub(crate) fn collect() -> io::Result<Arrivals> {
        let ignored = ignored();
        let mut signals = ending();
        signals.push(Signal::XFSZ);
        signals.retain(|signal| ignored >> (signal.as_raw() - 1) & 1 == 0);
        signals.push(Signal::CHILD);
        let (read, write) = UnixStream::pair()?;
        let numbers = signals.iter().map(|signal| signal.as_raw());
        SignalDelivery::with_pipe(read, write, WithOrigin::default(), numbers).map(Arrivals)
    }

    /// Waits for signals, at most for a moment, and passes them on to `command`, which must be a child that was not
    /// waited for.
    pub(crate) fn pass_on(&mut self, command: Pid) {
        // SIGCHLD ends the wait; the limit is for a parent that blocks SIGCHLD.
        let limit = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        let _ = poll(&mut [PollFd::new(self.0.get_read(), PollFlags::IN)], Some(&limit));
        for origin in self.0.pending() {
            if let Some(signal) = from_number(origin.signal).filter(|_| !reaches_the_command(&origin)) {
                // This fails if the command has just exited, which is harmless.
                let _ = kill_process(command, signal);
            }
        }
    }
}

fn from_number(signal: i32) -> Option<Signal> {
    #[cfg(target_os = "linux")]
    return rustix_libc_wrappers::process::SignalExt::from_raw(signal);
    #[cfg(not(target_os = "linux"))]
    Signal::from_named_raw(signal)
}

/// Returns whether a signal is not to be passed on.
fn reaches_the_command(origin: &Origin) -> bool {
    let is = |signal: Signal| origin.signal == signal.as_raw();
    if is(Signal::INT) || is(Signal::QUIT) {
        // The terminal sends the signals of its keys to the whole process group, of which the command is a part. Where
        // the system does not tell the origin, the group is in the foreground.
        return match origin.cause {
            Cause::Kernel => true,
            Cause::Unknown => origin.process.is_none() && terminal::is_in_foreground(),
            _ => false,
        };
    }
    // Our own write was beyond the limit (setrlimit(2)).
    let ours = || origin.process.is_some_and(|sender| sender.pid == getpid().as_raw_nonzero().get());
    is(Signal::CHILD) || is(Signal::XFSZ) && ours()
}

/// Set once signals request a stop instead of ending the process.
static CAUGHT: OnceLock<()> = OnceLock::new();
/// The signals that were caught by [`hold`].
static HELD: OnceLock<HeldSignals> = OnceLock::new();

struct HeldSignals {
    flags: Vec<Flag>,
    /// True while these signals end the process, as if they were not caught.
    end: Arc<AtomicBool>,
}

/// Delays the end of the process by a signal until the returned value is dropped.
pub(crate) struct Hold(Option<&'static HeldSignals>);

/// Delays the end of the process by a signal, so that something can be put right first. Signals that request a stop go
/// on to do so.
pub(crate) fn hold() -> Hold {
    if CAUGHT.get().is_some() {
        return Hold(None);
    }
    let held = HELD.get_or_init(|| {
        // If a signal cannot be caught, it ends the process at once, as it would without us.
        let flags = catch(&ending()).unwrap_or_default();
        let end = Arc::new(AtomicBool::new(false));
        for (number, _) in &flags {
            let number = i32::from(*number);
            let by_default = flag::register_conditional_default(number, end.clone());
            // Real-time signals are not known there.
            let _ = by_default
                .or_else(|_| flag::register_conditional_shutdown(number, 128 + number, end.clone()));
        }
        HeldSignals { flags, end }
    });
    held.end.store(false, Ordering::SeqCst);
    Hold(Some(held))
}

impl Hold {
    /// Returns whether a signal waits.
    pub(crate) fn has_signal(&self) -> bool {
        self.0.is_some_and(|held| first(&held.flags).is_some())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(held) = self.0 {
            held.end.store(true, Ordering::SeqCst);
            if let Some(number) = first(&held.flags) {
                let _ = low_level::emulate_default_handler(number.into());
                low_level::exit(128 + i32::from(number));
            }
        }
    }
}

/// Prepares the process for its files and children:
///
/// - A write beyond the file size limit (setrlimit(2)) fails with EFBIG instead of killing the process.
/// - The exit status of a child is kept for us, even if our parent ignores SIGCHLD.
pub(crate) fn prepare() {
    for signal in [Signal::XFSZ, Signal::CHILD] {
        // If this fails, the signal does what it would do without us.
        let _ = flag::register(signal.as_raw(), Arc::default());
    }
}

/// Returns the set of signals that the parent ignores, bit N - 1 for signal N. Must be called before any of them is
/// caught.
fn ignored() -> u64 {
    static IGNORED: OnceLock<u64> = OnceLock::new();
    *IGNORED.get_or_init(|| ignored_in_proc().unwrap_or_else(ignored_by_a_shell))
}

/// Returns the signals that /proc says are ignored (proc(5), `SigIgn`), if there is a /proc.
fn ignored_in_proc() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// Asks a shell, which ignores what we ignore: it sends itself each signal, and says which of them arrive.
fn ignored_by_a_shell() -> u64 {
    const SCRIPT: &str = "for n; do trap \"echo $n\" $n && kill -$n $$; done; echo 0";
    let signals = ending();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", SCRIPT, "sh"]).args(signals.iter().map(|signal| signal.as_raw().to_string()));
    shell.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = shell.spawn() else { return 0 };
    let mut said = String::new();
    let read = child.stdout.take().map(|mut out| out.read_to_string(&mut said));
    let _ = child.wait();
    let arrived: Vec<i32> = said.lines().filter_map(|line| line.parse().ok()).collect();
    // Without the last line the shell did not get to the end, and nothing is known.
    if !matches!(read, Some(Ok(_))) || arrived.last() != Some(&0) {
        return 0;
    }
    let ignored = signals.iter().map(|signal| signal.as_raw()).filter(|number| !arrived.contains(number));
    ignored.fold(0, |set, number| set | 1 << (number - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_knows_the_same_ignored_signals_as_proc() {
        let ours: u64 = ending().iter().fold(0, |set, signal| set | 1 << (signal.as_raw() - 1));
        assert_eq!(ignored_in_proc().expect("a /proc") & ours, ignored_by_a_shell());
    }

    #[test]
    fn each_signal_that_ends_a_process_is_there_once() {
        let mut numbers: Vec<u8> = ending().into_iter().map(number).collect();
        numbers.sort_unstable();
        // signal(7), without SIGKILL, the faults of a program, SIGPIPE, which Rust ignores, and SIGXFSZ; without the
        // two real-time signals that the C library keeps for itself.
        let expected = [1, 2, 3, 5, 6, 7, 10, 12, 14, 15, 16, 24, 26, 27, 29, 30, 31];
        let expected: Vec<u8> = expected.into_iter().chain(34..=64).collect();
        if cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
            assert_eq!(numbers, expected);
        }
    }

    #[test]
    fn the_first_signal_that_is_seen_decides() {
        let flags: Vec<Flag> = [(15, false), (1, true)]
            .map(|(number, arrived)| (number, Arc::new(AtomicBool::new(arrived))))
            .into();
        let stop = Stop { flags: Arc::new(flags), ..Stop::default() };
        assert_eq!(stop.signal(), Some(1));
        stop.flags[0].1.store(true, Ordering::Relaxed);
        assert_eq!(stop.clone().signal(), Some(1));
        assert_eq!(first(&stop.flags), Some(15), "none is lost");
    }
}

//! Running the user's command: its environment, the signals it gets, its exit status.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::base::error::reason;
use crate::sys::signals::Stop;
use crate::sys::terminal;

/// The exit status if the command cannot be found, as in sh(1) and env(1).
pub const NOT_FOUND: u8 = 127;
/// The exit status if the command exists but cannot be run, as in sh(1) and env(1).
pub const NOT_RUNNABLE: u8 = 126;

/// Runs a command until it exits, and forwards signals to it.
///
/// `env` holds the variables to set, `without` the names of those to remove. Signals from the keyboard are not
/// forwarded: the terminal sends them to the command too, which would then get them twice.
///
/// # Errors
/// The exit status and a message if the command could not be started.
pub(crate) fn run(
    command: &[OsString],
    env: &[(&str, &str)],
    without: &[&str],
    stop: &Stop,
) -> Result<ExitStatus, (u8, String)> {
    let Some((program, args)) = command.split_first() else {
        return Err((crate::base::error::USAGE, "no command given".to_owned()));
    };
    let mut child = Command::new(program);
    child.args(args);
    for name in without {
        child.env_remove(name);
    }
    child.envs(env.iter().copied());
    let mut child = child.spawn().map_err(|e| {
        let status = if e.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUNNABLE };
        (status, format!("{}: {}", program.to_string_lossy(), reason(&e)))
    })?;
    let ended = AtomicBool::new(false);
    let pid = pid(&child);
    let status = std::thread::scope(|scope| {
        scope.spawn(|| forward_signals(pid, stop, &ended));
        let status = child.wait();
        ended.store(true, Ordering::Relaxed);
        status
    });
    status.map_err(|e| (NOT_RUNNABLE, format!("{}: {}", program.to_string_lossy(), reason(&e))))
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn forward_signals(pid: Option<Pid>, stop: &Stop, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        let signal = stop.take_signal().and_then(|number| Signal::from_named_raw(i32::from(number)));
        // Checked at each signal because a shell can move us to the foreground or the background at any time.
        let from_keyboard =
            |signal: &Signal| [Signal::INT, Signal::QUIT].contains(signal) && terminal::is_in_foreground();
        let signal = signal.filter(|signal| !from_keyboard(signal));
        if let (Some(pid), Some(signal)) = (pid, signal) {
            // This fails if the command has just exited, which is harmless.
            let _ = kill_process(pid, signal);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Returns a command's exit status as a shell reports it: its own, or 128 plus the number of the signal that killed it.
pub(crate) fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|n| 128 + n));
    code.and_then(|c| u8::try_from(c).ok()).unwrap_or(crate::base::error::FAILED)
}

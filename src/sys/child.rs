//! Runs a command of the user's: its environment, the signals it gets, the status it leaves.

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

/// The status of a command that cannot be found (as sh(1) and env(1) have it).
pub const NOT_FOUND: u8 = 127;
/// The status of a command that is there but cannot be run.
pub const NOT_RUNNABLE: u8 = 126;

/// Runs a command to its end, and passes on the signals that come meanwhile.
///
/// A signal from the terminal's keyboard reaches the command without our help; sending it again would count twice.
///
/// # Errors
/// A status and a sentence, where the command never started.
pub(crate) fn run(
    command: &[OsString],
    env: &[(&str, &str)],
    without: &[&str],
    stop: &Stop,
) -> Result<ExitStatus, (u8, String)> {
    let Some((program, args)) = command.split_first() else {
        return Err((crate::base::error::USAGE, "there is no command".to_owned()));
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
        scope.spawn(|| pass_on(pid, stop, &ended));
        let status = child.wait();
        ended.store(true, Ordering::Relaxed);
        status
    });
    status.map_err(|e| (NOT_RUNNABLE, format!("{}: {}", program.to_string_lossy(), reason(&e))))
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn pass_on(pid: Option<Pid>, stop: &Stop, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        let signal = stop.take_signal().and_then(|number| Signal::from_named_raw(i32::from(number)));
        // Asked each time: a shell may have moved us to the foreground, or out of it.
        let from_keys =
            |signal: &Signal| [Signal::INT, Signal::QUIT].contains(signal) && terminal::is_in_front();
        let signal = signal.filter(|signal| !from_keys(signal));
        if let (Some(pid), Some(signal)) = (pid, signal) {
            // It may have ended just now.
            let _ = kill_process(pid, signal);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A command's status as a shell tells it: its own, or 128 and the number of the signal that ended it.
pub(crate) fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|n| 128 + n));
    code.and_then(|c| u8::try_from(c).ok()).unwrap_or(crate::base::error::FAILED)
}

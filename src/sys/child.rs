//! Child processes: the user's command with its environment, signals and exit status; and helpers, which may hang.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};

use crate::base::error::reason;
use crate::base::sync::lock;
use crate::sys::signals::{Arrivals, Stop};

/// The exit status if the command cannot be found, as in sh(1) and env(1).
pub const NOT_FOUND: u8 = 127;
/// The exit status if the command exists but cannot be run, as in sh(1) and env(1).
pub const NOT_RUNNABLE: u8 = 126;

/// How long a helper may take: as long as somebody needs to unlock a keychain.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest output of a helper that is read, in bytes.
const LARGEST_OUTPUT: usize = 1 << 20;

/// The limits of core dumps that this process was started with.
static CORE_DUMPS: OnceLock<Mutex<Rlimit>> = OnceLock::new();

/// Switches core dumps off for this process: a dump would hold tokens (core(5)). Commands get the limit back.
pub(crate) fn forbid_core_dumps() {
    let limit = getrlimit(Resource::Core);
    let none = Rlimit { current: Some(0), maximum: limit.maximum };
    let _ = CORE_DUMPS.set(Mutex::new(limit));
    // Cannot fail: a limit may always be lowered.
    let _ = setrlimit(Resource::Core, none);
}

/// Starts a child with the limit of core dumps that this process was started with.
///
/// # Errors
/// Those of [`Command::spawn`].
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let Some(limit) = CORE_DUMPS.get() else { return command.spawn() };
    // A child inherits the limit of its parent, so that is changed for the moment.
    let limit = lock(limit);
    let none = Rlimit { current: Some(0), maximum: limit.maximum };
    let _ = setrlimit(Resource::Core, Rlimit { current: limit.current, maximum: limit.maximum });
    let child = command.spawn();
    let _ = setrlimit(Resource::Core, none);
    child
}

/// Runs a command until it exits, and passes signals on to it.
///
/// `env` holds the variables to set, `without` the names of those to remove, `path` the value of PATH. Signals from the
/// keyboard are not passed on: the terminal sends them to the command too, which would then get them twice.
///
/// # Errors
/// The exit status and a message if the command could not be started.
pub(crate) fn run(
    command: &[OsString],
    env: &[(&str, &str)],
    without: &[&str],
    path: Option<&Path>,
    arrivals: &mut Arrivals,
) -> Result<ExitStatus, (u8, String)> {
    let Some((program, args)) = command.split_first() else {
        return Err((crate::base::error::USAGE, "no command given".to_owned()));
    };
    let spawn = |mut child: Command| {
        for name in without {
            child.env_remove(name);
        }
        self::spawn(child.args(args).envs(env.iter().copied()))
    };
    let fail = |status, e: &io::Error| (status, format!("{}: {}", program.to_string_lossy(), reason(e)));
    let spawned = spawn(Command::new(program)).or_else(|e| match shell_script(program, path, &e) {
        Some(script) => {
            let mut shell = Command::new("/bin/sh");
            shell.arg(script);
            spawn(shell)
        }
        None => Err(e),
    });
    let mut child = spawned.map_err(|e| {
        let status = if e.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUNNABLE };
        fail(status, &e)
    })?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => {}
            Err(e) => return Err(fail(NOT_RUNNABLE, &e)),
        }
        match pid(&child) {
            Some(pid) => arrivals.pass_on(pid),
            None => return child.wait().map_err(|e| fail(NOT_RUNNABLE, &e)),
        }
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Returns the path of a script without `#!`, which /bin/sh runs (execvp(3)), if that is why `program` was not started.
fn shell_script(program: &OsStr, path: Option<&Path>, error: &io::Error) -> Option<PathBuf> {
    if Errno::from_io_error(error) != Some(Errno::NOEXEC) {
        return None;
    }
    let path = if program.as_bytes().contains(&b'/') {
        PathBuf::from(program)
    } else {
        let path = path.unwrap_or(Path::new("/bin:/usr/bin"));
        let can_run = |file: &PathBuf| file.is_file() && access(file, Access::EXEC_OK).is_ok();
        std::env::split_paths(path).map(|folder| folder.join(program)).find(can_run)?
    };
    let mut start = [0; 256];
    let read = File::open(&path).and_then(|mut file| file.read(&mut start)).ok()?;
    // A program for another machine is no script. The shell would take a name that starts with - for an option.
    let is_text = !start[..read].contains(&0);
    is_text.then(|| if path.is_absolute() { path } else { Path::new(".").join(path) })
}

/// Returns a command's exit status as a shell reports it: its own, or 128 plus the number of the signal that killed it.
pub(crate) fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|n| 128 + n));
    code.and_then(|c| u8::try_from(c).ok()).unwrap_or(crate::base::error::FAILED)
}

/// Runs a helper without input, and returns its output. It is killed if it takes longer than 30 seconds, or at a stop.
///
/// # Errors
/// If it cannot be started, or was killed here.
pub(crate) fn output(command: &mut Command, stop: &Stop) -> io::Result<Output> {
    let mut child = spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let out = child.stdout.take().map(|out| File::from(OwnedFd::from(out)));
    let err = child.stderr.take().map(|err| File::from(OwnedFd::from(err)));
    let ended = collect(&mut child, [(out, Vec::new()), (err, Vec::new())], stop);
    if ended.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    ended
}

/// Reads the streams of a child until it has ended and nothing more is in them.
fn collect(child: &mut Child, mut streams: [(Option<File>, Vec<u8>); 2], stop: &Stop) -> io::Result<Output> {
    let start = Instant::now();
    loop {
        // Asked before the streams are read: what the helper wrote before its end is in them.
        let status = child.try_wait()?;
        let mut waiting: Vec<PollFd<'_>> = Vec::new();
        for (stream, _) in &streams {
            waiting.extend(stream.as_ref().map(|stream| PollFd::new(stream, PollFlags::IN)));
        }
        // A program that the helper has left behind may keep the streams open.
        let slice = if status.is_some() { 0 } else { 20_000_000 };
        let _ = poll(&mut waiting, Some(&Timespec { tv_sec: 0, tv_nsec: slice }));
        let ready: Vec<bool> = waiting.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(waiting);
        let mut ready = ready.into_iter();
        let mut any = false;
        for (stream, bytes) in &mut streams {
            if let Some(file) = stream
                && ready.next() == Some(true)
            {
                let mut chunk = [0; 4096];
                match file.read(&mut chunk) {
                    Ok(0) | Err(_) => *stream = None,
                    Ok(n) if bytes.len() < LARGEST_OUTPUT => bytes.extend_from_slice(&chunk[..n]),
                    Ok(_) => return Err(io::Error::other("its output is too long")),
                }
                any = true;
            }
        }
        if let Some(status) = status.filter(|_| !any) {
            let [(_, stdout), (_, stderr)] = streams;
            return Ok(Output { status, stdout, stderr });
        }
        if stop.is_set() {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "stopped"));
        }
        if start.elapsed() > PATIENCE {
            let what = format!("it took longer than {} s", PATIENCE.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, what));
        }
    }
}

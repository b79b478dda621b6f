//! Replacing a file in one step and never through a symbolic link, and comparing files.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::geteuid;

/// Opens a file of our own for reading and writing, or for appending only; creates it with mode 0600.
///
/// # Errors
/// If it cannot be opened, or is a symbolic link, not a regular file, of another owner, or has a second name (a hard
/// link), by which what is written would get into another file than the user named.
pub(crate) fn open_own(path: &Path, append: bool) -> io::Result<File> {
    // Without NONBLOCK, a FIFO without a reader would block.
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let mut options = OpenOptions::new();
    match append {
        true => options.append(true),
        false => options.read(true).write(true),
    };
    let opened = options.create(true).truncate(false).mode(0o600).custom_flags(flags).open(path);
    let file = opened.map_err(|e| match Errno::from_io_error(&e) {
        Some(Errno::LOOP) => io::Error::other("is a symbolic link: name the file itself"),
        _ => e,
    })?;
    let there = file.metadata()?;
    let what = match () {
        () if !there.is_file() => "is not a regular file",
        () if there.uid() != geteuid().as_raw() => "belongs to another user",
        () if there.nlink() > 1 => "has another name too (a hard link)",
        () => return Ok(file),
    };
    Err(io::Error::other(what))
}

/// Creates an empty temporary file beside `path`, readable only by its owner. When it is complete, the caller renames
/// it to `path`.
///
/// # Errors
/// If it cannot be created, or if `path` exists and is not a regular file: a symbolic link, a device, a folder.
pub(crate) fn draft(path: &Path) -> io::Result<(PathBuf, File)> {
    check_replaceable(path)?;
    for attempt in 0..100 {
        let draft = beside(path, &format!(".{}-{attempt}.tmp", std::process::id()))?;
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&draft) {
            Ok(file) => return Ok((draft, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

fn check_replaceable(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => Err(io::Error::other("is a symbolic link: name the file itself")),
        Ok(there) if !there.is_file() => Err(io::Error::other("exists and is not a regular file")),
        _ => Ok(()),
    }
}

fn beside(path: &Path, ending: &str) -> io::Result<PathBuf> {
    let mut name = path.file_name().ok_or_else(|| io::Error::other("does not name a file"))?.to_owned();
    name.push(ending);
    Ok(path.with_file_name(name))
}

/// Creates an empty draft of `path` like [`draft`], for the only run that may replace `path`: until the draft is closed,
/// wherever it is renamed to, this fails in other processes.
///
/// # Errors
/// Those of [`draft`]; `ResourceBusy` if another process has such a draft.
pub(crate) fn sole_draft(path: &Path) -> io::Result<(PathBuf, File)> {
    let busy = || io::Error::new(io::ErrorKind::ResourceBusy, "another run is using it");
    let free = |file: &File| match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(busy()),
        // Some file systems have no locks.
        _ => Ok(()),
    };
    check_replaceable(path)?;
    // The other run's draft, or one that was left behind by a killed run, has the same name.
    let draft = beside(path, ".draft.tmp")?;
    let file = open_own(&draft, false)?;
    free(&file)?;
    // It was renamed by the other run between the two steps above.
    if !is_at(&file.metadata()?, &draft) {
        return Err(busy());
    }
    let published = match File::open(path) {
        Ok(there) => free(&there),
        // The file cannot be read, but it can be replaced.
        Err(_) => Ok(()),
    };
    match published.and_then(|()| file.set_len(0)) {
        Ok(()) => Ok((draft, file)),
        Err(e) => {
            let _ = std::fs::remove_file(&draft);
            Err(e)
        }
    }
}

/// Replaces the contents of `path` with `bytes`. If that fails, the old contents stay.
///
/// # Errors
/// Those of [`draft`], and of writing and renaming.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (draft, mut file) = draft(path)?;
    let replaced =
        file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&draft, path));
    if replaced.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    replaced
}

/// Returns whether `file` describes the file at `path`.
pub(crate) fn is_at(file: &Metadata, path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (file.dev(), file.ino()))
}

/// Returns whether two paths name the same file, which need not exist yet.
pub(crate) fn are_same(a: &Path, b: &Path) -> bool {
    match std::fs::metadata(a) {
        Ok(there) => is_at(&there, b),
        Err(_) => std::path::absolute(a).ok().zip(std::path::absolute(b).ok()).is_some_and(|(a, b)| a == b),
    }
}

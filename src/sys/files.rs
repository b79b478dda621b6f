//! Files that are never half-written over what was good, and never reached through a link.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A new, empty file beside `path`, readable for its owner alone; rename(2) puts it in its place when it is whole.
///
/// # Errors
/// Where it cannot be made, or what is at `path` is no regular file: a link, a device, a folder.
pub(crate) fn draft(path: &Path) -> io::Result<(PathBuf, File)> {
    match std::fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_file() => {
            return Err(io::Error::other("is there already, and is no regular file"));
        }
        _ => {}
    }
    let name = path.file_name().ok_or_else(|| io::Error::other("names no file"))?;
    for attempt in 0..100 {
        let mut draft = name.to_owned();
        draft.push(format!(".{}-{attempt}.tmp", std::process::id()));
        let draft = path.with_file_name(draft);
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&draft) {
            Ok(file) => return Ok((draft, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

/// Puts `bytes` at `path`: all of them, or what was there stays.
///
/// # Errors
/// Those of the writes.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (draft, mut file) = draft(path)?;
    let done =
        file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&draft, path));
    if done.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    done
}

/// Whether a file is the one at `path`.
pub(crate) fn is_at(file: &Metadata, path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (file.dev(), file.ino()))
}

/// Whether two paths lead to one file, which need not be there yet.
pub(crate) fn are_one(a: &Path, b: &Path) -> bool {
    match std::fs::metadata(a) {
        Ok(there) => is_at(&there, b),
        Err(_) => std::path::absolute(a).ok().zip(std::path::absolute(b).ok()).is_some_and(|(a, b)| a == b),
    }
}

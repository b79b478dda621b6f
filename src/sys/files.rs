//! Replacing a file in one step and never through a symbolic link, and comparing files.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Creates an empty temporary file beside `path`, readable only by its owner. When it is complete, the caller renames
/// it to `path`.
///
/// # Errors
/// If it cannot be created, or if `path` exists and is not a regular file: a symbolic link, a device, a folder.
pub(crate) fn draft(path: &Path) -> io::Result<(PathBuf, File)> {
    match std::fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_file() => {
            return Err(io::Error::other("exists and is not a regular file"));
        }
        _ => {}
    }
    let name = path.file_name().ok_or_else(|| io::Error::other("does not name a file"))?;
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

//! The state file: one JSON object per line, a header and then the records with their secrets. Two versions of it can
//! be compared with diff(1).
//!
//! A change is written to a temporary file, synced and renamed, so that the file is always either the whole old or the
//! whole new account. A lock on `FILE.lock`, which is never removed, keeps a second sandbox out.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use rustix::fs::OFlags;

use crate::sandbox::account::clock;
use crate::sandbox::account::json::{Show, View};
use crate::sandbox::account::load;
use crate::sandbox::account::mint::Mint;
use crate::sandbox::account::store::{Store, User};

/// The version of the file format.
const FORMAT_VERSION: u32 = 1;

/// A state file that this sandbox has locked.
#[derive(Debug)]
pub(in crate::sandbox) struct StateFile {
    path: PathBuf,
    /// Open only to hold the lock.
    _lock: File,
}

/// The first line of the file. Its member names are the file format.
#[derive(Serialize, Deserialize)]
struct FileHeader {
    /// Marks the file as a state file; the value is the format version.
    oauth_sandbox: u32,
    /// The position of the [`Mint`], so that no value is generated twice.
    seed: u64,
    count: u64,
    user_id: String,
    user_email: String,
    user_full_name: Option<String>,
    teams: Vec<String>,
    #[serde(rename = "hidden")]
    unlisted_key: Option<String>,
}

impl StateFile {
    /// Locks a state file; the file itself need not exist yet.
    ///
    /// # Errors
    /// It is not a regular file, or another sandbox has locked it.
    pub(in crate::sandbox) fn claim(path: &Path) -> io::Result<StateFile> {
        let path = std::path::absolute(path).map_err(|e| with_path(path, e))?;
        if path.file_name().is_none() {
            return Err(with_path(&path, io::Error::from(io::ErrorKind::InvalidInput)));
        }
        // A rename would replace a symbolic link and not the file it points to.
        if fs::symlink_metadata(&path).is_ok_and(|there| !there.file_type().is_file()) {
            return Err(with_path(&path, io::Error::other("not a regular file")));
        }
        let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(no_link)
            .open(sibling(&path, "", ".lock"))
            .map_err(|e| with_path(&path, e))?;
        match lock.try_lock() {
            Ok(()) => Ok(StateFile { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                let text = "in use by another sandbox";
                Err(with_path(&path, io::Error::new(io::ErrorKind::ResourceBusy, text)))
            }
            Err(TryLockError::Error(e)) => Err(with_path(&path, e)),
        }
    }

    /// Reads the account; `None` if there is no file.
    pub(in crate::sandbox) fn read(&self) -> io::Result<Option<Store>> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(with_path(&self.path, e)),
        };
        parse(&text)
            .map(Some)
            .map_err(|problem| with_path(&self.path, io::Error::new(io::ErrorKind::InvalidData, problem)))
    }

    /// Replaces the file with the current account; it is on disk when this returns.
    pub(in crate::sandbox) fn save(&self, store: &Store) -> io::Result<()> {
        let temporary = sibling(&self.path, ".", ".tmp");
        // A killed sandbox may have left one; the lock guarantees that nobody else is writing it.
        match fs::remove_file(&temporary) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        // `create_new` neither follows a link nor opens an existing file.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let written = file
            .write_all(write(store)?.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&temporary, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written?;
        // The rename is durable only once the folder is synced.
        match self.path.parent() {
            Some(dir) => File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    }
}

/// Returns the path in the same folder whose name has `before` and `after` added.
fn sibling(path: &Path, before: &str, after: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(before);
    name.push(path.file_name().unwrap_or_default());
    name.push(after);
    path.with_file_name(name)
}

/// Puts the path in front of an error.
fn with_path(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn write(store: &Store) -> io::Result<String> {
    let (seed, count) = store.mint.position();
    let head = FileHeader {
        oauth_sandbox: FORMAT_VERSION,
        seed,
        count,
        user_id: store.user.id.clone(),
        user_email: store.user.email.clone(),
        user_full_name: store.user.full_name.clone(),
        teams: store.teams.iter().cloned().collect(),
        unlisted_key: store.unlisted_key.clone(),
    };
    let mut text = serde_json::to_string(&head)?;
    for record in store.records(&View::whole_account((0, 0), Show::Clear))? {
        text.push('\n');
        text.push_str(&record);
    }
    text.push('\n');
    Ok(text)
}

fn parse(text: &str) -> Result<Store, String> {
    let Some((head, records)) = text.split_once('\n') else {
        return Err("not a sandbox state file".to_owned());
    };
    let head: FileHeader = serde_json::from_str(head).map_err(|_| "not a sandbox state file".to_owned())?;
    if head.oauth_sandbox != FORMAT_VERSION {
        return Err(format!("unsupported format version {}", head.oauth_sandbox));
    }
    if !text.ends_with('\n') {
        return Err("the last line is incomplete".to_owned());
    }
    let user = User { id: head.user_id, email: head.user_email, full_name: head.user_full_name };
    let mut store = Store::empty(Mint::new(head.seed, head.count), user.clone());
    store.teams.extend(head.teams);
    store.unlisted_key = head.unlisted_key;
    let now = clock::now();
    for (number, line) in records.lines().enumerate() {
        load::record(&mut store, line, now).map_err(|e| format!("line {}: {e}", number + 2))?;
    }
    store.user = user;
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;
    use crate::sandbox::account::builtin;

    fn text(store: &Store) -> String {
        write(store).unwrap()
    }

    #[test]
    fn a_saved_account_reads_back_the_same() {
        let store = builtin::account(1, clock::now());
        let back = parse(&text(&store)).unwrap();
        // Only the seconds until expiry may differ.
        let strip = |s: &str| -> Vec<String> {
            s.split(",\"").filter(|m| !m.contains("expires_in")).map(str::to_owned).collect()
        };
        assert_eq!(strip(&text(&back)), strip(&text(&store)));
        assert_eq!(back.current, store.current);
        assert_eq!(back.default, store.default);
        assert_eq!(back.current_session, store.current_session);
    }

    #[test]
    fn a_leftover_temporary_file_is_ignored_and_removed() {
        let dir = Folder::new();
        let path = dir.join("state");
        let state = StateFile::claim(&path).unwrap();
        assert!(state.read().unwrap().is_none());
        let store = builtin::account(1, clock::now());
        state.save(&store).unwrap();
        let left = sibling(&path, ".", ".tmp");
        fs::write(&left, "{\"oauth_sandbox\":1,\"se").unwrap();
        assert_eq!(state.read().unwrap().unwrap().authz().len(), store.authz().len());
        state.save(&store).unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn the_file_is_private_and_a_planted_link_is_not_followed() {
        use std::os::unix::fs::PermissionsExt;
        let dir = Folder::new();
        let (path, victim) = (dir.join("state"), dir.join("victim"));
        fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, sibling(&path, ".", ".tmp")).unwrap();
        let state = StateFile::claim(&path).unwrap();
        state.save(&builtin::account(1, 0)).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_invalid_state_file_is_an_error_and_stays_unchanged() {
        let dir = Folder::new();
        let path = dir.join("state");
        let good = text(&builtin::account(1, 0));
        let cut = &good[..good.len() - 20];
        for (content, what) in [
            ("", "not a sandbox state file"),
            ("hello\nworld\n", "not a sandbox state file"),
            (cut, "the last line is incomplete"),
            (&good.replace("\"kind\":\"client\"", "\"kind\":\"cliant\""), "unknown kind"),
        ] {
            fs::write(&path, content).unwrap();
            let state = StateFile::claim(&path).unwrap();
            let error = state.read().unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("state:"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn two_sandboxes_cannot_share_a_file() {
        let dir = Folder::new();
        let first = StateFile::claim(&dir.join("state")).unwrap();
        let error = StateFile::claim(&dir.join("state")).unwrap_err();
        assert!(error.to_string().contains("in use"), "{error}");
        drop(first);
        StateFile::claim(&dir.join("state")).unwrap();
    }
}

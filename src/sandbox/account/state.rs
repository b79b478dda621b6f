//! The account on disk: one JSON object a line, a head and then the records with their
//! secrets; readable, and diffable between two runs.
//!
//! A change is written to a new file beside the old one, synced, and renamed over it, so
//! that at every moment the whole old or the whole new account is there. A second sandbox
//! on the same file is kept out by a lock on `FILE.lock`, which stays there.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use rustix::fs::OFlags;

use crate::sandbox::account::clock;
use crate::sandbox::account::load;
use crate::sandbox::account::mint::Mint;
use crate::sandbox::account::show::Show;
use crate::sandbox::account::store::{Store, User, whole};

/// The version of the file's form.
const FORM: u32 = 1;

/// A state file that is this sandbox's alone.
#[derive(Debug)]
pub(in crate::sandbox) struct StateFile {
    path: PathBuf,
    /// Held for the lock on it.
    _lock: File,
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    /// Says what the file is, and its form.
    oauth_sandbox: u32,
    /// Where the ids and tokens go on, so that none comes back.
    seed: u64,
    count: u64,
    user_id: String,
    user_email: String,
    user_full_name: Option<String>,
    teams: Vec<String>,
    hidden: Option<String>,
}

impl StateFile {
    /// Claims a state file, whether or not it is there yet.
    pub(in crate::sandbox) fn claim(path: &Path) -> io::Result<StateFile> {
        let path = std::path::absolute(path).map_err(|e| named(path, e))?;
        if path.file_name().is_none() {
            return Err(named(&path, io::Error::from(io::ErrorKind::InvalidInput)));
        }
        // A link may lead anywhere, and a rename would replace it instead of what it leads to.
        if fs::symlink_metadata(&path).is_ok_and(|there| !there.file_type().is_file()) {
            return Err(named(&path, io::Error::other("is there already, and is no regular file")));
        }
        let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(no_link)
            .open(beside(&path, "", ".lock"))
            .map_err(|e| named(&path, e))?;
        match lock.try_lock() {
            Ok(()) => Ok(StateFile { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                let text = "in use by another sandbox";
                Err(named(&path, io::Error::new(io::ErrorKind::ResourceBusy, text)))
            }
            Err(TryLockError::Error(e)) => Err(named(&path, e)),
        }
    }

    /// The account in the file; `None` if there is no file.
    pub(in crate::sandbox) fn read(&self) -> io::Result<Option<Store>> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(named(&self.path, e)),
        };
        parse(&text)
            .map(Some)
            .map_err(|what| named(&self.path, io::Error::new(io::ErrorKind::InvalidData, what)))
    }

    /// Replaces the file by the account as it is; on disk when this returns.
    pub(in crate::sandbox) fn save(&self, store: &Store) -> io::Result<()> {
        let temporary = beside(&self.path, ".", ".tmp");
        // What a killed sandbox left; the lock says that it is nobody else's.
        match fs::remove_file(&temporary) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        // `create_new` follows no link and opens nothing that is there.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let written = file
            .write_all(write(store)?.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&temporary, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written?;
        // The rename itself is only durable with its folder.
        match self.path.parent() {
            Some(dir) => File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    }
}

/// A file in the same folder with a name made of this one's.
fn beside(path: &Path, before: &str, after: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(before);
    name.push(path.file_name().unwrap_or_default());
    name.push(after);
    path.with_file_name(name)
}

fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn write(store: &Store) -> io::Result<String> {
    let (seed, count) = store.mint.position();
    let head = Head {
        oauth_sandbox: FORM,
        seed,
        count,
        user_id: store.user.id.clone(),
        user_email: store.user.email.clone(),
        user_full_name: store.user.full_name.clone(),
        teams: store.teams.iter().cloned().collect(),
        hidden: store.hidden.clone(),
    };
    let mut text = serde_json::to_string(&head)?;
    for record in store.records(&whole((0, 0), Show::Clear))? {
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
    let head: Head = serde_json::from_str(head).map_err(|_| "not a sandbox state file".to_owned())?;
    if head.oauth_sandbox != FORM {
        return Err(format!("made by another version (form {})", head.oauth_sandbox));
    }
    if !text.ends_with('\n') {
        return Err("its last line is not whole".to_owned());
    }
    let user = User { id: head.user_id, email: head.user_email, full_name: head.user_full_name };
    let mut store = Store::empty(Mint::new(head.seed, head.count), user.clone());
    store.teams.extend(head.teams);
    store.hidden = head.hidden;
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
    use crate::sandbox::account::builtin;

    /// A folder of its own for one test.
    fn folder(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("oauth-sandbox-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    fn text(store: &Store) -> String {
        write(store).unwrap()
    }

    #[test]
    fn an_account_comes_back_as_it_was() {
        let store = builtin::account(1, clock::now());
        let back = parse(&text(&store)).unwrap();
        // Seconds left may differ by the time between; the rest may not.
        let strip = |s: &str| -> Vec<String> {
            s.split(",\"").filter(|m| !m.contains("expires_in")).map(str::to_owned).collect()
        };
        assert_eq!(strip(&text(&back)), strip(&text(&store)));
        assert_eq!(back.current, store.current);
        assert_eq!(back.default, store.default);
        assert_eq!(back.current_session, store.current_session);
    }

    #[test]
    fn a_half_written_file_beside_it_is_ignored_and_cleared_away() {
        let dir = folder("half");
        let path = dir.join("state");
        let state = StateFile::claim(&path).unwrap();
        assert!(state.read().unwrap().is_none());
        let store = builtin::account(1, clock::now());
        state.save(&store).unwrap();
        let left = beside(&path, ".", ".tmp");
        fs::write(&left, "{\"oauth_sandbox\":1,\"se").unwrap();
        assert_eq!(state.read().unwrap().unwrap().authz().len(), store.authz().len());
        state.save(&store).unwrap();
        assert!(!left.exists());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn the_new_file_is_private_and_a_planted_link_is_not_followed() {
        use std::os::unix::fs::PermissionsExt;
        let dir = folder("link");
        let (path, victim) = (dir.join("state"), dir.join("victim"));
        fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, beside(&path, ".", ".tmp")).unwrap();
        let state = StateFile::claim(&path).unwrap();
        state.save(&builtin::account(1, 0)).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_file_that_is_no_state_is_an_error_and_stays() {
        let dir = folder("other");
        let path = dir.join("state");
        let good = text(&builtin::account(1, 0));
        let cut = &good[..good.len() - 20];
        for (content, what) in [
            ("", "not a sandbox state file"),
            ("hello\nworld\n", "not a sandbox state file"),
            (cut, "its last line is not whole"),
            (&good.replace("\"kind\":\"client\"", "\"kind\":\"cliant\""), "is none of"),
        ] {
            fs::write(&path, content).unwrap();
            let state = StateFile::claim(&path).unwrap();
            let error = state.read().unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("state:"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn two_sandboxes_do_not_share_a_file() {
        let dir = folder("lock");
        let first = StateFile::claim(&dir.join("state")).unwrap();
        let error = StateFile::claim(&dir.join("state")).unwrap_err();
        assert!(error.to_string().contains("in use"), "{error}");
        drop(first);
        StateFile::claim(&dir.join("state")).unwrap();
        fs::remove_dir_all(dir).unwrap();
    }
}

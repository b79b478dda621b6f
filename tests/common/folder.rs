//! Temporary folders, for the test programs and the unit tests.

use std::ops::Deref;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// An empty folder of one test, for its owner alone; removed at the end.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Creates a folder below the target folder; unit tests do not know that one, and get a short path.
    pub(crate) fn new() -> Folder {
        option_env!("CARGO_TARGET_TMPDIR")
            .map_or_else(Folder::short, |parent| Folder::below(parent.as_ref(), ""))
    }

    /// Creates a folder with a short path, as a socket needs it.
    pub(crate) fn short() -> Folder {
        Folder::below(&std::env::temp_dir(), "oauth-")
    }

    fn below(parent: &Path, prefix: &str) -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{prefix}{}-{number}", std::process::id()));
        // A killed test of the same process number may have left one.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::DirBuilder::new().mode(0o700).create(&path).expect("a folder");
        Folder(path)
    }
}

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

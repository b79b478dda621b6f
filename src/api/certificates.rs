//! Whether the certificates that `SSL_CERT_FILE` and `SSL_CERT_DIR` name can be used: looked at once a connection has
//! failed, since a server's certificate that is checked against nothing looks like one that nobody trusts.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

use crate::base::error::reason;
use crate::config::environment::Config;

/// What to do about it.
pub(crate) const HINT: &str =
    "name certificates in PEM there, or unset the variable to use those of the system";

/// What the variables name.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    file: Option<PathBuf>,
    folders: Option<OsString>,
}

impl Trust {
    /// What the environment names.
    pub(crate) fn named(config: &Config) -> Trust {
        let (file, folders) = config.trusted();
        Trust { file: file.map(PathBuf::from), folders: folders.cloned() }
    }

    /// What is wrong with it, if something is.
    pub(crate) fn fault(&self) -> Option<String> {
        let told = |name: &str, path: &Path, what: &str| Some(format!("{name}: {}: {what}", path.display()));
        let mut some = false;
        if let Some(path) = &self.file {
            match certificates(path) {
                Err(e) => return told("SSL_CERT_FILE", path, &reason(&e)),
                Ok(0) => return told("SSL_CERT_FILE", path, "there is no certificate in it"),
                Ok(_) => some = true,
            }
        }
        let folders: Vec<PathBuf> = std::env::split_paths(self.folders.as_ref()?).collect();
        for folder in folders.iter().filter(|folder| !folder.as_os_str().is_empty()) {
            let entries = match fs::read_dir(folder) {
                Ok(entries) => entries,
                Err(e) => return told("SSL_CERT_DIR", folder, &reason(&e)),
            };
            some |= entries.flatten().any(|entry| certificates(&entry.path()).is_ok_and(|n| n > 0));
        }
        let last = folders.last().filter(|_| !some)?;
        told("SSL_CERT_DIR", last, "there is no certificate in it")
    }
}

/// How many certificates in a file can be used.
fn certificates(path: &Path) -> io::Result<usize> {
    let mut found = RootCertStore::empty();
    for certificate in CertificateDer::pem_reader_iter(File::open(path)?) {
        match certificate {
            Ok(certificate) => {
                // One that is broken is passed over here as it is in a connection.
                let _ = found.add(certificate);
            }
            Err(pem::Error::Io(e)) => return Err(e),
            Err(_) => break,
        }
    }
    Ok(found.len())
}

//! Explains TLS errors: what is wrong with the server's certificate, or with `SSL_CERT_FILE` and `SSL_CERT_DIR`.
//!
//! The certificates that the variables name are checked after a connection has failed: without any trusted certificate,
//! the TLS library reports the server's certificate as untrusted, which misleads.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

use crate::api::transport::Failure;
use crate::base::error::reason;
use crate::config::environment::Config;

/// The hint after a problem with these variables.
const HINT: &str = "set it to certificates in PEM format, or unset the variable to use those of the system";

/// The values of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
#[derive(Debug, Default)]
pub(crate) struct CertificateVariables {
    file: Option<PathBuf>,
    folders: Option<OsString>,
}

impl CertificateVariables {
    /// Reads the variables.
    pub(crate) fn from_config(config: &Config) -> CertificateVariables {
        let (file, folders) = config.trusted();
        CertificateVariables { file: file.map(PathBuf::from), folders: folders.cloned() }
    }

    /// Returns why they provide no certificate, if so.
    pub(crate) fn problem(&self) -> Option<String> {
        let problem =
            |name: &str, path: &Path, what: &str| Some(format!("{name}: {}: {what}", path.display()));
        let mut found = false;
        if let Some(path) = &self.file {
            match certificates(path) {
                Err(e) => return problem("SSL_CERT_FILE", path, &reason(&e)),
                Ok(0) => return problem("SSL_CERT_FILE", path, "contains no certificate"),
                Ok(_) => found = true,
            }
        }
        let folders: Vec<PathBuf> = std::env::split_paths(self.folders.as_ref()?).collect();
        for folder in folders.iter().filter(|folder| !folder.as_os_str().is_empty()) {
            let entries = match fs::read_dir(folder) {
                Ok(entries) => entries,
                Err(e) => return problem("SSL_CERT_DIR", folder, &reason(&e)),
            };
            found |= entries.flatten().any(|entry| certificates(&entry.path()).is_ok_and(|n| n > 0));
        }
        let last = folders.last().filter(|_| !found)?;
        problem("SSL_CERT_DIR", last, "contains no certificate")
    }
}

/// Counts the usable certificates in a file.
fn certificates(path: &Path) -> io::Result<usize> {
    let mut usable = RootCertStore::empty();
    for certificate in CertificateDer::pem_reader_iter(File::open(path)?) {
        match certificate {
            Ok(certificate) => {
                // Broken certificates are ignored here because connections ignore them, too.
                let _ = usable.add(certificate);
            }
            Err(pem::Error::Io(e)) => return Err(e),
            Err(_) => break,
        }
    }
    Ok(usable.len())
}

/// Explains a TLS error of the handshake with `host`, and what to do.
pub(crate) fn explain(error: &rustls::Error, host: &str, variables: &CertificateVariables) -> Failure {
    use rustls::CertificateError as Kind;
    let untrusted = rustls::Error::InvalidCertificate(Kind::UnknownIssuer);
    if (*error == untrusted || matches!(error, rustls::Error::General(_)))
        && let Some(problem) = variables.problem()
    {
        let what = format!("cannot check the certificate of {host}: {problem}");
        return Failure::Permanent { what, hint: Some(HINT) };
    }
    let (what, hint) = match error {
        rustls::Error::InvalidCertificate(kind) => match kind {
            Kind::UnknownIssuer | Kind::BadSignature => (
                format!("the certificate of {host} is not from an authority that this machine trusts"),
                "if a proxy intercepts TLS connections, set SSL_CERT_FILE to the certificate of its authority",
            ),
            Kind::NotValidForName | Kind::NotValidForNameContext { .. } => (
                format!("the certificate is not for {host}: {error}"),
                "check HEROKU_HOST; a proxy may be intercepting the connection",
            ),
            Kind::Expired | Kind::ExpiredContext { .. } => (
                format!("the certificate of {host} has expired"),
                "check this machine's clock; if it is right, the server's certificate must be renewed",
            ),
            Kind::NotValidYet | Kind::NotValidYetContext { .. } => {
                (format!("the certificate of {host} is not valid yet"), "check this machine's clock")
            }
            _ => {
                let what = match kind {
                    // The verifier's type is not one of ours: its text is the only way to know it.
                    Kind::Other(cause) if cause.to_string() == "CaUsedAsEndEntity" => format!(
                        "{host}: the server presents a CA certificate as its own: it needs one issued by that CA"
                    ),
                    Kind::Other(cause) => format!("the certificate of {host} cannot be used: {cause}"),
                    _ => format!("the certificate of {host} cannot be used: {error}"),
                };
                return Failure::Permanent { what, hint: None };
            }
        },
        rustls::Error::InvalidMessage(_) => {
            (format!("{host} does not speak TLS"), "check HEROKU_HOST: its port may be for http")
        }
        rustls::Error::General(_) | rustls::Error::PeerIncompatible(_) => (
            format!("{host}: TLS: {error}"),
            "if this machine has no trusted certificates, install ca-certificates or set SSL_CERT_FILE",
        ),
        // The server, or something in between, broke off the handshake; it may be temporary.
        _ => return Failure::NotSent(format!("{host}: TLS: {error}")),
    };
    Failure::Permanent { what, hint: Some(hint) }
}

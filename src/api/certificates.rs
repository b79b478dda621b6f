//! Explains TLS errors: what is wrong with the server's certificate, or with `SSL_CERT_FILE` and `SSL_CERT_DIR`.
//!
//! Without any trusted certificate, the TLS library reports the server's certificate as untrusted, which misleads. So
//! variables that name no certificate at all are refused before the first connection; where one of them does name some,
//! the other is blamed only if a connection fails.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

use crate::api::transport::Failure;
use crate::base::error::{Error, reason};
use crate::config::environment::Config;

/// The hint after a problem with these variables.
const HINT: &str = "set it to certificates in PEM format, or unset the variable to use those of the system";

/// The values of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
#[derive(Debug, Default)]
pub(crate) struct CertificateVariables {
    file: Option<PathBuf>,
    folders: Option<OsString>,
    /// `NODE_EXTRA_CA_CERTS` is set, which these tools do not read.
    has_node: bool,
}

impl CertificateVariables {
    /// Reads the variables.
    pub(crate) fn from_config(config: &Config) -> CertificateVariables {
        let (file, folders) = config.trusted();
        let has_node = config.is_set("NODE_EXTRA_CA_CERTS");
        CertificateVariables { file: file.map(PathBuf::from), folders: folders.cloned(), has_node }
    }

    /// Checks that they name a certificate, if one of them is set.
    ///
    /// # Errors
    /// An input error if not.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.search() {
            (false, Some(problem)) => Err(Error::input(problem).with_hint(HINT)),
            _ => Ok(()),
        }
    }

    /// Returns whether they name a certificate, and the first problem.
    fn search(&self) -> (bool, Option<String>) {
        let (mut found, mut first) = (false, None);
        let mut note = |name: &str, path: &Path, result: io::Result<bool>| {
            let what = match result {
                Ok(true) => {
                    found = true;
                    return;
                }
                Ok(false) => "contains no certificate".to_owned(),
                Err(e) => reason(&e),
            };
            first.get_or_insert_with(|| format!("{name}: {}: {what}", path.display()));
        };
        if let Some(path) = &self.file {
            note("SSL_CERT_FILE", path, has_certificate(path));
        }
        for folder in self.folders.iter().flat_map(std::env::split_paths) {
            if !folder.as_os_str().is_empty() {
                let is_certificate =
                    |path: PathBuf| path.is_file() && has_certificate(&path).unwrap_or(false);
                let result = fs::read_dir(&folder)
                    .map(|entries| entries.flatten().any(|entry| is_certificate(entry.path())));
                note("SSL_CERT_DIR", &folder, result);
            }
        }
        (found, first)
    }
}

/// Returns whether a file has a usable certificate. Broken ones are ignored because connections ignore them, too.
fn has_certificate(path: &Path) -> io::Result<bool> {
    // A pipe, such as <(command) of a shell, can be read only once, and the TLS library needs it.
    if fs::metadata(path)?.file_type().is_fifo() {
        return Ok(true);
    }
    for certificate in CertificateDer::pem_reader_iter(File::open(path)?) {
        match certificate {
            Ok(certificate) => {
                if RootCertStore::empty().add(certificate).is_ok() {
                    return Ok(true);
                }
            }
            Err(pem::Error::Io(e)) => return Err(e),
            Err(_) => break,
        }
    }
    Ok(false)
}

/// Describes a TLS error in words: the library's own texts quote names of its code.
pub(crate) fn describe(error: &rustls::Error) -> String {
    match error {
        rustls::Error::AlertReceived(alert) => {
            format!("the other side ended the connection: {}", words(&format!("{alert:?}")))
        }
        rustls::Error::PeerIncompatible(why) => {
            format!("no common version or method: {}", words(&format!("{why:?}")))
        }
        rustls::Error::PeerMisbehaved(why) => {
            format!("the other side broke the protocol: {}", words(&format!("{why:?}")))
        }
        rustls::Error::InvalidMessage(_) => "a message is not valid".to_owned(),
        rustls::Error::InappropriateMessage { .. } | rustls::Error::InappropriateHandshakeMessage { .. } => {
            "a message came out of turn".to_owned()
        }
        rustls::Error::General(text) => text.clone(),
        other => words(&format!("{other:?}")),
    }
}

/// Turns a name of the library's code into words: `HandshakeFailure` into `handshake failure`.
fn words(name: &str) -> String {
    let end = name.find(['(', '{']).unwrap_or(name.len());
    let (mut text, mut after_lower) = (String::new(), false);
    for c in name[..end].trim().chars() {
        if c.is_uppercase() && after_lower {
            text.push(' ');
        }
        after_lower = c.is_lowercase() || c.is_ascii_digit();
        text.extend(c.to_lowercase());
    }
    text
}

/// Returns the names that a certificate is for, if they are known: `, but for a.example, b.example`.
fn names(kind: &rustls::CertificateError) -> String {
    let rustls::CertificateError::NotValidForNameContext { presented, .. } = kind else {
        return String::new();
    };
    // The library gives them in the form of its code: `DnsName("a.example")`.
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, inner)| inner.strip_suffix(')'));
        inner.unwrap_or(name).trim_matches('"').to_owned()
    };
    match &presented.iter().take(4).map(bare).collect::<Vec<_>>()[..] {
        [] => ", nor for any other name".to_owned(),
        names => format!(", but for {}", names.join(", ")),
    }
}

/// Explains a TLS error of the handshake with `host`, and what to do.
pub(crate) fn explain(error: &rustls::Error, host: &str, variables: &CertificateVariables) -> Failure {
    use rustls::CertificateError as Kind;
    let untrusted = rustls::Error::InvalidCertificate(Kind::UnknownIssuer);
    if (*error == untrusted || matches!(error, rustls::Error::General(_)))
        && let (_, Some(problem)) = variables.search()
    {
        let what = format!("cannot check the certificate of {host}: {problem}");
        return Failure::Permanent { what, hint: Some(HINT) };
    }
    let (what, hint) = match error {
        rustls::Error::InvalidCertificate(kind) => match kind {
            Kind::UnknownIssuer | Kind::BadSignature => (
                format!("the certificate of {host} is not from an authority that this machine trusts"),
                match variables.has_node && variables.file.is_none() {
                    true => "NODE_EXTRA_CA_CERTS is for Node.js only: set SSL_CERT_FILE to that file",
                    false => {
                        "if a proxy intercepts TLS connections, set SSL_CERT_FILE to the certificate of its authority"
                    }
                },
            ),
            Kind::NotValidForName | Kind::NotValidForNameContext { .. } => (
                format!("the certificate is not for {host}{}", names(kind)),
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
                    Kind::Other(cause) => {
                        format!("the certificate of {host} cannot be used: {}", words(&cause.to_string()))
                    }
                    _ => format!("the certificate of {host} cannot be used: {}", words(&format!("{kind:?}"))),
                };
                return Failure::Permanent { what, hint: None };
            }
        },
        rustls::Error::InvalidMessage(_) => {
            (format!("{host} does not speak TLS"), "check HEROKU_HOST: its port may be for http")
        }
        rustls::Error::General(_) | rustls::Error::PeerIncompatible(_) => (
            format!("{host}: TLS: {}", describe(error)),
            "if this machine has no trusted certificates, install ca-certificates or set SSL_CERT_FILE",
        ),
        // The server, or something in between, broke off the handshake; it may be temporary.
        _ => return Failure::NotSent(format!("{host}: TLS: {}", describe(error))),
    };
    Failure::Permanent { what, hint: Some(hint) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_errors_are_described_in_words() {
        use rustls::{AlertDescription as Alert, Error, PeerIncompatible, PeerMisbehaved};
        for (error, text) in [
            (
                Error::AlertReceived(Alert::HandshakeFailure),
                "the other side ended the connection: handshake failure",
            ),
            (Error::AlertReceived(Alert::UnknownCA), "the other side ended the connection: unknown ca"),
            (
                PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into(),
                "no common version or method: server tls version is disabled by our config",
            ),
            (
                PeerMisbehaved::TooManyEmptyFragments.into(),
                "the other side broke the protocol: too many empty fragments",
            ),
            (Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType), "a message is not valid"),
            (Error::DecryptError, "decrypt error"),
            (Error::General("no roots".to_owned()), "no roots"),
        ] {
            assert_eq!(describe(&error), text);
        }
        let of = |names: &[&str]| rustls::CertificateError::NotValidForNameContext {
            expected: "h.example".try_into().expect("a name"),
            presented: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(names(&of(&[])), ", nor for any other name");
        assert_eq!(
            names(&of(&["DnsName(\"a.example\")", "IpAddress(10.0.0.1)"])),
            ", but for a.example, 10.0.0.1"
        );
    }
}

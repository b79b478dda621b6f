//! Runs a command against `HEROKU_HOST` as if over a long line with TLS: `line MILLISECONDS COMMAND...`, with the time
//! that a byte takes one way. For `make bench`.
//!
//! A connection takes two round trips before its first request arrives: one for TCP, one for TLS 1.3. The command gets
//! `HEROKU_HOST` and `SSL_CERT_FILE` in its environment. The exit status is the command's.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let delay = Duration::from_millis(args.next().unwrap().parse().unwrap());
    let upstream: SocketAddr =
        std::env::var("HEROKU_HOST").unwrap().strip_prefix("http://").unwrap().parse().unwrap();
    let (config, authority) = certificates();
    let tls = listen(move |stream| {
        let connection = ServerConnection::new(config.clone()).unwrap();
        exchange(StreamOwned::new(connection, stream), upstream);
    });
    let line = listen(move |client| {
        let server = TcpStream::connect(tls).unwrap();
        let (from_client, to_client) = (client.try_clone().unwrap(), client);
        let (from_server, to_server) = (server.try_clone().unwrap(), server);
        // The first bytes come a round trip late: TCP's handshake.
        std::thread::spawn(move || carry(from_client, to_server, delay, delay * 2));
        carry(from_server, to_client, delay, Duration::ZERO);
    });
    let file = std::env::temp_dir().join(format!("oauth-tools-line-{}.pem", std::process::id()));
    std::fs::write(&file, authority).unwrap();
    let status = Command::new(args.next().unwrap())
        .args(args)
        .env("HEROKU_HOST", format!("https://localhost:{}", line.port()))
        .env("SSL_CERT_FILE", &file)
        .status()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
}

/// Returns the settings of a TLS server for `localhost`, and the certificate of its authority in PEM.
fn certificates() -> (Arc<ServerConfig>, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    // Another name than its certificate's, which OpenSSL would take for self-signed.
    params.distinguished_name.push(DnType::CommonName, "the authority of make bench");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (Arc::new(config), authority.pem())
}

/// Accepts connections on a port of loopback until the process ends; each gets a thread.
fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = stream.set_nodelay(true);
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Copies bytes to the end, each `delay` after it came, and the first ones later by `first`.
fn carry(mut from: TcpStream, mut to: TcpStream, delay: Duration, first: Duration) {
    let (sender, receiver) = channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut extra = first;
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let due = Instant::now() + delay + std::mem::take(&mut extra);
            if sender.send((due, buffer.get(..length).unwrap().to_vec())).is_err() {
                return;
            }
        }
    });
    for (due, bytes) in receiver {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Carries requests and responses in turn until one side ends.
fn exchange(client: StreamOwned<ServerConnection, TcpStream>, upstream: SocketAddr) {
    let mut client = BufReader::new(client);
    let server = TcpStream::connect(upstream).unwrap();
    let _ = server.set_nodelay(true);
    let mut server = BufReader::new(server);
    while let Some(request) = message(&mut client) {
        if server.get_mut().write_all(&request).is_err() {
            return;
        }
        let Some(response) = message(&mut server) else { return };
        if client.get_mut().write_all(&response).and_then(|()| client.get_mut().flush()).is_err() {
            return;
        }
    }
}

/// Reads a head and a body of the announced length.
fn message(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let (mut bytes, mut length, mut is_chunked) = (Vec::new(), 0, false);
    loop {
        let start = bytes.len();
        if from.read_until(b'\n', &mut bytes).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(bytes.get(start..)?).trim().to_ascii_lowercase();
        match line.split_once(": ") {
            Some(("content-length", number)) => length = number.parse().ok()?,
            Some(("transfer-encoding", "chunked")) => is_chunked = true,
            None if line.is_empty() => break,
            _ => {}
        }
    }
    assert!(!is_chunked, "the sandbox announces its lengths");
    let start = bytes.len();
    bytes.resize(start + length, 0);
    from.read_exact(bytes.get_mut(start..)?).ok()?;
    Some(bytes)
}

//! Runs a command with a sandbox at the end of a long line with TLS, for `make bench`: `line MILLISECONDS AUTHZ COMMAND...`,
//! with the time that a byte takes one way, and the number of authorizations to generate.
//!
//! A connection takes two round trips before its first request arrives: one for TCP, one for TLS 1.3. The command gets
//! `HEROKU_HOST`, `HEROKU_API_KEY` and `SSL_CERT_FILE` in its environment. The exit status is the command's.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use oauth_tools::sandbox::{Server, Settings};

// The relay of the network tests; this uses a part of it.
#[allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]
#[path = "../tests/net/relay.rs"]
mod relay;

use relay::{Authority, TlsRelay};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(delay), Some(authz), Some(command)) = (args.next(), args.next(), args.next()) else {
        return Err("usage: line MILLISECONDS AUTHZ COMMAND...".into());
    };
    let server = Server::start(Settings { authz: authz.parse()?, ..Settings::default() })?;
    let authority = Authority::new();
    let tls = TlsRelay::start(&server, &authority, &["localhost"], (2020, 2100));
    let line = line(Duration::from_millis(delay.parse()?), SocketAddr::from(([127, 0, 0, 1], tls.port())))?;
    let certificate = std::env::temp_dir().join(format!("oauth-tools-line-{}.pem", std::process::id()));
    std::fs::write(&certificate, authority.pem())?;
    let status = Command::new(command)
        .args(args)
        .env("HEROKU_HOST", format!("https://localhost:{}", line.port()))
        .env("HEROKU_API_KEY", server.token())
        .env("SSL_CERT_FILE", &certificate)
        .status();
    std::fs::remove_file(&certificate)?;
    Ok(ExitCode::from(u8::try_from(status?.code().unwrap_or(1))?))
}

/// Carries bytes between a new port of loopback and `server` until the process ends.
///
/// # Errors
/// If no port can be opened.
fn line(delay: Duration, server: SocketAddr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A connection that cannot be made is closed, and the command reports it.
            let _ = TcpStream::connect(server).and_then(|server| connect(client, server, delay));
        }
    });
    Ok(address)
}

/// Carries bytes both ways. The first ones of the client come a round trip late: that is TCP's handshake.
fn connect(client: TcpStream, server: TcpStream, delay: Duration) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, from_server) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || carry(from_client, server, delay, delay * 2));
    std::thread::spawn(move || carry(from_server, client, delay, Duration::ZERO));
    Ok(())
}

/// Copies bytes to the end, each `delay` after it came, and the first ones later by `first`.
fn carry(mut from: TcpStream, mut to: TcpStream, delay: Duration, first: Duration) {
    let (sender, receiver) = channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut extra = first;
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let due = Instant::now() + delay + std::mem::take(&mut extra);
            if sender.send((due, buffer[..length].to_vec())).is_err() {
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

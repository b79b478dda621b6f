//! A TLS relay in front of the sandbox, and a CONNECT proxy. Both carry bytes and know nothing of the API.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use oauth_tools::sandbox::Server;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// An authority that signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Two authorities of the same name would be assumed to be one with a bad signature.
        let name = KeyPair::generate().unwrap().public_key_pem();
        params
            .distinguished_name
            .push(DnType::CommonName, name.chars().rev().skip(30).take(20).collect::<String>());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server's settings with a certificate for `names`, valid from the beginning of one year to that of another.
    fn server(&self, names: &[&str], years: (i32, i32)) -> Arc<ServerConfig> {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        settings(&certificate, &key)
    }
}

/// A server's settings with a certificate.
fn settings(certificate: &Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    Arc::new(config)
}

/// Accepts connections until it is dropped; each gets a thread.
struct Listener {
    port: u16,
    /// How many it has accepted.
    accepted: Arc<AtomicUsize>,
    /// How many of them are closed.
    closed: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Listener {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (ended, serve) = (Arc::new(AtomicBool::new(false)), Arc::new(serve));
        let (accepted, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (end, count, down) = (ended.clone(), accepted.clone(), closed.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    break;
                }
                count.fetch_add(1, Ordering::SeqCst);
                let (serve, down) = (serve.clone(), down.clone());
                std::thread::spawn(move || {
                    let _ = stream.map(|stream| serve(stream));
                    down.fetch_add(1, Ordering::SeqCst)
                });
            }
        });
        Listener { port, accepted, closed, ended, thread: Some(thread) }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A relay with TLS on one side and the sandbox on the other.
pub struct TlsRelay(Listener);

impl TlsRelay {
    pub fn start(server: &Server, authority: &Authority, names: &[&str], years: (i32, i32)) -> TlsRelay {
        TlsRelay::with(authority.server(names, years), server)
    }

    /// A relay that presents the authority's own certificate.
    pub fn start_as_authority(server: &Server, authority: &Authority) -> TlsRelay {
        TlsRelay::with(settings(authority.0.as_ref(), authority.0.key()), server)
    }

    fn with(config: Arc<ServerConfig>, server: &Server) -> TlsRelay {
        let target = server.addr();
        TlsRelay(Listener::start(move |stream| {
            let connection = ServerConnection::new(config.clone()).unwrap();
            relay(StreamOwned::new(connection, stream), target);
        }))
    }

    /// A relay whose connection number `cut` is closed in the middle of the handshake. All others carry one request.
    pub fn cutting(server: &Server, authority: &Authority, cut: usize) -> TlsRelay {
        let (config, target) = (authority.server(&["localhost"], (2020, 2100)), server.addr());
        let seen = AtomicUsize::new(0);
        TlsRelay(Listener::start(move |mut stream| {
            if seen.fetch_add(1, Ordering::SeqCst) == cut {
                let _ = stream.read(&mut [0; 64]);
                return;
            }
            let connection = ServerConnection::new(config.clone()).unwrap();
            exchange(StreamOwned::new(connection, stream), target);
        }))
    }

    /// A relay that closes the first connections: after the handshake, or if it `breaks` them, in the middle of it.
    pub fn closing(server: &Server, authority: &Authority, first: usize, breaks: bool) -> TlsRelay {
        let (config, target) = (authority.server(&["localhost"], (2020, 2100)), server.addr());
        let seen = AtomicUsize::new(0);
        TlsRelay(Listener::start(move |mut stream| {
            let mut connection = ServerConnection::new(config.clone()).unwrap();
            if seen.fetch_add(1, Ordering::SeqCst) >= first {
                relay(StreamOwned::new(connection, stream), target);
            } else if !breaks {
                let _ = connection.complete_io(&mut stream);
            }
        }))
    }

    /// A relay that passes the first request with that method on, and responds to it with plain text.
    pub fn plain_after(server: &Server, authority: &Authority, method: &'static str) -> TlsRelay {
        let (config, target) = (authority.server(&["localhost"], (2020, 2100)), server.addr());
        let done = AtomicBool::new(false);
        TlsRelay(Listener::start(move |stream| {
            let mut raw = stream.try_clone().unwrap();
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut client = BufReader::new(StreamOwned::new(connection, stream));
            let mut server = BufReader::new(TcpStream::connect(target).unwrap());
            let Some(request) = message(&mut client) else { return };
            server.get_mut().write_all(&request).unwrap();
            let Some(answer) = message(&mut server) else { return };
            if request.starts_with(method.as_bytes()) && !done.swap(true, Ordering::SeqCst) {
                let _ = raw.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
                // The client ends the connection.
                let _ = raw.read(&mut [0; 64]);
                return;
            }
            let _ = client.get_mut().write_all(&answer).and_then(|()| client.get_mut().flush());
        }))
    }

    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// How many connections it has accepted.
    pub fn accepted(&self) -> usize {
        self.0.accepted.load(Ordering::SeqCst)
    }

    /// How many connections it has closed.
    pub fn closed(&self) -> usize {
        self.0.closed.load(Ordering::SeqCst)
    }
}

/// Carries one request and its response.
fn exchange(client: impl Read + Write, target: SocketAddr) {
    let mut client = BufReader::new(client);
    let Some(request) = message(&mut client) else { return };
    let mut server = BufReader::new(TcpStream::connect(target).unwrap());
    server.get_mut().write_all(&request).unwrap();
    let Some(response) = message(&mut server) else { return };
    let _ = client.get_mut().write_all(&response).and_then(|()| client.get_mut().flush());
}

/// Carries requests and responses in turn; both have a Content-Length.
fn relay(client: impl Read + Write, target: SocketAddr) {
    let mut client = BufReader::new(client);
    let Ok(server) = TcpStream::connect(target) else { return };
    let mut server = BufReader::new(server);
    loop {
        let Some(request) = message(&mut client) else { return };
        if server.get_mut().write_all(&request).is_err() {
            return;
        }
        let Some(answer) = message(&mut server) else { return };
        if client.get_mut().write_all(&answer).and_then(|()| client.get_mut().flush()).is_err() {
            return;
        }
    }
}

/// Reads a head, and the body that its Content-Length announces.
fn message(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut bytes = head(from)?.into_bytes();
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    from.read_exact(&mut body).ok()?;
    bytes.append(&mut body);
    Some(bytes)
}

fn head(from: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if from.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// A CONNECT proxy that leads every host to one port of this machine, or refuses.
pub struct Proxy {
    listener: Listener,
    seen: Arc<Mutex<String>>,
}

impl Proxy {
    pub fn start(target: u16, status: u16) -> Proxy {
        let seen = Arc::new(Mutex::new(String::new()));
        let log = seen.clone();
        let listener = Listener::start(move |stream| {
            let mut client = BufReader::new(stream);
            let Some(head) = head(&mut client) else { return };
            log.lock().unwrap().push_str(&head);
            let answer = format!(
                "HTTP/1.1 {status} x\r\n{}\r\n",
                if status == 200 { "" } else { "Content-Length: 0\r\n" }
            );
            client.get_mut().write_all(answer.as_bytes()).unwrap();
            if status == 200 {
                tunnel(client.into_inner(), TcpStream::connect(("127.0.0.1", target)).unwrap());
            }
        });
        Proxy { listener, seen }
    }

    pub fn port(&self) -> u16 {
        self.listener.port
    }

    /// Returns the requests since the last call.
    pub fn take(&self) -> String {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

fn tunnel(client: TcpStream, server: TcpStream) {
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let there = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let (mut from, mut to) = (server, client);
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Write);
    let _ = there.join();
}

/// A server that reads the head of a request, and lets a function respond, which is given the number of the connection.
pub struct Endless(Listener);

impl Endless {
    pub fn start(respond: impl Fn(&mut TcpStream, usize) + Send + Sync + 'static) -> Endless {
        let number = AtomicUsize::new(0);
        Endless(Listener::start(move |stream| {
            let mut client = BufReader::new(stream);
            if head(&mut client).is_some() {
                respond(client.get_mut(), number.fetch_add(1, Ordering::SeqCst));
            }
        }))
    }

    pub fn port(&self) -> u16 {
        self.0.port
    }
}

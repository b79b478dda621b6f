//! TLS and proxies for real: the sandbox behind a TLS relay, reached directly and through a CONNECT proxy.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

#[macro_use]
#[path = "../common/mod.rs"]
mod common;

mod ahead;
mod deadlines;
mod messages;
mod phases;
mod relay;
mod tinyproxy;

use common::{Folder, Ran, finish, start, tool};
use oauth_tools::sandbox::{Server, Settings};
use relay::{Authority, Proxy, TlsRelay};

/// Runs oauth-ls against a host.
fn ls(server: &Server, host: &str, env: &[(&str, &str)]) -> Ran {
    let mut command = tool(server, "oauth-ls", &["authz", "-o", "id", "--retry-for", "0"]);
    command.env("HEROKU_HOST", host).envs(env.iter().copied());
    finish(command)
}

#[track_caller]
fn works(ran: &Ran) {
    assert!(ran.status == 0 && ran.lines().len() > 10, "{ran}");
}

#[track_caller]
fn fails(ran: &Ran, status: i32, says: &[&str]) {
    assert_eq!((ran.status, ran.signal), (status, None), "{ran}");
    assert!(says.iter().all(|part| ran.err.contains(part)), "{says:?} in: {ran}");
    assert!(!ran.err.contains("panicked"), "{ran}");
}

#[test]
fn an_invalid_certificate_is_refused_and_its_fault_is_named() {
    let server = start(Settings::default());
    let (ours, other) = (Authority::new(), Authority::new());
    let folder = Folder::new();
    let trusted = folder.join("ca.pem");
    std::fs::write(&trusted, ours.pem()).unwrap();
    let file = [("SSL_CERT_FILE", trusted.to_str().unwrap())];

    let good = TlsRelay::start(&server, &ours, &["localhost"], (2020, 2100));
    let host = format!("https://localhost:{}", good.port());
    works(&ls(&server, &host, &file));
    let dir = trusted.parent().unwrap().join("dir");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("0.pem"), ours.pem()).unwrap();
    works(&ls(&server, &host, &[("SSL_CERT_DIR", dir.to_str().unwrap())]));

    let says = ["is not from an authority that this machine trusts", "SSL_CERT_FILE"];
    let unknown = TlsRelay::start(&server, &other, &["localhost"], (2020, 2100));
    fails(&ls(&server, &format!("https://localhost:{}", unknown.port()), &file), 1, &says);

    let wrong = TlsRelay::start(&server, &ours, &["other.example"], (2020, 2100));
    let out = ls(&server, &format!("https://localhost:{}", wrong.port()), &file);
    fails(&out, 1, &["certificate is not for localhost", "other.example", "HEROKU_HOST"]);

    let expired = TlsRelay::start(&server, &ours, &["localhost"], (2020, 2021));
    let out = ls(&server, &format!("https://localhost:{}", expired.port()), &file);
    fails(&out, 1, &["has expired", "clock"]);

    let itself = TlsRelay::start_as_authority(&server, &ours);
    let out = ls(&server, &format!("https://localhost:{}", itself.port()), &file);
    fails(&out, 1, &["the server presents a CA certificate as its own: it needs one issued by that CA\n"]);

    let future = TlsRelay::start(&server, &ours, &["localhost"], (2090, 2100));
    let out = ls(&server, &format!("https://localhost:{}", future.port()), &file);
    fails(&out, 1, &["not valid yet", "clock"]);

    let out = ls(&server, &format!("https://{}", server.addr()), &file);
    fails(&out, 1, &["does not speak TLS", "HEROKU_HOST"]);
}

#[test]
fn variables_that_name_no_certificate_are_reported() {
    let server = start(Settings::default());
    let (ours, folder) = (Authority::new(), Folder::new());
    let relay = TlsRelay::start(&server, &ours, &["localhost"], (2020, 2100));
    let host = format!("https://localhost:{}", relay.port());
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (good, none) = (file("good/ca.pem", &ours.pem()), file("none/ca.pem", "no certificate\n"));
    let broken = file("broken.pem", &ours.pem().replace("MII", "AAA"));
    let (good_folder, no_folder) = (folder.join("good"), folder.join("none"));
    let (good_folder, no_folder) = (good_folder.to_str().unwrap(), no_folder.to_str().unwrap());
    let missing = "no such file or directory";
    for (name, value, says) in [
        ("SSL_CERT_FILE", "/nonexistent", format!("SSL_CERT_FILE: /nonexistent: {missing}")),
        ("SSL_CERT_FILE", "", format!("SSL_CERT_FILE: : {missing}")),
        ("SSL_CERT_FILE", no_folder, format!("SSL_CERT_FILE: {no_folder}: is a directory")),
        ("SSL_CERT_FILE", &none, format!("SSL_CERT_FILE: {none}: contains no certificate")),
        ("SSL_CERT_FILE", &broken, format!("SSL_CERT_FILE: {broken}: contains no certificate")),
        ("SSL_CERT_DIR", "/nonexistent", format!("SSL_CERT_DIR: /nonexistent: {missing}")),
        ("SSL_CERT_DIR", no_folder, format!("SSL_CERT_DIR: {no_folder}: contains no certificate")),
    ] {
        let out = ls(&server, &host, &[(name, value)]);
        fails(&out, 2, &[&says, "or unset the variable"]);
        assert!(!format!("{out}").contains("trusts"), "{out}");
    }
    // One usable source of certificates is enough.
    works(&ls(&server, &host, &[("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", good_folder)]));
    works(&ls(&server, &host, &[("SSL_CERT_FILE", &good), ("SSL_CERT_DIR", no_folder)]));
    // The variables are not blamed for another fault.
    let other = TlsRelay::start(&server, &Authority::new(), &["localhost"], (2020, 2100));
    let out = ls(&server, &format!("https://localhost:{}", other.port()), &[("SSL_CERT_FILE", &good)]);
    fails(&out, 1, &["is not from an authority that this machine trusts"]);
}

#[test]
fn a_proxy_carries_the_connection_and_sees_no_token() {
    let server = start(Settings::default());
    let ours = Authority::new();
    let folder = Folder::new();
    let trusted = folder.join("ca.pem");
    std::fs::write(&trusted, ours.pem()).unwrap();
    let file = ("SSL_CERT_FILE", trusted.to_str().unwrap());
    let relay = TlsRelay::start(&server, &ours, &["api.corp.example"], (2020, 2100));
    let proxy = Proxy::start(relay.port(), 200);
    let url = format!("http://user:p%40ss@127.0.0.1:{}", proxy.port());

    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        works(&ls(&server, "corp.example", &[(name, &url), file]));
        let seen = proxy.take();
        assert!(seen.contains("CONNECT api.corp.example:443 "), "{seen}");
        assert!(seen.to_lowercase().contains("proxy-authorization: basic dxnlcjpwqhnz"), "{seen}");
        assert!(!seen.contains(server.token()), "{seen}");
    }

    // A loopback address is always reached directly.
    works(&ls(&server, &server.url(), &[("HTTPS_PROXY", &url), ("ALL_PROXY", &url)]));
    assert_eq!(proxy.take(), "");

    // A host that NO_PROXY names is reached directly; there is no such host.
    let out =
        ls(&server, "corp.invalid", &[("HTTPS_PROXY", &url), ("NO_PROXY", "localhost, .corp.invalid"), file]);
    fails(&out, 75, &["cannot resolve the host api.corp.invalid"]);
    assert_eq!(proxy.take(), "");
}

#[test]
fn a_proxy_that_refuses_or_is_unreachable_is_named() {
    let server = start(Settings::default());
    let refusing = Proxy::start(1, 407);
    let url = format!("http://user:sekret@127.0.0.1:{}", refusing.port());
    let out = ls(&server, "corp.example", &[("HTTPS_PROXY", &url)]);
    fails(
        &out,
        1,
        &["(from HTTPS_PROXY) responded 407 (Proxy authentication required)", "check HTTPS_PROXY"],
    );
    assert!(!format!("{out}").contains("sekret"), "{out}");

    let out = ls(&server, "corp.example", &[("HTTPS_PROXY", "http://127.0.0.1:1")]);
    fails(&out, 75, &["cannot reach the proxy 127.0.0.1:1 (from HTTPS_PROXY): connection refused"]);
    let out = ls(&server, "corp.example", &[("https_proxy", "http://user:sekret@proxy.invalid:80")]);
    fails(&out, 75, &["cannot resolve the proxy host proxy.invalid (from https_proxy)\n"]);

    for status in [502, 503, 504] {
        let busy = Proxy::start(1, status);
        let url = format!("http://user:sekret@127.0.0.1:{}", busy.port());
        let out = ls(&server, "corp.example", &[("HTTPS_PROXY", &url)]);
        let says = format!("the proxy 127.0.0.1:{} (from HTTPS_PROXY) responded {status} (", busy.port());
        fails(&out, 75, &[&says]);
        assert!(!format!("{out}").contains("sekret"), "{out}");
    }

    for bad in ["ftp://x", "http://", "http://a b"] {
        fails(
            &ls(&server, "corp.example", &[("HTTPS_PROXY", bad)]),
            2,
            &["HTTPS_PROXY: invalid URL of a proxy"],
        );
    }
}

//! The sentence for each error of the network, in one table: what a user reads, in full.

use std::io::Write;
use std::net::Shutdown;

use crate::common::{Folder, start};
use crate::ls;
use crate::relay::{Authority, Endless, TlsRelay};
use oauth_tools::sandbox::Settings;

/// Asserts what is printed, without the program's name; `PORT` stands for the port.
#[track_caller]
fn says(host: &str, env: &[(&str, &str)], status: i32, port: u16, text: &str) {
    let server = start(Settings::default());
    let ran = ls(&server, host, env);
    let err = ran.err.replace("oauth-ls: ", "").replace(&format!(":{port}"), ":PORT");
    assert_eq!((ran.status, err.as_str()), (status, text), "{ran}");
    assert!(!["sekret", "Error", "::", "Some(", "Custom"].iter().any(|word| err.contains(word)), "{err}");
}

#[test]
fn errors_of_plain_connections() {
    let bodies: [(&'static [u8], i32, &str); 9] = [
        (b"", 75, "127.0.0.1:PORT closed the connection without responding\n"),
        (b"HTTP/1.1 200 OK", 75, "127.0.0.1:PORT closed the connection without responding\n"),
        (
            b"SSH-2.0-OpenSSH\r\n\r\n",
            75,
            "127.0.0.1:PORT sent an invalid HTTP response: invalid HTTP version\n",
        ),
        (
            b"HTTP/3.7 200 OK\r\n\r\n",
            75,
            "127.0.0.1:PORT sent an invalid HTTP response: invalid HTTP version\n",
        ),
        (
            b"HTTP/1.1 abc OK\r\n\r\n",
            75,
            "127.0.0.1:PORT sent an invalid HTTP response: invalid response status\n",
        ),
        (
            b"HTTP/1.1 200 OK\r\nbroken\r\n\r\n",
            75,
            "127.0.0.1:PORT sent an invalid HTTP response: invalid header name\n",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n[]",
            75,
            "127.0.0.1:PORT sent an invalid HTTP response: content-length header not a number\n",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]",
            75,
            "authorizations: the response was cut short: peer disconnected\n",
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://x.example/\r\nContent-Length: 0\r\n\r\n",
            1,
            "127.0.0.1 redirects to http://x.example/: refusing to send the token there\ncheck HEROKU_HOST\n",
        ),
    ];
    for (bytes, status, text) in bodies {
        let server = Endless::start(move |stream, _| {
            let _ = stream.write_all(bytes);
            let _ = stream.shutdown(Shutdown::Both);
        });
        says(&format!("http://127.0.0.1:{}", server.port()), &[], status, server.port(), text);
    }
    says("http://127.0.0.1:1", &[], 75, 1, "cannot reach 127.0.0.1:PORT: connection refused\n");
}

#[test]
fn errors_of_names_and_proxies() {
    let unused = [("HTTP_PROXY", "http://127.0.0.1:1")];
    says("corp.invalid", &[], 75, 0, "cannot resolve the host api.corp.invalid\n");
    says(
        "corp.invalid",
        &unused,
        75,
        0,
        "cannot resolve the host api.corp.invalid (HTTP_PROXY is not used for https: set HTTPS_PROXY)\n",
    );
    let both = [("HTTP_PROXY", "http://h:1"), ("HTTPS_PROXY", "http://user:sekret@proxy.invalid:8080")];
    says("corp.invalid", &both, 75, 0, "cannot resolve the proxy host proxy.invalid (from HTTPS_PROXY)\n");
    let direct = [("https_proxy", "http://proxy.invalid:8080"), ("no_proxy", "api.corp.invalid.:443")];
    says("corp.invalid", &direct, 75, 0, "cannot resolve the host api.corp.invalid\n");
    let refused = [("all_proxy", "socks5h://user:sekret@127.0.0.1:1")];
    says(
        "corp.invalid",
        &refused,
        75,
        0,
        "cannot reach the proxy 127.0.0.1:1 (from all_proxy): connection refused\n",
    );
    let socks = Endless::start(|_, _| {});
    let url = format!("socks5://127.0.0.1:{}", socks.port());
    says(
        "corp.invalid",
        &[("ALL_PROXY", &url)],
        75,
        socks.port(),
        "cannot resolve the host api.corp.invalid\n",
    );

    for (response, status, text) in [
        (&b""[..], 75, "the proxy 127.0.0.1:PORT (from HTTPS_PROXY) did not respond\n"),
        (
            b"garbage\r\n\r\n",
            75,
            "cannot reach the proxy 127.0.0.1:PORT (from HTTPS_PROXY): it sent an invalid HTTP response: invalid HTTP version\n",
        ),
        (
            b"HTTP/1.1 403 Forbidden\r\n\r\n",
            1,
            "the proxy 127.0.0.1:PORT (from HTTPS_PROXY) responded 403 (Forbidden)\ncheck HTTPS_PROXY and NO_PROXY\n",
        ),
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            1,
            "the proxy 127.0.0.1:PORT (from HTTPS_PROXY) responded 407 (Proxy authentication required)\ncheck HTTPS_PROXY and NO_PROXY\n",
        ),
        (
            b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
            75,
            "the proxy 127.0.0.1:PORT (from HTTPS_PROXY) responded 502 (Bad gateway)\n",
        ),
        (
            b"HTTP/1.1 599 Odd\r\n\r\n",
            1,
            "the proxy 127.0.0.1:PORT (from HTTPS_PROXY) responded 599\ncheck HTTPS_PROXY and NO_PROXY\n",
        ),
    ] {
        let proxy = Endless::start(move |stream, _| {
            let _ = stream.write_all(response);
            let _ = stream.shutdown(Shutdown::Both);
        });
        let url = format!("http://user:sekret@127.0.0.1:{}", proxy.port());
        says("corp.example", &[("HTTPS_PROXY", &url)], status, proxy.port(), text);
    }
}

#[test]
fn unusable_variables() {
    for (name, value, text) in [
        (
            "HTTPS_PROXY",
            "http://proxy.example.com:portnumber",
            "HTTPS_PROXY: invalid URL of a proxy: its address is not a valid host and port\n",
        ),
        (
            "https_proxy",
            "http://user:sek#ret@127.0.0.1:3128",
            "https_proxy: invalid URL of a proxy: the user name or password contains '#': write it as %23\n",
        ),
        (
            "ALL_PROXY",
            "ftp://x",
            "ALL_PROXY: invalid URL of a proxy: its scheme must be http, https, socks4, socks4a, socks5 or socks5h\n",
        ),
        (
            "all_proxy",
            "'http://x'",
            "all_proxy: invalid URL of a proxy: it has quotes around it: an env file keeps its quotes, remove them\n",
        ),
        ("HEROKU_HEADERS", "{", "HEROKU_HEADERS: must be a JSON object whose values are strings\n"),
        ("HEROKU_API_KEY", "***", "HEROKU_API_KEY is masked: a part of it is hidden\n"),
        ("HEROKU_TWO_FACTOR_CODE", "a\nb", "HEROKU_TWO_FACTOR_CODE contains a line break\n"),
        ("NETRC", "/nonexistent", ""),
    ] {
        if name == "NETRC" {
            says(
                "corp.example",
                &[(name, value), ("HEROKU_API_KEY", "")],
                2,
                0,
                "NETRC: /nonexistent: no such file or directory\n",
            );
        } else {
            says("corp.example", &[(name, value)], 2, 0, text);
        }
    }
    for (name, list, text) in [
        ("NO_PROXY", "localhost, 10.0.0.0/33", "NO_PROXY: '10.0.0.0/33' is not a valid network"),
        ("no_proxy", "[10.0.0.1", "no_proxy: '[10.0.0.1' is not a valid host, address or network"),
        ("NO_PROXY", "http://corp.example", "NO_PROXY: 'http://corp.example' is a URL: give the host alone"),
        ("NO_PROXY", "corp.example,h:x", "NO_PROXY: 'h:x' is not a valid host, address or network"),
        ("no_proxy", "u:sekret@proxy:1", "no_proxy: item 1 contains a user name"),
    ] {
        let proxy = ("https_proxy", "http://127.0.0.1:1");
        let hint = "give hosts, domains, addresses and networks such as 10.0.0.0/8, separated by commas; * means all";
        says("corp.example", &[proxy, (name, list)], 2, 0, &format!("{text}\n{hint}\n"));
        // Without a proxy, the list is for other programs.
        says("corp.invalid", &[(name, list)], 75, 0, "cannot resolve the host api.corp.invalid\n");
    }
    for accepted in
        ["", " , ,", "*", ".corp.invalid", "*.corp.invalid", " api.corp.invalid:443 ", "a,corp.invalid\r"]
    {
        let proxy = ("HTTPS_PROXY", "http://127.0.0.1:1");
        let text = match accepted.trim_matches([' ', ',']) {
            "" => "cannot reach the proxy 127.0.0.1:1 (from HTTPS_PROXY): connection refused\n",
            _ => "cannot resolve the host api.corp.invalid\n",
        };
        says("corp.invalid", &[proxy, ("NO_PROXY", accepted)], 75, 0, text);
    }
    for (host, text) in [
        (
            "https://b\u{fc}cher.example",
            "HEROKU_HOST has a host that is not ASCII: give its ASCII form (xn--...)\n",
        ),
        ("b\u{fc}cher.example", "HEROKU_HOST has a host that is not ASCII: give its ASCII form (xn--...)\n"),
        ("http://h", "HEROKU_HOST must start with https://: http is allowed only for loopback, not for h\n"),
        ("https://h:99999", "HEROKU_HOST has an invalid port\n"),
        ("https://h\u{a0}", "HEROKU_HOST contains the invisible character '\\u{a0}'\n"),
        (
            "https://h/x",
            "HEROKU_HOST must be a host name, or a URL with a host, an optional port and no path\n",
        ),
        ("https://1.2.3.256", "HEROKU_HOST has a host that is not a valid IPv4 address\n"),
    ] {
        says(host, &[], 2, 0, text);
    }
}

#[test]
fn unusable_certificate_variables() {
    let (ours, folder) = (Authority::new(), Folder::new());
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    for name in ["good", "none", "pipes"] {
        std::fs::create_dir(path(name)).unwrap();
    }
    std::fs::write(path("good/ca.pem"), ours.pem()).unwrap();
    std::fs::write(path("none/README"), "not a certificate\n").unwrap();
    std::fs::write(path("key.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        .unwrap();
    std::fs::write(path("cut.pem"), ours.pem().split_at(200).0).unwrap();
    std::fs::write(path("empty.pem"), "").unwrap();
    std::fs::write(path("ca.der"), b"\x30\x82\x01\x00").unwrap();
    assert!(std::process::Command::new("mkfifo").arg(path("pipes/ca.pem")).status().unwrap().success());
    std::os::unix::fs::symlink(path("nowhere"), path("dangling.pem")).unwrap();

    let (missing, nothing) = ("no such file or directory", "contains no certificate");
    let hint = "set it to certificates in PEM format, or unset the variable to use those of the system";
    for (name, value, what) in [
        ("SSL_CERT_FILE", "/nonexistent/ca.pem".to_owned(), missing),
        ("SSL_CERT_FILE", "relative.pem".to_owned(), missing),
        ("SSL_CERT_FILE", path("dangling.pem"), missing),
        ("SSL_CERT_FILE", path("good"), "is a directory"),
        ("SSL_CERT_FILE", path("good/ca.pem/x"), "not a directory"),
        ("SSL_CERT_FILE", path("none/README"), nothing),
        ("SSL_CERT_FILE", path("key.pem"), nothing),
        ("SSL_CERT_FILE", path("cut.pem"), nothing),
        ("SSL_CERT_FILE", path("empty.pem"), nothing),
        ("SSL_CERT_FILE", path("ca.der"), nothing),
        ("SSL_CERT_FILE", "/dev/null".to_owned(), nothing),
        ("SSL_CERT_DIR", "/nonexistent".to_owned(), missing),
        ("SSL_CERT_DIR", path("none"), nothing),
        ("SSL_CERT_DIR", path("pipes"), nothing),
        ("SSL_CERT_DIR", path("good/ca.pem"), "not a directory"),
    ] {
        // No connection is tried: nothing has this name.
        let text = format!("{name}: {value}: {what}\n{hint}\n");
        says("corp.invalid", &[(name, &value)], 2, 0, &text);
    }
    let two = format!("{}:/nonexistent", path("none"));
    let text = format!("SSL_CERT_DIR: {}: {nothing}\n{hint}\n", path("none"));
    says("corp.invalid", &[("SSL_CERT_DIR", &two)], 2, 0, &text);
    let both = [("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent/too")];
    says("corp.invalid", &both, 2, 0, &format!("SSL_CERT_FILE: /nonexistent: {missing}\n{hint}\n"));

    // One that names a certificate is enough to try.
    let resolved = "cannot resolve the host api.corp.invalid\n";
    let good = path("good");
    for env in [
        [("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", &good)],
        [("SSL_CERT_FILE", &path("good/ca.pem")), ("SSL_CERT_DIR", "/nonexistent")],
        [("SSL_CERT_DIR", &format!("/nonexistent::{good}")), ("NODE_EXTRA_CA_CERTS", "/nonexistent")],
        [("SSL_CERT_DIR", ""), ("NODE_EXTRA_CA_CERTS", "")],
    ] {
        says("corp.invalid", &env, 75, 0, resolved);
    }
    // Without TLS they are not used.
    says(
        "http://127.0.0.1:1",
        &[("SSL_CERT_FILE", "/nonexistent")],
        75,
        1,
        "cannot reach 127.0.0.1:PORT: connection refused\n",
    );

    // If the connection fails, the variable that names none is blamed.
    let server = start(Settings::default());
    let other = TlsRelay::start(&server, &Authority::new(), &["localhost"], (2020, 2100));
    says(
        &format!("https://localhost:{}", other.port()),
        &[("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", &good)],
        1,
        other.port(),
        &format!(
            "cannot check the certificate of localhost:PORT: SSL_CERT_FILE: /nonexistent: {missing}\n{hint}\n"
        ),
    );
}

#[test]
fn a_certificate_file_may_be_a_pipe() {
    let server = start(Settings::default());
    let (ours, folder) = (Authority::new(), Folder::new());
    let relay = TlsRelay::start(&server, &ours, &["localhost"], (2020, 2100));
    let pipe = folder.join("ca.pem");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writer = {
        let (pipe, pem) = (pipe.clone(), ours.pem());
        std::thread::spawn(move || std::fs::write(pipe, pem))
    };
    let host = format!("https://localhost:{}", relay.port());
    let ran = ls(&server, &host, &[("SSL_CERT_FILE", pipe.to_str().unwrap())]);
    assert_eq!(ran.status, 0, "{ran}");
    writer.join().unwrap().unwrap();
}

#[test]
fn errors_of_tls() {
    let server = start(Settings::default());
    let (ours, folder) = (Authority::new(), Folder::new());
    let trusted = folder.join("ca.pem");
    std::fs::write(&trusted, ours.pem()).unwrap();
    let file = ("SSL_CERT_FILE", trusted.to_str().unwrap());
    let check = |relay: TlsRelay, env: &[(&str, &str)], status, text: &str| {
        says(&format!("https://localhost:{}", relay.port()), env, status, relay.port(), text);
    };
    let relay =
        |authority: &Authority, names: &[&str], years| TlsRelay::start(&server, authority, names, years);
    check(
        relay(&ours, &["a.example", "b.example"], (2020, 2100)),
        &[file],
        1,
        "the certificate is not for localhost:PORT, but for a.example, b.example\ncheck HEROKU_HOST; a proxy may be intercepting the connection\n",
    );
    check(
        relay(&ours, &["localhost"], (2020, 2021)),
        &[file],
        1,
        "the certificate of localhost:PORT has expired\ncheck this machine's clock; if it is right, the server's certificate must be renewed\n",
    );
    check(
        relay(&ours, &["localhost"], (2090, 2100)),
        &[file],
        1,
        "the certificate of localhost:PORT is not valid yet\ncheck this machine's clock\n",
    );
    let other = Authority::new();
    check(
        relay(&other, &["localhost"], (2020, 2100)),
        &[file],
        1,
        "the certificate of localhost:PORT is not from an authority that this machine trusts\nif a proxy intercepts TLS connections, set SSL_CERT_FILE to the certificate of its authority\n",
    );
    check(
        relay(&other, &["localhost"], (2020, 2100)),
        &[("NODE_EXTRA_CA_CERTS", "/ca.pem")],
        1,
        "the certificate of localhost:PORT is not from an authority that this machine trusts\nNODE_EXTRA_CA_CERTS is for Node.js only: set SSL_CERT_FILE to that file\n",
    );
    check(
        TlsRelay::start_as_authority(&server, &ours),
        &[file],
        1,
        "localhost:PORT: the server presents a CA certificate as its own: it needs one issued by that CA\n",
    );
    check(
        TlsRelay::cutting(&server, &ours, 0),
        &[file],
        75,
        "cannot reach localhost:PORT: the connection was closed before the request was sent\n",
    );

    let plain = start(Settings::default());
    let port = plain.addr().port();
    says(
        &format!("https://127.0.0.1:{port}"),
        &[file],
        1,
        port,
        "127.0.0.1:PORT does not speak TLS\ncheck HEROKU_HOST: its port may be for http\n",
    );
}

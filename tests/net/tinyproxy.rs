//! A list through a real proxy with a password: tinyproxy.

use std::net::{TcpListener, TcpStream};

use oauth_tools::sandbox::Settings;

use crate::common::{Folder, Service, start};
use crate::relay::{Authority, Proxy, TlsRelay};
use crate::{fails, ls, works};

/// Allows one user to connect to port 443. DNS knows none of the names in tests: the next proxy leads each to the
/// test's server.
const SETTINGS: &str = "Port PORT\nListen 127.0.0.1\nAllow 127.0.0.1\nMaxClients 10\nTimeout 60\n\
    BasicAuth user pass-word.7\nConnectPort 443\nUpstream http 127.0.0.1:NEXT\n";

const SCRIPT: &str = "tinyproxy -d -c conf >&2 & cat > /dev/null; kill $!; wait";

/// Starts tinyproxy, which passes everything on to the proxy at the port `next`.
fn proxy(next: u16) -> (Service, u16) {
    // A port that is free now: tinyproxy cannot choose one itself.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = SETTINGS.replace("PORT", &port.to_string()).replace("NEXT", &next.to_string());
    let service = Service::start(&[("conf", &settings)], SCRIPT);
    service.wait_until(|| TcpStream::connect(("127.0.0.1", port)).is_ok());
    (service, port)
}

#[test]
fn a_real_proxy_carries_a_list_if_the_password_is_right() {
    needs!("tinyproxy");
    let (server, ours) = (start(Settings::default()), Authority::new());
    let folder = Folder::new();
    let trusted = folder.join("ca.pem");
    std::fs::write(&trusted, ours.pem()).unwrap();
    let file = ("SSL_CERT_FILE", trusted.to_str().unwrap());
    let relay = TlsRelay::start(&server, &ours, &["api.corp.example"], (2020, 2100));
    let next = Proxy::start(relay.port(), 200);
    let (service, port) = proxy(next.port());
    let url = |user: &str| format!("http://{user}127.0.0.1:{port}");

    let out = ls(&server, "corp.example", &[("HTTPS_PROXY", &url("user:pass-word.7@")), file]);
    works(&out);
    let (passed_on, log) = (next.take(), service.log());
    assert!(passed_on.contains("CONNECT api.corp.example:443 "), "{passed_on}\n{log}");
    assert!(log.contains("CONNECT api.corp.example:443 "), "{log}");
    assert!(!passed_on.contains(server.token()) && !log.contains(server.token()), "{passed_on}\n{log}");
    let asked = server.stats().total();

    // A wrong password and none.
    for (user, status) in [("user:sekret@", "401"), ("", "407")] {
        let out = ls(&server, "corp.example", &[("HTTPS_PROXY", &url(user)), file]);
        fails(
            &out,
            1,
            &["the proxy 127.0.0.1:", "(from HTTPS_PROXY) responded", status, "check HTTPS_PROXY"],
        );
        assert!(!format!("{out}").contains("sekret"), "{out}");
    }
    // A port that the proxy does not allow.
    let host = "https://api.corp.example:444";
    let out = ls(&server, host, &[("HTTPS_PROXY", &url("user:pass-word.7@")), file]);
    fails(
        &out,
        1,
        &["the proxy 127.0.0.1:", "(from HTTPS_PROXY) responded 403 (Forbidden)", "check HTTPS_PROXY"],
    );
    assert!(!format!("{out}").contains("pass-word"), "{out}");
    assert_eq!((server.stats().total(), next.take().as_str()), (asked, ""));
}

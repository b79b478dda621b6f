//! Whether a request was sent is a matter of when the connection failed, not of how.

use oauth_tools::sandbox::{Server, Settings};

use crate::common::{Folder, Ran, finish, start, tool};
use crate::relay::{Authority, TlsRelay};

const CREATE: &str = "POST /oauth/authorizations";
const REMOVE: &str = "DELETE /oauth/authorizations/{id}";
/// An id that never existed.
const NEVER: &str = "01234567-89ab-4def-8123-456789abcdef";

/// A sandbox, and the authority that its relays' certificates are from.
struct Setup {
    server: Server,
    authority: Authority,
    folder: Folder,
}

impl Setup {
    fn new() -> Setup {
        let (server, authority, folder) = (start(Settings::default()), Authority::new(), Folder::new());
        std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
        Setup { server, authority, folder }
    }

    /// Runs a tool through a relay.
    fn run(&self, relay: &TlsRelay, name: &str, args: &[&str]) -> Ran {
        let mut command = tool(&self.server, name, args);
        command
            .env("HEROKU_HOST", format!("https://localhost:{}", relay.port()))
            .env("SSL_CERT_FILE", self.folder.join("ca.pem"));
        finish(command)
    }
}

#[test]
fn a_handshake_that_is_cut_proves_nothing_about_an_object() {
    let setup = Setup::new();
    let mut removals = 0;
    for cut in 0..8 {
        let relay = TlsRelay::cutting(&setup.server, &setup.authority, cut);
        let ran = setup.run(&relay, "oauth-rm", &["authz", NEVER]);
        removals += 1;
        assert!(ran.status == 1 && ran.out.is_empty() && !ran.err.contains("revoked"), "{cut}: {ran}");
        assert_eq!(setup.server.stats().requests(REMOVE), removals, "{cut}: each is sent once{ran}");
    }
}

#[test]
fn a_create_whose_handshake_is_cut_is_sent_again_without_a_search() {
    let setup = Setup::new();
    for (created, cut) in (1..).zip(0..4) {
        let relay = TlsRelay::cutting(&setup.server, &setup.authority, cut);
        let ran = setup.run(&relay, "oauth-mk", &["authz", "-d", "x"]);
        assert!(ran.status == 0 && ran.lines().len() == 1, "{cut}: {ran}");
        assert_eq!(setup.server.stats().applied(CREATE), created, "{ran}");
        assert_eq!(setup.server.stats().requests("GET /oauth/authorizations"), 0, "{ran}");
    }
}

#[test]
fn a_grant_code_is_not_used_up_by_a_handshake_that_is_cut() {
    let setup = Setup::new();
    let relay = TlsRelay::cutting(&setup.server, &setup.authority, 0);
    std::fs::write(setup.folder.join("code"), "0123456789abcdef").unwrap();
    let code = format!("@{}", setup.folder.join("code").display());
    let args = ["token", "--grant-code", &code, "--client-secret", &code, "--retry-for", "0"];
    let ran = setup.run(&relay, "oauth-mk", &args);
    assert!(ran.status == 75 && !ran.err.contains("used up"), "{ran}");
    assert!(ran.err.contains("the connection was closed before the request was sent"), "{ran}");
}

#[test]
fn plain_text_in_place_of_a_tls_response_loses_it() {
    let setup = Setup::new();
    let relay = TlsRelay::plain_after(&setup.server, &setup.authority, "POST");
    let ran = setup.run(&relay, "oauth-mk", &["authz", "-d", "unheard"]);
    assert_eq!(setup.server.stats().applied(CREATE), 1, "{ran}");
    assert_eq!(ran.status, 75, "{ran}");
    let made = setup.server.dump();
    let made = made.iter().find(|line| line.contains("unheard")).expect("it was created");
    let id = made.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(ran.err.contains("it may have been created") && ran.err.contains(id), "{made}{ran}");
    assert!(ran.err.contains("something other than TLS"), "{ran}");
}

#[test]
fn without_file_descriptors_nothing_is_sent_and_nothing_in_doubt() {
    let server = start(Settings::default());
    let mut out_of_them = 0;
    // Which limit hits the connection depends on what the program has open.
    for limit in 3..12 {
        let inner = tool(&server, "oauth-mk", &[]);
        let program = inner.get_program().to_str().unwrap();
        let script = format!("ulimit -n {limit}; exec {program} authz -d x --retry-for 0");
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", &script]).env_clear();
        shell.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let created = server.stats().applied(CREATE);
        let ran = finish(shell);
        assert!(!ran.err.contains("panicked"), "{limit}: {ran}");
        if ran.err.contains("too many open files") && ran.err.contains("cannot reach") {
            out_of_them += 1;
            assert!(ran.status == 75 && !ran.err.contains("created"), "{limit}: {ran}");
            assert_eq!(server.stats().applied(CREATE), created, "{limit}: {ran}");
        } else {
            assert!(!ran.err.contains("response was lost"), "{limit}: {ran}");
        }
    }
    assert!(out_of_them > 0, "no limit hit a connection");
}

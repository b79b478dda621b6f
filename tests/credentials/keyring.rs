//! The token from a real GNOME keyring, read by the real secret-tool in a D-Bus session of its own.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::Machine;
use crate::common::Service;

/// A bus that only this test knows. It starts no services by itself.
const BUS: &str = "<busconfig><type>session</type><listen>unix:dir=FOLDER</listen>\
    <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/>\
    <allow own=\"*\"/></policy></busconfig>";

/// The keyring daemon ends with its bus, and the bus with the end of standard input.
const SCRIPT: &str = "exec dbus-run-session --config-file=bus.conf -- sh -c '\
    printf %s password | timeout 60 gnome-keyring-daemon --unlock --components=secrets > daemon || exit; \
    echo \"$DBUS_SESSION_BUS_ADDRESS\"; exec cat > /dev/null'";

/// An unlocked keyring.
struct Keyring {
    service: Service,
    bus: String,
}

impl Keyring {
    fn new() -> Keyring {
        let mut service = Service::start(&[("bus.conf", BUS)], SCRIPT);
        let keyring = Keyring { bus: service.line(), service };
        // The daemon says that it runs a moment before it is on the bus.
        keyring.service.wait_until(|| keyring.store("nobody@example.com", "x").is_ok());
        keyring
    }

    /// Stores a password as the official client does. The error is secret-tool's message.
    fn store(&self, account: &str, password: &str) -> Result<(), String> {
        let mut child = Command::new("/usr/bin/secret-tool")
            .args(["store", "--label=heroku-cli", "service", "heroku-cli", "account", account])
            .env_clear()
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may end before it has read anything.
        let _ = child.stdin.take().unwrap().write_all(password.as_bytes());
        let ended = child.wait_with_output().unwrap();
        match ended.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&ended.stderr).into_owned()),
        }
    }
}

#[test]
fn a_real_keyring_has_the_token_of_the_account() {
    needs!("dbus-run-session", "dbus-daemon", "gnome-keyring-daemon", "secret-tool");
    let (mut machine, keyring) = (Machine::new(), Keyring::new());
    machine.set("DBUS_SESSION_BUS_ADDRESS", &keyring.bus);
    machine.login();
    machine.netrc("machine 127.0.0.1 password wrong");
    // The password of another account is not used, and the file comes next.
    keyring.store("other@example.com", &machine.token()).unwrap();
    machine.refused();
    keyring.store("me@example.com", "no-longer-valid").unwrap();
    machine.refused();
    // The keyring comes before the file.
    keyring.store("me@example.com", &machine.token()).unwrap();
    assert_eq!(machine.found(), "");
    // Without the keyring the file is used.
    drop(keyring);
    machine.refused();
    machine.netrc("machine 127.0.0.1 password TOKEN");
    assert_eq!(machine.found(), "");
    let ran = machine.run(&["client", "-o", "id", "-v"]);
    assert!(ran.err.contains("no token from the keychain: secret-tool: "), "{}", ran.err);
}

//! The sources of the token: stand-ins for the helpers on PATH, a real gpg, files as the official client leaves
//! them. The sandbox decides: a token that is not the account's is refused with status 4.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../common/mod.rs"]
mod common;

mod accounts;
mod keyring;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Folder, Ran, finish, programs, start};
use oauth_tools::sandbox::{Server, Settings};

/// A machine with an account: a home, a folder of stand-ins, and the variables of a run.
struct Machine {
    _folder: Folder,
    server: Server,
    home: PathBuf,
    bin: PathBuf,
    vars: Vec<(String, String)>,
}

impl Machine {
    fn new() -> Machine {
        let (server, folder) = (start(Settings::default()), Folder::new());
        let (home, bin) = (folder.join("home"), folder.join("bin"));
        fs::create_dir_all(&home).unwrap();
        fs::create_dir_all(&bin).unwrap();
        let vars = vec![
            ("HEROKU_HOST".to_owned(), server.url()),
            ("HOME".to_owned(), home.display().to_string()),
            ("PATH".to_owned(), format!("{}:/usr/bin:/bin", bin.display())),
        ];
        Machine { _folder: folder, server, home, bin, vars }
    }

    fn token(&self) -> String {
        self.server.token().to_owned()
    }

    fn set(&mut self, name: &str, value: &str) -> &mut Machine {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file into the home that only its owner can read.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn netrc(&self, text: &str) -> PathBuf {
        self.file(".netrc", &text.replace("TOKEN", self.server.token()))
    }

    fn login(&self) {
        self.file(".local/share/heroku/login.json", "{\"account\":\"me@example.com\"}");
    }

    /// Writes a stand-in that notes its arguments, one per line, and its environment.
    fn stand_in(&self, name: &str, script: &str) {
        let path = self.bin.join(name);
        let notes = self.bin.display();
        let text = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" > '{notes}/{name}.argv'\nenv > '{notes}/{name}.env'\n\
             cat > '{notes}/{name}.stdin'\n{script}\n"
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn note(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.bin.join(name)).ok()
    }

    #[track_caller]
    fn run(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(programs().join("oauth-ls"));
        command.args(args).env_clear().envs(self.vars.iter().map(|(name, value)| (name, value)));
        let ran = finish(command);
        assert!(!ran.err.contains(self.server.token()), "a token in a message: {}", ran.err);
        ran
    }

    /// Asserts that the right token was found; returns the messages.
    #[track_caller]
    fn found(&self) -> String {
        let ran = self.run(&["client", "-o", "id", "--retry-for", "0"]);
        assert_eq!((ran.status, ran.out.lines().count()), (0, 4), "{}", ran.err);
        ran.err
    }

    /// Asserts that no token was found, or a wrong one; returns the messages.
    #[track_caller]
    fn refused(&self) -> String {
        let ran = self.run(&["client", "-o", "id", "--retry-for", "0"]);
        assert_eq!((ran.status, ran.out.as_str()), (4, ""), "{}", ran.err);
        ran.err
    }
}

/// The helper of this system's keychain, and the expected arguments.
const KEYCHAIN: (&str, &str) = if cfg!(target_os = "macos") {
    ("security", "find-generic-password\n-a\nme@example.com\n-s\nheroku-cli\n-w\n")
} else {
    ("secret-tool", "lookup\nservice\nheroku-cli\naccount\nme@example.com\n")
};

#[test]
fn the_variable_comes_first() {
    let mut machine = Machine::new();
    machine.login();
    machine.stand_in(KEYCHAIN.0, "echo wrong");
    machine.netrc("default password wrong");
    let token = machine.token();
    machine.set("HEROKU_API_KEY", &token);
    assert_eq!(machine.found(), "");
    assert_eq!(machine.note(&format!("{}.argv", KEYCHAIN.0)), None, "nobody else was asked");
}

#[test]
fn an_unusable_variable_is_refused_and_not_shown() {
    for (key, what) in [("sekret\nEvil: 1", "contains a line break"), ("sek ret", "contains a character")] {
        let mut machine = Machine::new();
        machine.set("HEROKU_API_KEY", key);
        let ran = machine.run(&[]);
        assert_eq!(ran.status, 2);
        assert!(ran.err.contains(what) && !ran.err.contains("sek"), "{}", ran.err);
    }
}

#[test]
fn the_keychain_helper_runs_without_a_shell_and_gets_no_secret() {
    let mut machine = Machine::new();
    machine.login();
    machine.netrc("machine 127.0.0.1 password wrong");
    machine.stand_in(KEYCHAIN.0, &format!("echo '{}'", machine.token()));
    machine
        .set("HEROKU_API_KEY", "")
        .set("HEROKU_API_TOKEN", "HRKU-sekret")
        .set("HEROKU_TWO_FACTOR_CODE", "sekret")
        .set("HEROKU_HEADERS", "{\"X-A\":\"sekret\"}")
        .set("HARMLESS", "stays");
    assert_eq!(machine.found(), "");
    let (helper, argv) = KEYCHAIN;
    assert_eq!(machine.note(&format!("{helper}.argv")).as_deref(), Some(argv));
    assert_eq!(machine.note(&format!("{helper}.stdin")).as_deref(), Some(""));
    let env = machine.note(&format!("{helper}.env")).unwrap();
    assert!(env.contains("HARMLESS=stays\n"), "{env}");
    for name in ["HEROKU_API_KEY", "HEROKU_API_TOKEN", "HEROKU_TWO_FACTOR_CODE", "HEROKU_HEADERS", "sekret"] {
        assert!(!env.contains(name), "{name}: {env}");
    }
}

#[test]
fn an_account_name_is_neither_a_command_nor_an_option() {
    let machine = Machine::new();
    machine.stand_in(KEYCHAIN.0, "exit 1");
    let asked = format!("{}.argv", KEYCHAIN.0);
    let login = |account: &str| {
        let text = serde_json::json!({ "account": account, "token": "x" }).to_string();
        machine.file(".local/share/heroku/login.json", &text);
        let _ = fs::remove_file(machine.bin.join(&asked));
        machine.refused();
        machine.note(&asked)
    };
    let hostile = "$(touch owned); `touch owned` 'x' \"y\" & z@example.com";
    let argv = login(hostile).unwrap();
    assert!(argv.lines().any(|line| line == hostile), "{argv}");
    assert!(!machine.home.join("owned").exists() && !Path::new("owned").exists());
    for not_asked in ["--help", "-w", "", "a\nb"] {
        assert_eq!(login(not_asked), None, "{not_asked:?}");
    }
    machine.file(".local/share/heroku/login.json", "{\"account\":");
    assert!(machine.refused().contains("no token for 127.0.0.1"));
}

#[test]
fn the_keychains_token_is_sent_to_heroku_only() {
    let mut machine = Machine::new();
    machine.login();
    machine.stand_in(KEYCHAIN.0, "echo sekret");
    machine.set("HEROKU_HOST", "heroku.example");
    let err = machine.refused();
    assert!(err.contains("no token for api.heroku.example"), "{err}");
    assert_eq!(machine.note(&format!("{}.argv", KEYCHAIN.0)), None);
}

#[test]
fn a_keychain_without_a_token_is_skipped() {
    for script in ["exit 1", "echo", "printf '\\377'"] {
        let machine = Machine::new();
        machine.login();
        machine.stand_in(KEYCHAIN.0, script);
        machine.netrc("machine 127.0.0.1 login me password TOKEN");
        assert_eq!(machine.found(), "", "{script}");
    }
    // And one that is not there at all.
    let mut machine = Machine::new();
    machine.login();
    machine.netrc("machine 127.0.0.1 login me password TOKEN");
    let bin = machine.bin.display().to_string();
    machine.set("PATH", &bin);
    assert_eq!(machine.found(), "");
    let told = machine.run(&["-v", "client"]).err;
    assert!(told.contains(&format!("no token from the keychain: {}: ", KEYCHAIN.0)), "{told}");
}

#[test]
fn xdg_data_home_is_used_and_netrc_write_skips_the_keychain() {
    let mut machine = Machine::new();
    machine.file("data/heroku/login.json", "{\"account\":\"me@example.com\"}");
    let data = machine.home.join("data").display().to_string();
    machine.stand_in(KEYCHAIN.0, &format!("echo '{}'", machine.token()));
    assert!(machine.refused().contains("no token"));
    machine.set("XDG_DATA_HOME", &data);
    machine.found();
    fs::remove_file(machine.bin.join(format!("{}.argv", KEYCHAIN.0))).unwrap();
    machine.set("HEROKU_NETRC_WRITE", "true");
    machine.refused();
    assert_eq!(machine.note(&format!("{}.argv", KEYCHAIN.0)), None);
    for meaningless in ["1", "yes", "TRUE", "tru\n"] {
        machine.set("HEROKU_NETRC_WRITE", meaningless);
        let ran = machine.run(&["authz"]);
        let what = format!("HEROKU_NETRC_WRITE must be 'true' or 'false', not '{}'", meaningless.trim());
        assert_eq!((ran.status, ran.err.contains(&what)), (2, true), "{ran}");
        assert_eq!(machine.note(&format!("{}.argv", KEYCHAIN.0)), None);
    }
    for ours in ["false", ""] {
        machine.set("HEROKU_NETRC_WRITE", ours);
        machine.found();
    }
    // For a host that never gets the token in the keychain, the variable means nothing.
    machine.set("HEROKU_NETRC_WRITE", "1").set("HEROKU_HOST", "https://api.example.test");
    assert!(machine.refused().contains("no token for api.example.test"));
}

#[test]
fn each_form_of_a_netrc_file_is_read() {
    for text in [
        "machine 127.0.0.1\n  login me@example.com\n  password TOKEN\n",
        "machine 127.0.0.1 login me password TOKEN",
        "# machine 127.0.0.1 password wrong\nmachine 127.0.0.1 login me password TOKEN # mine\n",
        "machine other.example password wrong\n\ndefault login me password TOKEN\n",
        "default password wrong\nmachine 127.0.0.1 password TOKEN\n",
        "machine 127.0.0.1 login \"my \\\"self\\\"\" password \"TOKEN\"\n",
        "macdef init\nmachine 127.0.0.1 password wrong\n\nmachine 127.0.0.1 password TOKEN\n",
        "machine 127.0.0.1\r\n\tlogin me\r\n\tpassword TOKEN\r\n",
    ] {
        let machine = Machine::new();
        machine.netrc(text);
        assert_eq!(machine.found(), "", "{text}");
    }
    let machine = Machine::new();
    machine.netrc("machine api.heroku.com login me password TOKEN");
    assert!(machine.refused().contains("no token for 127.0.0.1"));
}

#[test]
fn a_netrc_file_that_others_can_read_causes_one_warning() {
    let machine = Machine::new();
    let path = machine.netrc("machine 127.0.0.1 password TOKEN");
    for mode in [0o640, 0o604, 0o644] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let path = path.display();
        let warning =
            format!("oauth-ls: warning: {path} can be read by other users\noauth-ls: run chmod 600 {path}\n");
        assert_eq!(machine.found(), warning, "{mode:o}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(machine.found(), "");
}

#[test]
fn a_missing_netrc_file_is_ignored_and_an_unreadable_one_is_reported() {
    let machine = Machine::new();
    assert!(machine.refused().starts_with("oauth-ls: no token"));
    let path = machine.home.join(".netrc");
    std::os::unix::fs::symlink(&path, &path).unwrap();
    assert!(machine.refused().starts_with(&format!("oauth-ls: warning: {}: ", path.display())));
}

#[test]
fn a_missing_token_is_reported_with_what_to_set() {
    let mut machine = Machine::new();
    let err = machine.refused();
    assert!(err.contains("no token for 127.0.0.1\n") && err.contains("set HEROKU_API_KEY"), "{err}");
    let token = machine.token();
    machine.set("HEROKU_API_TOKEN", &token);
    let err = machine.refused();
    let meant = "no token: HEROKU_API_TOKEN is set, but the variable is called HEROKU_API_KEY\n";
    assert!(err.contains(meant), "{err}");
    // If there is another token, the variable is not mentioned.
    machine.netrc("machine 127.0.0.1 password TOKEN");
    assert_eq!(machine.found(), "");
}

#[test]
fn an_invalid_stored_token_is_not_sent() {
    let machine = Machine::new();
    machine.netrc("machine 127.0.0.1 password \"sek ret\"");
    let err = machine.refused();
    assert!(
        err.contains("the stored token contains a character that is not allowed in a token")
            && !err.contains("sek"),
        "{err}"
    );
}

/// A home for gpg with a fresh key; ends the agent it started.
struct Keys {
    home: PathBuf,
}

impl Keys {
    fn new(name: &str, passphrase: &str) -> Keys {
        // The agent's socket needs a short path.
        let home = std::env::temp_dir().join(format!("oauth-gpg-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        let keys = Keys { home };
        keys.gpg(&[
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            passphrase,
            "--quick-generate-key",
            "me@example.com",
            "future-default",
            "default",
            "never",
        ]);
        // The agent's memory of the passphrase ends with it.
        keys.end_agent();
        keys
    }

    fn end_agent(&self) {
        let end = ["--kill", "all"];
        let _ = Command::new("gpgconf").env("GNUPGHOME", &self.home).args(end).output();
    }

    fn gpg(&self, args: &[&str]) {
        let run = Command::new("gpg")
            .env("GNUPGHOME", &self.home)
            .args(["--batch", "--quiet", "--yes", "--trust-model", "always"])
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.end_agent();
        let _ = fs::remove_dir_all(&self.home);
    }
}

#[test]
fn an_encrypted_netrc_is_read_by_a_real_gpg() {
    needs!("gpg", "gpg-agent", "gpgconf");
    let mut machine = Machine::new();
    let keys = Keys::new("real", "");
    let path = machine.netrc("machine 127.0.0.1\n  login me\n  password TOKEN\n");
    keys.gpg(&["-r", "me@example.com", "--encrypt", &path.display().to_string()]);
    machine.netrc("machine 127.0.0.1 password wrong");
    machine.set("GNUPGHOME", &keys.home.display().to_string());
    assert_eq!(machine.found(), "");

    // Without the key the other file comes next, and the reason is reported.
    let other = Keys::new("other", "");
    machine.set("GNUPGHOME", &other.home.display().to_string());
    let err = machine.refused();
    let encrypted = machine.home.join(".netrc.gpg");
    assert!(err.starts_with(&format!("oauth-ls: warning: ignoring {}: gpg: ", encrypted.display())), "{err}");
    machine.netrc("machine 127.0.0.1 password TOKEN");
    assert!(machine.found().contains(&format!("warning: ignoring {}: gpg: ", encrypted.display())));
}

#[test]
fn gpg_never_asks_for_a_passphrase() {
    needs!("gpg", "gpg-agent", "gpgconf");
    let mut machine = Machine::new();
    let keys = Keys::new("locked", "sekret");
    let path = machine.netrc("machine 127.0.0.1 password TOKEN");
    keys.gpg(&["-r", "me@example.com", "--encrypt", &path.display().to_string()]);
    machine.netrc("machine 127.0.0.1 password wrong");
    let (pinentry, asked) = (machine.file("pinentry", ""), machine.home.join("asked"));
    fs::write(&pinentry, format!("#!/bin/sh\ntouch '{}'\n", asked.display())).unwrap();
    fs::set_permissions(&pinentry, fs::Permissions::from_mode(0o755)).unwrap();
    let agent = format!("pinentry-program {}\n", pinentry.display());
    fs::write(keys.home.join("gpg-agent.conf"), agent).unwrap();
    machine.set("GNUPGHOME", &keys.home.display().to_string());
    let err = machine.refused();
    let encrypted = machine.home.join(".netrc.gpg");
    let told = format!("oauth-ls: warning: ignoring {}: gpg: ", encrypted.display());
    assert!(err.starts_with(&told), "{err}");
    assert!(!asked.exists(), "the agent asked: {err}");
    // A passphrase that the agent knows is not asked for.
    let encrypted = encrypted.display().to_string();
    keys.gpg(&["--pinentry-mode", "loopback", "--passphrase", "sekret", "--decrypt", &encrypted]);
    assert_eq!(machine.found(), "");
}

#[test]
fn gpg_runs_without_a_shell() {
    let mut machine = Machine::new();
    machine.file(".netrc.gpg", "sealed");
    machine.stand_in("gpg", &format!("echo 'machine 127.0.0.1 password {}'", machine.token()));
    machine.set("HEROKU_TWO_FACTOR_CODE", "sekret");
    assert_eq!(machine.found(), "");
    let options = "--batch\n--quiet\n--pinentry-mode\nerror\n--decrypt\n";
    let argv = format!("{options}{}\n", machine.home.join(".netrc.gpg").display());
    assert_eq!(machine.note("gpg.argv"), Some(argv));
    assert!(!machine.note("gpg.env").unwrap().contains("sekret"));
}

#[test]
fn an_unusable_encrypted_netrc_file_is_reported_in_one_line() {
    let machine = Machine::new();
    let path = machine.file(".netrc.gpg", "sealed");
    for (script, why) in [
        ("echo 'gpg: no key' >&2; echo >&2; exit 2", "gpg: no key"),
        ("echo first >&2; echo last >&2; exit 2", "gpg: last"),
        ("exit 2", "gpg: exit status: 2"),
        ("printf '\\377'", "gpg: its output is not UTF-8"),
    ] {
        machine.stand_in("gpg", script);
        let told = format!("oauth-ls: warning: ignoring {}: {why}\n", path.display());
        assert!(machine.refused().starts_with(&told), "{script}");
    }
}

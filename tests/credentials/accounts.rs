//! Several accounts, netrc files with mistakes, and what is around a token.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{KEYCHAIN, Machine};
use crate::common::{finish, programs};

impl Machine {
    /// The host and port of the sandbox.
    fn authority(&self) -> String {
        self.server.url().trim_start_matches("http://").to_owned()
    }
}

#[test]
fn a_mistake_in_another_entry_of_a_netrc_file_hides_nothing() {
    for other in [
        "machine h login x password #",
        "machine h login x password \"open",
        "machine h login x password \"a b\\\"",
        "machine h login x password",
        "machine h login",
        "machine",
        "default login x",
        "\u{feff}machine h login x password p",
        "frobnicate",
        "macdef init\ncd /pub",
    ] {
        for own in
            ["machine 127.0.0.1 login me password TOKEN", "machine 127.0.0.1\n login me\n password TOKEN"]
        {
            for glue in ["\n", "\r\n", "\n\u{feff}"] {
                let machine = Machine::new();
                machine.netrc(&format!("{other}{glue}{own}\n"));
                assert_eq!(machine.found(), "", "{other:?} {glue:?}");
            }
        }
    }
    let machine = Machine::new();
    machine.netrc("machine h\n  login x\n  password pmachine 127.0.0.1\n  login me\n  password TOKEN\n");
    assert_eq!(machine.found(), "");
}

#[test]
fn a_netrc_file_in_utf_16_is_read() {
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        let machine = Machine::new();
        let path = machine.file(".netrc", "");
        let text = format!("\u{feff}machine 127.0.0.1\r\n login me\r\n password {}\r\n", machine.token());
        let bytes: Vec<u8> = text.encode_utf16().flat_map(order).collect();
        fs::write(path, bytes).unwrap();
        assert_eq!(machine.found(), "");
    }
}

#[test]
fn a_netrc_file_without_a_usable_token_is_reported_with_its_line() {
    for (text, why) in [
        ("", " has no entry for it\n"),
        ("machine h login x password p\n", " has no entry for it\n"),
        ("\nmachine 127.0.0.1\n  login me\n", ": line 2: the entry has no password\n"),
        (
            "machine 127.0.0.1 login me password\n",
            ": line 1: the entry has no password; line 1: the password is missing\n",
        ),
        ("\n\nmachine h password \"p\n", " has no entry for it; line 3: a quote does not end\n"),
        ("machine\n", " has no entry for it; line 1: 'machine' has no name\n"),
    ] {
        let machine = Machine::new();
        let path = machine.netrc(text);
        let told = format!("oauth-ls: no token for 127.0.0.1: {}{why}", path.display());
        let err = machine.refused();
        assert!(err.starts_with(&told), "{text:?}: {err}");
    }
}

#[test]
fn the_entry_of_host_and_port_comes_before_that_of_the_host() {
    let machine = Machine::new();
    let authority = machine.authority();
    for text in [
        format!("machine 127.0.0.1 password wrong\nmachine {authority} login me password TOKEN\n"),
        format!("machine {authority} login me password TOKEN\nmachine 127.0.0.1 password wrong\n"),
        "machine 127.0.0.1:1 password wrong\nmachine 127.0.0.1 password TOKEN\n".to_owned(),
        format!("machine {authority} login me\nmachine 127.0.0.1 password TOKEN\n"),
    ] {
        machine.netrc(&text);
        assert_eq!(machine.found(), "", "{text}");
    }
}

#[test]
fn netrc_names_the_file_to_read() {
    let mut machine = Machine::new();
    machine.netrc("machine 127.0.0.1 password wrong");
    let text = format!("machine 127.0.0.1 password {}", machine.token());
    let path = machine.file("elsewhere", &text).display().to_string();
    machine.set("NETRC", &path);
    assert_eq!(machine.found(), "");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(machine.found().contains(&format!("warning: {path} can be read by other users")));
    machine.set("NETRC", "");
    machine.refused();
    for (name, why) in [
        ("/nonexistent", "no such file or directory"),
        ("/tmp", "is a directory"),
        ("/x.gpg", "no such file or directory"),
    ] {
        machine.set("NETRC", name);
        let ran = machine.run(&["client"]);
        assert_eq!((ran.status, ran.err), (2, format!("oauth-ls: NETRC: {name}: {why}\n")), "{name}");
    }
    // An encrypted one is decrypted.
    let sealed = machine.file("other.gpg", "sealed").display().to_string();
    machine.stand_in("gpg", &format!("echo '{text}'"));
    machine.set("NETRC", &sealed);
    assert_eq!(machine.found(), "");
    // A pipe of the shell is read too.
    let mut command = Command::new("bash");
    command
        .arg("-c")
        .arg(format!("NETRC=<(echo '{text}') {} client -o id", programs().join("oauth-ls").display()));
    command.env_clear().envs(machine.vars.iter().filter(|(name, _)| name != "NETRC").map(|(n, v)| (n, v)));
    let ran = finish(command);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
}

#[test]
fn an_account_is_picked_from_a_netrc_file() {
    let mut machine = Machine::new();
    machine.netrc(
        "machine 127.0.0.1 login ann@example.com password wrong\n\
         machine 127.0.0.1 login Bob@example.com password TOKEN\n\
         machine other.example login eve@example.com password wrong\n",
    );
    let ls = |machine: &Machine, account: &str| machine.run(&["client", "-o", "id", "--account", account]);
    assert_eq!(ls(&machine, "bob@example.com").status, 0);
    assert_eq!(ls(&machine, "ann@example.com").status, 4);
    let ran = ls(&machine, "eve@example.com");
    let told = "oauth-ls: no token for 127.0.0.1 of the account 'eve@example.com': the stored accounts are \
                Bob@example.com, ann@example.com\n";
    assert!(ran.status == 4 && ran.err.starts_with(told), "{ran}");
    for bad in [" ", "-x", "a\nb"] {
        let ran = machine.run(&["client", &format!("--account={bad}")]);
        assert!(ran.status == 2 && ran.err.contains("is not the name of an account"), "{bad:?}: {ran}");
    }
    // The option comes before the token of the environment, that before the variable.
    machine.set("OAUTH_ACCOUNT", "bob@example.com");
    assert_eq!(machine.found(), "");
    assert_eq!(ls(&machine, "ann@example.com").status, 4);
    machine.set("HEROKU_API_KEY", "wrong");
    machine.refused();
    assert_eq!(ls(&machine, "bob@example.com").status, 0);
    machine.set("HEROKU_API_KEY", "").set("OAUTH_ACCOUNT", "nobody@example.com");
    assert!(machine.refused().contains("the stored accounts are"));
    machine.set("OAUTH_ACCOUNT", "-x");
    let ran = machine.run(&["client"]);
    assert!(ran.status == 2 && ran.err.contains("OAUTH_ACCOUNT: '-x' is not the name"), "{ran}");
}

#[test]
fn an_account_is_picked_from_the_keychain_and_from_an_encrypted_file() {
    let machine = Machine::new();
    machine.login();
    let only = |name: &str| format!("case \"$*\" in *{name}*) echo '{}';; *) exit 1;; esac", machine.token());
    machine.stand_in(KEYCHAIN.0, &only("bob@example.com"));
    let ls = |account: &str| machine.run(&["client", "-o", "id", "--account", account]);
    assert_eq!(ls("bob@example.com").status, 0);
    let ran = ls("ann@example.com");
    assert!(ran.status == 4 && ran.err.contains("the stored accounts are me@example.com\n"), "{ran}");
    // Without an account, it is that of the official client.
    machine.refused();
    machine.file(".netrc.gpg", "sealed");
    let entry = format!("machine 127.0.0.1 login ann@example.com password {}", machine.token());
    machine.stand_in("gpg", &format!("echo '{entry}'"));
    assert_eq!(ls("ann@example.com").status, 0);
    assert_eq!(ls("eve@example.com").status, 4);
}

#[test]
fn what_is_around_a_token_is_removed_and_what_is_not_a_token_is_refused() {
    let mut machine = Machine::new();
    let token = machine.token();
    for (before, after) in [(" ", " "), ("", "\n"), ("\t", "\r\n"), ("\u{feff}", "\u{a0}")] {
        machine.set("HEROKU_API_KEY", &format!("{before}{token}{after}"));
        assert_eq!(machine.found(), "");
    }
    let quoted = format!("\"{token}\"");
    let bearer = format!("Bearer {token}");
    for (value, what) in [
        (&quoted[..], "has quotes around it: an env file keeps its quotes, remove them"),
        ("'x'", "has quotes around it: an env file keeps its quotes, remove them"),
        (&bearer, "has a word such as 'Bearer' before the token: remove it"),
        ("***", "is masked: a part of it is hidden"),
        ("undefined", "is 'undefined', 'null' or the like, and not a token"),
        ("null", "is 'undefined', 'null' or the like, and not a token"),
        ("  ", "is blank"),
        ("${KEY}", "is a placeholder that was not replaced"),
    ] {
        let mut machine = Machine::new();
        machine.set("HEROKU_API_KEY", value);
        let ran = machine.run(&["client"]);
        assert_eq!((ran.status, ran.err), (2, format!("oauth-ls: HEROKU_API_KEY {what}\n")), "{value}");
        // From a file and from the keychain.
        let mut machine = Machine::new();
        let escaped = value.replace('"', "\\\"");
        let path = machine.netrc(&format!("machine 127.0.0.1 login me password \"{escaped}\"\n"));
        let err = machine.refused();
        let told = format!("oauth-ls: the stored token {what} (from {}, line 1)\n", path.display());
        assert!(err.starts_with(&told), "{value}: {err}");
        machine.login();
        machine.set("VALUE", value);
        machine.stand_in(KEYCHAIN.0, "printf '%s\\n' \"$VALUE\"");
        let err = machine.refused();
        let told = format!("oauth-ls: the stored token {what} (from the keychain, account me@example.com)\n");
        assert!(err.starts_with(&told), "{value}: {err}");
    }
}

#[test]
fn a_rejected_token_is_reported_with_its_source() {
    let wrong = "01234567-89ab-cdef-0123-456789abcdef";
    let mut machine = Machine::new();
    let check = |machine: &Machine, source: &str| {
        let err = machine.refused();
        assert!(err.contains(&format!("; the token is from {source}\n")) && !err.contains(wrong), "{err}");
        let err = machine.run(&["-v", "client"]).err;
        assert!(err.contains(&format!("using the token from {source}\n")) && !err.contains(wrong), "{err}");
    };
    let path = machine.netrc(&format!("\nmachine 127.0.0.1 password {wrong}\n"));
    check(&machine, &format!("{}, line 2", path.display()));
    let sealed = machine.file(".netrc.gpg", "sealed");
    machine.stand_in("gpg", &format!("echo 'machine 127.0.0.1 password {wrong}'"));
    check(&machine, &format!("{}, line 1", sealed.display()));
    machine.login();
    machine.stand_in(KEYCHAIN.0, &format!("echo '{wrong}'"));
    check(&machine, "the keychain, account me@example.com");
    machine.set("HEROKU_API_KEY", wrong);
    check(&machine, "HEROKU_API_KEY");
}

//! Entries and mistakes of netrc files.

use super::*;

const HOST: &str = "api.heroku.com";

#[test]
fn passwords_are_found_in_entries_of_every_form() {
    for (text, want) in [
        ("machine api.heroku.com\n  login me\n  password p1\n", Some("p1")),
        ("machine api.heroku.com login me password p1", Some("p1")),
        ("machine api.heroku.com password p1 login me", Some("p1")),
        ("MACHINE x machine API.HEROKU.COM password p1", Some("p1")),
        ("Machine api.heroku.com Login me Password p1", Some("p1")),
        ("machine other password p0\nmachine api.heroku.com password p1", Some("p1")),
        ("machine api.heroku.com password p1\nmachine api.heroku.com password p2", Some("p1")),
        ("machine api.heroku.com login me\nmachine api.heroku.com password p2", Some("p2")),
        ("machine other password p0\ndefault login x password p3", Some("p3")),
        ("default password p3\nmachine api.heroku.com password p1", Some("p1")),
        ("machine api.heroku.com login me\ndefault password p3", Some("p3")),
        ("default password p3\nmachine other password p0\nmachine", Some("p3")),
        ("machine api.heroku.com password \"a b\\\"c\\\\\"", Some("a b\"c\\")),
        ("# machine api.heroku.com password p0\nmachine api.heroku.com password p1 # x", Some("p1")),
        ("machine api.heroku.com# mine\n password p1", Some("p1")),
        ("machine api.heroku.com # mine\n # password p0\n password p1", Some("p1")),
        ("machine api.heroku.com\r\n\tpassword p1\r\n", Some("p1")),
        ("machine other\rpassword #\rmachine api.heroku.com\rpassword p1\r", Some("p1")),
        ("machine api.heroku.com port 99 password p1", Some("p1")),
        ("machine\napi.heroku.com\nlogin\nme\npassword\np1\n", Some("p1")),
        ("machine api.heroku.com user me password p1", Some("p1")),
        ("machine api.heroku.com login machine password p1", Some("p1")),
        ("machine other login default password p0\nmachine api.heroku.com password p1", Some("p1")),
        ("macdef init\nmachine api.heroku.com password p0\n\nmachine api.heroku.com password p1", Some("p1")),
        ("machine api.heroku.com macdef x\npassword p0", None),
        ("macdef x\nput machine api.heroku.com password p0\n\n", None),
        ("machine api.heroku.com login password password p1", Some("p1")),
        ("machine api.heroku.com password p0 password p1", Some("p1")),
        ("machine api.heroku.com\n  password p0\n  login me\n  password p1\n", Some("p1")),
        ("machine api.heroku.com password p1\nmachine\n  login me\n  password p0", Some("p1")),
        ("machine api.heroku.com login me\nmachine\n  login me\n  password p0", None),
        ("machine api.heroku.com login me\nmachine login me password p0", None),
        ("machine api.heroku.com password \"\"\ndefault password p3", Some("p3")),
        ("machine\n# machine api.heroku.com password p0\nmachine api.heroku.com password p1", Some("p1")),
        ("machine # mine\napi.heroku.com password p1", Some("p1")),
        ("macdef x\nmachine api.heroku.com password p0\n\ndefault password p3", Some("p3")),
        ("default password p3\nmacdef x\nput y\nmachine api.heroku.com password p0", Some("p3")),
        ("macdef x\nput y\nmachine api.heroku.com password p1", Some("p1")),
        ("machine other password p0", None),
        ("machine api.heroku.com password", None),
        ("# machine api.heroku.com password p0", None),
        ("machine", None),
        ("", None),
    ] {
        assert_eq!(password(text, HOST, None).as_deref(), want, "{text:?}");
    }
}

#[test]
fn a_mistake_in_another_entry_hides_nothing() {
    let other = [
        "machine other password #",
        "machine other password \"open",
        "machine other password \"open # x",
        "machine other password \"it's \\\"",
        "machine other password 'a b",
        "machine other login \"",
        "machine other login me password",
        "machine other login",
        "machine other account",
        "machine other\n  login\n  password p0",
        "machine",
        "machine \"",
        "login password",
        "password",
        "default",
        "default login",
        "frobnicate",
        "<<<<<<< HEAD",
        "{\"machine\": 1}",
        "macdef init\n  cd /pub",
        "macdef",
        "\u{feff}machine other password p0",
        "machine other password p0\u{0}",
        "machine other password \u{ab}\u{a0}\u{bb}",
    ];
    let own = [
        "machine api.heroku.com login me password p1",
        "machine api.heroku.com\n  login me\n  password p1",
        "\u{feff}machine api.heroku.com password p1",
        "  machine api.heroku.com\n  password p1",
        "machine\u{a0}api.heroku.com\n\u{a0}\u{a0}password\u{a0}p1",
    ];
    for own in own {
        for first in other {
            for end in ["\n", "\r\n", "\r"] {
                let text = format!("{first}\n{own}\n").replace('\n', end);
                assert_eq!(password(&text, HOST, None).as_deref(), Some("p1"), "{text:?}");
                let text = format!("{own}\n{first}\n").replace('\n', end);
                assert_eq!(password(&text, HOST, None).as_deref(), Some("p1"), "{text:?}");
            }
        }
    }
}

#[test]
fn a_line_break_may_be_missing_before_machine() {
    for before in [
        "machine other login x password p0 ",
        "machine other login x password p0",
        "machine other\n  login x\n  password p0",
        "machine other login x password ",
        "machine other login ",
        "machine other login x password",
        "machine other login",
        "machine other account",
        "machine other port",
        "machine other password \"open ",
        "machine other password # ",
    ] {
        for own in [
            "api.heroku.com login me password p1",
            "api.heroku.com port 22 password p1",
            "api.heroku.com\n  login me\n  password p1",
        ] {
            let text = format!("{before}machine {own}\n");
            assert_eq!(password(&text, HOST, None).as_deref(), Some("p1"), "{text:?}");
        }
    }
    let ours = "machine api.heroku.com login me password p1machine other login x password p0";
    assert_eq!(password(ours, HOST, None).as_deref(), Some("p1"));
    let name = "machine api.heroku.com login timemachine password\n p1";
    assert_eq!(password(name, HOST, None).as_deref(), Some("p1"));
}

#[test]
fn the_entry_of_the_port_comes_first() {
    let text = "default password p3\nmachine h password p2\nmachine H:8443 login me password p1\n";
    let found = |port| {
        let file = Netrc::parse(text);
        file.entries("h", port).filter_map(|e| e.password.clone()).collect::<Vec<_>>()
    };
    assert_eq!(found(Some(8443)), ["p1", "p2", "p3"]);
    assert_eq!(found(Some(1)), ["p2", "p3"]);
    assert_eq!(found(None), ["p2", "p3"]);
}

#[test]
fn the_first_mistake_is_named_with_its_line() {
    for (text, mistake) in [
        ("machine x\nlogin\npassword p", Some((2, "the login is missing"))),
        ("machine x login me password", Some((1, "the password is missing"))),
        ("\n\nmachine x password \"p\n", Some((3, "a quote does not end"))),
        ("machine\n", Some((1, "'machine' has no name"))),
        ("machine x password pmachine y\n", Some((1, "a line break is missing before 'machine'"))),
        (
            "macdef x\nput y\nmachine y",
            Some((1, "a macro does not end with an empty line before the next entry")),
        ),
        ("machine x login me password p\n# ok\ndefault login x password y\n", None),
    ] {
        assert_eq!(Netrc::parse(text).mistake(), mistake, "{text:?}");
    }
}

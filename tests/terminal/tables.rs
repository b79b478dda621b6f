//! Tables, blocks, colours.

use oauth_tools::sandbox::Settings;
use unicode_width::UnicodeWidthStr;

use crate::common::Ran;
use crate::pty::World;

fn account() -> World {
    World::new(Settings::default())
}

#[test]
fn a_list_fits_every_window() {
    needs!("setsid");
    let world = account();
    for columns in [40, 60, 80, 100, 140] {
        for script in ["oauth-ls", "oauth-ls authz --secrets", "oauth-ls client", "oauth-ls --marks"] {
            let shown = world.run(columns, script);
            assert_eq!((shown.status, shown.screen.wrapped), (0, 0), "{columns}: {}", shown.screen.text());
        }
    }
}

#[test]
fn columns_align_with_wide_and_combining_characters() {
    needs!("setsid");
    let world = account();
    for (columns, has_status) in [(80, false), (120, true)] {
        let shown = world.run(columns, "oauth-ls authz");
        let lines = shown.screen.lines();
        assert!(lines[0].starts_with("DESCRIPTION  "), "{}", lines[0]);
        assert_eq!(lines[0].contains("  STATUS  "), has_status, "{}", lines[0]);
        let start = lines[0].find("ID ").unwrap();
        let Ran { out: ids, .. } = world.off("oauth-ls authz -o id");
        assert_eq!(lines.len(), 1 + ids.lines().count());
        for id in ids.lines() {
            assert_eq!(shown.screen.columns_of(id), [start], "{}", shown.screen.text());
        }
        let mut names: Vec<&str> = lines[1..].iter().map(|line| line.split("  ").next().unwrap()).collect();
        names.dedup();
        assert_eq!(names.len(), ids.lines().count(), "each has its own");
        let ends = shown.screen.columns_of("in 3 days");
        assert_eq!(ends, [lines[0].find("EXPIRES").unwrap()]);
    }
}

#[test]
fn at_forty_columns_each_record_takes_several_lines() {
    needs!("setsid");
    let shown = account().run(40, "oauth-ls authz");
    let lines = shown.screen.lines();
    let at = lines.iter().position(|line| line == "夜間バックアップ 🌙 données").unwrap();
    assert_eq!(lines[at + 1].trim_start().len(), 36);
    assert_eq!(lines[at + 2..at + 4], ["  expires in 3 days", "  read-protected"]);
    assert!(lines.iter().all(|line| line.width() <= 40));
    assert!(lines.contains(&"oauth-tools sandbox (in use)".to_owned()));
}

#[test]
fn cells_send_no_control_characters_to_the_terminal() {
    needs!("setsid");
    // Screen::of fails for any other control character.
    let shown = account().run(140, "oauth-ls");
    assert!(shown.raw.contains(r"\u{1b}[31mred\u{1b}[0m \u{202e}txt.exe"));
    assert!(shown.raw.contains(r"two lines:\n"));
    assert!(!shown.raw.contains('\u{202e}'));
}

#[test]
fn colour_follows_the_status_and_the_settings() {
    needs!("setsid");
    let red = |script: &str| {
        let shown = account().run(120, script);
        assert_eq!(shown.status, 0, "{}", shown.raw);
        shown.raw.contains("\x1b[31mexpired\x1b[0m") && shown.raw.contains("\x1b[32mactive\x1b[0m")
    };
    assert!(red("oauth-ls authz"));
    assert!(red("NO_COLOR= oauth-ls authz"));
    assert!(red("NO_COLOR=1 oauth-ls authz --color always"));
    assert!(red("oauth-ls authz -o table --color always | cat"));
    for plain in [
        "NO_COLOR=1 oauth-ls authz",
        "TERM=dumb oauth-ls authz",
        "oauth-ls authz --color never",
        "oauth-ls authz -o table | cat",
        "oauth-ls authz | cat",
        "oauth-ls authz -o csv",
        "oauth-ls authz -o csv --color always",
    ] {
        let shown = account().run(120, plain);
        assert!(shown.status == 0 && !shown.raw.contains('\x1b'), "{plain}: {}", shown.raw);
    }
}

#[test]
fn off_a_terminal_nothing_depends_on_one() {
    needs!("setsid");
    let world = account();
    for format in ["", "-o csv", "-o json", "-o table", "-o id"] {
        let script = format!("oauth-ls client {format}");
        let Ran { status, out: off, .. } = world.off(&script);
        assert_eq!(status, 0);
        for columns in [40, 200] {
            world.run(columns, &format!("{script} > out"));
            let piped = std::fs::read_to_string(world.home.join("out")).unwrap();
            assert_eq!(piped, off, "{format}");
        }
    }
    let Ran { out: off, .. } = world.off("oauth-ls client");
    assert!(off.starts_with("{\"kind\":\"client\","));
}

#[test]
fn a_table_is_sorted_by_name_or_as_asked() {
    needs!("setsid");
    let world = account();
    let names = |script: &str| {
        let lines = world.run(120, script).screen.lines();
        lines[1..].iter().map(|line| line.split("  ").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let by_name = names("oauth-ls session");
    let mut sorted = by_name.clone();
    sorted.sort();
    assert_eq!(by_name, sorted);
    let by_age = names("oauth-ls session --sort created_at");
    assert_ne!(by_age, by_name);
    assert!(by_age[3].starts_with("Heroku CLI login "), "the youngest is the last: {by_age:?}");
}

#[test]
fn one_object_is_shown_as_a_block() {
    needs!("setsid");
    let world = account();
    let shown = world.run(80, "oauth-ls session '~'");
    let names: Vec<String> =
        shown.screen.lines().iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["Description", "ID", "Status", "Expires at", "Created at", "Updated at"]);
    assert!(shown.screen.text().contains("Status:        active (in use)"));
    assert!(shown.screen.text().contains("(in 29 days)") || shown.screen.text().contains("(in 28 days)"));
    let shown = world.run(80, "oauth-ls client $(oauth-ls client -o id | head -n 1)");
    assert!(shown.screen.text().contains("Secret:        **********\n"), "{}", shown.screen.text());
    let shown = world.run(80, "oauth-ls client --secrets $(oauth-ls client -o id | head -n 1)");
    assert!(!shown.screen.text().contains("**********"));
}

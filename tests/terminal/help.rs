//! Help, and the nearest name for an unknown one.

use std::process::Command;

use oauth_tools::tools::ALL;

use crate::common::{Ran, finish, programs};

fn run(line: &str) -> Ran {
    let mut words = line.split(' ');
    let mut command = Command::new(programs().join(words.next().unwrap()));
    command.args(words).env_clear();
    finish(command)
}

#[test]
fn both_helps_fit_80_columns_and_the_long_one_has_every_option() {
    for tool in ALL {
        let Ran { status, out: short, err, .. } = run(&format!("{} -h", tool.name));
        assert_eq!((status, err.as_str()), (0, ""));
        assert!(short.lines().count() <= 8 && short.contains(tool.about), "{short}");
        let Ran { status, out: long, err, .. } = run(&format!("{} --help", tool.name));
        assert_eq!((status, err.as_str()), (0, ""));
        assert!(long.starts_with(&short) && long.contains(&format!("{}(1)", tool.name)));
        for opt in tool.all_opts() {
            let name = format!("--{}{}", opt.long, opt.arg.map_or(String::new(), |arg| format!(" {arg}")));
            let row = long.lines().find(|line| line.contains(&format!("{name} ")) || line.ends_with(&name));
            let row = row.unwrap_or_else(|| panic!("{}: {name}", tool.name));
            assert!(opt.short.is_none_or(|c| row.contains(&format!("-{c}, "))), "{row}");
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            // That of -o names the formats of the tool.
            let help = if opt.long == "format" { "ndjson," } else { opt.help };
            assert!(words(&long).contains(help), "{}: {help}", tool.name);
        }
        for line in short.lines().chain(long.lines()) {
            assert!(line.len() <= 80 && line.trim_end() == line, "{}: {line:?}", tool.name);
        }
    }
}

#[test]
fn every_tool_suggests_the_nearest_option() {
    for tool in ALL {
        for opt in tool.all_opts() {
            // A typing mistake: the last letter twice.
            let wrong = format!("{}{}", opt.long, &opt.long[opt.long.len() - 1..]);
            let Ran { status, out, err, .. } = run(&format!("{} --{wrong}", tool.name));
            assert_eq!((status, out.as_str()), (2, ""), "{} --{wrong}", tool.name);
            let first = format!("{}: unknown option --{wrong}; did you mean --{}?", tool.name, opt.long);
            assert_eq!(err.lines().next(), Some(&first[..]));
        }
        let Ran { status, err, .. } = run(&format!("{} -Z", tool.name));
        assert_eq!(status, 2);
        assert!(err.contains("unknown option -Z\n") && err.contains(&format!("see {} -h", tool.name)));
    }
}

#[test]
fn every_tool_suggests_the_nearest_kind() {
    for tool in ["oauth-ls", "oauth-mk", "oauth-rm", "oauth-rot", "oauth-set"] {
        for (wrong, near) in
            [("clinet", "client"), ("autzh", "authz"), ("sesions", "sessions"), ("tokn", "token")]
        {
            let Ran { status, out, err, .. } = run(&format!("{tool} {wrong} a1"));
            assert_eq!((status, out.as_str()), (2, ""), "{tool} {wrong}");
            let first = format!("{tool}: unknown kind '{wrong}'; did you mean '{near}'?");
            assert_eq!(err.lines().next(), Some(&first[..]));
        }
    }
}

#[test]
fn an_unknown_option_value_gets_the_nearest_one() {
    for (line, near) in [
        ("oauth-ls -o jsno", "did you mean 'json'?"),
        ("oauth-ls -o tabel", "did you mean 'table'?"),
        ("oauth-ls --status expird", "did you mean 'expired'?"),
        ("oauth-ls --color alwasy", "did you mean 'always'?"),
        ("oauth-ls --sort nmae", "did you mean 'name'?"),
        ("oauth-mk authz -s raed", "did you mean 'read'?"),
        ("oauth-ls -o xyzzy", "use one of ndjson, table, csv, json, env, secret, id"),
    ] {
        let Ran { status, err, .. } = run(line);
        assert_eq!(status, 2, "{line}");
        assert!(err.contains(near), "{line}: {err}");
    }
}

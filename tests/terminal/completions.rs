//! The completions, in their shells.

use std::path::Path;

use oauth_tools::parts::Shell;
use oauth_tools::sandbox::Settings;
use oauth_tools::tools::completions as script;

use crate::common::Ran;
use crate::pty::World;

/// A typed line, words that must be offered, and words that must not.
const CASES: [(&str, &[&str], &[&str]); 30] = [
    ("oauth-rm ", &["authz", "client", "session", "token"], &[]),
    ("oauth-rm cl", &["client"], &["authz"]),
    ("oauth-ls ", &["authz", "client", "session"], &["token"]),
    ("oauth-rot ", &["authz", "client"], &["session", "token"]),
    ("oauth-mk ", &["authz", "client", "token"], &["session"]),
    ("oauth-rm client ", &["CLIENT"], &["AUTHZ", "authz"]),
    ("oauth-rm clients ", &["CLIENT"], &["AUTHZ"]),
    ("oauth-ls -o csv authorizations ", &["AUTHZ"], &["CLIENT"]),
    ("oauth-mk client ", &[], &["CLIENT"]),
    ("oauth-ls -o ", &["ndjson", "table", "csv", "json", "env", "secret", "id"], &[]),
    ("oauth-ls --format=js", &["json"], &["csv"]),
    ("oauth-ls --color a", &["auto", "always"], &["never"]),
    ("oauth-mk authz -s read,wr", &["read,write", "read,write-protected"], &[]),
    ("oauth-ls --client ", &["CLIENT"], &["AUTHZ"]),
    ("oauth-set --descr", &["--description"], &["--dry-run"]),
    ("oauth-run oauth-l", &["oauth-ls"], &["oauth-rm"]),
    // The command inside is completed as it would be without us.
    ("oauth-run cat old-", &["old-list"], &[]),
    ("oauth-run -e 1h -s read cat old-", &["old-list"], &[]),
    ("oauth-sandbox --load old-list cat old-", &["old-list"], &[]),
    ("oauth-sandbox -v cat old-", &["old-list"], &["--load"]),
    // Our options come before it only.
    ("oauth-run --sc", &["--scope"], &[]),
    ("oauth-run -e 1h --sc", &["--scope"], &[]),
    ("oauth-sandbox --load old-list --du", &["--dump"], &[]),
    ("oauth-run cat --", &[], &["--scope", "--log"]),
    ("oauth-run -e 1h -v cat -", &[], &["--scope", "--log"]),
    ("oauth-run -- cat --", &[], &["--scope", "--log"]),
    ("oauth-run -- -", &[], &["-s", "--scope"]),
    ("oauth-sandbox --load old-list cat --", &[], &["--load", "--dump"]),
    ("oauth-diff old-", &["old-list"], &[]),
    ("oauth-rm --rest old-", &["old-list"], &[]),
];

/// An account, a file, and the completions in a file.
fn world(shell: Shell) -> World {
    let world = World::new(Settings::default());
    std::fs::write(world.home.join("_oauth_tools"), script(shell)).unwrap();
    std::fs::write(world.home.join("old-list"), "").unwrap();
    world
}

/// Compares the words that a shell offers for a typed line with the cases.
fn judge(world: &World, offered: impl Fn(&str) -> Vec<String>) {
    let first = |kind: &str| world.off(&format!("oauth-ls {kind} -o id | head -n 1")).out.trim().to_owned();
    let (client, authz) = (first("client"), first("authz"));
    let named = |word: &str| match word {
        "CLIENT" => client.clone(),
        "AUTHZ" => authz.clone(),
        other => other.to_owned(),
    };
    for (typed, wanted, unwanted) in CASES {
        let offered = offered(typed);
        for word in wanted {
            assert!(offered.contains(&named(word)), "{typed:?}: no {word} in {offered:?}");
        }
        for word in unwanted {
            assert!(!offered.contains(&named(word)), "{typed:?}: {word} in {offered:?}");
        }
    }
}

/// Ids that do harm if a shell expands, splits or inserts them as they are, and one that is harmless.
const EVIL: &str = "$(touch ran)\n$(touch${IFS}ran)\n`touch ran`\na b\na'b\na\"b\na;touch ran\n-n\n~\n*\n\
    a\tb\na\\b\na\u{1b}[31m\n{a,b}\n";

/// Descriptions that do harm if a shell or a terminal believes them, as cells of CSV and as they are shown.
const DESCRIPTIONS: [(&str, &str); 17] = [
    ("$(touch ran)", "$(touch ran)"),
    ("`touch ran`", "`touch ran`"),
    ("a;touch ran", "a;touch ran"),
    ("a' ; touch ran '", "a' ; touch ran '"),
    ("\"a\"\" ; touch ran \"\"\"", "a\" ; touch ran \""),
    ("${(e):-$(touch ran)}", "${(e):-$(touch ran)}"),
    ("%F{red}%n %{", "%F{red}%n %{"),
    ("a:b\\:c", "a:b\\:c"),
    ("--", "--"),
    ("*", "*"),
    ("\u{1b}[31mred\u{1b}]0;title\u{7}", "[31mred]0;title"),
    ("a\tb\rc\u{7f}", "abc"),
    ("\u{9b}31m\u{85}", "31m"),
    ("txt.\u{202e}exe\u{2066}\u{200b}\u{feff}", "txt.exe"),
    ("\"one, two\"", "one, two"),
    ("Caf\u{e9} \u{65e5}\u{672c}", "Caf\u{e9} \u{65e5}\u{672c}"),
    ("", ""),
];

/// Returns the harmless ids, one for each description and one for a description without end.
fn good_ids() -> Vec<String> {
    (0..=DESCRIPTIONS.len()).map(|n| format!("good-id_{n:02}")).collect()
}

/// A word that is not a command must not be run, offered or split, whatever the account holds. Stands in for `oauth-ls`,
/// which does not print such ids and descriptions itself.
fn evil_world(shell: Shell) -> World {
    use std::os::unix::fs::PermissionsExt;
    let world = world(shell);
    let folder = world.home.join("evil");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("id"), format!("{EVIL}{}\n", good_ids().join("\n"))).unwrap();
    let mut table = "kind,id,status,expires_at,name,redirect_uri\n".to_owned();
    for id in EVIL.lines() {
        table.push_str(&format!("client,{id},active,,touch ran,\nclient,\"{id}\",active,,touch ran,\n"));
    }
    let endless = "x\u{e9}".repeat(5000);
    let cells = DESCRIPTIONS.iter().map(|(cell, _)| *cell).chain([endless.as_str()]);
    for (id, cell) in good_ids().iter().zip(cells) {
        table.push_str(&format!("client,{id},active,,{cell},https://x.example\n"));
    }
    // The list was cut off.
    table.push_str("client,good-i");
    std::fs::write(folder.join("csv"), table).unwrap();
    let program = folder.join("oauth-ls");
    std::fs::write(&program, format!("#!/bin/sh\ncat '{}'/\"$3\"\n", folder.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path =
        format!("{}:{}:/usr/local/bin:/usr/bin:/bin", folder.display(), crate::common::programs().display());
    world.set("PATH", &path)
}

/// Only the harmless ids are offered, where ids are.
fn judge_evil(world: &World, offered: impl Fn(&str) -> Vec<String>) {
    for typed in ["oauth-rm client ", "oauth-ls --client ", "oauth-rot authz ", "oauth-rm client g"] {
        let mut words = offered(typed);
        words.sort();
        assert_eq!(words, good_ids(), "{typed:?}");
        assert!(!world.home.join("ran").exists(), "{typed:?} ran code");
    }
}

/// Compares the lines that a shell shows with the descriptions. `between` separates an id from its description.
fn judge_shown(between: &str, mut lines: Vec<String>) {
    lines.sort();
    assert_eq!(lines.len(), DESCRIPTIONS.len() + 1, "{lines:?}");
    for ((line, id), (_, shown)) in lines.iter().zip(good_ids()).zip(DESCRIPTIONS) {
        let wanted = if shown.is_empty() { id } else { format!("{id}{between}{shown}") };
        assert_eq!(*line, wanted);
    }
    let last = lines.last().unwrap();
    assert!(last.ends_with("x\u{e9}...") || last.ends_with("x..."), "{last}");
    assert!(last.len() < 100, "{last}");
}

#[test]
fn bash_completes() {
    needs!("setsid");
    let world = world(Shell::Bash);
    judge(&world, |typed| in_bash(&world, typed));
}

#[test]
fn bash_offers_and_runs_no_evil_id() {
    needs!("setsid");
    let world = evil_world(Shell::Bash);
    judge_evil(&world, |typed| in_bash(&world, typed));
}

#[test]
fn bash_completion_completes_the_inner_command() {
    needs!("setsid");
    let world = world(Shell::Bash);
    for (typed, inner) in [
        ("oauth-run git --al", "git"),
        ("oauth-run -e 1h -s read git ", "git"),
        ("oauth-run --expires-in=1h git a -b ", "git"),
        ("oauth-sandbox --load x -v git --load ", "git"),
        ("oauth-sandbox oauth-rm --rest ", "oauth-rm"),
    ] {
        let words: Vec<String> = typed.replace('=', " = ").split(' ').map(|w| format!("'{w}'")).collect();
        let script = format!(
            "bash --norc -c '. ./_oauth_tools; _command_offset() {{ echo \"${{COMP_WORDS[$1]}}\"; }}; \
             COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _oauth_tools' bash {}",
            words.join(" ")
        );
        let Ran { status, out, err, .. } = world.off(&script);
        assert_eq!((status, out.trim(), err.as_str()), (0, inner, ""), "{typed}");
    }
}

/// The words that bash offers.
fn in_bash(world: &World, typed: &str) -> Vec<String> {
    // bash treats = as a word of its own.
    let words: Vec<String> = typed.replace('=', " = ").split(' ').map(|w| format!("'{w}'")).collect();
    let script = format!(
        "bash --norc -c '. ./_oauth_tools; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
             _oauth_tools; printf \"%s\\n\" \"${{COMPREPLY[@]}}\"' bash {}",
        words.join(" ")
    );
    let Ran { status, out, err, .. } = world.off(&script);
    assert_eq!((status, err.as_str()), (0, ""), "{typed}");
    out.lines().map(str::to_owned).collect()
}

#[test]
fn no_completion_waits_for_a_silent_server() {
    needs!("setsid");
    for (shell, program, tab) in [
        (
            Shell::Bash,
            "bash",
            "bash --norc -c '. ./_oauth_tools; COMP_WORDS=(oauth-rm authz \"\"); COMP_CWORD=2; _oauth_tools'",
        ),
        (Shell::Fish, "fish", "fish -c 'source _oauth_tools; __oauth_tools_ids authz'"),
    ] {
        if program != "bash" && !crate::common::needs::are_here(&[program]) {
            continue;
        }
        let world = World {
            server: crate::common::start(crate::common::faulty(&["slow:ms=100000"])),
            ..world(shell)
        };
        let url = world.server.url();
        let ran = world.off(&format!("HEROKU_HOST={url} timeout 20 {tab} > out; echo $?; cat out"));
        assert!(ran.out == "0\n" || ran.out == "1\n", "{program}{ran}");
    }
}

#[test]
fn bash_completions_pass_shellcheck() {
    needs!("setsid", "shellcheck");
    let world = world(Shell::Bash);
    let Ran { status, out, err, .. } = world.off("bash -n _oauth_tools && shellcheck -s bash _oauth_tools");
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
}

#[test]
fn fish_completes() {
    needs!("setsid", "fish");
    let world = world(Shell::Fish);
    judge(&world, |typed| in_fish(&world, typed));
}

#[test]
fn fish_offers_and_runs_no_evil_id() {
    needs!("setsid", "fish");
    let world = evil_world(Shell::Fish);
    judge_evil(&world, |typed| in_fish(&world, typed));
    judge_shown("\t", shown_in_fish(&world, "oauth-rm client "));
}

/// The words that fish offers.
fn in_fish(world: &World, typed: &str) -> Vec<String> {
    let lines = shown_in_fish(world, typed);
    let words = lines.iter().filter_map(|line| line.split('\t').next());
    words.map(|word| word.trim_start_matches("--format=").to_owned()).collect()
}

/// The words that fish offers, with their descriptions.
fn shown_in_fish(world: &World, typed: &str) -> Vec<String> {
    let script = format!("fish --no-config -c 'source _oauth_tools; complete -C \"{typed}\"'");
    let Ran { status, out, err, .. } = world.off(&script);
    assert_eq!((status, err.as_str()), (0, ""), "{typed}");
    out.lines().map(str::to_owned).collect()
}

#[test]
fn zsh_completes() {
    needs!("setsid", "zsh");
    let world = world(Shell::Zsh);
    judge(&world, |typed| in_zsh(&world, typed));
}

#[test]
fn zsh_offers_and_runs_no_evil_id() {
    needs!("setsid", "zsh");
    let world = evil_world(Shell::Zsh);
    judge_evil(&world, |typed| in_zsh(&world, typed));
    let shown = std::fs::read_to_string(world.home.join("shown")).unwrap();
    judge_shown("  ", shown.lines().map(str::to_owned).collect());
}

/// The words that zsh offers.
fn in_zsh(world: &World, typed: &str) -> Vec<String> {
    // Completion functions run only in a shell at a terminal. Each match is printed instead of shown.
    let setup = "PS1='READY '\n\
        fpath=($PWD $fpath)\n\
        autoload -Uz compinit && compinit -u -d $PWD/dump\n\
        compadd() {\n  local -a found\n  builtin compadd -O found \"$@\"\n  print -l -- $found >> offered\n  \
        local -i at=${@[(i)-d]}\n  (( at > $# )) || print -rl -- \"${(@P)@[at+1]}\" > shown\n}\n\
        show() { : > offered; _main_complete; print -r -- DONE >> offered }\n\
        zle -C show complete-word show\n\
        bindkey '^X' show\n";
    std::fs::write(world.home.join(".zshrc"), setup).unwrap();
    let offered = world.home.join("offered");
    let _ = std::fs::remove_file(&offered);
    let mut pty = world.start_with(200, &["zsh", "-i"]);
    pty.expect("READY ").send(&format!("{typed}\u{18}"));
    let found = wait_for(&offered);
    pty.send("\u{3}exit\n");
    // zsh completes what comes after the comma.
    let word = typed.rsplit(' ').next().unwrap();
    let before = word.rsplit_once(',').map_or(String::new(), |(before, _)| format!("{before},"));
    found.lines().filter(|line| *line != "DONE").map(|found| format!("{before}{found}")).collect()
}

/// Waits until a file is complete, and returns its text.
fn wait_for(path: &Path) -> String {
    for _ in 0..1200 {
        match std::fs::read_to_string(path) {
            Ok(text) if text.ends_with("DONE\n") => return text,
            _ => std::thread::sleep(std::time::Duration::from_millis(50)),
        }
    }
    panic!("zsh offered nothing");
}

//! Completions for bash, zsh and fish, made from the tools' tables.

use std::fmt::Write;

use crate::cli::{Opt, Tool};
use crate::kind::Kind;
use crate::output::Format;
use crate::tools;

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// bash(1)
    Bash,
    /// zsh(1)
    Zsh,
    /// fish(1)
    Fish,
}

/// What can stand where an option's argument, or an operand, does.
enum Values {
    Words(Vec<&'static str>),
    Files,
    Anything,
}

fn values(opt: &Opt) -> Values {
    match opt.arg {
        Some("FORMAT") => Values::Words(Format::WORDS.iter().map(|(word, _)| *word).collect()),
        Some("WHEN") => Values::Words(vec!["auto", "always", "never"]),
        Some("STATUS") => Values::Words(vec!["active", "expired"]),
        Some("HOW") => Values::Words(vec!["zero", "negative", "null", "hidden"]),
        Some("SCOPES") => Values::Words(crate::input::SCOPES.to_vec()),
        Some("FILE") => Values::Files,
        _ => Values::Anything,
    }
}

fn kinds() -> String {
    Kind::ALL.map(Kind::word).join(" ")
}

/// The completions of the whole suite for a shell.
pub fn script(shell: Shell) -> String {
    match shell {
        Shell::Bash => bash(),
        Shell::Zsh => zsh(),
        Shell::Fish => fish(),
    }
}

fn bash() -> String {
    let mut text = String::from("# Completions of oauth-tools for bash.\n_oauth_tools() {\n");
    text.push_str(
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} word kind='' opts=''\n",
    );
    text.push_str("    COMPREPLY=()\n    case $prev in\n");
    let mut seen: Vec<&str> = Vec::new();
    for opt in tools::ALL.iter().flat_map(|tool| tool.all_opts()).filter(|opt| opt.arg.is_some()) {
        if seen.contains(&opt.long) {
            continue;
        }
        seen.push(opt.long);
        let short = opt.short.map_or(String::new(), |c| format!("-{c} | "));
        let reply = match values(opt) {
            Values::Words(words) => {
                format!("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$cur\")", words.join(" "))
            }
            Values::Files => "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")".to_owned(),
            Values::Anything => ":".to_owned(),
        };
        let _ = writeln!(text, "        {short}--{}) {reply}; return ;;", opt.long);
    }
    text.push_str("    esac\n    case ${COMP_WORDS[0]##*/} in\n");
    for tool in tools::ALL {
        let opts: Vec<String> = tool.all_opts().flat_map(spellings).collect();
        let _ = writeln!(text, "        {}) opts='{}' ;;", tool.name, opts.join(" "));
    }
    let kinds = kinds();
    let _ = write!(
        text,
        r#"    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$opts" -- "$cur")
        return
    fi
    case ${{COMP_WORDS[0]##*/}} in
        oauth-run | oauth-sandbox) mapfile -t COMPREPLY < <(compgen -c -- "$cur"); return ;;
        oauth-diff) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    esac
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        if [[ ' {kinds} ' == *" $word "* ]]; then kind=$word; break; fi
    done
    if [[ -z $kind ]]; then
        mapfile -t COMPREPLY < <(compgen -W '{kinds}' -- "$cur")
    elif [[ ${{COMP_WORDS[0]##*/}} != oauth-mk && $kind != token ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(oauth-ls "$kind" -o id 2>/dev/null)" -- "$cur")
    fi
}}
complete -F _oauth_tools {}
"#,
        names()
    );
    text
}

fn names() -> String {
    tools::ALL.map(|tool| tool.name).join(" ")
}

fn spellings(opt: &'static Opt) -> impl Iterator<Item = String> {
    opt.short.map(|c| format!("-{c}")).into_iter().chain([format!("--{}", opt.long)])
}

fn zsh() -> String {
    let mut text = format!("#compdef {}\n# Completions of oauth-tools for zsh.\n", names());
    let _ = write!(
        text,
        r#"_oauth_tools_ids() {{
    local -a ids
    local word
    for word in $words; do
        case " {kinds} " in *" $word "*) ids=(${{(f)"$(oauth-ls $word -o id 2>/dev/null)"}}); break ;; esac
    done
    compadd -a ids
}}
case $service in
"#,
        kinds = kinds()
    );
    for tool in tools::ALL {
        let _ = writeln!(text, "    {}) _arguments -s -S \\", tool.name);
        for opt in tool.all_opts() {
            let help = opt
                .help
                .replace('\\', "\\\\")
                .replace([']', '['], "")
                .replace(':', "\\:")
                .replace('\'', "'\\''");
            let names = match opt.short {
                Some(c) => format!("'(-{c} --{0})'{{-{c},--{0}}}", opt.long),
                None => format!("--{}", opt.long),
            };
            let star = if opt.repeat { "'*'" } else { "" };
            let arg = opt.arg.map_or(String::new(), |arg| {
                let values = match values(opt) {
                    Values::Words(words) => format!("({})", words.join(" ")),
                    Values::Files => "_files".to_owned(),
                    Values::Anything => " ".to_owned(),
                };
                format!(":{arg}:{values}")
            });
            let _ = writeln!(text, "        {star}{names}'[{help}]{arg}' \\");
        }
        let _ = writeln!(text, "        {} ;;", zsh_operands(tool));
    }
    text.push_str("esac\n");
    text
}

fn zsh_operands(tool: &Tool) -> String {
    match tool.name {
        "oauth-diff" => "':list:_files' ':list:_files'".to_owned(),
        _ if tool.runs_command => "'(-)1:command:_command_names -e' '*::arguments:_normal'".to_owned(),
        _ => format!("'1:kind:({})' '*:id:_oauth_tools_ids'", kinds()),
    }
}

fn fish() -> String {
    let mut text = String::from("# Completions of oauth-tools for fish.\n");
    let kinds = kinds();
    for tool in tools::ALL {
        for opt in tool.all_opts() {
            let short = opt.short.map_or(String::new(), |c| format!(" -s {c}"));
            let arg = match (opt.arg, values(opt)) {
                (None, _) => String::new(),
                (_, Values::Words(words)) => format!(" -x -a '{}'", words.join(" ")),
                (_, Values::Files) => " -r -F".to_owned(),
                (_, Values::Anything) => " -x".to_owned(),
            };
            let help = opt.help.replace('\\', "\\\\").replace('\'', "\\'");
            let _ = writeln!(text, "complete -c {}{short} -l {}{arg} -d '{help}'", tool.name, opt.long);
        }
        if tool.runs_command {
            let _ = writeln!(text, "complete -c {} -a '(__fish_complete_subcommand)'", tool.name);
        } else if tool.name != "oauth-diff" {
            let none = format!("not __fish_seen_subcommand_from {kinds}");
            let _ = writeln!(text, "complete -c {} -f -n '{none}' -a '{kinds}'", tool.name);
            for kind in Kind::LISTED.map(Kind::word) {
                let _ = writeln!(
                    text,
                    "complete -c {} -f -n '__fish_seen_subcommand_from {kind}' -a '(oauth-ls {kind} -o id 2>/dev/null)'",
                    tool.name
                );
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_every_tool_is_in_every_shells_script() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let text = script(shell);
            for tool in tools::ALL {
                assert!(text.contains(tool.name), "{shell:?}");
                for opt in tool.all_opts() {
                    let dashes = if shell == Shell::Fish { "-l " } else { "--" };
                    assert!(text.contains(&format!("{dashes}{}", opt.long)), "{shell:?} {}", opt.long);
                }
            }
        }
    }
}

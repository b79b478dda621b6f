//! Writes the completions for bash, zsh and fish from the tools' tables.

use std::fmt::Write;

use crate::cli::opts::FORMAT;
use crate::cli::{Opt, Takes, Tool};
use crate::record::columns::columns;
use crate::record::kind::Kind;

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

/// The possible arguments of an option.
enum Values {
    Words(Vec<&'static str>),
    /// Several words, separated by commas.
    List(Vec<&'static str>),
    Clients,
    Commands,
    Files,
    Anything,
}

fn values(tool: &Tool, opt: &Opt) -> Values {
    match opt.arg {
        Some("FORMAT") => Values::Words(tool.format_words().collect()),
        Some("CHANGES") => Values::List(vec!["added", "changed", "removed"]),
        Some("WHEN") => Values::Words(vec!["auto", "always", "never"]),
        Some("STATUS") => Values::Words(vec!["active", "expired"]),
        Some("HOW") => Values::Words(vec!["zero", "negative", "null", "hidden"]),
        Some("MASK") => {
            Values::Words(vec!["stars", "eight", "all", "dots", "x", "brackets", "word", "cut", "absent"])
        }
        Some("SCOPES") => Values::List(crate::config::scopes::HEROKU.to_vec()),
        Some("FIELD") => {
            let all = Kind::LISTED.iter().flat_map(|kind| columns(*kind)).map(|(name, _)| *name);
            let mut names: Vec<&str> = all.collect();
            names.sort_unstable();
            names.dedup();
            Values::Words(names)
        }
        Some("CLIENT" | "CLIENT-ID" | "ID") => Values::Clients,
        Some("CMD") => Values::Commands,
        Some("FILE") => Values::Files,
        _ => Values::Anything,
    }
}

/// The command that lists ids in a format. It must not ask or print messages while someone types, nor wait longer than a
/// second for a silent server.
fn list(kind: &str, format: &str) -> String {
    const SCRIPT: &str = r#"oauth-ls "$1" -o "$2" --no-wait --retry-for 0 & p=$!; (sleep 1; kill "$p") >/dev/null & w=$!; wait "$p"; kill "$w""#;
    format!("sh -c '{SCRIPT}' sh {kind} {format} 2>/dev/null")
}

/// Turns CSV into lines of an id, a tab, and its description or name. These are texts of other people: characters that
/// control a terminal, turn the text around or hide in it are removed, and so is what is too long for a line. Whole rows
/// only: the list may have been cut off.
const DESCRIBE: &str = r#"env LC_ALL=C awk -F, '
        NR == 1 { for (n = NF; n && $n != "description" && $n != "name"; n--); next }
        n && NF > n && $2 ~ /^[A-Za-z0-9_][A-Za-z0-9_-]*$/ {
            s = $0
            for (i = 1; i < n; i++) sub(/^[^,]*,/, "", s)
            gsub(/[\001-\037\177]|\302[\200-\237]|\342\200[\213-\217\250-\256]|\342\201[\240-\257]|\357\273\277/, "", s)
            if (s ~ /^"/) { s = substr(s, 2); gsub(/""/, "\001", s); sub(/".*/, "", s); gsub(/\001/, "\"", s) }
            else sub(/,.*/, "", s)
            if (length(s) > 72) { s = substr(s, 1, 72); sub(/[\300-\377][\200-\277]*$/, "", s); s = s "..." }
            print s == "" ? $2 : $2 "\t" s
        }'"#;

fn words(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(" ")
}

/// Joins every word for a kind that can be listed.
fn kind_words(between: &str) -> String {
    Kind::LISTED.iter().flat_map(|kind| kind.words()).copied().collect::<Vec<_>>().join(between)
}

/// Returns the completions of all tools for a shell.
pub(crate) fn script(shell: Shell, tools: &[&'static Tool]) -> String {
    match shell {
        Shell::Bash => bash(tools),
        Shell::Zsh => zsh(tools),
        Shell::Fish => fish(tools),
    }
}

fn bash(tools: &[&'static Tool]) -> String {
    let text = String::from(
        r#"# Completions of oauth-tools for bash.
# Ids from the account, line by line and without any expansion. bash inserts them as they are, so one with characters
# that no id has is not offered.
# shellcheck disable=SC2016 # The inner shell expands the words.
_oauth_tools_ids() {
    local id LC_ALL=C
    while IFS= read -r id; do
        [[ $id == "$2"* && $id == [A-Za-z0-9_]* && $id != *[!A-Za-z0-9_-]* ]] && COMPREPLY+=("$id")
    done < <(ID_COMMAND)
}
_oauth_tools() {
    local tool=${COMP_WORDS[0]##*/} cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local i word kind='' opts='' kinds='' ids='' formats=''
    COMPREPLY=()
    # bash splits --option=value into three words.
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD-2]}
    fi
    case $tool in
"#,
    );
    let mut text = text.replace("ID_COMMAND", &list("\"$1\"", "id"));
    for tool in tools {
        let opts: Vec<String> = tool.all_opts().flat_map(spellings).collect();
        let operands = match tool.takes {
            Takes::Ids => format!(" kinds='{}' ids=yes", words(tool.kinds)),
            Takes::Words => format!(" kinds='{}'", words(tool.kinds)),
            Takes::Files => format!(" kinds='{}'", words(tool.kinds)),
            Takes::Command => String::new(),
        };
        let formats = match tool.formats {
            [] => String::new(),
            _ => format!(" formats='{}'", tool.format_words().collect::<Vec<_>>().join(" ")),
        };
        let _ = writeln!(text, "        {}) opts='{}'{operands}{formats} ;;", tool.name, opts.join(" "));
    }
    let takes = with_argument(tools).flat_map(|(_, opt)| spellings(opt)).collect::<Vec<_>>().join(" | ");
    let (commands, files) = (that_take(tools, Takes::Command), that_take(tools, Takes::Files));
    let _ = write!(
        text,
        r#"    esac
    # The first operand that is not an option's argument.
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${{COMP_WORDS[i]}}
        case $word in
            {takes})
                [[ ${{COMP_WORDS[i+1]}} == = ]] && ((i++))
                ((i++)) ;;
            --)
                opts=''
                ((i++, i < COMP_CWORD)) && kind=${{COMP_WORDS[i]}}
                break ;;
            -*) ;;
            *) kind=$word; break ;;
        esac
    done
    case $tool in
        {commands})
            if [[ -n $kind ]]; then
                if declare -F _command_offset >/dev/null; then
                    _command_offset "$i"
                else
                    compopt -o filenames 2>/dev/null
                    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                fi
                return
            fi ;;
    esac
    case $prev in
"#
    );
    bash_arguments(&mut text, tools);
    let _ = write!(
        text,
        r#"    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$opts" -- "$cur")
        return
    fi
    case $tool in
        {commands}) mapfile -t COMPREPLY < <(compgen -c -- "$cur"); return ;;
        {files})
            compopt -o filenames 2>/dev/null
            [[ -z $kind ]] || kinds=''
            mapfile -t COMPREPLY < <(compgen -W "$kinds" -- "$cur"; compgen -f -- "$cur")
            return ;;
    esac
    if [[ -z $kind ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$kinds" -- "$cur")
        return
    fi
    [[ -n $ids ]] || return
    case $kind in
        {}) _oauth_tools_ids "$kind" "$cur" ;;
    esac
}}
complete -F _oauth_tools {}
"#,
        kind_words(" | "),
        names(tools)
    );
    text
}

/// Writes the cases that complete the arguments of options.
fn bash_arguments(text: &mut String, tools: &[&'static Tool]) {
    for (tool, opt) in with_argument(tools) {
        let reply = match values(tool, opt) {
            // The only words that differ from tool to tool.
            Values::Words(_) if *opt == FORMAT => {
                "mapfile -t COMPREPLY < <(compgen -W \"$formats\" -- \"$cur\")".to_owned()
            }
            Values::Words(words) => {
                format!("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$cur\")", words.join(" "))
            }
            Values::List(words) => format!(
                "word=''; [[ $cur == *,* ]] && word=${{cur%,*}},\n            \
                 mapfile -t COMPREPLY < <(compgen -P \"$word\" -W '{}' -- \"${{cur##*,}}\")",
                words.join(" ")
            ),
            Values::Clients => "_oauth_tools_ids client \"$cur\"".to_owned(),
            Values::Commands => "mapfile -t COMPREPLY < <(compgen -c -- \"$cur\")".to_owned(),
            Values::Files => {
                "compopt -o filenames 2>/dev/null\n            mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")"
                    .to_owned()
            }
            Values::Anything => ":".to_owned(),
        };
        let names = spellings(opt).collect::<Vec<_>>().join(" | ");
        let _ = writeln!(text, "        {names})\n            {reply}\n            return ;;");
    }
}

/// Returns the options with an argument of all tools, each once.
fn with_argument(tools: &[&'static Tool]) -> impl Iterator<Item = (&'static Tool, &'static Opt)> {
    let mut known: Vec<&str> = Vec::new();
    let all = tools.iter().flat_map(|tool| tool.all_opts().map(|opt| (*tool, opt)));
    all.filter(|(_, opt)| opt.arg.is_some()).filter(move |(_, opt)| {
        let new = !known.contains(&opt.long);
        known.push(opt.long);
        new
    })
}

fn names(tools: &[&'static Tool]) -> String {
    tools.iter().map(|tool| tool.name).collect::<Vec<_>>().join(" ")
}

/// The names of the tools with such operands, as a pattern of a shell's `case`.
fn that_take(tools: &[&'static Tool], takes: Takes) -> String {
    let names: Vec<&str> = tools.iter().filter(|tool| tool.takes == takes).map(|tool| tool.name).collect();
    names.join(" | ")
}

fn spellings(opt: &'static Opt) -> impl Iterator<Item = String> {
    opt.short.map(|c| format!("-{c}")).into_iter().chain([format!("--{}", opt.long)])
}

fn zsh(tools: &[&'static Tool]) -> String {
    let mut text = format!("#compdef {}\n# Completions of oauth-tools for zsh.\n", names(tools));
    let _ = write!(
        text,
        r#"# Ids from the account, each shown with its description; one with characters that no id has is not offered.
_oauth_tools_ids_of() {{
    local -a ids shown
    local line
    for line in ${{(f)"$({} | {DESCRIBE})"}}; do
        [[ ${{line%%$'\t'*}} == (|-*|*[^A-Za-z0-9_-]*) ]] && continue
        ids+=("${{line%%$'\t'*}}")
        shown+=("${{${{line/$'\t'/  }}[1,COLUMNS-1]}}")
    done
    compadd -l -d shown -a ids
}}
_oauth_tools_ids() {{
    local word
    for word in $words[2,-1]; do
        case $word in
            {}) _oauth_tools_ids_of $word; return ;;
        esac
    done
}}
_oauth_tools_clients() {{
    _oauth_tools_ids_of client
}}
case $service in
"#,
        list("$1", "csv"),
        kind_words("|"),
    );
    for tool in tools {
        let _ = writeln!(text, "    {}) _arguments -s -S \\", tool.name);
        for opt in tool.all_opts() {
            let help = tool
                .help_for(opt)
                .replace('\\', "\\\\")
                .replace([']', '['], "")
                .replace(':', "\\:")
                .replace('\'', "'\\''");
            let names = match (opt.short, opt.repeat) {
                (Some(c), false) => format!("'(-{c} --{0})'{{-{c},--{0}}}", opt.long),
                (Some(c), true) => format!("'*'{{-{c},--{}}}", opt.long),
                (None, false) => format!("--{}", opt.long),
                (None, true) => format!("'*'--{}", opt.long),
            };
            let arg = opt.arg.map_or(String::new(), |arg| {
                let values = match values(tool, opt) {
                    Values::Words(words) => format!("({})", words.join(" ")),
                    Values::List(words) => format!("_values -s , {arg} {}", words.join(" ")),
                    Values::Clients => "_oauth_tools_clients".to_owned(),
                    Values::Commands => "_command_names -e".to_owned(),
                    Values::Files => "_files".to_owned(),
                    Values::Anything => " ".to_owned(),
                };
                format!(":{arg}:{values}")
            });
            // A long option accepts its argument after = as well.
            let names = match (opt.arg, opt.short) {
                (None, _) => names,
                (Some(_), Some(c)) => {
                    names.replace(&format!("{{-{c},--{}}}", opt.long), &format!("{{-{c}+,--{}=}}", opt.long))
                }
                (Some(_), None) => format!("{names}="),
            };
            let _ = writeln!(text, "        {names}'[{help}]{arg}' \\");
        }
        let _ = writeln!(text, "        {} ;;", zsh_operands(tool));
    }
    text.push_str("esac\n");
    text
}

fn zsh_operands(tool: &Tool) -> String {
    match tool.takes {
        Takes::Files => {
            format!("'1:kind or list:{{ compadd {}; _files }}' '*:list:_files'", words(tool.kinds))
        }
        Takes::Command => "'(-)1:command:_command_names -e' '*::arguments:_normal'".to_owned(),
        Takes::Ids => format!("'1:kind:({})' '*:id:_oauth_tools_ids'", words(tool.kinds)),
        Takes::Words => format!("'1:kind:({})' '*: : '", words(tool.kinds)),
    }
}

/// Keeps what is an id, with its description, and removes the characters that no line of text has.
const FISH_IDS: &str =
    r#"string match -r "^[A-Za-z0-9_][A-Za-z0-9_-]*(?:\t.*)?\$" | string replace -ar "(?!\t)\p{C}" """#;

/// Tells fish whether a tool's own options may come here: not after the command inside, nor after `--`. The arguments are
/// the options that have one.
const FISH_OUTSIDE: &str = r"function __oauth_tools_outside
    set -l words (commandline -opc)[2..]
    while set -q words[1]
        switch $words[1]
            case $argv
                set -e words[1]
            case --
                return 1
            case '-*'
            case '*'
                return 1
        end
        set -e words[1]
    end
end
";

fn fish(tools: &[&'static Tool]) -> String {
    let mut text = format!(
        "# Completions of oauth-tools for fish.\nfunction __oauth_tools_ids\n    {} | {DESCRIBE} | {FISH_IDS}\nend\n{FISH_OUTSIDE}",
        list("$argv[1]", "csv")
    );
    for tool in tools {
        let takes = tool.all_opts().filter(|opt| opt.arg.is_some()).flat_map(spellings);
        let takes = takes.collect::<Vec<_>>().join(" ");
        let outside = match tool.takes {
            Takes::Command => format!(" -n '__oauth_tools_outside {takes}'"),
            _ => String::new(),
        };
        for opt in tool.all_opts() {
            let short = opt.short.map_or(String::new(), |c| format!(" -s {c}"));
            let arg = match (opt.arg, values(tool, opt)) {
                (None, _) => String::new(),
                (_, Values::Words(words)) => format!(" -x -a '{}'", words.join(" ")),
                (_, Values::List(words)) => format!(" -x -a '(__fish_append , {})'", words.join(" ")),
                (_, Values::Clients) => " -x -a '(__oauth_tools_ids client)'".to_owned(),
                (_, Values::Commands) => " -x -a '(__fish_complete_command)'".to_owned(),
                (_, Values::Files) => " -r -F".to_owned(),
                (_, Values::Anything) => " -x".to_owned(),
            };
            let help = tool.help_for(opt).replace('\\', "\\\\").replace('\'', "\\'");
            let _ =
                writeln!(text, "complete -c {}{outside}{short} -l {}{arg} -d '{help}'", tool.name, opt.long);
        }
        match tool.takes {
            Takes::Command => {
                // fish needs to know which options have an argument that is not the command. It reads those that come
                // first and begin with two dashes itself.
                let _ = writeln!(
                    text,
                    "complete -c {} -x -a '(__fish_complete_subcommand - {takes})'",
                    tool.name
                );
            }
            Takes::Files => {
                let every =
                    tool.kinds.iter().flat_map(|kind| kind.words()).copied().collect::<Vec<_>>().join(" ");
                let none = format!("not __fish_seen_subcommand_from {every}");
                let _ = writeln!(text, "complete -c {} -n '{none}' -a '{}'", tool.name, words(tool.kinds));
            }
            Takes::Ids | Takes::Words => {
                let every =
                    tool.kinds.iter().flat_map(|kind| kind.words()).copied().collect::<Vec<_>>().join(" ");
                let none = format!("not __fish_seen_subcommand_from {every}");
                let _ = writeln!(text, "complete -c {} -f", tool.name);
                let _ = writeln!(text, "complete -c {} -n '{none}' -a '{}'", tool.name, words(tool.kinds));
                let has_ids = |kind: &&Kind| tool.takes == Takes::Ids && Kind::LISTED.contains(kind);
                for kind in tool.kinds.iter().filter(has_ids) {
                    let _ = writeln!(
                        text,
                        "complete -c {} -n '__fish_seen_subcommand_from {}' -a '(__oauth_tools_ids {})'",
                        tool.name,
                        kind.words().join(" "),
                        kind.word()
                    );
                }
            }
        }
    }
    text
}

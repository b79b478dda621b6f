//! The manual agrees with the programs: options, exit statuses, variables, columns, and every example.
//!
//! An example is a `.Dl` line, or the lines of one `.Bd -literal`, in EXAMPLES: a line that begins with `$ ` is a
//! command, a line that begins with `> ` continues it. All commands of an example run in one sandbox of their own, and
//! exit with 0 and without a message, or with N if the sentence before says `(exits N)`.

#![allow(clippy::expect_used, clippy::panic)]

#[macro_use]
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Folder, Ran, finish, path, programs};
use oauth_tools::parts::Format;
use oauth_tools::parts::VARIABLES;
use oauth_tools::parts::{self, Opt, Tool};
use oauth_tools::sandbox::Fault;
use oauth_tools::tools::{ALL as TOOLS, sandbox};

/// A page: the lines of each section, in order.
struct Page {
    name: String,
    sections: Vec<(String, Vec<String>)>,
}

impl Page {
    fn read(path: &Path) -> Page {
        let text = std::fs::read_to_string(path).expect("a readable page");
        let mut sections: Vec<(String, Vec<String>)> = Vec::new();
        for line in text.lines() {
            match (line.strip_prefix(".Sh "), sections.last_mut()) {
                (Some(title), _) => sections.push((title.to_owned(), Vec::new())),
                (None, Some((_, lines))) => lines.push(line.to_owned()),
                (None, None) => {}
            }
        }
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        Page { name, sections }
    }

    fn of(tool: &Tool) -> Page {
        Page::read(&folder().join(format!("{}.1", tool.name)))
    }

    fn section(&self, title: &str) -> &[String] {
        let found = self.sections.iter().find(|(t, _)| t == title);
        found.map(|(_, lines)| &lines[..]).unwrap_or_else(|| panic!("{}: no section {title}", self.name))
    }

    fn lines(&self) -> impl Iterator<Item = &String> {
        self.sections.iter().flat_map(|(_, lines)| lines)
    }

    /// The tags of the lists in a section.
    fn tags(&self, title: &str) -> Vec<&str> {
        self.section(title).iter().filter_map(|line| line.strip_prefix(".It ")).collect()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man")
}

fn pages() -> Vec<Page> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder()).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| Page::read(path)).collect()
}

/// The options that a macro line names, and whether each has an argument. `Fl x`, `Fl -name` and `Fl Fl name` name one,
/// `Fl jnSv` four, `Fl j , -name` two.
fn flags(line: &str) -> Vec<(String, bool)> {
    let words: Vec<&str> = line.trim_start_matches('.').split(' ').collect();
    let mut found = Vec::new();
    let mut names_follow = false;
    for (at, word) in words.iter().enumerate() {
        if matches!(word.as_bytes(), [b'A'..=b'Z', b'a'..=b'z']) {
            names_follow = *word == "Fl";
            continue;
        }
        if !names_follow || !word.contains(char::is_alphanumeric) {
            continue;
        }
        let argument = matches!(words[at + 1..], ["Ar", ..] | ["Ns", "Ar", ..] | ["Ns", "=", "Ns", "Ar", ..]);
        match word.strip_prefix('-') {
            Some(long) => found.push((format!("--{long}"), argument)),
            None if words[..at].ends_with(&["Fl", "Fl"]) => found.push((format!("--{word}"), argument)),
            None => found.extend(word.chars().map(|c| (format!("-{c}"), argument))),
        }
    }
    found
}

/// The options that a list item describes: all their spellings, and whether they take an argument.
fn described(page: &Page, tag: &str) -> (Vec<String>, bool) {
    let flags = flags(tag);
    let argument = flags[0].1;
    assert!(flags.iter().all(|f| f.1 == argument), "{}: {tag}", page.name);
    (flags.into_iter().map(|f| f.0).collect(), argument)
}

/// The options for which a page refers to oauth-tools(7), in a paragraph about options that work as in all tools.
fn shared(page: &Page) -> Vec<String> {
    let paragraphs = page.section("DESCRIPTION").split(|line| [".Pp", ".El"].contains(&&line[..]));
    let shared = paragraphs.filter(|lines| lines.join(" ").contains("work as in all tools"));
    shared.flatten().flat_map(|line| flags(line)).map(|(flag, _)| flag).collect()
}

fn spellings(opt: &Opt) -> Vec<String> {
    opt.short.map(|c| format!("-{c}")).into_iter().chain([format!("--{}", opt.long)]).collect()
}

#[test]
fn each_page_describes_exactly_the_options_of_its_tool() {
    let suite = Page::read(&folder().join("oauth-tools.7"));
    let in_suite =
        suite.lines().filter_map(|line| line.strip_prefix(".It ")).filter(|t| t.starts_with("Fl "));
    let in_suite: BTreeSet<(Vec<String>, bool)> = in_suite.map(|tag| described(&suite, tag)).collect();
    for tool in TOOLS {
        let page = Page::of(tool);
        let shared = shared(&page);
        let is_shared = |o: &Opt| spellings(o).iter().any(|s| shared.contains(s));
        let unknown: Vec<_> =
            shared.iter().filter(|s| !tool.all_opts().any(|o| spellings(o).contains(s))).collect();
        assert!(unknown.is_empty(), "{}: refers to oauth-tools(7) for {unknown:?}", page.name);

        let (elsewhere, mut here): (Vec<&Opt>, Vec<&Opt>) = tool.all_opts().partition(|o| is_shared(o));
        for opt in elsewhere {
            let entry = (spellings(opt), opt.arg.is_some());
            assert!(in_suite.contains(&entry), "{}: oauth-tools(7) does not describe {entry:?}", page.name);
        }
        let tags = page.tags("DESCRIPTION").into_iter().filter(|tag| tag.starts_with("Fl "));
        let mut found: Vec<(Vec<String>, bool)> = tags.map(|tag| described(&page, tag)).collect();
        let order = |entry: &(Vec<String>, bool)| {
            let first = entry.0[0].trim_start_matches('-');
            (first.to_lowercase(), first.chars().next().is_some_and(char::is_lowercase))
        };
        assert!(found.is_sorted_by_key(order), "{}: the options are out of order: {found:?}", page.name);
        here.sort_by_key(|o| spellings(o));
        let wanted: Vec<_> = here.iter().map(|o| (spellings(o), o.arg.is_some())).collect();
        found.sort();
        assert_eq!(found, wanted, "{}: DESCRIPTION", page.name);

        let found: Vec<(String, bool)> = page.section("SYNOPSIS").iter().flat_map(|l| flags(l)).collect();
        let known = |flag: &(String, bool)| {
            tool.all_opts().any(|o| spellings(o).contains(&flag.0) && o.arg.is_some() == flag.1)
        };
        let unknown: Vec<_> = found.iter().filter(|flag| !known(flag)).collect();
        assert!(unknown.is_empty(), "{}: SYNOPSIS names {unknown:?}", page.name);
        let in_synopsis = |o: &Opt| spellings(o).iter().any(|s| found.iter().any(|(flag, _)| flag == s));
        let missing: Vec<_> = here.iter().filter(|o| !in_synopsis(o)).map(|o| o.long).collect();
        assert!(missing.is_empty(), "{}: SYNOPSIS lacks {missing:?}", page.name);
    }
}

#[test]
fn every_option_that_a_page_mentions_exists() {
    let known: BTreeSet<String> = TOOLS.iter().flat_map(|tool| tool.all_opts()).flat_map(spellings).collect();
    for page in pages() {
        for line in page.lines().filter(|line| line.starts_with('.')) {
            for (flag, _) in flags(line) {
                assert!(known.contains(&flag), "{}: there is no {flag}: {line}", page.name);
            }
        }
    }
}

/// The exit statuses in the source.
fn codes() -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/base/error.rs");
    let source = std::fs::read_to_string(source).expect("the source");
    let constants = source.lines().filter_map(|l| l.strip_prefix("pub const ")?.split_once(": u8 = "));
    let mut codes: Vec<u8> = constants.filter_map(|(_, n)| n.strip_suffix(';')?.parse().ok()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [parts::OK, parts::FAILED, parts::USAGE, parts::AUTH, parts::TEMPORARY]);
    codes.iter().map(u8::to_string).chain(["128+N".to_owned()]).collect()
}

#[test]
fn each_page_lists_exactly_the_statuses_that_its_tool_ends_with() {
    for tool in TOOLS {
        let only = |codes: &[u8]| codes.iter().map(u8::to_string).collect::<Vec<_>>();
        let commands = only(&[parts::NOT_RUNNABLE, parts::NOT_FOUND]);
        let wanted = match tool.name {
            "oauth-diff" => only(&[parts::OK, parts::FAILED, parts::USAGE]),
            "oauth-sandbox" => [only(&[parts::FAILED, parts::USAGE]), commands].concat(),
            // The page describes the command's own status apart.
            "oauth-run" => {
                let mut own = codes();
                let signal = own.split_off(own.len() - 1);
                [own.split_off(1), commands, signal].concat()
            }
            _ => codes(),
        };
        assert_eq!(Page::of(tool).tags("EXIT STATUS"), wanted, "{}", tool.name);
    }
    assert_eq!(Page::read(&folder().join("oauth-tools.7")).tags("EXIT STATUS"), codes());
}

#[test]
fn the_manual_names_exactly_the_variables_that_are_read() {
    let known: BTreeSet<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
    let named = |line: &str| -> Vec<String> {
        let words = line.trim_start_matches('.').split(' ').skip_while(|word| *word != "Ev").skip(1);
        words.filter(|word| word.len() > 2).map(str::to_owned).collect()
    };
    for page in pages() {
        for name in page.lines().filter(|l| l.starts_with('.')).flat_map(|l| named(l)) {
            assert!(known.contains(&name[..]), "{}: {name} is not read", page.name);
        }
    }
    let suite = Page::read(&folder().join("oauth-tools.7"));
    let told: BTreeSet<String> = suite.tags("ENVIRONMENT").into_iter().flat_map(named).collect();
    assert_eq!(told.iter().map(String::as_str).collect::<BTreeSet<_>>(), known);
}

#[test]
fn references_lead_to_existing_pages() {
    for page in pages() {
        let (own, _) = page.name.rsplit_once('.').expect("a section");
        let see_also = page.section("SEE ALSO").iter();
        for (line, must) in see_also.map(|l| (l, true)).chain(page.lines().map(|l| (l, false))) {
            let words: Vec<&str> = line.split(' ').collect();
            for reference in words.windows(3).filter(|w| w[0].trim_start_matches('.') == "Xr") {
                let ours = reference[1].starts_with("oauth-");
                let there = folder().join(format!("{}.{}", reference[1], reference[2])).exists();
                assert!(there || !(ours || must), "{}: no page for {reference:?}", page.name);
                assert!(!must || reference[1] != own, "{} refers to itself", page.name);
            }
        }
    }
    let suite = Page::read(&folder().join("oauth-tools.7"));
    for tool in TOOLS {
        let entry = format!(".It Xr {} 1", tool.name);
        assert!(suite.section("DESCRIPTION").contains(&entry), "oauth-tools.7 lacks {}", tool.name);
    }
}

#[test]
fn the_manual_lists_the_formats_and_faults_that_exist() {
    let record = Page::read(&folder().join("oauth-record.5"));
    let told: BTreeSet<&str> =
        record.tags("OUTPUT").iter().filter_map(|tag| tag.strip_prefix("Cm ")).collect();
    assert_eq!(told, Format::WORDS.iter().map(|(word, _)| *word).collect());

    let known: BTreeSet<&str> = Fault::names().collect();
    let sandbox = Page::of(&sandbox::TOOL);
    let told = sandbox.tags("FAULTS").into_iter().filter(|tag| !tag.contains(" Ns ")).flat_map(|tag| {
        tag.trim_start_matches("Cm ").split(' ').filter(|word| *word != ",").collect::<Vec<_>>()
    });
    assert_eq!(told.collect::<BTreeSet<_>>(), known);
}

#[test]
fn the_manual_lists_the_columns_that_are_printed() {
    let record = Page::read(&folder().join("oauth-record.5"));
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    let (mut kind, mut literal) = (String::new(), false);
    for line in record.section("CSV") {
        match line.strip_prefix(".It Li ") {
            Some(tag) => tag.clone_into(&mut kind),
            None if literal && line != ".Ed" => told.entry(kind.clone()).or_default().push_str(line),
            None => {}
        }
        literal = line.starts_with(".Bd -literal") || literal && line != ".Ed";
    }
    let script = "oauth-ls authz -o csv; oauth-ls client -o csv; oauth-ls session -o csv; \
        oauth-rm token x -n -o csv";
    let printed = play(script).out;
    let mut rows = printed.lines();
    let mut known = BTreeMap::new();
    while let Some(header) = rows.find(|row| row.starts_with("kind,id,")) {
        let row = rows.next().expect("a row below the header");
        known.insert(row.split(',').next().unwrap_or_default().to_owned(), header.to_owned());
    }
    assert_eq!(told, known);
}

/// Text of the manual as a terminal shows it.
fn plain(text: &str) -> String {
    [(r"\(dq", "\""), (r"\(aq", "'"), (r"\-", "-"), (r"\ ", " "), (r"\&", ""), (r"\e", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

/// The examples of a page: the sentence before, and the commands.
fn examples(page: &Page) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let (mut said, mut script, mut literal) = (String::new(), String::new(), false);
    for line in page.section("EXAMPLES") {
        if literal {
            match (line.strip_prefix("$ "), line.strip_prefix("> ")) {
                _ if line == ".Ed" => {
                    literal = false;
                    found.push((std::mem::take(&mut said), std::mem::take(&mut script)));
                }
                (Some(more), _) | (_, Some(more)) => script.push_str(&(plain(more) + "\n")),
                _ => panic!("{}: neither a command nor the rest of one: {line}", page.name),
            }
        } else if let Some(command) = line.strip_prefix(".Dl $ ") {
            found.push((std::mem::take(&mut said), plain(command)));
        } else if line.starts_with(".Bd -literal") {
            literal = true;
        } else if line == ".Pp" {
            assert!(said.is_empty(), "{}: no command after: {said}", page.name);
        } else {
            assert!(!line.starts_with(".Dl"), "{}: no command: {line}", page.name);
            said.push_str(&format!("{line} "));
        }
    }
    found
}

/// Writes the entries of two accounts, which share the sandbox's account.
const ACCOUNTS: &str = r#"(umask 077; for login in ann bob; do
    printf 'machine %s login %s@example.com password %s\n' "${HEROKU_HOST#*//}" $login "$HEROKU_API_KEY"
done > ~/.netrc)
"#;

/// Runs a script in a sandbox, in an empty folder, with nothing of this process's environment.
fn play(script: &str) -> Ran {
    let (home, folder) = (Folder::new(), Folder::new());
    let mut command = Command::new(programs().join("oauth-sandbox"));
    command.args(["sh", "-euc", &format!("{ACCOUNTS}{script}")]).env_clear();
    command.env("PATH", path()).env("HOME", &*home).current_dir(&*folder);
    finish(command)
}

/// The problem with the result of a script, if there is one.
fn judge(name: &str, status: i32, ran: &Ran) -> Option<String> {
    let right = (ran.status, ran.signal) == (status, None) && (status != 0 || ran.err.is_empty());
    (!right).then(|| format!("{name}: the status should be {status}{ran}"))
}

#[test]
fn every_example_runs() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for page in pages() {
        for (i, (said, script)) in examples(&page).into_iter().enumerate() {
            assert!(
                said.trim_end().ends_with(':'),
                "{}: an example without its sentence: {script}",
                page.name
            );
            if script.contains("jq ") && !common::needs::are_here(&["jq"]) {
                continue;
            }
            let status = said.split_once("(exits ").and_then(|(_, n)| n.split(')').next()?.parse().ok());
            let name = format!("{}-{i}", page.name);
            wrong.extend(judge(&name, status.unwrap_or(0), &play(&script)));
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {count} examples:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 40, "only {count} examples were found");
}

/// The Heroku CLI's commands for OAuth, with the alias of one.
const HEROKU: [&str; 15] = [
    "authorizations",
    "authorizations:create",
    "authorizations:destroy",
    "authorizations:info",
    "authorizations:revoke",
    "authorizations:rotate",
    "authorizations:update",
    "clients",
    "clients:create",
    "clients:destroy",
    "clients:info",
    "clients:rotate",
    "clients:update",
    "sessions",
    "sessions:destroy",
];

#[test]
fn every_replacement_for_a_heroku_command_runs() {
    let suite = Page::read(&folder().join("oauth-tools.7"));
    let mut rows: Vec<(String, String)> = Vec::new();
    for tag in suite.tags("PORTING").into_iter().filter(|tag| tag.starts_with("Li ")) {
        let (theirs, ours) = tag.split_once(" Ta ").expect("two columns");
        let cell = |text: &str| plain(text.trim_start_matches("Li ").trim_matches('"'));
        match (cell(theirs), rows.last_mut()) {
            (more, Some(row)) if more.starts_with("  ") => {
                row.0.push_str(&more);
                row.1.push_str(&cell(ours));
            }
            (theirs, _) => rows.push((theirs, cell(ours))),
        }
    }
    let told: BTreeSet<&str> = rows.iter().filter_map(|(theirs, _)| theirs.split(' ').next()).collect();
    assert_eq!(told, HEROKU.into_iter().collect());
    let mut wrong = Vec::new();
    for (theirs, ours) in &rows {
        let kind = ours.split(' ').nth(1).expect("a kind");
        let script = ours
            .replace("URL", "https://app.example/callback")
            .replace("@FILE", "@secret")
            .replace(" ID", " \"$id\"")
            .replace(" C ", " \"$client\" ");
        // The first session is not the one in use, nor is the first authorization.
        let script = format!(
            "id=$(oauth-ls {kind} -o id | head -n 1); client=$(oauth-ls client -o id | head -n 1)\n\
             oauth-ls client \"$client\" -S > secret\n{script}"
        );
        wrong.extend(judge(&format!("{theirs}: {ours}"), 0, &play(&script)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_readme_names_each_tool_and_each_status() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).expect("a README");
    for tool in TOOLS {
        assert!(readme.contains(&format!("| `{}` |", tool.name)), "the README lacks {}", tool.name);
    }
    for code in codes() {
        assert!(readme.contains(&format!("| {code} |")), "the README lacks the status {code}");
    }
    for command in
        ["make install PREFIX=", "cargo install --locked --path .", "make demo", "make test", "make check"]
    {
        assert!(readme.contains(command), "the README lacks {command}");
    }
}

//! The format of `~/.netrc`: netrc(5), as curl, Python and the official client read it. A file may hold the entries of
//! many programs, so a mistake in one entry must not hide the others.
//!
//! - Words are separated by white space. `#` begins a comment, except where a value is expected.
//! - A quoted word may contain white space, `\"`, `\\`, `\n`, `\r` and `\t`. A quote that does not end on its line is an
//!   ordinary character.
//! - `machine`, `default` or `macdef` at the start of a line begins an entry, whatever came before.
//! - A `macdef` ends at the next empty line. Entries inside it count only if nothing else matches.

/// An entry of a netrc file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name of the machine; `None` for `default`.
    pub(crate) machine: Option<String>,
    /// The first login.
    pub(crate) login: Option<String>,
    /// The first password.
    pub(crate) password: Option<String>,
    /// The number of the line on which the entry begins.
    pub(crate) line: usize,
    /// True if the entry stands in a macro that may not have ended there.
    is_doubtful: bool,
}

/// A netrc file.
#[derive(Debug, Default)]
pub(crate) struct Netrc {
    entries: Vec<Entry>,
    /// The first mistake in the file: the number of its line, and a text such as `a quote does not end`.
    mistake: Option<(usize, &'static str)>,
}

impl Netrc {
    /// Parses the text of a file. Any text is a file; mistakes are skipped.
    pub(crate) fn parse(text: &str) -> Netrc {
        let mut parser = Parser { file: Netrc::default(), wanted: None, blank: None };
        let lines: Vec<&str> = lines(text);
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            at += 1;
            if parser.line(line, at) {
                at = parser.skip_macro(&lines, at);
            }
        }
        parser.lacks_value();
        parser.file
    }

    /// Returns the entries for a host, the best first: those for `HOST:PORT`, those for the host, and `default`.
    pub(crate) fn entries<'a>(&'a self, host: &'a str, port: Option<u16>) -> impl Iterator<Item = &'a Entry> {
        let with_port = port.map(|port| format!("{host}:{port}"));
        let rank = move |entry: &Entry| {
            let rank = match &entry.machine {
                Some(name) if with_port.as_ref().is_some_and(|with| with.eq_ignore_ascii_case(name)) => 0,
                Some(name) if name.eq_ignore_ascii_case(host) => 1,
                Some(_) => return None,
                None => 2,
            };
            Some((entry.machine.is_none(), entry.is_doubtful, rank))
        };
        let mut found: Vec<_> = self.entries.iter().filter_map(|e| Some((rank(e)?, e))).collect();
        found.sort_by_key(|(rank, _)| *rank);
        found.into_iter().map(|(_, entry)| entry)
    }

    /// Returns the first mistake in the file: the number of its line, and what is wrong.
    pub(crate) fn mistake(&self) -> Option<(usize, &'static str)> {
        self.mistake
    }
}

/// Returns the password for a host in the text of a netrc file.
pub fn password(text: &str, host: &str) -> Option<String> {
    Netrc::parse(text).entries(host, None).find_map(|entry| entry.password.clone())
}

/// Splits a text into lines, which end with a line feed, a carriage return, or both.
fn lines(text: &str) -> Vec<&str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r')).collect()
}

/// The words that begin an entry or a macro.
const HEADS: [&str; 3] = ["machine", "default", "macdef"];
/// The words that have a value in an entry.
const MEMBERS: [&str; 4] = ["login", "user", "password", "account"];

/// The value that the next word is.
#[derive(Debug, Clone, Copy)]
enum Value {
    Machine,
    Login,
    Password,
    Other,
}

/// A word of a line.
#[derive(Debug, Clone)]
struct Word {
    text: String,
    is_quoted: bool,
}

impl Word {
    /// Returns whether this is one of some keywords, in any case.
    fn is(&self, keywords: &[&str]) -> bool {
        !self.is_quoted && keywords.iter().any(|k| k.eq_ignore_ascii_case(&self.text))
    }
}

struct Parser {
    file: Netrc,
    /// The value that comes next, and the line of its keyword.
    wanted: Option<(Value, usize)>,
    /// While a macro is searched for entries, where it ends: an index of a line.
    blank: Option<usize>,
}

impl Parser {
    /// Reads a line; returns whether a macro begins on it.
    fn line(&mut self, line: &str, number: usize) -> bool {
        let mut rest = line;
        let mut is_first = true;
        while let Some(word) = self.next_word(&mut rest, number) {
            let starts_entry = is_first && word.is(&HEADS);
            let starts_member = is_first && word.is(&MEMBERS);
            is_first = false;
            if starts_entry || starts_member || self.begins_entry(&word, rest) {
                self.lacks_value();
            }
            if let Some((value, _)) = self.wanted.take() {
                self.value(value, word, rest, number);
            } else if self.keyword(&word, number) {
                return true;
            }
        }
        false
    }

    /// Returns whether a word in the place of a value is the keyword of the next entry, as in
    /// `password machine HOST login NAME`.
    fn begins_entry(&self, word: &Word, rest: &str) -> bool {
        self.wanted.is_some() && word.is(&["machine"]) && is_host_next(rest)
    }

    /// Takes a keyword; returns whether a macro begins.
    fn keyword(&mut self, word: &Word, number: usize) -> bool {
        let keyword = if word.is_quoted { String::new() } else { word.text.to_ascii_lowercase() };
        let wanted = match &keyword[..] {
            "machine" => Value::Machine,
            "default" => {
                self.begin(None, number);
                return false;
            }
            "macdef" => return true,
            "login" | "user" => Value::Login,
            "password" => Value::Password,
            "account" => Value::Other,
            _ => return false,
        };
        self.wanted = Some((wanted, number));
        false
    }

    /// Takes a value.
    fn value(&mut self, value: Value, word: Word, rest: &str, number: usize) {
        let mut text = word.text;
        if let Some(cut) = glued(&text, rest).filter(|_| !word.is_quoted && !matches!(value, Value::Machine))
        {
            // The line break before an entry is missing, as after `echo` to a file that did not end with one.
            text.truncate(cut);
            self.mistake(number, "a line break is missing before 'machine'");
            self.wanted = Some((Value::Machine, number));
        }
        match value {
            Value::Machine => {
                let name = text.split('#').next().unwrap_or_default();
                self.begin(Some(name.to_owned()), number);
            }
            Value::Login | Value::Password => {
                if let Some(entry) = self.file.entries.last_mut() {
                    let is_login = matches!(value, Value::Login);
                    let member = if is_login { &mut entry.login } else { &mut entry.password };
                    member.get_or_insert(text);
                }
            }
            Value::Other => {}
        }
    }

    fn begin(&mut self, machine: Option<String>, line: usize) {
        let is_doubtful = self.blank.is_some_and(|end| line <= end);
        self.file.entries.push(Entry { machine, login: None, password: None, line, is_doubtful });
    }

    /// Notes that a keyword has no value.
    fn lacks_value(&mut self) {
        if let Some((value, line)) = self.wanted.take() {
            let what = match value {
                Value::Machine => "'machine' has no name",
                Value::Login => "the login is missing",
                Value::Password => "the password is missing",
                Value::Other => "the account is missing",
            };
            self.mistake(line, what);
        }
    }

    fn mistake(&mut self, line: usize, what: &'static str) {
        self.file.mistake.get_or_insert((line, what));
    }

    /// Skips the body of a macro that begins on the line before `at`, and returns where to go on: behind it, or at the
    /// first line in it that looks like an entry.
    fn skip_macro(&mut self, lines: &[&str], at: usize) -> usize {
        let body = lines.get(at..).unwrap_or_default();
        let length = body.iter().position(|line| line.trim().is_empty()).unwrap_or(body.len());
        let looks_like_entry = |line: &str| {
            let mut rest = line;
            split_word(&mut rest).is_some_and(|word| word.is(&["machine"]))
        };
        // What follows the macro's name belongs to no entry.
        self.begin(Some(String::new()), at);
        match body[..length].iter().position(|line| looks_like_entry(line)) {
            Some(first) => {
                self.blank = Some(at + length);
                self.mistake(at, "a macro does not end with an empty line before the next entry");
                at + first
            }
            None => at + length,
        }
    }

    /// Returns the next word of a line.
    fn next_word(&mut self, rest: &mut &str, number: usize) -> Option<Word> {
        *rest = rest.trim_start_matches(is_blank);
        if rest.starts_with('#') && self.wanted.is_none() {
            return None;
        }
        let word = split_word(rest)?;
        if !word.is_quoted && word.text.starts_with('"') {
            self.mistake(number, "a quote does not end");
        }
        Some(word)
    }
}

/// Returns where to cut a value to which the `machine` of the next entry is glued: `secretmachine HOST`.
fn glued(value: &str, rest: &str) -> Option<usize> {
    let before = value.strip_suffix("machine").filter(|before| !before.is_empty())?;
    is_host_next(rest).then_some(before.len())
}

/// Returns whether a name and then a keyword or nothing follow on a line, as in an entry.
fn is_host_next(mut rest: &str) -> bool {
    let is_host = |word: Word| !word.is(&MEMBERS) && !word.is(&HEADS) && !word.text.starts_with('#');
    split_word(&mut rest).is_some_and(is_host) && split_word(&mut rest).is_none_or(|word| word.is(&MEMBERS))
}

/// Returns whether a character separates words. A byte order mark does, where files were joined.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// Splits the first word off a line.
fn split_word(rest: &mut &str) -> Option<Word> {
    let line = rest.trim_start_matches(is_blank);
    if let Some(quoted) = line.strip_prefix('"') {
        let mut text = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    *rest = &quoted[at + 1..];
                    return Some(Word { text, is_quoted: true });
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => text.push('\n'),
                    Some('r') => text.push('\r'),
                    Some('t') => text.push('\t'),
                    Some(other) => text.push(other),
                    None => break,
                },
                other => text.push(other),
            }
        }
    }
    let end = line.find(is_blank).unwrap_or(line.len());
    let (word, after) = line.split_at(end);
    *rest = after;
    (!word.is_empty()).then(|| Word { text: word.to_owned(), is_quoted: false })
}

#[cfg(test)]
mod tests {
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
            (
                "macdef init\nmachine api.heroku.com password p0\n\nmachine api.heroku.com password p1",
                Some("p1"),
            ),
            ("machine api.heroku.com macdef x\npassword p0", None),
            ("macdef x\nput machine api.heroku.com password p0\n\n", None),
            ("machine api.heroku.com login password password p1", Some("p1")),
            ("machine other password p0", None),
            ("machine api.heroku.com password", None),
            ("# machine api.heroku.com password p0", None),
            ("machine", None),
            ("", None),
        ] {
            assert_eq!(password(text, HOST).as_deref(), want, "{text:?}");
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
                    assert_eq!(password(&text, HOST).as_deref(), Some("p1"), "{text:?}");
                    let text = format!("{own}\n{first}\n").replace('\n', end);
                    assert_eq!(password(&text, HOST).as_deref(), Some("p1"), "{text:?}");
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
            "machine other password \"open ",
            "machine other password # ",
        ] {
            for own in ["api.heroku.com login me password p1", "api.heroku.com\n  login me\n  password p1"] {
                let text = format!("{before}machine {own}\n");
                assert_eq!(password(&text, HOST).as_deref(), Some("p1"), "{text:?}");
            }
        }
        let ours = "machine api.heroku.com login me password p1machine other login x password p0";
        assert_eq!(password(ours, HOST).as_deref(), Some("p1"));
        let name = "machine api.heroku.com login timemachine password\n p1";
        assert_eq!(password(name, HOST).as_deref(), Some("p1"));
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
}

//! The format of `~/.netrc`: netrc(5), as curl, Python and the official client read it. A file may hold the entries of
//! many programs, so a mistake in one entry must not hide the others.
//!
//! - Words are separated by white space. `#` begins a comment, except where a login, password or account is expected.
//! - A quoted word may contain white space, `\"`, `\\`, `\n`, `\r` and `\t`. A quote that does not end on its line is an
//!   ordinary character.
//! - `machine`, `default` or `macdef` at the start of a line begins an entry, whatever came before.
//! - Of several logins or passwords in an entry, the last counts.
//! - A `macdef` ends at the next empty line. Entries inside it count only if nothing else matches.

/// An entry of a netrc file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name of the machine; `None` for `default`.
    pub(crate) machine: Option<String>,
    /// The last login.
    pub(crate) login: Option<String>,
    /// The last password.
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

    /// Returns the entries for a host, the best first: those for `HOST:PORT`, those for the host, and `default`; then those
    /// in macros, in the same order.
    pub(crate) fn entries<'a>(&'a self, host: &'a str, port: Option<u16>) -> impl Iterator<Item = &'a Entry> {
        let with_port = port.map(|port| format!("{host}:{port}"));
        let rank = move |entry: &Entry| {
            let rank = match &entry.machine {
                Some(name) if with_port.as_ref().is_some_and(|with| with.eq_ignore_ascii_case(name)) => 0,
                Some(name) if name.eq_ignore_ascii_case(host) => 1,
                Some(_) => return None,
                None => 2,
            };
            Some((entry.is_doubtful, rank))
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

/// Returns the first password for a host that is not empty in the text of a netrc file.
pub fn password(text: &str, host: &str, port: Option<u16>) -> Option<String> {
    let file = Netrc::parse(text);
    file.entries(host, port).filter_map(|entry| entry.password.clone()).find(|password| !password.is_empty())
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
            } else if self.keyword(&word, rest, number) {
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
    fn keyword(&mut self, word: &Word, rest: &str, number: usize) -> bool {
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
            // `passwordmachine HOST`: the value and the line break are missing.
            other if glued(other, rest).is_some() => {
                self.mistake(number, "a line break is missing before 'machine'");
                Value::Machine
            }
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
                    *member = Some(text);
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
                Value::Machine => {
                    // What follows belongs to no entry.
                    self.begin(Some(String::new()), line);
                    "'machine' has no name"
                }
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
        if rest.starts_with('#') && matches!(self.wanted, None | Some((Value::Machine, _))) {
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
    split_word(&mut rest).is_some_and(is_host)
        && split_word(&mut rest).is_none_or(|word| word.is(&MEMBERS) || word.is(&["port"]))
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
mod tests;

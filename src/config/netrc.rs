//! The format of `~/.netrc`: the part of netrc(5) that curl and the official client have in common.

/// Returns the password for `machine` in the text of a netrc file: from the first entry that matches, or else from the
/// first `default` entry.
///
/// Words are separated by white space. `#` at the start of a word begins a comment. A word in double quotes may contain
/// white space, `\"`, `\\`, `\n`, `\r` and `\t`. A `macdef` ends at the next empty line. Unknown words are skipped.
pub fn password(text: &str, machine: &str) -> Option<String> {
    let mut words = Words { rest: text };
    let (mut matches, mut is_default) = (false, false);
    let mut fallback = None;
    while let Some(word) = words.next() {
        match word.as_str() {
            "machine" => {
                let Some(name) = words.next() else { break };
                (matches, is_default) = (name.eq_ignore_ascii_case(machine), false);
            }
            "default" => (matches, is_default) = (false, true),
            "password" => match words.next() {
                Some(password) if matches => return Some(password),
                Some(password) if is_default => fallback = fallback.or(Some(password)),
                Some(_) => {}
                None => break,
            },
            "login" | "account" => drop(words.next()),
            "macdef" => words.skip_macro(),
            _ => {}
        }
    }
    fallback
}

struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    fn next(&mut self) -> Option<String> {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                break;
            }
            self.rest = self.rest.find('\n').map_or("", |at| &self.rest[at..]);
        }
        if let Some(quoted) = self.rest.strip_prefix('"') {
            let mut word = String::new();
            let mut chars = quoted.char_indices();
            while let Some((at, c)) = chars.next() {
                match c {
                    '"' => {
                        self.rest = &quoted[at + 1..];
                        return Some(word);
                    }
                    '\\' => match chars.next()?.1 {
                        'n' => word.push('\n'),
                        'r' => word.push('\r'),
                        't' => word.push('\t'),
                        other => word.push(other),
                    },
                    other => word.push(other),
                }
            }
            self.rest = "";
            return None;
        }
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }

    fn skip_macro(&mut self) {
        let end = ["\n\n", "\n\r\n"].iter().filter_map(|gap| self.rest.find(gap)).min();
        self.rest = end.map_or("", |at| &self.rest[at..]);
    }
}

#[cfg(test)]
mod tests {
    use super::password;

    #[test]
    fn passwords_are_found_in_entries_of_every_form() {
        let host = "api.heroku.com";
        for (text, want) in [
            ("machine api.heroku.com\n  login me\n  password p1\n", Some("p1")),
            ("machine api.heroku.com login me password p1", Some("p1")),
            ("machine api.heroku.com password p1 login me", Some("p1")),
            ("MACHINE x machine API.HEROKU.COM password p1", Some("p1")),
            ("machine other password p0\nmachine api.heroku.com password p1", Some("p1")),
            ("machine api.heroku.com password p1\nmachine api.heroku.com password p2", Some("p1")),
            ("machine other password p0\ndefault login x password p3", Some("p3")),
            ("default password p3\nmachine api.heroku.com password p1", Some("p1")),
            ("machine api.heroku.com login me\ndefault password p3", Some("p3")),
            ("default password p3\nmachine other password p0\nmachine", Some("p3")),
            ("machine api.heroku.com password \"a b\\\"c\\\\\"", Some("a b\"c\\")),
            ("# machine api.heroku.com password p0\nmachine api.heroku.com password p1 # x", Some("p1")),
            ("machine api.heroku.com\r\n\tpassword p1\r\n", Some("p1")),
            ("machine api.heroku.com port 99 password p1", Some("p1")),
            (
                "macdef init\nmachine api.heroku.com password p0\n\nmachine api.heroku.com password p1",
                Some("p1"),
            ),
            ("machine api.heroku.com macdef x\npassword p0", None),
            ("machine api.heroku.com login password password p1", Some("p1")),
            ("machine other password p0", None),
            ("machine api.heroku.com password", None),
            ("machine api.heroku.com password \"open", None),
            ("machine", None),
            ("", None),
        ] {
            assert_eq!(password(text, host).as_deref(), want, "{text:?}");
        }
    }
}

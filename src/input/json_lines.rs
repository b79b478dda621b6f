//! Puts JSON that goes over several lines back on one line, as `jq .` and other programs print it.

/// The most levels of nesting that are followed. A record of Heroku has three.
const MAX_DEPTH: u32 = 120;

/// JSON that began on a line and is not complete yet.
#[derive(Debug, Default)]
pub(crate) struct JsonLines {
    /// The number of the line where it began; 0 if nothing is open.
    first: u32,
    /// Its lines, joined by blanks. Of an array only the first: arrays are refused, however long they are.
    text: Vec<u8>,
    state: State,
}

/// The result of adding a line to open JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// The JSON goes on.
    More,
    /// The line completes it.
    Complete,
    /// The line does not belong to it: the JSON breaks off before.
    BreaksOff,
}

impl JsonLines {
    /// Returns true if JSON has begun and is not complete.
    pub(crate) fn is_open(&self) -> bool {
        self.first > 0
    }

    /// Returns whether JSON begins on a line and goes on after it; if so, takes the line.
    pub(crate) fn begin(&mut self, number: u32, line: &[u8]) -> bool {
        let line = trim(line);
        if !looks_like_json(line) {
            return false;
        }
        self.state = State::default();
        self.state.read(line);
        if !self.state.is_open() {
            return false;
        }
        (self.first, self.text) = (number, line.to_vec());
        true
    }

    /// Adds a line to open JSON.
    pub(crate) fn add(&mut self, line: &[u8]) -> Added {
        let line = trim(line);
        // An object that was cut off must not swallow the record after it.
        if line.first() == Some(&b'{') && !self.state.takes_an_object() {
            return Added::BreaksOff;
        }
        self.state.read(line);
        if !self.is_array() {
            self.text.push(b' ');
            self.text.extend_from_slice(line);
        }
        match self.state.is_open() {
            // The reader refuses a line of this length.
            true if self.text.len() > super::reader::LONGEST_LINE => Added::Complete,
            true => Added::More,
            false => Added::Complete,
        }
    }

    /// Returns the number of the first line, and the text on one line. Nothing is open afterwards.
    pub(crate) fn take(&mut self) -> (u32, Vec<u8>) {
        (std::mem::take(&mut self.first), std::mem::take(&mut self.text))
    }

    fn is_array(&self) -> bool {
        self.text.first() == Some(&b'[')
    }
}

/// Removes what may stand around the text of a line: blanks, byte order marks of files that were joined, and the record
/// separator of RFC 7464.
pub(crate) fn trim(line: &[u8]) -> &[u8] {
    let mut line = line.trim_ascii();
    loop {
        let rest = line.strip_prefix(b"\xef\xbb\xbf").or(line.strip_prefix(b"\x1e"));
        match rest {
            Some(rest) => line = rest.trim_ascii_start(),
            None => return line,
        }
    }
}

/// Returns whether a line begins as JSON objects and arrays do. A CSV row may begin with a bracket, too.
pub(crate) fn looks_like_json(line: &[u8]) -> bool {
    let Some((first, rest)) = line.split_first() else { return false };
    let next = rest.trim_ascii_start().first();
    match first {
        b'{' => matches!(next, None | Some(b'"' | b'}')),
        b'[' => matches!(next, None | Some(b'"' | b'{' | b'[' | b']')),
        _ => false,
    }
}

/// Where in JSON a text ends: the levels that are open, and whether a string is.
#[derive(Debug, Default)]
struct State {
    /// A bit for each open level: 1 for an array.
    arrays: u128,
    depth: u32,
    /// A string does not end on its line, or the nesting is too deep: this is not JSON.
    broken: bool,
    /// The last byte that is not a blank.
    last: u8,
}

impl State {
    fn read(&mut self, line: &[u8]) {
        let (mut quoted, mut escaped) = (false, false);
        for &b in line {
            match b {
                _ if quoted => {
                    quoted = escaped || b != b'"';
                    escaped = !escaped && b == b'\\';
                }
                b'"' => quoted = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    self.arrays = self.arrays << 1 | u128::from(b == b'[');
                    self.broken |= self.depth > MAX_DEPTH;
                }
                b'}' | b']' => {
                    self.broken |= self.depth == 0;
                    self.depth = self.depth.saturating_sub(1);
                    self.arrays >>= 1;
                }
                _ => {}
            }
            if !b.is_ascii_whitespace() {
                self.last = b;
            }
        }
        self.broken |= quoted;
    }

    fn is_open(&self) -> bool {
        self.depth > 0 && !self.broken
    }

    /// Returns whether an object may come next.
    fn takes_an_object(&self) -> bool {
        let in_array = self.arrays & 1 == 1;
        match self.last {
            b':' => !in_array,
            b'[' => true,
            b',' => in_array,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Joins the lines of a text; each result with the number of its first line.
    fn joined(text: &str) -> Vec<(u32, String)> {
        let (mut json, mut found) = (JsonLines::default(), Vec::new());
        let owned = |(n, text): (u32, Vec<u8>)| (n, String::from_utf8(text).expect("UTF-8"));
        for (number, line) in (1..).zip(text.lines()) {
            if json.is_open() {
                match json.add(line.as_bytes()) {
                    Added::More => continue,
                    Added::Complete => {
                        found.push(owned(json.take()));
                        continue;
                    }
                    Added::BreaksOff => found.push(owned(json.take())),
                }
            }
            if !json.begin(number, line.as_bytes()) {
                found.push((number, line.to_owned()));
            }
        }
        if json.is_open() {
            found.push(owned(json.take()));
        }
        found
    }

    #[test]
    fn json_over_several_lines_is_joined() {
        for (text, wanted) in [
            (
                "{\n  \"a\": 1\n}\n{\n  \"b\": [\n    {}\n  ]\n}",
                vec![(1, "{ \"a\": 1 }"), (4, "{ \"b\": [ {} ] }")],
            ),
            ("\u{feff}{\r\n\"a\":\r\n{\r\n}}\r\nx", vec![(1, "{ \"a\": { }}"), (5, "x")]),
            ("{\"a\":\"}\",\n\"b\":\"\\\"}\"\n}", vec![(1, "{\"a\":\"}\", \"b\":\"\\\"}\" }")]),
            ("{}\n{\"a\":[]}\na,b", vec![(1, "{}"), (2, "{\"a\":[]}"), (3, "a,b")]),
            ("[\n{\n\"a\":1\n},\n{}\n]\nx", vec![(1, "["), (7, "x")]),
            ("[{},\n{}\n]", vec![(1, "[{},")]),
            ("[prod] x,read\n{x},y", vec![(1, "[prod] x,read"), (2, "{x},y")]),
        ] {
            let wanted: Vec<_> = wanted.into_iter().map(|(n, text)| (n, text.to_owned())).collect();
            assert_eq!(joined(text), wanted, "{text}");
        }
    }

    #[test]
    fn an_object_that_is_cut_off_does_not_swallow_the_next() {
        for cut in ["{\"a\":1", "{\"a\":1,", "{\"a\":[1", "{\"a\":{}", "{\"a\":\"x", "{\"a\":\"x\\\""] {
            let text = format!("{{\"z\":0}}\n{cut}\n{{\"b\":2}}");
            let found = joined(&text);
            assert_eq!(found.len(), 3, "{found:?}");
            assert_eq!(found[2], (3, "{\"b\":2}".to_owned()), "{cut}");
        }
        let deep = "{\"a\":[\n".repeat(100);
        assert!(!joined(&deep).is_empty());
    }
}

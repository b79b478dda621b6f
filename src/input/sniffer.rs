//! Detects the format of each line and parses it: NDJSON, CSV or a bare id (oauth-record(5)).

use crate::input::entry::{Entry, Need};
use crate::input::json_lines::{looks_like_json, trim};
use crate::input::names;
use crate::input::table::{self, Header};
use crate::record::kind::{Kind, has_only_id_bytes};

const NOT_UTF8: &str = "the line is not UTF-8 text: convert it, for example with iconv -t UTF-8";
const UTF16: &str = "this is UTF-16 text: convert it with iconv -f UTF-16 -t UTF-8";
const ARRAY: &str = "this is a JSON array: give one object per line, as jq -c '.[]' prints them";

/// Parses lines, and remembers the CSV header line for those after it.
#[derive(Debug)]
pub struct Sniffer {
    need: Need,
    header: Option<Header>,
    /// What is wrong with the last header line: the rows after it cannot be read.
    bad_header: Option<String>,
}

impl Sniffer {
    /// Starts at the first line of an input.
    pub fn new(need: Need) -> Sniffer {
        Sniffer { need, header: None, bad_header: None }
    }

    /// Parses a line; JSON that goes over several lines is one line here. Returns `None` for a line without a record: a
    /// blank line, a comment, a CSV header line, or a line of a `--rest` file whose record is done.
    ///
    /// # Errors
    /// A message about the line.
    pub fn line<'a>(&mut self, line: &'a [u8]) -> Result<Option<Entry<'a>>, String> {
        let whole = line;
        let line = trim(line);
        // A leading NUL marks a line of a --rest file as done (see `rest`).
        match line.first() {
            None => return Ok(None),
            Some(b'\0') if !line[1..].contains(&b'\0') => return Ok(None),
            Some(_) => {}
        }
        let text = match std::str::from_utf8(line) {
            Ok(text) if text.starts_with('\0') || is_utf16(line) => return Err(UTF16.to_owned()),
            Ok(text) => text,
            Err(_) => return Err(if is_utf16(line) { UTF16 } else { NOT_UTF8 }.to_owned()),
        };
        // Cannot fail: the rest is blanks, or what stands between them.
        let row = std::str::from_utf8(whole).map_or(text, untrimmed);
        let found = self.text(text, row);
        match found {
            // Only where it is an error anyway: a description may have such a character.
            Err(_) if text.contains('\u{feff}') => {
                Err("there is a byte order mark inside the line: were files joined without a line break?"
                    .to_owned())
            }
            found => found,
        }
    }

    /// Parses a text; `row` is the same with its blanks, which are part of a CSV row.
    fn text<'a>(&mut self, text: &'a str, row: &'a str) -> Result<Option<Entry<'a>>, String> {
        let is_table = self.header.as_ref().is_some_and(|header| !header.is_list());
        match text.as_bytes()[0] {
            b'{' if !is_table || looks_like_json(text.as_bytes()) => {
                Entry::from_json(text, self.need).map(Some)
            }
            b'[' if !is_table || looks_like_json(text.as_bytes()) => Err(ARRAY.to_owned()),
            b'#' => match &self.header {
                Some(header) if header.takes_hash() && header.is_single() => {
                    Err("this may be a comment or a value: quote it if it is a value".to_owned())
                }
                Some(header) if header.takes_hash() => self.csv(row),
                _ => Ok(None),
            },
            _ if self.need == Need::Plan => {
                Err("this is not a line of a plan: give what oauth-diff prints, one JSON object a line"
                    .to_owned())
            }
            _ if is_table => self.csv(row),
            _ => self.bare_or_csv(text, row),
        }
    }

    /// Parses a line of a list of ids, or the first line of a table.
    fn bare_or_csv<'a>(&mut self, text: &'a str, row: &'a str) -> Result<Option<Entry<'a>>, String> {
        let word = text.split_ascii_whitespace().next().unwrap_or_default();
        let is_word = has_only_id_bytes(word) || word == "~";
        let is_alone = word == text || text[word.len()..].trim_ascii_start().starts_with('#');
        let lower = word.to_ascii_lowercase();
        let is_column = match self.need {
            Need::New => true,
            Need::Whole => names::is_known(&lower),
            Need::Identity | Need::Rotation | Need::Replacement | Need::Fields | Need::Plan => {
                ["id", "ids"].contains(&lower.as_str())
            }
        };
        if is_word && is_alone && !is_column {
            return Entry::bare_word(word).map(Some);
        }
        // Excel writes the separator before the header line.
        if text.len() == 5 && text.starts_with("sep=") {
            return Ok(None);
        }
        if text.contains([',', ';', '\t'])
            || self.need == Need::New
            || !is_alone
            || is_word
            || self.header.is_some()
        {
            return self.csv(row);
        }
        match text.starts_with('"') {
            true => Err("this is quoted text: give bare ids, as jq -r prints them".to_owned()),
            false => Ok(Some(Entry::bare(text))),
        }
    }

    fn csv<'a>(&mut self, line: &'a str) -> Result<Option<Entry<'a>>, String> {
        match table::header(line, self.need, self.header.as_ref()) {
            Ok(Some(header)) => {
                (self.header, self.bad_header) = (Some(header), None);
                return Ok(None);
            }
            Ok(None) => {}
            Err(what) => {
                // Rows are not read by the header before it.
                (self.header, self.bad_header) = (None, Some(what.clone()));
                return Err(what);
            }
        }
        if let Some(what) = &self.bad_header {
            return Err(what.clone());
        }
        if self.header.is_none() && !line.contains(',') && !line.trim_matches([';', '\t', '"']).is_empty() {
            let first = line.trim_start().split([';', '\t']).next().unwrap_or_default();
            return match self.need {
                Need::New => Err("this is not a record: give JSON, or CSV with a header line".to_owned()),
                _ if Kind::named(first).is_some() => table::row(line, None, self.need),
                _ => Ok(Some(Entry::bare(line.trim()))),
            };
        }
        table::row(line, self.header.as_ref(), self.need)
    }
}

/// Removes byte order marks and the carriage return from a line, and blanks outside of quoted cells; others are part of
/// the cells.
fn untrimmed(line: &str) -> &str {
    let mut line = line.strip_suffix('\r').unwrap_or(line).trim_start_matches(['\u{feff}', '\u{1e}']);
    if line.trim_start_matches(' ').starts_with('"') {
        line = line.trim_start_matches(' ');
    }
    if line.trim_end_matches(' ').ends_with('"') {
        line = line.trim_end_matches(' ');
    }
    line
}

/// Returns whether bytes are UTF-16: they begin with its byte order mark, or have a NUL in about every other byte.
fn is_utf16(line: &[u8]) -> bool {
    let nuls = memchr::memchr_iter(0, line).count();
    line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff") || (nuls >= 2 && nuls * 3 >= line.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::fields::Fields;
    use crate::input::reader::Lines;

    type Found = Result<(Option<String>, Option<String>, Fields), String>;

    fn all(need: Need, text: &str) -> Vec<Found> {
        let mut sniffer = Sniffer::new(need);
        let mut lines = Lines::new(text.as_bytes());
        let mut found = Vec::new();
        while let Ok(Some((_, line))) = lines.next_line() {
            match sniffer.line(line) {
                Ok(None) => {}
                Ok(Some(e)) => found.push(Ok((
                    e.kind.map(|kind| kind.word().to_owned()),
                    e.id.map(|id| id.as_str().to_owned()),
                    e.fields.as_deref().cloned().unwrap_or_default(),
                ))),
                Err(e) => found.push(Err(e)),
            }
        }
        found
    }

    fn ids(text: &str) -> Vec<String> {
        all(Need::Identity, text)
            .into_iter()
            .map(|r| match r {
                Ok((kind, id, _)) => format!("{} {}", kind.unwrap_or_default(), id.unwrap_or_default()),
                Err(e) => e,
            })
            .collect()
    }

    #[test]
    fn every_format_gives_the_same_ids() {
        for text in [
            "{\"kind\":\"authz\",\"id\":\"a1\",\"x\":[1,{\"id\":\"no\"}]}\n{\"id\":\"a2\",\"kind\":\"authz\"}\n",
            "kind,id,status\nauthz,a1,active\nauthz,a2,expired",
            "authz,a1,active,,,,\"x, y\"\r\nauthz,a2\r\n",
            "\u{feff}id,kind\na1,authz\na2,authz\n",
            "kind,id,of-our-own\nauthz,a1,x\nauthz,a2,y\n",
            "kind,id,status,expires_at,name,redirect_uri,secret,created_at,updated_at\nauthz,a1,,,,,,,,,,,,\nauthz,a2,,,,,,,,,,,,",
            "\n  \n{\"kind\":\"authz\",\"id\":\"a1\"}\nauthz,a2,expired\n",
        ] {
            assert_eq!(ids(text), ["authz a1", "authz a2"], "{text:?}");
        }
        assert_eq!(ids("a1\r\n a2 \n\na3"), [" a1", " a2", " a3"]);
        assert_eq!(ids("id\na1"), [" a1"]);
    }

    #[test]
    fn bad_lines_are_errors_that_name_the_problem() {
        for (text, want) in [
            ("[", "JSON array"),
            ("{\"id\":\"a\",\"id\":\"b\"}", "duplicate field 'id'"),
            ("{\"id\":7.5}", "the field 'id' has the wrong type: it must be a string"),
            ("{\"kind\":[]}", "the field 'kind' has the wrong type: it must be a string"),
            ("{\"current\":3}", "current must be true or false"),
            ("{\"id\":\"a\"", "invalid JSON: the line ends inside the object"),
            ("a,b", "header"),
            ("status,description\nactive,x", "needs a header line"),
            ("kind,id\nauthz,a,b", "the row has 3 cells for 2 columns"),
            ("kind,id,status\nauthz,a", "the row has 2 cells for 3 columns"),
            ("session,a,,,,,,,x", "the row has 9 cells for 8 columns"),
            ("authz,\"a", "does not end on its line"),
            ("authz,\"a\"b", "misplaced quote"),
            ("authz,a\"\"b", "misplaced quote"),
            ("id,id", "duplicate column 'id'"),
            ("kind,id,current\nauthz,a,perhaps", "current must be true or false"),
            ("\0a\0b", "this is UTF-16 text"),
            ("{\"id\":\"a\"} x", "invalid JSON: trailing characters at column 12"),
        ] {
            let found = ids(text);
            assert!(found.last().is_some_and(|e| e.contains(want)), "{text}: {found:?}");
        }
    }

    #[test]
    fn each_column_sets_its_field() {
        let text = "kind,id,current,default,description,scope,expires_in,expires_at,name,url,redirect_uri,client_id,x\n\
                    ,,1,,d,\"read write\",8h,2030-01-02T03:04:05Z,n,https://z,https://x,c,y\n\
                    authz,a1,no,YES,,,,,,https://y,,,\n";
        let rows = |need| {
            let mut sniffer = Sniffer::new(need);
            let rows = text.lines().filter_map(move |line| sniffer.line(line.as_bytes()).expect("good"));
            rows.map(|Entry { kind, id, current, default, fields, .. }| {
                let id = id.map(|id| id.as_str().to_owned());
                (kind, id, current, default, fields.as_deref().cloned().unwrap_or_default())
            })
            .collect::<Vec<_>>()
        };
        let some = |text: &str| Some(text.to_owned());
        let fields =
            Fields { description: some("d"), name: some("n"), url: some("https://x"), ..Fields::NONE };
        let all = Fields {
            scope: Some(vec!["read".to_owned(), "write".to_owned()]),
            expires_in: some("8h"),
            expires_at: some("2030-01-02T03:04:05Z"),
            client_id: some("c"),
            ..fields.clone()
        };
        let other = Fields { url: some("https://y"), ..Fields::NONE };
        let a1 = some("a1");
        assert_eq!(
            rows(Need::Fields),
            [(None, None, true, false, fields), (Some(Kind::Authz), a1, false, true, other.clone())]
        );
        // Empty cells that must not become a wider scope or a longer life.
        let blank = Fields { scope: Some(vec![]), expires_in: some(""), expires_at: some(""), ..other };
        assert_eq!(
            rows(Need::New),
            [(None, None, false, false, all), (Some(Kind::Authz), None, false, false, blank)]
        );
    }

    #[test]
    fn the_kind_and_id_of_an_entry_are_checked() {
        use Kind::{Authz, Client, Session};
        for (line, asked, want) in [
            (r#"{"kind":"authz","id":"a"}"#, None, "authz a"),
            (r#"{"kind":"authz","id":"a"}"#, Some(Authz), "authz a"),
            ("a", Some(Session), "session a"),
            ("~", Some(Session), "session ~"),
            (r#"{"kind":"session","id":"~"}"#, None, "session ~"),
            (r#"{"kind":"authz","id":"a"}"#, Some(Client), "the record is of kind authz, not client"),
            ("a", None, "a bare id needs a KIND operand: authz, client, session or token"),
            ("client,~", None, "invalid id '~': use letters, digits, - and _ only"),
            ("token,~", None, "invalid id '~': use letters, digits, - and _ only"),
            ("authz,a/b", None, "invalid id 'a/b': use letters, digits, - and _ only"),
            ("authz,", None, "the record has no id"),
            (r#"{"kind":"authz","id":"A1"}"#, None, "authz A1"),
            (r#"{"kind":"authz","id":12345}"#, None, "authz 12345"),
            (r#"{"kind":"","id":"a","current":""}"#, Some(Authz), "authz a"),
            (r#"{"kind":"authz","id":""}"#, None, "the id is empty"),
        ] {
            let entry = Sniffer::new(Need::Identity).line(line.as_bytes()).expect("good").expect("an entry");
            let found = entry.kind(asked).and_then(|kind| Ok(format!("{} {}", kind.word(), entry.id()?)));
            assert_eq!(found.unwrap_or_else(|what| what), want, "{line}");
        }
    }

    #[test]
    fn csv_and_json_give_the_same_fields() {
        let json = r#"{"kind":"client","id":"c","name":"a, \"b\"","redirect_uri":"https://x"}"#;
        let csv = "kind,id,name,redirect_uri\nclient,c,\"a, \"\"b\"\"\",https://x";
        assert_eq!(all(Need::Fields, json), all(Need::Fields, csv));
        let json = r#"{"description":"-x","scope":["read","write"],"expires_in":60}"#;
        let csv = "description,scope,expires_in\n'-x,\"read,write\",60";
        assert_eq!(all(Need::New, json), all(Need::New, csv));
        let json = r#"{"name":"x","url":"https://y"}"#;
        assert_eq!(all(Need::New, json), all(Need::New, "name,url,redirect_uri\nx,https://y,"));
        let pair = all(Need::New, "x,https://y");
        assert_eq!(pair[0].as_ref().map(|r| r.2.name.as_deref()), Ok(Some("x")));
        let column = all(Need::New, "description\nhello\n");
        assert_eq!(column[0].as_ref().map(|r| r.2.description.as_deref()), Ok(Some("hello")));
    }
}

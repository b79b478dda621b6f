//! Detects the format of each line and parses it: NDJSON, CSV or a bare id (oauth-record(5)).

use std::borrow::Cow;
use std::sync::Arc;

use crate::input::entry::{Entry, Fields, Id, Need, Whole};
use crate::record::columns::{columns, unescape_cell};
use crate::record::kind::Kind;

/// The message for lines in UTF-16 too, which have a NUL in every other byte.
const NOT_UTF8: &str = "the line is not UTF-8 text";

/// Parses lines, and remembers the CSV header line for those after it.
#[derive(Debug)]
pub struct Sniffer {
    need: Need,
    header: Option<Vec<String>>,
    at_start: bool,
}

impl Sniffer {
    /// Starts at the first line of an input.
    pub fn new(need: Need) -> Sniffer {
        Sniffer { need, header: None, at_start: true }
    }

    /// Notes that a line was parsed elsewhere: the next one is not the first.
    pub(crate) fn skip_line(&mut self) {
        self.at_start = false;
    }

    /// Parses a line. Returns `None` for a line without a record: a blank line, a CSV header line, or a line of a
    /// `--rest` file whose record is done.
    ///
    /// # Errors
    /// A message about the line.
    pub fn line<'a>(&mut self, line: &'a [u8]) -> Result<Option<Entry<'a>>, String> {
        let mut line = line.strip_suffix(b"\r").unwrap_or(line);
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        let line = line.trim_ascii();
        // A leading NUL marks a line of a --rest file as done (see `rest`).
        match line.first() {
            None => return Ok(None),
            Some(b'\0') if !line[1..].contains(&b'\0') => return Ok(None),
            Some(b'\0') => return Err(NOT_UTF8.to_owned()),
            Some(_) => {}
        }
        let text = std::str::from_utf8(line).map_err(|_| NOT_UTF8.to_owned())?;
        match line[0] {
            b'{' => Entry::from_json(text, self.need).map(Some),
            b'[' => {
                Err("this is a JSON array: give one object per line, as jq -c '.[]' prints them".to_owned())
            }
            _ => {
                if text.contains(',') || self.header.is_some() {
                    self.csv(text)
                } else if text == "id"
                    || (matches!(self.need, Need::New | Need::Whole)
                        && is_header(&[text.to_owned()], self.need))
                {
                    self.header = Some(vec![text.to_owned()]);
                    Ok(None)
                } else if self.need == Need::New {
                    Err("this is not a record: give JSON, or CSV with a header line".to_owned())
                } else {
                    Ok(Some(Entry::bare(text)))
                }
            }
        }
    }

    fn csv<'a>(&mut self, line: &str) -> Result<Option<Entry<'a>>, String> {
        let cells = split(line)?;
        if is_header(&cells, self.need) {
            if let Some((_, name)) = cells.iter().enumerate().find(|(i, name)| cells[..*i].contains(name)) {
                return Err(format!("duplicate column '{name}'"));
            }
            self.header = Some(cells);
            return Ok(None);
        }
        let kind = cells.first().and_then(|word| Kind::named(word));
        let names: Vec<&str> = match (&self.header, kind) {
            // A list of several kinds has a header line for each; a filter such as grep may have dropped this kind's.
            (Some(header), Some(kind)) if is_fixed(header) => column_names(kind).collect(),
            (Some(header), _) => header.iter().map(String::as_str).collect(),
            (None, Some(kind)) => column_names(kind).collect(),
            (None, None) if matches!(self.need, Need::New | Need::Whole) && cells.len() == 2 => {
                vec!["name", "redirect_uri"]
            }
            (None, None) => {
                return Err(
                    "a CSV row needs a header line, or a kind and an id as its first cells".to_owned()
                );
            }
        };
        if cells.len() > names.len() || (self.header.is_some() && cells.len() != names.len()) {
            return Err(format!("the row has {} cells for {} columns", cells.len(), names.len()));
        }
        let mut entry = Entry::default();
        let mut fields = Fields::default();
        if self.need == Need::Whole {
            let row = names.iter().zip(&cells).map(|(name, cell)| ((*name).to_owned(), unescape_cell(cell)));
            entry.whole = Some(Whole::Row(row.collect()));
        }
        for (name, cell) in names.into_iter().zip(cells) {
            match name {
                "kind" if !cell.is_empty() => entry.kind = Some(Kind::parse(&cell)?),
                "id" if !cell.is_empty() => entry.id = Some(Id::Unchecked(Cow::Owned(cell))),
                "current" => entry.current = parse_mark(name, &cell)?,
                "default" => entry.default = parse_mark(name, &cell)?,
                name if !matches!(self.need, Need::Identity | Need::Whole) => {
                    fields.set(name, unescape_cell(&cell))
                }
                _ => {}
            }
        }
        if !matches!(self.need, Need::Identity | Need::Whole) {
            entry.fields = Some(Arc::new(fields));
        }
        Ok(Some(entry))
    }
}

/// Returns true if a row is a header line: it begins with `kind,id`, or it has only known column names, one of which the
/// tool needs.
fn is_header(cells: &[String], need: Need) -> bool {
    if cells.len() >= 2 && cells[0] == "kind" && cells[1] == "id" {
        return true;
    }
    const OTHERS: [&str; 2] = ["expires_in", "url"];
    let is_known = |cell: &String| {
        OTHERS.contains(&cell.as_str()) || Kind::ALL.iter().any(|k| column_names(*k).any(|name| name == cell))
    };
    let is_key = |cell: &String| match need {
        Need::New => ["name", "description", "scope"].contains(&cell.as_str()),
        Need::Identity | Need::Fields => cell == "id",
        Need::Whole => ["id", "name", "description"].contains(&cell.as_str()),
    };
    cells.iter().all(is_known) && cells.iter().any(is_key)
}

/// The names of a kind's fixed columns.
fn column_names(kind: Kind) -> impl Iterator<Item = &'static str> {
    columns(kind).iter().map(|(name, _)| *name)
}

/// Returns true if a header line names the fixed columns of a kind.
fn is_fixed(header: &[String]) -> bool {
    Kind::ALL.iter().any(|kind| column_names(*kind).eq(header.iter()))
}

/// Parses a cell of the columns `current` and `default`, in any form that a spreadsheet may give it.
fn parse_mark(column: &str, cell: &str) -> Result<bool, String> {
    match cell.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "" | "false" | "no" | "0" => Ok(false),
        // Not quoted: where cells are out of place, it may be a secret.
        _ => Err(format!("{column} must be true or false")),
    }
}

/// Returns true if quotes stand only where RFC 4180 allows them: around a whole cell, and doubled inside it. The csv crate
/// accepts others, and guesses.
fn has_valid_quotes(line: &str) -> bool {
    let mut rest = line;
    loop {
        let end = if let Some(inside) = rest.strip_prefix('"') {
            let mut at = 0;
            loop {
                match inside[at..].find('"') {
                    None => return false,
                    Some(n) if inside[at + n + 1..].starts_with('"') => at += n + 2,
                    Some(n) => break at + n + 2,
                }
            }
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            if rest[..end].contains('"') {
                return false;
            }
            end
        };
        match rest[end..].strip_prefix(',') {
            Some(more) => rest = more,
            None => return rest.len() == end,
        }
    }
}

/// Splits a CSV row into its cells.
fn split(line: &str) -> Result<Vec<String>, String> {
    if !line.contains('"') {
        return Ok(line.split(',').map(str::to_owned).collect());
    }
    if line.bytes().filter(|b| *b == b'"').count() % 2 == 1 {
        return Err("a quoted cell does not end on its line: write a line break in a cell as \\n".to_owned());
    }
    if !has_valid_quotes(line) {
        return Err("misplaced quote: quote whole cells, and double the quotes inside them".to_owned());
    }
    let mut row = csv::StringRecord::new();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line.as_bytes());
    match reader.read_record(&mut row) {
        Ok(true) => Ok(row.iter().map(str::to_owned).collect()),
        _ => Err("invalid CSV".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            ("{\"id\":7}", "a field before column 7 has the wrong type"),
            ("{\"id\":\"a\"", "invalid JSON: the line ends inside the object"),
            ("a,b", "header"),
            ("id,of-our-own\na,b", "needs a header line"),
            ("status,description\nactive,x", "needs a header line"),
            ("kind,id\nauthz,a,b", "the row has 3 cells for 2 columns"),
            ("kind,id,status\nauthz,a", "the row has 2 cells for 3 columns"),
            ("session,a,,,,,,,x", "the row has 9 cells for 8 columns"),
            ("authz,\"a", "does not end on its line"),
            ("authz,\"a\"b", "misplaced quote"),
            ("authz,a\"\"b", "misplaced quote"),
            ("id,id", "duplicate column 'id'"),
            ("kind,id,current\nauthz,a,perhaps", "current must be true or false"),
            ("\0a\0b", "the line is not UTF-8 text"),
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
        let mut sniffer = Sniffer::new(Need::Fields);
        let mut lines = text.lines().filter_map(|line| sniffer.line(line.as_bytes()).expect("good"));
        let mut next = || {
            let Entry { kind, id, current, default, fields, .. } = lines.next().expect("a row");
            (
                kind,
                id.map(|id| id.as_str().to_owned()),
                current,
                default,
                fields.as_deref().cloned().unwrap_or_default(),
            )
        };
        let some = |text: &str| Some(text.to_owned());
        let fields = Fields {
            description: some("d"),
            scope: Some(vec!["read".to_owned(), "write".to_owned()]),
            expires_in: some("8h"),
            expires_at: some("2030-01-02T03:04:05Z"),
            name: some("n"),
            url: some("https://x"),
            client_id: some("c"),
        };
        assert_eq!(next(), (None, None, true, false, fields));
        let fields = Fields { url: some("https://y"), ..Fields::NONE };
        assert_eq!(next(), (Some(Kind::Authz), Some("a1".into()), false, true, fields));
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

//! The texts of many records, packed: those of one form share what they have in common, so a list takes about a third of
//! the memory.

use std::collections::HashMap;

use crate::record::json::end_of_string;

/// How many forms are kept apart. Records of more forms than that are kept as they are.
const FORMS: usize = 1000;
/// The form of a text that is kept as it is.
const PLAIN: u32 = u32::MAX;

/// Stands for the value that the first record of the form has at this place. No JSON text has these bytes.
const AS_FIRST: u8 = 0;
/// Ends a value.
const END: u8 = 1;

/// Where a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) at: usize,
    len: u32,
    form: u32,
}

/// The texts of records that differ only in their values: in strings other than the names of members, and in numbers.
#[derive(Debug)]
struct Form {
    /// The text around the values.
    around: Vec<Box<str>>,
    /// The values of the first record.
    first: Vec<Box<str>>,
}

/// The texts, each a JSON value.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    forms: Vec<Form>,
    /// The form of each text whose values are left out.
    known: HashMap<String, u32>,
    /// The last text that was taken apart, without its values.
    frame: String,
}

impl Texts {
    /// Adds a text.
    pub(super) fn add(&mut self, text: &str) -> Packed {
        let at = self.bytes.len();
        let form = self.pack(text);
        Packed { at, len: (self.bytes.len() - at) as u32, form }
    }

    /// Adds a text, unless it is the same as another one.
    pub(super) fn add_other(&mut self, text: &str, than: Packed) -> Option<Packed> {
        let packed = self.add(text);
        if packed.form == than.form && self.raw(packed) == self.raw(than) {
            self.remove_last(packed);
            return None;
        }
        Some(packed)
    }

    /// Takes back the text that was added last.
    pub(super) fn remove_last(&mut self, packed: Packed) {
        self.bytes.truncate(packed.at);
    }

    /// Returns a text.
    pub(super) fn get(&self, packed: Packed) -> String {
        let mut raw = self.raw(packed);
        let Some(form) = self.forms.get(packed.form as usize) else {
            return String::from_utf8(raw.to_owned()).unwrap_or_default();
        };
        let mut text = Vec::with_capacity(512);
        for (at, around) in form.around.iter().enumerate() {
            text.extend_from_slice(around.as_bytes());
            let Some(first) = form.first.get(at) else { break };
            if raw.first() == Some(&AS_FIRST) {
                text.extend_from_slice(first.as_bytes());
                raw = &raw[1..];
                continue;
            }
            let end = memchr::memchr(END, raw).unwrap_or(raw.len());
            text.extend_from_slice(&raw[..end]);
            raw = raw.get(end + 1..).unwrap_or_default();
        }
        String::from_utf8(text).unwrap_or_default()
    }

    fn raw(&self, packed: Packed) -> &[u8] {
        &self.bytes[packed.at..packed.at + packed.len as usize]
    }

    /// Appends a text, and returns its form.
    fn pack(&mut self, text: &str) -> u32 {
        self.frame.clear();
        let values = take_apart(text, &mut self.frame);
        let form = match self.known.get(&self.frame) {
            Some(form) => *form,
            None if self.forms.len() >= FORMS => {
                self.bytes.extend_from_slice(text.as_bytes());
                return PLAIN;
            }
            None => {
                let form = self.forms.len() as u32;
                self.known.insert(self.frame.clone(), form);
                self.forms.push(Form::of(text, &values));
                form
            }
        };
        for (value, first) in values.iter().zip(&self.forms[form as usize].first) {
            if **value == **first {
                self.bytes.push(AS_FIRST);
            } else {
                self.bytes.extend_from_slice(value.as_bytes());
                self.bytes.push(END);
            }
        }
        form
    }
}

impl Form {
    fn of(text: &str, values: &[&str]) -> Form {
        let (mut around, mut from) = (Vec::with_capacity(values.len() + 1), 0);
        for value in values {
            let at = value.as_ptr() as usize - text.as_ptr() as usize;
            around.push(text[from..at].into());
            from = at + value.len();
        }
        around.push(text[from..].into());
        Form { around, first: values.iter().map(|value| (*value).into()).collect() }
    }
}

/// Returns the values of a JSON text, and appends what is around them to `frame`, with `""` and `0` in their places.
fn take_apart<'t>(text: &'t str, frame: &mut String) -> Vec<&'t str> {
    let bytes = text.as_bytes();
    let mut values = Vec::with_capacity(32);
    let (mut at, mut from) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                let end = end_of_string(bytes, at + 1);
                // The name of a member.
                if bytes.get(end + 1) != Some(&b':') {
                    frame.push_str(&text[from..=at]);
                    values.push(&text[at + 1..end]);
                    from = end;
                }
                at = end + 1;
            }
            b'-' | b'0'..=b'9' => {
                let is_in = |b: &u8| b.is_ascii_digit() || b"+-.eE".contains(b);
                let end = bytes[at..].iter().position(|b| !is_in(b)).map_or(bytes.len(), |len| at + len);
                frame.push_str(&text[from..at]);
                frame.push('0');
                values.push(&text[at..end]);
                (at, from) = (end, end);
            }
            _ => at += 1,
        }
    }
    frame.push_str(&text[from.min(text.len())..]);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_out_as_they_went_in() {
        let texts = [
            r#"{"id":"a","n":1,"list":["x","y"],"o":{"":"","e":-1.5e+3},"z":null}"#,
            r#"{"id":"b","n":22,"list":["x","y"],"o":{"":"","e":0},"z":null}"#,
            r#"{"id":"a","n":1,"list":["x"],"o":{"":"e\"\\","e":-1.5e+3},"z":null}"#,
            r#"{"id":"","n":"1","list":[],"\"q\":":"\u0000","z" : true}"#,
            r#"{"":":","a":"\"","ä":"ö"}"#,
            "{}",
            r#""x""#,
            "12",
            "null",
        ];
        let mut all = Texts::default();
        let packed: Vec<Packed> = texts.iter().map(|text| all.add(text)).collect();
        for (text, packed) in texts.iter().zip(&packed) {
            assert_eq!(all.get(*packed), *text);
            assert_eq!(all.add_other(text, *packed), None);
        }
        let other = all.add_other(texts[1], packed[0]).expect("another text");
        assert_eq!(all.get(other), texts[1]);
    }

    #[test]
    fn what_records_have_in_common_is_kept_once() {
        let mut all = Texts::default();
        let user =
            r#""user":{"email":"you@example.com","full_name":"Your Name","id":"7eefdd2d-c35d-49c1-8333"}"#;
        let text = |n: usize| {
            format!(
                r#"{{"kind":"authz","id":"id{n}","description":"d{n}","scope":["read"],{user},"session":null}}"#
            )
        };
        let sum: usize = (0..1000).map(|n| text(n).len()).sum();
        let packed: Vec<Packed> = (0..1000).map(|n| all.add(&text(n))).collect();
        assert!(all.bytes.len() < sum / 8, "{} of {sum} bytes", all.bytes.len());
        assert_eq!(all.get(packed[999]), text(999));
    }

    #[test]
    fn texts_of_many_forms_are_kept_as_they_are() {
        let mut all = Texts::default();
        let text = |n: usize| format!(r#"{{"member{n}":"x","n":{n}}}"#);
        let packed: Vec<Packed> = (0..2 * FORMS).map(|n| all.add(&text(n))).collect();
        assert_eq!(all.forms.len(), FORMS);
        for (n, packed) in packed.into_iter().enumerate() {
            assert_eq!(all.get(packed), text(n));
            assert_eq!(all.add_other(&text(n), packed), None);
        }
    }
}

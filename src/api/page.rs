//! One page of a list: a bounded number of objects, each with an id (docs/heroku-api.md, Lists).

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::record::LARGEST;
use crate::record::json::Text;

/// The largest number of objects on a page; requests ask for 1,000.
const MAX_OBJECTS: usize = 100_000;
const NOT_A_LIST: &str = "it is not a list of objects with ids";
const TOO_LONG: &str = "it has more than 100000 objects on one page";

/// A list with a limited number of objects, so that a hostile page cannot fill the memory.
struct Listing<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Listing<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = Listing<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut page = Vec::new();
                while let Some(item) = items.next_element()? {
                    page.push(item);
                    if page.len() > MAX_OBJECTS {
                        return Err(A::Error::custom(TOO_LONG));
                    }
                }
                Ok(Listing(page))
            }
        }
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// An object with an id.
#[derive(Deserialize)]
struct Identified<'a> {
    #[serde(borrow)]
    id: Text<'a>,
}

/// Returns the id of an object on a page even if the object is otherwise unusable; empty if it is too large to parse.
pub(crate) fn id(object: &str) -> Cow<'_, str> {
    let json = Some(object).filter(|json| json.len() <= LARGEST);
    json.and_then(|json| serde_json::from_str::<Identified<'_>>(json).ok())
        .map_or(Cow::Borrowed(""), |object| object.id.0)
}

fn read<'a, T: Deserialize<'a>>(body: &'a str) -> Result<Vec<T>, String> {
    serde_json::from_str(body).map(|Listing(page)| page).map_err(|e| {
        let what = match e.is_data() {
            true if e.to_string().starts_with(TOO_LONG) => TOO_LONG,
            true => NOT_A_LIST,
            false => "it is not a JSON array",
        };
        what.to_owned()
    })
}

/// The objects of a page, as slices of the body.
#[derive(Debug)]
pub struct Page {
    body: String,
    objects: Vec<Range<usize>>,
}

impl Page {
    /// Parses a page: a list of objects that each have an id.
    ///
    /// # Errors
    /// Says why the body is not such a page.
    pub(crate) fn parse(body: String) -> Result<Page, String> {
        let listed = read::<&RawValue>(&body)?;
        // The rest is checked when an object is parsed: checking it here would parse everything twice.
        if listed.iter().any(|object| serde_json::from_str::<Identified<'_>>(object.get()).is_err()) {
            return Err(NOT_A_LIST.to_owned());
        }
        let start = body.as_ptr().addr();
        let range = |object: &&RawValue| {
            let at = object.get().as_ptr().addr() - start;
            at..at + object.get().len()
        };
        let objects = listed.iter().map(range).collect();
        Ok(Page { body, objects })
    }

    /// Returns the JSON of each object.
    pub fn objects(&self) -> impl Iterator<Item = &str> {
        self.objects.iter().map(|range| &self.body[range.clone()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<usize, String> {
        Page::parse(body.to_owned()).map(|page| page.objects().count())
    }

    #[test]
    fn a_page_has_a_bounded_number_of_objects() {
        let object = r#"{"id":"a"}"#;
        let objects = |n: usize| format!("[{object}{}]", format!(",{object}").repeat(n));
        assert_eq!(parse("[]"), Ok(0));
        assert_eq!(parse(&objects(MAX_OBJECTS - 1)), Ok(MAX_OBJECTS));
        assert_eq!(parse(&objects(MAX_OBJECTS)), Err(TOO_LONG.to_owned()));
    }

    #[test]
    fn objects_keep_their_original_text() {
        let page = Page::parse("[ {\"id\":\"a\", \"n\":1e3},\n{\"id\":\"b\"}]".to_owned()).expect("a page");
        assert_eq!(page.objects().collect::<Vec<_>>(), [r#"{"id":"a", "n":1e3}"#, r#"{"id":"b"}"#]);
    }

    #[test]
    fn a_body_that_is_not_a_page_is_refused() {
        for bad in ["", "[", "[{\"id\":\"a\"}] 2", "[{\"id\":\"a\"},]"] {
            assert_eq!(parse(bad), Err("it is not a JSON array".to_owned()), "{bad}");
        }
        for bad in ["null", "{}", "[1]", "[null]", "[{}]", r#"[{"id":1}]"#, r#"[{"id":"a","id":"b"}]"#] {
            assert_eq!(parse(bad), Err(NOT_A_LIST.to_owned()), "{bad}");
        }
    }
}

//! A page of a list: as many objects as a page can have, each with an id.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::record::LARGEST;
use crate::record::json::Text;

/// The most objects that one page may have; 1,000 are asked for.
const LONGEST: usize = 100_000;
const NO_LIST: &str = "it is no list of objects with ids";
const TOO_LONG: &str = "the list has more than 100000 objects on a page";

/// A list that ends before it has grown beyond all measure.
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
                    if page.len() > LONGEST {
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

/// The id of an object on a page, whatever else is wrong with it; empty where it is too large to be looked through.
pub(crate) fn id(object: &str) -> Cow<'_, str> {
    let json = Some(object).filter(|json| json.len() <= LARGEST);
    json.and_then(|json| serde_json::from_str::<Identified<'_>>(json).ok())
        .map_or(Cow::Borrowed(""), |object| object.id.0)
}

fn read<'a, T: Deserialize<'a>>(body: &'a str) -> Result<Vec<T>, String> {
    serde_json::from_str(body).map(|Listing(page)| page).map_err(|e| {
        let what = match e.is_data() {
            true if e.to_string().starts_with(TOO_LONG) => TOO_LONG,
            true => NO_LIST,
            false => "it is no JSON array",
        };
        what.to_owned()
    })
}

/// The objects on a page, in the body that they came in.
#[derive(Debug)]
pub struct Page {
    body: String,
    objects: Vec<Range<usize>>,
}

impl Page {
    /// Parses a page: a list of objects that each have an id.
    ///
    /// # Errors
    /// What it is instead.
    pub(crate) fn parse(body: String) -> Result<Page, String> {
        let listed = read::<&RawValue>(&body)?;
        // All that can be checked at the cost of finding the object's end.
        if listed.iter().any(|object| serde_json::from_str::<Identified<'_>>(object.get()).is_err()) {
            return Err(NO_LIST.to_owned());
        }
        let start = body.as_ptr().addr();
        let range = |object: &&RawValue| {
            let at = object.get().as_ptr().addr() - start;
            at..at + object.get().len()
        };
        let objects = listed.iter().map(range).collect();
        Ok(Page { body, objects })
    }

    /// The JSON of each object.
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
        assert_eq!(parse(&objects(LONGEST - 1)), Ok(LONGEST));
        assert_eq!(parse(&objects(LONGEST)), Err(TOO_LONG.to_owned()));
    }

    #[test]
    fn objects_are_handed_on_as_they_came() {
        let page = Page::parse("[ {\"id\":\"a\", \"n\":1e3},\n{\"id\":\"b\"}]".to_owned()).expect("a page");
        assert_eq!(page.objects().collect::<Vec<_>>(), [r#"{"id":"a", "n":1e3}"#, r#"{"id":"b"}"#]);
    }

    #[test]
    fn a_body_that_is_not_a_page_is_refused() {
        for bad in ["", "[", "[{\"id\":\"a\"}] 2", "[{\"id\":\"a\"},]"] {
            assert_eq!(parse(bad), Err("it is no JSON array".to_owned()), "{bad}");
        }
        for bad in ["null", "{}", "[1]", "[null]", "[{}]", r#"[{"id":1}]"#, r#"[{"id":"a","id":"b"}]"#] {
            assert_eq!(parse(bad), Err(NO_LIST.to_owned()), "{bad}");
        }
    }
}

//! A page of a list: as many objects as a page can have, each with an id.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::record::LARGEST;
use crate::record::json::Text;

/// The most objects that one page may have; 1,000 are asked for.
const LONGEST: usize = 100_000;
const TOO_LONG: &str = "the list has more than 100000 objects on a page";

/// A list that ends before it has grown beyond all measure.
struct Page<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = Page<T>;
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
                Ok(Page(page))
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

/// The same: all that can be checked at the cost of finding its end. Nothing of it is kept.
struct Listed;

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Identified::deserialize(deserializer).map(|_| Listed)
    }
}

/// The id of an object on a page, whatever else is wrong with it; empty where it is too large to be looked through.
pub(crate) fn id(object: &RawValue) -> Cow<'_, str> {
    let json = Some(object.get()).filter(|json| json.len() <= LARGEST);
    json.and_then(|json| serde_json::from_str::<Identified<'_>>(json).ok())
        .map_or(Cow::Borrowed(""), |object| object.id.0)
}

fn read<'a, T: Deserialize<'a>>(body: &'a str) -> Result<Vec<T>, String> {
    serde_json::from_str(body).map(|Page(page)| page).map_err(|e| {
        let what = match e.is_data() {
            true if e.to_string().starts_with(TOO_LONG) => TOO_LONG,
            true => "it is no list of objects with ids",
            false => "it is no JSON array",
        };
        what.to_owned()
    })
}

/// Whether a body is a list of objects that have ids.
///
/// # Errors
/// What it is instead.
pub(crate) fn check(body: &str) -> Result<(), String> {
    read::<Listed>(body).map(drop)
}

/// The objects of a page.
///
/// # Errors
/// That it is no list, or one that no page can be.
pub(crate) fn page(body: &str) -> Result<Vec<&RawValue>, String> {
    read(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_a_list_of_so_many() {
        assert_eq!(page(r#"[{"id":1}, 2]"#).map(|p| p.len()), Ok(2));
        assert_eq!(page(&format!("[0{}]", ",0".repeat(LONGEST - 1))).map(|p| p.len()), Ok(LONGEST));
        assert_eq!(page(&format!("[0{}]", ",0".repeat(LONGEST))).expect_err("refused"), TOO_LONG);
        let object = r#"{"id":"a"}"#;
        let objects = |n: usize| format!("[{object}{}]", format!(",{object}").repeat(n));
        assert_eq!((check(&objects(LONGEST - 1)), check("[]")), (Ok(()), Ok(())));
        assert_eq!(check(&objects(LONGEST)).expect_err("refused"), TOO_LONG);
    }

    #[test]
    fn what_is_no_page_is_named() {
        for bad in ["", "[", "[{\"id\":\"a\"}] 2", "[{\"id\":\"a\"},]"] {
            assert_eq!(check(bad).expect_err("refused"), "it is no JSON array", "{bad}");
        }
        for bad in ["null", "{}", "[1]", "[null]", "[{}]", r#"[{"id":1}]"#, r#"[{"id":"a","id":"b"}]"#] {
            assert_eq!(check(bad).expect_err("refused"), "it is no list of objects with ids", "{bad}");
        }
    }
}

//! Lists, page by page: each has a bounded number of objects, and each object an id (docs/heroku-api.md, Lists).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasher;
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::api::call::Caller;
use crate::api::into_error;
use crate::api::request::{AfterLoss, Call};
use crate::api::transport::Method;
use crate::base::error::{Class, Error as Failure};
use crate::base::time::Unix;
use crate::record::LARGEST;
use crate::record::json::Text;
use crate::record::kind::{Kind, check_foreign_id};

/// The largest number of objects on a page; requests ask for 1,000.
const MAX_OBJECTS: usize = 100_000;
/// The largest page of a list, in bytes.
const LARGEST_PAGE: u64 = 64 << 20;

/// The largest number of pages of a list: ten million objects at 1,000 a page.
const MAX_PAGES: usize = 10_000;
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

/// How a list goes on after a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This page is the last.
    End,
    /// With the page of this range.
    Range(String),
    /// The server says that the page is a part of the list (206), but not what follows. The number is how many objects a
    /// page can have, if the server says that.
    Untold(Option<usize>),
}

impl Next {
    /// Reads the status and the headers `Next-Range` and `Content-Range` of a page.
    pub(crate) fn read(status: u16, next_range: Option<&str>, content_range: Option<&str>) -> Next {
        if let Some(range) = next_range {
            return Next::Range(range.to_owned());
        }
        let parameters = content_range.into_iter().flat_map(|range| range.split([';', ',']));
        let mut sizes = parameters.filter_map(|word| word.trim().strip_prefix("max=")?.trim().parse().ok());
        if status == 206 { Next::Untold(sizes.next()) } else { Next::End }
    }

    /// Returns the range of the next page, if there may be one. If the server does not say, a page that is not full is the
    /// last, and after a full one the range is everything that follows its last object.
    ///
    /// # Errors
    /// A text if there may be more, but the page does not show where.
    pub(crate) fn range(self, page: &Page) -> Result<Option<String>, String> {
        let size = match self {
            Next::End => return Ok(None),
            Next::Range(range) => return Ok(Some(range)),
            Next::Untold(size) => size,
        };
        let Some(last) = page.objects().last() else { return Ok(None) };
        if size.is_some_and(|size| page.objects.len() < size) {
            return Ok(None);
        }
        let last = id(last);
        check_foreign_id(&last).map_err(|_| INCOMPLETE.to_owned())?;
        Ok(Some(format!("id ]{last}..; max=1000")))
    }
}

/// What is wrong with a list that does not say how it goes on.
const INCOMPLETE: &str = "the list is incomplete: the server says that there is more (206), but not where";

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

/// The pages of a list, each with its date. An error is the last item.
pub struct Pages<'a> {
    caller: &'a Caller,
    path: String,
    kind: Kind,
    team: bool,
    /// The range of the next page, or what is wrong with it; `None` after the last one.
    next: Option<Result<String, Failure>>,
    /// The server has not said where the list goes on.
    is_guess: bool,
    /// The ranges so far and the first id of each page; hashes only, so that an endless list does not fill the memory.
    seen: HashSet<u64>,
    count: usize,
}

impl<'a> Pages<'a> {
    pub(super) fn new(caller: &'a Caller, path: String, kind: Kind, team: bool) -> Pages<'a> {
        let range = "id ..; max=1000".to_owned();
        let seen = HashSet::from([caller.request_ids.hash_one(&range)]);
        Pages { caller, path, kind, team, next: Some(Ok(range)), is_guess: false, seen, count: 0 }
    }

    /// Asks for a page, and finds out how the list goes on. `None` if there is nothing after the page before.
    fn page(&mut self, range: &str) -> Result<Option<(Page, Unix)>, Failure> {
        if self.count == MAX_PAGES {
            let what = format!("the list does not end: it has more than {MAX_PAGES} pages");
            return Err(Failure::unusable(what));
        }
        self.count += 1;
        let call = Call {
            range: Some(range),
            team: self.team,
            largest: LARGEST_PAGE,
            ..Call::new(Method::Get, &self.path, AfterLoss::SendAgain)
        };
        let parse = |body: String, _| {
            // No message shows the secrets and codes in it. The API masks tokens, and tokens have a form of their own.
            let shows = self.kind == Kind::Client || body.contains("\"code\"");
            let page = Page::parse(body)?;
            if shows {
                page.objects().for_each(|object| self.caller.hide_secrets(object));
            }
            Ok(page)
        };
        let listed = match self.caller.call(&call, parse).map_err(into_error) {
            Err(e) if self.is_guess && e.class() == Class::Refused(416) => return Ok(None),
            listed => listed?,
        };
        let page = listed.value;
        let hash = &self.caller.request_ids;
        let repeats = || Failure::unusable("the list does not end: the server repeats a page");
        // A page that is repeated under another range starts with the same id.
        let first = page.objects().next().map(id);
        if first.as_ref().is_some_and(|id| !self.seen.insert(hash.hash_one(("id", id)))) {
            return Err(if self.is_guess { Failure::unusable(INCOMPLETE) } else { repeats() });
        }
        let has_objects = first.is_some();
        self.is_guess = matches!(listed.next, Next::Untold(_));
        self.next = match listed.next.range(&page) {
            Ok(None) => None,
            Ok(Some(next)) if has_objects && self.seen.insert(hash.hash_one(&next)) => Some(Ok(next)),
            Ok(Some(_)) => Some(Err(repeats())),
            Err(what) => Some(Err(Failure::unusable(what))),
        };
        Ok(Some((page, listed.date)))
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<(Page, Unix), Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let range = self.next.take()?;
        range.and_then(|range| self.page(&range)).transpose()
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
    fn a_list_goes_on_where_the_server_says_or_after_the_last_object() {
        let page = Page::parse(r#"[{"id":"a"},{"id":"b-1"}]"#.to_owned()).expect("a page");
        let next = |status, next, content| Next::read(status, next, content).range(&page);
        let after = Ok(Some("id ]b-1..; max=1000".to_owned()));
        for (status, told, content, range) in [
            (200, None, None, Ok(None)),
            (200, None, Some("id a..b-1; max=2"), Ok(None)),
            (206, Some("x"), Some("id a..b-1; max=9"), Ok(Some("x".to_owned()))),
            (200, Some("x"), None, Ok(Some("x".to_owned()))),
            (206, None, None, after.clone()),
            (206, None, Some("id a..b-1"), after.clone()),
            (206, None, Some("id a..b-1; max=x"), after.clone()),
            (206, None, Some("id a..b-1; order=asc, max=2"), after.clone()),
            (206, None, Some("id a..b-1/400; max=2"), after),
            (206, None, Some("id a..b-1; max=200"), Ok(None)),
        ] {
            assert_eq!(next(status, told, content), range, "{status} {told:?} {content:?}");
        }
        let read = |body: &str| Page::parse(body.to_owned()).expect("a page");
        assert_eq!(Next::Untold(None).range(&read("[]")), Ok(None));
        assert_eq!(Next::Untold(None).range(&read(r#"[{"id":"a\r\nb"}]"#)), Err(INCOMPLETE.to_owned()));
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

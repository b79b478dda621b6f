//! `Range` and `Next-Range`: the pages of a list (docs/heroku-api.md, Lists).
//!
//! `id [FROM]..[TO][; max=N[, order=asc|desc]]`; `]FROM` excludes FROM itself. Ids are the only key, as in the API.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

/// The number of objects on a page by default.
const DEFAULT_MAX: usize = 200;
/// The largest number of objects on a page, also if a client asks for more.
const MAX: usize = 1000;

/// The range of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct Range {
    /// The first id, and whether it is excluded.
    from: Option<(String, bool)>,
    /// The last id.
    to: Option<String>,
    max: usize,
    descending: bool,
}

impl Default for Range {
    fn default() -> Range {
        Range { from: None, to: None, max: DEFAULT_MAX, descending: false }
    }
}

impl Range {
    /// Parses a `Range` header; `None` if the response must be 416.
    pub(in crate::sandbox) fn parse(text: &str) -> Option<Range> {
        let (span, params) = match text.split_once(';') {
            Some((span, params)) => (span, params),
            None => (text, ""),
        };
        let bounds = span.trim().strip_prefix("id")?;
        if !bounds.starts_with([' ', '\t']) {
            return None;
        }
        let (from, to) = bounds.trim().split_once("..")?;
        let (from, exclusive) = match from.strip_prefix(']') {
            Some("") => return None,
            Some(from) => (from, true),
            None => (from, false),
        };
        if !is_id(from) || !is_id(to) {
            return None;
        }
        let mut range = Range {
            from: (!from.is_empty()).then(|| (from.to_owned(), exclusive)),
            to: (!to.is_empty()).then(|| to.to_owned()),
            ..Range::default()
        };
        for param in params.split([',', ';']).map(str::trim).filter(|p| !p.is_empty()) {
            match param.split_once('=').map(|(k, v)| (k.trim(), v.trim()))? {
                ("max", digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                    // A number that does not parse is too large, so MAX applies.
                    range.max = digits.parse().unwrap_or(MAX).min(MAX);
                    if digits.is_empty() || range.max == 0 {
                        return None;
                    }
                }
                ("order", "asc") => range.descending = false,
                ("order", "desc") => range.descending = true,
                _ => return None,
            }
        }
        Some(range)
    }

    /// Returns how many objects a page has at most.
    pub(in crate::sandbox) fn max(&self) -> usize {
        self.max
    }

    /// Returns the objects of this page for which `wanted` is true, and the range of the next page if there is one.
    pub(in crate::sandbox) fn page<'a, T>(
        &self,
        items: &'a BTreeMap<String, T>,
        wanted: impl Fn(&T) -> bool,
    ) -> (Vec<&'a T>, Option<Range>) {
        let start = match &self.from {
            None => Bound::Unbounded,
            Some((id, true)) => Bound::Excluded(id.as_str()),
            Some((id, false)) => Bound::Included(id.as_str()),
        };
        let end = self.to.as_deref().map_or(Bound::Unbounded, Bound::Included);
        let (low, high) = if self.descending { (end, start) } else { (start, end) };
        // `BTreeMap::range` panics on these ranges, which are empty anyway.
        if let (Bound::Included(l) | Bound::Excluded(l), Bound::Included(h) | Bound::Excluded(h)) =
            (low, high)
            && (l > h || (l == h && (low, high) != (Bound::Included(l), Bound::Included(h))))
        {
            return (Vec::new(), None);
        }
        let mut span = items.range::<str, _>((low, high));
        let mut next = || loop {
            let entry = if self.descending { span.next_back() } else { span.next() };
            match entry {
                Some((_, item)) if !wanted(item) => {}
                other => return other,
            }
        };
        let mut page = Vec::with_capacity(self.max.min(items.len()));
        let mut last = None;
        while let Some((id, item)) = next() {
            if page.len() == self.max {
                let from = last.map(|id: &String| (id.clone(), true));
                return (page, Some(Range { from, ..self.clone() }));
            }
            page.push(item);
            last = Some(id);
        }
        (page, None)
    }
}

fn is_id(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("id ")?;
        if let Some((from, exclusive)) = &self.from {
            write!(f, "{}{from}", if *exclusive { "]" } else { "" })?;
        }
        write!(f, "..{}; max={}", self.to.as_deref().unwrap_or_default(), self.max)?;
        f.write_str(if self.descending { ", order=desc" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Range {
        Range::parse(text).unwrap_or_else(|| panic!("{text:?} should be a range"))
    }

    fn letters() -> BTreeMap<String, char> {
        ('a'..='j').map(|c| (c.to_string(), c)).collect()
    }

    fn walk(first: &str) -> Vec<String> {
        let items = letters();
        let (mut pages, mut range) = (Vec::new(), Some(parse(first)));
        while let Some(r) = range {
            let (page, next) = r.page(&items, |c| *c != 'e');
            pages.push(page.into_iter().collect());
            range = next.map(|n| parse(&n.to_string()));
        }
        pages
    }

    #[test]
    fn ranges_parse_and_print() {
        assert_eq!(parse("id .."), Range::default());
        for text in [
            "id ..; max=1000",
            "id ]01234567-89ab..; max=200",
            "id a..b; max=3",
            "id ]a..b; max=3, order=desc",
        ] {
            assert_eq!(parse(text).to_string(), text);
        }
        assert_eq!(parse("id ..;max=5000").to_string(), "id ..; max=1000");
        assert_eq!(parse("id ..; max=99999999999999999999999").to_string(), "id ..; max=1000");
        assert_eq!(parse("id ..; order=asc,max=7").to_string(), "id ..; max=7");
    }

    #[test]
    fn invalid_ranges_are_refused() {
        for text in [
            "",
            "id",
            "id a",
            "id..",
            "name ..",
            "id ]..",
            "id ..; max=0",
            "id ..; max=",
            "id ..; max=-1",
            "id ..; max=x",
            "id ..; sort=asc",
            "id ..; max",
            "id a b..",
            "id ..; order=up",
            "bytes=0-10",
            "id ..a..b",
            "id \u{e9}..",
        ] {
            assert_eq!(Range::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn pages_contain_each_object_once() {
        assert_eq!(walk("id ..; max=4"), ["abcd", "fghi", "j"]);
        assert_eq!(walk("id ..; max=3"), ["abc", "dfg", "hij"]);
        assert_eq!(walk("id ..; max=2, order=desc"), ["ji", "hg", "fd", "cb", "a"]);
        assert_eq!(walk("id c..g; max=2"), ["cd", "fg"]);
        assert_eq!(walk("id ]c..g; max=9"), ["dfg"]);
        assert_eq!(walk("id g..c; max=2, order=desc"), ["gf", "dc"]);
    }

    #[test]
    fn empty_and_backward_ranges_have_no_objects() {
        for text in ["id g..c", "id ]c..c", "id ]j..", "id a..j; order=desc", "id ]a..a; order=desc"] {
            assert_eq!(walk(text), [""], "{text}");
        }
        assert_eq!(walk("id c..c"), ["c"]);
    }
}

//! Compares the members of two records.
//!
//! Values are compared as they were written. What cannot be decoded (half a character, a number beyond any type) is
//! the same only if it is written the same.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::base::secret::{STARS, is_masked};
use crate::base::time;
use crate::record::json::{JsonObject, string, write_string};

/// How far apart two times of the same expiry may be, in seconds. They are computed from the seconds left and the date
/// of each response, which are both rounded.
const SKEW: i64 = 2;
/// How far apart a lifetime and the wanted one may be, in seconds: the token of an object that was found after a lost
/// response is younger than its authorization.
const LIFETIME_SKEW: i64 = 60;

/// One of two records that match.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    /// A JSON object with masked secrets.
    pub(super) text: &'a str,
    /// It was a row of CSV, which cannot tell null from an empty text.
    pub(super) is_row: bool,
    /// It has everything that the API says: what it lacks is null. Otherwise that is unknown.
    pub(super) is_whole: bool,
}

/// Returns the members of `new` that differ from `old`, with their old values, as a JSON object; `None` if none do.
/// Members that change without a change to the object are ignored: the seconds left, the status that follows from
/// them, and the marks of the object in use.
///
/// # Errors
/// A message, if one of them is not a JSON object.
pub(super) fn changes(old: Side<'_>, new: Side<'_>) -> Result<Option<String>, String> {
    if old.text == new.text {
        return Ok(None);
    }
    let (before, after) = (object(old.text)?, object(new.text)?);
    let how = How { is_row: old.is_row || new.is_row, is_whole: old.is_whole };
    let mut was = Vec::new();
    let mut put = |name: &str, value: Option<&RawValue>| {
        was.push(if was.is_empty() { b'{' } else { b',' });
        write_string(&mut was, name);
        was.push(b':');
        was.extend_from_slice(value.map_or("null", RawValue::get).as_bytes());
    };
    for (at, (name, value)) in after.0.iter().enumerate() {
        let name = name.as_ref();
        // Of several members of one name, the last counts.
        let is_hidden = after.0[at + 1..].iter().any(|(later, _)| later == name);
        if is_hidden || ["kind", "id", "status", "current", "default", "expires_in"].contains(&name) {
            continue;
        }
        let value_before = before.get(name);
        let differs = match (name, value_before) {
            (_, None) if !old.is_whole => false,
            ("expires_at", None) => false,
            ("expires_at", Some(end)) => !(same_end(end, value) || expired(&before) && expired(&after)),
            ("scope", Some(scope)) => !same_set(scope, value),
            _ => !how.alike(value_before, value),
        };
        if differs {
            put(name, value_before);
        }
    }
    if !new.is_whole && after.get("expires_at").is_none() && lives_longer(&before, &after) {
        put("expires_at", before.get("expires_at"));
    }
    was.extend((!was.is_empty()).then_some(b'}'));
    Ok(String::from_utf8(was).ok().filter(|was| !was.is_empty()))
}

fn object(text: &str) -> Result<JsonObject<'_>, String> {
    serde_json::from_str(text).map_err(|_| "it is not a JSON object".to_owned())
}

fn expired(record: &JsonObject<'_>) -> bool {
    record.text("status").is_some_and(|status| status == "expired")
}

/// Returns whether two values of `expires_at` mean the same time.
fn same_end(a: &RawValue, b: &RawValue) -> bool {
    let at = |value| string(value).and_then(|text| time::parse_rfc3339(&text));
    match (at(a), at(b)) {
        (Some(a), Some(b)) => a.abs_diff(b) <= SKEW.unsigned_abs(),
        _ => a.get() == b.get(),
    }
}

/// Returns whether two lists have the same items, in any order.
fn same_set(a: &RawValue, b: &RawValue) -> bool {
    let set = |value: &RawValue| serde_json::from_str::<BTreeSet<String>>(value.get()).ok();
    match (set(a), set(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.get() == b.get(),
    }
}

/// Returns whether an object lives longer than a record with its own `expires_in` asks for.
fn lives_longer(object: &JsonObject<'_>, wanted: &JsonObject<'_>) -> bool {
    let Some(seconds) = wanted.get("expires_in").and_then(lifetime) else { return false };
    let at = |name| object.text(name).and_then(|text| time::parse_rfc3339(&text));
    match (object.get("expires_at").map(RawValue::get), at("created_at"), at("expires_at")) {
        (Some("null"), ..) => true,
        (_, Some(from), Some(to)) => to.saturating_sub(from) > seconds.saturating_add(LIFETIME_SKEW),
        _ => false,
    }
}

/// Returns the seconds of a record's own `expires_in`: a number, or a span such as `8h`.
pub(super) fn lifetime(value: &RawValue) -> Option<i64> {
    let text = string(value).unwrap_or(Cow::Borrowed(value.get()));
    time::parse_span(&text).ok().and_then(|span| i64::try_from(span.as_secs()).ok())
}

/// How values are compared.
#[derive(Clone, Copy)]
struct How {
    /// One of the records was a row of CSV.
    is_row: bool,
    /// What the old record lacks is null.
    is_whole: bool,
}

impl How {
    /// Returns whether a value of `new` is as before. Only the members that an object of `new` has are compared, and
    /// the seconds left are not; a hidden secret equals a masked one.
    fn alike(self, old: Option<&RawValue>, new: &RawValue) -> bool {
        let (a, b) = (old.map_or("null", RawValue::get), new.get());
        if a == b || (self.is_row && is_nothing(a) && is_nothing(b)) {
            return true;
        }
        match (a.as_bytes().first(), b.as_bytes().first(), old) {
            (Some(b'"'), Some(b'"'), Some(old)) => match (string(old), string(new)) {
                (Some(a), Some(b)) => {
                    a == b || (a == STARS && is_masked(&b)) || (b == STARS && is_masked(&a))
                }
                _ => false,
            },
            (Some(b'{'), Some(b'{'), _) => match (object(a), object(b)) {
                (Ok(a), Ok(b)) => b.0.iter().all(|(name, _)| {
                    let (old, new) = (a.get(name), b.get(name));
                    name == "expires_in"
                        || (old.is_none() && !self.is_whole)
                        || new.is_some_and(|new| self.alike(old, new))
                }),
                _ => false,
            },
            // The columns of a row name members of an object that is not there.
            (Some(b'n'), Some(b'{'), _) if self.is_row => is_hollow(b),
            (Some(b'{'), Some(b'n'), _) if self.is_row => is_hollow(a),
            (Some(b'['), Some(b'['), _) => {
                let items = |raw| serde_json::from_str::<Vec<&RawValue>>(raw);
                match (items(a), items(b)) {
                    (Ok(a), Ok(b)) => {
                        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.alike(Some(a), b))
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

fn is_hollow(raw: &str) -> bool {
    object(raw).is_ok_and(|object| object.0.iter().all(|(_, value)| is_nothing(value.get())))
}

fn is_nothing(raw: &str) -> bool {
    matches!(raw, "null" | "\"\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn was(old: &str, new: &str) -> Option<String> {
        let side = |text| Side { text, is_row: false, is_whole: true };
        changes(side(old), side(new)).expect("objects")
    }

    #[test]
    fn a_value_that_cannot_be_decoded_equals_nothing_but_itself() {
        for (a, b) in [
            (r#""\ud800""#, r#""\ud801""#),
            (r#""\ud800""#, "\"\u{fffd}\""),
            (r#""\ud800""#, "\"\""),
            (r#""\ud800""#, "null"),
            ("1e999", "2e999"),
            ("18446744073709551616", "18446744073709551617"),
            ("9007199254740992", "9007199254740993"),
            (r#"["\ud800"]"#, r#"["\udfff"]"#),
            (r#"{"a":{"b":"\ud800"}}"#, r#"{"a":{"b":"\ud801"}}"#),
            (r#"{"\ud800":1}"#, r#"{"\ud800":2}"#),
        ] {
            let record = |value: &str| format!(r#"{{"id":"a","x":{value}}}"#);
            for (a, b) in [(a, b), (b, a)] {
                let changed = was(&record(a), &record(b));
                assert_eq!(changed, Some(format!(r#"{{"x":{a}}}"#)), "{a} {b}");
            }
            assert_eq!(
                was(&record(a), &format!(r#"{{"id":"a","y":1,"x":{a}}}"#)),
                Some(r#"{"y":null}"#.into())
            );
        }
        // It hides no other difference.
        let record = |scope: &str| format!(r#"{{"description":"\ud800","scope":["{scope}"]}}"#);
        assert_eq!(was(&record("read"), &record("global")), Some(r#"{"scope":["read"]}"#.into()));
    }

    #[test]
    fn spelling_order_of_scopes_and_seconds_left_are_no_difference() {
        for (a, b) in [
            (r#"{"d":"\u0041"}"#, r#"{"d":"A"}"#),
            (r#"{"scope":["read","write"]}"#, r#"{"scope":["write","read"]}"#),
            (r#"{"t":{"expires_in":5,"x":1}}"#, r#"{"t":{"x":1,"expires_in":4}}"#),
            (r#"{"expires_at":"2030-01-02T03:04:05Z"}"#, r#"{"expires_at":"2030-01-02T04:04:06+01:00"}"#),
            (r#"{"t":"HRKU-AA**********xy"}"#, r#"{"t":"**********"}"#),
            (r#"{"a":1,"b":2}"#, r#"{"b":2}"#),
            (r#"{"status":"active","current":true}"#, r#"{"status":"expired"}"#),
        ] {
            assert_eq!(was(a, b), None, "{a} {b}");
        }
        for (a, b, changed) in [
            (r#"{"scope":["read"]}"#, r#"{"scope":["read","write"]}"#, r#"{"scope":["read"]}"#),
            (r#"{"expires_at":null}"#, r#"{"expires_at":"2030-01-02T03:04:05Z"}"#, r#"{"expires_at":null}"#),
            (r#"{"t":{"x":1}}"#, r#"{"t":null}"#, r#"{"t":{"x":1}}"#),
            (r#"{"a":1}"#, r#"{"a":2,"a":3}"#, r#"{"a":1}"#),
            (r#"{}"#, r#"{"x":[1]}"#, r#"{"x":null}"#),
        ] {
            assert_eq!(was(a, b).as_deref(), Some(changed), "{a} {b}");
        }
    }

    #[test]
    fn what_a_partial_record_does_not_say_is_not_compared() {
        let whole = r#"{"id":"a","description":"x","expires_at":null,"scope":["read"],"created_at":"2030-01-01T00:00:00Z"}"#;
        let of = |text, is_whole| Side { text, is_row: false, is_whole };
        let changed = |old, new| changes(old, new).expect("objects");
        assert_eq!(changed(of(whole, true), of(r#"{"description":"x"}"#, false)), None);
        assert_eq!(changed(of(r#"{"description":"x"}"#, false), of(whole, true)), None);
        // A shorter life than the object has is a difference.
        let hour = of(r#"{"description":"x","expires_in":"1h"}"#, false);
        assert_eq!(changed(of(whole, true), hour), Some(r#"{"expires_at":null}"#.into()));
        let row = |text| Side { text, is_row: true, is_whole: false };
        assert_eq!(changed(of(r#"{"description":null}"#, true), row(r#"{"description":""}"#)), None);
        assert_eq!(changed(of(r#"{"client":null}"#, true), row(r#"{"client":{"id":null}}"#)), None);
    }
}

//! A line of a plan, as oauth-diff(1) prints it: what is to be done to an object, and what it was before
//! (oauth-record(5), PLANS).

use serde_json::value::RawValue;

use crate::record::json::{JsonObject, string};

/// What a line of a plan does to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// It is made.
    Added,
    /// It gets new values.
    Changed,
    /// It is removed.
    Removed,
}

/// A value of an object in a plan, as it was written in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The name of the member.
    pub name: String,
    /// The value that it has before the plan is applied.
    pub was: String,
    /// The value that it is to get; `None` if the line does not say.
    pub now: Option<String>,
}

/// A line of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// What is done.
    pub verb: Verb,
    /// Of an object to make: the id that it has in the list it comes from.
    pub id: Option<String>,
    /// The values that change; of an object to remove, those by which people know it.
    pub values: Vec<Value>,
    /// Other values of an object to change: those that it has before and after.
    pub context: Vec<Value>,
    /// The ids of objects that look like the one to make, and are not it.
    pub like: Vec<String>,
    /// Of several objects to make that look the same: which one this is, from 1.
    pub nth: usize,
}

/// The members by which people know an object.
const TELLING: [&str; 4] = ["description", "name", "scope", "redirect_uri"];

impl Hunk {
    /// Parses a line of a plan.
    ///
    /// # Errors
    /// A message without any part of the line, which may hold a secret.
    pub(crate) fn from_json(line: &str) -> Result<Hunk, String> {
        let object: JsonObject<'_> =
            serde_json::from_str(line).map_err(|_| "it is not a JSON object".to_owned())?;
        object.check_unique(&[
            "change",
            "was",
            "like",
            "nth",
            "description",
            "name",
            "scope",
            "redirect_uri",
        ])?;
        let not_a_plan = || "this is not a line of a plan: give what oauth-diff prints".to_owned();
        let verb = match object.text("change").ok_or_else(not_a_plan)?.as_ref() {
            "added" => Verb::Added,
            "changed" => Verb::Changed,
            "removed" => Verb::Removed,
            _ => return Err("its change must be added, changed or removed".to_owned()),
        };
        let raw = |value: &RawValue| value.get().to_owned();
        let values = match verb {
            Verb::Added => Vec::new(),
            Verb::Changed => {
                let was = object.get("was").ok_or("it does not say what it was")?;
                let was: JsonObject<'_> =
                    serde_json::from_str(was.get()).map_err(|_| "its was is not an object".to_owned())?;
                let value = |(name, was): &(_, std::borrow::Cow<'_, RawValue>)| {
                    let name: &std::borrow::Cow<'_, str> = name;
                    Value { name: name.to_string(), was: raw(was), now: object.get(name).map(raw) }
                };
                let values: Vec<Value> = was.0.iter().map(value).collect();
                let repeats = |at: usize| values[at + 1..].iter().any(|other| other.name == values[at].name);
                if let Some(at) = (0..values.len()).find(|at| repeats(*at)) {
                    return Err(format!(
                        "duplicate field '{}' in was",
                        crate::base::text::escape(&values[at].name)
                    ));
                }
                values
            }
            Verb::Removed => {
                let known = |name: &&str| {
                    object.get(name).map(|was| Value { name: (*name).to_owned(), was: raw(was), now: None })
                };
                TELLING.iter().filter_map(known).collect()
            }
        };
        let id = object.text("id").filter(|_| verb == Verb::Added).map(std::borrow::Cow::into_owned);
        let mut context = Vec::new();
        for name in TELLING.iter().filter(|name| !values.iter().any(|value| value.name == **name)) {
            if let Some(value) = object.get(name).filter(|_| verb == Verb::Changed) {
                context.push(Value { name: (*name).to_owned(), was: raw(value), now: Some(raw(value)) });
            }
        }
        let like = match object.get("like") {
            None => Vec::new(),
            Some(ids) => {
                serde_json::from_str(ids.get()).map_err(|_| "its like is not a list of ids".to_owned())?
            }
        };
        let nth = match object.get("nth") {
            None => 1,
            Some(nth) => nth.get().parse().map_err(|_| "its nth is not a number".to_owned())?,
        };
        Ok(Hunk { verb, id, values, context, like, nth })
    }
}

/// Returns whether two JSON values say the same: they are written alike, are the same text, or have the same texts in
/// any order.
pub(crate) fn same(a: &str, b: &str) -> bool {
    let text = |raw: &str| {
        serde_json::from_str::<&RawValue>(raw).ok().and_then(string).map(std::borrow::Cow::into_owned)
    };
    let set = |raw: &str| serde_json::from_str::<std::collections::BTreeSet<String>>(raw).ok();
    a == b
        || match (text(a), text(b)) {
            (Some(a), Some(b)) => a == b,
            _ => set(a).zip(set(b)).is_some_and(|(a, b)| a == b),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_plan_is_read_or_refused() {
        let line = r#"{"change":"changed","was":{"name":"a","x":null},"id":"c","name":"\u0062"}"#;
        let hunk = Hunk::from_json(line).expect("a line");
        let value = |name: &str, was: &str, now: Option<&str>| Value {
            name: name.to_owned(),
            was: was.to_owned(),
            now: now.map(str::to_owned),
        };
        assert_eq!(hunk.values, [value("name", "\"a\"", Some("\"\\u0062\"")), value("x", "null", None)]);
        for (bad, what) in [
            ("{}", "not a line of a plan"),
            (r#"{"change":null}"#, "not a line of a plan"),
            (r#"{"change":"Added"}"#, "must be added, changed or removed"),
            (r#"{"change":"changed"}"#, "does not say what it was"),
            (r#"{"change":"changed","was":"x"}"#, "its was is not an object"),
            (r#"{"change":"changed","was":{"a":1,"a":2}}"#, "duplicate field 'a' in was"),
            (r#"{"change":"added","change":"removed"}"#, "duplicate field 'change'"),
            (r#"{"change":"changed","was":{},"name":"a","name":"b"}"#, "duplicate field 'name'"),
            (r#"{"change":"added","like":[1]}"#, "its like is not a list of ids"),
            (r#"{"change":"added","nth":-1}"#, "its nth is not a number"),
        ] {
            let error = Hunk::from_json(bad).expect_err(bad);
            assert!(error.contains(what), "{bad}: {error}");
        }
    }

    #[test]
    fn values_are_the_same_by_what_they_say() {
        assert!(same(r#""\u0041""#, "\"A\"") && same(r#"["a","b"]"#, r#"[ "b","a"]"#));
        for (a, b) in
            [(r#""\ud800""#, r#""\ud801""#), ("null", "\"\""), ("1", "1.0"), (r#"["a"]"#, r#"["a","b"]"#)]
        {
            assert!(!same(a, b) && same(a, a), "{a} {b}");
        }
    }
}

//! Records of the output, and objects of an account.

use std::collections::BTreeMap;

use oauth_tools::sandbox::Server;
use serde_json::Value;

/// The members of an object that tests compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) kind: String,
    /// The name of a client, the description of another object.
    pub(crate) name: String,
    /// The secret of a client, the token of another object, with its middle hidden.
    pub(crate) secret: String,
}

/// The objects of an account by their ids.
pub(crate) type Objects = BTreeMap<String, Object>;

/// Returns the objects of the account in a sandbox.
pub(crate) fn objects(server: &Server) -> Objects {
    let object = |line: &String| {
        let record: Value = serde_json::from_str(line).expect("a record");
        let kind = text_at(&record, "/kind");
        let (name, secret) = match kind.as_str() {
            "client" => ("/name", "/secret"),
            _ => ("/description", "/access_token/token"),
        };
        let (name, secret) = (text_at(&record, name), text_at(&record, secret));
        (text_at(&record, "/id"), Object { kind, name, secret })
    };
    server.dump().iter().map(object).collect()
}

/// Parses an output of records, one a line.
///
/// # Errors
/// A line is incomplete or not a record.
pub(crate) fn records(out: &str) -> Result<Vec<Value>, String> {
    if !out.is_empty() && !out.ends_with('\n') {
        return Err(format!("the output ends in the middle of a line: {out:?}"));
    }
    let record = |line: &str| match serde_json::from_str::<Value>(line) {
        Ok(record) if record["id"].is_string() && record["status"].is_string() => Ok(record),
        _ => Err(format!("not a complete record: {line:?}")),
    };
    out.lines().map(record).collect()
}

/// The ids of records, in their order.
pub(crate) fn ids(records: &[Value]) -> Vec<String> {
    records.iter().map(|r| text_at(r, "/id")).collect()
}

/// The text of a JSON string.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// The text at a JSON pointer; empty if there is none.
pub(crate) fn text_at(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The secret that a record shows in full, if it does.
pub(crate) fn secret(record: &Value) -> Option<String> {
    let secret = text_at(record, if record["kind"] == "client" { "/secret" } else { "/access_token/token" });
    (!secret.is_empty() && !secret.contains("**********")).then_some(secret)
}

/// Returns whether `shown` is `secret` with its middle hidden.
pub(crate) fn masks(shown: &str, secret: &str) -> bool {
    match shown.split_once("**********") {
        Some((start, end)) => secret.starts_with(start) && secret.ends_with(end),
        None => false,
    }
}

//! Lines in: NDJSON, CSV and bare ids become entries, each with its line number and checked before anything is changed.
//!
//! - `reader`: reads lines, and parses large inputs on several threads
//! - `json_lines`: puts JSON that goes over several lines back on one line
//! - `sniffer`: detects the format of each line and parses it
//! - `table`: CSV: header lines, separators, rows
//! - `entry`: the part of a record that tools read
//! - `fields`: the fields that describe an object
//! - `hunk`: a line of a plan
//! - `names`: the names that are read, and those that look like a misspelling
//! - `id_index`: finds duplicate ids
//! - `bad_lines`: reports the bad lines of an input

pub(crate) mod bad_lines;
pub(crate) mod entry;
pub(crate) mod fields;
pub(crate) mod hunk;
pub(crate) mod id_index;
pub(crate) mod json_lines;
pub(crate) mod names;
pub(crate) mod reader;
pub(crate) mod sniffer;
pub(crate) mod table;

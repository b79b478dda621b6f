//! Lines in: NDJSON, CSV and bare ids become entries, each with its line number and checked before anything is changed.
//!
//! - `reader`: reads lines, and parses large inputs on several threads
//! - `sniffer`: detects the format of each line and parses it
//! - `entry`: the part of a record that tools read
//! - `id_index`: finds duplicate ids
//! - `bad_lines`: reports the bad lines of an input

pub(crate) mod bad_lines;
pub(crate) mod entry;
pub(crate) mod id_index;
pub(crate) mod reader;
pub(crate) mod sniffer;

//! Lines in: NDJSON, CSV, JSON arrays and bare ids, read with their origin and checked before anything is changed.
//!
//! - `reader`: lines of standard input, at the speed of memory
//! - `sniffer`: which format a line is in, and the entry in it
//! - `entry`: the part of a record that tools read
//! - `id_index`: which ids were there already
//! - `bad_lines`: reports what is wrong with an input

pub(crate) mod bad_lines;
pub(crate) mod entry;
pub(crate) mod id_index;
pub(crate) mod reader;
pub(crate) mod sniffer;

//! Ids compared as the API may compare them. This is the only place that decides which ids are the same: protection,
//! duplicates and the check of responses all ask here. What is sent is the id as the user gave it.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

/// The longest id that is compared without its case and dashes; input allows no longer one.
const LONGEST: usize = 128;

/// The form of an id that all its spellings share: in lower case, and without dashes if it is a UUID.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Key {
    /// Returns the key of an id; `None` if it is too long for an id.
    fn of(id: &str) -> Option<Key> {
        let mut bytes = [0; LONGEST];
        // A UUID with its dashes anywhere: some parsers ignore their places.
        if (32..=LONGEST).contains(&id.len()) {
            let mut len = 0;
            for byte in id.bytes().filter(|byte| *byte != b'-') {
                if len == 32 || !byte.is_ascii_hexdigit() {
                    len = 0;
                    break;
                }
                bytes[len] = byte.to_ascii_lowercase();
                len += 1;
            }
            if len == 32 {
                return Some(Key { bytes, len });
            }
        }
        let copy = bytes.get_mut(..id.len())?;
        copy.copy_from_slice(id.as_bytes());
        copy.make_ascii_lowercase();
        Some(Key { bytes, len: id.len() })
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Returns the key of an id: equal for all its spellings.
pub(crate) fn key(id: &str) -> String {
    match Key::of(id) {
        // Cannot fail: lower case and fewer dashes leave UTF-8 what it is.
        Some(key) => String::from_utf8_lossy(key.bytes()).into_owned(),
        None => id.to_owned(),
    }
}

/// Returns what a map from [`key`]s has for an id.
pub(crate) fn find<'m, V>(map: &'m HashMap<String, V>, id: &str) -> Option<&'m V> {
    match Key::of(id) {
        // Without a copy: a run may look for a million ids.
        Some(key) => str::from_utf8(key.bytes()).ok().and_then(|key| map.get(key)),
        None => map.get(id),
    }
}

/// Returns whether two ids name the same object.
pub(crate) fn same(a: &str, b: &str) -> bool {
    // Most ids differ in their ends already.
    let differ = |a: &u8, b: &u8| !a.eq_ignore_ascii_case(b) && ![*a, *b].contains(&b'-');
    if let ([first, .., last], [first_of_b, .., last_of_b]) = (a.as_bytes(), b.as_bytes())
        && (differ(first, first_of_b) || differ(last, last_of_b))
    {
        return false;
    }
    a == b
        || match (Key::of(a), Key::of(b)) {
            (Some(a), Some(b)) => a.bytes() == b.bytes(),
            _ => false,
        }
}

/// An id whose hash is the same for all its spellings.
pub(crate) struct AnySpelling<'a>(pub(crate) &'a str);

impl Hash for AnySpelling<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match Key::of(self.0) {
            Some(key) => key.bytes().hash(state),
            None => self.0.hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spellings_of_an_id_are_the_same_and_different_ids_are_not() {
        const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";
        for other in [
            "01234567-89AB-cdef-0123-456789ABCDEF",
            "0123456789abcdef0123456789abcdef",
            "0123456789ABCDEF0123456789ABCDEF",
            "0123-4567-89ab-cdef-0123-4567-89ab-cdef",
            "01234567-89ab-cdef-0123-456789abcdef-",
        ] {
            assert!(same(UUID, other) && key(UUID) == key(other), "{other}");
        }
        assert!(same("oWn-1", "own-1") && same("", ""));
        let long = "a".repeat(200);
        assert!(same(&long, &long) && !same(&long, &long.to_uppercase()));
        for other in [
            "01234567-89ab-cdef-0123-456789abcdee",
            "01234567-89ab-cdef-0123-456789abcde",
            "01234567-89ab-cdef-0123-456789abcdef0",
            "01234567_89ab_cdef_0123_456789abcdef",
            "~",
        ] {
            assert!(!same(UUID, other) && key(UUID) != key(other), "{other}");
        }
        assert!(!same("own-1", "own1"), "only a UUID means the same without its dashes");
    }
}

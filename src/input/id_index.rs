//! Which ids were there already: an index of a million ids that costs 16 MB and hardly a look at memory.

use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::sync::LazyLock;

/// What stands for an id in the index: 32 bits of a hash whose key is new in every process, so that nobody can make
/// up ids that meet in it.
pub(crate) fn tag(id: &str) -> u32 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    (KEY.hash_one(id) >> 32) as u32
}

/// Tags and places only; the ids themselves stand elsewhere. A map of the standard library takes twice the memory, and
/// two looks at far memory for an id where this takes one, which [`Seen::touch`] can ask for ahead.
#[derive(Default)]
pub(crate) struct Seen {
    /// Tag and place + 1 in each; 0 is free. Their number is a power of two, at least twice that of the ids.
    table: Vec<u64>,
    len: usize,
}

impl Seen {
    /// Where the search for a tag begins.
    fn start(&self, tag: u32) -> usize {
        ((u64::from(tag) * self.table.len() as u64) >> 32) as usize
    }

    /// Asks for the memory that the next ids need, all at once: one after the other they would be waited for.
    pub(crate) fn touch(&self, tags: impl Iterator<Item = u32>) {
        if !self.table.is_empty() {
            black_box(tags.fold(0, |all, tag| all ^ self.table[self.start(tag)]));
        }
    }

    /// Notes an id that is at a place; the place where it was already, if `is` says that one with its tag is the same.
    pub(crate) fn insert(&mut self, tag: u32, place: usize, is: impl Fn(usize) -> bool) -> Option<usize> {
        if self.table.len() < 2 * (self.len + 1) {
            let larger = vec![0; (2 * self.table.len()).max(64)];
            for full in std::mem::replace(&mut self.table, larger).into_iter().filter(|full| *full != 0) {
                let free = self.find((full >> 32) as u32, |_| false);
                self.table[free] = full;
            }
        }
        let at = self.find(tag, &is);
        match self.table[at] {
            0 => {
                self.table[at] = u64::from(tag) << 32 | (place as u64 + 1);
                self.len += 1;
                None
            }
            full => Some(place_of(full)),
        }
    }

    /// The slot of the tag whose place `is` the one, or the free slot where it would be.
    fn find(&self, tag: u32, is: impl Fn(usize) -> bool) -> usize {
        let mut at = self.start(tag);
        while self.table[at] != 0 && !((self.table[at] >> 32) as u32 == tag && is(place_of(self.table[at]))) {
            at = (at + 1) % self.table.len();
        }
        at
    }
}

fn place_of(full: u64) -> usize {
    (full as u32 - 1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_is_found_where_it_was_first() {
        let ids: Vec<String> = (0..10_000).map(|n| format!("id{}", n % 7_000)).collect();
        // Tags of all sorts; and few, so that many ids share one and the end of the table is met.
        for few in [0, 0xffff_ff00] {
            let mut seen = Seen::default();
            for (n, id) in ids.iter().enumerate() {
                let tag = tag(id) | few;
                seen.touch([tag].into_iter());
                let before = seen.insert(tag, n, |place| ids[place] == *id);
                assert_eq!(before, (n >= 7_000).then(|| n - 7_000), "{id}");
            }
        }
    }

    #[test]
    fn equal_ids_have_equal_tags_and_others_do_not() {
        assert_eq!(tag("a"), tag("a"));
        assert!((0..100).map(|n| tag(&n.to_string())).collect::<std::collections::HashSet<_>>().len() > 90);
    }
}

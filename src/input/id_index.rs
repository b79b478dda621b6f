//! An index that finds duplicate ids, in 16 to 32 bytes per id.

use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::sync::LazyLock;

use crate::base::id::AnySpelling;

/// The hash by which the index knows an id. Its key is random in each process, so that nobody can prepare ids that
/// collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag(u32);

impl Tag {
    /// Hashes an id; all its spellings have the same tag.
    pub(crate) fn of(id: &str) -> Tag {
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Tag((KEY.hash_one(AnySpelling(id)) >> 32) as u32)
    }
}

/// A hash table from tags to positions in a list of ids that the caller keeps.
///
/// The standard library's map would take twice the memory and two cache misses per look-up. Here it is one, and
/// [`IdIndex::prefetch`] can take it in advance.
#[derive(Default)]
pub(crate) struct IdIndex {
    /// Open addressing: a slot is the tag (upper 32 bits) and the position + 1 (lower 32 bits); 0 is free. The number
    /// of slots is a power of two, and at least twice the number of ids.
    slots: Vec<u64>,
    len: usize,
}

impl IdIndex {
    /// The slot where the search for a tag starts.
    fn first_slot(&self, tag: Tag) -> usize {
        ((u64::from(tag.0) * self.slots.len() as u64) >> 32) as usize
    }

    /// Loads the slots of the given tags into the cache. Reads that do not depend on each other overlap; those of
    /// [`IdIndex::insert`] would be waited for one by one.
    pub(crate) fn prefetch(&self, tags: impl Iterator<Item = Tag>) {
        if !self.slots.is_empty() {
            black_box(tags.fold(0, |all, tag| all ^ self.slots[self.first_slot(tag)]));
        }
    }

    /// Adds the id at `position`, unless the index has it: then returns the position of the first one. `is_same` tells
    /// whether the id at a position is the one to add; it is asked only about ids with the same tag.
    pub(crate) fn insert(
        &mut self,
        tag: Tag,
        position: usize,
        is_same: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        if self.slots.len() < 2 * (self.len + 1) {
            self.grow();
        }
        let at = self.find(tag, &is_same);
        match self.slots[at] {
            0 => {
                self.slots[at] = u64::from(tag.0) << 32 | (position as u64 + 1);
                self.len += 1;
                None
            }
            slot => Some(position_in(slot)),
        }
    }

    /// Returns the position of an id. `is_same` tells whether the id at a position is the one.
    pub(crate) fn get(&self, tag: Tag, is_same: impl Fn(usize) -> bool) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        match self.slots[self.find(tag, is_same)] {
            0 => None,
            slot => Some(position_in(slot)),
        }
    }

    fn grow(&mut self) {
        let larger = vec![0; (2 * self.slots.len()).max(64)];
        for slot in std::mem::replace(&mut self.slots, larger).into_iter().filter(|slot| *slot != 0) {
            let free = self.find(tag_in(slot), |_| false);
            self.slots[free] = slot;
        }
    }

    /// Returns the slot of the id with this tag for which `is_same` holds, or the free slot for it.
    fn find(&self, tag: Tag, is_same: impl Fn(usize) -> bool) -> usize {
        let mut at = self.first_slot(tag);
        while self.slots[at] != 0 && !(tag_in(self.slots[at]) == tag && is_same(position_in(self.slots[at])))
        {
            at = (at + 1) % self.slots.len();
        }
        at
    }
}

fn tag_in(slot: u64) -> Tag {
    Tag((slot >> 32) as u32)
}

fn position_in(slot: u64) -> usize {
    (slot as u32 - 1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_is_found_at_its_first_position() {
        let ids: Vec<String> = (0..10_000).map(|n| format!("id{}", n % 7_000)).collect();
        // The second mask leaves 256 tags, all at the end of the table: many ids collide, and the search wraps around.
        for mask in [0, 0xffff_ff00] {
            let mut index = IdIndex::default();
            for (n, id) in ids.iter().enumerate() {
                let tag = Tag(Tag::of(id).0 | mask);
                index.prefetch([tag].into_iter());
                let before = index.insert(tag, n, |position| ids[position] == *id);
                assert_eq!(before, (n >= 7_000).then(|| n - 7_000), "{id}");
            }
        }
    }

    #[test]
    fn equal_ids_have_equal_tags_and_different_ids_rarely_do() {
        assert_eq!(Tag::of("a"), Tag::of("A"));
        let tags = (0..100).map(|n| Tag::of(&n.to_string()));
        assert!(tags.collect::<std::collections::HashSet<_>>().len() > 90);
    }
}

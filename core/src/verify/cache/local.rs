//! What one thread has at hand: the tokens that it sees again and again.

use std::mem;

use super::scope::CacheScope;
use crate::claims::VerifiedToken;

/// A small table that belongs to one thread.
///
/// Each token in it has its own reference count and its own place for the typed claims, so that a
/// token that all threads see makes none of them write where another one reads.
pub(super) struct LocalCache {
    sets: Box<[Set]>,
    /// When it was filled: how often the cache had been cleared.
    epoch: u64,
}

/// The tokens whose tags end alike.
#[derive(Default)]
struct Set {
    tags: [u64; WAYS],
    entries: [Option<Entry>; WAYS],
    /// The last one that was not here, and was in the shared table.
    seen: u64,
    /// How many such there were since one got a place because of it.
    missed: u8,
    /// Who came last.
    newest: usize,
}

pub(super) struct Entry {
    pub(super) text: Box<[u8]>,
    pub(super) grounds: CacheScope,
    pub(super) token: VerifiedToken,
    /// What it takes of the memory.
    pub(super) size: usize,
}

impl LocalCache {
    const SETS: usize = 32;

    pub(super) fn new(epoch: u64) -> Self {
        Self {
            sets: (0..Self::SETS).map(|_| Set::default()).collect(),
            epoch,
        }
    }

    pub(super) fn is_of(&self, epoch: u64) -> bool {
        self.epoch == epoch
    }

    /// The token, if it is here.
    pub(super) fn get(&self, tag: u64, text: &[u8], grounds: CacheScope) -> Option<&VerifiedToken> {
        let set = &self.sets[index(tag)];
        let way = set.tags.iter().position(|own| *own == tag)?;
        let entry = set.entries[way].as_ref()?;
        entry.is_for(text, grounds).then_some(&entry.token)
    }

    /// The shared table has a token that is not here. Whether it is worth a place: there is room, or
    /// what stands in its place is itself on other grounds, or it was the last such one, too, or many
    /// others have come for nothing.
    ///
    /// So tokens that are seen in turn, more of them than there are places, do not push each other out
    /// at every request, and those that are not seen any more do not stay for ever.
    pub(super) fn admits(&mut self, tag: u64, size: usize) -> bool {
        let set = &mut self.sets[index(tag)];
        set.missed += 1;
        let is_again = mem::replace(&mut set.seen, tag) == tag;
        let is_wanted = is_again
            || set.missed >= ADMIT_AFTER_MISSES
            || set.tags.contains(&tag)
            || set.has_room(size);
        if is_wanted {
            set.missed = 0;
        }
        is_wanted
    }

    /// Gives a token a place. What has to leave for it is returned.
    pub(super) fn put(&mut self, tag: u64, entry: Entry) -> [Option<Entry>; WAYS] {
        let set = &mut self.sets[index(tag)];
        let same = set.tags.iter().position(|own| *own == tag);
        let way = same
            .or_else(|| set.vacant())
            .unwrap_or((set.newest + 1) % WAYS);
        set.newest = way;
        set.tags[way] = tag;
        let mut leaving = [const { None }; WAYS];
        leaving[way] = set.entries[way].replace(entry);
        // The oldest first, as far as they came in turn.
        for other in (1..WAYS).map(|n| (way + n) % WAYS) {
            if set.size() > SET_BYTES {
                leaving[other] = set.entries[other].take();
                set.tags[other] = 0;
            }
        }
        leaving
    }
}

impl Set {
    fn vacant(&self) -> Option<usize> {
        self.entries.iter().position(Option::is_none)
    }

    fn has_room(&self, size: usize) -> bool {
        self.vacant().is_some() && self.size() + size <= SET_BYTES
    }

    fn size(&self) -> usize {
        self.entries.iter().flatten().map(|entry| entry.size).sum()
    }
}

impl Entry {
    /// Whether it is about this very token, on these very grounds.
    fn is_for(&self, text: &[u8], grounds: CacheScope) -> bool {
        self.grounds == grounds && *self.text == *text
    }
}

const WAYS: usize = 4;

/// What the tokens of a set may take. There are 32 sets: 384 KiB. The largest token fits.
const SET_BYTES: usize = 12 << 10;

/// One in so many that come in vain gets a place.
const ADMIT_AFTER_MISSES: u8 = 64;

/// The lowest bits: the tag is a hash.
#[allow(clippy::cast_possible_truncation)] // the others are not needed
fn index(tag: u64) -> usize {
    tag as usize % LocalCache::SETS
}

#[cfg(all(test, feature = "test-util"))]
mod tests {
    use super::*;
    use crate::{
        KeySet,
        testing::TestIssuer,
        verify::cache::{scope::VerifierId, size},
    };

    /// Makes tokens, all on the same grounds.
    struct Maker {
        issuer: TestIssuer,
        grounds: CacheScope,
    }

    impl Maker {
        fn new() -> Self {
            Self {
                issuer: TestIssuer::new(),
                grounds: CacheScope {
                    verifier: VerifierId::new(),
                    keys: KeySet::new([]).id(),
                },
            }
        }

        fn entry(&self, padding: usize) -> Entry {
            let token = self.issuer.token().claim("pad", "x".repeat(padding));
            let text = token.sign();
            let token = self
                .issuer
                .verifier()
                .verify_now(&text)
                .expect("a good token");
            Entry {
                size: size::of(text.as_bytes(), token.payload()),
                text: text.into_bytes().into(),
                grounds: self.grounds,
                token,
            }
        }

        /// The token of that tag comes, and is in the shared table. Whether it is at hand already.
        fn come(&self, front: &mut LocalCache, tag: u64, padding: usize) -> bool {
            let entry = self.entry(padding);
            if front.tags(tag).contains(&tag) {
                return true;
            }
            if front.admits(tag, entry.size) {
                front.put(tag, entry);
            }
            false
        }
    }

    impl LocalCache {
        /// Of those that are here in the set of that one.
        fn tags(&self, tag: u64) -> Vec<u64> {
            let set = &self.sets[index(tag)];
            let kept = set.tags.iter().zip(&set.entries);
            kept.filter_map(|(tag, entry)| entry.is_some().then_some(*tag))
                .collect()
        }
    }

    /// A tag of the first set.
    fn tag(n: usize) -> u64 {
        (n * LocalCache::SETS) as u64
    }

    #[test]
    fn as_many_as_there_are_places_for_may_come_in_turn() {
        let (maker, mut front) = (Maker::new(), LocalCache::new(0));
        for round in 0..3 {
            for n in 1..=WAYS {
                assert_eq!(maker.come(&mut front, tag(n), 0), round > 0, "{round} {n}");
            }
        }
    }

    #[test]
    fn every_set_has_places_of_its_own() {
        let (maker, mut front) = (Maker::new(), LocalCache::new(0));
        for round in 0..2 {
            for tag in 1..=(WAYS * LocalCache::SETS) as u64 {
                assert_eq!(maker.come(&mut front, tag, 0), round > 0, "{round} {tag}");
            }
        }
    }

    #[test]
    fn the_oldest_leaves_first() {
        let (maker, mut front) = (Maker::new(), LocalCache::new(0));
        for n in 1..=WAYS {
            maker.come(&mut front, tag(n), 0);
        }
        for n in WAYS + 1..=3 * WAYS {
            while !maker.come(&mut front, tag(n), 0) {}
            let mut kept = front.tags(0);
            kept.sort_unstable();
            let youngest: Vec<_> = (n + 1 - WAYS..=n).map(tag).collect();
            assert_eq!(kept, youngest);
        }
    }

    #[test]
    fn a_set_may_be_full_to_the_last_byte() {
        let (maker, mut front) = (Maker::new(), LocalCache::new(0));
        let entry = |size| Entry {
            size,
            ..maker.entry(0)
        };
        for n in 1..WAYS {
            front.put(tag(n), entry(SET_BYTES / 4));
        }
        assert!(front.admits(tag(9), SET_BYTES / 4));
        assert!(!front.admits(tag(8), SET_BYTES / 4 + 1));
        let leaving = front.put(tag(WAYS), entry(SET_BYTES / 4));
        assert!(leaving.iter().all(Option::is_none));
        assert_eq!(front.tags(0).len(), WAYS);

        // One byte more for the youngest, and the oldest leaves.
        let leaving = front.put(tag(WAYS), entry(SET_BYTES / 4 + 1));
        assert_eq!(leaving.iter().flatten().count(), 2);
        let mut kept = front.tags(0);
        kept.sort_unstable();
        assert_eq!(kept, [2, 3, 4].map(tag));
    }

    #[test]
    fn more_of_them_than_there_are_places_hardly_push_each_other_out() {
        let (maker, mut front) = (Maker::new(), LocalCache::new(0));
        let mut changes = 0;
        for n in 0..640 {
            let before = front.tags(0);
            maker.come(&mut front, tag(1 + n % 20), 0);
            changes += usize::from(front.tags(0) != before);
        }
        assert!((WAYS + 5..=WAYS + 10).contains(&changes), "{changes}");
    }

    #[test]
    fn one_that_comes_twice_in_a_row_gets_a_place_in_a_full_set() {
        let (maker, mut front) = (Maker::new(), LocalCache::new(0));
        for n in 1..=WAYS {
            maker.come(&mut front, tag(n), 0);
        }
        for expected in [false, false, true] {
            assert_eq!(maker.come(&mut front, tag(9), 0), expected);
        }
    }

    #[test]
    fn a_set_is_bounded_by_bytes_too_and_has_room_for_the_largest_token() {
        let (maker, mut front) = (Maker::new(), LocalCache::new(0));
        for n in 1..=40 {
            // Nearly 4 KiB, and small ones between.
            let padding = if n % 3 == 0 { 2_700 } else { 600 };
            for _ in 0..2 {
                maker.come(&mut front, tag(n), padding);
                let entries = front.sets[0].entries.iter().flatten();
                let taken: usize = entries.map(|entry| entry.size).sum();
                assert!(taken <= SET_BYTES, "{taken}");
            }
            assert!(maker.come(&mut front, tag(n), padding), "{n}");
        }
    }
}

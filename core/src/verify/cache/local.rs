//! The cache of one thread (L1): the tokens that it sees again and again.

use std::mem;

use super::{
    key::{CacheKey, CacheScope},
    shared::estimate,
};
use crate::claims::VerifiedToken;

/// A small table that belongs to one thread.
///
/// Each token in it has its own reference count and its own place for the typed claims, so that a
/// token that all threads see makes none of them write where another one reads.
pub(super) struct LocalCache {
    sets: Box<[Set]>,
    /// The number of clearings of the cache before the table was made.
    pub(super) epoch: u64,
}

/// The tokens whose tags end alike.
#[derive(Default)]
struct Set {
    tags: [u64; WAYS],
    entries: [Option<Entry>; WAYS],
    admission: Admission,
    /// The place that was filled last.
    newest: usize,
}

/// The admission policy of a set, for tokens that were found in the shared cache only.
///
/// A token is admitted if there is a place for it, if it missed twice in a row, or after 64 misses of the
/// set. So tokens that are seen in turn, more of them than there are places, do not push each other out
/// at every request, and those that are not seen any more do not stay for ever.
#[derive(Default)]
struct Admission {
    last_missed: u64,
    /// The number of tokens that were not admitted since one was.
    misses: u8,
}

pub(super) struct Entry {
    text: Box<[u8]>,
    scope: CacheScope,
    token: VerifiedToken,
    /// The memory that it takes.
    size: usize,
}

impl LocalCache {
    const SETS: usize = 32;

    pub(super) fn new(epoch: u64) -> Self {
        Self {
            sets: (0..Self::SETS).map(|_| Set::default()).collect(),
            epoch,
        }
    }

    /// Returns the token, if it is here.
    pub(super) fn get(&self, key: &CacheKey<'_>) -> Option<&VerifiedToken> {
        let set = &self.sets[index(key.tag)];
        let way = set.tags.iter().position(|own| *own == key.tag)?;
        let entry = set.entries[way].as_ref()?;
        let is_it = entry.scope == key.scope && *entry.text == *key.text;
        is_it.then_some(&entry.token)
    }

    /// Offers a token of the shared cache that is not here. Returns the entries that leave for it.
    #[must_use = "dropping them runs code of the app"]
    pub(super) fn offer(
        &mut self,
        key: &CacheKey<'_>,
        token: &VerifiedToken,
    ) -> [Option<Entry>; WAYS] {
        let set = &mut self.sets[index(key.tag)];
        let size = estimate(key.text, token.payload());
        if !set.admits(key.tag, size) {
            return Default::default();
        }
        let entry = Entry {
            text: key.text.into(),
            scope: key.scope,
            token: token.unshared_clone(),
            size,
        };
        set.put(key.tag, entry)
    }
}

impl Set {
    fn admits(&mut self, tag: u64, size: usize) -> bool {
        let has_place = self.tags.contains(&tag) || self.has_room(size);
        self.admission.admits(tag, has_place)
    }

    fn put(&mut self, tag: u64, entry: Entry) -> [Option<Entry>; WAYS] {
        let own = self.tags.iter().position(|own| *own == tag);
        let way = own
            .or_else(|| self.vacant())
            .unwrap_or((self.newest + 1) % WAYS);
        self.newest = way;
        self.tags[way] = tag;
        let mut leaving = [const { None }; WAYS];
        leaving[way] = self.entries[way].replace(entry);
        // The oldest first, as far as they came in turn.
        for other in (1..WAYS).map(|n| (way + n) % WAYS) {
            if self.size() > SET_BYTES {
                leaving[other] = self.entries[other].take();
                self.tags[other] = 0;
            }
        }
        leaving
    }

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

impl Admission {
    fn admits(&mut self, tag: u64, has_place: bool) -> bool {
        self.misses += 1;
        let is_again = mem::replace(&mut self.last_missed, tag) == tag;
        let admits = has_place || is_again || self.misses >= ADMIT_AFTER_MISSES;
        if admits {
            self.misses = 0;
        }
        admits
    }
}

const WAYS: usize = 4;

/// The bytes of a set. There are 32 sets: 384 KiB. The largest token fits.
const SET_BYTES: usize = 12 << 10;

/// One in so many is admitted, whatever it is.
const ADMIT_AFTER_MISSES: u8 = 64;

/// Returns the set of a tag, by its lowest bits: it is a hash.
#[allow(clippy::cast_possible_truncation)] // the others are not needed
fn index(tag: u64) -> usize {
    tag as usize % LocalCache::SETS
}

#[cfg(all(test, feature = "test-util"))]
mod tests {
    use super::*;
    use crate::{KeySet, testing::TestIssuer, verify::cache::key::VerifierId};

    /// Makes tokens, all of the same scope.
    struct Maker {
        issuer: TestIssuer,
        scope: CacheScope,
    }

    impl Maker {
        fn new() -> Self {
            Self {
                issuer: TestIssuer::new(),
                scope: CacheScope {
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
                size: estimate(text.as_bytes(), token.payload()),
                text: text.into_bytes().into(),
                scope: self.scope,
                token,
            }
        }

        /// Looks for the token of that tag, which is in the shared cache, and says whether it was here.
        fn come(&self, local: &mut LocalCache, tag: u64, padding: usize) -> bool {
            let entry = self.entry(padding);
            if local.tags(tag).contains(&tag) {
                return true;
            }
            let set = &mut local.sets[index(tag)];
            if set.admits(tag, entry.size) {
                set.put(tag, entry);
            }
            false
        }
    }

    impl LocalCache {
        /// Returns the tags of the entries in the set of this tag.
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
    fn a_token_is_admitted_to_a_free_place_or_when_it_misses_twice_in_a_row() {
        let mut admission = Admission::default();
        for (tag, has_place, expected) in [
            (1, true, true),
            (1, false, true),
            (2, false, false),
            (3, false, false),
            (2, false, false),
            (2, false, true),
        ] {
            assert_eq!(admission.admits(tag, has_place), expected, "{tag}");
        }
    }

    #[test]
    fn one_miss_in_sixty_four_is_admitted_whatever_it_is() {
        let mut admission = Admission::default();
        for n in 1..=640 {
            assert_eq!(admission.admits(n, false), n % 64 == 0, "{n}");
        }
    }

    #[test]
    fn as_many_as_there_are_places_for_may_come_in_turn() {
        let (maker, mut local) = (Maker::new(), LocalCache::new(0));
        for round in 0..3 {
            for n in 1..=WAYS {
                assert_eq!(maker.come(&mut local, tag(n), 0), round > 0, "{round} {n}");
            }
        }
    }

    #[test]
    fn every_set_has_places_of_its_own() {
        let (maker, mut local) = (Maker::new(), LocalCache::new(0));
        for round in 0..2 {
            for tag in 1..=(WAYS * LocalCache::SETS) as u64 {
                assert_eq!(maker.come(&mut local, tag, 0), round > 0, "{round} {tag}");
            }
        }
    }

    #[test]
    fn the_oldest_leaves_first() {
        let (maker, mut local) = (Maker::new(), LocalCache::new(0));
        for n in 1..=WAYS {
            maker.come(&mut local, tag(n), 0);
        }
        for n in WAYS + 1..=3 * WAYS {
            while !maker.come(&mut local, tag(n), 0) {}
            let mut kept = local.tags(0);
            kept.sort_unstable();
            let youngest: Vec<_> = (n + 1 - WAYS..=n).map(tag).collect();
            assert_eq!(kept, youngest);
        }
    }

    #[test]
    fn a_set_may_be_full_to_the_last_byte() {
        let (maker, mut local) = (Maker::new(), LocalCache::new(0));
        let entry = |size| Entry {
            size,
            ..maker.entry(0)
        };
        for n in 1..WAYS {
            local.sets[0].put(tag(n), entry(SET_BYTES / 4));
        }
        assert!(local.sets[0].admits(tag(9), SET_BYTES / 4));
        assert!(!local.sets[0].admits(tag(8), SET_BYTES / 4 + 1));
        let leaving = local.sets[0].put(tag(WAYS), entry(SET_BYTES / 4));
        assert!(leaving.iter().all(Option::is_none));
        assert_eq!(local.tags(0).len(), WAYS);

        // One byte more for the youngest, and the oldest leaves.
        let leaving = local.sets[0].put(tag(WAYS), entry(SET_BYTES / 4 + 1));
        assert_eq!(leaving.iter().flatten().count(), 2);
        let mut kept = local.tags(0);
        kept.sort_unstable();
        assert_eq!(kept, [2, 3, 4].map(tag));
    }

    #[test]
    fn more_of_them_than_there_are_places_hardly_push_each_other_out() {
        let (maker, mut local) = (Maker::new(), LocalCache::new(0));
        let mut changes = 0;
        for n in 0..640 {
            let before = local.tags(0);
            maker.come(&mut local, tag(1 + n % 20), 0);
            changes += usize::from(local.tags(0) != before);
        }
        assert!((WAYS + 5..=WAYS + 10).contains(&changes), "{changes}");
    }

    #[test]
    fn one_that_comes_twice_in_a_row_gets_a_place_in_a_full_set() {
        let (maker, mut local) = (Maker::new(), LocalCache::new(0));
        for n in 1..=WAYS {
            maker.come(&mut local, tag(n), 0);
        }
        for expected in [false, false, true] {
            assert_eq!(maker.come(&mut local, tag(9), 0), expected);
        }
    }

    #[test]
    fn a_set_is_bounded_by_bytes_too_and_has_room_for_the_largest_token() {
        let (maker, mut local) = (Maker::new(), LocalCache::new(0));
        for n in 1..=40 {
            // Nearly 4 KiB, and small ones between.
            let padding = if n % 3 == 0 { 2_700 } else { 600 };
            for _ in 0..2 {
                maker.come(&mut local, tag(n), padding);
                let entries = local.sets[0].entries.iter().flatten();
                let taken: usize = entries.map(|entry| entry.size).sum();
                assert!(taken <= SET_BYTES, "{taken}");
            }
            assert!(maker.come(&mut local, tag(n), padding), "{n}");
        }
    }
}

//! The index of revocations: one writer at a time, any number of readers that never wait.

mod atomic_map;
mod bloom;
#[cfg(feature = "cache")]
mod changes;
mod gaps;
mod names;

use std::sync::{Arc, PoisonError, atomic::Ordering};

pub(crate) use self::{
    atomic_map::{AtomicMap, Validity},
    names::{HashedName, TokenNames},
};
use self::{
    bloom::BloomFilter,
    gaps::Gaps,
    names::{Kind, Name, NameHasher},
};
use crate::{
    revocation::{RevocationEntry, RevokeError, error::Refusal},
    sync::{ArcSwap, AtomicU8, Mutex, MutexGuard},
};

/// The revocations that are remembered.
///
/// Readers take the current [`Table`] and look. The writer adds to it in place; when it is full, the writer
/// fills a new one with what has not expired, and swaps it in.
pub(crate) struct RevocationIndex {
    table: ArcSwap<Table>,
    /// The kinds that ever had an entry: names of the others need no hash.
    kinds: AtomicU8,
    writer: Mutex<Writer>,
    pub(super) capacity: usize,
    hasher: NameHasher,
    #[cfg(feature = "cache")]
    changes: changes::SubjectChanges,
}

/// The parts that a reader loads together.
///
/// Hardly any name that is looked for is listed, and the filter knows that by a hash that is quick to
/// make, in memory small enough to stay in the processor's cache. Its bits come last: a reader that
/// does not see them yet looked while the entry was being added.
pub(crate) struct Table {
    pub(crate) filter: BloomFilter,
    pub(crate) map: AtomicMap,
    gaps: Gaps,
}

/// The parts that only writers look at.
struct Writer {
    /// The number of entries in the table.
    used: usize,
    /// No entry ends before.
    earliest: i64,
    /// The gaps since every entry began to be told again.
    gaps: Gaps,
    /// True if there was no room the last time.
    is_full: bool,
}

/// The time that an entry is kept after its end, in seconds: a clock may go back that far.
const KEPT: i64 = 60;

impl RevocationIndex {
    /// Makes an index of at most `capacity` entries. It takes memory as it grows.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            table: ArcSwap::from_pointee(Table::of(AtomicMap::with_places(0))),
            kinds: AtomicU8::new(0),
            writer: Mutex::new(Writer {
                used: 0,
                earliest: i64::MAX,
                gaps: Gaps::none(),
                is_full: false,
            }),
            capacity,
            hasher: NameHasher::random(),
            #[cfg(feature = "cache")]
            changes: changes::SubjectChanges::new(),
        }
    }

    /// Returns how many entries there are; some may have expired.
    pub(super) fn len(&self) -> usize {
        self.lock().used
    }

    /// Counts the revocations of all tokens of a subject so far, and those of some others.
    #[cfg(feature = "cache")]
    pub(super) fn revocations_of(&self, subject: &str) -> u64 {
        self.changes.of(subject)
    }

    /// Looks a token up.
    pub(super) fn lookup(&self, token: &TokenNames<'_>, now: i64) -> Result<(), Refusal> {
        let table = self.table.load();
        let kinds = self.kinds.load(Ordering::Relaxed);
        let names = token.all();
        let in_use = names
            .iter()
            .flatten()
            .filter(|name| kinds & name.kind.bit() != 0);
        let marks = in_use.map(|name| self.hasher.mark(name));
        let is_revoked = |name: &Name<'_>| {
            let found = table.map.find(self.hasher.hash(name));
            found.is_some_and(|found| now <= found.until && token.is_of_before(found.issued_before))
        };
        // Hardly ever is there such an entry, so its name is no part of those of every token.
        let is_everyone = kinds & Kind::Everyone.bit() != 0;
        if is_everyone && token.everyone().as_ref().is_some_and(is_revoked)
            || table.filter.may_contain(marks) && names.iter().flatten().any(is_revoked)
        {
            Err(Refusal::Revoked)
        } else if table.gaps.matter_at(now) {
            Err(Refusal::Incomplete)
        } else {
            Ok(())
        }
    }

    /// Adds an entry. When there is no room, that is logged once, until there is again.
    pub(super) fn insert(&self, entry: &RevocationEntry, now: i64) -> Result<(), RevokeError> {
        let mut writer = self.lock();
        let was_full = writer.is_full;
        let result = self.insert_locked(&mut writer, entry, now);
        let is_new = writer.is_full && !was_full;
        drop(writer);
        #[cfg(feature = "cache")]
        self.changes.note(&entry.revoked);
        if is_new {
            tracing::error!(
                target: "countersign",
                capacity = self.capacity,
                "no room for another revocation: it is not in force here",
            );
        }
        result
    }

    fn insert_locked(
        &self,
        writer: &mut Writer,
        entry: &RevocationEntry,
        now: i64,
    ) -> Result<(), RevokeError> {
        let until = entry.until;
        if is_over(until, now) {
            self.note_gap(writer, until);
            return Ok(());
        }
        let (name, issued_before) = Name::of(&entry.revoked);
        let hashed = self.hasher.hash(&name);
        if self.table.load().map.find(hashed).is_none() {
            self.make_room(writer, now)?;
            writer.used += 1;
            writer.earliest = writer.earliest.min(until);
        }
        let validity = Validity {
            until,
            issued_before,
        };
        self.table.load().put(hashed, validity);
        self.kinds.fetch_or(name.kind.bit(), Ordering::Relaxed);
        Ok(())
    }

    /// Notes that an entry could not be added: until it has expired, the index is incomplete.
    pub(super) fn miss(&self, until: i64) {
        self.note_gap(&self.lock(), until);
    }

    /// Checks whether an entry is missing that could still count.
    pub(super) fn is_incomplete(&self, now: i64) -> bool {
        self.table.load().gaps.matter_at(now)
    }

    /// Starts to count anew what is missing: every entry is about to be told again.
    pub(super) fn count_gaps_anew(&self) {
        self.lock().gaps = Gaps::none();
    }

    /// Forgets what was missing before `count_gaps_anew`: every entry has been told since.
    pub(super) fn forget_gaps(&self, now: i64) {
        let mut writer = self.lock();
        let gaps = writer.gaps.until();
        if gaps < self.table.load().gaps.until() {
            self.rebuild(&mut writer, now, gaps);
        }
    }

    /// Returns how many more entries there is room for.
    pub(super) fn room(&self, now: i64) -> usize {
        let mut writer = self.lock();
        if is_over(writer.earliest, now) {
            let gaps = self.table.load().gaps.until();
            self.rebuild(&mut writer, now, gaps);
        }
        self.capacity - writer.used
    }

    /// Makes room for one more.
    fn make_room(&self, writer: &mut Writer, now: i64) -> Result<(), RevokeError> {
        let table = self.table.load();
        let needs_rebuild = if writer.used >= self.capacity {
            is_over(writer.earliest, now)
        } else {
            // When three quarters are full, a search gets long.
            writer.used >= table.map.places() / 4 * 3
        };
        if needs_rebuild {
            self.rebuild(writer, now, table.gaps.until());
        }
        writer.is_full = writer.used >= self.capacity;
        if writer.is_full {
            return Err(RevokeError::Full);
        }
        Ok(())
    }

    /// Fills a new table with what has not expired. `gaps` is what it lacks beside what is dropped now.
    fn rebuild(&self, writer: &mut Writer, now: i64, gaps: i64) {
        let old = self.table.load();
        let live = |entry: &(HashedName, Validity)| !is_over(entry.1.until, now);
        let used = old.map.iter().filter(live).count();
        let new = Table::of(AtomicMap::for_entries(used));
        new.gaps.note(gaps);
        writer.used = used;
        writer.earliest = i64::MAX;
        for (name, validity) in old.map.iter() {
            if is_over(validity.until, now) {
                writer.gaps.note(validity.until);
                new.gaps.note(validity.until);
            } else {
                writer.earliest = writer.earliest.min(validity.until);
                new.put(name, validity);
            }
        }
        self.table.store(Arc::new(new));
    }

    fn note_gap(&self, writer: &Writer, until: i64) {
        writer.gaps.note(until);
        self.table.load().gaps.note(until);
    }

    /// A panic under the lock can only come from memory allocation, before anything is changed.
    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    pub(crate) fn of(map: AtomicMap) -> Self {
        Self {
            filter: BloomFilter::for_places(map.places()),
            map,
            gaps: Gaps::none(),
        }
    }

    pub(crate) fn put(&self, name: HashedName, validity: Validity) {
        self.map.put(name, validity);
        self.filter.add(name.mark);
    }
}

/// Checks whether an entry may be dropped.
fn is_over(until: i64, now: i64) -> bool {
    until < now.saturating_sub(KEPT)
}

#[cfg(test)]
mod tests;

//! What is revoked, in memory: one writer at a time, any number of readers that never wait.

mod atomic_map;
mod bloom;

use std::{
    hash::{BuildHasher, Hasher},
    num::NonZeroU64,
    sync::{Arc, PoisonError, atomic::Ordering},
};

pub(crate) use self::atomic_map::{AtomicMap, HashedName, Validity};
use self::bloom::FilterHasher;
use crate::{
    revocation::{RevocationEntry, Revoked},
    sync::{ArcSwap, AtomicU8, Mutex, MutexGuard, RandomState},
};

/// The revocations that are remembered.
///
/// Readers take the current [`AtomicMap`] and look. The writer adds to them in place; when they are full
/// it fills new ones with what has not expired, and swaps them in.
pub(crate) struct RevocationIndex {
    slots: ArcSwap<AtomicMap>,
    /// The kinds that ever had an entry: names of the others need no hash.
    kinds: AtomicU8,
    writer: Mutex<Writer>,
    capacity: usize,
    /// Its keys are random: nobody outside can choose names that meet.
    hasher: RandomState,
    marker: FilterHasher,
}

/// What only writers look at.
struct Writer {
    /// How many entries the slots hold.
    used: usize,
    /// No entry ends before.
    earliest: i64,
    /// The last second of an entry that was left out since the last call of `RevocationIndex::forget_gaps`.
    missing_until: i64,
    /// Whether there was no room the last time.
    is_full: bool,
}

/// There is no room: every entry is still needed.
#[derive(Debug)]
pub(crate) struct Full {
    /// Whether there was room the last time.
    is_new: bool,
}

/// What a token is looked up by.
pub(crate) struct TokenNames<'t> {
    pub(crate) id: Option<&'t str>,
    pub(crate) session: Option<&'t str>,
    /// Whose subject it is: the claim `iss`, unless the list is of another realm.
    pub(crate) realm: Option<&'t str>,
    pub(crate) subject: Option<&'t str>,
    pub(crate) issued_at: Option<i64>,
}

/// What the table says about a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// Nothing, but it lacks entries that could be about it.
    Incomplete,
    Revoked,
    Unlisted,
}

/// Keeps the names of different claims apart.
#[derive(Clone, Copy)]
enum Kind {
    Session,
    Sessionless,
    Subject,
    Token,
}

/// How long an entry is kept after its end, in seconds: a clock may go back that far.
const KEPT: i64 = 60;

impl RevocationIndex {
    /// A table that holds at most `capacity` entries. It takes memory as it grows.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            slots: ArcSwap::from_pointee(AtomicMap::none()),
            kinds: AtomicU8::new(0),
            writer: Mutex::new(Writer {
                used: 0,
                earliest: i64::MAX,
                missing_until: i64::MIN,
                is_full: false,
            }),
            capacity,
            hasher: RandomState::new(),
            marker: FilterHasher::random(),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many entries it holds; some may have expired.
    pub(super) fn len(&self) -> usize {
        self.lock().used
    }

    /// Looks a token up.
    pub(super) fn look(&self, named: &TokenNames<'_>, now: i64) -> Lookup {
        let slots = self.slots.load();
        if self.is_listed(&slots, named, now) {
            return Lookup::Revoked;
        }
        match slots.missing_until() < now {
            true => Lookup::Unlisted,
            false => Lookup::Incomplete,
        }
    }

    fn is_listed(&self, slots: &AtomicMap, named: &TokenNames<'_>, now: i64) -> bool {
        let kinds = self.kinds.load(Ordering::Relaxed);
        let any = |kind: Kind| kinds & kind.bit() != 0;
        let plain = |kind: Kind, text: Option<&str>| {
            let text = text.filter(|_| any(kind))?;
            Some(self.mark(kind, "", text))
        };
        let subject = named.subject_of_realm();
        let of_realm = |kind: Kind, is_asked: bool| {
            let (realm, text) = subject.filter(|_| is_asked && any(kind))?;
            Some(self.mark(kind, realm, text))
        };
        let is_sessionless = named.session.is_none();
        let marks = [
            plain(Kind::Token, named.id),
            plain(Kind::Session, named.session),
            of_realm(Kind::Subject, true),
            of_realm(Kind::Sessionless, is_sessionless),
        ];
        if !slots.may_have_any(marks) {
            return false;
        }
        let live = |kind, realm, text| {
            let term = slots.find(self.name(kind, realm, text))?;
            (now <= term.until).then_some(term)
        };
        let is_of_before = |kind| {
            let (realm, text) = subject?;
            let term = live(kind, realm, text)?;
            Some(named.is_of_before(term.issued_before))
        };
        named
            .id
            .is_some_and(|id| live(Kind::Token, "", id).is_some())
            || named
                .session
                .is_some_and(|id| live(Kind::Session, "", id).is_some())
            || is_of_before(Kind::Subject) == Some(true)
            || is_sessionless && is_of_before(Kind::Sessionless) == Some(true)
    }

    /// Adds an entry. When there is no room, that is logged once, until there is again.
    pub(super) fn insert(&self, entry: &RevocationEntry, now: i64) -> Result<(), Full> {
        let result = self.insert_silently(entry, now);
        if let Err(Full { is_new: true }) = result {
            tracing::error!(
                target: "countersign",
                capacity = self.capacity,
                "no room for another revocation: it is not in force here",
            );
        }
        result
    }

    fn insert_silently(&self, entry: &RevocationEntry, now: i64) -> Result<(), Full> {
        let (kind, realm, name, issued_before) = match &entry.revoked {
            Revoked::Session(id) => (Kind::Session, "", id.as_str(), i64::MIN),
            Revoked::Sessionless {
                realm,
                subject,
                issued_before,
            } => (
                Kind::Sessionless,
                realm.as_str(),
                &**subject,
                *issued_before,
            ),
            Revoked::Subject {
                realm,
                subject,
                issued_before,
            } => (Kind::Subject, realm.as_str(), &**subject, *issued_before),
            Revoked::Token(id) => (Kind::Token, "", &**id, i64::MIN),
        };
        let name = self.name(kind, realm, name);
        let term = Validity {
            until: entry.until,
            issued_before,
        };

        let mut writer = self.lock();
        if is_over(term.until, now) {
            writer.miss(&self.slots.load(), term.until);
            return Ok(());
        }
        if self.slots.load().find(name).is_none() {
            self.make_room(&mut writer, now)?;
            writer.used += 1;
            writer.earliest = writer.earliest.min(term.until);
        }
        self.slots.load().put(name, term);
        self.kinds.fetch_or(kind.bit(), Ordering::Relaxed);
        Ok(())
    }

    /// Notes that an entry could not be added: until it has expired, the table is incomplete.
    pub(super) fn miss(&self, until: i64) {
        self.lock().miss(&self.slots.load(), until);
    }

    /// Whether an entry is missing that could still count.
    pub(super) fn is_incomplete(&self, now: i64) -> bool {
        self.slots.load().missing_until() >= now
    }

    /// Every entry is about to be told again: from now on, count anew what is missing.
    pub(super) fn count_gaps_anew(&self) {
        self.lock().missing_until = i64::MIN;
    }

    /// Every entry has been told since `count_gaps_anew`: what was missing before is here.
    pub(super) fn forget_gaps(&self, now: i64) {
        let mut writer = self.lock();
        let missing_until = writer.missing_until;
        if missing_until < self.slots.load().missing_until() {
            self.rebuild(&mut writer, now, missing_until);
        }
    }

    /// How many more entries there is room for.
    pub(super) fn room(&self, now: i64) -> usize {
        let mut writer = self.lock();
        if writer.may_drop(now) {
            let missing_until = self.slots.load().missing_until();
            self.rebuild(&mut writer, now, missing_until);
        }
        self.capacity - writer.used
    }

    /// Makes room for one more.
    fn make_room(&self, writer: &mut Writer, now: i64) -> Result<(), Full> {
        let full = |writer: &Writer| writer.used >= self.capacity;
        let slots = self.slots.load();
        let rebuild = match full(writer) {
            true => writer.may_drop(now),
            false => writer.used >= slots.room(),
        };
        if rebuild {
            self.rebuild(writer, now, slots.missing_until());
        }
        let is_new = !writer.is_full;
        writer.is_full = full(writer);
        match writer.is_full {
            true => Err(Full { is_new }),
            false => Ok(()),
        }
    }

    /// Fills new slots with what has not expired. What was missing before is said by the caller.
    fn rebuild(&self, writer: &mut Writer, now: i64, missing_until: i64) {
        let old = self.slots.load();
        let live = || old.iter().filter(|(_, term)| !is_over(term.until, now));
        let dropped = old
            .iter()
            .filter(|(_, term)| is_over(term.until, now))
            .map(|(_, term)| term.until)
            .max()
            .unwrap_or(i64::MIN);
        let used = live().count();
        let new = AtomicMap::for_entries(used, missing_until.max(dropped));
        for (name, term) in live() {
            new.put(name, term);
        }
        writer.used = used;
        writer.earliest = live().map(|(_, term)| term.until).min().unwrap_or(i64::MAX);
        writer.missing_until = writer.missing_until.max(dropped);
        self.slots.store(Arc::new(new));
    }

    fn name(&self, kind: Kind, realm: &str, text: &str) -> HashedName {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(realm.as_bytes());
        // Neither contains it: both are UTF-8.
        hasher.write_u8(0xff);
        hasher.write(text.as_bytes());
        HashedName {
            key: NonZeroU64::new(hasher.finish() ^ kind as u64).unwrap_or(NonZeroU64::MIN),
            mark: self.mark(kind, realm, text),
        }
    }

    fn mark(&self, kind: Kind, realm: &str, text: &str) -> u64 {
        let mark = self.marker.mark(text.as_bytes()) ^ kind as u64;
        match realm {
            "" => mark,
            // Turned, so that realm and subject do not change places.
            realm => mark ^ self.marker.mark(realm.as_bytes()).rotate_left(32),
        }
    }

    /// A panic under the lock can only come from memory allocation, before anything is changed.
    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kind {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Writer {
    fn may_drop(&self, now: i64) -> bool {
        is_over(self.earliest, now)
    }

    fn miss(&mut self, slots: &AtomicMap, until: i64) {
        self.missing_until = self.missing_until.max(until);
        slots.miss(until);
    }
}

impl<'t> TokenNames<'t> {
    /// A token without a realm, or without a subject, is nobody's.
    fn subject_of_realm(&self) -> Option<(&'t str, &'t str)> {
        Some((self.realm?, self.subject?))
    }

    /// Whether all tokens issued before this second include this one. Within the second nobody can
    /// tell which came first, nor when a token without `iat` was issued.
    fn is_of_before(&self, issued_before: i64) -> bool {
        self.issued_at.is_none_or(|at| at <= issued_before)
    }
}

/// Whether an entry may be dropped.
fn is_over(until: i64, now: i64) -> bool {
    until < now.saturating_sub(KEPT)
}

#[cfg(test)]
mod tests;

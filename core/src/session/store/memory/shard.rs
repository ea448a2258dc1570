//! A part of the sessions in memory, behind one lock.

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use crate::{
    claims::{Realm, SessionId},
    session::store::{EndedSession, PreviousToken, SessionDetails, StoredSession, TokenHash},
};

/// The bytes of a session's id.
pub(super) type Id = [u8; SessionId::BYTES];

#[derive(Default)]
pub(super) struct Shard {
    /// Boxed, because up to half of the places of a map are empty.
    pub(super) rows: HashMap<Id, Box<Row>>,
    /// The hash of the subject of each row, and its id: one set for all subjects, as most have but
    /// one session.
    pub(super) subjects: BTreeSet<(u64, Id)>,
    /// No row expires before this.
    first_expiry: i64,
}

impl Shard {
    /// Adds a row. `false` when there is one of this id.
    pub(super) fn insert(&mut self, id: Id, subject: u64, session: &StoredSession) -> bool {
        let Entry::Vacant(place) = self.rows.entry(id) else {
            return false;
        };
        place.insert(Box::new(Row::new(subject, session)));
        self.subjects.insert((subject, id));
        self.first_expiry = self.first_expiry.min(session.expires_at);
        true
    }

    pub(super) fn rotate(&mut self, id: &Id, from: &TokenHash, next: &StoredSession) -> bool {
        match self.rows.get_mut(id) {
            Some(row) if row.current == *from => row.rotate(next),
            _ => return false,
        }
        self.first_expiry = self.first_expiry.min(next.expires_at);
        true
    }

    pub(super) fn set_data(&mut self, id: &Id, from: Option<&str>, to: Option<&str>) -> bool {
        match self.rows.get_mut(id) {
            Some(row) if row.data() == from => row.set_data(to),
            _ => return false,
        }
        true
    }

    pub(super) fn end(&mut self, id: Id) -> Option<EndedSession> {
        let row = self.rows.remove(&id)?;
        self.subjects.remove(&(row.subject_hash, id));
        Some(EndedSession {
            id: SessionId::new(id),
            tokens_until: row.tokens_until,
        })
    }

    /// Two subjects may have one hash.
    pub(super) fn ids_of(&self, hash: u64, realm: &Realm, subject: &str) -> Vec<Id> {
        let same_hash = (hash, [u8::MIN; SessionId::BYTES])..=(hash, [u8::MAX; SessionId::BYTES]);
        let ids = self.subjects.range(same_hash).map(|(_, id)| *id);
        let is_theirs = |row: &Row| *row.subject == *subject && row.realm == *realm;
        ids.filter(|id| is_theirs(&self.rows[id])).collect()
    }

    pub(super) fn ids_begun_before(&self, realm: &Realm, time: i64) -> Vec<Id> {
        let is_meant = |row: &Row| row.created_at < time && row.realm == *realm;
        let rows = self.rows.iter().filter(|(_, row)| is_meant(row));
        rows.map(|(id, _)| *id).collect()
    }

    pub(super) fn sweep(&mut self, now: i64) -> usize {
        if now < self.first_expiry {
            return 0;
        }
        let before = self.rows.len();
        self.first_expiry = i64::MAX;
        self.rows.retain(|id, row| {
            let live = row.expires_at > now;
            if live {
                self.first_expiry = self.first_expiry.min(row.expires_at);
            } else {
                self.subjects.remove(&(row.subject_hash, *id));
            }
            live
        });
        before - self.rows.len()
    }
}

/// A [`StoredSession`] without its id, and without room to grow.
pub(super) struct Row {
    subject_hash: u64,
    realm: Realm,
    subject: Box<str>,
    label: Option<Box<str>>,
    binding: Option<Box<TokenHash>>,
    created_at: i64,
    last_used_at: i64,
    pub(super) expires_at: i64,
    absolute_expires_at: i64,
    tokens_until: i64,
    current: TokenHash,
    previous: Box<[PreviousToken]>,
    /// `None`: a login has said nothing, and there is no data.
    extra: Option<Box<Extra>>,
}

#[derive(Clone, Default, PartialEq, Eq)]
struct Extra {
    details: SessionDetails,
    data: Option<Box<str>>,
}

impl Row {
    fn new(subject_hash: u64, session: &StoredSession) -> Self {
        let extra = Extra {
            details: session.details.clone(),
            data: session.data.as_deref().map(Into::into),
        };
        Self {
            subject_hash,
            realm: session.realm.clone(),
            subject: session.subject.as_str().into(),
            label: session.label.as_deref().map(Into::into),
            binding: session.binding.map(Box::new),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            absolute_expires_at: session.absolute_expires_at,
            tokens_until: session.tokens_until,
            current: session.current,
            previous: session.previous.as_slice().into(),
            extra: (extra != Extra::default()).then(|| Box::new(extra)),
        }
    }

    fn rotate(&mut self, next: &StoredSession) {
        self.last_used_at = next.last_used_at;
        self.expires_at = next.expires_at;
        self.tokens_until = next.tokens_until;
        self.current = next.current;
        self.previous = next.previous.as_slice().into();
    }

    fn data(&self) -> Option<&str> {
        self.extra.as_deref()?.data.as_deref()
    }

    fn set_data(&mut self, data: Option<&str>) {
        let mut extra = self.extra.take().unwrap_or_default();
        extra.data = data.map(Into::into);
        self.extra = (*extra != Extra::default()).then_some(extra);
    }

    pub(super) fn session(&self, id: Id) -> StoredSession {
        StoredSession {
            id: SessionId::new(id),
            realm: self.realm.clone(),
            subject: self.subject.to_string(),
            label: self.label.as_deref().map(str::to_owned),
            binding: self.binding.as_deref().copied(),
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            expires_at: self.expires_at,
            absolute_expires_at: self.absolute_expires_at,
            tokens_until: self.tokens_until,
            current: self.current,
            previous: self.previous.to_vec(),
            details: (self.extra.as_deref())
                .map_or_else(Default::default, |extra| extra.details.clone()),
            data: self.data().map(str::to_owned),
        }
    }
}

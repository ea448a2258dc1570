//! The names that revocations and tokens are compared by, and their hashes.

use std::{
    hash::{BuildHasher, Hasher},
    num::NonZeroU64,
};

use super::bloom::FilterHasher;
use crate::{revocation::Revoked, sync::RandomState};

/// The names that a token is looked up by.
pub(crate) struct TokenNames<'t> {
    pub(crate) id: Option<&'t str>,
    pub(crate) session: Option<&'t str>,
    /// The realm of the subject: the claim `iss`, unless the list is of another realm.
    pub(crate) realm: Option<&'t str>,
    pub(crate) subject: Option<&'t str>,
    pub(crate) issued_at: Option<i64>,
}

/// A value of one claim.
#[derive(Clone, Copy)]
pub(super) struct Name<'t> {
    pub(super) kind: Kind,
    /// Empty, but for subjects.
    pub(super) realm: &'t str,
    pub(super) text: &'t str,
}

/// Tells the names of different claims apart.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Everyone,
    Session,
    Sessionless,
    Subject,
    Token,
}

/// A name: two keyed hashes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HashedName {
    /// Slow to make, and unpredictable.
    pub(crate) key: NonZeroU64,
    /// Quick to make. Other names may have the same.
    pub(crate) mark: u64,
}

/// Makes the hashes of one list. They are random: nobody outside can choose names whose hashes are equal.
pub(super) struct NameHasher {
    state: RandomState,
    filter: FilterHasher,
}

impl<'t> TokenNames<'t> {
    /// Returns the names under which this token may be revoked.
    pub(super) fn all(&self) -> [Option<Name<'t>>; 4] {
        // A token without a realm, or without a subject, is nobody's.
        let subject = self.realm.zip(self.subject);
        let sessionless = subject.filter(|_| self.session.is_none());
        [
            self.id.map(|id| Name::new(Kind::Token, "", id)),
            self.session.map(|id| Name::new(Kind::Session, "", id)),
            subject.map(|(realm, text)| Name::new(Kind::Subject, realm, text)),
            sessionless.map(|(realm, text)| Name::new(Kind::Sessionless, realm, text)),
        ]
    }

    /// Returns the name under which everybody's tokens may be revoked: that of the realm. No subject is empty.
    pub(super) fn everyone(&self) -> Option<Name<'t>> {
        self.realm.map(|realm| Name::new(Kind::Everyone, realm, ""))
    }

    /// Checks whether the tokens issued before this second include this one. Within the second nobody can
    /// tell which came first, nor when a token without `iat` was issued.
    pub(super) fn is_of_before(&self, issued_before: i64) -> bool {
        self.issued_at.is_none_or(|at| at <= issued_before)
    }
}

impl<'t> Name<'t> {
    pub(super) fn new(kind: Kind, realm: &'t str, text: &'t str) -> Self {
        Self { kind, realm, text }
    }

    /// Returns what is revoked, and before when a token must have been issued.
    pub(super) fn of(revoked: &'t Revoked) -> (Self, i64) {
        match revoked {
            Revoked::Everyone {
                realm,
                issued_before,
            } => (
                Self::new(Kind::Everyone, realm.as_str(), ""),
                *issued_before,
            ),
            Revoked::Session(id) => (Self::new(Kind::Session, "", id.as_str()), i64::MAX),
            Revoked::Sessionless {
                realm,
                subject,
                issued_before,
            }
            | Revoked::Subject {
                realm,
                subject,
                issued_before,
            } => {
                let kind = match revoked {
                    Revoked::Subject { .. } => Kind::Subject,
                    _ => Kind::Sessionless,
                };
                (Self::new(kind, realm.as_str(), subject), *issued_before)
            }
            Revoked::Token(id) => (Self::new(Kind::Token, "", id), i64::MAX),
        }
    }
}

impl Kind {
    pub(super) fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl NameHasher {
    pub(super) fn random() -> Self {
        Self {
            state: RandomState::new(),
            filter: FilterHasher::random(),
        }
    }

    pub(super) fn hash(&self, name: &Name<'_>) -> HashedName {
        let mut hasher = self.state.build_hasher();
        hasher.write(name.realm.as_bytes());
        // Neither contains it: both are UTF-8.
        hasher.write_u8(0xff);
        hasher.write(name.text.as_bytes());
        let key = hasher.finish() ^ name.kind as u64;
        HashedName {
            key: NonZeroU64::new(key).unwrap_or(NonZeroU64::MIN),
            mark: self.mark(name),
        }
    }

    /// Returns the hash for the filter alone.
    pub(super) fn mark(&self, name: &Name<'_>) -> u64 {
        let mark = self.filter.mark(name.text.as_bytes()) ^ name.kind as u64;
        match name.realm {
            "" => mark,
            // Rotated, so that realm and subject cannot be exchanged.
            realm => mark ^ self.filter.mark(realm.as_bytes()).rotate_left(32),
        }
    }
}

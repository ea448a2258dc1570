//! The list of revocations that verifiers ask on every request.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    builder::RevocationBuilder,
    clock_skew::ClockSkew,
    entry::{RevocationEntry, RevokeError},
    error::Refusal,
    ready::Waiting,
};
use crate::{
    claims::{ClaimSlot, Realm, VerifiedToken},
    clock::Clock,
    error::{AuthError, AuthErrorKind},
    revocation::index::{RevocationIndex, TokenNames},
    sync::{AtomicI64, AtomicUsize},
};

/// The revoked tokens, sessions and subjects, in memory. Cheap to clone; clones share the list.
///
/// A [`Verifier`](crate::Verifier) with [one](crate::VerifierBuilder::revocation) asks it about every
/// token, without I/O and without a lock: a few nanoseconds when the list is empty, under 100 at a
/// million entries, as long as the 2 MB that nearly every check reads are in the processor's cache.
/// Subjects are those of a realm: the token's `iss`, unless the list is [of another](Self::of_realm).
/// Token ids of two issuers are not told apart.
///
/// * [`local`](Self::local): of one process. What is revoked here counts here, until the process
///   ends.
/// * [`replica`](Self::replica): a copy of a [`RevocationLog`](crate::revocation::RevocationLog) that several
///   nodes share. It [follows](Self::follow) the log. When it cannot, it refuses every token
///   with 503 rather than let a revoked one in.
///
/// A token is revoked when its `jti` is listed, or its `sid`, or its `sub` with a time after its
/// `iat`. A token that has none of these cannot be revoked: see
/// [`require_claim`](crate::VerifierBuilder::require_claim).
///
/// Names are kept as keyed 64-bit hashes. A collision refuses a good token: it has a chance of 3 in 2⁶⁴
/// for each entry, so with a million entries one token in six million million.
///
/// # Examples
///
/// ```
/// # use countersign::testing::TestIssuer;
/// use countersign::{AuthErrorKind, Revocation};
///
/// # let issuer = TestIssuer::new();
/// # let clock = issuer.clock().clone();
/// let revocation = Revocation::local().clock(clock).build()?;
/// let verifier = issuer.verifier_builder().revocation(revocation.clone()).build()?;
///
/// let text = issuer.token().sign();
/// let token = verifier.verify_now(&text)?;
/// revocation.revoke_token(&token)?; // logged out
///
/// let error = verifier.verify_now(&text).unwrap_err();
/// assert_eq!(error.kind(), AuthErrorKind::Revoked);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Revocation {
    pub(super) inner: Arc<Inner>,
    /// Replaces the token's `iss`.
    realm: Option<Realm>,
}

pub(super) struct Inner {
    pub(super) index: RevocationIndex,
    /// When the last complete read of the log began.
    pub(super) synced_at: AtomicI64,
    /// The number of lists that follow a log.
    pub(super) followers: AtomicUsize,
    /// Seconds.
    staleness: u64,
    pub(super) accept_when_stale: bool,
    pub(super) clock: Arc<dyn Clock>,
    /// For the log and metrics.
    pub(super) name: Box<str>,
    /// True while the list is not up to date, and the log says so.
    pub(super) is_told: AtomicBool,
    /// True while an entry is missing, and the log says so.
    pub(super) is_gap_told: AtomicBool,
    pub(super) waiting: Waiting,
    pub(super) clock_skew: ClockSkew,
}

/// Sentinel for `synced_at`: a list that follows no log is never stale.
pub(super) const ALWAYS: i64 = i64::MAX;
/// Sentinel for `synced_at`: the log was not read.
pub(super) const NEVER: i64 = i64::MIN;

impl Revocation {
    /// Starts a list of one process. It is never stale, and ends with the process.
    pub fn local() -> RevocationBuilder {
        RevocationBuilder::new(false)
    }

    /// Starts a copy of a log. It refuses every token until the log has been read.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use countersign::{Revocation, revocation::RevocationLog};
    ///
    /// # fn main() -> Result<(), countersign::ConfigError> {
    /// let revocation = Revocation::replica()
    ///     .staleness(Duration::from_secs(5))
    ///     .build()?;
    /// assert!(!revocation.status().is_available());
    /// # Ok(()) }
    /// # mod tokio { pub fn spawn<F: Future + Send + 'static>(_: F) {} }
    ///
    /// fn start(revocation: &Revocation, log: impl RevocationLog) {
    ///     tokio::spawn(revocation.follow(log));
    /// }
    /// ```
    pub fn replica() -> RevocationBuilder {
        RevocationBuilder::new(true)
    }

    /// The settings have been checked; `staleness` is in seconds.
    pub(super) fn new(settings: RevocationBuilder, staleness: u64) -> Self {
        let synced_at = if settings.replica { NEVER } else { ALWAYS };
        let list = Self {
            inner: Arc::new(Inner {
                index: RevocationIndex::new(settings.capacity),
                synced_at: AtomicI64::new(synced_at),
                followers: AtomicUsize::new(0),
                staleness,
                accept_when_stale: settings.accept_when_stale,
                clock: settings.clock,
                name: settings.name,
                is_told: AtomicBool::new(false),
                is_gap_told: AtomicBool::new(false),
                waiting: Waiting::default(),
                clock_skew: ClockSkew::new(),
            }),
            realm: None,
        };
        list.report();
        list
    }

    /// The list for verifiers whose tokens are of this realm, whatever their `iss`. It shares the
    /// entries with the one that it was made of.
    ///
    /// Needed where [`Sessions`](crate::Sessions) have a
    /// [realm](crate::session::SessionsBuilder::realm) other than the issuer's name, by servers that
    /// verify the tokens and have no `Sessions` themselves. Such tokens [name their
    /// realm](Realm::CLAIM): require that, too.
    #[must_use]
    pub fn of_realm(&self, realm: Realm) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            realm: Some(realm),
        }
    }

    /// Checks whether the list follows no log: what is revoked elsewhere is not known here.
    #[cfg(feature = "sessions")]
    pub(crate) fn is_local(&self) -> bool {
        self.inner.synced_at.load(Ordering::Acquire) == ALWAYS
    }

    /// Returns by how much this node's clock is ahead of that of the store, as far as sessions go by that.
    #[cfg(feature = "sessions")]
    pub(crate) fn clock_ahead(&self) -> i64 {
        self.inner.clock_skew.correction()
    }

    /// Revokes, here and at once: every check that begins after this returned sees it.
    ///
    /// Other nodes learn of it only through the log: see
    /// [`RevocationLog::append`](crate::revocation::RevocationLog::append). It waits for no I/O. Now and then
    /// the table grows: with a million entries, that takes this call some tens of milliseconds, and
    /// no check waits for it.
    ///
    /// Several entries for one name become one: the longest `until`, and for a subject the latest
    /// `issued_before`.
    ///
    /// # Errors
    ///
    /// [`RevokeError::Full`] when the list is full of entries that are still needed. That is logged as
    /// an error too: what was to be revoked is not.
    pub fn revoke(&self, entry: &RevocationEntry) -> Result<(), RevokeError> {
        let result = self.inner.index.insert(entry, self.inner.clock.now());
        self.report();
        result
    }

    /// Revokes what the store may have revoked, as long as nobody knows: a copy of a log knows once a read
    /// that began later has ended, and until then it is stale or this entry counts.
    #[cfg(feature = "sessions")]
    pub(crate) fn revoke_in_doubt(&self, mut entry: RevocationEntry) {
        if !self.is_local() {
            let Inner {
                clock, staleness, ..
            } = &*self.inner;
            let known_at = clock.now().saturating_add_unsigned(*staleness + 1);
            entry.until = entry.until.min(known_at);
        }
        // A full list raises an alarm by itself.
        let _ = self.revoke(&entry);
    }

    /// Revokes this one token: see [`RevocationEntry::token`].
    ///
    /// # Errors
    ///
    /// [`RevokeError::NoName`] when the token has no `jti` or no `exp`, and those of
    /// [`revoke`](Self::revoke).
    pub fn revoke_token(&self, token: &VerifiedToken) -> Result<(), RevokeError> {
        self.revoke(&RevocationEntry::token(token)?)
    }

    /// Asks again about a token that was verified earlier, as a long-lived stream should.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::Revoked`](crate::AuthErrorKind::Revoked) (401), and
    /// [`AuthErrorKind::RevocationUnavailable`](crate::AuthErrorKind::RevocationUnavailable) (503) when the
    /// list is not up to date. [`AuthErrorKind::InvalidClaim`] (401) when `sid` is no text: then nobody can tell.
    pub fn check(&self, token: &VerifiedToken) -> Result<(), AuthError> {
        if token.is_unreadable(ClaimSlot::SESSION_ID) {
            return Err(token.refuse(AuthErrorKind::InvalidClaim));
        }
        let named = TokenNames {
            id: token.id(),
            session: token.session_id(),
            realm: token.issuer(),
            subject: token.subject(),
            issued_at: token.issued_at(),
        };
        self.decide(named, token.now())
            .map_err(|refusal| refusal.complete(token.refuse(refusal.kind())))
    }

    /// Counts the revocations of all tokens of a subject so far, and those of some others.
    #[cfg(feature = "cache")]
    pub(crate) fn revocations_of(&self, subject: &str) -> u64 {
        self.inner.index.revocations_of(subject)
    }

    /// Decides about a token. `now` is the time that `exp` is compared with: so an entry counts at least
    /// as long as its token is accepted.
    pub(crate) fn decide<'t>(&'t self, mut names: TokenNames<'t>, now: i64) -> Result<(), Refusal> {
        if let Some(realm) = &self.realm {
            names.realm = Some(realm.as_str());
        }
        // First: whoever sees that the log has been read then sees what was read.
        let freshness = self.freshness(now);
        if let Err(refusal) = freshness {
            self.tell(refusal);
        }
        if let Err(refusal) = self.inner.index.lookup(&names, now) {
            self.tell(refusal);
            return Err(refusal);
        }
        if self.inner.accept_when_stale {
            return Ok(());
        }
        freshness
    }

    /// Checks when the log was last read, and notices a clock that went back.
    pub(super) fn freshness(&self, now: i64) -> Result<(), Refusal> {
        let synced_at = self.inner.synced_at.load(Ordering::Acquire);
        if synced_at == ALWAYS {
            return Ok(());
        }
        if synced_at == NEVER {
            return Err(Refusal::NeverRead);
        }
        if now.abs_diff(synced_at) <= self.inner.staleness {
            return Ok(());
        }
        if now < synced_at {
            self.forget_reading(synced_at);
            return Err(Refusal::NeverRead);
        }
        Err(Refusal::Stale(now.saturating_sub(synced_at)))
    }

    /// Forgets a reading, unless there is a newer one: when a clock that went back gets there again, it
    /// must not seem fresh.
    #[cold]
    pub(super) fn forget_reading(&self, synced_at: i64) {
        let cell = &self.inner.synced_at;
        let _ = cell.compare_exchange(synced_at, NEVER, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Notes that a complete read of the log, begun at this time, is in the index.
    pub(super) fn mark_synced(&self, began: i64) {
        let at = began.clamp(NEVER + 1, ALWAYS - 1);
        let Inner {
            synced_at,
            waiting,
            name,
            is_told,
            clock,
            ..
        } = &*self.inner;
        synced_at.store(at, Ordering::Release);
        waiting.wake();
        // A read that took too long changes nothing.
        if is_told.load(Ordering::Relaxed)
            && self.freshness(clock.now()).is_ok()
            && is_told.swap(false, Ordering::Relaxed)
        {
            tracing::info!(target: "countersign", list = &**name, "the list of revocations is up to date again");
        }
        #[cfg(feature = "metrics")]
        crate::metrics::revocation_synced(name, at);
    }
}

impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocation")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "test-util", not(countersign_loom)))]
mod tests {
    use super::*;
    use crate::testing::FixedClock;

    #[test]
    fn a_reading_at_the_end_of_time_is_a_reading_and_no_mark() {
        let clock = FixedClock::default();
        let revocation = Revocation::replica().clock(clock.clone()).build().unwrap();
        for (began, noted) in [(i64::MAX, i64::MAX - 1), (i64::MIN, i64::MIN + 1)] {
            clock.set(began);
            revocation.mark_synced(began);
            assert_eq!(revocation.status().synced_at, Some(noted));
        }
    }

    #[test]
    fn a_late_notice_that_the_clock_went_back_does_not_undo_a_newer_reading() {
        let clock = FixedClock::default();
        let revocation = Revocation::replica().clock(clock.clone()).build().unwrap();
        let before = clock.now();
        revocation.mark_synced(before);
        clock.set(before - 1_000);
        revocation.mark_synced(clock.now());
        // It loaded the time of the last reading before the newer one came.
        revocation.forget_reading(before);
        assert!(revocation.status().fresh);

        revocation.forget_reading(clock.now());
        assert!(!revocation.status().fresh);
    }
}

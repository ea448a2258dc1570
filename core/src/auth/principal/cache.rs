//! The principals that are kept for their subjects.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{FutureExt, future::Shared};
use quick_cache::{Equivalent, sync::Cache};

use super::{error::PrincipalError, resolver::AnyPrincipal, subject::TokenSubject};
use crate::{
    claims::VerifiedToken,
    future::BoxFuture,
    verify::{RevocationLists, RevokedSoFar},
};

/// Keeps principals by subject, for a time, and asks for each once.
///
/// An answer counts from the moment when it was asked for, and not beyond the next revocation of its subject. A request that
/// finds one under way judges it when it begins to wait: what happens later is later than the request.
pub(super) struct PrincipalCache {
    find: Find,
    kept: Cache<TokenSubject, Arc<Asked>>,
    capacity: usize,
    /// Seconds, at least one.
    time: i64,
}

type Found = Result<AnyPrincipal, PrincipalError>;
type Find = Arc<dyn Fn(TokenSubject) -> BoxFuture<Found> + Send + Sync>;

/// An answer, or a question that is under way.
struct Asked {
    answer: Shared<BoxFuture<Found>>,
    moment: Moment,
    /// How many requests wait for it.
    waiting: AtomicUsize,
}

/// A request that waits for an answer. The last one to give up drops the question: it would keep what it has, such as a connection of the
/// app's database, until the subject comes again.
struct Waiting<'a> {
    kept: &'a Cache<TokenSubject, Arc<Asked>>,
    subject: &'a TokenSubject,
    asked: &'a Arc<Asked>,
}

impl<'a> Waiting<'a> {
    fn new(
        kept: &'a Cache<TokenSubject, Arc<Asked>>,
        subject: &'a TokenSubject,
        asked: &'a Arc<Asked>,
    ) -> Self {
        asked.waiting.fetch_add(1, Ordering::Relaxed);
        Self {
            kept,
            subject,
            asked,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let is_last = self.asked.waiting.fetch_sub(1, Ordering::AcqRel) == 1;
        if is_last && self.asked.answer.peek().is_none() {
            self.kept
                .remove_if(self.subject, |other| Arc::ptr_eq(other, self.asked));
        }
    }
}

/// The state of the world, as far as it makes an answer too old.
#[derive(Clone, Copy)]
struct Moment {
    /// Seconds since 1970.
    now: i64,
    revoked: RevokedSoFar,
}

impl Moment {
    fn of(token: &VerifiedToken, lists: &RevocationLists) -> Self {
        Self {
            now: token.now(),
            revoked: lists.of(token.issuer(), token.subject().unwrap_or_default()),
        }
    }
}

impl PrincipalCache {
    const TIME: i64 = 10;
    const CAPACITY: usize = 10_000;

    pub(super) fn new(find: Find) -> Self {
        Self {
            find,
            kept: Cache::new(Self::CAPACITY),
            capacity: Self::CAPACITY,
            time: Self::TIME,
        }
    }

    /// Returns an empty one that keeps answers for so many seconds.
    pub(super) fn with_time(&self, time: i64) -> Self {
        Self {
            find: Arc::clone(&self.find),
            kept: Cache::new(self.capacity),
            capacity: self.capacity,
            time,
        }
    }

    /// Returns an empty one for so many subjects.
    pub(super) fn with_capacity(&self, capacity: usize) -> Self {
        Self {
            find: Arc::clone(&self.find),
            kept: Cache::new(capacity),
            capacity,
            time: self.time,
        }
    }

    /// Returns the principal of a token, if it is here.
    pub(super) fn kept(
        &self,
        token: &VerifiedToken,
        lists: &RevocationLists,
    ) -> Option<AnyPrincipal> {
        let subject = SubjectRef::of(token)?;
        let asked = self.kept.get(&subject)?;
        match asked.answer.peek()? {
            Ok(principal) if asked.is_good(self.time, Moment::of(token, lists)) => {
                Some(Arc::clone(principal))
            }
            _ => None,
        }
    }

    /// Returns the principal of a token, asking for it if it has to.
    pub(super) async fn find(
        &self,
        subject: TokenSubject,
        token: &VerifiedToken,
        lists: &RevocationLists,
    ) -> Found {
        loop {
            let moment = Moment::of(token, lists);
            let asked = self
                .kept
                .get_or_insert_with(&subject, || Ok::<_, Infallible>(self.ask(&subject, moment)));
            let Ok(asked) = asked;
            let is_good = asked.is_good(self.time, moment);
            let answer = match is_good {
                true => {
                    let _waiting = Waiting::new(&self.kept, &subject, &asked);
                    asked.answer.clone().await
                }
                false => Err(PrincipalError::unavailable(Outdated)),
            };
            if answer.is_err() {
                self.kept
                    .remove_if(&subject, |other| Arc::ptr_eq(other, &asked));
            }
            if is_good {
                return answer;
            }
        }
    }

    fn ask(&self, subject: &TokenSubject, moment: Moment) -> Arc<Asked> {
        let answer = AssertUnwindSafe((self.find)(subject.clone())).catch_unwind();
        let answer: BoxFuture<Found> = Box::pin(answer.map(|found| {
            // A panic must not stay here for the next request.
            found.unwrap_or_else(|_| Err(PrincipalError::unavailable(Panicked)))
        }));
        Arc::new(Asked {
            answer: answer.shared(),
            moment,
            waiting: AtomicUsize::new(0),
        })
    }
}

impl Asked {
    /// Checks whether a request of this moment may use the answer: it was asked for not long before, and no revocation
    /// of the subject came in between. One that is under way may also have been asked for a little later.
    fn is_good(&self, time: i64, moment: Moment) -> bool {
        let age = moment.now.saturating_sub(self.moment.now);
        let is_answered = self.answer.peek().is_some();
        // A clock that went back makes no answer younger.
        age < time
            && (age >= 0 || !is_answered)
            && moment.revoked.is_none_since(self.moment.revoked)
    }
}

/// The subject of a token, to look for it.
#[derive(Hash)]
struct SubjectRef<'t> {
    issuer: Option<&'t str>,
    subject: &'t str,
}

impl<'t> SubjectRef<'t> {
    fn of(token: &'t VerifiedToken) -> Option<Self> {
        Some(Self {
            issuer: token.issuer(),
            subject: token.subject()?,
        })
    }
}

impl Equivalent<TokenSubject> for SubjectRef<'_> {
    fn equivalent(&self, key: &TokenSubject) -> bool {
        self.issuer == key.issuer() && self.subject == key.subject()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the function that finds principals has panicked")]
struct Panicked;

#[derive(Debug, thiserror::Error)]
#[error("the answer is too old")]
struct Outdated;

//! An attempt to log in, and the refusal of one.

use std::{fmt, sync::Arc, time::Duration};

use super::{bounded::Second, limits::Shared};

/// A login that the limits let through. It counts as failed unless [`succeeded`](Self::succeeded) or
/// [`undecided`](Self::undecided) is called: dropping it, as when the client has left, counts too.
#[must_use = "without a call of `succeeded`, the login counts as failed"]
pub struct LoginAttempt {
    pub(super) shared: Arc<Shared>,
    pub(super) began: Second,
    /// The keys that count it.
    pub(super) reserved: Vec<u64>,
    /// The key of its one account at the client's address.
    pub(super) here: Option<u64>,
}

impl LoginAttempt {
    /// The credentials were good: gives the attempt back, and remembers that the account has logged in
    /// at this address.
    ///
    /// Earlier failures still count. Otherwise each login of the owner would buy a guesser ten more
    /// attempts.
    pub fn succeeded(self) {
        if let Some(here) = self.here {
            self.shared.familiar.insert(here, self.began);
        }
        self.undecided();
    }

    /// An outage left it undecided, or something else than the credentials is missing: gives the attempt back.
    pub fn undecided(self) {
        for key in self.reserved {
            self.shared
                .failures
                .with(key, |failures| failures.give_back(self.began));
        }
    }

    /// The credentials were wrong. Equal to dropping it, but easier to read.
    pub fn failed(self) {}
}

impl fmt::Debug for LoginAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginAttempt").finish_non_exhaustive()
    }
}

/// Too many logins have failed for this account, or from this address.
///
/// Answer with [`Reply::from`](crate::adapter::Reply): 429 with `Retry-After`. Neither reveals which limit
/// it was, or whether the account exists.
///
/// # Examples
///
/// ```
/// use countersign::{adapter::Reply, session::TooManyLogins};
///
/// fn answer(refused: TooManyLogins) -> Reply {
///     Reply::from(&refused)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many failed logins: come again later")]
#[non_exhaustive]
pub struct TooManyLogins {
    pub(super) wait: Duration,
}

impl TooManyLogins {
    /// The time until the next attempt is possible: whole seconds, at least one, at most the window.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        self.wait
    }
}

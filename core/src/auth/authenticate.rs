//! The verdict on a request, now or later.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{claims::VerifiedToken, error::AuthError, future::MaybeReady};

/// The verdict on a request: a future that is usually ready at once.
///
/// Its output is the token, `None` for an anonymous request, or the refusal.
#[must_use = "a future does nothing until it is polled"]
pub struct Authenticate(MaybeReady<Result<Option<VerifiedToken>, AuthError>>);

impl Authenticate {
    pub(crate) fn new(verdict: MaybeReady<Result<Option<VerifiedToken>, AuthError>>) -> Self {
        Self(verdict)
    }

    pub(crate) fn ready(verdict: Result<Option<VerifiedToken>, AuthError>) -> Self {
        Self(MaybeReady::ready(verdict))
    }

    /// Returns the verdict if it is ready, else the future.
    ///
    /// An adapter that asks first needs no future of its own on the hot path.
    ///
    /// # Errors
    ///
    /// The future, when there is something to wait for.
    #[inline]
    pub fn into_ready(self) -> Result<Result<Option<VerifiedToken>, AuthError>, Self> {
        match self.0 {
            MaybeReady::Ready(Some(result)) => Ok(result),
            waiting => Err(Self(waiting)),
        }
    }
}

impl Future for Authenticate {
    type Output = Result<Option<VerifiedToken>, AuthError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate").finish_non_exhaustive()
    }
}

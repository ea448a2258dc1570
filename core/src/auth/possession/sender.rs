//! The sender of a request: what it brings beside the token.

use super::check::Possession;
use crate::{
    auth::authenticator::Authenticator,
    error::{AuthError, RequestFacts},
    proof::Presented,
    request::{Credentials, RequestHead, Scheme},
};

/// The sender of a request.
#[derive(Clone, Copy)]
pub(in crate::auth) enum Sender<'r> {
    /// No request is at hand: the token was found by other means.
    Unknown,
    /// The request, and the token in it.
    Request(&'r dyn RequestHead, &'r [u8]),
    /// A copy of the parts of a request that is gone.
    Copied(&'r Presented),
}

impl<'r> Sender<'r> {
    #[inline]
    pub(in crate::auth) fn of(credentials: &Credentials<'r>) -> Self {
        match credentials.found.head {
            Some(head) => Self::Request(head, credentials.token.as_bytes()),
            None => Self::Unknown,
        }
    }

    /// Copies what the request brings; `None` where there is none.
    pub(super) fn presented(self, possession: &Possession) -> Option<Presented> {
        match self {
            Self::Unknown => None,
            Self::Request(head, token) => Some(possession.presented(head, token)),
            Self::Copied(presented) => Some(presented.clone()),
        }
    }
}

/// A copy of what a sender brings, for a verification that has to wait.
pub(in crate::auth) struct CopiedSender(Option<Presented>);

impl CopiedSender {
    pub(in crate::auth) fn view(&self) -> Sender<'_> {
        self.0.as_ref().map_or(Sender::Unknown, Sender::Copied)
    }
}

impl Authenticator {
    /// Copies what a sender brings, if anybody will look at it.
    pub(in crate::auth) fn copy_sender(&self, credentials: &Credentials<'_>) -> CopiedSender {
        let possession = self.possession.as_ref();
        CopiedSender(possession.and_then(|own| Sender::of(credentials).presented(own)))
    }
}

/// Has an error answered with the challenge of the scheme that the token came with.
pub(in crate::auth) fn challenged_with(error: AuthError, scheme: Scheme) -> AuthError {
    match scheme {
        Scheme::Dpop => error.of(Some(RequestFacts::of_dpop(None))),
        Scheme::Bearer | Scheme::None => error,
    }
}

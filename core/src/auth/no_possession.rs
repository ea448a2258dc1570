//! Proofs of senders, in a build without the feature `proof`: there are none, so that bound tokens are refused.

use super::{authenticate::Authenticate, authenticator::Authenticator};
use crate::{
    claims::VerifiedToken,
    error::AuthError,
    request::{Credentials, Scheme},
};

/// The sender of a request, of whom nobody asks anything.
#[derive(Clone, Copy)]
pub(super) enum Sender<'r> {
    Unknown,
    #[allow(dead_code)] // nobody makes one
    Never(&'r ()),
}

impl Sender<'_> {
    pub(super) fn of(_: &Credentials<'_>) -> Self {
        Self::Unknown
    }

    pub(super) fn view(self) -> Self {
        self
    }
}

impl Authenticator {
    pub(super) fn accepts_dpop(&self) -> bool {
        false
    }

    pub(super) fn copy_sender(&self, _: &Credentials<'_>) -> Sender<'static> {
        Sender::Unknown
    }

    pub(super) fn prove(&self, token: VerifiedToken, _: Scheme, _: Sender<'_>) -> Authenticate {
        self.settle(token)
    }
}

pub(super) fn challenged_with(error: AuthError, _: Scheme) -> AuthError {
    error
}

//! The parts of a token that an authenticator adds to what was verified: its principal, its text, the challenge.

use std::{any::Any, sync::Arc};

use super::token::VerifiedToken;
use crate::error::{AuthError, AuthErrorKind, ChallengeParams, RequestFacts, cut};
#[cfg(feature = "proof")]
use crate::jose::Thumbprint;

/// The parts of a token that an authenticator adds to what was verified.
#[derive(Clone, Default)]
pub(crate) struct Added {
    pub(crate) params: Arc<ChallengeParams>,
    /// The token as the request carried it.
    text: Option<Box<str>>,
    /// The principal, and its name for the log.
    principal: Option<Arc<dyn Any + Send + Sync>>,
    label: Option<Arc<str>>,
    /// The things that the sender of the request has proven.
    #[cfg(feature = "proof")]
    proven: Option<Proven>,
}

/// The things that the sender of a request has proven beside the token.
#[cfg(feature = "proof")]
#[derive(Clone, Debug, Default)]
pub(crate) struct Proven {
    pub(crate) key: Option<Thumbprint>,
    pub(crate) certificate: Option<Thumbprint>,
    /// The nonce that the client shall use next, if it does not know it.
    pub(crate) nonce: Option<Box<str>>,
}

impl Added {
    /// Returns whether the token came with a proof, and the nonce for the answer.
    #[cfg(feature = "proof")]
    fn dpop(&self) -> (bool, Option<Box<str>>) {
        match &self.proven {
            Some(proven) => (proven.key.is_some(), proven.nonce.clone()),
            None => (false, None),
        }
    }

    #[cfg(not(feature = "proof"))]
    fn dpop(&self) -> (bool, Option<Box<str>>) {
        (false, None)
    }
}

impl VerifiedToken {
    pub(crate) fn with_added(mut self, added: &Arc<Added>) -> Self {
        self.added = Some(Arc::clone(added));
        self
    }

    pub(crate) fn with_text(mut self, text: Box<str>) -> Self {
        Arc::make_mut(self.added.get_or_insert_default()).text = Some(text);
        self
    }

    pub(crate) fn with_principal(
        mut self,
        principal: Arc<dyn Any + Send + Sync>,
        label: Option<String>,
    ) -> Self {
        let added = Arc::make_mut(self.added.get_or_insert_default());
        added.principal = Some(principal);
        added.label = label.map(|label| cut(label).into());
        self
    }

    #[cfg(feature = "proof")]
    pub(crate) fn with_proven(mut self, proven: Proven) -> Self {
        Arc::make_mut(self.added.get_or_insert_default()).proven = Some(proven);
        self
    }

    #[cfg(feature = "proof")]
    fn proven(&self) -> Option<&Proven> {
        self.added.as_ref()?.proven.as_ref()
    }

    /// The thumbprint of the key that the sender of this request has proven by a DPoP proof (RFC 9449); `None` for a token that
    /// is not bound to a key.
    #[cfg(feature = "proof")]
    #[must_use]
    pub fn proven_key(&self) -> Option<Thumbprint> {
        self.proven()?.key
    }

    /// The thumbprint of the certificate that the sender of this request has proven, where the token is bound to it (RFC 8705).
    #[cfg(feature = "proof")]
    #[must_use]
    pub fn proven_certificate(&self) -> Option<Thumbprint> {
        self.proven()?.certificate
    }

    /// The value of `DPoP-Nonce` for the answer, if the client does not know it yet (RFC 9449 section 8.2). For adapters.
    #[cfg(feature = "proof")]
    #[must_use]
    pub fn dpop_nonce(&self) -> Option<&str> {
        self.proven()?.nonce.as_deref()
    }

    /// The principal that [`Authenticator::principal`](crate::Authenticator::principal) has found.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::Misconfigured`] (500) when no principal was asked for, or one of another type: the token is valid, so
    /// the mistake is on this side.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// # let issuer = TestIssuer::new();
    /// use countersign::{Authenticator, PrincipalError, VerifiedToken, adapter::Credentials};
    ///
    /// struct User(u64);
    ///
    /// let authenticator = Authenticator::new(issuer.verifier())
    ///     .principal(async |_: VerifiedToken| Ok::<_, PrincipalError>(User(42)));
    /// # futures_executor::block_on(async {
    /// # let text = issuer.token().sign();
    /// let token = authenticator.authenticate(Some(Credentials::new(&text))).await?.expect("a token");
    /// assert_eq!(token.principal::<User>()?.0, 42);
    /// # Ok::<(), countersign::AuthError>(())
    /// # }).unwrap();
    /// ```
    pub fn principal<P: Send + Sync + 'static>(&self) -> Result<Arc<P>, AuthError> {
        let principal = self
            .added
            .as_ref()
            .and_then(|added| added.principal.clone());
        principal
            .and_then(|own| own.downcast().ok())
            .ok_or_else(|| {
                let missing = MissingPrincipal(std::any::type_name::<P>());
                self.refuse(AuthErrorKind::Misconfigured)
                    .with_source(missing)
            })
    }

    /// The token itself, as the request carried it: to send it on to a service that accepts it, too.
    ///
    /// `None` unless the authenticator [keeps it](crate::Authenticator::keep_token_text). Whoever has it can
    /// act as its user: it belongs in no log and no answer. `Debug` does not show it.
    #[must_use]
    pub fn encoded(&self) -> Option<&str> {
        self.added.as_ref()?.text.as_deref()
    }

    /// Makes an error about this token that names the protection space it was used in.
    pub(crate) fn refuse(&self, kind: AuthErrorKind) -> AuthError {
        self.complete(kind.into())
    }

    /// Completes an error about this token in the same way.
    pub(crate) fn complete(&self, error: AuthError) -> AuthError {
        match &self.added {
            Some(added) => error.with_params(&added.params).of(self.facts(added)),
            None => error,
        }
    }

    /// Returns the names that the log may have, and what the challenge has to know.
    fn facts(&self, added: &Added) -> Option<RequestFacts> {
        let is_named = added.params.log_actors;
        let actor = is_named.then(|| self.read_actor().ok().flatten()).flatten();
        let (is_dpop, nonce) = added.dpop();
        if added.label.is_none() && actor.is_none() && !is_dpop {
            return None;
        }
        let subject = actor.is_some().then(|| self.subject()).flatten();
        Some(RequestFacts {
            principal: added.label.clone(),
            actor: actor.map(|actor| cut(actor.label(self.issuer()))),
            subject: subject.map(|subject| cut(subject.to_owned())),
            is_dpop,
            nonce,
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no `Authenticator::principal` has found a {0} for this request")]
struct MissingPrincipal(&'static str);

//! The authentication of a request: find the credentials, verify them, decide.

use std::sync::Arc;

#[cfg(not(feature = "proof"))]
use super::no_possession::{Sender, challenged_with};
#[cfg(feature = "proof")]
use super::possession::{Sender, challenged_with};
use super::{authenticate::Authenticate, authenticator::Authenticator};
use crate::{
    auth::csrf::{CsrfCheck, CsrfToken},
    claims::VerifiedToken,
    error::{AuthError, AuthErrorKind, Mismatch, quoted},
    future::MaybeReady,
    log,
    request::{Credentials, Provenance, RequestHead, Scheme},
};

impl Authenticator {
    /// Finds the token in a request. The first of two calls an adapter makes.
    ///
    /// `None` when there is no token.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::MalformedRequest`] (400) or [`AuthErrorKind::MalformedToken`] (401), by the
    /// rules of [`TokenSource`](crate::TokenSource); [`AuthErrorKind::CrossSite`], [`AuthErrorKind::MissingOrigin`] or
    /// [`AuthErrorKind::WrongCsrfToken`] (403), by those of [`Csrf`](crate::Csrf).
    pub fn credentials<'h>(
        &self,
        head: &'h dyn RequestHead,
    ) -> Result<Option<Credentials<'h>>, AuthError> {
        let found = self.find(head)?.map(Credentials::read).transpose();
        found.map_err(|kind| self.refuse(kind.into()))
    }

    /// Verifies what [`credentials`](Self::credentials) found. The second call of an adapter.
    ///
    /// The future's output is `Ok(None)` for an anonymous request, which only
    /// [`optional`](Self::optional) allows. It is ready at the first poll, unless a key has to be
    /// fetched.
    pub fn authenticate(&self, credentials: Option<Credentials<'_>>) -> Authenticate {
        match credentials {
            Some(credentials) if self.keeps_text => {
                keep_text(self.verify(&credentials), credentials)
            }
            Some(credentials) => self.verify(&credentials),
            None => Authenticate::ready(self.without_token()),
        }
    }

    /// Finds the token in a request and verifies it: both calls in one.
    pub fn check(&self, head: &dyn RequestHead) -> Authenticate {
        match self.find(head) {
            Ok(credentials) => self.authenticate(credentials),
            Err(error) => Authenticate::ready(Err(error)),
        }
    }

    /// Finds the token, and checks that the site that sent it in a cookie may do so, as far as the head
    /// tells.
    fn find<'h>(&self, head: &'h dyn RequestHead) -> Result<Option<Credentials<'h>>, AuthError> {
        let mut found = self
            .source
            .find(head, self.accepts_dpop())
            .map_err(|kind| self.refuse(kind.into()))?;
        if let Some(opaque) = &self.opaque {
            let in_headers = opaque.find(head, &mut found);
            in_headers.map_err(|kind| self.refuse(kind.into()))?;
        }
        if let Some(credentials) = &mut found
            && credentials.from_cookie
            && let Some(csrf) = &self.csrf
            && let CsrfCheck::NeedsToken(value) =
                csrf.check_head(head).map_err(|error| self.refuse(error))?
        {
            credentials.found.csrf_value = Some(value.0);
        }
        #[cfg(feature = "proof")]
        if let Some(credentials) = &mut found
            && self.possession.is_some()
        {
            credentials.found.head = Some(head);
        }
        Ok(found)
    }

    /// Verifies a token, with the feature `spans` in a span.
    fn verify(&self, credentials: &Credentials<'_>) -> Authenticate {
        #[cfg(feature = "spans")]
        {
            let span = tracing::info_span!(target: "countersign", "countersign.verify", outcome = tracing::field::Empty);
            if !span.is_disabled() {
                return match span.in_scope(|| self.verify_here(credentials)).into_ready() {
                    Ok(verdict) => {
                        span.record("outcome", outcome(&verdict));
                        Authenticate::ready(verdict)
                    }
                    Err(waiting) => {
                        Authenticate::new(MaybeReady::waiting(log::in_span(span, outcome, waiting)))
                    }
                };
            }
        }
        self.verify_here(credentials)
    }

    #[inline]
    fn verify_here(&self, credentials: &Credentials<'_>) -> Authenticate {
        if let Some(kind) = self.opaque_kind(credentials) {
            return self.check_opaque(kind, credentials);
        }
        let found = &credentials.found;
        match self.issuers.start(credentials.token, self.caller) {
            MaybeReady::Ready(Some(Ok(token))) => {
                self.decide(token, found, Sender::of(credentials))
            }
            MaybeReady::Ready(Some(Err(error))) => {
                Authenticate::ready(Err(self.refuse_sent(error, found.scheme)))
            }
            waiting => {
                let authenticator = self.clone();
                let csrf_value = found.csrf_value.map(<[u8]>::to_vec);
                let (is_ambiguous, source_index) = (found.is_ambiguous, found.source_index);
                let scheme = found.scheme;
                let sender = self.copy_sender(credentials);
                Authenticate::new(MaybeReady::waiting(async move {
                    let token = waiting
                        .await
                        .map_err(|error| authenticator.refuse_sent(error, scheme))?;
                    let verdict = {
                        let found = Provenance {
                            is_ambiguous,
                            source_index,
                            scheme,
                            csrf_value: csrf_value.as_deref(),
                            ..Provenance::default()
                        };
                        authenticator.decide(token, &found, sender.view())
                    };
                    verdict.await
                }))
            }
        }
    }

    pub(super) fn missing_token(&self) -> AuthError {
        self.with_params(AuthErrorKind::MissingToken.into())
    }

    fn with_params(&self, error: AuthError) -> AuthError {
        match &self.added {
            Some(added) => error.with_params(&added.params),
            None => error,
        }
    }

    fn without_token(&self) -> Result<Option<VerifiedToken>, AuthError> {
        if self.optional && !self.token_is_required {
            log::count("anonymous");
            return Ok(None);
        }
        Err(log::refusal(self.missing_token()))
    }

    /// The checks that come after the verifier's.
    ///
    /// Builds the `Authenticate` in place: moving the verdict costs more than reaching it.
    pub(super) fn decide(
        &self,
        token: VerifiedToken,
        found: &Provenance<'_>,
        sender: Sender<'_>,
    ) -> Authenticate {
        if let Err(error) = self.check_source(&token, found) {
            return Authenticate::ready(Err(self.refuse_sent(error, found.scheme)));
        }
        let token = match &self.added {
            Some(added) => token.with_added(added),
            None => token,
        };
        self.prove(token, found.scheme, sender)
    }

    /// The checks that come after the sender has proven what the token asks for: the app's own step, and the policy.
    #[inline]
    pub(super) fn settle(&self, token: VerifiedToken) -> Authenticate {
        match &self.principal {
            None => Authenticate::ready(self.permit(token)),
            Some(step) => match step.kept(token) {
                Ok(token) => Authenticate::ready(self.permit(token)),
                Err(token) => {
                    let (authenticator, step) = (self.clone(), Arc::clone(step));
                    Authenticate::new(MaybeReady::waiting(async move {
                        let token = step.resolve(token).await.map_err(log::refusal)?;
                        authenticator.permit(token)
                    }))
                }
            },
        }
    }

    /// Asks the policy, which comes last.
    #[inline]
    fn permit(&self, token: VerifiedToken) -> Result<Option<VerifiedToken>, AuthError> {
        if let Some(policy) = &self.policy
            && let Err(error) = policy.check(&token)
        {
            return Err(log::refusal(error));
        }
        log::count("accepted");
        #[cfg(feature = "metrics")]
        if token.has_actor() {
            crate::metrics::delegated_token();
        }
        Ok(Some(token))
    }

    /// Checks that the token came from a source that is allowed for its issuer, that it was the only one,
    /// and that its double-submit value is that of its session.
    fn check_source(&self, token: &VerifiedToken, found: &Provenance<'_>) -> Result<(), AuthError> {
        if found.is_ambiguous {
            return Err(AuthErrorKind::MalformedRequest.into());
        }
        if !self.is_allowed_source(token, found.source_index) || self.is_posing(token) {
            let error = AuthError::from(AuthErrorKind::UnknownIssuer);
            return Err(error.about(|| {
                let expected = "an issuer whose tokens count where this one was";
                Mismatch::written("iss", expected, quoted(token.issuer_name()))
            }));
        }
        match (&self.csrf, found.csrf_value) {
            (Some(csrf), Some(value)) => csrf.check_verified(CsrfToken(value), token),
            _ => Ok(()),
        }
    }

    /// Returns whether a JWT names a kind of opaque tokens as its issuer: whoever signed it, it is none of them.
    fn is_posing(&self, token: &VerifiedToken) -> bool {
        let opaque = self.opaque.as_ref();
        opaque.is_some_and(|opaque| !token.is_opaque() && opaque.has_name(token.issuer()))
    }

    fn is_allowed_source(&self, token: &VerifiedToken, index: Option<usize>) -> bool {
        if self.own_sources.is_empty() {
            return true;
        }
        let issuer = token.issuer_name();
        let of = |wanted: Option<&str>| {
            let mut all = self.own_sources.iter();
            all.find(|(name, _)| name.as_deref() == wanted)
        };
        // Without a name, it is of no resolver either, and neither is an opaque token.
        let own = issuer.and_then(|issuer| {
            let is_dynamic = !token.is_opaque() && self.issuers.is_dynamic(issuer);
            let dynamic = || of(None).filter(|_| is_dynamic);
            of(Some(issuer)).or_else(dynamic)
        });
        match (own, index) {
            (Some((_, own)), Some(index)) => own.allows(&self.source, index),
            // No source was set for the issuer, or the token is from no request.
            (None, _) | (_, None) => true,
        }
    }

    /// Logs the refusal of a token that came with this scheme.
    fn refuse_sent(&self, error: AuthError, scheme: Scheme) -> AuthError {
        self.refuse(challenged_with(error, scheme))
    }

    /// Logs a refusal, with the parameters of this authenticator's challenges.
    pub(super) fn refuse(&self, error: AuthError) -> AuthError {
        log::refusal(self.with_params(error))
    }
}

/// Returns the name of a verdict on a token, as the counters have it.
#[cfg(feature = "spans")]
fn outcome(verdict: &Result<Option<VerifiedToken>, AuthError>) -> &'static str {
    verdict
        .as_ref()
        .map_or_else(AuthError::reason, |_| "accepted")
}

/// Adds the text of the token to the verdict that accepts it.
#[cold]
fn keep_text(verdict: Authenticate, credentials: Credentials<'_>) -> Authenticate {
    // What cannot be read was not accepted.
    let text: Box<str> = credentials.token.read().unwrap_or_default().into();
    match verdict.into_ready() {
        Ok(verdict) => Authenticate::ready(with_text(verdict, text)),
        Err(waiting) => Authenticate::new(MaybeReady::waiting(async move {
            with_text(waiting.await, text)
        })),
    }
}

fn with_text(
    verdict: Result<Option<VerifiedToken>, AuthError>,
    text: Box<str>,
) -> Result<Option<VerifiedToken>, AuthError> {
    verdict.map(|token| {
        token.map(|token| match token.is_opaque() {
            // Whoever has an API key has it for years: nobody is to send it on.
            true => token,
            false => token.with_text(text),
        })
    })
}

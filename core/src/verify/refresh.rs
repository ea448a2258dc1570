//! What happens when the keys at hand do not verify a token, and newer ones might.

use super::{
    explain::{Observer, Step},
    rules::{Facts, REVOCATION, Rule, VerifierSettings},
    verifier::Verifier,
};
use crate::{
    claims::{Reader, RegisteredClaims, VerifiedToken},
    error::{AuthError, AuthErrorKind, Mismatch},
    future::{BoxFuture, MaybeReady},
    jose::{Compact, HeaderBuffer, HeaderView, Key, base64url},
    keys::{KeySource, KeysUnavailable, RefreshReason},
    request::TokenText,
};

impl Verifier {
    /// Verifies a token; if newer keys could change the verdict, after having asked for them.
    pub(crate) fn start(
        &self,
        token: TokenText<'_>,
        reader: Reader,
    ) -> MaybeReady<Result<VerifiedToken, AuthError>> {
        if let Some(verified) = self.cached(token.as_bytes()) {
            return MaybeReady::ready(Ok(verified));
        }
        match token.read() {
            Ok(text) => self.start_with(text, move |verifier, token| {
                verifier.verify_anew(token, reader)
            }),
            Err(kind) => MaybeReady::ready(Err(kind.into())),
        }
    }

    /// The same, with another way to verify.
    pub(super) fn start_with<O: Send + 'static>(
        &self,
        token: &str,
        verify: impl Fn(&Self, &str) -> Result<O, AuthError> + Send + 'static,
    ) -> MaybeReady<Result<O, AuthError>> {
        let error = match verify(self, token) {
            Ok(accepted) => return MaybeReady::ready(Ok(accepted)),
            Err(error) => error,
        };
        let Some(refreshed) = self.refresh(token, error.kind()) else {
            return MaybeReady::ready(Err(error));
        };
        let verifier = self.clone();
        let token = token.to_owned();
        MaybeReady::waiting(async move {
            let mut before = error.kind();
            let mut refreshed = refreshed.await;
            let mut result = verify(&verifier, &token);
            // The first keys were asked for before this token came, perhaps before its key was there.
            if before == AuthErrorKind::KeysUnavailable
                && refreshed.is_ok()
                && let Some(kind) = result.as_ref().err().map(AuthError::kind)
                && kind != before
                && let Some(newer) = verifier.refresh(&token, kind)
            {
                before = kind;
                refreshed = newer.await;
                result = verify(&verifier, &token);
            }
            match (result, refreshed) {
                // The key may be new, and the source could not look: nobody can tell.
                (Err(again), Err(unavailable)) if again.kind() == before => {
                    Err(AuthError::from(AuthErrorKind::KeysUnavailable)
                        .with_retry_after(unavailable.seconds())
                        .with_source(unavailable))
                }
                (result, _) => result,
            }
        })
    }

    /// Asks the source for newer keys, if they could change the verdict.
    fn refresh(
        &self,
        token: &str,
        kind: AuthErrorKind,
    ) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        let source = self.keys().source();
        if kind == AuthErrorKind::KeysUnavailable {
            return source.refresh(RefreshReason::NoKeys);
        }
        let may_be_new = matches!(
            kind,
            AuthErrorKind::AmbiguousKey
                | AuthErrorKind::BadSignature
                | AuthErrorKind::UnknownKey
                | AuthErrorKind::WrongAlgorithm
        );
        if !may_be_new || !source.can_refresh() {
            return None;
        }
        let compact = Compact::parse(token, self.max_token_bytes()).ok()?;
        let mut buffer = HeaderBuffer::new();
        let header = HeaderView::parse(compact.header, &mut buffer).ok()?;
        let why = match (kind, header.key_id()) {
            // Who has no secrets gets none: a provider does not publish them.
            _ if header.algorithm().is_symmetric() && has_no_secret(source) => return None,
            (AuthErrorKind::UnknownKey, Some(id)) => RefreshReason::UnknownKey(id),
            // The verifier, not the keys, refuses the algorithm.
            _ if !self.accepts(header.algorithm()) => return None,
            // The key that the token names is there, and says no.
            (_, Some(id)) if source.snapshot().is_ok_and(|set| set.has_key(id)) => return None,
            _ => RefreshReason::NoMatch,
        };
        // Beside an HMAC, no payload is worth reading: nobody fetches its keys from a provider.
        let is_short = compact.payload.len() <= LONGEST_READ;
        let asks_in_vain = base64url::decode(compact.signature).is_none()
            || match is_short && !header.algorithm().is_symmetric() {
                true => self.is_refused_by_its_claims(token),
                false => base64url::decode(compact.payload).is_none(),
            };
        if asks_in_vain {
            return None;
        }
        source.refresh(why)
    }

    /// Whether no key could make this token a good one: it has expired, or is of another issuer.
    ///
    /// What is read here is not verified. It can only spare a fetch, never let anybody in.
    fn is_refused_by_its_claims(&self, token: &str) -> bool {
        let mut log = ClaimsProbe { refused: false };
        let _ = self.run(token, &mut log, RegisteredClaims::read, |_| ());
        log.refused
    }
}

/// The longest encoded payload whose claims are read before a source is asked for newer keys, in bytes.
///
/// Reading one that is made of members alone must not cost much beside the signature of a good token,
/// and it saves one of the few fetches at most.
const LONGEST_READ: usize = 2 << 10;

fn has_no_secret(source: &dyn KeySource) -> bool {
    let is_secret = |key: &Key| key.algorithm().is_symmetric();
    source
        .snapshot()
        .is_ok_and(|set| !set.keys().iter().any(is_secret))
}

/// Listens to all checks but that of the signature, which has failed already.
struct ClaimsProbe {
    refused: bool,
}

impl Observer for ClaimsProbe {
    const EVERY_CHECK: bool = true;
    const SIGNATURE: bool = false;

    fn passed(&mut self, _: &Step, _: impl FnOnce() -> String) {}

    fn failed(&mut self, _: &Step, _: AuthErrorKind, _: impl FnOnce() -> Mismatch) {
        self.refused = true;
    }

    fn rule(
        &mut self,
        rule: &Rule,
        _: &VerifierSettings,
        _: &Facts<'_>,
        failed: Option<AuthErrorKind>,
    ) {
        // Who has not proved anything is not told what is revoked.
        self.refused |= failed.is_some() && rule.name != REVOCATION;
    }
}

//! The refresh of keys, when those at hand do not verify a token and newer ones might.

use memchr::{memchr_iter, memchr3_iter};

use super::{
    caller::Caller,
    pipeline::decode_unverified,
    rules::{CONFIRMATION, REVOCATION},
    verifier::Verifier,
    wrong,
};
use crate::{
    claims::{RegisteredClaims, VerifiedToken},
    error::{AuthError, AuthErrorKind},
    future::{BoxFuture, MaybeReady},
    jose::{Compact, HeaderBuffer, HeaderView, Key, base64url},
    keys::{KeySource, KeysUnavailable, RefreshReason},
    request::TokenText,
};

impl Verifier {
    /// Verifies a token, and asks for newer keys first if they could change the verdict.
    pub(crate) fn start(
        &self,
        token: TokenText<'_>,
        caller: Caller,
    ) -> MaybeReady<Result<VerifiedToken, AuthError>> {
        if let Some(verified) = self.cached(token.as_bytes(), caller) {
            return MaybeReady::ready(Ok(verified));
        }
        match token.read() {
            Ok(text) => self.verify_or_refresh(text, move |verifier, token| {
                verifier.verify_uncached(token, caller)
            }),
            Err(kind) => MaybeReady::ready(Err(kind.into())),
        }
    }

    /// Verifies a token by `verify`, and once more after a refresh of the keys if that could change the
    /// verdict.
    pub(super) fn verify_or_refresh<O: Send + 'static>(
        &self,
        token: &str,
        verify: impl Fn(&Self, &str) -> Result<O, AuthError> + Send + 'static,
    ) -> MaybeReady<Result<O, AuthError>> {
        let error = match verify(self, token) {
            Ok(accepted) => return MaybeReady::ready(Ok(accepted)),
            Err(error) => error,
        };
        let Some(refreshed) = self.refresh_keys(token, error.kind()) else {
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
                && let Some(newer) = verifier.refresh_keys(&token, kind)
            {
                before = kind;
                refreshed = newer.await;
                result = verify(&verifier, &token);
            }
            match (result, refreshed) {
                // The key may be new, and the source could not look: nobody can tell.
                (Err(again), Err(unavailable)) if again.kind() == before => {
                    Err(wrong::keys_unavailable(unavailable))
                }
                (result, _) => result,
            }
        })
    }

    /// Asks the source for newer keys, if they could change the verdict.
    fn refresh_keys(&self, token: &str, refusal: AuthErrorKind) -> Option<Refreshed> {
        let source = self.keys().source();
        if refusal == AuthErrorKind::KeysUnavailable {
            return source.refresh(RefreshReason::NoKeys);
        }
        // Before the token is parsed, which most refusals are not worth.
        let may_be_new = matches!(
            refusal,
            AuthErrorKind::AmbiguousKey
                | AuthErrorKind::BadSignature
                | AuthErrorKind::UnknownKey
                | AuthErrorKind::WrongAlgorithm
        );
        if !may_be_new || !source.can_refresh() {
            return None;
        }
        let token = self.split(token).ok()?;
        let mut buffer = HeaderBuffer::new();
        let header = HeaderView::parse(token.header, &mut buffer).ok()?;
        source.refresh(self.refresh_reason(&token, &header, refusal)?)
    }

    /// Says why newer keys could verify this token, which those at hand do not.
    fn refresh_reason<'h>(
        &self,
        token: &Compact<'_>,
        header: &'h HeaderView<'_>,
        refusal: AuthErrorKind,
    ) -> Option<RefreshReason<'h>> {
        let source = self.keys().source();
        // A provider publishes no secrets: a set without one does not get one.
        if header.algorithm().is_symmetric() && has_no_secret(source) {
            return None;
        }
        let reason = match (refusal, header.key_id()) {
            (AuthErrorKind::UnknownKey, Some(id)) => RefreshReason::UnknownKey(id),
            // The verifier, not the keys, refuses the algorithm.
            _ if !self.accepts(header.algorithm()) => return None,
            // The key that the token names is there, and says no.
            (_, Some(id)) if source.snapshot().is_ok_and(|set| set.has_key(id)) => return None,
            _ => RefreshReason::NoMatch,
        };
        (!self.is_hopeless(token, header)).then_some(reason)
    }

    /// Returns whether no key could make this token a good one: it is junk, has expired, or is of another
    /// issuer.
    ///
    /// The claims are not verified: they can spare a fetch, and never let anybody in.
    fn is_hopeless(&self, token: &Compact<'_>, header: &HeaderView<'_>) -> bool {
        if base64url::decode(token.signature).is_none() {
            return true;
        }
        // Beside an HMAC, no payload is worth reading: nobody fetches its keys from a provider.
        if header.algorithm().is_symmetric() || token.payload.len() > LONGEST_READ {
            return base64url::decode(token.payload).is_none();
        }
        let mut buffer = None;
        let Ok(payload) = decode_unverified(token, &mut buffer) else {
            return true;
        };
        if !is_worth_reading(payload) {
            return false;
        }
        let Ok(claims) = RegisteredClaims::parse(payload, &self.settings().claims.spec) else {
            return true;
        };
        let facts = self.facts(token.header, header, payload, &claims);
        // A token that proves nothing is not told what has been revoked; and whether it is bound is for whoever has the request.
        let mut rules = self
            .settings()
            .rules()
            .filter(|rule| !matches!(rule.name, CONFIRMATION | REVOCATION));
        rules.any(|rule| (rule.check)(self.settings(), &facts).is_err())
    }
}

/// The future of a [`KeySource`] that was asked for newer keys.
type Refreshed = BoxFuture<Result<(), KeysUnavailable>>;

/// The longest encoded payload whose claims are read before a source is asked for newer keys, in bytes.
const LONGEST_READ: usize = 16 << 10;

/// The most commas, opening brackets and escapes of such a payload.
///
/// Reading it must not cost much beside the signature of a good token, and spares one of the few fetches
/// at most. Its cost comes from members, elements and escapes rather than from its length.
const MOST_PIECES_READ: usize = 256;

fn is_worth_reading(payload: &str) -> bool {
    let bytes = payload.as_bytes();
    let mut pieces = memchr3_iter(b',', b'\\', b'[', bytes).chain(memchr_iter(b'{', bytes));
    pieces.nth(MOST_PIECES_READ).is_none()
}

fn has_no_secret(source: &dyn KeySource) -> bool {
    let is_secret = |key: &Key| key.algorithm().is_symmetric();
    source
        .snapshot()
        .is_ok_and(|set| !set.keys().iter().any(is_secret))
}

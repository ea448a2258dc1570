//! The choice of a verifier by the claim `iss` of a token that is not verified.

use std::{borrow::Cow, collections::HashMap};

use crate::{
    claims::{ClaimSlot, ClaimSpec, RegisteredClaims, VerifiedToken, trust_domain_of},
    error::{AuthError, AuthErrorKind, Fixed, Mismatch},
    future::MaybeReady,
    jose::{Buffer, Compact, json, member},
    request::TokenText,
    verify::{
        Caller, Verifier,
        dynamic::{DynamicIssuers, Unverified},
        pipeline::PAYLOAD,
    },
};

/// Several verifiers, a resolver, or both.
#[derive(Clone)]
pub(super) struct Many {
    pub(super) by_name: HashMap<Box<str>, Verifier>,
    /// By trust domain: for JWT-SVIDs, which need not name an issuer.
    pub(super) by_trust_domain: HashMap<Box<str>, Verifier>,
    /// For tokens whose `iss` is absent or none of the names.
    pub(super) fallback: Option<Verifier>,
    /// For tokens whose `iss` is none of the names. There is no fallback then.
    pub(super) dynamic: Option<DynamicIssuers>,
    /// The verifiers with a cache, asked before the token is read; empty if they are too many.
    pub(super) cached: Vec<Verifier>,
}

/// The one who decides about a token.
pub(super) enum Choice<'t> {
    /// Also about the name of the issuer: it is in the token.
    Dynamic(&'t DynamicIssuers, Cow<'t, str>),
    Verifier(&'t Verifier),
}

impl Many {
    pub(super) fn start(
        &self,
        token: TokenText<'_>,
        caller: Caller,
    ) -> MaybeReady<Result<VerifiedToken, AuthError>> {
        let text = match token.read() {
            Ok(text) => text,
            Err(kind) => return MaybeReady::ready(Err(kind.into())),
        };
        if let Some(verified) = self.cached(text, caller) {
            return MaybeReady::ready(Ok(verified));
        }
        let mut buffer = Buffer::new();
        let (token, choice) = match self.choose(text, &mut buffer) {
            Ok(chosen) => chosen,
            Err(error) => return MaybeReady::ready(Err(error)),
        };
        match choice {
            Choice::Verifier(verifier) => verifier.start(TokenText::Str(text), caller),
            Choice::Dynamic(dynamic, issuer) => dynamic.start(&issuer, token, caller),
        }
    }

    /// Finds a token that one of the verifiers accepted before, and would accept again.
    ///
    /// The verdict is that of a full verification. A verifier only finds tokens that it accepted itself,
    /// even in a shared cache, so `iss` is one of its names. No other verifier has that name, so the token
    /// would be handed to this one, which would look into this cache first.
    fn cached(&self, token: &str, caller: Caller) -> Option<VerifiedToken> {
        // A text that is no token is not worth a lookup.
        if self.cached.is_empty() || Compact::parse(token, usize::MAX).is_err() {
            return None;
        }
        self.cached
            .iter()
            .find_map(|verifier| verifier.cached_here(token.as_bytes(), caller))
    }

    /// Returns the verifiers that do not change.
    pub(super) fn verifiers(&self) -> impl Iterator<Item = &Verifier> {
        let named = self.by_name.values().chain(self.by_trust_domain.values());
        named.chain(&self.fallback)
    }

    /// Returns the verifier of the issuer, or of the trust domain, with this name.
    pub(super) fn named(&self, name: &str) -> Option<&Verifier> {
        let by_name = self.by_name.get(name);
        by_name.or_else(|| self.by_trust_domain.get(name))
    }

    /// Returns the verifier of the trust domain that the subject of an unverified token is of.
    fn by_subject(&self, payload: &str) -> Option<&Verifier> {
        if self.by_trust_domain.is_empty() {
            return None;
        }
        // Of two, the last counts here. The verifiers refuse both.
        let subject = member::<Option<Cow<'_, str>>>(payload, "sub").ok()??;
        self.by_trust_domain.get(trust_domain_of(&subject?)?)
    }

    /// Chooses a verifier by the claim `iss` of an unverified token.
    pub(super) fn choose<'t>(
        &'t self,
        text: &'t str,
        buffer: &'t mut Buffer<PAYLOAD>,
    ) -> Result<(Unverified<'t>, Choice<'t>), AuthError> {
        static ISSUER: Fixed = Fixed::new("iss", "the issuer of one of the verifiers");

        let limits = self.verifiers().map(Verifier::max_token_bytes);
        let dynamic = self.dynamic.as_ref();
        let limit = limits
            .chain(dynamic.map(DynamicIssuers::max_token_bytes))
            .max();
        let mut compact = Compact::parse(text, limit.unwrap_or(0))?;
        // Only to choose: the verifier that is chosen knows whether padding belongs there.
        let is_padded = text.ends_with('=') && self.verifiers().any(Verifier::reads_padding);
        if is_padded {
            compact = compact.unpadded().ok_or(AuthErrorKind::MalformedToken)?;
        }
        let payload = buffer
            .decode(compact.payload)
            .and_then(json::text)
            .ok_or(AuthErrorKind::MalformedToken)?;
        let token = Unverified {
            text,
            compact,
            payload,
        };
        if let Some(verifier) = self.by_subject(payload) {
            return Ok((token, Choice::Verifier(verifier)));
        }
        let by_name = |issuer: Cow<'t, str>| {
            let known = self.by_name.get(&*issuer).or(self.fallback.as_ref());
            match (known, dynamic) {
                (Some(verifier), _) => Ok((token, Choice::Verifier(verifier))),
                (None, Some(_)) if is_padded => Err(AuthErrorKind::MalformedToken.into()),
                (None, Some(dynamic)) => Ok((token, Choice::Dynamic(dynamic, issuer))),
                (None, None) => {
                    let error = AuthError::from(AuthErrorKind::UnknownIssuer);
                    Err(error.about(|| Mismatch::text(&ISSUER, &issuer)))
                }
            }
        };
        // Not strictly: the verifier reads it all again, and then every rule counts.
        let found = member::<Option<Cow<'_, str>>>(payload, "iss");
        match (found, &self.fallback) {
            (Ok(Some(Some(issuer))), _) => return by_name(issuer),
            // Absent, or null: the fallback says what it makes of that.
            (Ok(None | Some(None)), Some(fallback)) => {
                return Ok((token, Choice::Verifier(fallback)));
            }
            _ => {}
        }
        let spec = &ClaimSpec::NOTHING;
        let claims = RegisteredClaims::parse(payload, spec)
            .map_err(|unreadable| unreadable.into_error(payload, spec))?;
        let issuer = claims.text(ClaimSlot::ISSUER, payload).ok_or_else(|| {
            let error = AuthError::from(AuthErrorKind::MissingClaim);
            error.about(|| Mismatch::fixed(&ISSUER, "absent"))
        })?;
        by_name(Cow::Owned(issuer.to_owned()))
    }
}

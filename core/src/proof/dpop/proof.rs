//! A proof as a client sends it: its header, and its claims.

use std::{borrow::Cow, sync::LazyLock};

use serde::Deserialize;

use super::known_keys::ProofKey;
use crate::{
    claims::{ClaimSlot, ClaimSpec, RegisteredClaims},
    jose::{
        Algorithm, Compact, HeaderBuffer, HeaderView, Key, Thumbprint, base64url, json, member,
    },
    request::RequestHead,
};

/// The header that a proof comes in.
const HEADER: &str = "dpop";
/// The type of a proof (RFC 9449 section 4.2).
const TYPE: &str = "dpop+jwt";
/// The longest proof that is read, in bytes: there is room for an RSA key of 8,192 bits.
pub(super) const LONGEST: usize = 4 << 10;

/// What a request has in the header `DPoP`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SentProof {
    None,
    /// More than one, or what is no text.
    Several,
    Long(usize),
    One(Box<str>),
}

impl SentProof {
    /// Copies the proof of a request.
    pub(crate) fn of(head: &dyn RequestHead) -> Self {
        let mut found = Self::None;
        head.visit_header(HEADER, &mut |value| {
            found = match (&found, value) {
                (Self::None, value) if value.len() > LONGEST => Self::Long(value.len()),
                // A comma stands between two values of one field (RFC 9110 section 5.3).
                (Self::None, value) if !value.contains(&b',') => {
                    let text = json::text(value.trim_ascii());
                    text.map_or(Self::Several, |text| Self::One(text.into()))
                }
                _ => Self::Several,
            };
        });
        found
    }
}

/// Reads the header of a proof.
///
/// # Errors
///
/// The parameter at fault, and what is expected of it.
pub(super) fn read_header(
    proof: &Compact<'_>,
    accepted: &[Algorithm],
) -> Result<ProofKey, (&'static str, &'static str)> {
    let mut buffer = HeaderBuffer::new();
    // Strictly: no member twice, no `crit`.
    let view = HeaderView::parse(proof.header, &mut buffer)
        .map_err(|_| ("header", "a header of a JWS without extensions"))?;
    let algorithm = view.algorithm();
    if !accepted.iter().any(|own| own.matches(algorithm)) {
        return Err(("alg", "one of the accepted algorithms"));
    }
    let json = base64url::decode(proof.header).unwrap_or_default();
    let json = json::text(&json).unwrap_or_default();
    let typ = member::<Text<'_>>(json, "typ").ok().flatten();
    if typ.is_none_or(|typ| typ.0 != TYPE) {
        return Err(("typ", "dpop+jwt"));
    }
    let jwk = member::<serde_json::Map<String, serde_json::Value>>(json, "jwk");
    let Ok(Some(jwk)) = jwk else {
        return Err(("jwk", "a public key"));
    };
    // Texts and numbers: it cannot fail.
    let jwk = serde_json::to_string(&jwk).unwrap_or_default();
    let key = Key::from_jwk_with(&jwk, algorithm);
    let key = key.map_err(|_| ("jwk", "a public key of the algorithm, of full strength"))?;
    let thumbprint = key.thumbprint().and_then(Thumbprint::parse);
    let thumbprint = thumbprint.ok_or(("jwk", "a public key"))?;
    Ok(ProofKey { key, thumbprint })
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The claims of a proof (RFC 9449 section 4.2).
pub(super) struct ProofClaims<'p> {
    claims: RegisteredClaims,
    payload: &'p str,
}

/// The claims of a proof beside the registered ones.
struct ProofSpec {
    spec: ClaimSpec,
    htm: ClaimSlot,
    htu: ClaimSlot,
    ath: ClaimSlot,
    nonce: ClaimSlot,
}

static SPEC: LazyLock<ProofSpec> = LazyLock::new(|| {
    let mut spec = ClaimSpec::NOTHING;
    // `None` only for a registered claim that contains no text.
    let mut text = |name| spec.text(name).unwrap_or(ClaimSlot::CONFIRMATION);
    let (htm, htu, ath, nonce) = (text("htm"), text("htu"), text("ath"), text("nonce"));
    ProofSpec {
        spec,
        htm,
        htu,
        ath,
        nonce,
    }
});

impl<'p> ProofClaims<'p> {
    /// Reads the payload, strictly: no member twice, and each of these claims has its type.
    pub(super) fn parse(payload: &'p str) -> Option<Self> {
        let claims = RegisteredClaims::parse(payload, &SPEC.spec).ok()?;
        Some(Self { claims, payload })
    }

    fn text(&self, slot: ClaimSlot) -> Option<&str> {
        self.claims.text(slot, self.payload)
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.text(ClaimSlot::ID)
    }

    pub(super) fn method(&self) -> Option<&str> {
        self.text(SPEC.htm)
    }

    pub(super) fn url(&self) -> Option<&str> {
        self.text(SPEC.htu)
    }

    pub(super) fn token_hash(&self) -> Option<&str> {
        self.text(SPEC.ath)
    }

    /// Returns the nonce; an error if it is there and is no text.
    pub(super) fn nonce(&self) -> Result<Option<&str>, ()> {
        match self.text(SPEC.nonce) {
            None if self.claims.has(SPEC.nonce) => Err(()),
            nonce => Ok(nonce),
        }
    }

    pub(super) fn issued_at(&self) -> Option<i64> {
        self.claims.date(ClaimSlot::ISSUED_AT)
    }

    pub(super) fn expires_at(&self) -> Option<i64> {
        self.claims.date(ClaimSlot::EXPIRES_AT)
    }

    pub(super) fn not_before(&self) -> Option<i64> {
        self.claims.date(ClaimSlot::NOT_BEFORE)
    }
}

//! The checks of a proof, in their order: cheap ones first, the signature late.

use subtle::ConstantTimeEq;

use super::{
    nonce_mode::NonceMode,
    proof::{LONGEST, ProofClaims, SentProof, read_header},
    settings::Dpop,
};
use crate::{
    error::{AuthErrorKind, Mismatch, quoted},
    jose::{Buffer, Compact, Thumbprint, base64url, json},
    proof::{
        nonce::NonceState,
        presented::Presented,
        replay::{ReplayKey, Use},
    },
};

/// A proof that is good, unless it was used before.
pub(crate) struct Proven {
    /// The key that made it.
    #[cfg_attr(not(feature = "sessions"), allow(dead_code))] // sessions are bound to it
    pub(crate) key: Thumbprint,
    pub(crate) used: Use,
    /// The newest nonce, if the client has another one, or none.
    pub(crate) nonce: Option<String>,
}

/// A proof that is refused.
pub(crate) struct Refused {
    pub(crate) kind: AuthErrorKind,
    pub(crate) wrong: Mismatch,
    /// The newest nonce, if there are nonces.
    pub(crate) nonce: Option<String>,
}

/// The longest `jti`, in bytes.
const LONGEST_ID: usize = 256;
/// The time that `iat` may be off in a proof with a good nonce, which says by itself when it was made. In seconds.
const SANE: i64 = 24 * 60 * 60;

impl Dpop {
    /// Checks the proof of a request: that this key made it, for this request and this token, just now. Without a key any will
    /// do: then a session is about to be bound to it.
    pub(crate) fn check(
        &self,
        presented: &Presented,
        bound_to: Option<Thumbprint>,
        now: i64,
    ) -> Result<Proven, Refused> {
        self.examine(presented, bound_to, now)
            .map_err(|Fault { kind, wrong }| Refused {
                kind,
                wrong,
                nonce: self.newest_nonce(now),
            })
    }

    /// Returns the newest nonce, if there are nonces.
    pub(crate) fn newest_nonce(&self, now: i64) -> Option<String> {
        self.0.nonces.as_ref().map(|nonces| nonces.newest(now))
    }

    fn examine(
        &self,
        presented: &Presented,
        bound_to: Option<Thumbprint>,
        now: i64,
    ) -> Result<Proven, Fault> {
        let settings = &*self.0;
        let text = match &presented.proof {
            SentProof::One(text) if !text.is_empty() => text,
            SentProof::Long(bytes) => {
                let found = format!("{bytes} bytes");
                return Err(fault("DPoP", format!("at most {LONGEST} bytes"), found));
            }
            SentProof::Several => return Err(fault("DPoP", "one proof", "several, or no text")),
            SentProof::None | SentProof::One(_) => {
                return Err(fault("DPoP", "a proof", "absent"));
            }
        };
        let Ok(proof) = Compact::parse(text, LONGEST) else {
            return Err(fault("DPoP", "a JWS in compact form", "something else"));
        };

        let known = settings.known_keys.get(proof.header);
        let is_known = known.is_some();
        let key = match known {
            Some(key) => key,
            None => read_header(&proof, &settings.algorithms)
                .map_err(|(name, expected)| fault_of(name, expected, "something else"))?,
        };
        // A hash before a signature: a wrong key costs no more.
        if bound_to.is_some_and(|own| own != key.thumbprint) {
            return Err(fault(
                "DPoP jwk",
                "the key to which the token is bound",
                "another key",
            ));
        }

        let mut buffer = Buffer::<512>::new();
        let payload = buffer.decode(proof.payload).and_then(json::text);
        let claims = payload.and_then(ProofClaims::parse);
        let Some(claims) = claims else {
            return Err(fault(
                "DPoP payload",
                "a JSON object whose claims have their types",
                "something else",
            ));
        };
        let id = self.check_request(&claims, presented)?;

        let signature = base64url::decode(proof.signature);
        let is_signed = signature.is_some_and(|signature| {
            let message = proof.signed.as_bytes();
            key.key.verify(message, &signature)
        });
        if !is_signed {
            return Err(fault(
                "DPoP signature",
                "one by the key in `jwk`",
                "another",
            ));
        }
        let (until, is_newest) = self.check_time(&claims, now)?;
        // Of keys that a token names: anybody can make others.
        if !is_known && bound_to.is_some() {
            settings.known_keys.keep(proof.header, &key);
        }
        Ok(Proven {
            key: key.thumbprint,
            used: Use {
                key: ReplayKey::new(key.thumbprint, id),
                now,
                until,
            },
            nonce: (!is_newest).then(|| self.newest_nonce(now)).flatten(),
        })
    }

    /// Checks that the proof is for this request, and returns its `jti`.
    fn check_request<'c>(
        &self,
        claims: &'c ProofClaims<'_>,
        presented: &Presented,
    ) -> Result<&'c str, Fault> {
        let id = claims
            .id()
            .filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
        let id = id.ok_or_else(|| fault_of("jti", "a text of 1 to 256 bytes", "something else"))?;
        if claims.method() != Some(&presented.method) {
            let (expected, found) = (quoted(Some(&presented.method)), quoted(claims.method()));
            return Err(fault("DPoP htm", expected, found));
        }
        let url = claims.url();
        if !url.is_some_and(|url| self.0.external_url.is_of(url, &presented.path)) {
            let expected = format!("{}{}", self.external_url(), presented.path);
            return Err(fault("DPoP htu", quoted(Some(&expected)), quoted(url)));
        }
        if let Some(own) = &presented.token_hash {
            let hash = claims.token_hash().unwrap_or_default();
            if !bool::from(hash.as_bytes().ct_eq(own.as_bytes())) {
                return Err(fault_of("ath", "the hash of the token", "something else"));
            }
        }
        Ok(id)
    }

    /// Checks that the proof was made just now. Returns the last second in which it could be used, and whether its nonce is the
    /// newest.
    fn check_time(&self, claims: &ProofClaims<'_>, now: i64) -> Result<(i64, bool), Fault> {
        let settings = &*self.0;
        let issued_at = claims.issued_at();
        let issued_at = issued_at.ok_or_else(|| fault_of("iat", "a date", "absent"))?;
        let (past, future, until, is_newest) = match (&settings.nonces, claims.nonce()) {
            (Some(nonces), Ok(Some(nonce))) => match nonces.check(nonce, now) {
                NonceState::Good { is_newest, until } => (SANE, SANE, until, is_newest),
                NonceState::Bad => return Err(no_nonce("another one, or one that is too old")),
            },
            (Some(_), Ok(None)) if settings.nonce_mode == NonceMode::Required => {
                return Err(no_nonce("absent"));
            }
            (Some(_), Err(())) => return Err(no_nonce("no text")),
            _ => {
                let until = issued_at.saturating_add(settings.past);
                (
                    settings.past,
                    settings.future,
                    until,
                    settings.nonces.is_none(),
                )
            }
        };
        let age = now.saturating_sub(issued_at);
        if age > past || -age > future {
            let expected = format!("at most {past} s ago, and {future} s ahead");
            return Err(fault("DPoP iat", expected, format!("{age} s ago")));
        }
        let leeway = settings.future;
        let has_ended = |end: i64| now >= end.saturating_add(leeway);
        if claims.expires_at().is_some_and(has_ended) {
            return Err(fault_of("exp", "after now", "a date before"));
        }
        if claims
            .not_before()
            .is_some_and(|start| start > now.saturating_add(leeway))
        {
            return Err(fault_of("nbf", "before now", "a date after"));
        }
        // A node whose clock is behind takes it for as much longer.
        Ok((until.saturating_add(settings.future), is_newest))
    }
}

/// A fault of a proof.
struct Fault {
    kind: AuthErrorKind,
    wrong: Mismatch,
}

fn fault(claim: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Fault {
    Fault {
        kind: AuthErrorKind::InvalidProof,
        wrong: Mismatch::written(claim, expected.into(), found.into()),
    }
}

fn fault_of(name: &str, expected: &'static str, found: &'static str) -> Fault {
    Fault {
        kind: AuthErrorKind::InvalidProof,
        wrong: Mismatch::written(format!("DPoP {name}"), expected, found),
    }
}

fn no_nonce(found: &'static str) -> Fault {
    Fault {
        kind: AuthErrorKind::NonceRequired,
        wrong: Mismatch::written("DPoP nonce", "a nonce of ours", found),
    }
}

//! The check of possession: what the token asks for, and what the sender proves.

use super::sender::Sender;
use crate::{
    claims::{Confirmation, Proven, Unconfirmed, VerifiedToken},
    error::{AuthError, AuthErrorKind, Mismatch, RequestFacts},
    jose::Thumbprint,
    proof::{Dpop, Modes, MutualTls, Presented, ProofMode, Refused, Use},
    request::{RequestHead, Scheme},
};

/// The settings about what senders prove.
#[derive(Clone, Default)]
pub(in crate::auth) struct Possession {
    pub(super) dpop: Option<Dpop>,
    /// Those of `dpop`, for all names of each issuer.
    pub(super) dpop_modes: Modes,
    pub(super) mutual_tls: Option<MutualTls>,
    pub(super) mutual_tls_modes: Modes,
}

/// The proof of a sender, found good.
pub(super) struct Checked {
    pub(super) proven: Proven,
    /// The use of its proof, which nobody has looked up yet.
    pub(super) used: Option<Use>,
}

impl Possession {
    /// Checks that the sender has what the token is bound to. `None` for a token that is not bound, and need not be.
    ///
    /// The token decides what has to be proven, never what the request brings.
    pub(super) fn check(
        &self,
        token: &VerifiedToken,
        scheme: Scheme,
        sender: Sender<'_>,
    ) -> Result<Option<Checked>, AuthError> {
        let by_key = mode(token, self.dpop.as_ref().map(|_| &self.dpop_modes));
        let mutual_tls = self.mutual_tls.as_ref();
        let by_certificate = mode(token, mutual_tls.map(|_| &self.mutual_tls_modes));
        let confirmation = Confirmation::of(token).map_err(|Unconfirmed| {
            let expected = "`jkt` or `x5t#S256`, each a thumbprint, and nothing else";
            bound("cnf", expected, "something else")
        })?;
        let confirmation = confirmation.unwrap_or_default();
        let (key, certificate) = (confirmation.key, confirmation.certificate);

        // A token that is bound to no key, and was sent as if it were.
        if key.is_none() && (scheme == Scheme::Dpop || by_key == ProofMode::Required) {
            let error = unbound("cnf.jkt");
            return Err(error.of(Some(RequestFacts::of_dpop(None))));
        }
        if certificate.is_none() && by_certificate == ProofMode::Required {
            return Err(unbound("cnf.x5t#S256"));
        }
        if key.is_none() && certificate.is_none() {
            return Ok(None);
        }
        let presented = sender.presented(self).ok_or_else(|| {
            bound(
                "cnf",
                "a request whose sender proves the key",
                "only the token",
            )
        })?;
        if let Some(certificate) = certificate {
            check_certificate(certificate, by_certificate, &presented)?;
        }
        let mut checked = Checked {
            proven: Proven {
                key,
                certificate,
                nonce: None,
            },
            used: None,
        };
        if let Some(key) = key {
            let dpop = self.dpop.as_ref().filter(|_| by_key != ProofMode::Off);
            let dpop = dpop.ok_or_else(|| {
                bound(
                    "cnf.jkt",
                    "absent: no proofs are checked for this issuer",
                    "present",
                )
            })?;
            let now = token.now();
            if scheme == Scheme::Bearer {
                let error = bound(
                    "cnf.jkt",
                    "absent from a token that is sent as `Bearer`",
                    "present",
                );
                return Err(error.of(Some(RequestFacts::of_dpop(dpop.newest_nonce(now)))));
            }
            let proven = dpop.check(&presented, Some(key), now).map_err(refused)?;
            checked.proven.nonce = proven.nonce.map(String::into_boxed_str);
            checked.used = Some(proven.used);
        }
        Ok(Some(checked))
    }

    /// Copies what a request brings.
    pub(super) fn presented(&self, head: &dyn RequestHead, token: &[u8]) -> Presented {
        let certificate = match &self.mutual_tls {
            Some(mutual_tls) => mutual_tls.certificate(head),
            None => Ok(None),
        };
        Presented::of(head, Some(token), certificate)
    }

    /// Returns the names of the headers in which senders prove something.
    pub(in crate::auth) fn headers(&self) -> impl Iterator<Item = &str> {
        self.dpop.iter().map(|_| "dpop")
    }
}

/// Returns what is asked of a token. Opaque ones are bound to nothing.
fn mode(token: &VerifiedToken, modes: Option<&Modes>) -> ProofMode {
    match modes {
        Some(modes) if !token.is_opaque() => modes.of(token.issuer_name()),
        _ => ProofMode::Off,
    }
}

fn check_certificate(
    bound_to: Thumbprint,
    mode: ProofMode,
    presented: &Presented,
) -> Result<(), AuthError> {
    const CLAIM: &str = "cnf.x5t#S256";

    if mode == ProofMode::Off {
        let expected = "absent: no certificates are checked for this issuer";
        return Err(bound(CLAIM, expected, "present"));
    }
    let expected = "the certificate of the client";
    match &presented.certificate {
        Ok(Some(certificate)) if certificate.thumbprint() == bound_to => Ok(()),
        Ok(Some(_)) => Err(bound(CLAIM, expected, "another one")),
        Ok(None) => Err(bound(CLAIM, expected, "no certificate")),
        Err(fault) => {
            let wrong = Mismatch::written(CLAIM, expected, fault.clone());
            Err(AuthError::from(AuthErrorKind::BoundToken).about(|| wrong))
        }
    }
}

fn bound(claim: &'static str, expected: &'static str, found: &'static str) -> AuthError {
    AuthError::from(AuthErrorKind::BoundToken).about(|| Mismatch::written(claim, expected, found))
}

fn unbound(claim: &'static str) -> AuthError {
    let error = AuthError::from(AuthErrorKind::UnboundToken);
    error.about(|| Mismatch::written(claim, "present", "absent"))
}

fn refused(refused: Refused) -> AuthError {
    let error = AuthError::from(refused.kind).about(|| refused.wrong);
    error.of(Some(RequestFacts::of_dpop(refused.nonce)))
}

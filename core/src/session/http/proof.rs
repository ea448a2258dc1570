//! What the client of a login or a refresh proves, and the session that is bound to it.

use std::sync::Arc;

use super::{
    reply::{INVALID_REQUEST, Refusal, Reply},
    routes::SessionRoutes,
};
use crate::{
    claims::Confirmation,
    error::AuthErrorKind,
    proof::{Dpop, MutualTls, Presented, ProofMode, Refused, Use},
    request::RequestHead,
    session::SessionError,
};

/// The settings of routes about what clients prove.
#[derive(Clone, Default)]
pub(super) struct RouteProofs {
    dpop: Option<Dpop>,
    mutual_tls: Option<MutualTls>,
}

/// What the client of a request has proven.
#[derive(Default)]
pub(super) struct Sender {
    pub(super) proven: Confirmation,
    /// The use of its proof, which nobody has looked up yet.
    used: Option<Use>,
    /// The nonce for its next proof.
    nonce: Option<String>,
}

impl SessionRoutes {
    /// Binds sessions to a key of the client (DPoP, RFC 9449 section 5): a login with a proof in the header `DPoP` starts a
    /// session whose access tokens are of the type `DPoP`, and from then on no refresh is answered without a proof of that key.
    ///
    /// `ath` is not asked for in the proof of a login or a refresh; all else is checked as
    /// [there](crate::Authenticator::dpop). By the [mode](crate::proof::DpopBuilder::mode), a login without a proof is refused
    /// or starts a session that is not bound. It is the session that decides: one that is bound stays bound, whatever the mode
    /// is by then. The answer to a proof without a good nonce is 400 `use_dpop_nonce` with `DPoP-Nonce`.
    ///
    /// The endpoints that need the access token check it with its proof. A page load brings no proof, so it renews no bound
    /// session.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{
    ///     ConfigError, SessionRoutes,
    ///     proof::{Dpop, MemoryReplayStore, ProofMode},
    /// };
    ///
    /// fn bound(routes: SessionRoutes) -> Result<SessionRoutes, ConfigError> {
    ///     let dpop = Dpop::builder()
    ///         .external_url("https://id.example")
    ///         .mode(ProofMode::Allowed)
    ///         .replay(MemoryReplayStore::new())
    ///         .build()?;
    ///     Ok(routes.dpop(dpop))
    /// }
    /// ```
    pub fn dpop(mut self, dpop: Dpop) -> Self {
        self.authenticator = self.authenticator.dpop(dpop.clone());
        Arc::make_mut(&mut self.proofs).dpop = Some(dpop);
        self
    }

    /// Binds sessions to the certificate of the client (RFC 8705 section 3), as [`dpop`](Self::dpop) does to a key.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{SessionRoutes, proof::MutualTls};
    ///
    /// fn bound(routes: SessionRoutes) -> SessionRoutes {
    ///     routes.mutual_tls(MutualTls::new())
    /// }
    /// ```
    pub fn mutual_tls(mut self, mutual_tls: MutualTls) -> Self {
        self.authenticator = self.authenticator.mutual_tls(mutual_tls.clone());
        Arc::make_mut(&mut self.proofs).mutual_tls = Some(mutual_tls);
        self
    }

    /// Checks what the client of a login or a refresh proves.
    pub(super) fn sender(&self, head: &dyn RequestHead) -> Result<Sender, Reply> {
        let mut sender = Sender::default();
        let issuer = Some(self.sessions.issuer().name());
        if let Some(mutual_tls) = &self.proofs.mutual_tls {
            let mode = mutual_tls.modes().of(issuer);
            let certificate = mutual_tls.certificate(head);
            let refused = |text| Reply::error(400, INVALID_REQUEST, text).because("no_certificate");
            match (mode, certificate) {
                (ProofMode::Off, _) | (ProofMode::Allowed, Ok(None)) => {}
                (_, Ok(Some(own))) => sender.proven.certificate = Some(own.thumbprint()),
                (_, Ok(None)) => return Err(refused("there is no client certificate")),
                (_, Err(_)) => return Err(refused("the client certificate cannot be told")),
            }
        }
        if let Some(dpop) = &self.proofs.dpop {
            let mode = dpop.modes().of(issuer);
            let mut has_proof = false;
            head.visit_header("dpop", &mut |_| has_proof = true);
            if mode == ProofMode::Required || (mode == ProofMode::Allowed && has_proof) {
                let presented = Presented::of(head, None, Ok(None));
                let proven = dpop.check(&presented, None, self.sessions.now());
                let proven = proven.map_err(|refused| self.refused_proof(&refused))?;
                sender.proven.key = Some(proven.key);
                sender.used = Some(proven.used);
                sender.nonce = proven.nonce;
            }
        }
        Ok(sender)
    }

    /// Uses the proof up. Not before the client has proven something else as well: else anybody could fill the store.
    pub(super) async fn use_up(&self, sender: &Sender) -> Result<(), Refusal> {
        let store = self.proofs.dpop.as_ref().and_then(Dpop::replay);
        let (Some(used), Some(store)) = (sender.used, store) else {
            return Ok(());
        };
        let is_new = store.insert(used.key, used.now, used.until).await;
        match is_new.map_err(SessionError::unavailable)? {
            true => Ok(()),
            false => {
                let kind = AuthErrorKind::ProofReplayed;
                Err(error(kind, sender.nonce.as_deref()).into())
            }
        }
    }

    fn refused_proof(&self, refused: &Refused) -> Reply {
        tracing::debug!(
            target: "countersign",
            reason = refused.kind.reason(),
            cause = %refused.wrong,
            "session refused",
        );
        error(refused.kind, refused.nonce.as_deref())
    }
}

impl Sender {
    /// Adds the nonce for the client's next proof.
    pub(super) fn complete(&self, reply: Reply) -> Reply {
        with_nonce(reply, self.nonce.as_deref())
    }
}

/// The answer of a token endpoint (RFC 9449 section 8).
fn error(kind: AuthErrorKind, nonce: Option<&str>) -> Reply {
    let code = kind.code().unwrap_or(INVALID_REQUEST);
    with_nonce(
        Reply::error(400, code, kind.message()).because(kind.reason()),
        nonce,
    )
}

fn with_nonce(reply: Reply, nonce: Option<&str>) -> Reply {
    match nonce {
        Some(nonce) => reply.with("dpop-nonce", nonce.to_owned()),
        None => reply,
    }
}

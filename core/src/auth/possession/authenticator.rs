//! The settings of an authenticator about what senders prove, and its use of them.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::{check::Possession, sender::Sender};
use crate::{
    auth::{authenticate::Authenticate, authenticator::Authenticator},
    claims::VerifiedToken,
    error::{AuthError, AuthErrorKind, DpopParams, RequestFacts, StoreError},
    future::MaybeReady,
    proof::{Dpop, Modes, MutualTls},
    request::Scheme,
};

impl Authenticator {
    /// Accepts tokens that are bound to a key of the client, with a proof for each request (DPoP, RFC 9449). Default: a bound
    /// token is refused.
    ///
    /// By the default [mode](crate::proof::DpopBuilder::mode), tokens that are not bound are then refused. A token that is bound
    /// comes as `Authorization: DPoP ..`, or from another [source](Self::source); sent as `Bearer`, it is refused whatever is
    /// proven. [Opaque tokens](Self::opaque_tokens) are bound to nothing, and accepted as before.
    ///
    /// A proof is used up by the first check: with two layers over one route that have this setting, the inner one refuses the
    /// request as a replay. Percent-encoded letters of a URL count as the letters (RFC 3986 section 6.2.2.2): a router that tells
    /// `/%6De` from `/me` has two routes that one proof is for.
    ///
    /// Challenges name `DPoP` and the algorithms, beside `Bearer` where that is accepted. Browsers show scripts of another
    /// origin the answer's `DPoP-Nonce` and `WWW-Authenticate` only if `Access-Control-Expose-Headers` has them: that is up to
    /// the CORS layer.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// use countersign::{
    ///     Authenticator,
    ///     proof::{Dpop, MemoryReplayStore, ProofMode},
    /// };
    /// # let verifier = TestIssuer::new().verifier();
    ///
    /// let dpop = Dpop::builder()
    ///     .external_url("https://api.example")
    ///     .mode(ProofMode::Allowed)
    ///     .replay(MemoryReplayStore::new())
    ///     .build()?;
    /// let authenticator = Authenticator::new(verifier).dpop(dpop);
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn dpop(mut self, dpop: Dpop) -> Self {
        self.params().dpop = Some(DpopParams {
            algorithms: dpop.algorithm_names(),
            allows_bearer: dpop.modes().allow_bearer(),
        });
        let modes = self.named(dpop.modes(), "Dpop");
        let possession = self.possession();
        possession.dpop_modes = modes;
        possession.dpop = Some(dpop);
        self
    }

    /// Accepts tokens that are bound to the certificate of the client (RFC 8705 section 3). Default: a bound token is refused.
    ///
    /// By the default [mode](MutualTls::mode), tokens that are not bound are then refused. A token that is bound to a key
    /// [as well](Self::dpop) needs both.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// use countersign::{Authenticator, proof::MutualTls};
    /// # let verifier = TestIssuer::new().verifier();
    ///
    /// let authenticator = Authenticator::new(verifier).mutual_tls(MutualTls::new());
    /// ```
    pub fn mutual_tls(mut self, mutual_tls: MutualTls) -> Self {
        let modes = self.named(mutual_tls.modes(), "MutualTls");
        let possession = self.possession();
        possession.mutual_tls_modes = modes;
        possession.mutual_tls = Some(mutual_tls);
        self
    }

    /// Returns the modes for all names of each issuer that is named: one of them stands for all. A name that no verifier is for
    /// is told.
    fn named(&self, modes: &Modes, setting: &'static str) -> Modes {
        let names = modes.own.iter().flat_map(|(issuer, mode)| {
            let names = self.issuers.names(issuer).unwrap_or_else(|| {
                tracing::warn!(
                    target: "countersign",
                    issuer = %issuer,
                    setting,
                    "`mode_for` names an issuer that no verifier is for",
                );
                Vec::new()
            });
            names.into_iter().map(|name| (name, *mode))
        });
        Modes {
            usual: modes.usual,
            own: names.collect(),
        }
    }

    fn possession(&mut self) -> &mut Possession {
        self.caller.checks_confirmation = true;
        Arc::make_mut(self.possession.get_or_insert_default())
    }

    pub(in crate::auth) fn accepts_dpop(&self) -> bool {
        let possession = self.possession.as_ref();
        possession.is_some_and(|own| own.dpop.is_some())
    }

    /// Checks what the sender proves, and goes on.
    #[inline]
    pub(in crate::auth) fn prove(
        &self,
        token: VerifiedToken,
        scheme: Scheme,
        sender: Sender<'_>,
    ) -> Authenticate {
        match &self.possession {
            None => self.settle(token),
            Some(possession) => self.check_possession(possession, token, scheme, sender),
        }
    }

    fn check_possession(
        &self,
        possession: &Possession,
        token: VerifiedToken,
        scheme: Scheme,
        sender: Sender<'_>,
    ) -> Authenticate {
        let checked = match possession.check(&token, scheme, sender) {
            Ok(None) => return self.settle(token),
            Ok(Some(checked)) => checked,
            Err(error) => return Authenticate::ready(Err(self.refuse(error))),
        };
        let token = token.with_proven(checked.proven);
        let store = possession.dpop.as_ref().and_then(Dpop::replay);
        let (Some(used), Some(store)) = (checked.used, store) else {
            return self.settle(token);
        };
        let mut answer = store.insert(used.key, used.now, used.until);
        // One in memory has nothing to wait for.
        if let Poll::Ready(answer) = pin!(&mut answer).poll(&mut Context::from_waker(Waker::noop()))
        {
            return match self.check_new(&token, answer) {
                Ok(()) => self.settle(token),
                Err(error) => Authenticate::ready(Err(error)),
            };
        }
        let authenticator = self.clone();
        Authenticate::new(MaybeReady::waiting(async move {
            authenticator.check_new(&token, answer.await)?;
            authenticator.settle(token).await
        }))
    }

    /// Refuses a proof that was used before.
    fn check_new(
        &self,
        token: &VerifiedToken,
        answer: Result<bool, StoreError>,
    ) -> Result<(), AuthError> {
        let error = match answer {
            Ok(true) => return Ok(()),
            Ok(false) => AuthErrorKind::ProofReplayed.into(),
            Err(away) => AuthError::from(AuthErrorKind::ReplayUnavailable).with_source(away),
        };
        let nonce = token.dpop_nonce().map(str::to_owned);
        Err(self.refuse(error.of(Some(RequestFacts::of_dpop(nonce)))))
    }
}

//! A key that signs elsewhere, from the signer to the ring.

use std::{fmt, future::IntoFuture, sync::Arc, time::Duration};

use super::{
    guard::{GuardedSigner, Limits},
    signer::Signer,
};
use crate::{error::ConfigError, future::BoxFuture, jose::SigningKey};

/// A key in a KMS or an HSM, before it is checked. Made by [`SigningKey::external`], and awaited.
#[must_use = "a key is nothing before it is awaited"]
pub struct ExternalKey<S> {
    signer: S,
    limits: Limits,
}

impl SigningKey {
    /// A key whose private half is kept elsewhere. Feature `signer`.
    ///
    /// Awaiting it checks the public key as any other, has the signer sign a probe, and verifies that. From then on
    /// every signature is verified before a token leaves. Tokens are issued by
    /// [`Issuer::issue_async`](crate::Issuer::issue_async) and by [`Sessions`](crate::Sessions); in a ring, such keys stand
    /// beside keys of this process. Needs tokio with a timer, here and wherever tokens are issued.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidKey`] when the public key is a secret, the signer refuses, or the signature is none of
    /// this key; [`ConfigError::Missing`] when the signer cannot be asked; [`ConfigError::InvalidSetting`] when a setting is
    /// out of bounds. An app that gets one does not start: it could issue nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use countersign::{ConfigError, SigningKey, issue::Signer};
    ///
    /// async fn key(hsm: impl Signer) -> Result<SigningKey, ConfigError> {
    ///     SigningKey::external(hsm)
    ///         .signatures_at_once(4) // it has four sessions
    ///         .time_limit(Duration::from_secs(2))
    ///         .await
    /// }
    /// ```
    pub fn external<S: Signer>(signer: S) -> ExternalKey<S> {
        ExternalKey {
            signer,
            limits: Limits {
                at_once: ExternalKey::<S>::DEFAULT_SIGNATURES_AT_ONCE,
                longest_wait: ExternalKey::<S>::DEFAULT_LONGEST_WAIT,
                time_limit: ExternalKey::<S>::DEFAULT_TIME_LIMIT,
            },
        }
    }
}

impl<S> ExternalKey<S> {
    /// The default number of signatures at once: 16. At 5 to 30 ms for each, that is 500 to 3,000 a second, which is what
    /// services allow an account; more would wait there rather than here.
    pub const DEFAULT_SIGNATURES_AT_ONCE: usize = 16;
    /// The default longest wait for one of them to end: 2 seconds.
    pub const DEFAULT_LONGEST_WAIT: Duration = Duration::from_secs(2);
    /// The default time limit of a signature: 5 seconds.
    pub const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(5);

    /// Sets how many signatures the service is asked for at once, from 1 to 1,024. Default 16. Others
    /// [wait](Self::longest_wait) for their turn.
    pub fn signatures_at_once(mut self, count: usize) -> Self {
        self.limits.at_once = count;
        self
    }

    /// Sets how long a token waits while so many signatures are under way, up to a minute. Default 2 seconds. Then it is
    /// refused as in an outage: clients are better off to come again.
    pub fn longest_wait(mut self, wait: Duration) -> Self {
        self.limits.longest_wait = wait;
        self
    }

    /// Sets how long a signature may take from then on, the second try included, up to a minute. Default 5 seconds. One
    /// that takes longer is an outage.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limits.time_limit = limit;
        self
    }
}

impl<S: Signer> ExternalKey<S> {
    async fn check(self) -> Result<SigningKey, ConfigError> {
        let setting = |text: &str| Err(ConfigError::InvalidSetting(text.to_owned()));
        let is_time = |time: Duration| !time.is_zero() && time <= Duration::from_secs(60);
        if !(1..=1_024).contains(&self.limits.at_once) {
            return setting("`signatures_at_once` is not between 1 and 1,024");
        }
        if !is_time(self.limits.longest_wait) {
            return setting("`longest_wait` is zero, or more than a minute");
        }
        if !is_time(self.limits.time_limit) {
            return setting("`time_limit` is zero, or more than a minute");
        }
        let public = self.signer.public_key();
        if public.algorithm().is_symmetric() {
            return Err(ConfigError::InvalidKey(
                "a signer signs with a private key, and this is a secret: whoever verifies with it could sign".into(),
            ));
        }
        let guard = GuardedSigner::new(self.signer, public.clone(), self.limits);
        let length = guard.probe().await?;
        Ok(SigningKey::remote(Arc::new(guard), public, length))
    }
}

impl<S: Signer> IntoFuture for ExternalKey<S> {
    type Output = Result<SigningKey, ConfigError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.check())
    }
}

impl<S> fmt::Debug for ExternalKey<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalKey")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

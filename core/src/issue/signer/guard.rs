//! A signer within its bounds: so many at once, for so long, and every answer verified.

use std::{
    error::Error,
    fmt::{self, Write},
    future::Future,
    pin::Pin,
    time::Duration,
};

use tokio::{runtime::Handle, sync::Semaphore, time::timeout};

use super::{error::SignerError, input::SigningInput, signer::Signer};
#[cfg(feature = "metrics")]
use crate::metrics::Stopwatch;
use crate::{
    error::{ConfigError, Outage},
    jose::{Key, NotSigned, RemoteSigner, ecdsa_signature},
};

/// The signer of a key, and whether it fails.
pub(super) struct GuardedSigner<S> {
    signer: S,
    key: Key,
    places: Semaphore,
    limits: Limits,
    outage: Outage,
}

/// The bounds of a signer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) at_once: usize,
    /// The longest wait for a place. Beyond it the client is better off to come again.
    pub(super) longest_wait: Duration,
    /// The longest time for a signature, once it has a place.
    pub(super) time_limit: Duration,
}

impl<S: Signer> GuardedSigner<S> {
    pub(super) fn new(signer: S, key: Key, limits: Limits) -> Self {
        #[cfg(feature = "metrics")]
        for result in Failure::RESULTS.into_iter().chain([SIGNED]) {
            crate::metrics::signatures(result, 0);
        }
        Self {
            signer,
            key,
            places: Semaphore::new(limits.at_once),
            limits,
            outage: Outage::new(),
        }
    }

    /// Has a probe signed, and returns the length of the signature.
    pub(super) async fn probe(&self) -> Result<usize, ConfigError> {
        let signature = self.signature(PROBE).await;
        signature
            .map(|signature| signature.len())
            .map_err(|failure| {
                let text = format!("the signer of the key gave no signature: {failure}");
                match failure {
                    Failure::Refused(_) | Failure::Wrong(_) => ConfigError::InvalidKey(text),
                    _ => ConfigError::Missing(text),
                }
            })
    }

    /// Asks for a signature, within all bounds.
    async fn signature(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        if Handle::try_current().is_err() {
            return Err(Failure::NoRuntime);
        }
        // It is never closed.
        let place = timeout(self.limits.longest_wait, self.places.acquire()).await;
        let _place = place.map_err(|_| Failure::Busy(self.limits))?;
        #[cfg(feature = "metrics")]
        let began = Stopwatch::start();
        let answer = timeout(self.limits.time_limit, self.ask(message)).await;
        #[cfg(feature = "metrics")]
        crate::metrics::signature_time(began.until(Stopwatch::start()));
        let signature = answer.map_err(|_| Failure::TimedOut(self.limits.time_limit))??;
        self.check(message, &signature)?;
        Ok(signature)
    }

    /// Asks once, and once again after an outage that is the first one: a connection may have been closed. While it lasts,
    /// nothing is asked twice.
    async fn ask(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let input = SigningInput::new(self.key.algorithm(), message);
        let mut answer = self.signer.sign(input).await;
        if !self.outage.lasts() && answer.as_ref().is_err_and(SignerError::is_unavailable) {
            answer = self.signer.sign(input).await;
        }
        answer.map_err(|error| match error.is_unavailable() {
            true => Failure::Unavailable(error),
            false => Failure::Refused(error),
        })
    }

    /// Checks that a signature is that of the message, and of this key.
    fn check(&self, message: &[u8], signature: &[u8]) -> Result<(), Failure> {
        if self.key.verify(message, signature) {
            return Ok(());
        }
        let curve = SigningInput::new(self.key.algorithm(), message).curve();
        let from_der = curve.and_then(|curve| ecdsa_signature(signature, curve));
        Err(Failure::Wrong(
            match from_der.is_some_and(|signature| self.key.verify(message, &signature)) {
                true => {
                    "it is in DER: `SigningInput::signature_from_der` makes a JWS signature of it"
                }
                false => {
                    "it is none of this key and algorithm: of another key or version, another hash or padding, or cut off"
                }
            },
        ))
    }

    /// Counts a signature, and logs where an outage begins and ends.
    fn report(&self, failure: Option<&Failure>) {
        #[cfg(feature = "metrics")]
        crate::metrics::signatures(failure.map_or(SIGNED, Failure::result), 1);
        let Some(failure) = failure else {
            if self.outage.works() {
                let kid = self.key.id();
                tracing::info!(target: "countersign", kid, "the signer of the key signs again");
            }
            return;
        };
        if let Some(left_out) = self.outage.fails() {
            let kid = self.key.id();
            let reason = failure.result();
            tracing::warn!(target: "countersign", kid, reason, cause = %failure, left_out, "the signer of the key fails: no token is issued with it");
        }
    }
}

impl<S: Signer> RemoteSigner for GuardedSigner<S> {
    fn sign<'a>(
        &'a self,
        message: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, NotSigned>> + Send + 'a>> {
        Box::pin(async move {
            let signature = self.signature(message).await;
            self.report(signature.as_ref().err());
            signature.map_err(|failure| match failure {
                Failure::Refused(_) => NotSigned::Refused,
                _ => NotSigned::Unavailable,
            })
        })
    }
}

/// The reason why there is no signature.
#[derive(Debug)]
enum Failure {
    Busy(Limits),
    NoRuntime,
    Refused(SignerError),
    TimedOut(Duration),
    Unavailable(SignerError),
    Wrong(&'static str),
}

impl Failure {
    /// The results of signatures that failed, for the measurements.
    #[cfg(feature = "metrics")]
    const RESULTS: [&str; 5] = [
        "signer_busy",
        "signer_refused",
        "signer_timed_out",
        "signer_unavailable",
        "wrong_signature",
    ];

    fn result(&self) -> &'static str {
        match self {
            Self::Busy(_) => "signer_busy",
            Self::Refused(_) => "signer_refused",
            Self::TimedOut(_) => "signer_timed_out",
            Self::NoRuntime | Self::Unavailable(_) => "signer_unavailable",
            Self::Wrong(_) => "wrong_signature",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(limits) => {
                let (at_once, wait) = (limits.at_once, limits.longest_wait);
                write!(
                    f,
                    "{at_once} signatures at once, and none ended within {wait:?}"
                )
            }
            Self::NoRuntime => f.write_str("there is no runtime of tokio here"),
            Self::TimedOut(limit) => write!(f, "no answer within {limit:?}"),
            Self::Wrong(why) => write!(f, "the signature is wrong: {why}"),
            Self::Refused(error) | Self::Unavailable(error) => {
                let mut cause: Option<&dyn Error> = Some(error.cause());
                let mut text = Bounded(f, LONGEST_CAUSE);
                while let Some(error) = cause {
                    write!(text, "{error}")?;
                    cause = error.source();
                    if cause.is_some() {
                        text.write_str(": ")?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Writes so many characters, and leaves out the rest: some services answer with a page.
struct Bounded<'f, 'a>(&'f mut fmt::Formatter<'a>, usize);

impl Write for Bounded<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars().take(self.1) {
            self.1 -= 1;
            self.0.write_char(character)?;
        }
        Ok(())
    }
}

const LONGEST_CAUSE: usize = 1_000;

#[cfg(feature = "metrics")]
const SIGNED: &str = "signed";

/// No token: those begin with a header.
const PROBE: &[u8] = b"countersign signer probe";

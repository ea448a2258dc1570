//! Nonces that a server hands out for proofs, and recognizes without having kept them.

use std::{fmt, time::Duration};

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{
    error::ConfigError,
    jose::{NoRandomness, base64url, crypto},
};

/// The key of the nonces, which all nodes of a service share (RFC 9449 section 8).
///
/// A nonce is a hash under this key of the present minute, so that each node recognizes those of the others and none keeps
/// any.
///
/// # Examples
///
/// ```
/// use countersign::proof::NonceKey;
///
/// let key = NonceKey::new("from the service's secrets: 32 bytes or more")?;
/// assert!(NonceKey::new("short").is_err());
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct NonceKey(Zeroizing<Vec<u8>>);

impl NonceKey {
    /// The fewest bytes of a secret.
    const SHORTEST: usize = 32;

    /// Takes a secret of at least 32 bytes.
    ///
    /// # Errors
    ///
    /// [`ConfigError::WeakKey`] when it is shorter.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let secret = secret.as_ref();
        if secret.len() < Self::SHORTEST {
            return Err(ConfigError::WeakKey(format!(
                "the secret of nonces has {} bytes: at least {} are needed",
                secret.len(),
                Self::SHORTEST
            )));
        }
        Ok(Self(secret.to_vec().into()))
    }

    /// Makes a key that no other process has.
    pub(crate) fn random() -> Result<Self, NoRandomness> {
        let mut secret = Zeroizing::new(vec![0; Self::SHORTEST]);
        crypto::random(&mut secret)?;
        Ok(Self(secret))
    }
}

impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonceKey").finish_non_exhaustive()
    }
}

/// The nonces of a service.
#[derive(Clone, Debug)]
pub(crate) struct Nonces(NonceKey);

impl Nonces {
    /// The time in which one nonce is the newest.
    pub(crate) const STEP: Duration = Duration::from_secs(60);

    pub(crate) fn new(key: NonceKey) -> Self {
        Self(key)
    }

    /// Returns the newest nonce. The step is taken from the clock at each use: a process that slept is not behind.
    pub(crate) fn newest(&self, now: i64) -> String {
        self.at(step(now))
    }

    /// Finds out whether a nonce is good. Those of the last two steps are, and that of the next one, which a node whose clock
    /// is ahead has handed out.
    pub(crate) fn check(&self, nonce: &str, now: i64) -> NonceState {
        let newest = step(now);
        let mut found = None;
        for step in newest - 2..=newest + 1 {
            let is_equal: Choice = self.at(step).as_bytes().ct_eq(nonce.as_bytes());
            // All are compared, whichever it is.
            if is_equal.into() {
                found = Some(step);
            }
        }
        match found {
            None => NonceState::Bad,
            Some(step) => NonceState::Good {
                is_newest: step == newest,
                until: (step + 3) * SECONDS - 1,
            },
        }
    }

    fn at(&self, step: i64) -> String {
        let mut message = *b"countersign dpop nonce \0\0\0\0\0\0\0\0";
        let start = message.len() - 8;
        message[start..].copy_from_slice(&step.to_be_bytes());
        let hash = crypto::hmac_sha256(&self.0.0, &message);
        base64url::encode(&hash[..16])
    }
}

/// The verdict on a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NonceState {
    Bad,
    Good {
        is_newest: bool,
        /// The last second in which it is good.
        until: i64,
    },
}

#[allow(clippy::cast_possible_wrap)] // a minute
const SECONDS: i64 = Nonces::STEP.as_secs() as i64;

fn step(now: i64) -> i64 {
    now.div_euclid(SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonces() -> Nonces {
        Nonces::new(NonceKey::new([7; 32]).unwrap())
    }

    #[test]
    fn a_nonce_is_good_for_two_to_three_minutes_and_on_every_node() {
        let (one, other) = (nonces(), nonces());
        let start = 1_800_000_000; // the start of a step
        let nonce = one.newest(start);
        for (now, good) in [
            (start - 61, false),
            (start - 60, true),
            (start, true),
            (start + 179, true),
            (start + 180, false),
        ] {
            let state = other.check(&nonce, now);
            assert_eq!(state != NonceState::Bad, good, "{now}");
            if let NonceState::Good { until, .. } = state {
                assert_eq!(until, start + 179);
            }
        }
        let is_newest = |now| {
            matches!(
                other.check(&nonce, now),
                NonceState::Good {
                    is_newest: true,
                    ..
                }
            )
        };
        assert!(is_newest(start + 59));
        assert!(!is_newest(start + 60));
    }

    #[test]
    fn a_nonce_is_of_the_allowed_characters_and_of_this_key() {
        let nonce = nonces().newest(0);
        assert_eq!(nonce.len(), 22);
        // NQCHAR of RFC 6749 appendix A.
        assert!(
            nonce
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
        );
        let other = Nonces::new(NonceKey::random().unwrap());
        assert_eq!(other.check(&nonce, 0), NonceState::Bad);
        for bad in ["", "x", &nonce[1..], &format!("{nonce}=")] {
            assert_eq!(nonces().check(bad, 0), NonceState::Bad);
        }
    }
}

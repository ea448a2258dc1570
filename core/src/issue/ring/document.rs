//! The document of a ring: its keys with their times, from which the state at every second follows.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::moment::{Moment, Retired, Seconds};
use crate::{
    clock::whole_seconds,
    error::ConfigError,
    jose::{Algorithm, Key, SigningKey},
};

/// The keys of an issuer, each with the times at which it is published, signs and leaves.
///
/// The key that signs follows from the document and the clock, so that all nodes that have read it change at the same
/// second. Times are in seconds since 1970. The state of a key at a second is:
///
/// | state | from | until |
/// |---|---|---|
/// | [announced](RingKeyState::Announced) | it is in the document | `publish_from` |
/// | [next](RingKeyState::Next): in the JWK set | `publish_from` | `sign_from` |
/// | [active](RingKeyState::Active): it signs | `sign_from` | another key's `sign_from` |
/// | [retired](RingKeyState::Retired): it verifies | then | `until`, the last second of its last token |
///
/// A document that is read or changed is refused when a key would sign before it was published for `lead` seconds (but
/// for one that is marked as an `emergency`), when one would leave before its tokens have expired, when two have one
/// id, or when no key would sign. [`SigningKeys::adopt`](crate::SigningKeys::adopt) also refuses one that drops a key whose tokens live.
///
/// # Format
///
/// A JWK set (RFC 7517 section 5) with members of its own:
///
/// ```json
/// {
///   "keys": [
///     {"kid": "1", "kty": "EC", "crv": "P-256", "x": "..", "y": "..", "publish_from": 1799990000, "sign_from": 1799993600, "until": 1800086700},
///     {"kid": "2", "kty": "EC", "crv": "P-256", "x": "..", "y": "..", "d": "..", "publish_from": 1799996400, "sign_from": 1800000000}
///   ],
///   "reload": 15,
///   "lead": 3600,
///   "token_lifetime": 86700,
///   "revoked": {}
/// }
/// ```
///
/// The keys are in the order in which they sign. The last one has no `until`. A key without private part can only be a
/// retired one, or one that the app [has](RingDocument::from_json_with_keys), as those in a KMS. In a [folder](crate::issue::KeyFolder), `file` and `alg` can replace the members of the key. `revoked` has the ids of the keys that leaked, each with the second
/// from which its tokens are refused. Shared secrets are refused: no JWK set contains them.
///
/// # Examples
///
/// ```
/// use countersign::{ConfigError, SigningKey, issue::{RingDocument, RingKeyState, RingTimes}};
///
/// let now = 1_800_000_000;
/// let mut document = RingDocument::new(&SigningKey::generate_es256()?, RingTimes::new(), now)?;
/// document.rotate(&SigningKey::generate_es256()?, now)?;
///
/// let states = |now| document.keys(now).map(|key| key.state).collect::<Vec<_>>();
/// assert_eq!(states(now), [RingKeyState::Active, RingKeyState::Announced]);
/// assert_eq!(states(now + 15), [RingKeyState::Active, RingKeyState::Next]);
/// assert_eq!(states(now + 15 + 3_600), [RingKeyState::Retired, RingKeyState::Active]);
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone)]
pub struct RingDocument {
    /// In the order in which they sign.
    pub(super) keys: Vec<RingKey>,
    pub(super) times: RingTimes,
    /// Ids, with the second from which their tokens are refused.
    pub(super) revoked: BTreeMap<String, i64>,
}

/// A key, and its times.
#[derive(Clone)]
pub(super) struct RingKey {
    pub(super) key: HalfOrWhole,
    /// The file in the folder that it was read from.
    pub(super) file: Option<String>,
    pub(super) publish_from: i64,
    pub(super) sign_from: i64,
    pub(super) until: Option<i64>,
    pub(super) is_emergency: bool,
}

#[derive(Clone)]
pub(super) enum HalfOrWhole {
    /// It signs, and its private half is not in the document.
    Apart(SigningKey),
    Public(Key),
    Signing(SigningKey),
}

/// The times that a ring grants nodes, verifiers and tokens. In whole seconds.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use countersign::issue::RingTimes;
///
/// // Tokens of an hour, and 30 seconds of leeway.
/// let times = RingTimes::new().token_lifetime(Duration::from_secs(3_630));
/// # drop(times);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct RingTimes {
    pub(super) reload: i64,
    pub(super) lead: i64,
    pub(super) token_lifetime: i64,
}

impl RingTimes {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            reload: 15,
            lead: 3_600,
            // The longest that an issuer has by default, and the largest leeway.
            token_lifetime: 86_400 + 300,
        }
    }

    /// Sets the time within which every node has read a changed document. Default 15 seconds: nodes look every 10.
    pub fn reload(mut self, time: Duration) -> Self {
        self.reload = whole_seconds(time);
        self
    }

    /// Sets how long a key is published before it signs. Default an hour: longer than verifiers cache a JWK set.
    pub fn lead(mut self, time: Duration) -> Self {
        self.lead = whole_seconds(time);
        self
    }

    /// Sets how long a token is accepted at most: the longest lifetime among the issuers that share the ring, and the
    /// largest leeway among the verifiers. Default 24 hours and 5 minutes.
    pub fn token_lifetime(mut self, time: Duration) -> Self {
        self.token_lifetime = whole_seconds(time);
        self
    }
}

impl Default for RingTimes {
    fn default() -> Self {
        Self::new()
    }
}

/// A key of a [`RingDocument`], and its state at a second. Times in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RingKeyStatus {
    /// Its `kid`.
    pub id: String,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its state.
    pub state: RingKeyState,
    /// From when it is in the JWK set.
    pub publish_from: i64,
    /// From when it signs.
    pub sign_from: i64,
    /// The last second of its last token; `None` if no key follows it yet.
    pub until: Option<i64>,
    /// True if the document has its private part.
    pub is_private: bool,
}

/// The state of a key of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RingKeyState {
    /// It signs.
    Active,
    /// It is published later.
    Announced,
    /// It verifies nothing any more: its time is over, or it was revoked.
    Gone,
    /// It is published, and signs later.
    Next,
    /// It signs no more, and verifies.
    Retired,
}

impl RingKeyState {
    /// Returns its name: `active`, `announced`, `gone`, `next` or `retired`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Announced => "announced",
            Self::Gone => "gone",
            Self::Next => "next",
            Self::Retired => "retired",
        }
    }
}

impl RingDocument {
    /// Returns the keys as they are at `now`, in the order in which they sign.
    pub fn keys(&self, now: i64) -> impl Iterator<Item = RingKeyStatus> {
        let active = self.active(now).map(RingKey::id);
        self.keys.iter().map(move |key| RingKeyStatus {
            id: key.id().to_owned(),
            algorithm: key.verifying_key().algorithm(),
            state: match key {
                _ if self.last_second(key) < now => RingKeyState::Gone,
                _ if active == Some(key.id()) => RingKeyState::Active,
                _ if key.publish_from > now => RingKeyState::Announced,
                _ if key.sign_from > now => RingKeyState::Next,
                _ => RingKeyState::Retired,
            },
            publish_from: key.publish_from,
            sign_from: key.sign_from,
            until: Some(self.last_second(key)).filter(|last| *last < i64::MAX),
            is_private: matches!(key.key, HalfOrWhole::Signing(_)),
        })
    }

    /// Returns the time within which every node has read a changed document: nodes look more often than that.
    #[must_use]
    pub fn reload_time(&self) -> Duration {
        // It was checked to be one second or more.
        Duration::from_secs(self.times.reload.unsigned_abs())
    }

    /// Returns how long a token is accepted at most, in seconds.
    pub(super) fn token_lifetime(&self) -> i64 {
        self.times.token_lifetime
    }

    pub(super) fn signing_keys(&self) -> impl Iterator<Item = &SigningKey> {
        self.keys.iter().filter_map(RingKey::signing)
    }

    pub(super) fn find(&self, id: &str) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.id() == id)
    }

    /// Returns the keys that sign at some time: those that are not revoked before.
    pub(super) fn signers(&self) -> impl Iterator<Item = &RingKey> {
        self.keys.iter().filter(|key| {
            self.revoked
                .get(key.id())
                .is_none_or(|at| *at > key.sign_from)
        })
    }

    /// Returns the last second at which a key verifies.
    pub(super) fn last_second(&self, key: &RingKey) -> i64 {
        let until = key.until.unwrap_or(i64::MAX);
        let revoked = self.revoked.get(key.id());
        revoked.map_or(until, |at| until.min(at.saturating_sub(1)))
    }

    /// Returns the key that signs at `now`; with a clock from before them all, the first one that could.
    pub(super) fn active(&self, now: i64) -> Option<&RingKey> {
        let mut able = self.signers().filter(|key| key.signing().is_some());
        let first = able.next()?;
        Some(
            able.take_while(|key| key.sign_from <= now)
                .last()
                .unwrap_or(first),
        )
    }

    /// Returns the ring at `now`.
    pub(super) fn at(&self, now: i64) -> Result<Moment, ConfigError> {
        let active = self.active(now);
        let signing = active.and_then(|active| active.signing().cloned());
        let (Some(active), Some(signing)) = (active, signing) else {
            return Err(ConfigError::Missing("no key of the ring can sign".into()));
        };
        let mut moment = Moment::new(signing);
        moment.signs_from = Some(active.sign_from);
        let live = |key: &&RingKey| self.last_second(key) >= now && key.id() != active.id();
        for key in self.keys.iter().filter(live) {
            match key.signing() {
                Some(next) if key.publish_from <= now && key.sign_from > now => {
                    moment.next.push(next.clone());
                }
                _ if key.publish_from > now => moment.unpublished.push(key.verifying_key()),
                _ => moment.retired.push(Retired {
                    key: key.verifying_key(),
                    until: self.last_second(key),
                }),
            }
        }
        moment.seconds = self.unchanged_at(now);
        Ok(moment)
    }

    /// Returns the seconds around `now` between two changes.
    fn unchanged_at(&self, now: i64) -> Seconds {
        let ends = self
            .keys
            .iter()
            .map(|key| self.last_second(key).saturating_add(1));
        let begins = self
            .keys
            .iter()
            .flat_map(|key| [key.publish_from, key.sign_from]);
        let changes: Vec<i64> = begins.chain(ends).collect();
        let before = changes.iter().filter(|at| **at <= now).max();
        let after = changes.iter().filter(|at| **at > now).min();
        Seconds {
            first: before.copied().unwrap_or(i64::MIN),
            last: after.map_or(i64::MAX, |at| at - 1),
        }
    }
}

impl RingKey {
    pub(super) fn id(&self) -> &str {
        match &self.key {
            // No key of a document is without an id.
            HalfOrWhole::Public(key) => key.id().unwrap_or_default(),
            HalfOrWhole::Apart(key) | HalfOrWhole::Signing(key) => key.id(),
        }
    }

    pub(super) fn signing(&self) -> Option<&SigningKey> {
        match &self.key {
            HalfOrWhole::Public(_) => None,
            HalfOrWhole::Apart(key) | HalfOrWhole::Signing(key) => Some(key),
        }
    }

    pub(super) fn verifying_key(&self) -> Key {
        match &self.key {
            HalfOrWhole::Public(key) => key.clone(),
            HalfOrWhole::Apart(key) | HalfOrWhole::Signing(key) => key.verifying_key(),
        }
    }
}

impl fmt::Debug for RingDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.keys.iter().map(RingKey::id).collect();
        f.debug_struct("RingDocument")
            .field("keys", &ids)
            .field("times", &self.times)
            .field("revoked", &self.revoked)
            .finish()
    }
}

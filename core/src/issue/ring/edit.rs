//! The changes of a document that an operator asks for.

use super::{
    check::check_asymmetric,
    document::{HalfOrWhole, RingDocument, RingKey, RingTimes},
};
use crate::{clock::LARGEST_LEEWAY, clock::whole_seconds, error::ConfigError, jose::SigningKey};

impl RingDocument {
    /// Makes a document with one key, which signs from now on.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidKey`] when the key is a shared secret, [`ConfigError::InvalidSetting`] when a time is under
    /// one second or over ten years.
    pub fn new(key: &SigningKey, times: RingTimes, now: i64) -> Result<Self, ConfigError> {
        check_asymmetric(key)?;
        // A node whose clock is late can start, too.
        let from = now.saturating_sub(whole_seconds(LARGEST_LEEWAY));
        let document = Self {
            keys: vec![RingKey::new(key, from, from)],
            times,
            revoked: [].into(),
        };
        document.check(now)?;
        Ok(document)
    }

    /// Adds a key that takes over from the last one: published once all nodes have read the document (`reload`), it
    /// signs when verifiers have had the time to learn of it (`lead`). Returns the second from which it signs.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when a key is on its way already, or one has this id;
    /// [`ConfigError::InvalidKey`] when the key is a shared secret. Either way, nothing has changed.
    pub fn rotate(&mut self, key: &SigningKey, now: i64) -> Result<i64, ConfigError> {
        self.change(now, |document| {
            if let Some(next) = document.signers().find(|key| key.sign_from > now) {
                return Err(ConfigError::Conflict(format!(
                    "key {:?} is on its way: it signs from {} on",
                    next.id(),
                    next.sign_from
                )));
            }
            let publish_from = now.saturating_add(document.times.reload);
            let sign_from = publish_from.saturating_add(document.times.lead);
            document.add(RingKey::new(key, publish_from, sign_from))?;
            Ok(sign_from)
        })
    }

    /// Revokes a key that leaked. Its tokens are refused once all nodes have read the document (`reload`), at one
    /// second everywhere.
    ///
    /// If it signs, another one takes over then: the next one if it is on its way, which many verifiers
    /// know already, else `spare`. If it is the next one, none is on its way afterwards. Returns the second.
    ///
    /// Verifiers elsewhere take tokens of the revoked key until they fetch the JWK set again.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] when no key has this id; [`ConfigError::Conflict`] when it is revoked already, or a
    /// key has the id of `spare`; [`ConfigError::InvalidKey`] when that is a shared secret. Either way, nothing has changed.
    pub fn replace(&mut self, id: &str, spare: &SigningKey, now: i64) -> Result<i64, ConfigError> {
        self.change(now, |document| {
            if document.find(id).is_none() {
                return Err(ConfigError::Missing(
                    "the ring has no key with this id".into(),
                ));
            }
            if document.revoked.contains_key(id) {
                return Err(ConfigError::Conflict("this key is revoked already".into()));
            }
            let at = now.saturating_add(document.times.reload);
            let signs_then = document.active(at).is_some_and(|key| key.id() == id);
            document.revoked.insert(id.to_owned(), at);
            if signs_then {
                document.let_another_sign(spare, at)?;
            }
            document.renew_ends();
            Ok(at)
        })
    }

    /// Drops what nobody needs any more: keys whose last token has expired, private parts of retired ones, and the
    /// names of revoked keys whose tokens would have expired. Returns the number of keys that were dropped.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the document would be refused without them. Then nothing has changed.
    pub fn prune(&mut self, now: i64) -> Result<usize, ConfigError> {
        self.change(now, |document| {
            let before = document.keys.len();
            let is_gone = |key: &RingKey| document.last_second(key) < now;
            // One that was revoked stays as long as one before it: that one's end is told by its turn.
            let all = document.keys.iter();
            document.keys = all.skip_while(|key| is_gone(key)).cloned().collect();

            // Also a node whose clock is late signs with another key by then.
            let late = now.saturating_sub(whole_seconds(LARGEST_LEEWAY));
            let active = document.active(late).map(|key| key.id().to_owned());
            let retired = document.keys.iter_mut();
            for key in retired.take_while(|key| Some(key.id()) != active.as_deref()) {
                key.key = HalfOrWhole::Public(key.verifying_key());
                key.file = None;
            }
            let expired = now.saturating_sub(document.times.token_lifetime);
            let keys = &document.keys;
            document
                .revoked
                .retain(|id, at| *at >= expired || keys.iter().any(|key| key.id() == id));
            Ok(before - document.keys.len())
        })
    }

    /// Lets the next key, or else `spare`, sign from `at` on.
    fn let_another_sign(&mut self, spare: &SigningKey, at: i64) -> Result<(), ConfigError> {
        let next = self.signers().find(|key| key.sign_from > at);
        let Some(next) = next.map(|key| key.id().to_owned()) else {
            let mut key = RingKey::new(spare, at, at);
            key.is_emergency = true;
            return self.add(key);
        };
        for key in self.keys.iter_mut().filter(|key| key.id() == next) {
            key.publish_from = key.publish_from.min(at);
            key.sign_from = at;
            key.is_emergency = true;
        }
        Ok(())
    }

    fn add(&mut self, key: RingKey) -> Result<(), ConfigError> {
        if let Some(signing) = key.signing() {
            check_asymmetric(signing)?;
        }
        self.keys.push(key);
        self.renew_ends();
        Ok(())
    }

    /// Computes the ends of the keys that another one follows. None comes earlier.
    fn renew_ends(&mut self) {
        let turns: Vec<(String, i64)> = self
            .signers()
            .map(|key| (key.id().to_owned(), key.sign_from))
            .collect();
        for (index, (id, _)) in turns.iter().enumerate() {
            let next = turns.get(index + 1);
            let end = next.map(|(_, from)| from.saturating_add(self.times.token_lifetime));
            for key in self.keys.iter_mut().filter(|key| key.id() == id) {
                key.until = end.map(|end| key.until.unwrap_or(end).max(end));
            }
        }
    }

    /// Changes the document, if the result is a good one.
    fn change<T>(
        &mut self,
        now: i64,
        change: impl FnOnce(&mut Self) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        let mut changed = self.clone();
        let result = change(&mut changed)?;
        changed.check_successor_of(self, now)?;
        *self = changed;
        Ok(result)
    }
}

impl RingKey {
    fn new(key: &SigningKey, publish_from: i64, sign_from: i64) -> Self {
        Self {
            key: HalfOrWhole::of(key.clone()),
            file: None,
            publish_from,
            sign_from,
            until: None,
            is_emergency: false,
        }
    }
}

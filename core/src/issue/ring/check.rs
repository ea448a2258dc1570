//! The rules of a document, and of the one that follows it.

use super::document::{RingDocument, RingKey};
use crate::{
    claims::LAST_SECOND,
    error::{ConfigError, quoted},
    jose::{Key, SigningKey},
};

impl RingDocument {
    /// The most keys, those that have left included.
    const MOST_KEYS: usize = 100;

    /// Checks that at every second from now on a key signs that was published before, and that none leaves before its
    /// tokens have expired.
    pub(super) fn check(&self, now: i64) -> Result<(), ConfigError> {
        self.check_values()?;
        let mut signers = self.signers();
        let Some(mut signer) = signers.next() else {
            return missing("no key of `keys` signs".into());
        };
        if signer.sign_from > now {
            return missing(format!(
                "no key signs now: key {} is the first, from {} on (`sign_from`)",
                named(signer),
                signer.sign_from
            ));
        }
        for next in signers {
            self.check_turn(signer, next)?;
            signer = next;
            check_lead(signer, self.times.lead)?;
        }
        if self.last_second(signer) < i64::MAX {
            return missing(format!(
                "key {} ends, and no key follows it: the last one has no `until` and is not `revoked`",
                named(signer)
            ));
        }
        let active = self.signers().filter(|key| key.sign_from <= now).last();
        let later = self.signers().filter(|key| key.sign_from > now);
        match active
            .into_iter()
            .chain(later)
            .find(|key| key.signing().is_none())
        {
            None => Ok(()),
            Some(key) => missing(format!(
                "key {} is to sign from {} on and has no private part",
                named(key),
                key.sign_from
            )),
        }
    }

    /// Checks each value by itself.
    fn check_values(&self) -> Result<(), ConfigError> {
        let is_time = |time: i64| (0..=LAST_SECOND).contains(&time);
        let times = &self.times;
        for (name, time) in [
            ("reload", times.reload),
            ("lead", times.lead),
            ("token_lifetime", times.token_lifetime),
        ] {
            if !(1..=LONGEST).contains(&time) {
                return invalid(format!(
                    "`{name}` is between 1 second and 10 years, not {time}"
                ));
            }
        }
        if self.keys.len() > Self::MOST_KEYS || self.revoked.len() > Self::MOST_KEYS {
            return invalid("there are more than 100 keys: prune the ring".into());
        }
        if !self.revoked.values().copied().all(is_time) {
            return invalid("`revoked` has a value that is no time".into());
        }
        for (index, key) in self.keys.iter().enumerate() {
            let all = [Some(key.publish_from), Some(key.sign_from), key.until];
            if !all.into_iter().flatten().all(is_time) {
                return invalid(format!("key {} has a member that is no time", named(key)));
            }
            if key.sign_from < key.publish_from {
                return invalid(format!(
                    "key {} signs before it is published: `sign_from` is before `publish_from`",
                    named(key)
                ));
            }
            if key.until.is_some_and(|until| until < key.sign_from) {
                return invalid(format!(
                    "key {} ends before it signs: `until` is before `sign_from`",
                    named(key)
                ));
            }
            let earlier = &self.keys[..index];
            if earlier.iter().any(|other| other.id() == key.id()) {
                return Err(ConfigError::Conflict(format!(
                    "two keys have the id (`kid`) {}",
                    named(key)
                )));
            }
            if earlier
                .last()
                .is_some_and(|other| other.sign_from > key.sign_from)
            {
                return invalid(format!(
                    "key {} signs before the one that stands before it: `keys` are in the order of `sign_from`",
                    named(key)
                ));
            }
        }
        Ok(())
    }

    /// Checks that a key stays until the tokens that it signs before the next one's turn have expired.
    fn check_turn(&self, signer: &RingKey, next: &RingKey) -> Result<(), ConfigError> {
        if signer.sign_from == next.sign_from {
            return invalid(format!(
                "keys {} and {} begin to sign at one second (`sign_from`)",
                named(signer),
                named(next)
            ));
        }
        if let Some(at) = self.revoked.get(signer.id()) {
            let from = self.last_second(signer).saturating_add(1);
            let ends = match from == *at {
                true => "is `revoked`",
                false => "leaves (`until`)",
            };
            return match from < next.sign_from {
                false => Ok(()),
                true => invalid(format!(
                    "no key signs from {from} on, when key {} {ends}, until {}",
                    named(signer),
                    next.sign_from
                )),
            };
        }
        let needed = next.sign_from.saturating_add(self.times.token_lifetime);
        match signer.until {
            Some(until) if until >= needed => Ok(()),
            Some(until) => invalid(format!(
                "key {} leaves before its tokens have expired: `until` is {until}, and must be {needed} or later \
                 (`sign_from` of the next key, and `token_lifetime`)",
                named(signer)
            )),
            None => missing(format!(
                "key {} is not the last one and has no `until`",
                named(signer)
            )),
        }
    }

    /// Checks that this document can follow another one: no key is lost whose tokens live, and no revoked one is back.
    ///
    /// A node that has not read a document in time is no worse off by reading it late.
    pub(super) fn check_successor_of(&self, old: &Self, now: i64) -> Result<(), ConfigError> {
        self.check(now)?;
        // It may have left the old one: its tokens live on.
        for (id, at) in &old.revoked {
            let is_back = |after: &RingKey| self.last_second(after) >= now.max(*at);
            if self.find(id).is_some_and(is_back) {
                let id = quoted(Some(id));
                return invalid(format!("key {id} was `revoked`, and is back"));
            }
        }
        for before in &old.keys {
            let id = named(before);
            let after = self.find(before.id());
            if let Some(after) = after {
                check_same_key(&before.verifying_key(), &after.verifying_key())?;
            }
            let has_signed = before.sign_from <= now;
            if !has_signed
                || old.last_second(before) < now
                || old.revoked.contains_key(before.id())
                || self.revoked.contains_key(before.id())
            {
                continue;
            }
            let Some(after) = after else {
                return invalid(format!(
                    "key {id} is missing, and its tokens live: add its id to `revoked` to have them refused"
                ));
            };
            if after.sign_from != before.sign_from {
                return invalid(format!(
                    "key {id} has signed since {}: its `sign_from` cannot become {}",
                    before.sign_from, after.sign_from
                ));
            }
            let until = self.last_second(after);
            let is_earlier = before.until.is_some_and(|before| until < before);
            if is_earlier || until < now {
                return invalid(format!(
                    "`until` of key {id} goes back to {until}, and its tokens live: add its id to `revoked` to have \
                     them refused"
                ));
            }
        }
        Ok(())
    }

    /// Checks that all nodes can read this document before the keys that it adds to another one are used.
    pub(super) fn check_announcement(&self, old: &Self, now: i64) -> Result<(), ConfigError> {
        let earliest = now.saturating_add(self.times.reload);
        let is_late = |key: &&RingKey| {
            !key.is_emergency && key.publish_from < earliest && old.find(key.id()).is_none()
        };
        match self
            .keys
            .iter()
            .filter(|key| key.sign_from > now)
            .find(is_late)
        {
            None => Ok(()),
            Some(key) => invalid(format!(
                "key {} would be published before every node has read the ring: its `publish_from` must be {earliest} \
                 or later",
                named(key)
            )),
        }
    }
}

fn check_lead(key: &RingKey, lead: i64) -> Result<(), ConfigError> {
    let earliest = key.publish_from.saturating_add(lead);
    match key.is_emergency || key.sign_from >= earliest {
        true => Ok(()),
        false => invalid(format!(
            "key {} would sign before verifiers know it: its `sign_from` must be {earliest} or later (`publish_from` \
             and `lead`), unless it is marked as an `emergency`",
            named(key)
        )),
    }
}

/// Checks that an id stays with its key.
pub(super) fn check_same_key(old: &Key, new: &Key) -> Result<(), ConfigError> {
    match old.thumbprint() == new.thumbprint() && old.algorithm() == new.algorithm() {
        true => Ok(()),
        false => Err(ConfigError::Conflict(format!(
            "another key has the id (`kid`) {}",
            quoted(old.id())
        ))),
    }
}

/// Checks that a key can be published: a shared secret never is.
pub(super) fn check_asymmetric(key: &SigningKey) -> Result<(), ConfigError> {
    match key.algorithm().is_symmetric() {
        false => Ok(()),
        true => Err(ConfigError::InvalidKey(
            "a ring has no shared secrets: no JWK set contains them".into(),
        )),
    }
}

/// Returns the id of a key for an error.
fn named(key: &RingKey) -> String {
    quoted(Some(key.id()))
}

fn invalid(text: String) -> Result<(), ConfigError> {
    Err(ConfigError::InvalidSetting(text))
}

fn missing(text: String) -> Result<(), ConfigError> {
    Err(ConfigError::Missing(text))
}

/// The longest time: 10 years, in seconds.
const LONGEST: i64 = 10 * 365 * 86_400;

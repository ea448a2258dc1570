//! The ring of signing keys: a value that a rotation replaces by another.

use std::{collections::BTreeMap, iter, sync::Arc};

use serde::Serialize;

use crate::{
    error::ConfigError,
    jose::{Header, HeaderBuffer, HeaderView, Key, SigningKey, base64url},
    keys::KeySet,
};

/// The key that signs, perhaps a next one, and the retired ones that still verify.
#[derive(Clone)]
pub(super) struct Ring {
    pub(super) active: SigningKey,
    pub(super) next: Option<SigningKey>,
    pub(super) retired: Vec<Retired>,
    pub(super) verifying: Arc<KeySet>,
    /// The headers under the active key, by the type of the token: in base64url, with the dot behind it.
    headers: BTreeMap<String, String>,
}

#[derive(Clone)]
pub(super) struct Retired {
    key: Key,
    /// The last second of its last token.
    until: i64,
}

impl Retired {
    fn is_outdated(&self, now: i64) -> bool {
        now > self.until
    }
}

impl Ring {
    pub(super) fn new(active: SigningKey) -> Self {
        Self {
            verifying: Arc::new(KeySet::new([active.verifying_key()])),
            active,
            next: None,
            retired: Vec::new(),
            headers: BTreeMap::new(),
        }
    }

    /// Returns the header of tokens of this type: base64url, and the dot behind it.
    pub(super) fn header(&self, token_type: &str) -> Option<&str> {
        self.headers.get(token_type).map(String::as_str)
    }

    /// Makes the header for tokens of this type. The set of keys stays, as no key came or went.
    pub(super) fn prepare(&mut self, token_type: &str) {
        let header = encoded_header(&self.active, token_type);
        self.headers.insert(token_type.to_owned(), header);
    }

    pub(super) fn publish(&mut self, next: &SigningKey) -> Result<(), ConfigError> {
        self.check_new(next)?;
        if self.next.is_some() {
            return Err(ConfigError::Conflict(
                "the ring has another next key already".into(),
            ));
        }
        self.next = Some(next.clone());
        self.renew();
        Ok(())
    }

    pub(super) fn rotate(&mut self, until: i64) -> Result<(), ConfigError> {
        let next = self.next.take();
        let next = next.ok_or_else(|| ConfigError::Missing("no next key was published".into()))?;
        let key = std::mem::replace(&mut self.active, next).verifying_key();
        self.retired.push(Retired { key, until });
        self.renew();
        Ok(())
    }

    pub(super) fn has_outdated(&self, now: i64) -> bool {
        self.retired.iter().any(|retired| retired.is_outdated(now))
    }

    pub(super) fn prune(&mut self, now: i64) {
        self.retired.retain(|retired| !retired.is_outdated(now));
        self.renew();
    }

    pub(super) fn remove(&mut self, id: &str) -> Result<(), ConfigError> {
        if self.active.id() == id {
            return Err(ConfigError::Conflict(
                "this key signs: `replace_active` puts another one in its place".into(),
            ));
        }
        if !self.verifying.has_key(id) {
            return Err(ConfigError::Missing(
                "the ring has no key with this id".into(),
            ));
        }
        self.retired.retain(|retired| retired.key.id() != Some(id));
        self.next = self.next.take().filter(|next| next.id() != id);
        self.renew();
        Ok(())
    }

    pub(super) fn replace_active(&mut self, new: &SigningKey) -> Result<(), ConfigError> {
        self.check_new(new)?;
        self.active = new.clone();
        self.renew();
        Ok(())
    }

    /// Checks that a key can come: verifiers read its headers, and no other key has its id.
    fn check_new(&self, key: &SigningKey) -> Result<(), ConfigError> {
        let types = self.headers.keys().map(String::as_str);
        for token_type in iter::once("JWT").chain(types) {
            check_header(key, token_type)?;
        }
        if self.verifying.has_key(key.id()) {
            return Err(ConfigError::Conflict(
                "the ring has a key with this id already".into(),
            ));
        }
        Ok(())
    }

    /// Makes the headers for the key that signs now, and the set of the keys that are here now. A new
    /// set ends what caches know by the old one, so there is one only when keys came, went or took turns.
    fn renew(&mut self) {
        for (token_type, header) in &mut self.headers {
            *header = encoded_header(&self.active, token_type);
        }
        let keys = iter::once(self.active.verifying_key())
            .chain(self.next.as_ref().map(SigningKey::verifying_key))
            .chain(self.retired.iter().map(|retired| retired.key.clone()));
        self.verifying = Arc::new(KeySet::new(keys));
    }
}

/// Checks that verifiers take tokens of this type that name this key.
pub(super) fn check_header(key: &SigningKey, token_type: &str) -> Result<(), ConfigError> {
    let encoded = encoded_header(key, token_type);
    let mut buffer = HeaderBuffer::new();
    let header = encoded.strip_suffix('.');
    let wrong = match header.map(|header| HeaderView::parse(header, &mut buffer)) {
        Some(Ok(_)) => return Ok(()),
        _ if key.id().len() > Header::LONGEST_KEY_ID => "the key's id has more than 256 bytes",
        _ => "verifiers read no header with this token type and this id of the key",
    };
    Err(ConfigError::InvalidSetting(wrong.into()))
}

fn encoded_header(key: &SigningKey, token_type: &str) -> String {
    #[derive(Serialize)]
    struct Members<'a> {
        alg: &'a str,
        typ: &'a str,
        kid: &'a str,
    }
    let members = Members {
        alg: key.algorithm().name(),
        typ: token_type,
        kid: key.id(),
    };
    // Writing texts to memory cannot fail.
    let json = serde_json::to_string(&members).unwrap_or_default();
    let mut encoded = base64url::encode(json);
    encoded.push('.');
    encoded
}

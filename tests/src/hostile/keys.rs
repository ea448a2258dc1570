//! The keys of the corpus.

use std::collections::HashMap;

use countersign::{ConfigError, KeySet, SigningKey};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

/// The keys of the corpus.
pub struct TestKeys {
    keys: Value,
    texts: HashMap<String, Texts>,
}

/// The text of the public half, with its members in order.
#[derive(Deserialize)]
struct Texts {
    public: Option<Box<RawValue>>,
}

impl TestKeys {
    /// Reads the keys.
    #[must_use]
    pub fn load() -> Self {
        const TEXT: &str = include_str!("../../data/keys.json");
        Self {
            keys: serde_json::from_str(TEXT).expect("JSON"),
            texts: serde_json::from_str(TEXT).expect("JSON"),
        }
    }

    pub(super) fn set(&self, name: &str) -> Result<KeySet, ConfigError> {
        KeySet::from_json(&self.set_json(name))
    }

    /// Returns a set of keys, as a JWK set.
    #[must_use]
    pub fn set_json(&self, name: &str) -> String {
        let names = self.keys["keysets"][name].as_array().expect("a key set");
        let keys: Vec<_> = names
            .iter()
            .map(|name| &self.keys[name.as_str().expect("a name")]["public"])
            .collect();
        json!({ "keys": keys }).to_string()
    }

    pub(super) fn single(&self, name: &str) -> Result<KeySet, ConfigError> {
        KeySet::from_json(&self.single_json(name))
    }

    /// Returns the public half of a key, as a JWK set of one.
    #[must_use]
    pub fn single_json(&self, name: &str) -> String {
        json!({ "keys": [self.keys[name]["public"]] }).to_string()
    }

    /// Returns every key: its name, and both halves.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Value)> {
        let all = self.keys.as_object().expect("an object").iter();
        all.filter(|(name, _)| *name != "keysets")
            .map(|(name, key)| (name.as_str(), key))
    }

    /// Returns the public half of a key, as a JWK with its members in the order of the corpus.
    #[must_use]
    pub fn public_text(&self, name: &str) -> &str {
        let text = self.texts.get(name).and_then(|texts| texts.public.as_ref());
        text.map(|text| text.get()).unwrap_or_default()
    }

    /// Returns the private half of a key, as a JWK.
    #[must_use]
    pub fn private(&self, name: &str) -> Value {
        self.keys[name]["private"].clone()
    }

    pub(super) fn signing(&self, name: &str) -> SigningKey {
        SigningKey::from_jwk(&self.private(name).to_string()).expect("a good key")
    }
}

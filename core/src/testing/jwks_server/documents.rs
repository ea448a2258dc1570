//! The documents that a provider publishes.

use serde_json::{Map, Value, json};

use super::server::JwksServer;
use crate::jose::{Algorithm, Key, SigningKey, base64url};

/// The metadata and the keys of a provider.
pub(super) struct Documents {
    issuer: String,
    metadata: Map<String, Value>,
    signing: SigningKey,
    /// Another key, published under the id of the one that signs.
    stranger: SigningKey,
    published: Vec<Key>,
    metadata_paths: [String; 3],
}

impl Documents {
    /// Makes the documents of an issuer at this path of an origin, with a new key.
    pub(super) fn new(origin: &str, path: &str) -> Self {
        let issuer = format!("{origin}{path}");
        let path = path.strip_suffix('/').unwrap_or(path);
        let signing = new_key();
        let metadata = json!({
            "issuer": issuer,
            "jwks_uri": format!("{origin}{}", JwksServer::JWKS),
            "authorization_endpoint": format!("{origin}/authorize"),
            "token_endpoint": format!("{origin}/token"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [Algorithm::ES256.name()],
        });
        Self {
            issuer,
            metadata: members(metadata),
            published: vec![signing.verifying_key()],
            signing,
            stranger: new_key(),
            metadata_paths: [
                // OpenID Connect Discovery 1.0 section 4.1
                format!("{path}{}", JwksServer::OPENID),
                // RFC 8414 sections 3.1 and 5
                format!("{}{path}", JwksServer::OAUTH),
                format!("{}{path}", JwksServer::OPENID),
            ],
        }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn signing(&self) -> &SigningKey {
        &self.signing
    }

    pub(super) fn is_metadata(&self, path: &str) -> bool {
        self.metadata_paths.iter().any(|own| own == path)
    }

    pub(super) fn rotate(&mut self) {
        self.signing = new_key();
        self.published.push(self.signing.verifying_key());
    }

    /// Removes the keys with this id, and returns how many there were.
    pub(super) fn remove(&mut self, id: &str) -> usize {
        let before = self.published.len();
        self.published.retain(|key| key.id() != Some(id));
        before - self.published.len()
    }

    pub(super) fn publish(&mut self, keys: Vec<Key>) {
        self.published = keys;
    }

    pub(super) fn member(&mut self, name: String, value: Value) {
        self.metadata.insert(name, value);
    }

    pub(super) fn metadata(&self) -> String {
        json!(self.metadata).to_string()
    }

    pub(super) fn metadata_of_another(&self) -> String {
        let mut metadata = self.metadata.clone();
        metadata.insert("issuer".to_owned(), "https://another.test".into());
        json!(metadata).to_string()
    }

    pub(super) fn jwks(&self) -> String {
        set(self.keys())
    }

    pub(super) fn jwks_with_duplicate_kid(&self) -> String {
        let stranger = self.stranger.verifying_key().with_id(self.signing.id());
        set(self.keys().chain(stranger.to_jwk()))
    }

    pub(super) fn jwks_with_oct(&self) -> String {
        set(self.keys().chain([oct()]))
    }

    pub(super) fn jwks_of_oct() -> String {
        set([oct()])
    }

    pub(super) fn jwks_with_private_members(&self) -> String {
        set(self.published.iter().filter_map(|key| {
            let jwk = key.to_jwk()?;
            if key.id() != Some(self.signing.id()) {
                return Some(jwk);
            }
            let mut jwk: Map<String, Value> = serde_json::from_str(&jwk).ok()?;
            jwk.insert("d".to_owned(), base64url::encode([7; 32]).into());
            Some(json!(jwk).to_string())
        }))
    }

    fn keys(&self) -> impl Iterator<Item = String> {
        self.published.iter().filter_map(Key::to_jwk)
    }
}

fn new_key() -> SigningKey {
    // A test cannot go on without keys.
    SigningKey::generate(Algorithm::ES256).expect("a key can be generated")
}

fn oct() -> String {
    let secret = base64url::encode(b"a secret that is no secret to anybody");
    json!({ "kty": "oct", "kid": "oct", "alg": "HS256", "use": "sig", "k": secret }).to_string()
}

fn set(keys: impl IntoIterator<Item = String>) -> String {
    let keys: Vec<String> = keys.into_iter().collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

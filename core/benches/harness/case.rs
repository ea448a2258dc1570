//! The token that all figures are about, and the setup of `jsonwebtoken` for it.

#![allow(dead_code, unreachable_pub)] // each benchmark uses a part of it

use countersign::{Algorithm, SigningKey, Verifier, VerifierBuilder, testing::TestIssuer};
use jsonwebtoken::{DecodingKey, Validation, crypto::aws_lc, decode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;

/// Ten claims, all owned: the ten allocations are those of the user's type.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Claims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub exp: u64,
    pub iat: u64,
    pub nbf: u64,
    pub jti: String,
    pub scope: String,
    pub roles: Vec<String>,
    pub email: String,
}

/// The secret of the HS256 tokens.
pub const SECRET: &[u8] = b"a benchmark's secret of 32 bytes or more";

/// One algorithm: its key, a token of 541 to 840 bytes, and both libraries set up alike.
pub struct Case {
    pub algorithm: Algorithm,
    pub key: SigningKey,
    pub token: String,
    pub decoding: DecodingKey,
    pub validation: Validation,
}

impl Case {
    pub fn new(algorithm: Algorithm) -> Self {
        // Only the first call takes effect; it does not matter which.
        let _ = aws_lc::DEFAULT_PROVIDER.install_default();
        let key = match algorithm {
            Algorithm::HS256 => SigningKey::hs256(SECRET),
            other => SigningKey::generate(other),
        }
        .expect("a good key");
        let decoding = match key.verifying_key().to_jwk() {
            None => DecodingKey::from_secret(SECRET).expect("a good secret"),
            Some(jwk) => {
                let jwk = serde_json::from_str(&jwk).expect("a JWK");
                DecodingKey::from_jwk(&jwk).expect("a good key")
            }
        };
        let mut validation = Validation::new(algorithm.name().parse().expect("a known name"));
        validation.set_audience(&[TestIssuer::AUDIENCE]);
        validation.set_issuer(&[TestIssuer::ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_nbf = true;
        Self {
            algorithm,
            token: token(&key, 0),
            key,
            decoding,
            validation,
        }
    }

    /// Returns our verifier: issuer, audience and every other default.
    pub fn verifier(&self) -> VerifierBuilder {
        Verifier::builder(&self.key)
            .issuer(TestIssuer::ISSUER)
            .audience(TestIssuer::AUDIENCE)
    }

    /// The nanoseconds of [`decode`](Self::decode) with HS256 on the machine on which the goals in
    /// nanoseconds were set: 2 virtual cores of an AMD EPYC (Zen 5), `jsonwebtoken` 11.1.0 and
    /// aws-lc-rs 1.19.0. With other versions it has to be measured again.
    pub const DECODE: f64 = 2_711.0;

    /// Verifies with `jsonwebtoken`, with the same checks as far as it has them.
    pub fn decode(&self, token: &str) -> Claims {
        self.decode_as(token)
    }

    /// Theirs, with other claims.
    pub fn decode_as<T: DeserializeOwned>(&self, token: &str) -> T {
        decode::<T>(token, &self.decoding, &self.validation)
            .expect("a good token")
            .claims
    }
}

/// Returns a token signed by this key; each `n` gives a different one.
pub fn token(key: &SigningKey, n: u32) -> String {
    let issuer = TestIssuer::new();
    let now = unix_now();
    issuer.clock().set(now);
    issuer
        .token()
        .header("typ", "at+jwt")
        .claim("nbf", now)
        .claim("jti", format!("0f8fad5b-d9cb-469f-a165-7086{n:08x}"))
        .claim("sub", "7c9e6679-7425-40de-944b-e07fc1f90ae7")
        .claim("scope", "openid profile email orders:read orders:write")
        .claim("roles", json!(["user", "editor", "admin"]))
        .claim("email", "somebody.important@mail.example.com")
        .signed_by(key)
}

#[allow(clippy::disallowed_methods)] // `jsonwebtoken` looks at the real clock
pub fn unix_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.expect("a clock after 1970").as_secs()).expect("a clock before 2262")
}

//! One JSON Web Key (RFC 7517, RFC 7518 section 6, RFC 8037 section 2), read strictly.

use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    error::ConfigError,
    jose::{
        Algorithm, base64url, json,
        material::{Curve, KeyType, Material, PrivateMaterial, RsaNumbers, quoted},
    },
};

/// A JWK whose own members allow the use that is asked for.
pub(crate) struct Jwk {
    pub(crate) id: Option<String>,
    /// The value of `alg`.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) material: Material,
    /// There is one exactly when the JWK was read for signing.
    pub(crate) private: Option<PrivateMaterial>,
}

impl Jwk {
    /// The longest `kid`, in bytes.
    pub(crate) const LONGEST_ID: usize = 256;

    /// Reads a key that shall verify: `use` and `key_ops` allow it, private numbers are refused.
    pub(crate) fn to_verify(members: &Members, purpose: KeyUse) -> Result<Self, ConfigError> {
        purpose.check(members)?;
        check_operations(members, "verify")?;
        let material = public(members)?;
        if material.key_type() != KeyType::Hmac {
            for name in PRIVATE {
                if members.has(name) {
                    return Err(invalid(
                        "this JWK holds a private key; a verifying key is made of the public one",
                    ));
                }
            }
        }
        Self::read(members, material, None)
    }

    /// Reads a key that shall sign.
    pub(crate) fn to_sign(members: &Members) -> Result<Self, ConfigError> {
        KeyUse::Signatures.check(members)?;
        check_operations(members, "sign")?;
        let material = public(members)?;
        let private = private(members, &material)?;
        Self::read(members, material, Some(private))
    }

    fn read(
        members: &Members,
        material: Material,
        private: Option<PrivateMaterial>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            id: members.id()?.map(str::to_owned),
            algorithm: members.text("alg")?.map(str::parse).transpose()?,
            material,
            private,
        })
    }

    /// Returns the wanted algorithm, if `alg` does not contradict it; or else the one that `alg` or the
    /// curve decides on.
    pub(crate) fn algorithm(&self, wanted: Option<Algorithm>) -> Result<Algorithm, ConfigError> {
        if let Some(wanted) = wanted {
            return match self.algorithm {
                Some(own) if !own.matches(wanted) => Err(ConfigError::InvalidKey(format!(
                    "the JWK is for {own}, not for {wanted}"
                ))),
                _ => Ok(wanted),
            };
        }
        match (self.algorithm, self.material.key_type()) {
            (Some(own), _) => Ok(own),
            (None, KeyType::Ec(Curve::P256)) => Ok(Algorithm::ES256),
            (None, KeyType::Ec(Curve::P384)) => Ok(Algorithm::ES384),
            (None, KeyType::Ec(Curve::P521)) => Ok(Algorithm::ES512),
            (None, KeyType::Ed25519) => Ok(Algorithm::EdDSA),
            (None, KeyType::Hmac | KeyType::Rsa) => Err(invalid(
                "the JWK has no alg and its type allows several; say which with from_jwk_with",
            )),
        }
    }
}

/// The value of `use` that a key must have (RFC 7517 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyUse {
    /// `jwt-svid`, and nothing else: a key of a SPIFFE bundle, which also needs a `kid`.
    JwtSvid,
    /// `sig`, or none.
    Signatures,
}

impl KeyUse {
    fn check(self, members: &Members) -> Result<(), ConfigError> {
        let found = members.text("use")?;
        match self {
            Self::JwtSvid if found != Some("jwt-svid") => Err(invalid("use is not \"jwt-svid\"")),
            Self::JwtSvid if !members.has("kid") => Err(missing("kid")),
            Self::Signatures if found.is_some_and(|found| found != "sig") => {
                Err(invalid("use is not \"sig\""))
            }
            _ => Ok(()),
        }
    }

    /// Returns whether a key with this `use` may be meant.
    fn fits(self, found: Option<&str>) -> bool {
        match self {
            Self::JwtSvid => found == Some("jwt-svid"),
            Self::Signatures => found.is_none_or(|found| found == "sig"),
        }
    }
}

/// The members of a JWK, wiped when dropped.
pub(crate) struct Members(pub(super) Map<String, Value>);

impl Members {
    /// Reads one JSON object without duplicate names at any level.
    pub(crate) fn parse(json: &str) -> Result<Self, ConfigError> {
        // An error's own text can quote the key; its position cannot.
        let refused = |error: serde_json::Error| {
            ConfigError::InvalidKey(format!(
                "the JWK is not one JSON object without duplicate names (line {}, column {})",
                error.line(),
                error.column()
            ))
        };
        json::check(json).map_err(refused)?;
        serde_json::from_str(json).map(Self).map_err(refused)
    }

    /// Returns `kty`.
    pub(crate) fn kind(&self) -> Result<&str, ConfigError> {
        self.text("kty")?.ok_or_else(|| missing("kty"))
    }

    /// Returns `kid`.
    pub(crate) fn id(&self) -> Result<Option<&str>, ConfigError> {
        let id = self.text("kid")?;
        if id.is_some_and(|id| id.len() > Jwk::LONGEST_ID) {
            return Err(ConfigError::InvalidKey(format!(
                "kid is longer than {} bytes",
                Jwk::LONGEST_ID
            )));
        }
        Ok(id)
    }

    /// A `kid` of any length, for a report.
    pub(crate) fn raw_id(&self) -> Option<&str> {
        self.0.get("kid")?.as_str()
    }

    /// Returns whether the key is for certificates, in a SPIFFE bundle.
    pub(crate) fn is_x509_svid(&self) -> bool {
        self.0.get("use").and_then(Value::as_str) == Some("x509-svid")
    }

    /// Returns whether a key that is otherwise unusable claims to be one for `algorithm`.
    pub(crate) fn claims_to_verify(&self, algorithm: Algorithm, purpose: KeyUse) -> bool {
        let text = |name| self.0.get(name).and_then(Value::as_str);
        let is_meant = match text("alg") {
            Some(name) => Algorithm::from_name(name).is_some_and(|own| own.matches(algorithm)),
            None => text("kty") == Some(algorithm.key_type().kty()),
        };
        is_meant && purpose.fits(text("use"))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn text(&self, name: &str) -> Result<Option<&str>, ConfigError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ConfigError::InvalidKey(format!("{name} is not a string"))),
        }
    }

    fn texts(&self, name: &str) -> Result<Option<Vec<&str>>, ConfigError> {
        let not_texts = || ConfigError::InvalidKey(format!("{name} is not an array of strings"));
        self.0
            .get(name)
            .map(|value| {
                let values = value.as_array().ok_or_else(not_texts)?;
                let texts = values
                    .iter()
                    .map(|text| text.as_str().ok_or_else(not_texts));
                texts.collect()
            })
            .transpose()
    }

    /// A base64url member that must be there.
    fn bytes(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        let text = self.text(name)?.ok_or_else(|| missing(name))?;
        let bytes = base64url::decode(text).ok_or_else(|| {
            ConfigError::InvalidKey(format!("{name} is not canonical base64url without padding"))
        })?;
        Ok(Zeroizing::new(bytes))
    }

    /// Bytes of a fixed length: a padded or cut coordinate is another encoding of the same key.
    fn exactly(&self, name: &str, length: usize) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        let bytes = self.bytes(name)?;
        if bytes.len() == length {
            return Ok(bytes);
        }
        Err(ConfigError::InvalidKey(format!(
            "{name} must have {length} bytes on this curve, it has {}",
            bytes.len()
        )))
    }

    /// A number without leading zero octets (`Base64urlUInt` of RFC 7518 section 2).
    fn number(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        let bytes = self.bytes(name)?;
        match bytes.first() {
            Some(0) => Err(ConfigError::InvalidKey(format!(
                "{name} has a leading zero octet"
            ))),
            None => Err(ConfigError::InvalidKey(format!("{name} is empty"))),
            Some(_) => Ok(bytes),
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        for value in self.0.values_mut() {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}

/// `key_ops` (RFC 7517 section 4.3), when there, must allow the operation.
fn check_operations(members: &Members, operation: &str) -> Result<(), ConfigError> {
    let Some(operations) = members.texts("key_ops")? else {
        return Ok(());
    };
    if operations.len() > MOST_OPERATIONS {
        return Err(ConfigError::InvalidKey(format!(
            "key_ops names more than {MOST_OPERATIONS} operations"
        )));
    }
    let is_twice = |at: usize| operations[..at].contains(&operations[at]);
    if (1..operations.len()).any(is_twice) {
        return Err(invalid("key_ops names an operation twice"));
    }
    if !operations.contains(&operation) {
        return Err(ConfigError::InvalidKey(format!(
            "key_ops does not allow to {operation}"
        )));
    }
    Ok(())
}

fn public(members: &Members) -> Result<Material, ConfigError> {
    match members.kind()? {
        "EC" => {
            let crv = curve(members)?;
            let curve = Curve::from_name(crv).ok_or_else(|| unknown("crv", crv))?;
            Ok(Material::Ec {
                curve,
                x: members.exactly("x", curve.field_len())?.to_vec(),
                y: members.exactly("y", curve.field_len())?.to_vec(),
            })
        }
        "OKP" => match curve(members)? {
            "Ed25519" => Ok(Material::Ed25519(array(&members.exactly("x", 32)?))),
            crv => Err(unknown("crv", crv)),
        },
        "RSA" => Ok(Material::Rsa {
            n: members.number("n")?.to_vec(),
            e: members.number("e")?.to_vec(),
        }),
        "oct" => Ok(Material::Hmac(members.bytes("k")?)),
        kty => Err(unknown("kty", kty)),
    }
}

fn private(members: &Members, public: &Material) -> Result<PrivateMaterial, ConfigError> {
    if let Material::Hmac(secret) = public {
        return Ok(PrivateMaterial::Hmac(secret.clone()));
    }
    if members.has("k") {
        return Err(invalid("an asymmetric key has no member k"));
    }
    if !members.has("d") {
        return Err(invalid(
            "this JWK holds only the public key; a signing key needs the private one",
        ));
    }
    if members.has("oth") {
        return Err(invalid(
            "RSA keys of more than two primes are not supported",
        ));
    }
    Ok(match public {
        Material::Ec { curve, .. } => PrivateMaterial::Ec {
            curve: *curve,
            d: members.exactly("d", curve.field_len())?,
        },
        Material::Ed25519(_) => {
            PrivateMaterial::Ed25519(Zeroizing::new(array(&members.exactly("d", 32)?)))
        }
        Material::Hmac(secret) => PrivateMaterial::Hmac(secret.clone()),
        Material::Rsa { n, e } => PrivateMaterial::Rsa(Box::new(RsaNumbers {
            n: n.clone(),
            e: e.clone(),
            d: members.number("d")?,
            p: members.number("p")?,
            q: members.number("q")?,
            dp: members.number("dp")?,
            dq: members.number("dq")?,
            qi: members.number("qi")?,
        })),
    })
}

fn curve(members: &Members) -> Result<&str, ConfigError> {
    members.text("crv")?.ok_or_else(|| missing("crv"))
}

/// The caller has checked the length.
fn array(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    array.copy_from_slice(bytes);
    array
}

fn invalid(reason: &str) -> ConfigError {
    ConfigError::InvalidKey(reason.to_owned())
}

fn missing(name: &str) -> ConfigError {
    ConfigError::InvalidKey(format!("{name} is missing"))
}

fn unknown(name: &str, value: &str) -> ConfigError {
    ConfigError::InvalidKey(format!("{name} {} is not supported", quoted(value)))
}

/// RFC 7517 section 4.3 knows eight, and allows others.
const MOST_OPERATIONS: usize = 32;

/// The members that only a private or symmetric key has.
pub(super) const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

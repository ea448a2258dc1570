//! A document as text: a JWK set with members of its own.

use std::{collections::BTreeMap, env};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value, json, value::RawValue};
use zeroize::Zeroizing;

use super::{
    check::{check_asymmetric, check_same_key},
    document::{HalfOrWhole, RingDocument, RingKey, RingTimes},
};
use crate::{
    error::{ConfigError, quoted},
    jose::{Algorithm, Key, SigningKey, check_json},
};

impl RingDocument {
    /// The longest text, in bytes.
    pub(super) const LONGEST: usize = 256 << 10;

    /// Reads a document whose keys are all in the text, and that is good from `now` on, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the text is no such document, a key in it is weak or malformed, or the document is to be
    /// [refused](RingDocument). The error names the member, and shows no part of a key.
    pub fn from_json(json: &str, now: i64) -> Result<Self, ConfigError> {
        Self::from_json_with_keys(json, now, &[])
    }

    /// Reads a document that has only the public halves of some keys, or of all: those that sign are among `keys`, by their
    /// ids. So keys that are [kept elsewhere](crate::SigningKey) take their turns at one second on all nodes. Other
    /// `keys` are left out.
    ///
    /// # Errors
    ///
    /// As for [`from_json`](Self::from_json); [`ConfigError::Conflict`] when a key of the document is another one than the key of
    /// this id among `keys`.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Clock, ConfigError, SigningKey, SigningKeys, SystemClock, issue::RingDocument};
    ///
    /// /// `version_3` and `version_4` are keys in a KMS, and the document says when the one follows the other.
    /// fn ring(json: &str, version_3: SigningKey, version_4: SigningKey) -> Result<SigningKeys, ConfigError> {
    ///     let keys = [version_3, version_4];
    ///     let document = RingDocument::from_json_with_keys(json, SystemClock.now(), &keys)?;
    ///     SigningKeys::from_document(document, SystemClock)
    /// }
    /// # drop(ring);
    /// ```
    pub fn from_json_with_keys(
        json: &str,
        now: i64,
        keys: &[SigningKey],
    ) -> Result<Self, ConfigError> {
        Self::parse(json, now, keys, |_| {
            Err(ConfigError::InvalidKey(
                "`file` names a key only in a folder".into(),
            ))
        })
    }

    /// Reads the document in a variable of the environment.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] when there is no such variable, else as for [`from_json`](Self::from_json).
    pub fn from_env(variable: &str, now: i64) -> Result<Self, ConfigError> {
        match env::var(variable).map(Zeroizing::new) {
            Ok(json) => Self::from_json(&json, now).map_err(|error| within(variable, error)),
            Err(env::VarError::NotPresent) => {
                Err(ConfigError::Missing(format!("{variable} is not set")))
            }
            Err(env::VarError::NotUnicode(_)) => Err(ConfigError::InvalidSetting(format!(
                "{variable} is not valid UTF-8"
            ))),
        }
    }

    /// Writes the document with all its keys, to be kept secret: [`from_json`](Self::from_json) reads it. Of a key that is
    /// kept elsewhere, it writes the public half.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidKey`] when the backend gives no private key.
    pub fn to_json(&self) -> Result<String, ConfigError> {
        self.write(|key| {
            let jwk = match &key.key {
                HalfOrWhole::Apart(_) | HalfOrWhole::Public(_) => {
                    key.verifying_key().to_jwk().map(Zeroizing::new)
                }
                HalfOrWhole::Signing(key) => key.to_private_jwk(),
            };
            let jwk = jwk.and_then(|jwk| serde_json::from_str(&jwk).ok());
            jwk.ok_or_else(|| ConfigError::InvalidKey("the backend gives no private key".into()))
        })
    }

    /// Reads a document; `read_file` gives the content of a key file, and `apart` are keys whose private halves it does not
    /// have.
    pub(super) fn parse(
        json: &str,
        now: i64,
        apart: &[SigningKey],
        read_file: impl Fn(&str) -> Result<Zeroizing<String>, ConfigError>,
    ) -> Result<Self, ConfigError> {
        if json.len() > Self::LONGEST {
            return Err(ConfigError::InvalidSetting(
                "the ring has more than 256 KiB".into(),
            ));
        }
        check_json(json).map_err(unreadable)?; // no name stands twice
        let text: Text<'_> = serde_json::from_str(json).map_err(unreadable)?;
        let keys = text.keys.iter().enumerate();
        let keys = keys.map(|(index, entry)| {
            RingKey::parse(entry.get(), &read_file)
                .and_then(|key| key.joined(apart))
                .map_err(|error| within(&format!("`keys[{index}]`"), error))
        });
        let document = Self {
            keys: keys.collect::<Result<_, _>>()?,
            times: RingTimes {
                reload: text.reload,
                lead: text.lead,
                token_lifetime: text.token_lifetime,
            },
            revoked: text.revoked,
        };
        document.check(now)?;
        Ok(document)
    }

    /// Writes the document; `write_key` gives the members that tell the key.
    pub(super) fn write(
        &self,
        write_key: impl Fn(&RingKey) -> Result<Map<String, Value>, ConfigError>,
    ) -> Result<String, ConfigError> {
        let keys = self.keys.iter().map(|key| {
            let mut members = write_key(key)?;
            members.insert("publish_from".into(), key.publish_from.into());
            members.insert("sign_from".into(), key.sign_from.into());
            if let Some(until) = key.until {
                members.insert("until".into(), until.into());
            }
            if key.is_emergency {
                members.insert("emergency".into(), true.into());
            }
            Ok(Value::Object(members))
        });
        let document = json!({
            "keys": keys.collect::<Result<Vec<_>, ConfigError>>()?,
            "reload": self.times.reload,
            "lead": self.times.lead,
            "token_lifetime": self.times.token_lifetime,
            "revoked": self.revoked,
        });
        // Texts and numbers always serialise.
        Ok(format!("{document:#}\n"))
    }
}

impl RingKey {
    fn parse(
        entry: &str,
        read_file: impl Fn(&str) -> Result<Zeroizing<String>, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let members: Members = serde_json::from_str(entry).map_err(unreadable)?;
        let is_of_a_jwk = |name: &String| JWK.contains(&&**name);
        if let Some(unknown) = members.rest.keys().find(|name| !is_of_a_jwk(name)) {
            let unknown = quoted(Some(unknown));
            return Err(ConfigError::InvalidSetting(format!(
                "the member {unknown} is unknown"
            )));
        }
        let (file, key) = match &members.file {
            None => (None, HalfOrWhole::from_jwk(entry, members.alg)?),
            Some(_) if !members.rest.is_empty() => {
                return Err(ConfigError::Conflict(
                    "`file` and the members of a JWK exclude each other".into(),
                ));
            }
            Some(file) => {
                let key = read_file(file)
                    .and_then(|text| HalfOrWhole::from_text(&text, members.alg))
                    .map_err(|error| within(&quoted(Some(file)), error))?;
                (Some(file.clone()), key)
            }
        };
        Ok(Self {
            key: key.named(members.kid)?,
            file,
            publish_from: members.publish_from,
            sign_from: members.sign_from,
            until: members.until,
            is_emergency: members.emergency,
        })
    }
}

impl RingKey {
    /// Joins a public half with the key of its id among these.
    fn joined(mut self, apart: &[SigningKey]) -> Result<Self, ConfigError> {
        if let HalfOrWhole::Public(public) = &self.key
            && let Some(key) = apart.iter().find(|key| key.id() == self.id())
        {
            check_same_key(public, &key.verifying_key())?;
            self.key = HalfOrWhole::Apart(key.clone());
        }
        Ok(self)
    }
}

impl HalfOrWhole {
    /// Sorts a key that signs by where its private half is.
    pub(super) fn of(key: SigningKey) -> Self {
        #[cfg(feature = "signer")]
        if key.remote_signer().is_some() {
            return Self::Apart(key);
        }
        Self::Signing(key)
    }

    /// Reads a PEM, or a JWK.
    fn from_text(text: &str, algorithm: Option<Algorithm>) -> Result<Self, ConfigError> {
        if text.trim_ascii_start().starts_with('{') {
            return Self::from_jwk(text, algorithm);
        }
        let algorithm = algorithm
            .ok_or_else(|| ConfigError::Missing("a PEM needs the member `alg` beside it".into()))?;
        match text.contains("PRIVATE KEY-----") {
            true => SigningKey::from_pem(algorithm, text).map(Self::Signing),
            false => Key::from_pem(algorithm, text).map(Self::Public),
        }
    }

    fn from_jwk(jwk: &str, algorithm: Option<Algorithm>) -> Result<Self, ConfigError> {
        let private: Private = serde_json::from_str(jwk).map_err(unreadable)?;
        let is_private = private.d.is_some() || private.k.is_some();
        match (is_private, algorithm) {
            (true, None) => SigningKey::from_jwk(jwk).map(Self::Signing),
            (true, Some(algorithm)) => SigningKey::from_jwk_with(jwk, algorithm).map(Self::Signing),
            (false, None) => Key::from_jwk(jwk).map(Self::Public),
            (false, Some(algorithm)) => Key::from_jwk_with(jwk, algorithm).map(Self::Public),
        }
    }

    /// Gives the key its id: this one, its own, or the thumbprint.
    fn named(self, id: Option<String>) -> Result<Self, ConfigError> {
        match self {
            Self::Signing(key) => {
                check_asymmetric(&key)?;
                Ok(Self::Signing(match id {
                    Some(id) => key.with_id(id),
                    None => key,
                }))
            }
            // None is read from a text.
            Self::Apart(_) => Ok(self),
            Self::Public(key) => {
                let own = key.id().or(key.thumbprint()).map(str::to_owned);
                // A public key has a thumbprint.
                let id = id.or(own).unwrap_or_default();
                Ok(Self::Public(key.with_id(id)))
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
    reload: i64,
    lead: i64,
    token_lifetime: i64,
    #[serde(default)]
    revoked: BTreeMap<String, i64>,
}

#[derive(Deserialize)]
struct Members {
    kid: Option<String>,
    alg: Option<Algorithm>,
    file: Option<String>,
    publish_from: i64,
    sign_from: i64,
    until: Option<i64>,
    #[serde(default)]
    emergency: bool,
    #[serde(flatten)]
    rest: BTreeMap<String, IgnoredAny>,
}

/// The members that tell a private key from a public one.
#[derive(Deserialize)]
struct Private {
    d: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

/// The members of a JWK beside `kid` and `alg` (RFC 7517 section 4, RFC 7518 section 6).
const JWK: [&str; 20] = [
    "kty", "use", "key_ops", "crv", "x", "y", "d", "n", "e", "p", "q", "dp", "dq", "qi", "oth",
    "k", "x5u", "x5c", "x5t", "x5t#S256",
];

/// Says in which part of the ring something is wrong.
pub(super) fn within(part: &str, error: ConfigError) -> ConfigError {
    let in_part = |text: String| format!("{part}: {text}");
    match error {
        ConfigError::Conflict(text) => ConfigError::Conflict(in_part(text)),
        ConfigError::InvalidKey(text) => ConfigError::InvalidKey(in_part(text)),
        ConfigError::InvalidSetting(text) => ConfigError::InvalidSetting(in_part(text)),
        ConfigError::Missing(text) => ConfigError::Missing(in_part(text)),
        ConfigError::WeakKey(text) => ConfigError::WeakKey(in_part(text)),
    }
}

/// Says what is wrong with the text, without any value of it: that could be a part of a key.
#[allow(clippy::needless_pass_by_value)] // for `map_err`
fn unreadable(error: serde_json::Error) -> ConfigError {
    let text = error.to_string();
    let names_a_member = ["missing field", "unknown field"];
    let problem = match names_a_member.iter().any(|start| text.starts_with(start)) {
        true => text.split(", expected").next().unwrap_or_default(),
        false if error.is_data() => "a member has a value of another type, or stands twice",
        false => "it is not JSON",
    };
    let (line, column) = (error.line(), error.column());
    ConfigError::InvalidSetting(format!("{problem} (line {line}, column {column})"))
}

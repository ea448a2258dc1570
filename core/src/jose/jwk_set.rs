//! A JWK Set (RFC 7517 section 5), read key by key: a bad key does not take the good ones with it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{
    ConfigError,
    jose::{
        Algorithm, Key,
        json::{Checked, Names, Text},
        jwk::{Jwk, Members},
        material::{KeyType, Material},
    },
};

/// Where a set comes from, and so what it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The operator's own file: secrets may be in it.
    Local,
    /// The network: a secret in it is no secret.
    Remote,
}

/// The usable keys of a set, and why the others are not.
#[derive(Debug)]
pub(crate) struct ParsedSet {
    pub(crate) keys: Vec<Key>,
    pub(crate) skipped: Vec<SkippedKey>,
}

/// A key of a set that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    index: usize,
    id: Option<String>,
    reason: ConfigError,
}

impl SkippedKey {
    /// Its position in `keys`, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its `kid`, cut after 128 characters. Escape it before it is logged.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Why it is not used.
    #[must_use]
    pub fn reason(&self) -> &ConfigError {
        &self.reason
    }
}

/// Reads a set of at most 256 KiB and 100 keys.
///
/// A key without `alg` becomes one key for each of the `allowed` algorithms that fit its type.
/// An error means that the text is no JWK Set, or that it mixes secrets with public keys.
pub(crate) fn parse_set(
    json: &str,
    allowed: &[Algorithm],
    origin: Origin,
) -> Result<ParsedSet, ConfigError> {
    let elements: Vec<_> = elements(json)?.into_iter().map(Members::parse).collect();
    refuse_a_mixture(&elements)?;

    let mut candidates = Vec::new();
    let mut skipped = Vec::new();
    for (index, element) in elements.into_iter().enumerate() {
        let id = element.as_ref().ok().and_then(shown_id);
        match element.and_then(|members| usable(&members, allowed, origin)) {
            Ok(keys) => candidates.extend(keys.into_iter().map(|(key, material)| Candidate {
                index,
                key,
                material,
            })),
            Err(reason) => skipped.push(SkippedKey { index, id, reason }),
        }
    }
    let keys = without_conflicts(&candidates, &mut skipped);
    Ok(ParsedSet { keys, skipped })
}

/// A key that is good by itself.
struct Candidate {
    index: usize,
    key: Key,
    material: Material,
}

impl Candidate {
    fn has_name_of(&self, other: &Self) -> bool {
        self.key.id() == other.key.id() && self.key.algorithm().matches(other.key.algorithm())
    }

    /// Two keys of one name: a token that names them could be meant for either.
    fn is_in_conflict_with(&self, other: &Self) -> bool {
        self.key.id().is_some() && self.has_name_of(other) && self.material != other.material
    }

    fn repeats(&self, other: &Self) -> bool {
        self.has_name_of(other) && self.material == other.material
    }
}

/// The keys that one element makes.
fn usable(
    members: &Members,
    allowed: &[Algorithm],
    origin: Origin,
) -> Result<Vec<(Key, Material)>, ConfigError> {
    let jwk = Jwk::to_verify(members)?;
    if origin == Origin::Remote && jwk.material.key_type() == KeyType::Hmac {
        return Err(ConfigError::InvalidKey(
            "a secret that is published is none; a remote set may hold public keys only".into(),
        ));
    }
    let algorithms = algorithms(&jwk, allowed)?;
    let (good, bad): (Vec<_>, Vec<_>) = algorithms
        .into_iter()
        .map(|algorithm| Key::new(algorithm, jwk.material.clone(), jwk.id.clone()))
        .partition(Result::is_ok);
    // A secret of 32 bytes is good for HS256 alone: one algorithm is enough.
    match bad.into_iter().find_map(Result::err) {
        Some(reason) if good.is_empty() => Err(reason),
        _ => Ok(good
            .into_iter()
            .flatten()
            .map(|key| (key, jwk.material.clone()))
            .collect()),
    }
}

/// The allowed algorithms that the key may be used with, at least one.
fn algorithms(jwk: &Jwk, allowed: &[Algorithm]) -> Result<Vec<Algorithm>, ConfigError> {
    if let Some(own) = jwk.algorithm {
        if allowed.iter().any(|algorithm| algorithm.matches(own)) {
            return Ok(vec![own]);
        }
        return Err(ConfigError::InvalidKey(format!(
            "{own} is not an allowed algorithm"
        )));
    }
    let mut fitting: Vec<Algorithm> = Vec::new();
    for algorithm in allowed {
        let fits = algorithm.key_type() == jwk.material.key_type();
        if fits && !fitting.iter().any(|known| known.matches(*algorithm)) {
            fitting.push(*algorithm);
        }
    }
    if fitting.is_empty() {
        return Err(ConfigError::InvalidKey(format!(
            "no allowed algorithm works with {}",
            jwk.material.key_type().described()
        )));
    }
    Ok(fitting)
}

/// Who can read the public keys can read the secrets: such a set is a mistake as a whole.
fn refuse_a_mixture(elements: &[Result<Members, ConfigError>]) -> Result<(), ConfigError> {
    let has = |kinds: &[&str]| {
        elements
            .iter()
            .flatten()
            .any(|members| members.kind().is_ok_and(|kind| kinds.contains(&kind)))
    };
    if has(&["oct"]) && has(&["EC", "OKP", "RSA"]) {
        return Err(ConfigError::InvalidKey(
            "the key set mixes symmetric and asymmetric keys".into(),
        ));
    }
    Ok(())
}

/// Drops all keys that share a name but differ, and all but the first of those that are the same.
fn without_conflicts(candidates: &[Candidate], skipped: &mut Vec<SkippedKey>) -> Vec<Key> {
    for candidate in candidates {
        let conflict = candidates
            .iter()
            .any(|other| candidate.is_in_conflict_with(other));
        let is_reported = skipped.iter().any(|known| known.index == candidate.index);
        if conflict && !is_reported {
            skipped.push(SkippedKey {
                index: candidate.index,
                id: candidate.key.id().map(shortened),
                reason: ConfigError::InvalidKey(format!(
                    "another {} key in the set has the same kid",
                    candidate.key.algorithm()
                )),
            });
        }
    }
    candidates
        .iter()
        .enumerate()
        .filter(|(at, candidate)| {
            let repeats = candidates[..*at]
                .iter()
                .any(|first| candidate.repeats(first));
            let conflict = candidates
                .iter()
                .any(|other| candidate.is_in_conflict_with(other));
            !repeats && !conflict
        })
        .map(|(_, candidate)| candidate.key.clone())
        .collect()
}

fn shown_id(members: &Members) -> Option<String> {
    members.raw_id().map(shortened)
}

fn shortened(id: &str) -> String {
    id.chars().take(128).collect()
}

/// The elements of `keys`, each still a text.
fn elements(json: &str) -> Result<Vec<&str>, ConfigError> {
    if json.len() > LONGEST_SET {
        return Err(ConfigError::InvalidKey(format!(
            "the key set is longer than {LONGEST_SET} bytes"
        )));
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let elements = SetVisitor
        .deserialize(&mut deserializer)
        .and_then(|elements| deserializer.end().map(|()| elements))
        .map_err(|error| {
            ConfigError::InvalidKey(format!(
                "this is no JWK Set: see line {}, column {}",
                error.line(),
                error.column()
            ))
        })?;
    if elements.len() > MOST_KEYS {
        return Err(ConfigError::InvalidKey(format!(
            "the key set has more than {MOST_KEYS} keys"
        )));
    }
    Ok(elements.into_iter().map(RawValue::get).collect())
}

/// Reads the member `keys` of an object without duplicate names.
struct SetVisitor;

impl<'de> DeserializeSeed<'de> for SetVisitor {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for SetVisitor {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JWK Set")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut names = Names::default();
        let mut keys = None;
        while let Some(name) = map.next_key_seed(Text)? {
            names.add(&name)?;
            if name == "keys" {
                keys = Some(map.next_value()?);
            } else {
                map.next_value_seed(Checked)?;
            }
        }
        keys.ok_or_else(|| A::Error::missing_field("keys"))
    }
}

const LONGEST_SET: usize = 256 * 1024;
const MOST_KEYS: usize = 100;

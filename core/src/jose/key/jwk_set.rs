//! A JWK Set (RFC 7517 section 5), read key by key: a bad key does not take the good ones with it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{certificates::parse_certificates, key::Key, note::KeyNote};
use crate::{
    error::ConfigError,
    jose::{
        Algorithm,
        format::{Jwk, KeyUse, Members},
        json::{MemberNames, StrictValue, Text},
        material::{KeyType, Material},
    },
};

/// The form and the source of a set, which decide what it may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyDocument {
    /// Certificates by the ids of their keys, from the network.
    Certificates,
    /// A JWK set in the operator's own file: secrets may be in it.
    LocalJwks,
    /// A JWK set from the network: a secret in it is no secret.
    RemoteJwks,
    /// The bundle of a SPIFFE trust domain: only its keys for JWT-SVIDs count, and no secret.
    SpiffeBundle,
}

impl KeyDocument {
    /// Returns the `use` of its keys.
    fn key_use(self) -> KeyUse {
        match self {
            Self::SpiffeBundle => KeyUse::JwtSvid,
            Self::Certificates | Self::LocalJwks | Self::RemoteJwks => KeyUse::Signatures,
        }
    }
}

/// The usable keys of a set, and why the others are not.
#[derive(Debug)]
pub(crate) struct ParsedSet {
    pub(crate) keys: Vec<Key>,
    pub(crate) skipped: Vec<SkippedKey>,
    pub(crate) notes: Vec<KeyNote>,
}

/// A key of a set that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    index: usize,
    id: Option<String>,
    reason: ConfigError,
}

impl SkippedKey {
    pub(super) fn new(index: usize, id: Option<String>, reason: ConfigError) -> Self {
        Self { index, id, reason }
    }

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
/// A key without `alg` becomes one key for each of the `defaults` that fit its type. A public key need not be
/// in its canonical form, if it has exactly one reading.
/// An error means that the text is no JWK Set, or a local one that mixes secrets with public keys.
pub(crate) fn parse_set(
    json: &str,
    defaults: &[Algorithm],
    document: KeyDocument,
) -> Result<ParsedSet, ConfigError> {
    if document == KeyDocument::Certificates {
        return parse_certificates(json, defaults);
    }
    let mut elements: Vec<_> = elements(json)?.into_iter().map(Members::parse).collect();
    // A secret in a set that was fetched is left out by itself: see `usable`.
    if document == KeyDocument::LocalJwks {
        refuse_a_mixture(&elements)?;
    }

    let notes = canonical(&mut elements);

    let mut candidates = Vec::new();
    let mut skipped = Vec::new();
    let mut unusable = Vec::new();
    for (index, element) in elements.iter().enumerate() {
        let members = element.as_ref();
        // Each bundle has them, for other documents than tokens: that is nothing to report.
        if document == KeyDocument::SpiffeBundle && members.is_ok_and(Members::is_x509_svid) {
            continue;
        }
        let keys = members.map_err(Clone::clone).and_then(|members| {
            let keys = usable(members, defaults, document);
            keys.inspect_err(|_| unusable.push(members))
        });
        match keys {
            Ok(keys) => candidates.extend(keys.into_iter().map(|(key, material)| Candidate {
                index,
                key,
                material,
            })),
            Err(reason) => skipped.push(SkippedKey {
                index,
                id: members.ok().and_then(Members::raw_id).map(shortened),
                reason,
            }),
        }
    }
    let purpose = document.key_use();
    let keys = without_conflicts(&candidates, &unusable, purpose, &mut skipped);
    // A key that is left out has a better reason to be reported.
    let is_used = |note: &KeyNote| skipped.iter().all(|key| key.index != note.index());
    Ok(ParsedSet {
        keys,
        notes: notes.into_iter().filter(is_used).collect(),
        skipped,
    })
}

/// Brings public keys into their canonical form, and notes which were not.
fn canonical(elements: &mut [Result<Members, ConfigError>]) -> Vec<KeyNote> {
    let mut notes = Vec::new();
    for (index, members) in elements.iter_mut().enumerate() {
        let Ok(members) = members else { continue };
        let found = members.make_canonical();
        if !found.is_empty() {
            let id = members.raw_id().map(shortened);
            notes.push(KeyNote::new(index, id, found.join("; ")));
        }
    }
    notes
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

    /// Returns whether two keys have one name: a token that names them could be meant for either.
    fn is_in_conflict_with(&self, other: &Self) -> bool {
        self.key.id().is_some() && self.has_name_of(other) && self.material != other.material
    }

    /// Returns whether a key that could not be used has this name: a token could be meant for it.
    fn shares_name_with(&self, unusable: &Members, purpose: KeyUse) -> bool {
        let algorithm = self.key.algorithm();
        self.key.id().is_some()
            && self.key.id() == unusable.raw_id()
            && unusable.claims_to_verify(algorithm, purpose)
    }

    fn repeats(&self, other: &Self) -> bool {
        self.has_name_of(other) && self.material == other.material
    }
}

/// Makes the keys of one element.
fn usable(
    members: &Members,
    defaults: &[Algorithm],
    document: KeyDocument,
) -> Result<Vec<(Key, Material)>, ConfigError> {
    let jwk = Jwk::to_verify(members, document.key_use())?;
    if document != KeyDocument::LocalJwks && jwk.material.key_type() == KeyType::Hmac {
        return Err(ConfigError::InvalidKey(
            "a secret that is published is none; a remote set may hold public keys only".into(),
        ));
    }
    let algorithms = algorithms(&jwk, defaults)?;
    let is_of_svids = |own: &Algorithm| Algorithm::OF_JWT_SVIDS.contains(own);
    if document == KeyDocument::SpiffeBundle && !algorithms.iter().all(is_of_svids) {
        return Err(ConfigError::InvalidKey(
            "no JWT-SVID is signed by a key of this algorithm".into(),
        ));
    }
    let (good, bad): (Vec<_>, Vec<_>) = algorithms
        .into_iter()
        .map(|algorithm| Key::for_signatures(algorithm, jwk.material.clone(), jwk.id.clone()))
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

/// Returns the algorithms that the key is used with, at least one: its own, or those of `defaults` that
/// fit.
fn algorithms(jwk: &Jwk, defaults: &[Algorithm]) -> Result<Vec<Algorithm>, ConfigError> {
    if let Some(own) = jwk.algorithm {
        return Ok(vec![own]);
    }
    let mut fitting: Vec<Algorithm> = Vec::new();
    for algorithm in defaults {
        let fits = algorithm.key_type() == jwk.material.key_type();
        if fits && !fitting.iter().any(|known| known.matches(*algorithm)) {
            fitting.push(*algorithm);
        }
    }
    if fitting.is_empty() {
        return Err(ConfigError::InvalidKey(format!(
            "it has no alg, and none of those to assume works with {}",
            jwk.material.key_type().described()
        )));
    }
    Ok(fitting)
}

/// Refuses a set of secrets and public keys: whoever reads the public keys reads the secrets.
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
fn without_conflicts(
    candidates: &[Candidate],
    unusable: &[&Members],
    purpose: KeyUse,
    skipped: &mut Vec<SkippedKey>,
) -> Vec<Key> {
    let mut keys = Vec::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let in_conflict = candidates
            .iter()
            .any(|other| candidate.is_in_conflict_with(other))
            || unusable
                .iter()
                .any(|members| candidate.shares_name_with(members, purpose));
        let is_repeated = candidates[..at]
            .iter()
            .any(|first| candidate.repeats(first));
        if !in_conflict && !is_repeated {
            keys.push(candidate.key.clone());
        }
        let is_reported = skipped.iter().any(|known| known.index == candidate.index);
        if in_conflict && !is_reported {
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
    keys
}

pub(super) fn shortened(id: &str) -> String {
    id.chars().take(128).collect()
}

/// Returns the elements of `keys`, each still a text.
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
        let mut names = MemberNames::default();
        let mut keys = None;
        while let Some(name) = map.next_key_seed(Text)? {
            if name == "keys" {
                keys = Some(map.next_value()?);
            } else {
                map.next_value_seed(StrictValue::ANY)?;
            }
            names.add(name).map_err(A::Error::custom)?;
        }
        keys.ok_or_else(|| A::Error::missing_field("keys"))
    }
}

pub(super) const LONGEST_SET: usize = 256 * 1024;
pub(super) const MOST_KEYS: usize = 100;

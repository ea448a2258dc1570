//! A map of certificates by the ids of their keys, as Google publishes them beside its JWK sets.

use serde_json::{Map, Value};

use super::{
    jwk_set::{LONGEST_SET, MOST_KEYS, ParsedSet, SkippedKey, shortened},
    key::Key,
};
use crate::{
    error::ConfigError,
    jose::{Algorithm, format::Jwk, json},
};

/// Reads a map of at most 256 KiB and 100 certificates, or public keys, in PEM.
///
/// Each becomes one key for each of the `algorithms` that fit its type. Of a certificate, the key alone counts.
/// An error means that the text is no object without duplicate names.
pub(crate) fn parse_certificates(
    text: &str,
    algorithms: &[Algorithm],
) -> Result<ParsedSet, ConfigError> {
    if text.len() > LONGEST_SET {
        return Err(invalid(format!(
            "the map of certificates is longer than {LONGEST_SET} bytes"
        )));
    }
    let refused = |error: serde_json::Error| {
        invalid(format!(
            "this is no map of certificates: see line {}, column {}",
            error.line(),
            error.column()
        ))
    };
    json::check(text).map_err(refused)?;
    let map: Map<String, Value> = serde_json::from_str(text).map_err(refused)?;
    if map.len() > MOST_KEYS {
        return Err(invalid(format!(
            "the map has more than {MOST_KEYS} certificates"
        )));
    }
    let (mut keys, mut skipped) = (Vec::new(), Vec::new());
    for (index, (id, value)) in map.iter().enumerate() {
        match read(id, value, algorithms) {
            Ok(read) => keys.extend(read),
            Err(reason) => skipped.push(SkippedKey::new(index, Some(shortened(id)), reason)),
        }
    }
    Ok(ParsedSet {
        keys,
        skipped,
        notes: Vec::new(),
    })
}

/// Makes the keys of one certificate: at least one.
fn read(id: &str, value: &Value, algorithms: &[Algorithm]) -> Result<Vec<Key>, ConfigError> {
    if id.len() > Jwk::LONGEST_ID {
        return Err(invalid(format!(
            "kid is longer than {} bytes",
            Jwk::LONGEST_ID
        )));
    }
    let pem = value
        .as_str()
        .ok_or_else(|| invalid("the certificate is not a string".into()))?;
    let mut keys: Vec<Key> = Vec::new();
    let mut reason = invalid("there is no algorithm to use it for".into());
    for algorithm in algorithms.iter().filter(|own| !own.is_symmetric()) {
        if keys
            .iter()
            .any(|known| known.algorithm().matches(*algorithm))
        {
            continue;
        }
        match Key::from_pem(*algorithm, pem) {
            Ok(key) => keys.push(key.with_id(id)),
            // That a key is weak says more than that it is of another type.
            Err(error) if !matches!(reason, ConfigError::WeakKey(_)) => reason = error,
            Err(_) => {}
        }
    }
    if keys.is_empty() {
        Err(reason)
    } else {
        Ok(keys)
    }
}

fn invalid(problem: String) -> ConfigError {
    ConfigError::InvalidKey(problem)
}

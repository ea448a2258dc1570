//! Keys that nobody lists, and that are fetched one by one as tokens name them.

use serde_json::{Map, Value};

use super::failure::Failure;
use crate::{
    claims::is_alb_key_id,
    error::ConfigError,
    jose::{Algorithm, KeyDocument},
    keys::KeySet,
};

/// The keys of load balancers that are known, in PEM, with the one that was fetched first in front.
#[derive(Clone, Default)]
pub(super) struct SingleKeys(Vec<(Box<str>, String)>);

impl SingleKeys {
    /// The most that are kept. Beyond that, the oldest is given up.
    const MOST: usize = 16;

    /// Reads those of an earlier run: a map by their ids.
    pub(super) fn saved(document: &str) -> Self {
        let map: Map<String, Value> = serde_json::from_str(document).unwrap_or_default();
        let pems = map.into_iter().filter_map(|(id, pem)| match pem {
            Value::String(pem) if is_alb_key_id(&id) => Some((id.into(), pem)),
            _ => None,
        });
        Self(pems.take(Self::MOST).collect())
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.0.iter().any(|(own, _)| **own == *id)
    }

    /// Returns the ids to fetch: those that are asked for, and those that are known.
    pub(super) fn to_fetch(&self, asked: &[Box<str>]) -> Vec<Box<str>> {
        let new = asked.iter().filter(|id| !self.has(id));
        let known = self.0.iter().map(|(id, _)| id);
        new.chain(known).cloned().collect()
    }

    /// Adds a key, or replaces it.
    ///
    /// # Errors
    ///
    /// When the PEM is no public key for ES256.
    pub(super) fn add(&mut self, id: Box<str>, pem: &str) -> Result<(), ConfigError> {
        let pem = pem.to_owned();
        read(&[(id.clone(), pem.clone())])?;
        match self.0.iter_mut().find(|(own, _)| *own == id) {
            Some((_, own)) => *own = pem,
            None => self.0.push((id, pem)),
        }
        Ok(())
    }

    /// Gives up those that are too many.
    pub(super) fn shorten(&mut self) {
        let excess = self.0.len().saturating_sub(Self::MOST);
        self.0.drain(..excess);
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.0.retain(|(own, _)| **own != *id);
    }

    /// Returns the keys, and the document with them.
    pub(super) fn set(&self) -> Result<(KeySet, String), Failure> {
        match self.0.as_slice() {
            [] => Ok((KeySet::default(), document(&[]))),
            keys => Ok((read(keys)?, document(keys))),
        }
    }
}

fn read(keys: &[(Box<str>, String)]) -> Result<KeySet, ConfigError> {
    KeySet::parse(
        &document(keys),
        &[Algorithm::ES256],
        KeyDocument::Certificates,
    )
}

fn document(keys: &[(Box<str>, String)]) -> String {
    let members = keys
        .iter()
        .map(|(id, pem)| (id.to_string(), pem.as_str().into()));
    Value::Object(members.collect()).to_string()
}

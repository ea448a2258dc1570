//! The ring of signing keys: a value that a change replaces by another.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter, mem,
    sync::Arc,
};

use serde::Serialize;

use super::{
    document::RingDocument,
    moment::{Moment, Retired},
};
use crate::{
    error::ConfigError,
    jose::{Header, HeaderBuffer, HeaderView, SigningKey, base64url},
    keys::KeySet,
};

/// The keys of now, and the document that they follow from, if there is one.
#[derive(Clone)]
pub(in crate::issue) struct Ring {
    pub(in crate::issue) moment: Moment,
    pub(in crate::issue) verifying: Arc<KeySet>,
    pub(in crate::issue) document: Option<Arc<RingDocument>>,
    /// The headers under the active key, by the type of the token: in base64url, with the dot behind it.
    headers: BTreeMap<String, String>,
    /// The names of the issuers that sign with it.
    issuers: BTreeSet<String>,
    /// The longest lifetime of their tokens, leeway included, in seconds.
    token_lifetime: i64,
}

impl Ring {
    pub(in crate::issue) fn new(active: SigningKey) -> Self {
        Self::of(Moment::new(active), None)
    }

    /// Makes the ring of a document, which has been [checked](RingDocument::check).
    pub(in crate::issue) fn from_document(
        document: Arc<RingDocument>,
        now: i64,
    ) -> Result<Self, ConfigError> {
        Ok(Self::of(document.at(now)?, Some(document)))
    }

    fn of(moment: Moment, document: Option<Arc<RingDocument>>) -> Self {
        Self {
            verifying: Arc::new(moment.verifying()),
            moment,
            document,
            headers: BTreeMap::new(),
            issuers: BTreeSet::new(),
            token_lifetime: 0,
        }
    }

    /// Returns the header of tokens of this type: base64url, and the dot behind it.
    pub(in crate::issue) fn header(&self, token_type: &str) -> Option<&str> {
        self.headers.get(token_type).map(String::as_str)
    }

    /// Makes the header for tokens of this type. The set of keys stays, as no key came or went.
    pub(in crate::issue) fn prepare(&mut self, token_type: &str) {
        let header = encoded_header(&self.moment.active, token_type);
        self.headers.insert(token_type.to_owned(), header);
    }

    /// Takes note of an issuer whose tokens live so long, leeway included.
    pub(in crate::issue) fn serve(
        &mut self,
        issuer: &str,
        token_lifetime: i64,
    ) -> Result<(), ConfigError> {
        if let Some(document) = &self.document {
            check_lifetime(document, token_lifetime)?;
        }
        self.issuers.insert(issuer.to_owned());
        self.token_lifetime = self.token_lifetime.max(token_lifetime);
        Ok(())
    }

    /// Returns whether the ring is that of this second.
    pub(in crate::issue) fn is_of(&self, now: i64) -> bool {
        self.moment.is_of(now)
    }

    /// Makes the ring that of this second.
    pub(in crate::issue) fn advance(&mut self, now: i64) {
        match &self.document {
            None => {
                let retired = &mut self.moment.retired;
                retired.retain(|retired| retired.until >= now);
            }
            // A document that was checked has an active key at every second.
            Some(document) => match document.at(now) {
                Ok(moment) => self.moment = moment,
                Err(_) => return,
            },
        }
        self.renew();
    }

    /// Follows another document, which must drop no key whose tokens live.
    pub(in crate::issue) fn adopt(
        &mut self,
        document: Arc<RingDocument>,
        now: i64,
    ) -> Result<(), ConfigError> {
        let Some(present) = &self.document else {
            return Err(ConfigError::Conflict(
                "this ring follows no document: its keys are changed one by one".into(),
            ));
        };
        document.check_successor_of(present, now)?;
        check_lifetime(&document, self.token_lifetime)?;
        for key in document.signing_keys() {
            self.check_headers(key)?;
        }
        self.moment = document.at(now)?;
        self.document = Some(document);
        self.renew();
        Ok(())
    }

    pub(in crate::issue) fn publish(&mut self, next: &SigningKey) -> Result<(), ConfigError> {
        self.check_new(next)?;
        if !self.moment.next.is_empty() {
            return Err(ConfigError::Conflict(
                "the ring has another next key already".into(),
            ));
        }
        self.moment.next.push(next.clone());
        self.renew();
        Ok(())
    }

    pub(in crate::issue) fn rotate(&mut self, until: i64) -> Result<(), ConfigError> {
        self.check_by_hand()?;
        let next = self.moment.next.pop();
        let next = next.ok_or_else(|| ConfigError::Missing("no next key was published".into()))?;
        let key = mem::replace(&mut self.moment.active, next).verifying_key();
        self.moment.retired.push(Retired { key, until });
        self.renew();
        Ok(())
    }

    pub(in crate::issue) fn remove(&mut self, id: &str) -> Result<(), ConfigError> {
        self.check_by_hand()?;
        if self.moment.active.id() == id {
            return Err(ConfigError::Conflict(
                "this key signs: `replace_active` puts another one in its place".into(),
            ));
        }
        if !self.verifying.has_key(id) {
            return Err(ConfigError::Missing(
                "the ring has no key with this id".into(),
            ));
        }
        let Moment { next, retired, .. } = &mut self.moment;
        retired.retain(|retired| retired.key.id() != Some(id));
        next.retain(|next| next.id() != id);
        self.renew();
        Ok(())
    }

    pub(in crate::issue) fn replace_active(&mut self, new: &SigningKey) -> Result<(), ConfigError> {
        self.check_new(new)?;
        self.moment.active = new.clone();
        self.renew();
        Ok(())
    }

    /// Tells the log and the measurements of a change, the gauges for each issuer.
    pub(in crate::issue) fn report_change(&self, before: &Self) {
        let is_rotated = self.moment.active.id() != before.moment.active.id();
        if is_rotated && !before.issuers.is_empty() {
            let (kid, previous) = (self.moment.active.id(), before.moment.active.id());
            tracing::info!(target: "countersign", kid, previous, "another key signs");
        }
        #[cfg(feature = "metrics")]
        for issuer in &self.issuers {
            let Moment { next, retired, .. } = &self.moment;
            let counts = [
                ("active", 1),
                ("next", next.len()),
                ("retired", retired.len()),
            ];
            let is_rotated = is_rotated && before.issuers.contains(issuer);
            crate::metrics::signing_keys(issuer, counts, is_rotated, self.moment.signs_from);
        }
    }

    #[cfg(feature = "metrics")]
    pub(in crate::issue) fn measure_reading(&self, is_failing: bool) {
        for issuer in &self.issuers {
            crate::metrics::signing_keys_failing(issuer, is_failing);
        }
    }

    /// Checks that the ring is changed by hand, and that a key can come: no other key has its id.
    fn check_new(&self, key: &SigningKey) -> Result<(), ConfigError> {
        self.check_by_hand()?;
        self.check_headers(key)?;
        if self.verifying.has_key(key.id()) {
            return Err(ConfigError::Conflict(
                "the ring has a key with this id already".into(),
            ));
        }
        Ok(())
    }

    fn check_by_hand(&self) -> Result<(), ConfigError> {
        match self.document {
            None => Ok(()),
            Some(_) => Err(ConfigError::Conflict(
                "this ring follows a document: change that".into(),
            )),
        }
    }

    /// Checks that verifiers read the headers of a key.
    fn check_headers(&self, key: &SigningKey) -> Result<(), ConfigError> {
        let types = self.headers.keys().map(String::as_str);
        iter::once("JWT")
            .chain(types)
            .try_for_each(|token_type| check_header(key, token_type))
    }

    /// Makes the headers for the key that signs now, and the set of the keys that are here now. A new
    /// set ends what caches know by the old one, so there is one only when keys came, went or took turns.
    fn renew(&mut self) {
        for (token_type, header) in &mut self.headers {
            *header = encoded_header(&self.moment.active, token_type);
        }
        if self.document.is_none() {
            let ends = self.moment.retired.iter().map(|retired| retired.until);
            self.moment.seconds.last = ends.min().unwrap_or(i64::MAX);
        }
        self.verifying = Arc::new(self.moment.verifying());
    }
}

fn check_lifetime(document: &RingDocument, needed: i64) -> Result<(), ConfigError> {
    let promised = document.token_lifetime();
    if needed > promised {
        return Err(ConfigError::InvalidSetting(format!(
            "`token_lifetime` of the ring is {promised} s, and an issuer's tokens live for {needed} s, leeway included: \
             their keys would leave too early"
        )));
    }
    Ok(())
}

/// Checks that verifiers take tokens of this type that name this key.
pub(crate) fn check_header(key: &SigningKey, token_type: &str) -> Result<(), ConfigError> {
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

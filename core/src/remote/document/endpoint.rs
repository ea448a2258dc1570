//! What to fetch, and how to read the answer.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{
    discovery::{self, Metadata},
    failure::Failure,
    http_caching,
};
use crate::{
    future::BoxFuture,
    jose::{Algorithm, JwkSource, SkippedKey},
    keys::KeySet,
    remote::http::{Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse},
};

/// Where the keys of one issuer are, and what is known about them between two fetches.
pub(crate) struct Endpoint {
    place: Location,
    /// Another host than the issuer's that may have the keys.
    keys_host: Option<String>,
    algorithms: Vec<Algorithm>,
    fetch: Arc<dyn DynFetch>,
    metadata: Option<Metadata>,
    /// The URL and the validator of the set that was published last.
    validator: Option<(String, String)>,
    reported: Vec<SkippedKey>,
    max_stale: Duration,
}

/// What the operator named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// The issuer: its metadata says where the keys are.
    Issuer(String),
    /// The URL of the key set.
    Jwks(String),
}

impl Location {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Issuer(name) | Self::Jwks(name) => name,
        }
    }
}

/// What a fetch brought.
pub(crate) enum Fetched {
    Set {
        set: KeySet,
        jwks: String,
        url: String,
        lifetime: Duration,
    },
    /// The set is still the one that was published last (304), for as long as it says, or as before.
    Unchanged { lifetime: Option<Duration> },
}

impl Endpoint {
    /// The largest document, in bytes.
    const LARGEST: usize = 256 << 10;
    /// How long metadata may take when the keys can be fetched without it.
    const METADATA_DEADLINE: Duration = Duration::from_secs(2);

    pub(crate) fn new(
        place: Location,
        keys_host: Option<String>,
        algorithms: Vec<Algorithm>,
        fetch: Arc<dyn DynFetch>,
        max_stale: Duration,
    ) -> Self {
        Self {
            place,
            keys_host,
            algorithms,
            fetch,
            metadata: None,
            validator: None,
            reported: Vec::new(),
            max_stale,
        }
    }

    /// Fetches the keys, and before that the metadata when it is time.
    pub(crate) async fn get(&mut self) -> Result<Fetched, Failure> {
        let url = match self.place.clone() {
            Location::Jwks(url) => url,
            Location::Issuer(issuer) => self.keys_url(&issuer).await?,
        };
        let etag = match &self.validator {
            Some((known, etag)) if *known == url => Some(etag.clone()),
            _ => None,
        };
        let asked_for_changes = etag.is_some();
        let response = self.fetch_document(&url, etag).await?;
        let lifetime = http_caching::lifetime(&response);
        match response.status() {
            200 => {}
            304 if asked_for_changes => return Ok(Fetched::Unchanged { lifetime }),
            _ => return Err(refused(&response)),
        }
        let jwks = text(&response)?;
        let set = KeySet::parse(jwks, &self.algorithms, JwkSource::Remote)?;
        self.report_skipped(&set);
        self.validator = http_caching::etag(&response).map(|etag| (url.clone(), etag));
        Ok(Fetched::Set {
            set,
            jwks: jwks.to_owned(),
            url,
            lifetime: lifetime.unwrap_or(http_caching::DEFAULT_LIFETIME),
        })
    }

    /// The fetch failed: the keys may have moved, so the metadata is asked for again.
    pub(crate) fn doubt(&mut self) {
        if let Some(known) = &mut self.metadata {
            known.fresh_until = Instant::now();
        }
    }

    /// The `jwks_uri` of the issuer, from its metadata.
    async fn keys_url(&mut self, issuer: &str) -> Result<String, Failure> {
        let Some(known) = &self.metadata else {
            let found = self.discover(issuer).await?;
            return Ok(self.metadata.insert(found).keys_url.clone());
        };
        if Instant::now() < known.fresh_until {
            return Ok(known.keys_url.clone());
        }
        // The metadata may be away where the keys are not: that must leave time for them.
        match timeout(Self::METADATA_DEADLINE, self.discover(issuer)).await {
            Ok(Ok(found)) => Ok(self.metadata.insert(found).keys_url.clone()),
            Ok(Err(failure)) if failure.reason() == Failure::WRONG_ISSUER => Err(failure),
            _ if Instant::now() < known.usable_until => Ok(known.keys_url.clone()),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure::timeout()),
        }
    }

    async fn discover(&self, issuer: &str) -> Result<Metadata, Failure> {
        let mut refusal = None;
        for url in discovery::urls(issuer) {
            let response = self.fetch_document(&url, None).await?;
            // What is not there can look like anything: a page, a redirect to one, an error.
            let document = match response.status() {
                200 => discovery::parse(text(&response)?),
                429 | 503 => return Err(refused(&response)),
                400..=499 => None,
                _ => {
                    refusal.get_or_insert(refused(&response));
                    None
                }
            };
            let Some(document) = document else { continue };
            let keys_url = document.keys_url(issuer, self.keys_host.as_deref())?;
            let lifetime =
                http_caching::lifetime(&response).unwrap_or(http_caching::DEFAULT_LIFETIME);
            let fresh_until = Instant::now() + lifetime;
            return Ok(Metadata {
                keys_url,
                fresh_until,
                usable_until: fresh_until + self.max_stale,
            });
        }
        Err(refusal.unwrap_or_else(|| {
            Failure::new("no_metadata").with_detail(
                "there is no metadata with `issuer` and `jwks_uri` at the well-known paths",
            )
        }))
    }

    async fn fetch_document(
        &self,
        url: &str,
        etag: Option<String>,
    ) -> Result<FetchResponse, Failure> {
        let request = FetchRequest::new(url, Self::LARGEST).unless(etag);
        // In a task of its own, which ends with this future: a `Fetch` of the app can panic.
        let mut task = JoinSet::new();
        task.spawn(Arc::clone(&self.fetch).get_boxed(request));
        let response = match task.join_next().await {
            Some(Ok(response)) => response?,
            Some(Err(_)) | None => return Err(Failure::new("panicked")),
        };
        if response.body().len() > Self::LARGEST {
            return Err(FetchError::from(FetchErrorKind::TooLarge).into());
        }
        Ok(response)
    }

    /// One line in the log when keys are left out that were not left out before.
    fn report_skipped(&mut self, set: &KeySet) {
        if set.skipped() != self.reported {
            self.reported = set.skipped().to_vec();
            if let Some(first) = self.reported.first() {
                tracing::warn!(
                    target: "countersign",
                    source = self.place.name(),
                    skipped = self.reported.len(),
                    index = first.index(),
                    reason = %first.reason(),
                    "keys of the set are not used",
                );
            }
        }
    }
}

/// An answer with a status that is none of those that bring something.
fn refused(response: &FetchResponse) -> Failure {
    let status = response.status();
    let reason = match status {
        // Not 304, which nobody asked for: it leads nowhere.
        300..=303 | 305..=399 => "redirect",
        _ => "status",
    };
    Failure::new(reason)
        .with_detail(format!("the answer has status {status}"))
        .with_retry_after(http_caching::retry_after(response))
}

fn text(response: &FetchResponse) -> Result<&str, Failure> {
    std::str::from_utf8(response.body())
        .map_err(|_| Failure::new("invalid_document").with_detail("the answer is no UTF-8"))
}

/// [`Fetch`] without its type.
pub(crate) trait DynFetch: Send + Sync {
    fn get_boxed(
        self: Arc<Self>,
        request: FetchRequest,
    ) -> BoxFuture<Result<FetchResponse, FetchError>>;
}

impl<F: Fetch> DynFetch for F {
    fn get_boxed(
        self: Arc<Self>,
        request: FetchRequest,
    ) -> BoxFuture<Result<FetchResponse, FetchError>> {
        Box::pin(async move { self.get(request).await })
    }
}

//! The documents to fetch, and how to read them.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{
    discovery::{self, Metadata},
    failure::Failure,
    http_caching,
    single_keys::SingleKeys,
};
use crate::{
    jose::{Algorithm, KeyDocument, KeyNote, SkippedKey, member},
    keys::KeySet,
    remote::http::{DynFetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse},
};

/// The source of one issuer's keys, with what is known between two fetches.
pub(crate) struct Endpoint {
    location: Location,
    /// A host beside the issuer's that may have the keys.
    keys_host: Option<String>,
    private_http: bool,
    algorithms: Vec<Algorithm>,
    fetch: Arc<dyn DynFetch>,
    metadata: Option<Metadata>,
    /// The last set, with its validator.
    known: Option<(String, Fetched)>,
    reported: Vec<SkippedKey>,
    reported_notes: Vec<KeyNote>,
    max_stale: Duration,
    /// Those that were fetched one by one.
    single_keys: SingleKeys,
}

/// The issuer or URL that the operator named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// The URL below which there is one PEM for each key of AWS load balancers.
    AlbKeys(String),
    /// The URL of a map of certificates.
    Certificates(String),
    /// The issuer: its metadata says where the keys are.
    Issuer(String),
    /// The URL of the key set.
    Jwks(String),
    /// The URL of the bundle of a SPIFFE trust domain.
    SpiffeBundle(String),
}

impl Location {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::AlbKeys(name)
            | Self::Certificates(name)
            | Self::Issuer(name)
            | Self::Jwks(name)
            | Self::SpiffeBundle(name) => name,
        }
    }

    /// The document with the keys.
    pub(crate) fn document(&self) -> KeyDocument {
        match self {
            Self::AlbKeys(_) | Self::Certificates(_) => KeyDocument::Certificates,
            Self::Issuer(_) | Self::Jwks(_) => KeyDocument::RemoteJwks,
            Self::SpiffeBundle(_) => KeyDocument::SpiffeBundle,
        }
    }
}

/// A key set that was fetched, or confirmed to be the last one.
#[derive(Clone)]
pub(crate) struct Fetched {
    pub(crate) set: Arc<KeySet>,
    pub(crate) jwks: Arc<str>,
    pub(crate) url: Arc<str>,
    pub(crate) lifetime: Duration,
}

impl Endpoint {
    /// The largest document, in bytes.
    const LARGEST: usize = 256 << 10;
    /// The longest time for metadata when the keys can be fetched without it.
    const METADATA_DEADLINE: Duration = Duration::from_secs(2);

    pub(crate) fn new(
        location: Location,
        keys_host: Option<String>,
        private_http: bool,
        algorithms: Vec<Algorithm>,
        fetch: Arc<dyn DynFetch>,
        max_stale: Duration,
    ) -> Self {
        Self {
            location,
            keys_host,
            private_http,
            algorithms,
            fetch,
            metadata: None,
            known: None,
            reported: Vec::new(),
            reported_notes: Vec::new(),
            max_stale,
            single_keys: SingleKeys::default(),
        }
    }

    /// Makes the request for a document.
    pub(crate) fn request(url: &str, private_http: bool) -> FetchRequest {
        let request = FetchRequest::new(url, Self::LARGEST);
        if private_http {
            request.with_private_http()
        } else {
            request
        }
    }

    /// Starts with the keys of an earlier run, where each is fetched by itself.
    pub(crate) fn start_with(&mut self, saved: &str) {
        if let Location::AlbKeys(_) = self.location {
            self.single_keys = SingleKeys::saved(saved);
        }
    }

    /// Fetches the keys, and before that the metadata when it is due. `asked` are the ids that requests wait for.
    pub(crate) async fn get(&mut self, asked: &[Box<str>]) -> Result<Fetched, Failure> {
        let url: Arc<str> = match self.location.clone() {
            Location::AlbKeys(url) => return self.get_each(&url, asked).await,
            Location::Certificates(url) | Location::Jwks(url) | Location::SpiffeBundle(url) => {
                url.into()
            }
            Location::Issuer(issuer) => self.keys_url(&issuer).await?.into(),
        };
        let known = self.known.as_ref().filter(|(_, last)| last.url == url);
        let etag = known.map(|(etag, _)| etag.clone());
        let response = self.fetch_document(&url, etag.clone()).await?;
        let lifetime = http_caching::lifetime(&response);
        let (etag, fetched) = match (response.status(), known) {
            (200, _) => {
                let jwks = text(&response)?;
                let set = KeySet::parse(jwks, &self.algorithms, self.location.document())?;
                self.report_skipped(&set);
                self.report_notes(&set);
                let lifetime = lifetime.unwrap_or(http_caching::DEFAULT_LIFETIME);
                let fetched = Fetched {
                    set: Arc::new(set),
                    lifetime: self.longest_lifetime(jwks).min(lifetime),
                    jwks: jwks.into(),
                    url,
                };
                (http_caching::etag(&response), fetched)
            }
            // Nothing has changed: it is fresh for as long as this answer says, or as before.
            (304, Some((_, last))) => {
                let lifetime = lifetime.unwrap_or(last.lifetime);
                let lifetime = self.longest_lifetime(&last.jwks).min(lifetime);
                (
                    etag,
                    Fetched {
                        lifetime,
                        ..last.clone()
                    },
                )
            }
            _ => return Err(refused(&response)),
        };
        self.known = etag.map(|etag| (etag, fetched.clone()));
        Ok(fetched)
    }

    /// Fetches those keys that are known, and those that are asked for, each by itself.
    async fn get_each(&mut self, url: &str, asked: &[Box<str>]) -> Result<Fetched, Failure> {
        let mut fetches = JoinSet::new();
        for id in self.single_keys.to_fetch(asked) {
            let request = Self::request(
                &format!("{}/{id}", url.trim_end_matches('/')),
                self.private_http,
            );
            let work = Arc::clone(&self.fetch).get_boxed(request);
            fetches.spawn(async move { (id, work.await) });
        }
        let mut lifetime = None;
        let mut found = self.single_keys.clone();
        while let Some(fetched) = fetches.join_next().await {
            let (id, response) = fetched.map_err(|_| Failure::new("panicked"))?;
            let response = response?;
            match response.status() {
                200 => {
                    found.add(id, text(&response)?)?;
                    let own = http_caching::lifetime(&response);
                    lifetime = lifetime.into_iter().chain(own).min();
                }
                // A bucket that nobody may list answers 403 for what is not there.
                403 | 404 | 410 => found.remove(&id),
                _ => return Err(refused(&response)),
            }
        }
        found.shorten();
        self.single_keys = found;
        let (set, document) = self.single_keys.set()?;
        Ok(Fetched {
            set: Arc::new(set),
            jwks: document.into(),
            url: url.into(),
            lifetime: lifetime.unwrap_or(http_caching::DEFAULT_LIFETIME),
        })
    }

    /// Returns how long a document wants to be used at most: a bundle says so itself (SPIFFE Trust Domain and Bundle
    /// section 4.1.2).
    fn longest_lifetime(&self, document: &str) -> Duration {
        let hint = match self.location {
            Location::SpiffeBundle(_) => member::<u64>(document, "spiffe_refresh_hint"),
            _ => return Duration::MAX,
        };
        // A hint in another form is none.
        let hint = hint.ok().flatten();
        hint.map_or(Duration::MAX, http_caching::within_bounds)
    }

    /// Asks for the metadata again before the next fetch: the keys may have moved.
    pub(crate) fn forget_metadata(&mut self) {
        if let Some(known) = &mut self.metadata {
            known.fresh_until = Instant::now();
        }
    }

    /// Returns the `jwks_uri` of the issuer, from its metadata.
    async fn keys_url(&mut self, issuer: &str) -> Result<String, Failure> {
        let found = match &self.metadata {
            None => self.discover(issuer).await?,
            Some(known) if Instant::now() < known.fresh_until => return Ok(known.keys_url.clone()),
            Some(known) => {
                // The metadata may be unavailable when the keys are not: that must leave time for them.
                let found = timeout(Self::METADATA_DEADLINE, self.discover(issuer)).await;
                match found.unwrap_or_else(|_| Err(Failure::timeout())) {
                    Err(failure)
                        if failure.reason() != Failure::WRONG_ISSUER
                            && Instant::now() < known.usable_until =>
                    {
                        return Ok(known.keys_url.clone());
                    }
                    found => found?,
                }
            }
        };
        Ok(self.metadata.insert(found).keys_url.clone())
    }

    async fn discover(&self, issuer: &str) -> Result<Metadata, Failure> {
        let mut refusal = None;
        for url in discovery::urls(issuer) {
            let response = self.fetch_document(&url, None).await?;
            // A missing document can look like anything: a page, a redirect to one, an error.
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
            let keys_url =
                document.keys_url(issuer, self.keys_host.as_deref(), self.private_http)?;
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
            Failure::new("no_metadata").because(
                "there is no metadata with `issuer` and `jwks_uri` at the well-known paths",
            )
        }))
    }

    async fn fetch_document(
        &self,
        url: &str,
        etag: Option<String>,
    ) -> Result<FetchResponse, Failure> {
        let request = Self::request(url, self.private_http).unless(etag);
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

    /// Warns once about the keys that are left out, until they are others.
    fn report_skipped(&mut self, set: &KeySet) {
        if set.skipped() != self.reported {
            self.reported = set.skipped().to_vec();
            if let Some(first) = self.reported.first() {
                tracing::warn!(
                    target: "countersign",
                    source = self.location.name(),
                    skipped = self.reported.len(),
                    index = first.index(),
                    reason = %first.reason(),
                    "keys of the set are not used",
                );
            }
        }
    }

    /// Tells once which keys are not in their canonical form, until they are others.
    fn report_notes(&mut self, set: &KeySet) {
        if set.notes() != self.reported_notes {
            self.reported_notes = set.notes().to_vec();
            if let Some(first) = self.reported_notes.first() {
                tracing::info!(
                    target: "countersign",
                    source = self.location.name(),
                    noted = self.reported_notes.len(),
                    index = first.index(),
                    note = first.text(),
                    "keys of the set are not in the form of RFC 7518, and are used",
                );
            }
        }
    }
}

/// Makes the failure of an answer with an unexpected status.
fn refused(response: &FetchResponse) -> Failure {
    let status = response.status();
    let reason = match status {
        // Not 304, which leads nowhere: nobody asked for it.
        300..=303 | 305..=399 => "redirect",
        _ => "status",
    };
    Failure::new(reason)
        .because(format!("the answer has status {status}"))
        .with_retry_after(http_caching::retry_after(response))
}

fn text(response: &FetchResponse) -> Result<&str, Failure> {
    std::str::from_utf8(response.body())
        .map_err(|_| Failure::new("invalid_document").because("the answer is no UTF-8"))
}

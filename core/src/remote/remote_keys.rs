//! The handle of an app to the keys of one provider.

use std::{fmt, sync::Arc};

use tokio::task::AbortHandle;

use super::{builder::RemoteKeysBuilder, saved::SavedKeys, status::KeysStatus};
use crate::remote::{
    document::{Failure, Location},
    refresh::State,
};
use crate::{
    claims::{KeyLocation, Provider},
    future::BoxFuture,
    keys::{KeySet, KeySetId, KeySource, Keys, KeysUnavailable, RefreshReason},
};

/// The keys of an identity provider. Cheap to clone; clones share the keys.
///
/// For a verifier, [`Verifier::discover`](crate::Verifier::discover) is the short way. Take this when
/// you need the [status](Self::status), other settings, or one source for several verifiers.
///
/// Its rules:
///
/// 1. Requests read one immutable set, without a lock. A token with a known `kid` never waits.
/// 2. One task fetches: ahead of time (75 to 85 % of the `max-age`, between one minute and one day,
///    ten minutes by default), with the `ETag` of the last answer, one fetch at a time.
/// 3. A token with an unknown `kid` waits up to two seconds for a fetch that all share, so the first
///    request after a rotation passes. Such fetches are limited to two, then one every ten seconds, and
///    beyond that an unknown `kid` is refused at once. So a key that its provider did not publish ahead
///    of its first use is found up to ten seconds late after two tokens with other unknown ids, or with
///    its own, before it was published. A token that its claims refuse anyway asks for no key. A
///    request that arrives before the first fetch waits for it, and then, if needed, for one more.
/// 4. When the provider is away, the last good set is used for at most an hour after it expired
///    ([`max_stale`](RemoteKeysBuilder::max_stale)). After that, and whenever it cannot be known whether
///    a key exists, the answer is 503 with `Retry-After`. It recovers by itself.
/// 5. A set is read key by key; weak, private, symmetric or unknown ones are left out, with one
///    warning. An answer that leaves no usable key counts as a failure.
///
/// The task ends when the last clone is dropped.
///
/// # Examples
///
/// ```
/// use countersign::{RemoteKeys, Verifier};
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = RemoteKeys::jwks("https://id.example/.well-known/jwks.json").build()?;
/// let verifier = Verifier::builder(keys.clone())
///     .issuer("https://id.example")
///     .audience("orders")
///     .build()?;
/// println!("{:?}", keys.status());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RemoteKeys(Arc<Handle>);

struct Handle {
    state: Arc<State>,
    task: AbortHandle,
}

impl RemoteKeys {
    /// Keys at this URL: a JWK set (RFC 7517 section 5).
    ///
    /// `https` only; `http` to this machine (`localhost`, `127.0.0.0/8`, `[::1]`) is allowed, and to a private
    /// network with [`private_http`](RemoteKeysBuilder::private_http).
    pub fn jwks(url: impl Into<String>) -> RemoteKeysBuilder {
        RemoteKeysBuilder::new(Location::Jwks(url.into()))
    }

    /// Keys at this URL: a map of certificates in PEM by the ids of their keys. See
    /// [`KeySet::from_certificates`](crate::KeySet::from_certificates) and [`jwks`](Self::jwks).
    ///
    /// Take a JWK set where the provider has one, too.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{RemoteKeys, Verifier};
    ///
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// // The tokens of Firebase: the issuer and the audience name the project.
    /// let keys = RemoteKeys::certificates(
    ///     "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com",
    /// );
    /// let verifier = Verifier::builder(keys.build()?)
    ///     .issuer("https://securetoken.google.com/my-project")
    ///     .audience("my-project")
    ///     .build()?;
    /// # drop(verifier);
    /// # Ok(()) }
    /// ```
    pub fn certificates(url: impl Into<String>) -> RemoteKeysBuilder {
        RemoteKeysBuilder::new(Location::Certificates(url.into()))
    }

    /// Keys at this URL: the bundle of a SPIFFE trust domain. See
    /// [`KeySet::from_spiffe_bundle`](crate::KeySet::from_spiffe_bundle) and [`jwks`](Self::jwks).
    ///
    /// The bundle says itself how long it should be used (`spiffe_refresh_hint`): the shorter of that and the `max-age`
    /// counts. It does not name its trust domain, so URL and trust domain are set as a pair.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{RemoteKeys, Verifier};
    ///
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = RemoteKeys::spiffe_bundle("https://spire.example.org/bundle").build()?;
    /// let verifier = Verifier::builder(keys)
    ///     .spiffe_trust_domain("example.org")
    ///     .audience("orders")
    ///     .build()?;
    /// # drop(verifier);
    /// # Ok(()) }
    /// ```
    pub fn spiffe_bundle(url: impl Into<String>) -> RemoteKeysBuilder {
        RemoteKeysBuilder::new(Location::SpiffeBundle(url.into()))
    }

    /// Keys of the load balancers of AWS in one region: one PEM for each, at `URL/KID`.
    ///
    /// Nobody lists them, so there are none until a token comes that names one. Then that one is fetched, as for any unknown key: at most four
    /// in one fetch, all requests wait for the same, and one that is not there is not asked for again for ten seconds. Only a UUID is asked for.
    /// The last 16 are kept and renewed.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{RemoteKeys, Verifier};
    ///
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = RemoteKeys::aws_alb("https://public-keys.auth.elb.eu-west-1.amazonaws.com").build()?;
    /// let verifier = Verifier::builder(keys)
    ///     .aws_alb_signer("arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188")
    ///     .issuer("https://id.example")
    ///     .audience("client-of-the-load-balancer")
    ///     .build()?;
    /// # drop(verifier);
    /// # Ok(()) }
    /// ```
    pub fn aws_alb(url: impl Into<String>) -> RemoteKeysBuilder {
        RemoteKeysBuilder::new(Location::AlbKeys(url.into()))
    }

    /// Keys of this issuer: its metadata says where they are (OpenID Connect Discovery 1.0, RFC 8414).
    ///
    /// The metadata must name exactly this issuer, byte by byte: `https://id.example` and
    /// `https://id.example/` are two. Of a [`Provider`], its issuer counts, and the host of its keys; or their URL, if it
    /// has no metadata.
    pub fn discover(provider: impl Into<Provider>) -> RemoteKeysBuilder {
        let provider = provider.into();
        let issuer = || RemoteKeysBuilder::new(Location::Issuer(provider.issuer().to_owned()));
        match &provider.keys {
            KeyLocation::AlbKeys(url) => Self::aws_alb(url),
            KeyLocation::Certificates(url) => Self::certificates(*url),
            KeyLocation::Discovered => issuer(),
            KeyLocation::DiscoveredAt(host) => issuer().keys_host(*host),
            KeyLocation::Jwks(url) => Self::jwks(url),
            KeyLocation::SpiffeBundle(url) => Self::spiffe_bundle(url),
        }
    }

    pub(super) fn start(state: Arc<State>, task: AbortHandle) -> Self {
        Self(Arc::new(Handle { state, task }))
    }

    /// Returns how the source is doing.
    #[must_use]
    pub fn status(&self) -> KeysStatus {
        self.0.state.status()
    }

    /// Waits until there are keys, for a server that will not start without them.
    ///
    /// # Errors
    ///
    /// [`KeysUnavailable`] when the next fetch to end has failed: the first one at most five seconds later.
    /// Further ones follow, so it can be asked again.
    pub async fn ready(&self) -> Result<(), KeysUnavailable> {
        self.fetched().await.map_err(|_| self.0.state.unavailable())
    }

    /// The last good set, to [start with](RemoteKeysBuilder::warm) next time; `None` if there is none.
    #[must_use]
    pub fn saved(&self) -> Option<SavedKeys> {
        self.0.state.saved()
    }

    /// Waits as [`ready`](Self::ready) does, and returns the reason of a failure.
    pub(super) async fn fetched(&self) -> Result<(), Option<Failure>> {
        self.0.state.ready().await
    }
}

impl KeySource for RemoteKeys {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        let state = &self.0.state;
        state.usable().ok_or_else(|| state.unavailable())
    }

    fn current_id(&self) -> Option<KeySetId> {
        self.0.state.usable_id()
    }

    fn uses_private_http(&self) -> bool {
        self.0.state.private_http
    }

    fn refresh(&self, why: RefreshReason<'_>) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        self.0.state.refresh(why)
    }
}

impl From<RemoteKeys> for Keys {
    fn from(keys: RemoteKeys) -> Self {
        Self::from_source(keys)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.state.release();
        self.task.abort();
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.state.fmt(f)
    }
}

//! A verifier with a cache, and a way to see which of the two answered.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use countersign::{
    AuthErrorKind, Key, KeySet, Keys, TokenCache, Verifier, VerifierBuilder,
    adapter::RequestHead,
    keys::{KeySetId, KeySource, KeysUnavailable},
    testing::TestIssuer,
};

/// The number of earlier uses of a token, after which it is in the shared table, or in the cache of
/// its thread.
pub(crate) const WARM: [usize; 2] = [1, 5];

/// An issuer, its keys, a cache and a verifier.
pub(crate) struct Lab {
    pub(crate) issuer: TestIssuer,
    pub(crate) keys: Source,
    pub(crate) cache: TokenCache,
    pub(crate) verifier: Verifier,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(TokenCache::new(), |builder| builder)
    }

    pub(crate) fn with(
        cache: TokenCache,
        settings: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
    ) -> Self {
        let issuer = TestIssuer::new();
        let keys = Source::new([issuer.key().verifying_key()]);
        let builder = keys.verifier(&issuer).cache(cache.clone());
        Self {
            verifier: settings(builder).build().unwrap(),
            issuer,
            keys,
            cache,
        }
    }

    /// Sends a good token this many times; then it comes from the cache.
    ///
    /// Another thread checks this, because the token would otherwise enter the cache of this
    /// thread.
    #[track_caller]
    pub(crate) fn warm(&self, token: &str, times: usize) {
        for _ in 0..times {
            self.verifier.verify_now(token).unwrap();
        }
        let is_hit = thread::scope(|scope| scope.spawn(|| self.is_hit(token)).join());
        assert!(is_hit.unwrap());
    }

    /// Returns true if a good token comes from the cache. If not, it is added.
    #[track_caller]
    pub(crate) fn is_hit(&self, token: &str) -> bool {
        let before = self.keys.uses();
        self.verifier.verify_now(token).unwrap();
        self.keys.uses() == before
    }

    pub(crate) fn refusal(&self, token: &str) -> Option<AuthErrorKind> {
        refusal(&self.verifier, token)
    }

    pub(crate) fn now(&self) -> i64 {
        countersign::Clock::now(self.issuer.clock())
    }
}

/// Returns the refusal of a token; `None` if it is accepted. `explain` uses no cache, and must
/// agree.
#[track_caller]
pub(crate) fn refusal(verifier: &Verifier, token: &str) -> Option<AuthErrorKind> {
    let refusal = verifier.verify_now(token).err().map(|error| error.kind());
    assert_eq!(verifier.explain(token).refusal(), refusal);
    refusal
}

/// Keys that a test changes, and that count how often they are used to verify.
#[derive(Clone)]
pub(crate) struct Source {
    set: Arc<Mutex<Option<Arc<KeySet>>>>,
    uses: Arc<AtomicUsize>,
}

impl Source {
    pub(crate) fn new(keys: impl IntoIterator<Item = Key>) -> Self {
        let source = Self {
            set: Arc::default(),
            uses: Arc::default(),
        };
        source.put(Some(KeySet::new(keys)));
        source
    }

    /// Returns the settings of [`TestIssuer::verifier_builder`], with these keys.
    pub(crate) fn verifier(&self, issuer: &TestIssuer) -> VerifierBuilder {
        Verifier::builder(Keys::from_source(self.clone()))
            .issuer(TestIssuer::ISSUER)
            .audience(TestIssuer::AUDIENCE)
            .clock(issuer.clock().clone())
    }

    /// Replaces the keys; `None` makes them unavailable. Returns the previous keys.
    pub(crate) fn put(&self, set: Option<KeySet>) -> Option<KeySet> {
        let set = set.map(Arc::new);
        let before = std::mem::replace(&mut *self.set.lock().unwrap(), set);
        before.map(|set| KeySet::clone(&set))
    }

    pub(crate) fn uses(&self) -> usize {
        self.uses.load(Ordering::SeqCst)
    }
}

impl KeySource for Source {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        self.uses.fetch_add(1, Ordering::SeqCst);
        let set = self.set.lock().unwrap().clone();
        set.ok_or_else(KeysUnavailable::default)
    }

    fn current_id(&self) -> Option<KeySetId> {
        Some(self.set.lock().unwrap().as_ref()?.id())
    }
}

/// A request with one header.
pub(crate) struct Head(pub(crate) &'static str, pub(crate) Vec<u8>);

impl RequestHead for Head {
    fn method(&self) -> &str {
        "GET"
    }

    fn path(&self) -> &str {
        "/"
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        if name == self.0 {
            visit(&self.1);
        }
    }
}

//! The cache of verified tokens: a small one for each thread (L1), and a shared one (L2).

use std::{
    cell::RefCell,
    fmt, mem,
    sync::{Arc, atomic::Ordering},
};

use super::{
    builder::TokenCacheBuilder,
    key::{CacheKey, CacheScope, Tags},
    local::LocalCache,
    shared::SharedCache,
};
use crate::{
    claims::VerifiedToken,
    sync::{AtomicU64, ThreadLocal},
};

/// Verified tokens, so that the next request with one of them need not verify it again.
///
/// A handle: clones share the tokens. Give it to [`VerifierBuilder::cache`](crate::VerifierBuilder::cache);
/// several verifiers may share one, and never take each other's verdicts.
///
/// A hit saves the signature check and the parsing, and nothing else. It must be
///
/// 1. the same token: the whole text is compared;
/// 2. from the same verifier;
/// 3. by the same key set, which must still be usable: a key that leaves the set, or a source that is
///    away for too long, ends all verdicts at once;
/// 4. still good: `exp`, `nbf`, `iat`, lifetime, age, `cnf` and [revocation](crate::Revocation) are looked at
///    again.
///
/// Otherwise the token is verified as if there were no cache: the cache never refuses. A
/// refusal is not kept, and costs what it did without one. The [authenticator](crate::Authenticator)'s
/// checks come after the verifier's: policies and the protection against cross-site requests see every
/// request.
///
/// **What is in memory**: the text of tokens and their claims, up to both
/// [bounds](TokenCacheBuilder), until others replace them, also after they have expired. Anyone who can
/// read the memory of the process can read tokens there that are still good. Tokens of more than 4 KiB are
/// never kept.
///
/// In addition, each thread that verifies keeps up to 128 tokens and 384 KiB of its own: those that it found
/// in the cache, as long as it has room for them, and then those that come again and again. They are
/// outside both bounds, and stay when the thread has ended, for the next one. So their memory follows
/// the largest number of threads that there were at a time.
///
/// # Examples
///
/// ```
/// # use countersign::testing::TestIssuer;
/// use countersign::{TokenCache, Verifier};
///
/// # let issuer = TestIssuer::new();
/// # let key = issuer.key();
/// # let clock = issuer.clock().clone();
/// let cache = TokenCache::builder().entries(50_000).bytes(64 << 20).build()?;
/// let verifier = Verifier::builder(key)
///     .issuer(TestIssuer::ISSUER)
///     .audience(TestIssuer::AUDIENCE)
///     .cache(cache.clone())
/// #   .clock(clock)
///     .build()?;
///
/// let token = issuer.token().sign();
/// verifier.verify_now(&token)?;
/// verifier.verify_now(&token)?; // no signature check
/// assert_eq!(cache.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TokenCache(Arc<Inner>);

struct Inner {
    tags: Tags,
    shared: SharedCache,
    locals: ThreadLocal<ThreadSlot>,
    /// The number of clearings.
    epoch: AtomicU64,
}

impl TokenCache {
    /// Makes a cache for 10,000 tokens and 16 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::bounded(
            TokenCacheBuilder::DEFAULT_ENTRIES,
            TokenCacheBuilder::DEFAULT_BYTES,
        )
    }

    /// Starts a cache with other bounds.
    pub fn builder() -> TokenCacheBuilder {
        TokenCacheBuilder::default()
    }

    /// Makes a cache with these bounds, which have been checked.
    pub(super) fn bounded(entries: usize, bytes: usize) -> Self {
        Self(Arc::new(Inner {
            tags: Tags::random(),
            shared: SharedCache::new(entries, bytes),
            locals: ThreadLocal::new(),
            epoch: AtomicU64::new(0),
        }))
    }

    /// Returns how many tokens are kept. Those that single threads keep beside are not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.shared.len()
    }

    /// Checks whether no token is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how much of the [bound in bytes](TokenCacheBuilder::bytes) is taken.
    ///
    /// A small token counts as `bytes / entries`, so that both bounds are reached together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.shared.bytes()
    }

    /// Forgets all tokens.
    ///
    /// Verdicts are right without it. The tokens of single threads are not used any more, and leave
    /// the memory when the thread looks next, at the latest with the cache. A token that is being verified
    /// meanwhile may be kept.
    pub fn clear(&self) {
        let taken = self.0.shared.take();
        // Only now: whoever sees it finds nothing from before in the shared cache.
        self.0.epoch.fetch_add(1, Ordering::AcqRel);
        drop(taken);
    }

    /// Returns a token that was verified in the same scope, if `is_good` still says so.
    pub(crate) fn get(
        &self,
        text: &[u8],
        scope: CacheScope,
        is_good: impl Fn(&VerifiedToken) -> bool,
    ) -> Option<VerifiedToken> {
        let inner = &*self.0;
        let key = inner.tags.key(text, scope)?;
        // Loaded first: what a clearing is about to take counts as from before it.
        let epoch = inner.epoch.load(Ordering::Acquire);
        let new_slot = || ThreadSlot(RefCell::new(LocalCache::new(epoch)));
        let local = inner.locals.get_or(new_slot);
        local.get(epoch, &key).filter(&is_good).or_else(|| {
            let found = inner.shared.get(&key).filter(&is_good);
            found.inspect(|token| local.promote(epoch, &key, token))
        })
    }

    /// Keeps a token that was verified just now.
    pub(crate) fn keep(&self, text: &str, scope: CacheScope, token: &VerifiedToken) {
        let inner = &*self.0;
        if let Some(key) = inner.tags.key(text.as_bytes(), scope) {
            inner.shared.put(&key, token);
        }
    }
}

/// The cache of one thread, on cache lines of its own.
///
/// It is in use already when an app's clock, or the `Drop` of its claims, verifies tokens. They go
/// without it.
#[repr(align(128))]
struct ThreadSlot(RefCell<LocalCache>);

impl ThreadSlot {
    fn get(&self, epoch: u64, key: &CacheKey<'_>) -> Option<VerifiedToken> {
        self.with(epoch, |local| local.get(key).cloned()).flatten()
    }

    /// Offers a token of the shared cache.
    fn promote(&self, epoch: u64, key: &CacheKey<'_>, token: &VerifiedToken) {
        // What leaves is dropped when the table is free: it may be the last that has an app's claims.
        let leaving = self.with(epoch, |local| local.offer(key, token));
        drop(leaving);
    }

    /// Runs `f` with the table of this epoch. A table of another epoch is emptied instead.
    fn with<R>(&self, epoch: u64, f: impl FnOnce(&mut LocalCache) -> R) -> Option<R> {
        let mut local = self.0.try_borrow_mut().ok()?;
        if local.epoch == epoch {
            return Some(f(&mut local));
        }
        let old = mem::replace(&mut *local, LocalCache::new(epoch));
        drop(local);
        drop(old);
        None
    }
}

impl Default for TokenCache {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache")
            .field("len", &self.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

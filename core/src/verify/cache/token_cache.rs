//! The cache as an app holds it, and the two ways into it.

use std::{
    cell::RefCell,
    fmt, mem,
    sync::{Arc, atomic::Ordering},
};

use super::{
    builder::TokenCacheBuilder,
    hash::{self, Hashes},
    local::{Entry, LocalCache},
    scope::CacheScope,
    shared::SharedCache,
    size,
};
use crate::{
    claims::VerifiedToken,
    sync::{AtomicU64, ThreadLocal},
};

/// Tokens that have been verified, so that the next request with one need not verify it again.
///
/// A handle: clones share the tokens. Give it to [`VerifierBuilder::cache`](crate::VerifierBuilder::cache);
/// several verifiers may share one, and never take each other's verdicts.
///
/// What a hit spares is the signature and the parsing, and nothing else. It must be
///
/// 1. the same token: the whole text is compared;
/// 2. from the same verifier;
/// 3. by the same key set, which must still be usable: a key that leaves the set, or a source that is
///    away for too long, ends all verdicts at once;
/// 4. still good: `exp`, `nbf`, `iat`, lifetime, age, `cnf` and [revocation](crate::Revocation) are looked at
///    again.
///
/// Otherwise the token is verified as if there were no cache. So the cache only ever says yes. A
/// refusal is not kept, and costs what it did. The [authenticator](crate::Authenticator)'s checks come
/// after the verifier's: policies and the protection against cross-site requests see every request.
///
/// **What is in memory**: the text of tokens and their claims, up to both
/// [bounds](TokenCacheBuilder), until others take their place, also after they have expired. Whoever can
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
    hashes: Hashes,
    shared: SharedCache,
    fronts: ThreadLocal<ThreadSlot>,
    /// How often it was cleared.
    epoch: AtomicU64,
}

impl TokenCache {
    /// The longest token that is kept, in bytes.
    const LARGEST_TOKEN: usize = 4 << 10;

    /// A cache for 10,000 tokens and 16 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::bounded(
            TokenCacheBuilder::DEFAULT_ENTRIES,
            TokenCacheBuilder::DEFAULT_BYTES,
        )
    }

    /// Starts a cache with other bounds.
    pub fn builder() -> TokenCacheBuilder {
        TokenCacheBuilder::new()
    }

    /// Both bounds have been checked.
    pub(super) fn bounded(entries: usize, bytes: usize) -> Self {
        Self(Arc::new(Inner {
            hashes: Hashes::new(),
            shared: SharedCache::new(entries, bytes),
            fronts: ThreadLocal::new(),
            epoch: AtomicU64::new(0),
        }))
    }

    /// How many tokens are kept. Those that single threads keep beside are not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.shared.len()
    }

    /// Whether no token is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much of the [bound in bytes](TokenCacheBuilder::bytes) is taken.
    ///
    /// A small token counts as `bytes / entries`, so that both bounds are reached together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.shared.bytes()
    }

    /// Forgets all tokens.
    ///
    /// No verdict ever needs it to be right. What single threads keep is not used any more, and leaves
    /// the memory at the thread's next look, at the latest with the cache. A token that is being verified
    /// meanwhile may be kept.
    pub fn clear(&self) {
        let taken = self.0.shared.take();
        // Only now: whoever sees it finds nothing from before in the shared table.
        self.0.epoch.fetch_add(1, Ordering::AcqRel);
        drop(taken);
    }

    /// A token that was verified on the same grounds, if `is_good` still says so.
    pub(crate) fn get(
        &self,
        text: &[u8],
        grounds: CacheScope,
        is_good: impl Fn(&VerifiedToken) -> bool,
    ) -> Option<VerifiedToken> {
        let inner = &*self.0;
        let end = hash::end(text).filter(|_| text.len() <= Self::LARGEST_TOKEN)?;
        let tag = inner.hashes.quick(end, grounds.verifier);
        // Looked at first: what a clearing is about to take counts as from before it.
        let epoch = inner.epoch.load(Ordering::Acquire);
        let own = inner.fronts.get_or(|| ThreadSlot::new(epoch));
        if let Ok(front) = own.0.try_borrow()
            && front.is_of(epoch)
            && let Some(token) = front.get(tag, text, grounds)
        {
            return is_good(token).then(|| token.clone());
        }
        own.forget_before(epoch);
        let hash = inner.hashes.strong(end, text.len(), grounds.verifier);
        let token = inner.shared.get(hash, text, grounds)?;
        if !is_good(&token) {
            return None;
        }
        own.advance(epoch, tag, text, grounds, &token);
        Some(token)
    }

    /// Keeps a token that was verified just now.
    pub(crate) fn keep(&self, text: &str, grounds: CacheScope, token: &VerifiedToken) {
        let inner = &*self.0;
        if let Some(end) = hash::end(text.as_bytes()).filter(|_| text.len() <= Self::LARGEST_TOKEN)
        {
            let hash = inner.hashes.strong(end, text.len(), grounds.verifier);
            inner.shared.put(hash, text, grounds, token);
        }
    }
}

/// What belongs to one thread, on cache lines of its own.
///
/// It is borrowed already when an app's clock, or the `Drop` of its claims, verifies tokens. Then it is
/// done without.
#[repr(align(128))]
struct ThreadSlot(RefCell<LocalCache>);

impl ThreadSlot {
    fn new(epoch: u64) -> Self {
        Self(RefCell::new(LocalCache::new(epoch)))
    }

    /// Has nothing in it that is from before the cache was cleared.
    fn forget_before(&self, epoch: u64) {
        let is_old = self.0.try_borrow().is_ok_and(|front| !front.is_of(epoch));
        if is_old && let Ok(mut front) = self.0.try_borrow_mut() {
            let old = mem::replace(&mut *front, LocalCache::new(epoch));
            drop(front);
            // Now that the front is free: it may be the last that has an app's claims.
            drop(old);
        }
    }

    /// The shared table had a token in that epoch that is not here: gives it a place, if it is worth
    /// one.
    fn advance(
        &self,
        epoch: u64,
        tag: u64,
        text: &[u8],
        grounds: CacheScope,
        token: &VerifiedToken,
    ) {
        let Ok(mut front) = self.0.try_borrow_mut() else {
            return;
        };
        // An app's clock may have cleared the cache, and verified a token after that.
        let size = size::of(text, token.payload());
        if !front.is_of(epoch) || !front.admits(tag, size) {
            return;
        }
        let entry = Entry {
            text: text.into(),
            grounds,
            token: token.unshared_clone(),
            size,
        };
        let leaving = front.put(tag, entry);
        drop(front);
        drop(leaving);
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

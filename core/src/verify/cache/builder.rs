//! The bounds of a cache.

use super::token_cache::TokenCache;
use crate::error::ConfigError;

/// Builds a [`TokenCache`]. Made by [`TokenCache::builder`].
///
/// Both bounds hold, whichever is reached first.
///
/// # Examples
///
/// ```
/// use countersign::TokenCache;
///
/// let cache = TokenCache::builder().entries(50_000).bytes(64 << 20).build()?;
/// assert!(cache.is_empty());
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct TokenCacheBuilder {
    entries: usize,
    bytes: usize,
}

impl TokenCacheBuilder {
    /// The default for [`entries`](Self::entries): 10,000.
    pub const DEFAULT_ENTRIES: usize = 10_000;
    /// The largest [`entries`](Self::entries): ten million.
    pub const MAX_ENTRIES: usize = 10_000_000;
    /// The default for [`bytes`](Self::bytes): 16 MiB.
    pub const DEFAULT_BYTES: usize = 16 << 20;
    /// The smallest [`bytes`](Self::bytes): 64 KiB.
    pub const MIN_BYTES: usize = 64 << 10;

    /// The most tokens that are kept. Default 10,000, at most ten million.
    ///
    /// When it is full, tokens that were not seen again make room. The table is in parts, and a full
    /// part makes room although another one has some: expect a few per cent fewer.
    ///
    /// Room in the table, some 100 bytes each, is taken at once for up to 65,536 of them, and for more as
    /// they come.
    pub fn entries(mut self, entries: usize) -> Self {
        self.entries = entries;
        self
    }

    /// The most memory for them in bytes, about. Default 16 MiB, at least 64 KiB.
    ///
    /// A token counts with its own length, twice that of its payload (the text, and the typed claims
    /// that an app reads it as), and some 450 bytes beside. A type that takes much more memory than its
    /// JSON text takes more than is counted.
    ///
    /// In addition, each thread keeps up to 128 tokens and 384 KiB, counted in the same way. They stay when
    /// the thread has ended, for the next one: that memory follows the largest number of threads that
    /// there were at a time.
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Checks the bounds and makes the cache.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a bound is out of range.
    pub fn build(self) -> Result<TokenCache, ConfigError> {
        let setting = |text: &str| Err(ConfigError::InvalidSetting(text.to_owned()));
        if !(1..=Self::MAX_ENTRIES).contains(&self.entries) {
            return setting("the `entries` of a token cache are not between 1 and 10000000");
        }
        if self.bytes < Self::MIN_BYTES {
            return setting("the `bytes` of a token cache are less than 65536");
        }
        Ok(TokenCache::bounded(self.entries, self.bytes))
    }
}

impl Default for TokenCacheBuilder {
    fn default() -> Self {
        Self {
            entries: Self::DEFAULT_ENTRIES,
            bytes: Self::DEFAULT_BYTES,
        }
    }
}

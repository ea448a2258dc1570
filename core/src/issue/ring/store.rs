//! The interface of a store that keeps sealed rings.

use std::{future::Future, pin::Pin};

use crate::error::StoreError;

/// Keeps sealed rings, each under a name: in a database, wherever one step can be atomic.
///
/// The session stores of this project are such stores. A store never sees a key: what it keeps is
/// [sealed](super::SealedRing). Rules that every implementation keeps, and that `testing::ring_store_suite` checks:
///
/// 1. [`replace_ring`](Self::replace_ring) is one atomic step: of many racers with the same `from`, exactly one gets
///    `true`.
/// 2. A read sees every write that was answered before it: no reading from a lagging replica.
/// 3. An answer is given only when the write is as durable as the store can make it. A ring never expires.
/// 4. Whatever goes wrong is a [`StoreError`], never an empty answer.
/// 5. Names are compared byte by byte.
///
/// # Examples
///
/// ```
/// use countersign::{MemoryStore, issue::RingStore};
///
/// # futures_executor::block_on(async {
/// let store = MemoryStore::new();
/// assert!(store.replace_ring("https://id.example", None, b"sealed").await?);
/// assert!(!store.replace_ring("https://id.example", None, b"another").await?, "there is one");
/// assert_eq!(store.read_ring("https://id.example").await?.as_deref(), Some(&b"sealed"[..]));
/// # Ok::<(), countersign::session::store::StoreError>(())
/// # }).unwrap();
/// ```
pub trait RingStore: Clone + Send + Sync + 'static {
    /// Reads the bytes of this name; `None` if there are none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say.
    fn read_ring(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// Replaces the bytes of this name by `to`, if they are `from`: one atomic step. `None` is no ring. `false` when
    /// they are something else.
    ///
    /// Nobody else writes the same `to`, so a store that sends a write again may answer `true` when it finds `to`.
    /// The bytes are 300 KiB at most, and the name 255.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say. The step may have happened even so.
    fn replace_ring(
        &self,
        name: &str,
        from: Option<&[u8]>,
        to: &[u8],
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// A [`RingStore`] without generics.
pub(super) trait AnyRingStore: Send + Sync {
    fn read<'a>(&'a self, name: &'a str) -> Reply<'a, Option<Vec<u8>>>;
    fn replace<'a>(
        &'a self,
        name: &'a str,
        from: Option<&'a [u8]>,
        to: &'a [u8],
    ) -> Reply<'a, bool>;
}

/// The future of an answer.
type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

impl<S: RingStore> AnyRingStore for S {
    fn read<'a>(&'a self, name: &'a str) -> Reply<'a, Option<Vec<u8>>> {
        Box::pin(self.read_ring(name))
    }

    fn replace<'a>(
        &'a self,
        name: &'a str,
        from: Option<&'a [u8]>,
        to: &'a [u8],
    ) -> Reply<'a, bool> {
        Box::pin(self.replace_ring(name, from, to))
    }
}

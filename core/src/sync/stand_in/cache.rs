//! A shared table without a lock, in the place of `quick_cache`.

use std::{
    hash::Hash,
    marker::PhantomData,
    sync::{Arc, Mutex, atomic::Ordering},
};

use quick_cache::{Equivalent, Options};

use super::atomic::AtomicUsize;

/// A few places, each published by an atomic number of its own.
///
/// It promises less than `quick_cache`, whose shards are under locks: a look may still find what was
/// taken out, unless something else orders it after that. Whoever finds an entry sees what was done
/// before it came. It knows no bounds but its places, and what leaves for another is dropped.
pub(crate) struct Cache<K, V, We, B, L> {
    /// 0: free. Else one more than the place in `kept`.
    places: [AtomicUsize; 2],
    kept: Mutex<Vec<Arc<(K, V)>>>,
    settings: PhantomData<(We, B, L)>,
}

impl<K: Clone + Eq, V: Clone, We, B, L> Cache<K, V, We, B, L> {
    pub(crate) fn with_options(_: Options, _: We, _: B, _: L) -> Self {
        Self {
            places: std::array::from_fn(|_| AtomicUsize::new(0)),
            kept: Mutex::default(),
            settings: PhantomData,
        }
    }

    pub(crate) fn reserve(&self, _: usize) {}

    pub(crate) fn get<Q: Hash + Equivalent<K>>(&self, key: &Q) -> Option<V> {
        let entries = self.entries().map(|(_, entry)| entry);
        let found = entries.flatten().find(|entry| key.equivalent(&entry.0))?;
        Some(found.1.clone())
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        let is_its = |entry: &Option<Arc<(K, V)>>| match entry {
            Some(entry) => entry.0 == key,
            None => true,
        };
        let place = self.entries().find(|(_, entry)| is_its(entry));
        let place = place.map_or(&self.places[0], |(place, _)| place);
        let mut kept = self.kept.lock().unwrap();
        kept.push(Arc::new((key, value)));
        let number = kept.len();
        drop(kept);
        place.store(number, Ordering::Release);
    }

    pub(crate) fn drain(&self) -> impl Iterator<Item = (K, V)> {
        let taken = self
            .places
            .iter()
            .map(|place| place.swap(0, Ordering::AcqRel));
        taken
            .filter_map(|number| self.at(number))
            .map(|entry| (*entry).clone())
    }

    pub(crate) fn len(&self) -> usize {
        self.entries().filter(|(_, entry)| entry.is_some()).count()
    }

    pub(crate) fn weight(&self) -> u64 {
        self.len() as u64
    }

    fn entries(&self) -> impl Iterator<Item = (&AtomicUsize, Option<Arc<(K, V)>>)> {
        self.places
            .iter()
            .map(|place| (place, self.at(place.load(Ordering::Acquire))))
    }

    fn at(&self, number: usize) -> Option<Arc<(K, V)>> {
        let kept = self.kept.lock().unwrap();
        kept.get(number.checked_sub(1)?).map(Arc::clone)
    }
}

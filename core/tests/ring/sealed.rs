//! Tests of a ring that is sealed in a store: who can open it, and nodes that follow it.

use std::{
    future::{Future, pending, poll_fn, ready},
    mem,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use countersign::{
    AuthErrorKind, Authenticator, ConfigError, Issuer, MemoryStore, SigningKey, SigningKeys,
    adapter::Credentials,
    issue::{KeyFolder, RingDocument, RingStore, SealedRing, SealingKeys},
    keys::Secret,
    session::store::StoreError,
    testing::{FixedClock, ring_store_suite},
};
use futures_executor::block_on;
use serde_json::json;

use super::{
    KEYS, LEAD, NOW, RELOAD, document, follow::Lines, issuer, issuer_of, published, signing, times,
};

const NAME: &str = "https://id.test";

/// Returns sealing keys, each of its bytes counted up from one of these.
fn sealing<const N: usize>(first: [u8; N]) -> SealingKeys {
    let key = |first: u8| std::array::from_fn(|index| first.wrapping_add(index as u8));
    SealingKeys::new(first.map(key)).unwrap()
}

/// A store that can be away, and can keep callers waiting.
#[derive(Clone, Default)]
struct Shaky {
    store: MemoryStore,
    is_away: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
    /// The next answer comes late.
    lags: Arc<AtomicBool>,
    reads: Arc<AtomicUsize>,
}

impl RingStore for Shaky {
    async fn read_ring(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.hangs.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        let found = match self.is_away.load(Ordering::SeqCst) {
            true => Err(StoreError::new("connection refused")),
            false => self.store.read_ring(name).await,
        };
        if self.lags.swap(false, Ordering::SeqCst) {
            let mut has_waited = false;
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                match mem::replace(&mut has_waited, true) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
        }
        found
    }

    async fn replace_ring(
        &self,
        name: &str,
        from: Option<&[u8]>,
        to: &[u8],
    ) -> Result<bool, StoreError> {
        match self.is_away.load(Ordering::SeqCst) {
            true => Err(StoreError::new("connection refused")),
            false => self.store.replace_ring(name, from, to).await,
        }
    }
}

/// Two nodes, and the operator's ring.
struct Cluster {
    store: Shaky,
    ring: SealedRing,
    clock: FixedClock,
    keys: [SigningKeys; 2],
    issuers: [Issuer; 2],
}

impl Cluster {
    fn start() -> Self {
        let (store, clock) = (Shaky::default(), FixedClock::at(NOW));
        let ring = SealedRing::new(store.clone(), NAME, sealing([1])).unwrap();
        let ring = ring.clock(clock.clone());
        block_on(ring.create(|_| Ok(document()))).unwrap();
        let keys = [(); 2].map(|()| block_on(SigningKeys::open_sealed(ring.clone())).unwrap());
        let issuers = [0, 1].map(|index| issuer(&keys[index], &clock));
        Self {
            store,
            ring,
            clock,
            keys,
            issuers,
        }
    }

    fn rotate(&self, key: &SigningKey) {
        block_on(self.ring.change(|document, now| document.rotate(key, now))).unwrap();
    }

    fn replace(&self, id: &str, spare: &SigningKey) {
        block_on(
            self.ring
                .change(|document, now| document.replace(id, spare, now)),
        )
        .unwrap();
    }

    /// Returns what is stored.
    fn sealed(&self) -> Vec<u8> {
        block_on(self.store.store.read_ring(NAME)).unwrap().unwrap()
    }

    /// Stores other bytes.
    fn put(&self, sealed: &[u8]) {
        let from = self.sealed();
        assert!(block_on(self.store.store.replace_ring(NAME, Some(&from), sealed)).unwrap());
    }

    fn verdict(&self, node: usize, token: &str) -> Result<(), AuthErrorKind> {
        let authenticator = Authenticator::new(self.issuers[node].verifier());
        let verdict = block_on(authenticator.authenticate(Some(Credentials::new(token))));
        verdict.map(drop).map_err(|error| error.kind())
    }
}

/// A ring that was sealed once, by AWS-LC. `openssl` and a few lines of Python open it, too.
const SEALED: &str = "\
    AR0zfHpENdr0dmPYFMC0LXtppDzDq4LbhgHStXDR35Cga3mff9u3PoXqvwzNIsTJq/iwzg4IV+jCFxMtgRVBMVkE0tRvkPxKwNYn\
    gyahO/J/uOcjNhjDHCfmHCisJmBUqZK5ODx/2Jj0G0nAJ99HX7y4owJYNHZvBCP0kztgdcBpMdLvsMQl64fz0GqojQYRUDIAIzpm\
    TxCH97EFXifElr2GtqayWC5ehg0DCEWF83s26z0S/9jjC04jrNRt/x9T1BXtlJ3qNPDK5ML3VhonFTlpnxhYCuQNGCyjWFQnue0+\
    wv1OBBYFv6i3ShHbp82GWu4BsOZQTbhWN7UzvNzmKHhn2LZ8bCZFyufkNwzhHbTTE6VjnBhe1uGYh60Eu+CJarRh0z4S80WtZBYJ\
    JodgSq/kLh6mLEgJ2N7iwOr6iCvr+xwwg8I5/xzX36hk0RcGgKfS/wG9jr7aEAkPhr54GE84bDpvewIsX4mTzrUH+iJcK8ttIXTm\
    dSceUYFfTap5EHTAW9QJ3q3dlOJKPukgKJ0RaYTJniA+cyO8j1LAONiOD5z80dvH091uSHDmjhakEfTsl8ifF+15nhG5PMkb3iEV\
    c2CRs8QajtjFrM1/VAST+aKNKF2N/ztHAD/D9YqywmIqLA==";

/// Returns the error of opening these bytes.
fn refusal(sealed: &[u8], name: &str, keys: SealingKeys) -> ConfigError {
    let store = MemoryStore::new();
    assert!(block_on(store.replace_ring(name, None, sealed)).unwrap());
    let ring = SealedRing::new(store, name, keys).unwrap();
    block_on(ring.clock(FixedClock::at(NOW)).load()).unwrap_err()
}

#[test]
fn memory_passes_the_suite() {
    block_on(ring_store_suite(MemoryStore::new()));
}

#[test]
fn what_is_sealed_is_opened_and_shows_nothing() {
    let cluster = Cluster::start();
    let opened = block_on(cluster.ring.load()).unwrap();
    assert_eq!(opened.to_json(), document().to_json());
    let sealed = cluster.sealed();
    for text in ["keys", "EC", "reload", "\"a\""] {
        let found = sealed
            .windows(text.len())
            .any(|part| part == text.as_bytes());
        assert!(!found, "{text}");
    }
    // Another nonce each time.
    let other = Cluster::start().sealed();
    assert_eq!((sealed.len(), &sealed[..9]), (other.len(), &other[..9]));
    assert_ne!(sealed[9..21], other[9..21]);
}

#[test]
fn a_ring_that_was_sealed_long_ago_or_by_the_other_backend_opens() {
    let (store, name) = (MemoryStore::new(), "https://id.example");
    let sealed = Secret::from_base64(SEALED).unwrap();
    assert!(block_on(store.replace_ring(name, None, sealed.as_ref())).unwrap());
    let keys = SealingKeys::from_base64("14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1uQ=").unwrap();
    assert_eq!(keys.ids().next().as_deref(), Some("1d337c7a4435daf4"));
    let ring = SealedRing::new(store, name, keys).unwrap();
    let opened = block_on(ring.clock(FixedClock::at(NOW)).load()).unwrap();
    assert_eq!(opened.keys(NOW).next().unwrap().id, "a");
}

#[test]
fn a_wrong_sealing_key_is_told_by_its_id() {
    let sealed = Cluster::start().sealed();
    let id = sealing([1]).ids().next().unwrap();
    let refused = refusal(&sealed, NAME, sealing([2]));
    assert_eq!(
        refused.to_string(),
        format!(
            "invalid key: ring \"https://id.test\": the ring is sealed under the key {id}, which is not among the \
             sealing keys"
        )
    );
}

#[test]
fn a_ring_cannot_be_moved_to_another_name() {
    let sealed = Cluster::start().sealed();
    let refused = refusal(&sealed, "https://other.test", sealing([1]));
    assert!(
        matches!(&refused, ConfigError::InvalidKey(text) if text.contains("made for another name")),
        "{refused}"
    );
}

#[test]
fn each_bit_that_was_flipped_and_each_end_that_was_cut_off_is_refused() {
    let cluster = Cluster::start();
    let sealed = cluster.sealed();
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        cluster.put(&flipped);
        let refused = block_on(cluster.ring.load()).unwrap_err().to_string();
        let expected = match bit / 8 {
            0 => "this is no sealed ring: its format is",
            1..=8 => "is not among the sealing keys",
            _ => "was changed in the store",
        };
        assert!(refused.contains(expected), "{bit}: {refused}");
    }
    for length in 0..sealed.len() {
        cluster.put(&sealed[..length]);
        block_on(cluster.ring.load()).unwrap_err();
    }
    cluster.put(&[&sealed[..], b"a"].concat());
    block_on(cluster.ring.load()).unwrap_err();
    cluster.put(&vec![1; 1 << 20]);
    block_on(cluster.ring.load()).unwrap_err();
    cluster.put(&sealed);
    block_on(cluster.ring.load()).unwrap();
}

#[test]
fn a_sealing_key_is_replaced_while_nodes_run() {
    let cluster = Cluster::start();
    let ring = |keys| {
        let ring = SealedRing::new(cluster.store.clone(), NAME, keys).unwrap();
        ring.clock(cluster.clock.clone())
    };
    // Nodes with both keys, and one that has not been restarted yet.
    let both = block_on(SigningKeys::open_sealed(ring(sealing([2, 1])))).unwrap();
    assert!(!block_on(ring(sealing([1])).reseal()).unwrap());
    assert!(block_on(ring(sealing([2, 1])).reseal()).unwrap());
    assert!(!block_on(ring(sealing([2, 1])).reseal()).unwrap());
    block_on(both.reload()).unwrap();
    block_on(cluster.keys[0].reload()).unwrap_err();
    assert_eq!(signing(&cluster.issuers[0]), "a", "it goes on");

    // Without the old key.
    let new = ring(sealing([2]));
    let opened = block_on(new.load()).unwrap();
    assert_eq!(opened.to_json(), document().to_json());
    // A change seals under the first key, too.
    block_on(ring(sealing([3, 2])).change(|document, now| document.rotate(&KEYS[1], now))).unwrap();
    block_on(new.load()).unwrap_err();
    assert!(!block_on(ring(sealing([3])).reseal()).unwrap());
    block_on(ring(sealing([2])).reseal()).unwrap_err();
}

#[test]
fn of_nodes_that_start_at_once_one_makes_the_ring_and_all_use_it() {
    let store = MemoryStore::new();
    let nodes: Vec<_> = std::thread::scope(|scope| {
        let nodes: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    let ring = SealedRing::new(store.clone(), NAME, sealing([1])).unwrap();
                    let ring = ring.clock(FixedClock::at(NOW));
                    let make = |now| {
                        RingDocument::new(&SigningKey::generate_es256().unwrap(), times(), now)
                    };
                    let made = block_on(ring.create_if_missing(make)).unwrap();
                    (
                        made,
                        published(&block_on(SigningKeys::open_sealed(ring)).unwrap()),
                    )
                })
            })
            .collect();
        nodes.into_iter().map(|node| node.join().unwrap()).collect()
    });
    assert_eq!(nodes.iter().filter(|(made, _)| *made).count(), 1);
    assert!(nodes.iter().all(|(_, keys)| *keys == nodes[0].1));
}

#[test]
fn a_ring_that_is_there_is_not_made_again() {
    let cluster = Cluster::start();
    let other = |now| RingDocument::new(&KEYS[1], times(), now);
    let refused = block_on(cluster.ring.create(other)).unwrap_err();
    assert!(matches!(refused, ConfigError::Conflict(_)), "{refused}");
    assert_eq!(block_on(cluster.ring.create_if_missing(other)), Ok(false));
    assert_eq!(signing(&cluster.issuers[0]), "a");
}

#[test]
fn of_two_changes_at_once_none_is_lost() {
    for _ in 0..20 {
        let cluster = Cluster::start();
        let ring = &cluster.ring;
        let rotated = std::thread::scope(|scope| {
            scope.spawn(|| cluster.replace("a", &KEYS[2]));
            let rotate = |document: &mut RingDocument, now| document.rotate(&KEYS[1], now);
            let rotating = scope.spawn(move || block_on(ring.change(rotate)));
            rotating.join().unwrap()
        });
        let document = block_on(ring.load()).unwrap().to_json().unwrap();
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["revoked"]["a"], NOW + RELOAD);
        // After the replacement, another key is on its way already.
        let keys: Vec<_> = document["keys"].as_array().unwrap().iter().collect();
        let last = keys.last().unwrap()["kid"].as_str().unwrap();
        let expected = if rotated.is_ok() { "b" } else { "c" };
        assert_eq!((keys.len(), last), (2, expected));
    }
}

#[test]
fn a_change_that_was_overtaken_is_made_again_on_the_new_document() {
    let cluster = Cluster::start();
    let mut round = 0;
    let changed = block_on(cluster.ring.change(|document, now| {
        round += 1;
        if round == 1 {
            // Somebody else is faster.
            std::thread::scope(|scope| scope.spawn(|| cluster.rotate(&KEYS[1])).join().unwrap());
        }
        document.rotate(&KEYS[2], now)
    }));
    let refused = changed.unwrap_err().to_string();
    assert!(refused.contains("key \"b\" is on its way"), "{refused}");
    assert_eq!(round, 2);
}

#[test]
fn a_ring_of_a_folder_moves_to_a_store() {
    let path = tempfile::tempdir().unwrap();
    let clock = FixedClock::at(NOW);
    let folder = KeyFolder::new(path.path()).clock(clock.clone());
    folder.create(|_| Ok(document())).unwrap();
    let ring = SealedRing::new(MemoryStore::new(), NAME, sealing([1])).unwrap();
    let ring = ring.clock(clock.clone());
    block_on(ring.create(|_| folder.load())).unwrap();
    let keys = block_on(SigningKeys::open_sealed(ring)).unwrap();
    assert_eq!(signing(&issuer(&keys, &clock)), "a");
}

#[test]
fn a_change_in_the_store_is_followed() {
    let cluster = Cluster::start();
    let [keys, _] = &cluster.keys;
    cluster.rotate(&KEYS[1]);
    let ticks = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ticks);
    let mut following = pin!(keys.follow(move || {
        let is_first = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            match is_first {
                true => ready(()).await,
                false => pending().await,
            }
        }
    }));
    cluster.clock.advance(Duration::from_secs(10));
    assert_eq!(published(keys), ["a"]);
    let polled = following
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending));
    assert_eq!(ticks.load(Ordering::SeqCst), 2);
    assert_eq!(published(keys), ["a", "b"]);
    cluster.clock.set(NOW + RELOAD + LEAD);
    assert_eq!(signing(&cluster.issuers[0]), "b");
}

#[test]
fn an_outage_leaves_the_old_ring_working_and_is_told_once() {
    let cluster = Cluster::start();
    let [keys, _] = &cluster.keys;
    let old = cluster.issuers[0].issue(&json!({})).unwrap();
    let foreign = issuer(&SigningKeys::new(KEYS[5].clone()), &cluster.clock);
    let foreign = foreign.issue(&json!({})).unwrap();
    let mut lines = Lines::of(|| {
        cluster.store.is_away.store(true, Ordering::SeqCst);
        for _ in 0..5 {
            block_on(keys.reload()).unwrap_err();
        }
        assert_eq!(cluster.verdict(0, old.as_str()), Ok(()));
        assert_eq!(signing(&cluster.issuers[0]), "a");
        cluster.clock.advance(Duration::from_secs(1));
        // It may be signed by a key in the ring that cannot be read.
        for node in [0, 1] {
            let refused = cluster.verdict(node, foreign.as_str());
            assert_eq!(refused, Err(AuthErrorKind::KeysUnavailable));
        }
        cluster.store.is_away.store(false, Ordering::SeqCst);
        // Another cause is told, once, too.
        let whole = cluster.sealed();
        cluster.put(b"?");
        for _ in 0..2 {
            block_on(keys.reload()).unwrap_err();
        }
        cluster.put(&whole);
        for keys in &cluster.keys {
            block_on(keys.reload()).unwrap();
            block_on(keys.reload()).unwrap();
        }
    });
    let begin = "WARN message=the signing keys cannot be reloaded: the old ones go on cause=missing setting: ring \
                 \"https://id.test\": the store is not available: connection refused";
    let other = "WARN message=the signing keys cannot be reloaded: the old ones go on cause=invalid setting: ring \
                 \"https://id.test\": this is no sealed ring: its format is 63, and this program knows format 1";
    let end = "INFO message=the signing keys are reloaded again";
    lines.retain(|line| !line.starts_with("DEBUG"));
    assert_eq!(lines, [begin, begin, other, end, end]); // of each node
    cluster.clock.advance(Duration::from_secs(1));
    let refused = cluster.verdict(0, foreign.as_str());
    assert_eq!(refused, Err(AuthErrorKind::UnknownKey));
}

#[test]
fn a_ring_that_is_gone_or_drops_a_live_key_is_refused() {
    let cluster = Cluster::start();
    let [keys, _] = &cluster.keys;
    let old = cluster.sealed();
    cluster.rotate(&KEYS[1]);
    block_on(keys.reload()).unwrap();
    cluster.clock.set(NOW + RELOAD + LEAD);
    assert_eq!(signing(&cluster.issuers[0]), "b");
    // Somebody who can write to the store brings the first ring back.
    cluster.put(&old);
    let refused = block_on(keys.reload()).unwrap_err().to_string();
    assert!(refused.contains("key \"b\" is missing"), "{refused}");
    assert_eq!(signing(&cluster.issuers[0]), "b");
    // It is another store.
    let ring = SealedRing::new(MemoryStore::new(), NAME, sealing([1])).unwrap();
    let refused = block_on(ring.load()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "missing setting: ring \"https://id.test\": there is no such ring"
    );
}

#[test]
fn a_node_that_has_not_read_of_an_emergency_does_so_when_it_meets_the_new_key() {
    let cluster = Cluster::start();
    let old = cluster.issuers[0].issue(&json!({})).unwrap();
    cluster.replace("a", &KEYS[1]);
    block_on(cluster.keys[0].reload()).unwrap();
    cluster.clock.set(NOW + RELOAD);
    let new = cluster.issuers[0].issue(&json!({})).unwrap();
    assert_eq!(cluster.verdict(1, old.as_str()), Ok(()));
    assert_eq!(cluster.verdict(1, new.as_str()), Ok(()));
    assert_eq!(
        cluster.verdict(1, old.as_str()),
        Err(AuthErrorKind::UnknownKey)
    );
}

#[test]
fn unknown_keys_have_the_store_asked_once_a_second() {
    let cluster = Cluster::start();
    let foreign = issuer(&SigningKeys::new(KEYS[5].clone()), &cluster.clock);
    let foreign = foreign.issue(&json!({})).unwrap();
    let before = cluster.store.reads.load(Ordering::SeqCst);
    for second in 1..=3 {
        cluster.clock.advance(Duration::from_secs(1));
        for _ in 0..10 {
            let refused = cluster.verdict(0, foreign.as_str());
            assert_eq!(refused, Err(AuthErrorKind::UnknownKey));
        }
        assert_eq!(cluster.store.reads.load(Ordering::SeqCst), before + second);
    }
}

/// The client of a request that asks the store goes away, while others wait for the answer.
#[test]
fn a_request_that_is_dropped_while_it_reads_leaves_the_reading_to_the_next_one() {
    let cluster = Cluster::start();
    cluster.replace("a", &KEYS[1]);
    block_on(cluster.keys[0].reload()).unwrap();
    cluster.clock.set(NOW + RELOAD);
    let new = cluster.issuers[0].issue(&json!({})).unwrap();
    let authenticator = Authenticator::new(cluster.issuers[1].verifier());
    let request = || Box::pin(authenticator.authenticate(Some(Credentials::new(new.as_str()))));
    let (mut first, mut second) = (request(), request());
    let cx = &mut Context::from_waker(Waker::noop());

    cluster.store.hangs.store(true, Ordering::SeqCst);
    assert!(first.as_mut().poll(cx).is_pending());
    assert!(second.as_mut().poll(cx).is_pending());
    cluster.store.hangs.store(false, Ordering::SeqCst);
    assert!(second.as_mut().poll(cx).is_pending(), "the first one reads");
    drop(first);
    assert!(block_on(second).is_ok());

    // Nobody waits: the second in which it was asked counts for nothing.
    let cluster = Cluster::start();
    cluster.replace("a", &KEYS[1]);
    block_on(cluster.keys[0].reload()).unwrap();
    cluster.clock.set(NOW + RELOAD);
    let new = cluster.issuers[0].issue(&json!({})).unwrap();
    let authenticator = Authenticator::new(cluster.issuers[1].verifier());
    cluster.store.hangs.store(true, Ordering::SeqCst);
    let mut first = Box::pin(authenticator.authenticate(Some(Credentials::new(new.as_str()))));
    assert!(first.as_mut().poll(cx).is_pending());
    drop(first);
    cluster.store.hangs.store(false, Ordering::SeqCst);
    assert_eq!(cluster.verdict(1, new.as_str()), Ok(()));
}

/// Nobody polls it, and nobody drops it.
#[test]
fn a_request_that_rests_while_it_reads_keeps_nobody_from_following() {
    let cluster = Cluster::start();
    let foreign = issuer(&SigningKeys::new(KEYS[5].clone()), &cluster.clock);
    let foreign = foreign.issue(&json!({})).unwrap();
    cluster.clock.advance(Duration::from_secs(1));
    cluster.store.hangs.store(true, Ordering::SeqCst);
    let authenticator = Authenticator::new(cluster.issuers[0].verifier());
    let resting = authenticator.authenticate(Some(Credentials::new(foreign.as_str())));
    let mut resting = Box::pin(resting);
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(resting.as_mut().poll(cx).is_pending());
    cluster.store.hangs.store(false, Ordering::SeqCst);
    cluster.rotate(&KEYS[1]);
    block_on(cluster.keys[0].reload()).unwrap();
    cluster.clock.advance(Duration::from_secs(30));
    assert_eq!(published(&cluster.keys[0]), ["a", "b"]);
    let refused = cluster.verdict(0, foreign.as_str());
    assert_eq!(refused, Err(AuthErrorKind::UnknownKey));
    drop(resting);
    let refused = cluster.verdict(0, foreign.as_str());
    assert_eq!(refused, Err(AuthErrorKind::UnknownKey));
}

/// Its answer was read before the ring was changed again.
#[test]
fn an_answer_that_comes_late_does_not_take_a_node_back() {
    let cluster = Cluster::start();
    let [keys, _] = &cluster.keys;
    cluster.rotate(&KEYS[1]);
    let between = cluster.sealed();
    cluster.clock.advance(Duration::from_secs(1));
    cluster.store.lags.store(true, Ordering::SeqCst);
    let mut late = pin!(keys.reload());
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(late.as_mut().poll(cx).is_pending());
    cluster.replace("b", &KEYS[2]);
    assert_ne!(cluster.sealed(), between);
    block_on(keys.reload()).unwrap();
    let after = published(keys);
    let mut lines = Lines::of(|| block_on(late).unwrap());
    lines.retain(|line| line.starts_with("WARN"));
    assert_eq!(lines, [""; 0]);
    assert_eq!(published(keys), after);
}

#[test]
fn a_store_that_hangs_holds_up_nobody_for_long() {
    let cluster = Cluster::start();
    let good = cluster.issuers[0].issue(&json!({})).unwrap();
    let foreign = issuer(&SigningKeys::new(KEYS[5].clone()), &cluster.clock);
    let foreign = foreign.issue(&json!({})).unwrap();
    cluster.clock.advance(Duration::from_secs(1));
    cluster.store.hangs.store(true, Ordering::SeqCst);
    let authenticator = Authenticator::new(cluster.issuers[0].verifier());
    let mut waiting =
        Box::pin(authenticator.authenticate(Some(Credentials::new(foreign.as_str()))));
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(cx).is_pending());
    assert_eq!(cluster.verdict(0, good.as_str()), Ok(()));
    cluster.clock.advance(Duration::from_secs(6));
    let refused = cluster.verdict(0, foreign.as_str());
    assert_eq!(refused, Err(AuthErrorKind::KeysUnavailable));
}

#[test]
fn a_ring_promises_tokens_their_life() {
    let cluster = Cluster::start();
    let refused = issuer_of(&cluster.keys[0], &cluster.clock, 271).unwrap_err();
    assert!(
        refused.to_string().contains("`token_lifetime`"),
        "{refused}"
    );
}

#[test]
fn a_name_of_a_ring_is_bounded() {
    let long = "x".repeat(256);
    for bad in ["", "a\n", "a\0", &long] {
        let refused = SealedRing::new(MemoryStore::new(), bad, sealing([1])).unwrap_err();
        assert!(matches!(refused, ConfigError::InvalidSetting(_)), "{bad:?}");
    }
    SealedRing::new(MemoryStore::new(), &long[..255], sealing([1])).unwrap();
}

#[test]
fn a_document_that_nobody_could_open_is_not_written() {
    let early = |_| RingDocument::new(&KEYS[1], times(), NOW + 10_000);
    let ring = SealedRing::new(MemoryStore::new(), NAME, sealing([1])).unwrap();
    let ring = ring.clock(FixedClock::at(NOW));
    let refused = block_on(ring.create(early)).unwrap_err();
    assert!(
        refused.to_string().contains("no key signs now"),
        "{refused}"
    );
    let refused = block_on(ring.load()).unwrap_err().to_string();
    assert!(refused.contains("there is no such ring"), "{refused}");
}

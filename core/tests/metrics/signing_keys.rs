//! Tests of the metrics of signing keys.

use std::{collections::BTreeMap, fs, time::Duration};

use countersign::{
    Issuer, MemoryStore, SigningKey, SigningKeys,
    issue::{KeyFolder, RingDocument, RingStore, RingTimes, SealedRing, SealingKeys},
    testing::FixedClock,
};
use futures_executor::block_on;
use metrics_util::debugging::DebuggingRecorder;

use crate::{expect, measured};

const NOW: i64 = 1_800_000_000;

fn issuer(keys: &SigningKeys, clock: &FixedClock) -> Issuer {
    Issuer::builder("https://id.test", keys.clone())
        .audience("orders")
        .clock(clock.clone())
        .build()
        .unwrap()
}

#[test]
fn the_turns_of_a_ring_are_measured_from_its_start() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let clock = FixedClock::at(NOW);
        let key = || SigningKey::generate_es256().unwrap();
        let mut document = RingDocument::new(&key(), RingTimes::new(), NOW).unwrap();
        let signs = document.rotate(&key(), NOW).unwrap();
        let keys = SigningKeys::from_document(document, clock.clone()).unwrap();
        let issuer = issuer(&keys, &clock);
        let state = |active: f64, next: f64, retired: f64, since: f64| {
            expect(
                &snapshotter,
                &[
                    (
                        "countersign_signing_keys{issuer=https://id.test,state=active}",
                        active,
                    ),
                    (
                        "countersign_signing_keys{issuer=https://id.test,state=next}",
                        next,
                    ),
                    (
                        "countersign_signing_keys{issuer=https://id.test,state=retired}",
                        retired,
                    ),
                    (
                        "countersign_signing_key_active_timestamp_seconds{issuer=https://id.test}",
                        since,
                    ),
                ],
            );
        };
        #[allow(clippy::cast_precision_loss)] // exact
        let (began, signs_from) = ((NOW - 300) as f64, signs as f64);
        state(1.0, 0.0, 0.0, began);
        clock.set(signs - 1);
        // Without a request, the one who follows the folder notices.
        block_on(keys.reload()).unwrap();
        state(1.0, 1.0, 0.0, began);
        clock.set(signs);
        issuer.issue(&BTreeMap::<&str, &str>::new()).unwrap();
        state(1.0, 0.0, 1.0, signs_from);
    });
}

#[test]
fn rotations_are_counted_from_zero() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let clock = FixedClock::at(NOW);
        let keys = SigningKeys::new(SigningKey::generate_es256().unwrap());
        let issuer = issuer(&keys, &clock);
        let name = "countersign_signing_key_rotations_total{issuer=https://id.test}";
        expect(&snapshotter, &[(name, 0.0)]);
        keys.publish(&SigningKey::generate_es256().unwrap())
            .unwrap();
        expect(&snapshotter, &[(name, 0.0)]);
        issuer.rotate().unwrap();
        // A snapshot takes the counts with it.
        expect(&snapshotter, &[(name, 1.0)]);
        assert!(
            !measured(&snapshotter)
                .keys()
                .any(|name| name.contains("active_timestamp"))
        );
    });
}

#[test]
fn a_folder_that_is_not_read_shows() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let path = tempfile::tempdir().unwrap();
        let clock = FixedClock::at(NOW);
        let folder = KeyFolder::new(path.path()).clock(clock.clone());
        let times = RingTimes::new().lead(Duration::from_secs(60));
        let key = SigningKey::generate_es256().unwrap();
        folder
            .create(|now| RingDocument::new(&key, times, now))
            .unwrap();
        let keys = SigningKeys::open(folder).unwrap();
        let _issuer = issuer(&keys, &clock);
        let name = "countersign_signing_keys_failing{issuer=https://id.test}";
        let document = path.path().join("ring.json");
        let good = fs::read(&document).unwrap();
        expect(&snapshotter, &[(name, 0.0)]);
        fs::write(&document, "{}").unwrap();
        block_on(keys.reload()).unwrap_err();
        expect(&snapshotter, &[(name, 1.0)]);
        fs::write(&document, good).unwrap();
        block_on(keys.reload()).unwrap();
        expect(&snapshotter, &[(name, 0.0)]);
    });
}

#[test]
fn a_store_in_which_the_ring_is_not_read_shows() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        let (store, clock) = (MemoryStore::new(), FixedClock::at(NOW));
        let sealing =
            SealingKeys::from_base64("14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1uQ=").unwrap();
        let ring = SealedRing::new(store.clone(), "id", sealing).unwrap();
        let ring = ring.clock(clock.clone());
        let key = SigningKey::generate_es256().unwrap();
        block_on(ring.create(|now| RingDocument::new(&key, RingTimes::new(), now))).unwrap();
        let keys = block_on(SigningKeys::open_sealed(ring)).unwrap();
        let _issuer = issuer(&keys, &clock);
        let name = "countersign_signing_keys_failing{issuer=https://id.test}";
        let good = block_on(store.read_ring("id")).unwrap().unwrap();
        expect(&snapshotter, &[(name, 0.0)]);
        block_on(store.replace_ring("id", Some(&good), b"1")).unwrap();
        block_on(keys.reload()).unwrap_err();
        expect(&snapshotter, &[(name, 1.0)]);
        block_on(store.replace_ring("id", Some(b"1"), &good)).unwrap();
        block_on(keys.reload()).unwrap();
        expect(&snapshotter, &[(name, 0.0)]);
    });
}

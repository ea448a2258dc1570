//! Tests of the measurements of signatures.

use std::{collections::BTreeMap, time::Duration};

use countersign::Algorithm;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use serde_json::json;

use crate::{
    issuer,
    service::{Mode, Service},
};

/// Returns the signatures by their result since the last time, and the number of times that were measured.
fn measured(snapshotter: &Snapshotter) -> (BTreeMap<String, u64>, usize) {
    let mut results = BTreeMap::new();
    let mut times = 0;
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        match (key.key().name(), value) {
            ("countersign_signatures_total", DebugValue::Counter(count)) => {
                let result = key.key().labels().next().unwrap().value().to_owned();
                results.insert(result, count);
            }
            ("countersign_signature_seconds", DebugValue::Histogram(all)) => times = all.len(),
            _ => {}
        }
    }
    (results, times)
}

#[tokio::test]
async fn each_result_is_counted_from_zero() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let service = Service::start();
    let key = service.key(Algorithm::ES256, "1").external();
    let key = key.signatures_at_once(1).time_limit(Duration::from_secs(4));
    let issuer = issuer(key.await.unwrap());
    service.key(Algorithm::ES256, "2");
    // The probe is no token.
    let (results, times) = measured(&snapshotter);
    assert_eq!(
        (results.len(), results.values().sum(), times),
        (6, 0_u64, 1)
    );

    let claims = json!({ "sub": "ada" });
    for (mode, result) in [
        (Mode::Good, "signed"),
        (Mode::Denies, "signer_refused"),
        (Mode::Closes, "signer_unavailable"),
        (Mode::OtherVersion("2".into()), "wrong_signature"),
    ] {
        service.set(mode);
        let token = issuer.issue_async(&claims).await;
        assert_eq!(token.is_ok(), result == "signed");
        let (results, times) = measured(&snapshotter);
        let expected = results
            .iter()
            .all(|(name, count)| *count == u64::from(name == result));
        assert!(expected && times == 1, "{result}: {results:?}, {times}");
    }
    service.set(Mode::Hangs);
    tokio::time::pause();
    let tokens = [(); 2].map(|()| tokio::spawn(issuer.issue_async(&claims)));
    for token in tokens {
        assert!(token.await.unwrap().is_err());
    }
    let (results, times) = measured(&snapshotter);
    assert_eq!(
        (results["signer_busy"], results["signer_timed_out"], times),
        (1, 1, 1)
    );
}

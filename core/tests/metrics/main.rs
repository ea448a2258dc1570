//! Tests of the metrics and their names.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod requests;
mod sessions;
mod signing_keys;
mod tenants;

use std::collections::BTreeMap;

use metrics_util::debugging::{DebugValue, Snapshotter};

/// Returns everything that was measured: `name{label=value}` with its number, or its count.
pub(crate) fn measured(snapshotter: &Snapshotter) -> BTreeMap<String, f64> {
    (snapshotter.snapshot().into_vec().into_iter())
        .map(|(key, _, _, value)| {
            let labels: Vec<String> = (key.key().labels())
                .map(|label| format!("{}={}", label.key(), label.value()))
                .collect();
            #[allow(clippy::cast_precision_loss)] // small numbers
            let value = match value {
                DebugValue::Counter(count) => count as f64,
                DebugValue::Gauge(value) => value.0,
                DebugValue::Histogram(values) => values.len() as f64,
            };
            (
                format!("{}{{{}}}", key.key().name(), labels.join(",")),
                value,
            )
        })
        .collect()
}

#[track_caller]
pub(crate) fn expect(snapshotter: &Snapshotter, expected: &[(&str, f64)]) {
    let measured = measured(snapshotter);
    for (name, value) in expected {
        assert_eq!(measured.get(*name), Some(value), "{name}: {measured:#?}");
    }
}

//! The suites that every store must pass.

use countersign::testing::{
    api_key_store_suite, revocation_log_suite, ring_store_suite, sessions_suite,
    store_and_log_suite, store_suite,
};

use crate::lab::{Lab, OnPostgres, OnSqlite};

/// Without optimisation, the future of a suite fills the stack of a thread.
async fn passes_the_suites(lab: impl Lab) {
    let store = lab.store();
    Box::pin(store_suite(store.clone())).await;
    Box::pin(revocation_log_suite(store.clone())).await;
    Box::pin(store_and_log_suite(store.clone())).await;
    Box::pin(ring_store_suite(store.clone())).await;
    Box::pin(api_key_store_suite(store.clone())).await;
    Box::pin(sessions_suite(store.clone())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_passes_the_suites() {
    if let Some(lab) = OnPostgres::new().await {
        passes_the_suites(lab).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_passes_the_suites() {
    passes_the_suites(OnSqlite::new().await).await;
}

//! The rules of `health`, `epoch` and `mark_restored`.

use std::pin::Pin;

use super::{
    examples::{done, subject},
    suite::Suite,
};
use crate::session::store::{SessionStore, StoreEpoch};

/// The difference between clocks that is none, in seconds.
const CLOCKS: u64 = 300;

impl<S: SessionStore> Suite<S> {
    /// Checks all rules of this file, boxed as those of [`realms_end`](Self::realms_end) are.
    pub(super) fn health_and_epoch(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.a_check_of_the_store_leaves_nothing_behind().await;
            self.an_epoch_lasts_until_data_is_restored().await;
        })
    }

    async fn a_check_of_the_store_leaves_nothing_behind(&self) {
        let session = self.session(&subject("health"));
        self.insert(&session).await;
        let before = self.mark().await;
        for _ in 0..2 {
            done("health", self.store.health()).await;
        }
        self.expect(&session, "`health` touches no session").await;
        let login = self.session(&subject("health"));
        assert!(
            self.insert_since(&login, before).await,
            "`health` concerns no login"
        );
    }

    async fn an_epoch_lasts_until_data_is_restored(&self) {
        if !self.store.capabilities().has_epoch() {
            assert_eq!(
                done("epoch", self.store.epoch()).await,
                None,
                "a store that keeps no epoch has none"
            );
            let marked = self.store.mark_restored().await;
            assert!(
                marked.is_err(),
                "`mark_restored` is an error where there is no epoch"
            );
            return;
        }
        let session = self.session(&subject("epoch"));
        self.insert(&session).await;
        let before = self.epoch().await;
        assert_eq!(self.epoch().await, before, "an epoch lasts");

        done("mark_restored", self.store.mark_restored()).await;
        let after = self.epoch().await;
        let since = after.since().expect("`mark_restored` begins an epoch");
        assert!(
            since.abs_diff(self.now) < CLOCKS && Some(since) >= before.since(),
            "an epoch that `mark_restored` begins begins now: {since}"
        );
        let clone = done("epoch", self.store.clone().epoch()).await;
        assert_eq!(clone, Some(after), "all see the same epoch");
        self.expect(&session, "`mark_restored` touches no session")
            .await;
    }

    async fn epoch(&self) -> StoreEpoch {
        let epoch = done("epoch", self.store.epoch()).await;
        epoch.expect("a store that says that it keeps its epoch has one")
    }
}

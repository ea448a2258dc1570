//! The layout of the keys, checked before the first call.

use std::sync::atomic::Ordering;

use countersign::session::store::StoreError;
use tokio::time::timeout;

use crate::{
    script::{self, Args},
    store::{Inner, RedisStore},
};

impl RedisStore {
    /// Checks the keys before the first call: those of another layout would be lost in silence.
    pub(crate) async fn opened(&self) -> Result<(), StoreError> {
        let Inner {
            is_open, is_told, ..
        } = &*self.0;
        if is_open.load(Ordering::Acquire) {
            return Ok(());
        }
        let turn = timeout(self.0.link.timeout(), self.0.cursor.lock());
        let mut cursor = turn.await.map_err(StoreError::new)?;
        if is_open.load(Ordering::Acquire) {
            return Ok(());
        }
        if let Some(refusal) = self.look_for_another_layout(&mut cursor).await? {
            if !is_told.swap(true, Ordering::Relaxed) {
                tracing::error!(
                    target: "countersign",
                    cause = refusal,
                    "the keys of the session store cannot be used, and nothing is written to them",
                );
            }
            return Err(StoreError::new(refusal));
        }
        self.warn_of_eviction().await;
        is_open.store(true, Ordering::Release);
        Ok(())
    }

    /// Returns what to do about keys that this program cannot use, if there are any.
    async fn look_for_another_layout(
        &self,
        cursor: &mut String,
    ) -> Result<Option<String>, StoreError> {
        let keys = &self.0.keys;
        let names = [&*keys.layout, &*keys.first_log];
        loop {
            let args = Args::default()
                .with(LAYOUT)
                .with(&keys.first_pattern)
                .with(&*cursor);
            let found = script::LAYOUT.run::<(String, String)>(&self.0.link, &names, args);
            let found = found.await;
            // After an error, another server may come.
            *cursor = found.as_ref().map_or("0", |(_, next)| next).to_owned();
            let (found, _) = found.map_err(StoreError::new)?;
            match found.as_str() {
                "" => {}
                FIRST_LAYOUT => return Ok(Some(keys.refusal_of_the_first_layout())),
                found if can_use(found) => return Ok(None),
                _ => {
                    return Ok(Some(format!(
                        "the keys of this prefix have layout {found}, and this program knows layout {LAYOUT}"
                    )));
                }
            }
        }
    }

    /// Warns of a server that makes room by removing keys: it forgets sessions, and worse, revocations.
    async fn warn_of_eviction(&self) {
        let keys = [&*self.0.keys.log];
        let policy = script::POLICY.run::<String>(&self.0.link, &keys, Args::default());
        // Not every server tells everybody: then there is nothing to say.
        if let Ok(policy) = policy.await
            && policy != "noeviction"
        {
            tracing::warn!(
                target: "countersign",
                policy,
                "this Redis removes sessions and revocations when its memory is full: \
                 set maxmemory-policy to noeviction",
            );
        }
    }
}

/// The name by which `layout.lua` calls keys of sessions without a realm.
const FIRST_LAYOUT: &str = "1";

/// The layout of the keys that this program writes.
const LAYOUT: &str = "2";

/// Returns whether this program can use keys of a layout: its own, or a later one which says that programs of this
/// one can. `4 2` is layout 4, compatible from layout 2.
fn can_use(found: &str) -> bool {
    let own = LAYOUT.parse::<u32>();
    let later = found.split_once(' ').and_then(|(layout, from)| {
        let (layout, from) = (layout.parse::<u32>().ok()?, from.parse::<u32>().ok()?);
        own.ok().map(|own| from <= own && own <= layout)
    });
    found == LAYOUT || later == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_later_layout_are_used_if_it_says_so() {
        for good in ["2", "3 2", "9 1", "2 2", "2 1"] {
            assert!(can_use(good), "{good:?}");
        }
        for bad in [
            "1", "3", "4 3", "1 1", "", "3 ", " 2", "3 x", "x 2", "3 2 1",
        ] {
            assert!(!can_use(bad), "{bad:?}");
        }
    }
}

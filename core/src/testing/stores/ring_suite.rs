//! The suite that every store of sealed rings must pass.

use super::{
    examples::{done, random_id},
    join::join_all,
};
use crate::issue::RingStore;

/// Checks that a store follows every rule of [`RingStore`].
///
/// For authors of stores. All names are new ones, so the database may be in use. The suite leaves some rows of a few
/// bytes, and one of 256 KiB.
///
/// # Panics
///
/// When a rule is broken. The message says which.
///
/// # Examples
///
/// ```
/// use countersign::{MemoryStore, testing::ring_store_suite};
///
/// # futures_executor::block_on(async {
/// ring_store_suite(MemoryStore::new()).await;
/// # });
/// ```
pub async fn ring_store_suite<S: RingStore>(store: S) {
    let suite = RingSuite { store };
    suite.what_is_written_is_read().await;
    suite.a_ring_is_replaced_if_it_is_what_was_seen().await;
    suite.names_that_look_alike_are_not_confused().await;
    suite.of_many_racers_one_creates().await;
    suite.of_many_racers_one_replaces().await;
}

/// The number of racers in a race.
const RACERS: u8 = 16;

struct RingSuite<S> {
    store: S,
}

impl<S: RingStore> RingSuite<S> {
    async fn what_is_written_is_read(&self) {
        let long: Vec<u8> = (0..=255).cycle().take(300 << 10).collect();
        for bytes in [&b"a"[..], b"\0\r\n\xff\xfe'\"\\", &long] {
            let name = name("written");
            self.expect(&name, None, "a ring of an unknown name is `None`")
                .await;
            self.replace(&name, None, bytes, true, "the first ring is added")
                .await;
            self.expect(&name, Some(bytes), "every byte of a ring is kept")
                .await;
        }
    }

    async fn a_ring_is_replaced_if_it_is_what_was_seen(&self) {
        let name = name("replaced");
        let rule = "`replace_ring` compares every byte, and leaves the rest as it is";
        self.replace(&name, Some(b"one"), b"two", false, rule).await;
        self.expect(&name, None, rule).await;
        self.replace(&name, None, b"one", true, rule).await;
        for other in [
            None,
            Some(&b"on"[..]),
            Some(b"one "),
            Some(b"One"),
            Some(b""),
        ] {
            self.replace(&name, other, b"two", false, rule).await;
            self.expect(&name, Some(b"one"), rule).await;
        }
        self.replace(&name, Some(b"one"), b"two", true, rule).await;
        self.expect(&name, Some(b"two"), rule).await;
    }

    async fn names_that_look_alike_are_not_confused(&self) {
        let name = name("alike");
        let long = format!("{name}{}", "x".repeat(255 - name.len()));
        let names = [
            name.clone(),
            name.to_uppercase(),
            format!("{name} "),
            format!("{name}%"),
            format!("{name}*"),
            format!("{name}\u{e9}"),
            format!("{name}e\u{301}"),
            format!("{name}'; DROP TABLE rings; --"),
            format!("{{{name}}}"),
            long,
        ];
        let rule = "a name is taken to the letter";
        for name in &names {
            self.replace(name, None, name.as_bytes(), true, rule).await;
        }
        for name in &names {
            self.expect(name, Some(name.as_bytes()), rule).await;
        }
    }

    async fn of_many_racers_one_creates(&self) {
        let name = name("race");
        self.race(&name, None).await;
    }

    async fn of_many_racers_one_replaces(&self) {
        let name = name("race");
        let rule = "the first ring is added";
        self.replace(&name, None, b"first", true, rule).await;
        self.race(&name, Some(b"first")).await;
    }

    /// Checks that one of many writers wins, and that its bytes are there.
    async fn race(&self, name: &str, from: Option<&[u8]>) {
        let racers = (0..RACERS).map(|racer| {
            let store = self.store.clone();
            async move {
                let to = [b'r', racer];
                done("replace_ring", store.replace_ring(name, from, &to)).await
            }
        });
        let outcomes = join_all(racers).await;
        let winners = (0..RACERS).zip(outcomes).filter(|(_, has_won)| *has_won);
        let winners: Vec<u8> = winners.map(|(racer, _)| racer).collect();
        let rule = "of many racers, exactly one replaces the ring";
        assert_eq!(winners.len(), 1, "{rule}");
        self.expect(name, Some(&[b'r', winners[0]]), rule).await;
    }

    async fn replace(
        &self,
        name: &str,
        from: Option<&[u8]>,
        to: &[u8],
        expected: bool,
        rule: &str,
    ) {
        let replaced = self.store.replace_ring(name, from, to);
        assert_eq!(done("replace_ring", replaced).await, expected, "{rule}");
    }

    async fn expect(&self, name: &str, bytes: Option<&[u8]>, rule: &str) {
        let found = done("read_ring", self.store.read_ring(name)).await;
        assert!(found.as_deref() == bytes, "{rule}");
    }
}

/// Returns a new name.
fn name(hint: &str) -> String {
    format!("https://{}.test/{hint}", random_id())
}

//! The rules of `rotate`.

use super::{
    examples::{done, random_digest, subject, successor},
    join::join_all,
    suite::{RACERS, Suite},
};
use crate::session::store::{SessionStore, StoredSession, TokenHash};

impl<S: SessionStore> Suite<S> {
    pub(super) async fn a_rotation_puts_the_next_in_place_once(&self) {
        let others = self.others("rotation").await;
        let mut session = self.session(&others[0].subject);
        session.binding = Some(random_digest());
        self.insert(&session).await;
        for _ in 0..3 {
            let mut next = successor(&session);
            next.last_used_at += 7;
            next.expires_at += 11;
            let from = session.current;
            assert!(
                self.rotate(&from, &next).await,
                "`rotate` is true for the current hash"
            );
            self.expect(&next, "`find` returns what `rotate` has put there")
                .await;

            let late = successor(&session);
            assert!(
                !self.rotate(&from, &late).await,
                "`rotate` is true only once"
            );
            let wrong = random_digest();
            assert!(
                !self.rotate(&wrong, &late).await,
                "`rotate` is false for another hash"
            );
            self.expect(&next, "a `rotate` that is false changes nothing")
                .await;
            session = next;
        }
        self.expect_all(&others, "`rotate` touches one session only")
            .await;
    }

    pub(super) async fn a_rotation_compares_every_byte(&self) {
        let session = self.session(&subject("bytes"));
        self.insert(&session).await;
        for byte in [0, 15, 16, 31] {
            let mut almost = *session.current.as_bytes();
            almost[byte] ^= 1;
            let almost = TokenHash::from_bytes(almost);
            let rotated = self.rotate(&almost, &successor(&session)).await;
            assert!(
                !rotated,
                "`rotate` compares every byte: byte {byte} differs"
            );
        }
        // Bytes that texts and patterns treat specially.
        let mut session = session;
        for byte in [0, 0xff, b'%', b'\\'] {
            let mut bytes = *random_digest().as_bytes();
            bytes[8..].fill(byte);
            let next = StoredSession {
                current: TokenHash::from_bytes(bytes),
                ..successor(&session)
            };
            let rotated = self.rotate(&session.current, &next).await;
            assert!(rotated, "`rotate` takes every byte as it is");
            self.expect(&next, "`find` returns every byte as it is")
                .await;
            session = next;
        }
    }

    pub(super) async fn of_many_racers_one_rotates(&self) {
        let session = self.session(&subject("race"));
        self.insert(&session).await;
        let racers = (0..RACERS).map(|_| {
            let store = self.store.clone();
            let (from, next) = (session.current, successor(&session));
            async move {
                done("rotate", store.rotate(&from, &next))
                    .await
                    .then_some(next)
            }
        });
        let mut winners = join_all(racers).await.into_iter().flatten();
        let winner = winners
            .next()
            .expect("`rotate` is true for one of many racers");
        assert_eq!(
            winners.count(),
            0,
            "`rotate` is true for one of many racers only"
        );
        self.expect(
            &winner,
            "`find` returns what the racer wrote whose `rotate` was true",
        )
        .await;
    }
}

//! The rules of `set_data`, and of what a rotation leaves alone.

use super::{
    examples::{HOSTILE, done, random_digest, subject, successor},
    join::join_all,
    suite::{RACERS, Suite},
};
use crate::{
    claims::{Confirmation, SessionId},
    jose::Thumbprint,
    session::store::{SessionDetails, SessionStore, StoredSession},
};

impl<S: SessionStore> Suite<S> {
    /// Returns a session with details and data.
    fn detailed(&self, hint: &str) -> StoredSession {
        let mut details = SessionDetails {
            auth_time: Some(self.now - 30),
            acr: Some(HOSTILE.to_owned()),
            amr: vec!["pwd".to_owned(), "\u{65e5}\u{672c}".to_owned()],
            idle: Some(1_000),
            ..SessionDetails::default()
        };
        details.bind(Confirmation {
            key: Some(Thumbprint::from_bytes([7; 32])),
            certificate: Some(Thumbprint::from_bytes([8; 32])),
        });
        StoredSession {
            details,
            data: Some(format!("{{\"text\":{:?}}}", HOSTILE.repeat(8))),
            ..self.session(&subject(hint))
        }
    }

    async fn set_data(&self, id: &SessionId, from: Option<&str>, to: Option<&str>) -> bool {
        done("set_data", self.store.set_data(id, from, to)).await
    }

    pub(super) async fn a_rotation_leaves_details_and_data_alone(&self) {
        for session in [self.detailed("details"), self.session(&subject("none"))] {
            self.insert(&session).await;
            self.expect(&session, "`find` returns the details and the data")
                .await;
            let listed = self.list(&session.subject).await;
            assert!(
                listed == [session.clone()],
                "`list` returns the details and the data"
            );
            let next = successor(&session);
            let altered = StoredSession {
                details: SessionDetails {
                    idle: Some(7),
                    ..SessionDetails::default()
                },
                data: Some("\"other\"".to_owned()),
                ..next.clone()
            };
            let rotated = self.rotate(&session.current, &altered).await;
            assert!(rotated, "`rotate` is true for the current hash");
            self.expect(&next, "`rotate` leaves data and details alone")
                .await;
        }
    }

    pub(super) async fn data_is_replaced_if_it_is_what_was_seen(&self) {
        let others = self.others("data").await;
        let mut session = self.detailed("data");
        session.binding = Some(random_digest());
        self.insert(&session).await;
        let long = "x".repeat(2_048);
        for to in [Some("null"), None, Some(""), Some(HOSTILE), Some(&*long)] {
            let from = session.data.take();
            for wrong in [None, Some(""), Some("null"), Some("{}"), Some(&long[1..])] {
                if wrong != from.as_deref() {
                    assert!(
                        !self.set_data(&session.id, wrong, Some("[]")).await,
                        "`set_data` is false where the data is something else"
                    );
                }
            }
            assert!(
                self.set_data(&session.id, from.as_deref(), to).await,
                "`set_data` is true where the data is what was seen"
            );
            session.data = to.map(str::to_owned);
            self.expect(&session, "`set_data` changes nothing but the data")
                .await;
        }
        self.expect_all(&others, "`set_data` touches one session only")
            .await;

        let unknown = self.session(&subject("unknown"));
        for from in [None, Some("{}")] {
            assert!(
                !self.set_data(&unknown.id, from, Some("{}")).await,
                "`set_data` of an unknown session is false"
            );
        }
        self.expect_none(&unknown.id, "`set_data` never adds a session")
            .await;
        assert!(self.end(&session.id).await, "`end` is true");
        assert!(
            !self.set_data(&session.id, Some(&long), None).await,
            "`set_data` of an ended session is false"
        );
        self.expect_none(&session.id, "`set_data` revives no session")
            .await;
    }

    pub(super) async fn of_many_racers_one_sets_the_data(&self) {
        let mut session = self.session(&subject("race for the data"));
        self.insert(&session).await;
        for from in [None, Some("\"seen\"")] {
            let racers = (0..RACERS).map(|racer| {
                let (store, id) = (self.store.clone(), session.id.clone());
                async move {
                    let own = racer.to_string();
                    let set = done("set_data", store.set_data(&id, from, Some(&own))).await;
                    set.then_some(own)
                }
            });
            let winners: Vec<_> = join_all(racers).await.into_iter().flatten().collect();
            assert_eq!(
                winners.len(),
                1,
                "`set_data` is true for one of many racers only"
            );
            session.data = winners.into_iter().next();
            self.expect(&session, "`find` returns the data of the racer that won")
                .await;
            let seen = Some("\"seen\"");
            assert!(
                self.set_data(&session.id, session.data.as_deref(), seen)
                    .await
            );
        }
    }

    pub(super) async fn a_rotation_and_a_change_of_the_data_lose_nothing(&self) {
        for round in 0..20 {
            let session = self.detailed("both");
            self.insert(&session).await;
            let next = successor(&session);
            let data = round.to_string();
            let steps = (0..2).map(|step| {
                let (store, session, next) = (self.store.clone(), session.clone(), next.clone());
                let data = data.clone();
                async move {
                    match step {
                        0 => done("rotate", store.rotate(&session.current, &next)).await,
                        _ => {
                            let from = session.data.as_deref();
                            done("set_data", store.set_data(&session.id, from, Some(&data))).await
                        }
                    }
                }
            });
            let done = join_all(steps).await;
            assert_eq!(
                done,
                [true, true],
                "`rotate` and `set_data` do not get in each other's way"
            );
            let both = StoredSession {
                data: Some(data),
                ..next
            };
            self.expect(&both, "neither `rotate` nor `set_data` undoes the other")
                .await;
        }
    }
}

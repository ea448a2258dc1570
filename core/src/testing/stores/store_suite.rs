//! The suite that every store of sessions must pass.

use std::collections::BTreeSet;

use super::{
    examples::{HOSTILE, done, random_digest, random_id, subject, successor},
    suite::Suite,
};
use crate::{
    claims::SessionId,
    session::store::{PreviousToken, SessionStore, StoredSession},
};

/// Checks that a store keeps every rule of [`SessionStore`].
///
/// For authors of stores. Run it on a runtime with several threads, if the store needs one. All ids
/// and subjects are new ones, so the database may be in use; it sweeps what has really expired, and begins another
/// [epoch](SessionStore::epoch). For
/// the [`RevocationLog`](crate::revocation::RevocationLog) of a store there is
/// [`revocation_log_suite`](crate::testing::revocation_log_suite).
///
/// It goes by the time of day, as some stores do: on a database whose clock is off by more than some
/// minutes, it fails.
///
/// # Panics
///
/// When a rule is broken. The message says which.
///
/// # Examples
///
/// ```
/// use countersign::{MemoryStore, testing::store_suite};
///
/// # futures_executor::block_on(async {
/// store_suite(MemoryStore::new()).await;
/// # });
/// ```
pub async fn store_suite<S: SessionStore>(store: S) {
    let suite = Suite::new(store);
    suite.what_is_inserted_is_found().await;
    suite.a_chain_of_any_length_is_kept().await;
    suite.what_is_unknown_is_not_there().await;
    suite.names_that_look_alike_are_not_confused().await;
    suite.a_rotation_puts_the_next_in_place_once().await;
    suite.a_rotation_compares_every_byte().await;
    suite.of_many_racers_one_rotates().await;
    suite.a_session_ends_once().await;
    suite.an_ending_returns_what_was_there_last().await;
    suite.what_has_ended_stays_ended().await;
    suite.all_sessions_of_a_subject_end_and_no_others().await;
    suite
        .an_ending_takes_effect_whatever_is_to_be_logged()
        .await;
    suite
        .a_login_that_began_before_an_end_of_all_adds_nothing()
        .await;
    suite
        .a_login_that_races_an_end_of_all_does_not_outlive_it()
        .await;
    suite.realms_have_nothing_in_common().await;
    suite.realms_end().await;
    suite.a_rotation_leaves_details_and_data_alone().await;
    suite.data_is_replaced_if_it_is_what_was_seen().await;
    suite.of_many_racers_one_sets_the_data().await;
    suite
        .a_rotation_and_a_change_of_the_data_lose_nothing()
        .await;
    suite.sessions_are_listed_until_they_expire().await;
    suite.a_sweep_leaves_what_has_not_expired().await;
    suite.health_and_epoch().await;
}

impl<S: SessionStore> Suite<S> {
    async fn what_is_inserted_is_found(&self) {
        let long = "x".repeat(255);
        let texts = [
            "a",
            "\u{e9} e\u{301} \u{65e5}\u{672c} \u{1f980}",
            HOSTILE,
            &long,
        ];
        for text in texts {
            let mut session = self.session(&subject(text));
            session.label = Some(text.to_owned());
            session.binding = Some(random_digest());
            self.insert(&session).await;
            self.expect(&session, "`find` returns what was inserted")
                .await;

            let next = successor(&session);
            let rotated = self.rotate(&session.current, &next).await;
            assert!(rotated, "`rotate` is true for the current hash");
            self.expect(&next, "`find` returns what `rotate` has put there")
                .await;
            let listed = self.list(&session.subject).await;
            assert_eq!(listed, [next], "`list` returns every field as it is");
        }

        let mut session = self.session(&subject("empty label"));
        session.label = Some(String::new());
        self.insert(&session).await;
        self.expect(&session, "an empty label is not an absent one")
            .await;

        let mut session = self.session(&subject("no option"));
        session.label = None;
        self.insert(&session).await;
        self.expect(
            &session,
            "`find` returns no label, binding or chain where there is none",
        )
        .await;
    }

    async fn a_chain_of_any_length_is_kept(&self) {
        let mut session = self.session(&subject("chain"));
        self.insert(&session).await;
        for length in 1..=PreviousToken::MOST + 1 {
            let next = successor(&session);
            assert_eq!(next.previous.len(), length.min(PreviousToken::MOST));
            assert!(
                self.rotate(&session.current, &next).await,
                "`rotate` is true for the current hash"
            );
            self.expect(&next, "`find` returns every token of the chain")
                .await;
            session = next;
        }
    }

    async fn what_is_unknown_is_not_there(&self) {
        let unknown = self.session(&subject("unknown"));
        self.expect_none(&unknown.id, "`find` of an unknown id is `None`")
            .await;
        let rotated = self.rotate(&unknown.current, &successor(&unknown)).await;
        assert!(!rotated, "`rotate` of an unknown session is false");
        self.expect_none(&unknown.id, "`rotate` never adds a session")
            .await;
        assert!(
            !self.end(&unknown.id).await,
            "`end` of an unknown id is false"
        );
        let ended = self.end_all(&unknown.subject).await;
        assert!(
            ended.is_empty(),
            "`end_all` of an unknown subject ends nothing"
        );
        let listed = self.list(&unknown.subject).await;
        assert!(listed.is_empty(), "`list` of an unknown subject is empty");
    }

    async fn names_that_look_alike_are_not_confused(&self) {
        let id = random_id();
        let ids = ["A", "a", "_", "-"].map(|first| {
            let id = SessionId::parse(&format!("{first}{}", &id.as_str()[1..]));
            // 22 characters of base64url, the last of which can end an id.
            id.expect("an id")
        });
        let name = subject("ann");
        let subjects = [
            name.clone(),
            name.to_uppercase(),
            format!("{name} "),
            format!("{name}%"),
            format!("{name}*"),
            format!("{}_", &name[..name.len() - 1]),
            name[..name.len() - 1].to_owned(),
            format!("{name}\u{e9}"),
            format!("{name}e\u{301}"),
            format!("{name}'; DELETE FROM sessions; --"),
            format!("{{{name}}}"),
        ];
        let mut sessions: Vec<_> = subjects.iter().map(|name| self.session(name)).collect();
        for (session, id) in sessions.iter_mut().zip(ids) {
            session.id = id;
        }
        for session in &sessions {
            self.insert(session).await;
        }
        for session in &sessions {
            self.expect(
                session,
                "ids that differ in one character are different ids",
            )
            .await;
            let listed = self.list(&session.subject).await;
            assert_eq!(
                listed,
                std::slice::from_ref(session),
                "`list` takes a subject to the letter"
            );
        }
        while let Some(session) = sessions.pop() {
            let ended = self.end_all(&session.subject).await;
            assert_eq!(
                ended,
                [session.id],
                "`end_all` takes a subject to the letter"
            );
            for other in &sessions {
                self.expect(other, "`end_all` takes a subject to the letter")
                    .await;
            }
        }
    }

    async fn sessions_are_listed_until_they_expire(&self) {
        let name = subject("list");
        let [early, late] = [1_000, 2_000].map(|seconds| StoredSession {
            expires_at: self.now + seconds,
            ..self.session(&name)
        });
        self.insert(&early).await;
        self.insert(&late).await;
        let before = "a session is listed until it expires";
        let after = "a session is not listed from the second on in which it expires";
        let cases: [(i64, &[&StoredSession], &str); 4] = [
            (999, &[&early, &late], before),
            (1_000, &[&late], after),
            (1_999, &[&late], before),
            (2_000, &[], after),
        ];
        for (seconds, expected, rule) in cases {
            let listed = self.list_at(&name, self.now + seconds).await;
            let ids = |id: &StoredSession| id.id.clone();
            let listed: BTreeSet<_> = listed.iter().map(ids).collect();
            let expected: BTreeSet<_> = expected.iter().copied().map(ids).collect();
            assert_eq!(listed, expected, "{rule}");
        }

        let next = StoredSession {
            expires_at: self.now + 3_000,
            ..successor(&early)
        };
        assert!(
            self.rotate(&early.current, &next).await,
            "`rotate` is true for the current hash"
        );
        let listed = self.list_at(&name, self.now + 2_500).await;
        assert_eq!(
            listed,
            [next],
            "`list` goes by the expiry that `rotate` has written"
        );
    }

    async fn a_sweep_leaves_what_has_not_expired(&self) {
        let name = subject("sweep");
        let [expired, live, shortened] = [-100, 1_000, 1_000].map(|seconds| StoredSession {
            expires_at: self.now + seconds,
            ..self.session(&name)
        });
        for session in [&expired, &live, &shortened] {
            self.insert(session).await;
        }
        let next = StoredSession {
            expires_at: self.now - 100,
            ..successor(&shortened)
        };
        assert!(
            self.rotate(&shortened.current, &next).await,
            "`rotate` is true for the current hash"
        );

        let swept = done("sweep", self.store.sweep(self.now)).await;
        self.expect(&live, "`sweep` leaves a session that has not expired")
            .await;
        // Zero if the store sweeps by itself, at times of its own choosing.
        if swept > 0 {
            for session in [&expired, &shortened] {
                self.expect_none(&session.id, "`sweep` removes a session that has expired")
                    .await;
            }
        }
        let ended = self.end_all(&name).await;
        assert!(
            ended.contains(&live.id),
            "after a `sweep`, `end_all` finds what is left"
        );
    }
}

//! The rules of `end` and `end_all`.

use std::collections::BTreeSet;

use crate::{
    session::SessionStore,
    testing::stores::{
        examples::{subject, successor},
        join::{join, join_all},
        suite::{RACERS, Suite},
    },
};

impl<S: SessionStore> Suite<S> {
    pub(super) async fn a_session_ends_once(&self) {
        let others = self.others("end").await;
        let session = self.session(&others[0].subject);
        self.insert(&session).await;
        assert!(
            self.end(&session.id).await,
            "`end` says that there was a session"
        );
        self.expect_none(&session.id, "`find` of an ended session is `None`")
            .await;
        assert!(
            !self.end(&session.id).await,
            "`end` says that there is no session any more"
        );
        let listed = self.list(&session.subject).await;
        assert!(!listed.contains(&session), "an ended session is not listed");
        self.expect_all(&others, "`end` touches one session only")
            .await;

        let session = self.session(&others[0].subject);
        self.insert(&session).await;
        let racers = (0..RACERS).map(|_| self.end(&session.id));
        let ended = join_all(racers).await;
        let ended = ended.into_iter().filter(|ended| *ended).count();
        assert_eq!(ended, 1, "`end` is true for one of many racers");
    }

    pub(super) async fn what_has_ended_stays_ended(&self) {
        let ended = self.session(&subject("ended"));
        self.insert(&ended).await;
        self.end(&ended.id).await;
        let rotated = self.rotate(&ended.current, &successor(&ended)).await;
        assert!(!rotated, "`rotate` of an ended session is false");
        self.expect_none(&ended.id, "`rotate` never brings a session back")
            .await;

        for round in 0..20 {
            let session = self.session(&subject("ending"));
            self.insert(&session).await;
            let next = successor(&session);
            let rotating = self.rotate(&session.current, &next);
            let ending = async {
                match round % 2 {
                    0 => assert!(self.end(&session.id).await, "`end` finds a racing session"),
                    _ => {
                        let ended = self.end_all(&session.subject).await;
                        assert_eq!(ended.len(), 1, "`end_all` finds a racing session");
                    }
                }
            };
            join(rotating, ending).await;
            self.expect_none(&session.id, "a racing `rotate` never brings a session back")
                .await;
        }
    }

    pub(super) async fn all_sessions_of_a_subject_end_and_no_others(&self) {
        let others = self.others("other").await;
        let name = subject("all");
        let sessions: Vec<_> = (0..20).map(|_| self.session(&name)).collect();
        for session in &sessions {
            self.insert(session).await;
        }
        assert!(
            self.end(&sessions[0].id).await,
            "`end` says that there was a session"
        );
        let next = successor(&sessions[1]);
        assert!(
            self.rotate(&sessions[1].current, &next).await,
            "`rotate` is true"
        );

        let ended = self.end_all(&name).await;
        let count = ended.len();
        let ended: BTreeSet<_> = ended.into_iter().collect();
        assert_eq!(ended.len(), count, "`end_all` names each session once");
        let expected: BTreeSet<_> = sessions[1..]
            .iter()
            .map(|session| session.id.clone())
            .collect();
        assert_eq!(
            ended, expected,
            "`end_all` names the sessions that it has removed"
        );
        for session in &sessions {
            self.expect_none(
                &session.id,
                "`end_all` removes every session of the subject",
            )
            .await;
        }
        assert!(
            self.list(&name).await.is_empty(),
            "sessions that `end_all` removed are not listed"
        );
        assert!(
            self.end_all(&name).await.is_empty(),
            "`end_all` does it once"
        );
        self.expect_all(&others, "`end_all` ends the sessions of one subject only")
            .await;

        let again = self.session(&name);
        self.insert(&again).await;
        self.expect(&again, "after `end_all`, the subject can log in again")
            .await;
    }
}

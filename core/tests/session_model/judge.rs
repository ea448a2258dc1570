//! The judgement of every step.

use countersign::{Clock, Ending, SessionErrorKind as Kind, SessionEvent, SessionId, TokenPair};

use crate::{
    call::{Answer, Call, Outcome, Running},
    family::Worth,
    scene::{IDLE, Scene, TTL},
    stage::{Effect, Happened},
};

impl Scene {
    /// Takes note of what has happened to the store, and says what the app is to be told of it.
    pub(crate) fn note(
        &mut self,
        running: &mut Running,
        happened: Happened,
    ) -> Vec<(SessionId, Told)> {
        let Happened {
            effect,
            asked_at,
            is_answered,
        } = happened;
        let mut told = Vec::new();
        match effect {
            Effect::Found(found) => {
                let family = &self.families[running.family];
                assert_eq!(found.is_some(), !family.is_over);
                if !is_answered {
                    return told;
                }
                let came = running.came.unwrap();
                let now = self.clock.now();
                let worth = family.worth(running.place, came, now, self.rules.grace);
                if running.first.is_none() {
                    running.first = Some(worth);
                    running.expires_at = family.expires_at;
                }
                running.last = Some(worth);
                running.issued_at = now;
                if let Some(found) = found {
                    assert_eq!(found.last_used_at, family.newest_since);
                    assert_eq!(found.expires_at, family.expires_at);
                    assert_eq!(found.absolute_expires_at, family.absolute_expires_at);
                }
            }
            Effect::Rotated(next) => {
                let family = &mut self.families[running.family];
                let is_newest = running.place == Some(family.tokens.len() - 1);
                assert_eq!(next.is_some(), is_newest && !family.is_over);
                let Some(next) = next else {
                    return told;
                };
                assert_eq!(running.first, Some(Worth::Newest));
                assert!(running.has_claims(), "rotated without claims");
                running.issued_at = asked_at;
                let since = asked_at.max(family.newest_since);
                assert!(since < family.expires_at, "an expired session goes on");
                family.tokens.push(None);
                family.newest_since = since;
                family.expires_at = (since + IDLE).min(family.absolute_expires_at);
                assert_eq!(next.last_used_at, family.newest_since);
                assert_eq!(next.expires_at, family.expires_at);
                assert_eq!(next.absolute_expires_at, family.absolute_expires_at);
                told.push((family.id.clone(), Told::Refreshed));
            }
            Effect::Ended(ids) => {
                for id in ids {
                    let named = self.families.iter().position(|family| family.id == id);
                    let number = named.unwrap();
                    let why = running.may_end(number);
                    assert!(!std::mem::replace(&mut self.families[number].is_over, true));
                    running.has_ended = true;
                    told.push((id, Told::Ended(why)));
                }
                if let Call::LogoutEverywhere = running.call {
                    assert!(self.families.iter().all(|family| family.is_over));
                }
            }
            Effect::Other => {}
        }
        if !is_answered {
            told.clear();
        }
        told
    }

    /// Judges the answer of a call.
    pub(crate) fn judge(&mut self, client: usize, running: &Running, outcome: Outcome) {
        if let (Call::Refresh { stranger: true, .. }, true) = (running.call, self.rules.bound) {
            let is_asked = running.is_asked();
            assert!(!is_asked, "a stranger came further than to the door");
        }
        match (outcome, running.call) {
            (Outcome::LoggedOut(answer), _) => match answer {
                Ok(ended) => {
                    assert_eq!(ended, running.has_ended);
                    assert!(self.families[running.family].is_over);
                }
                Err(kind) => assert!(kind == Kind::Unavailable && running.has_failed),
            },
            (Outcome::LoggedOutEverywhere(answer), _) => match answer {
                Ok(count) => assert_eq!(count > 0, running.has_ended),
                Err(kind) => assert!(kind == Kind::Unavailable && running.has_failed),
            },
            (Outcome::Refreshed(Ok(pair)), Call::Refresh { keeps, .. }) => {
                self.judge_pair(running, &pair);
                let caller = &mut self.clients[client];
                if keeps && caller.family == running.family {
                    caller.place = running.place.unwrap() + 1;
                }
            }
            (
                Outcome::Refreshed(Err(kind)),
                Call::Refresh {
                    answer, stranger, ..
                },
            ) => {
                let family = &self.families[running.family];
                let (first, last) = (running.first, running.last);
                let was_good = first.is_some_and(Worth::is_good);
                let is_asked = running.is_asked();
                match kind {
                    Kind::Expired => assert_eq!(last, Some(Worth::Expired)),
                    Kind::Replayed => {
                        assert_eq!(first, Some(Worth::Old));
                        assert!(family.is_over);
                    }
                    Kind::SubjectGone => {
                        assert!(was_good && is_asked && answer == Answer::Gone);
                        assert!(family.is_over);
                    }
                    Kind::Unavailable => assert!(
                        running.has_failed
                            || was_good && is_asked && answer == Answer::Outage
                            || was_good && running.was_early(),
                        "{first:?}, then {last:?}"
                    ),
                    Kind::Superseded => {
                        assert!(was_good && running.has_claims());
                        assert_eq!(last, Some(Worth::Old));
                    }
                    Kind::Unknown => assert_eq!(last, Some(Worth::Over)),
                    Kind::WrongClient => {
                        assert!(was_good && stranger && self.rules.bound && !is_asked);
                    }
                    other => panic!("{other:?}"),
                }
            }
            _ => unreachable!("an outcome of another call"),
        }
    }

    fn judge_pair(&mut self, running: &Running, pair: &TokenPair) {
        let family = &mut self.families[running.family];
        assert!(running.first.is_some_and(Worth::is_good), "a missed reuse");
        assert!(running.has_claims(), "an answer without claims");
        assert!(!family.is_over, "an answer after the end");
        let next = running.place.unwrap() + 1;
        assert_eq!(next, family.tokens.len() - 1, "not the newest token");
        family.tell(next, pair.refresh_token());

        assert_eq!(pair.session().id(), &family.id);
        assert_eq!(pair.session().expires_at(), family.expires_at);
        assert_eq!(pair.session().last_used_at(), family.newest_since);
        let left = (family.expires_at - self.clock.now()).max(0);
        assert_eq!(pair.refresh_expires_in(), left);
        let access = pair.access_token().expires_at();
        assert_eq!(access, (running.issued_at + TTL).min(family.expires_at));
        assert!(family.expires_at <= family.absolute_expires_at);
    }
}

/// An event, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Ended(Ending),
    Refreshed,
}

pub(crate) fn in_short(event: &SessionEvent) -> (SessionId, Told) {
    match event {
        SessionEvent::Ended { id, why, .. } => (id.clone(), Told::Ended(*why)),
        SessionEvent::Refreshed { session } => (session.id().clone(), Told::Refreshed),
        other => panic!("{other:?}"),
    }
}

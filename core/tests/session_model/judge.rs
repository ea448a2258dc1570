//! The judgement of every step.

use countersign::session::{
    EndReason, SessionErrorKind as Kind, SessionEvent, SessionId, TokenPair,
};

use crate::{
    call::{Answer, Call, Outcome, Running},
    family::{Access, Family, Worth},
    node::LEEWAY,
    scene::{ABSOLUTE, IDLE, Scene, TTL},
    stage::{Effect, Happened},
};

/// The number of times that the answer to an exchanged token is looked for.
const REPEATS: usize = 4;
/// The longest time that a login can take, in seconds.
const LONGEST_LOGIN: i64 = 3_600;

impl Scene {
    /// Records what happened to the store, and returns the events that the app must get for it.
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
                let now = self.nodes[running.node].now();
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
                let came = running.came.unwrap();
                let is_paused = family.is_paused(came, self.rules.grace);
                assert!(!is_paused, "a token is forgotten within its window");
                family.exchange(since, self.rules.grace);
                running.has_rotated = true;
                family.expires_at = (since + IDLE).min(family.absolute_expires_at);
                let kept = next.previous.iter().map(|token| token.exchanged_at);
                assert!(kept.eq(family.chain.iter().map(|(_, at)| *at)));
                assert_eq!(next.last_used_at, family.newest_since);
                assert_eq!(next.expires_at, family.expires_at);
                assert_eq!(next.absolute_expires_at, family.absolute_expires_at);
                told.push((family.id.clone(), Told::Refreshed));
            }
            Effect::Ended(ids) => {
                if let Call::LogoutEverywhere | Call::ChangePassword = running.call {
                    self.ends_of_all += 1;
                }
                for id in ids {
                    let named = self.families.iter().position(|family| family.id == id);
                    let number = named.unwrap();
                    let why = running.may_end(number);
                    assert!(!std::mem::replace(&mut self.families[number].is_over, true));
                    self.families[number].is_ended = true;
                    running.has_ended = true;
                    let node = &mut self.nodes[running.node];
                    if is_answered {
                        node.ended.insert(id.clone());
                    } else if running.knows(number) {
                        node.end_unanswered(&id);
                    }
                    told.push((id, Told::Ended(why)));
                }
                if let Call::LogoutEverywhere | Call::ChangePassword = running.call {
                    assert!(self.families.iter().all(|family| family.is_over));
                }
            }
            Effect::Listed => running.listed = self.families.len(),
            Effect::Marked => running.mark = Some((self.ends_of_all, asked_at)),
            Effect::Inserted(added) => {
                let (ends_before, began) = running.mark.unwrap();
                // The order of events alone decides.
                assert_eq!(added.is_some(), self.ends_of_all == ends_before);
                running.is_added = Some(added.is_some());
                let Some(row) = added else {
                    return told;
                };
                assert_eq!(row.created_at, began);
                assert!(row.last_used_at >= began);
                assert_eq!(row.absolute_expires_at, began + ABSOLUTE);
                assert!(row.expires_at <= row.absolute_expires_at);
                running.family = self.families.len();
                told.push((row.id.clone(), Told::Started));
                self.families.push(Family::of(&row));
            }
            Effect::Touched(touched) => {
                let family = &self.families[running.family];
                assert!(running.has_claims() && running.last.is_some_and(Worth::is_good));
                assert!(!touched || !family.is_over, "an answer after the end");
                running.overtaken += usize::from(!touched);
            }
            Effect::Other => {}
        }
        if !is_answered {
            told.clear();
        }
        told
    }

    /// Judges the answer of a call, and the events that came with it.
    pub(crate) fn judge(
        &mut self,
        client: usize,
        running: &Running,
        outcome: Outcome,
        told: &[Told],
    ) {
        let expected: &[Told] = match &outcome {
            Outcome::Refreshed(Ok(_)) if !running.has_rotated => &[Told::Repeated],
            Outcome::Refreshed(Err(Kind::WrongClient)) => &[Told::WrongClient],
            _ => &[],
        };
        assert_eq!(told, expected);
        if let (Call::Refresh { stranger: true, .. }, true) = (running.call, self.rules.bound) {
            let is_asked = running.is_asked();
            assert!(!is_asked, "a stranger came further than to the door");
        }
        match (outcome, running.call) {
            (Outcome::LoggedIn(Ok(pair)), call) => {
                assert_eq!(running.is_added, Some(true));
                let family = &mut self.families[running.family];
                assert_eq!(pair.session().id(), &family.id);
                family.tell(0, pair.refresh_token());
                family.keep(&pair);
                if !matches!(call, Call::LogIn { keeps: false }) {
                    let caller = &mut self.clients[client];
                    (caller.family, caller.place) = (running.family, 0);
                }
            }
            (Outcome::LoggedIn(Err(kind)), _) => match kind {
                Kind::Unavailable => assert!(running.has_failed),
                Kind::Expired => assert!(self.took(running) >= ABSOLUTE),
                Kind::Unknown => {
                    let is_late = self.took(running) > LONGEST_LOGIN;
                    assert!(is_late || running.is_added == Some(false));
                }
                other => panic!("{other:?}"),
            },
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
                    caller.place = self.families[running.family].tokens.len() - 1;
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
                            || running.overtaken == REPEATS
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

    /// Returns the time that a login took, in seconds of its node.
    fn took(&self, running: &Running) -> i64 {
        let (_, began) = running.mark.unwrap();
        self.nodes[running.node].now() - began
    }

    /// Judges a node's verdict on an access token of any node: those of sessions that it knows are
    /// over are refused, and no others.
    pub(crate) fn judge_access(&self, node: usize, family: &Family, access: &Access) {
        let node = &self.nodes[node];
        let verdict = node.verdict(&access.text);
        let has_expired = node.now() >= access.expires_at + LEEWAY;
        let is_early = access.issued_at > node.now() + LEEWAY;
        if node.must_refuse(&family.id) {
            assert!(verdict.is_err(), "a token of a session that has ended");
        } else if !node.is_synced() {
            assert!(verdict.is_err(), "a token that nobody can judge");
        } else if has_expired || is_early {
            assert!(verdict.is_err(), "a token out of its time");
        } else if !family.is_over && !node.may_refuse(&family.id) {
            assert_eq!(verdict, Ok(()), "a token of a session that goes on");
        }
    }

    fn judge_pair(&mut self, running: &Running, pair: &TokenPair) {
        let family = &mut self.families[running.family];
        assert!(running.first.is_some_and(Worth::is_good), "a missed reuse");
        assert!(running.has_claims(), "an answer without claims");
        assert!(!family.is_over, "an answer after the end");
        assert!(
            running.place.is_some(),
            "an answer to a token that nobody made"
        );
        family.tell(family.tokens.len() - 1, pair.refresh_token());

        assert_eq!(pair.session().id(), &family.id);
        assert_eq!(pair.session().expires_at(), family.expires_at);
        assert_eq!(pair.session().last_used_at(), family.newest_since);
        let left = (family.expires_at - self.nodes[running.node].now()).max(0);
        assert_eq!(pair.refresh_expires_in(), left);
        let access = pair.access_token().expires_at();
        assert_eq!(access, (running.issued_at + TTL).min(family.expires_at));
        assert!(family.expires_at <= family.absolute_expires_at);
        family.keep(pair);
    }
}

/// An event, reduced to the parts that matter here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Ended(EndReason),
    Refreshed,
    Repeated,
    Started,
    WrongClient,
}

impl Told {
    /// Returns true if it comes with an answer, not with a step of the store.
    pub(crate) fn is_with_answer(&self) -> bool {
        matches!(self, Self::Repeated | Self::WrongClient)
    }
}

pub(crate) fn in_short(event: &SessionEvent) -> (SessionId, Told) {
    match event {
        SessionEvent::Ended { id, why, .. } => (id.clone(), Told::Ended(*why)),
        SessionEvent::Refreshed { session } => (session.id().clone(), Told::Refreshed),
        SessionEvent::Repeated { session } => (session.id().clone(), Told::Repeated),
        SessionEvent::WrongClient { session } => (session.id().clone(), Told::WrongClient),
        SessionEvent::Started { session } => (session.id().clone(), Told::Started),
        other => panic!("{other:?}"),
    }
}

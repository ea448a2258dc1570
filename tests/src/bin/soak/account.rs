//! The model of an account and its sessions, which predicts whether a session has ended.

use std::{
    collections::VecDeque,
    mem,
    sync::Mutex,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::record::{Outages, Seen, locked};

/// The time from sending a request until its answer: the event happened in between.
pub(crate) type Span = (Instant, Instant);

/// The lifetime of an access token.
pub(crate) const LIFETIME: Duration = Duration::from_secs(20);
/// The tolerance: times of tokens are whole seconds, and a request takes time.
const ROUNDING: Duration = Duration::from_millis(1_500);
/// The bounds of the 10 seconds in which an exchanged refresh token can be presented again. Between
/// the two, either answer is right.
pub(crate) const SURELY_REPEATED: Duration = Duration::from_secs(8);
pub(crate) const SURELY_REPLAYED: Duration = Duration::from_secs(12);
/// The time after which the other node knows that a session has ended.
const SPREAD: Duration = Duration::from_secs(2);
/// The time after which it knows if Redis was away: the bound of staleness, and a second.
const SPREAD_IN_OUTAGE: Duration = Duration::from_secs(11);

/// An account, whose sessions all end on a logout everywhere.
pub(crate) struct Account {
    pub(crate) email: &'static str,
    pub(crate) is_admin: bool,
    everywhere: Mutex<Vec<Everywhere>>,
}

/// A logout everywhere. It can have succeeded before the answer arrives.
#[derive(Clone, Copy)]
struct Everywhere {
    began: Instant,
    done: Option<Instant>,
    node: usize,
}

/// The state of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Alive,
    /// Ended by that time at the latest, by a request to that node.
    Ended(Instant, usize),
    /// Unknown: a logout everywhere was under way.
    Unclear,
}

impl Account {
    pub(crate) fn new(email: &'static str, is_admin: bool) -> Self {
        Self {
            email,
            is_admin,
            everywhere: Mutex::default(),
        }
    }

    /// Begins a logout everywhere. Returns its number.
    pub(crate) fn begin_everywhere(&self, node: usize) -> usize {
        let mut everywhere = locked(&self.everywhere);
        everywhere.push(Everywhere {
            began: Instant::now(),
            done: None,
            node,
        });
        everywhere.len() - 1
    }

    pub(crate) fn end_everywhere(&self, number: usize, done: Instant) {
        locked(&self.everywhere)[number].done = Some(done);
    }

    /// Returns true if a logout everywhere was under way at any time in this span.
    pub(crate) fn is_disturbed(&self, (from, until): Span) -> bool {
        let touches =
            |all: &Everywhere| all.began <= until && all.done.is_none_or(|done| from <= done);
        locked(&self.everywhere).iter().any(touches)
    }

    /// Returns the node that a session was ended by, when this one has just answered that it is over: after a
    /// logout everywhere at another node it found nothing to end, and hears of it as of every such end.
    pub(crate) fn ended_by(&self, here: usize, (_, until): Span) -> usize {
        let everywhere = locked(&self.everywhere);
        let is_recent = |done: Instant| until < done + SPREAD_IN_OUTAGE;
        let elsewhere = everywhere
            .iter()
            .find(|all| all.node != here && all.began <= until && all.done.is_none_or(is_recent));
        elsewhere.map_or(here, |all| all.node)
    }

    fn fate(&self, born: Span, asked: Span) -> Fate {
        let everywhere = locked(&self.everywhere);
        let mut fate = Fate::Alive;
        // A login that was under way does not survive it either.
        let of_then = |all: &&Everywhere| all.done.is_none_or(|done| born.0 <= done);
        for all in everywhere.iter().filter(of_then) {
            match all.done {
                Some(done) if done <= asked.0 => return Fate::Ended(done, all.node),
                _ if all.began <= asked.1 => fate = Fate::Unclear,
                _ => {}
            }
        }
        fate
    }
}

/// A session, as its client knows it.
pub(crate) struct Session {
    pub(crate) access: String,
    issued: Span,
    pub(crate) refresh: String,
    /// Earlier refresh tokens, and when they were exchanged. The newest is the last.
    old: VecDeque<(String, Span)>,
    born: Span,
    ended: Option<(Instant, usize)>,
}

impl Session {
    const MOST_OLD: usize = 64;

    /// Reads the session from the answer to a login; `None` if it contains no tokens.
    pub(crate) fn born(seen: &Seen) -> Option<Self> {
        let (access, refresh) = tokens(seen)?;
        let now = (seen.sent, seen.got);
        Some(Self {
            access,
            issued: now,
            refresh,
            old: VecDeque::new(),
            born: now,
            ended: None,
        })
    }

    /// Takes the tokens of an answer, which the client first asked for at `first`.
    pub(crate) fn renew(&mut self, access: String, refresh: String, first: Instant, got: Instant) {
        self.access = access;
        self.issued = (first, got);
        if refresh != self.refresh {
            let before = mem::replace(&mut self.refresh, refresh);
            self.old.push_back((before, (first, got)));
            if self.old.len() > Self::MOST_OLD {
                self.old.pop_front();
            }
        }
    }

    pub(crate) fn end(&mut self, at: Instant, node: usize) {
        self.ended.get_or_insert((at, node));
    }

    /// Returns a refresh token that was exchanged a moment ago, and when.
    pub(crate) fn repeatable(&self) -> Option<(String, Instant)> {
        let (token, (first, _)) = self.old.back()?;
        let is_recent = first.elapsed() < SURELY_REPEATED / 2;
        is_recent.then(|| (token.clone(), *first))
    }

    /// Returns a refresh token that only a thief would present now.
    pub(crate) fn replayable(&self) -> Option<String> {
        let (token, (_, got)) = self.old.front()?;
        (got.elapsed() > SURELY_REPLAYED).then(|| token.clone())
    }

    /// Returns true if its access token is about to expire.
    pub(crate) fn is_due(&self) -> bool {
        self.issued.0.elapsed() > LIFETIME - 2 * ROUNDING
    }

    pub(crate) fn fate(&self, account: &Account, asked: Span) -> Fate {
        match self.ended {
            Some((at, node)) => Fate::Ended(at, node),
            None => account.fate(self.born, asked),
        }
    }

    /// Returns the statuses that are right for its access token at a node, where a good token gets
    /// `good`.
    pub(crate) fn allowed(
        &self,
        account: &Account,
        seen: &Seen,
        node: usize,
        outages: &Outages,
        good: u16,
    ) -> Vec<u16> {
        match self.fate(account, (seen.sent, seen.got)) {
            Fate::Ended(_, by) if by == node => vec![401],
            Fate::Ended(at, _) => {
                let spread = match outages.touch(at, seen.sent) {
                    true => SPREAD_IN_OUTAGE,
                    false => SPREAD,
                };
                match seen.sent < at + spread {
                    true => vec![401, good],
                    false => vec![401],
                }
            }
            Fate::Alive if seen.got < self.issued.0 + LIFETIME - ROUNDING => vec![good],
            Fate::Alive if seen.sent > self.issued.1 + LIFETIME + ROUNDING => vec![401],
            Fate::Alive | Fate::Unclear => vec![401, good],
        }
    }
}

/// Returns the access token and the refresh token of an answer.
pub(crate) fn tokens(seen: &Seen) -> Option<(String, String)> {
    let body: Value = serde_json::from_str(&seen.answer.body).ok()?;
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    Some((text("access_token")?, text("refresh_token")?))
}

#[cfg(test)]
mod tests {
    use countersign_tests::Answer;

    use super::*;

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    fn seen(start: Instant, seconds: u64) -> Seen {
        Seen {
            answer: Answer {
                body: r#"{"access_token":"a","refresh_token":"r"}"#.into(),
                ..Answer::default()
            },
            sent: at(start, seconds),
            got: at(start, seconds),
        }
    }

    #[test]
    fn a_logout_everywhere_ends_what_was_there_and_not_what_came_after() {
        let account = Account::new("a", false);
        let before = Session::born(&seen(Instant::now(), 0)).unwrap();
        let number = account.begin_everywhere(0);
        let start = Instant::now();
        let outages = Outages::default();
        let allowed = |session: &Session, seconds, node| {
            session.allowed(&account, &seen(start, seconds), node, &outages, 200)
        };
        assert_eq!(allowed(&before, 1, 0), [401, 200]);
        account.end_everywhere(number, at(start, 2));
        assert_eq!(allowed(&before, 3, 0), [401]);
        assert_eq!(allowed(&before, 3, 1), [401, 200]);
        assert_eq!(allowed(&before, 4, 1), [401]);
        let span = |seconds| (at(start, seconds), at(start, seconds));
        assert_eq!(account.ended_by(0, span(3)), 0);
        assert_eq!(account.ended_by(1, span(3)), 0);
        assert_eq!(account.ended_by(1, span(13)), 1);
        let after = Session::born(&seen(start, 3)).unwrap();
        assert_eq!(allowed(&after, 4, 0), [200]);
        assert!(!account.is_disturbed((at(start, 3), at(start, 3))));
        assert!(account.is_disturbed((at(start, 1), at(start, 3))));
    }

    #[test]
    fn a_live_session_is_let_in_until_its_token_expires() {
        let (account, outages) = (Account::new("a", false), Outages::default());
        let start = Instant::now();
        let mut session = Session::born(&seen(start, 0)).unwrap();
        let allowed = |session: &Session, seconds| {
            session.allowed(&account, &seen(start, seconds), 0, &outages, 200)
        };
        assert_eq!(allowed(&session, 18), [200]);
        assert_eq!(allowed(&session, 20), [401, 200]);
        assert_eq!(allowed(&session, 22), [401]);
        session.end(at(start, 1), 0);
        assert_eq!(allowed(&session, 2), [401]);
    }
}

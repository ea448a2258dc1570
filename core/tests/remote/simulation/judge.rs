//! The judge of the answers.

use std::{
    cell::RefCell,
    fmt,
    ops::{AddAssign, Range},
    rc::Rc,
    time::Duration,
};

use countersign::{AuthError, VerifiedToken};
use tokio::time::Instant;

use super::world::World;
use crate::provider::reason;

pub(crate) struct Judge {
    seed: u64,
    world: Rc<World>,
    start: Instant,
    totals: RefCell<Totals>,
    /// The tokens whose key was neither known nor published: when they came, and their `kid`.
    strangers: RefCell<Vec<(Instant, Option<String>)>>,
}

/// The state at the time of a request.
pub(crate) struct Asked {
    at: Instant,
    kid: Option<String>,
    known: Known,
}

/// The knowledge from the last good answer.
#[derive(Clone, Copy, PartialEq)]
enum Known {
    /// No answer can still be used.
    Nothing,
    /// An answer with the key.
    Key,
    /// An answer without the key.
    NoKey,
}

/// The number of times that each event happened.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    accepted: usize,
    waited: usize,
    refused: usize,
    unavailable: usize,
    late: usize,
    fetches: usize,
}

/// The time for which two fetches caused by requests leave none for others, and slightly more.
const SPENT: Duration = Duration::from_secs(22);
/// Slightly more than the longest pause after a failure, or between two fetches caused by requests.
const WHILE: Duration = Duration::from_secs(12);
/// That time if the provider asked for a pause.
const LONG_WHILE: Duration = Duration::from_secs(32);

impl Judge {
    pub(crate) fn new(seed: u64, world: Rc<World>) -> Self {
        Self {
            seed,
            world,
            start: Instant::now(),
            totals: RefCell::default(),
            strangers: RefCell::default(),
        }
    }

    pub(crate) fn ask(&self, kid: Option<&str>) -> Asked {
        let at = Instant::now();
        let known = self.known(kid, at);
        let is_published = self
            .published(kid)
            .is_some_and(|published| published.contains(&at));
        if known != Known::Key && !is_published {
            self.strangers
                .borrow_mut()
                .push((at, kid.map(str::to_owned)));
        }
        Asked {
            at,
            kid: kid.map(str::to_owned),
            known,
        }
    }

    pub(crate) fn judge(&self, asked: &Asked, verdict: &Result<VerifiedToken, AuthError>) {
        let now = Instant::now();
        let waited = now - asked.at;
        let answer = reason(verdict);
        let say = |rule: &str| {
            format!(
                "seed {}, at {:?}, waited {waited:?}, key {:?}: {answer}, but {rule}",
                self.seed,
                asked.at - self.start,
                asked.kid,
            )
        };
        self.count(answer, waited);
        assert!(
            waited <= Duration::from_millis(2_010),
            "{}",
            say("nobody waits so long")
        );

        let kid = asked.kid.as_deref();
        let known = self.known(kid, now);
        if asked.known == Known::Key {
            assert_eq!(waited, Duration::ZERO, "{}", say("the key is known"));
            assert_eq!(answer, "accepted", "{}", say("the key is known"));
        }
        if answer == "accepted" {
            assert!(known == Known::Key, "{}", say("no good answer has the key"));
        }
        if known == Known::Nothing && asked.known == Known::Nothing {
            assert_eq!(answer, "keys_unavailable", "{}", say("there are no keys"));
        }
        let before = |span: Duration| (asked.at.checked_sub(span).unwrap_or(self.start))..now;
        if let Some(published) = self.published(kid)
            && published.contains(&asked.at)
            && published.contains(&now)
        {
            let is_new = asked.at - published.start < WHILE;
            let strangers = self.strangers.borrow();
            let since = |span| {
                let start = before(span).start;
                (strangers.iter().rev()).take_while(move |(at, _)| *at >= start)
            };
            let was_early = since(WHILE).any(|(_, other)| *other == asked.kid);
            let is_spent = was_early || since(SPENT).count() >= 2;
            if answer != "accepted" && answer != "keys_unavailable" {
                assert!(is_new && is_spent, "{}", say("the key is published"));
                self.totals.borrow_mut().late += 1;
            }
            // At the start there were no keys yet.
            let is_well = self.world.was_well(&before(LONG_WHILE)) && asked.at - self.start > WHILE;
            if answer == "keys_unavailable" {
                assert!(!is_well, "{}", say("the provider is well"));
            }
        } else {
            assert!(
                answer != "accepted" || kid.is_some(),
                "{}",
                say("nobody has such a key")
            );
        }
    }

    /// Checks the whole run.
    pub(crate) fn conclude(&self) -> Totals {
        let log = self.world.log();
        let begun: Vec<Instant> = log.fetches.iter().map(|(began, _)| *began).collect();
        for (index, began) in begun.iter().enumerate() {
            let span = *began..*began + Duration::from_secs(10);
            let number = begun[index..].iter().filter(|at| **at < span.end).count();
            let well = (*began - LONG_WHILE.min(*began - self.start))..span.end;
            let most = if self.world.was_well(&well) { 3 } else { 7 };
            let at = *began - self.start;
            assert!(
                number <= most,
                "seed {}: {number} fetches at {at:?}",
                self.seed
            );
        }
        let mut totals = *self.totals.borrow();
        totals.fetches = begun.len();
        totals
    }

    fn known(&self, kid: Option<&str>, now: Instant) -> Known {
        let log = self.world.log();
        let Some((arrived, ids)) = log.good.last() else {
            return Known::Nothing;
        };
        if now >= *arrived + self.world.lifetime + self.world.max_stale {
            return Known::Nothing;
        }
        match kid {
            Some(kid) if ids.iter().any(|id| id == kid) => Known::Key,
            _ => Known::NoKey,
        }
    }

    fn published(&self, kid: Option<&str>) -> Option<&Range<Instant>> {
        let key = self.world.keys.iter().find(|key| Some(&*key.id) == kid)?;
        Some(&key.published)
    }

    fn count(&self, answer: &str, waited: Duration) {
        let mut totals = self.totals.borrow_mut();
        match answer {
            "accepted" => totals.accepted += 1,
            "keys_unavailable" => totals.unavailable += 1,
            _ => totals.refused += 1,
        }
        if !waited.is_zero() {
            totals.waited += 1;
        }
    }
}

impl Totals {
    /// Returns true if everything that the rules are about has happened.
    pub(crate) fn are_telling(&self) -> bool {
        [
            self.accepted,
            self.refused,
            self.unavailable,
            self.waited,
            self.fetches,
        ]
        .iter()
        .all(|number| *number >= 20)
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.waited += other.waited;
        self.refused += other.refused;
        self.unavailable += other.unavailable;
        self.late += other.late;
        self.fetches += other.fetches;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} accepted, {} refused, {} unavailable; {} waited; {} new keys not found yet among invented ones; {} fetches",
            self.accepted, self.refused, self.unavailable, self.waited, self.late, self.fetches
        )
    }
}

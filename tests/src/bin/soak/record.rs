//! The answers, the outages, and the answers that the model does not allow.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use countersign_tests::Answer;

/// An answer, and the span in which it was decided.
pub(crate) struct Seen {
    pub(crate) answer: Answer,
    pub(crate) sent: Instant,
    pub(crate) got: Instant,
}

impl Seen {
    pub(crate) fn status(&self) -> u16 {
        self.answer.status
    }
}

/// The answers of one server so far.
pub(crate) struct Record {
    name: &'static str,
    /// The outages of the services that it depends on.
    outages: Outages,
    /// The time it waits for its store. A slower answer is also an outage: of a busy disk.
    store_patience: Option<Duration>,
    slow: AtomicU64,
    statuses: Mutex<BTreeMap<u16, u64>>,
    violations: Mutex<Vec<String>>,
}

impl Record {
    pub(crate) fn new(name: &'static str, store_patience: Option<Duration>) -> Self {
        Self {
            name,
            store_patience,
            slow: AtomicU64::new(0),
            outages: Outages::default(),
            statuses: Mutex::default(),
            violations: Mutex::default(),
        }
    }

    pub(crate) fn outages(&self) -> &Outages {
        &self.outages
    }

    /// Counts an answer. Returns true if its status is one of these; during an outage, 503 is
    /// allowed too, and anything else is a violation.
    pub(crate) fn judge(&self, what: &str, seen: &Seen, allowed: &[u16]) -> bool {
        let mut may_be_503 = self.outages.touch(seen.sent, seen.got);
        let took = seen.got - seen.sent;
        if seen.status() == 503 && !may_be_503 && self.store_patience.is_some_and(|all| all <= took)
        {
            self.slow.fetch_add(1, Ordering::Relaxed);
            may_be_503 = true;
        }
        self.decide(what, seen, allowed, may_be_503)
    }

    /// Counts an answer where not even an outage allows 503.
    pub(crate) fn judge_strictly(&self, what: &str, seen: &Seen, allowed: &[u16]) -> bool {
        self.decide(what, seen, allowed, false)
    }

    fn decide(&self, what: &str, seen: &Seen, allowed: &[u16], may_be_503: bool) -> bool {
        let status = seen.status();
        *locked(&self.statuses).entry(status).or_default() += 1;
        let is_allowed = allowed.contains(&status);
        let is_outage = status == 503 && may_be_503;
        if !is_allowed && !is_outage {
            let took = (seen.got - seen.sent).as_millis();
            let since = match self.outages.last() {
                Some(begin) => format!("{:.1?} after an outage began", seen.got - begin),
                None => "before any outage".to_owned(),
            };
            self.violation(format!(
                "{what}: {status} and not one of {allowed:?}, in {took} ms, {since}"
            ));
        }
        is_allowed
    }

    /// Records a violation. The text contains no token.
    pub(crate) fn violation(&self, text: impl Into<String>) {
        let text = format!("{}: {}", self.name, text.into());
        locked(&self.violations).push(text);
    }

    /// Returns the number of answers that were 503 because the store was too slow.
    pub(crate) fn slow(&self) -> u64 {
        self.slow.load(Ordering::Relaxed)
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        locked(&self.violations).clone()
    }

    pub(crate) fn requests(&self) -> u64 {
        locked(&self.statuses).values().sum()
    }

    /// Returns a text such as `200: 17, 401: 4`.
    pub(crate) fn statuses(&self) -> String {
        let statuses = locked(&self.statuses);
        let each = statuses.iter().map(|(status, n)| format!("{status}: {n}"));
        each.collect::<Vec<_>>().join(", ")
    }
}

/// The outages, each with the time until which it can still be felt.
#[derive(Default)]
pub(crate) struct Outages(Mutex<Vec<(Instant, Option<Instant>)>>);

impl Outages {
    pub(crate) fn begin(&self) {
        locked(&self.0).push((Instant::now(), None));
    }

    /// Ends the current outage, which everyone will have noticed after this time.
    pub(crate) fn end(&self, recovery: Duration) {
        if let Some((_, end)) = locked(&self.0).last_mut() {
            *end = Some(Instant::now() + recovery);
        }
    }

    /// Returns the beginning of the last outage.
    fn last(&self) -> Option<Instant> {
        locked(&self.0).last().map(|(begin, _)| *begin)
    }

    /// Returns true if an outage was going on at any time between the two.
    pub(crate) fn touch(&self, from: Instant, until: Instant) -> bool {
        let is_in = |(begin, end): &(Instant, Option<Instant>)| {
            *begin <= until && end.is_none_or(|end| from <= end)
        };
        locked(&self.0).iter().any(is_in)
    }
}

/// Locks a mutex, even after a panic: the data is still good.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(status: u16) -> Seen {
        Seen {
            answer: Answer {
                status,
                ..Answer::default()
            },
            sent: Instant::now(),
            got: Instant::now(),
        }
    }

    #[test]
    fn an_outage_allows_503_and_nothing_else() {
        let record = Record::new("server", Some(Duration::from_secs(2)));
        assert!(!record.judge("a token", &seen(503), &[200]));
        assert_eq!(record.violations().len(), 1);
        record.outages().begin();
        assert!(!record.judge("a token", &seen(503), &[200]));
        assert_eq!(record.violations().len(), 1);
        assert!(!record.judge("a token", &seen(401), &[200]));
        assert_eq!(record.violations().len(), 2);
        record.outages().end(Duration::ZERO);
        assert!(record.judge("a token", &seen(200), &[200]));
        assert!(!record.judge("a token", &seen(503), &[200]));
        assert_eq!(record.violations().len(), 3);
    }

    #[test]
    fn a_store_that_is_too_slow_allows_503_and_is_counted() {
        let record = Record::new("server", Some(Duration::from_secs(2)));
        let mut late = seen(503);
        late.got += Duration::from_secs(2);
        assert!(!record.judge("a token", &late, &[200]));
        assert_eq!((record.slow(), record.violations().len()), (1, 0));
        record.judge_strictly("a token", &late, &[200]);
        assert_eq!((record.slow(), record.violations().len()), (1, 1));
    }
}

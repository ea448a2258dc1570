//! Who was logged out everywhere of late: for logins that were on their way.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The subjects whose sessions were all ended at this node, in order. It goes by counting: clocks are
/// set back, and count whole seconds.
#[derive(Default)]
pub(super) struct Everywhere(Mutex<Recent>);

#[derive(Default)]
struct Recent {
    /// How many there were, ever.
    count: u64,
    /// The last of them.
    subjects: VecDeque<Box<str>>,
}

/// A place in that order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(u64);

/// How many subjects are remembered. A login that so many overtake is refused.
const REMEMBERED: usize = 1_024;

impl Everywhere {
    /// The present.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.recent().count)
    }

    /// All sessions of the subject are about to be ended.
    pub(super) fn add(&self, subject: &str) {
        let mut recent = self.recent();
        recent.count += 1;
        if recent.subjects.len() == REMEMBERED {
            recent.subjects.pop_front();
        }
        recent.subjects.push_back(subject.into());
    }

    /// Whether the subject was, or may have been, logged out everywhere since then.
    pub(super) fn concerns(&self, subject: &str, since: Mark) -> bool {
        let recent = self.recent();
        let missed = usize::try_from(recent.count - since.0).unwrap_or(usize::MAX);
        missed > REMEMBERED
            || recent
                .subjects
                .iter()
                .rev()
                .take(missed)
                .any(|own| **own == *subject)
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        // Nothing in here can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_concerned_by_what_came_after_its_mark() {
        let everywhere = Everywhere::default();
        everywhere.add("ada");
        let mark = everywhere.mark();
        assert!(!everywhere.concerns("ada", mark));
        everywhere.add("bob");
        assert!(!everywhere.concerns("ada", mark));
        everywhere.add("ada");
        assert!(everywhere.concerns("ada", mark));
        assert!(!everywhere.concerns("ada", everywhere.mark()));
    }

    #[test]
    fn what_is_forgotten_may_have_concerned_anybody() {
        let everywhere = Everywhere::default();
        let mark = everywhere.mark();
        for _ in 0..REMEMBERED {
            everywhere.add("bob");
        }
        assert!(!everywhere.concerns("ada", mark));
        everywhere.add("bob");
        assert!(everywhere.concerns("ada", mark));
    }
}

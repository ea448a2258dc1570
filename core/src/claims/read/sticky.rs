//! Whether a pass over a payload failed, whatever the type of the user made of it.

use std::cell::Cell;

/// Whether anything went wrong. A type may swallow an error and go on; what it swallowed was a check.
#[derive(Default)]
pub(super) struct Failed {
    is_set: Cell<bool>,
    /// Whether the value that came last was looked at.
    is_read: Cell<bool>,
    /// Counts the names, of members and of variants, whose values have not come yet.
    due: Cell<usize>,
}

impl Failed {
    /// Runs a step, and remembers whether it failed. What comes out is not moved: it may be large.
    #[inline]
    pub(super) fn note<T, E>(&self, step: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let result = step();
        if result.is_err() {
            self.is_set.set(true);
        }
        result
    }

    /// Runs a step that has a type read a value. Without one, a type that reads none would not notice
    /// that none is there, nor one that reads two where one is.
    #[inline]
    pub(super) fn note_value<T, E>(
        &self,
        is_due: bool,
        step: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.is_read.set(false);
        if is_due {
            self.read_behind_name();
        }
        let result = self.note(step);
        if !is_due || !self.is_read.get() {
            self.is_set.set(true);
        }
        result
    }

    /// Runs a step that has a type read an element, if there is one more.
    #[inline]
    pub(super) fn note_element<T, E>(
        &self,
        step: impl FnOnce() -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        self.is_read.set(false);
        let result = self.note(step);
        match &result {
            Ok(Some(_)) if !self.is_read.get() => self.is_set.set(true),
            // What was read is the array.
            Ok(None) => self.is_read.set(true),
            _ => {}
        }
        result
    }

    /// A type looks at a value.
    #[inline]
    pub(super) fn read_value(&self) {
        self.is_read.set(true);
    }

    /// A type gets what is inside of a value, such as of an option, and has yet to look at it.
    #[inline]
    pub(super) fn hand_out(&self) {
        self.is_read.set(false);
    }

    /// A type gets a name. Whoever leaves it at that would not notice that nothing stands behind it.
    #[inline]
    pub(super) fn read_name(&self) {
        self.due.set(self.due.get() + 1);
    }

    /// A type looks at what stands behind a name that has come.
    #[inline]
    pub(super) fn read_behind_name(&self) {
        self.due.set(self.due.get().saturating_sub(1));
    }

    /// Tells, at the end of the pass, if anything went wrong.
    pub(super) fn is_set(&self) -> bool {
        self.is_set.get() || self.due.get() != 0
    }
}

//! Whether a pass over a payload failed, whatever the type of the user made of it.

use std::cell::Cell;

/// Whether anything went wrong. A type may swallow an error and go on; what it swallowed was a check.
#[derive(Default)]
pub(super) struct Failed {
    is_set: Cell<bool>,
    /// Whether the value that came last was looked at.
    is_read: Cell<bool>,
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

    pub(super) fn is_set(&self) -> bool {
        self.is_set.get()
    }
}

//! The memory of a pass over a payload: whether it failed, whatever the app's type made of it.

/// Remembers failures. A type may swallow an error and go on; what it swallowed was a check.
///
/// Also catches a `Deserialize` that skips a value, or asks for one twice.
#[derive(Default)]
pub(super) struct Sticky {
    failed: bool,
    /// Set when the last value was read.
    is_read: bool,
    /// Counts the names, of members and of variants, whose values have not come yet.
    due: usize,
}

impl Sticky {
    /// Notes the end of a step.
    #[inline]
    pub(super) fn note<T, E>(&mut self, result: &Result<T, E>) {
        self.failed |= result.is_err();
    }

    /// Expects that a type reads a value, which is due if its name has come.
    #[inline]
    pub(super) fn expect_value(&mut self, is_due: bool) {
        self.is_read = false;
        match is_due {
            true => self.read_behind_name(),
            false => self.failed = true,
        }
    }

    /// Notes the end of the step in which it should have.
    #[inline]
    pub(super) fn note_value<T, E>(&mut self, result: &Result<T, E>) {
        self.failed |= result.is_err() || !self.is_read;
    }

    /// Expects that a type reads an element, if there is one more.
    #[inline]
    pub(super) fn expect_element(&mut self) {
        self.is_read = false;
    }

    /// Notes the end of the step in which it should have.
    #[inline]
    pub(super) fn note_element<T, E>(&mut self, result: &Result<Option<T>, E>) {
        match result {
            // The array was read.
            Ok(None) => self.is_read = true,
            result => self.note_value(result),
        }
    }

    /// Notes that a type reads a value.
    #[inline]
    pub(super) fn read_value(&mut self) {
        self.is_read = true;
    }

    /// Notes that a type gets the content of a value, such as of an option, and has yet to read it.
    #[inline]
    pub(super) fn hand_out(&mut self) {
        self.is_read = false;
    }

    /// Notes that a type gets a name. If it stopped there, it would not notice that no value follows.
    #[inline]
    pub(super) fn read_name(&mut self) {
        self.due += 1;
    }

    /// Notes that a type reads the value behind a name.
    #[inline]
    pub(super) fn read_behind_name(&mut self) {
        self.due = self.due.saturating_sub(1);
    }

    /// Returns whether anything went wrong, at the end of the pass.
    pub(super) fn has_failed(&self) -> bool {
        self.failed || self.due != 0
    }
}

//! Payloads that are just simple enough to be read before a source is asked for newer keys.

use crate::shape;

/// The budget of a payload, in the units of the verifier, without its fixed part.
const BUDGET: usize = 2_200 - 300;

/// Returns this many bytes of one shape, followed by a long text.
fn then_text(shape: fn(usize) -> String, bytes: usize, room: usize) -> String {
    let some = shape(bytes.min(room));
    let rest = shape::text(room - some.len());
    some + &rest
}

/// Fills with as many members as the budget allows.
pub(crate) fn members(room: usize) -> String {
    then_text(shape::members, BUDGET / 54 * 9, room)
}

/// Fills with as many values as the budget allows.
pub(crate) fn values(room: usize) -> String {
    then_text(shape::values, BUDGET / 13 * 2, room)
}

/// Fills with as many escapes as the budget allows.
pub(crate) fn escapes(room: usize) -> String {
    let escapes = |room| shape::short_escapes(room).replace("text", "some");
    then_text(escapes, BUDGET / 12 * 2, room)
}

/// Fills with as many digits as the budget allows.
pub(crate) fn digits(room: usize) -> String {
    then_text(shape::long_number, BUDGET, room)
}

/// Fills with as many nested arrays as the budget allows.
pub(crate) fn nested(room: usize) -> String {
    then_text(shape::nested, BUDGET / 12 * 2, room)
}

/// Fills with as many spaces as the budget allows.
pub(crate) fn spaces(room: usize) -> String {
    then_text(|bytes| " ".repeat(bytes), BUDGET, room)
}

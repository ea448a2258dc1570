//! Payloads that are just simple enough to be read before a source is asked for newer keys.

use crate::shape;

/// What may be in a payload, in the units of the verifier, beside what stands around.
const BUDGET: usize = 2_200 - 300;

/// So many bytes of one shape, and a long text after them.
fn then_text(shape: fn(usize) -> String, bytes: usize, room: usize) -> String {
    let some = shape(bytes.min(room));
    let rest = shape::text(room - some.len());
    some + &rest
}

/// As many members as are read.
pub(crate) fn members(room: usize) -> String {
    then_text(shape::members, BUDGET / 54 * 9, room)
}

/// As many values.
pub(crate) fn values(room: usize) -> String {
    then_text(shape::values, BUDGET / 13 * 2, room)
}

/// As many escapes.
pub(crate) fn escapes(room: usize) -> String {
    let escapes = |room| shape::short_escapes(room).replace("text", "some");
    then_text(escapes, BUDGET / 12 * 2, room)
}

/// As many digits.
pub(crate) fn digits(room: usize) -> String {
    then_text(shape::long_number, BUDGET, room)
}

/// Arrays in arrays, as many.
pub(crate) fn nested(room: usize) -> String {
    then_text(shape::nested, BUDGET / 12 * 2, room)
}

/// As many spaces.
pub(crate) fn spaces(room: usize) -> String {
    then_text(|bytes| " ".repeat(bytes), BUDGET, room)
}

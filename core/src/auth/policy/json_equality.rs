//! The equality of JSON values.

use serde_json::{Number, Value};

/// Returns whether two values are equal as JSON, where `7` and `7.0` are one number; `None` if that cannot
/// be told.
pub(super) fn is_equal(one: &Value, other: &Value) -> Option<bool> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => is_equal_number(one, other),
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => all_equal(
            one.iter()
                .zip(other)
                .map(|(one, other)| is_equal(one, other)),
        ),
        (Value::Object(one), Value::Object(other)) if one.len() == other.len() => {
            all_equal(one.iter().map(|(name, one)| match other.get(name) {
                Some(other) => is_equal(one, other),
                None => Some(false),
            }))
        }
        _ => Some(one == other),
    }
}

/// Compares two numbers. Integers of 64 bits are compared exactly. Any other number was rounded when it was
/// read (RFC 8259 section 6): where that could have made two numbers equal, or one number different, nobody
/// can tell.
fn is_equal_number(one: &Number, other: &Number) -> Option<bool> {
    /// Below, an integer that is written as a float is never taken for its neighbour: 2^50.
    const EXACT: f64 = 1_125_899_906_842_624.0;
    /// `serde_json` may miss the nearest float, but not by so much of the number.
    const ROUNDING: f64 = 4.0 * f64::EPSILON;

    if let (Some(one), Some(other)) = (integer(one), integer(other)) {
        return Some(one == other);
    }
    let (one, other) = (one.as_f64()?, other.as_f64()?);
    let (apart, size) = ((one - other).abs(), one.abs().max(other.abs()));
    if apart == 0.0 && size < EXACT {
        return Some(true);
    }
    if apart <= size * ROUNDING {
        None
    } else {
        Some(false)
    }
}

fn integer(number: &Number) -> Option<i128> {
    let unsigned = number.as_u64().map(i128::from);
    unsigned.or_else(|| number.as_i64().map(i128::from))
}

/// Combines parts: one that differs decides, whatever the others are.
fn all_equal(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for part in parts {
        match part {
            Some(true) => {}
            Some(false) => return Some(false),
            None => all = None,
        }
    }
    all
}

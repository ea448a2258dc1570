//! Moves the times in a payload, and changes nothing else.

use std::ops::Range;

/// The claims that are times, in seconds since the Unix epoch.
const TIMES: [&str; 4] = ["auth_time", "exp", "iat", "nbf"];
/// The range of times near the clock of the corpus, twelve years: a number outside it is
/// deliberate.
const NEAR: f64 = 12.0 * 366.0 * 86_400.0;

/// Returns the payload with each of its times moved by `delta` seconds.
///
/// All other bytes stay as they are: duplicates, odd spacing, fractions, the notation of exponents.
/// `None` if it contains no time.
pub(super) fn moved(payload: &[u8], now: i64, delta: i64) -> Option<Vec<u8>> {
    let numbers = times(payload, now);
    let mut rest = 0;
    let mut moved = Vec::new();
    for range in &numbers {
        moved.extend_from_slice(&payload[rest..range.start]);
        let number = std::str::from_utf8(&payload[range.clone()]).ok()?;
        moved.extend(add(number, delta)?.into_bytes());
        rest = range.end;
    }
    moved.extend_from_slice(&payload[rest..]);
    (!numbers.is_empty()).then_some(moved)
}

/// Returns the ranges of the numbers that are times near `now`.
fn times(payload: &[u8], now: i64) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = position(payload, at, |byte| byte == b'"') {
        let Some(close) = string_end(payload, open) else {
            break;
        };
        at = close + 1;
        let is_time = serde_json::from_slice::<String>(&payload[open..=close])
            .is_ok_and(|name| TIMES.contains(&name.as_str()));
        let colon = skip_space(payload, at);
        if !is_time || payload.get(colon) != Some(&b':') {
            continue;
        }
        let start = skip_space(payload, colon + 1);
        let end = position(payload, start, |byte| !b"+-.0123456789Ee".contains(&byte));
        let range = start..end.unwrap_or(payload.len());
        let number: Option<f64> = std::str::from_utf8(&payload[range.clone()])
            .ok()
            .filter(|text| text.starts_with(|first: char| matches!(first, '1'..='9')))
            .and_then(|text| text.parse().ok());
        #[allow(clippy::cast_precision_loss)] // it is near enough
        let is_near = number.is_some_and(|number| (number - now as f64).abs() <= NEAR);
        if is_near {
            at = range.end;
            found.push(range);
        }
    }
    found
}

fn position(bytes: &[u8], from: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.iter().position(|byte| is(*byte)).map(|at| from + at)
}

/// Returns the end of the string that opens at `open`.
fn string_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn skip_space(bytes: &[u8], from: usize) -> usize {
    position(bytes, from, |byte| !b" \t\r\n".contains(&byte)).unwrap_or(bytes.len())
}

/// Adds to a positive number of JSON, in its own notation. `None` if it has a negative exponent.
fn add(number: &str, delta: i64) -> Option<String> {
    let (mantissa, exponent) = match number.find(['e', 'E']) {
        Some(at) => number.split_at(at),
        None => (number, ""),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let power: usize = match exponent.get(1..) {
        Some(digits) => digits.parse().ok()?,
        None => 0,
    };
    // With as many digits after the point as it takes to write a second.
    let digits = fraction.len().max(power);
    let second = 10_i128.pow(u32::try_from(digits - power).ok()?);
    let scale = 10_i128.pow(u32::try_from(digits).ok()?);
    let all: i128 = format!("{whole}{fraction:0<digits$}").parse().ok()?;
    let sum = all + i128::from(delta) * second;
    let fraction = match digits {
        0 => String::new(),
        _ => format!(".{:0>digits$}", sum % scale),
    };
    Some(format!("{}{fraction}{exponent}", sum / scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    #[track_caller]
    fn moves(payload: &str, by: i64, expected: &str) {
        let moved = moved(payload.as_bytes(), NOW, by).expect("a time in it");
        assert_eq!(String::from_utf8(moved).expect("UTF-8"), expected);
    }

    #[test]
    fn times_move_and_nothing_else() {
        moves(
            "{ \"iat\" :1799999970,\t\"x\":1800000000,\"exp\":1800000300 }",
            -100,
            "{ \"iat\" :1799999870,\t\"x\":1800000000,\"exp\":1800000200 }",
        );
    }

    #[test]
    fn duplicates_and_escaped_names_move_too() {
        moves(
            r#"{"exp":1799000000,"\u0065xp":1800000300}"#,
            5,
            r#"{"exp":1799000005,"\u0065xp":1800000305}"#,
        );
    }

    #[test]
    fn a_number_keeps_its_notation() {
        moves(r#"{"exp":1800000300.5}"#, -301, r#"{"exp":1799999999.5}"#);
        moves(r#"{"exp":1.8000003e9}"#, 7, r#"{"exp":1.800000307e9}"#);
        moves(r#"{"exp":18000003e+2}"#, 100, r#"{"exp":18000004.00e+2}"#);
        moves(r#"{"exp":1.8000003000E9}"#, 1, r#"{"exp":1.8000003010E9}"#);
    }

    #[test]
    fn what_is_no_time_stays() {
        for payload in [
            r#"{"exp":"1800000300"}"#,
            r#"{"exp":0}"#,
            r#"{"exp":-1800000300}"#,
            r#"{"exp":01800000300}"#,
            r#"{"exp":1800000300000}"#,
            r#"{"exp":1e300}"#,
            r#"{"sub":"\"exp\":1800000300"}"#,
            r#"["exp",1800000300]"#,
            "",
        ] {
            assert_eq!(moved(payload.as_bytes(), NOW, 1), None, "{payload}");
        }
    }
}

//! The subject of a token as a number, for verifiers that read no text.

use serde_json::value::RawValue;

use super::token::{Cause, IssueError};
use crate::{
    claims::is_integer,
    jose::{member, position},
};

/// Writes the `sub` of a JSON object as a number, where it is the text of one: `"42"` becomes `42`.
///
/// The text must be as short as the number: `"042"`, `"+1"` and `"4.2"` are no numbers. Without `sub`, nothing changes.
pub(super) fn write_as_number(json: &mut Vec<u8>) -> Result<(), IssueError> {
    const NO_NUMBER: IssueError = IssueError(Cause::NoNumber);

    let text = std::str::from_utf8(json).map_err(|_| IssueError(Cause::NotAnObject))?;
    let found = member::<&RawValue>(text, "sub").map_err(|_| IssueError(Cause::NotAnObject))?;
    let Some(value) = found.map(RawValue::get) else {
        return Ok(());
    };
    let quoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let Some(number) = quoted else {
        return is_integer(value).then_some(()).ok_or(NO_NUMBER);
    };
    let is_json = serde_json::from_str::<&RawValue>(number).is_ok();
    if !is_json || !is_integer(number) {
        return Err(NO_NUMBER);
    }
    let (start, end) = position(text, value).ok_or(NO_NUMBER)?;
    let number = number.to_owned();
    json.splice(start as usize..end as usize, number.into_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(json: &str) -> Option<String> {
        let mut json = json.as_bytes().to_vec();
        write_as_number(&mut json).ok()?;
        String::from_utf8(json).ok()
    }

    #[test]
    fn the_text_of_an_integer_becomes_that_integer() {
        for (text, number) in [
            (r#"{"sub":"42"}"#, r#"{"sub":42}"#),
            (
                r#"{"a":"1","sub":"-7","b":[]}"#,
                r#"{"a":"1","sub":-7,"b":[]}"#,
            ),
            (
                r#"{"sub":"18446744073709551615"}"#,
                r#"{"sub":18446744073709551615}"#,
            ),
            (r#"{"sub":42}"#, r#"{"sub":42}"#),
            (r#"{"a":"sub"}"#, r#"{"a":"sub"}"#),
        ] {
            assert_eq!(written(text).as_deref(), Some(number), "{text}");
        }
    }

    #[test]
    fn another_subject_is_no_number() {
        for value in [
            r#""ada""#,
            r#""""#,
            r#""042""#,
            r#""+1""#,
            r#"" 1""#,
            r#""1 ""#,
            r#""1.0""#,
            r#""1e3""#,
            r#""-0""#,
            r#""18446744073709551616""#,
            r#""\u0031""#,
            "1.5",
            "-0",
            "null",
            "[1]",
            "{}",
            "true",
        ] {
            assert_eq!(written(&format!(r#"{{"sub":{value}}}"#)), None, "{value}");
        }
    }
}

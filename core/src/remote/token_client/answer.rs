//! The answer of a token endpoint, read strictly.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
};
use zeroize::Zeroizing;

use super::error::{Extent, TokenError, TokenErrorKind};
use crate::remote::{document::http_caching::retry_after, http::FetchResponse};

/// A token as it was granted.
pub(in crate::remote) struct Granted {
    pub(in crate::remote) text: Zeroizing<String>,
    pub(super) scope: Option<String>,
    pub(in crate::remote) lifetime: Duration,
}

/// Reads an answer (RFC 6749 sections 5.1 and 5.2, RFC 8693 section 2.2).
pub(in crate::remote) fn read(response: &FetchResponse) -> Result<Granted, TokenError> {
    match response.status() {
        200 => granted(response.body()),
        400 => Err(refused(response)),
        // About the client, whatever the code (RFC 6749 section 5.2).
        401 => Err(refused(response).of(Extent::All)),
        403 => Err(TokenError::refused("status 403")),
        status @ (429 | 500..) => {
            let error = TokenError::unavailable(format!("the answer has status {status}"))
                .with_retry_after(retry_after(response));
            // Others may be about one token that the server cannot handle.
            Err(match status {
                429 | 502..=504 => error,
                _ => error.of(Extent::One),
            })
        }
        status => {
            let error = TokenError::new(TokenErrorKind::UnusableAnswer)
                .because(format!("the answer has status {status}"));
            Err(match status {
                404 | 405 | 410 => error.of(Extent::All).misplaced(),
                _ => error,
            })
        }
    }
}

fn granted(body: &[u8]) -> Result<Granted, TokenError> {
    #[derive(Deserialize)]
    struct Success {
        access_token: String,
        token_type: String,
        #[serde(default, deserialize_with = "seconds")]
        expires_in: Option<u64>,
        scope: Option<String>,
        issued_token_type: Option<String>,
    }

    // The error of `serde_json` could have a part of the token.
    let success: Success = serde_json::from_slice(body).map_err(|_| {
        let error =
            TokenError::unusable("it is no JSON object with `access_token` and `token_type`");
        match serde_json::from_slice::<IgnoredAny>(body) {
            Ok(_) => error,
            // No answer of a token endpoint.
            Err(_) => error.of(Extent::All),
        }
    })?;
    if !success.token_type.eq_ignore_ascii_case("bearer") {
        return Err(TokenError::unusable("`token_type` is not Bearer"));
    }
    let text = Zeroizing::new(success.access_token);
    if text.is_empty() || text.len() > LONGEST || !text.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(TokenError::unusable(
            "`access_token` is empty, longer than 16 KiB, or not visible ASCII",
        ));
    }
    // Clients that ask for an access token may get a refresh token or a SAML assertion only by mistake.
    if let Some(kind) = &success.issued_token_type
        && !TOKEN_TYPES.contains(&kind.as_str())
    {
        return Err(TokenError::unusable(
            "`issued_token_type` is no access token",
        ));
    }
    let lifetime = Duration::from_secs(success.expires_in.unwrap_or(UNKNOWN_LIFETIME));
    if lifetime.is_zero() {
        return Err(TokenError::unusable("`expires_in` is 0"));
    }
    Ok(Granted {
        text,
        scope: success.scope,
        lifetime: lifetime.min(LONGEST_LIFETIME),
    })
}

fn refused(response: &FetchResponse) -> TokenError {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }

    let refusal: Option<Refusal> = serde_json::from_slice(response.body()).ok();
    // By the letters that RFC 6749 section 5.2 allows, so that it can be logged.
    let is_code = |code: &String| {
        (1..=64).contains(&code.len())
            && code
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
    };
    match refusal.map(|refusal| refusal.error).filter(is_code) {
        // Some endpoints answer 400 with these.
        Some(code) if code == "temporarily_unavailable" || code == "server_error" => {
            TokenError::unavailable(code).with_retry_after(retry_after(response))
        }
        Some(code) => {
            let extent = match &*code {
                "invalid_client" => Extent::All,
                "unauthorized_client" | "unsupported_grant_type" => Extent::Grant,
                _ => Extent::One,
            };
            TokenError::refused(&code).of(extent)
        }
        None => TokenError::new(TokenErrorKind::Refused).because(format!(
            "the answer has status {}, without a reason",
            response.status()
        )),
    }
}

/// Reads a number of seconds: a number, or a text of digits, as some endpoints write it.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    struct Seconds;

    impl<'de> Visitor<'de> for Seconds {
        type Value = Option<u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number of seconds")
        }

        fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Self::Value, E> {
            Ok(Some(seconds))
        }

        /// A number with a fraction, where `serde_json` keeps numbers as texts (its feature `arbitrary_precision`).
        fn visit_map<A: MapAccess<'de>>(self, mut number: A) -> Result<Self::Value, A::Error> {
            match number.next_entry::<String, String>()? {
                Some((name, text)) if name == SERDE_NUMBER => match text.parse() {
                    Ok(seconds) => self.visit_f64(seconds),
                    Err(_) => Err(de::Error::custom("no number")),
                },
                _ => Err(de::Error::custom("an object")),
            }
        }

        fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Self::Value, E> {
            // A float that fits is exact, and any other saturates.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            match seconds >= 0.0 {
                true => Ok(Some(seconds as u64)),
                false => Err(E::custom("negative")),
            }
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            match is_number {
                true => Ok(Some(text.parse().unwrap_or(u64::MAX))),
                false => Err(E::custom("no digits")),
            }
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(Seconds)
}

/// The name of the only member of the map that `serde_json` makes of such a number.
const SERDE_NUMBER: &str = "$serde_json::private::Number";

/// The longest token, in bytes: servers refuse headers that are longer.
const LONGEST: usize = 16 << 10;

/// The lifetime of a token whose answer names none, in seconds. RFC 6749 section 5.1 leaves it to the documentation of the server.
const UNKNOWN_LIFETIME: u64 = 60;

/// No token is used for longer.
const LONGEST_LIFETIME: Duration = Duration::from_secs(86_400);

/// The types of RFC 8693 section 3 that an access token can have.
const TOKEN_TYPES: [&str; 2] = [
    "urn:ietf:params:oauth:token-type:access_token",
    "urn:ietf:params:oauth:token-type:jwt",
];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answer(status: u16, body: &Value) -> Result<(String, Duration), String> {
        let granted = read(&FetchResponse::new(status, body.to_string()));
        granted
            .map(|granted| (granted.text.to_string(), granted.lifetime))
            .map_err(|error| match error.code() {
                Some(code) => format!("{}: {code}", error.kind().name()),
                None => error.kind().name().to_owned(),
            })
    }

    fn changed(name: &str, value: Value) -> Value {
        let mut body = json!({
            "access_token": "abc.def", "token_type": "Bearer", "expires_in": 300, "scope": "read",
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "refresh_token": "unused",
        });
        match value {
            Value::Null if name == "removed" => {}
            value => body[name] = value,
        }
        body
    }

    #[test]
    fn a_bearer_token_is_taken() {
        let of = |seconds| Ok(("abc.def".to_owned(), Duration::from_secs(seconds)));
        assert_eq!(answer(200, &changed("removed", Value::Null)), of(300));
        for (name, value, lifetime) in [
            ("token_type", json!("bearer"), 300),
            ("expires_in", json!("300"), 300),
            ("expires_in", json!(3599.5), 3_599),
            ("expires_in", json!(1), 1),
            ("expires_in", json!(null), 60),
            ("expires_in", json!(u64::MAX), 86_400),
            ("expires_in", json!("99999999999999999999999"), 86_400),
            ("scope", json!(null), 300),
            ("issued_token_type", json!(TOKEN_TYPES[1]), 300),
            ("issued_token_type", json!(null), 300),
        ] {
            assert_eq!(
                answer(200, &changed(name, value.clone())),
                of(lifetime),
                "{name} {value}"
            );
        }
    }

    #[test]
    fn anything_else_is_no_token() {
        for (name, value) in [
            ("token_type", json!("DPoP")),
            ("token_type", json!(null)),
            ("token_type", json!("")),
            ("access_token", json!("")),
            ("access_token", json!(null)),
            ("access_token", json!("two words")),
            ("access_token", json!("a\r\nb: c")),
            ("access_token", json!("é")),
            ("access_token", json!("a".repeat(LONGEST + 1))),
            ("expires_in", json!(0)),
            ("expires_in", json!(-1)),
            ("expires_in", json!("soon")),
            ("expires_in", json!("")),
            ("expires_in", json!(true)),
            (
                "issued_token_type",
                json!("urn:ietf:params:oauth:token-type:refresh_token"),
            ),
        ] {
            let body = changed(name, value.clone());
            assert_eq!(
                answer(200, &body),
                Err("unusable_answer".into()),
                "{name} {value}"
            );
        }
        assert!(answer(200, &changed("access_token", json!("a".repeat(LONGEST)))).is_ok());
    }

    #[test]
    fn a_refusal_has_its_code_and_an_outage_is_none() {
        let refusal = |code: &str| json!({"error": code, "error_description": "secret"});
        for (status, body, expected) in [
            (400, refusal("invalid_grant"), "refused: invalid_grant"),
            (401, refusal("invalid_client"), "refused: invalid_client"),
            (
                400,
                refusal(&"a".repeat(64)),
                &format!("refused: {}", "a".repeat(64)),
            ),
            (400, refusal(&"a".repeat(65)), "refused"),
            (400, refusal("a\nb"), "refused"),
            (400, json!([]), "refused"),
            (403, json!({}), "refused: status 403"),
            (400, refusal("temporarily_unavailable"), "unavailable"),
            (429, refusal("slow_down"), "unavailable"),
            (500, json!({}), "unavailable"),
            (302, json!({}), "unusable_answer"),
            (204, json!({}), "unusable_answer"),
            (404, json!({}), "unusable_answer"),
            (413, json!({}), "unusable_answer"),
        ] {
            assert_eq!(
                answer(status, &body),
                Err(expected.into()),
                "{status} {body}"
            );
        }
    }
}

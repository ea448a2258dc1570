//! The answer of a token endpoint. Input: the status in the first byte, then the body.

#![no_main]

use countersign::fuzzing;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some((status, body)) = bytes.split_first() else {
        return Corpus::Reject;
    };
    let status = [200, 400, 401, 403, 429, 500][usize::from(*status) % 6];
    let json = serde_json::from_slice::<serde_json::Value>(body).ok();
    let member = |name| json.as_ref().and_then(|json| json.get(name)?.as_str());
    match fuzzing::token_answer(status, body) {
        Ok((token, lifetime)) => {
            assert_eq!(status, 200);
            assert!(token.bytes().all(|byte| byte.is_ascii_graphic()) && !token.is_empty());
            assert!((1..=86_400).contains(&lifetime.as_secs()), "{lifetime:?}");
            if json.as_ref().is_some_and(serde_json::Value::is_object) {
                assert_eq!(member("access_token"), Some(token.as_str()));
                assert!(member("token_type").unwrap().eq_ignore_ascii_case("bearer"));
            }
        }
        Err(error) => {
            if let Some(code) = error.code() {
                assert!(code.len() <= 64);
                assert!(code.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            }
            // No part of a token is in the text for the log.
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let shown = format!("{error} {source:?}");
            if let Some(token) = member("access_token").filter(|token| token.len() > 24) {
                assert!(!shown.contains(token));
            }
        }
    }
    Corpus::Keep
});

//! The text of a token, and the base64url of its parts.

#![no_main]

use countersign::{AuthErrorKind, VerifierBuilder, fuzzing};
use countersign_fuzz::{
    json,
    tokens::{Rules, SECRET},
};
use hmac::{Hmac, KeyInit, Mac};
use libfuzzer_sys::fuzz_target;
use sha2::Sha256;

thread_local! {
    static RULES: Rules = Rules::usual();
}

fuzz_target!(|data: &[u8]| {
    base64url(data);
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    RULES.with(|rules| {
        let refusal = rules
            .verifier
            .verify_now(text)
            .err()
            .map(|error| error.kind());
        assert_eq!(rules.verifier.explain(text).refusal(), refusal, "explained");
        for _ in 0..2 {
            let cached = rules
                .cached
                .verify_now(text)
                .err()
                .map(|error| error.kind());
            assert_eq!(cached, refusal, "cached");
        }
        let expected = signed(text).and_then(|payload| rules.accept(&payload));
        match refusal {
            None => assert!(expected.is_some(), "accepted"),
            Some(kind) => check_refusal(text, kind),
        }
    });
});

/// Checks that the decoder agrees with ours, and that each value has one text only.
fn base64url(data: &[u8]) {
    let decoded = fuzzing::base64url_decode(data);
    assert_eq!(decoded, json::base64url(data));
    if let Some(bytes) = decoded {
        assert_eq!(fuzzing::base64url_encode(&bytes).as_bytes(), data);
    }
    let encoded = fuzzing::base64url_encode(data);
    assert_eq!(json::base64url(encoded.as_bytes()).as_deref(), Some(data));
}

/// Returns the payload of a token that was signed with our secret.
fn signed(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return None;
    };
    let signature = json::base64url(signature.as_bytes())?;
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    mac.update(format!("{header}.{payload}").as_bytes());
    mac.verify_slice(&signature).ok()?;
    json::base64url(header.as_bytes())?;
    String::from_utf8(json::base64url(payload.as_bytes())?).ok()
}

fn check_refusal(text: &str, kind: AuthErrorKind) {
    if text.len() > VerifierBuilder::DEFAULT_MAX_TOKEN_BYTES {
        assert_eq!(kind, AuthErrorKind::TokenTooLarge);
        return;
    }
    let parts: Vec<&str> = text.split('.').collect();
    let is_whole = |part: &&str| !part.is_empty() && json::base64url(part.as_bytes()).is_some();
    if parts.len() < 3 || parts[0].is_empty() || !is_whole(&parts[0]) {
        assert_eq!(kind, AuthErrorKind::MalformedToken);
    }
    // A token that was signed with our secret can be refused only for another reason.
    let genuine = signed(text).is_some();
    assert!(!genuine || kind != AuthErrorKind::BadSignature);
}

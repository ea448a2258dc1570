//! Refresh tokens, with what they stand for computed by hand.

#![no_main]

use countersign::{Digest, SessionId, fuzzing};
use countersign_fuzz::json;
use hmac::{Hmac, Mac};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};

// A salt of 32 bytes, where there are so many beyond a token, then the text.
fuzz_target!(|data: &[u8]| {
    let (salt, text) = match data.split_at_checked(32) {
        Some((salt, text)) if text.len() >= 64 => (Digest::from_slice(salt), text),
        _ => (Some(Digest::from_bytes([7; 32])), data),
    };
    let salt = salt.expect("32 bytes");
    let Ok(text) = str::from_utf8(text) else {
        return;
    };
    let read = fuzzing::refresh_token(text, &salt);
    let bytes = json::base64url(text.as_bytes()).filter(|bytes| bytes.len() == 48);
    let Some(bytes) = bytes else {
        assert!(read.is_none(), "what is no token was read");
        return check_id(text);
    };
    let read = read.expect("a token of 48 bytes");
    assert_eq!(read.text, text);

    let (family, secret) = bytes.split_at(16);
    let id = Sha256::digest([b"countersign session id 1\0", family].concat());
    assert_eq!(read.session.as_str(), fuzzing::base64url_encode(&id[..16]));
    let hash = Sha256::digest([b"countersign refresh token 1\0", &*bytes].concat());
    assert_eq!(read.hash.as_bytes(), &*hash);

    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length");
    mac.update(b"countersign successor 1\0");
    mac.update(salt.as_bytes());
    let successor = [family, &mac.finalize().into_bytes()].concat();
    assert_eq!(read.successor, fuzzing::base64url_encode(&successor));
    let next = fuzzing::refresh_token(&read.successor, &salt).expect("a successor");
    assert_eq!(next.session, read.session);
    assert_ne!(next.hash, read.hash);
});

/// The id of a session, and a digest in JSON.
fn check_id(text: &str) {
    let bytes = json::base64url(text.as_bytes());
    let id = SessionId::parse(text);
    assert_eq!(
        id.is_some(),
        bytes.as_ref().is_some_and(|bytes| bytes.len() == 16)
    );
    assert!(id.is_none_or(|id| id.as_str() == text));
    let quoted = serde_json::Value::from(text).to_string();
    let digest = serde_json::from_str::<Digest>(&quoted).ok();
    assert_eq!(
        digest.is_some(),
        bytes.as_ref().is_some_and(|bytes| bytes.len() == 32)
    );
    if let Some(digest) = digest {
        assert_eq!(serde_json::to_string(&digest).expect("JSON"), quoted);
    }
}

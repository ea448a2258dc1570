//! Refresh tokens, with their meaning computed by hand, and the chain of exchanged tokens.

#![no_main]

use countersign::{
    fuzzing::{self, Answer},
    session::{
        Realm, SessionId,
        store::{PreviousToken, StoredSession, TokenHash},
    },
};
use countersign_fuzz::{
    json,
    rows::{is_list, is_realm},
    tokens::NOW,
};
use hmac::{Hmac, KeyInit, Mac};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};

const REALM: &str = "https://i.test";

/// The number of seconds in which an exchanged token gets an answer.
const GRACE: i64 = 10;

/// The bytes of a link: the seconds between its exchange and the next, or now, and a salt.
const LINK: usize = 1 + 32;

// Links, the oldest first, as many as fit before the last 64 bytes; then the text of a token.
fuzz_target!(|data: &[u8]| {
    check_list(data);
    let links = (data.len().saturating_sub(64) / LINK).min(PreviousToken::MOST);
    let (links, text) = data.split_at(links * LINK);
    let Ok(text) = str::from_utf8(text) else {
        return;
    };
    let bytes = json::base64url(text.as_bytes());
    let bytes = bytes.and_then(|bytes| <[u8; 48]>::try_from(bytes).ok());
    let Some(bytes) = bytes else {
        let read = fuzzing::refresh_token(text, &realm(REALM), &TokenHash::from_bytes([7; 32]));
        assert!(read.is_none(), "what is no token was read");
        return check_names(text);
    };
    let (seconds, salts): (Vec<u8>, Vec<TokenHash>) = links
        .chunks_exact(LINK)
        .map(|link| {
            (
                link[0],
                TokenHash::from_slice(&link[1..]).expect("32 bytes"),
            )
        })
        .unzip();

    let mut tokens = vec![bytes];
    for salt in &salts {
        tokens.push(successor(tokens.last().expect("the first"), salt));
    }
    for (place, token) in tokens.iter().enumerate() {
        let salt = salts.get(place).copied();
        check_token(token, &salt.unwrap_or(TokenHash::from_bytes([7; 32])));
    }
    check_chain(&tokens, &salts, &seconds);
});

/// Checks that a list that can be read is written as the same bytes.
fn check_list(bytes: &[u8]) {
    let list = PreviousToken::list_from_bytes(bytes);
    assert_eq!(list.is_some(), is_list(bytes));
    let Some(list) = list else { return };
    assert_eq!(PreviousToken::list_to_bytes(&list), bytes);
    assert_eq!(list.len(), bytes.len() / PreviousToken::BYTES);
    for (token, bytes) in list.iter().zip(bytes.chunks(PreviousToken::BYTES)) {
        assert_eq!(token.hash.as_bytes()[..], bytes[..32]);
        assert_eq!(token.salt.as_bytes()[..], bytes[32..64]);
        assert_eq!(token.exchanged_at.to_be_bytes()[..], bytes[64..]);
    }
}

fn check_token(token: &[u8; 48], salt: &TokenHash) {
    let text = fuzzing::base64url_encode(token);
    let read = |realm: &Realm| fuzzing::refresh_token(&text, realm, salt).expect("48 bytes");
    let [own, other] = [REALM, "https://j.test"].map(|name| {
        let read = read(&realm(name));
        assert_eq!(read.text, text);
        assert_eq!(read.session, session_id(token, name));
        assert_eq!(read.hash, hash(token, name));
        let next = successor(token, salt);
        assert_eq!(read.successor, fuzzing::base64url_encode(&next));
        read
    });
    assert_ne!(own.session, other.session);
    assert_ne!(own.hash, other.hash);
}

/// Checks that each token of a session that was exchanged within the window gets the current one,
/// and that no other gets an answer, even after the list has been through a store.
fn check_chain(tokens: &[[u8; 48]], salts: &[TokenHash], seconds: &[u8]) {
    let current = tokens.last().expect("the first");
    let mut exchanged_at = NOW;
    let mut previous = Vec::new();
    for ((token, salt), seconds) in tokens.iter().zip(salts).zip(seconds).rev() {
        exchanged_at -= i64::from(*seconds);
        previous.push(PreviousToken {
            hash: hash(token, REALM),
            salt: *salt,
            exchanged_at,
        });
    }
    let bytes = PreviousToken::list_to_bytes(&previous);
    check_list(&bytes);
    let is_recent = |token: &PreviousToken| NOW - token.exchanged_at < GRACE;
    let is_full = previous.len() == PreviousToken::MOST && previous.iter().all(is_recent);
    let session = StoredSession {
        id: session_id(current, REALM),
        realm: realm(REALM),
        subject: "ada".to_owned(),
        label: None,
        binding: None,
        created_at: exchanged_at,
        last_used_at: previous.first().map_or(NOW, |newest| newest.exchanged_at),
        expires_at: NOW + 1,
        absolute_expires_at: NOW + 1,
        tokens_until: NOW + 1,
        current: hash(current, REALM),
        previous: PreviousToken::list_from_bytes(&bytes).expect("what was written"),
        details: Default::default(),
        data: None,
    };
    let answer = |token: &[u8; 48]| {
        let text = fuzzing::base64url_encode(token);
        fuzzing::answer(&text, &session, NOW, GRACE).expect("48 bytes")
    };
    let repeat = || Answer::Repeat(fuzzing::base64url_encode(current));

    let exchange = if is_full { repeat() } else { Answer::Exchange };
    assert_eq!(answer(current), exchange);
    for (token, stored) in tokens.iter().zip(previous.iter().rev()) {
        let expected = match is_recent(stored) {
            true => repeat(),
            false => Answer::Refusal,
        };
        assert_eq!(answer(token), expected);
    }
    // A token of the session that was never given out.
    let mut other = *current;
    other[47] ^= 1;
    assert_eq!(answer(&other), Answer::Refusal);
}

fn realm(name: &str) -> Realm {
    Realm::new(name).expect("a name")
}

/// Returns the part of the hashed text that stands for a realm.
fn tag(realm: &str) -> [u8; 32] {
    Sha256::digest([b"countersign realm 1\0", realm.as_bytes()].concat()).into()
}

fn session_id(token: &[u8; 48], realm: &str) -> SessionId {
    let id = [b"countersign session id 2\0", &tag(realm)[..], &token[..16]].concat();
    let id = fuzzing::base64url_encode(&Sha256::digest(id)[..16]);
    SessionId::parse(&id).expect("16 bytes")
}

fn hash(token: &[u8; 48], realm: &str) -> TokenHash {
    let hash = [b"countersign refresh token 2\0", &tag(realm)[..], token].concat();
    TokenHash::from_bytes(Sha256::digest(hash).into())
}

fn successor(token: &[u8; 48], salt: &TokenHash) -> [u8; 48] {
    let mut mac = Hmac::<Sha256>::new_from_slice(&token[16..]).expect("any length");
    mac.update(b"countersign successor 2\0");
    mac.update(salt.as_bytes());
    let mut next = *token;
    next[16..].copy_from_slice(&mac.finalize().into_bytes());
    next
}

/// Checks the id of a session, a digest in JSON, and the name of a realm.
fn check_names(text: &str) {
    let bytes = json::base64url(text.as_bytes());
    let id = SessionId::parse(text);
    assert_eq!(
        id.is_some(),
        bytes.as_ref().is_some_and(|bytes| bytes.len() == 16)
    );
    assert!(id.is_none_or(|id| id.as_str() == text));
    let quoted = serde_json::Value::from(text).to_string();
    let digest = serde_json::from_str::<TokenHash>(&quoted).ok();
    assert_eq!(
        digest.is_some(),
        bytes.as_ref().is_some_and(|bytes| bytes.len() == 32)
    );
    if let Some(digest) = digest {
        assert_eq!(serde_json::to_string(&digest).expect("JSON"), quoted);
    }
    let realm = serde_json::from_str::<Realm>(&quoted).ok();
    assert_eq!(realm.is_some(), is_realm(text));
    assert_eq!(realm, Realm::new(text).ok());
    assert!(realm.is_none_or(|realm| realm.as_str() == text));
}

//! Tests of headers that contain a cached token in another form, or with more text.

use countersign::{AuthErrorKind, Authenticator, TokenCache, Verifier, testing::TestIssuer};
use futures_executor::block_on;

use crate::lab::Head;

/// Returns an authenticator whose cache has the token, one without a cache, and the token.
fn both() -> (Authenticator, Authenticator, String) {
    let issuer = TestIssuer::new();
    let token = issuer.token().sign();
    let builder = || {
        Verifier::builder(issuer.key())
            .issuer(TestIssuer::ISSUER)
            .audience(TestIssuer::AUDIENCE)
            .clock(issuer.clock().clone())
    };
    let cache = TokenCache::new();
    let cached = builder().cache(cache.clone()).build().unwrap();
    let plain = builder().build().unwrap();
    assert!(cached.verify_now(&token).is_ok());
    assert_eq!(cache.len(), 1);
    (cached.into(), plain.into(), token)
}

#[test]
fn what_stands_around_a_kept_token_counts_as_it_does_without_a_cache() {
    use AuthErrorKind::{MalformedRequest, MalformedToken};

    let (cached, plain, token) = both();
    let token = token.as_bytes();
    let cases: [(&[u8], &[u8], Option<AuthErrorKind>); 15] = [
        (b"Bearer ", b"", None),
        (b"Bearer ", b"  ", None),
        (b"Bearer   ", b"", None),
        (b"bearer ", b"", None),
        (b"BEARER  ", b"\t", None),
        (b"Bearer ", b" x", Some(MalformedRequest)),
        (b"Bearer ", b",x", Some(MalformedRequest)),
        (b"Bearer ", b"=\"x\"", Some(MalformedRequest)),
        (b"Bearer x ", b"", Some(MalformedRequest)),
        (b"Bearer \t", b"", Some(MalformedRequest)),
        (b"Bearer\t", b"", Some(MalformedRequest)),
        (b"Bearer ", b"=", Some(MalformedToken)),
        (b"Bearer ", "\u{e9}".as_bytes(), Some(MalformedToken)),
        (b"Bearer ", b"\xff", Some(MalformedToken)),
        (b"Bearer \xa0", b"", Some(MalformedToken)),
    ];
    for (before, after, expected) in cases {
        let head = Head("authorization", [before, token, after].concat());
        // Twice: a refused header must not be cached.
        for authenticator in [&cached, &plain, &cached] {
            let verdict = block_on(authenticator.check(&head));
            let refusal = verdict.err().map(|error| error.kind());
            assert_eq!(refusal, expected, "{before:?} {after:?}");
        }
    }
}

#[test]
fn a_header_that_holds_no_one_token_is_refused_before_anything_is_verified() {
    let (cached, plain, token) = both();
    for authenticator in [cached, plain] {
        for (value, expected) in [
            (format!("Bearer {token}"), None),
            (
                format!("Bearer {token} x"),
                Some(AuthErrorKind::MalformedRequest),
            ),
            (
                "Bearer one, two".to_owned(),
                Some(AuthErrorKind::MalformedRequest),
            ),
        ] {
            let head = Head("authorization", value.into_bytes());
            let refusal = authenticator.credentials(&head).err();
            assert_eq!(refusal.map(|error| error.kind()), expected);
        }
    }
}

//! Tests of the claims that a handler reads from a cached token.

use std::{sync::Arc, time::Duration};

use countersign::{AuthErrorKind, Authenticator, VerifiedToken, adapter::Credentials};
use futures_executor::block_on;
use serde::Deserialize;

use crate::lab::Lab;

#[derive(Debug, Deserialize)]
struct User {
    sub: String,
}

#[derive(Debug, Deserialize)]
struct Other {
    roles: Vec<String>,
}

#[test]
fn a_cached_token_is_the_same_token() {
    let lab = Lab::new();
    let token = || {
        lab.issuer
            .token()
            .subject("ad\u{e4} \"\\ \n")
            .scope("read write")
            .claim("jti", "1")
            .claim("roles", ["a", "b"].to_vec())
    };
    let text = token().sign();
    let plain = lab.issuer.verifier().verify_now(&text).unwrap();
    for _ in 0..6 {
        let cached = lab.verifier.verify_now(&text).unwrap();
        assert_eq!(shown(&cached), shown(&plain));
        assert_eq!(cached.claims::<User>().unwrap().sub, "ad\u{e4} \"\\ \n");
        // The slot is taken, but another type can still be read.
        assert_eq!(cached.claims::<Other>().unwrap().roles, ["a", "b"]);
        assert_eq!(
            cached.claims::<Vec<u8>>().unwrap_err().kind(),
            AuthErrorKind::Misconfigured
        );
    }
}

fn shown(token: &VerifiedToken) -> String {
    format!(
        "{:?} {} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        token.header(),
        token.payload(),
        token.issuer(),
        token.subject(),
        token.id(),
        token.audience().iter().collect::<Vec<_>>(),
        token.scopes().iter().collect::<Vec<_>>(),
        token.roles(),
        token.expires_at(),
        token.remaining(),
    )
}

#[test]
fn the_claims_of_a_cached_token_are_read_once() {
    let lab = Lab::new();
    let text = lab.issuer.token().sign();
    let claims = || {
        let token = lab.verifier.verify_now(&text).unwrap();
        token.claims::<User>().unwrap()
    };
    let first = claims();
    // First from the shared table, then from the cache of the thread.
    assert!(Arc::ptr_eq(&first, &claims()));
    for _ in 0..3 {
        claims();
    }
    let own = claims();
    assert!(Arc::ptr_eq(&own, &claims()));
    assert!(!Arc::ptr_eq(&own, &first));
}

#[test]
fn a_few_tokens_in_turn_are_all_at_hand() {
    // In many caches: in each, other tokens collide.
    for _ in 0..40 {
        let lab = Lab::new();
        let token = |n| lab.issuer.token().claim("n", n).sign();
        let texts: Vec<String> = (0..4).map(token).collect();
        let claims = || {
            let claims = |text| lab.verifier.verify_now(text).unwrap().claims::<User>();
            let all = texts.iter().map(|text| claims(text).unwrap());
            all.collect::<Vec<_>>()
        };
        let shared = claims();
        claims();
        for (own, shared) in claims().iter().zip(&shared) {
            assert!(!Arc::ptr_eq(own, shared));
        }
    }
}

#[test]
fn a_token_outlives_its_cache() {
    let lab = Lab::new();
    let text = lab.issuer.token().subject("ada").sign();
    lab.warm(&text, 5);
    let token = lab.verifier.verify_now(&text).unwrap();
    let claims = token.claims::<User>().unwrap();
    drop(lab);
    assert_eq!((token.subject(), &*claims.sub), (Some("ada"), "ada"));
}

#[test]
fn a_cached_token_is_read_as_a_type_like_any_other() {
    let lab = Lab::new();
    let token = || lab.issuer.token().claim("exp", lab.now() + 300);
    let text = token().subject("ada").sign();
    for n in 0..6 {
        let user = lab.verifier.verify_now_as::<User>(&text).unwrap();
        assert_eq!(
            (&*user.sub, user.expires_at()),
            ("ada", Some(lab.now() + 300))
        );
        // Verified once, whichever type is asked for.
        assert_eq!(
            lab.verifier.verify_now(&text).unwrap().subject(),
            Some("ada")
        );
        let misfit = lab.verifier.verify_now_as::<Other>(&text).unwrap_err();
        assert_eq!(misfit.kind(), AuthErrorKind::Misconfigured);
        if n == 0 {
            assert_eq!(lab.cache.len(), 1);
        }
    }
    let uses = lab.keys.uses();
    block_on(lab.verifier.verify_as::<User>(&text)).unwrap();
    assert_eq!(lab.keys.uses(), uses);
    lab.issuer.clock().advance(Duration::from_secs(330));
    let expired = lab.verifier.verify_now_as::<User>(&text).unwrap_err();
    assert_eq!(expired.kind(), AuthErrorKind::Expired);
}

#[test]
fn the_type_that_a_middleware_names_is_read_while_the_token_is_verified() {
    let lab = Lab::new();
    let authenticator = Authenticator::new(&lab.verifier).parse_as::<User>();
    let text = lab.issuer.token().subject("ada").sign();
    for _ in 0..6 {
        let credentials = Some(Credentials::new(&text));
        let token = block_on(authenticator.authenticate(credentials)).unwrap();
        assert_eq!(token.unwrap().claims::<User>().unwrap().sub, "ada");
    }
    assert_eq!(lab.cache.len(), 1);
}

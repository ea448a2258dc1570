//! Tests of sharing a cache: the verdict of one verifier counts for another only if both are alike.

use std::time::Duration;

use countersign::{
    Algorithm, AuthErrorKind, Authenticator, Issuers, Policy, TokenCache, Verifier,
    adapter::Credentials, testing::TestIssuer,
};
use futures_executor::block_on;

use crate::lab::{Lab, Source, WARM, refusal};

#[test]
fn verifiers_that_share_a_cache_do_not_share_verdicts() {
    let cache = TokenCache::new();
    let issuer = TestIssuer::new();
    let keys = Source::new([issuer.key().verifying_key()]);
    let builder = || {
        Verifier::builder(countersign::Keys::from_source(keys.clone()))
            .clock(issuer.clock().clone())
            .cache(cache.clone())
    };
    let usual = builder().issuer(TestIssuer::ISSUER);
    let usual = usual.audience(TestIssuer::AUDIENCE).build().unwrap();
    let others = [
        (
            builder().any_issuer().audience("another"),
            AuthErrorKind::WrongAudience,
        ),
        (
            builder().issuer("https://another.example").any_audience(),
            AuthErrorKind::WrongIssuer,
        ),
        (
            builder()
                .any_issuer()
                .any_audience()
                .token_type("logout+jwt"),
            AuthErrorKind::WrongType,
        ),
        (
            builder()
                .any_issuer()
                .any_audience()
                .require_claim("tenant"),
            AuthErrorKind::MissingClaim,
        ),
        (
            builder()
                .any_issuer()
                .any_audience()
                .require_value("sub", "nobody"),
            AuthErrorKind::InvalidClaim,
        ),
        (
            builder()
                .any_issuer()
                .any_audience()
                .algorithms([Algorithm::EdDSA])
                .leeway(Duration::ZERO),
            AuthErrorKind::WrongAlgorithm,
        ),
        (
            builder().any_issuer().any_audience().max_token_bytes(64),
            AuthErrorKind::TokenTooLarge,
        ),
    ];
    let token = issuer.token().sign();
    for _ in 0..5 {
        usual.verify_now(&token).unwrap();
    }
    for (builder, kind) in others {
        let other = builder.build().unwrap();
        for _ in 0..5 {
            assert_eq!(refusal(&other, &token), Some(kind));
            assert_eq!(refusal(&usual, &token), None);
        }
    }
    assert_eq!(cache.len(), 1);
}

#[test]
fn clones_of_a_verifier_are_one_and_changed_ones_are_not() {
    let lab = Lab::new();
    let token = lab.issuer.token().sign();
    lab.warm(&token, 1);
    let before = lab.keys.uses();
    lab.verifier.clone().verify_now(&token).unwrap();
    assert_eq!(lab.keys.uses(), before);
    let other = lab.verifier.clone().with_cache(lab.cache.clone());
    other.verify_now(&token).unwrap();
    assert_eq!(lab.keys.uses(), before + 1);
    assert_eq!(lab.cache.len(), 2);
}

#[test]
fn a_policy_sees_every_request() {
    for warm in WARM {
        let lab = Lab::new();
        let token = lab.issuer.token().scope("read").sign();
        lab.warm(&token, warm);
        let check = |policy| {
            let authenticator = Authenticator::new(&lab.verifier).require(policy);
            let credentials = Credentials::new(&token);
            block_on(authenticator.authenticate(Some(credentials)))
        };
        for _ in 0..3 {
            assert!(check(Policy::scope("read")).is_ok());
            assert_eq!(
                check(Policy::scope("write")).unwrap_err().kind(),
                AuthErrorKind::InsufficientScope
            );
        }
    }
}

#[test]
fn several_issuers_share_a_cache() {
    let cache = TokenCache::new();
    let (one, other) = (TestIssuer::new(), TestIssuer::new());
    let verifier = |issuer: &TestIssuer, name| {
        Verifier::builder(issuer.key())
            .issuer(name)
            .audience(TestIssuer::AUDIENCE)
            .clock(issuer.clock().clone())
            .cache(cache.clone())
            .build()
            .unwrap()
    };
    let names = ["https://one.example", "https://other.example"];
    let issuers = Issuers::new([verifier(&one, names[0]), verifier(&other, names[1])]).unwrap();
    let authenticator = Authenticator::new(issuers);
    let check = |token: &str| {
        block_on(authenticator.authenticate(Some(Credentials::new(token))))
            .map_err(|error| error.kind())
            .map(drop)
    };
    let good = one.token().issuer(names[0]).sign();
    let crossed = one.token().issuer(names[1]).sign();
    for _ in 0..5 {
        assert_eq!(check(&good), Ok(()));
        assert!(check(&crossed).is_err());
    }
    assert_eq!(cache.len(), 1);
}

/// Several issuers that share a cache, each with a key of its own. Their names end in their
/// numbers.
struct Several {
    of: Vec<(TestIssuer, Source)>,
    authenticator: Authenticator,
}

impl Several {
    fn new(count: usize) -> Self {
        let cache = TokenCache::new();
        let of: Vec<_> = std::iter::repeat_with(TestIssuer::new)
            .map(|issuer| {
                let keys = Source::new([issuer.key().verifying_key()]);
                (issuer, keys)
            })
            .take(count)
            .collect();
        let verifiers = of.iter().enumerate().map(|(index, (issuer, keys))| {
            Verifier::builder(countersign::Keys::from_source(keys.clone()))
                .issuer(Self::name(index))
                .audience(TestIssuer::AUDIENCE)
                .leeway(Duration::ZERO)
                .clock(issuer.clock().clone())
                .cache(cache.clone())
                .build()
                .unwrap()
        });
        let issuers = Issuers::new(verifiers).unwrap();
        Self {
            authenticator: Authenticator::new(issuers),
            of,
        }
    }

    fn name(index: usize) -> String {
        format!("https://{index}.example")
    }

    /// Returns a token signed with the key of one issuer, in the name of another.
    fn token(&self, by: usize, name: usize) -> String {
        let (issuer, _) = &self.of[by];
        issuer.token().issuer(&Self::name(name)).sign()
    }

    fn refusal(&self, token: &str) -> Option<AuthErrorKind> {
        block_on(
            self.authenticator
                .authenticate(Some(Credentials::new(token))),
        )
        .err()
        .map(|error| error.kind())
    }

    fn uses(&self) -> usize {
        self.of.iter().map(|(_, keys)| keys.uses()).sum()
    }
}

#[test]
fn each_of_several_verifiers_finds_its_own_tokens() {
    // With nine, the token is read before the cache is searched.
    for count in [2, 8, 9] {
        let several = Several::new(count);
        let before = several.uses();
        let tokens: Vec<_> = (0..count)
            .map(|index| several.token(index, index))
            .collect();
        for _ in 0..5 {
            for token in &tokens {
                assert_eq!(several.refusal(token), None);
            }
        }
        assert_eq!(several.uses(), before + count);
        for (by, name) in [(0, 1), (1, 0), (count - 1, 0)] {
            let crossed = several.token(by, name);
            for _ in 0..3 {
                assert_eq!(several.refusal(&crossed), Some(AuthErrorKind::UnknownKey));
            }
        }
        let unknown = several.token(0, count);
        assert_eq!(
            several.refusal(&unknown),
            Some(AuthErrorKind::UnknownIssuer)
        );
    }
}

#[test]
fn what_ends_a_token_ends_it_among_several_verifiers_too() {
    for warm in WARM {
        let several = Several::new(3);
        let tokens = [0, 1, 2].map(|index| several.token(index, index));
        for token in &tokens {
            for _ in 0..=warm {
                assert_eq!(several.refusal(token), None);
            }
        }
        let refusals = || tokens.each_ref().map(|token| several.refusal(token));
        several.of[0].1.put(None);
        several.of[1].0.clock().advance(Duration::from_secs(86_400));
        let expected = [
            Some(AuthErrorKind::KeysUnavailable),
            Some(AuthErrorKind::Expired),
            None,
        ];
        for _ in 0..3 {
            assert_eq!(refusals(), expected);
        }
    }
}

#[test]
fn explaining_has_no_cache() {
    let lab = Lab::new();
    let token = lab.issuer.token().sign();
    let _ = lab.verifier.explain(&token);
    assert!(lab.cache.is_empty());
    lab.warm(&token, 5);
    let before = lab.keys.uses();
    assert_eq!(lab.verifier.explain(&token).checks().len(), 16);
    assert_eq!(lab.keys.uses(), before + 1);
}

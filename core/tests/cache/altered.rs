//! Tests of tokens that are nearly a cached one.

use countersign::{Algorithm, TokenCache, testing::TestIssuer};

use crate::lab::{Lab, refusal};

#[test]
fn no_token_with_one_other_character_passes_for_a_cached_one() {
    for algorithm in [Algorithm::HS256, Algorithm::ES256] {
        let issuer = TestIssuer::with_algorithm(algorithm);
        let builder = || issuer.verifier_builder();
        let plain = builder().build().unwrap();
        let cached = builder().cache(TokenCache::new()).build().unwrap();
        let good = issuer.token().sign();
        for _ in 0..5 {
            cached.verify_now(&good).unwrap();
        }
        for at in 0..good.len() {
            for by in [b'A', b'B', b'.', b'='] {
                let mut altered = good.clone().into_bytes();
                if altered[at] == by {
                    continue;
                }
                altered[at] = by;
                let altered = String::from_utf8(altered).unwrap();
                let kind = cached.verify_now(&altered).unwrap_err().kind();
                assert_eq!(
                    kind,
                    plain.verify_now(&altered).unwrap_err().kind(),
                    "{altered}"
                );
            }
        }
        assert_eq!(refusal(&cached, &good), None);
    }
}

#[test]
fn the_end_of_a_cached_token_is_not_enough() {
    let lab = Lab::new();
    let good = lab.issuer.token().sign();
    let other = lab.issuer.token().claim("admin", true).sign();
    lab.warm(&good, 5);
    let end = &good[good.len() - 40..];
    let (head, _) = other.split_at(other.len() - 40);
    let parts: Vec<&str> = good.split('.').collect();
    let crossed: Vec<&str> = other.split('.').collect();
    for altered in [
        format!("{head}{end}"),
        format!("{}.{}.{}", parts[0], crossed[1], parts[2]),
        format!("{}.{}.{}", crossed[0], crossed[1], parts[2]),
        format!("{}.{}", parts[1], parts[2]),
        parts[2].to_owned(),
        end.to_owned(),
        good[1..].to_owned(),
        good[..good.len() - 1].to_owned(),
        format!("{good} "),
        format!(" {good}"),
        format!("{good}="),
        format!("{good}.{}", parts[2]),
        format!("{good}{good}"),
        good.to_lowercase(),
        String::new(),
        "x".to_owned(),
    ] {
        assert!(lab.refusal(&altered).is_some(), "{altered}");
    }
    assert_eq!(lab.cache.len(), 1);
    assert!(lab.is_hit(&good));
}

#[test]
fn what_is_refused_leaves_nothing() {
    let lab = Lab::new();
    let token = || lab.issuer.token();
    for refused in [
        token().expired().sign(),
        token().not_yet_valid().sign(),
        token().audience("another").sign(),
        token().by_a_stranger(),
        token().unsigned(),
        token().header("crit", serde_json::json!(["exp"])).sign(),
    ] {
        for _ in 0..5 {
            assert!(lab.refusal(&refused).is_some());
        }
    }
    assert_eq!((lab.cache.len(), lab.cache.bytes()), (0, 0));
}

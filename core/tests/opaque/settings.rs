//! Tests of settings of opaque tokens that are refused, each beside the nearest that is accepted.

use countersign::{Authenticator, ConfigError, OpaqueTokens, TokenSource, testing::TestIssuer};

use crate::Keys;

fn add(tokens: impl IntoIterator<Item = OpaqueTokens>) -> Result<Authenticator, ConfigError> {
    let authenticator = Authenticator::new(TestIssuer::new().verifier());
    tokens
        .into_iter()
        .try_fold(authenticator, Authenticator::opaque_tokens)
}

fn prefixed(prefix: &str) -> OpaqueTokens {
    OpaqueTokens::prefixed(prefix, Keys::default().check())
}

fn in_header(name: &str) -> OpaqueTokens {
    OpaqueTokens::in_header(name, Keys::default().check())
}

#[test]
fn a_prefix_that_a_jwt_can_have_is_refused() {
    for good in [
        "s",
        "sk_",
        "ghp_",
        "E",
        "eA",
        "a".repeat(32).as_str(),
        "key.v1~",
    ] {
        assert!(add([prefixed(good)]).is_ok(), "{good}");
    }
    for bad in [
        "",
        "e",
        "ey",
        "eyJ",
        "eyJhbGciOi",
        "ew",
        "Cg",
        "I",
        "sk ",
        "sk,",
        "sk=",
        "\u{e4}",
        "a".repeat(33).as_str(),
    ] {
        let refused = add([prefixed(bad)]).unwrap_err();
        assert!(matches!(refused, ConfigError::InvalidSetting(_)), "{bad}");
        assert!(refused.to_string().contains("`OpaqueTokens::prefixed`"));
    }
}

#[test]
fn a_header_that_can_carry_a_jwt_is_refused() {
    for good in ["x-api-key", "X-Api-Key", "api_key"] {
        assert!(add([in_header(good)]).is_ok(), "{good}");
    }
    for bad in ["", "Authorization", "cookie", "x api", "x:"] {
        let refused = add([in_header(bad)]).unwrap_err();
        assert!(matches!(refused, ConfigError::InvalidSetting(_)), "{bad}");
    }
    let source = TokenSource::bearer().or(TokenSource::header("X-Api-Key"));
    let twice = Authenticator::new(TestIssuer::new().verifier())
        .source(source)
        .opaque_tokens(in_header("x-api-key"));
    assert!(matches!(twice, Err(ConfigError::Conflict(_))));
}

#[test]
fn a_name_is_no_url() {
    for good in ["api_key", "k", "keys-2"] {
        assert!(add([prefixed("sk_").name(good)]).is_ok(), "{good}");
    }
    for bad in [
        "",
        "https://id.example",
        "API",
        "a b",
        "a:b",
        &*"a".repeat(65),
    ] {
        let refused = add([prefixed("sk_").name(bad)]).unwrap_err();
        assert!(
            refused.to_string().contains("`OpaqueTokens::name`"),
            "{bad}"
        );
    }
}

#[test]
fn two_kinds_have_two_forms() {
    assert!(
        add([
            prefixed("sk_live_"),
            prefixed("sk_test_"),
            in_header("x-api-key")
        ])
        .is_ok()
    );
    for (one, other) in [
        (prefixed("sk_"), prefixed("sk_")),
        (prefixed("sk_"), prefixed("sk_live_")),
        (prefixed("sk_live_"), prefixed("sk_")),
        (in_header("x-api-key"), in_header("X-API-KEY")),
    ] {
        assert!(matches!(add([one, other]), Err(ConfigError::Conflict(_))));
    }
    let many = |count: u8| add((0..count).map(|n| prefixed(&format!("k{n:02}"))));
    assert!(many(16).is_ok());
    assert!(matches!(many(17), Err(ConfigError::Conflict(_))));
}

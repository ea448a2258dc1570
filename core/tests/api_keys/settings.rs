//! Tests of settings that are refused, each beside the nearest that is accepted.

use countersign::{
    Authenticator, ConfigError, MemoryStore, OpaqueTokens, Policy,
    adapter::Credentials,
    claims::ScopeHierarchy,
    session::{ApiKeyError, ApiKeys, NewApiKey},
    testing::TestIssuer,
};
use futures_executor::block_on;

use crate::{NOW, PEPPER, builder};

#[test]
fn settings_that_cannot_be_are_refused() {
    let with = |pepper: &[u8]| ApiKeys::builder(MemoryStore::new(), pepper);
    let good = || with(&PEPPER);
    assert!(good().build().is_ok());
    assert!(matches!(
        with(&[7; 31]).build(),
        Err(ConfigError::WeakKey(_))
    ));
    let older = good().older_pepper([7; 31]).build();
    assert!(matches!(older, Err(ConfigError::WeakKey(_))));
    for (refused, name) in [
        (good().prefix("ey_").build(), "`OpaqueTokens::prefixed`"),
        (good().prefix("").build(), "`OpaqueTokens::prefixed`"),
        (
            good().name("https://id.example").build(),
            "`OpaqueTokens::name`",
        ),
        (good().per_subject(0).build(), "`per_subject`"),
        (good().max_lifetime(0).build(), "`max_lifetime`"),
        (
            good().failures_per_minute(0).build(),
            "`failures_per_minute`",
        ),
        (good().realm("").build(), "realm"),
    ] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, ConfigError::InvalidSetting(_)));
        assert!(refused.to_string().contains(name), "{refused}");
    }
    assert!(good().max_lifetime(1).build().is_ok());
    let other = good().prefix("shop-").name("shop").per_subject(1);
    assert!(other.failures_per_minute(1).realm("shop").build().is_ok());
}

#[test]
fn a_key_lives_no_longer_than_the_longest_lifetime() {
    let (builder, ..) = builder();
    let keys = builder.max_lifetime(86_400).build().unwrap();
    let create = |new: NewApiKey| block_on(keys.create("ada", &new)).map(drop);
    let day = NewApiKey::new("CI").expires_at(NOW + 86_400);
    assert!(create(day).is_ok());
    for longer in [
        NewApiKey::new("CI").expires_at(NOW + 86_401),
        NewApiKey::new("CI"),
    ] {
        let refused = create(longer).unwrap_err();
        assert!(matches!(refused, ApiKeyError::Invalid(_)), "{refused}");
    }
}

#[test]
fn scopes_of_a_key_imply_others_where_it_is_said() {
    let (builder, ..) = builder();
    let keys = builder.build().unwrap();
    let new = NewApiKey::new("CI").scopes(["orders:write"]);
    let (_, text) = block_on(keys.create("ada", &new)).unwrap();
    let scopes = ScopeHierarchy::new([("orders:write", "orders:read")]).unwrap();
    let tokens = OpaqueTokens::from(&keys);
    for (tokens, implies) in [
        (tokens.clone(), false),
        (tokens.scope_hierarchy(scopes), true),
    ] {
        let authenticator = Authenticator::new(TestIssuer::new().verifier())
            .opaque_tokens(tokens)
            .unwrap();
        let token = authenticator.authenticate(Some(Credentials::new(text.as_str())));
        let token = block_on(token).unwrap().unwrap();
        assert!(token.has_scope("orders:write"));
        assert_eq!(token.has_scope("orders:read"), implies);
        let allowed = Policy::scope("orders:read").check(&token).is_ok();
        assert_eq!(allowed, implies);
    }
}

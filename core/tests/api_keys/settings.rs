//! Tests of settings that are refused, each beside the nearest that is accepted.

use countersign::{ConfigError, MemoryStore, session::ApiKeys};

use crate::PEPPER;

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
    let other = good().prefix("shop-").name("shop").per_subject(1);
    assert!(other.failures_per_minute(1).realm("shop").build().is_ok());
}

//! Tests of the text of a token, which is kept on request only.

use std::sync::{Arc, Mutex};

use countersign::{
    Authenticator, KeySet, Keys, TokenCache, TokenSource, Verifier,
    adapter::Credentials,
    keys::{BoxFuture, KeySource, KeysUnavailable, RefreshReason},
    testing::TestIssuer,
};
use futures_executor::block_on;

use crate::lab::Head;

#[test]
fn the_text_of_a_token_is_kept_on_request_only() {
    let issuer = TestIssuer::new();
    let text = issuer.token().sign();
    let verifier = issuer.verifier_builder().cache(TokenCache::new());
    let verifier = verifier.build().unwrap();
    let plain = Authenticator::new(verifier.clone()).source(both());
    let keeps = plain.clone().keep_token_text();
    for head in [
        Head("authorization", format!("Bearer {text}").into_bytes()),
        Head("authorization", format!("bearer   {text}").into_bytes()),
        Head("cookie", format!("a=1; access={text}").into_bytes()),
    ] {
        // The second time, the token comes out of the cache.
        for _ in 0..2 {
            let token = block_on(keeps.check(&head)).unwrap().unwrap();
            assert_eq!(token.encoded(), Some(text.as_str()));
            assert_eq!(token.clone().encoded(), Some(text.as_str()));
            assert!(!format!("{token:?}").contains(&text));
            let token = block_on(plain.check(&head)).unwrap().unwrap();
            assert_eq!(token.encoded(), None);
        }
    }
    assert_eq!(verifier.verify_now(&text).unwrap().encoded(), None);
    let refused = block_on(keeps.check(&Head("authorization", "Bearer x".into())));
    assert!(refused.is_err());
    let anonymous = block_on(keeps.optional().check(&Head("x-other", Vec::new())));
    assert!(anonymous.unwrap().is_none());
}

fn both() -> TokenSource {
    TokenSource::bearer().or(TokenSource::cookie("access"))
}

/// A source whose keys come with the first fetch.
struct Late {
    keys: KeySet,
    fetched: Arc<Mutex<Option<Arc<KeySet>>>>,
}

impl KeySource for Late {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        let fetched = self.fetched.lock().unwrap();
        fetched.clone().ok_or_else(KeysUnavailable::default)
    }

    fn refresh(&self, _: RefreshReason<'_>) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        let (keys, fetched) = (Arc::new(self.keys.clone()), Arc::clone(&self.fetched));
        Some(Box::pin(async move {
            *fetched.lock().unwrap() = Some(keys);
            Ok(())
        }))
    }
}

#[test]
fn the_text_of_a_token_that_waits_for_its_key_is_kept() {
    let issuer = TestIssuer::new();
    let source = Late {
        keys: KeySet::new([issuer.key().verifying_key()]),
        fetched: Arc::default(),
    };
    let verifier = Verifier::builder(Keys::from_source(source))
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let text = issuer.token().sign();
    let authenticator = Authenticator::new(verifier).keep_token_text();
    let waiting = authenticator.authenticate(Some(Credentials::new(&text)));
    let token = block_on(waiting).unwrap().unwrap();
    assert_eq!(token.encoded(), Some(text.as_str()));
}

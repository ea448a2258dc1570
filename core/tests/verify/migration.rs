//! Test of the guide `migrating`: from lax tokens to strict ones in three deployments, and nobody is logged out.

use std::time::Duration;

use countersign::{
    AuthErrorKind, Authenticator, Issuer, Issuers, Key, SigningKey, SigningKeys, Verifier,
    adapter::Credentials, testing::FixedClock,
};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::json;

const SECRET: [u8; 32] = *b"the secret of the old app, of 32";
const TTL: Duration = Duration::from_secs(900);

/// The claims of the old app.
#[derive(Serialize, Deserialize)]
struct OldClaims {
    sub: i64,
    exp: i64,
}

/// A node of the app in one deployment.
enum Node {
    /// The old app, on `jsonwebtoken`.
    Old(FixedClock),
    New {
        authenticator: Authenticator,
        issuer: Issuer,
    },
}

impl Node {
    fn new(issuers: Issuers, issuer: Issuer) -> Self {
        Self::New {
            authenticator: Authenticator::new(issuers),
            issuer,
        }
    }

    /// Logs user 42 in.
    fn issue(&self) -> String {
        match self {
            Self::Old(clock) => {
                let exp = countersign::Clock::now(clock) + TTL.as_secs().cast_signed();
                let key = EncodingKey::from_secret(&SECRET).unwrap();
                encode(&Header::default(), &OldClaims { sub: 42, exp }, &key).unwrap()
            }
            Self::New { issuer, .. } => issuer.issue(&json!({"sub": "42"})).unwrap().into_string(),
        }
    }

    /// Returns the user of a token, or why there is none.
    fn user(&self, token: &str) -> Result<String, String> {
        match self {
            Self::Old(clock) => {
                let validation = Validation {
                    // Its clock cannot be set.
                    validate_exp: false,
                    ..Validation::default()
                };
                let key = DecodingKey::from_secret(&SECRET).unwrap();
                let old = decode::<OldClaims>(token, &key, &validation);
                let claims = old.map_err(|error| error.to_string())?.claims;
                let is_good = countersign::Clock::now(clock) < claims.exp;
                is_good
                    .then(|| claims.sub.to_string())
                    .ok_or("expired".to_owned())
            }
            Self::New { authenticator, .. } => {
                let verdict = authenticator.authenticate(Some(Credentials::new(token)));
                let verdict = futures_executor::block_on(verdict);
                let token = verdict.map_err(|error| error.reason().to_owned())?;
                Ok(token.unwrap().subject().unwrap().to_owned())
            }
        }
    }
}

/// Checks that each node accepts the tokens of every node, and `live`, those of users who logged in before.
fn side_by_side(nodes: [&Node; 2], live: &[String]) {
    let tokens = nodes.iter().map(|node| node.issue());
    for token in tokens.chain(live.iter().cloned()) {
        for node in nodes {
            assert_eq!(node.user(&token), Ok("42".to_owned()));
        }
    }
}

#[test]
fn nobody_is_logged_out_on_the_way_from_lax_tokens_to_strict_ones() {
    let clock = FixedClock::default();
    let keys = SigningKeys::new(SigningKey::generate_es256().unwrap());
    let new_issuer = || {
        let builder = Issuer::builder("https://id.example", keys.clone()).audience("orders");
        builder.ttl(TTL).clock(clock.clone()).build().unwrap()
    };
    let both = || {
        let old = Verifier::builder(Key::hs256(SECRET).unwrap()).any_issuer();
        let old = old
            .any_audience()
            .accept_numeric_subject()
            .clock(clock.clone());
        let issuers = Issuers::new([new_issuer().verifier()]).unwrap();
        issuers.with_fallback(old.build().unwrap()).unwrap()
    };
    let old_issuer = Issuer::builder("old", SigningKey::hs256(SECRET).unwrap());
    let old_issuer = old_issuer.without_audience().numeric_subjects();
    let old_issuer = old_issuer.ttl(TTL).clock(clock.clone()).build().unwrap();

    let before = Node::Old(clock.clone());
    let first = Node::new(both(), old_issuer);
    let second = Node::new(both(), new_issuer());
    let third = Node::new(new_issuer().verifier().into(), new_issuer());

    let by_old = before.issue();
    side_by_side([&before, &first], std::slice::from_ref(&by_old));
    let by_first = first.issue();
    side_by_side([&first, &second], &[by_old.clone(), by_first.clone()]);
    // Why the first deployment issues nothing new yet, and the second no longer can go back to the old app.
    assert!(before.user(&second.issue()).is_err());

    // The old ones run out, and nobody issues another: the counter stands still.
    clock.advance(TTL + Duration::from_secs(31));
    for old in [&by_old, &by_first] {
        assert_eq!(
            second.user(old),
            Err(AuthErrorKind::Expired.reason().to_owned())
        );
    }
    let by_second = second.issue();
    side_by_side([&second, &third], std::slice::from_ref(&by_second));
    assert!(third.user(&before.issue()).is_err());
    assert!(third.user(&first.issue()).is_err());
    assert_eq!(third.user(&third.issue()), Ok("42".to_owned()));
}

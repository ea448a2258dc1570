//! A model test of a verifier with a cache and one without: they must answer alike.

use std::time::Duration;

use countersign::{
    AuthErrorKind, KeySet, Revocation, SigningKey, TokenCache, Verifier,
    revocation::{RevocationEntry, Revoked},
    session::{Realm, SessionId},
    testing::{FixedClock, TestIssuer, sign_raw},
};
use proptest::{collection::vec, prelude::*};

use crate::lab::Source;

const NOW: i64 = 1_800_000_000;
const SESSION: &str = "AAECAwQFBgcICQoLDA0ODw";
/// The number of tokens.
const TOKENS: usize = 14;

/// One step of a run.
#[derive(Clone, Debug)]
enum Step {
    /// Verifies a token this many times in a row.
    Verify(usize, usize),
    /// Sets the clock to this many seconds from the start.
    Clock(i64),
    /// Puts these of the three keys into the set, in this order.
    Keys([Option<usize>; 3]),
    /// Makes the keys unavailable, or available again.
    Away(bool),
    Revoke(usize),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..TOKENS, 1..5_usize).prop_map(|(token, times)| Step::Verify(token, times)),
        3 => (-400..700_i64).prop_map(Step::Clock),
        2 => prop::array::uniform3(prop::option::of(0..3_usize)).prop_map(Step::Keys),
        1 => any::<bool>().prop_map(Step::Away),
        1 => (0..5_usize).prop_map(Step::Revoke),
        1 => Just(Step::Clear),
    ]
}

/// The keys and tokens, made once for all runs.
struct World {
    issuer: TestIssuer,
    keys: [SigningKey; 3],
    tokens: Vec<String>,
}

impl World {
    fn new() -> Self {
        let issuer = TestIssuer::new();
        issuer.clock().set(NOW);
        let key = || SigningKey::generate_es256().unwrap();
        let first = key();
        // The third is another key under the first one's name.
        let third = key().with_id(first.id());
        let keys = [first, key(), third];
        let token = || issuer.token().claim("exp", NOW + 300).claim("iat", NOW);
        let nameless = serde_json::json!({
            "iss": TestIssuer::ISSUER,
            "aud": TestIssuer::AUDIENCE,
            "sub": "ada",
            "exp": NOW + 300,
            "iat": NOW,
        });
        let tokens = vec![
            token().signed_by(&keys[0]),
            token().signed_by(&keys[1]),
            token().signed_by(&keys[2]),
            sign_raw(
                &keys[0],
                r#"{"alg":"ES256"}"#,
                nameless.to_string().as_bytes(),
            ),
            token().claim("jti", "1").signed_by(&keys[0]),
            token().claim("sid", SESSION).signed_by(&keys[0]),
            token().without("iat").signed_by(&keys[0]),
            token().claim("nbf", NOW + 60).signed_by(&keys[0]),
            token().claim("exp", NOW + 60).signed_by(&keys[0]),
            token().claim("exp", NOW + 700).signed_by(&keys[1]),
            token().audience("another").signed_by(&keys[0]),
            token()
                .claim("cnf", serde_json::json!({"jkt": "x"}))
                .signed_by(&keys[0]),
            token().by_a_stranger(),
            token().claim("pad", "x".repeat(3_200)).signed_by(&keys[0]),
        ];
        assert_eq!(tokens.len(), TOKENS);
        Self {
            issuer,
            keys,
            tokens,
        }
    }
}

/// A verifier and everything it depends on. Two sides share nothing.
struct Side {
    clock: FixedClock,
    source: Source,
    revocation: Revocation,
    cache: Option<TokenCache>,
    verifier: Verifier,
    away: Option<KeySet>,
}

impl Side {
    fn new(world: &World, cache: Option<TokenCache>) -> Self {
        let clock = FixedClock::at(NOW);
        let source = Source::new([world.keys[0].verifying_key()]);
        let revocation = Revocation::local().clock(clock.clone()).build().unwrap();
        let builder = source
            .verifier(&world.issuer)
            .clock(clock.clone())
            .leeway(Duration::from_secs(5))
            .max_age(Duration::from_secs(400))
            .max_lifetime(Duration::from_secs(500))
            .revocation(revocation.clone());
        let builder = match &cache {
            Some(cache) => builder.cache(cache.clone()),
            None => builder,
        };
        Self {
            verifier: builder.build().unwrap(),
            clock,
            source,
            revocation,
            cache,
            away: None,
        }
    }

    /// Takes a step, and returns the results.
    fn take(&mut self, world: &World, step: &Step) -> Vec<Result<String, AuthErrorKind>> {
        match step {
            Step::Verify(token, times) => {
                let token = &world.tokens[*token];
                let verify = |_| {
                    let verified = self.verifier.verify_now(token);
                    verified
                        .map(|token| token.payload().to_owned())
                        .map_err(|error| error.kind())
                };
                return (0..*times).map(verify).collect();
            }
            Step::Clock(seconds) => self.clock.set(NOW + seconds),
            Step::Keys(which) => {
                let keys = which.iter().flatten();
                let keys = keys.map(|key| world.keys[*key].verifying_key());
                let set = KeySet::new(keys);
                match &mut self.away {
                    Some(away) => *away = set,
                    None => drop(self.source.put(Some(set))),
                }
            }
            Step::Away(true) => {
                if let Some(set) = self.source.put(None) {
                    self.away = Some(set);
                }
            }
            Step::Away(false) => {
                if let Some(set) = self.away.take() {
                    self.source.put(Some(set));
                }
            }
            Step::Revoke(what) => {
                let revoked = match what {
                    0 => Revoked::Token("1".to_owned()),
                    1 => Revoked::Session(SessionId::parse(SESSION).unwrap()),
                    2 => Revoked::Sessionless {
                        realm: Realm::new(TestIssuer::ISSUER).unwrap(),
                        subject: "ada".to_owned(),
                        issued_before: NOW + 1,
                    },
                    3 => Revoked::Subject {
                        realm: Realm::new(TestIssuer::ISSUER).unwrap(),
                        subject: "ada".to_owned(),
                        issued_before: NOW + 1,
                    },
                    _ => Revoked::Token("of nobody".to_owned()),
                };
                let until = NOW + 1_000;
                let entry = RevocationEntry { revoked, until };
                self.revocation.revoke(&entry).unwrap();
            }
            Step::Clear => self.cache.iter().for_each(TokenCache::clear),
        }
        Vec::new()
    }
}

#[test]
fn a_cache_changes_no_answer() {
    let world = World::new();
    let config = ProptestConfig::with_cases(300);
    proptest!(config, |(steps in vec(step(), 1..60), entries in 1..40_usize)| {
        let cache = TokenCache::builder().entries(entries).build().unwrap();
        let mut cached = Side::new(&world, Some(cache));
        let mut plain = Side::new(&world, None);
        for step in &steps {
            let (with, without) = (cached.take(&world, step), plain.take(&world, step));
            prop_assert_eq!(with, without, "{:?}", step);
        }
    });
}

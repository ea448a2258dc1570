//! APIs whose tokens come from a provider: what the old and the new form of each accepts.

use std::time::Duration;

use axum::Router;
use axum_0_7::Router as Router07;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::{
    RemoteKeys, SigningKey, VerifiedToken, Verifier,
    testing::{JwksServer, sign_raw},
};
use countersign_migrations::{new, old};
use countersign_tower::JwtAuthLayer;
use jsonwebtoken::get_current_timestamp as now;
use serde_json::{Value, json};

use crate::wire;

const TEN_YEARS: u64 = 10 * 365 * 86_400;

/// The statuses of the four APIs for one token: before and after, from each of the two crates.
#[derive(Debug, PartialEq, Eq)]
struct Statuses {
    jwt_authorizer: [u16; 2],
    axum_jwt_auth: [u16; 2],
}

struct Apis {
    jwt_authorizer: (Router07, Router),
    axum_jwt_auth: (Router, Router),
}

impl Apis {
    async fn of(provider: &JwksServer) -> Self {
        let issuer = provider.issuer();
        Self {
            jwt_authorizer: (
                old::jwt_authorizer::app(&issuer).await.unwrap(),
                new::jwt_authorizer::app(&issuer).await.unwrap(),
            ),
            axum_jwt_auth: (
                old::axum_jwt_auth::app(&issuer).await.unwrap(),
                new::axum_jwt_auth::app(&issuer).await.unwrap(),
            ),
        }
    }

    async fn statuses(&self, token: &str) -> Statuses {
        let (first, second) = (&self.jwt_authorizer, &self.axum_jwt_auth);
        let token = Some(token);
        Statuses {
            jwt_authorizer: [
                wire::get(first.0.clone(), "/me", token).await.status,
                wire::get(first.1.clone(), "/me", token).await.status,
            ],
            axum_jwt_auth: [
                wire::get(second.0.clone(), "/me", token).await.status,
                wire::get(second.1.clone(), "/me", token).await.status,
            ],
        }
    }
}

/// A token of the provider, to be changed.
struct Token {
    header: Value,
    claims: Value,
    key: SigningKey,
}

impl Token {
    fn of(provider: &JwksServer) -> Self {
        let key = provider.key();
        Self {
            header: json!({ "alg": "ES256", "typ": "at+jwt", "kid": key.id() }),
            claims: json!({
                "iss": provider.issuer(), "aud": "orders", "sub": "ada", "scope": "read write",
                "iat": now(), "exp": now() + 600, "jti": "1",
            }),
            key,
        }
    }

    fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.header, name, value.into());
        self
    }

    fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.claims, name, value.into());
        self
    }

    fn by(mut self, key: SigningKey) -> Self {
        self.key = key;
        self
    }

    fn sign(&self) -> String {
        sign_raw(
            &self.key,
            &self.header.to_string(),
            self.claims.to_string().as_bytes(),
        )
    }

    /// Returns it with another subject and the old signature.
    fn forged(self) -> String {
        let token = self.sign();
        let [header, _, signature] = *token.split('.').collect::<Vec<_>>() else {
            panic!("{token}");
        };
        let claims = self.claim("sub", "eve").claims.to_string();
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims))
    }

    fn unsigned(self) -> String {
        let token = self.header("alg", "none").sign();
        token[..=token.rfind('.').unwrap()].to_owned()
    }
}

/// Sets a member, or removes it with `null`.
fn set(object: &mut Value, name: &str, value: Value) {
    let members = object.as_object_mut().unwrap();
    match value {
        Value::Null => members.remove(name),
        value => members.insert(name.to_owned(), value),
    };
}

#[tokio::test]
async fn a_token_of_the_provider_is_accepted_before_and_after() {
    let provider = JwksServer::start();
    let apis = Apis::of(&provider).await;
    let good = || Token::of(&provider);
    for token in [
        good().sign(),
        good().header("typ", "JWT").sign(),
        good().header("typ", Value::Null).sign(),
        good().claim("aud", json!(["bills", "orders"])).sign(),
        good().claim("jti", Value::Null).sign(),
        good().claim("exp", now() - 20).sign(),
    ] {
        let expected = Statuses {
            jwt_authorizer: [200; 2],
            axum_jwt_auth: [200; 2],
        };
        assert_eq!(apis.statuses(&token).await, expected, "{token}");
    }
    for app in [apis.jwt_authorizer.1, apis.axum_jwt_auth.1] {
        let answer = wire::get(app, "/me", Some(&good().sign())).await;
        assert_eq!(answer, wire::Answer::ok("ada"));
    }
}

#[tokio::test]
async fn hostile_tokens_are_refused_after_and_some_were_not_before() {
    let provider = JwksServer::start();
    let apis = Apis::of(&provider).await;
    let good = || Token::of(&provider);
    let stranger = SigningKey::generate_es256().unwrap();
    let stranger = stranger.with_id(provider.key().id());
    let rows = [
        // What, the token, and the statuses before: of `jwt-authorizer`, of `axum-jwt-auth`.
        ("alg none", good().unsigned(), [401, 500]),
        ("another payload", good().forged(), [401, 401]),
        ("a stranger's key", good().by(stranger).sign(), [401, 401]),
        ("unknown kid", good().header("kid", "x").sign(), [401, 500]),
        ("junk", "junk".to_owned(), [401, 401]),
        (
            "expired",
            good().claim("exp", now() - 90).sign(),
            [401, 401],
        ),
        (
            "no exp",
            good().claim("exp", Value::Null).sign(),
            [401, 401],
        ),
        (
            "another aud",
            good().claim("aud", "bills").sign(),
            [401, 401],
        ),
        ("another iss", good().claim("iss", "x").sign(), [401, 401]),
        (
            "an ID token",
            good().claim("aud", "client").sign(),
            [401, 401],
        ),
        (
            "no aud",
            good().claim("aud", Value::Null).sign(),
            [200, 200],
        ),
        (
            "no iss",
            good().claim("iss", Value::Null).sign(),
            [200, 200],
        ),
        (
            "nbf ahead",
            good().claim("nbf", now() + 300).sign(),
            [200, 200],
        ),
        (
            "iat ahead",
            good().claim("iat", now() + 300).sign(),
            [200, 200],
        ),
        (
            "45 s late",
            good().claim("exp", now() - 45).sign(),
            [200, 200],
        ),
        (
            "ten years",
            good().claim("exp", now() + TEN_YEARS).sign(),
            [200, 200],
        ),
        (
            "logout token",
            good().header("typ", "logout+jwt").sign(),
            [200, 200],
        ),
        (
            "cnf",
            good().claim("cnf", json!({ "jkt": "x" })).sign(),
            [200, 200],
        ),
        (
            "crit",
            good().header("crit", json!(["x"])).header("x", 1).sign(),
            [200, 500],
        ),
    ];
    for (what, token, before) in rows {
        let expected = Statuses {
            jwt_authorizer: [before[0], 401],
            axum_jwt_auth: [before[1], 401],
        };
        assert_eq!(apis.statuses(&token).await, expected, "{what}");
    }
}

/// The second column of the table of the guide.
#[tokio::test]
async fn a_setting_accepts_what_the_old_apis_did() {
    let provider = JwksServer::start();
    let good = || Token::of(&provider);
    let strict = || Verifier::discover(provider.issuer()).audience("orders");
    let keys = RemoteKeys::discover(provider.issuer()).build().unwrap();
    keys.ready().await.unwrap();
    let leeway = |seconds| strict().leeway(Duration::from_secs(seconds));
    for (token, lax) in [
        (
            good().claim("iss", Value::Null),
            Verifier::builder(keys)
                .any_issuer()
                .audience("orders")
                .build(),
        ),
        (
            good().claim("aud", Value::Null),
            Verifier::discover(provider.issuer())
                .any_audience()
                .build()
                .await,
        ),
        (good().claim("nbf", now() + 290), leeway(300).build().await),
        (good().claim("iat", now() + 290), leeway(300).build().await),
        (good().claim("exp", now() - 45), leeway(60).build().await),
        (
            good().claim("exp", now() + TEN_YEARS),
            strict()
                .max_lifetime(Duration::from_secs(TEN_YEARS + 60))
                .build()
                .await,
        ),
        (
            good().header("typ", "logout+jwt"),
            strict().token_type("logout+jwt").build().await,
        ),
    ] {
        let strict = strict().build().await.unwrap();
        let token = token.sign();
        assert!(strict.verify(&token).await.is_err(), "{token}");
        assert!(lax.unwrap().verify(&token).await.is_ok(), "{token}");
    }
}

#[tokio::test]
async fn a_token_without_kid_and_one_by_a_new_key_are_accepted_after() {
    let provider = JwksServer::start();
    let apis = Apis::of(&provider).await;
    let good = || Token::of(&provider);
    let expected = Statuses {
        jwt_authorizer: [200, 200],
        axum_jwt_auth: [500, 200],
    };
    let without = good().header("kid", Value::Null).sign();
    assert_eq!(apis.statuses(&without).await, expected);

    provider.rotate();
    let expected = Statuses {
        jwt_authorizer: [401, 200],
        axum_jwt_auth: [500, 200],
    };
    assert_eq!(apis.statuses(&good().sign()).await, expected);
}

#[tokio::test]
async fn a_check_of_the_claims_is_a_policy() {
    let provider = JwksServer::start();
    let apis = Apis::of(&provider).await;
    let good = || Token::of(&provider);
    for (scope, statuses) in [
        (json!("read"), [200, 200]),
        (json!("write"), [403, 403]),
        // The old type has the claim, so a token without it is not read at all.
        (Value::Null, [401, 403]),
    ] {
        let token = good().claim("scope", scope.clone()).sign();
        assert_eq!(
            apis.statuses(&token).await.jwt_authorizer,
            statuses,
            "{scope}"
        );
    }
}

#[tokio::test]
async fn the_layer_works_on_axum_0_7_too() {
    use axum_0_7::{Extension, routing::get};
    let provider = JwksServer::start();
    let verifier = Verifier::discover(provider.issuer()).audience("orders");
    let layer = JwtAuthLayer::new(verifier.build().await.unwrap());
    let me = |Extension(token): Extension<VerifiedToken>| async move {
        token.subject().unwrap_or_default().to_owned()
    };
    let app = Router07::new().route("/me", get(me)).route_layer(layer);
    let token = Token::of(&provider).sign();
    let answer = wire::get(app.clone(), "/me", Some(&token)).await;
    assert_eq!(answer, wire::Answer::ok("ada"));
    assert_eq!(wire::get(app, "/me", None).await.status, 401);
}

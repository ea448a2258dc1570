//! A token of each provider, as its documentation shows it.

use countersign::{
    AuthErrorKind, Provider, VerifiedToken, Verifier, VerifierBuilder,
    testing::{TestIssuer, sign_raw},
};
use serde_json::{Value, json};

use super::now;

/// A provider, with the verifier of its preset and a token that passes it.
pub(super) struct Stage {
    pub(super) issuer: TestIssuer,
    pub(super) verifier: Verifier,
    pub(super) typ: Option<&'static str>,
    pub(super) claims: Value,
}

impl Stage {
    pub(super) fn new(
        provider: Provider,
        audience: &str,
        typ: Option<&'static str>,
        claims: Value,
    ) -> Self {
        Self::with(provider, typ, claims, |builder| builder.audience(audience))
    }

    pub(super) fn without_audience(
        provider: Provider,
        typ: Option<&'static str>,
        claims: Value,
    ) -> Self {
        Self::with(provider, typ, claims, VerifierBuilder::any_audience)
    }

    fn with(
        provider: Provider,
        typ: Option<&'static str>,
        claims: Value,
        audience: impl FnOnce(VerifierBuilder) -> VerifierBuilder,
    ) -> Self {
        let issuer = TestIssuer::new();
        let builder = Verifier::builder(issuer.key())
            .provider(provider)
            .clock(issuer.clock().clone());
        let verifier = audience(builder).build().unwrap();
        Self {
            issuer,
            verifier,
            typ,
            claims,
        }
    }

    pub(super) fn sign(&self, typ: Option<&str>, change: Value) -> String {
        let now = now(&self.issuer);
        let mut claims = self.claims.clone();
        merge(
            &mut claims,
            json!({"iat": now, "nbf": now, "exp": now + 3600}),
        );
        merge(&mut claims, change);
        self.sign_claims(typ, &claims)
    }

    /// Signs the token of another provider with the key of this one.
    pub(super) fn sign_as(&self, other: &Self) -> String {
        let mut claims = other.claims.clone();
        let now = now(&self.issuer);
        merge(&mut claims, json!({"iat": now, "exp": now + 3600}));
        self.sign_claims(other.typ, &claims)
    }

    fn sign_claims(&self, typ: Option<&str>, claims: &Value) -> String {
        let mut header = json!({"alg": "ES256", "kid": self.issuer.key().id()});
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        let payload = claims.to_string();
        sign_raw(self.issuer.key(), &header.to_string(), payload.as_bytes())
    }

    pub(super) fn token(&self) -> VerifiedToken {
        let token = self.sign(self.typ, json!({}));
        self.verifier.verify_now(&token).unwrap()
    }

    /// Checks that the token with this change (RFC 7396) is refused.
    #[track_caller]
    pub(super) fn refuses(&self, kind: AuthErrorKind, change: Value) {
        let token = self.sign(self.typ, change);
        let error = self.verifier.verify_now(&token).unwrap_err();
        assert_eq!(error.kind(), kind);
        self.token();
    }
}

fn merge(object: &mut Value, change: Value) {
    let Value::Object(change) = change else {
        panic!("a change is an object");
    };
    for (name, value) in change {
        match value {
            Value::Null => {
                object.as_object_mut().unwrap().remove(&name);
            }
            value => object[name] = value,
        }
    }
}

pub(super) fn auth0() -> Stage {
    Stage::new(
        Provider::auth0("example.eu.auth0.com").unwrap(),
        "https://api.example/orders",
        Some("JWT"),
        json!({
            "iss": "https://example.eu.auth0.com/",
            "sub": "auth0|65f0c1",
            "aud": ["https://api.example/orders", "https://example.eu.auth0.com/userinfo"],
            "azp": "client-of-the-page",
            "scope": "openid orders:read",
            "permissions": ["orders:read", "orders:cancel"],
        }),
    )
}

pub(super) fn cognito() -> Stage {
    Stage::new(
        Provider::cognito("eu-west-1", "eu-west-1_a1B2c3D4e").unwrap(),
        "1example23456789",
        None,
        json!({
            "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a1B2c3D4e",
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "client_id": "1example23456789",
            "origin_jti": "aaaaaaaa-bbbb-cccc-dddd-000000000001",
            "event_id": "aaaaaaaa-bbbb-cccc-dddd-000000000002",
            "jti": "aaaaaaaa-bbbb-cccc-dddd-000000000003",
            "token_use": "access",
            "auth_time": 1_700_000_000,
            "scope": "openid orders/read",
            "cognito:groups": ["staff"],
            "username": "ada",
            "version": 2,
        }),
    )
}

pub(super) const TENANT: &str = "6f4a5b7c-0d1e-4f23-8a9b-c0d1e2f3a4b5";
pub(super) const ENTRA_API: &str = "0b1c2d3e-4f56-4789-9abc-def012345678";

pub(super) fn entra() -> Stage {
    Stage::new(
        Provider::entra(TENANT).unwrap(),
        ENTRA_API,
        Some("JWT"),
        json!({
            "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
            "aud": ENTRA_API,
            "aio": "opaque",
            "azp": "5e6f7a8b-9c0d-4e1f-a2b3-c4d5e6f7a8b9",
            "azpacr": "0",
            "name": "Ada",
            "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
            "preferred_username": "ada@example.com",
            "rh": "I",
            "scp": "orders.read orders.write",
            "roles": ["auditor"],
            "sub": "HKZpfaHyWadeOouYlitjrI",
            "tid": TENANT,
            "uti": "fqiBqXLPj0eQa82S-IYFAA",
            "ver": "2.0",
        }),
    )
}

pub(super) fn google() -> Stage {
    Stage::new(
        Provider::google(),
        "1234-example.apps.googleusercontent.com",
        Some("JWT"),
        json!({
            "iss": "https://accounts.google.com",
            "aud": "1234-example.apps.googleusercontent.com",
            "azp": "1234-example.apps.googleusercontent.com",
            "sub": "10769150350006150715113082367",
            "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q",
            "email": "ada@example.com",
            "email_verified": true,
            "hd": "example.com",
        }),
    )
}

pub(super) fn keycloak() -> Stage {
    Stage::new(
        Provider::keycloak("https://id.example", "shop").unwrap(),
        "orders",
        Some("JWT"),
        json!({
            "iss": "https://id.example/realms/shop",
            "aud": ["orders", "account"],
            "azp": "web",
            "typ": "Bearer",
            "sub": "f1c4f64e-2c0c-4cda-8c9f-9f3f8f3a2b0e",
            "jti": "d58f5dc8-fd8f-462b-8a19-716f8f83985b",
            "sid": "2a88c258-f73a-4103-b862-e1fbd8f4e04e",
            "acr": "1",
            "allowed-origins": ["https://shop.example"],
            "scope": "openid orders.read",
            "realm_access": {"roles": ["staff", "offline_access"]},
            "resource_access": {"orders": {"roles": ["auditor"]}},
        }),
    )
}

pub(super) fn okta() -> Stage {
    Stage::new(
        Provider::okta("example.okta.com", "default").unwrap(),
        "api://default",
        None,
        json!({
            "ver": 1,
            "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
            "iss": "https://example.okta.com/oauth2/default",
            "aud": "api://default",
            "cid": "0oa1example",
            "uid": "00u1example",
            "sub": "ada@example.com",
            "scp": ["openid", "orders.read"],
            "groups": ["staff"],
        }),
    )
}

pub(super) fn zitadel() -> Stage {
    Stage::new(
        Provider::zitadel("example.zitadel.cloud").unwrap(),
        "344374183645413380",
        Some("JWT"),
        json!({
            "iss": "https://example.zitadel.cloud",
            "aud": ["344374183645413381", "344374183645413380"],
            "sub": "345377791925026818",
            "client_id": "344374183645413381",
            "jti": "V2_348",
            "urn:zitadel:iam:org:project:roles": {
                "staff": {"344373908297744388": "shop.example"},
            },
        }),
    )
}

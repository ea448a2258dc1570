//! Tests of each preset: a token that it accepts, and the nearest token that is not for us.

use countersign::{
    AuthErrorKind::{
        self, InvalidClaim, MalformedToken, MissingClaim, WrongAudience, WrongIssuer, WrongType,
    },
    Authenticator, ConfigError, Issuers, Policy, Provider, VerifiedToken, Verifier,
    adapter::Credentials,
};
use serde_json::{Value, json};

use super::provider_tokens::{
    ENTRA_API, Stage, TENANT, auth0, cognito, entra, google, keycloak, okta, zitadel,
};

#[track_caller]
fn holds(policy: &Policy, token: &VerifiedToken) {
    assert!(policy.check(token).is_ok(), "{policy:?}");
    assert!(policy.clone().not().check(token).is_err(), "{policy:?}");
}

#[track_caller]
fn fails(policy: &Policy, token: &VerifiedToken) {
    assert!(policy.check(token).is_err(), "{policy:?}");
    assert!(policy.clone().not().check(token).is_ok(), "{policy:?}");
}

#[test]
fn auth0_grants_scopes_and_permissions() {
    let stage = auth0();
    let token = stage.token();
    holds(&Policy::scope("orders:read"), &token);
    holds(&Policy::role("orders:cancel"), &token);
    // A permission of the user is not a scope of the client.
    fails(&Policy::scope("orders:cancel"), &token);

    stage.refuses(
        WrongAudience,
        json!({"aud": "client-of-the-page", "azp": null}),
    );
    stage.refuses(MissingClaim, json!({"aud": null}));
    stage.refuses(WrongIssuer, json!({"iss": "https://example.eu.auth0.com"}));
    stage.refuses(WrongIssuer, json!({"iss": "https://other.eu.auth0.com/"}));
    let rfc_9068 = stage.sign(Some("at+jwt"), json!({"azp": null, "client_id": "page"}));
    stage.verifier.verify_now(&rfc_9068).unwrap();
}

#[test]
fn cognito_names_the_client_and_the_use() {
    let stage = cognito();
    let token = stage.token();
    holds(&Policy::scope("orders/read"), &token);
    holds(&Policy::role("staff"), &token);
    assert_eq!(token.audience().iter().count(), 0);

    // An ID token has the client in `aud`.
    stage.refuses(
        InvalidClaim,
        json!({"token_use": "id", "aud": "1example23456789"}),
    );
    stage.refuses(
        MissingClaim,
        json!({"aud": "1example23456789", "client_id": null}),
    );
    stage.refuses(MissingClaim, json!({"token_use": null}));
    stage.refuses(InvalidClaim, json!({"token_use": ["access"]}));
    stage.refuses(WrongAudience, json!({"client_id": "another"}));
    stage.refuses(
        WrongAudience,
        json!({"client_id": "another", "aud": "1example23456789"}),
    );
    stage.refuses(
        WrongIssuer,
        json!({"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_another"}),
    );
    let nobody = stage.sign(None, json!({"cognito:groups": null}));
    fails(
        &Policy::role("staff"),
        &stage.verifier.verify_now(&nobody).unwrap(),
    );
}

#[test]
fn entra_tokens_are_for_one_tenant_and_no_id_tokens() {
    let stage = entra();
    let token = stage.token();
    holds(&Policy::scope("orders.read orders.write"), &token);
    holds(&Policy::role("auditor"), &token);

    // An ID token for the same app.
    stage.refuses(
        MissingClaim,
        json!({"azp": null, "azpacr": null, "scp": null}),
    );
    // Version 1.0.
    stage.refuses(
        MissingClaim,
        json!({"iss": format!("https://sts.windows.net/{TENANT}/"), "azp": null, "appid": "x"}),
    );
    stage.refuses(
        WrongIssuer,
        json!({"iss": format!("https://sts.windows.net/{TENANT}/")}),
    );
    stage.refuses(
        WrongIssuer,
        json!({"iss": "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"}),
    );
    stage.refuses(WrongAudience, json!({"aud": format!("api://{ENTRA_API}")}));
    // For Microsoft Graph.
    stage.refuses(
        WrongAudience,
        json!({"aud": "00000003-0000-0000-c000-000000000000"}),
    );
    // A client that acts for itself has roles only, and perhaps none.
    let client = stage.sign(stage.typ, json!({"scp": null, "roles": null}));
    let client = stage.verifier.verify_now(&client).unwrap();
    fails(&Policy::scope("orders.read"), &client);
    fails(&Policy::role("auditor"), &client);
}

#[test]
fn google_gives_id_tokens_under_two_names() {
    let stage = google();
    let token = stage.token();
    fails(&Policy::scope("openid"), &token);
    fails(&Policy::role("staff"), &token);
    let short = stage.sign(stage.typ, json!({"iss": "accounts.google.com"}));
    stage.verifier.verify_now(&short).unwrap();

    stage.refuses(
        WrongAudience,
        json!({"aud": "5678-another.apps.googleusercontent.com"}),
    );
    stage.refuses(WrongIssuer, json!({"iss": "http://accounts.google.com"}));
    let access = stage.verifier.verify_now("ya29.a0AfB_byExample");
    assert_eq!(access.unwrap_err().kind(), MalformedToken);

    let workspace = Verifier::builder(stage.issuer.key())
        .provider(Provider::google())
        .audience("1234-example.apps.googleusercontent.com")
        .require_value("hd", "example.com")
        .clock(stage.issuer.clock().clone())
        .build()
        .unwrap();
    let sign = |change| stage.sign(stage.typ, change);
    workspace.verify_now(&sign(json!({}))).unwrap();
    for (change, kind) in [
        (json!({"hd": null}), MissingClaim),
        (json!({"hd": "evil.example"}), InvalidClaim),
    ] {
        let error = workspace.verify_now(&sign(change)).unwrap_err();
        assert_eq!(error.kind(), kind);
    }
}

#[test]
fn keycloak_access_tokens_are_told_from_the_others() {
    let stage = keycloak();
    let token = stage.token();
    holds(&Policy::scope("orders.read"), &token);
    holds(&Policy::role("staff"), &token);
    // A role of a client, not of the realm.
    fails(&Policy::role("auditor"), &token);

    stage.refuses(InvalidClaim, json!({"typ": "ID"}));
    stage.refuses(InvalidClaim, json!({"typ": "Refresh"}));
    stage.refuses(InvalidClaim, json!({"typ": "Offline"}));
    stage.refuses(MissingClaim, json!({"typ": null}));
    // Without an audience mapper.
    stage.refuses(MissingClaim, json!({"aud": null}));
    stage.refuses(WrongAudience, json!({"aud": "account"}));
    // The client that asked is not an audience.
    stage.refuses(WrongAudience, json!({"aud": "account", "azp": "orders"}));
    stage.refuses(
        WrongIssuer,
        json!({"iss": "https://id.example/realms/staff"}),
    );
    let light = stage.sign(
        Some("at+jwt"),
        json!({"realm_access": null, "resource_access": null}),
    );
    fails(
        &Policy::role("staff"),
        &stage.verifier.verify_now(&light).unwrap(),
    );
}

#[test]
fn okta_tokens_come_from_a_custom_server() {
    let stage = okta();
    let token = stage.token();
    holds(&Policy::scope("orders.read"), &token);
    holds(&Policy::role("staff"), &token);

    stage.refuses(WrongAudience, json!({"aud": "0oa1example", "scp": null}));
    // An ID token, also where somebody has listed its audience.
    stage.refuses(
        MissingClaim,
        json!({"cid": null, "scp": null, "nonce": "n"}),
    );
    stage.refuses(
        WrongIssuer,
        json!({"iss": "https://example.okta.com", "aud": "api://default"}),
    );
    stage.refuses(
        WrongIssuer,
        json!({"iss": "https://example.okta.com/oauth2/aus1other"}),
    );
    let internal = stage.sign(Some("application/okta-internal-at+jwt"), json!({}));
    let error = stage.verifier.verify_now(&internal).unwrap_err();
    assert_eq!(error.kind(), WrongType);
}

#[test]
fn zitadel_roles_are_names() {
    let stage = zitadel();
    let token = stage.token();
    holds(&Policy::role("staff"), &token);
    fails(&Policy::role("shop.example"), &token);
    fails(&Policy::role("344373908297744388"), &token);
    fails(&Policy::scope("openid"), &token);

    // An ID token names the project as well.
    stage.refuses(MissingClaim, json!({"jti": null, "nonce": "n"}));
    stage.refuses(WrongAudience, json!({"aud": ["344374183645413381"]}));
    stage.refuses(WrongIssuer, json!({"iss": "https://other.zitadel.cloud"}));
}

#[test]
fn one_policy_serves_every_layout() {
    let all = [auth0(), cognito(), entra(), keycloak(), okta(), zitadel()];
    let issuers = Issuers::new(all.iter().map(|stage| stage.verifier.clone())).unwrap();
    let policy =
        Policy::any_scope(["orders:read", "orders/read", "orders.read"]).or(Policy::role("staff"));
    let authenticator = Authenticator::new(issuers).require(policy);
    let check = |stage: &Stage, change: Value| {
        let token = stage.sign(stage.typ, change);
        let credentials = Some(Credentials::new(&token));
        let verdict = authenticator.authenticate(credentials).into_ready();
        verdict.unwrap().map_err(|error| error.kind())
    };
    for stage in &all {
        check(stage, json!({})).unwrap();
        let mut bare = json!({
            "scope": null, "scp": null, "permissions": null, "roles": null, "groups": null,
            "cognito:groups": null, "realm_access": null, "urn:zitadel:iam:org:project:roles": null,
        });
        let refused = Err(AuthErrorKind::InsufficientScope);
        assert_eq!(check(stage, bare.clone()).map(drop), refused);
        // A claim that grants something in one layout grants nothing in another.
        bare["role"] = "staff".into();
        match stage.claims["scp"] {
            Value::Null => bare["scp"] = "orders.read".into(),
            _ => bare["scope"] = "orders.read".into(),
        }
        assert_eq!(check(stage, bare).map(drop), refused);
    }
    // A name is not enough: the key of one issuer signs nothing for another.
    let [_, _, entra, keycloak, ..] = &all;
    let posing = check(keycloak, json!({"iss": entra.claims["iss"]}));
    assert!(posing.is_err());
}

#[test]
fn a_provider_is_what_it_says() {
    for (provider, issuer) in [
        (Provider::new("https://id.example"), "https://id.example"),
        ("https://id.example".into(), "https://id.example"),
        (Provider::google(), "https://accounts.google.com"),
        (
            Provider::auth0("Id.Shop.Example").unwrap(),
            "https://id.shop.example/",
        ),
        (
            Provider::zitadel("id.shop.example:8443").unwrap(),
            "https://id.shop.example:8443",
        ),
        (
            Provider::keycloak("http://localhost:8080/auth/", "my-realm_1").unwrap(),
            "http://localhost:8080/auth/realms/my-realm_1",
        ),
        (
            Provider::entra(TENANT.to_uppercase()).unwrap(),
            "https://login.microsoftonline.com/6f4a5b7c-0d1e-4f23-8a9b-c0d1e2f3a4b5/v2.0",
        ),
        (
            Provider::cognito("us-gov-west-1", "us-gov-west-1_X9")
                .unwrap()
                .with_issuer(
                    "https://issuer-cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_X9",
                ),
            "https://issuer-cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_X9",
        ),
    ] {
        assert_eq!(provider.issuer(), issuer);
    }
}

#[test]
fn what_cannot_be_an_issuer_is_refused_at_once() {
    for refused in [
        Provider::auth0(""),
        Provider::auth0("https://example.eu.auth0.com/"),
        Provider::auth0("example.eu.auth0.com/"),
        Provider::auth0("user@example.eu.auth0.com"),
        Provider::auth0("example.eu.auth0.com:x"),
        Provider::zitadel("example.zitadel.cloud#"),
        Provider::okta("example.okta.com/oauth2/default", "default"),
        Provider::okta("example.okta.com", ""),
        Provider::okta("example.okta.com", "../v1"),
        Provider::okta("example.okta.com", "default/"),
        Provider::entra("common"),
        Provider::entra("organizations"),
        Provider::entra("consumers"),
        Provider::entra("example.onmicrosoft.com"),
        Provider::entra(""),
        Provider::entra(&TENANT[1..]),
        Provider::entra(TENANT.replace('6', "g")),
        Provider::cognito("eu-west-1", "us-east-1_a1B2c3D4e"),
        Provider::cognito("eu-west-1", "a1B2c3D4e"),
        Provider::cognito("eu-west-1", "eu-west-1_"),
        Provider::cognito("eu-west-1", "eu-west-1_a/b"),
        Provider::cognito("evil.example/", "evil.example/_a"),
        Provider::cognito("", "_a"),
        Provider::keycloak("id.example", "shop"),
        Provider::keycloak("https://", "shop"),
        Provider::keycloak("https://id.example/realms/shop", "shop"),
        Provider::keycloak("https://id.example?x=", "shop"),
        Provider::keycloak("https://id.example", ""),
        Provider::keycloak("https://id.example", "my realm"),
        Provider::keycloak("https://id.example", ".."),
    ] {
        assert!(
            matches!(refused, Err(ConfigError::InvalidSetting(_))),
            "{refused:?}"
        );
    }
}

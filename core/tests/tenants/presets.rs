//! Tests of tenants whose issuers differ in one part: patterns, Entra ID, Keycloak.

use countersign::{
    AuthError, AuthErrorKind, Authenticator, ConfigError, Issuers, Provider, SigningKey, Tenant,
    Tenants, VerifiedToken, Verifier,
    remote::{Fetch, FetchError, FetchErrorKind, FetchRequest, FetchResponse},
    testing::TestIssuer,
};
use serde_json::json;

use crate::app::{ask, names};

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const OTHER: &str = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";

/// A provider with one key for all tenants. It answers for those that it has.
#[derive(Clone)]
struct Everywhere {
    key: SigningKey,
}

impl Fetch for Everywhere {
    async fn get(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let url = request.url();
        let key = self
            .key
            .verifying_key()
            .to_jwk()
            .ok_or(FetchErrorKind::Connect)?;
        if url.ends_with("/jwks") {
            return Ok(FetchResponse::new(200, format!(r#"{{"keys":[{key}]}}"#)));
        }
        let Some(issuer) = url.strip_suffix("/.well-known/openid-configuration") else {
            return Err(FetchErrorKind::Connect.into());
        };
        let metadata = json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/jwks") });
        Ok(FetchResponse::new(200, metadata.to_string()))
    }
}

struct Bed {
    keys: TestIssuer,
    authenticator: Authenticator,
}

impl Bed {
    fn new(tenants: &Tenants) -> Self {
        let keys = TestIssuer::new();
        let (clock, fetch) = (
            keys.clock().clone(),
            Everywhere {
                key: keys.key().clone(),
            },
        );
        let resolver = tenants.resolver(move |tenant: Tenant| {
            let (clock, fetch) = (clock.clone(), fetch.clone());
            async move {
                let audience = format!("audience-of-{}", tenant.name());
                let builder = Verifier::discover(tenant).remote(|keys| keys.fetch(fetch));
                builder.audience(audience).clock(clock).build().await
            }
        });
        Self {
            authenticator: Authenticator::new(Issuers::dynamic(resolver.build().unwrap())),
            keys,
        }
    }

    /// Asks with a token of this issuer, for the audience of this tenant, with further claims.
    async fn ask(
        &self,
        issuer: &str,
        tenant: &str,
        claims: &[(&str, &str)],
    ) -> Result<VerifiedToken, AuthError> {
        let token = self
            .keys
            .token()
            .issuer(issuer)
            .audience(&format!("audience-of-{tenant}"));
        let token = claims
            .iter()
            .fold(token, |token, (name, value)| token.claim(name, *value));
        ask(&self.authenticator, &token.sign()).await
    }

    async fn refusal(
        &self,
        issuer: &str,
        tenant: &str,
        claims: &[(&str, &str)],
    ) -> Option<AuthErrorKind> {
        self.ask(issuer, tenant, claims)
            .await
            .err()
            .map(|error| error.kind())
    }
}

const UNKNOWN: Option<AuthErrorKind> = Some(AuthErrorKind::UnknownIssuer);

#[tokio::test(start_paused = true)]
async fn each_tenant_has_an_audience_of_its_own_and_the_list_changes_at_once() {
    let tenants = Tenants::pattern("https://{tenant}.id.example/oauth", ["a", "b"]).unwrap();
    let bed = Bed::new(&tenants);
    let name = |tenant: &str| format!("https://{tenant}.id.example/oauth");
    assert_eq!(bed.refusal(&name("a"), "a", &[]).await, None);
    assert_eq!(bed.refusal(&name("b"), "b", &[]).await, None);
    assert_eq!(
        bed.refusal(&name("a"), "b", &[]).await,
        Some(AuthErrorKind::WrongAudience)
    );
    assert_eq!(bed.refusal(&name("c"), "c", &[]).await, UNKNOWN);
    tenants.set(["b", "c"]).unwrap();
    assert_eq!(bed.refusal(&name("a"), "a", &[]).await, UNKNOWN);
    assert_eq!(bed.refusal(&name("c"), "c", &[]).await, None);
    // A list that cannot be read changes nothing.
    assert!(tenants.set(["b", "no name"]).is_err());
    assert_eq!(bed.refusal(&name("c"), "c", &[]).await, None);
    let token = bed.ask(&name("b"), "b", &[]).await.unwrap();
    assert_eq!(tenants.tenant_of(token.issuer().unwrap()), Some("b"));
    for other in [
        "https://b.id.example",
        "https://b.id.example/oauth/",
        "http://b.id.example/oauth",
    ] {
        assert_eq!(bed.refusal(other, "b", &[]).await, UNKNOWN, "{other}");
    }
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_a_list_that_grows() {
    let tenants = Tenants::pattern("https://{tenant}.id.example", ["t0"]).unwrap();
    let bed = Bed::new(&tenants);
    // More than the default of `capacity`.
    let names: Vec<String> = (0..=1_000).map(|number| format!("t{number}")).collect();
    tenants.set(&names).unwrap();
    for name in &names {
        let issuer = format!("https://{name}.id.example");
        assert_eq!(bed.refusal(&issuer, name, &[]).await, None, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn organizations_of_entra_are_those_on_the_list() {
    let tenants = Tenants::entra([TENANT.to_uppercase()]).unwrap();
    let bed = Bed::new(&tenants);
    let name = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
    let claims = [("azp", "client"), ("scp", "read write")];
    let token = bed.ask(&name(TENANT), TENANT, &claims).await.unwrap();
    assert!(token.scopes().contains("write"));
    assert_eq!(tenants.tenant_of(token.issuer().unwrap()), Some(TENANT));
    // An ID token has no `azp`.
    assert_eq!(
        bed.refusal(&name(TENANT), TENANT, &[]).await,
        Some(AuthErrorKind::MissingClaim)
    );
    for other in [
        OTHER,
        "organizations",
        "common",
        "{tenantid}",
        &TENANT.to_uppercase(),
    ] {
        assert_eq!(
            bed.refusal(&name(other), TENANT, &claims).await,
            UNKNOWN,
            "{other}"
        );
    }
    tenants.set([OTHER]).unwrap();
    assert_eq!(bed.refusal(&name(TENANT), TENANT, &claims).await, UNKNOWN);
    assert_eq!(bed.refusal(&name(OTHER), OTHER, &claims).await, None);
    for bad in ["organizations", "contoso.com", ""] {
        assert!(Tenants::entra([bad]).is_err(), "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn realms_of_a_keycloak_are_those_on_the_list() {
    let tenants = Tenants::keycloak("https://sso.example/", ["shop", "bank"]).unwrap();
    let bed = Bed::new(&tenants);
    let name = |realm: &str| format!("https://sso.example/realms/{realm}");
    let access = [("typ", "Bearer")];
    assert_eq!(bed.refusal(&name("shop"), "shop", &access).await, None);
    // Its ID and refresh tokens have the keys of the realm, too.
    let wrong = bed.refusal(&name("shop"), "shop", &[("typ", "ID")]).await;
    assert_eq!(wrong, Some(AuthErrorKind::InvalidClaim));
    assert_eq!(
        bed.refusal(&name("master"), "master", &access).await,
        UNKNOWN
    );
    assert_eq!(bed.refusal(&name("Shop"), "shop", &access).await, UNKNOWN);
    names(
        Tenants::keycloak("https://sso.example/realms", ["a"]),
        "/realms",
    );
    names(Tenants::keycloak("https://sso.example", ["a/b"]), "a/b");
    names(
        Tenants::keycloak("https://SSO.example", ["a"]),
        "lower case",
    );
}

#[test]
fn a_tenant_is_what_a_verifier_is_discovered_by() {
    let none: [&str; 0] = [];
    let empty = Tenants::pattern("https://id.example/{tenant}", none).unwrap();
    assert_eq!(empty.tenant_of("https://id.example/a"), None);
    names(
        Tenants::pattern("https://id.example/{tenant}", ["a/b"]),
        "a/b",
    );
    names(Tenants::pattern("https://id.example", ["a"]), "`{tenant}`");
    let _: Result<Provider, ConfigError> = Provider::entra(TENANT);
}

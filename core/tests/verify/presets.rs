//! Tests of the presets for machines, apps and gateways: what each accepts, and the provider's other tokens.

use countersign::{
    AuthErrorKind::{self, InvalidClaim, MissingClaim, WrongAudience, WrongIssuer, WrongType},
    Authenticator, ConfigError, Policy, Provider, TokenSource,
    adapter::RequestHead,
};
use futures_executor::block_on;
use serde_json::{Value, json};

use super::provider_tokens::{Stage, auth0};

/// A preset with a token of its shape, what it requires, and other tokens of the same keys: one of another kind that has the right issuer
/// and audience, unless a comment says why there is none.
struct Case {
    stage: Stage,
    required: &'static [&'static str],
    others: Vec<(AuthErrorKind, Value)>,
    /// Other tokens that are good.
    good: Vec<Value>,
}

const GUID: &str = "6f4a5b7c-0d1e-4f23-8a9b-c0d1e2f3a4b5";

fn github(provider: Provider, issuer: &str) -> Case {
    Case {
        stage: Stage::new(
            provider,
            "https://deploy.example",
            Some("JWT"),
            json!({
                "iss": issuer,
                "aud": "https://deploy.example",
                "sub": "repo:shop/api:environment:production",
                "repository": "shop/api",
                "repository_id": "74",
                "repository_owner": "shop",
                "repository_owner_id": "65",
                "environment": "production",
                "ref": "refs/heads/main",
                "job_workflow_ref": "shop/api/.github/workflows/deploy.yml@refs/heads/main",
                "run_id": "1",
                "actor": "ada",
            }),
        ),
        required: &[
            "sub",
            "repository_id",
            "repository_owner_id",
            "job_workflow_ref",
            "run_id",
            "aud",
            "iss",
        ],
        others: vec![
            // There is no other kind: this issuer signs for jobs alone.
            // For the registry, or by default for the owner.
            (WrongAudience, json!({"aud": "https://github.com/shop"})),
            (WrongIssuer, json!({"iss": format!("{issuer}/another")})),
            (
                WrongIssuer,
                json!({"iss": "https://github.example/_services/token"}),
            ),
        ],
        good: vec![json!({"environment": null})],
    }
}

fn cases() -> Vec<(&'static str, Case)> {
    let actions = "https://token.actions.githubusercontent.com";
    vec![
        (
            "github_actions",
            github(Provider::github_actions(), actions),
        ),
        (
            "github_actions_enterprise",
            github(
                Provider::github_actions_enterprise("octo-corp").unwrap(),
                "https://token.actions.githubusercontent.com/octo-corp",
            ),
        ),
        ("gitlab_ci", gitlab()),
        ("circleci", circleci()),
        ("kubernetes", kubernetes()),
        ("firebase", firebase(false)),
        ("firebase_session_cookies", firebase(true)),
        ("supabase", supabase()),
        ("clerk", clerk()),
        ("workos", workos()),
        ("apple_id_tokens", apple()),
        ("auth0_organisation", organisation()),
        ("cloudflare_access", cloudflare()),
        ("google_iap", iap()),
        ("spiffe", spiffe()),
    ]
}

fn gitlab() -> Case {
    Case {
        stage: Stage::new(
            Provider::gitlab_ci("gitlab.com").unwrap(),
            "https://deploy.example",
            Some("JWT"),
            json!({
                "iss": "https://gitlab.com",
                "aud": "https://deploy.example",
                "sub": "project_path:shop/api:ref_type:branch:ref:main",
                "project_id": "20",
                "project_path": "shop/api",
                "namespace_id": "72",
                "job_id": "302",
                "ref": "main",
                "ref_protected": "true",
                "user_login": "ada",
            }),
        ),
        required: &[
            "sub",
            "project_id",
            "namespace_id",
            "job_id",
            "ref_protected",
            "aud",
            "iss",
        ],
        others: vec![
            // Of "sign in with GitLab": the same issuer and keys.
            (
                MissingClaim,
                json!({"project_id": null, "namespace_id": null, "job_id": null, "ref_protected": null, "nonce": "n"}),
            ),
            (WrongAudience, json!({"aud": "https://vault.example"})),
            (WrongIssuer, json!({"iss": "gitlab.com"})),
        ],
        good: vec![json!({"ref_protected": "false"})],
    }
}

fn circleci() -> Case {
    let issuer = format!("https://oidc.circleci.com/org/{GUID}");
    Case {
        stage: Stage::new(
            Provider::circleci(GUID.to_uppercase()).unwrap(),
            GUID,
            Some("JWT"),
            json!({
                "iss": issuer,
                "aud": GUID,
                "sub": format!("org/{GUID}/project/{GUID}/user/{GUID}"),
                "oidc.circleci.com/project-id": GUID,
                "oidc.circleci.com/context-ids": [GUID],
            }),
        ),
        required: &["sub", "oidc.circleci.com/project-id", "aud", "iss"],
        others: vec![
            // There is no other kind: this issuer signs for jobs alone.
            (
                WrongIssuer,
                json!({"iss": "https://oidc.circleci.com/org/00000000-0000-0000-0000-000000000000"}),
            ),
            (WrongAudience, json!({"aud": "sts.amazonaws.com"})),
        ],
        good: vec![json!({"oidc.circleci.com/context-ids": null})],
    }
}

fn kubernetes() -> Case {
    Case {
        stage: Stage::new(
            Provider::kubernetes("https://oidc.cluster.example/id/1").unwrap(),
            "orders",
            None,
            json!({
                "iss": "https://oidc.cluster.example/id/1",
                "aud": ["orders"],
                "sub": "system:serviceaccount:shop:web",
                "kubernetes.io": {
                    "namespace": "shop",
                    "serviceaccount": {"name": "web", "uid": GUID},
                    "pod": {"name": "web-1", "uid": GUID},
                },
            }),
        ),
        required: &["sub", "kubernetes.io", "aud", "iss", "exp"],
        others: vec![
            // There is no other kind: this issuer signs for service accounts alone.
            // The default token of each pod is for the API server.
            (
                WrongAudience,
                json!({"aud": ["https://kubernetes.default.svc.cluster.local"]}),
            ),
            // An old one.
            (WrongIssuer, json!({"iss": "kubernetes/serviceaccount"})),
        ],
        good: vec![json!({"aud": ["orders", "stock"]})],
    }
}

fn firebase(is_cookie: bool) -> Case {
    let [token, cookie] = [
        "https://securetoken.google.com/shop-1",
        "https://session.firebase.google.com/shop-1",
    ];
    let (provider, own, other) = match is_cookie {
        false => (Provider::firebase("shop-1"), token, cookie),
        true => (Provider::firebase_session_cookies("shop-1"), cookie, token),
    };
    Case {
        stage: Stage::new(
            provider.unwrap(),
            "shop-1",
            Some("JWT"),
            json!({
                "iss": own,
                "aud": "shop-1",
                "sub": "Xy12",
                "user_id": "Xy12",
                "auth_time": 1_700_000_000,
                "firebase": {"identities": {}, "sign_in_provider": "password"},
            }),
        ),
        required: &["sub", "auth_time", "firebase", "aud", "iss"],
        others: vec![
            // There is no other kind: each has an issuer of its own, and custom tokens are signed by the app.
            // The session cookie of the same user, or for cookies the ID token.
            (WrongIssuer, json!({"iss": other})),
            (
                WrongIssuer,
                json!({"iss": "https://securetoken.google.com/shop-2", "aud": "shop-2"}),
            ),
            (WrongAudience, json!({"aud": "shop-2"})),
            (InvalidClaim, json!({"auth_time": "yesterday"})),
        ],
        good: vec![json!({"email": "ada@example.com", "email_verified": false})],
    }
}

fn supabase() -> Case {
    Case {
        stage: Stage::new(
            Provider::supabase("abcdefghijklmnopqrst").unwrap(),
            "authenticated",
            Some("JWT"),
            json!({
                "iss": "https://abcdefghijklmnopqrst.supabase.co/auth/v1",
                "aud": "authenticated",
                "sub": GUID,
                "role": "authenticated",
                "aal": "aal1",
                "session_id": GUID,
                "is_anonymous": false,
            }),
        ),
        required: &["sub", "session_id", "aal", "role", "aud", "iss"],
        others: vec![
            // The API keys, which are tokens too.
            (
                MissingClaim,
                json!({"iss": "supabase", "aud": null, "role": "anon", "sub": null, "aal": null, "session_id": null}),
            ),
            (
                WrongIssuer,
                json!({"iss": "supabase", "role": "service_role"}),
            ),
            // One that the app has signed itself, with the key of the project.
            (
                MissingClaim,
                json!({"role": "service_role", "aal": null, "session_id": null}),
            ),
            // An ID token of its OAuth server.
            (WrongAudience, json!({"aud": GUID})),
            (
                WrongIssuer,
                json!({"iss": "https://another.supabase.co/auth/v1"}),
            ),
        ],
        good: vec![json!({"aal": "aal2"})],
    }
}

fn clerk() -> Case {
    Case {
        stage: Stage::new(
            Provider::clerk("clerk.shop.example").unwrap(),
            "https://shop.example",
            Some("JWT"),
            json!({
                "iss": "https://clerk.shop.example",
                "azp": "https://shop.example",
                "sub": "user_1",
                "sid": "sess_1",
                "o": {"id": "org_1", "rol": "admin"},
            }),
        ),
        required: &["sub", "sid", "azp", "iss"],
        others: vec![
            // Another site of the same instance, also if it names us as an audience.
            (WrongAudience, json!({"azp": "https://evil.example"})),
            (
                WrongAudience,
                json!({"azp": "https://evil.example", "aud": "https://shop.example"}),
            ),
            (
                WrongAudience,
                json!({"azp": "https://shop.example.evil.example"}),
            ),
            // Of a JWT template, and of an OAuth application.
            (MissingClaim, json!({"sid": null, "aud": "hasura"})),
            (
                MissingClaim,
                json!({"sid": null, "azp": null, "client_id": "1"}),
            ),
            (WrongIssuer, json!({"iss": "https://clerk.another.example"})),
            // A user who has to set up a second factor or choose an organisation first.
            (InvalidClaim, json!({"sts": "pending"})),
            (InvalidClaim, json!({"sts": ["active", "pending"]})),
        ],
        good: vec![
            json!({"o": null, "org_role": "org:admin"}),
            json!({"sts": "active"}),
        ],
    }
}

fn workos() -> Case {
    Case {
        stage: Stage::without_audience(
            Provider::workos("client_01H").unwrap(),
            None,
            json!({
                "iss": "https://api.workos.com",
                "sub": "user_1",
                "sid": "session_1",
                "org_id": "org_1",
                "role": "member",
                "permissions": ["posts:read"],
                "jti": "1",
            }),
        ),
        required: &["sub", "sid", "iss"],
        others: vec![
            (MissingClaim, json!({"sid": null, "aud": "client_01H"})),
            (
                WrongIssuer,
                json!({"iss": "https://api.workos.com/user_management/client_other"}),
            ),
        ],
        good: vec![
            json!({"iss": "https://api.workos.com/"}),
            json!({"iss": "https://api.workos.com/user_management/client_01H"}),
        ],
    }
}

fn apple() -> Case {
    Case {
        stage: Stage::new(
            Provider::apple_id_tokens(),
            "com.example.shop",
            None,
            json!({
                "iss": "https://appleid.apple.com",
                "aud": "com.example.shop",
                "sub": "001.a.1",
                "email": "ada@example.com",
                "email_verified": "true",
                "nonce_supported": true,
            }),
        ),
        required: &["sub", "aud", "iss"],
        others: vec![
            (WrongAudience, json!({"aud": "com.example.another"})),
            // A notification to the server.
            (
                MissingClaim,
                json!({"sub": null, "events": "{\"type\":\"consent-revoked\"}"}),
            ),
            (
                InvalidClaim,
                json!({"events": "{\"type\":\"consent-revoked\"}"}),
            ),
        ],
        good: vec![json!({"email_verified": true})],
    }
}

fn organisation() -> Case {
    let mut claims = auth0().claims;
    claims["org_id"] = "org_9ybsU1dN2dKfDkBi".into();
    let provider = Provider::auth0_organisation("example.eu.auth0.com", "org_9ybsU1dN2dKfDkBi");
    Case {
        stage: Stage::new(
            provider.unwrap(),
            "https://api.example/orders",
            Some("JWT"),
            claims,
        ),
        required: &["org_id", "aud", "iss"],
        others: vec![
            (InvalidClaim, json!({"org_id": "org_another"})),
            (InvalidClaim, json!({"org_id": ["org_9ybsU1dN2dKfDkBi"]})),
            // Nothing but the audience marks an ID token: it has the client there, and `org_id` as well.
            // A user who logged in without an organisation.
            (
                MissingClaim,
                json!({"org_id": null, "org_name": "org_9ybsU1dN2dKfDkBi"}),
            ),
            (WrongAudience, json!({"aud": "client-of-the-page"})),
        ],
        good: vec![json!({"org_name": "acme"})],
    }
}

fn cloudflare() -> Case {
    let tag = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2";
    Case {
        stage: Stage::new(
            Provider::cloudflare_access("shop").unwrap(),
            tag,
            None,
            json!({
                "iss": "https://shop.cloudflareaccess.com",
                "aud": [tag],
                "type": "app",
                "sub": GUID,
                "email": "ada@example.com",
            }),
        ),
        required: &["type", "sub", "aud", "iss"],
        others: vec![
            // A service token, and what else names no person.
            (
                InvalidClaim,
                json!({"sub": "", "email": null, "common_name": "1.access"}),
            ),
            (InvalidClaim, json!({"common_name": "1.access"})),
            (InvalidClaim, json!({"sub": ""})),
            // The token of the team's own session, and of another application.
            (InvalidClaim, json!({"type": "org"})),
            (
                WrongAudience,
                json!({"aud": ["32eafc7626e737969ad0e1bc2f2a4b5a4f7bb3cf1f0a4b0d6d6e5b5a2d5f3a11"]}),
            ),
            (
                WrongIssuer,
                json!({"iss": "https://another.cloudflareaccess.com"}),
            ),
        ],
        good: vec![json!({"country": "GB"})],
    }
}

fn iap() -> Case {
    Case {
        stage: Stage::new(
            Provider::google_iap(),
            "/projects/1234/global/backendServices/5678",
            None,
            json!({
                "iss": "https://cloud.google.com/iap",
                "aud": "/projects/1234/global/backendServices/5678",
                "sub": "accounts.google.com:1076",
                "email": "ada@example.com",
                "hd": "example.com",
            }),
        ),
        required: &["sub", "iat", "aud", "iss"],
        others: vec![
            // There is no other kind: this issuer signs for backends alone.
            (
                WrongAudience,
                json!({"aud": "/projects/1234/global/backendServices/9"}),
            ),
            (WrongAudience, json!({"aud": "/projects/1234/apps/shop"})),
            (WrongIssuer, json!({"iss": "https://accounts.google.com"})),
        ],
        good: vec![json!({"email": null, "hd": null})],
    }
}

fn spiffe() -> Case {
    Case {
        stage: Stage::new(
            Provider::spiffe("example.org", "https://spire.example.org/bundle").unwrap(),
            "orders",
            Some("JWT"),
            json!({"aud": ["orders"], "sub": "spiffe://example.org/ns/shop/sa/web"}),
        ),
        required: &["sub", "aud", "exp"],
        others: vec![
            // Of another trust domain, also if its name begins or ends alike.
            (WrongIssuer, json!({"sub": "spiffe://evil.example/web"})),
            (
                WrongIssuer,
                json!({"sub": "spiffe://example.org.evil.example/web"}),
            ),
            (
                WrongIssuer,
                json!({"sub": "spiffe://staging.example.org/web"}),
            ),
            // Of the trust domain itself.
            (InvalidClaim, json!({"sub": "spiffe://example.org"})),
            (InvalidClaim, json!({"sub": "spiffe://example.org/"})),
            // Of a user, by the same key.
            (
                InvalidClaim,
                json!({"sub": "ada", "iss": "https://oidc.example.org"}),
            ),
            (InvalidClaim, json!({"sub": "https://example.org/web"})),
            (WrongAudience, json!({"aud": ["stock"]})),
        ],
        good: vec![
            json!({"iss": "https://oidc.example.org"}),
            json!({"iss": "spiffe://example.org"}),
            json!({"aud": "orders", "sub": "spiffe://example.org/web"}),
            json!({"iat": null, "nbf": null}),
        ],
    }
}

#[test]
fn each_preset_accepts_its_token_and_refuses_the_others() {
    for (name, case) in cases() {
        case.stage.token();
        for change in case.good {
            let token = case.stage.sign(case.stage.typ, change.clone());
            let verdict = case.stage.verifier.verify_now(&token);
            assert!(verdict.is_ok(), "{name} {change}: {verdict:?}");
        }
        for (kind, change) in case.others {
            let token = case.stage.sign(case.stage.typ, change.clone());
            let verdict = case.stage.verifier.verify_now(&token);
            assert_eq!(verdict.unwrap_err().kind(), kind, "{name} {change}");
        }
        for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt"] {
            let token = case.stage.sign(Some(typ), json!({}));
            let verdict = case.stage.verifier.verify_now(&token);
            assert_eq!(verdict.unwrap_err().kind(), WrongType, "{name} {typ}");
        }
    }
}

#[test]
fn each_claim_that_a_preset_requires_is_needed() {
    for (name, case) in cases() {
        for claim in case.required {
            let token = case.stage.sign(case.stage.typ, json!({*claim: null}));
            let verdict = case.stage.verifier.verify_now(&token);
            assert_eq!(verdict.unwrap_err().kind(), MissingClaim, "{name} {claim}");
        }
    }
}

#[test]
fn a_token_of_one_preset_is_none_of_another() {
    let cases = cases();
    for (name, case) in &cases {
        for (other, stage) in &cases {
            if name == other {
                continue;
            }
            // Even with the same key.
            let token = case.stage.sign_as(&stage.stage);
            assert!(
                case.stage.verifier.verify_now(&token).is_err(),
                "{name} {other}"
            );
        }
    }
}

#[test]
fn a_policy_by_an_id_tells_repositories_and_projects_apart() {
    let case = github(
        Provider::github_actions(),
        "https://token.actions.githubusercontent.com",
    );
    let policy =
        Policy::claim("repository_id", "74").and(Policy::claim("environment", "production"));
    let check = |change: Value| {
        let token = case.stage.sign(case.stage.typ, change);
        policy
            .check(&case.stage.verifier.verify_now(&token).unwrap())
            .is_ok()
    };
    assert!(check(json!({})));
    // Somebody else's repository, whose name begins or reads alike.
    assert!(!check(
        json!({"repository_id": "741", "sub": "repo:shop/api-evil:environment:production"})
    ));
    assert!(!check(json!({"repository_id": "75"})));
    assert!(!check(json!({"environment": null})));
    assert!(!check(json!({"environment": "staging"})));
}

#[test]
fn roles_and_scopes_are_where_each_provider_has_them() {
    let holds = |case: Case, change: Value, policy: Policy| {
        let token = case.stage.sign(case.stage.typ, change);
        policy
            .check(&case.stage.verifier.verify_now(&token).unwrap())
            .is_ok()
    };
    assert!(holds(clerk(), json!({}), Policy::role("admin")));
    assert!(holds(
        clerk(),
        json!({"o": null, "org_role": "org:admin"}),
        Policy::role("org:admin")
    ));
    assert!(!holds(
        clerk(),
        json!({"o": null, "role": "admin"}),
        Policy::role("admin")
    ));
    assert!(holds(workos(), json!({}), Policy::scope("posts:read")));
    assert!(holds(workos(), json!({}), Policy::role("member")));
    assert!(!holds(
        workos(),
        json!({"scope": "posts:write"}),
        Policy::scope("posts:write")
    ));
    assert!(holds(supabase(), json!({}), Policy::role("authenticated")));
    assert!(!holds(
        supabase(),
        json!({"roles": ["admin"]}),
        Policy::role("admin")
    ));
    // Support staff that acts as a user.
    let acting = json!({"act": {"sub": "admin@example.com"}});
    assert!(!holds(workos(), acting.clone(), Policy::direct()));
    assert!(holds(workos(), acting, Policy::actor("admin@example.com")));
}

struct Head(&'static str, String);

impl RequestHead for Head {
    fn method(&self) -> &str {
        "GET"
    }

    fn path(&self) -> &str {
        "/"
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        if name == self.0 {
            visit(self.1.as_bytes());
        }
    }
}

#[test]
fn a_token_counts_where_its_provider_puts_it() {
    let places = [
        "authorization",
        "cookie",
        "cf-access-jwt-assertion",
        "x-goog-iap-jwt-assertion",
    ];
    for (provider, case, counts) in [
        (
            Provider::cloudflare_access("shop").unwrap(),
            cloudflare(),
            &places[2..3],
        ),
        (Provider::google_iap(), iap(), &places[3..]),
        (
            Provider::firebase("shop-1").unwrap(),
            firebase(false),
            &places[..1],
        ),
        (
            Provider::firebase_session_cookies("shop-1").unwrap(),
            firebase(true),
            &places[1..2],
        ),
        (
            Provider::clerk("clerk.shop.example").unwrap(),
            clerk(),
            &places[..2],
        ),
        (
            Provider::github_actions(),
            github(
                Provider::github_actions(),
                "https://token.actions.githubusercontent.com",
            ),
            &places[..1],
        ),
    ] {
        let source: TokenSource = provider.token_source();
        let authenticator = Authenticator::new(case.stage.verifier.clone()).source(source);
        let token = case.stage.sign(case.stage.typ, json!({}));
        for place in places {
            let value = match place {
                "authorization" => format!("Bearer {token}"),
                "cookie" => format!("__session={token}"),
                _ => token.clone(),
            };
            let verdict = block_on(authenticator.check(&Head(place, value)));
            assert_eq!(
                verdict.is_ok(),
                counts.contains(&place),
                "{place} {provider:?}"
            );
        }
    }
}

#[test]
fn what_cannot_name_a_project_is_refused_at_once() {
    for refused in [
        Provider::circleci("shop"),
        Provider::github_actions_enterprise(""),
        Provider::github_actions_enterprise("a/b"),
        Provider::github_actions_enterprise(".."),
        Provider::gitlab_ci("https://gitlab.com"),
        Provider::gitlab_ci("gitlab.com/shop"),
        Provider::kubernetes("kubernetes/serviceaccount"),
        Provider::kubernetes("http://cluster.example"),
        Provider::kubernetes("https://"),
        Provider::kubernetes("https://a@cluster.example"),
        Provider::firebase(""),
        Provider::firebase("Shop"),
        Provider::firebase("shop/../other"),
        Provider::firebase_session_cookies("shop.1"),
        Provider::supabase("a.b"),
        Provider::supabase("evil.example/"),
        Provider::clerk("https://clerk.shop.example"),
        Provider::clerk("clerk.shop.example/x"),
        Provider::workos("01H"),
        Provider::workos("client_"),
        Provider::workos("client_01H/.."),
        Provider::auth0_organisation("example.eu.auth0.com", "acme"),
        Provider::auth0_organisation("example.eu.auth0.com", "org_"),
        Provider::auth0_organisation("", "org_9ybsU1dN2dKfDkBi"),
        Provider::cloudflare_access("shop.cloudflareaccess.com"),
        Provider::cloudflare_access("-shop"),
        Provider::spiffe("", "https://spire.example.org/bundle"),
        Provider::spiffe("Example.org", "https://spire.example.org/bundle"),
        Provider::spiffe("example.org/web", "https://spire.example.org/bundle"),
        Provider::spiffe("https://example.org", "https://spire.example.org/bundle"),
    ] {
        assert!(
            matches!(refused, Err(ConfigError::InvalidSetting(_))),
            "{refused:?}"
        );
    }
}

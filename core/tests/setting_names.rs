//! The texts of refused settings name the setting, as it is written in code.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use std::time::Duration;

use countersign::{
    AuthCookies, Authenticator, ConfigError, Issuer, Issuers, Key, MemoryStore, Revocation,
    SessionRoutes, Sessions, SigningKey, TokenSource, Verifier, VerifierBuilder,
    claims::ScopeHierarchy,
    issue::IssuerBuilder,
    session::{Identity, LoginLimits, LoginLimitsBuilder, SessionsBuilder, SignIn},
    testing::TestIssuer,
};

const YEAR: Duration = Duration::from_secs(366 * 24 * 3_600);

fn verifier(set: impl FnOnce(VerifierBuilder) -> VerifierBuilder) -> ConfigError {
    let builder = Verifier::builder(TestIssuer::new().key().verifying_key());
    let builder = builder.issuer("https://id.example").audience("orders");
    set(builder).build().unwrap_err()
}

fn issuer(set: impl FnOnce(IssuerBuilder) -> IssuerBuilder) -> ConfigError {
    let builder = Issuer::builder("https://id.example", TestIssuer::new().key().clone());
    set(builder.audience("orders")).build().unwrap_err()
}

fn sessions(set: impl FnOnce(SessionsBuilder) -> SessionsBuilder) -> ConfigError {
    let issuer = Issuer::builder("https://id.example", TestIssuer::new().key().clone());
    let issuer = issuer.audience("orders").build().unwrap();
    set(Sessions::builder(issuer, MemoryStore::new()))
        .build()
        .unwrap_err()
}

fn limits(set: impl FnOnce(LoginLimitsBuilder) -> LoginLimitsBuilder) -> ConfigError {
    set(LoginLimits::builder()).build().unwrap_err()
}

/// Mounts session routes at a path that is not that of their refresh cookie, `/session`.
fn routes_at(mount: &str) -> ConfigError {
    let issuer = Issuer::builder("https://id.example", TestIssuer::new().key().clone());
    let issuer = issuer.audience("orders").build().unwrap();
    let sessions = Sessions::builder(issuer, MemoryStore::new());
    let cookies = AuthCookies::new().refresh_path_trusting_subdomains("/session");
    let sign_in = async |_: SignIn<()>| Ok::<Option<Identity<()>>, std::io::Error>(None);
    SessionRoutes::cookies_at(mount, sessions.build().unwrap(), cookies.unwrap(), sign_in)
        .unwrap_err()
}

fn any_issuer() -> Verifier {
    let builder = Verifier::builder(TestIssuer::new().key().verifying_key());
    builder.any_issuer().any_audience().build().unwrap()
}

#[test]
fn a_refused_setting_is_named() {
    let none: [Verifier; 0] = [];
    let api = Authenticator::new(TestIssuer::new().verifier());
    for (name, refused) in [
        ("`leeway`", verifier(|own| own.leeway(YEAR))),
        ("`max_token_bytes`", verifier(|own| own.max_token_bytes(0))),
        ("`algorithms`", verifier(|own| own.algorithms([]))),
        (
            "`scope_hierarchy`",
            ScopeHierarchy::new([("a", "a")]).unwrap_err(),
        ),
        ("`.any_issuer()`", verifier(VerifierBuilder::any_issuer)),
        (
            "`require_claim`",
            verifier(|own| (0..65).fold(own, |own, n| own.require_claim(format!("c{n}")))),
        ),
        ("`ttl`", issuer(|own| own.ttl(Duration::ZERO))),
        ("`max_ttl`", issuer(|own| own.max_ttl(6 * YEAR))),
        (
            "`.without_audience()`",
            issuer(IssuerBuilder::without_audience),
        ),
        ("`grace`", sessions(|own| own.grace(YEAR))),
        ("`per_subject`", sessions(|own| own.per_subject(0))),
        (
            "`concurrent_refreshes`",
            sessions(|own| own.concurrent_refreshes(0)),
        ),
        ("`absolute`", sessions(|own| own.absolute(11 * YEAR))),
        ("`idle`", sessions(|own| own.idle(Duration::ZERO))),
        ("`per_account`", limits(|own| own.per_account(0))),
        ("`per_address`", limits(|own| own.per_address(0))),
        ("`window`", limits(|own| own.window(YEAR))),
        ("`window`", limits(|own| own.window(Duration::ZERO))),
        (
            "`without_address_limit`",
            limits(|own| own.per_address(1).without_address_limit()),
        ),
        (
            "`capacity`",
            Revocation::local().capacity(0).build().unwrap_err(),
        ),
        ("`Issuers`", Issuers::new(none).unwrap_err()),
        (
            "`source_for`",
            api.source_for("https://x.example", TokenSource::bearer())
                .unwrap_err(),
        ),
        (
            "\"__Host-a\"",
            AuthCookies::new()
                .access_name("__Host-a")
                .and_then(|own| own.refresh_name("__Host-a"))
                .unwrap_err(),
        ),
        ("'\\u{1}'", AuthCookies::named("a\u{1}").unwrap_err()),
        ("' '", AuthCookies::named("my app").unwrap_err()),
        (
            "begin with __Host-",
            AuthCookies::new().access_name("access").unwrap_err(),
        ),
        (
            "nothing follows",
            AuthCookies::new().access_name("__Host-").unwrap_err(),
        ),
        (
            "not begin with __Host-",
            AuthCookies::new()
                .insecure_plain_http()
                .access_name("__Host-a")
                .unwrap_err(),
        ),
        ("begin with `/`", routes_at("session")),
        ("at \"/other\"", routes_at("/other")),
        (
            "`Key::weak_hs256_secret`",
            Key::hs256("secret").unwrap_err(),
        ),
        (
            "`openssl rand -base64 48`",
            SigningKey::hs256("secret").unwrap_err(),
        ),
        (
            "`Issuers::with_fallback`",
            Issuers::new([any_issuer()]).unwrap_err(),
        ),
    ] {
        assert!(refused.to_string().contains(name), "{name}: {refused}");
    }
}

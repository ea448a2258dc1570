//! A test that no public type shows a secret: each is checked, or listed with a reason.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use std::{
    collections::BTreeSet,
    convert::Infallible,
    error::Error,
    fmt::{Debug, Display},
    sync::{Arc, Mutex},
};

use countersign::{
    AuthCookies, AuthError, Authenticator, Csrf, Issuer, Issuers, Key, KeySet, Keys, MemoryStore,
    OpaqueIdentity, OpaqueToken, OpaqueTokenError, OpaqueTokens, PrincipalResolver, RemoteKeys,
    Revocation, SessionRoutes, Sessions, SigningKey, SigningKeys, TokenCache, TokenSubject,
    Verifier,
    adapter::{Credentials, CsrfCheck, OwnedHead, RequestHead},
    claims::{Actor, TypedToken},
    explain::Mismatch,
    issue::{RingDocument, RingTimes, SealedRing, SealingKeys},
    keys::Secret,
    proof::{Dpop, MemoryReplayStore, NonceKey, NonceMode},
    remote::{
        ClientAuthentication, Fetch, FetchError, FetchRequest, FetchResponse, FormRequest,
        SavedKeys, TokenClient,
    },
    revocation::{LogBatch, RevocationEntry, Revoked},
    session::{
        ApiKeys, ClientInfo, FormPages, Identity, LoginLimits, LoginRefusal, LoginRequest,
        NewApiKey, Realm, SessionEvent, SignIn, SignInOutcome,
        store::{ApiKeyStore, SessionStore, StoreError, TokenHash},
    },
    testing::sign_raw,
};
use futures_executor::block_on;
use serde_json::{Value, json};

const SECRET: &str = "an example secret of 32 bytes or more";
const WEAK: &str = "a weak secret";
const SUBJECT: &str = "private-subject";
const LABEL: &str = "Private Label";
const CLAIM: &str = "private-claim";
const SESSION: &str = "private-session";
const ID: &str = "private-token-id";
const DATA: &str = "private-data";
const PASSWORD: &str = "private-password";

/// The types without a token, payload, subject, label or key, by their nature.
const NOTHING_TO_HIDE: &[(&str, &[&str])] = &[
    (
        "one of a few names, or numbers",
        &[
            "Algorithm",
            "AuthErrorKind",
            "CertificateFormat",
            "CertificateHeaderError",
            "EndReason",
            "FetchErrorKind",
            "IssueError",
            "KeySetId",
            "KeysState",
            "LogLevel",
            "KeysStatus",
            "KeysUnavailable",
            "LoginFailure",
            "MemoryReplayStore",
            "NonceMode",
            "ProofMode",
            "RevocationStatus",
            "RevokeError",
            "SessionErrorKind",
            "SigningInput",
            "StoreCapabilities",
            "StoreMark",
            "SystemClock",
            "TokenErrorKind",
            "Tolerance",
            "Verdict",
        ],
    ),
    (
        "settings in the words of whoever makes them",
        &[
            "AnyClientCertificate",
            "AuthCookies",
            "ClientCertificateHeader",
            "Discovery",
            "DynamicIssuers",
            "DynamicIssuersBuilder",
            "ExternalKey",
            "FetchRequest",
            "FormPages",
            "HttpFetch",
            "HttpFetchBuilder",
            "MemoryReplayStoreBuilder",
            "MutualTls",
            "Policy",
            "PrincipalResolver",
            "Provider",
            "Realm",
            "RoleSource",
            "ScopeHierarchy",
            "ScopeSource",
            "Tenant",
            "Tenants",
            "TokenCacheBuilder",
            "TokenSource",
        ],
    ),
    (
        "the ids and times of keys, or the path of a folder",
        &[
            "Header",
            "KeyFolder",
            "RefreshReason",
            "RingKeyState",
            "RingKeyStatus",
            "RingTimes",
        ],
    ),
    (
        "made for the log, of what the app's own code says",
        &[
            "ApiKeyError",
            "FetchError",
            "LogPosition",
            "PrincipalError",
            "SignerError",
            "StoreEpoch",
            "StoreError",
            "TokenError",
        ],
    ),
    (
        "hashes of keys, certificates and ids",
        &[
            "ClientCertificate",
            "Confirmation",
            "ReplayKey",
            "Thumbprint",
        ],
    ),
    (
        "the public name of a session or an API key",
        &["ApiKeyId", "EndedSession", "SessionId"],
    ),
    (
        "a part of the test kit",
        &[
            "Fault",
            "FixedClock",
            "Gate",
            "JwksServer",
            "ProofKey",
            "ReceivedRequest",
            "TestIssuer",
            "TestProof",
            "TestToken",
        ],
    ),
];

/// The public names that are not types with values: traits, an alias.
const NO_VALUES: &[&str] = &[
    "ApiKeyStore",
    "BoxFuture",
    "Clock",
    "Fetch",
    "KeySource",
    "LoginBody",
    "ReplayStore",
    "RequestHead",
    "RevocationLog",
    "RingStore",
    "SessionStore",
    "SignInAnswer",
    "Signer",
];

/// The texts that are shown, by the name of the type, and the secrets that must not be in any of
/// them.
#[derive(Default)]
struct Shown {
    texts: Vec<(&'static str, String)>,
    secrets: Vec<String>,
}

impl Shown {
    fn debug(&mut self, name: &'static str, value: impl Debug) {
        // In the long form, a list of bytes has one byte per line.
        let long = format!("{value:#?}");
        let long: Vec<&str> = long.split_whitespace().collect();
        self.texts
            .push((name, format!("{value:?} {}", long.join(" "))));
    }

    fn error(&mut self, name: &'static str, error: &(impl Error + 'static)) {
        self.debug(name, error);
        let mut next: Option<&dyn Error> = Some(error);
        while let Some(error) = next {
            self.display(name, error);
            next = error.source();
        }
    }

    fn display(&mut self, name: &'static str, value: impl Display) {
        self.texts.push((name, value.to_string()));
    }

    /// Adds a secret, in the forms that a derived `Debug` would show.
    fn hide(&mut self, secret: &str) {
        let bytes = secret.as_bytes();
        let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
        self.secrets.extend([
            secret.to_owned(),
            bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            list.join(", "),
        ]);
    }

    /// Adds all of a token but the header, which every token of a key has.
    fn hide_token(&mut self, token: &str) {
        for part in token.split('.').skip(1) {
            self.hide(part);
        }
    }
}

#[test]
fn every_public_type_is_in_one_of_the_lists() {
    let mut listed: BTreeSet<&str> = shown().texts.iter().map(|(name, _)| *name).collect();
    for name in NOTHING_TO_HIDE
        .iter()
        .flat_map(|(_, names)| *names)
        .chain(NO_VALUES)
    {
        assert!(listed.insert(name), "{name} is listed twice");
    }
    let public = [
        include_str!("../src/lib.rs"),
        include_str!("../src/claims/mod.rs"),
        include_str!("../src/issue/mod.rs"),
        include_str!("../src/keys/mod.rs"),
        include_str!("../src/proof/mod.rs"),
        include_str!("../src/remote/mod.rs"),
        include_str!("../src/revocation/mod.rs"),
        include_str!("../src/session/mod.rs"),
        include_str!("../src/session/store/mod.rs"),
        include_str!("../src/testing/mod.rs"),
    ]
    .into_iter()
    .flat_map(exports)
    .collect();
    let in_no_list: Vec<_> = BTreeSet::difference(&public, &listed).collect();
    let no_more: Vec<_> = BTreeSet::difference(&listed, &public).collect();
    assert!(
        in_no_list.is_empty(),
        "show it here, or say why not: {in_no_list:?}"
    );
    assert!(no_more.is_empty(), "not public: {no_more:?}");
}

#[test]
fn no_public_type_shows_a_secret() {
    let Shown { texts, secrets } = shown();
    for (name, text) in texts {
        for secret in &secrets {
            assert!(
                !text.contains(secret.as_str()),
                "{secret} in {name}: {text}"
            );
        }
    }
}

/// Returns the types and traits in the `pub use` lines of a file: the names in upper case.
fn exports(source: &'static str) -> BTreeSet<&'static str> {
    source
        .split("pub use ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next())
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric()))
        .filter(|name| name.starts_with(|c: char| c.is_uppercase()))
        .collect()
}

fn shown() -> Shown {
    let mut shown = Shown::default();
    for secret in [
        SECRET, WEAK, SUBJECT, LABEL, CLAIM, SESSION, ID, DATA, PASSWORD,
    ] {
        shown.hide(secret);
    }
    keys(&mut shown);
    tokens(&mut shown);
    token_client(&mut shown);
    refusals(&mut shown);
    requests(&mut shown);
    revocations(&mut shown);
    sessions(&mut shown);
    opaque_tokens(&mut shown);
    proofs(&mut shown);
    shown
}

fn proofs(shown: &mut Shown) {
    let key = NonceKey::new(SECRET).unwrap();
    shown.debug("NonceKey", &key);
    let settings = || {
        Dpop::builder()
            .external_url("https://api.example")
            .replay(MemoryReplayStore::new())
            .nonces(NonceMode::Required)
            .nonce_key(key.clone())
    };
    shown.debug("DpopBuilder", settings());
    shown.debug("Dpop", settings().build().unwrap());
}

fn key() -> SigningKey {
    SigningKey::hs256(SECRET).unwrap()
}

fn issuer() -> Issuer {
    Issuer::builder("https://issuer.example", key())
        .audience("https://api.example")
        .build()
        .unwrap()
}

fn keys(shown: &mut Shown) {
    const ENCODED: &str = "YW4gZXhhbXBsZSBzZWNyZXQgb2YgMzIgYnl0ZXMgb3IgbW9yZQ";

    shown.hide(ENCODED);
    let key = key();
    let verifying = Key::hs256(SECRET).unwrap();
    let private = SigningKey::generate_es256().unwrap();
    let pem = private.to_pkcs8_pem().unwrap();
    let body = pem.lines().find(|line| !line.starts_with("---")).unwrap();
    shown.hide(&body[40..60]);
    shown.debug("SigningKey", (&key, &private));
    shown.debug("SigningKeys", SigningKeys::new(key.clone()));
    let ring = RingDocument::new(&private, RingTimes::new(), 1_800_000_000).unwrap();
    let jwk: Value = serde_json::from_str(&ring.to_json().unwrap()).unwrap();
    shown.hide(jwk["keys"][0]["d"].as_str().unwrap());
    shown.debug("RingDocument", &ring);
    let sealing = "14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1uQ=";
    let bytes = Secret::from_base64(sealing).unwrap();
    shown.hide(sealing);
    let hex = bytes.as_ref().iter().map(|byte| format!("{byte:02x}"));
    shown.secrets.push(hex.collect());
    shown
        .secrets
        .push(format!("{:?}", bytes.as_ref()).replace(['[', ']'], ""));
    let sealing = SealingKeys::from_base64(sealing).unwrap();
    shown.debug("SealingKeys", &sealing);
    let sealed = SealedRing::new(MemoryStore::new(), "https://id.example", sealing);
    shown.debug("SealedRing", sealed.unwrap());
    shown.debug("Key", (&verifying, private.verifying_key()));
    shown.debug("Keys", Keys::from(verifying.clone()));
    let weak = r#"{"keys":[{"kty":"oct","alg":"HS256","k":"YSB3ZWFrIHNlY3JldA"},
        {"kty":"oct","alg":"HS256","k":"YW4gZXhhbXBsZSBzZWNyZXQgb2YgMzIgYnl0ZXMgb3IgbW9yZQ"}]}"#;
    shown.hide("YSB3ZWFrIHNlY3JldA");
    let set = KeySet::from_json(weak).unwrap();
    shown.debug("KeySet", &set);
    shown.debug("SkippedKey", set.skipped());
    let jwk = private.verifying_key().to_jwk().unwrap();
    let noted = jwk.replace(r#""use":"sig""#, r#""use":null"#);
    let noted = KeySet::from_json(&format!(r#"{{"keys":[{noted}]}}"#)).unwrap();
    assert_eq!(noted.notes().len(), 1);
    shown.debug("KeyNote", noted.notes());
    shown.debug("Secret", Secret::from_base64(ENCODED).unwrap());
    shown.error(
        "ConfigError",
        &Secret::from_base64(format!("{ENCODED}!")).unwrap_err(),
    );
    shown.error("ConfigError", &Key::hs256(WEAK).unwrap_err());
    let no_pem = format!("-----BEGIN PRIVATE KEY-----\n{ENCODED}\n-----END PRIVATE KEY-----\n");
    shown.error("ConfigError", &SigningKey::es256_pem(no_pem).unwrap_err());

    let builder = || {
        Verifier::builder(verifying.clone())
            .issuer("i")
            .audience("a")
    };
    shown.debug("VerifierBuilder", builder());
    shown.debug("Verifier", builder().build().unwrap());
    shown.debug(
        "Issuers",
        Issuers::new([builder().build().unwrap()]).unwrap(),
    );
    shown.debug("IssuerBuilder", Issuer::builder("i", key).audience("a"));
    shown.debug("Issuer", issuer());

    // Keys that a provider must not publish, and one that it may.
    shown.debug("FetchResponse", FetchResponse::new(200, weak));
    let saved = json!({
        "source": "https://keys.example", "url": "https://keys.example", "jwks": weak,
        "fetched_at": 0, "lifetime": 0,
    });
    let saved: SavedKeys = serde_json::from_value(saved).unwrap();
    shown.debug("SavedKeys", &saved);
    let builder = RemoteKeys::jwks("https://keys.example").warm(saved);
    shown.debug("RemoteKeysBuilder", &builder);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    shown.debug("RemoteKeys", builder.build().unwrap());
}

fn claims() -> Value {
    json!({ "sub": SUBJECT, "sid": SESSION, "private": CLAIM, "scope": "read" })
}

fn tokens(shown: &mut Shown) {
    #[derive(Debug, serde::Deserialize)]
    struct Nothing {}

    let issuer = issuer();
    let issued = issuer.issue(&claims()).unwrap();
    shown.hide_token(issued.as_str());
    shown.debug("IssuedToken", &issued);
    shown.debug("Credentials", Credentials::new(issued.as_str()));
    let cache = TokenCache::new();
    let verifier = issuer.verifier().with_cache(cache.clone());
    let token = verifier.verify_now(issued.as_str()).unwrap();
    assert_eq!(cache.len(), 1);
    shown.debug("TokenCache", cache);
    shown.debug("VerifiedToken", &token);
    let actor = Actor::new(SUBJECT).with_client_id(CLAIM).with_issuer(CLAIM);
    shown.debug("Actor", actor.clone().after(actor));
    shown.debug("Audience", token.audience());
    shown.debug("Scopes", token.scopes());
    shown.debug(
        "TypedToken",
        TypedToken::<Nothing>::try_from(&token).unwrap(),
    );
    shown.debug("Authenticator", Authenticator::new(verifier.clone()));
    let authenticator = Authenticator::new(verifier);
    shown.debug("Anonymous", authenticator.anonymous());
    shown.debug(
        "Authenticate",
        authenticator.authenticate(Some(Credentials::new(issued.as_str()))),
    );
    let subjects = PrincipalResolver::of_subject(async |subject: TokenSubject| Ok(subject));
    let authenticator = authenticator.principal(subjects);
    let token = block_on(authenticator.authenticate(Some(Credentials::new(issued.as_str()))));
    let token = token.unwrap().unwrap();
    shown.debug("TokenSubject", token.principal::<TokenSubject>().unwrap());
}

fn token_client(shown: &mut Shown) {
    const GRANTED: &str = "private-granted-token";

    struct Endpoint;
    impl Fetch for Endpoint {
        async fn get(&self, _: FetchRequest) -> Result<FetchResponse, FetchError> {
            Ok(FetchResponse::new(404, ""))
        }
        async fn post(&self, _: FormRequest) -> Result<FetchResponse, FetchError> {
            let answer = json!({"access_token": GRANTED, "token_type": "Bearer"});
            Ok(FetchResponse::new(200, answer.to_string()))
        }
    }

    shown.hide(GRANTED);
    let proof = ClientAuthentication::client_secret_basic("orders", PASSWORD);
    shown.debug("ClientAuthentication", &proof);
    let builder = TokenClient::builder("https://id.example/token", proof).fetch(Endpoint);
    shown.debug("TokenClientBuilder", &builder);
    let client = builder.build().unwrap();
    shown.debug("TokenClient", &client);
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().build().unwrap();
    shown.debug("AccessToken", runtime.block_on(client.token()).unwrap());
    let request = FormRequest::new("https://id.example/token", format!("x={SECRET}"), 1);
    let request = request.with_authorization(Some(format!("Basic {PASSWORD}")));
    shown.debug("FormRequest", request);
}

/// Collects the refusals of tokens that are wrong in a part that must not show.
fn refusals(shown: &mut Shown) {
    let issuer = issuer();
    let good = json!({
        "iss": "https://issuer.example", "aud": "https://api.example", "exp": 4_000_000_000_u64,
        "iat": 1, "sub": SUBJECT, "sid": SESSION, "jti": ID, "client_id": CLAIM, "private": CLAIM,
    });
    let verifier = Verifier::builder(key().verifying_key())
        .issuer("https://issuer.example")
        .audience("https://api.example")
        .any_lifetime()
        .require_value("sub", "another")
        .require_value("sid", "another")
        .require_value("jti", "another")
        .require_claim("absent")
        .require_claim("act")
        .build()
        .unwrap();
    let wrong = [
        json!({}),
        json!({ "exp": 1 }),
        json!({ "sub": [SUBJECT] }),
        json!({ "sub": { SUBJECT: 1 } }),
        json!({ "sid": [SESSION], "jti": [ID], "client_id": [CLAIM] }),
        json!({ "act": { "sub": [SUBJECT], CLAIM: CLAIM } }),
        json!({ "cnf": CLAIM }),
        json!({ "cnf": { "jkt": CLAIM } }),
        json!({ "private": CLAIM, "aud": [] }),
    ];
    let payloads = wrong.iter().map(|wrong| {
        let mut claims = good.clone();
        for (name, value) in wrong.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.to_string()
    });
    let broken = [
        format!(r#"{{"sub":"{SUBJECT}","sub":"{SUBJECT}"}}"#),
        format!(r#"{{"private":"{CLAIM}","private":"{CLAIM}"}}"#),
        format!(r#"{{"private":"{CLAIM}""#),
        format!(r#""{CLAIM}""#),
        format!(r#"["{CLAIM}"]"#),
    ];
    for payload in payloads.chain(broken) {
        let token = sign_raw(&key(), r#"{"alg":"HS256"}"#, payload.as_bytes());
        shown.hide_token(&token);
        for verifier in [&verifier, &issuer.verifier()] {
            let Err(error) = verifier.verify_now(&token) else {
                continue;
            };
            refusal(shown, &error);
            let explanation = verifier.explain(&token);
            shown.debug("Explanation", &explanation);
            shown.display("Explanation", &explanation);
            for check in explanation.checks() {
                shown.debug("Check", check);
                shown.display("Check", check);
            }
        }
    }
    refusal(shown, &verifier.verify_now(CLAIM).unwrap_err());
}

fn refusal(shown: &mut Shown, error: &AuthError) {
    shown.error("AuthError", error);
    let wrong: &Mismatch = error.source().unwrap().downcast_ref().unwrap();
    shown.error("Mismatch", wrong);
    let challenge = error.challenge();
    shown.debug("Problem", challenge.problem());
    shown.display("Problem", challenge.problem_json());
    shown.display("Challenge", challenge.www_authenticate().unwrap());
    shown.debug("Challenge", challenge);
}

/// A request that changes state, and does not name its origin.
struct Head(Vec<(&'static str, String)>);

impl RequestHead for Head {
    fn method(&self) -> &'static str {
        "POST"
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn path(&self) -> &'static str {
        "/"
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        for (_, value) in self.0.iter().filter(|(own, _)| *own == name) {
            visit(value.as_bytes());
        }
    }
}

/// A page load with a query.
struct Visit;

impl RequestHead for Visit {
    fn method(&self) -> &'static str {
        "GET"
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn path(&self) -> &'static str {
        "/"
    }

    fn query(&self) -> Option<&str> {
        Some(CLAIM)
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        if name == "accept" {
            visit(b"text/html");
        }
    }
}

fn requests(shown: &mut Shown) {
    let csrf = Csrf::new().secret(SECRET).unwrap();
    let value = csrf.token(SESSION).unwrap().unwrap();
    shown.hide(&value);
    shown.debug("Csrf", &csrf);
    let head = Head(vec![(Csrf::HEADER, value)]);
    let check = csrf.check_head(&head).unwrap();
    let CsrfCheck::NeedsToken(token) = check else {
        panic!("{check:?}");
    };
    shown.debug("CsrfToken", token);
    shown.debug("CsrfCheck", check);

    let large = "private-token".repeat(400);
    shown.hide("private-token");
    let cookies = AuthCookies::new();
    let error = cookies
        .set((&large, 1), ("private-token", 1), None)
        .unwrap_err();
    shown.error("CookieError", &error);
}

fn revocations(shown: &mut Shown) {
    shown.debug("LoginLimitsBuilder", LoginLimits::builder());
    let limits = LoginLimits::builder().per_account(1).build().unwrap();
    shown.debug("LoginAttempt", limits.attempt(SUBJECT, None).unwrap());
    let refused = limits.attempt(SUBJECT, None).unwrap_err();
    shown.error("TooManyLogins", &refused);
    shown.debug("LoginLimits", &limits);

    shown.debug("RevocationBuilder", Revocation::replica());
    let revocation = Revocation::local().build().unwrap();
    let revoked = [
        Revoked::Sessionless {
            realm: Realm::new("shop").unwrap(),
            subject: SUBJECT.into(),
            issued_before: 1,
        },
        Revoked::Subject {
            realm: Realm::new("shop").unwrap(),
            subject: SUBJECT.into(),
            issued_before: 1,
        },
        Revoked::Token(ID.into()),
    ];
    let entries = revoked.map(|revoked| RevocationEntry {
        revoked,
        until: i64::MAX,
    });
    for entry in &entries {
        revocation.revoke(entry).unwrap();
        shown.debug("RevocationEntry", entry);
        shown.debug("Revoked", &entry.revoked);
    }
    shown.debug("Revocation", revocation);
    let batch = LogBatch {
        entries: entries.into(),
        position: None,
        complete: true,
    };
    shown.debug("LogBatch", batch);
}

fn sessions(shown: &mut Shown) {
    let digest = TokenHash::from_bytes(*b"the hash of a private device key");
    shown.hide("the hash of a private device key");
    let store = MemoryStore::new();
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let builder = Sessions::builder(issuer(), store.clone())
        .on_event(move |event: &SessionEvent| seen.lock().unwrap().push(event.clone()));
    shown.debug("SessionsBuilder", &builder);
    let sessions = builder.build().unwrap();

    let client = ClientInfo::new().label(LABEL).binding(digest);
    let identity = Identity::new(SUBJECT, json!({ "private": CLAIM }))
        .data(&DATA)
        .acr("1");
    let pair = block_on(sessions.start(&identity, client.clone())).unwrap();
    shown.hide(pair.refresh_token());
    shown.hide_token(pair.access_token().as_str());
    let unbound = block_on(sessions.refresh(
        pair.refresh_token(),
        &ClientInfo::new(),
        async |_| Ok::<_, StoreError>(Some(json!({ "private": CLAIM }))),
    ));
    shown.error("SessionError", &unbound.unwrap_err());
    let next = block_on(sessions.refresh(pair.refresh_token(), &client, async |_| {
        Ok::<_, StoreError>(Some(json!({ "private": CLAIM })))
    }));
    let next = next.unwrap();
    shown.hide(next.refresh_token());
    shown.hide_token(next.access_token().as_str());
    let stored = block_on(store.find(pair.session().id())).unwrap().unwrap();
    for digest in [
        Some(stored.current),
        stored.previous.first().map(|previous| previous.salt),
    ] {
        let list: Vec<String> = digest
            .unwrap()
            .as_bytes()
            .iter()
            .map(u8::to_string)
            .collect();
        shown.secrets.push(list.join(", "));
        shown.secrets.push(
            serde_json::to_value(digest)
                .unwrap()
                .as_str()
                .unwrap()
                .into(),
        );
    }
    shown.debug("ClientInfo", &client);
    shown.debug("TokenHash", (stored.current, digest));
    shown.debug("Identity", &identity);
    shown.debug("MemoryStore", &store);
    shown.debug("PreviousToken", &stored.previous[0]);
    shown.debug("PendingLogin", block_on(sessions.begin()).unwrap());
    shown.debug("Session", pair.session());
    shown.debug("StoredSession", &stored);
    shown.debug("TokenPair", (&pair, &next));
    shown.debug("SignIn", SignIn::<String>::Refresh(pair.session().clone()));
    shown.debug("SignIn", SignIn::Credentials(PASSWORD));
    shown.debug("SessionDetails", &stored.details);
    let refusal = LoginRefusal::new(403, &PASSWORD);
    shown.debug("LoginRefusal", &refusal);
    shown.debug("SignInOutcome", SignInOutcome::<Value>::Refused(refusal));
    shown.debug("SignInOutcome", SignInOutcome::from(identity.clone()));

    let routes = SessionRoutes::json(sessions.clone(), async |_: SignIn<Value>| {
        Ok::<_, Infallible>(Some(Identity::new(SUBJECT, json!({ "private": CLAIM }))))
    });
    shown.debug("SessionRoutes", &routes);
    let csrf = Csrf::new()
        .random_secret()
        .unwrap()
        .require_token()
        .unwrap();
    let forms = SessionRoutes::forms(
        FormPages::new("/session", "/login").unwrap(),
        sessions.clone(),
        AuthCookies::new(),
        csrf,
        async |_: SignIn<Value>| Ok::<_, Infallible>(None::<Identity<()>>),
    );
    let forms = forms.unwrap();
    let token = forms.form_token(&Visit).unwrap();
    shown.hide(token.value());
    shown.debug("FormToken", token);
    shown.debug("PageLoad", forms.page_load(&Visit).unwrap());
    let head = Head(vec![("content-type", "application/json".into())]);
    let login = format!(r#"{{"password":"{PASSWORD}"}}"#);
    shown.debug("OwnedHead", OwnedHead::of(&head));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let with_head = SessionRoutes::json(sessions.clone(), move |question| {
        if let SignIn::Credentials(request) = question {
            let request: LoginRequest<Value> = request;
            heard.lock().unwrap().push(request);
        }
        async { Ok::<_, Infallible>(None::<Identity<()>>) }
    });
    let reply = block_on(with_head.answer("/login", &head, login.as_bytes()));
    assert_eq!(reply.status(), 401);
    shown.debug("LoginRequest", &asked.lock().unwrap()[0]);
    let answer = routes.answer("/login", &head, login.as_bytes());
    shown.debug("Answer", &answer);
    let reply = block_on(answer);
    assert_eq!(reply.status(), 200);
    let tokens: Value = serde_json::from_str(reply.body()).unwrap();
    shown.hide(tokens["refresh_token"].as_str().unwrap());
    shown.hide_token(tokens["access_token"].as_str().unwrap());
    shown.debug("Reply", reply);

    block_on(sessions.end_all(SUBJECT)).unwrap();
    shown.debug("Sessions", sessions);
    let events = events.lock().unwrap();
    assert!(events.len() > 3);
    shown.debug("SessionEvent", &*events);
}

fn opaque_tokens(shown: &mut Shown) {
    const KEY: &str = "sk_private-opaque-token";

    shown.hide(KEY);
    shown.debug("OpaqueToken", OpaqueToken::new(KEY));
    let identity = OpaqueIdentity::new(SUBJECT).claims(&json!({ "private": CLAIM }));
    shown.debug("OpaqueIdentity", &identity);
    let refused = OpaqueTokenError::unauthorized("no such key");
    shown.debug("OpaqueTokenError", &refused);
    let check = |_: OpaqueToken| std::future::ready(Err(OpaqueTokenError::forbidden("locked")));
    shown.debug("OpaqueTokens", OpaqueTokens::prefixed("sk_", check));

    let store = MemoryStore::new();
    let builder = ApiKeys::builder(store.clone(), SECRET);
    shown.debug("ApiKeysBuilder", &builder);
    let keys = builder.build().unwrap();
    shown.debug("ApiKeys", &keys);
    let new = NewApiKey::new(LABEL);
    shown.debug("NewApiKey", &new);
    let (key, text) = block_on(keys.create(SUBJECT, &new)).unwrap();
    shown.hide(&text.as_str()[20..]);
    shown.debug("ApiKeyText", &text);
    shown.debug("ApiKey", &key);
    let stored = block_on(store.find_api_key(key.id())).unwrap().unwrap();
    shown
        .secrets
        .push(format!("{:?}", stored.hash.as_bytes()).replace(['[', ']'], ""));
    shown.debug("StoredApiKey", &stored);
}

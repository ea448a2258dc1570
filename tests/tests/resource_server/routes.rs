//! Tests of the answers of the routes: the same on both frameworks.

use countersign::{Clock, SigningKey, SystemClock, testing::sign_raw};
use countersign_tests::{
    Answer, Request,
    server::{Body, Connection, Server},
};
use serde_json::{Value, json};

use crate::servers::{FRAMEWORKS, Folder, ask, management, start};

const ISSUER: &str = "https://id.example";
const LOGIN: &str = "https://login.example";

/// Both servers with one configuration, and the key of their issuers.
struct Pair {
    servers: [Server; 2],
    key: SigningKey,
    _folder: Folder,
}

impl Pair {
    fn start(settings: &str, issuers: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let key = SigningKey::generate_ed25519().unwrap();
        let jwk = key.verifying_key().to_jwk().unwrap();
        folder.write("keys.json", &format!(r#"{{"keys":[{jwk}]}}"#));
        let tables = issuers.iter().map(|(issuer, more)| {
            format!(
                "[[issuers]]\nissuer = {issuer:?}\naudience = \"shop\"\nkeys = {{ jwks_file = \"keys.json\" }}\n{more}\n"
            )
        });
        let tables: String = tables.collect();
        let servers = FRAMEWORKS.map(|framework| {
            let text = format!("framework = {framework:?}\n{settings}\n{tables}");
            start(&folder.write(&format!("{framework}.toml"), &text))
        });
        Self {
            servers,
            key,
            _folder: folder,
        }
    }

    fn usual() -> Self {
        Self::start("", &[(ISSUER, "")])
    }

    /// Sends a request to both, and checks that the answers are equal.
    #[track_caller]
    fn send(&self, request: &Request) -> Answer {
        let servers = self.servers.each_ref();
        let [axum, actix] = servers.map(|server| server.send(request, Body::None));
        assert_eq!(axum, actix, "axum and actix-web");
        axum
    }

    #[track_caller]
    fn get(&self, path: &str, token: &str) -> Answer {
        self.send(&Request::bearer(token).target(path))
    }

    fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        self.typed("at+jwt", change)
    }

    /// Returns a token with this `typ`, good except for the change.
    fn typed(&self, typ: &str, change: impl FnOnce(&mut Value)) -> String {
        let header = json!({ "alg": "EdDSA", "typ": typ, "kid": self.key.id() });
        self.signed(&header, change)
    }

    fn untyped(&self, change: impl FnOnce(&mut Value)) -> String {
        let header = json!({ "alg": "EdDSA", "kid": self.key.id() });
        self.signed(&header, change)
    }

    fn signed(&self, header: &Value, change: impl FnOnce(&mut Value)) -> String {
        let now = SystemClock.now();
        let mut claims = json!({
            "iss": ISSUER,
            "aud": "shop",
            "sub": "ada",
            "iat": now,
            "exp": now + 300,
            "jti": "1",
            "client_id": "app",
        });
        change(&mut claims);
        sign_raw(
            &self.key,
            &header.to_string(),
            claims.to_string().as_bytes(),
        )
    }
}

fn challenge(answer: &Answer) -> (u16, &str) {
    let challenge = answer.www_authenticate.as_deref();
    (answer.status, challenge.unwrap_or("none"))
}

#[test]
fn me_answers_the_claims_as_they_were_signed() {
    let pair = Pair::usual();
    let token = pair.token(|claims| claims["cart"] = json!({ "items": [1, 2] }));
    let answer = pair.get("/v1/me", &token);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.content_type.as_deref(), Some("application/json"));
    let claims: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(claims["sub"], "ada");
    assert_eq!(claims["cart"], json!({ "items": [1, 2] }));
}

#[test]
fn a_table_for_any_issuer_takes_old_tokens_and_no_token_of_another_table() {
    let old = r#"profile = "any"
        [[issuers]]
        any_issuer = true
        any_audience = true
        accept = ["numeric-sub", "null-claims"]
        profile = "any"
        keys = { jwks_file = "keys.json" }"#;
    let pair = Pair::start("", &[(ISSUER, old)]);
    let status = |change: &dyn Fn(&mut Value)| pair.get("/v1/feed", &pair.untyped(change));
    let lax = |claims: &mut Value| {
        claims["sub"] = json!(42);
        claims["nbf"] = json!(null);
    };
    let without = |claims: &mut Value, name: &str| {
        claims.as_object_mut().unwrap().remove(name);
    };
    let answer = status(&|claims| {
        lax(claims);
        without(claims, "iss");
        without(claims, "aud");
    });
    assert_eq!((answer.status, &*answer.body), (200, "42"));
    let unknown = status(&|claims| {
        lax(claims);
        claims["iss"] = json!("https://nobody.example");
    });
    assert_eq!(unknown.status, 200);
    // The table of its issuer decides.
    assert_eq!(status(&|_| {}).status, 200);
    assert_eq!(status(&lax).status, 401);
    assert_eq!(status(&|claims| without(claims, "aud")).status, 401);
}

#[test]
fn an_issuer_that_is_to_accept_a_weak_form_accepts_it() {
    let pair = Pair::start("profile = \"any\"", &[(ISSUER, "accept = \"numeric-sub\"")]);
    let number = pair.untyped(|claims| claims["sub"] = json!(42));
    assert_eq!(pair.get("/v1/feed", &number).body, "42");
    let null = pair.untyped(|claims| claims["nbf"] = json!(null));
    assert_eq!(pair.get("/v1/feed", &null).status, 401);
}

#[test]
fn a_refusal_is_the_librarys_own() {
    let pair = Pair::usual();
    let nobody = pair.send(&Request::get().target("/v1/me"));
    assert_eq!(challenge(&nobody), (401, "Bearer"));
    assert_eq!(
        nobody.content_type.as_deref(),
        Some("application/problem+json")
    );

    let expired = pair.token(|claims| claims["exp"] = json!(SystemClock.now() - 60));
    let answer = pair.get("/v1/me", &expired);
    let expected = r#"Bearer error="invalid_token", error_description="the token has expired""#;
    assert_eq!(challenge(&answer), (401, expected));
    assert!(!answer.body.contains("ada"), "{}", answer.body);
}

#[test]
fn the_leeway_is_what_the_file_says() {
    let a_minute_late = |pair: &Pair| {
        let token = pair.token(|claims| claims["exp"] = json!(SystemClock.now() - 60));
        pair.get("/v1/me", &token).status
    };
    assert_eq!(
        a_minute_late(&Pair::start("leeway = 300", &[(ISSUER, "")])),
        200
    );
    assert_eq!(
        a_minute_late(&Pair::start("leeway = 0", &[(ISSUER, "")])),
        401
    );
    assert_eq!(a_minute_late(&Pair::usual()), 401);
}

#[test]
fn admin_needs_its_scope() {
    let pair = Pair::usual();
    let admin = |scope: &str| {
        let token = pair.token(|claims| claims["scope"] = json!(scope));
        pair.get("/v1/admin", &token)
    };
    assert_eq!(admin("read admin").status, 200);
    let refused = admin("read administrator");
    let (status, challenge) = challenge(&refused);
    assert_eq!(status, 403);
    assert!(
        challenge.contains(r#"error="insufficient_scope""#),
        "{challenge}"
    );
    assert!(challenge.contains(r#"scope="admin""#), "{challenge}");
}

#[test]
fn scopes_and_audience_are_in_the_claims_that_the_file_says() {
    let pair = Pair::start("", &[(ISSUER, "scope_claim = \"scp\"")]);
    let admin = |claim: &str| {
        let token = pair.token(|claims| claims[claim] = json!("admin"));
        pair.get("/v1/admin", &token).status
    };
    assert_eq!((admin("scp"), admin("scope")), (200, 403));

    let pair = Pair::start("", &[(ISSUER, "audience_claim = \"client_id\"")]);
    let me = |client: &str| {
        let token = pair.token(|claims| {
            claims["client_id"] = json!(client);
            claims.as_object_mut().unwrap().remove("aud");
        });
        pair.get("/v1/me", &token).status
    };
    assert_eq!((me("shop"), me("app")), (200, 401));
}

#[test]
fn the_feed_is_for_everybody_but_a_bad_token() {
    let pair = Pair::usual();
    let nobody = pair.send(&Request::get().target("/v1/feed"));
    assert_eq!((nobody.status, &*nobody.body), (200, "anonymous"));
    let ada = pair.get("/v1/feed", &pair.token(|_| {}));
    assert_eq!((ada.status, &*ada.body), (200, "ada"));
    assert_eq!(pair.get("/v1/feed", "a.b.c").status, 401);
}

#[test]
fn the_realm_is_in_the_challenge() {
    let pair = Pair::start("realm = \"shop\"", &[(ISSUER, "")]);
    let nobody = pair.send(&Request::get().target("/v1/me"));
    assert_eq!(challenge(&nobody), (401, r#"Bearer realm="shop""#));
}

#[test]
fn health_readiness_and_metrics_are_at_an_address_of_their_own() {
    let pair = Pair::usual();
    let answer = |path: &str| {
        let [axum, actix] = pair.servers.each_ref().map(|server| ask(server, path));
        assert_eq!(axum, actix, "axum and actix-web");
        axum
    };
    assert_eq!(
        (answer("/healthz").status, &*answer("/healthz").body),
        (200, "ok")
    );

    let ready = answer("/readyz");
    assert_eq!(
        (ready.status, ready.content_type.as_deref()),
        (200, Some("application/json"))
    );
    let body: Value = serde_json::from_str(&ready.body).unwrap();
    let local = json!({
        "issuer": ISSUER,
        "state": "local",
        "keys": 1,
        "age_seconds": null,
        "failures": 0,
        "last_error": null,
    });
    assert_eq!(
        body,
        json!({ "draining": false, "ready": true, "issuers": [local] })
    );

    for server in &pair.servers {
        let metrics = ask(server, "/metrics");
        let media_type = metrics.content_type.as_deref();
        assert_eq!(
            (metrics.status, media_type),
            (200, Some("text/plain; version=0.0.4"))
        );
        assert!(metrics.body.contains("countersign_requests_total"));
    }
}

#[test]
fn the_public_address_has_nothing_for_the_operator() {
    let pair = Pair::usual();
    let token = pair.token(|_| {});
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(pair.send(&Request::get().target(path)).status, 404);
        assert_eq!(pair.get(path, &token).status, 404);
    }
    for server in &pair.servers {
        assert!(management(server).ip().is_loopback());
        for path in ["/v1/me", "/v1/feed", "/v1/admin"] {
            assert_eq!(ask(server, path).status, 404);
        }
    }
}

#[test]
fn what_needs_a_token_is_not_to_be_stored() {
    let pair = Pair::usual();
    let token = pair.token(|_| {});
    for server in &pair.servers {
        for path in ["/v1/me", "/v1/feed", "/v1/admin"] {
            for request in [Request::get(), Request::bearer(&token)] {
                let mut connection = Connection::open(server.address());
                let answer = connection.send(&request.target(path), Body::None);
                let told = connection.header("cache-control");
                assert_eq!(told, Some("no-store"), "{path}: {answer:?}");
            }
        }
    }
}

#[test]
fn a_client_that_stops_within_its_body_is_disconnected() {
    let pair = Pair::usual();
    let token = pair.token(|_| {});
    for server in &pair.servers {
        for (request, status) in [
            (Request::bearer(&token).target("/v1/me"), 200),
            (Request::get().target("/v1/me"), 401),
            (Request::bearer(&token).method("POST").target("/v1/me"), 405),
        ] {
            for (header, value, start) in [
                ("content-length", "100", "a"),
                ("transfer-encoding", "chunked", "1\r\na\r\n"),
            ] {
                let mut connection = Connection::open(server.address());
                connection.send_only(&request.clone().header(header, value), Body::None);
                connection.write(start.as_bytes());
                // None of the routes reads it, so none waits for it.
                assert_eq!(connection.answer().status, status, "{header}");
                assert_eq!(connection.rest(), "", "{header}");
            }
        }
    }
}

/// Changes claims into those of an ID token (OpenID Connect Core section 2), for the audience of
/// the API.
fn id_token(claims: &mut Value) {
    let members = claims.as_object_mut().unwrap();
    for name in ["client_id", "jti"] {
        members.remove(name);
    }
    claims["nonce"] = json!("n-0S6_WzA2Mj");
    claims["at_hash"] = json!("77QmUPtjPfzWtF2AnpK9RQ");
    claims["auth_time"] = claims["iat"].clone();
}

#[test]
fn an_id_token_for_the_same_audience_is_refused_unless_the_file_says_any() {
    for (settings, issuer, expected) in [
        ("", "", 401),
        ("profile = \"at+jwt\"", "", 401),
        ("profile = \"access-token\"", "", 401),
        ("profile = \"any\"", "", 200),
        ("", "profile = \"any\"", 200),
        ("profile = \"any\"", "profile = \"at+jwt\"", 401),
        ("profile = \"any\"", "require_claims = \"client_id\"", 401),
    ] {
        let pair = Pair::start(settings, &[(ISSUER, issuer)]);
        for token in [pair.typed("JWT", id_token), pair.untyped(id_token)] {
            let status = pair.get("/v1/me", &token).status;
            assert_eq!(status, expected, "{settings} {issuer}");
        }
        let access = pair.token(|_| {});
        assert_eq!(
            pair.get("/v1/me", &access).status,
            200,
            "{settings} {issuer}"
        );
    }
}

/// The differences between an access token and an ID token of the same issuer for the same
/// audience.
#[test]
fn an_issuer_can_say_what_its_access_tokens_hold() {
    let required =
        "profile = \"any\"\nrequire_claims = [\"azp\"]\nrequire_values = { typ = \"Bearer\" }";
    let pair = Pair::start("", &[(ISSUER, required)]);
    let status = |azp: Value, typ: Value| {
        let token = pair.token(|claims| {
            claims["azp"] = azp;
            claims["typ"] = typ;
        });
        pair.get("/v1/me", &token).status
    };
    assert_eq!(status(json!("web"), json!("Bearer")), 200);
    assert_eq!(status(json!("web"), json!("ID")), 401);
    assert_eq!(status(json!("web"), json!(["Bearer"])), 401);
    let without = pair.token(|claims| claims["typ"] = json!("Bearer"));
    assert_eq!(pair.get("/v1/me", &without).status, 401);
}

#[test]
fn what_the_library_measures_is_in_the_metrics() {
    let pair = Pair::usual();
    assert_eq!(pair.get("/v1/me", &pair.token(|_| {})).status, 200);
    assert_eq!(pair.get("/v1/me", "a.b.c").status, 401);
    for server in &pair.servers {
        let metrics = ask(server, "/metrics").body;
        for line in [
            "# HELP countersign_requests_total",
            r#"countersign_requests_total{outcome="accepted"} 1"#,
            r#"countersign_requests_total{outcome="malformed_token"} 1"#,
        ] {
            assert!(metrics.contains(line), "{line}: {metrics}");
        }
        assert!(!metrics.contains("ada"), "{metrics}");
    }
}

#[test]
fn another_path_or_method_leads_nowhere() {
    let pair = Pair::usual();
    let status = |method: &str, path: &str| {
        let token = pair.token(|_| {});
        pair.send(&Request::bearer(&token).method(method).target(path))
            .status
    };
    assert_eq!(status("GET", "/v1"), 404);
    assert_eq!(status("GET", "/v1/me/"), 404);
    assert_eq!(status("POST", "/v1/me"), 405);
    assert_eq!(status("POST", "/v1/feed"), 405);
}

#[test]
fn a_token_is_in_the_header_unless_the_file_says_otherwise() {
    let cookie = |pair: &Pair| {
        let cookie = format!("access_token={}", pair.token(|_| {}));
        let request = Request::get().target("/v1/me").header("cookie", cookie);
        pair.send(&request).status
    };
    let header = |pair: &Pair| pair.get("/v1/me", &pair.token(|_| {})).status;
    let both = r#"sources = ["bearer", "cookie:access_token"]"#;
    let only = r#"sources = ["cookie:access_token"]"#;
    for (settings, issuer, expected) in [
        ("", "", (200, 401)),
        (both, "", (200, 200)),
        ("", both, (200, 200)),
        (only, "", (401, 200)),
        ("", only, (401, 200)),
        (both, r#"sources = "bearer""#, (200, 401)),
    ] {
        let pair = Pair::start(settings, &[(ISSUER, issuer)]);
        assert_eq!(
            (header(&pair), cookie(&pair)),
            expected,
            "{settings} {issuer}"
        );
    }
}

#[test]
fn a_token_counts_where_its_issuer_may_have_it() {
    let login = r#"sources = ["cookie:access_token"]"#;
    let pair = Pair::start("", &[(ISSUER, ""), (LOGIN, login)]);
    let token = |issuer: &str| pair.token(|claims| claims["iss"] = json!(issuer));
    let header = |issuer: &str| pair.get("/v1/me", &token(issuer)).status;
    let cookie = |issuer: &str| {
        let cookie = format!("access_token={}", token(issuer));
        pair.send(&Request::get().target("/v1/me").header("cookie", cookie))
            .status
    };
    assert_eq!((header(ISSUER), cookie(ISSUER)), (200, 401));
    assert_eq!((header(LOGIN), cookie(LOGIN)), (401, 200));
}

#[test]
fn two_tokens_are_a_bad_request() {
    let pair = Pair::start(
        r#"sources = ["bearer", "cookie:access_token"]"#,
        &[(ISSUER, "")],
    );
    let token = pair.token(|_| {});
    let request = Request::bearer(&token).target("/v1/me");
    let request = request.header("cookie", format!("access_token={token}"));
    assert_eq!(pair.send(&request).status, 400);
}

#[test]
fn the_profile_for_access_tokens_takes_no_other() {
    let pair = Pair::start("profile = \"access-token\"", &[(ISSUER, "")]);
    let good = pair.typed("at+jwt", |_| {});
    assert_eq!(pair.get("/v1/me", &good).status, 200);
    let jwt = pair.typed("JWT", |_| {});
    assert_eq!(pair.get("/v1/me", &jwt).status, 401);
    let incomplete = pair.typed("at+jwt", |claims| {
        claims.as_object_mut().unwrap().remove("client_id");
    });
    assert_eq!(pair.get("/v1/me", &incomplete).status, 401);
}

#[test]
fn one_of_several_audiences_is_enough() {
    let folder = Folder::new();
    let secret = "an example secret of 32 bytes or more";
    let file = folder.write(
        "api.toml",
        "[[issuers]]\nissuer = \"https://id.example\"\naudience = [\"shop\", \"orders\"]\nkeys = { hs256_secret = \"env:SECRET\" }\n",
    );
    let server = Server::start(crate::servers::command(&file).env("SECRET", secret));
    let key = SigningKey::hs256(secret).unwrap();
    let status = |audience: Value| {
        let claims = json!({ "iss": ISSUER, "aud": audience, "exp": SystemClock.now() + 60 });
        let header = r#"{"alg":"HS256","typ":"at+jwt"}"#;
        let token = sign_raw(&key, header, claims.to_string().as_bytes());
        server
            .send(&Request::bearer(&token).target("/v1/me"), Body::None)
            .status
    };
    assert_eq!(status(json!("orders")), 200);
    assert_eq!(status(json!(["mail", "shop"])), 200);
    assert_eq!(status(json!("mail")), 401);
}

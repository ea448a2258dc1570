//! Tests of the keys of a provider: away at the start, rotating, found by its metadata, over TLS.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    time::Duration,
};

use countersign::{
    Clock, SigningKey, SystemClock,
    testing::{Fault, JwksServer, sign_padded, sign_raw},
};
use countersign_tests::{
    Answer, Request,
    server::{Body, Server},
};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    servers::{FRAMEWORKS, Folder, ask, command, refused, start, within},
    tls,
};

const ISSUER: &str = "https://id.example";

/// Starts a server for issuers with these keys, and returns it with the folder of its file.
pub(crate) fn serve(framework: &str, issuers: &[(&str, &str)]) -> (Server, Folder) {
    let folder = Folder::new();
    let server = serve_in(&folder, framework, issuers);
    (server, folder)
}

fn serve_in(folder: &Folder, framework: &str, issuers: &[(&str, &str)]) -> Server {
    let mut text = format!("framework = {framework:?}\n");
    for (issuer, keys) in issuers {
        text += &format!(
            "[[issuers]]\nissuer = {issuer:?}\naudience = \"shop\"\nkeys = {{ {keys} }}\n"
        );
    }
    start(&folder.write("api.toml", &text))
}

pub(crate) fn url_of(provider: &JwksServer) -> String {
    format!("jwks_url = {:?}", provider.url())
}

pub(crate) fn token(issuer: &str, key: &SigningKey) -> String {
    let header = json!({ "alg": key.algorithm().name(), "typ": "at+jwt", "kid": key.id() });
    let claims =
        json!({ "iss": issuer, "aud": "shop", "sub": "ada", "exp": SystemClock.now() + 300 });
    sign_raw(key, &header.to_string(), claims.to_string().as_bytes())
}

pub(crate) fn me(server: &Server, token: &str) -> Answer {
    server.send(&Request::bearer(token).target("/v1/me"), Body::None)
}

fn get(server: &Server, path: &str) -> Answer {
    server.send(&Request::get().target(path), Body::None)
}

/// Returns the part of `/readyz` about the one issuer, once it has this status and passes the
/// check.
pub(crate) fn readiness(server: &Server, status: u16, is: impl Fn(&Value) -> bool) -> Value {
    within(async {
        loop {
            let answer = ask(server, "/readyz");
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(body["ready"], answer.status == 200, "{body}");
            let issuer = &body["issuers"][0];
            if answer.status == status && is(issuer) {
                return issuer.clone();
            }
            sleep(Duration::from_millis(20)).await; // nothing signals that a process is ready
        }
    })
}

#[test]
fn a_provider_that_is_away_at_the_start_is_waited_for() {
    for framework in FRAMEWORKS {
        let provider = JwksServer::start();
        provider.fault(JwksServer::JWKS, Fault::Status(500));
        let (server, _folder) = serve(framework, &[(ISSUER, &url_of(&provider))]);
        let token = token(ISSUER, &provider.key());

        let away = readiness(&server, 503, |issuer| issuer["state"] == "unavailable");
        assert_eq!(
            (&away["issuer"], &away["keys"]),
            (&json!(ISSUER), &json!(0))
        );
        assert_eq!(away["age_seconds"], Value::Null);
        let refused = me(&server, &token);
        assert_eq!(refused.status, 503, "{refused:?}");
        assert!(refused.retry_after.is_some(), "{refused:?}");
        assert_eq!(refused.www_authenticate, None, "{refused:?}");
        assert_eq!(ask(&server, "/healthz").status, 200);
        assert_eq!(get(&server, "/v1/feed").body, "anonymous");
        assert_eq!(get(&server, "/v1/me").status, 401);

        provider.heal(JwksServer::JWKS);
        let here = readiness(&server, 200, |_| true);
        assert_eq!(
            (&here["state"], &here["keys"]),
            (&json!("fresh"), &json!(1))
        );
        assert!(here["age_seconds"].is_u64(), "{here}");
        assert_eq!(me(&server, &token).status, 200);
    }
}

#[test]
fn the_first_token_after_a_rotation_is_accepted() {
    for framework in FRAMEWORKS {
        let provider = JwksServer::start();
        let (server, _folder) = serve(framework, &[(ISSUER, &url_of(&provider))]);
        readiness(&server, 200, |_| true);
        provider.rotate();
        assert_eq!(me(&server, &token(ISSUER, &provider.key())).status, 200);
        let stranger = SigningKey::generate_es256().unwrap();
        assert_eq!(me(&server, &token(ISSUER, &stranger)).status, 401);
    }
}

#[test]
fn the_keys_are_where_the_metadata_says() {
    for framework in FRAMEWORKS {
        let provider = JwksServer::start_at("/realms/shop");
        let issuer = provider.issuer();
        let (server, _folder) = serve(framework, &[(&issuer, "discover = true")]);
        readiness(&server, 200, |_| true);
        assert_eq!(me(&server, &token(&issuer, &provider.key())).status, 200);
        assert_eq!(me(&server, &token(ISSUER, &provider.key())).status, 401);
    }
}

#[test]
fn metadata_of_another_issuer_is_no_metadata() {
    let provider = JwksServer::start();
    for path in [JwksServer::OPENID, JwksServer::OAUTH] {
        provider.fault(path, Fault::WrongIssuer);
    }
    let issuer = provider.issuer();
    let (server, _folder) = serve("axum", &[(&issuer, "discover = true")]);
    readiness(&server, 503, |issuer| issuer["state"] == "unavailable");
    assert_eq!(me(&server, &token(&issuer, &provider.key())).status, 503);
}

#[test]
fn an_issuer_without_keys_does_not_affect_another() {
    for framework in FRAMEWORKS {
        let (away, here) = (JwksServer::start(), JwksServer::start());
        away.fault(JwksServer::JWKS, Fault::Status(500));
        let issuers = [
            (ISSUER, url_of(&away)),
            ("https://other.example", url_of(&here)),
        ];
        let issuers = issuers
            .each_ref()
            .map(|(issuer, keys)| (*issuer, keys.as_str()));
        let (server, _folder) = serve(framework, &issuers);
        readiness(&server, 503, |issuer| issuer["state"] == "unavailable");
        let good = token("https://other.example", &here.key());
        assert_eq!(
            me(&server, &good).status,
            200,
            "the other issuer's keys are not used"
        );
        assert_eq!(me(&server, &token(ISSUER, &away.key())).status, 503);
    }
}

#[test]
fn a_secret_at_a_url_is_none() {
    let provider = JwksServer::start();
    provider.fault(JwksServer::JWKS, Fault::OnlyOct);
    let (server, _folder) = serve("axum", &[(ISSUER, &url_of(&provider))]);
    let away = readiness(&server, 503, |issuer| issuer["state"] == "unavailable");
    assert_eq!(away["keys"], 0);
}

#[test]
fn a_weak_secret_verifies_old_tokens_and_no_others() {
    let folder = Folder::new();
    let text = format!(
        "[[issuers]]\nissuer = {ISSUER:?}\naudience = \"shop\"\nprofile = \"any\"\n\
         keys = {{ weak_hs256_secret = \"env:OLD_SECRET\" }}\n"
    );
    let mut command = command(&folder.write("api.toml", &text));
    let server = Server::start(command.env("OLD_SECRET", "secret"));
    for (secret, status) in [("secret", 200), ("Secret", 401)] {
        let claims =
            json!({ "iss": ISSUER, "aud": "shop", "sub": "ada", "exp": SystemClock.now() + 300 });
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes()).unwrap();
        let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
        assert_eq!(me(&server, &token).status, status, "{secret}");
    }
}

#[test]
fn a_root_certificate_is_trusted_too() {
    let provider = JwksServer::start();
    let front = tls::Front::start(provider.address());
    let folder = Folder::new();
    folder.write("root.pem", front.root());
    let url = format!("jwks_url = \"https://localhost:{}/jwks\"", front.port());
    let trusting = format!("{url}, root_certificate = \"root.pem\"");

    let stranger = serve_in(&folder, "axum", &[(ISSUER, &url)]);
    readiness(&stranger, 503, |issuer| issuer["state"] == "unavailable");
    let server = serve_in(&folder, "axum", &[(ISSUER, &trusting)]);
    readiness(&server, 200, |issuer| issuer["state"] == "fresh");
    assert_eq!(me(&server, &token(ISSUER, &provider.key())).status, 200);
}

#[test]
fn the_proxy_of_the_environment_is_asked() {
    let provider = JwksServer::start();
    let front = tls::Front::start(provider.address());
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = Folder::new();
    folder.write("root.pem", front.root());
    let config = |host: &str| {
        let text = format!(
            "[[issuers]]\nissuer = {ISSUER:?}\naudience = \"shop\"\n\
             keys = {{ jwks_url = \"https://{host}:{}/jwks\", root_certificate = \"root.pem\" }}\n",
            front.port()
        );
        folder.write("api.toml", &text)
    };
    let url = format!("http://{}", proxy.local_addr().unwrap());

    // This machine needs none.
    let server = Server::start(command(&config("localhost")).env("HTTPS_PROXY", &url));
    readiness(&server, 200, |issuer| issuer["state"] == "fresh");
    let server = Server::start(command(&config("id.example")).env("HTTPS_PROXY", &url));
    let mut line = String::new();
    BufReader::new(proxy.accept().unwrap().0)
        .read_line(&mut line)
        .unwrap();
    let port = front.port();
    assert_eq!(line, format!("CONNECT id.example:{port} HTTP/1.1\r\n"));
    readiness(&server, 503, |issuer| issuer["state"] == "unavailable");

    let mut other = command(&config("id.example"));
    let ended = refused(other.env("HTTPS_PROXY", "socks5://ada:secret@proxy:1080"));
    assert!(ended.stderr.contains("HTTPS_PROXY"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
}

#[test]
fn workloads_of_a_trust_domain_come_in_beside_an_issuer() {
    for framework in FRAMEWORKS {
        let (users, workloads) = (JwksServer::start(), JwksServer::start());
        let folder = Folder::new();
        let text = format!(
            "framework = {framework:?}\n\
             [[issuers]]\nissuer = \"https://id.example\"\naudience = \"shop\"\nprofile = \"any\"\nkeys = {{ {} }}\n\
             [[issuers]]\nprovider = {{ spiffe = {{ trust_domain = \"example.org\", bundle = \"{}\" }} }}\n\
             audience = \"shop\"\nkeys = {{ {} }}\n",
            url_of(&users),
            workloads.url(),
            url_of(&workloads),
        );
        let server = start(&folder.write("api.toml", &text));
        readiness(&server, 200, |_| true);
        let status = |signer: &JwksServer, claims: Value| {
            let mut claims = claims;
            claims["aud"] = "shop".into();
            claims["exp"] = (SystemClock.now() + 300).into();
            let key = signer.key();
            let header = json!({ "alg": key.algorithm().name(), "kid": key.id() });
            let token = sign_raw(&key, &header.to_string(), claims.to_string().as_bytes());
            me(&server, &token).status
        };
        let web = "spiffe://example.org/web";
        assert_eq!(status(&workloads, json!({ "sub": web })), 200);
        assert_eq!(
            status(&users, json!({ "sub": "ada", "iss": "https://id.example" })),
            200
        );
        for (signer, claims) in [
            (&users, json!({ "sub": web, "iss": "https://id.example" })),
            (&users, json!({ "sub": web })),
            (&workloads, json!({ "sub": "ada" })),
            (&workloads, json!({ "sub": "spiffe://evil.example/web" })),
        ] {
            assert_eq!(status(signer, claims.clone()), 401, "{claims}");
        }
    }
}

#[test]
fn a_load_balancer_says_who_the_user_is_in_its_header() {
    let signer = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188";
    for framework in FRAMEWORKS {
        let keys = JwksServer::start();
        let folder = Folder::new();
        let text = format!(
            "framework = {framework:?}\n\
             [[issuers]]\nprovider.aws-alb = {{ signer = {signer:?}, issuer = \"https://id.example\" }}\n\
             audience = \"client\"\nkeys = {{ {} }}\n",
            url_of(&keys),
        );
        let server = start(&folder.write("api.toml", &text));
        readiness(&server, 200, |_| true);
        let sign = |signer: &str| {
            let exp = SystemClock.now() + 120;
            let header = json!({
                "alg": "ES256", "typ": "JWT", "kid": keys.key().id(), "signer": signer,
                "client": "client", "iss": "https://id.example", "exp": exp,
            });
            let claims = json!({ "sub": "ada", "iss": "https://id.example", "exp": exp });
            sign_padded(
                &keys.key(),
                &header.to_string(),
                claims.to_string().as_bytes(),
            )
        };
        let status = |name, token: &str| {
            let request = Request::get().header(name, token);
            server.send(&request.target("/v1/me"), Body::None).status
        };
        let token = sign(signer);
        assert_eq!(status("x-amzn-oidc-data", &token), 200);
        assert_eq!(status("x-amzn-oidc-accesstoken", &token), 401);
        assert_eq!(status("authorization", &format!("Bearer {token}")), 401);
        assert_eq!(
            status("x-amzn-oidc-data", &sign(&signer.replace("shop", "evil"))),
            401
        );
    }
}

#[test]
fn a_provider_by_name_has_its_rules_and_its_source() {
    let actions = json!({
        "iss": "https://token.actions.githubusercontent.com", "aud": "shop", "sub": "repo:shop/api",
        "repository_id": "74", "repository_owner_id": "65", "job_workflow_ref": "w", "run_id": "1",
    });
    let access = json!({
        "iss": "https://shop.cloudflareaccess.com", "aud": ["shop"], "type": "app", "sub": "ada",
    });
    for framework in FRAMEWORKS {
        let keys = JwksServer::start();
        let folder = Folder::new();
        let text = format!(
            "framework = {framework:?}\n\
             [[issuers]]\nprovider = \"github-actions\"\naudience = \"shop\"\n\
             require_values = {{ repository_id = \"74\" }}\nkeys = {{ {url} }}\n\
             [[issuers]]\nprovider.cloudflare-access.team = \"shop\"\naudience = \"shop\"\nkeys = {{ {url} }}\n",
            url = url_of(&keys)
        );
        let server = start(&folder.write("api.toml", &text));
        readiness(&server, 200, |_| true);
        let sign = |claims: &Value, change: Value| {
            let mut claims = claims.clone();
            claims["exp"] = (SystemClock.now() + 300).into();
            for (name, value) in change.as_object().unwrap() {
                claims[name] = value.clone();
            }
            let key = keys.key();
            let header = json!({ "alg": key.algorithm().name(), "typ": "JWT", "kid": key.id() });
            sign_raw(&key, &header.to_string(), claims.to_string().as_bytes())
        };
        let assertion = |token: &str| {
            let request = Request::get().header("cf-access-jwt-assertion", token);
            server.send(&request.target("/v1/me"), Body::None).status
        };
        let bearer = |token: &str| me(&server, token).status;

        let own = json!({});
        assert_eq!(bearer(&sign(&actions, own.clone())), 200);
        assert_eq!(bearer(&sign(&actions, json!({"repository_id": "75"}))), 401);
        assert_eq!(assertion(&sign(&actions, own.clone())), 401);

        assert_eq!(assertion(&sign(&access, own.clone())), 200);
        assert_eq!(assertion(&sign(&access, json!({"type": "org"}))), 401);
        assert_eq!(bearer(&sign(&access, own)), 401);
    }
}

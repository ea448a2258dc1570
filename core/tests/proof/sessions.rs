//! Sessions that are bound to a key: the login, each refresh, the grace window.

use std::{convert::Infallible, time::Duration};

use countersign::{
    Issuer, MemoryStore, SessionRoutes, Sessions, SigningKey,
    adapter::Reply,
    claims::Tolerance,
    proof::{
        Confirmation, Dpop, DpopBuilder, MemoryReplayStore, MutualTls, NonceKey, NonceMode,
        ProofMode,
    },
    session::{ApiKeys, ClientInfo, Identity, SessionErrorKind, SignIn, TokenPair},
    testing::{FixedClock, ProofKey},
};
use futures_executor::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::Head;

const NOW: i64 = 1_800_000_000;
const URL: &str = "https://id.test/session/refresh";

fn sessions(clock: &FixedClock) -> Sessions {
    let issuer = Issuer::builder("https://id.test", SigningKey::generate_es256().unwrap())
        .audience("https://api.test")
        .clock(clock.clone())
        .build()
        .unwrap();
    Sessions::builder(issuer, MemoryStore::new())
        .build()
        .unwrap()
}

fn routes(sessions: &Sessions, settings: impl FnOnce(DpopBuilder) -> DpopBuilder) -> SessionRoutes {
    let dpop = Dpop::builder()
        .external_url("https://id.test")
        .replay(MemoryReplayStore::new());
    SessionRoutes::json(sessions.clone(), async |question: SignIn<Value>| {
        let name = match question {
            SignIn::Credentials(body) if body["password"] == "wrong" => return Ok(None),
            SignIn::Credentials(_) => "ada".to_owned(),
            SignIn::Refresh(session) => session.subject().to_owned(),
        };
        Ok::<_, Infallible>(Some(Identity::new(name, json!({}))))
    })
    .dpop(settings(dpop).build().unwrap())
}

fn post(path: &'static str) -> Head {
    Head {
        method: "POST",
        path,
        ..Head::new()
    }
    .with("content-type", "application/json")
}

fn send(routes: &SessionRoutes, head: &Head, body: &Value) -> (u16, Value, Option<String>) {
    let path = head.path.strip_prefix("/session").unwrap();
    let reply: Reply = block_on(routes.answer(path, head, body.to_string().as_bytes()));
    let nonce = reply.headers().find(|(name, _)| *name == "dpop-nonce");
    let nonce = nonce.map(|(_, value)| value.to_owned());
    (
        reply.status(),
        serde_json::from_str(reply.body()).unwrap_or_default(),
        nonce,
    )
}

fn log_in(client: Option<&ProofKey>) -> Head {
    let head = post("/session/login");
    match client {
        Some(client) => {
            let proof = client.proof("POST", "https://id.test/session/login");
            head.with("dpop", proof.sign())
        }
        None => head,
    }
}

fn refresh(client: Option<&ProofKey>) -> Head {
    let head = post("/session/refresh");
    match client {
        Some(client) => head.with("dpop", client.proof("POST", URL).sign()),
        None => head,
    }
}

#[test]
fn a_login_with_a_proof_binds_the_session_and_its_tokens() {
    let clock = FixedClock::at(NOW);
    let sessions = sessions(&clock);
    let routes = routes(&sessions, |dpop| dpop.mode(ProofMode::Allowed));
    let (own, thief) = (ProofKey::new(&clock), ProofKey::new(&clock));
    let (status, body, _) = send(&routes, &log_in(Some(&own)), &json!({ "user": "ada" }));
    assert_eq!(
        (status, &body["token_type"]),
        (200, &json!("DPoP")),
        "{body}"
    );

    // The access token names the key, and nobody accepts it without.
    let access = body["access_token"].as_str().unwrap();
    assert_eq!(
        sessions.verifier().verify_now(access).unwrap_err().reason(),
        "bound_token"
    );

    let token = json!({ "refresh_token": body["refresh_token"] });
    for other in [None, Some(&thief)] {
        let (status, body, _) = send(&routes, &refresh(other), &token);
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
    }
    let (status, next, _) = send(&routes, &refresh(Some(&own)), &token);
    assert_eq!((status, &next["token_type"]), (200, &json!("DPoP")));
    // Within the grace window, too.
    assert_eq!(send(&routes, &refresh(None), &token).0, 400);
    assert_eq!(send(&routes, &refresh(Some(&thief)), &token).0, 400);
    assert_eq!(send(&routes, &refresh(Some(&own)), &token).0, 200);

    // The list of sessions needs the token with its proof.
    let access = next["access_token"].as_str().unwrap();
    let list = |proof: Option<String>| {
        let mut head = Head {
            path: "/session/sessions",
            ..Head::new()
        };
        head = head.with("authorization", format!("DPoP {access}"));
        if let Some(proof) = proof {
            head = head.with("dpop", proof);
        }
        send(&routes, &head, &Value::Null).0
    };
    let proof = own
        .proof("GET", "https://id.test/session/sessions")
        .token(access);
    assert_eq!(list(None), 401);
    assert_eq!(list(Some(proof.sign())), 200);
}

#[test]
fn a_bound_session_makes_no_api_key() {
    let clock = FixedClock::at(NOW);
    let sessions = sessions(&clock);
    let keys = ApiKeys::builder(
        MemoryStore::new(),
        "a pepper of 32 bytes, or of more of them",
    )
    .build()
    .unwrap();
    let routes = routes(&sessions, |dpop| dpop.mode(ProofMode::Allowed)).api_keys(keys);
    let own = ProofKey::new(&clock);
    for (client, wanted) in [(Some(&own), 403), (None, 201)] {
        let (_, body, _) = send(&routes, &log_in(client), &json!({}));
        let access = body["access_token"].as_str().unwrap();
        let scheme = body["token_type"].as_str().unwrap();
        let proof = own
            .proof("POST", "https://id.test/session/api-keys")
            .token(access);
        let head = post("/session/api-keys")
            .with("authorization", format!("{scheme} {access}"))
            .with("dpop", proof.sign());
        let (status, body, _) = send(&routes, &head, &json!({ "label": "CI" }));
        assert_eq!(status, wanted, "{body}");
    }
}

#[test]
fn a_login_without_a_proof_is_a_bearer_session_or_refused() {
    let clock = FixedClock::at(NOW);
    let sessions = sessions(&clock);
    let own = ProofKey::new(&clock);
    let allowed = routes(&sessions, |dpop| dpop.mode(ProofMode::Allowed));
    let (status, body, _) = send(&allowed, &log_in(None), &json!({}));
    assert_eq!((status, &body["token_type"]), (200, &json!("Bearer")));
    // It stays one: a proof beside its refresh binds nothing.
    let token = json!({ "refresh_token": body["refresh_token"] });
    let (status, body, _) = send(&allowed, &refresh(Some(&own)), &token);
    assert_eq!((status, &body["token_type"]), (200, &json!("Bearer")));

    let required = routes(&sessions, |dpop| dpop);
    let (status, body, _) = send(&required, &log_in(None), &json!({}));
    assert_eq!(
        (status, &body["error"]),
        (400, &json!("invalid_dpop_proof"))
    );
    assert_eq!(send(&required, &log_in(Some(&own)), &json!({})).0, 200);
}

#[test]
fn a_bad_proof_is_refused_even_where_none_is_needed() {
    let clock = FixedClock::at(NOW);
    let sessions = sessions(&clock);
    let own = ProofKey::new(&clock);
    let routes = routes(&sessions, |dpop| dpop.mode(ProofMode::Allowed));
    let url = "https://id.test/session/login";
    for proof in [
        own.proof("GET", url).sign(),
        own.proof("POST", "https://id.test/session/refresh").sign(),
        own.proof("POST", url).claim("iat", NOW - 61).sign(),
        own.proof("POST", url)
            .signed_by(&SigningKey::generate_es256().unwrap()),
        "junk".to_owned(),
    ] {
        let head = post("/session/login").with("dpop", proof);
        let (status, body, _) = send(&routes, &head, &json!({}));
        assert_eq!(
            (status, &body["error"]),
            (400, &json!("invalid_dpop_proof"))
        );
    }
}

#[test]
fn a_proof_is_used_once_and_only_by_those_who_are_let_in() {
    let clock = FixedClock::at(NOW);
    let sessions = sessions(&clock);
    let own = ProofKey::new(&clock);
    let routes = routes(&sessions, |dpop| dpop);
    let head = log_in(Some(&own));
    let wrong = json!({ "password": "wrong" });
    assert_eq!(send(&routes, &head, &wrong).1["error"], "invalid_grant");
    assert_eq!(send(&routes, &head, &json!({})).0, 200);
    let (status, body, _) = send(&routes, &head, &json!({}));
    assert_eq!(
        (status, &body["error"]),
        (400, &json!("invalid_dpop_proof"))
    );
}

#[test]
fn a_token_endpoint_asks_for_a_nonce_with_400() {
    let clock = FixedClock::at(NOW);
    let sessions = sessions(&clock);
    let own = ProofKey::new(&clock);
    let routes = routes(&sessions, |dpop| {
        dpop.nonces(NonceMode::Required)
            .nonce_key(NonceKey::new([7; 32]).unwrap())
    });
    let (status, body, nonce) = send(&routes, &log_in(Some(&own)), &json!({}));
    assert_eq!((status, &body["error"]), (400, &json!("use_dpop_nonce")));
    let nonce = nonce.unwrap();
    let url = "https://id.test/session/login";
    let head = |nonce: &str| {
        post("/session/login").with("dpop", own.proof("POST", url).nonce(nonce).sign())
    };
    let (status, _, newer) = send(&routes, &head(&nonce), &json!({}));
    assert_eq!((status, newer), (200, None));
    clock.advance(Duration::from_secs(60));
    let (status, _, newer) = send(&routes, &head(&nonce), &json!({}));
    assert_eq!(status, 200);
    assert!(newer.is_some_and(|newer| newer != nonce));
}

#[test]
fn a_certificate_binds_a_session_as_a_key_does() {
    let clock = FixedClock::at(NOW);
    let sessions = sessions(&clock);
    let routes = routes(&sessions, |dpop| dpop.mode(ProofMode::Off))
        .mutual_tls(MutualTls::new().mode(ProofMode::Allowed));
    let certificate = |byte| countersign::proof::ClientCertificate::from_der(&[byte]);
    let over = |head: Head, byte| Head {
        certificate: Some(certificate(byte)),
        ..head
    };
    let (status, body, _) = send(&routes, &over(log_in(None), 1), &json!({}));
    assert_eq!((status, &body["token_type"]), (200, &json!("Bearer")));
    let token = json!({ "refresh_token": body["refresh_token"] });
    assert_eq!(send(&routes, &refresh(None), &token).0, 400);
    assert_eq!(send(&routes, &over(refresh(None), 2), &token).0, 400);
    assert_eq!(send(&routes, &over(refresh(None), 1), &token).0, 200);
    assert!(
        !sessions
            .verifier()
            .tolerances()
            .contains(&Tolerance::AnyIssuer)
    );
}

/// A step of a client, or of somebody who has its tokens.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Presents the token that many exchanges ago, with the proof of this key: 0 is none, 1 the own.
    Refresh {
        age: usize,
        key: usize,
    },
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let refresh = (0..4_usize, 0..3_usize).prop_map(|(age, key)| Step::Refresh { age, key });
    let step = prop_oneof![4 => refresh, 1 => (1..15_u64).prop_map(Step::Wait)];
    prop::collection::vec(step, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever comes in whatever order: nobody gets a pair of a bound session without its key.
    #[test]
    fn a_bound_session_is_never_refreshed_without_its_key(steps in steps(), bound in any::<bool>()) {
        let clock = FixedClock::at(NOW);
        let sessions = sessions(&clock);
        let keys = [None, Some(ProofKey::new(&clock).thumbprint()), Some(ProofKey::new(&clock).thumbprint())];
        let client = |key: usize| match keys[key] {
            Some(key) => ClientInfo::new().proven(Confirmation::key(key)),
            None => ClientInfo::new(),
        };
        let own = usize::from(bound);
        let ada = Identity::new("ada", json!({}));
        let pair: TokenPair = block_on(sessions.start(&ada, client(own))).unwrap();
        prop_assert_eq!(pair.session().token_type(), if bound { "DPoP" } else { "Bearer" });
        let mut tokens = vec![pair.refresh_token().to_owned()];
        let mut is_over = false;
        for step in steps {
            match step {
                Step::Wait(seconds) => clock.advance(Duration::from_secs(seconds)),
                Step::Refresh { age, key } => {
                    let token = &tokens[tokens.len().saturating_sub(age + 1)];
                    let answer = block_on(sessions.refresh(token, &client(key), async |_| {
                        Ok::<_, Infallible>(Some(json!({})))
                    }));
                    match answer {
                        Ok(pair) => {
                            prop_assert!(!is_over);
                            prop_assert!(!bound || key == 1, "refreshed with key {}", key);
                            prop_assert_eq!(pair.session().confirmation().is_some(), bound);
                            if tokens.last().map(String::as_str) != Some(pair.refresh_token()) {
                                tokens.push(pair.refresh_token().to_owned());
                            }
                        }
                        Err(error) => {
                            let kind = error.kind();
                            // A replay ends the session, whoever shows the old token.
                            is_over |= kind == SessionErrorKind::Replayed;
                            prop_assert!(
                                matches!(kind, SessionErrorKind::Replayed | SessionErrorKind::Unknown)
                                    || (kind == SessionErrorKind::WrongClient && bound && key != 1),
                                "{kind:?} for key {key}"
                            );
                        }
                    }
                }
            }
        }
    }
}

//! Nonces of the server: asked for, accepted, renewed.

use countersign::{
    Authenticator,
    proof::{DpopBuilder, NonceKey, NonceMode},
};
use futures_executor::block_on;

use crate::{Head, URL, World, check, reason};

fn with(world: &World, mode: NonceMode) -> Authenticator {
    world.authenticator_with(|dpop| keyed(dpop, mode))
}

fn keyed(dpop: DpopBuilder, mode: NonceMode) -> DpopBuilder {
    dpop.nonces(mode).nonce_key(NonceKey::new([7; 32]).unwrap())
}

/// Returns the nonce that an answer brings.
fn brought(authenticator: &Authenticator, head: &Head) -> Option<String> {
    match block_on(authenticator.check(head)) {
        Ok(token) => token.unwrap().dpop_nonce().map(str::to_owned),
        Err(error) => error.challenge().dpop_nonce().map(str::to_owned),
    }
}

#[test]
fn a_client_without_a_nonce_is_told_one_and_comes_again_with_it() {
    let world = World::new();
    let authenticator = with(&world, NonceMode::Required);
    let token = world.token();
    let proof = || world.client.proof("GET", URL).token(&token);

    let error = check(&authenticator, &Head::dpop(&token, proof().sign())).unwrap_err();
    assert_eq!(error.reason(), "nonce_required");
    let challenge = error.challenge();
    assert_eq!(
        (challenge.status(), challenge.error_code()),
        (401, Some("use_dpop_nonce"))
    );
    let headers: Vec<_> = challenge.headers().collect();
    assert!(headers.contains(&("cache-control", "no-store".into())));
    let nonce = challenge.dpop_nonce().unwrap();
    assert!(headers.contains(&("dpop-nonce", nonce.into())));

    let good = Head::dpop(&token, proof().nonce(nonce).sign());
    let verified = check(&authenticator, &good).unwrap();
    assert_eq!(verified.dpop_nonce(), None, "it has the newest one");
}

#[test]
fn an_older_nonce_is_accepted_and_the_answer_brings_the_newest() {
    let world = World::new();
    let (one, other) = (
        with(&world, NonceMode::Required),
        with(&world, NonceMode::Required),
    );
    let token = world.token();
    let head = |nonce: &str| {
        let proof = world.client.proof("GET", URL).token(&token).nonce(nonce);
        Head::dpop(&token, proof.sign())
    };
    let first = brought(&one, &head("none")).unwrap();
    world.pass(60);
    let second = brought(&other, &head(&first)).unwrap();
    assert_ne!(first, second);
    assert_eq!(
        reason(&one, &head(&first)),
        "accepted",
        "another node has the same"
    );
    assert_eq!(brought(&one, &head(&second)), None);
    world.pass(120);
    assert_eq!(reason(&one, &head(&first)), "nonce_required");
}

#[test]
fn a_wrong_clock_does_no_harm_with_a_nonce() {
    let world = World::new();
    let authenticator = with(&world, NonceMode::Offered);
    let token = world.token();
    let late = || {
        let iat = world.now() - 3_600;
        world
            .client
            .proof("GET", URL)
            .token(&token)
            .claim("iat", iat)
    };
    let refused = Head::dpop(&token, late().sign());
    assert_eq!(reason(&authenticator, &refused), "invalid_proof");
    let nonce = brought(&authenticator, &refused).unwrap();
    let head = Head::dpop(&token, late().nonce(&nonce).sign());
    assert_eq!(reason(&authenticator, &head), "accepted");
    // Not any clock.
    let iat = world.now() - 2 * 86_400;
    let absurd = world
        .client
        .proof("GET", URL)
        .token(&token)
        .claim("iat", iat)
        .nonce(&nonce);
    assert_eq!(
        reason(&authenticator, &Head::dpop(&token, absurd.sign())),
        "invalid_proof"
    );
}

#[test]
fn an_offered_nonce_may_be_left_out_and_not_be_wrong() {
    let world = World::new();
    let authenticator = with(&world, NonceMode::Offered);
    let token = world.token();
    let proof = || world.client.proof("GET", URL).token(&token);
    let without = check(&authenticator, &Head::dpop(&token, proof().sign())).unwrap();
    assert!(without.dpop_nonce().is_some());
    let wrong = Head::dpop(&token, proof().nonce("wrong").sign());
    assert_eq!(reason(&authenticator, &wrong), "nonce_required");
    let no_text = Head::dpop(
        &token,
        proof().claim("nonce", serde_json::json!(["x"])).sign(),
    );
    assert_eq!(reason(&authenticator, &no_text), "nonce_required");
    // Where there are none, one of another server says nothing.
    let off = world.authenticator();
    let foreign = Head::dpop(&token, proof().nonce("foreign").sign());
    assert_eq!(reason(&off, &foreign), "accepted");
}

#[test]
fn a_proof_that_is_refused_for_its_nonce_is_not_used_up() {
    let world = World::new();
    let authenticator = with(&world, NonceMode::Required);
    let token = world.token();
    let proof = || {
        world
            .client
            .proof("GET", URL)
            .token(&token)
            .claim("jti", "lazy")
    };
    let first = Head::dpop(&token, proof().sign());
    let nonce = brought(&authenticator, &first).unwrap();
    let again = Head::dpop(&token, proof().nonce(&nonce).sign());
    assert_eq!(reason(&authenticator, &again), "accepted");
}

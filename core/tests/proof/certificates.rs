//! Tokens that are bound to the certificate of the client.

use countersign::{
    Authenticator,
    proof::{ClientCertificate, MutualTls, ProofMode},
};
use serde_json::json;

use crate::{Head, URL, World, allowed, check, reason};

fn certificate(byte: u8) -> ClientCertificate {
    ClientCertificate::from_der(&[0x30, 1, byte])
}

fn over(mut head: Head, certificate: ClientCertificate) -> Head {
    head.certificate = Some(certificate);
    head
}

#[test]
fn a_bound_token_needs_its_certificate() {
    let world = World::new();
    let own = certificate(1);
    let token = world
        .issuer
        .token()
        .claim("cnf", json!({ "x5t#S256": own.thumbprint().to_string() }))
        .sign();
    for mode in [ProofMode::Allowed, ProofMode::Required] {
        let authenticator =
            Authenticator::new(world.issuer.verifier()).mutual_tls(MutualTls::new().mode(mode));
        let head = || Head::bearer(&token);
        let verified = check(&authenticator, &over(head(), own)).unwrap();
        assert_eq!(verified.proven_certificate(), Some(own.thumbprint()));
        assert_eq!(verified.proven_key(), None);
        let error = check(&authenticator, &over(head(), certificate(2))).unwrap_err();
        assert_eq!(error.reason(), "bound_token");
        let text = error.challenge().www_authenticate().unwrap().to_owned();
        assert!(
            text.starts_with(r#"Bearer error="invalid_token""#),
            "{text}"
        );
        assert_eq!(reason(&authenticator, &head()), "bound_token");
    }
    let off = MutualTls::new().mode_for("https://issuer.test", ProofMode::Off);
    let off = Authenticator::new(world.issuer.verifier()).mutual_tls(off);
    assert_eq!(
        reason(&off, &over(Head::bearer(&token), own)),
        "bound_token"
    );
}

#[test]
fn an_unbound_token_is_accepted_unless_a_certificate_is_required() {
    let world = World::new();
    let token = world.issuer.token().sign();
    let with =
        |mode| Authenticator::new(world.issuer.verifier()).mutual_tls(MutualTls::new().mode(mode));
    let head = over(Head::bearer(&token), certificate(1));
    assert_eq!(reason(&with(ProofMode::Allowed), &head), "accepted");
    assert_eq!(reason(&with(ProofMode::Required), &head), "unbound_token");
}

#[test]
fn a_token_that_is_bound_to_both_needs_both() {
    let world = World::new();
    let own = certificate(1);
    let cnf = json!({
        "jkt": world.client.thumbprint().to_string(), "x5t#S256": own.thumbprint().to_string()
    });
    let token = world.issuer.token().claim("cnf", cnf).sign();
    let both = world
        .authenticator_with(allowed)
        .mutual_tls(MutualTls::new().mode(ProofMode::Allowed));
    let dpop = || Head::dpop(&token, world.client.proof("GET", URL).token(&token).sign());
    assert_eq!(reason(&both, &over(dpop(), own)), "accepted");
    assert_eq!(reason(&both, &dpop()), "bound_token");
    assert_eq!(reason(&both, &over(dpop(), certificate(2))), "bound_token");
    assert_eq!(
        reason(&both, &over(Head::bearer(&token), own)),
        "bound_token"
    );
    // One of the two checks is not there.
    assert_eq!(
        reason(&world.authenticator_with(allowed), &over(dpop(), own)),
        "bound_token"
    );
    let certificates = Authenticator::new(world.issuer.verifier())
        .mutual_tls(MutualTls::new().mode(ProofMode::Allowed));
    assert_eq!(
        reason(&certificates, &over(Head::bearer(&token), own)),
        "bound_token"
    );
}

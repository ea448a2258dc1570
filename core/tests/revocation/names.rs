//! Tests of the names that revoke a token: its id, its session, its subject.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use countersign::{
    AuthErrorKind, Authenticator, Issuer, Revocation, SigningKey, Verifier, VerifierBuilder,
    adapter::Credentials,
    explain::Verdict,
    revocation::{RevocationEntry, RevokeError},
    session::Realm,
    testing::{FixedClock, TestIssuer},
};
use serde_json::json;

use super::{OTHER_SESSION, SESSION, everyone, refusal, session, sessionless, subject, token};

const REVOKED: Option<AuthErrorKind> = Some(AuthErrorKind::Revoked);

fn start() -> (TestIssuer, Revocation, Verifier, i64) {
    let issuer = TestIssuer::new();
    let clock = issuer.clock().clone();
    let now = countersign::Clock::now(&clock);
    let revocation = Revocation::local().clock(clock).build().unwrap();
    let verifier = issuer.verifier_builder().revocation(revocation.clone());
    let verifier = verifier.build().unwrap();
    (issuer, revocation, verifier, now)
}

#[test]
fn a_revoked_token_is_refused_and_others_are_not() {
    let (issuer, revocation, verifier, now) = start();
    let [one, other] = ["one", "other"].map(|id| issuer.token().claim("jti", id).sign());
    assert_eq!(refusal(&verifier, &one), None);
    revocation.revoke(&token("one", now + 600)).unwrap();
    assert_eq!(refusal(&verifier, &one), REVOKED);
    assert_eq!(refusal(&verifier, &other), None);
    let nameless = issuer.token().without("jti").without("sub").sign();
    assert_eq!(refusal(&verifier, &nameless), None);
}

#[test]
fn the_tokens_of_a_revoked_session_are_refused() {
    let (issuer, revocation, verifier, now) = start();
    let of = |sid: &str, jti: &str| issuer.token().claim("sid", sid).claim("jti", jti).sign();
    revocation.revoke(&session(SESSION, now + 900)).unwrap();
    assert_eq!(refusal(&verifier, &of(SESSION, "a")), REVOKED);
    assert_eq!(refusal(&verifier, &of(SESSION, "b")), REVOKED);
    assert_eq!(refusal(&verifier, &of(OTHER_SESSION, "a")), None);
    // The name of a session is not the name of a token.
    assert_eq!(refusal(&verifier, &of(OTHER_SESSION, SESSION)), None);
}

#[test]
fn everybodys_tokens_are_revoked_by_their_realm_and_time() {
    let (issuer, revocation, verifier, now) = start();
    issuer.clock().advance(std::time::Duration::from_secs(10));
    let at = |iat: i64| issuer.token().claim("iat", iat);
    let abroad = revocation.of_realm(Realm::new("https://other.test").unwrap());
    let abroad = issuer
        .verifier_builder()
        .revocation(abroad)
        .build()
        .unwrap();
    let early = [
        at(now).sign(),
        at(now).claim("sid", SESSION).subject("user-2").sign(),
        at(now).without("jti").without("sub").sign(),
        issuer.token().without("iat").sign(),
    ];
    for text in &early {
        assert_eq!(refusal(&verifier, text), None);
    }
    revocation
        .revoke(&everyone("https://other.test", now, now + 60))
        .unwrap();
    for text in &early {
        assert_eq!(refusal(&verifier, text), None);
        assert_eq!(refusal(&abroad, text), REVOKED);
    }
    revocation
        .revoke(&everyone(TestIssuer::ISSUER, now, now + 60))
        .unwrap();
    for text in &early {
        assert_eq!(refusal(&verifier, text), REVOKED);
    }
    assert_eq!(refusal(&verifier, &at(now + 1).sign()), None);
    // As any entry, it ends.
    issuer.clock().advance(std::time::Duration::from_secs(50));
    let late = at(now).claim("exp", now + 600).sign();
    assert_eq!(refusal(&verifier, &late), REVOKED);
    issuer.clock().advance(std::time::Duration::from_secs(1));
    assert_eq!(refusal(&verifier, &late), None);
}

#[test]
fn an_epoch_revokes_what_was_issued_before_it() {
    let (issuer, revocation, verifier, now) = start();
    issuer.clock().advance(std::time::Duration::from_secs(10));
    let at = |iat: i64| issuer.token().claim("iat", iat);
    revocation
        .revoke(&subject("user-1", now, now + 900))
        .unwrap();

    assert_eq!(refusal(&verifier, &at(now - 1).sign()), REVOKED);
    assert_eq!(refusal(&verifier, &at(now + 1).sign()), None);
    let others = at(now - 1).subject("user-2").sign();
    assert_eq!(refusal(&verifier, &others), None);
}

#[test]
fn the_second_of_an_epoch_is_before_it() {
    let (issuer, revocation, verifier, now) = start();
    let at = |iat: i64| issuer.token().claim("iat", iat);
    let of_session = |iat: i64| at(iat).claim("sid", SESSION);
    revocation
        .revoke(&subject("user-1", now, now + 900))
        .unwrap();
    issuer.clock().advance(std::time::Duration::from_secs(10));

    assert_eq!(refusal(&verifier, &at(now).sign()), REVOKED);
    assert_eq!(refusal(&verifier, &of_session(now).sign()), REVOKED);
    assert_eq!(refusal(&verifier, &at(now + 1).sign()), None);
    assert_eq!(refusal(&verifier, &of_session(now + 1).sign()), None);
}

/// Sessions are revoked by name, so that clocks do not matter.
#[test]
fn an_epoch_of_tokens_without_a_session_leaves_those_of_sessions_alone() {
    let (issuer, revocation, verifier, now) = start();
    let at = |iat: i64| issuer.token().claim("iat", iat);
    revocation
        .revoke(&sessionless("user-1", now, now + 900))
        .unwrap();
    for iat in [now, now - 1, now - 1_000] {
        assert_eq!(refusal(&verifier, &at(iat).sign()), REVOKED);
        let of_session = at(iat).claim("sid", SESSION).sign();
        assert_eq!(refusal(&verifier, &of_session), None);
    }
    assert_eq!(refusal(&verifier, &at(now).subject("user-2").sign()), None);
}

/// F1: `1` of one app is not `1` of another.
#[test]
fn an_epoch_of_another_realm_revokes_nothing() {
    let (issuer, revocation, verifier, now) = start();
    let text = issuer.token().sign();
    let abroad = |realm: &str| RevocationEntry {
        revoked: countersign::revocation::Revoked::Subject {
            realm: Realm::new(realm).unwrap(),
            subject: "user-1".to_owned(),
            issued_before: now,
        },
        until: now + 900,
    };
    revocation.revoke(&abroad("https://other.test")).unwrap();
    assert_eq!(refusal(&verifier, &text), None);
    // Unless its tokens are declared to be of that realm.
    let theirs = revocation.of_realm(Realm::new("https://other.test").unwrap());
    let asking = verifier.clone().with_revocation(theirs);
    assert_eq!(refusal(&asking, &text), REVOKED);
    // The twin.
    revocation.revoke(&abroad(TestIssuer::ISSUER)).unwrap();
    assert_eq!(refusal(&verifier, &text), REVOKED);
}

#[test]
fn tokens_without_an_issuer_are_of_the_realm_of_the_list() {
    let (issuer, revocation, _, now) = start();
    let of = |list| {
        Verifier::builder(issuer.key())
            .audience(TestIssuer::AUDIENCE)
            .any_issuer()
            .clock(issuer.clock().clone())
            .revocation(list)
            .build()
            .unwrap()
    };
    let text = issuer.token().without("iss").sign();
    revocation
        .revoke(&subject("user-1", now, now + 900))
        .unwrap();
    assert_eq!(refusal(&of(revocation.clone()), &text), None);
    let realm = Realm::new(TestIssuer::ISSUER).unwrap();
    assert_eq!(refusal(&of(revocation.of_realm(realm)), &text), REVOKED);
}

#[test]
fn a_token_that_does_not_say_when_it_was_issued_is_before_every_epoch() {
    let (issuer, revocation, verifier, now) = start();
    let timeless = || issuer.token().without("iat").claim("sid", SESSION);
    revocation
        .revoke(&subject("user-1", now, now + 900))
        .unwrap();
    assert_eq!(refusal(&verifier, &timeless().sign()), REVOKED);
    assert_eq!(
        refusal(&verifier, &timeless().subject("user-2").sign()),
        None
    );
}

#[test]
fn of_several_epochs_the_latest_and_of_several_ends_the_last_counts() {
    let (issuer, revocation, verifier, now) = start();
    let at = |iat: i64| {
        issuer
            .token()
            .claim("iat", iat)
            .claim("exp", now + 9_000)
            .sign()
    };
    for (before, until) in [
        (now - 50, now + 900),
        (now - 10, now + 300),
        (now - 90, now + 30),
    ] {
        revocation
            .revoke(&subject("user-1", before, until))
            .unwrap();
    }
    assert_eq!(refusal(&verifier, &at(now - 11)), REVOKED);
    assert_eq!(refusal(&verifier, &at(now - 9)), None);
    issuer.clock().set(now + 900);
    assert_eq!(refusal(&verifier, &at(now - 11)), REVOKED);
    issuer.clock().set(now + 901);
    assert_eq!(refusal(&verifier, &at(now - 11)), None);
    assert_eq!(revocation.status().entries, 1);
}

#[test]
fn a_revocation_counts_to_the_very_second_of_its_end() {
    let (issuer, revocation, verifier, now) = start();
    let long = issuer.token().claim("exp", now + 9_000).sign();
    revocation.revoke(&token("token-1", now + 600)).unwrap();
    for (at, expected) in [(now, REVOKED), (now + 600, REVOKED), (now + 601, None)] {
        issuer.clock().set(at);
        assert_eq!(refusal(&verifier, &long), expected, "{at}");
    }
}

#[test]
fn a_revoked_token_stays_refused_as_long_as_any_verifier_accepts_it() {
    let (issuer, revocation, verifier, now) = start();
    let lax = issuer
        .verifier_builder()
        .leeway(VerifierBuilder::MAX_LEEWAY);
    let lax = lax.build().unwrap();
    let text = issuer.token().sign();
    let verified = verifier.verify_now(&text).unwrap();
    revocation.revoke_token(&verified).unwrap();
    let asking = lax.clone().with_revocation(revocation.clone());

    // `exp` is in 300 seconds, the leeway another 300.
    for at in [now, now + 300, now + 599] {
        issuer.clock().set(at);
        assert_eq!(refusal(&lax, &text), None);
        assert_eq!(refusal(&asking, &text), REVOKED);
    }
    issuer.clock().set(now + 600);
    assert_eq!(refusal(&lax, &text), Some(AuthErrorKind::Expired));
}

/// RFC 7518 section 3.4: if `(r, s)` is a signature, so is `(r, n - s)`, so one token has two
/// texts.
#[test]
fn the_other_text_of_a_revoked_token_is_refused_too() {
    let (issuer, revocation, verifier, _) = start();
    let text = issuer.token().sign();
    let other = with_the_other_signature(&text);
    assert_ne!(text, other);
    let verified = verifier.verify_now(&text).unwrap();
    assert_eq!(refusal(&verifier, &other), None);
    revocation.revoke_token(&verified).unwrap();
    assert_eq!(refusal(&verifier, &text), REVOKED);
    assert_eq!(refusal(&verifier, &other), REVOKED);
}

fn with_the_other_signature(token: &str) -> String {
    /// The order of P-256 (FIPS 186-5).
    const N: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut signature = BASE64.decode(signature).unwrap();
    let mut borrow = 0;
    for at in (0..32).rev() {
        let n = i16::from_str_radix(&N[2 * at..2 * at + 2], 16).unwrap();
        let digit = n - i16::from(signature[32 + at]) - borrow;
        borrow = i16::from(digit < 0);
        signature[32 + at] = u8::try_from(digit + 256 * borrow).unwrap();
    }
    format!("{signed}.{}", BASE64.encode(signature))
}

#[test]
fn a_token_without_an_id_cannot_be_revoked_by_it() {
    let (issuer, revocation, verifier, now) = start();
    let nameless = verifier
        .verify_now(&issuer.token().without("jti").sign())
        .unwrap();
    let error = revocation.revoke_token(&nameless).unwrap_err();
    assert_eq!(error, RevokeError::NoName);
    let good = verifier.verify_now(&issuer.token().sign()).unwrap();
    let entry = RevocationEntry::token(&good).unwrap();
    assert_eq!(entry, token("token-1", now + 300 + 300));
}

#[test]
fn a_verified_token_can_be_asked_about_again() {
    let (issuer, revocation, verifier, now) = start();
    let verified = verifier.verify_now(&issuer.token().sign()).unwrap();
    revocation.check(&verified).unwrap();
    revocation
        .revoke(&subject("user-1", now + 1, now + 900))
        .unwrap();
    let error = revocation.check(&verified).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Revoked);
}

#[test]
fn a_revoked_token_is_told_so_and_nothing_more() {
    let (issuer, revocation, verifier, now) = start();
    revocation
        .revoke(&subject("user-1", now + 1, now + 900))
        .unwrap();
    let authenticator = Authenticator::new(verifier).realm("shop");
    let text = issuer.token().sign();
    let future = authenticator.authenticate(Some(Credentials::new(&text)));
    let challenge = futures_executor::block_on(future).unwrap_err().challenge();
    assert_eq!((challenge.status(), challenge.grpc_code()), (401, 16));
    assert_eq!(
        challenge.www_authenticate(),
        Some(
            r#"Bearer realm="shop", error="invalid_token", error_description="the token has been revoked""#
        )
    );
}

#[test]
fn an_explanation_says_what_was_looked_up() {
    let (issuer, revocation, verifier, now) = start();
    revocation.revoke(&session(SESSION, now + 900)).unwrap();
    let text = issuer.token().claim("sid", SESSION).sign();
    let explanation = verifier.explain(&text);
    let check = explanation.checks().last().unwrap();
    assert_eq!(check.name(), "revocation");
    assert_eq!(check.expected(), "none of these revoked");
    assert_eq!(
        check.found(),
        format!("jti present, sid present, sub present, iat {now}")
    );
    assert_eq!(check.verdict(), Verdict::Failed(AuthErrorKind::Revoked));
    // Without a list, nothing is looked up.
    let explanation = issuer.verifier().explain(&text);
    assert_eq!(explanation.checks().last().unwrap().expected(), "any");
}

#[test]
fn another_refusal_comes_first() {
    let (issuer, revocation, verifier, now) = start();
    revocation.revoke(&token("token-1", now + 900)).unwrap();
    let foreign = issuer.token().audience("shop").sign();
    assert_eq!(
        refusal(&verifier, &foreign),
        Some(AuthErrorKind::WrongAudience)
    );
    let forged = issuer.token().by_a_stranger();
    assert_eq!(
        refusal(&verifier, &forged),
        Some(AuthErrorKind::BadSignature)
    );
}

#[test]
fn a_verifier_that_comes_ready_made_can_be_given_a_list() {
    let clock = FixedClock::default();
    let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256().unwrap())
        .audience("orders")
        .clock(clock.clone())
        .build()
        .unwrap();
    let revocation = Revocation::local().clock(clock).build().unwrap();
    let asking = issuer.verifier().with_revocation(revocation.clone());
    let issued = issuer
        .issue(&json!({ "sub": "ada", "sid": SESSION }))
        .unwrap();
    let verified = asking.verify_now(issued.as_str()).unwrap();
    assert_eq!(verified.session_id(), Some(SESSION));

    revocation.revoke_token(&verified).unwrap();
    assert_eq!(refusal(&asking, issued.as_str()), REVOKED);
    assert_eq!(refusal(&issuer.verifier(), issued.as_str()), None);
    // A list replaces the previous one.
    let empty = Revocation::local().build().unwrap();
    assert_eq!(
        refusal(&asking.with_revocation(empty), issued.as_str()),
        None
    );
}

//! Tests of the verdicts of a resolver: what each becomes for the client, and in which order things are asked.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign::{
    AuthErrorKind, Authenticator, Policy, PrincipalError, PrincipalResolver, Revocation,
    VerifiedToken, testing::TestIssuer,
};
use futures_executor::block_on;

use crate::{User, ask};

async fn user(token: VerifiedToken) -> Result<User, PrincipalError> {
    match token.subject() {
        Some("ada") => Ok(User {
            name: "Ada".to_owned(),
            is_admin: true,
        }),
        Some("bob") => Ok(User {
            name: "Bob".to_owned(),
            is_admin: false,
        }),
        Some("locked") => Err(PrincipalError::forbidden("locked by the operator")),
        Some("outage") => Err(io::Error::other("the database is away"))?,
        _ => Err(PrincipalError::unauthorized("there is no such user")),
    }
}

#[test]
fn each_answer_of_the_app_is_an_answer_to_the_client() {
    let issuer = TestIssuer::new();
    let authenticator = Authenticator::new(issuer.verifier())
        .principal(user)
        .realm("shop");
    let verdict = |subject| block_on(ask(&authenticator, &issuer.token().subject(subject).sign()));
    let found = verdict("ada").unwrap().unwrap();
    assert_eq!(found.principal::<User>().unwrap().name, "Ada");
    let missing = found.principal::<String>().unwrap_err();
    assert_eq!(missing.kind(), AuthErrorKind::Misconfigured);

    for (subject, kind, status, cause) in [
        (
            "nobody",
            AuthErrorKind::PrincipalRefused,
            401,
            "there is no such user",
        ),
        (
            "locked",
            AuthErrorKind::PrincipalForbidden,
            403,
            "locked by the operator",
        ),
        (
            "outage",
            AuthErrorKind::PrincipalUnavailable,
            503,
            "the database is away",
        ),
    ] {
        let refused = verdict(subject).unwrap_err();
        assert_eq!(refused.kind(), kind, "{subject}");
        let challenge = refused.challenge();
        assert_eq!(challenge.status(), status, "{subject}");
        let header = challenge.www_authenticate().unwrap_or_default();
        assert_eq!(header.contains("invalid_token"), status == 401, "{header}");
        assert_eq!(header.contains("shop"), status == 401, "{header}");
        // The reason is for the log alone.
        let source = std::error::Error::source(&refused).unwrap();
        assert_eq!(source.to_string(), cause);
        assert!(!header.contains(cause) && !refused.to_string().contains(cause));
    }
}

#[test]
fn nobody_is_asked_about_a_token_that_is_refused_anyway() {
    let issuer = TestIssuer::new();
    let revocation = Revocation::local()
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let verifier = issuer.verifier_builder().revocation(revocation.clone());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let authenticator = Authenticator::new(verifier.build().unwrap())
        .optional()
        .principal(move |_: VerifiedToken| {
            count.fetch_add(1, Ordering::Relaxed);
            async { Ok::<_, PrincipalError>(()) }
        });
    let text = issuer.token().subject("ada").sign();
    assert!(block_on(ask(&authenticator, &text)).is_ok());
    assert_eq!(asked.load(Ordering::Relaxed), 1);

    let token = issuer.verifier().verify_now(&text).unwrap();
    revocation.revoke_token(&token).unwrap();
    for bad in [
        text,
        issuer.token().expired().sign(),
        issuer.token().by_a_stranger(),
    ] {
        block_on(ask(&authenticator, &bad)).unwrap_err();
    }
    // An anonymous request has no principal either.
    assert!(
        block_on(authenticator.authenticate(None))
            .unwrap()
            .is_none()
    );
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn a_policy_may_ask_for_the_principal() {
    let issuer = TestIssuer::new();
    let admin = || Policy::principal("an admin", |user: &User| user.is_admin);
    let verdict = |policy, subject| {
        let authenticator = Authenticator::new(issuer.verifier())
            .principal(user)
            .require(policy);
        let verdict = block_on(ask(&authenticator, &issuer.token().subject(subject).sign()));
        verdict.map(drop).map_err(|error| error.kind())
    };
    assert_eq!(verdict(admin(), "ada"), Ok(()));
    assert_eq!(verdict(admin(), "bob"), Err(AuthErrorKind::Forbidden));
    assert_eq!(verdict(admin().not(), "bob"), Ok(()));
    // The app decides first.
    assert_eq!(
        verdict(admin().not(), "locked"),
        Err(AuthErrorKind::PrincipalForbidden)
    );
    assert_eq!(format!("{:?}", admin()), r#"principal("an admin")"#);
}

#[test]
fn a_policy_about_a_principal_that_is_not_there_lets_nobody_in_nor_does_its_opposite() {
    let issuer = TestIssuer::new();
    let token = issuer.token().subject("ada").sign();
    let policy = || Policy::principal("an admin", |user: &User| user.is_admin);
    let without = Authenticator::new(issuer.verifier());
    let other = Authenticator::new(issuer.verifier())
        .principal(async |_: VerifiedToken| Ok::<_, PrincipalError>("another type"));
    for authenticator in [without, other] {
        for policy in [policy(), policy().not()] {
            let refused = block_on(ask(&authenticator.clone().require(policy), &token));
            assert_eq!(refused.unwrap_err().kind(), AuthErrorKind::Forbidden);
        }
    }
}

#[test]
fn the_last_resolver_counts() {
    let issuer = TestIssuer::new();
    let authenticator = Authenticator::new(issuer.verifier())
        .principal(async |_: VerifiedToken| Err::<(), _>(PrincipalError::forbidden("never")))
        .principal(PrincipalResolver::new(user).log_as(|user| user.name.clone()));
    let token = issuer.token().subject("ada").sign();
    let token = block_on(ask(&authenticator, &token)).unwrap().unwrap();
    assert_eq!(token.principal::<User>().unwrap().name, "Ada");
}

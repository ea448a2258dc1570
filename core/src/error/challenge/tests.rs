use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::error::Required;

fn written(realm: &str, required: Required) -> String {
    let params = Arc::new(ChallengeParams {
        log_actors: false,
        log_level: LogLevel::default(),
        realm: Some(realm.to_owned()),
        resource_metadata: None,
        dpop: None,
    });
    AuthError::from(AuthErrorKind::InsufficientScope)
        .with_required(Arc::new(required))
        .with_params(&params)
        .challenge()
        .www_authenticate()
        .map(str::to_owned)
        .unwrap_or_default()
}

#[test]
fn parameters_are_separated_by_commas_and_quoted() {
    let required = Required {
        scopes: vec!["read".into(), "write".into()],
        ..Required::default()
    };
    assert_eq!(
        written("the \"shop\"", required),
        r#"Bearer realm="the \"shop\"", error="insufficient_scope", error_description="the token lacks a required scope", scope="read write""#
    );
}

/// All kinds, in order. A new one does not compile before it is in the list.
fn kinds() -> impl Iterator<Item = AuthErrorKind> {
    use AuthErrorKind::*;

    let next = |kind: &AuthErrorKind| {
        Some(match kind {
            AmbiguousKey => BadSignature,
            BadSignature => BoundToken,
            BoundToken => CrossSite,
            CrossSite => Expired,
            Expired => Forbidden,
            Forbidden => InsufficientScope,
            InsufficientScope => InvalidClaim,
            InvalidClaim => InvalidProof,
            InvalidProof => IssuedInFuture,
            IssuedInFuture => IssuerUnavailable,
            IssuerUnavailable => KeysUnavailable,
            KeysUnavailable => LifetimeTooLong,
            LifetimeTooLong => MalformedRequest,
            MalformedRequest => MalformedToken,
            MalformedToken => Misconfigured,
            Misconfigured => MissingClaim,
            MissingClaim => MissingOrigin,
            MissingOrigin => MissingToken,
            MissingToken => NonceRequired,
            NonceRequired => NotYetValid,
            NotYetValid => OpaqueTokenForbidden,
            OpaqueTokenForbidden => OpaqueTokenRefused,
            OpaqueTokenRefused => OpaqueTokenUnavailable,
            OpaqueTokenUnavailable => PrincipalForbidden,
            PrincipalForbidden => PrincipalRefused,
            PrincipalRefused => PrincipalUnavailable,
            PrincipalUnavailable => ProofReplayed,
            ProofReplayed => ReplayUnavailable,
            ReplayUnavailable => RevocationUnavailable,
            RevocationUnavailable => Revoked,
            Revoked => StepUpRequired,
            StepUpRequired => TokenTooLarge,
            TokenTooLarge => TokenTooOld,
            TokenTooOld => UnboundToken,
            UnboundToken => UnknownIssuer,
            UnknownIssuer => UnknownKey,
            UnknownKey => UnsupportedHeader,
            UnsupportedHeader => WrongAlgorithm,
            WrongAlgorithm => WrongAudience,
            WrongAudience => WrongCsrfToken,
            WrongCsrfToken => WrongIssuer,
            WrongIssuer => WrongType,
            WrongType => return None,
        })
    };
    std::iter::successors(Some(AmbiguousKey), next)
}

#[test]
fn the_list_of_kinds_leaves_none_out() {
    for (place, kind) in kinds().enumerate() {
        assert_eq!(kind as usize, place, "{kind:?}");
    }
    assert!(kinds().eq(AuthErrorKind::ALL.iter().copied()));
}

#[test]
fn the_problem_document_is_what_serde_json_writes() {
    for kind in kinds() {
        let written = serde_json::to_string(&Problem::new(kind)).unwrap();
        assert_eq!(kind.problem_json(), written);
    }
}

#[test]
fn a_challenge_has_the_code_the_document_and_the_grpc_status_of_its_kind() {
    for kind in kinds() {
        let challenge = AuthError::from(kind).challenge();
        assert_eq!(challenge.error_code(), kind.code(), "{kind:?}");
        assert_eq!(challenge.problem_json(), kind.problem_json(), "{kind:?}");
        let grpc_code = match challenge.status() {
            400 | 401 => 16,
            403 => 7,
            500 => 13,
            503 => 14,
            other => panic!("{kind:?}: {other}"),
        };
        assert_eq!(challenge.grpc_code(), grpc_code, "{kind:?}");
    }
}

#[test]
fn a_challenge_names_the_protection_space_and_what_is_wrong_as_far_as_there_are_any() {
    let params = Arc::new(ChallengeParams {
        log_actors: false,
        log_level: LogLevel::default(),
        realm: Some("shop".to_owned()),
        resource_metadata: Some("https://api.test/meta".to_owned()),
        dpop: None,
    });
    let metadata = r#"resource_metadata="https://api.test/meta""#;
    let expired = r#"error="invalid_token", error_description="the token has expired""#;
    for (kind, without_params, with_params) in [
        (
            AuthErrorKind::MissingToken,
            "Bearer".to_owned(),
            format!(r#"Bearer realm="shop", {metadata}"#),
        ),
        (
            AuthErrorKind::Expired,
            format!("Bearer {expired}"),
            format!(r#"Bearer realm="shop", {expired}, {metadata}"#),
        ),
    ] {
        let written = |error: AuthError| error.challenge().www_authenticate().map(str::to_owned);
        assert_eq!(written(kind.into()), Some(without_params));
        let error = AuthError::from(kind).with_params(&params);
        assert_eq!(written(error), Some(with_params));
    }
}

#[test]
fn the_headers_are_the_challenge_and_the_pause_as_far_as_they_apply() {
    for (kind, expected) in [
        (
            AuthErrorKind::MissingToken,
            Some(("www-authenticate", "Bearer")),
        ),
        (AuthErrorKind::KeysUnavailable, Some(("retry-after", "5"))),
        (AuthErrorKind::CrossSite, None),
    ] {
        let challenge = AuthError::from(kind).challenge();
        let headers: Vec<_> = challenge.headers().collect();
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        assert_eq!(headers, Vec::from_iter(expected), "{kind:?}");
    }
}

#[test]
fn an_outage_asks_to_come_back_and_does_not_challenge() {
    let challenge = AuthError::from(AuthErrorKind::KeysUnavailable).challenge();
    assert_eq!(challenge.status(), 503);
    assert_eq!(challenge.retry_after(), Some(5));
    assert_eq!(challenge.www_authenticate(), None);
    assert_eq!(challenge.grpc_code(), 14);
}

#[test]
fn a_request_from_another_site_is_forbidden_without_a_challenge() {
    let challenge = AuthError::from(AuthErrorKind::CrossSite).challenge();
    assert_eq!(challenge.status(), 403);
    assert_eq!(challenge.www_authenticate(), None);
    assert_eq!(challenge.error_code(), None);
    assert_eq!(challenge.grpc_code(), 7);
    assert_eq!(challenge.message(), "the request comes from another site");
}

proptest! {
    #[test]
    fn no_configured_text_can_make_an_invalid_header(realm in any::<String>(), scope in any::<String>()) {
        let header = written(&realm, Required { scopes: vec![scope], ..Required::default() });
        prop_assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        // Quotes stay balanced: outside of escapes there is an even number of them.
        let mut quotes = 0;
        let mut chars = header.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => { chars.next(); }
                '"' => quotes += 1,
                _ => {}
            }
        }
        prop_assert_eq!(quotes % 2, 0);
    }
}

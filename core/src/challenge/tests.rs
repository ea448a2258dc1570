use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::error::Needs;

fn written(realm: &str, needs: Needs) -> String {
    let space = Arc::new(ProtectionSpace {
        realm: Some(realm.to_owned()),
        resource_metadata: None,
    });
    AuthError::from(AuthErrorKind::InsufficientScope)
        .with_needs(Arc::new(needs))
        .with_space(&space)
        .challenge()
        .www_authenticate()
        .map(str::to_owned)
        .unwrap_or_default()
}

#[test]
fn parameters_are_separated_by_commas_and_quoted() {
    let needs = Needs {
        scopes: vec!["read".into(), "write".into()],
        ..Needs::default()
    };
    assert_eq!(
        written("the \"shop\"", needs),
        r#"Bearer realm="the \"shop\"", error="insufficient_scope", error_description="the token lacks a required scope", scope="read write""#
    );
}

/// All kinds, in their order. A new one does not compile before it has its place.
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
            InvalidClaim => IssuedInFuture,
            IssuedInFuture => KeysUnavailable,
            KeysUnavailable => LifetimeTooLong,
            LifetimeTooLong => MalformedRequest,
            MalformedRequest => MalformedToken,
            MalformedToken => Misconfigured,
            Misconfigured => MissingClaim,
            MissingClaim => MissingOrigin,
            MissingOrigin => MissingToken,
            MissingToken => NotYetValid,
            NotYetValid => RevocationUnavailable,
            RevocationUnavailable => Revoked,
            Revoked => StepUpRequired,
            StepUpRequired => TokenTooLarge,
            TokenTooLarge => TokenTooOld,
            TokenTooOld => UnknownIssuer,
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
}

#[test]
fn the_problem_document_is_what_serde_json_writes() {
    for kind in kinds() {
        let written = serde_json::to_string(&Problem::new(kind)).unwrap();
        assert_eq!(kind.problem_json(), written);
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
        let header = written(&realm, Needs { scopes: vec![scope], ..Needs::default() });
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

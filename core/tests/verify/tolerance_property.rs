//! Tests that a tolerance changes nothing for a token that does not need it.

use countersign::{
    AuthErrorKind, VerifiedToken, Verifier,
    claims::{ScopeSource, Tolerance},
    testing::TestIssuer,
};
use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::typed::raw;

/// What a token says.
#[derive(Debug, PartialEq)]
struct Said {
    texts: [Option<String>; 6],
    lists: [Vec<String>; 2],
    dates: [Option<i64>; 3],
    payload: String,
}

impl Said {
    fn by(token: &VerifiedToken) -> Self {
        let texts = [
            token.issuer(),
            token.subject(),
            token.id(),
            token.session_id(),
            token.client_id(),
            token.acr(),
        ];
        Self {
            texts: texts.map(|text| text.map(str::to_owned)),
            lists: [
                token.audience().iter().map(str::to_owned).collect(),
                token.scopes().iter().map(str::to_owned).collect(),
            ],
            dates: [
                token.expires_at(),
                token.issued_at(),
                token.authenticated_at(),
            ],
            payload: token.payload().to_owned(),
        }
    }
}

/// Returns what the token says, or why it is refused.
fn verdict(verifier: &Verifier, token: &str) -> Result<Said, AuthErrorKind> {
    let verdict = verifier.verify_now(token);
    verdict
        .map(|token| Said::by(&token))
        .map_err(|error| error.kind())
}

/// Members of a payload: each with a value that is good for some claim.
fn members() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop::sample::select(vec![
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "scope",
        "scp",
        "client_id",
        "acr",
        "sid",
        "auth_time",
        "cnf",
        "use",
        "x",
        "s\\u0075b",
    ]);
    let value = prop_oneof![
        Just("null".to_owned()),
        (0_i64..2_000_000_000).prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:e}")),
        "\"[a-c ]{0,3}\"",
        "\\[\"[a-c]{0,2}\"(,(null|7|\"b\"))?\\]",
        Just("-0".to_owned()),
        Just("true".to_owned()),
        Just(r#"{"a":1,"b":[]}"#.to_owned()),
        Just(r#"{"a":1,"a":1}"#.to_owned()),
        Just("x".to_owned()),
    ];
    prop::collection::vec((name.prop_map(str::to_owned), value), 0..5)
}

proptest! {
    #[test]
    fn a_tolerance_changes_nothing_for_a_token_that_does_not_need_it(members in members(), uses_sid: bool) {
        let issuer = TestIssuer::new();
        let builder = || {
            let scopes = ScopeSource::claim("scope").or(ScopeSource::claim("scp"));
            let builder = issuer.verifier_builder().scopes(scopes).refuse_claim("use");
            match uses_sid {
                true => builder.require_claim("sid"),
                false => builder,
            }
        };
        let mut all = vec![
            ("iss".to_owned(), format!("{:?}", TestIssuer::ISSUER)),
            ("aud".to_owned(), format!("{:?}", TestIssuer::AUDIENCE)),
            ("exp".to_owned(), (super::now(&issuer) + 60).to_string()),
        ];
        // A name that was drawn replaces the good value.
        all.retain(|(name, _)| members.iter().all(|(own, _)| own != name));
        all.extend(members);
        let list = all.iter().map(|(name, value)| format!("\"{name}\":{value}"));
        let text = raw(&issuer, &format!("{{{}}}", list.collect::<Vec<_>>().join(",")));

        let strict = verdict(&builder().build().unwrap(), &text);
        let has_null = all.iter().any(|(_, value)| value == "null");
        let has_number = all.iter().any(|(name, value)| {
            matches!(&**name, "sub" | "s\\u0075b") && value.parse::<i64>().is_ok() && value != "-0"
        });
        let (null, number) = (Tolerance::NullClaims, Tolerance::NumericSubject);
        let kinds = [
            (builder().accept_null_claims(), vec![null], has_null),
            (builder().accept_numeric_subject(), vec![number], has_number),
            (builder().accept_null_claims().accept_numeric_subject(), vec![null, number], has_null || has_number),
        ];
        for (builder, tolerances, may_be_needed) in kinds {
            let verifier = builder.build().unwrap();
            let tolerant = verdict(&verifier, &text);
            // With the app's type in the same pass, it is the same verdict.
            let typed = verifier.verify_now_as::<IgnoredAny>(&text).map_err(|error| error.kind());
            prop_assert_eq!(typed.err(), tolerant.as_ref().err().copied());
            let explanation = verifier.explain(&text);
            prop_assert_eq!(explanation.refusal(), tolerant.as_ref().err().copied());
            let needed = explanation.needed_tolerances();
            match (&strict, &tolerant) {
                // What is accepted without it says the same with it, and needs it not.
                (Ok(_), _) => {
                    prop_assert_eq!(&strict, &tolerant);
                    prop_assert_eq!(needed, []);
                }
                // What is accepted only with it has what it is for.
                (Err(kind), Ok(_)) => {
                    prop_assert!(may_be_needed);
                    prop_assert_eq!(*kind, AuthErrorKind::InvalidClaim);
                    prop_assert!(!needed.is_empty());
                    prop_assert!(needed.iter().all(|needed| tolerances.contains(needed)));
                }
                // What is refused for another reason is refused for that.
                (Err(_), Err(_)) if !may_be_needed => prop_assert_eq!(&strict, &tolerant),
                (Err(_), Err(_)) => {}
            }
        }
    }
}

//! Tests of the details of a refusal, for those who run the service.

use std::error::Error;

use countersign::{
    AuthError, AuthErrorKind, Authenticator, Issuers, Policy, Verifier, VerifierBuilder,
    adapter::Credentials,
    claims::ScopeSource,
    explain::{Check, Mismatch, Verdict},
    testing::{TestIssuer, TestToken, sign_raw},
};
use serde_json::{Value, json};

use super::now;

fn wrong(error: &AuthError) -> &Mismatch {
    error.source().unwrap().downcast_ref().unwrap()
}

fn refused(verifier: &Verifier, token: &str) -> AuthError {
    verifier.verify_now(token).unwrap_err()
}

#[track_caller]
fn expect(error: &AuthError, kind: AuthErrorKind, text: &str) {
    assert_eq!(error.kind(), kind);
    assert_eq!(wrong(error).to_string(), text);
}

#[test]
fn a_claim_of_another_form_is_named_with_what_it_must_be() {
    let issuer = TestIssuer::new();
    let date = "seconds since 1970 as a number, until the year 9999";
    let texts = "a text, or an array of texts";
    let scopes = "scopes with spaces between them, or an array with one scope in each element";
    for (claim, value, expected, found) in [
        ("exp", json!("tomorrow"), date, r#""tomorrow""#),
        ("exp", json!(1_800_000_300_000_i64), date, "1800000300000"),
        ("nbf", json!(-1), date, "-1"),
        ("iat", json!(1e300), date, "1e300"),
        ("auth_time", json!([1]), date, "an array with 1 in it"),
        ("exp", Value::Null, date, "null"),
        ("iss", json!(["a"]), "a text", "an array"),
        ("iss", json!(7), "a text", "7"),
        ("acr", json!(true), "a text", "a boolean"),
        ("aud", json!(["a", 7]), texts, "an array with 7 in it"),
        ("aud", json!([["a"]]), texts, "an array with an array in it"),
        ("aud", json!({"a": 1}), texts, "an object"),
        ("use", json!(7), texts, "7"),
        ("scope", json!("a\tb"), scopes, r#""a\tb""#),
        (
            "scp",
            json!(["a", "b c"]),
            scopes,
            r#"an array with "b c" in it"#,
        ),
        ("scp", json!([""]), scopes, r#"an array with "" in it"#),
        ("cnf", json!("x"), "an object", "a text"),
        // Names of a person, a session or a token are not shown.
        ("sub", json!(4_711), "a text", "a number"),
        ("sub", json!(["ada"]), "a text", "an array"),
        ("sub", json!({"name": "ada"}), "a text", "an object"),
        ("jti", json!(4_711), "a text", "a number"),
        ("sid", json!(4_711), "a text", "a number"),
        ("client_id", json!(4_711), "a text", "a number"),
    ] {
        let verifier = issuer
            .verifier_builder()
            .scopes(ScopeSource::claim("scp"))
            .require_value("use", "access")
            .require_claim(claim)
            .build()
            .unwrap();
        let token = issuer.token().claim("use", "access").claim(claim, value);
        let token = token.sign();
        let error = refused(&verifier, &token);
        let text = format!("{claim}: expected {expected}; found {found}");
        expect(&error, AuthErrorKind::InvalidClaim, &text);
        assert_eq!(wrong(&error).claim(), claim);

        let explanation = verifier.explain(&token);
        let failed: Vec<&Check> = explanation.failed().collect();
        let [check] = failed.as_slice() else {
            panic!("{explanation}");
        };
        assert_eq!(check.to_string(), format!("FAIL {text}"));
        assert_eq!(
            check.verdict(),
            Verdict::Failed(AuthErrorKind::InvalidClaim)
        );
        assert_eq!(explanation.refusal(), Some(AuthErrorKind::InvalidClaim));
    }
}

#[test]
fn an_explanation_shows_all_that_is_wrong_with_a_token_at_once() {
    let issuer = TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .require_claim("sub")
        .build()
        .unwrap();
    let token = issuer
        .token()
        .expired()
        .claim("sub", 42)
        .claim("iat", "now")
        .claim("scope", json!(["a b"]))
        .audience("shop")
        .claim("cnf", json!({}));
    let explanation = verifier.explain(&token.sign());
    let failed: Vec<String> = explanation.failed().map(ToString::to_string).collect();
    let exp = now(&issuer) - 30;
    assert_eq!(failed.len(), 6, "{explanation}");
    for text in [
        r#"FAIL iat: expected seconds since 1970 as a number, until the year 9999; found "now""#,
        r#"FAIL scope: expected scopes with spaces between them, or an array with one scope in each element; found an array with "a b" in it"#,
        "FAIL sub: expected a text; found a number",
        r#"FAIL aud: expected "https://api.test"; found "shop""#,
        &format!("FAIL exp: expected after {exp}; found "),
        "FAIL cnf: expected absent; found present",
    ] {
        assert!(
            failed.iter().any(|row| row.starts_with(text)),
            "{text}\n{explanation}"
        );
    }
    // The good claims are listed as well. A check that compares an unreadable claim is not.
    let passed = |name| {
        let mut all = explanation.checks().iter();
        all.any(|check| check.name() == name && check.verdict() == Verdict::Passed)
    };
    for name in [
        "format",
        "header",
        "signature",
        "payload",
        "typ",
        "required claims",
        "iss",
        "nbf",
    ] {
        assert!(passed(name), "{name}\n{explanation}");
    }
    assert!(
        !explanation
            .checks()
            .iter()
            .any(|check| check.name() == "age")
    );
}

#[test]
fn a_claim_that_nobody_can_read_silences_the_rules_that_compare_it_and_no_other() {
    let issuer = TestIssuer::new();
    let passed = |token: TestToken<'_>| {
        let explanation = issuer.verifier().explain(&token.sign());
        let checks = explanation.checks().iter();
        let passed = checks.filter(|check| check.verdict() == Verdict::Passed);
        passed
            .map(|check| check.name().to_owned())
            .collect::<Vec<_>>()
    };
    let all = passed(issuer.token());
    for (claim, silenced) in [
        ("aud", &["aud"][..]),
        ("exp", &["exp", "lifetime"]),
        ("iat", &["iat", "lifetime", "age", "revocation"]),
        ("iss", &["iss"]),
        ("jti", &["revocation"]),
        ("nbf", &["nbf", "lifetime"]),
        ("sid", &[]),
        ("sub", &["revocation"]),
        ("auth_time", &[]),
    ] {
        let mut left = all.clone();
        left.retain(|name| !silenced.contains(&&**name));
        assert_eq!(passed(issuer.token().claim(claim, true)), left, "{claim}");
    }
}

#[test]
fn a_payload_that_is_no_object_without_duplicates_says_where() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    for (payload, kind, text) in [
        ("[]", AuthErrorKind::MalformedToken, "found something else"),
        (
            r#""private-name""#,
            AuthErrorKind::MalformedToken,
            "found something else",
        ),
        (
            r#"{"a":1,"a":2}"#,
            AuthErrorKind::MalformedToken,
            "found no JSON, or a name twice, in column 10",
        ),
        (
            r#"{"a":x}"#,
            AuthErrorKind::MalformedToken,
            "found no JSON, or a name twice, in column 6",
        ),
        (
            r#"{"sub":"a","sub":"b"}"#,
            AuthErrorKind::InvalidClaim,
            "sub: expected a text; found the name twice",
        ),
        (
            r#"{"exp":x}"#,
            AuthErrorKind::InvalidClaim,
            "found no JSON value",
        ),
    ] {
        let token = sign_raw(issuer.key(), r#"{"alg":"ES256"}"#, payload.as_bytes());
        let error = refused(&verifier, &token);
        assert_eq!(error.kind(), kind, "{payload}");
        let said = wrong(&error).to_string();
        assert!(said.ends_with(text), "{said}");
        let explanation = verifier.explain(&token);
        let failed: Vec<&Check> = explanation.failed().collect();
        assert_eq!(failed.len(), 1, "{explanation}");
        assert_eq!(
            (failed[0].name(), failed[0].found()),
            ("payload", &*wrong(&error).found())
        );
    }
    let token = sign_raw(issuer.key(), r#"{"alg":"ES256"}"#, &[0xff]);
    let error = refused(&verifier, &token);
    expect(
        &error,
        AuthErrorKind::MalformedToken,
        "payload: expected UTF-8 in base64url without padding; found other bytes",
    );
}

#[test]
fn what_a_rule_compared_is_said() {
    let issuer = TestIssuer::new();
    let now = now(&issuer);
    let verify = |change: fn(VerifierBuilder) -> VerifierBuilder, token: TestToken<'_>| {
        refused(
            &change(issuer.verifier_builder()).build().unwrap(),
            &token.sign(),
        )
    };
    let plain = |token| verify(|builder| builder, token);
    expect(
        &plain(issuer.token().claim("aud", json!(["shop", "a\n"]))),
        AuthErrorKind::WrongAudience,
        r#"aud: expected "https://api.test"; found ["shop", "a\n"]"#,
    );
    expect(
        &plain(issuer.token().without("aud")),
        AuthErrorKind::MissingClaim,
        r#"aud: expected "https://api.test"; found absent"#,
    );
    expect(
        &plain(issuer.token().issuer("https://other.test")),
        AuthErrorKind::WrongIssuer,
        r#"iss: expected "https://issuer.test"; found "https://other.test""#,
    );
    expect(
        &plain(issuer.token().claim("exp", now - 100)),
        AuthErrorKind::Expired,
        &format!("exp: expected after {}; found {}", now - 30, now - 100),
    );
    expect(
        &plain(issuer.token().claim("nbf", now + 100)),
        AuthErrorKind::NotYetValid,
        &format!(
            "nbf: expected absent, or at most {}; found {}",
            now + 30,
            now + 100
        ),
    );
    expect(
        &plain(issuer.token().header("typ", "refresh+jwt")),
        AuthErrorKind::WrongType,
        r#"typ: expected jwt, at+jwt or absent; found "refresh+jwt""#,
    );
    expect(
        &plain(issuer.token().claim("cnf", json!({"jkt": "x"}))),
        AuthErrorKind::BoundToken,
        "cnf: expected absent; found present",
    );
    expect(
        &verify(
            |builder| {
                builder
                    .require_claim("tenant")
                    .require_claim("sub")
                    .require_claim("plan")
            },
            issuer.token(),
        ),
        AuthErrorKind::MissingClaim,
        "tenant, plan: expected present; found absent",
    );
    expect(
        &verify(
            |builder| {
                builder
                    .require_value("use", "access")
                    .require_value("kind", "b")
            },
            issuer.token().claim("use", "id").claim("kind", "b"),
        ),
        AuthErrorKind::InvalidClaim,
        r#"use: expected use "access"; found use "id""#,
    );
    // The subject stays private, even if it was compared.
    expect(
        &verify(
            |builder| builder.require_value("sub", "grace"),
            issuer.token().subject("private-name"),
        ),
        AuthErrorKind::InvalidClaim,
        r#"sub: expected sub "grace"; found sub a text"#,
    );
}

#[test]
fn a_token_that_no_key_made_is_told_by_its_header() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let id = issuer.key().id();
    expect(
        &refused(&verifier, &issuer.token().by_a_stranger()),
        AuthErrorKind::BadSignature,
        &format!(
            r#"signature: expected a match under a key of that algorithm and id; found alg ES256, kid "{id}""#
        ),
    );
    expect(
        &refused(&verifier, &issuer.token().header("kid", "new\n").sign()),
        AuthErrorKind::UnknownKey,
        r#"kid: expected the id of a key at hand; found alg ES256, kid "new\n""#,
    );
    let long = refused(
        &verifier,
        &issuer.token().header("kid", "\u{e4}".repeat(100)).sign(),
    );
    let found = wrong(&long).found().into_owned();
    assert_eq!(
        found,
        format!(r#"alg ES256, kid "{}...""#, "\u{e4}".repeat(23))
    );
    let header = |json: &str| refused(&verifier, &sign_raw(issuer.key(), json, b"{}"));
    expect(
        &header(r#"{"alg":"HS256"}"#),
        AuthErrorKind::WrongAlgorithm,
        "alg: expected an accepted algorithm, and that of the key; found alg HS256, kid absent",
    );
    expect(
        &header(r#"{"alg":"no\u001be"}"#),
        AuthErrorKind::WrongAlgorithm,
        r#"alg: expected a signature algorithm that is known here; found "no\u{1b}e""#,
    );
    expect(
        &header(r#"{"alg":"RSA-OAEP","enc":"A128GCM"}"#),
        AuthErrorKind::UnsupportedHeader,
        "header: expected no `crit`, `b64`, `zip` or `enc`, and no nested token in `cty`; found `enc`: an encrypted token (JWE), where only signed ones are read",
    );
    assert_eq!(
        wrong(&header(r#"{"alg":"ES256","crit":["x"]}"#)).found(),
        "`crit`"
    );
    assert_eq!(
        wrong(&header(r#"{"alg":"ES256","cty":"JWT"}"#)).found(),
        "a nested token"
    );
    assert_eq!(wrong(&header(r#"{"alg":1}"#)).claim(), "header");
    let too_long = header(&format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(257)));
    expect(
        &too_long,
        AuthErrorKind::UnknownKey,
        "kid: expected at most 256 bytes; found a longer one",
    );
    expect(
        &refused(&verifier, &"a".repeat(8_193)),
        AuthErrorKind::TokenTooLarge,
        "token: expected at most 8192 bytes (`max_token_bytes`); found 8193 bytes",
    );
    assert_eq!(wrong(&refused(&verifier, "a.b")).claim(), "token");
}

#[test]
fn an_issuer_that_nobody_knows_is_named() {
    let issuer = TestIssuer::new();
    let issuers = Authenticator::new(Issuers::new([issuer.verifier()]).unwrap());
    let refused = |token: String| {
        let verdict = issuers
            .authenticate(Some(Credentials::new(&token)))
            .into_ready();
        verdict.unwrap().unwrap_err()
    };
    expect(
        &refused(issuer.token().issuer("https://other.test").sign()),
        AuthErrorKind::UnknownIssuer,
        r#"iss: expected the issuer of one of the verifiers; found "https://other.test""#,
    );
    expect(
        &refused(issuer.token().without("iss").sign()),
        AuthErrorKind::MissingClaim,
        "iss: expected the issuer of one of the verifiers; found absent",
    );
    expect(
        &refused(issuer.token().claim("iss", 7).sign()),
        AuthErrorKind::InvalidClaim,
        "iss: expected a text; found 7",
    );
}

/// `serde_json` has a name for an object whose one text is read as JSON, and so are the texts in that.
#[test]
fn json_in_the_texts_of_an_unsigned_token_is_not_read() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier_builder().max_token_bytes(64 << 10);
    let verifier = verifier.build().unwrap();
    let issuers = Authenticator::new(Issuers::new([verifier.clone()]).unwrap());

    let nested = (0..40).fold("0".to_owned(), |json, _| {
        let text = json.replace('\\', r"\u005c").replace('"', r"\u0022");
        let object = format!(r#"{{"$serde_json::private::RawValue":"{text}"}}"#);
        format!("{}{object}{}", "[".repeat(100), "]".repeat(100))
    });
    for (value, found) in [
        (nested.as_str(), "an array with an array in it"),
        (
            &nested[99..nested.len() - 99],
            "an array with an object in it",
        ),
    ] {
        let payload = format!(r#"{{"sub":{value}}}"#);
        let token = sign_raw(issuer.key(), r#"{"alg":"ES256"}"#, payload.as_bytes());
        let verdict = issuers.authenticate(Some(Credentials::new(&token)));
        let error = verdict.into_ready().unwrap().unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::InvalidClaim);
        let told = wrong(&error).to_string();
        assert_eq!(told, format!("sub: expected a text; found {found}"));
        let explanation = verifier.explain(&token);
        assert!(
            explanation.failed().any(|check| check.found() == found),
            "{explanation}"
        );
    }
}

#[test]
fn what_a_policy_asked_for_is_said() {
    let issuer = TestIssuer::new();
    let token = issuer.token().scope("read write").claim("acr", "pwd");
    let token = issuer.verifier().verify_now(&token.sign()).unwrap();
    let refused = |policy: Policy| policy.check(&token).unwrap_err();
    expect(
        &refused(Policy::scope("read erase")),
        AuthErrorKind::InsufficientScope,
        "scope: expected read erase; found read write",
    );
    expect(
        &refused(Policy::acr(["phr"]).and(Policy::max_age(std::time::Duration::from_secs(60)))),
        AuthErrorKind::StepUpRequired,
        r#"acr, auth_time: expected ["phr"], at most 60 s ago; found "pwd", absent"#,
    );
    expect(
        &refused(Policy::role("admin")),
        AuthErrorKind::Forbidden,
        r#"policy: expected role("admin"); found a token that does not hold it"#,
    );
    expect(
        &refused(Policy::role("admin").and(Policy::scope("read"))),
        AuthErrorKind::Forbidden,
        r#"policy: expected all(role("admin"), scope("read")); found a token that does not hold it"#,
    );
}

#[test]
fn it_is_bounded_and_escaped_and_in_no_answer() {
    let issuer = TestIssuer::new();
    let hostile = format!("\r\nX: 1\u{1b}[31m{}", "\u{1}".repeat(4_000));
    let many = vec![hostile.as_str(); 200];
    for token in [
        issuer.token().issuer(&hostile),
        issuer.token().audience(&hostile),
        issuer.token().claim("aud", json!(many)),
        issuer.token().claim("exp", &*hostile),
        issuer.token().claim("scope", &*hostile),
        issuer.token().claim("scope", json!(many)),
        issuer.token().header("typ", &*hostile),
    ] {
        let verifier = issuer
            .verifier_builder()
            .max_token_bytes(64 << 10)
            .build()
            .unwrap();
        let token = token.sign();
        if token.len() > 64 << 10 {
            continue;
        }
        let error = refused(&verifier, &token);
        for text in [wrong(&error).to_string(), format!("{error:?}")] {
            assert!(text.len() < 700, "{text}");
            assert!(!text.contains(['\r', '\n', '\u{1b}', '\u{1}']), "{text}");
        }
        let challenge = error.challenge();
        let answer = format!("{challenge:?} {} {error}", challenge.problem_json());
        assert!(
            !answer.contains("X: 1") && !answer.contains("expected"),
            "{answer}"
        );
    }
}

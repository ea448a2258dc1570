//! The cases over 50 kB, which are too large for a file.

use countersign::testing::sign_raw;

use crate::hostile::{
    Case, Expect, TestKeys,
    case::{Config, HeaderText, HttpRequest},
};

/// Builds these cases.
pub(super) fn largest(keys: &TestKeys) -> Vec<Case> {
    const HEADER: &str = r#"{"alg":"RS256","typ":"JWT","kid":"rs-1"}"#;
    const CLAIMS: &str = r#""iss":"https://issuer.example","sub":"user-1","iat":1799999970,"nbf":1799999970,"exp":1800000300,"jti":"jti-1","client_id":"client-1","scope":"read""#;
    const AUDIENCE: &str = r#""aud":"https://api.example""#;
    const TOO_LARGE: &[u16] = &[400, 401, 431];

    let signed = |header: &str, members: &str| {
        let payload = format!("{{{CLAIMS},{members}}}");
        sign_raw(&keys.signing("rs256"), header, payload.as_bytes())
    };
    let audiences: Vec<_> = (0..1_999)
        .map(|n| format!("\"https://x{n}.example\""))
        .collect();
    let long = |length| "A".repeat(length);
    [
        (
            "hdr-large-300k",
            "header-json",
            signed(
                &format!(
                    r#"{{"alg":"RS256","typ":"JWT","kid":"rs-1","x":"{}"}}"#,
                    long(300_000)
                ),
                AUDIENCE,
            ),
            TOO_LARGE,
        ),
        (
            "pl-deep-100k",
            "payload-json",
            signed(
                HEADER,
                &format!(
                    "{AUDIENCE},\"x\":{}{}",
                    "[".repeat(50_000),
                    "]".repeat(50_000)
                ),
            ),
            &[],
        ),
        (
            "pl-deep-obj",
            "payload-json",
            signed(
                HEADER,
                &format!(
                    "{AUDIENCE},\"x\":{}1{}",
                    "{\"a\":".repeat(20_000),
                    "}".repeat(20_000)
                ),
            ),
            &[],
        ),
        (
            "pl-large-64k",
            "payload-json",
            signed(HEADER, &format!("{AUDIENCE},\"x\":\"{}\"", long(65_536))),
            TOO_LARGE,
        ),
        (
            "kid-hostile-23",
            "key-header",
            signed(
                &format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{}"}}"#, long(65_536)),
                AUDIENCE,
            ),
            &[],
        ),
        (
            "claim-aud-10k",
            "claims-type",
            signed(
                HEADER,
                &format!("\"aud\":[{},\"https://api.example\"]", audiences.join(",")),
            ),
            &[],
        ),
        ("tr-long-1m", "transport", long(1 << 20), TOO_LARGE),
    ]
    .into_iter()
    .map(|(id, group, token, statuses)| Case {
        id: id.to_owned(),
        group: group.to_owned(),
        profile: "asym".to_owned(),
        now: 1_800_000_000,
        request: HttpRequest {
            method: "GET".to_owned(),
            url: "https://api.example/v1/me".to_owned(),
            headers: vec![(
                "authorization".to_owned(),
                HeaderText::Text(format!("Bearer {token}")),
            )],
        },
        expect: Expect::Reject,
        recommended: None,
        status: Some(401),
        status_any: statuses.to_vec(),
        error: Some("invalid_token".to_owned()),
        error_any: Vec::new(),
        verify_key: None,
        config: Config::default(),
        client_cert_pem: None,
        sequence: None,
    })
    .collect()
}

//! The text of `WWW-Authenticate`. Input: lines with the realm, the URL of the resource's metadata,
//! scopes, a context of authentication, and an age.

#![no_main]

use std::time::Duration;

use countersign::{AuthErrorKind, Authenticator, Policy};
use countersign_fuzz::{
    head::Request,
    json,
    tokens::{GOOD, HEADER, Rules, sign},
};
use libfuzzer_sys::{Corpus, fuzz_target};

thread_local! {
    static RULES: Rules = Rules::usual();
    static TOKEN: String = sign(HEADER, format!("{GOOD}}}").as_bytes());
}

fuzz_target!(|text: &str| -> Corpus {
    let lines: Vec<&str> = text.splitn(5, '\n').collect();
    let [realm, metadata, scopes, acr, age] = lines[..] else {
        return Corpus::Reject;
    };
    let age = age.trim().parse::<u64>().ok();
    let verifier = RULES.with(|rules| rules.verifier.clone());
    let authenticator = Authenticator::new(verifier)
        .realm(realm)
        .resource_metadata(metadata);
    let space = [
        ("realm", shown(realm)),
        ("resource_metadata", shown(metadata)),
    ];

    // Without a token, the challenge has the realm and the metadata, and nothing else.
    let nothing = Request::parse(b"GET /");
    check(
        &authenticator,
        &nothing,
        AuthErrorKind::MissingToken,
        &space,
    );

    let request =
        TOKEN.with(|token| nothing.with("authorization", format!("Bearer {token}").as_bytes()));
    let words: Vec<&str> = scopes.split_ascii_whitespace().collect();
    if !words.is_empty() {
        let mut distinct = Vec::new();
        for word in words {
            if !distinct.contains(&word) {
                distinct.push(word);
            }
        }
        let kind = AuthErrorKind::InsufficientScope;
        let params = with_error(
            &space,
            "insufficient_scope",
            kind,
            [("scope", shown(&distinct.join(" ")))],
        );
        check(
            &authenticator.clone().require(Policy::scope(scopes)),
            &request,
            kind,
            &params,
        );
    }
    let kind = AuthErrorKind::StepUpRequired;
    let mut policy = Policy::acr([acr]);
    let mut needs = vec![("acr_values", shown(acr))];
    if let Some(age) = age {
        policy = policy.and(Policy::max_age(Duration::from_secs(age)));
        needs.push(("max_age", age.to_string()));
    }
    let params = with_error(&space, "insufficient_user_authentication", kind, needs);
    check(&authenticator.require(policy), &request, kind, &params);
    Corpus::Keep
});

type Params = Vec<(&'static str, String)>;

fn with_error(
    space: &[(&'static str, String); 2],
    code: &str,
    kind: AuthErrorKind,
    needs: impl IntoIterator<Item = (&'static str, String)>,
) -> Params {
    let [realm, metadata] = space.clone();
    let error = [
        ("error", code.to_owned()),
        ("error_description", kind.message().to_owned()),
    ];
    [realm]
        .into_iter()
        .chain(error)
        .chain(needs)
        .chain([metadata])
        .collect()
}

/// Returns a text as it is written: visible ASCII and spaces.
fn shown(text: &str) -> String {
    text.replace(|c: char| !matches!(c, ' '..='~'), "?")
}

fn check(
    authenticator: &Authenticator,
    request: &Request,
    kind: AuthErrorKind,
    expected: &[(&'static str, String)],
) {
    let refused = futures_executor::block_on(authenticator.check(request)).expect_err("refused");
    assert_eq!(refused.kind(), kind);
    let challenge = refused.challenge();
    let header = challenge.www_authenticate().expect("a challenge");
    http::HeaderValue::from_str(header).expect("a header value");
    let (scheme, params) = parse(header).expect("what RFC 9110 section 11.6.1 calls a challenge");
    assert_eq!(scheme, "Bearer");
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    assert_eq!(params, expected);

    let problem = json::parse(&challenge.problem_json()).expect("JSON");
    assert_eq!(
        problem.get("detail").and_then(json::Json::text),
        Some(challenge.message())
    );
    assert_eq!(challenge.headers().count(), 1);
}

/// Parses one challenge of RFC 9110 section 11.6.1 with its auth-params: a scheme, and what follows
/// it.
fn parse(text: &str) -> Option<(String, Vec<(String, String)>)> {
    let mut reader = Reader(text);
    let scheme = reader.token()?;
    let mut params: Vec<(String, String)> = Vec::new();
    while !reader.0.is_empty() {
        if params.is_empty() {
            reader.0 = reader.0.strip_prefix(' ')?.trim_start_matches(' ');
        } else {
            reader.space();
            reader.0 = reader.0.strip_prefix(',')?;
            reader.space();
        }
        let name = reader.token()?;
        reader.space();
        reader.0 = reader.0.strip_prefix('=')?;
        reader.space();
        let value = match reader.0.strip_prefix('"') {
            Some(rest) => {
                reader.0 = rest;
                reader.quoted()?
            }
            None => reader.token()?,
        };
        if params
            .iter()
            .any(|(own, _)| own.eq_ignore_ascii_case(&name))
        {
            return None;
        }
        params.push((name, value));
    }
    Some((scheme, params))
}

struct Reader<'t>(&'t str);

impl Reader<'_> {
    fn space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn token(&mut self) -> Option<String> {
        let is_tchar = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let end = self.0.find(|c| !is_tchar(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        (!token.is_empty()).then(|| token.to_owned())
    }

    /// Reads the rest of a quoted-string, after its first quote.
    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.0.chars();
        loop {
            let c = match chars.next()? {
                '"' => {
                    self.0 = chars.as_str();
                    return Some(text);
                }
                '\\' => chars.next()?,
                c => c,
            };
            if !matches!(c, '\t' | ' '..='~') {
                return None;
            }
            text.push(c);
        }
    }
}

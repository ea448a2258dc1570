//! Verifiers, and the good and bad tokens that are sent to them.

use std::{future::Future, pin::pin, task};

use countersign::{
    Algorithm, AuthErrorKind, KeySet, Keys, SigningKey, Verifier,
    testing::{TestIssuer, sign_raw},
};

use crate::{
    case::{Case, unix_now},
    keys::{encode, full_set, renewed},
    shape::{self, Fill},
};

/// The longest header that a verifier reads, in bytes of JSON.
const LONGEST_HEADER: usize = 4 << 10;

/// A verifier with a full set of keys, one whose set might be renewed, and one with a single key
/// that might.
pub(crate) struct Site {
    pub(crate) case: Case,
    /// With HS256, whatever the algorithm of the site.
    pub(crate) yardstick: Case,
    /// Another key of the same algorithm.
    stranger: SigningKey,
    verifier: Verifier,
    renewed: Verifier,
    renewed_single: Verifier,
}

/// A token of the race. Good ones expect no refusal.
pub(crate) struct Token {
    pub(crate) name: &'static str,
    pub(crate) class: &'static str,
    pub(crate) text: String,
    pub(crate) expected: Option<AuthErrorKind>,
    /// The good token that it is compared with.
    pub(crate) twin: &'static str,
    /// Who is to verify it.
    by: By,
}

/// The verifier that a token is sent to.
#[derive(Clone, Copy)]
pub(crate) enum By {
    FullSet,
    Renewed,
    RenewedSingle,
}

impl Site {
    /// The header's `kid` stands in the middle of the set.
    const ID: &'static str = "key-50";

    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let case = Case::new(algorithm);
        let stranger = match algorithm {
            Algorithm::HS256 => SigningKey::generate_hs256(),
            other => SigningKey::generate(other),
        }
        .expect("a good key");
        let keys = full_set(&case.key, Self::ID);
        let single = KeySet::new([case.key.verifying_key().with_id(Self::ID)]);
        let build = |keys: Keys| {
            Verifier::builder(keys)
                .issuer(TestIssuer::ISSUER)
                .audience(TestIssuer::AUDIENCE)
                .max_token_bytes(64 << 10)
                .any_lifetime()
                .build()
                .expect("complete settings")
        };
        Self {
            case,
            yardstick: Case::new(Algorithm::HS256),
            stranger,
            verifier: build(keys.clone().into()),
            renewed: build(renewed(keys)),
            renewed_single: build(renewed(single)),
        }
    }

    pub(crate) fn kind(&self, token: &Token) -> Option<AuthErrorKind> {
        let result = match token.by {
            By::FullSet => self.verifier.verify_now(&token.text),
            By::Renewed => now(self.renewed.verify(&token.text)),
            By::RenewedSingle => now(self.renewed_single.verify(&token.text)),
        };
        result.err().map(|error| error.kind())
    }

    fn header(&self) -> String {
        header(self.case.algorithm.name(), Self::ID, "")
    }

    /// A good HS256 token of about this size, for `jsonwebtoken`: it has room for the claims at least.
    pub(crate) fn yardstick(&self, size: usize) -> String {
        let key = &self.yardstick.key;
        let (header, claims) = (
            header("HS256", Self::ID, ""),
            shape::good_claims(unix_now() + 3600),
        );
        shape::token(key, &header, &claims, shape::text, size)
            .unwrap_or_else(|| sign_raw(key, &header, format!("{{{claims}}}").as_bytes()))
    }

    pub(crate) fn tokens(&self, size: usize) -> Vec<Token> {
        let mut tokens = self.good(size);
        let plain = tokens[0].text.clone();
        tokens.extend(self.no_tokens(size, &plain));
        tokens.extend(self.headers(size));
        tokens.extend(self.unsigned(size));
        tokens.extend(self.refused_by_claims(size));
        tokens.extend(self.payloads(size));
        tokens.extend(self.for_newer_keys(size));
        tokens
    }

    /// One of each shape. Where there is no room, the first stands for it.
    fn good(&self, size: usize) -> Vec<Token> {
        const SHAPES: [(&str, Fill); 8] = [
            ("good", shape::text),
            ("good, escapes", shape::escapes),
            ("good, short escapes", shape::short_escapes),
            ("good, members", shape::members),
            ("good, values", shape::values),
            ("good, number", shape::long_number),
            ("good, nested", shape::nested),
            ("good, for renewed keys", shape::text),
        ];
        let claims = shape::good_claims(unix_now() + 3600);
        let shapes = SHAPES.into_iter();
        let token = |(name, fill)| {
            let key = &self.case.key;
            // No good token is shorter than the shortest.
            let text =
                shape::token(key, &self.header(), &claims, fill, size).unwrap_or_else(|| {
                    sign_raw(key, &self.header(), format!("{{{claims}}}").as_bytes())
                });
            Token {
                name,
                class: "",
                text,
                expected: None,
                twin: name,
                by: match name {
                    "good, for renewed keys" => By::Renewed,
                    _ => By::FullSet,
                },
            }
        };
        shapes.map(token).collect()
    }

    /// What is no token at all.
    fn no_tokens(&self, size: usize, good: &str) -> Vec<Token> {
        let class = "no token";
        let malformed = |name, text| forged(class, name, text, AuthErrorKind::MalformedToken);
        let mut bad_end = good.to_owned();
        bad_end.pop();
        vec![
            malformed("junk", "A".repeat(size)),
            malformed("junk bytes", "\u{1}".repeat(size)),
            malformed("bad last byte", bad_end.clone() + "="),
            malformed("a fourth part", bad_end + "."),
            malformed("dots", ".".repeat(size)),
        ]
    }

    /// Headers that fill the token.
    fn headers(&self, size: usize) -> Vec<Token> {
        /// All of these within what a header may have.
        const READ: [(&str, Fill); 9] = [
            ("header: one long text", shape::text),
            ("header: few escapes", shape::few_long_escapes),
            ("header: few short escapes", shape::few_escapes),
            ("header: long number", shape::long_number),
            ("header: spaces", shape::spaces),
            ("header: few members", shape::few_members),
            ("header: few values", shape::few_values),
            ("header: few nested", shape::few_nested),
            ("header: another's escapes", shape::few_escapes),
        ];
        const NOT_READ: [(&str, Fill); 7] = [
            ("header: escapes", shape::escapes),
            ("header: short escapes", shape::short_escapes),
            ("header: many members", shape::members),
            ("header: duplicate", shape::members_and_a_duplicate),
            ("header: many values", shape::values),
            ("header: huge number", shape::huge_number),
            ("header: too deep", shape::too_deep),
        ];
        let class = "its header";
        let (_, signature) = self.case.token.rsplit_once('.').expect("three parts");
        let signature = format!(".e30.{}", "A".repeat(signature.len()));
        let name = self.case.algorithm.name();
        let read = READ.map(|(own, fill)| match own {
            "header: another's escapes" => (own, "HS512", fill, AuthErrorKind::WrongAlgorithm),
            _ => (own, name, fill, AuthErrorKind::BadSignature),
        });
        // A small header has room for whatever it likes.
        let not_read = NOT_READ.into_iter().filter(|_| size > 2 << 10);
        let not_read = not_read.map(|(own, fill)| (own, name, fill, AuthErrorKind::MalformedToken));
        let mut tokens = Vec::new();
        for (own, alg, fill, kind) in read.into_iter().chain(not_read) {
            let claims = format!(r#""alg":"{alg}","kid":"{}""#, Self::ID);
            let room = size.saturating_sub(signature.len()) / 4 * 3;
            if let Some(header) = shape::payload(&claims, fill, room) {
                let kind = match header.len() > LONGEST_HEADER {
                    true => AuthErrorKind::MalformedToken,
                    false => kind,
                };
                let encoded = encode(header.as_bytes());
                tokens.push(forged(class, own, encoded + &signature, kind));
            }
        }
        let junk = "A".repeat(size.saturating_sub(signature.len()) / 4 * 4) + &signature;
        tokens.push(forged(
            class,
            "header: junk",
            junk,
            AuthErrorKind::MalformedToken,
        ));
        tokens
    }

    /// Tokens that anybody can make.
    fn unsigned(&self, size: usize) -> Vec<Token> {
        let claims = shape::good_claims(unix_now() + 3600);
        let sign = |header: &str, fill| shape::token(&self.stranger, header, &claims, fill, size);
        let name = self.case.algorithm.name();
        let all = [
            (
                "alg or kid",
                "wrong alg",
                sign(&header("HS512", Self::ID, ""), shape::text),
                AuthErrorKind::WrongAlgorithm,
            ),
            (
                "alg or kid",
                "alg none",
                sign(&header("none", Self::ID, ""), shape::text),
                AuthErrorKind::WrongAlgorithm,
            ),
            (
                "alg or kid",
                "unknown kid",
                sign(&header(name, "key-x", ""), shape::text),
                AuthErrorKind::UnknownKey,
            ),
            (
                "alg or kid",
                "crit",
                sign(&header(name, Self::ID, r#","crit":["exp"]"#), shape::text),
                AuthErrorKind::UnsupportedHeader,
            ),
            (
                "its signature",
                "bad signature",
                sign(&self.header(), shape::text),
                AuthErrorKind::BadSignature,
            ),
            (
                "its signature",
                "bad signature, members",
                sign(&self.header(), shape::members),
                AuthErrorKind::BadSignature,
            ),
        ];
        let all = all.into_iter();
        all.filter_map(|(class, name, text, kind)| Some(forged(class, name, text?, kind)))
            .collect()
    }

    fn refused_by_claims(&self, size: usize) -> Vec<Token> {
        let now = unix_now();
        let sign =
            |claims: &str| shape::token(&self.case.key, &self.header(), claims, shape::text, size);
        let all = [
            (
                "expired",
                sign(&shape::claims(TestIssuer::AUDIENCE, now - 3600)),
                AuthErrorKind::Expired,
            ),
            (
                "wrong audience",
                sign(&shape::claims("https://it.test", now + 3600)),
                AuthErrorKind::WrongAudience,
            ),
        ];
        let all = all.into_iter();
        all.filter_map(|(name, text, kind)| Some(forged("its claims, signed", name, text?, kind)))
            .collect()
    }

    /// Payloads of an issuer that makes bad ones.
    fn payloads(&self, size: usize) -> Vec<Token> {
        const PAYLOADS: [(&str, &str, Fill, &str); 6] = [
            (
                "duplicate",
                "good, members",
                shape::members_and_a_duplicate,
                "",
            ),
            ("too deep", "good, nested", shape::too_deep, ""),
            (
                "bad end after escapes",
                "good, escapes",
                shape::escapes,
                "}",
            ),
            (
                "bad end after short escapes",
                "good, short escapes",
                shape::short_escapes,
                "}",
            ),
            ("bad end after values", "good, values", shape::values, "}"),
            ("huge number", "good, number", shape::huge_number, ""),
        ];
        let class = "its payload, signed";
        let claims = shape::good_claims(unix_now() + 3600);
        let around = sign_raw(&self.case.key, &self.header(), b"").len();
        // Less leaves no room for what is bad about it.
        let Some(length) = size.checked_sub(around).filter(|_| size >= 2 << 10) else {
            return Vec::new();
        };
        let length = length / 4 * 3;
        let sign = |payload: &[u8]| sign_raw(&self.case.key, &self.header(), payload);
        let mut tokens = Vec::new();
        for (name, twin, fill, end) in PAYLOADS {
            let payload = shape::payload(&claims, fill, length - end.len()).expect("room") + end;
            let token = forged(
                class,
                name,
                sign(payload.as_bytes()),
                AuthErrorKind::MalformedToken,
            );
            tokens.push(Token { twin, ..token });
        }
        let mut payload = shape::payload(&claims, shape::text, length)
            .expect("room")
            .into_bytes();
        payload[length - 3] = 0xff;
        let token = sign(&payload);
        tokens.push(forged(
            class,
            "invalid UTF-8",
            token,
            AuthErrorKind::MalformedToken,
        ));
        tokens
    }

    /// Tokens that make a verifier ask whether newer keys would help.
    fn for_newer_keys(&self, size: usize) -> Vec<Token> {
        const FILLS: [(&str, &str, Fill); 6] = [
            ("unknown kid: text", "no kid: text", shape::text),
            ("unknown kid: members", "no kid: members", shape::members),
            ("unknown kid: values", "no kid: values", shape::values),
            (
                "unknown kid: short escapes",
                "no kid: short escapes",
                shape::short_escapes,
            ),
            ("unknown kid: nested", "no kid: nested", shape::nested),
            ("unknown kid: number", "no kid: number", shape::long_number),
        ];
        let class = "newer keys might help";
        let claims = shape::good_claims(unix_now() + 3600);
        let name = self.case.algorithm.name();
        let mut tokens = Vec::new();
        for (unknown, none, fill) in FILLS {
            for (own, header, kind, by) in [
                (
                    unknown,
                    header(name, "key-x", ""),
                    AuthErrorKind::UnknownKey,
                    By::Renewed,
                ),
                (
                    none,
                    format!(r#"{{"alg":"{name}"}}"#),
                    AuthErrorKind::BadSignature,
                    By::RenewedSingle,
                ),
            ] {
                let text = shape::token(&self.stranger, &header, &claims, fill, size);
                let Some(text) = text else {
                    continue;
                };
                let twin = "good, for renewed keys";
                let token = forged(class, own, text, kind);
                tokens.push(Token { twin, by, ..token });
            }
        }
        tokens
    }
}

fn forged(class: &'static str, name: &'static str, text: String, kind: AuthErrorKind) -> Token {
    Token {
        name,
        class,
        text,
        expected: Some(kind),
        twin: "good",
        by: By::FullSet,
    }
}

fn header(algorithm: &str, id: &str, more: &str) -> String {
    format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"{id}"{more}}}"#)
}

/// The value of a future that is ready.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = task::Context::from_waker(task::Waker::noop());
    match pin!(future).poll(&mut context) {
        task::Poll::Ready(value) => value,
        task::Poll::Pending => unreachable!("no source waits here"),
    }
}

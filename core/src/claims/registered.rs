//! The registered claims, each with its one JSON type.

use std::slice;

use super::span::{Span, Spans};
use crate::claims::read::Place;

/// The registered claims of a payload.
///
/// A claim that is present has the right type: a wrong one refuses the token (RFC 7519 section 4.1,
/// RFC 9068 section 2.2, RFC 6749 section 3.3). Texts are kept as positions in the payload.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registered {
    pub(crate) acr: Option<Span>,
    pub(crate) audience: Option<Spans>,
    pub(crate) auth_time: Option<i64>,
    pub(crate) client_id: Option<Span>,
    /// That there is one; what it holds is not looked at.
    pub(crate) confirmation: Option<()>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) id: Option<Span>,
    pub(crate) issued_at: Option<i64>,
    pub(crate) issuer: Option<Span>,
    pub(crate) not_before: Option<i64>,
    pub(crate) scope: Option<Spans>,
    pub(crate) session_id: Option<Span>,
    pub(crate) subject: Option<Span>,
    /// The wanted texts, in the order in which they were wanted.
    pub(super) others: Vec<Option<Spans>>,
    /// The texts that had escapes in them, one behind the other.
    pub(super) unescaped: String,
    /// The claims that must be there and are not, as bits in the order in which they were wanted.
    pub(crate) missing: u64,
}

impl Registered {
    /// A text of the payload that these claims were read from.
    pub(crate) fn get<'t>(&'t self, text: Span, payload: &'t str) -> &'t str {
        text.get(payload, &self.unescaped)
    }

    /// The texts of a claim; `None` if it is absent.
    pub(crate) fn texts(&self, place: Place) -> Option<&[Span]> {
        let one = match place {
            Place::Acr => &self.acr,
            Place::ClientId => &self.client_id,
            Place::Id => &self.id,
            Place::Issuer => &self.issuer,
            Place::SessionId => &self.session_id,
            Place::Subject => &self.subject,
            Place::Audience => return self.audience.as_ref().map(Spans::as_slice),
            Place::Other(index) => return Some(self.other(index)?.as_slice()),
            Place::Scope => return self.scope.as_ref().map(Spans::as_slice),
        };
        one.as_ref().map(slice::from_ref)
    }

    /// The text of a claim; `None` if it is absent, or an array of texts.
    pub(crate) fn text(&self, place: Place) -> Option<Span> {
        let several = match place {
            Place::Acr => return self.acr,
            Place::ClientId => return self.client_id,
            Place::Id => return self.id,
            Place::Issuer => return self.issuer,
            Place::SessionId => return self.session_id,
            Place::Subject => return self.subject,
            Place::Audience => self.audience.as_ref(),
            Place::Other(index) => self.other(index),
            Place::Scope => self.scope.as_ref(),
        };
        match several? {
            Spans::One(one) => Some(*one),
            Spans::Many(_) => None,
        }
    }

    fn other(&self, index: u16) -> Option<&Spans> {
        self.others.get(usize::from(index))?.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        AuthErrorKind,
        claims::read::{Unreadable, Wanted},
    };

    fn parse(payload: &str) -> Result<Registered, AuthErrorKind> {
        Registered::parse(payload, &Wanted::NOTHING).map_err(Unreadable::kind)
    }

    #[test]
    fn every_registered_claim_has_its_type() {
        let payload = r#"{"iss":"i","sub":"s","aud":["a","b"],"exp":2.5,"nbf":1.5,"iat":1e0,"jti":"j",
            "scope":"r w","client_id":"c","acr":"1","sid":"d","auth_time":3,"cnf":{"jkt":"x"},"other":[{}]}"#;
        let claims = parse(payload).unwrap();
        assert_eq!(claims.get(claims.issuer.unwrap(), payload), "i");
        assert_eq!(claims.texts(Place::Audience).unwrap().len(), 2);
        assert_eq!(
            (
                claims.expires_at,
                claims.not_before,
                claims.issued_at,
                claims.auth_time
            ),
            (Some(2), Some(2), Some(1), Some(3))
        );
        assert!(claims.confirmation.is_some());
    }

    #[test]
    fn another_type_is_an_invalid_claim() {
        let text = ["1", "null", "true", "{}", "[]", "[\"x\"]"];
        let texts = [
            "1",
            "null",
            "true",
            "{}",
            "[1]",
            "[null]",
            "[[\"x\"]]",
            "[\"x\",1]",
        ];
        let date = [
            "\"1\"",
            "null",
            "true",
            "{}",
            "[1]",
            "-1",
            "-0.5",
            "1e300",
            "253402300800",
        ];
        let object = ["1", "null", "\"x\"", "[]"];
        let scope = [
            "\"a\\tb\"",
            "\"a\\\\b\"",
            "\"a\\\"b\"",
            "\"\u{e4}\"",
            "[\"a\\nb\"]",
            "[\"a b\"]",
            "[\"\"]",
        ];
        for (names, wrong) in [
            (
                &["iss", "sub", "jti", "client_id", "acr", "sid"][..],
                &text[..],
            ),
            (&["aud", "scope"], &texts),
            (&["exp", "nbf", "iat", "auth_time"], &date),
            (&["cnf"], &object),
            (&["scope"], &scope),
        ] {
            for name in names {
                for value in wrong {
                    let payload = format!(r#"{{"{name}":{value}}}"#);
                    assert_eq!(
                        parse(&payload).unwrap_err(),
                        AuthErrorKind::InvalidClaim,
                        "{payload}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_single_object_is_malformed() {
        for payload in [
            "",
            "x",
            "null",
            "\"s\"",
            "[]",
            "{} {}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":NaN}",
        ] {
            assert_eq!(
                parse(payload).unwrap_err(),
                AuthErrorKind::MalformedToken,
                "{payload}"
            );
        }
        assert!(parse(" {} \n").is_ok());
    }

    #[test]
    fn a_wanted_claim_that_is_absent_is_reported() {
        let wanted = Wanted::new(vec!["tenant".into(), "plan".into()]);
        let parse = |payload| {
            Registered::parse(payload, &wanted)
                .map_err(Unreadable::kind)
                .unwrap()
                .missing
        };
        assert_eq!(parse(r#"{"plan":null,"tenant":1}"#), 0);
        assert_eq!(parse(r#"{"tenant":1}"#), 0b10);
        assert_eq!(parse("{}"), 0b11);
    }

    #[test]
    fn texts_with_escapes_are_the_same_as_without() {
        let payload = r#"{"sub":"\u0061b","aud":["\u0061","b"]}"#;
        let claims = parse(payload).unwrap();
        assert_eq!(claims.get(claims.subject.unwrap(), payload), "ab");
        assert_eq!(
            claims.get(claims.texts(Place::Audience).unwrap()[0], payload),
            "a"
        );
    }

    proptest! {
        #[test]
        fn no_payload_panics(payload in any::<String>()) {
            let _ = parse(&payload);
        }

        #[test]
        fn no_value_of_a_registered_claim_panics(name in "(aud|exp|iat|scope|cnf|sub)", value in any::<f64>(), text in any::<String>()) {
            let _ = parse(&format!(r#"{{"{name}":{value}}}"#));
            let _ = parse(&format!(r#"{{"{name}":{text}}}"#));
            let _ = parse(&serde_json::json!({ name: text }).to_string());
        }
    }
}

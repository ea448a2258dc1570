//! The registered claims, each with its one JSON type.

use std::slice;

use super::span::{TextRange, TextRanges};
use crate::claims::read::ClaimSlot;

/// The registered claims of a payload.
///
/// A claim that is present has the right type: a wrong one refuses the token (RFC 7519 section 4.1,
/// RFC 9068 section 2.2, RFC 6749 section 3.3). Texts are kept as positions in the payload.
#[derive(Clone, Debug, Default)]
pub(crate) struct RegisteredClaims {
    pub(crate) acr: Option<TextRange>,
    pub(crate) audience: Option<TextRanges>,
    pub(crate) auth_time: Option<i64>,
    pub(crate) client_id: Option<TextRange>,
    /// That there is one; what it holds is not looked at.
    pub(crate) confirmation: Option<()>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) id: Option<TextRange>,
    pub(crate) issued_at: Option<i64>,
    pub(crate) issuer: Option<TextRange>,
    pub(crate) not_before: Option<i64>,
    pub(crate) scope: Option<TextRanges>,
    pub(crate) session_id: Option<TextRange>,
    pub(crate) subject: Option<TextRange>,
    /// The wanted texts, in the order in which they were wanted.
    pub(super) others: Vec<Option<TextRanges>>,
    /// The texts that had escapes in them, one behind the other.
    pub(super) unescaped: String,
    /// The claims that must be there and are not, as bits in the order in which they were wanted.
    pub(crate) missing: u64,
}

impl RegisteredClaims {
    /// A text of the payload that these claims were read from.
    pub(crate) fn get<'t>(&'t self, text: TextRange, payload: &'t str) -> &'t str {
        text.get(payload, &self.unescaped)
    }

    /// The texts of a claim; `None` if it is absent.
    pub(crate) fn texts(&self, place: ClaimSlot) -> Option<&[TextRange]> {
        let one = match place {
            ClaimSlot::Acr => &self.acr,
            ClaimSlot::ClientId => &self.client_id,
            ClaimSlot::Id => &self.id,
            ClaimSlot::Issuer => &self.issuer,
            ClaimSlot::SessionId => &self.session_id,
            ClaimSlot::Subject => &self.subject,
            ClaimSlot::Audience => return self.audience.as_ref().map(TextRanges::as_slice),
            ClaimSlot::Other(index) => return Some(self.other(index)?.as_slice()),
            ClaimSlot::Scope => return self.scope.as_ref().map(TextRanges::as_slice),
        };
        one.as_ref().map(slice::from_ref)
    }

    /// The text of a claim; `None` if it is absent, or an array of texts.
    pub(crate) fn text(&self, place: ClaimSlot) -> Option<TextRange> {
        let several = match place {
            ClaimSlot::Acr => return self.acr,
            ClaimSlot::ClientId => return self.client_id,
            ClaimSlot::Id => return self.id,
            ClaimSlot::Issuer => return self.issuer,
            ClaimSlot::SessionId => return self.session_id,
            ClaimSlot::Subject => return self.subject,
            ClaimSlot::Audience => self.audience.as_ref(),
            ClaimSlot::Other(index) => self.other(index),
            ClaimSlot::Scope => self.scope.as_ref(),
        };
        match several? {
            TextRanges::One(one) => Some(*one),
            TextRanges::Many(_) => None,
        }
    }

    fn other(&self, index: u16) -> Option<&TextRanges> {
        self.others.get(usize::from(index))?.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        AuthErrorKind,
        claims::read::{ClaimSpec, Unreadable},
    };

    fn parse(payload: &str) -> Result<RegisteredClaims, AuthErrorKind> {
        RegisteredClaims::parse(payload, &ClaimSpec::NOTHING).map_err(Unreadable::kind)
    }

    #[test]
    fn every_registered_claim_has_its_type() {
        let payload = r#"{"iss":"i","sub":"s","aud":["a","b"],"exp":2.5,"nbf":1.5,"iat":1e0,"jti":"j",
            "scope":"r w","client_id":"c","acr":"1","sid":"d","auth_time":3,"cnf":{"jkt":"x"},"other":[{}]}"#;
        let claims = parse(payload).unwrap();
        assert_eq!(claims.get(claims.issuer.unwrap(), payload), "i");
        assert_eq!(claims.texts(ClaimSlot::Audience).unwrap().len(), 2);
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
        let wanted = ClaimSpec::new(vec!["tenant".into(), "plan".into()]);
        let parse = |payload| {
            RegisteredClaims::parse(payload, &wanted)
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
            claims.get(claims.texts(ClaimSlot::Audience).unwrap()[0], payload),
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

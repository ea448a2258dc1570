//! Tests of claims as a type of the user: for any type, the verdict is that of the token alone.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use countersign::{
    AuthErrorKind, Verifier,
    claims::{RoleSource, ScopeSource},
    testing::TestIssuer,
};
use proptest::prelude::*;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};

use super::typed::{Misfit, User, raw};

fn same_verdict<T>(verifier: &Verifier, text: &str)
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    let plain = verifier.verify_now(text);
    let typed = verifier.verify_now_as::<T>(text);
    match (plain, typed) {
        (Ok(plain), Ok(typed)) => {
            assert_eq!(plain.expires_at(), typed.expires_at());
            assert_eq!(plain.issued_at(), typed.issued_at());
            assert_eq!(plain.header(), typed.header());
            assert!(plain.claims::<T>().is_ok());
        }
        (Ok(plain), Err(typed)) => {
            assert_eq!(typed.kind(), AuthErrorKind::Misconfigured);
            assert!(plain.claims::<T>().is_err());
        }
        (Err(plain), Err(typed)) => assert_eq!(plain.kind(), typed.kind()),
        (Err(plain), Ok(_)) => panic!("typed, a token was accepted that is refused: {plain}"),
    }
}

/// Reads a `T`, or its default if that fails; the error is ignored.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(T::deserialize(deserializer).unwrap_or_default())
}

/// A type that goes on after a member that it cannot read.
struct SkipsWhatItCannotRead;

impl<'de> Deserialize<'de> for SkipsWhatItCannotRead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self)
    }
}

impl<'de> Visitor<'de> for SkipsWhatItCannotRead {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        loop {
            match map.next_key::<String>() {
                Ok(None) => return Ok(self),
                Ok(Some(_)) => drop(map.next_value::<Value>()),
                Err(_) => drop(map.next_value::<IgnoredAny>()?),
            }
        }
    }
}

/// A visitor that accepts more than its hint asks for.
struct ByNumberOrName;

impl<'de> Deserialize<'de> for ByNumberOrName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(Self)
    }
}

impl<'de> Visitor<'de> for ByNumberOrName {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or anything")
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self, A::Error> {
        Ok(self)
    }
}

pub(crate) fn same_verdict_for_all_types(verifier: &Verifier, text: &str) {
    #[derive(Deserialize)]
    struct Nothing {}
    #[derive(Deserialize)]
    #[allow(dead_code)] // only deserialized
    struct Flattened {
        sub: Option<String>,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Newtype(Map<String, Value>);
    #[derive(Deserialize)]
    #[serde(untagged)]
    #[allow(dead_code)]
    enum Untagged {
        WithAudiences { aud: Vec<String> },
        WithAudience { aud: String },
    }
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Loose {
        aud: Value,
        exp: f64,
        iat: Option<i128>,
        scope: Option<Cow<'static, str>>,
        cnf: Option<Value>,
        nested: Option<BTreeMap<u64, Vec<Option<Box<Self>>>>>,
    }

    #[derive(Deserialize)]
    #[serde(default)]
    #[derive(Default)]
    #[allow(dead_code)]
    struct Lenient {
        #[serde(deserialize_with = "or_default")]
        aud: Vec<String>,
        #[serde(deserialize_with = "or_default")]
        scope: Vec<String>,
        #[serde(deserialize_with = "or_default")]
        nested: BTreeMap<String, Vec<String>>,
        #[serde(deserialize_with = "or_default")]
        exp: Option<String>,
        #[serde(deserialize_with = "or_default")]
        x: Map<String, Value>,
    }
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Hints {
        nested: Option<Map<String, Value>>,
        roles: Option<Named>,
        sub: Option<Named>,
        x: ByNumberOrName,
        tenant: Option<Pair>,
    }
    /// An identifier, which a type reads by name or by number.
    #[derive(Deserialize)]
    #[serde(field_identifier, rename_all = "lowercase")]
    enum Named {
        Ada,
        Admin,
    }
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Pair(Option<u8>, #[serde(default)] Option<u8>);

    same_verdict::<Lenient>(verifier, text);
    same_verdict::<Hints>(verifier, text);
    same_verdict::<BTreeMap<u64, Value>>(verifier, text);
    same_verdict::<SkipsWhatItCannotRead>(verifier, text);
    same_verdict::<User>(verifier, text);
    same_verdict::<Misfit>(verifier, text);
    same_verdict::<Nothing>(verifier, text);
    same_verdict::<Flattened>(verifier, text);
    same_verdict::<Newtype>(verifier, text);
    same_verdict::<Untagged>(verifier, text);
    same_verdict::<Loose>(verifier, text);
    same_verdict::<Value>(verifier, text);
    same_verdict::<Box<RawValue>>(verifier, text);
    same_verdict::<()>(verifier, text);
    same_verdict::<Option<User>>(verifier, text);
    same_verdict::<Vec<u8>>(verifier, text);
    same_verdict::<String>(verifier, text);
}

fn payloads() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("1".to_owned()),
        Just("-1".to_owned()),
        Just("1.5".to_owned()),
        Just("1e400".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("\"ada\"".to_owned()),
        Just("\"\\u0061da\"".to_owned()),
        Just("\"a\\tb\"".to_owned()),
        Just("[]".to_owned()),
        Just("[\"orders\",\"x\"]".to_owned()),
        Just("[[\"orders\"]]".to_owned()),
        Just("[\"orders\",1]".to_owned()),
        Just("[\"a\",\"a\\tb\"]".to_owned()),
        Just("[0,1]".to_owned()),
        Just("\"\\ud800\"".to_owned()),
        Just("18446744073709551616".to_owned()),
        Just("{}".to_owned()),
        Just("{\"1\":[null],\"2\":[]}".to_owned()),
        Just("{\"a\":{\"b\":1,\"b\":2}}".to_owned()),
        Just("{\"a\":[{\"\":0,\"\":0}]}".to_owned()),
        Just("{\"$serde_json::private::RawValue\":\"1\"}".to_owned()),
        Just("{\"$serde_json::private::Number\":\"1\"}".to_owned()),
    ];
    let name = prop::sample::select(vec![
        "sub",
        "roles",
        "aud",
        "exp",
        "iat",
        "nbf",
        "scope",
        "cnf",
        "jti",
        "sid",
        "acr",
        "nested",
        "scp",
        "x",
        "\\u0073ub",
        "tenant",
    ]);
    prop::collection::vec((name, value), 0..4).prop_map(|members| {
        let members = members
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"));
        members.collect::<Vec<_>>().join(",")
    })
}

proptest! {
    #[test]
    fn the_verdict_never_depends_on_the_type(members in payloads(), complete: bool) {
        let issuer = TestIssuer::new();
        let verifier = issuer
            .verifier_builder()
            .scopes(ScopeSource::claim("scope").or(ScopeSource::claim("scp")))
            .roles(RoleSource::claim("roles"))
            .require_claim("x")
            .build()
            .unwrap();
        let good = format!(
            "\"iss\":{:?},\"aud\":{:?},\"exp\":{},\"x\":0",
            TestIssuer::ISSUER,
            TestIssuer::AUDIENCE,
            super::now(&issuer) + 60
        );
        let payload = match (complete, members.is_empty()) {
            (true, false) => format!("{{{good},{members}}}"),
            (true, true) => format!("{{{good}}}"),
            (false, _) => format!("{{{members}}}"),
        };
        let text = raw(&issuer, &payload);
        same_verdict_for_all_types(&verifier, &text);

        let tolerant = issuer.verifier_builder().require_claim("x");
        let tolerant = tolerant.accept_null_claims().accept_numeric_subject();
        same_verdict_for_all_types(&tolerant.build().unwrap(), &text);
    }
}

#[test]
fn a_type_that_swallows_errors_swallows_no_check() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let (iss, aud) = (TestIssuer::ISSUER, TestIssuer::AUDIENCE);
    let exp = super::now(&issuer) + 60;
    for (aud, member) in [
        (format!("[{aud:?},1]"), "\"x\":1"),
        (format!("{aud:?}"), r#""scope":["read","a\tb"]"#),
        (format!("{aud:?}"), r#""x":{"a":1,"a":1}"#),
        (format!("{aud:?}"), r#""x":1,"x":1"#),
        (format!("{aud:?}"), r#""nested":{"a":["b",{"c":1,"c":1}]}"#),
    ] {
        let payload = format!(r#"{{"iss":"{iss}","aud":{aud},"exp":{exp},{member}}}"#);
        let text = raw(&issuer, &payload);
        assert!(verifier.verify_now(&text).is_err(), "{payload}");
        same_verdict_for_all_types(&verifier, &text);
    }
}

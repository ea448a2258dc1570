//! Tests that an inspector of written claims sees what a verifier reads.

use proptest::prelude::*;
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeStruct},
};
use serde_json::{Value, json, value::RawValue};

use super::summary::{self, ClaimSummary};
use crate::claims::ClaimSpec;

/// Returns the summary, after checks that a verifier reads it, too, and that the text is the usual one.
fn seen(claims: &(impl Serialize + ?Sized)) -> Option<ClaimSummary> {
    let (json, seen) = summary::write(claims).unwrap();
    assert_eq!(json, serde_json::to_vec(claims).unwrap());
    if let Some(seen) = seen {
        assert_eq!(
            seen,
            ClaimSummary::from(&summary::read(&json, &ClaimSpec::STRICT).unwrap().1)
        );
    }
    seen
}

/// An object with these members, whatever their names.
struct Members(Vec<(&'static str, Value)>);

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A map whose second name has no value.
struct HalfAMember;

impl Serialize for HalfAMember {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("a", &1)?;
        map.serialize_key("b")?;
        map.end()
    }
}

/// Any text where a value should be, under one of the names by which `serde_json` writes it as it is.
struct Forged(&'static str, &'static str);

impl Serialize for Forged {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct(self.0, 1)?;
        object.serialize_field(self.0, self.1)?;
        object.end()
    }
}

#[test]
fn plain_claims_are_known() {
    #[derive(Serialize)]
    struct User {
        sub: &'static str,
        admin: bool,
        level: u8,
        score: f64,
        roles: [&'static str; 2],
        none: Option<u8>,
        nbf: i64,
        scope: String,
    }
    let user = User {
        sub: "a\n\"b\"",
        admin: true,
        level: 3,
        score: f64::NAN,
        roles: ["a", "b\\"],
        none: None,
        nbf: 5,
        scope: "read write".into(),
    };
    let expected = ClaimSummary {
        not_before: Some(5),
        ..ClaimSummary::default()
    };
    assert_eq!(seen(&user), Some(expected));
    assert_eq!(seen(&json!({})), Some(ClaimSummary::default()));
    assert!(seen(&json!({ "nbf": 253_402_300_799_i64 })).is_some());
}

#[test]
fn what_is_not_plain_is_read_again() {
    for (claims, twin) in [
        (json!({ "a": {} }), json!({ "a": "{}" })),
        (json!({ "a": [[]] }), json!({ "a": [] })),
        (json!({ "a": [{}] }), json!({ "a": [null] })),
        (json!({ "a\n": 1 }), json!({ "a": "\n" })),
        (json!({ "": 1 }), json!({ " ": 1 })),
        (
            json!({ "$serde_json::private::RawValue": "1" }),
            json!({ "serde_json": "1" }),
        ),
        (json!({ "sub": 1 }), json!({ "sub": "1" })),
        (json!({ "sub": ["x"] }), json!({ "subs": ["x"] })),
        (json!({ "sub": null }), json!({ "sub": "" })),
        (json!({ "nbf": -1 }), json!({ "nbf": 0 })),
        (
            json!({ "nbf": 253_402_300_800_i64 }),
            json!({ "nbf": 253_402_300_799_i64 }),
        ),
        (json!({ "nbf": "1" }), json!({ "nbf": 1 })),
        (json!({ "nbf": u64::MAX }), json!({ "other": u64::MAX })),
        (json!({ "scope": "a\tb" }), json!({ "scope": "a b" })),
        (json!({ "scope": "\u{e4}" }), json!({ "sub": "\u{e4}" })),
        (json!({ "scope": 1 }), json!({ "scope": "1" })),
        (json!({ "iss": "x" }), json!({ "issuer": "x" })),
        (json!({ "exp": 1 }), json!({ "expires": 1 })),
        (json!({ "cnf": "x" }), json!({ "cn": "x" })),
        (json!([]), json!({})),
        (json!("x"), json!({})),
    ] {
        assert_eq!(seen(&claims), None, "{claims}");
        assert!(seen(&twin).is_some(), "{twin}");
    }
}

#[test]
fn a_name_twice_is_never_plain() {
    let twice = |name| Members(vec![(name, json!(1)), ("b", json!(2)), (name, json!(3))]);
    for name in ["a", "b", "a longer name than the mark has bits"] {
        assert_eq!(seen(&twice(name)), None, "{name}");
    }
    assert_eq!(
        seen(&Members(vec![("sub", json!("a")), ("sub", json!("a"))])),
        None
    );
    assert!(seen(&Members(vec![("a", json!(1)), ("aa", json!(1))])).is_some());
}

#[test]
fn many_names_are_read_again() {
    let names = |count: usize| -> Value {
        let members = (0..count).map(|n| (format!("name-{n}"), json!(n)));
        Value::Object(members.collect())
    };
    assert!(seen(&names(24)).is_some());
    assert_eq!(seen(&names(25)), None);
}

#[test]
fn what_serde_json_did_not_write_is_read_again() {
    let raw = RawValue::from_string(r#"{"a":1,"a":2}"#.into()).unwrap();
    assert_eq!(summary::write(&raw).unwrap().1, None);
    for name in [
        "$serde_json::private::Number",
        "$serde_json::private::RawValue",
    ] {
        for text in [
            "01",
            "-1",
            "",
            r#"1,"iss":"https://other.example""#,
            r#"1}{"a":1"#,
        ] {
            let claims = std::collections::BTreeMap::from([("a", Forged(name, text))]);
            assert_eq!(summary::write(&claims).unwrap().1, None, "{text}");
            assert_eq!(
                summary::write(&Forged(name, text)).unwrap().1,
                None,
                "{text}"
            );
        }
    }
    assert_eq!(summary::write(&HalfAMember).unwrap().1, None);
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "acr", "act", "aud", "auth_time", "client_id", "cnf", "exp", "iat", "iss", "jti", "nbf",
            "scope", "sid", "sub",
        ])
        .prop_map(str::to_owned),
        4 => "[a-c]{1,3}",
        1 => any::<String>(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..300_000_000_000_u64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,8}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_seen_is_what_a_verifier_reads(
        members in prop::collection::vec((name(), value()), 0..5),
    ) {
        struct Any(Vec<(String, Value)>);
        impl Serialize for Any {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
            }
        }
        seen(&Any(members));
    }
}

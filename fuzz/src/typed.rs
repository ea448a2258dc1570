//! Types that an app may read its claims as, honest ones and others.

use std::{collections::BTreeMap, fmt::Debug};

use countersign::{AuthErrorKind, VerifiedToken};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use crate::tokens::Rules;

/// Reads a token as each type, in one pass with the checks. The verdict is the one of the reading
/// without a type, and what was read is what `serde_json` reads of the payload by itself.
pub fn compare(rules: &Rules, token: &str, verdict: &Result<VerifiedToken, AuthErrorKind>) {
    one::<Value>(rules, token, verdict);
    one::<Plain>(rules, token, verdict);
    one::<Flat>(rules, token, verdict);
    one::<Odd>(rules, token, verdict);
    one::<BTreeMap<String, Value>>(rules, token, verdict);
    one::<BTreeMap<u64, Option<i8>>>(rules, token, verdict);
    one::<Raw>(rules, token, verdict);
    one::<Tagged>(rules, token, verdict);
    one::<Untagged>(rules, token, verdict);
    one::<Option<Newtype>>(rules, token, verdict);
    one::<Vec<u8>>(rules, token, verdict);
    one::<()>(rules, token, verdict);
    one::<Forgiving>(rules, token, verdict);
    one::<First>(rules, token, verdict);
}

fn one<T>(rules: &Rules, token: &str, verdict: &Result<VerifiedToken, AuthErrorKind>)
where
    T: DeserializeOwned + Debug + PartialEq + Send + Sync + 'static,
{
    let typed = rules.verifier.verify_now_as::<T>(token);
    let typed = typed.map_err(|error| error.kind());
    let verified = match verdict {
        Ok(verified) => verified,
        Err(kind) => {
            assert_eq!(typed.err(), Some(*kind), "with a type");
            return;
        }
    };
    let expected = serde_json::from_str::<T>(verified.payload()).ok();
    let asked = verified.claims::<T>().ok();
    assert_eq!(asked.as_deref(), expected.as_ref(), "asked for later");
    match typed {
        Ok(typed) => {
            assert_eq!(typed.expires_at(), verified.expires_at());
            assert_eq!(typed.issued_at(), verified.issued_at());
            assert_eq!(typed.header(), verified.header());
            assert_eq!(Some(&*typed.into_claims()), expected.as_ref());
        }
        Err(kind) => {
            assert_eq!(kind, AuthErrorKind::Misconfigured);
            assert!(expected.is_none(), "the payload fits the type");
        }
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Plain {
    sub: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    exp: i64,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Flat {
    aud: Value,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Odd {
    exp: f64,
    iss: IgnoredAny,
    aud: Option<Box<Untagged>>,
    #[serde(default, alias = "nbf")]
    iat: Option<u128>,
    #[serde(default)]
    x: Option<(char, [i8; 2])>,
    #[serde(default)]
    scope: Option<()>,
}

#[derive(Debug, Deserialize)]
struct Raw {
    exp: Box<RawValue>,
    x: Option<Box<RawValue>>,
}

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        let x = |raw: &Self| raw.x.as_ref().map(|raw| raw.get().to_owned());
        self.exp.get() == other.exp.get() && x(self) == x(other)
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "sub")]
enum Tagged {
    A { exp: i64 },
    B(BTreeMap<String, Value>),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(i32),
    Text(String),
    Texts(Vec<String>),
    Object { x: Box<Value>, exp: u8 },
    Any(Value),
}

#[derive(Debug, PartialEq, Deserialize)]
struct Newtype(Inner);

#[derive(Debug, PartialEq, Deserialize)]
struct Inner {
    #[serde(rename = "iss")]
    issuer: Kind,
    x: Option<Kind>,
}

#[derive(Debug, PartialEq, Deserialize)]
enum Kind {
    #[serde(rename = "https://i.test")]
    Ours,
    #[serde(rename = "a")]
    Newtype(Box<Kind>),
    #[serde(rename = "b")]
    Tuple(u8, Vec<Kind>),
    #[serde(rename = "c")]
    Struct { x: Option<Box<Kind>> },
}

/// Takes a claim that it cannot read for an absent one.
#[derive(Debug, PartialEq, Deserialize)]
struct Forgiving {
    #[serde(default, deserialize_with = "forgiving")]
    exp: Option<u8>,
    #[serde(default, deserialize_with = "forgiving")]
    x: Option<Vec<BTreeMap<String, bool>>>,
}

fn forgiving<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(T::deserialize(from).unwrap_or_default())
}

/// Looks at the first member only.
#[derive(Debug, PartialEq)]
struct First(Option<String>);

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Option<String>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                map.next_key()
            }
        }
        from.deserialize_map(Names).map(Self)
    }
}

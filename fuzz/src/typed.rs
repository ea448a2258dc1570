//! Types that an app may read its claims as, honest ones and others.

use std::{collections::BTreeMap, fmt::Debug};

use countersign::{AuthErrorKind, VerifiedToken};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, EnumAccess, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use crate::tokens::Rules;

/// Reads a token as each type, in one pass with the checks. The verdict is the one of the reading
/// without a type, and what was read is what `serde_json` reads of the payload by itself. Where a number
/// as `sub` is tolerated, a type that does not fit it may fit its text.
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
    one::<Careless>(rules, token, verdict);
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
    let payload = verified.payload();
    let expected = serde_json::from_str::<T>(payload).ok();
    let expected = expected.or_else(|| {
        let with_text = rules.tolerant.then(|| subject_as_text(payload))??;
        serde_json::from_str(&with_text).ok()
    });
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

/// The payload with quotes around the number that is its `sub`; `None` if there is no number.
fn subject_as_text(payload: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject<'p> {
        #[serde(borrow)]
        sub: &'p RawValue,
    }
    let number = serde_json::from_str::<Subject<'_>>(payload).ok()?.sub.get();
    number.parse::<i128>().ok()?;
    let at = number.as_ptr() as usize - payload.as_ptr() as usize;
    let (before, after) = (&payload[..at], &payload[at + number.len()..]);
    Some(format!("{before}\"{number}\"{after}"))
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

/// Leaves values where they are: by the name of the member, none is asked for, or its shell alone.
#[derive(Debug, PartialEq)]
struct Careless;

impl<'de> Deserialize<'de> for Careless {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Careless {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        seq.next_element::<Shell>()?;
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match &*name {
                "a" => {}
                "b" => drop(map.next_value::<Option<Shell>>()?),
                "c" => drop(map.next_value::<Variant>()?),
                _ => drop(map.next_value::<Self>()?),
            }
        }
        Ok(self)
    }
}

/// An option or a newtype, of which nothing inside is looked at.
struct Shell;

impl<'de> Deserialize<'de> for Shell {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_option(Self)
    }
}

impl<'de> Visitor<'de> for Shell {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a shell")
    }

    fn visit_none<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self, D::Error> {
        from.deserialize_newtype_struct("Shell", self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, _: D) -> Result<Self, D::Error> {
        Ok(self)
    }
}

/// The name of a variant, without what stands behind it.
struct Variant;

impl<'de> Deserialize<'de> for Variant {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_enum("Variant", &[], Self)
    }
}

impl<'de> Visitor<'de> for Variant {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an enum")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Self, A::Error> {
        access.variant::<String>().map(|_| self)
    }
}

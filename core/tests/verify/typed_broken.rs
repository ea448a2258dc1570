//! Tests of types with a broken `Deserialize`: they cannot make a payload good that is not JSON.

use std::fmt;

use countersign::{AuthErrorKind, testing::TestIssuer};
use serde::{
    Deserialize, Deserializer,
    de::{EnumAccess, MapAccess, SeqAccess, Visitor},
};

use super::{now, typed::raw};

/// A type that reads nothing, and reports success.
struct ReadsNothing;

impl<'de> Deserialize<'de> for ReadsNothing {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

/// A type that reads all names as texts, and all values, or their elements, `TIMES` times.
struct Values<const TIMES: usize>;

impl<'de, const TIMES: usize> Deserialize<'de> for Values<TIMES> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de, const TIMES: usize> Visitor<'de> for Values<TIMES> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        match TIMES {
            0 => while seq.next_element::<ReadsNothing>()?.is_some() {},
            _ => while seq.next_element::<Self>()?.is_some() {},
        }
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            // They may break their own value; the claims of the token are read correctly.
            let is_own = name == "own";
            if is_own && TIMES == 0 {
                map.next_value::<ReadsNothing>()?;
                continue;
            }
            let times = if is_own { TIMES } else { 1 };
            for _ in 0..times {
                map.next_value::<Self>()?;
            }
        }
        Ok(self)
    }
}

/// A type that reads all names, and all values but one.
struct Skips;

impl<'de> Deserialize<'de> for Skips {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Skips {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name != "own" {
                map.next_value::<Self>()?;
            }
        }
        Ok(self)
    }
}

/// A type that reads the name of a variant, in a member, and leaves its content unread.
#[derive(Deserialize)]
#[allow(dead_code)] // only deserialized
struct OfVariant {
    x: Variant,
}

struct Variant;

impl<'de> Deserialize<'de> for Variant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum("Variant", &["own"], Self)
    }
}

impl<'de> Visitor<'de> for Variant {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an enum")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Self, A::Error> {
        let (_, _unread): (String, _) = access.variant()?;
        Ok(self)
    }
}

/// An option and a newtype in a member, of which only the shell is read.
#[derive(Deserialize)]
#[allow(dead_code)] // only deserialized
struct OfShells {
    x: Shell<false>,
    other: Option<Shell<true>>,
}

struct Shell<const NEWTYPE: bool>;

impl<'de, const NEWTYPE: bool> Deserialize<'de> for Shell<NEWTYPE> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match NEWTYPE {
            true => deserializer.deserialize_newtype_struct("Shell", Self),
            false => deserializer.deserialize_option(Self),
        }
    }
}

impl<'de, const NEWTYPE: bool> Visitor<'de> for Shell<NEWTYPE> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a shell")
    }

    fn visit_none<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_some<D: Deserializer<'de>>(self, _: D) -> Result<Self, D::Error> {
        Ok(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, _: D) -> Result<Self, D::Error> {
        Ok(self)
    }
}

/// An enum in a member, whose content is never read.
#[derive(Deserialize)]
#[allow(dead_code)] // only deserialized
struct OfEnum {
    x: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(dead_code)]
enum Content {
    Own(ReadsNothing),
}

#[test]
fn a_type_that_reads_too_little_or_too_much_makes_no_payload_good() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let of = |own: &str| {
        let (iss, aud) = (TestIssuer::ISSUER, TestIssuer::AUDIENCE);
        let exp = now(&issuer) + 300;
        raw(
            &issuer,
            &format!(r#"{{"iss":"{iss}","aud":"{aud}","exp":{exp},{own}}}"#),
        )
    };
    for (own, good) in [
        (r#""own":1"#, true),
        (r#""own":"#, false),
        (r#""own":1:2"#, false),
        (r#""own""#, false),
        (r#""own","other":1"#, false),
        (r#""x":{"own"}"#, false),
        (r#""x":{"own","other":1}"#, false),
        (r#""x":"#, false),
        (r#""x":null,"other":"#, false),
        (r#""x":{"own":"#, false),
        (r#""x":{"own":}"#, false),
        (r#""x":{"own":1}"#, true),
        (r#""x":{"own":1:2}"#, false),
        (r#""x":[1,1]"#, true),
        (r#""x":[,1]"#, false),
        (r#""x":[,]"#, false),
        (r#""x":[]"#, true),
    ] {
        let text = of(own);
        let verdict = verifier.verify_now(&text).err().map(|error| error.kind());
        assert_eq!(
            verdict,
            (!good).then_some(AuthErrorKind::MalformedToken),
            "{own}"
        );
        for typed in [
            verifier.verify_now_as::<Values<0>>(&text).err(),
            verifier.verify_now_as::<Values<1>>(&text).err(),
            verifier.verify_now_as::<Values<2>>(&text).err(),
            verifier.verify_now_as::<ReadsNothing>(&text).err(),
            verifier.verify_now_as::<OfEnum>(&text).err(),
            verifier.verify_now_as::<OfShells>(&text).err(),
            verifier.verify_now_as::<OfVariant>(&text).err(),
            verifier.verify_now_as::<Skips>(&text).err(),
        ] {
            let typed = typed.map(|error| error.kind());
            // A good token can still have claims of another type.
            let typed = typed.filter(|kind| *kind != AuthErrorKind::Misconfigured);
            assert_eq!(typed, verdict, "{own}");
        }
    }
}

/// Audiences of which only the shell of the first is read, and all of the others.
#[derive(Deserialize)]
#[allow(dead_code)] // only deserialized
struct OfAudiences {
    aud: Audiences,
}

struct Audiences;

impl<'de> Deserialize<'de> for Audiences {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Self)
    }
}

impl<'de> Visitor<'de> for Audiences {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("audiences")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        seq.next_element::<Shell<false>>()?;
        while seq.next_element::<String>()?.is_some() {}
        Ok(self)
    }
}

#[test]
fn a_type_that_looks_past_an_audience_makes_no_payload_good() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let (iss, aud) = (TestIssuer::ISSUER, TestIssuer::AUDIENCE);
    let exp = now(&issuer) + 300;
    for (audience, refusal) in [
        (format!(r#"["{aud}"]"#), None),
        (format!(r#"[,"{aud}"]"#), Some(AuthErrorKind::InvalidClaim)),
    ] {
        let payload = format!(r#"{{"iss":"{iss}","aud":{audience},"exp":{exp}}}"#);
        let text = raw(&issuer, &payload);
        let kinds = [
            verifier.verify_now(&text).err(),
            verifier.verify_now_as::<OfAudiences>(&text).err(),
        ];
        // A good token can still have claims of another type.
        let kinds = kinds.map(|error| error.map(|error| error.kind()));
        let kinds = kinds.map(|kind| kind.filter(|kind| *kind != AuthErrorKind::Misconfigured));
        assert_eq!(kinds, [refusal; 2], "{payload}");
    }
}

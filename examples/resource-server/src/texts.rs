//! A text, or an array of texts, each with its place in the file.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use toml::Spanned;

/// `"a"` or `["a", "b"]`.
pub(crate) enum Texts {
    One(String),
    Several(Vec<Spanned<String>>),
}

impl Texts {
    /// Each text with its place.
    pub(crate) fn each(texts: &Spanned<Self>) -> Vec<Spanned<&str>> {
        match texts.get_ref() {
            Self::One(text) => vec![Spanned::new(texts.span(), text)],
            Self::Several(texts) => texts
                .iter()
                .map(|text| Spanned::new(text.span(), text.get_ref().as_str()))
                .collect(),
        }
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an array of texts")
    }

    fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
        Ok(Texts::One(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = elements.next_element()? {
            texts.push(text);
        }
        Ok(Texts::Several(texts))
    }
}

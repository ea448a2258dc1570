//! Texts of a payload, kept as positions in it.

use std::{num::NonZeroU32, slice};

use crate::jose::position;

/// Where a text stands: in the payload, or behind it, among the texts that had escapes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextRange {
    start: u32,
    /// A quote comes before every text, so it is never 0.
    end: NonZeroU32,
}

impl TextRange {
    /// The position of a text that the parser borrowed from the payload.
    pub(super) fn of(payload: &str, text: &str) -> Option<Self> {
        let (start, end) = position(payload, text)?;
        Some(Self {
            start,
            end: NonZeroU32::new(end)?,
        })
    }

    /// Keeps a text that had escapes.
    pub(super) fn unescaped(payload: &str, texts: &mut String, text: &str) -> Option<Self> {
        let at = |length: usize| u32::try_from(payload.len().checked_add(length)?).ok();
        let start = at(texts.len())?;
        texts.push_str(text);
        Some(Self {
            start,
            end: NonZeroU32::new(at(texts.len())?)?,
        })
    }

    /// The text. Payload and unescaped texts are those that it was made with.
    pub(super) fn get<'p>(self, payload: &'p str, unescaped: &'p str) -> &'p str {
        let (start, end) = (self.start as usize, self.end.get() as usize);
        let found = match start.checked_sub(payload.len()) {
            None => payload.get(start..end),
            Some(start) => unescaped.get(start..end - payload.len()),
        };
        found.unwrap_or("")
    }
}

/// One text or an array of them.
#[derive(Clone, Debug)]
pub(crate) enum TextRanges {
    One(TextRange),
    Many(Vec<TextRange>),
}

impl TextRanges {
    pub(super) fn push(&mut self, text: TextRange) {
        match self {
            Self::One(first) => *self = Self::Many(vec![*first, text]),
            Self::Many(texts) => texts.push(text),
        }
    }

    pub(crate) fn as_slice(&self) -> &[TextRange] {
        match self {
            Self::One(one) => slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

//! Texts of a payload, kept as positions in it.

use std::borrow::Cow;

use crate::jose::json::position;

/// A text: where it stands in the payload, or its own copy when the payload had escapes in it.
#[derive(Debug)]
pub(crate) enum Span {
    At(u32, u32),
    Own(Box<str>),
}

impl Span {
    pub(super) fn new(payload: &str, text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => match position(payload, text) {
                Some((start, end)) => Self::At(start, end),
                None => Self::Own(text.into()),
            },
            Cow::Owned(text) => Self::Own(text.into()),
        }
    }

    /// The text. `payload` is the one that was parsed.
    pub(crate) fn get<'p>(&'p self, payload: &'p str) -> &'p str {
        match self {
            Self::At(start, end) => payload.get(*start as usize..*end as usize).unwrap_or(""),
            Self::Own(text) => text,
        }
    }
}

/// One text or an array of them.
#[derive(Debug)]
pub(crate) enum Spans {
    One(Span),
    Many(Box<[Span]>),
}

impl Spans {
    pub(crate) fn as_slice(&self) -> &[Span] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

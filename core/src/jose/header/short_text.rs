//! A text that mostly is short, and then needs no allocation.

use std::fmt;

/// A text; up to `LONGEST` bytes stand in the value itself.
#[derive(Clone)]
pub(super) enum InlineStr<const LONGEST: usize> {
    Here { length: u8, bytes: [u8; LONGEST] },
    Long(Box<str>),
}

impl<const LONGEST: usize> InlineStr<LONGEST> {
    /// Writes `text` where it is to stay: to move it right afterwards takes longer than to write it.
    pub(super) fn put(text: &str, place: &mut Option<Self>) {
        let bytes = [0; LONGEST];
        match u8::try_from(text.len()) {
            Ok(length) if text.len() <= LONGEST => {
                if let Self::Here { bytes, .. } = place.insert(Self::Here { length, bytes }) {
                    bytes[..text.len()].copy_from_slice(text.as_bytes());
                }
            }
            _ => *place = Some(Self::Long(text.into())),
        }
    }

    /// The text. Who only compares takes its bytes, which need no check.
    pub(super) fn get(&self) -> &str {
        // What was put in there was a text.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Here { length, bytes } => &bytes[..usize::from(*length)],
            Self::Long(text) => text.as_bytes(),
        }
    }

    pub(super) fn make_ascii_lowercase(&mut self) {
        match self {
            Self::Here { bytes, .. } => bytes.make_ascii_lowercase(),
            Self::Long(text) => text.make_ascii_lowercase(),
        }
    }
}

impl<const LONGEST: usize> fmt::Debug for InlineStr<LONGEST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl<const LONGEST: usize> PartialEq for InlineStr<LONGEST> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const LONGEST: usize> Eq for InlineStr<LONGEST> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_length_comes_back() {
        for length in [0, 1, 21, 22, 23, 300] {
            let text = "Ä1".chars().cycle().take(length).collect::<String>();
            let new = |text| {
                let mut place = None;
                InlineStr::<22>::put(text, &mut place);
                place.unwrap()
            };
            let mut short = new(&text);
            assert_eq!(short.get(), text);
            assert_eq!(format!("{short:?}"), format!("{text:?}"));
            short.make_ascii_lowercase();
            assert_eq!(short, new(&text.to_ascii_lowercase()));
        }
    }
}

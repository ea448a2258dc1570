//! The member names of one JSON object, each of which must be unique.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
};

/// The member names of one object, as they come.
#[derive(Default)]
pub(crate) struct MemberNames<'de> {
    /// One bit for each (length, first byte, last byte) seen: an unset one proves a new name without a
    /// comparison.
    seen: u64,
    /// The first ones, up to `count`: most objects have no more, and need no allocation.
    few: [&'de str; FEW],
    count: usize,
    /// Those from the first with an escape on, or from the thirteenth.
    many: Option<Many<'de>>,
}

impl<'de> MemberNames<'de> {
    /// Adds `name`; an error if the object has it already, or if it [is reserved](is_reserved).
    pub(crate) fn add(&mut self, name: Cow<'de, str>) -> Result<(), BadName> {
        if is_reserved(&name) {
            return Err(BadName::Reserved);
        }
        let bit = bit(name.as_bytes());
        if self.seen & bit != 0 && self.few[..self.count].contains(&&*name) {
            return Err(BadName::Twice);
        }
        self.seen |= bit;
        match (name, &mut self.many, self.few.get_mut(self.count)) {
            (Cow::Borrowed(name), None, Some(free)) => {
                *free = name;
                self.count += 1;
                Ok(())
            }
            (name, many, _) => many.get_or_insert_default().add(name),
        }
    }
}

fn bit(name: &[u8]) -> u64 {
    let byte = |byte: Option<&u8>| usize::from(byte.copied().unwrap_or(0));
    let (first, last) = (byte(name.first()), byte(name.last()));
    1 << (name.len().wrapping_mul(31).wrapping_add(first * 7 + last) % 64)
}

/// The number of names that need no allocation.
const FEW: usize = 12;

/// The reason why an object may not have a member of this name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadName {
    #[error("a member name that `serde_json` keeps for itself")]
    Reserved,
    #[error("duplicate member name")]
    Twice,
}

/// Names by their hashes, under a key that nobody outside knows. Each is hashed once.
struct Many<'de> {
    hasher: RandomState,
    names: HashMap<u64, Cow<'de, str>, BuildHasherDefault<Hashed>>,
}

impl Default for Many<'_> {
    fn default() -> Self {
        Self {
            hasher: RandomState::default(),
            names: HashMap::with_capacity_and_hasher(4 * FEW, BuildHasherDefault::default()),
        }
    }
}

impl<'de> Many<'de> {
    fn add(&mut self, name: Cow<'de, str>) -> Result<(), BadName> {
        let mut hash = self.hasher.hash_one(&*name);
        loop {
            match self.names.entry(hash) {
                Entry::Occupied(known) if *known.get() == name => return Err(BadName::Twice),
                // Two names with one hash: the later one takes the next number.
                Entry::Occupied(_) => hash = hash.wrapping_add(1),
                Entry::Vacant(free) => {
                    free.insert(name);
                    return Ok(());
                }
            }
        }
    }
}

/// The hasher of a number that is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Returns whether `serde_json` keeps a member name for itself. No honest token has one.
///
/// Any crate of a build can turn its features on. With `raw_value`, it then reads an object with one
/// such member as the JSON text in its value: other types than were checked, duplicates, and nesting
/// without a limit. With `arbitrary_precision`, it reads another as the number in its text.
fn is_reserved(name: &str) -> bool {
    // The first byte rules out all but a few.
    name.starts_with('$') && name.starts_with("$serde_json::private::")
}

/// The name by which `serde_json` is asked for raw JSON.
pub(crate) const SERDE_RAW_VALUE: &str = "$serde_json::private::RawValue";

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns whether an object can have these members.
    fn fits<'n>(names: impl IntoIterator<Item = Cow<'n, str>>) -> bool {
        let mut seen = MemberNames::default();
        names.into_iter().all(|name| seen.add(name).is_ok())
    }

    /// Names of which the first `plain` are borrowed, and the others were written with escapes.
    fn names(count: usize, plain: usize) -> Vec<Cow<'static, str>> {
        let name = |n| match n {
            0 => Cow::Borrowed(""),
            n if n <= plain => Cow::Borrowed(&*format!("name-{n}").leak()),
            n => Cow::Owned(format!("name-{n}")),
        };
        (0..count).map(name).collect()
    }

    #[test]
    fn a_name_is_found_again_wherever_it_was_put() {
        // At the end of the few, and where the table of the others grows.
        for count in [1, 2, 11, 12, 13, 14, 43, 44, 45, 76, 77, 140, 141] {
            for plain in [0, 5, 11, 12, 200] {
                let names = names(count, plain);
                let with = |more| fits(names.iter().cloned().chain([more]));
                assert!(with("another".into()), "{count}, {plain}");
                for name in &names {
                    assert!(
                        !with(Cow::Owned(name.to_string())),
                        "{name} of {count}, {plain}"
                    );
                    assert!(!with(Cow::Borrowed(name)), "{name} of {count}, {plain}");
                }
            }
        }
    }

    #[test]
    fn a_duplicate_is_found_among_very_many() {
        let names = names(5_000, 5_000);
        assert!(fits(names.clone()));
        for twice in [0, 11, 12, 13, 4_999] {
            assert!(
                !fits(names.iter().chain([&names[twice]]).cloned()),
                "{twice}"
            );
        }
    }
}

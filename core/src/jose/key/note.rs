//! A note about a published key that is used, though it is not in its canonical form.

/// A key of a set that is used, though its text is not the one that RFC 7518 asks for.
///
/// Some providers publish numbers with a zero octet in front, coordinates without their leading zeros,
/// base64 with padding, or `null` for an absent member. That has exactly one reading, so the key is read; its
/// [thumbprint](crate::Key::thumbprint) is that of the canonical form (RFC 7638 section 3). Other libraries
/// refuse such keys: tell the provider.
///
/// # Examples
///
/// ```
/// use countersign::{KeySet, SigningKey};
///
/// let jwk = SigningKey::generate_es256()?.verifying_key().to_jwk().unwrap_or_default();
/// let padded = jwk.replace(r#"","y""#, r#"=","y""#); // 43 characters need one `=` in base64
/// let set = KeySet::from_json(&format!(r#"{{"keys":[{padded}]}}"#))?;
/// assert_eq!(set.notes()[0].text(), "x is base64, not base64url without padding");
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyNote {
    index: usize,
    id: Option<String>,
    text: String,
}

impl KeyNote {
    pub(super) fn new(index: usize, id: Option<String>, text: String) -> Self {
        Self { index, id, text }
    }

    /// Its position in `keys`, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its `kid`, cut after 128 characters. Escape it before it is logged.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The deviations from the canonical form, in words. It contains neither the key nor other text of the set.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

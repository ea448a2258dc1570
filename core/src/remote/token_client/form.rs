//! The form of a request to a token endpoint.

use form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

/// A form with secrets in it, encoded (`application/x-www-form-urlencoded`).
#[derive(Clone, Default)]
pub(super) struct Form(Zeroizing<String>);

impl Form {
    pub(super) fn push(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.extend(byte_serialize(name.as_bytes()));
        self.0.push('=');
        self.0.extend(byte_serialize(value.as_bytes()));
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Encodes one value.
pub(super) fn encoded(value: &str) -> Zeroizing<String> {
    Zeroizing::new(byte_serialize(value.as_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_encoded() {
        let mut form = Form::default();
        form.push("grant_type", "urn:ietf:params");
        form.push("a&b", "c d+é=");
        assert_eq!(
            form.as_str(),
            "grant_type=urn%3Aietf%3Aparams&a%26b=c+d%2B%C3%A9%3D"
        );
    }
}

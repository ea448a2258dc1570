//! What the keys are called.

use countersign::{ConfigError, SessionId};

/// The names of all keys of one store. They share a hash tag, so that a cluster keeps them together
/// and one script may use any of them.
pub(crate) struct Keys {
    /// Of the keys of sessions: what comes before the id.
    pub(crate) sessions: String,
    /// Of the keys of subjects: what comes before the subject.
    pub(crate) subjects: String,
    /// The stream of revocations.
    pub(crate) log: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Result<Self, ConfigError> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}');
        if prefix.is_empty() || !prefix.bytes().all(plain) {
            return Err(ConfigError::InvalidSetting(
                "a prefix is one or more visible ASCII characters other than braces".into(),
            ));
        }
        Ok(Self {
            sessions: format!("{{{prefix}}}:s:"),
            subjects: format!("{{{prefix}}}:u:"),
            log: format!("{{{prefix}}}:revoked"),
        })
    }

    pub(crate) fn session(&self, id: &SessionId) -> String {
        format!("{}{id}", self.sessions)
    }

    pub(crate) fn subject(&self, subject: &str) -> String {
        format!("{}{subject}", self.subjects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_the_hash_tag_of_every_key() {
        let keys = Keys::new("shop:1").unwrap();
        let id = SessionId::parse("AAECAwQFBgcICQoLDA0ODw").unwrap();
        assert_eq!(keys.session(&id), "{shop:1}:s:AAECAwQFBgcICQoLDA0ODw");
        assert_eq!(keys.subject("}{"), "{shop:1}:u:}{");
        assert_eq!(keys.log, "{shop:1}:revoked");
    }

    #[test]
    fn a_prefix_that_would_not_be_a_hash_tag_is_refused() {
        for prefix in ["", "a}b", "{a", "a b", "a\n", "é"] {
            assert!(Keys::new(prefix).is_err(), "{prefix:?}");
        }
    }
}

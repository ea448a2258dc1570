//! The names of the keys.

#[cfg(feature = "proof")]
use countersign::proof::ReplayKey;
use countersign::{
    ConfigError,
    session::{Realm, SessionId, store::ApiKeyId},
};

/// The names of all keys of one store. They share a hash tag, so that a cluster keeps them together
/// and one script may use any of them.
pub(crate) struct Keys {
    /// The prefix of the keys of sessions, before the id.
    pub(crate) sessions: String,
    /// Matches the keys of sessions.
    pub(crate) sessions_pattern: String,
    /// The prefix of the keys of subjects, before the realm and the subject.
    pub(crate) subjects: String,
    /// The stream of revocations.
    pub(crate) log: String,
    /// The layout of the keys.
    pub(crate) layout: String,
    /// The name of the epoch, and since when.
    pub(crate) epoch: String,
    /// The key that a check of the server writes and removes.
    pub(crate) health: String,
    /// The stream of revocations in the first layout.
    pub(crate) first_log: String,
    /// Matches the keys of sessions and subjects in the first layout.
    pub(crate) first_pattern: String,
    /// The prefix of the ends of all sessions, before the realm and the subject.
    ends: String,
    /// The prefix of sealed rings, before their name.
    rings: String,
    /// The prefix of API keys, before the id.
    pub(crate) api_keys: String,
    /// The prefix of the sets of ids of API keys, before the realm and the subject.
    api_key_subjects: String,
    /// The prefix of used proofs, before their hash. It has no hash tag: no script needs two of them.
    #[cfg(feature = "proof")]
    proofs: String,
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
            sessions: format!("{{{prefix}}}:session:"),
            sessions_pattern: format!("{{{}}}:session:*", literally(prefix)),
            subjects: format!("{{{prefix}}}:subject:"),
            log: format!("{{{prefix}}}:log"),
            layout: format!("{{{prefix}}}:layout"),
            epoch: format!("{{{prefix}}}:epoch"),
            health: format!("{{{prefix}}}:health"),
            first_log: format!("{{{prefix}}}:revoked"),
            first_pattern: format!("{{{}}}:[su]:*", literally(prefix)),
            ends: format!("{{{prefix}}}:end:"),
            rings: format!("{{{prefix}}}:ring:"),
            api_keys: format!("{{{prefix}}}:api_key:"),
            api_key_subjects: format!("{{{prefix}}}:api_keys:"),
            #[cfg(feature = "proof")]
            proofs: format!("{prefix}:proof:"),
        })
    }

    pub(crate) fn session(&self, id: &SessionId) -> String {
        format!("{}{id}", self.sessions)
    }

    /// Names the key of a subject. The scripts make this name, too.
    pub(crate) fn subject(&self, realm: &Realm, subject: &str) -> String {
        named(&self.subjects, realm, subject)
    }

    /// Names the key of a sealed ring.
    pub(crate) fn ring(&self, name: &str) -> String {
        format!("{}{name}", self.rings)
    }

    pub(crate) fn api_key(&self, id: &ApiKeyId) -> String {
        format!("{}{id}", self.api_keys)
    }

    /// Names the set of ids of the API keys of a subject.
    pub(crate) fn api_keys_of(&self, realm: &Realm, subject: &str) -> String {
        named(&self.api_key_subjects, realm, subject)
    }

    #[cfg(feature = "proof")]
    pub(crate) fn proof(&self, key: &ReplayKey) -> String {
        format!("{}{key}", self.proofs)
    }

    /// Tells the operator what to do about keys of the first layout.
    pub(crate) fn refusal_of_the_first_layout(&self) -> String {
        let Self {
            first_log,
            first_pattern,
            ..
        } = self;
        format!(
            "Redis holds keys of an earlier version, whose sessions belong to no realm and cannot be carried \
             over. Stop the programs of that version. Then wait until the sessions have expired, or log their \
             users out with: redis-cli --scan --pattern '{first_pattern}' | xargs redis-cli unlink. A day \
             later, when no revoked access token lives any more, delete the old log with: redis-cli unlink \
             '{first_log}'"
        )
    }

    /// Names the key by which the end of all sessions of the subject is remembered.
    pub(crate) fn end(&self, realm: &Realm, subject: &str) -> String {
        named(&self.ends, realm, subject)
    }

    /// Names the key by which the end of all sessions of the realm is remembered. No subject is empty.
    pub(crate) fn end_of_realm(&self, realm: &Realm) -> String {
        named(&self.ends, realm, "")
    }
}

/// Names a key of a subject. The length keeps the realm from running into the subject.
fn named(before: &str, realm: &Realm, subject: &str) -> String {
    let length = realm.as_str().len();
    format!("{before}{length}:{realm}:{subject}")
}

/// Writes a text as a pattern that matches nothing else.
fn literally(text: &str) -> String {
    let mut pattern = String::new();
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_the_hash_tag_of_every_key() {
        let keys = Keys::new("shop:1").unwrap();
        let id = SessionId::parse("AAECAwQFBgcICQoLDA0ODw").unwrap();
        let realm = Realm::new("}{").unwrap();
        assert_eq!(keys.session(&id), "{shop:1}:session:AAECAwQFBgcICQoLDA0ODw");
        assert_eq!(keys.subject(&realm, "}{"), "{shop:1}:subject:2:}{:}{");
        assert_eq!(keys.end(&realm, "}{"), "{shop:1}:end:2:}{:}{");
        assert_eq!(keys.ring("}{"), "{shop:1}:ring:}{");
        assert_eq!(keys.api_keys_of(&realm, "}{"), "{shop:1}:api_keys:2:}{:}{");
        assert_eq!(keys.api_keys, "{shop:1}:api_key:");
        assert_eq!(keys.log, "{shop:1}:log");
        assert_eq!(keys.end_of_realm(&realm), "{shop:1}:end:2:}{:");
        assert_eq!(keys.epoch, "{shop:1}:epoch");
        assert_eq!(keys.layout, "{shop:1}:layout");
        assert_eq!(keys.first_log, "{shop:1}:revoked");
    }

    #[cfg(feature = "proof")]
    #[test]
    fn a_proof_is_no_part_of_the_hash_tag() {
        use countersign::proof::Thumbprint;

        let keys = Keys::new("shop:1").unwrap();
        let key = keys.proof(&ReplayKey::new(Thumbprint::from_bytes([7; 32]), "}{"));
        assert!(key.starts_with("shop:1:proof:"), "{key}");
        assert_eq!(key.len(), "shop:1:proof:".len() + 43);
        assert!(!key.contains(['{', '}']), "{key}");
    }

    #[test]
    fn no_realm_runs_into_a_subject() {
        let keys = Keys::new("shop").unwrap();
        let names = [("a", "b:c"), ("a:b", "c"), ("a:1", "b"), ("a", "1:b")];
        let mut names = names.map(|(realm, subject)| {
            let realm = Realm::new(realm).unwrap();
            keys.subject(&realm, subject)
        });
        names.sort();
        assert!(names.windows(2).all(|two| two[0] != two[1]), "{names:?}");
    }

    #[test]
    fn a_prefix_in_a_pattern_matches_itself_only() {
        let keys = Keys::new(r"a*b?[c]\").unwrap();
        assert_eq!(keys.sessions_pattern, r"{a\*b\?\[c\]\\}:session:*");
        assert_eq!(keys.first_pattern, r"{a\*b\?\[c\]\\}:[su]:*");
    }

    #[test]
    fn a_prefix_that_would_not_be_a_hash_tag_is_refused() {
        for prefix in ["", "a}b", "{a", "a b", "a\n", "é"] {
            assert!(Keys::new(prefix).is_err(), "{prefix:?}");
        }
    }
}

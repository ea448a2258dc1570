//! A cache of parsed headers: an issuer writes one header into all tokens of one key.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};

use crate::jose::{Header, HeaderView};

/// The headers of good tokens.
#[derive(Default)]
pub(super) struct HeaderCache([ArcSwapOption<CachedHeader>; Self::ENTRIES]);

/// A header, and the encoded text that it was parsed from.
struct CachedHeader {
    encoded: Box<str>,
    header: Arc<Header>,
}

/// The header of an earlier good token, if there was one with the same text.
pub(super) struct Recalled(Option<Guard<Option<Arc<CachedHeader>>>>);

impl Recalled {
    pub(super) fn header(&self) -> Option<&Arc<Header>> {
        Some(&self.0.as_ref()?.as_ref()?.header)
    }
}

impl HeaderCache {
    /// Usually one for each key of an issuer.
    const ENTRIES: usize = 8;

    /// Looks for the header of an earlier token with these very bytes.
    pub(super) fn recall(&self, encoded: &str) -> Recalled {
        let entry = self.entry(encoded).load();
        let is_it = entry
            .as_ref()
            .is_some_and(|entry| *entry.encoded == *encoded);
        Recalled(is_it.then_some(entry))
    }

    /// Remembers the header of an accepted token. Of no other one, so that no stranger can push one out.
    pub(super) fn remember(&self, encoded: &str, header: &HeaderView<'_>) -> Arc<Header> {
        let header = Arc::new(Header::from(header));
        self.entry(encoded).store(Some(Arc::new(CachedHeader {
            encoded: encoded.into(),
            header: Arc::clone(&header),
        })));
        header
    }

    /// Returns the entry of this header: a hash of its first words and its last one selects it.
    fn entry(&self, encoded: &str) -> &ArcSwapOption<CachedHeader> {
        /// 2^64 divided by the golden ratio: each bit of the sum counts in the upper ones.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

        let bytes = encoded.as_bytes();
        let first = bytes.as_chunks().0.iter().take(32);
        let words = first.chain(bytes.last_chunk());
        let fold = |sum: u64, word: &[u8; 8]| sum.rotate_left(7) ^ u64::from_le_bytes(*word);
        let sum = words.fold(0, fold).wrapping_mul(SPREAD);
        &self.0[usize::try_from(sum >> 61).unwrap_or(0) % Self::ENTRIES]
    }
}

#[cfg(all(test, feature = "test-util"))]
mod tests {
    use std::{collections::HashSet, sync::Arc};

    use super::HeaderCache;
    use crate::{
        KeySet, Keys, SigningKey, Verifier,
        jose::base64url,
        keys::{KeySource, KeysUnavailable},
        testing::TestIssuer,
    };

    /// Keys that may be renewed, so that the claims of a forged token are looked at as well.
    struct Renewed(Arc<KeySet>);

    impl KeySource for Renewed {
        fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
            Ok(Arc::clone(&self.0))
        }
    }

    #[test]
    fn headers_of_many_keys_use_all_entries() {
        let cache = HeaderCache::default();
        for (before, after) in [
            (r#"{"kid":""#, r#"","alg":"RS256","typ":"JWT"}"#),
            (r#"{"alg":"RS256","typ":"JWT","kid":""#, r#""}"#),
        ] {
            let headers = (0..100).map(|n| base64url::encode(format!("{before}{n}{after}")));
            let entry = |header: String| std::ptr::from_ref(cache.entry(&header));
            let entries: HashSet<_> = headers.map(entry).collect();
            assert_eq!(entries.len(), HeaderCache::ENTRIES);
        }
    }

    #[test]
    fn only_a_good_token_has_its_header_remembered() {
        let issuer = TestIssuer::new();
        let set = KeySet::new([issuer.key().verifying_key()]);
        let verifier = Verifier::builder(Keys::from_source(Renewed(Arc::new(set))))
            .issuer(TestIssuer::ISSUER)
            .audience(TestIssuer::AUDIENCE)
            .clock(issuer.clock().clone())
            .build()
            .unwrap();
        let forger = SigningKey::generate_es256().unwrap();
        for (text, remembered) in [
            (
                issuer.token().header("kid", "newer").signed_by(&forger),
                false,
            ),
            (issuer.token().signed_by(&forger), false),
            (issuer.token().sign(), true),
        ] {
            let ready = futures_executor::block_on(verifier.verify(&text));
            assert_eq!(ready.is_ok(), remembered);
            let (header, _) = text.split_once('.').unwrap();
            assert_eq!(
                verifier.headers().recall(header).header().is_some(),
                remembered
            );
        }
    }
}

//! Headers that have been parsed. An issuer writes the same one into all tokens of one key.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::jose::Header;

/// The headers of good tokens.
#[derive(Default)]
pub(super) struct HeaderCache([ArcSwapOption<CachedHeader>; PLACES]);

/// A header, and the encoded text that it was parsed from.
struct CachedHeader {
    encoded: Box<str>,
    header: Arc<Header>,
}

/// How many headers are remembered: keys of one issuer, mostly.
const PLACES: usize = 8;

impl HeaderCache {
    /// The header of an earlier good token, if its text was the same byte by byte.
    pub(super) fn recall(&self, encoded: &str) -> Option<Arc<Header>> {
        let memo = self.place(encoded).load();
        let memo = memo.as_ref().filter(|memo| *memo.encoded == *encoded)?;
        Some(Arc::clone(&memo.header))
    }

    /// Only the header of an accepted token may get here, so that nobody else can push it out.
    pub(super) fn remember(&self, encoded: &str, header: &Arc<Header>) {
        self.place(encoded).store(Some(Arc::new(CachedHeader {
            encoded: encoded.into(),
            header: Arc::clone(header),
        })));
    }

    /// Where this header is remembered: its first words and its last, folded into one number, and
    /// that into a place.
    fn place(&self, encoded: &str) -> &ArcSwapOption<CachedHeader> {
        /// The golden ratio of 64 bits: each bit of the one number counts in the upper ones.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

        let bytes = encoded.as_bytes();
        let first = bytes.as_chunks().0.iter().take(32);
        let words = first.chain(bytes.last_chunk());
        let fold = |sum: u64, word: &[u8; 8]| sum.rotate_left(7) ^ u64::from_le_bytes(*word);
        let sum = words.fold(0, fold).wrapping_mul(SPREAD);
        &self.0[usize::try_from(sum >> 61).unwrap_or(0) % PLACES]
    }
}

#[cfg(all(test, feature = "test-util"))]
mod tests {
    use std::{collections::HashSet, sync::Arc};

    use super::{HeaderCache, PLACES};
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
    fn headers_of_many_keys_use_all_places() {
        let memos = HeaderCache::default();
        for (before, after) in [
            (r#"{"kid":""#, r#"","alg":"RS256","typ":"JWT"}"#),
            (r#"{"alg":"RS256","typ":"JWT","kid":""#, r#""}"#),
        ] {
            let headers = (0..100).map(|n| base64url::encode(format!("{before}{n}{after}")));
            let place = |header: String| std::ptr::from_ref(memos.place(&header));
            let places: HashSet<_> = headers.map(place).collect();
            assert_eq!(places.len(), PLACES);
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
            assert_eq!(verifier.memos().recall(header).is_some(), remembered);
        }
    }
}

//! `X-Forwarded-Client-Cert`, as Envoy writes it.

use super::{encoding, format};
use crate::jose::Thumbprint;

/// Returns the thumbprint of the certificate of the one element, by its `Hash`, its `Cert`, or both.
///
/// An element is a list of pairs, between semicolons. A comma begins another element: that of a further proxy, or one that
/// the client has sent, and which of them counts is open. Commas, semicolons and equals signs within quotes are text.
pub(super) fn thumbprint(value: &[u8]) -> Option<Thumbprint> {
    let mut hash = None;
    let mut certificate = None;
    let mut rest = Some(value);
    while let Some(pairs) = rest {
        let pair = Pair::read(pairs)?;
        rest = pair.rest;
        let place = match () {
            () if pair.key.eq_ignore_ascii_case(b"hash") => &mut hash,
            () if pair.key.eq_ignore_ascii_case(b"cert") => &mut certificate,
            // `By`, `Subject`, `URI` and `DNS` are of no interest; `Chain` has the leaf in it again.
            () => continue,
        };
        if place.replace(pair.value).is_some() {
            return None;
        }
    }
    let hash = match hash {
        Some(hash) => Some(Thumbprint::from_bytes(encoding::hex_hash(hash)?)),
        None => None,
    };
    let certificate = match certificate {
        Some(text) => Some(Thumbprint::of(&format::one_pem(text, b"")?)),
        None => None,
    };
    match (hash, certificate) {
        (Some(hash), Some(certificate)) if hash != certificate => None,
        (hash, certificate) => hash.or(certificate),
    }
}

/// A key and its value, without its quotes. What is escaped in it stays as it is: in a hash or a certificate, nothing is.
struct Pair<'v> {
    key: &'v [u8],
    value: &'v [u8],
    /// What stands behind the semicolon, if there is one.
    rest: Option<&'v [u8]>,
}

impl<'v> Pair<'v> {
    fn read(text: &'v [u8]) -> Option<Self> {
        let (key, text) = text.split_at(text.iter().position(|byte| *byte == b'=')?);
        if key.is_empty() || !key.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let text = &text[1..];
        let (value, rest) = match text {
            [b'"', quoted @ ..] => {
                let end = end_of_quoted(quoted)?;
                (&quoted[..end], &quoted[end + 1..])
            }
            _ => {
                let end = text.iter().position(|byte| b"\",;=".contains(byte));
                text.split_at(end.unwrap_or(text.len()))
            }
        };
        let rest = match rest {
            [] => None,
            [b';', rest @ ..] => Some(rest),
            _ => return None,
        };
        Some(Self { key, value, rest })
    }
}

/// Finds the closing quote. A backslash escapes what follows.
fn end_of_quoted(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";

    fn is_read(value: &str) -> bool {
        let read = thumbprint(value.as_bytes());
        read.is_some_and(|thumbprint| thumbprint.as_bytes()[..2] == [0x46, 0x8e])
    }

    #[test]
    fn the_hash_is_found_among_pairs_of_any_kind() {
        for value in [
            format!("Hash={HASH}"),
            format!("hash=\"{HASH}\""),
            format!(
                "By=spiffe://cluster/ns/a;By=spiffe://b;Hash={HASH};Subject=\"\";URI=;DNS=a;DNS=b"
            ),
            format!(r#"Subject="CN=a\",Hash=\"0,O=x;y\\";HASH={HASH}"#),
            format!("Hash={HASH};Future=1"),
        ] {
            assert!(is_read(&value), "{value}");
        }
    }

    #[test]
    fn what_is_not_one_element_is_refused() {
        let other = "0".repeat(64);
        for value in [
            String::new(),
            "By=a".into(),
            "Hash=".into(),
            "Hash".into(),
            HASH.into(),
            format!("={HASH}"),
            format!("Hash={HASH};"),
            format!(";Hash={HASH}"),
            format!("Hash={HASH},"),
            format!("Hash={HASH},Hash={HASH}"),
            format!("Hash={other},Hash={HASH}"),
            format!("By=a,Hash={HASH}"),
            format!("Hash={HASH};Hash={HASH}"),
            format!("Hash={HASH}; By=a"),
            format!("Hash ={HASH}"),
            format!("Hash= {HASH}"),
            format!("Hash={HASH}=1"),
            format!("Hash={}", &HASH[1..]),
            format!("Hash={HASH}00"),
            format!("Hash=\"{HASH}"),
            format!("Hash={HASH}\""),
            format!("Hash=\"{HASH}\"0"),
            format!("Hash=\"\\46{}\"", &HASH[2..]),
            format!("Subject=\"a\\\";Hash={HASH}"),
            "Subject=\"a\\".into(),
            format!("Subject=\"a\"\";Hash={HASH}"),
        ] {
            assert!(thumbprint(value.as_bytes()).is_none(), "{value}");
        }
    }
}

//! PEM (RFC 7468) of certificates, and nothing else.

use super::encoding;

/// Returns the DER of each block. `None` unless the text is nothing but blocks `CERTIFICATE`, with lines of base64 that end in
/// `\n` or `\r\n`.
pub(super) fn certificates(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut lines = lines(text);
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        if line != BEGIN {
            return None;
        }
        let mut body = Vec::new();
        loop {
            match lines.next()? {
                END => break,
                line if (1..=LONGEST_LINE).contains(&line.len()) => body.extend_from_slice(line),
                _ => return None,
            }
        }
        blocks.push(encoding::base64(&body).filter(|der| !der.is_empty())?);
    }
    Some(blocks)
}

/// Splits into lines. The last one may lack its end.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";
/// RFC 7468 section 2 asks for 64, other writers go up to what MIME allows (RFC 2045 section 6.8).
const LONGEST_LINE: usize = 76;

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> String {
        let body = format!("{}\nAQID", "A".repeat(64));
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn one_block_and_several_are_read() {
        let der = [vec![0; 48], vec![1, 2, 3]].concat();
        let one = good();
        for text in [
            one.clone(),
            one.trim_end().to_owned(),
            one.replace('\n', "\r\n"),
            one.replace("\nAQID", "AQID"),
        ] {
            assert_eq!(
                certificates(text.as_bytes()),
                Some(vec![der.clone()]),
                "{text:?}"
            );
        }
        let two = one.clone() + &one;
        assert_eq!(certificates(two.as_bytes()), Some(vec![der.clone(), der]));
    }

    #[test]
    fn anything_around_or_inside_is_refused() {
        let good = good();
        for text in [
            String::new(),
            "\n".into(),
            format!("x\n{good}"),
            format!("\n{good}"),
            format!("{good}\n"),
            format!("{good}x"),
            good.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
            good.replace("CERTIFICATE", "PUBLIC KEY"),
            good.replace("-----END", "----END"),
            good.replace("END CERTIFICATE", "END CRL"),
            good.replace("AQID", "AQI"),
            good.replace("AQID", "AQID\n"),
            good.replace("AQID", " AQID"),
            good.replace("AQID", "AQID "),
            good.replace("AQID", "AQI=\nAQID"),
            good.replace("AQID", "Proc-Type: 4\n\nAQID"),
            good.replace("AQID", &"A".repeat(80)),
            good.replace('\n', "\t"),
            good.replace('\n', ""),
            good.replace('\n', "\r"),
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".into(),
            "-----BEGIN CERTIFICATE-----\nAQID".into(),
        ] {
            assert_eq!(certificates(text.as_bytes()), None, "{text:?}");
        }
    }
}

//! The texts of API keys, compared with a reading of our own: its checksum comes from a table, and its digits from a search.

#![no_main]

use countersign::fuzzing;
use libfuzzer_sys::fuzz_target;

const DIGITS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Prefix, id, `_`, secret.
const PARTS: [usize; 4] = [3, 16, 1, 32];

// The text as it is; and with its checksum put right, if the rest is as long as that of a key.
fuzz_target!(|text: &str| {
    check(text);
    let length = PARTS.iter().sum();
    if let Some(start) = text.get(..length) {
        check(&format!("{start}{}", checksum(start)));
        check(&format!(
            "sk_{}{}",
            &start[start.ceil_char_boundary(3)..],
            checksum(start)
        ));
    }
});

fn check(text: &str) {
    let found = fuzzing::api_key(text, "sk_");
    let expected = read(text);
    let found = found.as_ref().map(|(id, secret)| (id.as_str(), *secret));
    assert_eq!(found, expected, "{text:?}");
    if expected.is_some() {
        assert!(fuzzing::api_key(text, "pk_").is_none());
        assert!(fuzzing::api_key(text, "sk_x").is_none() || text.starts_with("sk_x"));
    }
}

/// Reads a key: id and secret.
fn read(text: &str) -> Option<(&str, &str)> {
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    if characters.len() != 58 || text.len() != 58 {
        return None;
    }
    for (at, character) in characters {
        let is_good = match at {
            0 => character == 's',
            1 => character == 'k',
            2 | 19 => character == '_',
            _ => DIGITS.contains(character),
        };
        if !is_good {
            return None;
        }
    }
    (text[52..] == checksum(&text[..52])).then(|| (&text[3..19], &text[20..52]))
}

/// Computes the CRC-32 of a text in six digits of base 62.
fn checksum(text: &str) -> String {
    let table: Vec<u32> = (0..256_u32)
        .map(|byte| {
            let mut entry = byte;
            for _ in 0..8 {
                let bit = entry % 2;
                entry /= 2;
                if bit == 1 {
                    entry ^= 0xEDB8_8320;
                }
            }
            entry
        })
        .collect();
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc = table[usize::from(crc as u8 ^ byte)] ^ (crc >> 8);
    }
    let mut rest = u64::from(!crc);
    let mut digits = String::new();
    for power in (0..6).rev() {
        let unit = 62_u64.pow(power);
        let digit = usize::try_from(rest / unit).expect("below 62");
        digits.push(DIGITS.as_bytes()[digit].into());
        rest %= unit;
    }
    digits
}

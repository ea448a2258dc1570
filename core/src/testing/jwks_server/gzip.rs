//! Gzip (RFC 1952), as much as the faults need.

/// Wraps bytes in the gzip format, uncompressed: stored blocks (RFC 1951 section 3.2.4).
pub(super) fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut output = HEADER.to_vec();
    let mut blocks = bytes.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        output.push(u8::from(blocks.peek().is_none()));
        // `chunks` yields no more than this.
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        output.extend(length.to_le_bytes());
        output.extend((!length).to_le_bytes());
        output.extend(block);
    }
    output.extend(crc32(bytes).to_le_bytes());
    // Nothing that is served here is longer.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    output.extend(length.to_le_bytes());
    output
}

/// `{"keys":[`, 8,388,308 spaces, `]}`, as zlib packs it: the spaces are a run of zero bytes.
pub(super) fn bomb() -> Vec<u8> {
    let mut output = HEADER.to_vec();
    output.extend(BOMB_BEGINS);
    output.resize(output.len() + BOMB_ZEROS, 0);
    output.extend(BOMB_ENDS);
    output
}

/// Computes the checksum of RFC 1952 section 8.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            let divided = crc >> 1;
            if crc & 1 == 1 {
                divided ^ 0xedb8_8320
            } else {
                divided
            }
        })
    });
    !crc
}

/// Deflate, no flags, no time, no system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

const BOMB_BEGINS: [u8; 30] = [
    0xed, 0xc1, 0x31, 0x0d, 0x00, 0x20, 0x0c, 0x00, 0x30, 0x2b, 0x64, 0x32, 0xb0, 0xb2, 0x70, 0x72,
    0x71, 0x72, 0x91, 0x05, 0xef, 0xf8, 0x20, 0x6d, 0x2b, 0xd6, 0x3c, 0x3b, 0x7a, 0x36,
];

const BOMB_ZEROS: usize = 8_127;

const BOMB_ENDS: [u8; 13] = [
    0x80, 0x0f, 0x8d, 0xfb, 0x00, 0xe1, 0x51, 0xa2, 0xda, 0xdf, 0xfe, 0x7f, 0x00,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_published_check_value() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_bomb_says_a_length_a_thousand_times_its_own() {
        let bomb = bomb();
        let end = bomb.last_chunk::<4>().unwrap();
        let unpacked = usize::try_from(u32::from_le_bytes(*end)).unwrap();
        assert_eq!(unpacked, 8_388_319);
        assert!(unpacked / bomb.len() > 1_000, "{}", bomb.len());
    }
}

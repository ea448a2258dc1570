use super::*;

#[test]
fn what_is_plain_holds_no_byte_that_a_token_must_not_hold() {
    for len in [0, 1, 31, 32, 33, 63, 64, 65, 541] {
        let good = vec![b'-'; len];
        assert_eq!(is_plain(&good), len >= BLOCK);
        for at in 0..len {
            for odd in [b'\t', b' ', b'"', b','] {
                let mut bad = good.clone();
                bad[at] = odd;
                assert!(!is_plain(&bad), "{odd} at {at} of {len}");
            }
        }
    }
}

//! Is this an Ed25519 public key? (RFC 8032 section 5.1.3, and more.)
//!
//! A point of small order lets anyone sign, and a second encoding of a point gives a key a second
//! thumbprint. Backends differ in what they look at, so it is all looked at here. A public key is
//! no secret: nothing here needs constant time.

use crate::error::ConfigError;

/// Refuses an encoding that is not canonical, of small order, or of no point on the curve.
pub(crate) fn check(public: &[u8; 32]) -> Result<(), ConfigError> {
    let mut y = *public;
    y[31] &= 0x7f;
    if SMALL_ORDER.contains(&y) {
        return Err(ConfigError::WeakKey(
            "the Ed25519 point has a small order: anyone could sign for it".into(),
        ));
    }
    if y[0] >= 0xed && y[1..31].iter().all(|byte| *byte == 0xff) && y[31] == 0x7f {
        return Err(ConfigError::InvalidKey(
            "the Ed25519 point is not in its canonical encoding".into(),
        ));
    }
    if !has_x(&y) {
        return Err(ConfigError::InvalidKey(
            "the Ed25519 point is not on the curve".into(),
        ));
    }
    Ok(())
}

/// Returns whether x^2 = (y^2 - 1) / (d y^2 + 1) has a solution.
///
/// A quotient is a square exactly when the product is, and by Euler's criterion that is when its
/// power (p - 1) / 2 is one.
fn has_x(y: &[u8; 32]) -> bool {
    let square = Field::from_bytes(y).squared();
    let numerator = square.plus(&MINUS_ONE);
    let denominator = square.times(&D).plus(&ONE);
    numerator.times(&denominator).is_square()
}

/// A number modulo p = 2^255 - 19, below 2^256, in little-endian limbs.
#[derive(Clone, Copy)]
struct Field([u64; 4]);

impl Field {
    fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut limbs = [0; 4];
        for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
            *limb = chunk
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        }
        Self(limbs)
    }

    fn plus(&self, other: &Self) -> Self {
        let mut wide = [0; 8];
        let mut carry = 0;
        for ((limb, one), other) in wide.iter_mut().zip(self.0).zip(other.0) {
            (*limb, carry) = split(u128::from(one) + u128::from(other) + carry);
        }
        (wide[4], _) = split(carry);
        Self::reduced(&wide)
    }

    fn times(&self, other: &Self) -> Self {
        let mut wide = [0; 8];
        for i in 0..4 {
            let mut carry = 0;
            for j in 0..4 {
                let product = u128::from(self.0[i]) * u128::from(other.0[j]);
                (wide[i + j], carry) = split(product + u128::from(wide[i + j]) + carry);
            }
            (wide[i + 4], _) = split(carry);
        }
        Self::reduced(&wide)
    }

    fn squared(&self) -> Self {
        self.times(self)
    }

    /// 2^256 is 38 modulo p, so the upper half folds into the lower one.
    fn reduced(wide: &[u64; 8]) -> Self {
        let mut limbs = [0; 4];
        let mut carry = 0;
        let (lower, upper) = wide.split_at(4);
        for ((limb, low), high) in limbs.iter_mut().zip(lower).zip(upper) {
            (*limb, carry) = split(u128::from(*low) + 38 * u128::from(*high) + carry);
        }
        // The rest is small, and folding it in leaves at most one more bit.
        while carry != 0 {
            carry *= 38;
            for limb in &mut limbs {
                (*limb, carry) = split(u128::from(*limb) + carry);
            }
        }
        Self(limbs)
    }

    /// Not for zero, which only y = 1 and y = -1 give: both have a small order.
    fn is_square(&self) -> bool {
        // (p - 1) / 2 = 2^254 - 10: of its 254 bits only the lowest four, 0110, are not all set.
        let mut power = ONE;
        for bit in (0..254).rev() {
            power = power.squared();
            if bit != 0 && bit != 3 {
                power = power.times(self);
            }
        }
        power.is_one()
    }

    fn is_one(&self) -> bool {
        // One, p + 1 or 2p + 1: all that is below 2^256.
        let p = [u64::MAX - 18, u64::MAX, u64::MAX, u64::MAX >> 1];
        let p_plus_one = [p[0] + 1, p[1], p[2], p[3]];
        let two_p_plus_one = [u64::MAX - 36, u64::MAX, u64::MAX, u64::MAX];
        [ONE.0, p_plus_one, two_p_plus_one].contains(&self.0)
    }
}

/// The low limb and what is carried to the next one.
fn split(sum: u128) -> (u64, u128) {
    #[allow(clippy::cast_possible_truncation)] // the low half is what is asked for
    let low = sum as u64;
    (low, sum >> 64)
}

const ONE: Field = Field([1, 0, 0, 0]);

/// p - 1.
const MINUS_ONE: Field = Field([u64::MAX - 19, u64::MAX, u64::MAX, u64::MAX >> 1]);

/// The constant d of the curve, -121665/121666 (RFC 8032 section 5.1).
const D: Field = Field([
    0x75eb_4dca_1359_78a3,
    0x0070_0a4d_4141_d8ab,
    0x8cc7_4079_7779_e898,
    0x5203_6cee_2b6f_fe73,
]);

/// The y coordinates of the eight points of small order, in every encoding, without the sign bit.
///
/// Orders 4, 1, 8, 8, 2, and again 4 and 1 with p added. They are the solutions of `[8]P = 0`;
/// Chalkias, Garillot and Nikolaenko list the same in "Taming the Many EdDSAs" (SSR 2020), table 1.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
    [
        0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
    [
        0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(y: u8) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[0] = y;
        bytes
    }

    #[test]
    fn points_on_the_curve_are_accepted_with_both_signs() {
        // The base point has y = 4/5 (RFC 8032 section 5.1).
        let mut base = [0x66; 32];
        base[0] = 0x58;
        assert_eq!(check(&base), Ok(()));
        base[31] |= 0x80;
        assert_eq!(check(&base), Ok(()));
    }

    #[test]
    fn a_y_without_an_x_is_refused() {
        // By a computation of its own, with Python's integers.
        let on_curve: Vec<u8> = (2..30).filter(|y| check(&encoding(*y)).is_ok()).collect();
        assert_eq!(
            on_curve,
            [
                3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 19, 21, 23, 24, 25, 26, 27, 28, 29
            ]
        );
    }

    #[test]
    fn every_point_of_small_order_is_refused_with_both_signs() {
        for mut y in SMALL_ORDER {
            assert!(matches!(check(&y), Err(ConfigError::WeakKey(_))));
            y[31] |= 0x80;
            assert!(matches!(check(&y), Err(ConfigError::WeakKey(_))));
        }
    }

    #[test]
    fn every_y_from_p_on_is_refused() {
        for low in 0xed..=0xff {
            let mut y = [0xff; 32];
            y[0] = low;
            assert!(check(&y).is_err(), "{low:x}");
            y[31] = 0x7f;
            assert!(check(&y).is_err(), "{low:x}");
        }
    }
}

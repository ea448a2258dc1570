//! The changes that make a genuine signature hostile, and how to repeat them.

/// The most bytes that are added before or after a signature.
const LONGEST_ADDITION: usize = 4;

/// A change to a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Twist {
    /// Nothing.
    None,
    /// It is cut after this many bytes.
    Cut(usize),
    /// The two numbers of ECDSA are in DER.
    Der,
    /// A bit of the first byte is flipped.
    Flipped,
    /// Bytes were put before and after it.
    Longer(Vec<u8>, Vec<u8>),
    /// The order of the group was added to the second half (Ed25519).
    PlusOrder,
    /// Its halves are exchanged (ECDSA).
    Swapped,
    /// The first half is zero (ECDSA).
    ZeroFirst,
}

impl Twist {
    /// Returns the changes that could have made this signature out of one of `length` bytes, each
    /// with the genuine one.
    ///
    /// Changes that lose a part of it are left out.
    pub(super) fn undone(signature: &[u8], length: usize) -> Vec<(Self, Vec<u8>)> {
        let mut undone = Vec::new();
        if signature.len() == length {
            undone.push((Self::None, signature.to_vec()));
            undone.push((Self::Flipped, flipped(signature)));
            undone.push((Self::Swapped, swapped(signature)));
            undone.push((Self::PlusOrder, plus_order(signature, -1)));
        }
        let more = signature.len().checked_sub(length);
        if let Some(more) = more.filter(|more| (1..=LONGEST_ADDITION).contains(more)) {
            let (before, kept) = signature.split_at(more);
            undone.push((Self::Longer(before.to_vec(), Vec::new()), kept.to_vec()));
            let (kept, after) = signature.split_at(length);
            undone.push((Self::Longer(Vec::new(), after.to_vec()), kept.to_vec()));
        }
        if let Some(genuine) = from_der(signature, length / 2) {
            undone.push((Self::Der, genuine));
        }
        undone
    }

    /// Returns the change that lost a part of an ECDSA signature of `length` bytes, if there was
    /// one.
    pub(super) fn lossy(signature: &[u8], length: usize) -> Option<Self> {
        let (first, second) = signature.split_at_checked(length / 2)?;
        let is_number = |half: &[u8]| half.iter().filter(|byte| **byte != 0).count() > 8;
        if signature.len() < length && is_number(first) {
            return Some(Self::Cut(signature.len()));
        }
        let is_zero = first.iter().all(|byte| *byte == 0);
        (signature.len() == length && is_zero && is_number(second)).then_some(Self::ZeroFirst)
    }

    /// Applies the change to a genuine signature.
    pub(super) fn redo(&self, genuine: &[u8]) -> Vec<u8> {
        match self {
            Self::None => genuine.to_vec(),
            Self::Cut(length) => genuine[..*length].to_vec(),
            Self::Der => to_der(genuine),
            Self::Flipped => flipped(genuine),
            Self::Longer(before, after) => [before, genuine, after].concat(),
            Self::PlusOrder => plus_order(genuine, 1),
            Self::Swapped => swapped(genuine),
            Self::ZeroFirst => {
                let (first, second) = genuine.split_at(genuine.len() / 2);
                [&vec![0; first.len()], second].concat()
            }
        }
    }
}

fn flipped(signature: &[u8]) -> Vec<u8> {
    let mut flipped = signature.to_vec();
    if let Some(first) = flipped.first_mut() {
        *first ^= 1;
    }
    flipped
}

fn swapped(signature: &[u8]) -> Vec<u8> {
    let (first, second) = signature.split_at(signature.len() / 2);
    [second, first].concat()
}

/// The order of the group of Ed25519, least byte first (RFC 8032 section 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Adds the order to the second half this many times, ignoring overflow.
fn plus_order(signature: &[u8], times: i16) -> Vec<u8> {
    let mut sum = signature.to_vec();
    let half = sum.len() / 2;
    let mut carry = 0;
    for (byte, order) in sum[half..].iter_mut().zip(ORDER) {
        let next = i16::from(*byte) + times * i16::from(order) + carry;
        carry = next.div_euclid(256);
        *byte = u8::try_from(next.rem_euclid(256)).expect("a byte");
    }
    sum
}

/// Returns two numbers of `size` bytes each, from a SEQUENCE of two INTEGERs.
fn from_der(der: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut rest = match der {
        [0x30, length, rest @ ..] if usize::from(*length) == rest.len() => rest,
        _ => return None,
    };
    let mut numbers = Vec::new();
    while let [0x02, length, more @ ..] = rest {
        let (number, after) = more.split_at_checked(usize::from(*length))?;
        let number: Vec<u8> = number
            .iter()
            .copied()
            .skip_while(|byte| *byte == 0)
            .collect();
        numbers.extend(vec![0; size.checked_sub(number.len())?]);
        numbers.extend(number);
        rest = after;
    }
    (numbers.len() == 2 * size).then_some(numbers)
}

fn to_der(signature: &[u8]) -> Vec<u8> {
    let integer = |half: &[u8]| {
        let mut number: Vec<u8> = half.iter().copied().skip_while(|byte| *byte == 0).collect();
        if number.first().is_none_or(|first| *first >= 0x80) {
            number.insert(0, 0);
        }
        [
            &[0x02, u8::try_from(number.len()).expect("a short number")],
            &*number,
        ]
        .concat()
    };
    let (first, second) = signature.split_at(signature.len() / 2);
    let numbers = [integer(first), integer(second)].concat();
    [
        &[
            0x30,
            u8::try_from(numbers.len()).expect("two short numbers"),
        ],
        &*numbers,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_undone_is_done_again_the_same() {
        let genuine: Vec<u8> = (100..164).collect();
        for twist in [
            Twist::None,
            Twist::Der,
            Twist::Flipped,
            Twist::Longer(vec![0], Vec::new()),
            Twist::Longer(Vec::new(), vec![0, 0]),
            Twist::PlusOrder,
            Twist::Swapped,
        ] {
            let twisted = twist.redo(&genuine);
            let undone = Twist::undone(&twisted, genuine.len());
            assert!(
                undone.contains(&(twist.clone(), genuine.clone())),
                "{twist:?}"
            );
        }
    }

    #[test]
    fn what_is_lost_is_known() {
        let genuine: Vec<u8> = (100..164).collect();
        for twist in [Twist::Cut(63), Twist::Cut(32), Twist::ZeroFirst] {
            assert_eq!(Twist::lossy(&twist.redo(&genuine), 64), Some(twist));
        }
        assert_eq!(Twist::lossy(&genuine, 64), None);
        assert_eq!(Twist::lossy(&[0; 64], 64), None);
    }
}

//! CRC-32 as zlib has it, forwards and backwards, so that a part of a file can change and its checksum stay.

use std::sync::LazyLock;

const POLYNOMIAL: u32 = 0xedb8_8320;

/// Where each byte leads an empty register.
static STEPS: LazyLock<[u32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|byte| {
        (0..8).fold(byte.try_into().unwrap_or_default(), |register, _| bit(register))
    })
});

fn bit(register: u32) -> u32 {
    (register >> 1) ^ if register & 1 == 1 { POLYNOMIAL } else { 0 }
}

/// The checksum of bytes.
pub fn of(bytes: &[u8]) -> u32 {
    const ZEROS: [u8; 4096] = [0; 4096];
    let register = bytes.chunks(ZEROS.len()).fold(u32::MAX, |register, chunk| {
        // An environment is nearly all zeros; a test looks at thousands of them.
        if chunk == ZEROS { over_zeros(register) } else { forwards(register, chunk) }
    });
    !register
}

/// Finds the four bytes at `hole` in `new` with which it leads a checksum from `before` to where `old` led it.
pub fn compensation<const N: usize>(
    before: u32,
    old: &[u8; N],
    new: &[u8; N],
    hole: usize,
) -> [u8; 4] {
    let (head, tail) = new.split_at(hole.min(N));
    let tail = tail.get(4..).unwrap_or_default();
    let needed = backwards(backwards(forwards(before, old), tail), &[0; 4]);
    (needed ^ forwards(before, head)).to_le_bytes()
}

/// Where bytes lead the register that a checksum is computed in; it starts with all ones.
pub fn forwards(register: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(register, |register, byte| {
        let [low, ..] = register.to_le_bytes();
        (register >> 8) ^ step(low ^ byte)
    })
}

fn backwards(register: u32, bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(register, |register, byte| {
        let high = register.to_be_bytes()[0];
        // The top bytes of the table are all different, so that there is exactly one.
        let index = (0..=u8::MAX).find(|it| step(*it).to_be_bytes()[0] == high).unwrap_or_default();
        ((register ^ step(index)) << 8) | u32::from(index ^ byte)
    })
}

fn step(index: u8) -> u32 {
    STEPS.get(usize::from(index)).copied().unwrap_or_default()
}

/// Where 4096 zeros lead the register: each of its bits has its own effect.
fn over_zeros(register: u32) -> u32 {
    static EFFECTS: LazyLock<[u32; 32]> =
        LazyLock::new(|| std::array::from_fn(|bit| forwards(1 << bit, &[0; 4096])));
    let set = |(bit, effect): (usize, &u32)| if register >> bit & 1 == 1 { *effect } else { 0 };
    EFFECTS.iter().enumerate().map(set).fold(0, |sum, it| sum ^ it)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn checksums_are_zlibs() {
        let cases: [(&[u8], u32); 3] =
            [(b"", 0), (b"123456789", 0xcbf4_3926), (&[0; 10_000], 0x4d3b_ca2e)];

        for (bytes, expected) in cases {
            assert_eq!(of(bytes), expected, "{} bytes", bytes.len());
        }
    }

    proptest! {
        #[test]
        fn any_change_can_be_compensated(
            mut before in any::<[u8; 32]>(),
            old in any::<[u8; 32]>(),
            mut new in any::<[u8; 32]>(),
            hole in 0..=28_usize,
        ) {
            before[31] = 1;

            let bytes = compensation(forwards(u32::MAX, &before), &old, &new, hole);
            new[hole..hole + 4].copy_from_slice(&bytes);

            prop_assert_eq!(of(&[before, old].concat()), of(&[before, new].concat()));
        }
    }
}

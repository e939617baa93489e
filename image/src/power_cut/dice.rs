//! Numbers that look random and are the same for the same seed.

/// A generator of such numbers (xorshift64*).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Begins from a seed.
    pub const fn new(seed: u64) -> Self {
        // Zero is the one state it never leaves; neighbouring seeds are spread.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Any number.
    pub const fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below a bound; zero where the bound is.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from((self.roll() >> 16) % bound).unwrap_or_default()
    }

    /// Heads or tails.
    pub const fn flip(&mut self) -> bool {
        self.roll() >> 63 == 1
    }
}

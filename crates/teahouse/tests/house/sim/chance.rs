//! Chance from a seed. A draw is named by what it is for, never by its turn: what happens in one room does not change
//! the dice of another, and the same seed gives the same evening on every machine.

/// Dice of their own for everything that has a name.
#[derive(Clone, Copy, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Chance(mix(seed ^ 0x7ea4_0a5e))
    }

    /// The dice of something within this.
    pub fn of(self, name: &str) -> Chance {
        let mut state = self.0;
        for byte in name.bytes() {
            state = mix(state ^ u64::from(byte));
        }
        Chance(mix(state))
    }

    /// The dice of the n-th of its kind.
    pub fn nth(self, n: u64) -> Chance {
        Chance(mix(self.0 ^ mix(n.wrapping_add(1))))
    }

    /// From 0 to below `end`.
    pub fn below(self, end: u64) -> u64 {
        self.0 % end.max(1)
    }

    /// So often in a thousand.
    pub fn happens(self, in_a_thousand: u64) -> bool {
        self.of("happens").below(1_000) < in_a_thousand
    }

    /// One of these.
    pub fn one<T: Copy>(self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// SplitMix64's last step: every bit of the input touches every bit of the output.
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

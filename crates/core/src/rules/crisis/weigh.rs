//! How much a part of a plain text sounds like somebody who wants to die: a linear model over its marks, trained in
//! `training/crisis`, for what no pattern foresaw. Asked only where a word of the anchors stands. Sums of whole
//! numbers, the same everywhere; it knows no songs and no past, which `crisis.rs` puts aside.

use std::ops::Range;
use std::sync::LazyLock;

use super::marks::{PLACES, Things, parts, read};

static THINGS: LazyLock<Things> =
    LazyLock::new(|| Things::new(include_str!("../../../../../data/rules/crisis-words.txt")));

/// One byte a place, and then what a part must weigh, in eight: one all in ASCII, and any other.
static WEIGHTS: &[u8; 2 * PLACES + 16] = include_bytes!("../../../../../data/rules/crisis.bin");

/// The parts of a plain text that may say it at all and weigh enough.
pub(super) fn heavy(plain: &str, may: impl Fn(&str) -> bool) -> impl Iterator<Item = Range<usize>> {
    let parts = parts(plain).into_iter();
    parts.filter(move |part| {
        let part = &plain[part.clone()];
        // Of a long text few parts are weighed.
        if !may(part) {
            return false;
        }
        let least = 2 * PLACES + if part.is_ascii() { 0 } else { 8 };
        let least = WEIGHTS[least..least + 8].iter().rev();
        weight(part) > least.fold(0, |n, byte| n << 8 | i64::from(*byte))
    })
}

/// Each of the two halves counts by the root of how many marks it has, so that a long part weighs no more than a
/// short one.
fn weight(part: &str) -> i64 {
    let (mut sums, mut counts) = ([0_i64; 2], [0_u64; 2]);
    read(&THINGS, part, &mut |place| {
        let half = place / PLACES;
        sums[half] += i64::from(WEIGHTS[place].cast_signed());
        counts[half] += 1;
    });
    let halves = sums.iter().zip(counts);
    halves.map(|(sum, count)| sum * part_of_root(count)).sum()
}

/// 65,536 by the root of a count.
fn part_of_root(count: u64) -> i64 {
    ((1_u64 << 32) / count.max(1)).isqrt().cast_signed()
}

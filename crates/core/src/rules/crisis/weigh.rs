//! How much a part of a plain text sounds like somebody who wants to die: a linear model over its marks, trained in
//! `training/crisis`, for what no pattern foresaw. Asked where a word of the anchors stands, and of what sounds like it at
//! a glance. Sums of whole
//! numbers, the same everywhere; it knows no songs and no past, which `crisis.rs` puts aside.

use std::ops::Range;
use std::sync::LazyLock;

use super::glance::{self, Words};
use super::marks::{PLACES, Things, parts, read};

static THINGS: LazyLock<Things> =
    LazyLock::new(|| Things::new(include_str!("../../../../../data/rules/crisis-words.txt")));

/// One byte a place, those of a glance after the others, and then the limits in eight bytes each: what a part must weigh
/// that holds an anchor, all in ASCII or not; what one without must; and the squares, each with its sign, of what a glance
/// must see without an anchor and with one.
static WEIGHTS: &[u8; GLANCED + glance::PLACES + 48] =
    include_bytes!("../../../../../data/rules/crisis.bin");

/// Where the weights of a glance begin.
const GLANCED: usize = 2 * PLACES;

/// The parts of a plain text that may say it at all and weigh enough: with an anchor, or at a glance.
pub(super) fn heavy(
    plain: &str,
    anchored: impl Fn(&str) -> bool,
) -> impl Iterator<Item = Range<usize>> {
    let parts = parts(plain).into_iter();
    parts.filter(move |part| {
        let part = &plain[part.clone()];
        let anchored = anchored(part);
        // Of a long text few parts are weighed.
        if !anchored && glanced(part, false).is_empty() {
            return false;
        }
        weight(part) > limit(usize::from(!part.is_ascii()) + if anchored { 0 } else { 2 })
    })
}

/// The places of a text, as it was written, that sound like it at a glance, some sentences each; more of them if there
/// is an anchor.
pub(super) fn glanced(text: &str, anchored: bool) -> Vec<Range<usize>> {
    let least = limit(4 + usize::from(anchored));
    let mut places = Vec::new();
    let (mut from, mut sum, mut count) = (0, 0, 0);
    let mut words = Words::of(text);
    loop {
        let next = words.next();
        if let Some(Some(places)) = next {
            let weights = places.map(|place| i64::from(WEIGHTS[GLANCED + place].cast_signed()));
            sum += weights[0] + weights[1];
            count += 1;
            if count < MANY {
                continue;
            }
        }
        let is_seen = count > 0 && sum * i64::abs(sum) > least * count;
        if is_seen {
            places.push(from..words.at);
        }
        if next.is_none() {
            return places;
        }
        if is_seen || count >= FEW {
            (from, sum, count) = (words.at, 0, 0);
        }
    }
}

/// So many words of whole sentences are glanced at together …
const FEW: i64 = 8;
/// … and no more than so many.
const MANY: i64 = 64;

fn limit(number: usize) -> i64 {
    let at = GLANCED + glance::PLACES + 8 * number;
    let bytes = WEIGHTS[at..at + 8].iter().rev();
    bytes.fold(0, |n, byte| n << 8 | i64::from(*byte))
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

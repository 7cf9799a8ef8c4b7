//! Whether characters that spell an entry are meant as it. Characters side by side are; with blanks or stops between
//! them they may belong to the words on either side (`很大 麻烦` holds no `大麻`).

use super::index::Want;
use super::units::{Gap, Kind, Unit};
use crate::normalise::lexicon::is_ordinary_pair;

/// How an entry was written, or nothing if it was not meant.
pub(super) fn judge(units: &[Unit], start: usize, wants: &[Want]) -> Option<&'static str> {
    let end = start + wants.len();
    let there = &units[start..end];
    if !edges_hold(units, start, end) {
        return None;
    }
    let (mut odd, mut more) = (false, false);
    for (unit, want) in there.iter().zip(wants) {
        let leet =
            unit.kind != Kind::Letter && unit.kind != Kind::Han && want.plain.is_alphabetic();
        if (unit.plain != want.plain && !leet) || unit.run < want.run {
            return None;
        }
        odd |= unit.odd || leet;
        more |= unit.run > want.run;
    }
    // What the entry has between its characters as well is no disguise.
    let gaps = there
        .iter()
        .zip(wants)
        .skip(1)
        .filter(|(_, want)| !want.apart);
    let widest = gaps.map(|(unit, _)| unit.gap).max().unwrap_or(Gap::None);
    if widest != Gap::None && !spans(units, start, end, widest) {
        return None;
    }
    Some(if there.iter().any(|unit| unit.joined) {
        "written in parts of its characters"
    } else if widest != Gap::None {
        "written in pieces"
    } else if odd {
        "written in other forms of its characters"
    } else if more {
        "written with repeated characters"
    } else {
        "on the list"
    })
}

/// Letters and digits at the ends of an entry need the edge of a word there.
fn edges_hold(units: &[Unit], start: usize, end: usize) -> bool {
    let joins = |a: &Unit, b: &Unit| b.gap == Gap::None && a.is_wordy() && b.is_wordy();
    let left = start
        .checked_sub(1)
        .is_some_and(|n| joins(&units[n], &units[start]));
    let right = units
        .get(end)
        .is_some_and(|after| joins(&units[end - 1], after));
    !left && !right
}

/// Whether what stands between the characters does not part two words.
fn spans(units: &[Unit], start: usize, end: usize, widest: Gap) -> bool {
    let gaps = units[start + 1..end]
        .iter()
        .filter(|unit| unit.gap != Gap::None)
        .count();
    if widest == Gap::Sign || (gaps + 1 == end - start && gaps >= 2) {
        return true;
    }
    if end - start > 2 {
        return widest == Gap::Blank;
    }
    let side = |a: Option<usize>, b: Option<usize>| {
        let (a, b) = (a.and_then(|n| units.get(n))?, b.and_then(|n| units.get(n))?);
        let both = a.kind == Kind::Han && b.kind == Kind::Han && b.gap == Gap::None;
        both.then(|| is_ordinary_pair(a.plain, b.plain))
    };
    let left = side(start.checked_sub(1), Some(start));
    let right = side(Some(start + 1), Some(start + 2));
    match (left, right) {
        (Some(false), Some(_)) | (Some(_), Some(false)) | (None, None) => true,
        (Some(false), None) | (None, Some(false)) => true,
        (Some(true), Some(true) | None) | (None, Some(true)) => false,
    }
}

//! Characters written in parts, as `女马` for `妈`: put together again, beside what was written.

use super::units::{Gap, Kind, Unit};
use crate::normalise::likeness::{joined, may_join};

/// A character has at most so many parts.
const MOST_PARTS: usize = 4;

/// The same text with parts put together; nothing if there are none.
pub(super) fn joined_units(units: &[Unit]) -> Option<Vec<Unit>> {
    let first = (0..units.len()).find(|at| join(&units[*at..]).is_some())?;
    let mut out = Vec::with_capacity(units.len());
    out.extend_from_slice(&units[..first]);
    let mut at = first;
    while at < units.len() {
        match join(&units[at..]) {
            Some((whole, parts)) => {
                let end = units[at + parts - 1].end;
                let mut unit = Unit {
                    end,
                    run: 1,
                    joined: true,
                    ..units[at].clone()
                };
                (unit.plain, unit.class) = (whole, whole);
                out.push(unit);
                at += parts;
            }
            None => {
                out.push(units[at].clone());
                at += 1;
            }
        }
    }
    Some(out)
}

/// The character that begins here, and how many units it is made of.
#[inline]
fn join(units: &[Unit]) -> Option<(char, usize)> {
    let first = units.first().filter(|unit| unit.kind == Kind::Han)?;
    let second = match first.run {
        1 => units
            .get(1)
            .filter(|unit| unit.kind == Kind::Han && unit.gap == Gap::None)?,
        _ => first,
    };
    let may = may_join(first.plain, second.plain);
    may.then(|| really_joined(units, first))?
}

fn really_joined(units: &[Unit], first: &Unit) -> Option<(char, usize)> {
    let (mut parts, mut count) = (['\0'; MOST_PARTS], 0);
    let mut best = None;
    for (n, unit) in units.iter().enumerate() {
        if unit.kind != Kind::Han || (n > 0 && unit.gap != Gap::None) {
            break;
        }
        let more = count + usize::from(unit.run);
        let Some(these) = parts.get_mut(count..more) else {
            break;
        };
        these.fill(unit.plain);
        count = more;
        if count > 1
            && let Some(whole) = joined(&parts[..count]).filter(|whole| *whole != first.plain)
        {
            best = Some((whole, n + 1));
        }
    }
    best
}

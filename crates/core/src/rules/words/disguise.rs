//! Whether characters that are like an entry are meant as it. Each place speaks for a disguise or against it: side by
//! side they are what nobody would write, and with the entry in their stead the text reads better. Whoever sounds like
//! a word by chance does neither.

use super::line::{Joint, Like, Line};
use crate::normalise::likeness;

/// How likely it is that no entry is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    None,
    Some,
    Great,
}

/// So much speaks for a disguise where there is no doubt.
const CERTAIN: i32 = 4;
/// So little is enough for a person to look at it where all others sound like it as they are usually said: looks and
/// rare readings are more often chance.
const SOUNDS: i32 = -1;

/// `hows` tells how each part from `start` on is like the character of the entry in its place.
pub(super) fn doubt(chars: &[char], hows: &[Like], line: &Line, start: usize) -> Doubt {
    let only_han = |how: &Like| {
        use Like::{Kin, Same, Shape, Sound, Twin};
        matches!(how, Same | Shape | Kin | Twin | Sound)
    };
    if !hows.iter().all(only_han) {
        return doubt_of_signs(hows, line, start);
    }
    let is_word = |at: usize| line.says_word(at);
    let in_word = |(n, how): (usize, &Like)| {
        let at = start + n;
        *how == Like::Same || is_word(at) || at > 0 && is_word(at - 1)
    };
    // Each of them is there for a word of its own.
    if hows.iter().enumerate().all(in_word) {
        return Doubt::Great;
    }
    let evidence = evidence(chars, hows, line, start);
    if evidence >= CERTAIN {
        Doubt::None
    } else if evidence >= 0 || evidence >= SOUNDS && sounds_as_usual(chars, hows, line, start) {
        Doubt::Some
    } else {
        Doubt::Great
    }
}

/// Whether each is what it is or has the same sound as it is mostly said.
fn sounds_as_usual(chars: &[char], hows: &[Like], line: &Line, start: usize) -> bool {
    let parts = &line.parts[start..];
    let mut each = hows.iter().zip(chars).zip(parts);
    each.all(|((how, c), part)| match how {
        Like::Same => true,
        Like::Sound | Like::Twin => likeness::keys(*c).sound == likeness::keys(part.c).sound,
        Like::Shape | Like::Kin | Like::Emoji | Like::Pinyin | Like::Initial => false,
    })
}

/// In points; where they are from is told in `training/normalise/README.md`.
fn evidence(chars: &[char], hows: &[Like], line: &Line, start: usize) -> i32 {
    let is_other = |n: usize| hows[n] != Like::Same;
    let others = (0..hows.len()).filter(|n| is_other(*n)).count();
    let mut sum = match (hows.len(), others) {
        (_, 0) => return i32::MIN,
        (2, 1) => -3,
        (2, _) => -8,
        (3, 1) => -1,
        (3, _) => 1,
        (_, _) => 2,
    };
    for (n, how) in hows.iter().enumerate() {
        sum += match how {
            Like::Sound | Like::Twin => 2,
            Like::Kin => -2,
            Like::Shape => 1,
            Like::Same | Like::Emoji | Like::Pinyin | Like::Initial => 0,
        };
        if is_other(n) && line.is_strange(start + n, start + n + 1) {
            sum += 2;
        }
    }
    let has = |like: Like| hows.contains(&like);
    if has(Like::Sound) && (has(Like::Shape) || has(Like::Kin)) {
        sum -= 4;
    }
    let parts = &line.parts;
    for n in 1..hows.len() {
        if is_other(n - 1) || is_other(n) {
            let at = start + n - 1;
            sum += match line.joint(at, parts[at].c, parts[at + 1].c) {
                Joint::Odd => 7,
                Joint::Ordinary => 3,
                Joint::Usual => 1,
                Joint::Word => -2,
            };
        }
    }
    sum + edges(chars, hows, line, start)
}

/// Whether the text reads better or worse at both ends with the entry in it.
fn edges(chars: &[char], hows: &[Like], line: &Line, start: usize) -> i32 {
    let parts = &line.parts;
    let end = start + hows.len();
    let gain = |there: Joint, meant: Joint| match meant as i32 - there as i32 {
        ..=-2 => -6,
        -1 => -3,
        0 => 0,
        1.. => 1,
    };
    let mut sum = 0;
    if let Some(at) = start.checked_sub(1)
        && hows[0] != Like::Same
        && line.side_by_side(at)
    {
        let (a, b) = (parts[at].c, parts[at + 1].c);
        sum += gain(line.joint(at, a, b), line.joint(at, a, chars[0]));
    }
    if let (Some(how), Some(c)) = (hows.last(), chars.last())
        && *how != Like::Same
        && line.side_by_side(end - 1)
    {
        let (a, b) = (parts[end - 1].c, parts[end].c);
        sum += gain(line.joint(end - 1, a, b), line.joint(end - 1, *c, b));
    }
    sum
}

/// The same where emoji and letters stand among the characters, which are odd by themselves.
fn doubt_of_signs(hows: &[Like], line: &Line, start: usize) -> Doubt {
    let end = start + hows.len();
    if !line.is_strange(start, end) {
        return Doubt::Great;
    }
    let has = |like: Like| hows.contains(&like);
    let like = [Like::Sound, Like::Shape, Like::Kin, Like::Twin]
        .into_iter()
        .any(has);
    match (hows.len(), has(Like::Same)) {
        (2, false) if like => Doubt::Great,
        (2, false) if !line.all_strange_in(start, end) => Doubt::Some,
        _ => Doubt::None,
    }
}

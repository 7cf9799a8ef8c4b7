//! A text as somebody reads it who looks for other characters than are there: characters, emoji, syllables and initials
//! in a row, and which of them stand where nobody would put them.

use super::spelt;
use super::units::{Gap, Kind, Unit};
use crate::normalise::lexicon::{is_ordinary_pair, is_usual_pair, is_word_of_two, stands_alone};
use crate::normalise::likeness::{self, Key, Keys};
use crate::rules::Certainty;

/// Keys of first letters, beyond all others.
pub(super) const INITIALS: Key = 0xff00;

/// What a text has, seen in one pass.
pub(super) struct Shape {
    pub han: bool,
    pub odd: bool,
    pub letters: bool,
    pub emoji: bool,
    /// A letter may be hidden behind a sign, a digit or an `x`.
    pub hides: bool,
}

impl Shape {
    pub fn of(units: &[Unit]) -> Shape {
        let mut shape = Shape {
            han: false,
            odd: false,
            letters: false,
            emoji: false,
            hides: false,
        };
        let mut before: Option<&Unit> = None;
        for unit in units {
            match unit.kind {
                Kind::Han => {
                    shape.han = true;
                    shape.odd = shape.odd
                        || before.is_some_and(|before| {
                            before.kind == Kind::Han
                                && unit.gap < Gap::Clause
                                && (unit.gap != Gap::None
                                    || !is_usual_pair(before.plain, unit.plain))
                        });
                }
                Kind::Letter => {
                    shape.letters = true;
                    shape.hides |= unit.plain == 'x';
                }
                Kind::Emoji => shape.emoji = true,
                Kind::Digit | Kind::Leet => shape.hides = true,
            }
            shape.hides |= unit.masks > 0;
            before = Some(unit);
        }
        shape
    }
}

/// A character, emoji, syllable or initial of the text.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub c: char,
    pub kind: Kind,
    pub gap: Gap,
    /// An emoji's name.
    pub said: bool,
    /// The syllable or initial.
    pub key: Option<Key>,
    pub unit: usize,
}

impl Part {
    pub fn new(c: char, kind: Kind, gap: Gap, unit: usize) -> Part {
        Part {
            c,
            kind,
            gap,
            said: false,
            key: None,
            unit,
        }
    }

    /// All that it may stand for by its sound and by itself.
    pub fn keys(&self, mut each: impl FnMut(Key)) {
        match self.kind {
            Kind::Han => {
                let keys = likeness::keys(self.c);
                keys.sound.into_iter().for_each(&mut each);
                Key::try_from(self.c as u32).into_iter().for_each(each);
            }
            Kind::Emoji => likeness::names(self.c)
                .iter()
                .filter_map(|name| likeness::keys(only(name)?).sound)
                .for_each(each),
            Kind::Letter | Kind::Digit | Kind::Leet => self.key.into_iter().for_each(each),
        }
    }

    /// What it may stand for by its looks, one after the other.
    pub fn looks(&self, looks: Looks, each: impl FnMut(Key)) {
        if self.kind == Kind::Han && looks != Looks::None {
            let keys = likeness::keys(self.c);
            let (shapes, kin) = looks.of(&keys);
            let shapes = keys.shapes[..shapes].iter();
            shapes.chain(&keys.kin[..kin]).copied().for_each(each);
        }
    }

    /// The same without what fewer looks give.
    pub fn more_looks(&self, looks: Looks, each: impl FnMut(Key)) {
        if self.kind == Kind::Han && looks != looks.fewer() {
            let keys = likeness::keys(self.c);
            let ((few_shapes, few_kin), (shapes, kin)) = (looks.fewer().of(&keys), looks.of(&keys));
            let shapes = keys.shapes[few_shapes..shapes].iter();
            let kin = &keys.kin[few_kin..kin];
            shapes.chain(kin).copied().for_each(each);
        }
    }

    fn any_key(&self, mut like: impl FnMut(Key) -> bool) -> bool {
        let mut any = false;
        self.keys(|key| any = any || like(key));
        any
    }

    /// Whether the next one may belong to the same word.
    pub fn joins(&self, next: &Part) -> bool {
        let both = self.kind == Kind::Han && next.kind == Kind::Han;
        next.gap <= if both { Gap::Sign } else { Gap::Blank }
    }

    pub fn is_like(&self, c: char) -> Option<Like> {
        let keys = likeness::keys(c);
        // Few: it is quicker to look at each than to call for help.
        let sounds = |key: Key| {
            let other = keys.sounds.iter().fold(false, |any, k| any | (*k == key));
            other || keys.sound == Some(key)
        };
        let initial = || {
            keys.sound
                .and_then(|key| likeness::spelling(key).chars().next())
        };
        match self.kind {
            _ if self.said => self.any_key(sounds).then_some(Like::Emoji),
            Kind::Han if self.c == c => Some(Like::Same),
            Kind::Han => {
                let own = likeness::keys(self.c);
                let key = Key::try_from(c as u32).ok()?;
                let said = own.sound.iter().chain(own.sounds).any(|key| sounds(*key));
                if !own.alike.contains(&key) {
                    return match (said, own.kin.contains(&key)) {
                        (true, true) => Some(Like::Twin),
                        (true, false) => Some(Like::Sound),
                        (false, true) => Some(Like::Kin),
                        (false, false) => None,
                    };
                }
                let near = |shapes: &[Key], key: Key| shapes.iter().take(NEAR).any(|k| *k == key);
                let shape = near(own.shapes, key)
                    || Key::try_from(self.c as u32).is_ok_and(|own| near(keys.shapes, own));
                match (said, shape) {
                    (true, _) => Some(Like::Twin),
                    (false, true) => Some(Like::Shape),
                    (false, false) => Some(Like::Kin),
                }
            }
            Kind::Emoji => self.any_key(sounds).then_some(Like::Emoji),
            Kind::Letter => self.any_key(sounds).then_some(Like::Pinyin),
            Kind::Digit => (initial() == Some(self.c)).then_some(Like::Initial),
            Kind::Leet => None,
        }
    }
}

/// How many of the characters that look like one it may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    None,
    Nearest,
    Some,
    Near,
    All,
}

impl Looks {
    /// Where both of two characters are taken for others.
    pub fn fewer(self) -> Looks {
        match self {
            Looks::All => Looks::Some,
            Looks::None | Looks::Nearest | Looks::Some | Looks::Near => self,
        }
    }

    /// So many of the nearest shapes, and of the commonest kin.
    fn of(self, keys: &Keys<'_>) -> (usize, usize) {
        let (shapes, kin) = match self {
            Looks::None => (0, 0),
            Looks::Nearest => (NEAREST, 0),
            Looks::Near => (NEAR, 4),
            Looks::Some => (NEAR, COMMONEST_KIN / 2),
            Looks::All => (usize::MAX, COMMONEST_KIN),
        };
        (shapes.min(keys.shapes.len()), kin.min(keys.kin.len()))
    }
}

const NEAREST: usize = 5;
/// So many look really like it; those after them do so to some eyes.
const NEAR: usize = 16;
pub(super) const COMMONEST_KIN: usize = 10;

fn only(name: &str) -> Option<char> {
    let mut chars = name.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// How a part of the text is like a character of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Like {
    Same,
    Shape,
    /// Shares a part, and its first letter when it is said; or looks somewhat like it.
    Kin,
    /// Looks and sounds like it, such as `情` and `请`.
    Twin,
    Sound,
    Emoji,
    Pinyin,
    Initial,
}

/// So many ways there are.
pub(super) const LIKES: usize = 8;

pub(super) fn verdict(likeness: [bool; LIKES]) -> (&'static str, Certainty) {
    let has = |like: Like| likeness[like as usize];
    if has(Like::Emoji) {
        ("written with an emoji", Certainty::Likely)
    } else if has(Like::Initial) {
        ("written with a first letter", Certainty::Likely)
    } else if has(Like::Sound) {
        (
            "written with characters that sound alike",
            Certainty::Likely,
        )
    } else if has(Like::Pinyin) {
        ("written partly in pinyin", Certainty::Sure)
    } else {
        ("written with characters that look alike", Certainty::Sure)
    }
}

/// Everything that has a sound or a look, in order.
pub(super) fn parts(units: &[Unit]) -> Vec<Part> {
    let mut parts = Vec::with_capacity(units.len());
    let mut at = 0;
    while at < units.len() {
        let unit = &units[at];
        match unit.kind {
            Kind::Han => {
                for n in 0..unit.run.min(3) {
                    let gap = if n == 0 { unit.gap } else { Gap::None };
                    parts.push(Part::new(unit.plain, Kind::Han, gap, at));
                }
            }
            Kind::Emoji => parts.push(Part::new(unit.plain, Kind::Emoji, unit.gap, at)),
            Kind::Letter => {
                let end = spelt::token_end(units, at);
                match spelt::syllables(&units[at..end]) {
                    Some(syllables) => {
                        for (n, (syllable, from)) in syllables.into_iter().enumerate() {
                            let gap = if n == 0 { unit.gap } else { Gap::None };
                            let mut part = Part::new('\0', Kind::Letter, gap, at + from);
                            part.key = Some(syllable);
                            parts.push(part);
                        }
                    }
                    None if end == at + 1 => {
                        // Stands for the first letter of a syllable; no number comes this far.
                        let mut part = Part::new(unit.plain, Kind::Digit, unit.gap, at);
                        if let Ok(letter) = u8::try_from(unit.plain) {
                            part.key = Some(INITIALS + Key::from(letter));
                        }
                        parts.push(part);
                    }
                    None => parts.push(Part::new('\0', Kind::Leet, unit.gap, at)),
                }
                at = end - 1;
            }
            Kind::Digit | Kind::Leet => parts.push(Part::new('\0', Kind::Leet, unit.gap, at)),
        }
        at += 1;
    }
    parts
}

/// What reads as ordinary Chinese in a text, and what does not.
pub(super) struct Line {
    pub parts: Vec<Part>,
    /// Whether each and the next one are a usual pair; none of them in a line that is all strange.
    usual: Vec<bool>,
    /// How many parts before each belong to no word of their own: neither to the one before nor to the one after.
    pub strange: Vec<u32>,
}

impl Line {
    pub fn of(parts: Vec<Part>) -> Line {
        let mut strange = Vec::with_capacity(parts.len() + 1);
        let mut usual = Vec::with_capacity(parts.len());
        let (mut so_far, mut before) = (0, false);
        strange.push(0);
        for (at, part) in parts.iter().enumerate() {
            let after = parts.get(at + 1).is_some_and(|next| {
                let both = part.kind == Kind::Han && next.kind == Kind::Han;
                both && next.gap == Gap::None && is_usual_pair(part.c, next.c)
            });
            usual.push(after);
            let natural = part.kind == Kind::Han && (before || after || stands_alone(part.c));
            so_far += u32::from(!natural);
            strange.push(so_far);
            before = after;
        }
        Line {
            parts,
            usual,
            strange,
        }
    }

    /// All of it, where an emoji has become words.
    pub fn all_strange(parts: Vec<Part>) -> Line {
        Line {
            usual: Vec::new(),
            strange: (0..).take(parts.len() + 1).collect(),
            parts,
        }
    }

    /// Whether a part and the next one are characters with nothing between them.
    pub fn side_by_side(&self, at: usize) -> bool {
        let (Some(a), Some(b)) = (self.parts.get(at), self.parts.get(at + 1)) else {
            return false;
        };
        a.kind == Kind::Han && b.kind == Kind::Han && b.gap == Gap::None
    }

    /// Whether nobody would write them so.
    #[inline]
    pub fn is_odd(&self, at: usize) -> bool {
        // What is usual is never odd, and known already.
        if self.usual.get(at).is_some_and(|usual| *usual) {
            return false;
        }
        let (a, b) = (&self.parts[at], &self.parts[at + 1]);
        !self.side_by_side(at) || !is_ordinary_pair(a.c, b.c)
    }

    /// Whether they are a word.
    pub fn says_word(&self, at: usize) -> bool {
        self.side_by_side(at)
            && self.joint(at, self.parts[at].c, self.parts[at + 1].c) == Joint::Word
    }

    /// How ordinary a part and the next one are side by side, were they these characters.
    pub fn joint(&self, at: usize, a: char, b: char) -> Joint {
        let gap = self.parts[at + 1].gap;
        if gap != Gap::None || !is_ordinary_pair(a, b) {
            Joint::Odd
        } else if !is_usual_pair(a, b) {
            Joint::Ordinary
        } else if !is_word_of_two(a, b) {
            Joint::Usual
        } else {
            Joint::Word
        }
    }

    /// Whether no part from here to there belongs to a word.
    pub fn all_strange_in(&self, start: usize, end: usize) -> bool {
        (self.strange[end] - self.strange[start]) as usize == end - start
    }

    /// Whether a part from here to there belongs to no word.
    pub fn is_strange(&self, start: usize, end: usize) -> bool {
        let end = end.min(self.parts.len());
        self.strange[start] < self.strange[end]
    }
}

/// How ordinary two characters are side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Joint {
    /// Nobody would write them so.
    Odd,
    Ordinary,
    Usual,
    Word,
}

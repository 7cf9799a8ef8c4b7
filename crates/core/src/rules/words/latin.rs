//! Whether letters that spell an entry are meant as it. A word has edges; inside of a longer word an entry counts only
//! where the longer one is no English word but made of it (`teaspooner`, not `steam`). Pieces with blanks between
//! them count where they are no words of their own.

use super::index::Want;
use super::units::{Gap, Kind, Unit};
use crate::normalise::lexicon::is_english;

/// `get lost` for `getlost`: perhaps only what it says.
pub(super) const AS_WORDS: &str = "written as words of their own";

/// How an entry was written, or nothing if it was not meant.
pub(super) fn judge(units: &[Unit], start: usize, wants: &[Want]) -> Option<&'static str> {
    let end = start + wants.len();
    let looks = Looks::of(&units[start..end], wants)?;
    let edges = (is_left_edge(units, start), is_right_edge(units, end));
    let mut inner = units[start..end].iter().zip(wants).skip(1);
    if inner.any(|(unit, want)| unit.gap != Gap::None && !want.apart) {
        // Several words are no entry in pieces, unless every letter stands alone.
        let several = several(wants) && !is_letter_by_letter(&units[start..end], wants);
        let slip = looks.swapped || (looks.more && !misspelt(wants, 5)) || several;
        let whole = edges.0 && (edges.1 || has_ending(units, end));
        return (whole && !slip).then(|| in_pieces(&units[start..end]))?;
    }
    if edges == (true, true) {
        // `good` is `god` with a letter more, and `iike` may be a slip: what is a word by itself is not meant.
        let slip = looks.swapped || (looks.more && !looks.much_more);
        let word = Token::around(units, start, end);
        let meant = !slip || !word.is_english() || (!looks.swapped && misspelt(wants, 4));
        return meant.then_some(looks.why());
    }
    if several(wants) {
        let meant = edges.0 && has_ending(units, end) && !looks.swapped && !looks.more;
        return meant.then_some(looks.why());
    }
    inside(units, start, wants, &looks)
}

/// Whether something stands between all its letters: `t e a h o u s e`.
fn is_letter_by_letter(units: &[Unit], wants: &[Want]) -> bool {
    let mut inner = units.iter().zip(wants).skip(1);
    wants.len() >= 5 && inner.all(|(unit, _)| unit.gap != Gap::None)
}

/// Whether an entry is several words.
fn several(wants: &[Want]) -> bool {
    wants.iter().skip(1).any(|want| want.apart)
}

/// An entry in letters, if it is in ASCII.
fn spelling(wants: &[Want]) -> Option<Vec<u8>> {
    let mut letters = Vec::with_capacity(wants.len() + 2);
    for want in wants {
        let letter = u8::try_from(want.plain).ok()?;
        letters.extend(std::iter::repeat_n(letter, usize::from(want.run)));
    }
    Some(letters)
}

/// Whether an entry is no word, and long enough that a word with a letter more is one by intent.
fn misspelt(wants: &[Want], least: usize) -> bool {
    wants.len() >= least && spelling(wants).is_some_and(|letters| !is_english(&letters))
}

/// How the letters differ from those of the entry.
struct Looks {
    /// Digits or signs for letters.
    leet: bool,
    /// `l` for `i`.
    swapped: bool,
    /// Letters repeated, and some of them three times or more.
    more: bool,
    much_more: bool,
    /// And not only the first or the last one.
    more_inside: bool,
    /// Other forms of letters.
    odd: bool,
}

impl Looks {
    fn of(units: &[Unit], wants: &[Want]) -> Option<Looks> {
        let mut looks = Looks {
            leet: false,
            swapped: false,
            more: false,
            much_more: false,
            more_inside: false,
            odd: false,
        };
        let (mut letters, mut wanted) = (0, 0);
        let number = wants.iter().all(|want| want.plain.is_ascii_digit());
        for (unit, want) in units.iter().zip(wants) {
            let wants_letter = want.plain.is_alphabetic();
            wanted += usize::from(wants_letter);
            letters += usize::from(unit.kind != Kind::Digit);
            if unit.plain != want.plain {
                match (unit.kind, wants_letter) {
                    (Kind::Letter, true) => looks.swapped = true,
                    (Kind::Digit | Kind::Leet, true) => looks.leet = true,
                    _ => return None,
                }
            }
            if unit.run < want.run || (number && unit.run != want.run) {
                return None;
            }
            looks.more |= unit.run > want.run;
            looks.much_more |= unit.run > want.run && unit.run > 2;
            looks.odd |= unit.odd;
        }
        let ends = 1..wants.len().saturating_sub(1);
        looks.more_inside = ends.clone().any(|n| units[n].run > wants[n].run);
        // Numbers are no words, and a sign or two beside one letter are neither.
        let least = match wanted {
            0 => 0,
            1..=2 => wanted,
            3 => 2,
            _ => 1,
        };
        (letters >= least).then_some(looks)
    }

    fn why(&self) -> &'static str {
        match self {
            Looks { leet: true, .. } => "written with digits or signs for letters",
            Looks { odd: true, .. } => "written with look-alike letters",
            Looks { swapped: true, .. } => "written with look-alike letters",
            Looks { more: true, .. } => "written with repeated letters",
            _ => "on the list",
        }
    }
}

fn is_left_edge(units: &[Unit], start: usize) -> bool {
    let unit = &units[start];
    let Some(before) = start.checked_sub(1).map(|n| &units[n]) else {
        return true;
    };
    unit.gap != Gap::None || !runs_on(before, unit)
}

fn is_right_edge(units: &[Unit], end: usize) -> bool {
    let last = &units[end - 1];
    units
        .get(end)
        .is_none_or(|after| after.gap != Gap::None || !runs_on(last, after))
}

/// Whether two units side by side are in one word; a number beside letters is not.
fn runs_on(a: &Unit, b: &Unit) -> bool {
    a.is_wordy() && b.is_wordy() && a.kind == b.kind
}

/// Whether only the ending of a word follows.
fn has_ending(units: &[Unit], end: usize) -> bool {
    let token = Token::around(units, end - 1, end);
    Letters::of(token.after).is_some_and(|after| ENDINGS.contains(&after.as_bytes()))
}

/// The whole word around some units.
struct Token<'u> {
    before: &'u [Unit],
    inner: &'u [Unit],
    after: &'u [Unit],
}

/// Words are not longer; what is, is not looked at any further.
const LONGEST_WORD: usize = 40;

impl<'u> Token<'u> {
    fn around(units: &'u [Unit], start: usize, end: usize) -> Token<'u> {
        let mut from = start;
        while start - from < LONGEST_WORD && !is_left_edge(units, from) {
            from -= 1;
        }
        let mut to = end;
        while to - end < LONGEST_WORD && !is_right_edge(units, to) {
            to += 1;
        }
        Token {
            before: &units[from..start],
            inner: &units[start..end],
            after: &units[end..to],
        }
    }

    fn letters(&self) -> Option<Letters> {
        let mut letters = Letters::default();
        letters.add(self.before)?;
        letters.add(self.inner)?;
        letters.add(self.after)?;
        Some(letters)
    }

    fn is_english(&self) -> bool {
        self.letters()
            .is_some_and(|letters| is_english(letters.as_bytes()))
    }
}

/// ASCII letters, without a place on the heap.
struct Letters {
    bytes: [u8; 2 * LONGEST_WORD],
    len: usize,
}

impl Default for Letters {
    fn default() -> Self {
        Letters {
            bytes: [0; 2 * LONGEST_WORD],
            len: 0,
        }
    }
}

impl Letters {
    fn of(units: &[Unit]) -> Option<Letters> {
        let mut letters = Letters::default();
        letters.add(units)?;
        Some(letters)
    }

    /// A letter so many times.
    fn add_one(&mut self, unit: &Unit, times: u8) -> Option<()> {
        if times == 0 {
            return Some(());
        }
        self.add(&[Unit {
            run: times,
            ..unit.clone()
        }])
    }

    /// Nothing for what is no ASCII letter, or too long.
    fn add(&mut self, units: &[Unit]) -> Option<()> {
        for unit in units {
            let byte = u8::try_from(unit.plain)
                .ok()
                .filter(u8::is_ascii_lowercase)?;
            for _ in 0..unit.run {
                *self.bytes.get_mut(self.len)? = byte;
                self.len += 1;
            }
        }
        Some(())
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Endings under which a word stays what it is.
const ENDINGS: [&[u8]; 7] = [b"s", b"es", b"ed", b"er", b"ers", b"ing", b"ings"];
/// Endings that words take in chats, besides those.
const SLANG: [&[u8]; 14] = [
    b"a", b"ah", b"as", b"az", b"en", b"ie", b"ies", b"in", b"off", b"up", b"y", b"yo", b"z", b"zz",
];

/// Inside of a longer word.
fn inside(units: &[Unit], start: usize, wants: &[Want], looks: &Looks) -> Option<&'static str> {
    let end = start + wants.len();
    let token = Token::around(units, start, end);
    let length: usize = wants.iter().map(|want| usize::from(want.run)).sum();
    // A letter that is there once more than the entry wants may belong to what stands before or after it.
    let (first, last) = (&units[start], &units[end - 1]);
    let mut before = Letters::of(token.before)?;
    let mut after = Letters::default();
    if start + 1 < end {
        before.add_one(first, first.run - wants[0].run)?;
    }
    after.add_one(last, last.run - wants[wants.len() - 1].run)?;
    after.add(token.after)?;
    let (before, after) = (before.as_bytes(), after.as_bytes());
    if length < 3 || looks.swapped || (looks.more_inside && !looks.much_more) {
        return None;
    }
    let word = || spelling(wants).is_some_and(|word| is_english(&word));
    let stays = before.is_empty() && stays(token.inner, after, length, token.is_english());
    if stays && (word() || !token.is_english()) {
        return Some(looks.why());
    }
    let name = token
        .before
        .first()
        .or(token.inner.first())
        .is_some_and(|unit| unit.capital)
        && token
            .inner
            .iter()
            .chain(token.after)
            .skip(1)
            .all(|unit| !unit.capital);
    if (name && length < 5) || token.is_english() {
        return None;
    }
    let (left, right) = (is_known(before, &[]), is_known(after, &SLANG));
    let meant = match length {
        // `teabag` in a list with `tea`
        3 => before.is_empty() && is_word(after) || after.is_empty() && is_word(before),
        4 => left && right,
        _ => {
            let at_an_end = before.is_empty() || after.is_empty();
            let rest = before.len() + after.len();
            left && right || at_an_end && !name && (3..=length).contains(&rest)
        }
    };
    meant.then_some(looks.why())
}

/// Whether a word with this ending is the same word: `teas`, `teaing`, `cupped`, `cuppy`, `brewed`.
fn stays(inner: &[Unit], after: &[u8], length: usize, english: bool) -> bool {
    let last = inner.last().and_then(|unit| u8::try_from(unit.plain).ok());
    let ending = |ending: &[u8]| match ending {
        b"s" | b"es" | b"ed" | b"ing" => true,
        b"d" | b"r" | b"rs" => last == Some(b'e') && length >= 4,
        // `cupping`, `cuppy`
        [first, rest @ ..] if Some(*first) == last && length >= 4 => {
            matches!(
                rest,
                b"y" | b"ed" | b"er" | b"ers" | b"ing" | b"ings" | b"in" | b"ier" | b"iest"
            )
        }
        // `spicy` holds no `spic`.
        b"y" => length >= 4 && !english,
        _ => length >= 4 && ENDINGS.contains(&ending),
    };
    ending(after)
}

fn is_word(letters: &[u8]) -> bool {
    letters.len() >= 3 && is_english(letters)
}

/// Whether letters are words in a row, one of these endings, or nothing.
fn is_known(letters: &[u8], endings: &[&[u8]]) -> bool {
    let known = |part: &[u8]| match part.len() {
        1 => letters.len() > 3 && matches!(part, b"a" | b"i"),
        2 => SHORT.contains(&part),
        _ => is_english(part),
    };
    let ending = !endings.is_empty() && ENDINGS.contains(&letters) || endings.contains(&letters);
    if letters.len() < 2 || ending || letters.len() > LONGEST_WORD {
        return letters.is_empty() || ending;
    }
    let mut reached = [false; LONGEST_WORD + 1];
    reached[0] = true;
    for end in 1..=letters.len() {
        reached[end] =
            (end.saturating_sub(12)..end).any(|at| reached[at] && known(&letters[at..end]));
    }
    reached[letters.len()]
}

/// Words of two letters that stand in a row of words.
const SHORT: [&[u8]; 24] = [
    b"am", b"an", b"as", b"at", b"be", b"by", b"do", b"go", b"he", b"if", b"im", b"in", b"is",
    b"it", b"me", b"my", b"no", b"of", b"on", b"or", b"so", b"to", b"up", b"we",
];

/// So many letters before and after a hidden one are looked at.
const AROUND_MASK: usize = 12;
/// So many hidden letters of a text are guessed.
const MOST_MASKS: usize = 8;

/// Words with a letter or two hidden (`t*a`, `te2pot`, `texpot`): each place, with each letter that it may be.
/// `each` gets the word with a letter put in, and where it begins among the units.
pub(super) fn unmasked(units: &[Unit], mut each: impl FnMut(&[Unit], usize)) {
    let mut guesses = 0;
    for at in 1..units.len() {
        let hidden = hides(units, at);
        if hidden == Hidden::Nothing {
            continue;
        }
        guesses += 1;
        if guesses > MOST_MASKS {
            return;
        }
        let from = (at.saturating_sub(AROUND_MASK)..at)
            .rev()
            .take_while(|n| goes_on(units, n + 1, at))
            .last();
        let from = from.unwrap_or(at);
        let to = (at + 1..units.len().min(at + AROUND_MASK))
            .take_while(|n| goes_on(units, *n, at))
            .last();
        let mut word = units[from..=to.unwrap_or(at)].to_vec();
        let place = at - from;
        word[place].gap = Gap::None;
        let letters = word.iter().filter(|unit| unit.kind == Kind::Letter).count();
        if letters < 3
            || (hidden == Hidden::Here
                && Letters::of(&word).is_some_and(|word| is_english(word.as_bytes())))
        {
            continue;
        }
        if hidden == Hidden::Before {
            word.insert(
                place,
                Unit {
                    gap: Gap::None,
                    run: 1,
                    ..word[place].clone()
                },
            );
        }
        word[0].gap = Gap::Blank;
        for letter in 'a'..='z' {
            let unit = &mut word[place];
            (unit.plain, unit.kind, unit.run) = (letter, Kind::Letter, 1);
            unit.class = super::units::class(letter);
            each(&word, from);
        }
    }
}

/// Where a letter is hidden.
#[derive(PartialEq, Eq)]
enum Hidden {
    Nothing,
    Before,
    Here,
}

fn hides(units: &[Unit], at: usize) -> Hidden {
    let (before, unit) = (&units[at - 1], &units[at]);
    let letter = |unit: &Unit| matches!(unit.kind, Kind::Letter | Kind::Leet);
    if unit.masks == 1 && letter(before) && letter(unit) {
        return Hidden::Before;
    }
    let after = units
        .get(at + 1)
        .is_some_and(|after| after.gap == Gap::None && letter(after));
    let odd = matches!(unit.kind, Kind::Digit | Kind::Leet) || unit.plain == 'x';
    if odd && unit.gap == Gap::None && letter(before) && after {
        return Hidden::Here;
    }
    Hidden::Nothing
}

/// Whether a unit and the one before it are in one word with a hidden letter at `mask`.
fn goes_on(units: &[Unit], at: usize, mask: usize) -> bool {
    (at == mask || units[at].gap == Gap::None)
        && units[at].kind != Kind::Han
        && units[at - 1].kind != Kind::Han
}

/// Pieces with something between them.
fn in_pieces(units: &[Unit]) -> Option<&'static str> {
    let mut at = 0;
    let (mut pieces, mut shortest, mut no_word, mut single) = (0, usize::MAX, false, 0);
    let widest = units[1..]
        .iter()
        .map(|unit| unit.gap)
        .max()
        .unwrap_or(Gap::None);
    while at < units.len() {
        let next = units[at + 1..]
            .iter()
            .position(|unit| unit.gap != Gap::None);
        let end = next.map_or(units.len(), |n| at + 1 + n);
        let piece = &units[at..end];
        let letters = Letters::of(piece);
        let length = letters.as_ref().map_or(2, |letters| letters.len);
        pieces += 1;
        shortest = shortest.min(length);
        single += usize::from(length == 1);
        no_word |= match letters.as_ref().map(Letters::as_bytes) {
            None => true,
            Some(b"a" | b"i") => false,
            Some([_]) => false,
            Some(word) => !is_english(word),
        };
        at = end;
    }
    let broken = no_word || single == pieces || (single > 0 && pieces >= 3);
    let meant = match widest {
        Gap::Clause => single == pieces && pieces >= 3,
        Gap::None | Gap::Sign => single == pieces || shortest >= 2 || units.len() >= 4,
        Gap::Blank | Gap::Break if single == pieces => pieces >= 3,
        Gap::Blank | Gap::Break => {
            (units.len() >= 4 && broken) || (units.len() >= 6 && shortest >= 2)
        }
    };
    let as_words = widest >= Gap::Blank && !broken;
    meant.then_some(if as_words {
        AS_WORDS
    } else {
        "written in pieces"
    })
}

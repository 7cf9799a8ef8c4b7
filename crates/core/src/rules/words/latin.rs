//! Whether letters that spell an entry are meant as it. A word has edges; inside of a longer word an entry counts only
//! where the longer one is no English word but made of it (`teaspooner`, not `steam`). Pieces with blanks between
//! them count where they are no words of their own.

use super::index::Want;
use super::pieces::{are_words, in_pieces, is_letter_by_letter, is_word_by_word};
use super::token::{Digits, LONGEST_WORD, Letters, Token, is_left_edge, is_right_edge};
use super::units::{Gap, Kind, Unit};
use crate::normalise::lexicon::{is_english, is_met, is_settled};
use crate::rules::vocabulary::hardness;

/// Other forms of an entry that are looked for besides: `raping` for `rape`, and two letters that are one in a text
/// where nothing stands between them, as in `bal loon`.
pub(super) fn forms(entry: &[Want]) -> Vec<Vec<Want>> {
    let mut forms = Vec::new();
    let letter = |want: &Want| want.plain.is_ascii_lowercase();
    for (n, want) in entry.iter().enumerate() {
        if letter(want) && want.run == 2 && entry.len() > 2 {
            let mut form = entry.to_vec();
            form[n].run = 1;
            form.insert(
                n + 1,
                Want {
                    apart: false,
                    ..form[n]
                },
            );
            forms.push(form);
        }
    }
    if let [stem @ .., last] = entry
        && (last.plain, last.run) == ('e', 1)
        && stem.len() >= 3
        && stem.iter().all(|want| letter(want) && !want.apart)
        && !stem.last().is_some_and(|want| "aeioy".contains(want.plain))
    {
        let mut form = stem.to_vec();
        form.extend("ing".chars().map(|plain| Want {
            plain,
            class: super::units::class(plain),
            ..*last
        }));
        forms.push(form);
    }
    forms
}

/// `teabag` for `tea`.
pub(super) const IN_A_WORD: &str = "part of a longer word";
/// `get lost` for `getlost`: perhaps only what it says.
pub(super) const AS_WORDS: &str = "written as words of their own";

/// How an entry was written, or nothing if it was not meant.
pub(super) fn judge(units: &[Unit], start: usize, wants: &[Want]) -> Option<&'static str> {
    let end = start + wants.len();
    let looks = Looks::of(&units[start..end], wants)?;
    let clitic = units[start].clitic && !wants[0].clitic;
    if clitic || is_apart(&units[start..end], wants) {
        return None;
    }
    let edges = (is_left_edge(units, start), is_right_edge(units, end));
    let mut inner = units[start..end].iter().zip(wants).skip(1);
    if inner.any(|(unit, want)| unit.gap != Gap::None && !want.apart) {
        // Several words are no entry in pieces, unless every letter of one stands alone.
        let several = several(wants) && !is_word_by_word(&units[start..end], wants);
        let by_letter = is_letter_by_letter(&units[start..end], wants);
        let word = || Token::around(units, start, end, Digits::Apart).is_settled();
        let more = looks.more && !misspelt(wants, 5) && (!by_letter || word());
        let slip = looks.swapped || more || several;
        let ending = !edges.1 && has_ending(units, end, several);
        if slip || !edges.0 || !(edges.1 || ending) {
            return None;
        }
        // `and red` is no `andre` with an ending.
        if ending && !several && are_words(units, start, end) {
            return (wants.len() >= 6).then_some(AS_WORDS);
        }
        let alone = units.len() == wants.len();
        return in_pieces(&units[start..end], alone);
    }
    if edges == (true, true) {
        // `good` is `god` with a letter more, and `iike` may be a slip: what is a word by itself is not meant.
        let slip = looks.swapped || (looks.more && !looks.much_more);
        let word = Token::around(units, start, end, Digits::Apart);
        let other = || match looks.swapped || is_ordinary(wants) {
            true => word.is_english(),
            false => word.is_settled(),
        };
        // `CLA` is no `CIA`.
        if looks.swapped && wants.len() < 4 && is_ordinary(wants) {
            return None;
        }
        let meant = !slip || !other() || (!looks.swapped && misspelt(wants, 4));
        return meant.then_some(looks.why());
    }
    if several(wants) {
        let meant = edges.0 && has_ending(units, end, true) && !looks.swapped && !looks.more;
        return meant.then_some(looks.why());
    }
    let inside = |digits| {
        let token = Token::around(units, start, end, digits);
        inside(&token, wants, &looks)
    };
    inside(Digits::Apart).or_else(|| {
        // `teap0t` goes on behind `tea`.
        let digit = |unit: Option<&Unit>| unit.is_some_and(|unit| unit.kind == Kind::Digit);
        let token = Token::around(units, start, end, Digits::Apart);
        let (before, after) = (token.before.len(), token.after.len());
        let beside = digit(units.get(end + after))
            || digit((start - before).checked_sub(1).map(|n| &units[n]));
        beside.then(|| inside(Digits::Letters)).flatten()
    })
}

/// Whether an entry is several words.
fn several(wants: &[Want]) -> bool {
    wants.iter().skip(1).any(|want| want.apart)
}

/// An entry in letters, if it is in ASCII.
pub(super) fn spelling(wants: &[Want]) -> Option<Vec<u8>> {
    // Most entries of a Chinese list end here.
    u8::try_from(wants.first()?.plain).ok()?;
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

/// Whether an entry is an ordinary word: what holds it may well be another one.
pub(super) fn is_ordinary(wants: &[Want]) -> bool {
    spelling(wants).is_some_and(|letters| is_settled(&letters))
}

/// Whether an apostrophe makes two words of an entry that is one: `she'll` is no `shell`.
fn is_apart(units: &[Unit], wants: &[Want]) -> bool {
    let mut inner = units.iter().zip(wants).skip(1);
    inner.any(|(unit, want)| unit.clitic && !want.clitic)
        && !several(wants)
        && spelling(wants).is_some_and(|letters| is_english(&letters))
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
        for (n, (unit, want)) in units.iter().zip(wants).enumerate() {
            let wants_letter = want.plain.is_alphabetic();
            let times = usize::from(want.run);
            wanted += if wants_letter { times } else { 0 };
            // `5s` is one letter and one that may be none.
            letters += match unit.kind {
                Kind::Digit => 0,
                _ if unit.odd && (unit.end - unit.start) as usize == usize::from(unit.run) => 1,
                Kind::Letter | Kind::Leet | Kind::Han | Kind::Emoji => times,
            };
            if unit.plain != want.plain {
                let before = n.checked_sub(1).map(|n| &units[n]);
                match (unit.kind, wants_letter) {
                    (Kind::Letter, true) if unit.odd || is_tall_i(before, unit) => looks.odd = true,
                    (Kind::Letter, true) => looks.swapped = true,
                    (Kind::Digit | Kind::Leet, true) => looks.leet = true,
                    _ => return None,
                }
            }
            // `9/11` is no 911.
            let joined = n > 0 && want.apart && unit.gap == Gap::None;
            // Two letters that are one, with nothing between them.
            let doubled = n > 0 && !want.apart && wants[n - 1].plain == want.plain;
            if doubled && !want.clitic && unit.gap == Gap::None {
                return None;
            }
            if unit.run < want.run || (number && (unit.run != want.run || joined)) {
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

/// `heII`: a capital letter after a small one, in the place of an `l`.
fn is_tall_i(before: Option<&Unit>, unit: &Unit) -> bool {
    let small = |before: &Unit| before.kind == Kind::Letter && !before.capital;
    unit.plain == 'i' && unit.capital && unit.gap == Gap::None && before.is_some_and(small)
}

/// Whether only the ending of a word follows.
fn has_ending(units: &[Unit], end: usize, several: bool) -> bool {
    let token = Token::around(units, end - 1, end, Digits::Apart);
    let silent = units[end - 1].plain == 'e' && !several;
    Letters::of(token.after).is_some_and(|after| {
        let after = after.as_bytes();
        ENDINGS.contains(&after) || silent && matches!(after, b"d" | b"r" | b"rs")
    })
}

/// Endings under which a word stays what it is.
pub(super) const ENDINGS: [&[u8]; 7] = [b"s", b"es", b"ed", b"er", b"ers", b"ing", b"ings"];
/// Endings that words take in chats, besides those.
const SLANG: [&[u8]; 20] = [
    b"a", b"ah", b"as", b"az", b"ee", b"en", b"ey", b"ez", b"ie", b"ies", b"in", b"o", b"off",
    b"os", b"um", b"up", b"y", b"yo", b"z", b"zz",
];

/// Inside of a longer word.
fn inside(token: &Token<'_>, wants: &[Want], looks: &Looks) -> Option<&'static str> {
    let length: usize = wants.iter().map(|want| usize::from(want.run)).sum();
    // A letter that is there once more than the entry wants may belong to what stands before or after it.
    let (first, last) = (token.inner.first()?, token.inner.last()?);
    // `Alt+Enter` holds no `ten`.
    let joins = |unit: &Unit| unit.kind == Kind::Leet && matches!(unit.plain, '+' | '!' | '|');
    if joins(first) && !token.before.is_empty() || joins(last) && !token.after.is_empty() {
        return None;
    }
    let mut before = Letters::of(token.before)?;
    let mut after = Letters::default();
    if token.inner.len() > 1 {
        before.add_one(first, first.run - wants[0].run)?;
    }
    after.add_one(last, last.run - wants[wants.len() - 1].run)?;
    after.add(token.after)?;
    let (mut before, mut after) = (before.as_bytes(), after.as_bytes());
    // `xxteaxx`
    if before.len() > 1
        && [before, after]
            .concat()
            .iter()
            .all(|letter| *letter == b'x')
    {
        (before, after) = (&[], &[]);
    }
    if length < 3 {
        return None;
    }
    let settled = token.is_settled();
    let entry = spelling(wants)?;
    // Nobody writes `b1scuity` but to hide `biscuit`.
    let settled = settled && !(looks.leet && before.is_empty() && length >= 4);
    let stays = before.is_empty() && stays(token.inner, after, &entry, settled);
    if settled && !stays {
        return None;
    }
    let word = is_english(&entry);
    let slip = looks.swapped || (looks.more_inside && !looks.much_more);
    let ordinary = is_settled(&entry);
    if slip {
        let same = length >= 4 && stays && !looks.swapped;
        let known = || is_known(before, &[]) && is_known(after, &SLANG);
        let joined = length >= 4 && !looks.more && !ordinary && known();
        return (!settled && (same || joined)).then(|| looks.why());
    }
    // An entry that is no word was written for the words that are made of it.
    let meant = stays && (word || !settled || length >= 6);
    if meant && !(settled && is_other_word(token, &entry, after)) {
        return Some(looks.why());
    }
    if settled {
        return None;
    }
    if length >= 4 && before.len() != 1 && is_foreign(&entry) {
        return Some(looks.why());
    }
    let slang = before.is_empty()
        && (!word && (after == b"e" || SLANG.contains(&after)) || matches!(after, b"z" | b"zz"));
    let name = token.is_name();
    let common = |rest: &[u8]| rest.len() >= 4 && hardness(rest.iter().copied()).is_some();
    let joined = before.is_empty() && common(after) || after.is_empty() && common(before);
    if name && length < 5 && !slang && !joined {
        return None;
    }
    let (left, right) = (is_known(before, &[]), is_known(after, &SLANG));
    let closes = after.is_empty() || matches!(after, b"s" | b"es");
    let meant = match length {
        // `teabag` in a list with `tea`
        3 => slang || before.is_empty() && is_word(after) || closes && is_word(before),
        4 => slang || left && right,
        _ => {
            let at_an_end = before.is_empty() || after.is_empty();
            // Words that only newer lists have, such as those of science.
            let technical = ordinary && token.is_english();
            let rest = before.len() + after.len();
            let least = if length > 5 { 1 } else { 3 };
            slang
                || left && right
                || at_an_end && !name && !technical && (least..=length).contains(&rest)
        }
    };
    // A short word in what is made of words may well be another one: `tooltip` is no `tip`.
    let chance = ordinary && length < 5 && !slang;
    meant.then_some(if chance { IN_A_WORD } else { looks.why() })
}

/// `butter` is commoner than `butt`, so it is not made of it as `scammer` is of `scam`.
fn is_other_word(token: &Token<'_>, entry: &[u8], after: &[u8]) -> bool {
    let maker = [&b"er"[..], b"ers", b"ings"]
        .iter()
        .any(|ending| after.ends_with(ending));
    let rarity = |word: &[u8]| hardness(word.iter().copied()).unwrap_or(f32::INFINITY);
    maker
        && token
            .letters()
            .is_some_and(|word| rarity(word.as_bytes()) < rarity(entry))
}

/// Whether letters have four in a row that no settled word has, so that no such word can hold them.
fn is_foreign(letters: &[u8]) -> bool {
    letters.iter().all(u8::is_ascii_lowercase) && letters.windows(4).any(|four| !is_met(four))
}

/// Whether only an ending follows.
pub(super) fn is_close(rest: &[Unit], inner: &[Unit]) -> bool {
    letters(rest).is_some_and(|after| is_ending(after.as_bytes(), inner))
}

/// Letters before or after an entry in a word.
pub(super) fn letters(units: &[Unit]) -> Option<Letters> {
    Letters::of(units)
}

/// Whether these letters behind an entry are one of the endings of chats, or nothing.
pub(super) fn is_ending(after: &[u8], inner: &[Unit]) -> bool {
    let last = inner.last().and_then(|unit| u8::try_from(unit.plain).ok());
    let rest = match after {
        [first, rest @ ..] if Some(*first) == last => rest,
        after => after,
    };
    let silent = last == Some(b'e') && matches!(rest, b"d" | b"r" | b"rs");
    let known = ENDINGS.contains(&rest) || SLANG.contains(&rest) || rest == b"e";
    let vowel = last == Some(b'a') && matches!(rest, b"h" | b"hs");
    rest.is_empty() || known || silent || vowel
}

/// Whether a word with this ending is the same word: `teas`, `teaing`, `cupped`, `cuppy`, `brewed`.
fn stays(inner: &[Unit], after: &[u8], entry: &[u8], english: bool) -> bool {
    let length = entry.len();
    let last = inner.last().and_then(|unit| u8::try_from(unit.plain).ok());
    let ending = |ending: &[u8]| match ending {
        b"es" => matches!(last, Some(b's' | b'x' | b'z' | b'h' | b'o')),
        b"s" | b"ed" | b"ing" => true,
        b"ion" => length >= 6 && (!english || !is_settled(entry)),
        b"d" | b"r" | b"rs" => last == Some(b'e') && length >= 4,
        // `assess` is no doubled `asses`.
        [b's', _, ..] if english && last == Some(b's') => false,
        // `cupping`, `cuppy`
        [first, rest @ ..] if Some(*first) == last && length >= 4 => {
            match rest {
                b"ed" | b"er" | b"ers" | b"ing" | b"ings" | b"in" => true,
                // `skinny` is another word than `skin`.
                b"y" | b"ier" | b"iest" => !english || !is_settled(entry),
                _ => false,
            }
        }
        // `spicy` holds no `spic`.
        b"y" => length >= 4 && !english || length >= 5 && !is_settled(entry),
        _ => length >= 4 && ENDINGS.contains(&ending),
    };
    ending(after)
}

/// Whether it is a word; the short ones among them must be such as people know.
pub(super) fn is_word(letters: &[u8]) -> bool {
    match letters.len() {
        ..3 => false,
        3 | 4 => hardness(letters.iter().copied()).is_some(),
        _ => is_english(letters),
    }
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
pub(super) const SHORT: [&[u8]; 24] = [
    b"am", b"an", b"as", b"at", b"be", b"by", b"do", b"go", b"he", b"if", b"im", b"in", b"is",
    b"it", b"me", b"my", b"no", b"of", b"on", b"or", b"so", b"to", b"up", b"we",
];

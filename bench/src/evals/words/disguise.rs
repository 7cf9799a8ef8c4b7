//! Words written so that a filter should miss them, each in one of the ways that people use.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::talk::Seed;

/// A way of writing a word that hides it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Pinyin,
    Homophone,
    Traditional,
    LookAlike,
    Split,
    Order,
    Emoji,
    Initials,
}

impl Kind {
    pub const ALL: [Kind; 8] = [
        Kind::Pinyin,
        Kind::Homophone,
        Kind::Traditional,
        Kind::LookAlike,
        Kind::Split,
        Kind::Order,
        Kind::Emoji,
        Kind::Initials,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Pinyin => "full pinyin",
            Kind::Homophone => "homophones",
            Kind::Traditional => "traditional",
            Kind::LookAlike => "look-alikes",
            Kind::Split => "split characters",
            Kind::Order => "order swapped",
            Kind::Emoji => "emoji",
            Kind::Initials => "initials",
        }
    }

    pub fn bar(self) -> f64 {
        match self {
            Kind::Pinyin => 0.97,
            Kind::Homophone | Kind::Order => 0.88,
            Kind::Traditional => 0.99,
            Kind::LookAlike => 0.85,
            Kind::Split | Kind::Initials => 0.80,
            Kind::Emoji => 0.60,
        }
    }
}

const SAYINGS: [&str; 10] = [
    "你这个{}真是够了",
    "他说{}",
    "{}",
    "今天又看到{}了，烦死",
    "别跟我提{}",
    "{}是什么意思啊",
    "大家小心{}！",
    "谁还没见过{}呢哈哈",
    "昨天群里有人发{}，被踢了",
    "这就是{}，懂？",
];

/// The word in disguise, in a sentence; nothing for one that cannot be hidden in this way.
pub fn said(word: &str, kind: Kind, seed: &mut Seed) -> Option<String> {
    let chars: Vec<char> = word.chars().collect();
    let hidden = match kind {
        Kind::Pinyin => {
            let sounds: Vec<&str> = chars.iter().map(|c| sound(*c)).collect::<Option<_>>()?;
            sounds.join(if seed.below(3) == 0 { " " } else { "" })
        }
        Kind::Initials => chars
            .iter()
            .map(|c| sound(*c)?.chars().next())
            .collect::<Option<_>>()?,
        Kind::Order => {
            let mut mixed = chars.clone();
            let by = 1 + seed.below(mixed.len() - 1);
            mixed.rotate_left(by);
            mixed.into_iter().collect()
        }
        Kind::Traditional => chars
            .iter()
            .map(|c| pick(&TRADITIONAL, *c, seed).unwrap_or(*c))
            .collect(),
        Kind::Homophone => some(&chars, seed, |c, seed| {
            Some(pick_text(&SOUNDING, sound(c)?, c, seed)?.to_string())
        }),
        Kind::LookAlike => some(&chars, seed, |c, seed| {
            Some(pick(&ALIKE, c, seed)?.to_string())
        }),
        Kind::Split => some(&chars, seed, |c, _| PARTS.get(&c).cloned()),
        Kind::Emoji => some(&chars, seed, |c, seed| {
            Some(pick_text(&EMOJI, sound(c)?, c, seed)?.to_string())
        }),
    };
    let saying = SAYINGS[seed.below(SAYINGS.len())];
    (hidden != word).then(|| saying.replace("{}", &hidden))
}

/// One or more of the characters written otherwise.
fn some(
    chars: &[char],
    seed: &mut Seed,
    other: impl Fn(char, &mut Seed) -> Option<String>,
) -> String {
    let must = seed.below(chars.len());
    let write = |(n, c): (usize, &char)| {
        let hide = n == must || seed.below(2) == 0;
        hide.then(|| other(*c, seed))
            .flatten()
            .unwrap_or_else(|| c.to_string())
    };
    chars.iter().enumerate().map(write).collect()
}

type Choices<K> = HashMap<K, Vec<char>>;

fn pick(from: &Choices<char>, c: char, seed: &mut Seed) -> Option<char> {
    let choices = from.get(&c)?;
    Some(choices[seed.below(choices.len())])
}

fn pick_text(from: &Choices<&str>, sound: &str, not: char, seed: &mut Seed) -> Option<char> {
    let choices: Vec<char> = from
        .get(sound)?
        .iter()
        .copied()
        .filter(|c| *c != not)
        .collect();
    (!choices.is_empty()).then(|| choices[seed.below(choices.len())])
}

fn sound(c: char) -> Option<&'static str> {
    SOUND.get(&c).copied()
}

const PINYIN: &str = include_str!("../../../../data/rules/pinyin.txt");

static SOUND: LazyLock<HashMap<char, &'static str>> = LazyLock::new(|| {
    let line = |line: &'static str| {
        let mut fields = line.split('\t');
        let said = fields.next().unwrap_or_default();
        fields
            .next()
            .unwrap_or_default()
            .chars()
            .map(move |c| (c, said))
    };
    PINYIN.lines().flat_map(line).collect()
});

/// Characters that people know, by their syllable: those that have look-alikes in the table.
static SOUNDING: LazyLock<Choices<&'static str>> = LazyLock::new(|| {
    let mut choices: Choices<&str> = HashMap::new();
    let mut known: Vec<char> = ALIKE.keys().copied().collect();
    known.sort_unstable();
    for c in known {
        if let Some(sound) = sound(c) {
            choices.entry(sound).or_default().push(c);
        }
    }
    choices
});

/// The three nearest look-alikes.
static ALIKE: LazyLock<Choices<char>> = LazyLock::new(|| {
    let line = |line: &str| {
        let mut chars = line.chars();
        Some((chars.next()?, chars.take(3).collect()))
    };
    include_str!("../../../../data/rules/shapes.txt")
        .lines()
        .filter_map(line)
        .collect()
});

static TRADITIONAL: LazyLock<Choices<char>> = LazyLock::new(|| {
    let mut choices: Choices<char> = HashMap::new();
    for pair in include_str!("../../../../data/rules/traditional.txt").lines() {
        let mut chars = pair.chars();
        if let (Some(traditional), Some(simple)) = (chars.next(), chars.next()) {
            choices.entry(simple).or_default().push(traditional);
        }
    }
    choices
});

static PARTS: LazyLock<HashMap<char, String>> = LazyLock::new(|| {
    let line = |line: &str| {
        let whole = line.chars().next_back()?;
        Some((whole, line[..line.len() - whole.len_utf8()].to_owned()))
    };
    include_str!("../../../../data/rules/split.txt")
        .lines()
        .filter_map(line)
        .collect()
});

/// Emoji by the syllable of their name.
static EMOJI: LazyLock<Choices<&'static str>> = LazyLock::new(|| {
    let mut choices: Choices<&str> = HashMap::new();
    for line in include_str!("../../../../data/rules/emoji.txt").lines() {
        let mut names = line.split(' ');
        let emoji = names.next().and_then(|shape| shape.chars().next());
        let name = names.find(|name| name.chars().count() == 1);
        if let (Some(emoji), Some(sound)) =
            (emoji, name.and_then(|name| sound(name.chars().next()?)))
        {
            choices.entry(sound).or_default().push(emoji);
        }
    }
    choices
});

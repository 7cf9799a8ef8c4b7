//! Instructions smuggled to the model: in a question, or inside what it quotes. It only flags; nothing depends on it,
//! since the hard rules hold on what is said, whatever was asked. No model, no list of attacks: words become ideas
//! (drop, earlier, orders, show, system …) and a few short rows of ideas are attempts, in any of three languages.

mod disguise;
#[cfg(test)]
mod tests;
mod words;

use super::{Certainty, Hit};
use words::*;

/// A row of ideas: each step says what the next word is about and how many others may stand before it.
struct Row {
    why: &'static str,
    certainty: Certainty,
    steps: &'static [(u64, usize)],
    /// Ideas that may not stand just before the row: "I forget the rules" orders nothing.
    not_after: u64,
    /// Ideas that may not stand inside.
    not_inside: u64,
    only_quoted: bool,
}

const fn sure(why: &'static str, steps: &'static [(u64, usize)]) -> Row {
    Row {
        why,
        certainty: Certainty::Sure,
        steps,
        not_after: 0,
        not_inside: 0,
        only_quoted: false,
    }
}

const fn likely(why: &'static str, steps: &'static [(u64, usize)]) -> Row {
    Row {
        certainty: Certainty::Likely,
        ..sure(why, steps)
    }
}

/// An order, not a story about somebody.
const fn order(row: Row) -> Row {
    Row {
        not_after: WHO,
        not_inside: MINE,
        ..row
    }
}

const fn quoted(row: Row) -> Row {
    Row {
        only_quoted: true,
        not_after: WHO,
        ..row
    }
}

const DROP: &str = "tells the model to drop its instructions";
const LOOK: &str = "asks for the model's own instructions";
const PLAY: &str = "gives the model another role";
const LOOSE: &str = "asks for a model without limits";
const FRESH: &str = "announces new instructions";
const STEER: &str = "steers the answer from inside a quote";

const ROWS: &[Row] = &[
    order(sure(DROP, &[(OVERRIDE, 0), (ORDERS, 7)])),
    order(sure(
        DROP,
        &[(OVERRIDE, 0), (ALL | PRIOR | YOUR, 2), (MATTER, 4)],
    )),
    order(sure(DROP, &[(OVERRIDE, 0), (ALL, 2), (PRIOR, 5)])),
    order(sure(
        DROP,
        &[(OVERRIDE, 0), (PRIOR, 1), (NOW | SAY | SHOW, 3)],
    )),
    order(sure(
        DROP,
        &[(PRIOR | ALL, 0), (ORDERS | MATTER, 2), (OVERRIDE, 4)],
    )),
    order(sure(DROP, &[(PRIOR, 0), (OVERRIDE, 2)])),
    order(likely(DROP, &[(OVERRIDE, 0), (ALL, 1)])),
    order(likely(DROP, &[(OVERRIDE, 0), (WHAT, 1), (PRIOR, 6)])),
    sure(DROP, &[(DESPITE, 0), (PRIOR | ORDERS | TOLD, 4)]),
    sure(DROP, &[(CHANGE, 0), (YOUR, 1), (ORDERS, 1)]),
    sure(DROP, &[(PRIOR | ALL, 0), (ORDERS | MATTER, 2), (VOID, 8)]),
    order(sure(DROP, &[(HEED, 0), (ORDERS, 3), (NOT, 2)])),
    order(sure(DROP, &[(NOT, 0), (HEED, 1), (ORDERS, 5)])),
    order(sure(
        DROP,
        &[(NOT, 0), (HEED, 1), (ALL | PRIOR, 3), (PRIOR | MATTER, 4)],
    )),
    order(sure(
        DROP,
        &[(HEED, 0), (NOT, 1), (ALL | PRIOR | ORDERS, 3)],
    )),
    sure(LOOK, &[(SHOW, 0), (SYSTEM, 6), (PROMPT, 1)]),
    sure(LOOK, &[(SYSTEM, 0), (PROMPT, 0), (SHOW, 6)]),
    sure(LOOK, &[(YOUR | SHOW, 0), (SYSTEM, 2), (PROMPT, 1)]),
    sure(
        LOOK,
        &[
            (WHAT, 0),
            (YOUR, 4),
            (FIRST | SYSTEM | PROMPT, 1),
            (PROMPT, 2),
        ],
    ),
    sure(LOOK, &[(SHOW, 0), (YOUR, 3), (PROMPT & !MATTER, 2)]),
    sure(LOOK, &[(SHOW, 0), (FIRST, 5), (PROMPT, 2)]),
    sure(LOOK, &[(YOUR, 0), (FIRST, 1), (PROMPT, 1)]),
    sure(
        LOOK,
        &[(SHOW, 0), (FIRST, 4), (SHOW | WORDS, 2), (PROMPT, 4)],
    ),
    sure(LOOK, &[(SHOW, 0), (PROMPT, 3), (YOU, 1), (TOLD | ARE, 2)]),
    sure(LOOK, &[(PRINT, 0), (WORDS, 5), (PRIOR, 2)]),
    sure(LOOK, &[(PRINT, 0), (PRIOR, 3), (WORDS | PROMPT, 3)]),
    sure(LOOK, &[(WORDS, 0), (PRIOR, 2), (PRINT, 8)]),
    sure(LOOK, &[(PRIOR, 0), (WORDS, 3), (PRINT, 2)]),
    sure(LOOK, &[(SHOW | YOUR, 0), (SYSTEM_PROMPT, 5)]),
    sure(LOOK, &[(SHOW, 0), (PROMPT, 3), (YOU, 2), (FIRST, 5)]),
    sure(LOOK, &[(PRINT, 0), (ALL, 2), (PRIOR, 1)]),
    sure(
        LOOK,
        &[
            (SHOW, 0),
            (WORDS, 2),
            (YOU, 2),
            (TOLD, 2),
            (FIRST | PRIOR, 4),
        ],
    ),
    sure(LOOK, &[(SHOW, 0), (ALL, 2), (WORDS, 1), (SHOW | ALL, 4)]),
    sure(LOOK, &[(WHAT, 0), (ARE, 0), (YOU, 0), (TOLD, 1)]),
    sure(LOOK, &[(ARE, 0), (YOU, 0), (NOT, 0), (TOLD, 1)]),
    sure(LOOK, &[(COMPLETE, 0), (TOLD | SYSTEM, 7), (AS, 1)]),
    sure(LOOK, &[(COMPLETE, 0), (SYSTEM, 7), (PROMPT, 0)]),
    sure(LOOK, &[(COMPLETE, 0), (MINE, 5), (PROMPT, 0), (ARE, 1)]),
    sure(LOOK, &[(WHAT, 0), (PROMPT, 3), (FIRST | PRIOR, 5)]),
    sure(
        LOOK,
        &[
            (WHAT, 0),
            (WORDS | TOLD, 4),
            (FIRST | PRIOR, 5),
            (PROMPT, 4),
        ],
    ),
    sure(LOOK, &[(MODE_KIND, 0), (MODE, 0), (SHOW, 4)]),
    sure(LOOK, &[(SHOW, 0), (ALL, 3), (PROMPT, 2), (WORDS, 1)]),
    sure(LOOK, &[(YOU, 0), (PROMPT, 2), (SHOW, 2)]),
    likely(PLAY, &[(YOU, 0), (ARE, 0), (NOW, 0), (ARTICLE | NAME, 0)]),
    likely(PLAY, &[(NOW, 0), (YOU, 1), (ARE, 0), (ARTICLE | NAME, 0)]),
    likely(PLAY, &[(NOW, 0), (ARE, 0), (YOU, 0), (ARTICLE | NAME, 0)]),
    likely(PLAY, &[(NOW, 0), (YOU, 3), (ROLE, 3)]),
    likely(PLAY, &[(YOU, 0), (NOW, 0), (ARE, 0), (ARTICLE | NAME, 0)]),
    likely(PLAY, &[(KEEP, 0), (STAY, 5)]),
    likely(PLAY, &[(WANT, 0), (YOU, 2), (AS, 1), (BE, 0), (AS, 0)]),
    likely(PLAY, &[(WANT, 0), (YOU, 3), (AS, 0), (ROLE, 8)]),
    likely(PLAY, &[(ROLE, 0), (AS, 0), (MACHINE, 4)]),
    sure(FRESH, &[(YOUR, 0), (ORDERS, 1), (ARE, 0), (NOW, 0)]),
    order(likely(PLAY, &[(ROLE, 0), (YOU, 1), (ARE, 0)])),
    order(sure(LOOSE, &[(ROLE, 0), (FREE, 8)])),
    sure(LOOSE, &[(YOU, 0), (ARE, 1), (FREE, 5)]),
    sure(LOOSE, &[(YOU, 0), (WITHOUT, 8), (LIMIT, 2)]),
    sure(LOOSE, &[(ROLE, 0), (WITHOUT, 10), (LIMIT, 2)]),
    sure(LOOSE, &[(MODE_KIND, 0), (MODE, 0)]),
    sure(LOOSE, &[(YOU, 0), (STAY, 8), (FREE, 8)]),
    sure(FRESH, &[(NEW, 0), (ORDERS, 1), (FOLLOW | YOU, 6)]),
    sure(FRESH, &[(FOLLOW, 0), (NEW, 4), (ORDERS | MATTER, 1)]),
    likely(FRESH, &[(SAY, 0), (IN, 1), (ALL, 1), (QUESTION, 1)]),
    likely(FRESH, &[(SAY, 0), (ALL, 1), (QUESTION, 1)]),
    likely(FRESH, &[(ALL, 0), (QUESTION, 6), (SAY, 3), (IN, 0)]),
    likely(FRESH, &[(NOT, 0), (SAY | HEED, 1), (ONLY, 7), (SAY, 1)]),
    sure(
        FRESH,
        &[(PRAISE, 0), (NOW | NEW, 8), (NEW | ORDERS, 8), (MATTER, 3)],
    ),
    quoted(sure(STEER, &[(SHAPE, 0), (YOUR, 9), (ANSWER, 2)])),
    quoted(sure(STEER, &[(IN, 0), (YOUR, 0), (ANSWER, 1), (SHAPE, 1)])),
    quoted(sure(STEER, &[(IN, 0), (ANSWER, 0), (SHAPE, 2)])),
    quoted(sure(
        STEER,
        &[(YOUR, 0), (ANSWER, 0), (WANT, 1), (SHAPE | BE | ONLY, 2)],
    )),
    quoted(sure(STEER, &[(YOU, 0), (WANT, 4), (SHAPE | SAY, 1)])),
    quoted(sure(STEER, &[(OVERRIDE, 0), (USERS | QUESTION, 4)])),
    quoted(likely(STEER, &[(SHAPE, 0), (THE, 5), (ANSWER, 1)])),
    quoted(sure(STEER, &[(WHEN, 0), (YOU, 1), (SAY | SHAPE, 3)])),
    quoted(sure(STEER, &[(ONLY, 0), (SAY, 2)])),
    quoted(sure(STEER, &[(SHAPE, 0), (USERS, 3), (AS, 3)])),
    order(likely(STEER, &[(INSTEAD, 0), (SAY, 1)])),
    order(likely(STEER, &[(SAY, 0), (INSTEAD, 6)])),
];

/// The strongest sign of an attempt: `direct` in the words themselves, `quoted` in material that they bring along.
pub fn find(text: &str, is_quoted: bool) -> Option<Hit> {
    let kind = if is_quoted { "quoted" } else { "direct" };
    if let Some(span) = disguise::forged(text) {
        return Some(Hit::sure(
            span,
            kind,
            "forges a line of the house or of the model's format",
        ));
    }
    let (mut met, mut single) = (0, 0);
    words(text, |word| {
        met |= word.ideas;
        single += usize::from(word.end - word.start == 1);
    });
    let possible = |met: u64| ROWS.iter().any(|row| row.is_possible(met, is_quoted));
    if possible(met)
        && let Some(hit) = in_words(text, kind, is_quoted)
    {
        return Some(hit);
    }
    let hidden = |inner: &str| in_words(inner, kind, is_quoted).is_some();
    if met & BACKWARDS != 0 && hidden(&text.chars().rev().collect::<String>()) {
        return Some(Hit::sure(
            0..text.len(),
            kind,
            "instructions written backwards",
        ));
    }
    if met & ROT != 0 && hidden(&disguise::rot13(text)) {
        return Some(Hit::sure(0..text.len(), kind, "instructions in rot13"));
    }
    disguise::encoded(text, hidden)
        .map(|span| Hit::sure(span, kind, "instructions hidden in base64"))
        .or_else(|| {
            Some(text)
                .filter(|_| single >= disguise::SPACED)
                .and_then(disguise::spaced)
                .map(|span| Hit::sure(span, kind, "instructions with letters drawn apart"))
        })
}

fn in_words(text: &str, kind: &'static str, is_quoted: bool) -> Option<Hit> {
    let (mut row, mut met) = (Vec::new(), 0);
    words(text, |word| {
        met |= word.ideas;
        row.push(word);
    });
    let mut weak = None;
    for start in 0..row.len() {
        if row[start].ideas == 0 {
            continue;
        }
        for rule in ROWS {
            if rule.steps[0].0 & row[start].ideas == 0 || !rule.is_possible(met, is_quoted) {
                continue;
            }
            let Some(end) = rule.ends(&row, start) else {
                continue;
            };
            let span = row[start].start..row[end].end;
            match rule.certainty {
                Certainty::Sure => return Some(Hit::sure(span, kind, rule.why)),
                Certainty::Likely if weak.is_none() => {
                    weak = Some(Hit::likely(span, kind, rule.why))
                }
                Certainty::Likely => {}
            }
        }
    }
    weak
}

impl Row {
    /// Whether a text with these ideas, in whatever order, can have the row.
    fn is_possible(&self, met: u64, is_quoted: bool) -> bool {
        (is_quoted || !self.only_quoted) && self.steps.iter().all(|(idea, _)| met & idea != 0)
    }

    /// Where the row that begins here ends.
    fn ends(&self, row: &[Word], start: usize) -> Option<usize> {
        let before = start.saturating_sub(2)..start;
        if row[before]
            .iter()
            .any(|word| word.ideas & self.not_after != 0)
        {
            return None;
        }
        let mut at = start;
        for (idea, gap) in &self.steps[1..] {
            let next = (at + 1..row.len().min(at + 2 + gap)).find(|n| row[*n].ideas & idea != 0)?;
            at = next;
        }
        let inside = &row[start + 1..at];
        (!inside.iter().any(|word| word.ideas & self.not_inside != 0)).then_some(at)
    }
}

//! What the house is about to say, held to its rules: each part of an answer together with the end of what was shown
//! before, so that nothing hides in the seam. It says what stops it, or what goes out instead; it sends nothing.

use super::{Kind, Part, Rules, private};
use crate::charter::Mode;
use crate::notice::Language;
use crate::rules::links::{self, Answers, Link, Settings};
use crate::rules::verdict::{Effect, Judgement};
use crate::rules::words::Read;
use crate::rules::{Certainty, Hit, Side, facts, identity, language, privacy};

/// Whose words go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// A model made them.
    Model,
    /// The house says them in its own name: its sentences are ours or an admin's, and only lists and links bind them.
    House,
}

/// A text of ours, judged.
#[derive(Debug)]
pub struct Judged {
    /// What was found.
    pub judgement: Judgement,
    /// What goes out instead, if the rules change it.
    pub rewritten: Option<String>,
}

/// Words of an answer that were shown already are looked at again together with what follows, so that nothing hides in
/// the seam between two parts.
const SEAM: usize = 400;

impl Rules {
    /// Judges what the house is about to say. `before` is what the same answer has shown already.
    pub fn judge_answer(
        &self,
        voice: Voice,
        before: &str,
        text: &str,
        fetched: &[String],
    ) -> Judged {
        let tail = tail(before, SEAM);
        // A new message is a blank, or nothing where a word was cut: neither hides what is completed.
        let whole = tail.trim_end();
        let is_cut = whole.len() < tail.len();
        let joined = format!("{whole}{}{text}", if is_cut { " " } else { "" });
        let glued = format!("{whole}{text}");
        let seam = joined.len() - text.len();
        let mut findings = Vec::new();
        let mut rewritten: Option<String> = None;
        let binds = |part: &&Part| {
            part.mode != Mode::Off && (voice == Voice::Model || part.binds_the_house())
        };
        for part in self.parts.iter().filter(binds) {
            let current = rewritten.as_deref().unwrap_or(text);
            let (hits, changed) = part.judge_answer(&joined, seam, current, fetched, self.speaks);
            let over = is_cut.then(|| {
                let seam = glued.len() - text.len();
                part.judge_answer(&glued, seam, current, fetched, self.speaks)
                    .0
            });
            let over = over.into_iter().flatten();
            let hits = hits
                .into_iter()
                .chain(over.filter(|(hit, _)| hit.span.start == 0));
            for (hit, effect) in hits {
                findings.push(self.finding(part, text, hit, effect));
            }
            if part.mode == Mode::On && changed.is_some() {
                rewritten = changed;
            }
        }
        Judged {
            judgement: Judgement::of(findings),
            rewritten: rewritten.filter(|new| new != text),
        }
    }
}

impl Part {
    /// Whether what the house says in its own name has to pass it.
    fn binds_the_house(&self) -> bool {
        match self.kind {
            Kind::Words(..) | Kind::Links(_) => true,
            Kind::Language(_)
            | Kind::Topic(..)
            | Kind::Ghostwriting(_)
            | Kind::Privacy(_)
            | Kind::Identity
            | Kind::Facts
            | Kind::Injection
            | Kind::Crisis
            | Kind::Flood(..) => false,
        }
    }

    /// What it sees in words of ours, and what goes out instead. `joined` begins with what was shown before.
    fn judge_answer(
        &self,
        joined: &str,
        seam: usize,
        text: &str,
        fetched: &[String],
        speaks: Language,
    ) -> (Vec<(Hit, Effect)>, Option<String>) {
        if !self.applies(Side::Answer) {
            return (vec![], None);
        }
        let stops = |hits: Vec<Hit>| {
            let hits = hits.into_iter().filter_map(|hit| behind(hit, seam));
            hits.map(|hit| match hit.certainty {
                Certainty::Sure => (hit, Effect::Stops),
                // Nobody looks at every answer: what only sounds alike is written down.
                Certainty::Likely => (hit, Effect::Recorded),
            })
            .collect::<Vec<_>>()
        };
        match &self.kind {
            Kind::Language(_) => {
                let hit = language::breaks_answer(text, speaks);
                let hits = hit.into_iter().map(|hit| (hit, Effect::Stops)).collect();
                (hits, None)
            }
            Kind::Words(list, _) => (stops(list.find(&Read::of(joined))), None),
            Kind::Topic(topic, _) => (stops(topic.find(joined).into_iter().collect()), None),
            Kind::Identity => (stops(identity::claims(joined).into_iter().collect()), None),
            Kind::Links(settings) => links_of_ours(settings, joined, seam, text, fetched, speaks),
            Kind::Privacy(kinds) => {
                let hits: Vec<(Hit, Effect)> = private(text, kinds)
                    .map(|hit| (hit, Effect::Changes))
                    .collect();
                let changed = (!hits.is_empty()).then(|| privacy::mask(text, kinds));
                (hits, changed)
            }
            Kind::Facts => {
                let hits = facts::claims(text).into_iter();
                (hits.map(|hit| (hit, Effect::Recorded)).collect(), None)
            }
            Kind::Ghostwriting(_) | Kind::Injection | Kind::Crisis | Kind::Flood(..) => {
                (vec![], None)
            }
        }
    }
}

/// Links in words of ours: what the room does not want is taken out, what it wants to see and not to click on is
/// defused. A link whose first half was shown is not completed.
fn links_of_ours(
    settings: &Settings,
    joined: &str,
    seam: usize,
    text: &str,
    fetched: &[String],
    speaks: Language,
) -> (Vec<(Hit, Effect)>, Option<String>) {
    let unwanted = |found: &[Link]| links::judge(found, settings, Side::Answer, false, fetched);
    let mut hits: Vec<(Hit, Effect)> = unwanted(&links::find(joined))
        .into_iter()
        .filter_map(|hit| {
            let effect = match hit.span.start < seam {
                true => Effect::Stops,
                false => Effect::Changes,
            };
            Some((behind(hit, seam)?, effect))
        })
        .collect();
    let removed = match speaks {
        Language::English => "[link removed]",
        Language::Chinese => "［链接已去掉］",
    };
    let is_kept = |link: &Link| unwanted(std::slice::from_ref(link)).is_empty();
    let stripped = links::strip(text, is_kept, removed);
    let changed = settings.defused(&stripped);
    if hits.is_empty() && changed != text && settings.answers == Answers::Defuse {
        let first = links::find(text)
            .into_iter()
            .find(|link| !settings.is_allowed(link));
        hits.extend(first.map(|link| {
            let hit = Hit::sure(
                link.span,
                "defused",
                "links are shown here, and not to be clicked",
            );
            (hit, Effect::Changes)
        }));
    }
    let is_changed = changed != text;
    (hits, is_changed.then_some(changed))
}

/// A hit that ends behind the seam, as it lies in what follows it.
fn behind(hit: Hit, seam: usize) -> Option<Hit> {
    (hit.span.end > seam).then(|| Hit {
        span: hit.span.start.saturating_sub(seam)..hit.span.end - seam,
        ..hit
    })
}

/// The last so many bytes, from a character's start.
fn tail(text: &str, most: usize) -> &str {
    let mut from = text.len().saturating_sub(most);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

//! The judge: a charter's rules, compiled once, look at a text. Looking is pure; only climbing a ladder and counting a
//! flood remember anything, and what they remember is handed in. What the house itself says is judged in `answers.rs`.
//! Nothing here acts.

mod answers;
mod lists;
#[cfg(test)]
mod tests;

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::climb::{Climbs, RuleKey, Said, TooMuch, Who};
use super::language::{Look, Tag, Tongue};
use super::links::{self, Link, Settings};
use super::topics::Topic;
use super::verdict::{Effect, Finding, Judgement, RuleName};
use super::words::Read;
use super::{Certainty, Hit, Side, crisis, ghostwriting, identity, injection, privacy};
use crate::charter::{AppliesTo, Charter, Exempt, GhostwritingDo, Ladder, Mode};
use crate::event::{MemberId, Role};
use crate::notice::Language;

pub use answers::{Judged, Voice};
use lists::Listed;

/// A charter's rules, ready to judge.
pub struct Rules {
    version: u32,
    parts: Arc<Vec<Part>>,
    exempt: Vec<Exempt>,
    forget_after: Duration,
    speaks: Language,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Rules(version {}, {} rules)",
            self.version,
            self.parts.len()
        )
    }
}

/// One rule of a charter.
struct Part {
    n: u16,
    /// What the admin calls it, where a charter can have several of its kind.
    name: Option<String>,
    /// As ladders know it.
    key: RuleKey,
    mode: Mode,
    kind: Kind,
    /// What follows on a member's message; rules that know no ladder have none.
    ladder: Option<Ladder>,
    /// Whether it is for each of [`SIDES`].
    applies: [bool; 3],
    exempt: Vec<Exempt>,
}

/// Whose words a rule can be for.
const SIDES: [AppliesTo; 3] = [AppliesTo::Members, AppliesTo::Questions, AppliesTo::Answers];

enum Kind {
    Language(Vec<Tongue>),
    Words(Listed, bool),
    Topic(Topic, Option<String>),
    Links(Settings),
    Ghostwriting(GhostwritingDo),
    Privacy(Vec<privacy::Kind>),
    Identity,
    Facts,
    Injection,
    Crisis,
    Flood(usize, Duration),
}

impl Kind {
    fn rule(&self) -> RuleName {
        match self {
            Kind::Language(_) => RuleName::Language,
            Kind::Words(..) => RuleName::Words,
            Kind::Topic(..) => RuleName::Topics,
            Kind::Links(_) => RuleName::Links,
            Kind::Ghostwriting(_) => RuleName::Ghostwriting,
            Kind::Privacy(_) => RuleName::Privacy,
            Kind::Identity => RuleName::Identity,
            Kind::Facts => RuleName::Facts,
            Kind::Injection => RuleName::Injection,
            Kind::Crisis => RuleName::Crisis,
            Kind::Flood(..) => RuleName::Flood,
        }
    }
}

/// A text with what is known around it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line<'a> {
    /// The words.
    pub text: &'a str,
    /// What it quotes.
    pub quote: Option<&'a str>,
    /// Other words that came with it: names, titles of cards, names of files. A link there is a link.
    pub beside: &'a [&'a str],
    /// Who says it.
    pub member: Option<&'a MemberId>,
    /// Their role, as far as it is known.
    pub role: Option<Role>,
    /// Whether they are new here.
    pub is_newcomer: bool,
    /// Domains that were really fetched for this answer.
    pub fetched: &'a [String],
}

/// What a look has found, before anybody climbs a ladder.
#[derive(Debug, Default)]
pub struct Seen {
    findings: Vec<Finding>,
    /// Which language it is in, if a rule asks for that.
    pub language: Option<Tag>,
    /// The links in it, if a rule has looked for them.
    pub links: Option<Vec<Link>>,
}

impl Seen {
    /// What was found so far.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl Rules {
    /// No rules at all.
    pub fn none(speaks: Language) -> Self {
        Rules {
            version: 1,
            parts: Arc::default(),
            exempt: Vec::new(),
            forget_after: Duration::ZERO,
            speaks,
        }
    }

    /// Makes a charter's rules ready; `read` brings the words of a list. All errors at once, each with its section.
    pub fn compile(
        charter: &Charter,
        speaks: Language,
        version: u32,
        read: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, Vec<String>> {
        Self::compile_beside(&[], charter, speaks, version, read)
    }

    /// The same, with the lists of other rules taken over where they were made of the same words: what a room changes
    /// costs no more than the change.
    pub fn compile_beside(
        others: &[&Rules],
        charter: &Charter,
        speaks: Language,
        version: u32,
        read: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, Vec<String>> {
        let mut errors = Vec::new();
        let mut parts = Vec::new();
        let mut add = |mode,
                       kind: Kind,
                       name: Option<&str>,
                       ladder: Option<&Ladder>,
                       applies_to: &BTreeSet<_>,
                       exempt: &[Exempt]| {
            parts.push(Part {
                n: u16::try_from(parts.len() + 1).unwrap_or(u16::MAX),
                key: RuleKey::of(&full_name(kind.rule(), name)),
                name: name.map(str::to_owned),
                mode,
                kind,
                ladder: ladder.cloned(),
                applies: SIDES.map(|side| applies_to.contains(&side)),
                exempt: exempt.to_vec(),
            });
        };
        let all = SIDES.into();
        if let Some(rule) = &charter.language {
            add(
                rule.mode,
                Kind::Language(rule.members.clone()),
                None,
                Some(&rule.ladder),
                &all,
                &rule.exempt,
            );
        }
        for rule in &charter.words {
            match Listed::of(rule, read, others) {
                Ok(list) => add(
                    rule.mode,
                    Kind::Words(list, rule.by_sound),
                    Some(&rule.name),
                    Some(&rule.ladder),
                    &rule.applies_to,
                    &rule.exempt,
                ),
                Err(why) => errors.push(format!("words \"{}\": {why}", rule.name)),
            }
        }
        for rule in &charter.topics {
            let topic = Topic::compile(&rule.name, &rule.about, &rule.examples);
            let kind = Kind::Topic(topic, rule.decline.clone());
            add(
                rule.mode,
                kind,
                Some(&rule.name),
                Some(&rule.ladder),
                &rule.applies_to,
                &[],
            );
        }
        if let Some(rule) = &charter.links {
            match rule.settings().checked() {
                Ok(settings) => {
                    let kind = Kind::Links(settings);
                    add(
                        rule.mode,
                        kind,
                        None,
                        Some(&rule.ladder),
                        &all,
                        &rule.exempt,
                    );
                }
                Err(why) => errors.push(format!("links: {why}")),
            }
        }
        if let Some(rule) = &charter.ghostwriting {
            add(
                rule.mode,
                Kind::Ghostwriting(rule.action),
                None,
                None,
                &all,
                &[],
            );
        }
        if let Some(rule) = &charter.privacy {
            add(
                rule.mode,
                Kind::Privacy(rule.mask.clone()),
                None,
                None,
                &all,
                &[],
            );
        }
        for (rule, kind) in [
            (&charter.identity, Kind::Identity),
            (&charter.facts, Kind::Facts),
            (&charter.injection, Kind::Injection),
        ] {
            if let Some(rule) = rule {
                add(rule.mode, kind, None, None, &all, &[]);
            }
        }
        if let Some(rule) = &charter.crisis {
            add(rule.mode, Kind::Crisis, None, None, &all, &[]);
        }
        if let Some(rule) = &charter.flood {
            let kind = Kind::Flood(rule.messages.get() as usize, rule.within.get());
            add(
                rule.mode,
                kind,
                None,
                Some(&rule.ladder),
                &all,
                &rule.exempt,
            );
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Rules {
            version,
            parts: Arc::new(parts),
            exempt: charter.exempt.clone(),
            forget_after: charter.forget_after.get(),
            speaks,
        })
    }

    /// What a member's line or question holds. Remembers nothing.
    pub fn look(&self, side: Side, line: &Line<'_>) -> Seen {
        // Only a rule about languages reads which one it is.
        let look = LazyCell::new(|| Look::at(line.text));
        // Only lists read how it is written, and all of them the same.
        let read = LazyCell::new(|| Read::of(line.text));
        let speaks = |part: &&Part| matches!(part.kind, Kind::Language(_));
        let mut rules = self.parts.iter().filter(|part| part.mode != Mode::Off);
        let mut seen = Seen {
            language: rules.find(speaks).map(|_| look.tag),
            ..Seen::default()
        };
        let parts = self.parts.iter();
        for part in parts.filter(|part| part.mode != Mode::Off && part.applies(side)) {
            if self.spares(part, line) {
                continue;
            }
            for (hit, effect) in part.find(side, line, &look, &read, &mut seen.links) {
                seen.findings
                    .push(self.finding(part, line.text, hit, effect));
            }
        }
        seen
    }

    /// Whether nothing in words that come with a line, such as a name, is minded here: whoever looks at many lines with
    /// the same name need not show it each time.
    pub fn minds_nothing_beside(&self, words: &str) -> bool {
        let mut parts = self.parts.iter().filter(|part| part.mode != Mode::Off);
        parts.all(|part| match &part.kind {
            Kind::Words(list, _) => list.find(&Read::of(words)).is_empty(),
            Kind::Links(_) => links::find(words).is_empty(),
            Kind::Language(_)
            | Kind::Topic(..)
            | Kind::Ghostwriting(_)
            | Kind::Privacy(_)
            | Kind::Identity
            | Kind::Facts
            | Kind::Injection
            | Kind::Crisis
            | Kind::Flood(..) => true,
        })
    }

    /// Folds what was seen. With who said it and when, ladders are climbed and floods counted; else the first rung
    /// holds and nothing is a flood.
    pub fn fold(
        &self,
        mut seen: Seen,
        line: &Line<'_>,
        said: Option<(Who, Said)>,
        climbs: &mut Climbs,
    ) -> Judgement {
        let Some((who, said)) = said else {
            return Judgement::of(seen.findings);
        };
        for part in self.parts.iter().filter(|part| part.mode != Mode::Off) {
            if let Kind::Flood(messages, within) = part.kind
                && !self.spares(part, line)
                && let Some(much) = climbs.says(who, line.text, said, messages, within)
            {
                let hit = match much {
                    TooMuch::Messages => Hit::sure(
                        0..line.text.len(),
                        "flood",
                        format!("more than {messages} messages in {} s", within.as_secs()),
                    ),
                    TooMuch::Repeats => Hit::sure(
                        0..line.text.len(),
                        "repeat",
                        "the same words again and again",
                    ),
                };
                let effect = part.rung(0);
                seen.findings
                    .push(self.finding(part, line.text, hit, effect));
            }
            let climbing = |finding: &&mut Finding| {
                finding.n == part.n && matches!(finding.effect, Effect::Rung(_))
            };
            if part.mode != Mode::On || seen.findings.iter_mut().find(climbing).is_none() {
                continue;
            }
            let together = part.together();
            let times = climbs.climb(who, part.key, said, self.forget_after, together);
            for finding in seen.findings.iter_mut().filter(climbing) {
                finding.effect = part.rung(times);
            }
        }
        Judgement::of(seen.findings)
    }

    /// Whether anything may have to be done about a member's line, before anybody knows their role: who is spared is
    /// found out then, and who is not climbs then.
    pub fn may_act(
        &self,
        seen: &Seen,
        line: &Line<'_>,
        who: Who,
        said: Said,
        climbs: &mut Climbs,
    ) -> bool {
        let floods = self.parts.iter().any(|part| {
            let Kind::Flood(messages, within) = part.kind else {
                return false;
            };
            // Counted also where the rule only records.
            part.mode != Mode::Off
                && climbs
                    .says(who, line.text, said, messages, within)
                    .is_some()
                && part.mode.acts()
        });
        let acts = |finding: &Finding| finding.mode.acts() && !finding.actions().is_empty();
        floods || seen.findings.iter().any(acts)
    }

    /// The same rules as another version.
    pub fn numbered(&self, version: u32) -> Self {
        Rules {
            version,
            parts: self.parts.clone(),
            exempt: self.exempt.clone(),
            ..*self
        }
    }

    /// Which charter's version they are of.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The rules in order: number, full name, mode.
    pub fn list(&self) -> impl Iterator<Item = (u16, String, Mode)> {
        let name = |part: &Part| full_name(part.kind.rule(), part.name.as_deref());
        self.parts
            .iter()
            .map(move |part| (part.n, name(part), part.mode))
    }

    /// A rule's full name, by its number.
    pub fn name_of(&self, n: u16) -> Option<String> {
        let part = self.parts.iter().find(|part| part.n == n)?;
        Some(full_name(part.kind.rule(), part.name.as_deref()))
    }

    /// How ladders know a rule, by its number.
    pub fn key_of(&self, n: u16) -> Option<RuleKey> {
        let part = self.parts.iter().find(|part| part.n == n);
        part.map(|part| part.key)
    }

    /// Whether any rule looks at what members say to each other.
    pub fn judges_talk(&self) -> bool {
        self.parts.iter().any(|part| {
            part.mode != Mode::Off && part.ladder.is_some() && part.applies(Side::Member)
        })
    }

    /// Whether a line is one of despair, and this house answers that with a card.
    pub fn sees_crisis(&self, text: &str) -> bool {
        let acts = |part: &Part| matches!(part.kind, Kind::Crisis) && part.mode.acts();
        self.parts.iter().any(acts) && crisis::find(text).is_some()
    }

    /// A text without what no provider may see.
    pub fn masked(&self, text: &str) -> Option<String> {
        let kinds = self.parts.iter().find_map(|part| {
            let Kind::Privacy(kinds) = &part.kind else {
                return None;
            };
            (part.mode == Mode::On).then_some(kinds)
        })?;
        let masked = privacy::mask(text, kinds);
        (masked != text).then_some(masked)
    }

    /// What the admin wrote for who asks about a topic.
    pub fn decline_of(&self, finding: &Finding) -> Option<&str> {
        self.parts.iter().find_map(|part| {
            let Kind::Topic(_, decline) = &part.kind else {
                return None;
            };
            decline.as_deref().filter(|_| part.n == finding.n)
        })
    }

    /// What is done about ghost-writing here, if anything.
    pub fn ghostwriting(&self) -> Option<GhostwritingDo> {
        self.parts.iter().find_map(|part| {
            let Kind::Ghostwriting(action) = part.kind else {
                return None;
            };
            (part.mode == Mode::On).then_some(action)
        })
    }

    fn spares(&self, part: &Part, line: &Line<'_>) -> bool {
        let Some(member) = line.member else {
            return false;
        };
        part.is_on_members()
            && self
                .exempt
                .iter()
                .chain(&part.exempt)
                .any(|exempt| exempt.covers(member, line.role))
    }

    fn finding(&self, part: &Part, text: &str, hit: Hit, effect: Effect) -> Finding {
        let matched = text.get(hit.span.clone()).unwrap_or_default();
        Finding {
            rule: part.kind.rule(),
            n: part.n,
            version: self.version,
            mode: part.mode,
            matched: start_of(matched, 200).to_owned(),
            hit,
            effect,
        }
    }
}

impl Part {
    fn applies(&self, side: Side) -> bool {
        self.applies[match side {
            Side::Member => 0,
            Side::Question => 1,
            Side::Answer => 2,
        }]
    }

    /// What comes within this time is one time.
    fn together(&self) -> Duration {
        if let Kind::Flood(_, within) = self.kind {
            return within;
        }
        Duration::ZERO
    }

    /// Whether it is a rule on members, from which somebody can be spared.
    fn is_on_members(&self) -> bool {
        match self.kind {
            Kind::Language(_) | Kind::Words(..) | Kind::Links(_) | Kind::Flood(..) => true,
            Kind::Topic(..)
            | Kind::Ghostwriting(_)
            | Kind::Privacy(_)
            | Kind::Identity
            | Kind::Facts
            | Kind::Injection
            | Kind::Crisis => false,
        }
    }

    fn rung(&self, times: usize) -> Effect {
        match &self.ladder {
            Some(ladder) => Effect::Rung(ladder.rung(times).clone()),
            None => Effect::Review,
        }
    }

    /// What it sees in a member's words, and what follows.
    fn find<'a>(
        &self,
        side: Side,
        line: &Line<'a>,
        look: &LazyCell<Look, impl FnOnce() -> Look>,
        read: &LazyCell<Read<'a>, impl FnOnce() -> Read<'a>>,
        links: &mut Option<Vec<Link>>,
    ) -> Vec<(Hit, Effect)> {
        let text = line.text;
        let is_question = side == Side::Question;
        let hits: Vec<(Hit, Effect)> = match &self.kind {
            Kind::Language(allowed) => {
                let hit = look.breaks(allowed);
                hit.into_iter().map(|hit| (hit, self.rung(0))).collect()
            }
            Kind::Words(list, by_sound) => self.words(list, *by_sound, line, read),
            Kind::Topic(topic, _) => {
                let effect = match side {
                    Side::Question => Effect::Stops,
                    Side::Member | Side::Answer => self.rung(0),
                };
                let hit = topic.find(text);
                hit.into_iter().map(|hit| (hit, effect.clone())).collect()
            }
            Kind::Links(settings) => {
                let found = links::find(text);
                let hits = self.links(settings, &found, side, line);
                *links = Some(found);
                hits
            }
            Kind::Ghostwriting(action) if is_question => {
                let effect = match action {
                    GhostwritingDo::Refuse => Effect::Stops,
                    GhostwritingDo::Label | GhostwritingDo::Coach => Effect::Recorded,
                };
                ghostwriting::request(text)
                    .into_iter()
                    .chain(ghostwriting::exercise(text))
                    .map(|hit| (hit, effect.clone()))
                    .collect()
            }
            Kind::Privacy(kinds) if is_question => private(text, kinds)
                .map(|hit| (hit, Effect::Changes))
                .collect(),
            Kind::Identity if is_question => identity::asks(text)
                .into_iter()
                .map(|hit| (hit, Effect::Recorded))
                .collect(),
            Kind::Injection if is_question => {
                let quoted = line.quote.and_then(|quote| injection::find(quote, true));
                let quoted = quoted.map(|hit| Hit { span: 0..0, ..hit });
                injection::find(text, false)
                    .into_iter()
                    .chain(quoted)
                    .map(|hit| (hit, Effect::Review))
                    .collect()
            }
            Kind::Crisis => crisis::find(text)
                .into_iter()
                .map(|hit| (hit, Effect::Review))
                .collect(),
            Kind::Ghostwriting(_)
            | Kind::Privacy(_)
            | Kind::Identity
            | Kind::Injection
            | Kind::Facts
            | Kind::Flood(..) => vec![],
        };
        if hits.is_empty() {
            return hits;
        }
        hits.into_iter()
            .map(|(hit, effect)| match (hit.certainty, &effect) {
                // Whoever is not sure asks a person.
                (Certainty::Likely, Effect::Rung(_) | Effect::Stops) => (hit, Effect::Review),
                (Certainty::Likely | Certainty::Sure, _) => (hit, effect),
            })
            .collect()
    }

    fn words(
        &self,
        list: &Listed,
        by_sound: bool,
        line: &Line<'_>,
        read: &Read<'_>,
    ) -> Vec<(Hit, Effect)> {
        let beside = line.beside.iter().flat_map(|words| {
            let hits = list.find(&Read::of(words)).into_iter();
            hits.map(|hit| Hit { span: 0..0, ..hit })
        });
        list.find(read)
            .into_iter()
            .chain(beside)
            .filter(|hit| by_sound || hit.certainty == Certainty::Sure)
            .map(|hit| (hit, self.rung(0)))
            .collect()
    }

    fn links(
        &self,
        settings: &Settings,
        found: &[Link],
        side: Side,
        line: &Line<'_>,
    ) -> Vec<(Hit, Effect)> {
        let judge = |found: &[Link]| links::judge(found, settings, side, line.is_newcomer, &[]);
        let beside = line.beside.iter().flat_map(|words| {
            let hits = judge(&links::find(words)).into_iter();
            hits.map(|hit| Hit { span: 0..0, ..hit })
        });
        judge(found)
            .into_iter()
            .chain(beside)
            .map(|hit| (hit, self.rung(0)))
            .collect()
    }
}

/// The first characters of a text.
fn start_of(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = text.char_indices().nth(most);
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

/// What a rule is called among all of a charter: `words:spam`, `links`.
fn full_name(rule: RuleName, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{}:{name}", rule.as_str()),
        None => rule.as_str().to_owned(),
    }
}

fn private<'t>(text: &'t str, kinds: &[privacy::Kind]) -> impl Iterator<Item = Hit> + use<'t> {
    let kinds = kinds.to_vec();
    privacy::find(text)
        .into_iter()
        .filter(move |hit| kinds.iter().any(|kind| kind.name() == hit.kind))
}

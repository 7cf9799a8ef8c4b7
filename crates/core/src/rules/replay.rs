//! What other rules would have made of what was said: lines go in one after the other, and out comes what would be
//! caught now and was not, what no longer would be, and whether a rule is too broad. Decided cases are checked as well:
//! whoever changes a rule is told which of them would come out differently. The same lines give the same bytes.
//! Nothing acts, and nothing that is told holds anybody's words.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Side;
use super::climb::{Climbs, Said, Who};
use super::judge::{Line, Rules};
use super::verdict::{Judgement, Verdict};
use crate::charter::{Mode, Phrases};
use crate::event::MemberId;
use crate::notice::Language;

/// So many lines are named of each kind.
const SAMPLES: usize = 5;
/// In percent of all lines: a rule that newly catches more is broad …
const BROAD: usize = 5;
/// … and from here on far too broad.
const FAR_TOO_BROAD: usize = 20;
/// Fewer lines than this say nothing about how broad a rule is.
const FEWEST: usize = 3;

/// A line of the past. Roles are not kept with it, so nobody is spared for theirs.
#[derive(Clone, Copy, Debug)]
pub struct PastLine<'l> {
    /// Which it is, for who wants to look at it.
    pub id: &'l str,
    /// What was said.
    pub text: &'l str,
    /// What it quotes.
    pub quote: Option<&'l str>,
    /// Talk, or a question to the house.
    pub side: Side,
    /// Who said it.
    pub member: Option<&'l MemberId>,
    /// Whether they were new then.
    pub is_newcomer: bool,
    /// When.
    pub at: Timestamp,
}

/// A case that a person has decided: whether a rule was right about some words.
#[derive(Clone, Copy, Debug)]
pub struct DecidedCase<'c> {
    /// Its number in the room.
    pub number: u32,
    /// The words it is about.
    pub words: &'c str,
    /// Talk, or a question.
    pub side: Side,
    /// The rule's full name.
    pub rule: &'c str,
    /// Whether the rule was right about them.
    pub was_right: bool,
}

/// Lines of the past under the rules before and after a change.
#[derive(Debug)]
pub struct Replay<'r> {
    before: Judge<'r>,
    after: Judge<'r>,
    lines: usize,
    acted_before: usize,
    acted_after: usize,
    changed: BTreeMap<String, Changed>,
    broken: Vec<Broken>,
}

#[derive(Debug)]
struct Judge<'r> {
    rules: &'r Rules,
    climbs: Climbs,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// So many lines were looked at.
    pub lines: usize,
    /// So many of them lead to something today.
    pub acted_before: usize,
    /// … and so many would.
    pub acted_after: usize,
    /// The rules that would catch other lines than today, in the order of their numbers.
    pub rules: Vec<Changed>,
    /// Decided cases that would come out differently.
    pub broken: Vec<Broken>,
    /// How much the broadest of the changed rules would newly catch.
    pub breadth: Breadth,
}

/// What is different about one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Its number after the change, or before it if it is gone.
    pub n: u16,
    /// Its full name.
    pub rule: String,
    /// Lines that it would catch.
    pub caught: usize,
    /// … of them those that it does not catch today.
    pub newly: usize,
    /// Lines that it would no longer catch.
    pub no_longer: usize,
    /// Some of the new ones.
    pub newly_samples: Vec<String>,
    /// Some of those it would let pass.
    pub no_longer_samples: Vec<String>,
}

/// A case that would come out differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Its number.
    pub case: u32,
    /// The rule.
    pub rule: String,
    /// Whether the rule was right then: if so it would miss it now, else it would catch it again.
    pub was_right: bool,
}

/// How much a rule would newly catch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Breadth {
    /// Nothing to say.
    Fine,
    /// More than one line in twenty: look first.
    Broad,
    /// At least one line in five: not without being asked a second time.
    FarTooBroad,
}

impl<'r> Replay<'r> {
    /// Compares these two.
    pub fn of(before: &'r Rules, after: &'r Rules) -> Self {
        let judge = |rules| Judge {
            rules,
            climbs: Climbs::default(),
        };
        Replay {
            before: judge(before),
            after: judge(after),
            lines: 0,
            acted_before: 0,
            acted_after: 0,
            changed: BTreeMap::new(),
            broken: Vec::new(),
        }
    }

    /// One line more, in the order in which they were said.
    pub fn line(&mut self, line: &PastLine<'_>) {
        let before = self.before.judge(line);
        let after = self.after.judge(line);
        self.lines += 1;
        self.acted_before += usize::from(before.verdict > Verdict::Allow);
        self.acted_after += usize::from(after.verdict > Verdict::Allow);
        let caught = |rules: &Rules, judged: &Judgement| {
            let acting = judged.findings.iter().filter(|found| found.mode.acts());
            let mut names: Vec<(String, u16)> = acting
                .filter_map(|found| Some((rules.name_of(found.n)?, found.n)))
                .collect();
            names.dedup();
            names
        };
        let (before, after) = (
            caught(self.before.rules, &before),
            caught(self.after.rules, &after),
        );
        let has = |names: &[(String, u16)], name| names.iter().any(|(known, _)| known == name);
        for (name, n) in &after {
            let rule = self.rule(name, *n);
            rule.caught += 1;
            if !has(&before, name) {
                rule.newly += 1;
                sample(&mut rule.newly_samples, line.id);
            }
        }
        for (name, n) in before.iter().filter(|(name, _)| !has(&after, name)) {
            let rule = self.rule(name, *n);
            rule.no_longer += 1;
            sample(&mut rule.no_longer_samples, line.id);
        }
    }

    /// A decided case: told about if the change makes it come out differently. A rule that is off, and what needs more
    /// than one line to see, is left out.
    pub fn case(&mut self, case: &DecidedCase<'_>) {
        let goes = |rules: &Rules| {
            let mut known = rules.list();
            known.any(|(_, name, mode)| name == case.rule && mode != Mode::Off)
        };
        if case.rule == "flood" || (!goes(self.after.rules) && goes(self.before.rules)) {
            return;
        }
        let comes_out_right =
            |rules: &Rules| rules.finds(case.rule, case.side, case.words) == case.was_right;
        if comes_out_right(self.before.rules) && !comes_out_right(self.after.rules) {
            self.broken.push(Broken {
                case: case.number,
                rule: case.rule.to_owned(),
                was_right: case.was_right,
            });
        }
    }

    /// What came out.
    pub fn done(self) -> Replayed {
        let changed = self.changed.into_values();
        let mut rules: Vec<Changed> = changed
            .filter(|rule| rule.newly + rule.no_longer > 0)
            .collect();
        rules.sort_by(|a, b| (a.n, &a.rule).cmp(&(b.n, &b.rule)));
        let most = rules.iter().map(|rule| rule.newly).max().unwrap_or(0);
        Replayed {
            lines: self.lines,
            acted_before: self.acted_before,
            acted_after: self.acted_after,
            breadth: Breadth::of(most, self.lines),
            rules,
            broken: self.broken,
        }
    }

    fn rule(&mut self, name: &str, n: u16) -> &mut Changed {
        let rule = self.changed.entry(name.to_owned()).or_default();
        if rule.rule.is_empty() {
            rule.rule = name.to_owned();
            rule.n = n;
        }
        rule
    }
}

impl Judge<'_> {
    fn judge(&mut self, past: &PastLine<'_>) -> Judgement {
        let line = Line {
            text: past.text,
            quote: past.quote,
            member: past.member,
            is_newcomer: past.is_newcomer,
            ..Line::default()
        };
        let said = past.member.map(|member| {
            let who = Who::of("", member.as_str());
            (who, Said::at(past.at))
        });
        let seen = self.rules.look(past.side, &line);
        self.rules.fold(seen, &line, said, &mut self.climbs)
    }
}

impl Rules {
    /// Whether a rule, by its full name, sees anything in these words.
    fn finds(&self, rule: &str, side: Side, words: &str) -> bool {
        let line = Line {
            text: words,
            ..Line::default()
        };
        let seen = self.look(side, &line);
        let mut found = seen.findings().iter();
        found.any(|found| self.name_of(found.n).as_deref() == Some(rule))
    }
}

impl Breadth {
    fn of(caught: usize, lines: usize) -> Self {
        if caught < FEWEST || caught * 100 <= lines * BROAD {
            return Breadth::Fine;
        }
        match caught * 100 >= lines * FAR_TOO_BROAD {
            true => Breadth::FarTooBroad,
            false => Breadth::Broad,
        }
    }

    /// Whether an admin has to say it a second time.
    pub fn needs_a_second_word(self) -> bool {
        self == Breadth::FarTooBroad
    }
}

fn sample(samples: &mut Vec<String>, id: &str) {
    if samples.len() < SAMPLES {
        samples.push(id.to_owned());
    }
}

impl Replayed {
    /// For the admin who asked, without anybody's words.
    pub fn told(&self, language: Language) -> String {
        let say = Phrases(language);
        let (lines, after, before) = (self.lines, self.acted_after, self.acted_before);
        let share = percent(after, lines);
        let mut told = vec![say.pick(
            &format!("Tried on {lines} lines: {after} would lead to something ({share}); as it was: {before}."),
            &format!("用 {lines} 条消息试过：会处理 {after} 条（{share}），原来是 {before} 条。"),
        )];
        for rule in &self.rules {
            let (n, name) = (rule.n, &rule.rule);
            told.push(say.pick(
                &format!("{n} {name}: {} more, {} fewer", rule.newly, rule.no_longer),
                &format!("{n} {name}：多 {} 条，少 {} 条", rule.newly, rule.no_longer),
            ));
        }
        if self.rules.is_empty() {
            told.push(say.pick("Nothing would be different.", "没有不同。"));
        }
        for broken in &self.broken {
            let case = broken.case;
            told.push(match broken.was_right {
                true => say.pick(
                    &format!("Case {case} would be missed; it was decided that the rule is right."),
                    &format!("第 {case} 号会漏掉，当时认定该拦。"),
                ),
                false => say.pick(
                    &format!("Case {case} would be caught again; it was decided to let it pass."),
                    &format!("第 {case} 号又会被拦，当时认定该放行。"),
                ),
            });
        }
        let most = self.rules.iter().map(|rule| rule.newly).max().unwrap_or(0);
        let share = percent(most, lines);
        told.extend(match self.breadth {
            Breadth::Fine => None,
            Breadth::Broad => Some(say.pick(
                &format!("Look first: one rule alone catches {share} of what is said here, it may be too broad."),
                &format!("请先看看：单这一条就会碰到 {share} 的消息，可能太宽。"),
            )),
            Breadth::FarTooBroad => Some(say.pick(
                &format!("Stop: one rule alone catches {share} of what is said here. Switched on, it would hit nearly everybody."),
                &format!("请停一下：单这一条就会碰到 {share} 的消息，一旦生效，几乎人人都会被处理。"),
            )),
        });
        told.join("\n")
    }
}

/// In whole percent, `0.4 %` below one.
fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "0 %".into();
    }
    match part * 1_000 / whole {
        0 => "0 %".into(),
        tenths @ 1..10 => format!("0.{tenths} %"),
        tenths => format!("{} %", tenths / 10),
    }
}

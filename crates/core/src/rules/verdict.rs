//! How findings make one verdict: what was found, how far its rule goes, which rung follows, and the strictest of all.
//! The same findings always make the same verdict. Nothing here looks at a text.

use serde::{Deserialize, Serialize};

use super::Hit;
use crate::charter::{Action, Mode, Rung};

/// The rules by name, as charters and findings write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleName {
    /// What the room speaks.
    Language,
    /// Lists of words.
    Words,
    /// What is not talked about.
    Topics,
    /// Which links may stand.
    Links,
    /// Attempts to talk the model out of its rules.
    Injection,
    /// Homework.
    Ghostwriting,
    /// What is nobody else's business.
    Privacy,
    /// What the house is.
    Identity,
    /// Claims without a source.
    Facts,
    /// Despair.
    Crisis,
    /// Too much at once.
    Flood,
}

impl RuleName {
    /// All of them.
    pub const ALL: &'static [RuleName] = &[
        RuleName::Language,
        RuleName::Words,
        RuleName::Topics,
        RuleName::Links,
        RuleName::Injection,
        RuleName::Ghostwriting,
        RuleName::Privacy,
        RuleName::Identity,
        RuleName::Facts,
        RuleName::Crisis,
        RuleName::Flood,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            RuleName::Language => "language",
            RuleName::Words => "words",
            RuleName::Topics => "topics",
            RuleName::Links => "links",
            RuleName::Injection => "injection",
            RuleName::Ghostwriting => "ghostwriting",
            RuleName::Privacy => "privacy",
            RuleName::Identity => "identity",
            RuleName::Facts => "facts",
            RuleName::Crisis => "crisis",
            RuleName::Flood => "flood",
        }
    }
}

/// What one rule of a charter found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub rule: RuleName,
    /// Its number in the charter, from 1.
    pub n: u16,
    /// The charter's version.
    pub version: u32,
    /// How far the rule goes.
    pub mode: Mode,
    /// Where, what and why.
    pub hit: Hit,
    /// The words it stands on.
    pub matched: String,
    /// What the rule does about it where it acts.
    pub effect: Effect,
}

/// What a finding leads to where its rule is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It is only written down.
    Recorded,
    /// A rung of the rule's ladder.
    Rung(Rung),
    /// A person looks.
    Review,
    /// It does not go on: a question is not asked, an answer not said.
    Stops,
    /// It goes on, changed.
    Changes,
}

/// What becomes of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It passes.
    Allow,
    /// It passes, and a person looks or its author is reminded.
    Flag,
    /// It does not pass as it is.
    Block,
}

impl Verdict {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Allow => "allow",
            Verdict::Flag => "flag",
            Verdict::Block => "block",
        }
    }
}

/// All findings folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What becomes of the text.
    pub verdict: Verdict,
    /// What would become of it if the rules that only record were on.
    pub dry_verdict: Verdict,
    /// All of them, in the charter's order.
    pub findings: Vec<Finding>,
    /// What is done, strictest first.
    pub actions: Vec<Action>,
}

impl Judgement {
    /// Folds findings that are in the charter's order.
    pub fn of(findings: Vec<Finding>) -> Self {
        let mut actions: Vec<Action> = Vec::new();
        for finding in findings.iter().filter(|finding| finding.mode.acts()) {
            actions.extend_from_slice(&finding.actions());
        }
        actions.sort_by(|a, b| b.cmp(a));
        // Of several mutes the longest holds.
        actions.dedup_by_key(|action| std::mem::discriminant(action));
        Judgement {
            verdict: worst(findings.iter().filter(|finding| finding.mode.acts())),
            dry_verdict: worst(findings.iter().filter(|finding| finding.mode != Mode::Off)),
            actions,
            findings,
        }
    }

    /// The finding that decided: the first of the strictest.
    pub fn decisive(&self) -> Option<&Finding> {
        let acting = self.findings.iter().filter(|finding| finding.mode.acts());
        acting.max_by(|a, b| a.weight().cmp(&b.weight()).then(b.n.cmp(&a.n)))
    }

    /// The first finding of a rule that acts.
    pub fn of_rule(&self, rule: RuleName) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|finding| finding.rule == rule && finding.mode.acts())
    }
}

impl Mode {
    /// Whether anything follows from a finding.
    pub fn acts(self) -> bool {
        match self {
            Mode::On | Mode::Ask => true,
            Mode::Off | Mode::Dry => false,
        }
    }
}

impl Finding {
    /// What is done about it: an admin is asked where the rule asks, and where the detector is not sure.
    pub fn actions(&self) -> Vec<Action> {
        match (&self.effect, self.mode) {
            (Effect::Recorded | Effect::Changes, _) => vec![],
            (Effect::Review, _) => vec![Action::Review],
            (Effect::Rung(_), Mode::Ask) => vec![Action::Review],
            (Effect::Rung(rung), Mode::On | Mode::Dry | Mode::Off) => rung.actions().to_vec(),
            (Effect::Stops, _) => vec![],
        }
    }

    fn weight(&self) -> Verdict {
        match &self.effect {
            Effect::Recorded => Verdict::Allow,
            Effect::Review | Effect::Changes => Verdict::Flag,
            Effect::Stops => Verdict::Block,
            Effect::Rung(_) if self.mode == Mode::Ask => Verdict::Flag,
            Effect::Rung(rung) => match rung.actions().iter().max() {
                Some(action) if action.is_hard() => Verdict::Block,
                Some(Action::Note) | None => Verdict::Allow,
                Some(_) => Verdict::Flag,
            },
        }
    }
}

fn worst<'f>(findings: impl Iterator<Item = &'f Finding>) -> Verdict {
    findings
        .map(Finding::weight)
        .max()
        .unwrap_or(Verdict::Allow)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(text: &str) -> Effect {
        Effect::Rung(Rung::try_from(text.to_owned()).unwrap())
    }

    fn finding(n: u16, mode: Mode, effect: Effect) -> Finding {
        Finding {
            rule: RuleName::Words,
            n,
            version: 1,
            mode,
            hit: Hit::sure(0..1, "word", "listed"),
            matched: "x".into(),
            effect,
        }
    }

    fn check(findings: &[(Mode, Effect)], expected: &str) {
        let findings = (1..)
            .zip(findings)
            .map(|(n, (mode, effect))| finding(n, *mode, effect.clone()));
        let judged = Judgement::of(findings.collect());
        let actions: Vec<String> = judged.actions.iter().map(ToString::to_string).collect();
        let shown = format!(
            "{:?} dry {:?} [{}]",
            judged.verdict,
            judged.dry_verdict,
            actions.join(", ")
        );
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_strictest_finding_decides() {
        check(&[], "Allow dry Allow []");
        check(&[(Mode::On, rung("note"))], "Allow dry Allow [note]");
        check(&[(Mode::On, rung("remind"))], "Flag dry Flag [remind]");
        check(
            &[
                (Mode::On, rung("remind")),
                (Mode::On, rung("recall+remind")),
            ],
            "Block dry Block [recall, remind]",
        );
        check(
            &[
                (Mode::On, rung("mute 5m")),
                (Mode::On, rung("recall+mute 1h")),
            ],
            "Block dry Block [mute 1h, recall]",
        );
        check(&[(Mode::On, Effect::Stops)], "Block dry Block []");
        check(&[(Mode::On, Effect::Changes)], "Flag dry Flag []");
    }

    #[test]
    fn a_dry_rule_records_and_a_rule_that_asks_leaves_it_to_an_admin() {
        check(&[(Mode::Dry, rung("recall"))], "Allow dry Block []");
        check(&[(Mode::Off, rung("recall"))], "Allow dry Allow []");
        check(
            &[(Mode::Ask, rung("recall+mute 1h"))],
            "Flag dry Flag [review]",
        );
        check(
            &[(Mode::Dry, rung("recall")), (Mode::On, rung("remind"))],
            "Flag dry Block [remind]",
        );
        check(&[(Mode::On, Effect::Review)], "Flag dry Flag [review]");
    }

    #[test]
    fn of_two_equally_strict_ones_the_first_of_the_charter_decides() {
        let judged = Judgement::of(vec![
            finding(1, Mode::On, rung("remind")),
            finding(2, Mode::On, rung("recall")),
            finding(3, Mode::On, rung("recall")),
        ]);
        assert_eq!(judged.decisive().map(|finding| finding.n), Some(2));
    }
}

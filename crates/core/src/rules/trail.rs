//! What is kept of a verdict: the charter's version, what each rule saw, where and in which form, what was to follow,
//! and what outranked what. The same verdict is the same bytes. `ai why` reads two lines off it, which never hold the
//! words that broke a rule. It decides nothing.

#[cfg(test)]
mod tests;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Certainty;
use super::judge::Rules;
use super::verdict::{Effect, Finding, Judgement, Verdict};
use crate::charter::{Action, Mode, Phrases};
use crate::normalise;
use crate::notice::Language;

/// A verdict as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// The charter's version.
    pub version: u32,
    /// What became of the text.
    pub verdict: Verdict,
    /// What would have become of it if the rules that only record were on.
    pub dry_verdict: Verdict,
    /// In the charter's order.
    pub findings: Vec<Step>,
    /// What was to be done, strictest first.
    pub actions: Vec<Action>,
}

/// What one rule saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its full name, such as `words:spam`.
    pub rule: String,
    /// Its number in that version, from 1.
    pub n: u16,
    /// How far it went then.
    pub mode: Mode,
    /// What it saw.
    pub kind: String,
    /// Bytes of the original text.
    pub span: Range<usize>,
    /// The words there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub matched: String,
    /// The same words as rules read them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub normalised: String,
    /// The entry of the list that was met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// How sure it was.
    pub certainty: Certainty,
    /// What follows where it acts.
    pub consequence: Effect,
    /// The number of the rule that decided instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outranked_by: Option<u16>,
}

impl Trail {
    /// Of a verdict by these rules.
    pub fn of(judgement: &Judgement, rules: &Rules) -> Self {
        let decisive = judgement.decisive().map(|finding| finding.n);
        let step = |finding: &Finding| Step {
            rule: rules
                .name_of(finding.n)
                .unwrap_or_else(|| finding.rule.as_str().to_owned()),
            n: finding.n,
            mode: finding.mode,
            kind: finding.hit.kind.to_owned(),
            span: finding.hit.span.clone(),
            normalised: normalise::plain(&finding.matched).text,
            matched: finding.matched.clone(),
            entry: finding.hit.entry.clone(),
            certainty: finding.hit.certainty,
            consequence: finding.effect.clone(),
            outranked_by: decisive.filter(|n| finding.mode.acts() && *n != finding.n),
        };
        Trail {
            version: rules.version(),
            verdict: judgement.verdict,
            dry_verdict: judgement.dry_verdict,
            findings: judgement.findings.iter().map(step).collect(),
            actions: judgement.actions.clone(),
        }
    }

    /// The same without anybody's words: what may be kept after its member is forgotten.
    pub fn without_words(&self) -> Self {
        let mut bare = self.clone();
        for step in &mut bare.findings {
            step.matched.clear();
            step.normalised.clear();
            step.entry = None;
        }
        bare
    }

    /// As it is kept.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a trail has only names, numbers and texts")
    }

    /// As it was kept.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The step that decided: of those that acted the one that nothing outranked.
    pub fn decisive(&self) -> Option<&Step> {
        let mut acted = self.findings.iter().filter(|step| step.mode.acts());
        acted.find(|step| step.outranked_by.is_none())
    }

    /// For `ai why`, in two lines at most: the rule by number and name with what followed, and what else was seen.
    pub fn why(&self, language: Language) -> String {
        let say = Phrases(language);
        let version = self.version;
        let Some(decisive) = self.decisive() else {
            return match self.others(0, say) {
                None => say.pick(
                    &format!("No rule saw anything (house rules, version {version})."),
                    &format!("没有哪条群规看到什么（群规第 {version} 版）。"),
                ),
                Some(tried) => {
                    let heading = say.pick(
                        &format!("Nothing followed (house rules, version {version})."),
                        &format!("没有处理（群规第 {version} 版）。"),
                    );
                    format!("{heading}\n{tried}")
                }
            };
        };
        let (n, name) = (decisive.n, say.plain_name(&decisive.rule));
        let followed = self.followed(decisive, say);
        let first = say.pick(
            &format!("Rule {n}, {name} (house rules, version {version}): {followed}."),
            &format!("群规 {n}，{name}（第 {version} 版）：{followed}。"),
        );
        match self.others(n, say) {
            Some(others) => format!("{first}\n{others}"),
            None => first,
        }
    }

    fn followed(&self, decisive: &Step, say: Phrases) -> String {
        if !self.actions.is_empty() {
            let actions: Vec<String> = self
                .actions
                .iter()
                .map(|action| say.action(*action))
                .collect();
            return actions.join(say.comma());
        }
        match &decisive.consequence {
            Effect::Stops => say.pick("it does not go on", "不再往下"),
            Effect::Changes => say.pick("it went on, changed", "改过之后照常"),
            Effect::Recorded | Effect::Rung(_) | Effect::Review => {
                say.pick("only written down", "只记了一笔")
            }
        }
    }

    /// The rules beside the one that decided, each once: those that were outranked, and those that are only tried.
    fn others(&self, decisive: u16, say: Phrases) -> Option<String> {
        let names = |acted: bool| {
            let mut named: Vec<u16> = Vec::new();
            let mut names = Vec::new();
            for step in &self.findings {
                if step.n != decisive && step.mode.acts() == acted && !named.contains(&step.n) {
                    named.push(step.n);
                    let name = say.plain_name(&step.rule);
                    names.push(say.pick(
                        &format!("rule {} ({name})", step.n),
                        &format!("群规 {}（{name}）", step.n),
                    ));
                }
            }
            say.named(&names, 3)
        };
        let outranked = names(true).map(|names| {
            say.pick(
                &format!("{names} saw something too, and less"),
                &format!("{names}也看到了，但没这么重"),
            )
        });
        let tried = names(false).map(|names| {
            say.pick(
                &format!("{names} is only being tried: nothing follows from it"),
                &format!("{names}还在试运行，不会处理"),
            )
        });
        let told: Vec<String> = outranked.into_iter().chain(tried).collect();
        (!told.is_empty()).then(|| say.sentence(&told))
    }
}

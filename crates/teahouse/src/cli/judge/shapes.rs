//! What `teahouse judge` reads and writes, as the contract has it. Decides nothing.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use teahouse_core::rules::level::Level;
use teahouse_core::rules::links::Link;
use teahouse_core::rules::verdict::{Effect, Finding, Judgement, RuleName, Verdict};
use teahouse_core::{Charter, Mode, Role};

/// One line in.
#[derive(Deserialize)]
pub(super) struct In {
    #[serde(deserialize_with = "text_or_number")]
    pub(super) id: String,
    pub(super) text: String,
    #[serde(default)]
    pub(super) member: Option<Member>,
    #[serde(default)]
    pub(super) room: Option<String>,
    #[serde(default)]
    pub(super) time: Option<Timestamp>,
    #[serde(default)]
    pub(super) quote: Option<Quote>,
}

#[derive(Deserialize)]
pub(super) struct Member {
    #[serde(deserialize_with = "text_or_number")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) role: Option<Role>,
    #[serde(default)]
    pub(super) joined: Option<Timestamp>,
}

#[derive(Deserialize)]
pub(super) struct Quote {
    #[serde(default)]
    pub(super) text: String,
    #[serde(default)]
    pub(super) member: String,
}

impl In {
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Err("the line is empty".into());
        }
        serde_json::from_slice(line).map_err(|error| {
            // The place in the line is the reader's; the line's own number is told beside it.
            let text = error.to_string();
            let why = text.split(" at line ").next().unwrap_or_default();
            format!("no line to judge: {why}")
        })
    }

    /// Room, member and time, if all are known.
    pub(super) fn said(&self) -> Option<(&str, &str, Timestamp)> {
        Some((self.room.as_deref()?, &self.member.as_ref()?.id, self.time?))
    }
}

/// Ids are texts; who writes a number means the same.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Text(String),
        Number(serde_json::Number),
    }
    Ok(match Id::deserialize(deserializer)? {
        Id::Text(text) => text,
        Id::Number(number) => number.to_string(),
    })
}

/// One line out.
#[derive(Default)]
pub(super) struct Out {
    pub(super) id: String,
    pub(super) judgement: Option<Judgement>,
    pub(super) language: &'static str,
    pub(super) level: Option<Level>,
    pub(super) addressed: bool,
    pub(super) answers_to: Vec<String>,
    pub(super) links: Vec<Link>,
    pub(super) rewritten: Option<String>,
    pub(super) trail: Option<Vec<String>>,
    pub(super) error: Option<(String, usize)>,
}

impl Out {
    pub(super) fn error(why: String, line: usize) -> Self {
        Out {
            error: Some((why, line)),
            ..Out::default()
        }
    }

    pub(super) fn judged(&mut self, judgement: Judgement) {
        self.judgement = Some(judgement);
    }

    /// How the verdict came about, in sentences.
    pub(super) fn explain(&mut self, charter: &Charter) {
        let Some(judgement) = &self.judgement else {
            return;
        };
        let mut trail = vec![format!("judged by \"{}\"", charter.name)];
        trail.extend(judgement.findings.iter().map(told));
        let decisive = judgement.decisive();
        trail.extend(decisive.map(|finding| {
            let others: Vec<String> = judgement
                .findings
                .iter()
                .filter(|other| other.n != finding.n && other.mode.acts())
                .map(|other| format!("{} (rule {})", other.rule.as_str(), other.n))
                .collect();
            let outranked = match others.is_empty() {
                true => "nothing else was in question".to_owned(),
                false => format!("it outranks {}", others.join(", ")),
            };
            format!(
                "{} (rule {}) decides: {:?}; {outranked}",
                finding.rule.as_str(),
                finding.n,
                judgement.verdict
            )
            .to_lowercase()
        }));
        if decisive.is_none() {
            trail.push("no rule that acts found anything: it passes".into());
        }
        self.trail = Some(trail);
    }
}

fn told(finding: &Finding) -> String {
    let follows = match (&finding.effect, finding.mode) {
        (_, Mode::Dry) => "the rule only records".to_owned(),
        (_, Mode::Off) => "the rule is off".to_owned(),
        (Effect::Rung(rung), Mode::Ask) => format!("an admin is asked about: {rung}"),
        (Effect::Rung(rung), Mode::On) => format!("follows: {rung}"),
        (Effect::Review, _) => "an admin looks".to_owned(),
        (Effect::Recorded, _) => "it is written down".to_owned(),
        (Effect::Changes, _) => "it goes on changed".to_owned(),
        (Effect::Stops, _) => "it does not go on".to_owned(),
    };
    format!(
        "{} (rule {}, version {}) at {}..{}: {}; {follows}",
        finding.rule.as_str(),
        finding.n,
        finding.version,
        finding.hit.span.start,
        finding.hit.span.end,
        finding.hit.why
    )
}

#[derive(Serialize)]
struct ErrorOut<'o> {
    error: &'o str,
    line: usize,
}

#[derive(Serialize)]
struct LineOut<'o> {
    id: &'o str,
    verdict: Verdict,
    dry_verdict: Verdict,
    findings: Vec<FindingOut<'o>>,
    actions: Vec<String>,
    language: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<LevelOut>,
    addressed: bool,
    answers_to: &'o [String],
    links: Vec<LinkOut<'o>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rewritten: Option<&'o str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trail: Option<&'o [String]>,
}

#[derive(Serialize)]
struct FindingOut<'o> {
    rule: RuleName,
    n: u16,
    version: u32,
    mode: Mode,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<&'o str>,
    span: [usize; 2],
    matched: &'o str,
    why: &'o str,
}

#[derive(Serialize)]
struct LevelOut {
    cefr: &'static str,
    score: f32,
}

#[derive(Serialize)]
struct LinkOut<'o> {
    raw: &'o str,
    url: &'o str,
    domain: &'o str,
    span: [usize; 2],
    obfuscated: bool,
}

impl Serialize for Out {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some((error, line)) = &self.error {
            return ErrorOut { error, line: *line }.serialize(serializer);
        }
        let nothing = Judgement::of(vec![]);
        let judgement = self.judgement.as_ref().unwrap_or(&nothing);
        LineOut {
            id: &self.id,
            verdict: judgement.verdict,
            dry_verdict: judgement.dry_verdict,
            findings: judgement.findings.iter().map(finding).collect(),
            actions: judgement.actions.iter().map(ToString::to_string).collect(),
            language: self.language,
            level: self.level.map(|level| LevelOut {
                cefr: level.cefr,
                // Two places: more would claim too much.
                score: (level.score * 100.0).round() / 100.0,
            }),
            addressed: self.addressed,
            answers_to: &self.answers_to,
            links: self.links.iter().map(link).collect(),
            rewritten: self.rewritten.as_deref(),
            trail: self.trail.as_deref(),
        }
        .serialize(serializer)
    }
}

fn finding(finding: &Finding) -> FindingOut<'_> {
    FindingOut {
        rule: finding.rule,
        n: finding.n,
        version: finding.version,
        mode: finding.mode,
        kind: finding.hit.kind,
        entry: finding.hit.entry.as_deref(),
        span: [finding.hit.span.start, finding.hit.span.end],
        matched: &finding.matched,
        why: &finding.hit.why,
    }
}

fn link(link: &Link) -> LinkOut<'_> {
    LinkOut {
        raw: &link.raw,
        url: &link.url,
        domain: &link.domain,
        span: [link.span.start, link.span.end],
        obfuscated: link.obfuscated,
    }
}

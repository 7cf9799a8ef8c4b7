//! What an admin should look at before a charter is used: rules that contradict each other, that nothing can match, or
//! that match what everybody says. Nothing here refuses a charter.

use super::Side;
use super::judge::{Line, Rules, Voice};
use super::verdict::Verdict;
use crate::charter::{Action, Charter, Exempt, Ladder, Mode};
use crate::event::Role;
use crate::notice::Language;

/// Of the lines that a list does not take so many are told.
const LINES_TOLD: usize = 3;

/// In the order of the charter, each a whole sentence.
pub fn warnings(charter: &Charter, rules: &Rules, speaks: Language) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(language) = &charter.language
        && !language
            .members
            .iter()
            .any(|spoken| spoken.code() == code(speaks))
    {
        let members: Vec<&str> = language
            .members
            .iter()
            .map(|spoken| spoken.code())
            .collect();
        found.push(format!(
            "[language]: the house answers in {}, and members may only speak {}; set speaks, or add it to members",
            code(speaks),
            members.join(", ")
        ));
    }
    for words in &charter.words {
        let at = format!("words \"{}\"", words.name);
        if words.list.is_none() && words.words.is_empty() {
            found.push(format!(
                "{at}: it has neither list nor words, so nothing matches it"
            ));
        }
        if words.applies_to.is_empty() {
            found.push(format!("{at}: applies_to is empty, so it is for nobody"));
        }
    }
    for (name, lines) in rules.left_out() {
        let first: Vec<String> = lines
            .iter()
            .take(LINES_TOLD)
            .map(|(line, why)| format!("line {line}: {why}"))
            .collect();
        found.push(format!(
            "words \"{name}\": {} of its file left out; {}",
            match lines.len() {
                1 => "1 line".to_owned(),
                n => format!("{n} lines"),
            },
            first.join("; ")
        ));
    }
    for topic in charter
        .topics
        .iter()
        .filter(|topic| topic.applies_to.is_empty())
    {
        found.push(format!(
            "topic \"{}\": applies_to is empty, so it is for nobody",
            topic.name
        ));
    }
    if charter.exempt.contains(&Exempt::Role(Role::Member)) {
        found.push("exempt names \"member\": no rule on members binds anybody".into());
    }
    for (at, ladder) in ladders(charter) {
        let removes = |ladder: &Ladder| {
            let mut actions = ladder.rungs().iter().flat_map(|rung| rung.actions());
            actions.any(|action| *action == Action::Remove)
        };
        if removes(ladder) {
            found.push(format!(
                "{at}: nobody is removed without a person's word; an admin will be asked"
            ));
        }
    }
    found.extend(calls_that_are_stopped(charter, rules));
    found.extend(notices_that_are_stopped(rules, speaks));
    found
}

fn code(language: Language) -> &'static str {
    match language {
        Language::English => "en",
        Language::Chinese => "zh",
    }
}

fn ladders(charter: &Charter) -> Vec<(String, &Ladder)> {
    let named = |what: &str, name: &str| format!("{what} \"{name}\"");
    let mut all: Vec<(String, &Ladder)> = Vec::new();
    all.extend(
        charter
            .language
            .iter()
            .map(|rule| ("[language]".into(), &rule.ladder)),
    );
    all.extend(
        charter
            .words
            .iter()
            .map(|rule| (named("words", &rule.name), &rule.ladder)),
    );
    all.extend(
        charter
            .topics
            .iter()
            .map(|rule| (named("topic", &rule.name), &rule.ladder)),
    );
    all.extend(
        charter
            .links
            .iter()
            .map(|rule| ("[links]".into(), &rule.ladder)),
    );
    all.extend(
        charter
            .flood
            .iter()
            .map(|rule| ("[flood]".into(), &rule.ladder)),
    );
    all
}

/// A rule that meets the trigger itself meets every question.
fn calls_that_are_stopped(charter: &Charter, rules: &Rules) -> Vec<String> {
    let mut found = Vec::new();
    for trigger in charter.trigger.as_slice() {
        let line = Line {
            text: trigger.as_str(),
            ..Line::default()
        };
        for finding in rules.look(Side::Question, &line).findings() {
            found.push(format!(
                "{} (rule {}): it matches the trigger \"{}\", and with it every question",
                finding.rule.as_str(),
                finding.n,
                trigger.as_str()
            ));
        }
    }
    found
}

/// What the house itself may have to say must pass its own rules: a notice that is stopped is not said.
fn notices_that_are_stopped(rules: &Rules, speaks: Language) -> Vec<String> {
    let mut found = Vec::new();
    for text in crate::notice::all(speaks) {
        let judged = rules.judge_answer(Voice::House, "", &text, &[]).judgement;
        if judged.verdict != Verdict::Block {
            continue;
        }
        if let Some(finding) = judged.decisive().filter(|finding| finding.mode == Mode::On) {
            let first: String = text.chars().take(40).collect();
            found.push(format!(
                "{} (rule {}): it stops the house's own notice \"{first}…\", which will not be said",
                finding.rule.as_str(),
                finding.n
            ));
        }
    }
    found.sort();
    found.dedup();
    found
}

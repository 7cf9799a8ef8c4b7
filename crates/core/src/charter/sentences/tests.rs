//! The contract's charter and the templates, as people read them. `golden.txt` is what they read.

use super::*;
use crate::charter::RuleRef;

fn template(text: &str) -> Charter {
    let mut own: toml::Table = toml::from_str(text).unwrap();
    own.remove("extends");
    let base: toml::Table =
        toml::from_str(include_str!("../../../../../data/charters/open-table.toml")).unwrap();
    for (key, value) in base {
        own.entry(key).or_insert(value);
    }
    own.try_into().unwrap()
}

fn all() -> Vec<Charter> {
    [
        include_str!("../../../../../contract/charter.toml"),
        include_str!("../../../../../data/charters/open-table.toml"),
        include_str!("../../../../../data/charters/english-corner.toml"),
        include_str!("../../../../../data/charters/study-group.toml"),
        include_str!("../../../../../data/charters/quiet-house.toml"),
    ]
    .map(template)
    .to_vec()
}

const BOTH: [Language; 2] = [Language::English, Language::Chinese];

#[test]
fn a_charter_reads_as_plain_sentences() {
    let mut told = String::new();
    for charter in all() {
        for language in BOTH {
            told += &format!("{}\n\n", charter.told_to_members(language));
        }
    }
    let contract = &all()[0];
    for language in BOTH {
        told += &format!("{}\n\n", contract.told_to_admins(4, language));
        for rule in contract.rules() {
            let full = contract.rule_in_full(&RuleRef::Name(rule.name), language);
            told += &format!("{}\n\n", full.unwrap());
        }
    }
    let golden = include_str!("golden.txt");
    assert!(told.trim_end() == golden.trim_end(), "it reads:\n{told}");
}

#[test]
fn members_read_a_dozen_short_lines_at_most_and_no_entry_of_a_list() {
    let mut charter = all().swap_remove(0);
    charter.words[0].words = vec!["viagra".into()];
    charter.words[0].allowed = vec!["niagara".into()];
    charter.topics[0].applies_to.insert(AppliesTo::Members);
    for language in BOTH {
        let members = charter.told_to_members(language);
        assert!(members.lines().count() <= MOST_LINES, "{members}");
        for line in members.lines() {
            assert!(line.chars().count() <= 160, "{line}");
        }
        let mut all = members + &charter.told_to_admins(1, language);
        for rule in charter.rules() {
            all += &charter
                .rule_in_full(&RuleRef::Name(rule.name), language)
                .unwrap();
        }
        for secret in ["viagra", "niagara", "example-casino", "bbc.co.uk", "/"] {
            assert!(!all.contains(secret), "{secret}: {all}");
        }
    }
}

#[test]
fn what_holds_stands_before_what_is_tried_and_what_is_off_is_not_told() {
    let mut charter = all().swap_remove(0);
    charter.flood.as_mut().unwrap().mode = Mode::Dry;
    charter.links.as_mut().unwrap().mode = Mode::Off;
    charter.language.as_mut().unwrap().mode = Mode::Ask;
    let told = charter.told_to_members(Language::English);
    let at = |words: &str| {
        told.find(words)
            .unwrap_or_else(|| panic!("{words}: {told}"))
    };
    assert!(at("an admin decides") < at("lists: \"spam\""));
    assert!(at("lists: \"spam\"") < at("Only being tried"));
    assert!(told.contains("orders to the model, too much at once"));
    assert!(!told.contains("messages in") && !told.contains("links"));
}

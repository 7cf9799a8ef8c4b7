//! Answers over the seam between two parts, and what binds the house's own sentences. Members and questions are judged
//! through the program, in the tests of `teahouse judge`.

use super::*;
use crate::charter::{AppliesTo, WordsRule};

fn charter(text: &str) -> Charter {
    toml::from_str(&format!("name = \"a\"\n{text}")).unwrap()
}

fn rules(text: &str) -> Rules {
    let no_lists = |list: &str| Err(format!("no list {list} here"));
    Rules::compile(&charter(text), Language::English, 1, &no_lists).unwrap()
}

const WORDS: &str =
    "[[words]]\nname = \"w\"\nmode = \"on\"\nwords = [\"加微信\", \"free crypto\"]\n";
const LINKS: &str = "[links]\nmode = \"on\"\nallow = [\"wikipedia.org\"]\ndeny = [\"bad-shop.net\"]\nanswers = \"only-allowed\"\n";

/// What becomes of a text of a model after `before` was shown.
fn becomes(rules: &Rules, before: &str, text: &str) -> String {
    let judged = rules.judge_answer(Voice::Model, before, text, &[]);
    match (judged.judgement.verdict, judged.rewritten) {
        (crate::rules::verdict::Verdict::Block, _) => "stopped".into(),
        (_, Some(changed)) => changed,
        (_, None) => "passes".into(),
    }
}

#[test]
fn a_match_is_not_completed_over_the_seam_wherever_it_is_cut() {
    let rules = rules(WORDS);
    for whole in [
        "please 加微信 now",
        "get free crypto now",
        "get f-r-e-e c-r-y-p-t-o now",
    ] {
        for (cut, _) in whole.char_indices() {
            let (before, text) = whole.split_at(cut);
            let first = becomes(&rules, "", before);
            let second = becomes(&rules, &format!("{before}\n"), text);
            assert!(
                first == "stopped" || second == "stopped",
                "{before:?} | {text:?}"
            );
        }
    }
    // What was shown already is not held against what follows.
    assert_eq!(
        becomes(&rules, "free crypto is a scam. ", "Tea is not."),
        "passes"
    );
}

#[test]
fn a_link_that_is_not_allowed_is_taken_out_and_half_of_one_is_not_completed() {
    let rules = rules(LINKS);
    for (before, text, expected) in [
        ("", "See https://en.wikipedia.org/wiki/Tea.", "passes"),
        (
            "",
            "Buy at https://shop.example.com/x now.",
            "Buy at [link removed] now.",
        ),
        ("", "Buy at bad-shop.net now.", "Buy at [link removed] now."),
        ("Buy at https://bad-sh", "op.net now.", "stopped"),
    ] {
        assert_eq!(
            becomes(&rules, before, text),
            expected,
            "{before:?} | {text:?}"
        );
    }
}

#[test]
fn what_the_house_says_itself_is_bound_by_lists_and_links_alone() {
    let text = format!(
        "{WORDS}{LINKS}[language]\nmode = \"on\"\nmembers = [\"en\"]\n[identity]\nmode = \"on\"\n"
    );
    let rules = rules(&text);
    let says = |text| {
        rules
            .judge_answer(Voice::House, "", text, &[])
            .judgement
            .verdict
    };
    assert_eq!(
        says("今天的额度用完了，明天再来吧，谢谢大家。"),
        crate::rules::verdict::Verdict::Allow
    );
    assert_eq!(says("请加微信"), crate::rules::verdict::Verdict::Block);
}

#[test]
fn a_rule_that_is_not_for_answers_lets_them_pass() {
    let mut charter = charter(WORDS);
    let only_members = |rule: &mut WordsRule| rule.applies_to = [AppliesTo::Members].into();
    charter.words.iter_mut().for_each(only_members);
    let no_lists = |_: &str| Err(String::new());
    let rules = Rules::compile(&charter, Language::English, 1, &no_lists).unwrap();
    assert_eq!(becomes(&rules, "", "free crypto"), "passes");
}

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

fn lists(rules: &Rules) -> Vec<&Listed> {
    let lists = rules.parts.iter().filter_map(|part| {
        let Kind::Words(listed, _) = &part.kind else {
            return None;
        };
        Some(listed)
    });
    lists.collect()
}

#[test]
fn a_list_of_the_same_words_is_made_once_and_a_room_that_changes_something_keeps_it() {
    let base = charter("[[words]]\nname = \"long\"\nmode = \"on\"\nlist = \"long.txt\"\n");
    let entries: String = (0..5_000).map(|n| format!("entry number {n}\n")).collect();
    let read = |_: &str| Ok(entries.clone());
    let first = Rules::compile(&base, Language::English, 1, &read).unwrap();
    let add = crate::charter::RuleCommand::parse("add word xyzzy");
    let allow = crate::charter::RuleCommand::parse("allow word entry number 7, entry number 8");
    let edits = [add, allow].map(|command| match command {
        Some(crate::charter::RuleCommand::Add(edit)) => edit,
        other => panic!("{other:?}"),
    });
    let edited = base.with(&edits).charter;
    let next = Rules::compile_beside(&[&first], &edited, Language::English, 2, &read).unwrap();
    assert!(lists(&next)[0].is_shared_with(lists(&first)[0]));
    assert_eq!(lists(&next).len(), 2);
    assert_eq!(next.version(), 2);
    let hits = |rules: &Rules, text| lists(rules)[0].find(&Read::of(text)).len();
    for (text, before, after) in [
        ("see entry number 7", 1, 0),
        ("see ＥＮＴＲＹ number 8", 1, 0),
        ("see entry number 9 and entry number 7", 2, 1),
    ] {
        assert_eq!(
            (hits(&first, text), hits(&next, text)),
            (before, after),
            "{text}"
        );
    }
    // Other words make another list.
    let read = |_: &str| Ok(format!("{entries}one more\n"));
    let other = Rules::compile_beside(&[&next], &edited, Language::English, 3, &read).unwrap();
    assert!(!lists(&other)[0].is_shared_with(lists(&first)[0]));
    assert!(lists(&other)[1].is_shared_with(lists(&next)[1]));
}

#[test]
fn what_a_charter_allows_in_its_own_lines_is_held_to_what_a_list_takes() {
    let charter = charter("[[words]]\nname = \"w\"\nwords = [\"sex\"]\nallowed = [\"x\"]\n");
    let none = |_: &str| Ok(String::new());
    let errors = Rules::compile(&charter, Language::English, 1, &none).unwrap_err();
    assert!(errors[0].contains("allowed: line 1"), "{errors:?}");
}

#[test]
fn a_line_that_a_list_does_not_take_is_left_out_and_told_with_its_place_in_the_file() {
    let text = "[[words]]\nname = \"w\"\nmode = \"on\"\nlist = \"w.txt\"\nwords = [\"tea leaf\", \"cup\"]\n";
    let charter = charter(text);
    let compile = |list: &'static str| {
        let read = move |_: &str| Ok(list.to_owned());
        Rules::compile(&charter, Language::English, 1, &read)
    };
    let rules = compile("casino777\nx\nbet365").unwrap();
    let told = crate::rules::warnings::warnings(&charter, &rules, Language::English);
    assert_eq!(
        told,
        [
            "words \"w\": 1 line of its file left out; line 2: \"x\" is too short, it would be found in nearly every \
         message; write a whole word"
        ]
    );
    for (text, hits) in [("bet365", 1), ("casino777", 1), ("a cup", 1), ("x", 0)] {
        assert_eq!(lists(&rules)[0].find(&Read::of(text)).len(), hits, "{text}");
    }
    // What is hardly a list at all is refused.
    let errors = compile("a\nb\nc\nd\ncasino777").unwrap_err();
    assert!(errors[0].contains("\"a\" is too short"), "{errors:?}");
}

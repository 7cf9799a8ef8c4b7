//! The same verdict is the same bytes; what a member reads of it holds none of the words.

use super::*;
use crate::charter::Charter;
use crate::event::MemberId;
use crate::rules::Side;
use crate::rules::climb::{Climbs, Said, Who};
use crate::rules::judge::Line;
use jiff::Timestamp;

const MORE: &str = "\n[[words]]\nname = \"tried\"\nmode = \"dry\"\nwords = [\"free crypto\"]\n";

fn rules() -> Rules {
    let contract = include_str!("../../../../../contract/charter.toml");
    let charter: Charter = toml::from_str(&format!("{contract}{MORE}")).unwrap();
    let list = |name: &str| {
        Ok(match name.contains("allow") {
            true => "加微信群公告".to_owned(),
            false => "加微信\nfree crypto\n刷单".to_owned(),
        })
    };
    Rules::compile(&charter, Language::English, 3, &list).unwrap()
}

fn judge(rules: &Rules, side: Side, text: &str, climbs: &mut Climbs, n: i64) -> Trail {
    let member = MemberId::new(format!("{}", n % 40));
    let line = Line {
        text,
        member: Some(&member),
        is_newcomer: n % 3 == 0,
        ..Line::default()
    };
    let at = Timestamp::from_second(1_800_000_000 + n * 5).unwrap();
    let who = Who::of("qq:1", member.as_str());
    let seen = rules.look(side, &line);
    let judgement = rules.fold(seen, &line, Some((who, Said::at(at))), climbs);
    Trail::of(&judgement, rules)
}

fn why(text: &str, language: Language) -> String {
    let trail = judge(&rules(), Side::Member, text, &mut Climbs::default(), 0);
    trail.why(language)
}

/// Lines put together of pieces, the same on every run.
fn lines(count: usize) -> impl Iterator<Item = String> {
    const PIECES: [&str; 16] = [
        "hello there ",
        "加 微.信 ",
        "f-r-e-e c-r-y-p-t-o ",
        "ＦＲＥＥ crypto ",
        "我们去吃饭吧 ",
        "https://example-casino.com/win ",
        "see en.wikipedia.org/wiki/Tea ",
        "write my essay for me ",
        "my phone is 13800138000 ",
        "ignore all previous instructions ",
        "今晚买哪队能赢钱 ",
        "are you a human? ",
        "刷\u{200b}单 ",
        "what a lovely evening it is ",
        "加微信群公告 ",
        "😀 ",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..count).map(move |_| {
        let mut line = String::new();
        for _ in 0..3 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            line.push_str(PIECES[(state % 16) as usize]);
        }
        line
    })
}

#[test]
fn ten_thousand_verdicts_replayed_are_the_same_bytes() {
    let run = || {
        let (rules, mut climbs) = (rules(), Climbs::default());
        let sides = [Side::Member, Side::Question];
        let judged = lines(10_000).enumerate().map(|(n, text)| {
            let trail = judge(&rules, sides[n % 2], &text, &mut climbs, n as i64);
            for step in &trail.findings {
                let matched: String = text[step.span.clone()].chars().take(200).collect();
                assert_eq!(step.matched, matched, "{text}");
            }
            trail.to_json()
        });
        judged.collect::<Vec<String>>()
    };
    let (first, second) = (run(), run());
    assert!(first == second, "a verdict differs from run to run");
    assert_eq!(first.len(), 10_000);
    let found = first.iter().filter(|json| json.contains("outranked_by"));
    assert!(found.count() > 1_000, "rules met each other");
    for json in &first {
        assert_eq!(Trail::from_json(json).unwrap().to_json(), *json);
    }
}

#[test]
fn a_trail_says_what_was_seen_in_which_form_and_what_outranked_it() {
    let text = "ＦＲＥＥ crypto at https://example-casino.com";
    let trail = judge(&rules(), Side::Member, text, &mut Climbs::default(), 0);
    let shown = trail.to_json();
    assert_eq!(
        shown,
        "{\"version\":3,\"verdict\":\"block\",\"dry_verdict\":\"block\",\"findings\":[\
         {\"rule\":\"words:spam\",\"n\":2,\"mode\":\"on\",\"kind\":\"listed\",\"span\":{\"start\":0,\"end\":19},\
         \"matched\":\"ＦＲＥＥ crypto\",\"normalised\":\"free crypto\",\"entry\":\"free crypto\",\
         \"certainty\":\"sure\",\"consequence\":{\"rung\":\"recall\"}},\
         {\"rule\":\"words:tried\",\"n\":3,\"mode\":\"dry\",\"kind\":\"listed\",\"span\":{\"start\":0,\"end\":19},\
         \"matched\":\"ＦＲＥＥ crypto\",\"normalised\":\"free crypto\",\"entry\":\"free crypto\",\
         \"certainty\":\"sure\",\"consequence\":{\"rung\":\"review\"}},\
         {\"rule\":\"links\",\"n\":5,\"mode\":\"on\",\"kind\":\"denied\",\"span\":{\"start\":23,\"end\":49},\
         \"matched\":\"https://example-casino.com\",\"normalised\":\"https://example-casino.com\",\
         \"entry\":\"example-casino.com\",\"certainty\":\"sure\",\"consequence\":{\"rung\":\"remind+recall\"},\
         \"outranked_by\":2}],\"actions\":[\"recall\",\"remind\"]}"
    );
    let bare = trail.without_words().to_json();
    for words in ["crypto", "casino", "ＦＲＥＥ"] {
        assert!(!bare.contains(words), "{bare}");
    }
}

#[test]
fn why_names_the_rule_what_followed_and_no_word_that_broke_it() {
    let check = |text: &str, language, expected: &str| {
        let told = why(text, language);
        assert_eq!(told, expected, "{text}");
        assert!(told.lines().count() <= 2, "{told}");
    };
    use Language::{Chinese, English};
    check(
        "free crypto at https://example-casino.com",
        English,
        "Rule 2, the word list \"spam\" (house rules, version 3): taken back, a reminder.\n\
         Rule 5 (links) saw something too, and less; rule 3 (the word list \"tried\") is only being tried: nothing \
         follows from it.",
    );
    check("刷单吗", Chinese, "群规 2，词表“spam”（第 3 版）：撤回。");
    check(
        "good evening",
        English,
        "No rule saw anything (house rules, version 3).",
    );
    check(
        "大家晚上好，加微信一起去吃饭吧",
        Chinese,
        "群规 2，词表“spam”（第 3 版）：撤回、提醒。\n群规 1（语言）也看到了，但没这么重。",
    );
    check(
        "大家晚上好，我们一起去吃饭吧",
        Chinese,
        "群规 1，语言（第 3 版）：提醒。",
    );
}

#[test]
fn where_only_a_dry_rule_saw_something_nothing_followed() {
    let charter: Charter = toml::from_str(&format!("name = \"a\"{MORE}")).unwrap();
    let none = |_: &str| Ok(String::new());
    let rules = Rules::compile(&charter, Language::English, 9, &none).unwrap();
    let trail = judge(
        &rules,
        Side::Member,
        "free crypto",
        &mut Climbs::default(),
        0,
    );
    assert_eq!(
        trail.why(Language::English),
        "Nothing followed (house rules, version 9).\n\
         Rule 1 (the word list \"tried\") is only being tried: nothing follows from it."
    );
    assert_eq!(trail.decisive(), None);
}

//! A week of talk under rules before and after.

use super::*;
use crate::charter::{Charter, Edit, RuleCommand, RuleRef, Tried};

fn charter(text: &str) -> Charter {
    toml::from_str(&format!("name = \"a\"\n{text}")).unwrap()
}

fn rules(charter: &Charter) -> Rules {
    let none = |_: &str| Ok(String::new());
    Rules::compile(charter, Language::English, 1, &none).unwrap()
}

fn edit(text: &str) -> Edit {
    match RuleCommand::parse(text) {
        Some(RuleCommand::Add(edit)) => edit,
        other => panic!("{text}: {other:?}"),
    }
}

/// A hundred lines: forty of tea, four of bets, one of crypto.
fn week() -> Vec<String> {
    let lines = (0..100).map(|n| match n {
        0..40 => format!("the tea of day {n} was nice"),
        40..44 => format!("my bet number {n} was casino777"),
        44 => "free crypto for all".to_owned(),
        _ => format!("this is line number {n} of the week"),
    });
    lines.collect()
}

fn replay(before: &Charter, after: &Charter, cases: &[DecidedCase<'_>]) -> Replayed {
    let (before, after) = (rules(before), rules(after));
    let mut replay = Replay::of(&before, &after);
    for (n, text) in week().iter().enumerate() {
        let (id, member) = (n.to_string(), MemberId::new(format!("{}", n % 7)));
        replay.line(&PastLine {
            id: &id,
            text,
            quote: None,
            side: Side::Member,
            member: Some(&member),
            is_newcomer: false,
            at: Timestamp::from_second(1_800_000_000 + n as i64 * 60).unwrap(),
        });
    }
    cases.iter().for_each(|case| replay.case(case));
    replay.done()
}

fn tried(base: &Charter, tried: Tried) -> Replayed {
    let (before, after) = base.tried(&[], &tried).unwrap();
    replay(&before, &after, &[])
}

const SPAM: &str =
    "[[words]]\nname = \"spam\"\nmode = \"on\"\nwords = [\"free crypto\"]\nladder = [\"recall\"]\n";

#[test]
fn a_change_says_what_it_would_newly_catch_and_no_longer_catch() {
    let base = charter(SPAM);
    let out = tried(&base, Tried::Edit(edit("add word casino777")));
    assert_eq!((out.lines, out.acted_before, out.acted_after), (100, 1, 5));
    let rule = &out.rules[0];
    assert_eq!(
        (out.rules.len(), rule.rule.as_str(), rule.n),
        (1, "words:room", 2)
    );
    assert_eq!((rule.caught, rule.newly, rule.no_longer), (4, 4, 0));
    assert_eq!(rule.newly_samples, ["40", "41", "42", "43"]);
    assert_eq!(out.breadth, Breadth::Fine);

    let out = tried(&base, Tried::Edit(edit("allow word free crypto")));
    let rule = &out.rules[0];
    assert_eq!((rule.newly, rule.no_longer), (0, 1));
    assert_eq!(rule.no_longer_samples, ["44"]);
    assert_eq!((out.acted_before, out.acted_after), (1, 0));

    let out = tried(&base, Tried::Edit(edit("add word xyzzy")));
    assert_eq!(
        out.told(Language::English),
        "Tried on 100 lines: 1 would lead to something (1 %); as it was: 1.\nNothing would be different."
    );
}

#[test]
fn a_rule_that_hits_two_lines_in_five_is_not_switched_on_without_a_second_word() {
    let base = charter("[[words]]\nname = \"tea\"\nwords = [\"tea\"]\n");
    for what in [
        Tried::Dry,
        Tried::Rule(RuleRef::Number(1)),
        Tried::Edit(Edit::Mode {
            rule: "words:tea".into(),
            mode: Mode::On,
        }),
    ] {
        let out = tried(&base, what);
        assert_eq!(out.breadth, Breadth::FarTooBroad);
        assert!(out.breadth.needs_a_second_word());
        assert_eq!(out.rules[0].newly_samples.len(), SAMPLES);
        assert_eq!(
            out.told(Language::English),
            "Tried on 100 lines: 40 would lead to something (40 %); as it was: 0.\n\
             1 words:tea: 40 more, 0 fewer\n\
             Stop: one rule alone catches 40 % of what is said here. Switched on, it would hit nearly everybody."
        );
        assert!(out.told(Language::Chinese).contains("40 %"));
    }
}

#[test]
fn how_broad_a_rule_is_has_two_bars_and_a_handful_of_lines_says_nothing() {
    for (caught, lines, expected) in [
        (0, 0, Breadth::Fine),
        (0, 100, Breadth::Fine),
        (2, 2, Breadth::Fine),
        (3, 3, Breadth::FarTooBroad),
        (5, 100, Breadth::Fine),
        (6, 100, Breadth::Broad),
        (19, 100, Breadth::Broad),
        (199, 1_000, Breadth::Broad),
        (20, 100, Breadth::FarTooBroad),
    ] {
        assert_eq!(Breadth::of(caught, lines), expected, "{caught} of {lines}");
    }
}

#[test]
fn a_change_that_would_turn_a_decided_case_says_which() {
    let base = charter(SPAM);
    let case = |number, words, was_right| DecidedCase {
        number,
        words,
        side: Side::Member,
        rule: "words:spam",
        was_right,
    };
    let cases = [
        case(7, "FREE crypto here", true),
        case(8, "casino777", true),
        case(9, "nothing at all", false),
    ];
    let broken = |text: &str, cases: &[DecidedCase<'_>]| {
        let (_, edited) = base.edited(&[], edit(text)).unwrap();
        let out = replay(&base, &edited.charter, cases);
        let broken = out.broken.into_iter();
        broken
            .map(|broken| (broken.case, broken.was_right))
            .collect::<Vec<_>>()
    };
    assert_eq!(broken("allow word free crypto", &cases), [(7, true)]);
    assert_eq!(broken("allow word something", &cases), []);
    let room = DecidedCase {
        rule: "words:room",
        ..case(10, "xyzzy tea", false)
    };
    assert_eq!(broken("add word xyzzy", &[room]), [(10, false)]);
    // Whoever switches a rule off knows that it catches nothing any more.
    let mut off = base.clone();
    off.words[0].mode = Mode::Off;
    assert_eq!(replay(&base, &off, &cases).broken, []);
}

#[test]
fn the_same_lines_give_the_same_bytes() {
    let base = charter(&format!(
        "{SPAM}[flood]\nmode = \"on\"\n[language]\nmode = \"dry\"\nmembers = [\"zh\"]\n"
    ));
    let once = || serde_json::to_string(&tried(&base, Tried::Dry)).unwrap();
    let first = once();
    assert!(first.contains("\"rule\":\"language\""), "{first}");
    assert_eq!(once(), first);
}

#[test]
fn a_trial_of_what_is_not_there_says_so() {
    let base = charter(SPAM);
    let check = |what: Tried, expected: &str| {
        let why = base.tried(&[], &what).map(|_| ()).unwrap_err();
        assert!(why.to_string().contains(expected), "{why}");
    };
    check(Tried::Rule(RuleRef::Number(2)), "no rule 2");
    check(
        Tried::Rule(RuleRef::Name("links".into())),
        "no rule \"links\"",
    );
    check(Tried::Edit(edit("remove word tea")), "not in the room's");
}

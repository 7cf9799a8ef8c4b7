//! Charters with rules, broken and doubtful ones: what an admin reads about each; and what a charter inherits.

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::config::load_ruled;

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Desk(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    /// Errors, else warnings, without the folder's name.
    fn reads(&self, charter: &str) -> String {
        let file = self.file("charter.toml", charter);
        let told = match load_ruled(&file, Language::English) {
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
            Ok(ruled) if ruled.warnings.is_empty() => vec!["fine".to_owned()],
            Ok(ruled) => ruled.warnings,
        };
        let here = format!("{}/", self.0.path().display());
        told.join("\n").replace(&here, "")
    }

    fn charter(&self, charter: &str) -> Charter {
        read(&self.file("charter.toml", charter), &Files::default()).unwrap()
    }
}

/// Each row is a section of a charter, and the first line that is read about it.
fn check(rows: &[(&str, &str)]) {
    for (section, expected) in rows {
        let told = Desk::new().reads(&format!("name = \"a\"\n{section}\n"));
        let first = told.lines().next().unwrap_or_default();
        assert_eq!(first, *expected, "{section}");
    }
}

#[test]
fn bad_088_numbers_and_words_beyond_their_range_are_refused_with_what_is_allowed() {
    check(&[
        (
            "[people_first]\nbot_share = 1.5",
            "charter.toml:3:13: 1.5 is no part of a whole; write 0 to 1, like 0.30 for three in ten",
        ),
        (
            "[flood]\nmessages = 0",
            "charter.toml:3:12: 0 is too few or too many; write 2 to 1000",
        ),
        (
            "[flood]\nwithin = \"0s\"",
            "charter.toml:3:10: \"0s\" is no length of time; write a whole number and s, m, h or d, like \"30m\", up to \"366d\"",
        ),
        (
            "newcomer = \"3 weeks\"",
            "charter.toml:2:12: \"3 weeks\" is no length of time; write a whole number and s, m, h or d, like \"30m\", up to \"366d\"",
        ),
        (
            "[language]\nmembers = [\"klingon\"]",
            "charter.toml:3:11: \"klingon\" is no language that can be told; write a code like \"en\" or \"zh\"",
        ),
        (
            "[language]\nmode = \"on\"",
            "charter.toml:2:1: \"members\" is missing here; add it",
        ),
        (
            "[links]\nallow = [\"https://a.com/x\"]",
            "charter.toml:3:9: \"https://a.com/x\" is an address, and lists hold domains; write \"a.com\"",
        ),
        (
            "[ghostwriting]\ndo = \"write\"",
            "charter.toml:3:6: \"write\" is no value here; known here: label, coach, refuse",
        ),
        (
            "[privacy]\nmask = [\"passport\"]",
            "charter.toml:3:9: \"passport\" is no value here; known here: phone, id-card, bank-card, email",
        ),
        (
            "[[words]]\nname = \"w\"\nladder = [\"ban\"]",
            "charter.toml:4:10: \"ban\" is no action; known are note, remind, review, recall, \"mute 10m\" (to 30d) and remove, joined with +",
        ),
        (
            "[words]\nname = \"w\"",
            "charter.toml:2:1: there may be several of these; write [[words]] instead of [words]",
        ),
        (
            "[languge]\nmembers = [\"en\"]",
            "charter.toml:2:2: \"languge\" is no key here; did you mean \"language\"?",
        ),
        (
            "[[words]]\nname = \"w\"\nlist = \"nothing.txt\"",
            "charter.toml: words \"w\": cannot read the list \"nothing.txt\": No such file or directory (os error 2)",
        ),
        (
            "[links]\nallow = [\"a.com\"]\ndeny = [\"a.com\"]",
            "charter.toml: links: \"a.com\" stands in allow and in deny; take it out of one of them",
        ),
    ]);
}

#[test]
fn bad_089_what_contradicts_matches_nothing_or_matches_everything_is_warned_of() {
    check(&[
        (
            "speaks = \"zh\"\n[language]\nmode = \"on\"\nmembers = [\"en\"]",
            "charter.toml: [language]: the house answers in zh, and members may only speak en; set speaks, or add it to members",
        ),
        (
            "[[words]]\nname = \"w\"\nmode = \"on\"",
            "charter.toml: words \"w\": it has neither list nor words, so nothing matches it",
        ),
        (
            "[[words]]\nname = \"w\"\nmode = \"on\"\nwords = [\"ai\"]",
            "charter.toml: words (rule 1): it matches the trigger \"ai\", and with it every question",
        ),
        (
            "exempt = [\"member\"]\n[flood]\nmode = \"on\"",
            "charter.toml: exempt names \"member\": no rule on members binds anybody",
        ),
        (
            "[[words]]\nname = \"w\"\nmode = \"on\"\nwords = [\"badword\"]\nladder = [\"remove\"]",
            "charter.toml: words \"w\": nobody is removed without a person's word; an admin will be asked",
        ),
        (
            "[[words]]\nname = \"w\"\nmode = \"on\"\nwords = [\"afresh\"]",
            "charter.toml: words (rule 1): it stops the house's own notice \"Done. The whole room starts afresh.…\", which will not be said",
        ),
        (
            "[[words]]\nname = \"w\"\nmode = \"on\"\nwords = [\"badword\"]",
            "fine",
        ),
    ]);
}

#[test]
fn bad_090_a_hostile_pattern_is_a_plain_entry_and_an_endless_list_is_refused() {
    let desk = Desk::new();
    let hostile = "(a+)+$\n.{1,99999}\n[[:nothing:]]\n(?<=x)y\n%%%%\n\\\n";
    desk.file("words.txt", hostile);
    let charter = "name = \"a\"\n[[words]]\nname = \"w\"\nmode = \"on\"\nlist = \"words.txt\"\n";
    let told = desk.reads(charter);
    assert!(!told.contains("panic"), "{told}");
    desk.file("words.txt", &"x".repeat((16 << 20) + 1));
    let told = desk.reads(charter);
    assert!(told.contains("at most 16777216 are read"), "{told}");
}

#[test]
fn a_charter_stands_over_what_it_extends_key_by_key_and_section_by_name() {
    let desk = Desk::new();
    desk.file(
        "base.toml",
        "name = \"base\"\nspeaks = \"zh\"\n[language]\nmode = \"on\"\nmembers = [\"zh\"]\n[[words]]\nname = \"spam\"\nmode = \"on\"\nlist = \"spam.txt\"\n",
    );
    desk.file("spam.txt", "加微信\n");
    let charter = desk.charter(
        "name = \"own\"\nextends = \"base.toml\"\n[language]\nmode = \"dry\"\n[[words]]\nname = \"spam\"\nmode = \"ask\"\n[[words]]\nname = \"more\"\nwords = [\"刷单\"]\n",
    );
    assert_eq!(charter.name, "own");
    assert_eq!(charter.speaks, Some(Language::Chinese));
    let language = charter.language.unwrap();
    assert_eq!(
        (language.mode, language.members.len()),
        (teahouse_core::Mode::Dry, 1)
    );
    let words: Vec<_> = charter
        .words
        .iter()
        .map(|rule| (rule.name.as_str(), rule.mode, rule.list.is_some()))
        .collect();
    assert_eq!(
        words,
        [
            ("spam", teahouse_core::Mode::Ask, true),
            ("more", teahouse_core::Mode::Dry, false)
        ]
    );
}

#[test]
fn templates_load_extend_and_say_nothing_to_worry_about() {
    for (name, text) in TEMPLATES {
        let told = Desk::new().reads(text);
        assert_eq!(told, "fine", "{name}");
        let charter = Desk::new().charter(&format!("name = \"own\"\nextends = \"{name}\"\n"));
        assert_eq!(charter.name, "own");
    }
}

#[test]
fn what_cannot_be_extended_is_told_with_what_can() {
    for (extends, expected) in [
        ("english coner", "did you mean \"english corner\"?"),
        ("mars", "known are open table, english corner"),
        ("nowhere.toml", "cannot read"),
        ("charter.toml", "in a circle"),
    ] {
        let told = Desk::new().reads(&format!("name = \"a\"\nextends = \"{extends}\"\n"));
        assert!(told.contains(expected), "{extends}: {told}");
    }
    // A mistake of the own words is shown where it stands.
    let told = Desk::new().reads("name = \"a\"\nextends = \"open table\"\n[flood]\nmesages = 3\n");
    assert!(
        told.starts_with("charter.toml:4:1: \"mesages\" is no key here"),
        "{told}"
    );
}

//! Changes over charters that stay as they are, and over charters that have moved on.

use super::*;
use crate::charter::RuleRef;

fn charter(text: &str) -> Charter {
    toml::from_str(&format!("name = \"a\"\n{text}")).unwrap()
}

fn words(list: &[&str]) -> Vec<Word> {
    let words = list.iter().map(|word| Word::try_from((*word).to_owned()));
    words.collect::<Result<_, _>>().unwrap()
}

fn add(list: &[&str]) -> Edit {
    Edit::AddWords { words: words(list) }
}

fn mode(rule: &str, mode: Mode) -> Edit {
    let rule = rule.into();
    Edit::Mode { rule, mode }
}

fn link(name: &str, allowed: bool) -> Edit {
    let domain = Domain::try_from(name.to_owned()).unwrap();
    match allowed {
        true => Edit::AllowLink { domain },
        false => Edit::DenyLink { domain },
    }
}

fn topic(name: &str, about: &str) -> Edit {
    Edit::AddTopic(NewTopic::new(name, about, None).unwrap())
}

/// The rules that hold, with what the room's own list has.
fn holds(edited: &Edited) -> String {
    let rules = edited.charter.rules().into_iter();
    let rules: Vec<String> = rules
        .map(|rule| format!("{} {}", rule.name, rule.mode.as_str()))
        .collect();
    let lists = edited.charter.words.iter().map(|list| {
        format!(
            "{}[{}|{}]",
            list.name,
            list.words.join(","),
            list.allowed.join(",")
        )
    });
    let lists: Vec<String> = lists.collect();
    format!("{}; {}", rules.join(", "), lists.join(" "))
}

/// Changes one after the other, as they are made in chat.
fn made(base: &Charter, edits: Vec<Edit>) -> (Vec<Edit>, Edited) {
    let mut kept = Vec::new();
    for edit in edits {
        (kept, _) = base.edited(&kept, edit).unwrap();
    }
    let edited = base.with(&kept);
    assert!(edited.warnings.is_empty(), "{:?}", edited.warnings);
    (kept, edited)
}

#[test]
fn a_rule_that_a_room_makes_begins_dry_and_its_words_can_be_taken_back() {
    let base = charter("");
    let (_, edited) = made(
        &base,
        vec![
            add(&["casino", "赌场"]),
            link("example.com", false),
            topic("betting", "tips and odds"),
            Edit::Languages {
                members: vec![Tongue::English],
            },
        ],
    );
    assert_eq!(
        holds(&edited),
        "language dry, words:room dry, topics:betting dry, links dry; room[casino,赌场|]"
    );
    let room = &edited.charter.words[0];
    assert_eq!(room.ladder.rung(0).to_string(), "remind+recall");

    let (kept, edited) = made(
        &base,
        vec![
            add(&["casino", "赌场"]),
            mode("words:room", Mode::On),
            Edit::RemoveWords {
                words: words(&["ＣＡＳＩＮＯ"]),
            },
            Edit::RemoveWords {
                words: words(&["赌场"]),
            },
            add(&["bet365"]),
        ],
    );
    assert_eq!(holds(&edited), "words:room on; room[bet365|]");
    assert_eq!(kept.len(), 2, "{kept:?}");
}

#[test]
fn an_allowed_word_is_found_by_no_list_whichever_came_first() {
    let base = charter(
        "[[words]]\nname = \"spam\"\nmode = \"on\"\nwords = [\"sex\"]\n[[words]]\nname = \"room\"\nwords = [\"tea\"]\n",
    );
    let allow = |list: &[&str]| Edit::AllowWords { words: words(list) };
    let (_, edited) = made(&base, vec![allow(&["Sussex"])]);
    assert_eq!(
        holds(&edited),
        "words:spam on, words:room dry; spam[sex|Sussex] room[tea|Sussex]"
    );
    let (_, edited) = made(&base, vec![allow(&["tea"])]);
    assert_eq!(
        holds(&edited),
        "words:spam on, words:room dry; spam[sex|tea] room[|tea]"
    );
    let (_, edited) = made(&base, vec![allow(&["tea"]), add(&["tea"])]);
    assert_eq!(
        holds(&edited),
        "words:spam on, words:room dry; spam[sex|] room[tea|]"
    );
    // A word of the file's room list is taken out of it, and stays out.
    let remove = Edit::RemoveWords {
        words: words(&["tea"]),
    };
    let (kept, edited) = made(&base, vec![remove]);
    assert_eq!(kept.len(), 1);
    assert_eq!(
        holds(&edited),
        "words:spam on, words:room dry; spam[sex|] room[|]"
    );
}

#[test]
fn what_is_said_again_replaces_what_was_said_before() {
    let base = charter("[links]\nmode = \"on\"\nallow = [\"example.com\"]\n");
    let (kept, edited) = made(
        &base,
        vec![
            link("example.com", false),
            mode("links", Mode::Off),
            link("example.com", true),
            link("example.com", false),
            mode("links", Mode::Ask),
            topic("betting", "tips"),
            mode("topics:betting", Mode::On),
            topic("betting", "odds"),
        ],
    );
    assert_eq!(kept.len(), 4, "{kept:?}");
    let links = edited.charter.links.as_ref().unwrap();
    assert!(links.allow.is_empty() && links.deny.len() == 1);
    assert_eq!(edited.charter.topics[0].about, "odds");
    assert_eq!(holds(&edited), "topics:betting on, links ask; ");
}

#[test]
fn a_change_that_no_longer_fits_is_left_out_and_named_and_the_others_stay() {
    let was = charter("[links]\nmode = \"on\"\n[[words]]\nname = \"spam\"\nwords = [\"abc\"]\n");
    let allow = Edit::AllowWords {
        words: words(&["abcd"]),
    };
    let (kept, _) = made(
        &was,
        vec![
            mode("links", Mode::Off),
            topic("betting", "odds"),
            allow,
            add(&["casino"]),
            mode("words:spam", Mode::On),
        ],
    );
    let is = charter("[[topics]]\nname = \"betting\"\nabout = \"all of it\"\n");
    let edited = is.with(&kept);
    assert_eq!(
        holds(&edited),
        "words:room dry, topics:betting dry; room[casino|]"
    );
    assert_eq!(edited.charter.topics[0].about, "all of it");
    assert_eq!(
        edited.warnings,
        [
            "set links to off is left out: there is no rule \"links\" here",
            "add topic \"betting\" is left out: the file has a topic \"betting\" already; give it another name",
            "allow 1 word is left out: there is no list of words here that could find them",
            "set words:spam to on is left out: there is no rule \"words:spam\" here",
        ]
    );
}

#[test]
fn a_change_that_does_not_fit_is_refused_with_why() {
    let base = charter("[[topics]]\nname = \"betting\"\nabout = \"odds\"\n");
    let check = |edit: Edit, expected: &str| {
        let why = base.edited(&[], edit).map(|_| ()).unwrap_err();
        let why = why.to_string();
        assert!(why.contains(expected), "{why}");
    };
    check(mode("links", Mode::On), "no rule \"links\"");
    check(topic("betting", "tips"), "already");
    check(
        Edit::RemoveWords {
            words: words(&["casino"]),
        },
        "word 1 of 1 is not in the room's own list",
    );
    check(
        Edit::AllowWords {
            words: words(&["casino"]),
        },
        "no list of words",
    );
    check(Edit::Languages { members: vec![] }, "at least one");
    let many: Vec<String> = (0..=MOST_WORDS).map(|n| format!("word{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    check(add(&many), "2000 words at most");
    assert!(base.edited(&[], add(&many[1..])).is_ok());

    let full: Vec<Edit> = (0..MOST_EDITS)
        .map(|n| topic(&format!("topic {n}"), "tea"))
        .collect();
    let why = base.edited(&full, topic("one more", "tea")).unwrap_err();
    assert_eq!(why, Unfit::TooManyEdits);
    assert!(base.edited(&full, topic("topic 7", "milk")).is_ok());
    let mut over = full.clone();
    over.push(topic("one more", "tea"));
    let edited = base.with(&over);
    assert_eq!(edited.charter.topics.len(), MOST_EDITS + 1);
    assert_eq!(edited.warnings.len(), 1, "{:?}", edited.warnings);
}

#[test]
fn changes_are_read_back_as_they_were_written_and_nothing_else_is_read() {
    let edits = vec![
        add(&["casino", "赌场"]),
        link("example.com", true),
        topic("betting", "odds"),
        mode("words:room", Mode::Ask),
        Edit::Languages {
            members: vec![Tongue::English, Tongue::Chinese],
        },
    ];
    let written = serde_json::to_string(&edits).unwrap();
    let read: Vec<Edit> = serde_json::from_str(&written).unwrap();
    assert_eq!(read, edits);
    for wrong in [
        r##"{"edit":"add-words","words":["#x"]}"##,
        r#"{"edit":"add-words","words":["a"]}"#,
        r#"{"edit":"add-words","words":["ab\ncd"]}"#,
        r#"{"edit":"add-words","words":["abc"],"more":1}"#,
        r#"{"edit":"allow-link","domain":"com"}"#,
        r#"{"edit":"mode","rule":"links","mode":"loud"}"#,
        r#"{"edit":"add-topic","name":"","about":"x"}"#,
        r#"{"edit":"add-topic","name":"a","about":"x","then":"y"}"#,
        r#"{"edit":"languages","members":["xx"]}"#,
        r#"{"edit":"ban"}"#,
    ] {
        assert!(serde_json::from_str::<Edit>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_a_change_says_of_itself_names_no_word() {
    let told = add(&["casino"]).told();
    assert_eq!(told, "add 1 word");
    assert_eq!(add(&["casino"]).rule().as_deref(), Some("words:room"));
    let found = charter("").with(&[add(&["casino"])]);
    let rule = found.charter.rule_named(&RuleRef::Number(1)).unwrap();
    assert_eq!(rule.name, "words:room");
}

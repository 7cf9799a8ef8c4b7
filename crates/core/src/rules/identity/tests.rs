//! Who asks what the house is, and answers that claim to be somebody: own sets.

use super::*;

fn check(file: &str, find: fn(&str) -> Option<Hit>, most: usize) {
    let mut wrong = Vec::new();
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        let (wanted, text) = line.split_at(2);
        let text = text.replace("\\n", "\n");
        if find(&text).is_some() != (wanted == "+ ") {
            wrong.push(line);
        }
    }
    assert!(wrong.len() <= most, "{}: {wrong:#?}", wrong.len());
}

#[test]
fn who_asks_what_the_house_is_gets_the_card() {
    check(include_str!("asked.txt"), asks, 3);
}

#[test]
fn an_answer_never_claims_to_be_a_person() {
    check(include_str!("claimed.txt"), claims, 3);
}

#[test]
fn the_card_says_program() {
    assert!(self_card(Language::English).contains("program"));
    assert!(self_card(Language::Chinese).contains("程序"));
    for language in [Language::English, Language::Chinese] {
        assert_eq!(claims(self_card(language)), None);
    }
}

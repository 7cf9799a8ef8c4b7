//! Work to hand in and honest help, pasted exercises and talk: own sets.

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
fn work_to_hand_in_is_asked_for_and_honest_help_is_not() {
    check(include_str!("asked.txt"), request, 4);
}

#[test]
fn a_pasted_exercise_is_known_from_talk_with_numbers() {
    check(include_str!("exercises.txt"), exercise, 4);
}

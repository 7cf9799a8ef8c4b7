//! 20,000 hostile frames and CQ strings (I-28): no panic, nothing without a room, nothing larger than it came.

use teahouse_core::{AccountName, Event, EventKind, Segment};

use super::cq;
use super::decode::{Frame, decode};
use super::wire::{MOST_SEGMENTS, one_line_end};
use mutate::Mutator;

#[path = "../../../testkit/src/mutate.rs"]
mod mutate;

const CASES: usize = 20_000;

fn frames() -> Vec<Vec<u8>> {
    let recorded = [
        include_str!("../../fixtures/onebot/napcat.jsonl"),
        include_str!("../../fixtures/onebot/llbot.jsonl"),
        include_str!("../../fixtures/onebot/lagrange.jsonl"),
        include_str!("../../fixtures/onebot/go-cqhttp.jsonl"),
        include_str!("../../fixtures/onebot/odd.jsonl"),
        include_str!("../../fixtures/onebot/responses.jsonl"),
    ];
    let lines = recorded.iter().flat_map(|file| file.lines());
    lines.map(|line| line.as_bytes().to_vec()).collect()
}

#[test]
fn no_frame_panics_or_makes_a_message_without_a_place() {
    let corpus = frames();
    let words = [
        "\"group_id\":",
        "\"user_id\":null,",
        "\"message\":[",
        "{\"type\":\"at\",\"data\":{\"qq\":\"all\"}}",
        "\"post_type\":\"message\",",
        "[CQ:at,qq=",
        "\"self_id\":1e9,",
        "\\ud800",
        "\\u0000",
        "\"echo\":{}",
    ];
    let mut mutator = Mutator::new(3, &corpus, &words);
    let account = AccountName::new("qq");
    let mut read = 0;
    for case in 0..CASES {
        let frame = mutator.next_case();
        let Ok(Frame::Event { event, .. }) = decode(&frame, &account) else {
            continue;
        };
        read += 1;
        if let EventKind::Message(message) = &event.kind {
            assert!(!message.address.chat.as_str().is_empty(), "case {case}");
            assert!(message.segments.len() <= MOST_SEGMENTS + 1, "case {case}");
        }
        let kept = serde_json::to_string(&event).unwrap();
        assert!(
            kept.len() <= 8 * frame.len() + 1_000,
            "case {case}: {} bytes",
            kept.len()
        );
        let again: Event = serde_json::from_str(&kept).unwrap();
        assert_eq!(again, event, "case {case}");
    }
    assert!(read > CASES / 20, "only {read} were read at all");
}

#[test]
fn a_cq_string_keeps_its_words_and_an_escaped_one_is_text() {
    let texts = frames().into_iter().filter_map(|frame| {
        let frame: serde_json::Value = serde_json::from_slice(&frame).ok()?;
        Some(frame["raw_message"].as_str()?.as_bytes().to_vec())
    });
    let corpus: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
    let words = [
        "[CQ:",
        "]",
        "[CQ:at,qq=1]",
        "&#91;",
        "&amp;",
        "&#44;",
        ",",
        "=",
        "&",
        "\r\n",
    ];
    let mut mutator = Mutator::new(5, &corpus, &words);
    for case in 0..CASES {
        let source = mutator.next_text();
        let segments = cq::parse(&source);
        assert!(segments.len() <= MOST_SEGMENTS + 1, "case {case}");
        assert_eq!(
            said(&cq::parse(&escaped(&source))),
            one_line_end(source),
            "case {case}"
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('[', "&#91;")
        .replace(']', "&#93;")
}

fn said(segments: &[Segment]) -> String {
    let text = |segment: &Segment| match segment {
        Segment::Text { text } => text.clone(),
        other => panic!("{other:?} came out of text"),
    };
    segments.iter().map(text).collect()
}

//! 20,000 hostile streams and bodies (I-28): no panic, the same reading wherever a stream is cut, no answer and no
//! usage out of nothing.

use serde_json::{Value, json};
use teahouse_testkit::mutate::Mutator;

use crate::decode::read_recorded;
use crate::sse::{Event, Parser};

const CASES: usize = 20_000;
const PROVIDERS: [&str; 5] = [
    "openai",
    "openai-responses",
    "anthropic",
    "gemini",
    "ollama",
];
const WORDS: [&str; 16] = [
    "data:",
    "data: ",
    "data: [DONE]\n\n",
    ": ping\n\n",
    "event: error\n",
    "\r",
    "\r\n",
    "\n\n",
    "\u{feff}",
    "\"choices\":[",
    "\"content\":null",
    "\"finish_reason\":\"stop\"",
    "\"usage\":{",
    "\"error\":{\"code\":\"1113\"}",
    "\\ud83d",
    "NaN",
];

fn corpus() -> Vec<Vec<u8>> {
    let bodies = [
        "data: {\"choices\":[{\"delta\":{\"content\":\"<think>hm</think>茶\"}}]}\n\n\
         data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n\
         data: [DONE]\n\n",
        ": keep-alive\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"Tea \"}}]}\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"is red.\"}}]}\r\n\r\n",
        "{\"choices\":[{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"x\"}]},\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":\"2\"}}",
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9}}}\n\n\
         event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"Tea.\"}}\n\n\
         event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\n",
        "{\"content\":[{\"type\":\"text\",\"text\":\"Tea.\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":9,\"output_tokens\":2}}",
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Tea.\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":2}}",
        "{\"message\":{\"content\":\"Te\"},\"done\":false}\n{\"message\":{\"content\":\"a.\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":5,\"eval_count\":2}\n",
        "{\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"Tea.\"}]}],\"status\":\"completed\",\"usage\":{\"input_tokens\":4,\"output_tokens\":2}}",
        "{\"error\":{\"code\":\"1113\",\"message\":\"no money\"}}",
    ];
    bodies.map(|body| body.as_bytes().to_vec()).into()
}

/// What a stream says, and whether it was refused.
fn events<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> (Vec<String>, bool) {
    let (mut parser, mut out) = (Parser::default(), Vec::new());
    for piece in pieces {
        let mut each = |event: Event<'_>| match event {
            Event::Data(data) => out.push(data.to_owned()),
            Event::KeepAlive => out.push(":".to_owned()),
        };
        if parser.push(piece, &mut each).is_err() {
            return (out, true);
        }
    }
    (out, false)
}

#[test]
fn any_stream_reads_the_same_wherever_it_is_cut() {
    let corpus = corpus();
    let mut mutator = Mutator::new(13, &corpus, &WORDS);
    for case in 0..CASES {
        let stream = mutator.next_case();
        let whole = events([stream.as_slice()]);
        let told: usize = whole.0.iter().map(String::len).sum();
        // A byte that is no text is shown by three.
        assert!(told <= 3 * stream.len(), "case {case}");
        let (mut rest, mut pieces) = (stream.as_slice(), Vec::new());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((1 + mutator.below(40)).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        assert_eq!(events(pieces), whole, "case {case}");
    }
}

#[test]
fn no_body_panics_or_says_more_than_it_holds() {
    let corpus = corpus();
    let mut mutator = Mutator::new(17, &corpus, &WORDS);
    for case in 0..CASES {
        let body = mutator.next_text();
        let provider = PROVIDERS[mutator.below(PROVIDERS.len())];
        let status = [200, 200, 200, 400, 429, 503][mutator.below(6)];
        let line = json!({"id": case, "status": status, "body": body}).to_string();
        let read = read_recorded(provider, &line, 1);
        let text = read["text"].as_str().expect("a text, if an empty one");
        assert!(
            text.len() <= 3 * body.len(),
            "case {case}: {} bytes",
            text.len()
        );
        for number in ["prompt_tokens", "completion_tokens"] {
            let number = &read["usage"][number];
            assert!(
                matches!(number, Value::Null) || number.is_u64(),
                "case {case}: {number}"
            );
        }
    }
}

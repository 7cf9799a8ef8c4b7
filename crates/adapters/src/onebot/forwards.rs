//! Bundles of forwarded messages, opened: every word in them, with the names they are given, for the rules to look at.
//! Names there are text and nobody's identity. Bounded in depth, in messages and in calls.

use serde_json::Value;

use super::{OneBot, ROLE_LIMIT, encode};
use crate::AdapterError;

/// Bundles in bundles are opened so deep, …
const DEEPEST: usize = 4;
/// … and so many messages of all of them are read, …
const MOST_MESSAGES: usize = 200;
/// … with so many calls.
const MOST_CALLS: usize = 8;
/// A message's words are read so far, in characters.
const LONGEST: usize = 4_000;

/// What was read so far, and what is still to be opened.
#[derive(Default)]
struct Reading {
    words: Vec<String>,
    messages: usize,
    /// Bundles that came by their handle alone, with their depth.
    closed: Vec<(String, usize)>,
}

impl OneBot {
    /// The words of a bundle.
    pub(super) async fn open_bundle(&self, bundle: &str) -> Result<Vec<String>, AdapterError> {
        let mut reading = Reading {
            closed: vec![(bundle.to_owned(), 1)],
            ..Reading::default()
        };
        for _ in 0..MOST_CALLS {
            let Some((bundle, depth)) = reading.closed.pop() else {
                break;
            };
            let call = encode::forwarded(&bundle);
            // What a bridge cannot open, nobody sees there either.
            let Ok(data) = self.ask(&call, ROLE_LIMIT).await? else {
                continue;
            };
            if let Ok(data) = serde_json::from_str::<Value>(data.get()) {
                reading.nodes(&data["messages"], depth);
            }
        }
        Ok(reading.words)
    }
}

impl Reading {
    fn nodes(&mut self, nodes: &Value, depth: usize) {
        for node in nodes.as_array().into_iter().flatten() {
            if self.messages >= MOST_MESSAGES {
                return;
            }
            self.messages += 1;
            // NapCat and LLBot give whole messages, Lagrange and go-cqhttp nodes of their own.
            let data = node.get("data").unwrap_or(node);
            for name in [
                &data["sender"]["nickname"],
                &data["sender"]["card"],
                &data["nickname"],
                &data["name"],
            ] {
                self.word(name);
            }
            let content = match data.get("message") {
                Some(message) if !message.is_null() => message,
                _ => &data["content"],
            };
            self.content(content, depth);
        }
    }

    fn content(&mut self, content: &Value, depth: usize) {
        self.word(content);
        for segment in content.as_array().into_iter().flatten() {
            let data = &segment["data"];
            match segment["type"].as_str() {
                Some("text") => self.word(&data["text"]),
                Some("node") => self.nodes(&Value::from(vec![segment.clone()]), depth + 1),
                Some("forward") if depth < DEEPEST => match data.get("content") {
                    Some(inside) if inside.is_array() => self.nodes(inside, depth + 1),
                    _ => {
                        let id = data.get("id").or_else(|| data.get("message_id"));
                        if let Some(id) = id.and_then(Value::as_str) {
                            self.closed.push((id.to_owned(), depth + 1));
                        }
                    }
                },
                Some("json" | "xml" | "share" | "music" | "markdown") => {
                    for value in data
                        .as_object()
                        .into_iter()
                        .flatten()
                        .map(|(_, value)| value)
                    {
                        self.word(value);
                    }
                }
                Some("file") => self.word(&data["file"]),
                Some(_) | None => {}
            }
        }
    }

    fn word(&mut self, value: &Value) {
        if let Some(text) = value.as_str().filter(|text| !text.trim().is_empty()) {
            self.words.push(text.chars().take(LONGEST).collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(messages: &Value) -> Reading {
        let mut reading = Reading::default();
        reading.nodes(messages, 1);
        reading
    }

    #[test]
    fn bad_022_a_bundle_is_read_four_deep_two_hundred_messages_far_and_its_names_are_words() {
        let text = |words: &str| json!([{"type": "text", "data": {"text": words}}]);
        let napcat = json!([{"sender": {"nickname": "owner (really)"}, "message": text("one")}]);
        assert_eq!(read(&napcat).words, ["owner (really)", "one"]);
        let lagrange =
            json!([{"type": "node", "data": {"nickname": "lin", "content": text("two")}}]);
        assert_eq!(read(&lagrange).words, ["lin", "two"]);
        let plain = json!([{"content": "three"}]);
        assert_eq!(read(&plain).words, ["three"]);

        let mut deep = json!([{"content": text("level 6")}]);
        for level in (1..6).rev() {
            let inside = json!({"type": "forward", "data": {"id": "x", "content": deep}});
            deep = json!([{"content": [{"type": "text", "data": {"text": format!("level {level}")}}, inside]}]);
        }
        assert_eq!(
            read(&deep).words,
            ["level 1", "level 2", "level 3", "level 4"]
        );

        let many: Vec<Value> = (0..1_000)
            .map(|n| json!({"content": format!("m{n}")}))
            .collect();
        assert_eq!(read(&Value::from(many)).words.len(), 200);

        let by_handle = json!([{"message": [{"type": "forward", "data": {"id": "inner"}}]}]);
        assert_eq!(read(&by_handle).closed, [("inner".to_owned(), 2)]);
        for hostile in [
            json!(null),
            json!("x"),
            json!([1, null, [], {"message": {}}]),
        ] {
            assert!(read(&hostile).words.is_empty(), "{hostile}");
        }
    }
}

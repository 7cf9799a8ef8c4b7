//! One recorded frame → one JSON object for `teahouse decode`: the event in the house's words, and under `more`
//! every field that has none. Loses nothing, fails never; takes no part in the journey.

use serde_json::{Map, Value, json};
use teahouse_core::{AccountName, EventKind, SenderKind};

use super::decode::{self, DecodeError, Frame};
use super::wire::{self, WireFrame, WireId, WireSender};
use super::{PLATFORM, cq};

/// Describes the line with this number. A line that is no frame becomes `{"error": …, "line": N}`.
pub fn describe(line: &[u8], number: usize) -> Value {
    let line = line.trim_ascii();
    let broken = |why: String| json!({ "error": why, "line": number });
    if line.is_empty() {
        return broken("the line is blank".into());
    }
    let account = AccountName::new("");
    let frame = decode::decode(line, &account);
    let line = &*wire::whole_characters(line);
    if let Err(error) = &frame
        && error.is_noise()
    {
        return broken(error.to_string());
    }
    let parsed = (
        serde_json::from_slice::<WireFrame<'_>>(line),
        serde_json::from_slice::<Map<String, Value>>(line),
    );
    let (Ok(wire), Ok(fields)) = parsed else {
        return broken(DecodeError::NotJson.to_string());
    };
    let mut reading = Reading {
        wire: &wire,
        said: Map::new(),
        rest: fields,
    };
    match frame {
        Ok(Frame::Response(_)) => reading.response(),
        Ok(Frame::Event { event, .. }) => {
            reading.event(name(&event.kind, wire.post_type.text()));
            reading.particulars(&event.kind);
        }
        Ok(Frame::Other) => reading.event("other"),
        Err(error) => {
            reading.event(match wire.post_type.text() {
                "message" => "message",
                "message_sent" => "message_sent",
                _ => "other",
            });
            reading.say("ignored", error.to_string());
        }
    }
    reading.finish()
}

fn name(kind: &EventKind, post_type: &str) -> &'static str {
    match kind {
        EventKind::Message(message) => match message.sender.kind {
            SenderKind::Ourselves => "message_sent",
            SenderKind::Person | SenderKind::Bot | SenderKind::Anonymous => "message",
        },
        EventKind::Recall { .. } => "recall",
        EventKind::MemberJoined { .. } => "member_joined",
        EventKind::MemberLeft { .. } => "member_left",
        EventKind::RoleChanged { .. } => "role_changed",
        EventKind::Muted { .. } => "muted",
        EventKind::Account { .. } => "account",
        EventKind::Other { .. } if post_type == "request" => "request",
        EventKind::Other { .. } => "other",
    }
}

/// What was said of a frame so far, and what is still unsaid.
struct Reading<'a> {
    wire: &'a WireFrame<'a>,
    said: Map<String, Value>,
    rest: Map<String, Value>,
}

impl Reading<'_> {
    fn say(&mut self, word: &str, value: impl Into<Value>) {
        self.said.insert(word.into(), value.into());
    }

    fn response(&mut self) {
        self.say("event", "response");
        self.say("platform", PLATFORM);
        for word in ["echo", "status", "retcode", "data"] {
            if let Some(value) = self.rest.remove(word) {
                self.said.insert(word.into(), value);
            }
        }
        // The number also stays in `data`, as it came.
        let message = self.said.get("data").map(|data| data["message_id"].clone());
        if let Some(id) = message.as_ref().and_then(scalar) {
            self.say("message_id", id);
        }
    }

    fn event(&mut self, event: &str) {
        let wire = self.wire;
        self.say("event", event);
        self.say("platform", PLATFORM);
        let kind = decode::raw_kind(wire);
        self.say("raw_kind", if kind.is_empty() { "unknown" } else { &kind });
        let detail = match wire.post_type.text() {
            "message" | "message_sent" => "message_type",
            "notice" => "notice_type",
            "request" => "request_type",
            _ => "meta_event_type",
        };
        self.rest.remove("post_type");
        self.rest.remove(detail);
        if wire.notice_type.text() == "notify" {
            self.rest.remove("sub_type");
        }
        // The number stays under `more`: it is what other programs compare.
        if let Some(time) = decode::time(wire) {
            self.say("time", time.to_string());
        }
        self.id("account", "self_id", wire.self_id.party());
        self.id("message_id", "message_id", wire.message_id.label());
        self.id("operator", "operator_id", wire.operator_id.somebody());
        if let Some(sequence) = decode::sequence(wire) {
            for (field, id) in [
                ("real_seq", &wire.real_seq),
                ("message_seq", &wire.message_seq),
            ] {
                if id.label() == Some(sequence.as_str()) {
                    self.rest.remove(field);
                }
            }
            self.say("sequence", sequence.as_str());
        }
        self.place();
        self.member();
        self.id("target", "target_id", wire.target_id.somebody());
        self.message();
    }

    fn id(&mut self, word: &str, field: &str, id: Option<&str>) {
        if let Some(id) = id {
            self.rest.remove(field);
            self.say(word, id);
        }
    }

    /// Where it happened: a group where one is named, a direct chat only where the frame says private.
    fn place(&mut self) {
        let wire = self.wire;
        let is_private =
            wire.message_type.text() == "private" || wire.notice_type.text() == "friend_recall";
        if !is_private {
            if let Some(group) = wire.group_id.somebody() {
                self.id("chat", "group_id", Some(group));
                self.say("room_kind", "group");
            }
            return;
        }
        let user = wire.user_id.party();
        let is_ours = user.is_some()
            && (user == wire.self_id.party() || wire.post_type.text() == "message_sent");
        let peer = if is_ours {
            wire.target_id.party()
        } else {
            user
        };
        if let Some(peer) = peer {
            self.say("chat", peer);
        }
        // A stranger writes through a group that both are in.
        self.id("through", "group_id", wire.group_id.somebody());
        self.say("room_kind", "direct");
    }

    fn member(&mut self) {
        let wire = self.wire;
        let mut member = Map::new();
        if let Some(id) = wire.user_id.somebody() {
            self.rest.remove("user_id");
            member.insert("id".into(), id.into());
        }
        if wire::is_object(wire.sender)
            && let Some(Value::Object(mut sender)) = self.rest.remove("sender")
        {
            let read = WireSender::read(wire.sender);
            let named = match read.card.filled() {
                Some(card) => Some(("card", card)),
                None => read
                    .nickname
                    .filled()
                    .map(|nickname| ("nickname", nickname)),
            };
            if let Some((field, name)) = named {
                member.insert("name".into(), name.into());
                sender.remove(field);
            }
            if decode::role(read.role.text()).is_some() {
                member.insert("role".into(), read.role.text().into());
                sender.remove("role");
            }
            if same_id(sender.get("user_id"), &wire.user_id) {
                sender.remove("user_id");
            }
            if !sender.is_empty() {
                member.insert("more".into(), sender.into());
            }
        }
        if !member.is_empty() {
            self.say("member", member);
        }
    }

    fn message(&mut self) {
        let is_message = matches!(self.wire.post_type.text(), "message" | "message_sent");
        let segments = match self.rest.get("message") {
            Some(Value::Array(list)) if is_message => list.iter().map(segment).collect(),
            Some(lone @ Value::Object(_)) if is_message => vec![segment(lone)],
            Some(Value::String(text)) if is_message => {
                let segments: Vec<Value> = cq::parse(text)
                    .iter()
                    .filter_map(|segment| serde_json::to_value(segment).ok())
                    .collect();
                // A string with codes or escapes in it also stays as it came.
                if words(&segments) != *text {
                    let text = text.clone();
                    self.rest.insert("message_as_sent".into(), text.into());
                }
                segments
            }
            _ => return,
        };
        self.rest.remove("message");
        let reply_to = segments
            .iter()
            .find(|segment| segment["type"] == "quote")
            .map(|segment| segment["data"]["message"].clone());
        if let Some(reply_to) = reply_to {
            self.say("reply_to", reply_to);
        }
        self.say("text", words(&segments));
        self.say("segments", segments);
    }

    fn particulars(&mut self, kind: &EventKind) {
        match kind {
            EventKind::Message(message) => {
                if let Some(Value::Object(member)) = self.said.get_mut("member") {
                    member.insert("kind".into(), json!(message.sender.kind));
                }
            }
            EventKind::RoleChanged { role, .. } => self.say("role", json!(role)),
            EventKind::Muted { seconds, .. } => self.say("seconds", *seconds),
            EventKind::Account { online } => self.say("online", *online),
            EventKind::Recall { .. }
            | EventKind::MemberJoined { .. }
            | EventKind::MemberLeft { .. }
            | EventKind::Other { .. } => {}
        }
    }

    fn finish(mut self) -> Value {
        if !self.rest.is_empty() {
            self.said.insert("more".into(), self.rest.into());
        }
        self.said.into()
    }
}

fn same_id(value: Option<&Value>, id: &WireId<'_>) -> bool {
    value
        .and_then(scalar)
        .is_some_and(|text| id.label() == Some(&text))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn words(segments: &[Value]) -> String {
    segments
        .iter()
        .filter(|segment| segment["type"] == "text")
        .filter_map(|segment| segment["data"]["text"].as_str())
        .collect()
}

/// One segment in our words, with what a text carries besides its words, and what stood beside its data.
fn segment(sent: &Value) -> Value {
    let Value::Object(sent) = sent else {
        return match sent {
            Value::String(text) => json!({ "type": "text", "data": { "text": text } }),
            odd => json!({ "type": "unsupported", "data": { "kind": "", "fields": odd } }),
        };
    };
    let kind = sent.get("type").and_then(Value::as_str).unwrap_or_default();
    let mut data = match sent.get("data") {
        Some(Value::Object(data)) => data.clone(),
        Some(Value::Null) | None => Map::new(),
        Some(odd) => Map::from_iter([("data".to_owned(), odd.clone())]),
    };
    let segment = wire::segment(kind, data.clone());
    let mut shown = serde_json::to_value(segment).unwrap_or_default();
    if shown["type"] == "text"
        && let Some(Value::Object(said)) = shown.get_mut("data")
    {
        data.remove("text");
        said.append(&mut data);
    }
    let beside: Map<String, Value> = sent
        .iter()
        .filter(|(key, value)| {
            !matches!(key.as_str(), "type" | "data") || key.as_str() == "type" && !value.is_string()
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !beside.is_empty() {
        shown["more"] = beside.into();
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::PathBuf;

    use super::*;

    fn fixtures() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/onebot")
    }

    /// The lines of each `NAME.jsonl`, with those of `NAME.golden.jsonl` beside it.
    fn files() -> BTreeMap<String, (Option<String>, Option<String>)> {
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(fixtures()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            if let Some(name) = name.strip_suffix(".golden.jsonl") {
                let pair: &mut (_, Option<String>) = files.entry(name.to_owned()).or_default();
                pair.1 = Some(text);
            } else if let Some(name) = name.strip_suffix(".jsonl") {
                let pair: &mut (Option<String>, _) = files.entry(name.to_owned()).or_default();
                pair.0 = Some(text);
            } else {
                panic!("fixture {name} is read by no test");
            }
        }
        files
    }

    #[test]
    fn every_recorded_frame_has_its_golden_reading() {
        for (name, (frames, golden)) in files() {
            let frames = frames.unwrap_or_else(|| panic!("{name}.golden.jsonl has no frames"));
            let readings: String = frames
                .lines()
                .zip(1..)
                .map(|(line, number)| format!("{}\n", describe(line.as_bytes(), number)))
                .collect();
            if golden.as_deref() != Some(&readings) {
                let new = fixtures().join(format!("{name}.golden.jsonl"));
                if std::env::var_os("TEAHOUSE_BLESS").is_some() {
                    std::fs::write(new, &readings).unwrap();
                    continue;
                }
                panic!(
                    "{name}: the readings changed; look at them, then run again with TEAHOUSE_BLESS=1\n{readings}"
                );
            }
        }
    }

    /// Every scalar of the frame is somewhere in its reading, as itself or in the dotted kind.
    #[test]
    fn a_reading_loses_nothing() {
        for (name, (frames, _)) in files() {
            for line in frames.unwrap_or_default().lines() {
                let Ok(frame @ Value::Object(_)) = serde_json::from_str::<Value>(line) else {
                    continue;
                };
                let reading = describe(line.as_bytes(), 1);
                let kind = reading["raw_kind"].as_str().unwrap_or_default().to_owned();
                let mut kept: BTreeSet<String> = kind.split('.').map(str::to_owned).collect();
                scalars(&reading, &mut kept);
                for (ours, theirs) in [
                    ("mention", "at"),
                    ("mention-all", "at"),
                    ("quote", "reply"),
                    ("voice", "record"),
                ] {
                    if kept.contains(ours) {
                        kept.insert(theirs.to_owned());
                    }
                }
                let mut sent = BTreeSet::new();
                scalars(&frame, &mut sent);
                let lost: Vec<_> = sent.difference(&kept).collect();
                assert!(
                    lost.is_empty(),
                    "{name}: {lost:?} of {line}\nis not in {reading}"
                );
            }
        }
    }

    /// I-28: no input panics. The same 20,000 mutants on every run.
    #[test]
    fn no_mutant_of_a_frame_panics() {
        const SHARP: &[u8] = b"{}[]\",:\\u0d8-e&;";
        let lines: Vec<String> = files()
            .into_values()
            .filter_map(|(frames, _)| frames)
            .flat_map(|frames| frames.lines().map(str::to_owned).collect::<Vec<_>>())
            .filter(|line| !line.is_empty())
            .collect();
        let mut chance: u64 = 0x7ea4_0055;
        let mut next = |most: usize| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            usize::try_from(chance >> 33).unwrap() % most
        };
        for number in 0..20_000 {
            let mut line = lines[next(lines.len())].clone().into_bytes();
            for _ in 0..=next(3) {
                let at = next(line.len());
                match next(5) {
                    0 => line[at] = SHARP[next(SHARP.len())],
                    1 => drop(line.remove(at)),
                    2 => line.truncate(at.max(1)),
                    3 => line.splice(at..at, *b"\\ud83d").for_each(drop),
                    _ => {
                        let from = next(line.len());
                        let piece = line[from..].to_vec();
                        line.splice(at..at, piece).for_each(drop);
                    }
                }
                if line.is_empty() {
                    line.push(b'{');
                }
            }
            assert!(describe(&line, number).is_object());
        }
    }

    fn scalars(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Array(list) => list.iter().for_each(|value| scalars(value, into)),
            Value::Object(map) => map.values().for_each(|value| scalars(value, into)),
            Value::String(text) => {
                into.insert(text.replace("\r\n", "\n").replace('\r', "\n"));
            }
            Value::Bool(_) | Value::Number(_) => {
                into.insert(value.to_string());
            }
            // An empty value says nothing.
            Value::Null => {}
        }
    }
}

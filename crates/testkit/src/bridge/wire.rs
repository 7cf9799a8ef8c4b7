//! The four flavours' JSON: ids, events, answers, CQ codes. Pure functions of their arguments.
//! What each really sends is from their sources (docs/protocol/onebot.md); nothing here decides what happens.

use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::http::{Request, StatusCode};

use super::qq::{Chat, Line};

/// Whose habits a bridge has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// The usual choice. Ids are 31-bit and forgotten at a restart; `message_seq` is the id again.
    NapCat,
    /// Once LLOneBot. Ids may be negative and last.
    LlBot,
    /// Ended, still met. Ids are not qualified by chat; failures carry no text; own messages come as `message`.
    LagrangeV1,
    /// Frozen. CQ strings, `Token` instead of `Bearer`.
    GoCqhttp,
}

impl Flavour {
    pub(super) fn user_agent(self) -> &'static str {
        match self {
            Flavour::NapCat => "OneBot/11",
            Flavour::LlBot => "LLOneBot/8.1.7",
            Flavour::LagrangeV1 => "Lagrange.OneBot",
            Flavour::GoCqhttp => "CQHttp/4.15.0",
        }
    }

    pub(super) fn authorization(self, token: &str) -> Option<String> {
        match self {
            // Both always send the header, so an empty token arrives as "Bearer ".
            Flavour::NapCat | Flavour::LlBot => Some(format!("Bearer {token}")),
            Flavour::LagrangeV1 => (!token.is_empty()).then(|| format!("Bearer {token}")),
            Flavour::GoCqhttp => (!token.is_empty()).then(|| format!("Token {token}")),
        }
    }

    /// With which status a listening bridge turns a client away before the upgrade.
    pub(super) fn refuses_upgrade(self, token: &str, given: Option<&str>) -> Option<StatusCode> {
        if token.is_empty() || given == Some(token) {
            return None;
        }
        match self {
            Flavour::NapCat | Flavour::LlBot => None,
            Flavour::LagrangeV1 => Some(StatusCode::FORBIDDEN),
            Flavour::GoCqhttp => Some(if given.is_none() {
                StatusCode::UNAUTHORIZED
            } else {
                StatusCode::FORBIDDEN
            }),
        }
    }

    /// What a listening bridge uses a path for: events, calls. None: it hangs up.
    pub(super) fn lane(self, path: &str) -> Option<(bool, bool)> {
        match (self, path) {
            (_, "/" | "") => Some((true, true)),
            (_, "/api") => Some((false, true)),
            (Flavour::NapCat, _) => Some((true, true)),
            (_, "/event") => Some((true, false)),
            // Connected but deaf.
            (Flavour::LlBot, _) => Some((false, false)),
            (Flavour::LagrangeV1, _) => Some((true, true)),
            (Flavour::GoCqhttp, _) => None,
        }
    }

    pub(super) fn version(self) -> Value {
        let (name, version) = match self {
            Flavour::NapCat => ("NapCat.Onebot", "4.18.13"),
            Flavour::LlBot => ("LLOneBot", "8.1.7"),
            Flavour::LagrangeV1 => ("Lagrange.OneBot", "0.0.3"),
            Flavour::GoCqhttp => ("go-cqhttp", "v1.2.0"),
        };
        json!({"app_name": name, "app_version": version, "protocol_version": "v11"})
    }

    /// The id that a bridge of this flavour and account gives to a message.
    pub(super) fn message_id(self, self_id: i64, chat: Chat, seq: i64) -> i64 {
        let (kind, peer) = match chat {
            Chat::Group(group) => (2_u64, group),
            Chat::Private { account, peer } => (1, account.wrapping_mul(31).wrapping_add(peer)),
        };
        let place = mix(kind).wrapping_add(mix(peer.cast_unsigned()));
        match self {
            // md5(msgId|chatType|peer), top bit cleared; msgId differs by account.
            Flavour::NapCat => {
                let hash = mix(place
                    ^ mix(seq.cast_unsigned())
                    ^ mix(self_id.cast_unsigned()).rotate_left(17));
                i64::from(low32(hash) & 0x7fff_ffff)
            }
            // md5 of chatType-peer-seq-random.
            Flavour::LlBot => i64::from(low32(mix(place ^ seq.cast_unsigned())).cast_signed()),
            // (seq & 0xffff) << 16 | (msgId & 0xffff), not qualified by chat: here two groups' n-th messages do share an id.
            Flavour::LagrangeV1 => {
                let low = low32(mix(seq.cast_unsigned())) & 0xffff;
                let high = low32(seq.cast_unsigned()) << 16;
                i64::from((high | low).cast_signed())
            }
            Flavour::GoCqhttp => {
                let peer = match chat {
                    Chat::Group(group) => group,
                    Chat::Private { peer, .. } => peer,
                };
                i64::from(crc32(format!("{peer}-{seq}").as_bytes()).cast_signed())
            }
        }
    }

    /// Whether `message` is a CQ string unless told otherwise.
    pub(super) fn writes_strings(self) -> bool {
        self == Flavour::GoCqhttp
    }

    /// The answer to an action that worked.
    pub(super) fn ok(self, data: &Value, echo: Option<&Value>) -> Value {
        self.frame("ok", 0, data, "", "", echo)
    }

    /// Accepted, outcome unknown.
    pub(super) fn accepted(self, echo: Option<&Value>) -> Value {
        self.frame("async", 1, &Value::Null, "", "", echo)
    }

    /// The answer to an action that threw: 1200 and the text, 200 and nothing, 100 and a code word.
    pub(super) fn threw(self, text: &str, echo: Option<&Value>) -> Value {
        match self {
            Flavour::NapCat | Flavour::LlBot => self.failed(1200, text, echo),
            Flavour::LagrangeV1 => self.failed(200, text, echo),
            Flavour::GoCqhttp => self.coded("SEND_MSG_API_ERROR", text, echo),
        }
    }

    /// go-cqhttp's failures have a code word beside their text.
    pub(super) fn coded(self, code: &str, text: &str, echo: Option<&Value>) -> Value {
        self.frame("failed", 100, &Value::Null, code, text, echo)
    }

    pub(super) fn unknown_action(self, action: &str, echo: Option<&Value>) -> Value {
        match self {
            Flavour::NapCat | Flavour::LlBot => {
                self.failed(1404, &format!("不支持的Api {action}"), echo)
            }
            Flavour::LagrangeV1 => self.failed(404, "", echo),
            Flavour::GoCqhttp => self.frame(
                "failed",
                1404,
                &Value::Null,
                "API_NOT_FOUND",
                "API不存在",
                echo,
            ),
        }
    }

    /// The answer to a frame that is no JSON, or none.
    pub(super) fn unreadable(self) -> Option<Value> {
        match self {
            Flavour::NapCat => {
                Some(self.failed(1400, "json解析失败,请检查数据格式", Some(&Value::Null)))
            }
            Flavour::LlBot => Some(self.failed(1400, "json解析失败，请检查数据格式", None)),
            Flavour::LagrangeV1 | Flavour::GoCqhttp => None,
        }
    }

    pub(super) fn failed(self, retcode: i64, text: &str, echo: Option<&Value>) -> Value {
        self.frame("failed", retcode, &Value::Null, text, text, echo)
    }

    fn frame(
        self,
        status: &str,
        retcode: i64,
        data: &Value,
        message: &str,
        wording: &str,
        echo: Option<&Value>,
    ) -> Value {
        let mut frame = json!({"status": status, "retcode": retcode, "data": data});
        match self {
            Flavour::NapCat => {
                frame["message"] = message.into();
                frame["wording"] = wording.into();
                // A missing echo is filled with "".
                frame["echo"] = echo.cloned().unwrap_or_else(|| "".into());
                frame["stream"] = "normal-action".into();
            }
            Flavour::LlBot => {
                frame["message"] = message.into();
                frame["wording"] = wording.into();
                if let Some(echo) = echo {
                    frame["echo"] = echo.clone();
                }
            }
            // No text at all, ever.
            Flavour::LagrangeV1 => frame["echo"] = echo.cloned().unwrap_or(Value::Null),
            Flavour::GoCqhttp => {
                frame["message"] = message.into();
                if status == "failed" {
                    frame["msg"] = message.into();
                    frame["wording"] = wording.into();
                }
                if let Some(echo) = echo {
                    frame["echo"] = echo.clone();
                }
            }
        }
        frame
    }

    /// The words for a send that the kernel refused.
    pub(super) fn refusal(self, result: i64, text: &str, echo: Option<&Value>) -> Value {
        match self {
            Flavour::NapCat => self.threw(
                &nt_event(
                    "EventChecker Failed",
                    &json!({"result": result, "errMsg": text}),
                ),
                echo,
            ),
            Flavour::LlBot => self.threw(&format!("发送消息失败 (code={result}): {text}"), echo),
            Flavour::LagrangeV1 => self.failed(result, "", echo),
            Flavour::GoCqhttp => self.threw("send group message failed: blocked by server", echo),
        }
    }

    /// The words for a send of which the bridge has heard no more.
    pub(super) fn send_timeout(self, echo: Option<&Value>) -> Value {
        match self {
            Flavour::NapCat => self.threw(
                &nt_event("Timeout", &json!({"result": 0, "errMsg": ""})),
                echo,
            ),
            Flavour::LlBot => self.threw("发送消息超时", echo),
            Flavour::LagrangeV1 => self.failed(9000, "", echo),
            Flavour::GoCqhttp => self.threw("send group message failed: blocked by server", echo),
        }
    }
}

impl Flavour {
    /// The words for a recall, mute or removal of which the bridge has heard no more.
    pub(super) fn effect_timeout(self, action: &str, echo: Option<&Value>) -> Value {
        let method = match action {
            "delete_msg" => "NodeIKernelMsgService/recallMsg",
            "set_group_ban" => "NodeIKernelGroupService/setMemberShutUp",
            _ => "NodeIKernelGroupService/kickMember",
        };
        match self {
            Flavour::NapCat => self.threw(
                &format!("Timeout: NTEvent serviceAndMethod:{method} EventRet:\n{{}}\n"),
                echo,
            ),
            Flavour::LlBot => self.threw("操作超时", echo),
            Flavour::LagrangeV1 => self.threw("", echo),
            Flavour::GoCqhttp => self.coded("CALL_API_ERROR", "packet timed out", echo),
        }
    }
}

/// NapCat's own form: the result is printed over several lines after `EventRet:`.
fn nt_event(what: &str, result: &Value) -> String {
    let result = serde_json::to_string_pretty(result)
        .expect("a literal is JSON")
        .replace("\n  ", "\n    ");
    format!(
        "{what}: NTEvent serviceAndMethod:NodeIKernelMsgService/sendMsg \
         ListenerName:NodeIKernelMsgListener/onMsgInfoListUpdate EventRet:\n{result}\n"
    )
}

/// The token that a client shows, in its header or in its query.
pub(super) fn token_of(request: &Request<()>) -> Option<String> {
    let header = request
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let header = header
        .and_then(|value| value.split_once(' '))
        .map(|(_, token)| token.trim().to_owned());
    let query = request.uri().query().unwrap_or_default();
    header.or_else(|| {
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix("access_token="))
            .map(str::to_owned)
    })
}

/// Whose eyes an event is made for.
pub(super) struct View {
    pub flavour: Flavour,
    pub self_id: i64,
    pub strings: bool,
    pub clock_offset: i64,
}

/// A message as an event of this flavour. Also the shape of history and `get_msg`.
pub(super) fn message_event(
    view: &View,
    chat: Chat,
    line: &Line,
    sender: &Value,
    group_name: &str,
) -> Value {
    let id_of = |seq| view.flavour.message_id(view.self_id, chat, seq);
    let id = id_of(line.seq);
    let mut segments = Vec::with_capacity(line.segments.len() + 1);
    if let Some(quoted) = line.quote_seq {
        segments.push(json!({"type": "reply", "data": {"id": id_of(quoted).to_string()}}));
    }
    let mut nodes = line
        .segments
        .iter()
        .map(|segment| segment["type"] == "node");
    if !line.segments.is_empty() && nodes.all(|is_node| is_node) {
        // A bundle is one handle; whoever wants its words asks for them.
        segments.push(json!({"type": "forward", "data": {"id": format!("{id}{:06}", line.seq)}}));
    } else {
        segments.extend(line.segments.iter().cloned());
    }
    let raw = cq_string(&segments);
    let own = line.user_id == view.self_id;
    let mut event = json!({
        "self_id": view.self_id,
        "user_id": line.user_id,
        "time": line.time + view.clock_offset,
        "message_id": id,
        "post_type": if own && view.flavour != Flavour::LagrangeV1 { "message_sent" } else { "message" },
        "sender": sender,
        "raw_message": raw,
        "font": 14,
        "message": if view.strings { Value::String(raw.clone()) } else { Value::Array(segments) },
    });
    match chat {
        Chat::Group(group) => {
            event["message_type"] = "group".into();
            event["sub_type"] = "normal".into();
            event["group_id"] = group.into();
        }
        Chat::Private { peer, account } => {
            event["message_type"] = "private".into();
            event["sub_type"] = "friend".into();
            event["target_id"] = if own { peer } else { account }.into();
        }
    }
    match view.flavour {
        Flavour::NapCat => {
            event["message_seq"] = id.into();
            event["real_id"] = id.into();
            event["real_seq"] = line.seq.to_string().into();
            event["message_format"] = if view.strings { "string" } else { "array" }.into();
            if matches!(chat, Chat::Group(_)) {
                event["group_name"] = group_name.into();
            }
            if own {
                event["message_sent_type"] = "self".into();
                event["target_id"] = match chat {
                    Chat::Group(group) => group,
                    Chat::Private { peer, .. } => peer,
                }
                .into();
            }
        }
        Flavour::LlBot => {
            event["message_seq"] = line.seq.into();
            event["message_format"] = if view.strings { "string" } else { "array" }.into();
            if matches!(chat, Chat::Group(_)) {
                event["group_name"] = group_name.into();
            }
        }
        Flavour::LagrangeV1 => {
            event["anonymous"] = Value::Null;
            event["font"] = 0.into();
        }
        Flavour::GoCqhttp => {
            event["message_seq"] = line.seq.into();
            event["anonymous"] = Value::Null;
            event["font"] = 0.into();
        }
    }
    event
}

/// A text segment.
pub fn text(words: impl Into<String>) -> Value {
    json!({"type": "text", "data": {"text": words.into()}})
}

/// An `at` segment.
pub fn mention(user: i64) -> Value {
    json!({"type": "at", "data": {"qq": user.to_string()}})
}

/// A `reply` segment; the id is the one in [`super::Said`].
pub fn quote(message_id: i64) -> Value {
    json!({"type": "reply", "data": {"id": message_id.to_string()}})
}

/// An `image` segment.
pub fn image(url: &str) -> Value {
    json!({"type": "image", "data": {"file": "0A1B2C.png", "url": url, "sub_type": 0, "summary": "", "file_size": "2048"}})
}

/// Segments → CQ string, with its escapes.
pub(super) fn cq_string(segments: &[Value]) -> String {
    let mut out = String::new();
    for segment in segments {
        let kind = segment["type"].as_str().unwrap_or_default();
        if kind == "text" {
            out.push_str(&escape(
                segment["data"]["text"].as_str().unwrap_or_default(),
                false,
            ));
            continue;
        }
        out.push_str("[CQ:");
        out.push_str(kind);
        for (key, value) in segment["data"].as_object().into_iter().flatten() {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            out.push(',');
            out.push_str(key);
            out.push('=');
            out.push_str(&escape(&value, true));
        }
        out.push(']');
    }
    out
}

/// CQ string → segments; what is no code is text.
pub(super) fn cq_segments(string: &str) -> Vec<Value> {
    let mut segments = Vec::new();
    let mut rest = string;
    while let Some(start) = rest.find("[CQ:") {
        let Some(end) = rest[start..].find(']') else {
            break;
        };
        if start > 0 {
            segments.push(text(unescape(&rest[..start])));
        }
        let mut parts = rest[start + 4..start + end].split(',');
        let kind = parts.next().unwrap_or_default();
        let data: Map<String, Value> = parts
            .filter_map(|part| part.split_once('='))
            .map(|(key, value)| (key.to_owned(), unescape(value).into()))
            .collect();
        segments.push(json!({"type": kind, "data": data}));
        rest = &rest[start + end + 1..];
    }
    if !rest.is_empty() {
        segments.push(text(unescape(rest)));
    }
    segments
}

fn escape(text: &str, in_value: bool) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('[', "&#91;")
        .replace(']', "&#93;");
    if in_value {
        text.replace(',', "&#44;")
    } else {
        text
    }
}

fn unescape(text: &str) -> String {
    text.replace("&#44;", ",")
        .replace("&#91;", "[")
        .replace("&#93;", "]")
        .replace("&amp;", "&")
}

/// The plain words of segments; a forward's nodes one to a line.
pub(super) fn plain(segments: &[Value]) -> String {
    let mut out = String::new();
    for segment in segments {
        match segment["type"].as_str() {
            Some("text") => out.push_str(segment["data"]["text"].as_str().unwrap_or_default()),
            Some("node") => {
                if !out.is_empty() {
                    out.push('\n');
                }
                match &segment["data"]["content"] {
                    Value::String(content) => out.push_str(&plain(&cq_segments(content))),
                    Value::Array(content) => out.push_str(&plain(content)),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    out
}

/// A number from an id that may be a number or a decimal string.
pub(super) fn number(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str()?.trim().parse().ok())
}

/// A good 64-bit mixer (splitmix64's finisher): spreads small counters over the whole range.
pub(super) fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

fn low32(n: u64) -> u32 {
    u32::try_from(n & 0xffff_ffff).expect("32 bits were kept")
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_the_real_ones_make_them() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let group = Chat::Group(700_100_000);
        let ids = |flavour: Flavour| (1..2000).map(move |seq| flavour.message_id(1, group, seq));
        assert!(ids(Flavour::NapCat).all(|id| id >= 0));
        assert!(ids(Flavour::LlBot).any(|id| id < 0));
        let lagrange = |group| Flavour::LagrangeV1.message_id(1, Chat::Group(group), 40_000);
        assert_eq!(lagrange(1), lagrange(2));
        assert!(lagrange(1) < 0);
        let napcat = |account| Flavour::NapCat.message_id(account, group, 7);
        assert_ne!(napcat(1), napcat(2));
    }

    #[test]
    fn cq_codes_come_back_as_they_were() {
        let segments = vec![
            mention(5),
            text("a [b] & c, d "),
            json!({"type": "x", "data": {"k": "1,2]&"}}),
        ];
        let string = cq_string(&segments);
        assert_eq!(
            string,
            "[CQ:at,qq=5]a &#91;b&#93; &amp; c, d [CQ:x,k=1&#44;2&#93;&amp;]"
        );
        assert_eq!(cq_segments(&string), segments);
    }

    #[test]
    fn napcat_prints_the_kernels_result_over_lines() {
        let frame = Flavour::NapCat.refusal(120, "muted", Some(&json!(3)));
        let wording = frame["wording"].as_str().unwrap();
        assert!(wording.starts_with(
            "EventChecker Failed: NTEvent serviceAndMethod:NodeIKernelMsgService/sendMsg"
        ));
        let ret: Value = serde_json::from_str(wording.split_once("EventRet:").unwrap().1).unwrap();
        assert_eq!(ret["result"], 120);
    }
}

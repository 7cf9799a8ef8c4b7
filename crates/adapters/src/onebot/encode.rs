//! Step 9 of the journey: [`Outgoing`] → call, and what its answer means. Always arrays, never strings with codes in
//! them: `[CQ:at,qq=all]` in an answer stays text. Pure; whether to speak was settled long before.

use serde_json::{Value, json};
use teahouse_core::{
    ChatId, Language, MemberId, MessageId, NotSent, OutSegment, Outgoing, Receipt, RoomKind,
    SendOutcome,
};

use super::decode::{Chat, Response};
use super::quirks::{Quirks, Reaction};
use super::wire::WireId;

/// A call before it has its echo.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    pub action: &'static str,
    pub params: Value,
}

/// Why a message has no call: its chat is not one of this protocol, or not of its kind.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{chat}\" is no {} of this account", if *.kind == RoomKind::Group { "group" } else { "direct chat" })]
pub(super) struct WrongChat {
    chat: ChatId,
    kind: RoomKind,
}

/// The call that says it. The destination is the message's own address and nothing else.
pub(super) fn say(out: &Outgoing, us: &str, quirks: Quirks) -> Result<Call, WrongChat> {
    let chat = &out.address().chat;
    let (to_group, to_person, key, message) = match out.bundle() {
        Some(nodes) => (
            "send_group_forward_msg",
            "send_private_forward_msg",
            "messages",
            nodes
                .iter()
                .map(|text| node(text, us, out.language()))
                .collect(),
        ),
        None => (
            "send_group_msg",
            "send_private_msg",
            "message",
            segments(out),
        ),
    };
    match (Chat::of(chat), out.room_kind()) {
        (Some(Chat::Group(group)), RoomKind::Group) => Ok(Call {
            action: to_group,
            params: json!({ "group_id": id(&group, quirks), key: message }),
        }),
        (Some(Chat::Direct { user, through }), RoomKind::Direct) => {
            let mut params = json!({ "user_id": id(&user, quirks), key: message });
            if let Some(group) = through {
                params["group_id"] = id(&group, quirks);
            }
            Ok(Call {
                action: to_person,
                params,
            })
        }
        (Some(_) | None, kind) => Err(WrongChat {
            chat: chat.clone(),
            kind,
        }),
    }
}

/// One message of a bundle, in both spellings: NapCat and LLBot read `user_id` and `nickname`, the others `uin` and
/// `name`.
fn node(text: &str, us: &str, language: Language) -> Value {
    let name = match language {
        Language::English => "Teahouse",
        Language::Chinese => "茶馆",
    };
    json!({ "type": "node", "data": {
        "user_id": us, "uin": us, "nickname": name, "name": name,
        "content": [{ "type": "text", "data": { "text": text } }],
    } })
}

fn segments(out: &Outgoing) -> Vec<Value> {
    // A quote must come first: bridges look for it nowhere else.
    let quote = out
        .quote()
        .map(|message| json!({ "type": "reply", "data": { "id": message.as_str() } }));
    let body = out.body().iter().filter_map(|segment| match segment {
        OutSegment::Text { text } => Some(json!({ "type": "text", "data": { "text": text } })),
        OutSegment::Mention { member } => {
            Some(json!({ "type": "at", "data": { "qq": member.as_str() } }))
        }
        // It stands alone and has a call of its own.
        OutSegment::Bundle { .. } => None,
    });
    quote.into_iter().chain(body).collect()
}

/// ☕, one of the few reactions that QQ lets through: U+2615 in decimal.
const CUP: &str = "9749";

/// The call that puts a reaction on a message of a group, or takes it off.
pub(super) fn react(group: &str, message: &MessageId, on: bool, quirks: Quirks) -> Option<Call> {
    let label = label(message);
    match quirks.reaction {
        Reaction::None => None,
        Reaction::EmojiLike => Some(Call {
            action: "set_msg_emoji_like",
            params: json!({ "message_id": label, "emoji_id": CUP, "set": on }),
        }),
        Reaction::OfGroup => Some(Call {
            action: "set_group_reaction",
            params: json!({ "group_id": id(group, quirks), "message_id": label, "code": CUP, "is_add": on }),
        }),
    }
}

/// The call that reads the latest messages of a chat.
pub(super) fn history(chat: &Chat, count: usize, quirks: Quirks) -> Call {
    match chat {
        Chat::Group(group) => Call {
            action: "get_group_msg_history",
            params: json!({ "group_id": id(group, quirks), "count": count }),
        },
        Chat::Direct { user, .. } => Call {
            action: "get_friend_msg_history",
            params: json!({ "user_id": id(user, quirks), "count": count }),
        },
    }
}

/// The call that asks for one message.
pub(super) fn message(message: &MessageId) -> Call {
    Call {
        action: "get_msg",
        params: json!({ "message_id": label(message) }),
    }
}

/// A message id as bridges want it: a number where it is one.
pub(super) fn label(message: &MessageId) -> Value {
    let text = message.as_str();
    text.parse::<i64>().map_or(Value::from(text), Value::from)
}

/// The call that asks for a member's role, past the bridge's memory.
pub(super) fn role(group: &str, member: &MemberId, quirks: Quirks) -> Call {
    Call {
        action: "get_group_member_info",
        params: json!({
            "group_id": id(group, quirks),
            "user_id": id(member.as_str(), quirks),
            "no_cache": true,
        }),
    }
}

/// The call that opens a bundle of forwarded messages; bridges name its handle differently.
pub(super) fn forwarded(bundle: &str) -> Call {
    Call {
        action: "get_forward_msg",
        params: json!({ "id": bundle, "message_id": bundle }),
    }
}

/// An id as its bridge wants it; a text that no number gives back stays text.
pub(super) fn id(text: &str, quirks: Quirks) -> Value {
    if quirks.ids_are_text {
        return text.into();
    }
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => number.into(),
        Ok(_) | Err(_) => text.into(),
    }
}

/// What the answer to a send means. Where it does not say, the outcome is unknown: a second send could be a repeat.
pub(super) fn outcome(response: &Response) -> SendOutcome {
    let retcode = response.retcode.unwrap_or_default();
    let unknown = |why: &str| SendOutcome::Unknown { why: why.into() };
    match response.status.as_str() {
        "async" => unknown("the bridge will send it later"),
        "ok" | "" if retcode == 0 => match message_id(response) {
            Some(message) => SendOutcome::Sent(Receipt { message }),
            None => unknown("the bridge says ok and names no message"),
        },
        "ok" | "" if retcode == 1 => unknown("the bridge will send it later"),
        "ok" => unknown("the bridge says ok and gives an error number"),
        _ if retcode == 1 => unknown("the bridge will send it later"),
        _ => failure(retcode, response),
    }
}

fn message_id(response: &Response) -> Option<MessageId> {
    #[derive(serde::Deserialize)]
    struct Data<'a> {
        #[serde(borrow, default)]
        message_id: WireId<'a>,
    }
    let data = response.data.as_deref()?;
    let data: Data<'_> = serde_json::from_str(data.get()).ok()?;
    data.message_id
        .label()
        .filter(|id| !matches!(*id, "0" | "-1"))
        .map(MessageId::new)
}

fn failure(retcode: i64, response: &Response) -> SendOutcome {
    const GONE: i64 = 110;
    const MUTED: i64 = 120;
    let words = response.words.as_str();
    let refused_by_kernel = words.contains(REFUSED_BY_KERNEL);
    if timed_out(words) {
        return SendOutcome::Unknown { why: short(words) };
    }
    let number = if refused_by_kernel {
        words
            .split_once("EventRet:")
            .and_then(|(_, json)| number_after(json, "\"result\""))
    } else {
        // LLBot: 发送消息失败 (code=120): …; Lagrange gives QQ's own number and no words.
        number_after(words, "code").or(Some(retcode))
    };
    SendOutcome::NotSent(match number {
        Some(GONE) => NotSent::Gone,
        Some(MUTED) => NotSent::Muted,
        _ if response.code == "GROUP_NOT_FOUND" => NotSent::Gone,
        _ => NotSent::Refused {
            why: format!("{retcode} {}", short(words)).trim_end().to_owned(),
        },
    })
}

/// NapCat's word for a no of QQ's own client.
const REFUSED_BY_KERNEL: &str = "EventChecker Failed";

/// Whether these words say that the bridge knows no more: NapCat and LLBot wait for QQ's echo, and without it the thing
/// may be done all the same.
pub(super) fn timed_out(words: &str) -> bool {
    let lower = words.to_lowercase();
    let mut signs = ["timeout", "timed out", "超时"].iter();
    signs.any(|word| lower.contains(word)) && !words.contains(REFUSED_BY_KERNEL)
}

/// The whole number that follows a word and one sign such as `:` or `=`.
fn number_after(text: &str, word: &str) -> Option<i64> {
    let (_, rest) = text.split_once(word)?;
    let rest = rest.trim_start().strip_prefix([':', '='])?.trim_start();
    let end = rest
        .char_indices()
        .find(|&(at, c)| !(c.is_ascii_digit() || at == 0 && c == '-'))
        .map_or(rest.len(), |(at, _)| at);
    rest[..end].parse().ok()
}

pub(super) fn short(words: &str) -> String {
    words
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onebot::decode::{Frame, decode};
    use crate::onebot::quirks;
    use teahouse_core::rules::judge::Rules;
    use teahouse_core::{AccountName, Address, Draft, GateVerdict, Source, pass};

    fn outgoing(
        chat: &str,
        room_kind: RoomKind,
        quote: Option<&str>,
        body: Vec<OutSegment>,
    ) -> Outgoing {
        let verdict = pass(
            Draft {
                address: Address {
                    account: AccountName::new("qq"),
                    chat: ChatId::new(chat),
                },
                room_kind,
                quote: quote.map(MessageId::new),
                body,
                source: Source::House,
                language: Language::English,
                joined: None,
                fleeting: false,
            },
            &Rules::none(Language::English),
            "",
        );
        match verdict {
            GateVerdict::Pass(outgoing) => outgoing,
            GateVerdict::Withhold { why, .. } => panic!("{why}"),
        }
    }

    fn text(text: &str) -> Vec<OutSegment> {
        vec![OutSegment::Text { text: text.into() }]
    }

    fn check(out: &Outgoing, quirks: Quirks, expected: &str) {
        let shown = match say(out, "10001000", quirks) {
            Ok(call) => format!("{} {}", call.action, call.params),
            Err(wrong) => wrong.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_message_goes_where_its_address_says() {
        let group = RoomKind::Group;
        let direct = RoomKind::Direct;
        let q = quirks::UNKNOWN;
        check(
            &outgoing("30003000", group, None, text("hi")),
            q,
            r#"send_group_msg {"group_id":"30003000","message":[{"data":{"text":"hi"},"type":"text"}]}"#,
        );
        check(
            &outgoing("direct/20002000", direct, None, text("hi")),
            q,
            r#"send_private_msg {"message":[{"data":{"text":"hi"},"type":"text"}],"user_id":"20002000"}"#,
        );
        check(
            &outgoing("direct/20002000@30003000", direct, None, text("hi")),
            q,
            r#"send_private_msg {"group_id":"30003000","message":[{"data":{"text":"hi"},"type":"text"}],"user_id":"20002000"}"#,
        );
        check(
            &outgoing("direct/20002000", group, None, text("hi")),
            q,
            r#""direct/20002000" is no group of this account"#,
        );
        check(
            &outgoing("30003000", direct, None, text("hi")),
            q,
            r#""30003000" is no direct chat of this account"#,
        );
    }

    #[test]
    fn ids_come_as_their_bridge_wants_them() {
        let lagrange = Quirks::of("Lagrange.OneBot");
        let group = RoomKind::Group;
        check(
            &outgoing("30003000", group, None, text("hi")),
            lagrange,
            r#"send_group_msg {"group_id":30003000,"message":[{"data":{"text":"hi"},"type":"text"}]}"#,
        );
        check(
            &outgoing("0012", group, None, text("hi")),
            lagrange,
            r#"send_group_msg {"group_id":"0012","message":[{"data":{"text":"hi"},"type":"text"}]}"#,
        );
    }

    #[test]
    fn a_bundle_has_a_call_of_its_own_in_every_spelling() {
        let bundle = || {
            vec![OutSegment::Bundle {
                nodes: vec!["[CQ:at,qq=all]".into()],
            }]
        };
        let node = r#"[{"data":{"content":[{"data":{"text":"[CQ:at,qq=all]"},"type":"text"}],"name":"Teahouse","nickname":"Teahouse","uin":"10001000","user_id":"10001000"},"type":"node"}]"#;
        check(
            &outgoing("30003000", RoomKind::Group, Some("7"), bundle()),
            Quirks::of("NapCat.Onebot"),
            &format!(r#"send_group_forward_msg {{"group_id":"30003000","messages":{node}}}"#),
        );
        check(
            &outgoing("direct/20002000", RoomKind::Direct, None, bundle()),
            Quirks::of("go-cqhttp"),
            &format!(r#"send_private_forward_msg {{"messages":{node},"user_id":20002000}}"#),
        );
    }

    #[test]
    fn a_reaction_is_called_what_its_bridge_calls_it() {
        let shown = |app: &str, on| {
            let call = react("30003000", &MessageId::new("-7"), on, Quirks::of(app));
            call.map(|call| format!("{} {}", call.action, call.params))
        };
        let like = r#"set_msg_emoji_like {"emoji_id":"9749","message_id":-7,"set":true}"#;
        assert_eq!(shown("NapCat.Onebot", true).as_deref(), Some(like));
        assert_eq!(shown("LLOneBot", true).as_deref(), Some(like));
        let off = r#"set_group_reaction {"code":"9749","group_id":30003000,"is_add":false,"message_id":-7}"#;
        assert_eq!(shown("Lagrange.OneBot", false).as_deref(), Some(off));
        assert_eq!(shown("go-cqhttp", true), None);
        assert_eq!(shown("something new", true), None);
    }

    #[test]
    fn a_quote_comes_first_and_text_is_never_an_order() {
        let mut body = vec![OutSegment::Mention {
            member: MemberId::new("20002000"),
        }];
        body.extend(text("[CQ:at,qq=all] hi"));
        check(
            &outgoing("30003000", RoomKind::Group, Some("-7"), body),
            quirks::UNKNOWN,
            r#"send_group_msg {"group_id":"30003000","message":[{"data":{"id":"-7"},"type":"reply"},{"data":{"qq":"20002000"},"type":"at"},{"data":{"text":"[CQ:at,qq=all] hi"},"type":"text"}]}"#,
        );
    }

    #[test]
    fn bad_028_029_an_answer_that_does_not_say_is_unknown() {
        let shown = |frame: &str| {
            let Ok(Frame::Response(response)) = decode(frame.as_bytes(), &AccountName::new("qq"))
            else {
                panic!("{frame}")
            };
            match outcome(&response) {
                SendOutcome::Sent(receipt) => format!("sent {}", receipt.message),
                SendOutcome::Unknown { .. } => "unknown".into(),
                SendOutcome::NotSent(NotSent::Refused { .. }) => "refused".into(),
                SendOutcome::NotSent(why) => format!("{why:?}").to_lowercase(),
            }
        };
        let failed = |retcode: i64, wording: &str| {
            let frame = json!({"status": "failed", "retcode": retcode, "data": null, "wording": wording, "echo": "e"});
            shown(&frame.to_string())
        };
        let ok = |data: &str| {
            shown(&format!(
                r#"{{"status":"ok","retcode":0,"data":{data},"echo":"e"}}"#
            ))
        };
        assert_eq!(ok(r#"{"message_id":1478352970}"#), "sent 1478352970");
        assert_eq!(ok(r#"{"message_id":-77}"#), "sent -77");
        assert_eq!(ok(r#"{"message_id":"abc"}"#), "sent abc");
        for nothing in [
            "null",
            "{}",
            r#"{"message_id":0}"#,
            r#"{"message_id":-1}"#,
            r#"{"message_id":null}"#,
            "[]",
            "7",
        ] {
            assert_eq!(ok(nothing), "unknown", "{nothing}");
        }
        assert_eq!(
            shown(r#"{"status":"async","retcode":1,"data":null,"echo":"e"}"#),
            "unknown"
        );
        assert_eq!(
            shown(r#"{"status":"ok","retcode":100,"data":{"message_id":5},"echo":"e"}"#),
            "unknown"
        );
        assert_eq!(
            shown(r#"{"retcode":0,"data":{"message_id":5},"echo":"e"}"#),
            "sent 5"
        );

        let timeout = "Timeout: NTEvent serviceAndMethod:NodeIKernelMsgService/sendMsg ListenerName:x EventRet:\n";
        assert_eq!(
            failed(1200, &format!(r#"{timeout}{{"result":0,"errMsg":""}}"#)),
            "unknown"
        );
        assert_eq!(failed(1200, &format!("{timeout}{{}}")), "unknown");
        let checker = "EventChecker Failed: NTEvent serviceAndMethod:NodeIKernelMsgService/sendMsg ListenerName:x EventRet:\n";
        for (result, expected) in [
            (110, "gone"),
            (120, "muted"),
            (-1, "refused"),
            (299, "refused"),
        ] {
            let words = format!(r#"{checker}{{ "result": {result}, "errMsg": "timeout" }}"#);
            assert_eq!(failed(1200, &words), expected, "{result}");
        }
        assert_eq!(failed(1200, "消息体无法解析"), "refused");
        assert_eq!(failed(1404, "unknown action"), "refused");
        assert_eq!(failed(1200, "发送消息失败 (code=120): 禁言"), "muted");
        assert_eq!(failed(1200, "发送消息失败 (sequence=0)"), "refused");
        assert_eq!(failed(120, ""), "muted", "Lagrange");
        assert_eq!(failed(110, ""), "gone", "Lagrange");
        assert_eq!(failed(9000, ""), "refused", "Lagrange");
        let cq = r#"{"status":"failed","retcode":100,"msg":"GROUP_NOT_FOUND","wording":"群聊不存在","data":null,"echo":"e"}"#;
        assert_eq!(shown(cq), "gone");
        let risk = r#"{"status":"failed","retcode":100,"msg":"SEND_MSG_API_ERROR","wording":"blocked by server","data":null,"echo":"e"}"#;
        assert_eq!(shown(risk), "refused");
    }
}

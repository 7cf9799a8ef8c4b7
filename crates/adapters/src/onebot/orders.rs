//! What is done beside speaking, as bridges are told it: an [`Effect`] → its call, and what the bridge's answer to that is
//! worth. Pure; whether it came about is found out in `moderate.rs`.

use serde_json::json;
use teahouse_core::{Effect, MemberId, NotDone};

use super::decode::Response;
use super::encode::{self, Call};
use super::quirks::Quirks;

/// QQ mutes for a minute at least …
const SHORTEST_MUTE: u64 = 60;
/// … and for a little less than 30 days: from there on go-cqhttp refuses.
const LONGEST_MUTE: u64 = 2_591_940;

/// For how long QQ can mute somebody who is to be muted for so long.
pub(super) fn mute_length(seconds: u64) -> u64 {
    seconds.clamp(SHORTEST_MUTE, LONGEST_MUTE)
}

/// The call that does it. A length is always said: without one NapCat lifts a mute and the others mute for half an hour.
pub(super) fn call(group: &str, effect: &Effect, quirks: Quirks) -> Call {
    let ban = |member: &MemberId, seconds: u64| Call {
        action: "set_group_ban",
        params: json!({
            "group_id": encode::id(group, quirks),
            "user_id": encode::id(member.as_str(), quirks),
            "duration": seconds,
        }),
    };
    match effect {
        Effect::Recall { message } => Call {
            action: "delete_msg",
            params: json!({ "message_id": encode::label(message) }),
        },
        Effect::Mute { member, seconds } => ban(member, mute_length(*seconds)),
        Effect::Unmute { member } => ban(member, 0),
        Effect::Remove { member } => Call {
            action: "set_group_kick",
            params: json!({
                "group_id": encode::id(group, quirks),
                "user_id": encode::id(member.as_str(), quirks),
                "reject_add_request": false,
            }),
        },
    }
}

/// What a bridge's answer is worth.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It says yes, or that it will: worth nothing by itself.
    Taken,
    /// It says that it does not know.
    Unclear(String),
    /// It says no.
    Refused(Refusal),
}

/// Why a bridge says no.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// For a reason that it tells.
    For(NotDone),
    /// For one of several reasons, with one and the same word for all.
    Vague(String),
}

pub(super) fn answer(response: &Response) -> Answer {
    let words = response.words.as_str();
    let retcode = response.retcode.unwrap_or_default();
    if matches!(response.status.as_str(), "ok" | "async") || retcode == 1 {
        return Answer::Taken;
    }
    if encode::timed_out(words) {
        return Answer::Unclear(encode::short(words));
    }
    let any = |known: &[&str]| {
        let mut known = known.iter();
        known.any(|word| words.contains(word) || response.code == *word)
    };
    // QQ's own numbers stand alone: an id may hold the same digits.
    let number = |wanted: &str| {
        let mut numbers = words.split(|c: char| !c.is_ascii_digit());
        numbers.any(|number| number == wanted)
    };
    let refused = |why| Answer::Refused(Refusal::For(why));
    if matches!(retcode, 404 | 1404) {
        return refused(NotDone::Unable);
    }
    if any(&NO_RIGHT) || number("120101005") {
        return refused(NotDone::NoRight);
    }
    if any(&GONE) {
        return refused(NotDone::Gone);
    }
    if number("1008") {
        return refused(NotDone::TooFast);
    }
    if words.trim().is_empty() || any(&["Recall failed"]) || number("1001") {
        return Answer::Refused(Refusal::Vague(said(response)));
    }
    refused(NotDone::Refused {
        why: said(response),
    })
}

const NO_RIGHT: [&str; 4] = [
    "ERR_NOT_GROUP_ADMIN",
    "cannot ban owner",
    "cannot ban admin",
    "NOT_MANAGEABLE",
];
/// The last three are NapCat's and LLBot's: no such message, no such member.
const GONE: [&str; 8] = [
    "user not in group",
    "MEMBER_NOT_FOUND",
    "GROUP_NOT_FOUND",
    "uid error",
    "Get Uid Error",
    "不存在",
    "未找到",
    "无法获取用户信息",
];

fn said(response: &Response) -> String {
    let retcode = response.retcode.unwrap_or_default();
    let words = encode::short(&response.words);
    format!("{retcode} {words}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onebot::decode::{Frame, decode};
    use crate::onebot::quirks::UNKNOWN;
    use teahouse_core::{AccountName, MessageId};

    #[test]
    fn a_call_says_who_and_how_long_in_the_ids_of_its_bridge() {
        let lagrange = Quirks::of("Lagrange.OneBot");
        let member = MemberId::new("2");
        let mute = |seconds| Effect::Mute {
            member: MemberId::new("2"),
            seconds,
        };
        let recall = |id: &str| Effect::Recall {
            message: MessageId::new(id),
        };
        for (effect, quirks, expected) in [
            (recall("-7"), UNKNOWN, r#"delete_msg {"message_id":-7}"#),
            (recall("a7"), UNKNOWN, r#"delete_msg {"message_id":"a7"}"#),
            (
                mute(600),
                UNKNOWN,
                r#"set_group_ban {"duration":600,"group_id":"3","user_id":"2"}"#,
            ),
            (
                mute(1),
                lagrange,
                r#"set_group_ban {"duration":60,"group_id":3,"user_id":2}"#,
            ),
            (
                mute(2_592_000),
                lagrange,
                r#"set_group_ban {"duration":2591940,"group_id":3,"user_id":2}"#,
            ),
            (
                Effect::Unmute {
                    member: member.clone(),
                },
                UNKNOWN,
                r#"set_group_ban {"duration":0,"group_id":"3","user_id":"2"}"#,
            ),
            (
                Effect::Remove { member },
                UNKNOWN,
                r#"set_group_kick {"group_id":"3","reject_add_request":false,"user_id":"2"}"#,
            ),
        ] {
            let call = call("3", &effect, quirks);
            assert_eq!(format!("{} {}", call.action, call.params), expected);
        }
    }

    #[test]
    fn an_answer_is_worth_what_its_bridge_means_by_it() {
        let check = |fields: &str, expected: &str| {
            let frame = format!(r#"{{"echo":"e","data":null,{fields}}}"#);
            let Ok(Frame::Response(response)) = decode(frame.as_bytes(), &AccountName::new("qq"))
            else {
                panic!("{frame}");
            };
            let shown = format!("{:?}", answer(&response));
            assert!(shown.starts_with(expected), "{fields}: {shown}");
        };
        let napcat = |words: &str, expected: &str| {
            check(
                &format!(r#""status":"failed","retcode":1200,"wording":"{words}""#),
                expected,
            );
        };
        let cqhttp = |code: &str, words: &str, expected: &str| {
            let fields =
                format!(r#""status":"failed","retcode":100,"msg":"{code}","wording":"{words}""#);
            check(&fields, expected);
        };
        check(r#""status":"ok","retcode":0"#, "Taken");
        check(r#""status":"ok","retcode":200"#, "Taken");
        check(r#""status":"async","retcode":1"#, "Taken");
        napcat(
            "Timeout: NTEvent serviceAndMethod:NodeIKernelMsgService/recallMsg EventRet:{}",
            "Unclear(\"Timeout",
        );
        napcat(
            r#"EventChecker Failed: … EventRet:\n{\"result\": 120101005, \"errMsg\": \"Timeout\"}"#,
            "Refused(For(NoRight",
        );
        napcat("cannot ban owner", "Refused(For(NoRight");
        napcat("user not in group", "Refused(For(Gone");
        napcat("Recall failed", "Refused(Vague");
        napcat("消息10081001不存在", "Refused(For(Gone");
        napcat("系统繁忙 10081", "Refused(For(Refused");
        cqhttp("NOT_MANAGEABLE", "机器人权限不足", "Refused(For(NoRight");
        cqhttp("MEMBER_NOT_FOUND", "群员", "Refused(For(Gone");
        let recall = |words: &str, expected: &str| cqhttp("RECALL_API_ERROR", words, expected);
        recall("recall error: 1001 msg: No message", "Refused(Vague");
        recall("recall error: 1008 msg: security", "Refused(For(TooFast");
        check(r#""status":"failed","retcode":200"#, "Refused(Vague");
        check(r#""status":"failed","retcode":1404"#, "Refused(For(Unable");
        check(r#""status":"failed","retcode":404"#, "Refused(For(Unable");
    }
}

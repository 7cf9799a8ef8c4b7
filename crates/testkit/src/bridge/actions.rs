//! The house calls an action; this is what the bridge does and answers, each flavour in its own words.
//! Faults are applied here, after what the platform itself would refuse. Nothing waits here: delays are in the outcome.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::qq::{Call, Chat, History, RecallRefused, Show};
use super::wire::{self, Flavour};
use super::{Attempt, EffectFault, Fault, Side};

pub(super) enum Outcome {
    Answer(Value),
    Later(Duration, Value),
    ShowLater {
        delay: Duration,
        show: Show,
        echo: Option<Value>,
    },
    Nothing,
    Cut,
}

pub(super) fn answer(side: &Side, frame: &str) -> Outcome {
    let flavour = side.options.flavour;
    let Ok(Value::Object(mut call)) = serde_json::from_str::<Value>(frame) else {
        return flavour
            .unreadable()
            .map_or(Outcome::Nothing, Outcome::Answer);
    };
    let action = call
        .get("action")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let params = call.remove("params").unwrap_or(Value::Null);
    let echo = call.remove("echo");
    let noted = Call {
        bridge: side.number,
        action: action.clone(),
        params: params.clone(),
        echo: echo.clone(),
        at: Instant::now(),
    };
    side.qq.note_call(noted);
    Asked {
        side,
        flavour,
        action: &action,
        params: &params,
        echo: echo.as_ref(),
    }
    .answer()
}

struct Asked<'a> {
    side: &'a Side,
    flavour: Flavour,
    action: &'a str,
    params: &'a Value,
    echo: Option<&'a Value>,
}

impl Asked<'_> {
    fn answer(&self) -> Outcome {
        let options = &self.side.options;
        match self.action {
            "send_group_msg" | "send_private_msg" | "send_msg" => {
                self.send(&self.params["message"])
            }
            "send_group_forward_msg" | "send_private_forward_msg" => {
                self.send(&self.params["messages"])
            }
            "delete_msg" => self.effect(|| self.recall()),
            "get_forward_msg" => {
                let id = &self.params["id"];
                match id.as_str().and_then(|id| self.side.qq.bundle(id)) {
                    Some(messages) => self.ok(&json!({ "messages": messages })),
                    None => self.threw("消息已过期或者为内层消息，无法获取转发消息"),
                }
            }
            "get_msg" => self.message(),
            "get_group_msg_history" | "get_friend_msg_history" => self.history(),
            "get_group_member_info" => self.member_info(),
            "get_group_member_list" => {
                let Some(group) = self.group() else {
                    return self.bad("group_id");
                };
                self.side.qq.enters(group, options.self_id);
                self.ok(&self.side.qq.member_list(group).into())
            }
            "get_group_info" => {
                let Some(group) = self.group() else {
                    return self.bad("group_id");
                };
                let info = self.side.qq.group_info(group);
                info.map_or_else(
                    || self.threw(&format!("群{group}不存在")),
                    |info| self.ok(&info),
                )
            }
            "get_group_list" => self.ok(&self.side.qq.group_list(options.self_id).into()),
            "get_friend_list" => self.ok(&json!([])),
            "get_stranger_info" => {
                let user = wire::number(&self.params["user_id"]).unwrap_or(0);
                self.ok(&json!({"user_id": user, "nickname": format!("u{user}"), "sex": "unknown", "age": 0}))
            }
            "get_login_info" => {
                self.ok(&json!({"user_id": options.self_id, "nickname": options.nickname}))
            }
            "get_status" => self.ok(&json!({"online": true, "good": true, "stat": {}})),
            "get_version_info" => self.ok(&self.flavour.version()),
            "set_group_ban" => self.effect(|| self.mute()),
            "set_group_whole_ban" => {
                let Some(group) = self.group() else {
                    return self.bad("group_id");
                };
                let seconds = i64::from(self.params["enable"].as_bool().unwrap_or(true));
                self.muted(self.side.qq.mute_for(options.self_id, group, 0, seconds))
            }
            "set_group_kick" => self.effect(|| self.kick()),
            "set_group_card"
            | "mark_msg_as_read"
            | "set_input_status"
            | "set_friend_add_request"
            | "set_group_add_request" => self.ok(&Value::Null),
            "set_msg_emoji_like" if matches!(self.flavour, Flavour::NapCat | Flavour::LlBot) => {
                self.ok(&Value::Null)
            }
            "set_group_reaction" if self.flavour == Flavour::LagrangeV1 => self.ok(&Value::Null),
            "can_send_image" | "can_send_record" => self.ok(&json!({"yes": true})),
            unknown => Outcome::Answer(self.flavour.unknown_action(unknown, self.echo)),
        }
    }

    fn ok(&self, data: &Value) -> Outcome {
        Outcome::Answer(self.flavour.ok(data, self.echo))
    }

    fn threw(&self, text: &str) -> Outcome {
        Outcome::Answer(self.flavour.threw(text, self.echo))
    }

    fn bad(&self, key: &str) -> Outcome {
        Outcome::Answer(
            self.flavour
                .failed(1400, &format!("{key}: 参数错误"), self.echo),
        )
    }

    fn group(&self) -> Option<i64> {
        wire::number(&self.params["group_id"])
    }

    /// Where a call goes, by its name or, for `send_msg`, by its params.
    fn chat(&self) -> Option<Chat> {
        let private = || {
            Some(Chat::Private {
                account: self.side.options.self_id,
                peer: wire::number(&self.params["user_id"])?,
            })
        };
        let group = || self.group().map(Chat::Group);
        match self.action {
            "send_msg" => match self.params["message_type"].as_str() {
                Some("private") => private(),
                Some("group") => group(),
                _ => group().or_else(private),
            },
            "send_private_msg" | "send_private_forward_msg" | "get_friend_msg_history" => private(),
            _ => group(),
        }
    }

    fn send(&self, message: &Value) -> Outcome {
        let Some(chat) = self.chat() else {
            return self.bad("group_id");
        };
        let mut segments = match message {
            Value::String(words) if self.params["auto_escape"] == true => {
                vec![wire::text(words.as_str())]
            }
            Value::String(codes) => wire::cq_segments(codes),
            Value::Array(segments) => segments.clone(),
            Value::Object(_) => vec![message.clone()],
            _ => return self.bad("message"),
        };
        let quote_seq = match self.take_quote(chat, &mut segments) {
            Ok(quote_seq) => quote_seq,
            Err(outcome) => return outcome,
        };
        let says_something = segments.iter().any(|segment| {
            segment["type"].as_str().is_some_and(|kind| {
                !kind.is_empty()
                    && (kind != "text"
                        || segment["data"]["text"]
                            .as_str()
                            .is_some_and(|text| !text.is_empty()))
            })
        });
        if !says_something {
            return match self.flavour {
                Flavour::GoCqhttp => self.threw("EMPTY_MSG_ERROR"),
                Flavour::NapCat | Flavour::LlBot | Flavour::LagrangeV1 => {
                    self.threw("消息体无法解析, 请检查是否发送了不支持的消息类型")
                }
            };
        }
        if let Some((result, text)) = self.side.qq.refuses(chat, self.side.options.self_id) {
            return Outcome::Answer(self.flavour.refusal(result, text, self.echo));
        }
        let fault = self.fault(chat, &segments, quote_seq);
        let show = Show {
            chat,
            user_id: self.side.options.self_id,
            segments,
            quote_seq,
        };
        self.meet(fault, show)
    }

    /// Takes the leading quote out of the segments. What a bridge can not resolve, NapCat drops in silence and Lagrange refuses.
    fn take_quote(&self, chat: Chat, segments: &mut Vec<Value>) -> Result<Option<i64>, Outcome> {
        let Some(place) = segments
            .iter()
            .position(|segment| segment["type"] == "reply")
        else {
            return Ok(None);
        };
        let reply = segments.remove(place);
        let by_id =
            wire::number(&reply["data"]["id"]).and_then(|id| self.side.find(id, Some(chat)));
        // NapCat prefers a real sequence when it is given; that works after a restart as well.
        let by_seq = (self.flavour == Flavour::NapCat)
            .then(|| wire::number(&reply["data"]["seq"]))
            .flatten();
        let quoted = by_seq.or(by_id.map(|(_, seq)| seq));
        if quoted.is_none() && self.flavour == Flavour::LagrangeV1 {
            return Err(self.threw(""));
        }
        Ok(quoted)
    }

    fn fault(&self, chat: Chat, segments: &[Value], quote_seq: Option<i64>) -> Fault {
        // The script runs without the lock: it may look at the world.
        let (n, queued, script) = {
            let mut state = self.side.state();
            state.sends += 1;
            let queued = state.faults.pop_front();
            let script = if queued.is_none() {
                state.script.take()
            } else {
                None
            };
            (state.sends, queued, script)
        };
        if let Some(queued) = queued {
            return queued;
        }
        let Some(mut script) = script else {
            return Fault::None;
        };
        let attempt = Attempt {
            n,
            action: self.action.to_owned(),
            chat,
            segments: segments.to_vec(),
            text: wire::plain(segments),
            quote_seq,
        };
        let fault = script(&attempt);
        self.side.state().script.get_or_insert(script);
        fault
    }

    fn meet(&self, fault: Fault, show: Show) -> Outcome {
        let side = self.side;
        let chat = show.chat;
        let shown = |show: Show| side.qq.show(show);
        match fault {
            Fault::None => {
                let seq = shown(show);
                Outcome::Answer(receipt(side, chat, seq, self.echo))
            }
            Fault::Refuse { result, text } => {
                Outcome::Answer(self.flavour.refusal(result, &text, self.echo))
            }
            Fault::Fail {
                retcode,
                text,
                shown: seen,
            } => {
                seen.then(|| shown(show));
                Outcome::Answer(self.flavour.failed(retcode, &text, self.echo))
            }
            Fault::TimeoutShown => {
                shown(show);
                Outcome::Later(
                    side.options.send_timeout,
                    self.flavour.send_timeout(self.echo),
                )
            }
            Fault::TimeoutSwallowed => Outcome::Later(
                side.options.send_timeout,
                self.flavour.send_timeout(self.echo),
            ),
            Fault::Swallowed => {
                let sends = side.state().sends;
                let id = side.id_of(chat, 1_000_000_000 + sends.cast_signed());
                self.ok(&json!({"message_id": id}))
            }
            Fault::Async { shown: seen } => {
                seen.then(|| shown(show));
                Outcome::Answer(self.flavour.accepted(self.echo))
            }
            Fault::ZeroId { shown: seen } => {
                seen.then(|| shown(show));
                self.ok(&json!({"message_id": 0}))
            }
            Fault::LateReceipt(delay) => {
                let seq = shown(show);
                Outcome::Later(delay, receipt(side, chat, seq, self.echo))
            }
            Fault::Slow(delay) => Outcome::ShowLater {
                delay,
                show,
                echo: self.echo.cloned(),
            },
            Fault::Cut { shown: seen } => {
                // The socket goes first, so that no own-message event gets out on it.
                side.cut();
                seen.then(|| shown(show));
                Outcome::Cut
            }
            Fault::Silent { shown: seen } => {
                seen.then(|| shown(show));
                Outcome::Nothing
            }
        }
    }

    /// Something is done to a room, and something may go wrong with it.
    fn effect(&self, act: impl FnOnce() -> Outcome) -> Outcome {
        let side = self.side;
        let fault = side.state().effect_faults.pop_front();
        match fault.unwrap_or(EffectFault::None) {
            EffectFault::None => act(),
            EffectFault::Swallowed => self.ok(&Value::Null),
            EffectFault::Refuses(words) => self.threw(words),
            EffectFault::ToldTimeout => {
                act();
                let told = self.flavour.effect_timeout(self.action, self.echo);
                Outcome::Later(side.options.send_timeout, told)
            }
            EffectFault::Unnoticed => side.qq.hushed(act),
            EffectFault::Cut { done } => {
                side.cut();
                done.then(|| side.qq.hushed(act));
                Outcome::Cut
            }
            EffectFault::Silent { done } => {
                done.then(|| side.qq.hushed(act));
                Outcome::Nothing
            }
        }
    }

    fn recall(&self) -> Outcome {
        let id = wire::number(&self.params["message_id"]);
        let found = id.and_then(|id| self.side.find(id, None));
        let Some((chat, seq)) = found else {
            return match self.flavour {
                Flavour::NapCat => self.threw("Recall failed"),
                Flavour::LlBot => self.threw(&format!("消息{}不存在", id.unwrap_or(0))),
                Flavour::LagrangeV1 => self.threw(""),
                Flavour::GoCqhttp => self.coded("MESSAGE_NOT_FOUND", "消息不存在"),
            };
        };
        let account = self.side.options.self_id;
        match (self.side.qq.recall_for(account, chat, seq), self.flavour) {
            // The server's answer is not looked at: ok is not recalled.
            (Ok(()), _) | (Err(_), Flavour::LlBot) => self.ok(&Value::Null),
            (Err(_), Flavour::LagrangeV1) => self.threw(""),
            (Err(RecallRefused::TooFast), Flavour::GoCqhttp) => {
                self.threw("recall error: 1008 msg: security check not pass")
            }
            (Err(RecallRefused::No), Flavour::GoCqhttp) => {
                self.threw("recall error: 1001 msg: No message meets the requirements")
            }
            (Err(RecallRefused::TooFast), Flavour::NapCat) => self.threw("1008"),
            (Err(RecallRefused::No), Flavour::NapCat) => self.threw("Recall failed"),
        }
    }

    fn kick(&self) -> Outcome {
        let (Some(group), Some(user)) = (self.group(), wire::number(&self.params["user_id"]))
        else {
            return self.bad("user_id");
        };
        let account = self.side.options.self_id;
        match (self.side.qq.kick_for(account, group, user), self.flavour) {
            // Neither looks at what QQ says.
            (_, Flavour::NapCat | Flavour::LagrangeV1) | (Ok(()), _) => self.ok(&Value::Null),
            (Err(why), Flavour::LlBot | Flavour::GoCqhttp) => self.refused(why),
        }
    }

    /// The words for a mute or a removal that QQ refuses.
    fn refused(&self, why: &str) -> Outcome {
        match (self.flavour, why) {
            (Flavour::NapCat, "ERR_NOT_GROUP_ADMIN") => {
                Outcome::Answer(self.flavour.refusal(120_101_005, why, self.echo))
            }
            (Flavour::NapCat, _) => self.threw(why),
            (Flavour::LlBot, "user not in group") => self.threw("无法获取用户信息"),
            (Flavour::LlBot, _) => self.threw("ERR_NOT_GROUP_ADMIN"),
            (Flavour::GoCqhttp, "user not in group") => {
                self.coded("MEMBER_NOT_FOUND", "群员不存在")
            }
            (Flavour::GoCqhttp, _) => self.coded("NOT_MANAGEABLE", "机器人权限不足"),
            // It answers ok whatever happened.
            (Flavour::LagrangeV1, _) => self.ok(&Value::Null),
        }
    }

    fn coded(&self, code: &str, words: &str) -> Outcome {
        Outcome::Answer(self.flavour.coded(code, words, self.echo))
    }

    fn message(&self) -> Outcome {
        let found =
            wire::number(&self.params["message_id"]).and_then(|id| self.side.find(id, None));
        let message = found.and_then(|(chat, seq)| self.side.qq.message_for(self.side, chat, seq));
        let Some(mut message) = message else {
            return self.threw("消息不存在");
        };
        if self.flavour == Flavour::NapCat {
            message["emoji_likes_list"] = json!([]);
        }
        self.ok(&message)
    }

    fn history(&self) -> Outcome {
        let Some(chat) = self.chat() else {
            return self.bad("group_id");
        };
        let count = wire::number(&self.params["count"])
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(20);
        let from = match self.flavour {
            // message_seq means message_id here; 0 or nothing is the newest.
            Flavour::NapCat => &self.params["message_seq"],
            Flavour::LagrangeV1 => &self.params["message_id"],
            Flavour::LlBot | Flavour::GoCqhttp => &self.params["message_seq"],
        };
        let from = wire::number(from).filter(|from| *from != 0);
        let until = match (self.flavour, from) {
            (_, None) => None,
            (Flavour::NapCat | Flavour::LagrangeV1, Some(id)) => {
                match self.side.find(id, Some(chat)) {
                    Some((_, seq)) => Some(seq),
                    None => return self.threw(&format!("消息{id}不存在")),
                }
            }
            (Flavour::LlBot | Flavour::GoCqhttp, seq) => seq,
        };
        let reversed = self.params["reverseOrder"].as_bool().unwrap_or(false);
        match self
            .side
            .qq
            .history_for(self.side, chat, until, count, reversed)
        {
            Ok(messages) if messages.is_empty() && self.flavour == Flavour::NapCat => {
                self.threw(&format!("消息{}不存在", from.unwrap_or(0)))
            }
            Ok(messages) => self.ok(&json!({"messages": messages})),
            Err(History::Silent) => Outcome::Nothing,
            Err(History::Fails | History::Works | History::Lags(_)) => {
                self.threw("获取历史消息失败")
            }
        }
    }

    fn member_info(&self) -> Outcome {
        let (Some(group), Some(user)) = (self.group(), wire::number(&self.params["user_id"]))
        else {
            return self.bad("user_id");
        };
        if user == self.side.options.self_id {
            self.side.qq.enters(group, user);
        }
        match (self.side.qq.member_info(group, user), self.flavour) {
            (Some(info), _) => self.ok(&info),
            (None, Flavour::LlBot) => self.threw("群成员未找到"),
            (None, Flavour::GoCqhttp) => self.coded("MEMBER_NOT_FOUND", "群员不存在"),
            (None, Flavour::NapCat | Flavour::LagrangeV1) => {
                self.threw(&format!("群({group})成员{user}不存在"))
            }
        }
    }

    fn mute(&self) -> Outcome {
        let (Some(group), Some(user)) = (self.group(), wire::number(&self.params["user_id"]))
        else {
            return self.bad("user_id");
        };
        // NapCat's default is 0, which lifts; the others' is half an hour.
        let usual = if self.flavour == Flavour::NapCat {
            0
        } else {
            1800
        };
        let seconds = wire::number(&self.params["duration"]).unwrap_or(usual);
        self.muted(
            self.side
                .qq
                .mute_for(self.side.options.self_id, group, user, seconds),
        )
    }

    fn muted(&self, done: Result<(), &'static str>) -> Outcome {
        match done {
            Ok(()) => self.ok(&Value::Null),
            Err(why) => self.refused(why),
        }
    }
}

/// The receipt of a message that is visible now.
pub(super) fn receipt(side: &Side, chat: Chat, seq: i64, echo: Option<&Value>) -> Value {
    let id = side.learn(chat, seq);
    side.options.flavour.ok(&json!({"message_id": id}), echo)
}

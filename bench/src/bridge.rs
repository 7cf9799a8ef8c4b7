//! The load's bridge: the frames of a NapCat, at the speed of a generator. It keeps no world, only which questions are open.
//! Faults and truth belong to testkit's bridge; here nothing ever goes wrong on purpose.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_util::task::TaskTracker;

use crate::target::TOKEN;

pub const SELF_ID: i64 = 10_001_000;
pub const FIRST_GROUP: i64 = 700_100_000;

/// Something that the target has said.
pub struct Heard {
    /// The id that it quotes.
    pub quote: Option<i64>,
    pub group: i64,
    pub text: String,
    pub at: Instant,
}

pub struct Bridge {
    frames: mpsc::Sender<String>,
    pub heard: mpsc::UnboundedReceiver<Heard>,
    last_id: AtomicI64,
}

impl Bridge {
    pub async fn connect(url: &str, tasks: &TaskTracker) -> anyhow::Result<Bridge> {
        let mut request = url.into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("x-self-id", HeaderValue::from(SELF_ID));
        headers.insert("x-client-role", HeaderValue::from_static("Universal"));
        headers.insert("user-agent", HeaderValue::from_static("OneBot/11"));
        headers.insert(
            "authorization",
            HeaderValue::from_str(&format!("Bearer {TOKEN}"))?,
        );
        let dialling = tokio_tungstenite::connect_async_with_config(request, None, true);
        let (socket, _) = timeout(Duration::from_secs(2), dialling)
            .await?
            .context("the target refuses the bridge")?;
        let (mut sink, mut stream) = socket.split();
        let (frames, mut queue) = mpsc::channel::<String>(1024);
        let (answers, mut receipts) = mpsc::unbounded_channel::<String>();
        let (hear, heard) = mpsc::unbounded_channel();
        tasks.spawn(async move {
            loop {
                // Receipts first: a bridge under load still answers calls.
                let frame = tokio::select! {
                    biased;
                    Some(receipt) = receipts.recv() => receipt,
                    Some(frame) = queue.recv() => frame,
                    else => return,
                };
                if sink.feed(Message::text(frame)).await.is_err() {
                    return;
                }
                while let Ok(frame) = receipts.try_recv().or_else(|_| queue.try_recv()) {
                    if sink.feed(Message::text(frame)).await.is_err() {
                        return;
                    }
                }
                if sink.flush().await.is_err() {
                    return;
                }
            }
        });
        tasks.spawn(async move {
            let mut sent = 0x4000_0000_i64;
            while let Some(Ok(frame)) = stream.next().await {
                let Message::Text(frame) = frame else {
                    continue;
                };
                let Ok(call) = serde_json::from_str::<Value>(&frame) else {
                    continue;
                };
                sent += 1;
                if let Some(words) = words_of(&call) {
                    let _ = hear.send(words);
                }
                let _ = answers.send(answer(&call, sent));
            }
        });
        let connect = json!({"time": 1_760_000_000, "self_id": SELF_ID, "post_type": "meta_event",
                             "meta_event_type": "lifecycle", "sub_type": "connect"});
        frames.send(connect.to_string()).await?;
        Ok(Bridge {
            frames,
            heard,
            last_id: AtomicI64::new(1000),
        })
    }

    /// A member says something; the message's id. Waits while the socket is full.
    pub async fn says(&self, group: i64, user: i64, words: &str) -> anyhow::Result<i64> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        self.frames.send(frame(group, user, id, words)).await?;
        Ok(id)
    }
}

fn frame(group: i64, user: i64, id: i64, words: &str) -> String {
    let quoted = Value::from(words).to_string();
    let time = now();
    format!(
        r#"{{"self_id":{SELF_ID},"user_id":{user},"time":{time},"message_id":{id},"message_seq":{id},"real_id":{id},"real_seq":"{id}","message_type":"group","sender":{{"user_id":{user},"nickname":"u{user}","card":"","role":"member"}},"raw_message":{quoted},"font":14,"sub_type":"normal","message":[{{"type":"text","data":{{"text":{quoted}}}}}],"message_format":"array","post_type":"message","group_id":{group},"group_name":"g{group}"}}"#
    )
}

#[expect(clippy::disallowed_methods, reason = "a platform stamps its own time")]
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn words_of(call: &Value) -> Option<Heard> {
    let action = call["action"].as_str()?;
    let params = &call["params"];
    let message = match action {
        "send_group_msg" | "send_msg" | "send_private_msg" => &params["message"],
        "send_group_forward_msg" | "send_private_forward_msg" => &params["messages"],
        _ => return None,
    };
    let segments = message.as_array().map_or(&[][..], Vec::as_slice);
    let mut text = message.as_str().unwrap_or_default().to_owned();
    let mut quote = None;
    for segment in segments {
        let data = &segment["data"];
        match segment["type"].as_str() {
            Some("reply") => quote = number(&data["id"]),
            Some("text") => text.push_str(data["text"].as_str().unwrap_or_default()),
            Some("node") => text.push_str(&data["content"].to_string()),
            _ => {}
        }
    }
    Some(Heard {
        quote,
        group: number(&params["group_id"]).unwrap_or(0),
        text,
        at: Instant::now(),
    })
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn answer(call: &Value, sent: i64) -> String {
    let params = &call["params"];
    let member = |user: i64| {
        json!({"group_id": params["group_id"], "user_id": user, "nickname": format!("u{user}"), "card": "",
               "role": "member", "level": "1", "title": "", "shut_up_timestamp": 0})
    };
    let data = match call["action"].as_str().unwrap_or_default() {
        "send_group_msg" | "send_msg" | "send_private_msg" | "send_group_forward_msg" => {
            json!({"message_id": sent})
        }
        "get_login_info" => json!({"user_id": SELF_ID, "nickname": "茶馆"}),
        "get_status" => json!({"online": true, "good": true, "stat": {}}),
        "get_version_info" => {
            json!({"app_name": "NapCat.Onebot", "app_version": "4.18.13", "protocol_version": "v11"})
        }
        "get_group_member_info" => member(number(&params["user_id"]).unwrap_or(0)),
        "get_group_member_list" => json!([member(SELF_ID)]),
        "get_group_list" => json!([]),
        "get_group_info" => {
            json!({"group_id": params["group_id"], "group_name": "g", "member_count": 50,
                                   "max_member_count": 500, "group_all_shut": 0})
        }
        "delete_msg" | "set_group_ban" | "set_msg_emoji_like" | "mark_msg_as_read" => Value::Null,
        unknown => {
            // Also history: NapCat throws where there is none.
            let (retcode, why) = if unknown.ends_with("_msg_history") {
                (1200, "消息0不存在")
            } else {
                (1404, "不支持的Api")
            };
            return json!({"status": "failed", "retcode": retcode, "data": null, "message": why, "wording": why,
                          "echo": call["echo"], "stream": "normal-action"})
            .to_string();
        }
    };
    json!({"status": "ok", "retcode": 0, "data": data, "message": "", "wording": "", "echo": call["echo"],
           "stream": "normal-action"})
    .to_string()
}

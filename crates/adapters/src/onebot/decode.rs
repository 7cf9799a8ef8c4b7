//! Step 1 of the journey: one frame → [`Event`] or response. Pure; what we do not know is named, never guessed, and
//! a frame that does not say where it belongs is an error, never a private chat.

use jiff::Timestamp;
use serde_json::value::RawValue;
use teahouse_core::{
    AccountName, Address, ChatId, EVENT_VERSION, Event, EventKind, MemberId, Message, MessageId,
    Role, RoomKind, Sender, SenderKind, Sequence,
};

use super::cq;
use super::quirks;
use super::wire::{self, Body, WireFrame, WireId, WireSender, WireStatus};

/// The longest frame that is read.
pub const LONGEST_FRAME: usize = 1 << 20;
/// The deepest nesting that is read.
const DEEPEST: usize = 32;
/// The longest name of a sender that is kept, in characters.
const LONGEST_NAME: usize = 200;

/// What a frame turned out to be.
#[derive(Debug)]
pub enum Frame {
    /// Something happened.
    Event {
        /// What.
        event: Event,
        /// The account it happened to, as the bridge says.
        self_id: String,
        /// Whether `raw_message` says other words than `message`; the latter wins.
        differs: bool,
    },
    /// An answer to one of our calls.
    Response(Response),
    /// Neither, or a kind of event that this protocol did not have.
    Other,
}

/// An answer to a call.
#[derive(Debug)]
pub struct Response {
    /// Which call it answers.
    pub echo: Echo,
    /// `ok`, `async`, `failed`.
    pub status: String,
    /// The bridge's number for what happened.
    pub retcode: Option<i64>,
    /// What was asked for.
    pub data: Option<Box<RawValue>>,
    /// The error in the bridge's words; for the operator only.
    pub words: String,
    /// Its code word, such as go-cqhttp's `GROUP_NOT_FOUND`.
    pub code: String,
}

/// What a response carries to be known by.
#[derive(Debug, PartialEq, Eq)]
pub enum Echo {
    /// A text; ours are texts.
    Text(String),
    /// Nothing, or an empty text.
    Missing,
    /// Any other JSON value.
    Odd,
}

/// Why a frame is not read; each has a counter by its [`DecodeError::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, or cut off.
    #[error("the frame is not JSON")]
    NotJson,
    /// JSON, but no object.
    #[error("the frame is no JSON object")]
    NotAnObject,
    /// Nested beyond measure.
    #[error("the frame is nested deeper than {DEEPEST} levels")]
    TooDeep,
    /// Bigger than any honest frame.
    #[error("the frame is longer than {LONGEST_FRAME} bytes")]
    TooLong,
    /// An event that leaves out what it is about.
    #[error("the event has no {0}")]
    Missing(&'static str),
    /// An event with an id that could mean anything.
    #[error("the event's {0} is no id")]
    BadId(&'static str),
    /// A message that is neither group nor private.
    #[error("the message is neither of a group nor private")]
    NoSuchRoom,
}

impl DecodeError {
    /// Its counter.
    pub fn kind(self) -> &'static str {
        match self {
            DecodeError::NotJson => "not-json",
            DecodeError::NotAnObject => "not-an-object",
            DecodeError::TooDeep => "too-deep",
            DecodeError::TooLong => "too-long",
            DecodeError::Missing(_) => "missing-field",
            DecodeError::BadId(_) => "bad-id",
            DecodeError::NoSuchRoom => "no-such-room",
        }
    }

    /// Whether the frame was noise rather than an event that lacks something: a link full of noise is closed.
    pub fn is_noise(self) -> bool {
        match self {
            DecodeError::NotJson
            | DecodeError::NotAnObject
            | DecodeError::TooDeep
            | DecodeError::TooLong => true,
            DecodeError::Missing(_) | DecodeError::BadId(_) | DecodeError::NoSuchRoom => false,
        }
    }
}

/// Reads one frame. Never looks beyond it.
pub fn decode(frame: &[u8], account: &AccountName) -> Result<Frame, DecodeError> {
    if frame.len() > LONGEST_FRAME {
        return Err(DecodeError::TooLong);
    }
    let frame = wire::whole_characters(frame);
    let wire = read_frame(&frame)?;
    let Some(post_type) = wire.post_type.filled() else {
        return Ok(if is_response(&wire) {
            Frame::Response(response(&wire))
        } else {
            Frame::Other
        });
    };
    let kind = match post_type {
        "message" | "message_sent" => EventKind::Message(message(&wire, account)?),
        "notice" => notice(&wire)?,
        "request" => other(&wire),
        "meta_event" => meta_event(&wire),
        _ => return Ok(Frame::Other),
    };
    let self_id = party(&wire.self_id, "self_id")?.to_owned();
    let differs = match &kind {
        EventKind::Message(message) if wire::is_array(wire.message) => wire
            .raw_message
            .filled()
            .is_some_and(|raw| cq::differs(raw, &message.segments)),
        _ => false,
    };
    Ok(Frame::Event {
        event: Event {
            version: EVENT_VERSION,
            account: account.clone(),
            time: time(&wire),
            kind,
        },
        self_id,
        differs,
    })
}

/// Reads a message out of a history: it lacks what is clear from the question, which chat and which account.
pub(super) fn decode_past(
    item: &[u8],
    account: &AccountName,
    chat: &ChatId,
    us: &str,
) -> Result<Message, DecodeError> {
    let mut wire = read_frame(item)?;
    if wire.self_id.is_absent() {
        wire.self_id = WireId::Text(us.into());
    }
    let address = Address {
        account: account.clone(),
        chat: chat.clone(),
    };
    let room_kind = match Chat::of(chat) {
        // What another group said has no place here, whatever was asked.
        Some(Chat::Group(group)) if wire.group_id.somebody().is_none_or(|id| id == group) => {
            RoomKind::Group
        }
        Some(Chat::Direct { .. }) if wire.message_type.text() != "group" => RoomKind::Direct,
        Some(Chat::Group(_) | Chat::Direct { .. }) | None => return Err(DecodeError::NoSuchRoom),
    };
    message_in(&wire, address, room_kind)
}

fn read_frame(frame: &[u8]) -> Result<WireFrame<'_>, DecodeError> {
    if is_deeper_than(frame, DEEPEST) {
        return Err(DecodeError::TooDeep);
    }
    // A derived struct would also be read from an array, field by field.
    if frame.trim_ascii_start().first() != Some(&b'{') {
        return Err(
            match serde_json::from_slice::<serde::de::IgnoredAny>(frame) {
                Ok(_) => DecodeError::NotAnObject,
                Err(_) => DecodeError::NotJson,
            },
        );
    }
    serde_json::from_slice(frame).map_err(|_| DecodeError::NotJson)
}

/// Counts brackets outside texts; builds nothing and uses no stack.
pub(super) fn is_deeper_than(frame: &[u8], most: usize) -> bool {
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut bytes = frame.iter();
    while let Some(byte) = bytes.next() {
        match (in_text, byte) {
            (true, b'\\') => {
                bytes.next();
            }
            (_, b'"') => in_text = !in_text,
            (false, b'{' | b'[') => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

fn is_response(wire: &WireFrame<'_>) -> bool {
    wire.echo.is_some() || (wire.retcode.number().is_some() && wire.status.is_some())
}

fn response(wire: &WireFrame<'_>) -> Response {
    let echo = match wire.echo {
        None => Echo::Missing,
        Some(raw) => match wire::raw_text(Some(raw)) {
            Some(text) if text.is_empty() => Echo::Missing,
            Some(text) => Echo::Text(text),
            None => Echo::Odd,
        },
    };
    let message = wire::raw_text(wire.message).unwrap_or_default();
    let words = [wire.wording.text(), &message, wire.msg.text()]
        .into_iter()
        .find(|text| !text.trim().is_empty())
        .unwrap_or_default()
        .to_owned();
    Response {
        echo,
        status: wire::raw_text(wire.status).unwrap_or_default(),
        retcode: wire.retcode.number(),
        data: wire.data.map(RawValue::to_owned),
        words,
        code: wire.msg.text().to_owned(),
    }
}

fn message(wire: &WireFrame<'_>, account: &AccountName) -> Result<Message, DecodeError> {
    let (chat, room_kind) = match wire.message_type.text() {
        "group" => (
            Chat::Group(party(&wire.group_id, "group_id")?.to_owned()),
            RoomKind::Group,
        ),
        "private" => (direct_chat(wire)?, RoomKind::Direct),
        _ => return Err(DecodeError::NoSuchRoom),
    };
    let address = Address {
        account: account.clone(),
        chat: chat.id(),
    };
    message_in(wire, address, room_kind)
}

fn message_in(
    wire: &WireFrame<'_>,
    address: Address,
    room_kind: RoomKind,
) -> Result<Message, DecodeError> {
    let id = label(&wire.message_id, "message_id")?;
    let sender = sender(wire)?;
    let body = wire
        .message
        .and_then(Body::read)
        .ok_or(DecodeError::Missing("message"))?;
    Ok(Message {
        address,
        room_kind,
        id: MessageId::new(id),
        // Two accounts that talk to one person count apart: only a group's number is the same for everybody.
        sequence: sequence(wire).filter(|_| room_kind == RoomKind::Group),
        sender,
        segments: body.into_segments(),
        sent_at: time(wire),
    })
}

/// The peer's chat: of our own messages that is the target, else the sender.
fn direct_chat(wire: &WireFrame<'_>) -> Result<Chat, DecodeError> {
    let user = party(&wire.user_id, "user_id")?;
    let is_ours = wire.self_id.party() == Some(user) || wire.post_type.text() == "message_sent";
    let peer = if is_ours {
        party(&wire.target_id, "target_id")?
    } else {
        user
    };
    let through = (wire.sub_type.text() == "group")
        .then(|| {
            let sender = WireSender::read(wire.sender);
            [wire.group_id.somebody(), sender.group_id.somebody()]
                .into_iter()
                .flatten()
                .find(|group| *group != quirks::NO_REAL_GROUP)
                .map(str::to_owned)
        })
        .flatten();
    Ok(Chat::Direct {
        user: peer.to_owned(),
        through,
    })
}

fn sender(wire: &WireFrame<'_>) -> Result<Sender, DecodeError> {
    let id = party(&wire.user_id, "user_id")?;
    let sender = WireSender::read(wire.sender);
    let name = sender
        .card
        .filled()
        .or(sender.nickname.filled())
        .unwrap_or_default();
    let kind = if wire.self_id.party() == Some(id) || wire.post_type.text() == "message_sent" {
        SenderKind::Ourselves
    } else if quirks::is_placeholder(id)
        || wire::is_object(wire.anonymous)
        || wire.sub_type.text() == "anonymous"
    {
        SenderKind::Anonymous
    } else if quirks::is_official_bot(id) || sender.is_robot.is_true() {
        SenderKind::Bot
    } else {
        SenderKind::Person
    };
    Ok(Sender {
        id: MemberId::new(id),
        name: name.chars().take(LONGEST_NAME).collect(),
        role: role(sender.role.text()),
        kind,
    })
}

/// A role by the platform's word.
pub(super) fn role(word: &str) -> Option<Role> {
    match word {
        "owner" => Some(Role::Owner),
        "admin" => Some(Role::Admin),
        "member" => Some(Role::Member),
        _ => None,
    }
}

/// The number that counts a group's messages for everybody: NapCat's `real_seq`, LLBot's and go-cqhttp's
/// `message_seq`. NapCat writes the message id into `message_seq` as well, which counts nothing.
pub(super) fn sequence(wire: &WireFrame<'_>) -> Option<Sequence> {
    let real = wire.real_seq.label();
    let plain = wire
        .message_seq
        .label()
        .filter(|seq| Some(*seq) != wire.message_id.label());
    real.or(plain).filter(|seq| *seq != "0").map(Sequence::new)
}

fn notice(wire: &WireFrame<'_>) -> Result<EventKind, DecodeError> {
    let group = || party(&wire.group_id, "group_id").map(ChatId::new);
    let member = || party(&wire.user_id, "user_id").map(MemberId::new);
    Ok(match wire.notice_type.text() {
        "group_recall" => EventKind::Recall {
            chat: group()?,
            room_kind: RoomKind::Group,
            message: MessageId::new(label(&wire.message_id, "message_id")?),
            author: wire.user_id.somebody().map(MemberId::new),
            operator: wire.operator_id.somebody().map(MemberId::new),
        },
        "friend_recall" => {
            let author = member()?;
            EventKind::Recall {
                chat: direct_chat(wire)?.id(),
                room_kind: RoomKind::Direct,
                message: MessageId::new(label(&wire.message_id, "message_id")?),
                operator: Some(author.clone()),
                author: Some(author),
            }
        }
        "group_increase" => EventKind::MemberJoined {
            chat: group()?,
            member: member()?,
        },
        "group_decrease" => EventKind::MemberLeft {
            chat: group()?,
            member: member()?,
        },
        "group_admin" => EventKind::RoleChanged {
            chat: group()?,
            member: member()?,
            role: match wire.sub_type.text() {
                "set" => Role::Admin,
                "unset" => Role::Member,
                _ => return Err(DecodeError::Missing("sub_type")),
            },
        },
        "group_ban" => {
            let who = party(&wire.user_id, "user_id")?;
            EventKind::Muted {
                chat: group()?,
                // 0 is everybody.
                member: Some(who).filter(|id| *id != "0").map(MemberId::new),
                seconds: match wire.sub_type.text() {
                    "lift_ban" => 0,
                    _ => wire
                        .duration
                        .number()
                        .ok_or(DecodeError::Missing("duration"))?,
                },
            }
        }
        "bot_offline" => EventKind::Account { online: false },
        _ => other(wire),
    })
}

fn meta_event(wire: &WireFrame<'_>) -> EventKind {
    match wire.meta_event_type.text() {
        "lifecycle" => EventKind::Account {
            online: wire.sub_type.text() != "disable",
        },
        "heartbeat" => {
            let status: WireStatus<'_> = wire
                .status
                .and_then(|raw| serde_json::from_str(raw.get()).ok())
                .unwrap_or_default();
            EventKind::Account {
                // Only a clear no is a no: some bridges leave it out.
                online: status.online.text() != "false",
            }
        }
        _ => other(wire),
    }
}

fn other(wire: &WireFrame<'_>) -> EventKind {
    EventKind::Other {
        raw_kind: raw_kind(wire),
    }
}

/// The platform's own name for an event, such as `notice.group_recall` or `notice.notify.poke`.
pub(super) fn raw_kind(wire: &WireFrame<'_>) -> String {
    let post_type = match wire.post_type.text() {
        "message_sent" => "message",
        other => other,
    };
    let detail = match post_type {
        "message" => &wire.message_type,
        "notice" => &wire.notice_type,
        "request" => &wire.request_type,
        _ => &wire.meta_event_type,
    };
    let mut name = wire.post_type.text().to_owned();
    let sub_type = Some(&wire.sub_type).filter(|_| detail.text() == "notify");
    for part in [Some(detail), sub_type].into_iter().flatten() {
        if let Some(part) = part.filled() {
            name.push('.');
            name.push_str(part);
        }
    }
    name
}

/// Seconds or milliseconds; 0, the far past and the far future are no time, and the time of arrival rules.
pub(super) fn time(wire: &WireFrame<'_>) -> Option<Timestamp> {
    const YEAR_2001: i64 = 1_000_000_000;
    const YEAR_2100: i64 = 4_102_444_800;
    let number = wire.time.number()?;
    if (YEAR_2001..=YEAR_2100).contains(&number) {
        return Timestamp::from_second(number).ok();
    }
    (YEAR_2001..=YEAR_2100)
        .contains(&(number / 1000))
        .then(|| Timestamp::from_millisecond(number).ok())
        .flatten()
}

fn party<'a>(id: &'a WireId<'_>, name: &'static str) -> Result<&'a str, DecodeError> {
    if id.is_absent() {
        return Err(DecodeError::Missing(name));
    }
    id.party().ok_or(DecodeError::BadId(name))
}

fn label<'a>(id: &'a WireId<'_>, name: &'static str) -> Result<&'a str, DecodeError> {
    if id.is_absent() {
        return Err(DecodeError::Missing(name));
    }
    id.label().ok_or(DecodeError::BadId(name))
}

/// What stands inside a [`ChatId`] of this protocol: a group's number, `direct/` and a person's, or that and the
/// group through which a stranger writes. A group's number contains neither `/` nor `@`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chat {
    Group(String),
    Direct {
        user: String,
        through: Option<String>,
    },
}

impl Chat {
    pub fn id(&self) -> ChatId {
        ChatId::new(match self {
            Chat::Group(group) => group.clone(),
            Chat::Direct {
                user,
                through: None,
            } => format!("direct/{user}"),
            Chat::Direct {
                user,
                through: Some(group),
            } => format!("direct/{user}@{group}"),
        })
    }

    /// Nothing when this adapter did not make it.
    pub fn of(id: &ChatId) -> Option<Self> {
        let text = id.as_str();
        let fine = |id: &str| !id.is_empty() && !id.contains(['/', '@']);
        match text.strip_prefix("direct/") {
            None => fine(text).then(|| Chat::Group(text.to_owned())),
            Some(peer) => {
                let (user, through) = match peer.split_once('@') {
                    Some((user, group)) => (user, Some(group.to_owned())),
                    None => (peer, None),
                };
                let whole = fine(user) && through.as_deref().is_none_or(fine);
                whole.then(|| Chat::Direct {
                    user: user.to_owned(),
                    through,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(frame: &str) -> Result<Frame, DecodeError> {
        decode(frame.as_bytes(), &AccountName::new("qq"))
    }

    fn event(frame: &str) -> EventKind {
        match read(frame) {
            Ok(Frame::Event { event, .. }) => event.kind,
            other => panic!("{frame}: {other:?}"),
        }
    }

    fn heard(frame: &str) -> Message {
        match event(frame) {
            EventKind::Message(message) => message,
            other => panic!("{frame}: {other:?}"),
        }
    }

    /// A group message with some fields changed.
    fn group(changes: &str) -> String {
        let mut frame: serde_json::Map<_, _> = serde_json::from_str(
            r#"{"post_type":"message","message_type":"group","sub_type":"normal","self_id":10001000,
                "time":1760000000,"user_id":20002000,"group_id":30003000,"message_id":5,
                "sender":{"nickname":"Lin","card":""},"message":[{"type":"text","data":{"text":"ai hi"}}]}"#,
        )
        .unwrap();
        let changes: serde_json::Map<_, _> = serde_json::from_str(changes).unwrap();
        frame.extend(changes);
        serde_json::to_string(&frame).unwrap()
    }

    #[test]
    fn bad_003_nesting_is_refused_before_anything_is_built() {
        for depth in [33, 129, 100_000] {
            let frame = format!(
                r#"{{"post_type":{}{}}}"#,
                "[".repeat(depth),
                "]".repeat(depth)
            );
            assert_eq!(read(&frame).unwrap_err(), DecodeError::TooDeep, "{depth}");
        }
        let open = "[".repeat(100_000);
        assert_eq!(read(&open).unwrap_err(), DecodeError::TooDeep);
        let brackets_in_text = group(&format!(r#"{{"message":"{}\"[["}}"#, "[".repeat(99)));
        assert!(read(&brackets_in_text).is_ok());
    }

    #[test]
    fn bad_009_an_event_that_leaves_something_out_goes_nowhere() {
        let missing = |field: &str| {
            let mut frame: serde_json::Map<_, _> = serde_json::from_str(&group("{}")).unwrap();
            frame.remove(field);
            read(&serde_json::to_string(&frame).unwrap()).unwrap_err()
        };
        for field in ["group_id", "user_id", "message", "message_id", "self_id"] {
            assert_eq!(missing(field), DecodeError::Missing(field));
        }
        assert_eq!(missing("message_type"), DecodeError::NoSuchRoom);
        assert_eq!(
            read(&group(r#"{"group_id":null}"#)).unwrap_err(),
            DecodeError::Missing("group_id"),
            "never a private chat"
        );
        let unknown = r#"{"post_type":"gossip","self_id":1,"user_id":2}"#;
        assert!(matches!(read(unknown), Ok(Frame::Other)));
        let recall =
            r#"{"post_type":"notice","notice_type":"group_recall","self_id":1,"message_id":2}"#;
        assert_eq!(read(recall).unwrap_err(), DecodeError::Missing("group_id"));
    }

    #[test]
    fn bad_010_ids_are_opaque_text_or_nothing() {
        let chat = |id: &str| match read(&group(&format!(r#"{{"group_id":{id}}}"#))) {
            Ok(Frame::Event { event, .. }) => match event.kind {
                EventKind::Message(message) => message.address.chat.to_string(),
                other => panic!("{other:?}"),
            },
            Ok(other) => panic!("{other:?}"),
            Err(error) => error.kind().to_owned(),
        };
        for (id, expected) in [
            ("12", "12"),
            (r#""12""#, "12"),
            (r#""0012""#, "0012"),
            ("1e9", "1000000000"),
            ("1.5", "bad-id"),
            ("-5", "-5"),
            ("9007199254740993", "9007199254740993"),
            ("18446744073709551615", "18446744073709551615"),
            (r#""18446744073709551616""#, "18446744073709551616"),
            (r#""direct/5""#, "bad-id"),
            (r#""a b""#, "bad-id"),
            (r#""""#, "missing-field"),
            ("[1]", "bad-id"),
            ("true", "bad-id"),
        ] {
            assert_eq!(chat(id), expected, "{id}");
        }
        // serde_json turns only our own test's tree into a float: the wire form is read as one, too.
        let huge = group("{}").replace("30003000", "18446744073709551616");
        assert_eq!(read(&huge).unwrap_err(), DecodeError::BadId("group_id"));
    }

    #[test]
    fn bad_011_a_message_id_is_a_signed_label() {
        for id in ["0", "-2147483648", "4294967296", "9223372036854775807"] {
            let message = heard(&group(&format!(r#"{{"message_id":{id}}}"#)));
            assert_eq!(message.id.as_str(), id);
        }
    }

    #[test]
    fn bad_013_014_repeats_are_told_from_look_alikes() {
        let key = |changes: &str| heard(&group(changes)).inbox_key("qq");
        let first = key("{}");
        assert_eq!(first, key("{}"));
        let other_words = r#"{"message":[{"type":"text","data":{"text":"ai ho"}}]}"#;
        assert_ne!(first, key(other_words), "one id, two messages");
        assert_ne!(first, key(r#"{"user_id":20002001}"#));
        assert_ne!(first, key(r#"{"message_id":6}"#), "said twice");
        let counted = r#"{"real_seq":"16013"}"#;
        assert_eq!(
            key(counted),
            key(r#"{"real_seq":"16013","message_id":6}"#),
            "one message under two ids"
        );
    }

    #[test]
    fn a_sequence_is_what_counts_for_the_whole_group() {
        let sequence = |changes: &str| heard(&group(changes)).sequence.map(|s| s.to_string());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            sequence(r#"{"message_seq":5,"real_seq":"16013"}"#),
            some("16013")
        );
        assert_eq!(sequence(r#"{"message_seq":16013}"#), some("16013"));
        assert_eq!(
            sequence(r#"{"message_seq":5}"#),
            None,
            "NapCat: the id again"
        );
        assert_eq!(sequence(r#"{"message_seq":0,"real_seq":""}"#), None);
        assert_eq!(sequence("{}"), None);
    }

    #[test]
    fn bad_015_a_time_that_is_none_is_left_to_arrival() {
        let time = |time: &str| {
            let message = heard(&group(&format!(r#"{{"time":{time}}}"#)));
            message.sent_at.map(|at| at.to_string())
        };
        let noon = Some("2025-10-09T08:53:20Z".to_owned());
        assert_eq!(time("1760000000"), noon);
        assert_eq!(time(r#""1760000000""#), noon);
        assert_eq!(time("1760000000000"), noon);
        assert_eq!(time("1760000000.0"), noon);
        for nothing in ["0", "-1", "null", "5", "99999999999999999", "{}"] {
            assert_eq!(time(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn bad_016_we_know_our_own_voice_and_other_programs() {
        let kind = |changes: &str| heard(&group(changes)).sender.kind;
        assert_eq!(kind("{}"), SenderKind::Person);
        assert_eq!(kind(r#"{"user_id":10001000}"#), SenderKind::Ourselves);
        assert_eq!(kind(r#"{"user_id":"10001000"}"#), SenderKind::Ourselves);
        assert_eq!(
            kind(r#"{"post_type":"message_sent"}"#),
            SenderKind::Ourselves
        );
        assert_eq!(kind(r#"{"user_id":2854196306}"#), SenderKind::Bot);
        assert_eq!(kind(r#"{"sender":{"is_robot":true}}"#), SenderKind::Bot);
        for nobody in [80_000_000_u64, 284_840_486, 1_094_950_020] {
            let changes = format!(r#"{{"user_id":{nobody}}}"#);
            assert_eq!(kind(&changes), SenderKind::Anonymous);
        }
        assert_eq!(kind(r#"{"anonymous":{"id":1}}"#), SenderKind::Anonymous);
        assert_eq!(kind(r#"{"anonymous":null}"#), SenderKind::Person);
    }

    #[test]
    fn a_sender_is_named_by_card_or_nickname() {
        let name = |sender: &str| {
            heard(&group(&format!(r#"{{"sender":{sender}}}"#)))
                .sender
                .name
        };
        assert_eq!(name(r#"{"nickname":"Lin","card":"林"}"#), "林");
        assert_eq!(name(r#"{"nickname":"Lin","card":" "}"#), "Lin");
        assert_eq!(name(r#"{"nickname":7}"#), "7");
        assert_eq!(name("null"), "");
        assert_eq!(name(r#""nobody""#), "");
        let long = format!(r#"{{"card":"{}"}}"#, "z".repeat(10_000));
        assert_eq!(name(&long).len(), LONGEST_NAME);
    }

    #[test]
    fn bad_018_an_array_wins_over_a_string() {
        let frame = group(r#"{"raw_message":"[CQ:at,qq=1]ai something else"}"#);
        match read(&frame) {
            Ok(Frame::Event {
                event:
                    Event {
                        kind: EventKind::Message(message),
                        ..
                    },
                differs,
                ..
            }) => {
                assert!(differs);
                assert_eq!(message.text(), "ai hi");
            }
            other => panic!("{other:?}"),
        }
        let same = group(r#"{"raw_message":"ai hi"}"#);
        assert!(matches!(
            read(&same),
            Ok(Frame::Event { differs: false, .. })
        ));
    }

    #[test]
    fn a_message_is_read_in_every_form() {
        let text = |message: &str| heard(&group(&format!(r#"{{"message":{message}}}"#))).readable();
        assert_eq!(text(r#""[CQ:at,qq=5] ai hi""#), "@5 ai hi");
        assert_eq!(text(r#"{"type":"text","data":{"text":"alone"}}"#), "alone");
        assert_eq!(
            text(r#"[{"data":{"text":"turned round"},"type":"text"}]"#),
            "turned round"
        );
        assert_eq!(
            text(r#"[{"type":"text","data":{"text":"a\r\nb\rc"}}]"#),
            "a\nb\nc"
        );
        assert_eq!(text(r#"[{"type":"text","data":{"text":7}}]"#), "7");
        assert_eq!(
            text(r#"[{"type":"text","data":null},{"type":"text"},"plain",3,null]"#),
            "[text][text]plain[][]"
        );
        assert_eq!(text("[]"), "");
        assert_eq!(text(r#"[{"type":"poke","data":{"id":"1"}}]"#), "[poke]");
        let nothing = group(r#"{"message":7}"#);
        assert_eq!(read(&nothing).unwrap_err(), DecodeError::Missing("message"));
    }

    #[test]
    fn bad_019_the_first_two_hundred_segments_are_kept() {
        let array = format!(
            r#"{{"message":[{}]}}"#,
            vec![r#"{"type":"face","data":{"id":"1"}}"#; 10_000].join(",")
        );
        let string = format!(r#"{{"message":"{}"}}"#, "[CQ:face,id=1]".repeat(10_000));
        for changes in [array, string] {
            let message = heard(&group(&changes));
            assert_eq!(message.segments.len(), 201);
            let last = serde_json::to_string(message.segments.last().unwrap()).unwrap();
            assert_eq!(
                last,
                r#"{"type":"unsupported","data":{"kind":"too-long","fields":{"dropped":9800}}}"#
            );
        }
        let open = format!(r#"{{"message":"{}"}}"#, "[CQ:at,qq=".repeat(10_000));
        assert_eq!(
            heard(&group(&open)).text().len(),
            100_000,
            "plain text where unclear"
        );
    }

    #[test]
    fn bad_020_an_outer_mention_names_one_member() {
        let mentions = |message: &str| {
            heard(&group(&format!(r#"{{"message":{message}}}"#)))
                .mentions(&MemberId::new("10001000"))
        };
        assert!(mentions(r#"[{"type":"at","data":{"qq":"10001000"}}]"#));
        assert!(mentions(
            r#"[{"type":"at","data":{"qq":5}},{"type":"at","data":{"qq":10001000}}]"#
        ));
        assert!(!mentions(r#"[{"type":"at","data":{"qq":"all"}}]"#));
        assert!(!mentions(r#"[{"type":"at","data":{"qq":"100010001"}}]"#));
        assert!(!mentions(r#"[{"type":"at","data":{"qq":""}}]"#));
        let inside =
            r#"[{"type":"node","data":{"content":[{"type":"at","data":{"qq":"10001000"}}]}}]"#;
        assert!(!mentions(inside));
    }

    #[test]
    fn half_a_character_spoils_only_itself() {
        for (sent, expected) in [
            (r"half \ud83d", "half \u{fffd}"),
            (
                r"half \udc4d and \ud83d\ud83d\udc4d",
                "half \u{fffd} and \u{fffd}👍",
            ),
            (r"\uD83D\uDC4D", "👍"),
            (r"\\ud83d", r"\ud83d"),
        ] {
            let frame = group("{}").replace("ai hi", sent);
            assert_eq!(heard(&frame).text(), expected, "{sent}");
        }
        assert_eq!(read(r#"{"a":"\ud8"#).unwrap_err(), DecodeError::NotJson);
    }

    #[test]
    fn a_history_holds_nothing_of_other_chats() {
        let past = |changes: &str, chat: &str| {
            let item = group(changes);
            let account = AccountName::new("qq");
            decode_past(item.as_bytes(), &account, &ChatId::new(chat), "10001000").is_ok()
        };
        assert!(past("{}", "30003000"));
        assert!(past(
            r#"{"group_id":null,"self_id":null,"post_type":null}"#,
            "30003000"
        ));
        assert!(!past("{}", "30003001"));
        assert!(!past("{}", "direct/20002000"));
        assert!(past(r#"{"message_type":"private"}"#, "direct/20002000"));
    }

    #[test]
    fn a_direct_chat_is_never_taken_for_a_group() {
        let chat = |changes: &str| {
            let frame = group(r#"{"message_type":"private","sub_type":"friend","group_id":null}"#);
            let mut frame: serde_json::Map<_, _> = serde_json::from_str(&frame).unwrap();
            let changes: serde_json::Map<_, _> = serde_json::from_str(changes).unwrap();
            frame.extend(changes);
            let message = heard(&serde_json::to_string(&frame).unwrap());
            assert_eq!(message.room_kind, RoomKind::Direct);
            assert_eq!(
                Chat::of(&message.address.chat).unwrap().id(),
                message.address.chat
            );
            message.address.chat.to_string()
        };
        assert_eq!(chat("{}"), "direct/20002000");
        assert_eq!(chat(r#"{"group_id":30003000}"#), "direct/20002000");
        assert_eq!(
            chat(r#"{"sub_type":"group","group_id":30003000}"#),
            "direct/20002000@30003000"
        );
        assert_eq!(
            chat(r#"{"sub_type":"group","sender":{"group_id":30003000}}"#),
            "direct/20002000@30003000"
        );
        assert_eq!(
            chat(r#"{"sub_type":"group","group_id":284840486}"#),
            "direct/20002000"
        );
        assert_eq!(
            chat(r#"{"post_type":"message_sent","user_id":10001000,"target_id":20002000}"#),
            "direct/20002000"
        );
        for foreign in ["direct/", "direct/1/2", "direct/1@", "a/b", "1@2", ""] {
            assert_eq!(Chat::of(&ChatId::new(foreign)), None, "{foreign}");
        }
    }

    #[test]
    fn notices_have_words_of_ours() {
        let notice = |fields: &str| {
            let kind = event(&format!(
                r#"{{"post_type":"notice","self_id":1,"group_id":3,"user_id":2,{fields}}}"#
            ));
            serde_json::to_string(&kind).unwrap()
        };
        for (fields, expected) in [
            (
                r#""notice_type":"group_recall","operator_id":4,"message_id":-9"#,
                r#"{"event":"recall","chat":"3","room_kind":"group","message":"-9","author":"2","operator":"4"}"#,
            ),
            (
                r#""notice_type":"friend_recall","message_id":9"#,
                r#"{"event":"recall","chat":"direct/2","room_kind":"direct","message":"9","author":"2","operator":"2"}"#,
            ),
            (
                r#""notice_type":"group_increase","sub_type":"approve""#,
                r#"{"event":"member-joined","chat":"3","member":"2"}"#,
            ),
            (
                r#""notice_type":"group_decrease","sub_type":"kick_me""#,
                r#"{"event":"member-left","chat":"3","member":"2"}"#,
            ),
            (
                r#""notice_type":"group_admin","sub_type":"set""#,
                r#"{"event":"role-changed","chat":"3","member":"2","role":"admin"}"#,
            ),
            (
                r#""notice_type":"group_ban","sub_type":"ban","duration":600"#,
                r#"{"event":"muted","chat":"3","member":"2","seconds":600}"#,
            ),
            (
                r#""notice_type":"group_ban","sub_type":"lift_ban","duration":600"#,
                r#"{"event":"muted","chat":"3","member":"2","seconds":0}"#,
            ),
            (
                r#""notice_type":"bot_offline","tag":"x""#,
                r#"{"event":"account","online":false}"#,
            ),
            (
                r#""notice_type":"notify","sub_type":"poke","target_id":1"#,
                r#"{"event":"other","raw_kind":"notice.notify.poke"}"#,
            ),
            (
                r#""notice_type":"essence","sub_type":"add""#,
                r#"{"event":"other","raw_kind":"notice.essence"}"#,
            ),
        ] {
            assert_eq!(notice(fields), expected, "{fields}");
        }
        let all = r#"{"post_type":"notice","notice_type":"group_ban","sub_type":"ban","self_id":1,"group_id":3,"user_id":0,"duration":-1}"#;
        assert!(matches!(
            event(all),
            EventKind::Muted {
                member: None,
                seconds: -1,
                ..
            }
        ));
    }

    #[test]
    fn the_account_is_there_unless_its_bridge_says_no() {
        for (fields, there) in [
            (
                r#""meta_event_type":"lifecycle","sub_type":"connect""#,
                true,
            ),
            (
                r#""meta_event_type":"lifecycle","sub_type":"disable""#,
                false,
            ),
            (
                r#""meta_event_type":"heartbeat","status":{"online":true,"good":true}"#,
                true,
            ),
            (
                r#""meta_event_type":"heartbeat","status":{"online":false}"#,
                false,
            ),
            (r#""meta_event_type":"heartbeat","status":{}"#, true),
            (r#""meta_event_type":"heartbeat""#, true),
        ] {
            let kind = event(&format!(
                r#"{{"post_type":"meta_event","self_id":1,{fields}}}"#
            ));
            assert_eq!(kind, EventKind::Account { online: there }, "{fields}");
        }
    }

    #[test]
    fn a_response_is_known_by_what_it_lacks() {
        let response = |frame: &str| match read(frame) {
            Ok(Frame::Response(response)) => response,
            other => panic!("{other:?}"),
        };
        let ok = response(
            r#"{"status":"ok","retcode":0,"data":{"message_id":5},"message":"","wording":"","echo":"th-1"}"#,
        );
        assert_eq!(ok.echo, Echo::Text("th-1".into()));
        assert_eq!(ok.retcode, Some(0));
        let cq = response(
            r#"{"status":"failed","retcode":100,"data":null,"msg":"SEND_MSG_API_ERROR","wording":"blocked","echo":"x"}"#,
        );
        assert_eq!(
            (cq.words.as_str(), cq.code.as_str()),
            ("blocked", "SEND_MSG_API_ERROR")
        );
        assert_eq!(
            response(r#"{"status":"failed","retcode":1400}"#).echo,
            Echo::Missing
        );
        assert_eq!(
            response(r#"{"status":"ok","retcode":0,"echo":""}"#).echo,
            Echo::Missing
        );
        assert_eq!(
            response(r#"{"status":"ok","retcode":0,"echo":{"a":1}}"#).echo,
            Echo::Odd
        );
        assert!(matches!(read("{}"), Ok(Frame::Other)));
    }

    #[test]
    fn bad_001_what_is_no_frame_is_named() {
        for (frame, expected) in [
            ("", DecodeError::NotJson),
            ("hello", DecodeError::NotJson),
            ("{", DecodeError::NotJson),
            ("{} trailing", DecodeError::NotJson),
            ("null", DecodeError::NotAnObject),
            ("[1]", DecodeError::NotAnObject),
            ("\"text\"", DecodeError::NotAnObject),
        ] {
            assert_eq!(read(frame).unwrap_err(), expected, "{frame}");
        }
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(LONGEST_FRAME));
        assert_eq!(read(&long).unwrap_err(), DecodeError::TooLong);
    }
}

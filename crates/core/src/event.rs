//! What a platform tells us, in our own words: steps 1 and 2 of the journey read these types.
//! Adapters make them from frames; nothing here knows a protocol, a socket or a clock.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use ulid::Ulid;

/// The shape of a stored or forwarded [`Event`]; raised when a field changes its meaning.
pub const EVENT_VERSION: u16 = 1;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes the platform's own text as it is.
            pub fn new(id: impl Into<Box<str>>) -> Self {
                Self(id.into())
            }

            /// The text, for storing and printing; only its adapter may look inside.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// An account by the name its settings give it, such as `qq`.
    AccountName
}
text_id! {
    /// A group or direct chat as its platform names it.
    ChatId
}
text_id! {
    /// A person or bot as its platform names it.
    MemberId
}
text_id! {
    /// A message as one account of the platform names it: a label, neither unique nor ordered without its chat.
    MessageId
}
text_id! {
    /// A number that counts the messages of one chat for everybody in it, where the platform has one.
    Sequence
}

macro_rules! our_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Ulid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

our_id! {
    /// A room: ours, stable; many addresses may lead to one.
    RoomId
}
our_id! {
    /// A question and its answer, start to end.
    TurnId
}

/// Where a room is reached: one of our accounts, and the chat as its platform names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// Which of our accounts hears it.
    pub account: AccountName,
    /// The platform's own id of the chat.
    pub chat: ChatId,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.account, self.chat)
    }
}

/// A group, or a chat with one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoomKind {
    /// Many people.
    Group,
    /// One person and us.
    Direct,
}

/// A member's standing in a room, as the platform says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Anybody.
    Member,
    /// May mute and recall.
    Admin,
    /// Owns the group.
    Owner,
}

impl Role {
    /// Whether admin verbs bind for this role.
    pub fn is_admin(self) -> bool {
        match self {
            Role::Admin | Role::Owner => true,
            Role::Member => false,
        }
    }
}

/// What kind of being speaks: the house answers persons only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SenderKind {
    /// A person with an account.
    Person,
    /// The account itself: our own echo, or the owner typing on a phone.
    Ourselves,
    /// Another program.
    Bot,
    /// Anonymous or a placeholder of the platform: no quota can be kept for it.
    Anonymous,
}

/// Who said a message, as the frame claims it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The platform's id.
    pub id: MemberId,
    /// Group card, else nickname; text, never identity.
    pub name: String,
    /// Claimed in the frame: no right rests on it until the member list agrees.
    pub role: Option<Role>,
    /// Person, bot, ourselves, anonymous.
    pub kind: SenderKind,
}

/// A picture, voice, video or file as the platform describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Name or token; never used as a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where the platform keeps it, for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// All other fields as they came.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// One piece of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "kebab-case")]
pub enum Segment {
    /// Words.
    Text {
        /// With `\n` for every kind of line end.
        text: String,
    },
    /// One member is called.
    Mention {
        /// Who.
        member: MemberId,
        /// All other fields as they came.
        #[serde(flatten)]
        more: Map<String, Value>,
    },
    /// Everybody is called.
    MentionAll {
        /// All other fields as they came.
        #[serde(flatten)]
        more: Map<String, Value>,
    },
    /// An earlier message is quoted.
    Quote {
        /// Which, by the label of the account that heard it.
        message: MessageId,
        /// All other fields as they came.
        #[serde(flatten)]
        more: Map<String, Value>,
    },
    /// A picture.
    Image(Media),
    /// A voice message.
    Voice(Media),
    /// A video.
    Video(Media),
    /// A file.
    File(Media),
    /// A built-in face of the platform.
    Face {
        /// Its number.
        id: String,
        /// All other fields as they came.
        #[serde(flatten)]
        more: Map<String, Value>,
    },
    /// A bundle of forwarded messages.
    Forward {
        /// The platform's handle of the bundle.
        id: String,
        /// All other fields as they came.
        #[serde(flatten)]
        more: Map<String, Value>,
    },
    /// What we have no word for; kept so that rules can see it.
    Unsupported {
        /// The platform's word.
        kind: String,
        /// All its fields.
        fields: Value,
    },
}

/// What a member said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Where it was said; answers go there and nowhere else.
    pub address: Address,
    /// A group or a direct chat.
    pub room_kind: RoomKind,
    /// The hearing account's label.
    pub id: MessageId,
    /// The chat-wide number, where there is one.
    pub sequence: Option<Sequence>,
    /// Who said it.
    pub sender: Sender,
    /// What was said.
    pub segments: Vec<Segment>,
    /// When, by the platform's clock.
    pub sent_at: Option<Timestamp>,
}

/// So many pieces of words beside a message are looked at, …
const MOST_BESIDE: usize = 200;
/// … so deep in its cards.
const DEEPEST_BESIDE: usize = 6;

/// Whose the fields are that are named like links.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    /// Where the platform keeps a picture or a file: nobody's word.
    OfThePlatform,
    /// Where a card leads.
    OfTheSender,
}

fn words_in<'v>(value: &'v Value, words: &mut Vec<&'v str>, depth: usize, links: Links) {
    if depth > DEEPEST_BESIDE || words.len() >= MOST_BESIDE {
        return;
    }
    match value {
        Value::String(text) => words.push(text),
        Value::Array(values) => values
            .iter()
            .for_each(|value| words_in(value, words, depth + 1, links)),
        Value::Object(fields) => words_in_map(fields, words, depth, links),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn words_in_map<'v>(
    fields: &'v Map<String, Value>,
    words: &mut Vec<&'v str>,
    depth: usize,
    links: Links,
) {
    for (name, value) in fields {
        let is_place = matches!(name.as_str(), "url" | "file_id" | "path" | "file");
        if !is_place || links == Links::OfTheSender {
            words_in(value, words, depth + 1, links);
        }
    }
}

impl Message {
    /// The words only: text segments joined, nothing for the rest.
    pub fn text(&self) -> String {
        self.segments
            .iter()
            .filter_map(|segment| {
                if let Segment::Text { text } = segment {
                    Some(text.as_str())
                } else {
                    None
                }
            })
            .collect()
    }

    /// The handles of what is folded up in it.
    pub fn bundles(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| {
            if let Segment::Forward { id, .. } = segment {
                Some(id.as_str()).filter(|id| !id.is_empty())
            } else {
                None
            }
        })
    }

    /// Other words that came with it: the sender's name, names of files, whatever stands in cards. Bounded; a link there
    /// is a link.
    pub fn beside(&self) -> Vec<&str> {
        let mut words = vec![self.sender.name.as_str()];
        for segment in &self.segments {
            match segment {
                Segment::File(media) => words.extend(media.file.as_deref()),
                Segment::Forward { more, .. } => {
                    words_in_map(more, &mut words, 0, Links::OfThePlatform)
                }
                Segment::Unsupported { kind, fields } => {
                    let links = match kind.as_str() {
                        // Cards: where they lead is what they say.
                        "json" | "xml" | "share" | "music" | "markdown" | "lightapp" | "app" => {
                            Links::OfTheSender
                        }
                        _ => Links::OfThePlatform,
                    };
                    words_in(fields, &mut words, 0, links);
                }
                Segment::Text { .. }
                | Segment::Mention { .. }
                | Segment::MentionAll { .. }
                | Segment::Quote { .. }
                | Segment::Image(_)
                | Segment::Voice(_)
                | Segment::Video(_)
                | Segment::Face { .. } => {}
            }
        }
        words
    }

    /// What a reader of the room sees, one short placeholder for each thing that is not text.
    pub fn readable(&self) -> String {
        let mut out = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Text { text } => out.push_str(text),
                Segment::Mention { member, .. } => {
                    out.push('@');
                    out.push_str(member.as_str());
                }
                Segment::MentionAll { .. } => out.push_str("@all"),
                Segment::Quote { .. } => {}
                Segment::Image(_) => out.push_str("[image]"),
                Segment::Voice(_) => out.push_str("[voice]"),
                Segment::Video(_) => out.push_str("[video]"),
                Segment::File(_) => out.push_str("[file]"),
                Segment::Face { .. } => out.push_str("[face]"),
                Segment::Forward { .. } => out.push_str("[forward]"),
                Segment::Unsupported { kind, .. } => {
                    out.push('[');
                    out.extend(kind.chars().filter(|c| !c.is_control()).take(24));
                    out.push(']');
                }
            }
        }
        out
    }

    /// The message this one answers, if it quotes one.
    pub fn reply_to(&self) -> Option<&MessageId> {
        self.segments.iter().find_map(|segment| {
            if let Segment::Quote { message, .. } = segment {
                Some(message)
            } else {
                None
            }
        })
    }

    /// Whether one of its outer mentions names this member.
    pub fn mentions(&self, who: &MemberId) -> bool {
        self.segments
            .iter()
            .any(|segment| matches!(segment, Segment::Mention { member, .. } if member == who))
    }

    /// The key that makes a repeat of this message harmless, the same on every socket, path and account:
    /// platform, chat and sequence where the bridge counts for the whole chat; else everything that tells two
    /// messages apart, since a message id alone is a 31-bit hash that collides.
    pub fn inbox_key(&self, platform: &str) -> InboxKey {
        let mut hash = Sha256::new();
        let mut field = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        match &self.sequence {
            Some(sequence) => {
                field("sequence");
                field(platform);
                field(self.address.chat.as_str());
                field(sequence.as_str());
            }
            None => {
                field("content");
                field(self.address.account.as_str());
                field(self.address.chat.as_str());
                field(self.id.as_str());
                field(self.sender.id.as_str());
                field(&self.sent_at.map_or_else(String::new, |at| at.to_string()));
                field(&serde_json::to_string(&self.segments).unwrap_or_default());
            }
        }
        let digest = hash.finalize();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        InboxKey(key)
    }
}

/// Tells a repeat from a new message; see [`Message::inbox_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InboxKey(pub [u8; 16]);

/// Anything a platform tells us.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// [`EVENT_VERSION`] when it was made.
    pub version: u16,
    /// Which of our accounts heard it.
    pub account: AccountName,
    /// When, by the platform's clock.
    pub time: Option<Timestamp>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// Somebody said something; our own echo has [`SenderKind::Ourselves`].
    Message(Message),
    /// A message was taken back.
    Recall {
        /// Where.
        chat: ChatId,
        /// In a group or a direct chat.
        room_kind: RoomKind,
        /// Which.
        message: MessageId,
        /// Whose it was.
        author: Option<MemberId>,
        /// Who took it back.
        operator: Option<MemberId>,
    },
    /// Somebody came in.
    MemberJoined {
        /// Where.
        chat: ChatId,
        /// Who.
        member: MemberId,
    },
    /// Somebody left or was removed.
    MemberLeft {
        /// Where.
        chat: ChatId,
        /// Who.
        member: MemberId,
    },
    /// A role was given or taken.
    RoleChanged {
        /// Where.
        chat: ChatId,
        /// Whose.
        member: MemberId,
        /// What it is now.
        role: Role,
    },
    /// A member (or, without one, everybody) was muted, or may speak again.
    Muted {
        /// Where.
        chat: ChatId,
        /// Who; nobody means the whole group.
        member: Option<MemberId>,
        /// For how many seconds; 0 lifts.
        seconds: i64,
    },
    /// The account itself is online, or not.
    Account {
        /// Whether the platform's side says it is there.
        online: bool,
    },
    /// What we have no use for yet, by the platform's own name for it.
    Other {
        /// Such as `notice.essence`.
        raw_kind: String,
    },
}

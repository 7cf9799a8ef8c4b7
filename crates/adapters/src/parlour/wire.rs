//! What a page and the parlour say to each other: JSON text frames, `type` first. The same shape of a line is kept in
//! the log. Nothing here decides, and nothing of a token but the hello's own.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock::ClockShown;
use super::seat::SeatRole;

/// What a page says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum FromSeat {
    /// The first frame: who sits here, and what was seen already.
    Hello {
        /// Proof of the seat.
        seat_token: String,
        /// The newest line seen.
        #[serde(default)]
        last_id: u64,
        /// Take the seat over from another tab.
        #[serde(default)]
        take: bool,
    },
    /// A message.
    Msg(NewMessage),
    /// A message is taken back.
    Recall {
        /// Which.
        id: u64,
    },
    /// Somebody is typing.
    Typing,
}

/// What a seat would like to say.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct NewMessage {
    /// The page's own label: the same again is the same message.
    pub client_id: String,
    /// The words.
    #[serde(default)]
    pub text: String,
    /// The line it answers.
    #[serde(default)]
    pub reply_to: Option<u64>,
    /// Seats that are called, or `house`.
    #[serde(default)]
    pub mentions: Vec<String>,
    /// A picture that was handed in before, by its hash.
    #[serde(default)]
    pub image: Option<String>,
    /// A file by its name alone.
    #[serde(default)]
    pub file: Option<String>,
}

/// What the parlour says; lines go out as [`Line`].
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ToSeat<'a> {
    /// The hello was right.
    Welcome {
        /// The seat.
        you: &'a str,
        /// The room's title.
        title: &'a str,
        /// Who sits here, the clock, the model.
        state: &'a RoomShown,
        /// What was not seen yet, at most the newest 200.
        lines: Vec<&'a Line>,
        /// The newest line.
        last_id: u64,
    },
    /// Another tab sits here: say hello again with `take`, or not.
    SeatedElsewhere,
    /// Another tab has taken the seat.
    Taken,
    /// The seat was removed.
    Removed {
        /// In the owner's words.
        why: &'a str,
        /// Whether it has said something against it already.
        appealed: bool,
    },
    /// The token is nobody's.
    NoSeat,
    /// The message is in the room.
    Ack {
        /// The page's label.
        client_id: &'a str,
        /// Its place.
        id: u64,
    },
    /// It is not.
    Refused {
        /// The page's label.
        client_id: &'a str,
        /// Why.
        why: Refusal,
    },
    /// A message was taken back.
    Recalled {
        /// Which.
        id: u64,
        /// By whom.
        by: &'a str,
    },
    /// The house works on a question.
    Working {
        /// Which.
        id: u64,
    },
    /// Somebody is typing.
    Typing {
        /// Who.
        seat: &'a str,
    },
    /// What became of a message.
    Chip {
        /// Which.
        id: u64,
        /// The rest.
        #[serde(flatten)]
        chip: &'a Chip,
    },
    /// Something about the room has changed.
    State(&'a RoomShown),
}

/// Why a message is not in the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The seat is muted.
    Muted,
    /// The seat was removed.
    Removed,
    /// A lurker listens.
    Lurker,
    /// Longer than 4,000 characters.
    TooLong,
    /// More than five a second.
    TooFast,
    /// Nothing is left of it.
    Empty,
    /// What is meant is not here any more.
    Gone,
    /// The log cannot keep up.
    Full,
    /// The platform that is played lets nobody take back what is so old.
    TooLate,
}

/// One line of a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Line {
    /// Somebody said something.
    Msg(Box<Said>),
    /// Something happened.
    Line(Happened),
}

impl Line {
    /// Its place in the room.
    pub fn id(&self) -> u64 {
        match self {
            Line::Msg(said) => said.id,
            Line::Line(happened) => happened.id,
        }
    }

    /// When, in milliseconds.
    pub fn at(&self) -> i64 {
        match self {
            Line::Msg(said) => said.at,
            Line::Line(happened) => happened.at,
        }
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// Its place: the order everybody sees.
    pub id: u64,
    /// When, by the real clock, in milliseconds.
    pub at: i64,
    /// When, by the room's clock.
    pub room_at: i64,
    /// Who.
    pub from: Speaker,
    /// The words; none once it is taken back.
    pub text: String,
    /// The line it answers.
    pub reply_to: Option<u64>,
    /// Seats that are called, or `house`.
    pub mentions: Vec<String>,
    /// A picture by its hash.
    pub image: Option<String>,
    /// A file by its name alone.
    pub file: Option<String>,
    /// Which answer it is a part of.
    pub turn: Option<String>,
    /// Its place in that answer.
    pub part: u16,
    /// Who took it back.
    pub recalled: Option<Recalled>,
    /// What became of it.
    pub chip: Option<Chip>,
    /// The page's own label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// Who said it, as they were then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speaker {
    /// The seat, or `house`.
    pub seat: String,
    /// The name.
    pub name: String,
    /// The role; the house has none.
    pub role: Option<SeatRole>,
    /// Person, bot or house.
    pub kind: SpeakerKind,
}

/// What kind of being speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpeakerKind {
    /// Somebody at a page.
    Person,
    /// Another program, for rehearsals.
    Bot,
    /// The house.
    House,
}

/// A message was taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recalled {
    /// By which seat.
    pub by: String,
}

/// What became of a message, in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chip {
    /// The reason's code.
    pub reason: String,
    /// From hearing it to its end.
    pub millis: u64,
    /// In and out.
    pub tokens: u64,
    /// What it cost, such as `0.00043`; nothing if it was free.
    pub cost: Option<String>,
    /// In which money.
    pub currency: Option<String>,
}

/// Something that is no message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Happened {
    /// Its place.
    pub id: u64,
    /// When, in milliseconds.
    pub at: i64,
    /// What.
    pub kind: HappenedKind,
    /// To whom.
    pub seat: Option<String>,
    /// To what, in one word or time.
    pub value: Option<String>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HappenedKind {
    /// The room's clock was set; the value is its time.
    Clock,
    /// Somebody sat down; the value is the name.
    Joined,
    /// Somebody left; the value is the name.
    Left,
    /// A seat may not speak; the value is for how many seconds.
    Muted,
    /// It may again.
    Unmuted,
    /// A seat was asked to leave; the value is the name.
    Removed,
    /// It may come back; the value is the name.
    Back,
    /// A role was given; the value is the role.
    Role,
    /// A name was changed; the value is the new one.
    Renamed,
    /// Another model answers; the value is its choice.
    Model,
    /// The room was renamed.
    Title,
}

/// Who sits in a room, its clock, its model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoomShown {
    /// The seats in the order they were taken.
    pub seats: Vec<SeatShown>,
    /// The clock.
    pub clock: ClockShown,
    /// Who answers.
    pub model: ModelShown,
    /// Which platform it plays.
    pub skin: Skin,
}

/// A seat as everybody sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeatShown {
    /// Its id.
    pub seat: String,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: SeatRole,
    /// Whether a tab sits there.
    pub online: bool,
    /// May speak again then, by the real clock in milliseconds.
    pub muted_until: Option<i64>,
}

/// Who answers in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelShown {
    /// A provider's name, `local` or `parrot`; empty is what the house's charter says.
    pub choice: String,
    /// The fault that is played before it.
    pub fault: Option<String>,
    /// How the model on this machine stands.
    pub local: LocalShown,
}

/// How the model on this machine stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LocalShown {
    /// In one word.
    pub state: LocalStanding,
    /// How much of it is fetched.
    pub percent: Option<u8>,
}

/// How the model on this machine stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalStanding {
    /// It answers.
    Ready,
    /// It is not here.
    Missing,
    /// It comes over the wire.
    Fetching,
    /// It is read into memory.
    Loading,
    /// It cannot run.
    Failed,
}

/// Which platform a room plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skin {
    /// None in particular.
    #[default]
    Plain,
    /// QQ.
    Qq,
    /// Telegram.
    Telegram,
}

impl Skin {
    /// Whether an answer grows in one message: where a message cannot be edited, its parts stand alone.
    pub fn joins_parts(self) -> bool {
        match self {
            Skin::Plain | Skin::Telegram => true,
            Skin::Qq => false,
        }
    }

    /// How long members may take back their own messages; nothing means for ever. Admins always may.
    pub fn recall_within(self) -> Option<Duration> {
        match self {
            Skin::Plain => None,
            Skin::Qq => Some(Duration::from_secs(2 * 60)),
            Skin::Telegram => Some(Duration::from_secs(48 * 3_600)),
        }
    }

    /// The wire's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Skin::Plain => "plain",
            Skin::Qq => "qq",
            Skin::Telegram => "telegram",
        }
    }
}

/// A picture was taken in.
#[derive(Debug, Serialize, Deserialize)]
pub struct Picture {
    /// Its hash, by which a message names it.
    pub image: String,
}

/// A seat that was muted or removed says why that was wrong.
#[derive(Debug, Deserialize)]
pub(super) struct Appeal {
    /// Proof of the seat.
    pub(super) proof: String,
    /// Why.
    pub(super) why: String,
}

/// Somebody comes with an invitation.
#[derive(Debug, Deserialize)]
pub struct Join {
    /// The invitation's token.
    pub invite: String,
    /// How to be called.
    pub name: String,
}

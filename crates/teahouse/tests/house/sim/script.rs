//! What happens in the rooms of an evening: who says what, and when. Drawn from the seed, room by room, so that one
//! room's evening is the same whatever happens next door.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use teahouse::clock::Clock;
use teahouse_core::{
    AccountName, Address, ChatId, EventKind, FRESHNESS, MemberId, Message, MessageId, Role,
    RoomKind, Segment, Sender, SenderKind, Sequence,
};
use teahouse_testkit::platform::us;

use super::chance::Chance;
use super::laws::number;
use super::platform::{incoming, kind_of, role_of};
use super::world::{Act, Shown, Spoken, World};

/// So long people talk.
pub const EVENING: Duration = Duration::from_secs(600);

const TEN_YEARS: SignedDuration = SignedDuration::from_hours(87_660);
const NIGHT: Duration = Duration::from_secs(8 * 3_600);

const MEMBERS: [&str; 4] = ["lin", "chen", "mei", "bo"];

/// One thing of the script.
#[derive(Clone, Debug)]
pub enum Line {
    /// Somebody says something in a room.
    Speaks(ChatId),
    /// Somebody takes a message back.
    TakesBack(ChatId),
    /// The link goes down for so many seconds.
    LinkDown(u64),
    /// The machine sleeps for so long, and everybody else with it; its link does not outlive that.
    Sleeps(Duration),
    /// The disk stands still for so long.
    DiskStands(Duration),
    /// Somebody sets the wall clock.
    ClockJumps(SignedDuration),
    /// The house is told to restart.
    Restarts,
    /// Everybody goes home, and nothing goes wrong any more.
    Over,
}

/// The rooms of this evening.
pub fn rooms(world: &World) -> Vec<ChatId> {
    let groups = 2 + world.chance.of("rooms").below(3);
    let name = |n| match n {
        0 => ChatId::new("d0"),
        n => ChatId::new(format!("g{n}")),
    };
    (0..=groups).map(name).collect()
}

/// Puts the evening's script into the world.
pub fn write(world: &World) {
    let mut truth = world.truth();
    for chat in rooms(world) {
        truth.rooms.entry(chat.clone()).or_default();
        if world.faults.empty_room == Some(number(&chat)) {
            continue;
        }
        let dice = world.chance.of("script").of(chat.as_str());
        let busy = dice.of("busy").one(&[6, 12, 30, 60]);
        let crowd = dice.of("crowd").below(EVENING.as_millis() as u64);
        for n in 0..busy {
            let dice = dice.nth(n);
            // Half of a busy room's lines come within a minute.
            let at = match busy > 20 && n % 2 == 0 {
                true => crowd + dice.of("at").below(60_000),
                false => dice.of("at").below(EVENING.as_millis() as u64),
            };
            let line = match dice.of("what").below(12) {
                0 => Line::TakesBack(chat.clone()),
                _ => Line::Speaks(chat.clone()),
            };
            truth.put(Duration::from_millis(at), Act::Play(line));
        }
    }
    let faults = &world.faults;
    for second in (5..EVENING.as_secs()).step_by(10) {
        let dice = world.chance.of("machine").nth(second);
        let mut put = |name: &str, often, line| {
            if dice.of(name).happens(often) {
                truth.put(Duration::from_secs(second), Act::Play(line));
            }
        };
        let length = dice.of("down").one(&[1, 5, 30, 120, 400]);
        put("link", faults.link, Line::LinkDown(length));
        let jump = dice
            .of("jump")
            .one(&[3_600, -3_600, 86_400, -86_400, 5, -5, -300]);
        put(
            "clock",
            faults.clock,
            Line::ClockJumps(SignedDuration::from_secs(jump)),
        );
        put("restart", faults.restart, Line::Restarts);
        let years = dice.of("far jump").one(&[TEN_YEARS, -TEN_YEARS]);
        put("far", faults.far, Line::ClockJumps(years));
        put("sleeps", faults.sleeps, Line::Sleeps(NIGHT));
    }
    if faults.stands {
        let second = 30 + world.chance.of("stands").below(200);
        let line = Line::DiskStands(FRESHNESS + Duration::from_secs(100));
        truth.put(Duration::from_secs(second), Act::Play(line));
    }
    truth.put(EVENING, Act::Play(Line::Over));
}

/// Somebody says something: everybody sees it, and the house may hear of it.
pub fn speaks(world: &Arc<World>, accounts: &[AccountName], chat: &ChatId) {
    let dice = world.dice(&format!("says {chat}"));
    let (serial, shown_before) = {
        let mut truth = world.truth();
        let serial = truth.count(&format!("serial {chat}"));
        (serial, truth.rooms[chat].shown.clone())
    };
    let said = words(dice, chat, serial, &shown_before);
    if !world.truth().may_speak(chat, said.member) {
        return;
    }
    let label = match shown_before.iter().rev().find(|shown| shown.who.is_some()) {
        Some(old) if world.strikes(dice.of("same label"), world.faults.same_label) => {
            let label = old.label.clone();
            let mut truth = world.truth();
            let room = truth.rooms.entry(chat.clone()).or_default();
            room.collided.insert(label.clone());
            label
        }
        _ => {
            let n = world.truth().count(&format!("label {chat}"));
            MessageId::new(format!("{chat}m{n}"))
        }
    };
    let now = world.now();
    let sent_at = now - said.age;
    let message = |account: &AccountName| Message {
        address: Address {
            account: account.clone(),
            chat: chat.clone(),
        },
        room_kind: kind_of(chat),
        id: label.clone(),
        sequence: (!world.faults.no_sequence).then(|| Sequence::new(serial.to_string())),
        sender: Sender {
            id: MemberId::new(said.member),
            name: said.member.to_owned(),
            role: Some(if said.member == "mei" {
                Role::Admin
            } else {
                Role::Member
            }),
            kind: said.kind,
        },
        segments: said.segments.clone(),
        sent_at: Some(sent_at),
    };
    let first = message(&accounts[0]);
    let mut truth = world.truth();
    truth.note(
        chat.as_str(),
        format!("{} {label}: {}", said.member, short(&first.readable())),
    );
    let room = truth.rooms.entry(chat.clone()).or_default();
    room.silenced |= said.silences;
    room.shown.push(Shown {
        label: label.clone(),
        who: Some(said.member.to_owned()),
        text: first.readable(),
        quote: first.reply_to().cloned(),
        recalled: false,
        told: Some(first.clone()),
    });
    let spoken = Spoken {
        chat: chat.clone(),
        label: label.clone(),
        calls: said.calls,
        spam: said.spam,
        asks: said.asks && said.age < FRESHNESS,
        under: truth.shift,
        told: None,
        heard: BTreeMap::new(),
        seemed_old: Default::default(),
        forgotten: Default::default(),
    };
    truth.said.insert(said.token.clone(), spoken);
    drop(truth);
    // A direct chat is with one account only.
    let hearing = if kind_of(chat) == RoomKind::Direct {
        1
    } else {
        accounts.len()
    };
    for account in &accounts[..hearing] {
        let event = incoming(world, account, EventKind::Message(message(account)));
        let dice = dice.of(account.as_str());
        tells(world, dice, event);
    }
}

/// The house may hear of it: perhaps late, perhaps twice, perhaps never.
fn tells(world: &World, dice: Chance, event: teahouse_adapters::Incoming) {
    let faults = &world.faults;
    if world.strikes(dice.of("lost"), faults.lost) {
        return;
    }
    let copies = 1 + u64::from(world.strikes(dice.of("twice"), faults.twice));
    for n in 0..copies {
        let dice = dice.nth(n);
        let late = world.strikes(dice.of("late"), faults.late) || n > 0;
        let after = if late {
            dice.of("so late").below(20_000)
        } else {
            0
        };
        let act = Act::Tell(Box::new(event.clone()));
        world.later(Duration::from_millis(after), act);
    }
}

/// Somebody takes one of their latest messages back.
pub fn takes_back(world: &World, accounts: &[AccountName], chat: &ChatId) {
    let dice = world.dice(&format!("takes back {chat}"));
    let mut truth = world.truth();
    let room = truth.rooms.entry(chat.clone()).or_default();
    let mut theirs: Vec<_> = room
        .shown
        .iter_mut()
        .rev()
        .filter(|s| s.who.is_some())
        .take(4)
        .collect();
    if theirs.is_empty() {
        return;
    }
    let at = dice.below(theirs.len() as u64) as usize;
    theirs[at].recalled = true;
    let (label, who) = (theirs[at].label.clone(), theirs[at].who.clone());
    truth.note(chat.as_str(), format!("{label} is taken back"));
    for spoken in truth.said.values_mut() {
        // What it would have asked need not be answered any more.
        spoken.asks &= spoken.label != label;
    }
    drop(truth);
    let author = who.map(MemberId::new);
    for account in accounts {
        let kind = EventKind::Recall {
            chat: chat.clone(),
            room_kind: kind_of(chat),
            message: label.clone(),
            author: author.clone(),
            operator: author.clone(),
        };
        let event = incoming(world, account, kind);
        tells(world, dice.of("recall").of(account.as_str()), event);
    }
}

struct Words {
    member: &'static str,
    token: String,
    segments: Vec<Segment>,
    kind: SenderKind,
    calls: bool,
    spam: bool,
    asks: bool,
    silences: bool,
    age: Duration,
}

/// What the house's rule takes back, and mutes for.
pub const SPAM: &str = "free crypto";
pub const LADDER: &str = r#"["recall", "recall+mute 1m"]"#;

fn words(dice: Chance, chat: &ChatId, serial: u64, shown: &[Shown]) -> Words {
    let room = number(chat);
    let member = match kind_of(chat) {
        RoomKind::Direct => "lin",
        RoomKind::Group => dice.of("who").one(&MEMBERS),
    };
    let (question, talk) = (format!("q{room}x{serial}q"), format!("t{room}x{serial}t"));
    let text = |text: String| vec![Segment::Text { text }];
    let quote = |message: MessageId| Segment::Quote {
        message,
        more: Default::default(),
    };
    let ours = shown.iter().rev().find(|shown| shown.who.is_none());
    let any = shown.last();
    let mut said = Words {
        member,
        token: question.clone(),
        segments: text(format!("ai why is {question} red?")),
        kind: SenderKind::Person,
        calls: true,
        spam: false,
        asks: true,
        silences: false,
        age: Duration::ZERO,
    };
    let command = |said: Words, words: &str| Words {
        segments: text(format!("ai {words}")),
        asks: false,
        ..said
    };
    let heard = |said: Words, words: String| Words {
        token: talk.clone(),
        segments: text(words),
        calls: false,
        asks: false,
        ..said
    };
    let kind = dice.of("kind").below(100);
    match kind {
        0..45 => said,
        // With one person every word is for us.
        45..75 | 94 | 98.. if kind_of(chat) == RoomKind::Direct => said,
        45..75 if dice.of("spam").below(4) == 0 => {
            let mut said = heard(said, format!("{SPAM} for {talk}"));
            said.spam = role_of(&MemberId::new(member)) == Role::Member;
            said
        }
        45..75 => heard(said, format!("I like {talk} with milk")),
        75..80 => {
            let mention = Segment::Mention {
                member: us(),
                more: Default::default(),
            };
            said.segments = vec![
                mention,
                Segment::Text {
                    text: format!(" why {question}?"),
                },
            ];
            said
        }
        80..85 => match ours.or(any) {
            Some(to) => {
                let words = format!("ai and {question}?");
                said.segments = vec![quote(to.label.clone()), Segment::Text { text: words }];
                said
            }
            None => said,
        },
        85..88 => command(said, "stop"),
        88 => command(said, "new"),
        89 => command(said, "about me"),
        90 => command(said, "help"),
        91 => command(said, ""),
        92 => match any {
            Some(to) => {
                let mut said = command(said, "why");
                said.segments.insert(0, quote(to.label.clone()));
                said
            }
            None => said,
        },
        93 => {
            said.silences = true;
            said.member = "mei";
            command(said, dice.of("off").one(&["off", "pause 1m", "on"]))
        }
        94 => {
            let mut said = heard(said, format!("ai what is {talk}?"));
            (said.kind, said.member) = (SenderKind::Bot, "robot");
            said
        }
        95 => {
            // Too old to be asked, unless the clock is set back.
            said.age = Duration::from_secs(400);
            said.asks = false;
            said
        }
        96 => {
            said.age = Duration::from_secs(120);
            said
        }
        97 => {
            said.segments = text(format!("ai {question} {}", "tea ".repeat(1_200)));
            // Refused, or let go if it grew old before it could be.
            said.asks = false;
            said
        }
        98 => heard(said, format!("aim at {talk}, aid and AI's")),
        _ => {
            let mut said = heard(said, format!("[AI] This is {talk}, said about tea."));
            said.member = "chen";
            said
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(120).collect()
}

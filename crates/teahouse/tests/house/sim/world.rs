//! What is true in a simulated evening, whoever believes otherwise: the time, what the rooms have seen, what the disk
//! holds, who was called. Every part of the stage tells it what it does; `laws.rs` judges.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use teahouse::clock::Clock;
use teahouse_adapters::Incoming;
use teahouse_core::{
    AccountName, Address, ChatId, DeliveryId, Message, MessageId, Reason, RoomId, TurnId,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::chance::Chance;
use super::effects::Effects;
use super::faults::Faults;

/// A Tuesday evening in Shanghai, three hours before midnight.
const EVENING: &str = "2026-11-24T21:00:00+08:00";

/// Nobody has so much to do within one millisecond.
const BUSY: u64 = 5_000;

/// One evening.
pub struct World {
    pub chance: Chance,
    pub faults: Faults,
    /// Wakes the one who plays when something new is to happen.
    pub more: Notify,
    /// The process dies.
    pub crash: Notify,
    truth: Mutex<Truth>,
}

/// What is true.
pub struct Truth {
    start: Timestamp,
    /// How much time had passed when this life of the process began.
    base: Duration,
    began: Option<Instant>,
    /// What an administrator did to the wall clock.
    pub shift: SignedDuration,
    /// Which life of the process.
    pub life: u64,
    /// Whether this life is over: nothing it still tries has an effect.
    pub dead: bool,
    /// Nothing goes wrong any more.
    pub calm: bool,
    /// Until when the disk stands still, and for how long it did.
    pub stands_until: Duration,
    pub stood: Duration,
    /// Questions of which a model was asked, and in which life.
    pub asked: BTreeSet<(u64, String)>,
    /// When each room was last told that questions went stale, in which life, and by which row.
    pub apologies: BTreeMap<Address, (u64, Duration, Option<DeliveryId>)>,
    ops: u64,
    /// Doors passed within one millisecond.
    at_once: (Duration, u64),
    crash_at: Option<u64>,
    queue: BTreeMap<(Duration, u64), Act>,
    made: u64,
    lines: Vec<(Duration, String, String)>,
    pub broken: Vec<String>,
    counts: BTreeMap<String, u64>,
    pub rooms: BTreeMap<ChatId, RoomTruth>,
    pub effects: Effects,
    pub said: BTreeMap<String, Spoken>,
    pub disk: Disk,
    pub calls: u64,
    pub sends: Vec<(Duration, Address, u64)>,
}

/// Something that is to happen.
#[derive(Clone, Debug)]
pub enum Act {
    /// Something of the evening's script.
    Play(super::script::Line),
    /// The house hears of something.
    Tell(Box<Incoming>),
    /// A message of ours appears late.
    Appear(ChatId, Box<Shown>),
    /// The link comes back.
    LinkUp,
}

/// A message as everybody sees it.
#[derive(Clone, Debug)]
pub struct Shown {
    pub label: MessageId,
    /// Nobody is the house.
    pub who: Option<String>,
    pub text: String,
    pub quote: Option<MessageId>,
    pub recalled: bool,
    /// A member's message as it was told: its history shows it with the same number and time.
    pub told: Option<Message>,
}

/// A room as its members see it.
#[derive(Default)]
pub struct RoomTruth {
    pub shown: Vec<Shown>,
    /// The labels that the latest look into the history has shown.
    pub read: HashSet<MessageId>,
    /// Somebody switched the house off or paused it here.
    pub silenced: bool,
    /// Two messages bear one label here.
    pub collided: BTreeSet<MessageId>,
}

/// Something a member has said, by its token.
#[derive(Clone, Debug)]
pub struct Spoken {
    pub chat: ChatId,
    pub label: MessageId,
    /// Whether it calls the house.
    pub calls: bool,
    /// Whether a member breaks the house's rule with it.
    pub spam: bool,
    /// Whether a question of a person that is fresh when said.
    pub asks: bool,
    /// How wrong the wall clock was then: after a jump nobody can say how old it is.
    pub under: SignedDuration,
    /// In which life, and when, the house was told of it first, fresh or not.
    pub told: Option<(u64, Duration)>,
    /// By which accounts, in which life, and when, the house heard it.
    pub heard: BTreeMap<AccountName, (u64, Duration)>,
    /// Which accounts last heard or read of it when it seemed too old, and in which life: what comes after is a repeat.
    pub seemed_old: BTreeMap<AccountName, u64>,
    /// For which accounts the disk forgot it, and in which life.
    pub forgotten: BTreeMap<AccountName, u64>,
}

/// What was committed, as far as the promise goes.
#[derive(Default)]
pub struct Disk {
    pub turns: BTreeMap<TurnId, Turn>,
    pub attempts: u64,
    /// Sealed rows that may have been written.
    pub rows: HashSet<Vec<u8>>,
    /// Which room of the store an address leads to.
    pub places: BTreeMap<Address, RoomId>,
    /// The row that each room took in hand last: what it sends is that.
    pub in_hand: BTreeMap<RoomId, DeliveryId>,
    /// Rooms that lost a message: nobody can say whether it was seen.
    pub lossy: BTreeSet<RoomId>,
    /// Which row a message of ours is known as.
    pub labels: BTreeMap<MessageId, DeliveryId>,
    pub budgets: BTreeMap<String, Money>,
    pub reservations: BTreeMap<(TurnId, u16), (i64, Vec<String>)>,
}

/// A question on the disk.
#[derive(Clone, Debug)]
pub struct Turn {
    pub room: RoomId,
    pub chat: ChatId,
    pub label: MessageId,
    pub since: Duration,
    /// When it was asked, as the house has written it.
    pub asked: Timestamp,
    /// Whether it was too old to be answered at some moment: then it only waits for its end.
    pub old: bool,
    pub ended: Option<Reason>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Money {
    pub reserved: i64,
    pub spent: i64,
    pub limit: i64,
}

impl World {
    pub fn new(seed: u64, faults: Faults) -> Self {
        World {
            chance: Chance::new(seed),
            faults,
            more: Notify::new(),
            crash: Notify::new(),
            truth: Mutex::new(Truth {
                start: EVENING.parse().expect("a time"),
                base: Duration::ZERO,
                began: None,
                shift: SignedDuration::ZERO,
                life: 0,
                dead: true,
                calm: false,
                stands_until: Duration::ZERO,
                stood: Duration::ZERO,
                asked: BTreeSet::new(),
                apologies: BTreeMap::new(),
                ops: 0,
                at_once: (Duration::ZERO, 0),
                crash_at: None,
                queue: BTreeMap::new(),
                made: 0,
                lines: Vec::new(),
                broken: Vec::new(),
                counts: BTreeMap::new(),
                rooms: BTreeMap::new(),
                effects: Effects::default(),
                said: BTreeMap::new(),
                disk: Disk::default(),
                calls: 0,
                sends: Vec::new(),
            }),
        }
    }

    /// The truth, for a moment: never held across an await.
    pub fn truth(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process begins to live; it may die at one of its doors.
    pub fn is_born(&self) {
        let mut truth = self.truth();
        truth.began = Some(Instant::now());
        truth.life += 1;
        truth.dead = false;
        truth.ops = 0;
        let dice = self.chance.of("crash").nth(truth.life);
        let dies = !truth.calm && truth.life <= 8 && dice.happens(self.faults.crash);
        truth.crash_at = dies.then(|| 1 + dice.of("at").below(160));
        let life = truth.life;
        truth.note("house", format!("life {life} begins"));
    }

    /// It is over, and so much time passes before the next one begins.
    pub fn is_gone_for(&self, pause: Duration) {
        let mut truth = self.truth();
        truth.base = truth.now() + pause;
        truth.began = None;
        truth.dead = true;
    }

    /// Every door of the process: whoever is dead does not come through, and here it may die.
    pub async fn door(&self) {
        if self.dies_here() {
            std::future::pending::<()>().await;
        }
    }

    /// Everybody waits for a disk that stands still.
    pub async fn disk_moves(&self) {
        loop {
            let wait = {
                let truth = self.truth();
                truth.stands_until.saturating_sub(truth.now())
            };
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait).await;
            self.door().await;
        }
    }

    fn dies_here(&self) -> bool {
        let mut truth = self.truth();
        if truth.dead {
            return true;
        }
        truth.ops += 1;
        let now = truth.now();
        if truth.at_once.0 != now {
            truth.at_once = (now, 0);
        }
        truth.at_once.1 += 1;
        if truth.at_once.1 > BUSY {
            truth.law(false, || "the house spins: no time passes".into());
            truth.dead = true;
            self.crash.notify_one();
            return true;
        }
        if truth.crash_at == Some(truth.ops) && !truth.calm {
            truth.dead = true;
            truth.note("house", "killed".into());
            self.crash.notify_one();
            return true;
        }
        false
    }

    /// Something is to happen after a while.
    pub fn later(&self, after: Duration, act: Act) {
        let mut truth = self.truth();
        let at = truth.now() + after;
        truth.put(at, act);
        drop(truth);
        self.more.notify_one();
    }

    /// Whether a fault with this name strikes now; never once all is calm.
    pub fn strikes(&self, dice: Chance, in_a_thousand: u64) -> bool {
        !self.truth().calm && dice.happens(in_a_thousand)
    }

    /// The dice of the next thing of this name.
    pub fn dice(&self, name: &str) -> Chance {
        let n = self.truth().count(name);
        self.chance.of(name).nth(n)
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        self.truth().wall()
    }
}

impl Truth {
    /// How much time has really passed.
    pub fn now(&self) -> Duration {
        let lived = self.began.map_or(Duration::ZERO, |began| began.elapsed());
        // What happens within one millisecond happens at once.
        Duration::from_millis((self.base + lived).as_millis() as u64)
    }

    /// What the wall clock shows.
    pub fn wall(&self) -> Timestamp {
        let right = self.start + self.now();
        right.checked_add(self.shift).unwrap_or(self.start)
    }

    /// The moment of this life at which so much time will have passed.
    pub fn instant(&self, at: Duration) -> Instant {
        self.began.expect("somebody lives") + at.saturating_sub(self.base)
    }

    pub fn put(&mut self, at: Duration, act: Act) {
        self.made += 1;
        self.queue.insert((at, self.made), act);
    }

    /// When the next thing happens.
    pub fn next(&self) -> Option<Duration> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    /// What is due now.
    pub fn due(&mut self) -> Option<Act> {
        let now = self.now();
        let entry = self.queue.first_entry().filter(|e| e.key().0 <= now)?;
        Some(entry.remove())
    }

    pub fn count(&mut self, name: &str) -> u64 {
        let n = self.counts.entry(name.to_owned()).or_default();
        *n += 1;
        *n
    }

    /// A line of the trace.
    pub fn note(&mut self, room: &str, what: String) {
        let now = self.now();
        self.lines.push((now, room.to_owned(), what));
    }

    /// What must hold.
    pub fn law(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            let what = what();
            self.note("LAW", what.clone());
            self.broken.push(what);
        }
    }

    /// The trace, a line each; of one room if that is asked for.
    pub fn trace(&self, only: impl Fn(&str) -> bool) -> Vec<String> {
        let lines = self.lines.iter().filter(|(_, room, _)| only(room));
        lines
            .map(|(at, room, what)| format!("{:>8} {room} | {}", at.as_millis(), one_line(what)))
            .collect()
    }

    /// The hash of the whole trace.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for line in self.trace(|_| true) {
            hash.update(line.as_bytes());
            hash.update(b"\n");
        }
        let digest = hash.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn one_line(text: &str) -> String {
    text.replace('\n', "\\n")
}

//! What survives a crash. Each method is one transaction with a meaning; every one that writes takes a lease, so
//! that two hosts never both act in one room. Nothing here decides, sends or reads the clock.

mod cases;
mod embedded;
pub mod fault;

use async_trait::async_trait;
use jiff::Timestamp;
use teahouse_core::rules::climb::{Mark, Who};
use teahouse_core::{
    AboutMember, AccountName, Address, AttemptNumber, ChatId, Currency, Delivery, DeliveryId,
    DeliveryState, Entry, FailureKind, InboxKey, Keep, MemberId, MessageId, Nano, Reason, Role,
    RoomId, RoomKind, Sealed, TurnId, Usage,
};
use tokio::sync::watch;
use ulid::Ulid;

pub use cases::{
    AuditNote, AuditReport, AuditRow, Between, By, Case, CaseCounts, CaseId, CaseKind, CaseMove,
    CaseState, CharterVersion, Dealings, Erased, NewCase, OwnMessage, Progress,
};
pub use embedded::EmbeddedStore;

/// A running process, by an id of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostId(pub Ulid);

/// A room held by a host. Each new lease of a room has a higher fence, and writes under an older one are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Which room.
    pub room: RoomId,
    /// By whom.
    pub host: HostId,
    /// The how-manieth lease of the room.
    pub fence: i64,
}

/// The way to a room that is about to be opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Where it is.
    pub address: Address,
    /// On which platform.
    pub platform: &'static str,
    /// Group or direct.
    pub kind: RoomKind,
    /// Its id, if nobody was ever there.
    pub new_room: RoomId,
    /// The day it has, by its start.
    pub day: Timestamp,
}

/// A room as it was left.
#[derive(Debug)]
pub struct OpenedRoom {
    /// Ours from now on.
    pub lease: Lease,
    /// Whether `ai on` holds.
    pub on: bool,
    /// Set by `ai pause`.
    pub paused_until: Option<Timestamp>,
    /// Whether the first-contact notice was given.
    pub greeted: bool,
    /// The latest talk, oldest first, without what called the house.
    pub talk: Vec<KeptLine>,
    /// The latest exchanges, oldest first.
    pub exchanges: Vec<KeptExchange>,
    /// Questions without an end.
    pub open_turns: Vec<OpenTurn>,
    /// Our own latest messages, by the label of the account that sent them.
    pub own_messages: Vec<MessageId>,
    /// Whether something waits in its outbox.
    pub has_deliveries: bool,
    /// How members stand with the limit of the day asked about; who is not named has asked nothing.
    pub day: Vec<(MemberId, MemberDay)>,
    /// The rungs that members stand on.
    pub marks: Vec<Mark>,
    /// The newest version of what the room has changed in its charter.
    pub charter: Option<CharterVersion>,
    /// Who was erased lately: of them nothing said before is learned again.
    pub erased: Vec<(Who, Timestamp)>,
}

/// A room that was heard lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardRoom {
    /// Which.
    pub room: RoomId,
    /// Where it is.
    pub address: Address,
    /// Group or direct.
    pub kind: RoomKind,
    /// When its latest line was heard.
    pub last: Timestamp,
}

/// A kept line of talk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLine {
    /// Its label.
    pub message: MessageId,
    /// Who said it.
    pub member: MemberId,
    /// By which name.
    pub name: String,
    /// What.
    pub text: String,
}

/// A kept exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptExchange {
    /// The question's label.
    pub message: MessageId,
    /// Who asked.
    pub member: MemberId,
    /// What.
    pub question: String,
    /// What was shown.
    pub answer: String,
}

/// A question that has not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTurn {
    /// Which.
    pub turn: NewTurn,
    /// Parts already in the outbox.
    pub released: u16,
    /// Attempts already made.
    pub attempts: u16,
    /// The asker's role, as it was told with the question; not kept on the disk.
    pub role: Option<Role>,
}

/// A question, as it is taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTurn {
    /// Its id.
    pub id: TurnId,
    /// Where the answer goes.
    pub address: Address,
    /// The question's label.
    pub message: MessageId,
    /// Who asks.
    pub member: MemberId,
    /// By which name.
    pub name: String,
    /// What.
    pub question: String,
    /// The message it replies to.
    pub reply_to: Option<MessageId>,
    /// When it was heard.
    pub asked: Timestamp,
    /// The day of the room it counts for, by its start.
    pub day: Timestamp,
    /// The charter it is answered under.
    pub charter: String,
}

/// A line for the room's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryLine {
    /// Orders the line; newer ids are later.
    pub id: Ulid,
    /// Which account heard it.
    pub account: AccountName,
    /// On which platform.
    pub platform: &'static str,
    /// Its label.
    pub message: MessageId,
    /// Who said it.
    pub member: MemberId,
    /// By which name.
    pub name: String,
    /// What.
    pub text: String,
    /// When it was heard.
    pub at: Timestamp,
    /// What became of it.
    pub reason: Reason,
    /// The message it replies to.
    pub reply_to: Option<MessageId>,
    /// Whether it mentions anybody.
    pub mentions: bool,
    /// Whether it addressed the house.
    pub addressed: bool,
    /// What the rules found in it: core's own words for it. Evidence, erased with the line.
    pub trail: Option<String>,
}

/// Something for the outbox.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// Its place in the order.
    pub id: DeliveryId,
    /// The turn and part it belongs to; unique.
    pub part: Option<(TurnId, u16)>,
    /// Which account speaks.
    pub account: AccountName,
    /// What the gate has passed, or an effect.
    pub sealed: Sealed,
    /// Not before then; at once without one.
    pub due: Option<Timestamp>,
}

/// What changes in a room with a command, or with what became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomChange {
    /// `ai on|off`; both end a pause.
    On(bool),
    /// `ai pause`.
    PausedUntil(Timestamp),
    /// `ai new`: the words of the member's finished turns are gone.
    ForgetConversation(MemberId),
    /// `ai new room`: of everybody's.
    ForgetConversations,
    /// `ai stop`: what waits in the outbox for this member's questions (or for everybody's) is not said.
    Hush(Option<MemberId>),
    /// The first-contact notice was given up: the next answer brings another.
    NotGreeted,
}

/// A call of the house, taken in with all that follows from it at once.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// Makes a repeat harmless.
    pub key: InboxKey,
    /// On which platform.
    pub platform: &'static str,
    /// When it was heard.
    pub at: Timestamp,
    /// Its line in the history, if it has no turn that tells of it; that of a question comes with the talk.
    pub line: Option<HistoryLine>,
    /// The turn, if it is a question; with an end, if it was refused at once.
    pub turn: Option<(NewTurn, Option<Reason>)>,
    /// What changes in the room.
    pub changes: Vec<RoomChange>,
    /// The first call for its turn, where that may begin at once.
    pub attempt: Option<Attempt>,
    /// What is said or done at once.
    pub say: Vec<Outbound>,
    /// What else follows by the house's rules.
    pub dealings: Dealings,
}

/// Whether an acceptance was the first of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It was: all of it is on disk.
    New,
    /// It was, and its first call is in the ledger with its cost set aside.
    Begun,
    /// It was not: nothing has changed.
    Seen,
}

/// A budget that an attempt draws on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Its name, such as `room/…/2026-11-24` or `credit/main`.
    pub key: String,
    /// What it holds in all.
    pub limit: Nano,
}

/// A provider is about to be called.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// For which turn.
    pub turn: TurnId,
    /// Which call of it.
    pub number: AttemptNumber,
    /// Who.
    pub provider: String,
    /// What.
    pub model: String,
    /// The highest it may cost.
    pub reserve: Nano,
    /// Of what.
    pub currency: Currency,
    /// All of these must hold it.
    pub budgets: Vec<Budget>,
    /// When.
    pub at: Timestamp,
}

/// Whether the money is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is set aside and the ledger says so: the call may be made.
    Yes,
    /// One budget cannot hold it; nothing was set aside.
    Short {
        /// Which.
        budget: String,
    },
}

/// A call is over.
#[derive(Clone, Debug)]
pub struct AttemptEnd {
    /// Of which turn.
    pub turn: TurnId,
    /// Which call of it.
    pub number: AttemptNumber,
    /// How it failed, if it did.
    pub failure: Option<FailureKind>,
    /// What was used.
    pub usage: Usage,
    /// What it really cost.
    pub cost: Nano,
    /// When.
    pub at: Timestamp,
}

/// The end of a turn. Exactly one a turn: a second one changes nothing.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Which turn.
    pub turn: TurnId,
    /// How it ended.
    pub reason: Reason,
    /// Whether the answer broke off.
    pub cut_short: bool,
    /// The call that ended with it.
    pub attempt: Option<AttemptEnd>,
    /// The last part, or the notice that stands for it.
    pub say: Vec<Outbound>,
    /// Whether the room's first due row is taken in hand in the same moment, and until when.
    pub claim_until: Option<Timestamp>,
    /// The words shown by `say`, for the conversation.
    pub answer: String,
    /// Whether the first-contact notice is among `say`.
    pub greeted: bool,
    /// When.
    pub at: Timestamp,
}

/// What a look into a room's outbox finds.
#[derive(Clone, Debug)]
pub enum Claim {
    /// This one is ours to send, or to read back.
    Due(Delivery),
    /// Nothing before then.
    Later(Timestamp),
    /// Nothing at all.
    Empty,
}

/// What was asked of the house about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trail {
    /// What became of it.
    pub reason: Reason,
    /// From question to end, if it was a question.
    pub millis: Option<i64>,
    /// What the rules found in it, as it was kept.
    pub trail: Option<String>,
}

/// The time by which things grow old. It is not simply the wall clock's: that may be wrong by years, and what is
/// dropped does not come back when it is right again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ageing {
    /// What is older than its days by this time goes.
    pub by: Timestamp,
    /// What is dated more than a day later was written by a clock that was wrong: from now on it is dated so.
    pub latest: Timestamp,
}

impl Ageing {
    /// By a clock that is right.
    pub fn at(now: Timestamp) -> Self {
        Ageing {
            by: now,
            latest: now,
        }
    }
}

/// How a member stands with today's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberDay {
    /// Questions taken in since the day began.
    pub questions: u32,
    /// Whether the limit notice was given.
    pub limit_noticed: bool,
}

/// A line of the parlour's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParlourLine {
    /// In which of its rooms.
    pub room: ChatId,
    /// Its place there.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// JSON, the parlour's own.
    pub body: String,
}

/// A session by the hash of its id: the id itself is its owner's alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionId(pub [u8; 32]);

impl std::fmt::Debug for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionId(…)")
    }
}

/// Somebody is logged in.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptSession {
    /// Which session.
    pub id: SessionId,
    /// What its own pages show with every change.
    pub csrf: String,
    /// Since when.
    pub opened: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl std::fmt::Debug for KeptSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeptSession(until {})", self.until)
    }
}

/// How the disk under a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What is written is kept.
    Well,
    /// It is locked, full or away: writes wait, none is refused and none is answered.
    Waiting {
        /// For what, and what to do.
        why: String,
    },
    /// It lost what it had taken, or gave back something else: nothing more is written. Opening the store anew shows
    /// what is there.
    Lost {
        /// What was seen.
        why: String,
    },
}

/// What survives a crash.
#[async_trait]
pub trait Store: Send + Sync {
    /// How its disk is, now and from now on.
    fn standing(&self) -> watch::Receiver<Standing>;

    /// Finds or makes the room of an address and takes its lease; older leases of it are void.
    async fn open_room(
        &self,
        host: HostId,
        opening: Opening,
        now: Timestamp,
    ) -> Result<OpenedRoom, StoreError>;

    /// Addresses of an account whose rooms have open turns or waiting deliveries: work to take up after a restart.
    async fn unfinished(&self) -> Result<Vec<(Address, RoomKind)>, StoreError>;

    /// The rooms in which an account has heard anything since then, the latest first, and when each heard it: where
    /// something may have been missed. At most so many.
    async fn heard_since(
        &self,
        account: &AccountName,
        since: Timestamp,
        most: u32,
    ) -> Result<Vec<HeardRoom>, StoreError>;

    /// Keeps talk. A line already kept is kept once; a line under a void lease is left out.
    async fn remember(&self, lines: Vec<(Lease, HistoryLine)>) -> Result<(), StoreError>;

    /// Takes in a call with all that follows from it at once, or finds that it was taken in before. A first attempt
    /// that a budget cannot hold is left out.
    async fn accept(&self, lease: Lease, acceptance: Acceptance) -> Result<Accepted, StoreError>;

    /// Sets an attempt's highest cost aside in all its budgets and writes it into the ledger. A turn that has ended
    /// is refused with [`StoreError::TurnOver`]. What is set aside already stays so: a second call changes nothing.
    async fn attempt(&self, lease: Lease, attempt: Attempt) -> Result<Reserved, StoreError>;

    /// Books what a failed attempt really cost; the turn goes on. A second booking of an attempt changes nothing.
    async fn attempt_ended(&self, lease: Lease, end: AttemptEnd) -> Result<(), StoreError>;

    /// Puts one part of a running answer into the outbox. A part released before stays as it was.
    async fn release(
        &self,
        lease: Lease,
        part: Outbound,
        words: String,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Ends a turn: outcome, cost, outbox and ledger in one; hands out the room's first due row if that is asked for,
    /// as [`Store::claim`] would.
    async fn settle(
        &self,
        lease: Lease,
        settlement: Settlement,
    ) -> Result<Option<Delivery>, StoreError>;

    /// Takes the room's first due row, so that nobody else sends it before `until`. A row that a dead host had in
    /// hand comes as unknown and counts as a send. An unfinished part keeps the later parts of its turn waiting,
    /// nobody else.
    async fn claim(
        &self,
        lease: Lease,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, StoreError>;

    /// Writes down what became of a delivery. `handed_over` counts a send. Says when the next row is due.
    async fn complete(
        &self,
        lease: Lease,
        delivery: DeliveryId,
        state: DeliveryState,
        handed_over: bool,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// A member's questions in a room on a day of it, given by its start.
    async fn member_day(
        &self,
        room: RoomId,
        platform: &'static str,
        member: &MemberId,
        day: Timestamp,
    ) -> Result<MemberDay, StoreError>;

    /// What is held about a member in this room: no room hears of another.
    async fn about(
        &self,
        room: RoomId,
        platform: &'static str,
        member: &MemberId,
        day: Timestamp,
    ) -> Result<AboutMember, StoreError>;

    /// What became of a message.
    async fn why(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<Option<Trail>, StoreError>;

    /// The words of a kept message.
    async fn line(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<Option<KeptLine>, StoreError>;

    /// Whether a message is one of ours.
    async fn is_ours(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<bool, StoreError>;

    /// The question that one of our messages answered.
    async fn question_of(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<Option<MessageId>, StoreError>;

    /// Takes a recalled message out of history and conversations, and what waits to answer it out of the outbox; names
    /// its turn. An open turn keeps standing
    /// without words, for the caller to settle as cancelled.
    async fn recall(
        &self,
        lease: Lease,
        account: &AccountName,
        message: &MessageId,
        now: Timestamp,
    ) -> Result<Option<TurnId>, StoreError>;

    /// Writes down what follows by the house's rules without a message that calls it: an effect that the platform
    /// did not allow, a case that grew old. All or nothing, and once: its first case, or else its first row, tells that
    /// it was dealt before.
    async fn deal(
        &self,
        lease: Lease,
        dealings: Dealings,
        say: Vec<Outbound>,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// The case that one of our messages shows, by that message's label.
    async fn case_shown(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<Option<Case>, StoreError>;

    /// The case that a row of the outbox shows.
    async fn case_of_row(
        &self,
        room: RoomId,
        delivery: DeliveryId,
    ) -> Result<Option<Case>, StoreError>;

    /// How far what a case brings about has come.
    async fn progress_of(&self, room: RoomId, case: CaseId) -> Result<Progress, StoreError>;

    /// A case by its number.
    async fn case(&self, room: RoomId, number: u32) -> Result<Option<Case>, StoreError>;

    /// The newest case about a message, or about a member's doings since then.
    async fn case_about(
        &self,
        room: RoomId,
        message: &MessageId,
    ) -> Result<Option<Case>, StoreError>;

    /// A member's newest case since then.
    async fn case_of(
        &self,
        room: RoomId,
        platform: &'static str,
        member: &MemberId,
        since: Timestamp,
    ) -> Result<Option<Case>, StoreError>;

    /// Cases that wait for a person, oldest first, at most so many; and how many wait in all.
    async fn open_cases(&self, room: RoomId, most: u32) -> Result<(Vec<Case>, u64), StoreError>;

    /// The number that the room's next case will have.
    async fn next_case_number(&self, room: RoomId) -> Result<u32, StoreError>;

    /// How the room's cases since then stand.
    async fn case_counts(&self, room: RoomId, since: Timestamp) -> Result<CaseCounts, StoreError>;

    /// Cases decided by a person since then, the newest first: right or wrong examples for the rules.
    async fn decided_cases(
        &self,
        room: RoomId,
        since: Timestamp,
        most: u32,
    ) -> Result<Vec<Case>, StoreError>;

    /// Lines of a room between two times, oldest first, after a place, at most so many: for trying rules on them.
    async fn lines_between(
        &self,
        room: RoomId,
        between: Between,
        after: Option<Ulid>,
        most: u32,
    ) -> Result<Vec<HistoryLine>, StoreError>;

    /// Our own messages shown in a room since then, the newest first, at most so many.
    async fn own_since(
        &self,
        room: RoomId,
        account: &AccountName,
        since: Timestamp,
        most: u32,
    ) -> Result<Vec<OwnMessage>, StoreError>;

    /// Keeps a version of a charter that no room has made, such as a file's; a version kept before stays as it was.
    async fn keep_charter(&self, version: CharterVersion) -> Result<(), StoreError>;

    /// Versions of a charter, the newest first, at most so many.
    async fn charters(&self, scope: &str, most: u32) -> Result<Vec<CharterVersion>, StoreError>;

    /// Erases a member from everything kept, in every room of the platform: lines, questions with their answers,
    /// payloads, evidence, rungs, the name and the id. A random key in the audit log then points nowhere. Their open
    /// questions end as cancelled, what waits of their answers is not said, and talk of theirs that is still on its way
    /// here is left out. What they asked today counts on. The audit log is told before: a note about somebody who is
    /// not known makes them known.
    async fn erase(
        &self,
        lease: Lease,
        platform: &'static str,
        member: &MemberId,
        who: Who,
        at: Timestamp,
    ) -> Result<Erased, StoreError>;

    /// Writes into the audit log what belongs to no acceptance.
    async fn audit(
        &self,
        room: Option<RoomId>,
        note: AuditNote,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// The newest rows of the audit log, newest first.
    async fn audit_rows(&self, most: u32) -> Result<Vec<AuditRow>, StoreError>;

    /// Looks through the whole audit log.
    async fn audit_verify(&self) -> Result<AuditReport, StoreError>;

    /// Drops a piece of what is kept no longer in a room; says whether more may be left.
    async fn forget_old(&self, lease: Lease, keep: Keep, time: Ageing) -> Result<bool, StoreError>;

    /// Drops ended sessions, inbox keys after three days and sent payloads after a week: a piece of them, so that other
    /// writes get their turn. Says whether more is left.
    async fn purge(&self, time: Ageing) -> Result<bool, StoreError>;

    /// A small fact kept by name, such as an account's learned id.
    async fn fact(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Keeps a small fact.
    async fn keep_fact(&self, name: &str, value: &str) -> Result<(), StoreError>;

    /// Keeps lines of the parlour, all of them or none. A line with the same room and id takes the older one's place;
    /// far older ones are dropped.
    async fn keep_parlour(&self, lines: Vec<ParlourLine>) -> Result<(), StoreError>;

    /// The newest lines of one of the parlour's rooms, oldest first.
    async fn parlour(&self, room: &ChatId, newest: u32) -> Result<Vec<ParlourLine>, StoreError>;

    /// Somebody has logged in.
    async fn open_session(&self, session: KeptSession) -> Result<(), StoreError>;

    /// A session that has not ended.
    async fn session(
        &self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<KeptSession>, StoreError>;

    /// Ends one session; one that has ended stays so.
    async fn end_session(&self, id: SessionId) -> Result<(), StoreError>;

    /// Ends every session that would end by then.
    async fn end_sessions(&self, until: Timestamp) -> Result<(), StoreError>;

    /// A turn's ledger, oldest first.
    async fn ledger(&self, turn: TurnId) -> Result<Vec<Entry>, StoreError>;

    /// Sums for `/metrics` and the tests of the promise.
    async fn totals(&self) -> Result<Totals, StoreError>;

    /// What was spent of each budget whose key begins so, by the rest of its key.
    async fn spent(&self, budgets: &str) -> Result<Vec<(String, Nano)>, StoreError>;
}

/// Sums over everything kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Questions taken in.
    pub turns: u64,
    /// Questions without an end.
    pub open_turns: u64,
    /// `Settled` entries of the ledger.
    pub settled: u64,
    /// `Attempt` entries of the ledger.
    pub attempts: u64,
    /// Rows of the outbox that are not finished.
    pub waiting: u64,
    /// Rows of the outbox that were given up.
    pub dead: u64,
    /// Nano-units set aside.
    pub reserved: i64,
    /// Nano-units spent, over all budgets.
    pub spent: i64,
    /// Lines of history.
    pub lines: u64,
}

impl StoreError {
    /// Whether the same call may go well a moment later: the disk was busy, full or away. It may even have gone well
    /// already, with its reply lost.
    pub fn may_pass(&self) -> bool {
        use rusqlite::ErrorCode;
        match self {
            StoreError::Sqlite { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(
                    ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::DiskFull
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::CannotOpen
                        | ErrorCode::ReadOnly
                        | ErrorCode::OperationAborted
                )
            ),
            StoreError::LeaseLost { .. }
            | StoreError::Held { .. }
            | StoreError::Newer { .. }
            | StoreError::Altered { .. }
            | StoreError::Damaged { .. }
            | StoreError::Folder { .. }
            | StoreError::TurnOver { .. }
            | StoreError::BrokeOff { .. }
            | StoreError::Unreadable { .. }
            | StoreError::DiskLost { .. }
            | StoreError::Closed => false,
        }
    }
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another host holds the room now.
    #[error("room {room} is held by another host now; this one has let go of it")]
    LeaseLost {
        /// Which.
        room: RoomId,
    },
    /// Another process holds the data.
    #[error(
        "cannot open the store in \"{path}\": another teahouse (pid {pid}) holds it; stop it, or use another data folder"
    )]
    Held {
        /// The data folder.
        path: String,
        /// Who.
        pid: String,
    },
    /// Made by a newer release.
    #[error(
        "the store in \"{path}\" has schema {found}, this release knows {known}; upgrade again, or restore a backup from \"{backups}\""
    )]
    Newer {
        /// The data folder.
        path: String,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
        /// Where backups lie.
        backups: String,
    },
    /// A migration on disk is not the one we know.
    #[error(
        "schema {version} of the store in \"{path}\" is not the one of this release; restore a backup from \"{backups}\""
    )]
    Altered {
        /// The data folder.
        path: String,
        /// Which step.
        version: i64,
        /// Where backups lie.
        backups: String,
    },
    /// The database is not what was written.
    #[error(
        "the database in \"{path}\" is damaged: {why}; it was left as it is; restore a backup from \"{backups}\""
    )]
    Damaged {
        /// The data folder.
        path: String,
        /// What is wrong.
        why: String,
        /// Where backups lie.
        backups: String,
    },
    /// The data folder cannot be used.
    #[error("cannot use \"{path}\" as the data folder")]
    Folder {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// SQLite says no.
    #[error("the store could not {what}")]
    Sqlite {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// A call for a turn that has its end.
    #[error("turn {turn} is over or unknown here; nothing more is called for it")]
    TurnOver {
        /// Which.
        turn: TurnId,
    },
    /// A mistake of ours in one transaction: it alone was rolled back.
    #[error("the store broke off as it tried to {what}; nothing of that was kept")]
    BrokeOff {
        /// What was tried.
        what: &'static str,
    },
    /// What was kept cannot be read.
    #[error("the store keeps something this release cannot read: {what}")]
    Unreadable {
        /// What.
        what: String,
    },
    /// The disk did not keep what it had taken.
    #[error(
        "the disk under \"{path}\" did not keep what was written to it ({why}); look at the disk, then start again: the database is looked through, and what is unfinished goes on"
    )]
    DiskLost {
        /// The data folder.
        path: String,
        /// What was seen.
        why: String,
    },
    /// The writer is gone: the process is on its way out, or the disk has lost something.
    #[error("the store is closed")]
    Closed,
}

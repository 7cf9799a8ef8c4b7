//! One process, one data folder: SQLite. One writer with group commit, readers apart; the same transactions run in
//! memory, inline, for the simulation.

mod audit;
mod cases;
mod charters;
mod engine;
mod erase;
mod history;
mod migrate;
mod outbox;
mod parlour;
#[cfg(test)]
mod plans;
mod purge;
mod rooms;
mod turns;
mod writer;

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use teahouse_core::rules::climb::Who;
use teahouse_core::{
    AboutMember, AccountName, Address, ChatId, Delivery, DeliveryId, DeliveryState, Entry, Keep,
    MemberId, MessageId, Nano, RoomId, RoomKind, TurnId,
};
use tokio::sync::watch;
use ulid::Ulid;

use crate::{
    Acceptance, Accepted, Ageing, Attempt, AttemptEnd, AuditNote, AuditReport, AuditRow, Between,
    Case, CaseCounts, CaseId, CharterVersion, Claim, Dealings, Erased, HeardRoom, HistoryLine,
    HostId, KeptLine, KeptSession, Lease, MemberDay, OpenedRoom, Opening, Outbound, OwnMessage,
    ParlourLine, Progress, Reserved, SessionId, Settlement, Standing, Store, StoreError, Totals,
    Trail,
};
use engine::Engine;

/// The store of one host.
pub struct EmbeddedStore {
    engine: Engine,
}

impl EmbeddedStore {
    /// Opens or makes the store in a data folder, brings it up to date (after a backup), and holds the folder until
    /// dropped. A second process is refused by name.
    pub fn open(folder: &Path, now: Timestamp) -> Result<Self, StoreError> {
        let file = DataFolder::hold(folder)?;
        file.refuse_a_lost_database()?;
        migrate::run(&file.database(), &file.backups(), now)?;
        file.mark_made()?;
        Ok(EmbeddedStore {
            engine: Engine::threads(file)?,
        })
    }

    /// The same store in memory, each transaction done before its call returns.
    pub fn in_memory() -> Result<Self, StoreError> {
        let mut connection =
            Connection::open_in_memory().map_err(sqlite("open a database in memory"))?;
        migrate::apply_all(&mut connection, "memory", "memory")?;
        Ok(EmbeddedStore {
            engine: Engine::inline(connection)?,
        })
    }
}

/// The folder, and the lock that says it is ours.
pub(crate) struct DataFolder {
    path: PathBuf,
    _lock: std::fs::File,
}

impl DataFolder {
    fn hold(path: &Path) -> Result<Self, StoreError> {
        let shown = path.display().to_string();
        let wrong = |source| StoreError::Folder {
            path: shown.clone(),
            source,
        };
        // Members' words lie here: nobody else on this machine reads them.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(wrong)?;
        let pid_file = path.join("teahouse.pid");
        let lock = std::fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&pid_file)
            .map_err(wrong)?;
        if rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
            let pid = std::fs::read_to_string(&pid_file).unwrap_or_default();
            return Err(StoreError::Held {
                path: shown,
                pid: pid.trim().to_owned(),
            });
        }
        lock.set_len(0).map_err(wrong)?;
        std::io::Write::write_all(&mut &lock, format!("{}\n", std::process::id()).as_bytes())
            .map_err(wrong)?;
        Ok(DataFolder {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    fn database(&self) -> PathBuf {
        self.path.join("teahouse.db")
    }

    fn backups(&self) -> PathBuf {
        self.path.join("backups")
    }

    /// Stays beside the database from its first day on.
    fn mark(&self) -> PathBuf {
        self.path.join("teahouse.made")
    }

    /// A folder that has had a database never starts afresh without being told to.
    fn refuse_a_lost_database(&self) -> Result<(), StoreError> {
        let size = std::fs::metadata(self.database()).map_or(0, |file| file.len());
        if size > 0 || !self.mark().exists() {
            return Ok(());
        }
        Err(StoreError::Damaged {
            path: self.path.display().to_string(),
            why: "it is gone or empty (to start afresh, remove \"teahouse.made\" there)".to_owned(),
            backups: self.backups().display().to_string(),
        })
    }

    fn mark_made(&self) -> Result<(), StoreError> {
        if self.mark().exists() {
            return Ok(());
        }
        std::fs::write(
            self.mark(),
            "teahouse.db was made here. If it is lost, put a backup in its place; to start afresh, remove this file.\n",
        )
        .map_err(|source| StoreError::Folder {
            path: self.path.display().to_string(),
            source,
        })
    }
}

/// Why a transaction did not happen.
pub(crate) enum Fail {
    Sql(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Fail {
    fn from(error: rusqlite::Error) -> Self {
        Fail::Sql(error)
    }
}

impl From<StoreError> for Fail {
    fn from(error: StoreError) -> Self {
        Fail::Store(error)
    }
}

impl Fail {
    fn named(self, what: &'static str) -> StoreError {
        match self {
            Fail::Sql(source) => StoreError::Sqlite { what, source },
            Fail::Store(error) => error,
        }
    }
}

pub(crate) type Outcome<T> = Result<T, Fail>;

fn sqlite(what: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Sqlite { what, source }
}

/// Milliseconds, as kept.
fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

/// Refuses a write under a lease that is no longer the newest.
fn check(db: &Connection, lease: Lease) -> Outcome<()> {
    let held: Option<(i64, [u8; 16])> = db
        .prepare_cached("SELECT fence, host FROM rooms WHERE id = ?1")?
        .query_row([lease.room.0.to_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    match held {
        Some((fence, host)) if fence == lease.fence && host == lease.host.0.to_bytes() => Ok(()),
        Some(_) | None => Err(StoreError::LeaseLost { room: lease.room }.into()),
    }
}

/// Adds a line to the ledger, in the transaction of the step it tells.
fn write_entry(db: &Connection, turn: Option<TurnId>, at: Timestamp, entry: &Entry) -> Outcome<()> {
    let text = serde_json::to_string(entry).map_err(|error| StoreError::Unreadable {
        what: format!("a ledger entry: {error}"),
    })?;
    db.prepare_cached(
        "INSERT INTO ledger (turn, n, at, entry)
         VALUES (?1, (SELECT coalesce(max(n), 0) + 1 FROM ledger WHERE turn = ?1), ?2, ?3)",
    )?
    .execute(params![
        turn.map_or_else(Vec::new, |t| t.0.to_bytes().to_vec()),
        millis(at),
        text
    ])?;
    Ok(())
}

#[async_trait]
impl Store for EmbeddedStore {
    fn standing(&self) -> watch::Receiver<Standing> {
        self.engine.standing()
    }

    async fn open_room(
        &self,
        host: HostId,
        opening: Opening,
        now: Timestamp,
    ) -> Result<OpenedRoom, StoreError> {
        self.engine
            .write("open a room", move |db| {
                let mut room = rooms::open(db, host, &opening, now)?;
                room.day = turns::room_day(db, room.lease.room, opening.platform, opening.day)?;
                Ok(room)
            })
            .await
    }

    async fn unfinished(&self) -> Result<Vec<(Address, RoomKind)>, StoreError> {
        self.engine
            .read("look for unfinished work", rooms::unfinished)
            .await
    }

    async fn heard_since(
        &self,
        account: &AccountName,
        since: Timestamp,
        most: u32,
    ) -> Result<Vec<HeardRoom>, StoreError> {
        let account = account.clone();
        self.engine
            .read("look for rooms heard lately", move |db| {
                rooms::heard_since(db, &account, since, most)
            })
            .await
    }

    async fn remember(&self, lines: Vec<(Lease, HistoryLine)>) -> Result<(), StoreError> {
        self.engine
            .write("keep talk", move |db| history::remember(db, &lines))
            .await
    }

    async fn accept(&self, lease: Lease, acceptance: Acceptance) -> Result<Accepted, StoreError> {
        self.engine
            .write("take in a call", move |db| {
                turns::accept(db, lease, &acceptance)
            })
            .await
    }

    async fn attempt(&self, lease: Lease, attempt: Attempt) -> Result<Reserved, StoreError> {
        self.engine
            .write("reserve an attempt", move |db| {
                turns::attempt(db, lease, &attempt)
            })
            .await
    }

    async fn attempt_ended(&self, lease: Lease, end: AttemptEnd) -> Result<(), StoreError> {
        self.engine
            .write("book an attempt", move |db| {
                check(db, lease)?;
                turns::book(db, &end)
            })
            .await
    }

    async fn release(
        &self,
        lease: Lease,
        part: Outbound,
        words: String,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.engine
            .write("release a part", move |db| {
                turns::release(db, lease, &part, &words, at)
            })
            .await
    }

    async fn settle(
        &self,
        lease: Lease,
        settlement: Settlement,
    ) -> Result<Option<Delivery>, StoreError> {
        self.engine
            .write("settle a turn", move |db| {
                turns::settle(db, lease, &settlement)
            })
            .await
    }

    async fn claim(
        &self,
        lease: Lease,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, StoreError> {
        self.engine
            .write("claim a delivery", move |db| {
                outbox::claim(db, lease, now, until)
            })
            .await
    }

    async fn complete(
        &self,
        lease: Lease,
        delivery: DeliveryId,
        state: DeliveryState,
        handed_over: bool,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.engine
            .write("complete a delivery", move |db| {
                outbox::complete(db, lease, delivery, &state, handed_over, now)
            })
            .await
    }

    async fn member_day(
        &self,
        room: RoomId,
        platform: &'static str,
        member: &MemberId,
        day: Timestamp,
    ) -> Result<MemberDay, StoreError> {
        let member = member.clone();
        self.engine
            .read("count a member's questions", move |db| {
                turns::member_day(db, room, platform, &member, day)
            })
            .await
    }

    async fn about(
        &self,
        room: RoomId,
        platform: &'static str,
        member: &MemberId,
        day: Timestamp,
    ) -> Result<AboutMember, StoreError> {
        let member = member.clone();
        self.engine
            .read("look a member up", move |db| {
                history::about(db, room, platform, &member, day)
            })
            .await
    }

    async fn why(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<Option<Trail>, StoreError> {
        let (account, message) = (account.clone(), message.clone());
        self.engine
            .read("look a message up", move |db| {
                history::why(db, room, &account, &message)
            })
            .await
    }

    async fn line(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<Option<KeptLine>, StoreError> {
        let (account, message) = (account.clone(), message.clone());
        self.engine
            .read("look a message up", move |db| {
                history::line(db, room, &account, &message)
            })
            .await
    }

    async fn is_ours(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<bool, StoreError> {
        let (account, message) = (account.clone(), message.clone());
        self.engine
            .read("look a message up", move |db| {
                outbox::is_ours(db, room, &account, &message)
            })
            .await
    }

    async fn recall(
        &self,
        lease: Lease,
        account: &AccountName,
        message: &MessageId,
        now: Timestamp,
    ) -> Result<Option<TurnId>, StoreError> {
        let (account, message) = (account.clone(), message.clone());
        self.engine
            .write("forget a recalled message", move |db| {
                history::recall(db, lease, &account, &message, now)
            })
            .await
    }

    async fn deal(
        &self,
        lease: Lease,
        dealings: Dealings,
        say: Vec<Outbound>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.engine
            .write("write down what follows by the rules", move |db| {
                cases::deal(db, lease, &dealings, &say, at)
            })
            .await
    }

    async fn case_shown(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<Option<Case>, StoreError> {
        let (account, message) = (account.clone(), message.clone());
        self.engine
            .read("look a case up", move |db| {
                cases::shown(db, room, &account, &message)
            })
            .await
    }

    async fn case(&self, room: RoomId, number: u32) -> Result<Option<Case>, StoreError> {
        self.engine
            .read("look a case up", move |db| {
                cases::numbered(db, room, number)
            })
            .await
    }

    async fn case_about(
        &self,
        room: RoomId,
        message: &MessageId,
    ) -> Result<Option<Case>, StoreError> {
        let message = message.clone();
        self.engine
            .read("look a case up", move |db| cases::about(db, room, &message))
            .await
    }

    async fn case_of(
        &self,
        room: RoomId,
        platform: &'static str,
        member: &MemberId,
        since: Timestamp,
    ) -> Result<Option<Case>, StoreError> {
        let member = member.clone();
        self.engine
            .read("look a case up", move |db| {
                cases::of_member(db, room, platform, &member, since)
            })
            .await
    }

    async fn open_cases(&self, room: RoomId, most: u32) -> Result<(Vec<Case>, u64), StoreError> {
        self.engine
            .read("look for open cases", move |db| cases::open(db, room, most))
            .await
    }

    async fn question_of(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<Option<MessageId>, StoreError> {
        let (account, message) = (account.clone(), message.clone());
        self.engine
            .read("look for the question of an answer", move |db| {
                history::question_of(db, room, &account, &message)
            })
            .await
    }

    async fn case_of_row(
        &self,
        room: RoomId,
        delivery: DeliveryId,
    ) -> Result<Option<Case>, StoreError> {
        self.engine
            .read("look for the case of a row", move |db| {
                cases::of_row(db, room, delivery)
            })
            .await
    }

    async fn progress_of(&self, room: RoomId, case: CaseId) -> Result<Progress, StoreError> {
        self.engine
            .read("look how far a case has come", move |db| {
                cases::progress_of(db, room, case)
            })
            .await
    }

    async fn next_case_number(&self, room: RoomId) -> Result<u32, StoreError> {
        self.engine
            .read("look for the next number of a case", move |db| {
                cases::next_number(db, room)
            })
            .await
    }

    async fn case_counts(&self, room: RoomId, since: Timestamp) -> Result<CaseCounts, StoreError> {
        self.engine
            .read("count cases", move |db| cases::counts(db, room, since))
            .await
    }

    async fn decided_cases(
        &self,
        room: RoomId,
        since: Timestamp,
        most: u32,
    ) -> Result<Vec<Case>, StoreError> {
        self.engine
            .read("look for decided cases", move |db| {
                cases::decided(db, room, since, most)
            })
            .await
    }

    async fn lines_between(
        &self,
        room: RoomId,
        between: Between,
        after: Option<Ulid>,
        most: u32,
    ) -> Result<Vec<HistoryLine>, StoreError> {
        self.engine
            .read("read a room's lines", move |db| {
                history::between(db, room, &between, after, most)
            })
            .await
    }

    async fn own_since(
        &self,
        room: RoomId,
        account: &AccountName,
        since: Timestamp,
        most: u32,
    ) -> Result<Vec<OwnMessage>, StoreError> {
        let account = account.clone();
        self.engine
            .read("look for our own messages", move |db| {
                outbox::own_since(db, room, &account, since, most)
            })
            .await
    }

    async fn keep_charter(&self, version: CharterVersion) -> Result<(), StoreError> {
        self.engine
            .write("keep a charter", move |db| charters::keep(db, &version))
            .await
    }

    async fn charters(&self, scope: &str, most: u32) -> Result<Vec<CharterVersion>, StoreError> {
        let scope = scope.to_owned();
        self.engine
            .read("read a charter's versions", move |db| {
                charters::newest(db, &scope, most)
            })
            .await
    }

    async fn erase(
        &self,
        lease: Lease,
        platform: &'static str,
        member: &MemberId,
        who: Who,
        at: Timestamp,
    ) -> Result<Erased, StoreError> {
        let member = member.clone();
        self.engine
            .write("erase a member", move |db| {
                erase::erase(db, lease, platform, &member, who, at)
            })
            .await
    }

    async fn audit(
        &self,
        room: Option<RoomId>,
        note: AuditNote,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.engine
            .write("write into the audit log", move |db| {
                let platform = match room {
                    Some(room) => rooms::platform(db, room)?,
                    None => None,
                };
                audit::append(db, room, platform.as_deref(), &note, at)
            })
            .await
    }

    async fn audit_rows(&self, most: u32) -> Result<Vec<AuditRow>, StoreError> {
        self.engine
            .read("read the audit log", move |db| audit::newest(db, most))
            .await
    }

    async fn audit_verify(&self) -> Result<AuditReport, StoreError> {
        let mut look = audit::Look::new();
        loop {
            let piece = self
                .engine
                .read("look through the audit log", move |db| look.piece(db))
                .await?;
            match piece {
                Ok(report) => return Ok(report),
                Err(goes_on) => look = goes_on,
            }
        }
    }

    async fn forget_old(&self, lease: Lease, keep: Keep, time: Ageing) -> Result<bool, StoreError> {
        self.engine
            .write("forget old talk", move |db| {
                history::forget_old(db, lease, keep, time)
            })
            .await
    }

    async fn purge(&self, time: Ageing) -> Result<bool, StoreError> {
        self.engine
            .write("purge", move |db| purge::piece(db, time))
            .await
    }

    async fn fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.engine
            .read("look a fact up", move |db| {
                Ok(db
                    .prepare_cached("SELECT value FROM facts WHERE name = ?1")?
                    .query_row([name], |row| row.get(0))
                    .optional()?)
            })
            .await
    }

    async fn keep_fact(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.engine
            .write("keep a fact", move |db| {
                db.prepare_cached("INSERT OR REPLACE INTO facts (name, value) VALUES (?1, ?2)")?
                    .execute([&name, &value])?;
                Ok(())
            })
            .await
    }

    async fn keep_parlour(&self, lines: Vec<ParlourLine>) -> Result<(), StoreError> {
        self.engine
            .write("keep the parlour's lines", move |db| {
                parlour::keep_lines(db, &lines)
            })
            .await
    }

    async fn parlour(&self, room: &ChatId, newest: u32) -> Result<Vec<ParlourLine>, StoreError> {
        let room = room.clone();
        self.engine
            .read("read the parlour's lines", move |db| {
                parlour::lines(db, &room, newest)
            })
            .await
    }

    async fn open_session(&self, session: KeptSession) -> Result<(), StoreError> {
        self.engine
            .write("open a session", move |db| {
                parlour::open_session(db, &session)
            })
            .await
    }

    async fn session(
        &self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<KeptSession>, StoreError> {
        self.engine
            .read("look a session up", move |db| parlour::session(db, id, now))
            .await
    }

    async fn end_session(&self, id: SessionId) -> Result<(), StoreError> {
        self.engine
            .write("end a session", move |db| parlour::end_session(db, id))
            .await
    }

    async fn end_sessions(&self, until: Timestamp) -> Result<(), StoreError> {
        self.engine
            .write("end sessions", move |db| parlour::end_sessions(db, until))
            .await
    }

    async fn ledger(&self, turn: TurnId) -> Result<Vec<Entry>, StoreError> {
        self.engine
            .read("read the ledger", move |db| turns::ledger(db, turn))
            .await
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        self.engine.read("add up", turns::totals).await
    }

    async fn spent(&self, budgets: &str) -> Result<Vec<(String, Nano)>, StoreError> {
        let budgets = budgets.to_owned();
        self.engine
            .read("look up what was spent", move |db| {
                turns::spent(db, &budgets)
            })
            .await
    }
}

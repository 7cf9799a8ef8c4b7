//! Cases and rungs: written with the message or command that they follow from, looked up by number, by message, by
//! member, or by the notice that shows them. Which case comes to what is decided in core.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use teahouse_core::rules::climb::{Mark, RuleKey, Who};
use teahouse_core::{AccountName, DeliveryId, MemberId, MessageId, RoomId};
use ulid::Ulid;

use super::{Outcome, audit, charters, check, millis, outbox, rooms, timestamp};
use crate::{
    Ageing, Case, CaseCounts, CaseId, CaseKind, CaseMove, CaseState, Dealings, Lease, NewCase,
    Outbound, Progress, StoreError,
};

const DAY: i64 = 86_400_000;
/// Evidence is kept for a month, for appeals.
const EVIDENCE: i64 = 31 * DAY;
/// No ladder remembers for longer.
const MARKS: i64 = 400 * DAY;

/// Writes down what follows by the rules, in the transaction of what it follows from.
pub(super) fn write(
    db: &Connection,
    room: RoomId,
    platform: &str,
    dealings: &Dealings,
    at: Timestamp,
) -> Outcome<()> {
    for who in &dealings.pardoned {
        pardon(db, room, *who)?;
    }
    for mark in &dealings.marks {
        keep_mark(db, room, mark)?;
    }
    for case in &dealings.cases {
        insert(db, room, platform, case)?;
    }
    for step in &dealings.moves {
        move_on(db, room, platform, step, at)?;
    }
    for (delivery, case) in &dealings.shows {
        db.prepare_cached("INSERT OR REPLACE INTO case_notices (delivery, about) VALUES (?1, ?2)")?
            .execute([delivery.0.to_bytes(), case.0.to_bytes()])?;
    }
    for version in &dealings.charters {
        charters::keep(db, version)?;
    }
    for note in &dealings.audit {
        audit::append(db, Some(room), Some(platform), note, at)?;
    }
    Ok(())
}

/// The same without a message; a repeat of what was done already changes nothing.
pub(super) fn deal(
    db: &Connection,
    lease: Lease,
    dealings: &Dealings,
    say: &[Outbound],
    at: Timestamp,
) -> Outcome<()> {
    check(db, lease)?;
    if is_dealt(db, dealings, say)? {
        return Ok(());
    }
    let platform = rooms::platform(db, lease.room)?.unwrap_or_default();
    for say in say {
        outbox::put(db, lease.room, say, at)?;
    }
    write(db, lease.room, &platform, dealings, at)
}

/// New cases and rows have ids of their own: where one of them is there, its deal is, and its reply was lost.
fn is_dealt(db: &Connection, dealings: &Dealings, say: &[Outbound]) -> Outcome<bool> {
    let known = |sql, id: Ulid| -> Outcome<bool> {
        let mut find = db.prepare_cached(sql)?;
        Ok(find.query_row([id.to_bytes()], |row| row.get(0))?)
    };
    if let Some(case) = dealings.cases.first() {
        return known(
            "SELECT EXISTS (SELECT 1 FROM cases WHERE id = ?1)",
            case.id.0,
        );
    }
    match say.first() {
        Some(say) => known(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE id = ?1)",
            say.id.0,
        ),
        None => Ok(false),
    }
}

fn pardon(db: &Connection, room: RoomId, who: Who) -> Outcome<()> {
    db.prepare_cached("DELETE FROM marks WHERE room = ?1 AND who = ?2")?
        .execute(params![room.0.to_bytes(), who.bytes()])?;
    Ok(())
}

fn keep_mark(db: &Connection, room: RoomId, mark: &Mark) -> Outcome<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO marks (room, who, rule, times, last) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        room.0.to_bytes(),
        mark.who.bytes(),
        mark.rule.bytes(),
        mark.times,
        millis(mark.last)
    ])?;
    Ok(())
}

pub(super) fn marks(db: &Connection, room: RoomId) -> Outcome<Vec<Mark>> {
    Ok(db
        .prepare_cached("SELECT who, rule, times, last FROM marks WHERE room = ?1")?
        .query_map([room.0.to_bytes()], |row| {
            Ok(Mark {
                who: Who::from_bytes(row.get(0)?),
                rule: RuleKey::from_bytes(row.get(1)?),
                times: row.get(2)?,
                last: timestamp(row.get(3)?),
            })
        })?
        .collect::<Result<_, _>>()?)
}

fn insert(db: &Connection, room: RoomId, platform: &str, case: &NewCase) -> Outcome<()> {
    let member = rooms::member_key(db, platform, &case.member, &case.name)?;
    db.prepare_cached(
        "INSERT INTO cases (id, room, number, kind, began, state, message, member, name, words, what, at)
         VALUES (?1, ?2, (SELECT coalesce(max(number), 0) + 1 FROM cases WHERE room = ?2), ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        case.id.0.to_bytes(),
        room.0.to_bytes(),
        kind_byte(case.kind),
        state_byte(case.state),
        case.message.as_ref().map(MessageId::as_str),
        member,
        case.name,
        case.words,
        case.what,
        millis(case.at),
    ])?;
    Ok(())
}

/// Only from where it stands. A person's decision remembers where the case stood; taken back, it is as if it had not
/// been made, unless what it leads back to was a decision as well.
fn move_on(
    db: &Connection,
    room: RoomId,
    platform: &str,
    step: &CaseMove,
    at: Timestamp,
) -> Outcome<()> {
    let decider = match &step.by {
        Some(by) => Some(rooms::some_member(db, platform, by)?),
        None => None,
    };
    let decides = matches!(step.to, CaseState::Allowed | CaseState::Denied);
    db.prepare_cached(
        "UPDATE cases SET state = ?4, appeal = coalesce(?5, appeal),
           decider = iif(?6 IS NULL OR (before IS ?4 AND NOT ?7), NULL, ?6),
           decided = iif(?6 IS NULL OR (before IS ?4 AND NOT ?7), NULL, ?8),
           before  = iif(?6 IS NULL OR (before IS ?4 AND NOT ?7), NULL, ?3)
         WHERE id = ?1 AND room = ?2 AND state = ?3",
    )?
    .execute(params![
        step.case.0.to_bytes(),
        room.0.to_bytes(),
        state_byte(step.from),
        state_byte(step.to),
        step.appeal,
        decider,
        decides,
        millis(at),
    ])?;
    Ok(())
}

pub(super) fn shown(
    db: &Connection,
    room: RoomId,
    account: &AccountName,
    message: &MessageId,
) -> Outcome<Option<Case>> {
    let found: Option<[u8; 16]> = db
        .prepare_cached(
            "SELECT n.about FROM outbox o INDEXED BY outbox_of_message JOIN case_notices n ON n.delivery = o.id
             WHERE o.room = ?1 AND o.message = ?2 AND o.account = ?3 ORDER BY o.id DESC LIMIT 1",
        )?
        .query_row(params![room.0.to_bytes(), message.as_str(), account.as_str()], |row| row.get(0))
        .optional()?;
    by_id(db, room, found)
}

fn by_id(db: &Connection, room: RoomId, id: Option<[u8; 16]>) -> Outcome<Option<Case>> {
    match id {
        Some(id) => one(
            db,
            "SELECT {CASE} WHERE c.id = ?1 AND c.room = ?2",
            params![id, room.0.to_bytes()],
        ),
        None => Ok(None),
    }
}

pub(super) fn of_row(db: &Connection, room: RoomId, delivery: DeliveryId) -> Outcome<Option<Case>> {
    let found: Option<[u8; 16]> = db
        .prepare_cached("SELECT about FROM case_notices WHERE delivery = ?1")?
        .query_row([delivery.0.to_bytes()], |row| row.get(0))
        .optional()?;
    by_id(db, room, found)
}

/// Words are no effects: they wait for them.
pub(super) fn progress_of(db: &Connection, room: RoomId, case: CaseId) -> Outcome<Progress> {
    let sql = "SELECT sum(o.state IN (0, 1, 3)), sum(o.state = 4)
         FROM case_notices n JOIN outbox o ON o.id = n.delivery
         WHERE n.about = ?1 AND o.room = ?2 AND o.effect = 1";
    let mut counts = db.prepare_cached(sql)?;
    Ok(
        counts.query_row(params![case.0.to_bytes(), room.0.to_bytes()], |row| {
            let count = |n| row.get::<_, Option<u32>>(n);
            Ok(Progress {
                unfinished: count(0)?.unwrap_or_default(),
                given_up: count(1)?.unwrap_or_default(),
            })
        })?,
    )
}

pub(super) fn numbered(db: &Connection, room: RoomId, number: u32) -> Outcome<Option<Case>> {
    one(
        db,
        "SELECT {CASE} WHERE c.room = ?1 AND c.number = ?2",
        params![room.0.to_bytes(), number],
    )
}

pub(super) fn about(db: &Connection, room: RoomId, message: &MessageId) -> Outcome<Option<Case>> {
    one(
        db,
        "SELECT {CASE} WHERE c.room = ?1 AND c.message = ?2 ORDER BY c.number DESC LIMIT 1",
        params![room.0.to_bytes(), message.as_str()],
    )
}

pub(super) fn of_member(
    db: &Connection,
    room: RoomId,
    platform: &str,
    member: &MemberId,
    since: Timestamp,
) -> Outcome<Option<Case>> {
    let Some(key) = rooms::known_member(db, platform, member)? else {
        return Ok(None);
    };
    one(
        db,
        "SELECT {CASE} WHERE c.member = ?1 AND c.room = ?2 AND c.at >= ?3 ORDER BY c.number DESC LIMIT 1",
        params![key, room.0.to_bytes(), millis(since)],
    )
}

pub(super) fn open(db: &Connection, room: RoomId, most: u32) -> Outcome<(Vec<Case>, u64)> {
    let cases = all(
        db,
        "SELECT {CASE} WHERE c.room = ?1 AND c.state IN (1, 2) ORDER BY c.number LIMIT ?2",
        params![room.0.to_bytes(), most],
    )?;
    let waiting: i64 = db
        .prepare_cached("SELECT count(*) FROM cases INDEXED BY cases_waiting WHERE room = ?1 AND state IN (1, 2)")?
        .query_row([room.0.to_bytes()], |row| row.get(0))?;
    Ok((cases, waiting.unsigned_abs()))
}

pub(super) fn decided(
    db: &Connection,
    room: RoomId,
    since: Timestamp,
    most: u32,
) -> Outcome<Vec<Case>> {
    all(
        db,
        "SELECT {CASE} WHERE c.room = ?1 AND c.decided >= ?2 AND c.decider IS NOT NULL AND c.state IN (3, 4)
         ORDER BY c.decided DESC, c.number DESC LIMIT ?3",
        params![room.0.to_bytes(), millis(since), most],
    )
}

/// A case as it is read. Its member may have been erased, and who decided it.
pub(super) const CASE: &str =
    "c.id, c.number, c.kind, c.began, c.state, c.message, coalesce(m.id, ''), c.name, c.words, c.what, c.at, c.appeal,
     d.id, c.decided, c.before
     FROM cases c LEFT JOIN members m ON m.key = c.member LEFT JOIN members d ON d.key = c.decider";

fn one(db: &Connection, sql: &str, about: impl rusqlite::Params) -> Outcome<Option<Case>> {
    Ok(all(db, sql, about)?.pop())
}

fn all(db: &Connection, sql: &str, about: impl rusqlite::Params) -> Outcome<Vec<Case>> {
    let mut find = db.prepare_cached(&sql.replace("{CASE}", CASE))?;
    let mut rows = find.query(about)?;
    let mut cases = Vec::new();
    while let Some(row) = rows.next()? {
        cases.push(read(row)?);
    }
    Ok(cases)
}

fn read(row: &Row<'_>) -> Outcome<Case> {
    let before: Option<u8> = row.get(14)?;
    Ok(Case {
        new: NewCase {
            id: CaseId(Ulid::from_bytes(row.get(0)?)),
            kind: kind(row.get(2)?)?,
            state: state(row.get(3)?)?,
            message: row.get::<_, Option<String>>(5)?.map(MessageId::new),
            member: MemberId::new(row.get::<_, String>(6)?),
            name: row.get(7)?,
            words: row.get(8)?,
            what: row.get(9)?,
            at: timestamp(row.get(10)?),
        },
        number: row.get(1)?,
        state: state(row.get(4)?)?,
        appeal: row.get(11)?,
        by: row.get::<_, Option<String>>(12)?.map(MemberId::new),
        decided: row.get::<_, Option<i64>>(13)?.map(timestamp),
        before: before.map(state).transpose()?,
    })
}

fn kind_byte(kind: CaseKind) -> u8 {
    match kind {
        CaseKind::Acted => 0,
        CaseKind::Flagged => 1,
        CaseKind::Reported => 2,
        CaseKind::Unable => 3,
        CaseKind::ByHand => 4,
    }
}

fn kind(byte: u8) -> Outcome<CaseKind> {
    Ok(match byte {
        0 => CaseKind::Acted,
        1 => CaseKind::Flagged,
        2 => CaseKind::Reported,
        3 => CaseKind::Unable,
        4 => CaseKind::ByHand,
        other => return unreadable(format!("a case of the kind {other}")),
    })
}

fn state_byte(state: CaseState) -> u8 {
    match state {
        CaseState::Settled => 0,
        CaseState::Open => 1,
        CaseState::Appealed => 2,
        CaseState::Allowed => 3,
        CaseState::Denied => 4,
        CaseState::Expired => 5,
    }
}

fn state(byte: u8) -> Outcome<CaseState> {
    Ok(match byte {
        0 => CaseState::Settled,
        1 => CaseState::Open,
        2 => CaseState::Appealed,
        3 => CaseState::Allowed,
        4 => CaseState::Denied,
        5 => CaseState::Expired,
        other => return unreadable(format!("a case in the state {other}")),
    })
}

fn unreadable<T>(what: String) -> Outcome<T> {
    Err(StoreError::Unreadable { what }.into())
}

/// Empties evidence that is old, and drops rungs that no ladder asks for any more. What a clock that was ahead has
/// dated grows old from now on.
pub(super) fn forget_old(db: &Connection, room: RoomId, time: Ageing) -> Outcome<()> {
    let room = room.0.to_bytes();
    let (by, latest) = (millis(time.by), millis(time.latest));
    db.prepare_cached(
        "UPDATE cases INDEXED BY cases_with_evidence SET at = ?3
         WHERE room = ?1 AND at > ?2 AND (words <> '' OR name <> '' OR appeal <> '')",
    )?
    .execute(params![room, latest + DAY, latest])?;
    db.prepare_cached(
        "UPDATE cases INDEXED BY cases_with_evidence SET words = '', name = '', appeal = ''
         WHERE room = ?1 AND at < ?2 AND (words <> '' OR name <> '' OR appeal <> '')",
    )?
    .execute(params![room, by - EVIDENCE])?;
    db.prepare_cached("UPDATE marks SET last = ?3 WHERE room = ?1 AND last > ?2")?
        .execute(params![room, latest + DAY, latest])?;
    db.prepare_cached("DELETE FROM marks WHERE room = ?1 AND last < ?2")?
        .execute(params![room, by - MARKS])?;
    Ok(())
}

/// The number that the room's next case will have.
pub(super) fn next_number(db: &Connection, room: RoomId) -> Outcome<u32> {
    Ok(db
        .prepare_cached("SELECT coalesce(max(number), 0) + 1 FROM cases WHERE room = ?1")?
        .query_row([room.0.to_bytes()], |row| row.get(0))?)
}

/// How the room's cases since then stand.
pub(super) fn counts(db: &Connection, room: RoomId, since: Timestamp) -> Outcome<CaseCounts> {
    Ok(db
        .prepare_cached(
            "SELECT sum(kind = 0), sum(state IN (1, 2)), sum(state = 3), sum(state = 4)
             FROM cases WHERE room = ?1 AND at >= ?2",
        )?
        .query_row(params![room.0.to_bytes(), millis(since)], |row| {
            let count = |at| -> rusqlite::Result<u64> {
                let count: Option<i64> = row.get(at)?;
                Ok(count.unwrap_or_default().unsigned_abs())
            };
            Ok(CaseCounts {
                acted: count(0)?,
                open: count(1)?,
                allowed: count(2)?,
                denied: count(3)?,
            })
        })?)
}

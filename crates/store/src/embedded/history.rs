//! The room's talk: kept for a while, looked up for `why` and quotes, gone when its author takes it back.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use teahouse_core::{AboutMember, AccountName, Keep, MemberId, MessageId, Reason, RoomId, TurnId};
use ulid::Ulid;

use super::purge::FROM_THE_FUTURE;
use super::{Fail, Outcome, check, millis, outbox, rooms};
use crate::{Ageing, HistoryLine, KeptLine, Lease, StoreError, Trail};

pub(super) fn remember(db: &Connection, lines: &[(Lease, HistoryLine)]) -> Outcome<()> {
    for (lease, line) in lines {
        match check(db, *lease) {
            Ok(()) => keep_line(db, lease.room, line)?,
            Err(Fail::Store(StoreError::LeaseLost { .. })) => {}
            Err(fail) => return Err(fail),
        }
    }
    Ok(())
}

/// Keeps one line; the same line again is kept once.
pub(super) fn keep_line(db: &Connection, room: RoomId, line: &HistoryLine) -> Outcome<()> {
    let member = rooms::member_key(db, line.platform, &line.member, &line.name)?;
    db.prepare_cached(
        "INSERT OR IGNORE INTO history (room, id, account, message, member, text, at, reason, reply_to, mentions, addressed)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11
         WHERE NOT EXISTS (SELECT 1 FROM history INDEXED BY history_of_message
                           WHERE room = ?1 AND message = ?4 AND account = ?3 AND member = ?5 AND text = ?6)",
    )?
    .execute(params![
        room.0.to_bytes(),
        line.id.to_bytes(),
        line.account.as_str(),
        line.message.as_str(),
        member,
        line.text,
        millis(line.at),
        line.reason.byte(),
        line.reply_to.as_ref().map(MessageId::as_str),
        line.mentions,
        line.addressed,
    ])?;
    Ok(())
}

/// Writes what became of a question into its line, which says "answered" from the start.
pub(super) fn set_reason(db: &Connection, turn: TurnId, reason: Reason) -> Outcome<()> {
    db.prepare_cached(
        "UPDATE history INDEXED BY history_of_message SET reason = ?2 FROM turns t
         WHERE t.id = ?1 AND history.room = t.room AND history.message = t.message
           AND history.account = t.account AND history.member = t.member",
    )?
    .execute(params![turn.0.to_bytes(), reason.byte()])?;
    Ok(())
}

pub(super) fn line(
    db: &Connection,
    room: RoomId,
    account: &AccountName,
    message: &MessageId,
) -> Outcome<Option<KeptLine>> {
    Ok(db
        .prepare_cached(
            "SELECT m.id, m.name, h.text FROM history h INDEXED BY history_of_message JOIN members m ON m.key = h.member
             WHERE h.room = ?1 AND h.message = ?2 AND h.account = ?3 ORDER BY h.id DESC LIMIT 1",
        )?
        .query_row(
            params![room.0.to_bytes(), message.as_str(), account.as_str()],
            |row| {
                Ok(KeptLine {
                    message: message.clone(),
                    member: MemberId::new(row.get::<_, String>(0)?),
                    name: row.get(1)?,
                    text: row.get(2)?,
                })
            },
        )
        .optional()?)
}

pub(super) fn why(
    db: &Connection,
    room: RoomId,
    account: &AccountName,
    message: &MessageId,
) -> Outcome<Option<Trail>> {
    let id = room.0.to_bytes();
    let turn: Option<(Option<u8>, Option<i64>)> = db
        .prepare_cached(
            "SELECT reason, ended - asked FROM turns
             WHERE room = ?1 AND message = ?2 AND account = ?3 ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![id, message.as_str(), account.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    if let Some((Some(reason), millis)) = turn {
        return Ok(Reason::from_byte(reason).map(|reason| Trail { reason, millis }));
    }
    // An answer of ours stands for its question.
    let asked: Option<(Option<u8>, Option<i64>)> = db
        .prepare_cached(
            "SELECT t.reason, t.ended - t.asked FROM outbox o INDEXED BY outbox_of_message JOIN turns t ON t.id = o.turn
             WHERE o.room = ?1 AND o.message = ?2 AND o.account = ?3 LIMIT 1",
        )?
        .query_row(params![id, message.as_str(), account.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    if let Some((Some(reason), millis)) = asked {
        return Ok(Reason::from_byte(reason).map(|reason| Trail { reason, millis }));
    }
    let kept: Option<u8> = db
        .prepare_cached(
            "SELECT reason FROM history INDEXED BY history_of_message
             WHERE room = ?1 AND message = ?2 AND account = ?3 ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![id, message.as_str(), account.as_str()], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(kept.and_then(Reason::from_byte).map(|reason| Trail {
        reason,
        millis: None,
    }))
}

pub(super) fn about(
    db: &Connection,
    room: RoomId,
    platform: &'static str,
    member: &MemberId,
    day: Timestamp,
) -> Outcome<AboutMember> {
    let Some(key) = rooms::known_member(db, platform, member)? else {
        return Ok(AboutMember::default());
    };
    let lines = db
        .prepare_cached("SELECT count(*) FROM history WHERE room = ?1 AND member = ?2")?
        .query_row(params![room.0.to_bytes(), key], |row| row.get::<_, i64>(0))?;
    let questions = db
        .prepare_cached("SELECT count(*) FROM turns INDEXED BY turns_of_message WHERE room = ?2 AND member = ?1")?
        .query_row(params![key, room.0.to_bytes()], |row| row.get::<_, i64>(0))?;
    let day = super::turns::member_day(db, room, platform, member, day)?;
    Ok(AboutMember {
        lines: lines.unsigned_abs(),
        questions: questions.unsigned_abs(),
        today: day.questions,
    })
}

/// Takes the words of a recalled message out of everything kept; the turn itself stays, without words.
pub(super) fn recall(
    db: &Connection,
    lease: Lease,
    account: &AccountName,
    message: &MessageId,
    now: Timestamp,
) -> Outcome<Option<TurnId>> {
    check(db, lease)?;
    let room = lease.room.0.to_bytes();
    db.prepare_cached("DELETE FROM history INDEXED BY history_of_message WHERE room = ?1 AND message = ?2 AND account = ?3")?
        .execute(params![room, message.as_str(), account.as_str()])?;
    // Labels collide: the words of all that bear this one go, and the turn meant is the latest, an open one first.
    let turn: Option<[u8; 16]> = db
        .prepare_cached(
            "SELECT id FROM turns WHERE room = ?1 AND message = ?2 AND account = ?3
             ORDER BY reason IS NULL DESC, id DESC LIMIT 1",
        )?
        .query_row(params![room, message.as_str(), account.as_str()], |row| {
            row.get(0)
        })
        .optional()?;
    db.prepare_cached(
        "UPDATE turns SET question = '', answer = '', name = '' WHERE room = ?1 AND message = ?2 AND account = ?3",
    )?
    .execute(params![room, message.as_str(), account.as_str()])?;
    let turn = turn.map(|id| TurnId(Ulid::from_bytes(id)));
    if let Some(turn) = turn {
        outbox::hush(db, lease.room, &outbox::Hushed::Turn(turn), now)?;
    }
    Ok(turn)
}

/// A question counts for its day a while longer than its words are kept.
const COUNTED: i64 = 3 * 86_400_000;

/// Drops talk beyond the room's days and lines, and the words of turns beyond its days.
pub(super) fn forget_old(db: &Connection, lease: Lease, keep: Keep, time: Ageing) -> Outcome<()> {
    check(db, lease)?;
    let room = lease.room.0.to_bytes();
    date_anew(db, room, time)?;
    let before = millis(time.by) - i64::from(keep.days) * 86_400_000;
    db.prepare_cached(
        "DELETE FROM history WHERE room = ?1 AND (at < ?2 OR id <=
           (SELECT id FROM history WHERE room = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?3))",
    )?
    .execute(params![room, before, keep.lines])?;
    db.prepare_cached(
        "UPDATE turns INDEXED BY turns_of_day
         SET question = '', answer = '', name = '', day = iif(asked < ?3, NULL, day)
         WHERE room = ?1 AND day IS NOT NULL AND asked < ?2 AND reason IS NOT NULL AND (question <> '' OR asked < ?3)",
    )?
    .execute(params![room, before, before - COUNTED])?;
    Ok(())
}

/// Lines and ended turns from a clock that was ahead grow old from now on. Such a turn counts for no day: the one it
/// was asked on has not come yet, and has no start at that moment.
fn date_anew(db: &Connection, room: [u8; 16], time: Ageing) -> Outcome<()> {
    let latest = millis(time.latest);
    let future = latest + FROM_THE_FUTURE;
    db.prepare_cached("UPDATE history SET at = ?3 WHERE room = ?1 AND at > ?2")?
        .execute(params![room, future, latest])?;
    db.prepare_cached(
        "UPDATE turns INDEXED BY turns_of_day SET asked = ?3, ended = ?3 + ended - asked, day = ?3
         WHERE room = ?1 AND day > ?2 - 86400000 AND asked > ?2 AND reason IS NOT NULL",
    )?
    .execute(params![room, future, latest])?;
    Ok(())
}

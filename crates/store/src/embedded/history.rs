//! The room's talk: kept for a while, looked up for `why` and quotes, gone when its author takes it back.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use teahouse_core::{AboutMember, AccountName, Keep, MemberId, MessageId, Reason, RoomId, TurnId};
use ulid::Ulid;

use super::purge::{FROM_THE_FUTURE, PIECE};
use super::{Fail, Outcome, cases, check, erase, millis, outbox, rooms, timestamp};
use crate::{Ageing, Between, HistoryLine, KeptLine, Lease, StoreError, Trail};

pub(super) fn remember(db: &Connection, lines: &[(Lease, HistoryLine)]) -> Outcome<()> {
    let earliest = lines.iter().map(|(_, line)| line.at).min();
    let erased = earliest.map_or(Ok(false), |said| erase::any_since(db, said))?;
    for (lease, line) in lines {
        match check(db, *lease) {
            // It was on its way while its member was erased.
            Ok(()) if erased && erase::is_of_before(db, lease.room, line)? => {}
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
        "INSERT OR IGNORE INTO history (room, id, account, message, member, text, at, reason, reply_to, mentions, addressed, trail)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
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
        line.trail,
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

/// Lines between two times, in the order they were heard.
pub(super) fn between(
    db: &Connection,
    room: RoomId,
    between: &Between,
    after: Option<Ulid>,
    most: u32,
) -> Outcome<Vec<HistoryLine>> {
    let after = after.map_or_else(Vec::new, |id| id.to_bytes().to_vec());
    let mut find = db.prepare_cached(
        "SELECT h.id, h.account, m.platform, h.message, m.id, m.name, h.text, h.at, h.reason, h.reply_to, h.mentions,
                h.addressed, h.trail
         FROM history h JOIN members m ON m.key = h.member
         WHERE h.room = ?1 AND h.id > ?2 AND h.at BETWEEN ?3 AND ?4 ORDER BY h.id LIMIT ?5",
    )?;
    let mut rows = find.query(params![
        room.0.to_bytes(),
        after,
        millis(*between.start()),
        millis(*between.end()),
        most
    ])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let reason = Reason::from_byte(row.get(8)?).ok_or_else(|| StoreError::Unreadable {
            what: "what became of a line".into(),
        })?;
        lines.push(HistoryLine {
            id: Ulid::from_bytes(row.get(0)?),
            account: AccountName::new(row.get::<_, String>(1)?),
            platform: rooms::name_of_platform(row.get(2)?),
            message: MessageId::new(row.get::<_, String>(3)?),
            member: MemberId::new(row.get::<_, String>(4)?),
            name: row.get(5)?,
            text: row.get(6)?,
            at: timestamp(row.get(7)?),
            reason,
            reply_to: row.get::<_, Option<String>>(9)?.map(MessageId::new),
            mentions: row.get(10)?,
            addressed: row.get(11)?,
            trail: row.get(12)?,
        });
    }
    Ok(lines)
}

pub(super) fn why(
    db: &Connection,
    room: RoomId,
    account: &AccountName,
    message: &MessageId,
) -> Outcome<Option<Trail>> {
    let id = room.0.to_bytes();
    let ended = |row: &rusqlite::Row<'_>| {
        let label: String = row.get(2)?;
        Ok((row.get(0)?, row.get(1)?, MessageId::new(label)))
    };
    let turn: Option<(Option<u8>, Option<i64>, MessageId)> = db
        .prepare_cached(
            "SELECT reason, ended - asked, message FROM turns
             WHERE room = ?1 AND message = ?2 AND account = ?3 ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![id, message.as_str(), account.as_str()], ended)
        .optional()?;
    // An answer of ours stands for its question.
    let asked: Option<(Option<u8>, Option<i64>, MessageId)> = match turn {
        Some((Some(_), _, _)) => turn,
        _ => db
            .prepare_cached(
                "SELECT t.reason, t.ended - t.asked, t.message
                 FROM outbox o INDEXED BY outbox_of_message JOIN turns t ON t.id = o.turn
                 WHERE o.room = ?1 AND o.message = ?2 AND o.account = ?3 LIMIT 1",
            )?
            .query_row(params![id, message.as_str(), account.as_str()], ended)
            .optional()?,
    };
    if let Some((Some(reason), millis, question)) = asked {
        let trail = found_in(db, room, account, &question)?.and_then(|(_, trail)| trail);
        return Ok(Reason::from_byte(reason).map(|reason| Trail {
            reason,
            millis,
            trail,
        }));
    }
    let kept = found_in(db, room, account, message)?;
    Ok(kept.and_then(|(reason, trail)| {
        Reason::from_byte(reason).map(|reason| Trail {
            reason,
            millis: None,
            trail,
        })
    }))
}

/// What became of a kept line, and what the rules found in it.
fn found_in(
    db: &Connection,
    room: RoomId,
    account: &AccountName,
    message: &MessageId,
) -> Outcome<Option<(u8, Option<String>)>> {
    Ok(db
        .prepare_cached(
            "SELECT reason, trail FROM history INDEXED BY history_of_message
             WHERE room = ?1 AND message = ?2 AND account = ?3 ORDER BY id DESC LIMIT 1",
        )?
        .query_row(
            params![room.0.to_bytes(), message.as_str(), account.as_str()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?)
}

pub(super) fn about(
    db: &Connection,
    room: RoomId,
    platform: &'static str,
    member: &MemberId,
    day: Timestamp,
) -> Outcome<AboutMember> {
    let today = super::turns::member_day(db, room, platform, member, day)?.questions;
    let Some(key) = rooms::known_member(db, platform, member)? else {
        return Ok(AboutMember {
            today,
            ..AboutMember::default()
        });
    };
    let lines = db
        .prepare_cached("SELECT count(*) FROM history WHERE room = ?1 AND member = ?2")?
        .query_row(params![room.0.to_bytes(), key], |row| row.get::<_, i64>(0))?;
    let questions = db
        .prepare_cached("SELECT count(*) FROM turns INDEXED BY turns_of_message WHERE room = ?2 AND member = ?1")?
        .query_row(params![key, room.0.to_bytes()], |row| row.get::<_, i64>(0))?;
    Ok(AboutMember {
        lines: lines.unsigned_abs(),
        questions: questions.unsigned_abs(),
        today,
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
    // One of ours: what it said is kept no longer, neither for reading back nor for prompts.
    for sql in [
        "UPDATE turns SET answer = '' WHERE id IN (
           SELECT turn FROM outbox INDEXED BY outbox_of_message WHERE room = ?1 AND message = ?2 AND account = ?3)",
        "UPDATE outbox INDEXED BY outbox_of_message SET sealed = x'' WHERE room = ?1 AND message = ?2 AND account = ?3",
    ] {
        db.prepare_cached(sql)?
            .execute(params![room, message.as_str(), account.as_str()])?;
    }
    let turn = turn.map(|id| TurnId(Ulid::from_bytes(id)));
    if let Some(turn) = turn {
        outbox::hush(db, lease.room, &outbox::Hushed::Turn(turn), now)?;
    }
    Ok(turn)
}

/// The question that one of our messages answered.
pub(super) fn question_of(
    db: &Connection,
    room: RoomId,
    account: &AccountName,
    message: &MessageId,
) -> Outcome<Option<MessageId>> {
    let found: Option<String> = db
        .prepare_cached(
            "SELECT t.message FROM outbox o INDEXED BY outbox_of_message JOIN turns t ON t.id = o.turn
             WHERE o.room = ?1 AND o.message = ?2 AND o.account = ?3 ORDER BY o.id DESC LIMIT 1",
        )?
        .query_row(
            params![room.0.to_bytes(), message.as_str(), account.as_str()],
            |row| row.get(0),
        )
        .optional()?;
    Ok(found.map(MessageId::new))
}

/// A question counts for its day a while longer than its words are kept.
const COUNTED: i64 = 3 * 86_400_000;

/// One piece of what a room keeps no longer: talk beyond its days and lines, and the words of turns beyond its days.
/// Says whether more may be left.
pub(super) fn forget_old(db: &Connection, lease: Lease, keep: Keep, time: Ageing) -> Outcome<bool> {
    check(db, lease)?;
    cases::forget_old(db, lease.room, time)?;
    let room = lease.room.0.to_bytes();
    let mut left = date_anew(db, room, time, PIECE)?;
    let before = millis(time.by) - i64::from(keep.days) * 86_400_000;
    let lines = db
        .prepare_cached(
            "DELETE FROM history WHERE room = ?1 AND id IN (SELECT id FROM history WHERE room = ?1 AND (at < ?2 OR id <=
               (SELECT id FROM history WHERE room = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?3)) ORDER BY id LIMIT ?4)",
        )?
        .execute(params![room, before, keep.lines, left])?;
    left -= lines as i64;
    let turns = db
        .prepare_cached(
            "UPDATE turns SET question = '', answer = '', name = '', day = iif(asked < ?3, NULL, day)
             WHERE id IN (SELECT id FROM turns INDEXED BY turns_of_day WHERE room = ?1 AND day IS NOT NULL
               AND asked < ?2 AND reason IS NOT NULL AND (question <> '' OR asked < ?3) LIMIT ?4)",
        )?
        .execute(params![room, before, before - COUNTED, left])?;
    left -= turns as i64;
    Ok(left == 0)
}

/// Lines and ended turns from a clock that was ahead grow old from now on. Such a turn counts for no day: the one it
/// was asked on has not come yet, and has no start at that moment. Touches so many rows at most; says how many of
/// these are left to touch.
fn date_anew(db: &Connection, room: [u8; 16], time: Ageing, most: i64) -> Outcome<i64> {
    let latest = millis(time.latest);
    let future = latest + FROM_THE_FUTURE;
    let lines = db
        .prepare_cached(
            "UPDATE history SET at = ?3 WHERE room = ?1 AND id IN
               (SELECT id FROM history WHERE room = ?1 AND at > ?2 ORDER BY id LIMIT ?4)",
        )?
        .execute(params![room, future, latest, most])?;
    let left = most - lines as i64;
    let turns = db
        .prepare_cached(
            "UPDATE turns SET asked = ?3, ended = ?3 + ended - asked, day = ?3
             WHERE id IN (SELECT id FROM turns INDEXED BY turns_of_day
               WHERE room = ?1 AND day > ?2 - 86400000 AND asked > ?2 AND reason IS NOT NULL LIMIT ?4)",
        )?
        .execute(params![room, future, latest, left])?;
    Ok(left - turns as i64)
}

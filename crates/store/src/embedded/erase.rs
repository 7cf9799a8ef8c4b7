//! Erases a member from all that is kept, in every room of their platform, and remembers for a while that it did. Turns
//! and ledger stay, without words and without a name; so does the parlour's log, which is the parlour's own.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use teahouse_core::rules::climb::Who;
use teahouse_core::{MemberId, Reason, RoomId, TurnId};
use ulid::Ulid;

use super::outbox::Hushed;
use super::{Outcome, check, millis, outbox, rooms, timestamp, turns};
use crate::{Erased, HistoryLine, Lease, MemberDay, Settlement};

/// Days of rooms that may still be under way somewhere.
const UNDER_WAY: i64 = 2 * 86_400_000;

pub(super) fn erase(
    db: &Connection,
    lease: Lease,
    platform: &str,
    member: &MemberId,
    who: Who,
    at: Timestamp,
) -> Outcome<Erased> {
    check(db, lease)?;
    forget_rungs(db, lease.room, who, at)?;
    for (room, address) in rooms::of_platform(db, platform)? {
        forget_rungs(db, room, Who::of(&address, member.as_str()), at)?;
    }
    let Some(key) = rooms::known_member(db, platform, member)? else {
        return Ok(Erased::default());
    };
    keep_count(db, key, member, at)?;
    for (room, turn) in open_turns(db, key)? {
        turns::end(db, room, &cancelled(turn, at))?;
    }
    for (room, turn) in waiting(db, key)? {
        outbox::hush(db, room, &Hushed::Turn(turn), at)?;
    }
    let names = names(db, key)?;
    forget_direct_chats(db, key)?;
    let erased = Erased {
        lines: forget_lines(db, key)?,
        questions: forget_questions(db, key)?,
        payloads: forget_payloads(db, platform, key, member)?,
        cases: forget_evidence(db, key)?,
    };
    for name in &names {
        forget_name(db, platform, name)?;
    }
    for name in names.iter().map(String::as_str).chain([member.as_str()]) {
        forget_author(db, name)?;
    }
    db.prepare_cached("DELETE FROM members WHERE key = ?1")?
        .execute([key])?;
    Ok(erased)
}

/// Their rungs in a room are gone, and what they said there until now is not learned again.
fn forget_rungs(db: &Connection, room: RoomId, who: Who, at: Timestamp) -> Outcome<()> {
    let id = params![room.0.to_bytes(), who.bytes()];
    db.prepare_cached("DELETE FROM marks WHERE room = ?1 AND who = ?2")?
        .execute(id)?;
    db.prepare_cached("INSERT OR REPLACE INTO erased (room, who, at) VALUES (?1, ?2, ?3)")?
        .execute(params![room.0.to_bytes(), who.bytes(), millis(at)])?;
    Ok(())
}

/// What they have asked on days that are not over yet still counts.
fn keep_count(db: &Connection, key: i64, member: &MemberId, at: Timestamp) -> Outcome<()> {
    let counted: Vec<([u8; 16], i64, u32, bool)> = db
        .prepare_cached(
            "SELECT room, day, sum(refused = 0), max(reason IS ?3 AND refused = 1) FROM turns INDEXED BY turns_of_day
             WHERE day IS NOT NULL AND member = ?1 AND day > ?2 GROUP BY room, day",
        )?
        .query_map(
            params![key, millis(at) - UNDER_WAY, Reason::QuotaMember.byte()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?
        .collect::<Result<_, _>>()?;
    for (room, day, questions, noticed) in counted {
        let room = RoomId(Ulid::from_bytes(room));
        db.prepare_cached(
            "INSERT INTO spent (day, room, who, questions, noticed) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET questions = questions + excluded.questions, noticed = max(noticed, excluded.noticed)",
        )?
        .execute(params![
            day,
            room.0.to_bytes(),
            spender(room, member).bytes(),
            questions,
            noticed
        ])?;
    }
    Ok(())
}

/// Whoever asked in a room, as `spent` knows them: a room may have many addresses, and one count.
fn spender(room: RoomId, member: &MemberId) -> Who {
    Who::of(&room.to_string(), member.as_str())
}

/// Adds what a member had asked before they were erased.
pub(super) fn add_spent(
    db: &Connection,
    room: RoomId,
    member: &MemberId,
    day: Timestamp,
    counted: MemberDay,
) -> Outcome<MemberDay> {
    let mut find = db.prepare_cached(
        "SELECT questions, noticed FROM spent WHERE day = ?1 AND room = ?2 AND who = ?3",
    )?;
    let who = spender(room, member).bytes();
    let mut rows = find.query(params![millis(day), room.0.to_bytes(), who])?;
    Ok(match rows.next()? {
        None => counted,
        Some(row) => MemberDay {
            questions: counted.questions + row.get::<_, u32>(0)?,
            limit_noticed: counted.limit_noticed || row.get(1)?,
        },
    })
}

/// Whether anybody was erased from a room while its day goes on.
pub(super) fn has_spent(db: &Connection, room: RoomId, day: Timestamp) -> Outcome<bool> {
    Ok(db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM spent WHERE day = ?1 AND room = ?2)")?
        .query_row(params![millis(day), room.0.to_bytes()], |row| row.get(0))?)
}

fn open_turns(db: &Connection, key: i64) -> Outcome<Vec<(RoomId, TurnId)>> {
    Ok(db
        .prepare_cached(
            "SELECT room, id FROM turns INDEXED BY turns_open WHERE reason IS NULL AND member = ?1",
        )?
        .query_map([key], room_and_turn)?
        .collect::<Result<_, _>>()?)
}

/// Their turns with parts that wait to be said.
fn waiting(db: &Connection, key: i64) -> Outcome<Vec<(RoomId, TurnId)>> {
    Ok(db
        .prepare_cached(
            "SELECT DISTINCT o.room, o.turn FROM outbox o INDEXED BY outbox_waiting JOIN turns t ON t.id = o.turn
             WHERE o.state IN (0, 1, 3) AND t.member = ?1",
        )?
        .query_map([key], room_and_turn)?
        .collect::<Result<_, _>>()?)
}

fn room_and_turn(row: &Row<'_>) -> rusqlite::Result<(RoomId, TurnId)> {
    let room = RoomId(Ulid::from_bytes(row.get(0)?));
    Ok((room, TurnId(Ulid::from_bytes(row.get(1)?))))
}

/// A question of somebody who is not there any more.
fn cancelled(turn: TurnId, at: Timestamp) -> Settlement {
    Settlement {
        turn,
        reason: Reason::Cancelled,
        cut_short: false,
        attempt: None,
        say: Vec::new(),
        claim_until: None,
        answer: String::new(),
        greeted: false,
        at,
    }
}

fn forget_lines(db: &Connection, key: i64) -> Outcome<u64> {
    let gone = db
        .prepare_cached("DELETE FROM history WHERE member = ?1")?
        .execute([key])?;
    Ok(gone as u64)
}

fn forget_questions(db: &Connection, key: i64) -> Outcome<u64> {
    let emptied = db
        .prepare_cached(
            "UPDATE turns INDEXED BY turns_of_day SET name = '', question = '', answer = ''
             WHERE day IS NOT NULL AND member = ?1 AND (name <> '' OR question <> '' OR answer <> '')",
        )?
        .execute([key])?;
    Ok(emptied as u64)
}

/// The payloads of their turns, of notices about their cases, and of what was done to them. Those on their way go once
/// they have arrived.
fn forget_payloads(db: &Connection, platform: &str, key: i64, member: &MemberId) -> Outcome<u64> {
    let emptied = db
        .prepare_cached(
            "UPDATE outbox SET sealed = x'' WHERE id IN
               (SELECT o.id FROM outbox o INDEXED BY outbox_with_payload
                  JOIN rooms r ON r.id = o.room LEFT JOIN turns t ON t.id = o.turn
                WHERE o.sealed <> x'' AND o.ended IS NOT NULL
                  AND (t.member = ?1 OR (coalesce(r.platform, ?2) = ?2 AND instr(o.sealed, CAST(?3 AS BLOB)) > 0)
                    OR EXISTS (SELECT 1 FROM case_notices n JOIN cases c ON c.id = n.about
                               WHERE n.delivery = o.id AND c.member = ?1)))",
        )?
        .execute(params![key, platform, in_json(member.as_str())])?;
    Ok(emptied as u64)
}

/// Where somebody talked with us alone the address is their own: nothing leads to that room any more, and what was said
/// there is gone. Who comes back comes into a new one.
fn forget_direct_chats(db: &Connection, key: i64) -> Outcome<()> {
    let rooms: Vec<[u8; 16]> = db
        .prepare_cached(
            "SELECT r.id FROM rooms r WHERE r.kind = 1 AND (
               EXISTS (SELECT 1 FROM turns t INDEXED BY turns_of_message WHERE t.room = r.id AND t.member = ?1)
               OR EXISTS (SELECT 1 FROM history h WHERE h.room = r.id AND h.member = ?1))",
        )?
        .query_map([key], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for room in rooms {
        for sql in [
            "DELETE FROM addresses WHERE room = ?1",
            "UPDATE turns INDEXED BY turns_of_message SET chat = '' WHERE room = ?1",
            "UPDATE outbox INDEXED BY outbox_of_message SET sealed = x'' WHERE room = ?1 AND message IS NOT NULL",
        ] {
            db.prepare_cached(sql)?.execute([room])?;
        }
    }
    Ok(())
}

/// A text as it stands in a payload, quotation marks and all.
fn in_json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn forget_evidence(db: &Connection, key: i64) -> Outcome<u64> {
    let emptied = db
        .prepare_cached(
            "UPDATE cases SET words = '', name = '', appeal = '', message = NULL
             WHERE member = ?1 AND (words <> '' OR name <> '' OR appeal <> '' OR message IS NOT NULL)",
        )?
        .execute([key])?;
    Ok(emptied as u64)
}

/// The names a member had, as far as they are kept.
fn names(db: &Connection, key: i64) -> Outcome<Vec<String>> {
    Ok(db
        .prepare_cached(
            "SELECT name FROM members WHERE key = ?1 UNION SELECT name FROM cases WHERE member = ?1",
        )?
        .query_map([key], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

/// A charter's versions stay, without the one who wrote them.
fn forget_author(db: &Connection, name: &str) -> Outcome<()> {
    if !["file", "operator"].contains(&name) {
        db.prepare_cached("UPDATE charters SET author = '' WHERE author = ?1")?
            .execute([name])?;
    }
    Ok(())
}

/// The house's own messages are not kept that call somebody by this name.
fn forget_name(db: &Connection, platform: &str, name: &str) -> Outcome<()> {
    // One letter is in too many words.
    if name.chars().nth(1).is_none() {
        return Ok(());
    }
    let inside = in_json(name);
    let inside = &inside[1..inside.len() - 1];
    db.prepare_cached(
        "UPDATE outbox SET sealed = x'' WHERE id IN
           (SELECT o.id FROM outbox o INDEXED BY outbox_with_payload JOIN rooms r ON r.id = o.room
            WHERE o.sealed <> x'' AND o.ended IS NOT NULL AND o.turn IS NULL AND coalesce(r.platform, ?1) = ?1
              AND instr(o.sealed, CAST(?2 AS BLOB)) > 0)",
    )?
    .execute([platform, inside])?;
    Ok(())
}

/// Who was erased from a room lately.
pub(super) fn lately(db: &Connection, room: RoomId) -> Outcome<Vec<(Who, Timestamp)>> {
    Ok(db
        .prepare_cached("SELECT who, at FROM erased WHERE room = ?1")?
        .query_map([room.0.to_bytes()], |row| {
            Ok((Who::from_bytes(row.get(0)?), timestamp(row.get(1)?)))
        })?
        .collect::<Result<_, _>>()?)
}

/// Of some lines on their way to the history, whether any may be of somebody who was erased meanwhile.
pub(super) fn any_since(db: &Connection, said: Timestamp) -> Outcome<bool> {
    Ok(db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM erased WHERE at >= ?1)")?
        .query_row([millis(said)], |row| row.get(0))?)
}

/// Whether a line was said before its member was erased.
pub(super) fn is_of_before(db: &Connection, room: RoomId, line: &HistoryLine) -> Outcome<bool> {
    for address in rooms::addresses(db, room)? {
        let who = Who::of(&address, line.member.as_str());
        let gone: bool = db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM erased WHERE room = ?1 AND who = ?2 AND at >= ?3)",
            )?
            .query_row(
                params![room.0.to_bytes(), who.bytes(), millis(line.at)],
                |row| row.get(0),
            )?;
        if gone {
            return Ok(true);
        }
    }
    Ok(false)
}

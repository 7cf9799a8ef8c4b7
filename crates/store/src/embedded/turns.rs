//! Questions from acceptance to settlement, and the money they cost. Everything that belongs together is in one
//! transaction: a question with its history line, an attempt with its reservation, an end with its outbox rows.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use teahouse_core::{Delivery, Entry, MemberId, Nano, Reason, RoomId, TurnId};

use super::outbox::Hushed;
use super::{Outcome, cases, check, erase, history, millis, outbox, rooms, write_entry};
use crate::{
    Acceptance, Accepted, Attempt, AttemptEnd, Budget, Lease, MemberDay, NewTurn, Outbound,
    Reserved, RoomChange, Settlement, StoreError, Totals,
};

pub(super) fn accept(db: &Connection, lease: Lease, acceptance: &Acceptance) -> Outcome<Accepted> {
    check(db, lease)?;
    let (platform, at) = (acceptance.platform, acceptance.at);
    let fresh = db
        .prepare_cached("INSERT OR IGNORE INTO inbox (key, at) VALUES (?1, ?2)")?
        .execute(params![acceptance.key.0, millis(at)])?;
    if fresh == 0 {
        return Ok(Accepted::Seen);
    }
    if let Some(line) = &acceptance.line {
        history::keep_line(db, lease.room, line)?;
    }
    for change in &acceptance.changes {
        apply(db, lease.room, platform, change, at)?;
    }
    if let Some((turn, end)) = &acceptance.turn {
        let attempts = acceptance.attempt.as_ref();
        let attempts = attempts.map_or(0, |attempt| attempt.number.attempt);
        insert_turn(db, lease.room, platform, turn, *end, attempts)?;
    }
    for say in &acceptance.say {
        outbox::put(db, lease.room, say, at)?;
    }
    cases::write(db, lease.room, platform, &acceptance.dealings, at)?;
    if let Some(attempt) = &acceptance.attempt
        && begin(db, attempt)? == Reserved::Yes
    {
        return Ok(Accepted::Begun);
    }
    Ok(Accepted::New)
}

fn apply(
    db: &Connection,
    room: RoomId,
    platform: &str,
    change: &RoomChange,
    at: Timestamp,
) -> Outcome<()> {
    let id = room.0.to_bytes();
    match change {
        RoomChange::On(on) => db
            .prepare_cached("UPDATE rooms SET served = ?2, paused_until = NULL WHERE id = ?1")?
            .execute(params![id, on])?,
        RoomChange::PausedUntil(until) => db
            .prepare_cached("UPDATE rooms SET paused_until = ?2 WHERE id = ?1")?
            .execute(params![id, millis(*until)])?,
        RoomChange::ForgetConversation(member) => {
            let key = rooms::known_member(db, platform, member)?;
            db.prepare_cached(
                "UPDATE turns INDEXED BY turns_of_day SET question = '', answer = ''
                 WHERE room = ?1 AND member = ?2 AND reason IS NOT NULL AND day IS NOT NULL",
            )?
            .execute(params![id, key])?
        }
        RoomChange::ForgetConversations => db
            .prepare_cached(
                "UPDATE turns INDEXED BY turns_of_day SET question = '', answer = ''
                 WHERE room = ?1 AND question <> '' AND reason IS NOT NULL AND day IS NOT NULL",
            )?
            .execute(params![id])?,
        RoomChange::NotGreeted => db
            .prepare_cached("UPDATE rooms SET greeted = 0 WHERE id = ?1")?
            .execute([id])?,
        RoomChange::Hush(None) => return outbox::hush(db, room, &Hushed::Everybody, at),
        RoomChange::Hush(Some(member)) => {
            return match rooms::known_member(db, platform, member)? {
                Some(key) => outbox::hush(db, room, &Hushed::Member(key), at),
                None => Ok(()),
            };
        }
    };
    Ok(())
}

fn insert_turn(
    db: &Connection,
    room: RoomId,
    platform: &str,
    turn: &NewTurn,
    end: Option<Reason>,
    attempts: u16,
) -> Outcome<()> {
    let member = rooms::member_key(db, platform, &turn.member, &turn.name)?;
    db.prepare_cached(
        "INSERT INTO turns (id, room, account, chat, message, member, name, question, reply_to, asked, ended, reason,
                            refused, charter, day, attempts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?
    .execute(params![
        turn.id.0.to_bytes(),
        room.0.to_bytes(),
        turn.address.account.as_str(),
        turn.address.chat.as_str(),
        turn.message.as_str(),
        member,
        // The words of a refused question are in the history only, for as long as that is kept.
        if end.is_none() { turn.name.as_str() } else { "" },
        if end.is_none() { turn.question.as_str() } else { "" },
        turn.reply_to.as_ref().map(|id| id.as_str()),
        millis(turn.asked),
        end.map(|_| millis(turn.asked)),
        end.map(Reason::byte),
        end.is_some(),
        turn.charter,
        millis(turn.day),
        attempts,
    ])?;
    write_entry(db, Some(turn.id), turn.asked, &Entry::Accepted)?;
    if let Some(reason) = end {
        write_entry(
            db,
            Some(turn.id),
            turn.asked,
            &Entry::Settled {
                reason,
                cut_short: false,
            },
        )?;
    }
    Ok(())
}

pub(super) fn attempt(db: &Connection, lease: Lease, attempt: &Attempt) -> Outcome<Reserved> {
    check(db, lease)?;
    count_attempt(db, lease.room, attempt)?;
    // Its reply was lost: the money is there already, and may have been the last.
    if is_set_aside(db, attempt)? {
        return Ok(Reserved::Yes);
    }
    begin(db, attempt)
}

fn is_set_aside(db: &Connection, attempt: &Attempt) -> Outcome<bool> {
    let mut find = db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM reservations WHERE turn = ?1 AND step = ?2 AND attempt = ?3)",
    )?;
    let number = attempt.number;
    let id = params![attempt.turn.0.to_bytes(), number.step, number.attempt];
    Ok(find.query_row(id, |row| row.get(0))?)
}

/// Sets the money aside and tells the ledger, if every budget holds it.
fn begin(db: &Connection, attempt: &Attempt) -> Outcome<Reserved> {
    if let Some(short) = set_aside(db, attempt)? {
        return Ok(Reserved::Short {
            budget: short.key.clone(),
        });
    }
    write_entry(
        db,
        Some(attempt.turn),
        attempt.at,
        &Entry::Attempt {
            number: attempt.number,
            purpose: teahouse_core::Purpose::Answer,
            provider: attempt.provider.clone(),
            model: attempt.model.clone(),
            reserved: attempt.reserve,
            currency: attempt.currency.clone(),
        },
    )?;
    Ok(Reserved::Yes)
}

/// A turn that has ended makes no more calls: its money was booked with its end.
fn count_attempt(db: &Connection, room: RoomId, attempt: &Attempt) -> Outcome<()> {
    let open = db
        .prepare_cached(
            "UPDATE turns SET attempts = max(attempts, ?3) WHERE id = ?1 AND room = ?2 AND reason IS NULL",
        )?
        .execute(params![
            attempt.turn.0.to_bytes(),
            room.0.to_bytes(),
            attempt.number.attempt
        ])?;
    match open {
        0 => Err(StoreError::TurnOver { turn: attempt.turn }.into()),
        _ => Ok(()),
    }
}

/// Sets an attempt's highest cost aside in each of its budgets, or in none; names the one that cannot hold it.
fn set_aside<'a>(db: &Connection, attempt: &'a Attempt) -> Outcome<Option<&'a Budget>> {
    let mut keys: Vec<&str> = Vec::with_capacity(attempt.budgets.len());
    for budget in &attempt.budgets {
        if keys.contains(&budget.key.as_str()) {
            continue;
        }
        if !draw(db, budget, attempt.reserve)? {
            for key in keys {
                db.prepare_cached("UPDATE budgets SET reserved = reserved - ?2 WHERE key = ?1")?
                    .execute(params![key, attempt.reserve.0])?;
            }
            return Ok(Some(budget));
        }
        keys.push(&budget.key);
    }
    db.prepare_cached("INSERT INTO reservations (turn, step, attempt, amount, budgets) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            attempt.turn.0.to_bytes(),
            attempt.number.step,
            attempt.number.attempt,
            attempt.reserve.0,
            serde_json::Value::from(keys).to_string()
        ])?;
    Ok(None)
}

/// Sets so much aside if it fits under the budget's limit beside what is set aside and spent.
fn draw(db: &Connection, budget: &Budget, amount: Nano) -> Outcome<bool> {
    if !(Nano::ZERO..=budget.limit).contains(&amount) {
        return Ok(false);
    }
    // Subtracted on both sides: no sum can leave the range of integers.
    let drawn = db
        .prepare_cached(
            "INSERT INTO budgets (key, reserved) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET reserved = reserved + excluded.reserved
             WHERE reserved <= ?3 - excluded.reserved AND spent <= ?3 - excluded.reserved - reserved",
        )?
        .execute(params![budget.key, amount.0, budget.limit.0])?;
    Ok(drawn == 1)
}

/// Turns a reservation into what was really spent, which may be more: the truth is booked, and the budget is short
/// from then on. A second booking of the same attempt changes nothing.
pub(super) fn book(db: &Connection, end: &AttemptEnd) -> Outcome<()> {
    let id = end.turn.0.to_bytes();
    let reserved: Option<(i64, String)> = db
        .prepare_cached(
            "DELETE FROM reservations WHERE turn = ?1 AND step = ?2 AND attempt = ?3 RETURNING amount, budgets",
        )?
        .query_row(params![id, end.number.step, end.number.attempt], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((amount, keys)) = reserved else {
        return Ok(());
    };
    let keys: Vec<String> = serde_json::from_str(&keys).map_err(|_| StoreError::Unreadable {
        what: "which budgets an attempt drew on".into(),
    })?;
    for key in keys {
        // Never past the largest number: SQLite would go on in floats.
        db.prepare_cached(
            "UPDATE budgets SET reserved = reserved - ?2, spent = spent + min(?3, 9223372036854775807 - spent)
             WHERE key = ?1",
        )?
        .execute(params![key, amount, end.cost.0.max(0)])?;
    }
    write_entry(
        db,
        Some(end.turn),
        end.at,
        &Entry::AttemptEnded {
            number: end.number,
            failure: end.failure,
            usage: end.usage,
            cost: end.cost,
        },
    )
}

pub(super) fn release(
    db: &Connection,
    lease: Lease,
    part: &Outbound,
    words: &str,
    at: Timestamp,
) -> Outcome<()> {
    check(db, lease)?;
    let Some((turn, number)) = part.part else {
        return Err(StoreError::Unreadable {
            what: "a part without its turn".into(),
        }
        .into());
    };
    let open = db
        .prepare_cached(
            "UPDATE turns SET released = ?3, answer = CASE WHEN question = '' THEN '' ELSE answer || ?4 END
             WHERE id = ?1 AND room = ?2 AND reason IS NULL AND released < ?3",
        )?
        .execute(params![
            turn.0.to_bytes(),
            lease.room.0.to_bytes(),
            number.saturating_add(1),
            format!("{words}\n")
        ])?;
    if open == 1 {
        outbox::put(db, lease.room, part, at)?;
        write_entry(db, Some(turn), at, &Entry::Released { part: number })?;
    }
    Ok(())
}

pub(super) fn settle(
    db: &Connection,
    lease: Lease,
    settlement: &Settlement,
) -> Outcome<Option<Delivery>> {
    check(db, lease)?;
    end(db, lease.room, settlement)
}

/// The end of a turn, under a lease that was looked at.
pub(super) fn end(
    db: &Connection,
    room: RoomId,
    settlement: &Settlement,
) -> Outcome<Option<Delivery>> {
    let open = db
        .prepare_cached(
            "UPDATE turns SET reason = ?3, ended = ?4, name = '',
                              answer = CASE WHEN question = '' THEN '' ELSE answer || ?5 END
             WHERE id = ?1 AND room = ?2 AND reason IS NULL",
        )?
        .execute(params![
            settlement.turn.0.to_bytes(),
            room.0.to_bytes(),
            settlement.reason.byte(),
            millis(settlement.at),
            settlement.answer
        ])?;
    if open == 0 {
        return Ok(None);
    }
    if let Some(end) = &settlement.attempt {
        book(db, end)?;
    }
    // A first and only call has left nothing behind.
    if settlement
        .attempt
        .as_ref()
        .is_none_or(|end| end.number.attempt > 1)
    {
        book_leftovers(db, settlement)?;
    }
    if settlement.reason != Reason::Answered {
        history::set_reason(db, settlement.turn, settlement.reason)?;
    }
    if matches!(settlement.reason, Reason::Cancelled | Reason::AdminStopped) {
        let hushed = Hushed::Turn(settlement.turn);
        outbox::hush(db, room, &hushed, settlement.at)?;
    }
    let first = outbox::put_last(db, room, settlement)?;
    if settlement.greeted {
        db.prepare_cached("UPDATE rooms SET greeted = 1 WHERE id = ?1")?
            .execute([room.0.to_bytes()])?;
    }
    let entry = Entry::Settled {
        reason: settlement.reason,
        cut_short: settlement.cut_short,
    };
    write_entry(db, Some(settlement.turn), settlement.at, &entry)?;
    Ok(first)
}

/// Attempts that a dead host began are booked at their full reservation: they may have been billed.
fn book_leftovers(db: &Connection, settlement: &Settlement) -> Outcome<()> {
    let left: Vec<(u16, u16, i64)> = db
        .prepare_cached("SELECT step, attempt, amount FROM reservations WHERE turn = ?1")?
        .query_map([settlement.turn.0.to_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<_, _>>()?;
    for (step, attempt, amount) in left {
        let end = AttemptEnd {
            turn: settlement.turn,
            number: teahouse_core::AttemptNumber { step, attempt },
            failure: Some(teahouse_core::FailureKind::Interrupted),
            usage: teahouse_core::Usage {
                estimated: true,
                ..Default::default()
            },
            cost: Nano(amount),
            at: settlement.at,
        };
        book(db, &end)?;
    }
    Ok(())
}

pub(super) fn member_day(
    db: &Connection,
    room: RoomId,
    platform: &'static str,
    member: &MemberId,
    day: Timestamp,
) -> Outcome<MemberDay> {
    let counted = match rooms::known_member(db, platform, member)? {
        Some(key) => asked(db, room, key, day)?,
        None => MemberDay::default(),
    };
    erase::add_spent(db, room, member, day, counted)
}

fn asked(db: &Connection, room: RoomId, key: i64, day: Timestamp) -> Outcome<MemberDay> {
    let counted = db
        .prepare_cached(
            "SELECT coalesce(sum(refused = 0), 0), coalesce(max(reason = ?4 AND refused = 1), 0)
             FROM turns INDEXED BY turns_of_day WHERE room = ?1 AND member = ?2 AND day = ?3",
        )?
        .query_row(
            params![
                room.0.to_bytes(),
                key,
                millis(day),
                Reason::QuotaMember.byte()
            ],
            |row| {
                Ok(MemberDay {
                    questions: row.get(0)?,
                    limit_noticed: row.get(1)?,
                })
            },
        )?;
    Ok(counted)
}

/// How everybody on a platform who asked in a room on a day stands with its limit.
pub(super) fn room_day(
    db: &Connection,
    room: RoomId,
    platform: &'static str,
    day: Timestamp,
) -> Outcome<Vec<(MemberId, MemberDay)>> {
    let mut counted: Vec<(MemberId, MemberDay)> = db
        .prepare_cached(
            "SELECT m.id, sum(t.refused = 0), coalesce(max(t.reason = ?4 AND t.refused = 1), 0)
             FROM turns t INDEXED BY turns_of_day JOIN members m ON m.key = t.member
             WHERE t.room = ?1 AND t.day = ?2 AND m.platform = ?3 GROUP BY t.member",
        )?
        .query_map(
            params![
                room.0.to_bytes(),
                millis(day),
                platform,
                Reason::QuotaMember.byte()
            ],
            |row| {
                let member = MemberId::new(row.get::<_, String>(0)?);
                Ok((
                    member,
                    MemberDay {
                        questions: row.get(1)?,
                        limit_noticed: row.get(2)?,
                    },
                ))
            },
        )?
        .collect::<Result<_, _>>()?;
    if erase::has_spent(db, room, day)? {
        for (member, counted) in &mut counted {
            *counted = erase::add_spent(db, room, member, day, *counted)?;
        }
    }
    Ok(counted)
}

pub(super) fn ledger(db: &Connection, turn: TurnId) -> Outcome<Vec<Entry>> {
    let lines: Vec<String> = db
        .prepare_cached("SELECT entry FROM ledger WHERE turn = ?1 ORDER BY n")?
        .query_map([turn.0.to_bytes()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let read = |line: String| {
        serde_json::from_str(&line).map_err(|_| StoreError::Unreadable {
            what: "a ledger entry".into(),
        })
    };
    Ok(lines.into_iter().map(read).collect::<Result<_, _>>()?)
}

pub(super) fn spent(db: &Connection, budgets: &str) -> Outcome<Vec<(String, Nano)>> {
    let mut rows = db.prepare_cached(
        "SELECT substr(key, length(?1) + 1), spent FROM budgets
         WHERE key >= ?1 AND key < ?1 || char(1114111) ORDER BY key",
    )?;
    let spent = rows.query_map([budgets], |row| Ok((row.get(0)?, Nano(row.get(1)?))))?;
    Ok(spent.collect::<Result<_, _>>()?)
}

pub(super) fn totals(db: &Connection) -> Outcome<Totals> {
    let count = |sql: &str| -> Outcome<i64> {
        Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    };
    let sum = |sql: &str| -> Outcome<u64> { Ok(count(sql)?.unsigned_abs()) };
    Ok(Totals {
        turns: sum("SELECT count(*) FROM turns")?,
        open_turns: sum("SELECT count(*) FROM turns WHERE reason IS NULL")?,
        settled: sum("SELECT count(*) FROM ledger WHERE entry LIKE '{\"entry\":\"settled\"%'")?,
        attempts: sum("SELECT count(*) FROM ledger WHERE entry LIKE '{\"entry\":\"attempt\"%'")?,
        waiting: sum("SELECT count(*) FROM outbox WHERE state IN (0, 1, 3)")?,
        dead: sum("SELECT count(*) FROM outbox WHERE state = 4")?,
        reserved: count("SELECT coalesce(sum(reserved), 0) FROM budgets")?,
        spent: count("SELECT coalesce(sum(spent), 0) FROM budgets")?,
        lines: sum("SELECT count(*) FROM history")?,
    })
}

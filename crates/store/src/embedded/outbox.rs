//! Rows of the outbox: put with their decision, claimed by one host, completed with what became of them.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use teahouse_core::{
    AccountName, Before, DeadWhy, Delivery, DeliveryId, DeliveryState, Effect, Entry, MessageId,
    RoomId, Sealed, TurnId,
};
use ulid::Ulid;

use super::{Outcome, check, millis, timestamp, write_entry};
use crate::{Claim, Lease, Outbound, OwnMessage, Settlement};

const QUEUED: u8 = 0;
const CLAIMED: u8 = 1;
const SENT: u8 = 2;
const UNKNOWN: u8 = 3;
const DEAD: u8 = 4;

pub(super) fn put(db: &Connection, room: RoomId, say: &Outbound, at: Timestamp) -> Outcome<()> {
    insert(db, room, say, at, None)
}

/// Puts what a settlement says; takes the first row in hand if that is asked for. Where nothing else waits, it is
/// written so at once.
pub(super) fn put_last(
    db: &Connection,
    room: RoomId,
    settlement: &Settlement,
) -> Outcome<Option<Delivery>> {
    let at = settlement.at;
    let mut in_hand = None;
    for (n, say) in settlement.say.iter().enumerate() {
        match settlement.claim_until {
            Some(until) if n == 0 && !is_waiting(db, room)? => {
                insert(db, room, say, at, Some(until))?;
                in_hand = Some(Delivery {
                    id: say.id,
                    room,
                    turn: say.part.map(|(turn, _)| turn),
                    sealed: say.sealed.clone(),
                    before: Before::Queued,
                    sends: 0,
                    created: at,
                    again: false,
                });
            }
            Some(_) | None => put(db, room, say, at)?,
        }
    }
    match settlement.claim_until {
        Some(until) if in_hand.is_none() => take_first(db, room, at, until),
        Some(_) | None => Ok(in_hand),
    }
}

/// Whether anything of the room is not finished.
pub(super) fn is_waiting(db: &Connection, room: RoomId) -> Outcome<bool> {
    Ok(db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_waiting WHERE room = ?1 AND state IN (0, 1, 3))",
        )?
        .query_row([room.0.to_bytes()], |row| row.get(0))?)
}

fn insert(
    db: &Connection,
    room: RoomId,
    say: &Outbound,
    at: Timestamp,
    claimed_until: Option<Timestamp>,
) -> Outcome<()> {
    let state = claimed_until.map_or(QUEUED, |_| CLAIMED);
    db.prepare_cached(
        "INSERT INTO outbox (room, id, turn, part, account, sealed, state, due, since, created, effect)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        room.0.to_bytes(),
        say.id.0.to_bytes(),
        say.part.map(|(turn, _)| turn.0.to_bytes()),
        say.part.map(|(_, part)| part),
        say.account.as_str(),
        say.sealed.as_bytes(),
        state,
        millis(claimed_until.or(say.due).unwrap_or(at)),
        claimed_until.map(|_| millis(at)),
        millis(at),
        say.part.is_none() && Effect::of(&say.sealed).is_some(),
    ])?;
    Ok(())
}

/// Rows of the outbox that are not finished, of each turn its lowest part: ids follow the clock, which may be set
/// back between two parts.
pub(super) const FIRST_WAITING: &str =
    "FROM outbox o INDEXED BY outbox_waiting WHERE o.room = ?1 AND o.state IN (0, 1, 3)
     AND (o.turn IS NULL OR NOT EXISTS (
       SELECT 1 FROM outbox e WHERE e.turn = o.turn AND e.part < o.part AND e.state IN (0, 1, 3)))";

/// What is done to a room, of the same.
pub(super) const FIRST_EFFECT: &str = "FROM outbox o INDEXED BY outbox_effects WHERE o.room = ?1 AND o.effect = 1 AND o.state IN (0, 1, 3)";

/// No row is ever put off for longer, nor claimed. One that seems to be was written before the wall clock was set
/// back: it is due.
pub(super) const LONGEST_WAIT: i64 = 120_000;

pub(super) fn claim(
    db: &Connection,
    lease: Lease,
    now: Timestamp,
    until: Timestamp,
) -> Outcome<Claim> {
    check(db, lease)?;
    match take_first(db, lease.room, now, until)? {
        Some(delivery) => Ok(Claim::Due(delivery)),
        None => Ok(next_due(db, lease.room, now)?.map_or(Claim::Empty, Claim::Later)),
    }
}

/// Takes the room's first due row in hand.
pub(super) fn take_first(
    db: &Connection,
    room: RoomId,
    now: Timestamp,
    until: Timestamp,
) -> Outcome<Option<Delivery>> {
    let found = match first_due(db, room, now, FIRST_EFFECT)? {
        Some(found) => Some(found),
        None => first_due(db, room, now, FIRST_WAITING)?,
    };
    let Some((delivery, died_in_hand)) = found else {
        return Ok(None);
    };
    take_in_hand(db, &delivery, now, until)?;
    if died_in_hand {
        let entry = Entry::Unknown {
            delivery: delivery.id,
        };
        write_entry(db, delivery.turn, now, &entry)?;
    }
    Ok(Some(delivery))
}

/// The first row of these that is due, and whether whoever had it in hand is gone.
fn first_due(
    db: &Connection,
    room: RoomId,
    now: Timestamp,
    of_these: &str,
) -> Outcome<Option<(Delivery, bool)>> {
    let sql = format!(
        "SELECT o.id, o.turn, o.sealed, o.state, o.since, o.sends, o.created, o.again {of_these}
         AND (o.due <= ?2 OR o.due > ?2 + {LONGEST_WAIT}) ORDER BY o.id LIMIT 1"
    );
    Ok(db
        .prepare_cached(&sql)?
        .query_row(params![room.0.to_bytes(), millis(now)], |row| {
            let state: u8 = row.get(3)?;
            let died_in_hand = state == CLAIMED;
            let since = row.get::<_, Option<i64>>(4)?.map_or(now, timestamp);
            let delivery = Delivery {
                id: DeliveryId(Ulid::from_bytes(row.get(0)?)),
                room,
                turn: row
                    .get::<_, Option<[u8; 16]>>(1)?
                    .map(|id| TurnId(Ulid::from_bytes(id))),
                sealed: Sealed::from_stored(row.get(2)?),
                before: match state {
                    QUEUED => Before::Queued,
                    _ => Before::Unknown { since },
                },
                // It may have been shown, so it counts as a send: there is one resend at most.
                sends: row.get::<_, u32>(5)? + u32::from(died_in_hand),
                created: timestamp(row.get(6)?),
                again: row.get(7)?,
            };
            Ok((delivery, died_in_hand))
        })
        .optional()?)
}

/// A row taken for sending is claimed; one taken for a look back stays unknown, so that a host dying over the look
/// does not count as a send.
fn take_in_hand(
    db: &Connection,
    delivery: &Delivery,
    now: Timestamp,
    until: Timestamp,
) -> Outcome<()> {
    let (state, since) = match delivery.before {
        Before::Queued => (CLAIMED, now),
        Before::Unknown { since } => (UNKNOWN, since),
    };
    db.prepare_cached(
        "UPDATE outbox SET state = ?3, due = ?4, since = ?5, sends = ?6 WHERE id = ?2 AND room = ?1",
    )?
    .execute(params![
        delivery.room.0.to_bytes(),
        delivery.id.0.to_bytes(),
        state,
        millis(until),
        millis(since),
        delivery.sends,
    ])?;
    Ok(())
}

fn next_due(db: &Connection, room: RoomId, now: Timestamp) -> Outcome<Option<Timestamp>> {
    let sql = format!("SELECT min(iif(o.due > ?2 + {LONGEST_WAIT}, ?2, o.due)) {FIRST_WAITING}");
    let due: Option<i64> = db
        .prepare_cached(&sql)?
        .query_row(params![room.0.to_bytes(), millis(now)], |row| row.get(0))?;
    Ok(due.map(timestamp))
}

pub(super) fn complete(
    db: &Connection,
    lease: Lease,
    delivery: DeliveryId,
    state: &DeliveryState,
    handed_over: bool,
    now: Timestamp,
) -> Outcome<Option<Timestamp>> {
    check(db, lease)?;
    if let Some((turn, was_marked)) = unfinished(db, lease.room, delivery)? {
        move_to(db, lease.room, delivery, state, handed_over, now)?;
        if let Some(entry) = entry_of(delivery, state, handed_over, was_marked) {
            write_entry(db, turn, now, &entry)?;
        }
    }
    next_due(db, lease.room, now)
}

/// The turn of a row that is not finished, and whether it waits as a repeat already.
fn unfinished(
    db: &Connection,
    room: RoomId,
    delivery: DeliveryId,
) -> Outcome<Option<(Option<TurnId>, bool)>> {
    Ok(db
        .prepare_cached(
            "SELECT turn, again FROM outbox WHERE id = ?2 AND room = ?1 AND state NOT IN (2, 4)",
        )?
        .query_row([room.0.to_bytes(), delivery.0.to_bytes()], |row| {
            let turn: Option<[u8; 16]> = row.get(0)?;
            Ok((turn.map(|id| TurnId(Ulid::from_bytes(id))), row.get(1)?))
        })
        .optional()?)
}

/// What was on its way while whoever it answers or is about was erased is not kept once it has arrived.
pub(super) const ITS_MEMBER_IS_ERASED: &str =
    "(turn IS NOT NULL AND NOT EXISTS (SELECT 1 FROM turns t JOIN members m ON m.key = t.member WHERE t.id = outbox.turn)
      OR EXISTS (SELECT 1 FROM case_notices n JOIN cases c ON c.id = n.about
                 WHERE n.delivery = outbox.id AND NOT EXISTS (SELECT 1 FROM members m WHERE m.key = c.member)))";

fn move_to(
    db: &Connection,
    room: RoomId,
    delivery: DeliveryId,
    state: &DeliveryState,
    handed_over: bool,
    now: Timestamp,
) -> Outcome<()> {
    let (byte, due, since, again, message, why) = match state {
        DeliveryState::Queued { due, again } => (QUEUED, *due, None, Some(*again), None, None),
        DeliveryState::Claimed { until } => (CLAIMED, *until, None, None, None, None),
        DeliveryState::Sent { message } => (SENT, now, None, None, Some(message.as_str()), None),
        DeliveryState::Done => (SENT, now, None, None, None, None),
        DeliveryState::Unknown { since, due } => {
            (UNKNOWN, *due, Some(millis(*since)), Some(false), None, None)
        }
        DeliveryState::Dead { why } => {
            let why = serde_json::to_string(why).ok();
            (DEAD, now, None, None, None, why)
        }
    };
    let ended = matches!(byte, SENT | DEAD).then_some(millis(now));
    let sql = format!(
        "UPDATE outbox SET state = ?3, due = ?4, since = coalesce(?5, since), again = coalesce(?6, again),
                           message = ?7, why = ?8, ended = ?9, sends = sends + ?10,
                           sealed = iif(?9 IS NOT NULL AND {ITS_MEMBER_IS_ERASED}, x'', sealed)
         WHERE id = ?2 AND room = ?1"
    );
    db.prepare_cached(&sql)?.execute(params![
        room.0.to_bytes(),
        delivery.0.to_bytes(),
        byte,
        millis(due),
        since,
        again,
        message,
        why,
        ended,
        handed_over
    ])?;
    Ok(())
}

/// What the ledger says of a row's new state.
fn entry_of(
    delivery: DeliveryId,
    state: &DeliveryState,
    handed_over: bool,
    was_marked: bool,
) -> Option<Entry> {
    match state {
        // A repeat that waits for a connection is put back every second: it is one repeat.
        DeliveryState::Queued { again: true, .. } => {
            (!was_marked).then_some(Entry::Resent { delivery })
        }
        DeliveryState::Queued { again: false, .. } | DeliveryState::Claimed { .. } => None,
        DeliveryState::Sent { .. } | DeliveryState::Done => Some(Entry::Sent {
            delivery,
            read_back: !handed_over,
        }),
        DeliveryState::Unknown { .. } => handed_over.then_some(Entry::Unknown { delivery }),
        DeliveryState::Dead { why } => Some(Entry::Dead {
            delivery,
            why: *why,
        }),
    }
}

pub(super) fn is_ours(
    db: &Connection,
    room: RoomId,
    account: &AccountName,
    message: &MessageId,
) -> Outcome<bool> {
    Ok(db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_of_message WHERE room = ?1 AND message = ?2 AND account = ?3)")?
        .query_row(params![room.0.to_bytes(), message.as_str(), account.as_str()], |row| row.get(0))?)
}

/// Our own messages shown since then, the newest first.
pub(super) fn own_since(
    db: &Connection,
    room: RoomId,
    account: &AccountName,
    since: Timestamp,
    most: u32,
) -> Outcome<Vec<OwnMessage>> {
    Ok(db
        .prepare_cached(
            "SELECT id, message, sealed, ended FROM outbox INDEXED BY outbox_of_message
             WHERE room = ?1 AND message IS NOT NULL AND account = ?2 AND ended >= ?3 AND state = 2
             ORDER BY id DESC LIMIT ?4",
        )?
        .query_map(
            params![room.0.to_bytes(), account.as_str(), millis(since), most],
            |row| {
                Ok(OwnMessage {
                    delivery: DeliveryId(Ulid::from_bytes(row.get(0)?)),
                    message: MessageId::new(row.get::<_, String>(1)?),
                    sealed: Sealed::from_stored(row.get(2)?),
                    at: timestamp(row.get(3)?),
                })
            },
        )?
        .collect::<Result<_, _>>()?)
}

/// Whose parts are not said any more.
pub(super) enum Hushed {
    /// Of one turn.
    Turn(TurnId),
    /// Of one member's turns.
    Member(i64),
    /// Of all turns.
    Everybody,
}

/// What still waits to be said leaves the outbox unsaid; what is on its way stays.
pub(super) fn hush(db: &Connection, room: RoomId, whose: &Hushed, at: Timestamp) -> Outcome<()> {
    let why = serde_json::to_string(&DeadWhy::Cancelled).unwrap_or_default();
    let (turn, member) = match whose {
        Hushed::Turn(turn) => (Some(turn.0.to_bytes()), None),
        Hushed::Member(member) => (None, Some(*member)),
        Hushed::Everybody => (None, None),
    };
    db.prepare_cached(
        "UPDATE outbox INDEXED BY outbox_waiting SET state = 4, why = ?4, ended = ?5
         WHERE room = ?1 AND state IN (0, 1, 3) AND state = 0 AND turn IS NOT NULL AND (?2 IS NULL OR turn = ?2)
           AND (?3 IS NULL OR turn IN (SELECT id FROM turns INDEXED BY turns_of_day
                                         WHERE room = ?1 AND member = ?3 AND day IS NOT NULL))",
    )?
    .execute(params![room.0.to_bytes(), turn, member, why, millis(at)])?;
    Ok(())
}

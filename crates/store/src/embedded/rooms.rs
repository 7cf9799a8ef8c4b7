//! Rooms, their addresses and their leases, and the people in them.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use teahouse_core::{AccountName, Address, ChatId, MemberId, MessageId, RoomId, RoomKind, TurnId};
use ulid::Ulid;

use super::{Outcome, cases, charters, erase, millis, outbox, timestamp};
use crate::{
    HeardRoom, HostId, KeptExchange, KeptLine, Lease, NewTurn, OpenTurn, OpenedRoom, Opening,
};

/// Lines of talk a room has in memory.
const TALK: i64 = 64;
/// Exchanges a room has in memory.
const EXCHANGES: i64 = 24;
/// Labels of our own messages a room has in memory.
const OWN: i64 = 128;

pub(super) fn open(
    db: &Connection,
    host: HostId,
    opening: &Opening,
    now: Timestamp,
) -> Outcome<OpenedRoom> {
    let address = &opening.address;
    let found: Option<[u8; 16]> = db
        .prepare_cached("SELECT room FROM addresses WHERE account = ?1 AND chat = ?2")?
        .query_row([address.account.as_str(), address.chat.as_str()], |row| {
            row.get(0)
        })
        .optional()?;
    let room = match found {
        Some(room) => RoomId(Ulid::from_bytes(room)),
        None => {
            let id = opening.new_room.0.to_bytes();
            db.prepare_cached(
                "INSERT INTO rooms (id, kind, host, fence, created) VALUES (?1, ?2, ?3, 0, ?4)",
            )?
            .execute(params![
                id,
                kind_byte(opening.kind),
                host.0.to_bytes(),
                millis(now)
            ])?;
            db.prepare_cached("INSERT INTO addresses (account, chat, room) VALUES (?1, ?2, ?3)")?
                .execute(params![address.account.as_str(), address.chat.as_str(), id])?;
            opening.new_room
        }
    };
    let id = room.0.to_bytes();
    let (fence, on, paused_until, greeted) = db
        .prepare_cached(
            "UPDATE rooms SET host = ?2, fence = fence + 1, platform = ?3 WHERE id = ?1
             RETURNING fence, served, paused_until, greeted",
        )?
        .query_row(params![id, host.0.to_bytes(), opening.platform], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get::<_, Option<i64>>(2)?,
                row.get(3)?,
            ))
        })?;
    // What an earlier holder had in hand may have been sent: it is read back at once, not when its claim is over.
    db.prepare_cached(
        "UPDATE outbox INDEXED BY outbox_waiting SET due = ?2 WHERE room = ?1 AND state IN (0, 1, 3) AND state <> 0",
    )?
    .execute(params![id, millis(now)])?;
    let has_deliveries = outbox::is_waiting(db, room)?;
    Ok(OpenedRoom {
        lease: Lease { room, host, fence },
        on,
        paused_until: paused_until.map(timestamp),
        greeted,
        talk: talk(db, id)?,
        exchanges: exchanges(db, id)?,
        open_turns: open_turns(db, id)?,
        own_messages: own_messages(db, id)?,
        has_deliveries,
        day: Vec::new(),
        marks: cases::marks(db, room)?,
        charter: charters::of_room(db, room)?,
        erased: erase::lately(db, room)?,
    })
}

fn kind_byte(kind: RoomKind) -> u8 {
    match kind {
        RoomKind::Group => 0,
        RoomKind::Direct => 1,
    }
}

fn talk(db: &Connection, room: [u8; 16]) -> Outcome<Vec<KeptLine>> {
    let mut lines: Vec<KeptLine> = db
        .prepare_cached(
            "SELECT h.message, m.id, m.name, h.text FROM history h JOIN members m ON m.key = h.member
             WHERE h.room = ?1 AND h.addressed = 0 ORDER BY h.id DESC LIMIT ?2",
        )?
        .query_map(params![room, TALK], |row| {
            Ok(KeptLine {
                message: MessageId::new(row.get::<_, String>(0)?),
                member: MemberId::new(row.get::<_, String>(1)?),
                name: row.get(2)?,
                text: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    lines.reverse();
    Ok(lines)
}

fn exchanges(db: &Connection, room: [u8; 16]) -> Outcome<Vec<KeptExchange>> {
    let mut kept: Vec<KeptExchange> = db
        .prepare_cached(
            "SELECT t.message, m.id, t.question, t.answer FROM turns t INDEXED BY turns_of_day
               JOIN members m ON m.key = t.member
             WHERE t.room = ?1 AND t.day IS NOT NULL AND t.question <> '' AND t.answer <> '' AND t.reason IS NOT NULL
             ORDER BY t.day DESC, t.id DESC LIMIT ?2",
        )?
        .query_map(params![room, EXCHANGES], |row| {
            Ok(KeptExchange {
                message: MessageId::new(row.get::<_, String>(0)?),
                member: MemberId::new(row.get::<_, String>(1)?),
                question: row.get(2)?,
                answer: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    kept.reverse();
    Ok(kept)
}

/// All of them, whichever address and platform they came by: a question without an end is never passed over.
fn open_turns(db: &Connection, room: [u8; 16]) -> Outcome<Vec<OpenTurn>> {
    let turns = db
        .prepare_cached(
            "SELECT t.id, t.account, t.chat, t.message, coalesce(m.id, ''), t.name, t.question, t.reply_to, t.asked, t.charter,
                    t.released, t.attempts, coalesce(t.day, t.asked)
             FROM turns t LEFT JOIN members m ON m.key = t.member
             WHERE t.room = ?1 AND t.reason IS NULL ORDER BY t.id",
        )?
        .query_map([room], |row| {
            Ok(OpenTurn {
                role: None,
                turn: NewTurn {
                    id: TurnId(Ulid::from_bytes(row.get(0)?)),
                    address: Address {
                        account: AccountName::new(row.get::<_, String>(1)?),
                        chat: ChatId::new(row.get::<_, String>(2)?),
                    },
                    message: MessageId::new(row.get::<_, String>(3)?),
                    member: MemberId::new(row.get::<_, String>(4)?),
                    name: row.get(5)?,
                    question: row.get(6)?,
                    reply_to: row.get::<_, Option<String>>(7)?.map(MessageId::new),
                    asked: timestamp(row.get(8)?),
                    day: timestamp(row.get(12)?),
                    charter: row.get(9)?,
                },
                released: row.get(10)?,
                attempts: row.get(11)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(turns)
}

fn own_messages(db: &Connection, room: [u8; 16]) -> Outcome<Vec<MessageId>> {
    let mut own: Vec<MessageId> = db
        .prepare_cached(
            "SELECT message FROM outbox INDEXED BY outbox_of_message WHERE room = ?1 AND message IS NOT NULL
             ORDER BY id DESC LIMIT ?2",
        )?
        .query_map(params![room, OWN], |row| Ok(MessageId::new(row.get::<_, String>(0)?)))?
        .collect::<Result<_, _>>()?;
    own.reverse();
    Ok(own)
}

/// Asked when a link comes up, not for each message: it looks at every room of the account once.
pub(super) fn heard_since(
    db: &Connection,
    account: &AccountName,
    since: Timestamp,
    most: u32,
) -> Outcome<Vec<HeardRoom>> {
    let rooms = db
        .prepare(
            "SELECT chat, kind, last, room FROM (
               SELECT a.chat, r.kind, a.room, max(
                 coalesce((SELECT h.at FROM history h WHERE h.room = a.room ORDER BY h.id DESC LIMIT 1), -1),
                 coalesce((SELECT max(t.asked) FROM turns t WHERE t.room = a.room AND t.question <> ''), -1)) AS last
               FROM addresses a JOIN rooms r ON r.id = a.room WHERE a.account = ?1)
             WHERE last >= ?2 ORDER BY last DESC, chat LIMIT ?3",
        )?
        .query_map(params![account.as_str(), millis(since), most], |row| {
            Ok(HeardRoom {
                room: RoomId(Ulid::from_bytes(row.get(3)?)),
                address: Address {
                    account: account.clone(),
                    chat: ChatId::new(row.get::<_, String>(0)?),
                },
                kind: kind(row.get(1)?),
                last: timestamp(row.get(2)?),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(rooms)
}

fn kind(byte: u8) -> RoomKind {
    match byte {
        0 => RoomKind::Group,
        _ => RoomKind::Direct,
    }
}

pub(super) fn unfinished(db: &Connection) -> Outcome<Vec<(Address, RoomKind)>> {
    let rooms = db
        .prepare(
            "SELECT a.account, a.chat, r.kind FROM rooms r CROSS JOIN addresses a ON a.room = r.id
             WHERE EXISTS (SELECT 1 FROM turns INDEXED BY turns_open WHERE room = r.id AND reason IS NULL)
                OR EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_waiting WHERE room = r.id AND state IN (0, 1, 3))",
        )?
        .query_map([], |row| {
            let address = Address {
                account: AccountName::new(row.get::<_, String>(0)?),
                chat: ChatId::new(row.get::<_, String>(1)?),
            };
            Ok((address, kind(row.get(2)?)))
        })?
        .collect::<Result<_, _>>()?;
    Ok(rooms)
}

/// The number that stands for a member, made at first sight; their latest name is kept.
pub(super) fn member_key(
    db: &Connection,
    platform: &str,
    member: &MemberId,
    name: &str,
) -> Outcome<i64> {
    let known: Option<(i64, bool)> = db
        .prepare_cached("SELECT key, name = ?3 FROM members WHERE platform = ?1 AND id = ?2")?
        .query_row(params![platform, member.as_str(), name], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    match known {
        Some((key, true)) => Ok(key),
        Some((key, false)) => {
            db.prepare_cached("UPDATE members SET name = ?2 WHERE key = ?1")?
                .execute(params![key, name])?;
            Ok(key)
        }
        None => {
            db.prepare_cached("INSERT INTO members (platform, id, name) VALUES (?1, ?2, ?3)")?
                .execute(params![platform, member.as_str(), name])?;
            Ok(db.last_insert_rowid())
        }
    }
}

/// The same for somebody whose name is not at hand.
pub(super) fn some_member(db: &Connection, platform: &str, member: &MemberId) -> Outcome<i64> {
    match known_member(db, platform, member)? {
        Some(key) => Ok(key),
        None => member_key(db, platform, member, ""),
    }
}

/// The number that stands for a member, if they were ever heard.
pub(super) fn known_member(
    db: &Connection,
    platform: &str,
    member: &MemberId,
) -> Outcome<Option<i64>> {
    Ok(db
        .prepare_cached("SELECT key FROM members WHERE platform = ?1 AND id = ?2")?
        .query_row([platform, member.as_str()], |row| row.get(0))
        .optional()?)
}

/// What a room's members are known by.
pub(super) fn platform(db: &Connection, room: RoomId) -> Outcome<Option<String>> {
    Ok(db
        .prepare_cached("SELECT platform FROM rooms WHERE id = ?1")?
        .query_row([room.0.to_bytes()], |row| row.get(0))
        .optional()?
        .flatten())
}

/// The ways to a room, as they are written.
pub(super) fn addresses(db: &Connection, room: RoomId) -> Outcome<Vec<String>> {
    Ok(db
        .prepare_cached("SELECT account, chat FROM addresses WHERE room = ?1")?
        .query_map([room.0.to_bytes()], |row| written(row, 0))?
        .collect::<Result<_, _>>()?)
}

/// Every room of a platform by each of its addresses; of those that no release has told the platform of, all.
pub(super) fn of_platform(db: &Connection, platform: &str) -> Outcome<Vec<(RoomId, String)>> {
    Ok(db
        .prepare_cached(
            "SELECT r.id, a.account, a.chat FROM rooms r JOIN addresses a ON a.room = r.id WHERE coalesce(r.platform, ?1) = ?1",
        )?
        .query_map([platform], |row| {
            Ok((RoomId(Ulid::from_bytes(row.get(0)?)), written(row, 1)?))
        })?
        .collect::<Result<_, _>>()?)
}

fn written(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<String> {
    let address = Address {
        account: AccountName::new(row.get::<_, String>(first)?),
        chat: ChatId::new(row.get::<_, String>(first + 1)?),
    };
    Ok(address.to_string())
}

/// A platform's name, as the program has it: a handful of them, each made once and kept for as long as it runs.
pub(super) fn name_of_platform(name: String) -> &'static str {
    static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.iter().find(|known| **known == name) {
        return known;
    }
    let new: &'static str = name.leak();
    names.push(new);
    new
}

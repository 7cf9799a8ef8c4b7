//! The parlour's log and the console's sessions.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use teahouse_core::ChatId;

use super::{Outcome, millis, timestamp};
use crate::{KeptSession, ParlourLine, SessionId};

/// Lines of one room that are kept.
const KEPT: i64 = 10_000;

pub(super) fn keep_lines(db: &Connection, lines: &[ParlourLine]) -> Outcome<()> {
    let mut keep = db.prepare_cached(
        "INSERT OR REPLACE INTO parlour_lines (room, id, at, body) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let mut drop_old =
        db.prepare_cached("DELETE FROM parlour_lines WHERE room = ?1 AND id <= ?2")?;
    for line in lines {
        let id = line.id as i64;
        keep.execute(params![line.room.as_str(), id, millis(line.at), line.body])?;
        if id % 500 == 0 {
            drop_old.execute(params![line.room.as_str(), id - KEPT])?;
        }
    }
    Ok(())
}

pub(super) fn lines(db: &Connection, room: &ChatId, newest: u32) -> Outcome<Vec<ParlourLine>> {
    let mut find = db.prepare_cached(
        "SELECT id, at, body FROM parlour_lines WHERE room = ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let found = find.query_map(params![room.as_str(), newest], |row| {
        Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
    })?;
    let mut lines = Vec::new();
    for row in found {
        let (id, at, body) = row?;
        lines.push(ParlourLine {
            room: room.clone(),
            id: id.unsigned_abs(),
            at: timestamp(at),
            body,
        });
    }
    lines.reverse();
    Ok(lines)
}

pub(super) fn open_session(db: &Connection, session: &KeptSession) -> Outcome<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO sessions (id, csrf, opened, until) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        session.id.0,
        session.csrf,
        millis(session.opened),
        millis(session.until)
    ])?;
    Ok(())
}

pub(super) fn session(
    db: &Connection,
    id: SessionId,
    now: Timestamp,
) -> Outcome<Option<KeptSession>> {
    let mut find =
        db.prepare_cached("SELECT csrf, opened, until FROM sessions WHERE id = ?1 AND until > ?2")?;
    let found = find
        .query_row(params![id.0, millis(now)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    Ok(found.map(|(csrf, opened, until)| KeptSession {
        id,
        csrf,
        opened: timestamp(opened),
        until: timestamp(until),
    }))
}

pub(super) fn end_session(db: &Connection, id: SessionId) -> Outcome<()> {
    db.prepare_cached("DELETE FROM sessions WHERE id = ?1")?
        .execute([id.0])?;
    Ok(())
}

pub(super) fn end_sessions(db: &Connection, until: Timestamp) -> Outcome<()> {
    db.prepare_cached("DELETE FROM sessions WHERE until <= ?1")?
        .execute([millis(until)])?;
    Ok(())
}

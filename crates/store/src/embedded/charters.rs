//! Versions of charters, each written once and kept for good.

use rusqlite::{Connection, Row, params};
use teahouse_core::RoomId;

use super::{Outcome, millis, timestamp};
use crate::CharterVersion;

/// A version that is there stays as it is.
pub(super) fn keep(db: &Connection, version: &CharterVersion) -> Outcome<()> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO charters (scope, version, at, author, what, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        version.scope,
        version.version,
        millis(version.at),
        version.by,
        version.what,
        version.body
    ])?;
    Ok(())
}

pub(super) fn newest(db: &Connection, scope: &str, most: u32) -> Outcome<Vec<CharterVersion>> {
    Ok(db
        .prepare_cached(
            "SELECT scope, version, at, author, what, body FROM charters WHERE scope = ?1 ORDER BY version DESC LIMIT ?2",
        )?
        .query_map(params![scope, most], read)?
        .collect::<Result<_, _>>()?)
}

/// The newest of what a room has changed.
pub(super) fn of_room(db: &Connection, room: RoomId) -> Outcome<Option<CharterVersion>> {
    Ok(newest(db, &format!("room/{room}"), 1)?.pop())
}

fn read(row: &Row<'_>) -> rusqlite::Result<CharterVersion> {
    Ok(CharterVersion {
        scope: row.get(0)?,
        version: row.get(1)?,
        at: timestamp(row.get(2)?),
        by: row.get(3)?,
        what: row.get(4)?,
        body: row.get(5)?,
    })
}

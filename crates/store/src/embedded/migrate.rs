//! Brings a database up to date, one numbered step after the other, each in a transaction of its own together with
//! its record: killed anywhere, the next start goes on where this one stopped. A backup is made first.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::sqlite;
use crate::{StoreError, fault};

const STEPS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
];

/// A database up to this size is looked through at every start, in about a tenth of a second.
const LOOKED_THROUGH: u64 = 64 << 20;

pub(super) fn run(database: &Path, backups: &Path, now: Timestamp) -> Result<(), StoreError> {
    let folder = database.parent().unwrap_or(database).display().to_string();
    let shown = backups.display().to_string();
    let damaged = |why| StoreError::Damaged {
        path: folder.clone(),
        why,
        backups: shown.clone(),
    };
    let up_to_date = || {
        let mut db = Connection::open(database).map_err(sqlite("open the database"))?;
        if let Some(why) = wrong_with(&db, database)? {
            return Err(damaged(why));
        }
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;",
        )
        .map_err(sqlite("set the database up"))?;
        let version = version(&db)?;
        if version > 0 && version < STEPS.len() as i64 {
            back_up(&db, backups, version, now)?;
        }
        apply_all(&mut db, &folder, &shown)?;
        // A flush may have failed before the last end: all of the log is copied and flushed once more, or it is said.
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(sqlite("bring the write-ahead log into the database"))
    };
    up_to_date().map_err(|error| match error {
        StoreError::Sqlite { source, .. } if is_damage(&source) => damaged(source.to_string()),
        other => other,
    })
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
    )
}

/// Looks before anything is written.
fn wrong_with(db: &Connection, database: &Path) -> Result<Option<String>, StoreError> {
    let wrong = sqlite("look the database through");
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .map_err(&wrong)?;
    if tables > 0 && !has_migrations(db)? {
        return Ok(Some("another program made it".to_owned()));
    }
    let size = std::fs::metadata(database).map_or(0, |file| file.len());
    if size > LOOKED_THROUGH {
        return Ok(None);
    }
    let found: String = db
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(&wrong)?;
    Ok((found != "ok").then(|| found.replace('\n', " ")))
}

pub(super) fn apply_all(
    db: &mut Connection,
    folder: &str,
    backups: &str,
) -> Result<(), StoreError> {
    let wrong = sqlite("bring the database up to date");
    db.execute_batch(
        "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, checksum BLOB NOT NULL)",
    )
    .map_err(&wrong)?;
    let found = version(db)?;
    if found > STEPS.len() as i64 {
        return Err(StoreError::Newer {
            path: folder.to_owned(),
            found,
            known: STEPS.len() as i64,
            backups: backups.to_owned(),
        });
    }
    for (version, sql) in (1..).zip(STEPS) {
        let checksum: [u8; 32] = Sha256::digest(sql).into();
        let applied: Option<[u8; 32]> = db
            .query_row(
                "SELECT checksum FROM migrations WHERE version = ?1",
                [version],
                |row| row.get(0),
            )
            .optional()
            .map_err(&wrong)?;
        match applied {
            Some(known) if known == checksum => continue,
            Some(_) => {
                return Err(StoreError::Altered {
                    path: folder.to_owned(),
                    version,
                    backups: backups.to_owned(),
                });
            }
            None => {}
        }
        let step = db.transaction().map_err(&wrong)?;
        step.execute_batch(sql).map_err(&wrong)?;
        step.execute(
            "INSERT INTO migrations (version, checksum) VALUES (?1, ?2)",
            params![version, checksum],
        )
        .map_err(&wrong)?;
        fault::point("in-migration");
        step.commit().map_err(&wrong)?;
        fault::point("after-migration");
    }
    Ok(())
}

fn has_migrations(db: &Connection) -> Result<bool, StoreError> {
    db.query_row(
        "SELECT count(*) FROM sqlite_master WHERE name = 'migrations'",
        [],
        |row| row.get(0),
    )
    .map_err(sqlite("read the database's version"))
}

fn version(db: &Connection) -> Result<i64, StoreError> {
    if !has_migrations(db)? {
        return Ok(0);
    }
    db.query_row(
        "SELECT coalesce(max(version), 0) FROM migrations",
        [],
        |row| row.get(0),
    )
    .map_err(sqlite("read the database's version"))
}

/// A whole copy beside the data, named by what it holds. It gets its name when it is complete and on disk.
fn back_up(
    db: &Connection,
    backups: &Path,
    version: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let wrong = |source| StoreError::Folder {
        path: backups.display().to_string(),
        source,
    };
    std::fs::create_dir_all(backups).map_err(wrong)?;
    let stamp = now.strftime("%Y%m%d-%H%M%S");
    let file = backups.join(format!("before-schema-{}-{stamp}.db", version + 1));
    let part = backups.join("unfinished.part");
    if part.exists() {
        std::fs::remove_file(&part).map_err(wrong)?;
    }
    db.execute("VACUUM INTO ?1", [part.display().to_string()])
        .map_err(sqlite("back the database up"))?;
    let keep = || {
        std::fs::File::open(&part)?.sync_all()?;
        std::fs::rename(&part, &file)?;
        std::fs::File::open(backups)?.sync_all()
    };
    keep().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_or_altered_database_is_refused_and_left_alone() {
        let mut db = Connection::open_in_memory().unwrap();
        apply_all(&mut db, "data", "data/backups").unwrap();
        apply_all(&mut db, "data", "data/backups").unwrap();
        db.execute("INSERT INTO migrations VALUES (99, x'00')", [])
            .unwrap();
        let error = apply_all(&mut db, "data", "data/backups").unwrap_err();
        assert!(
            matches!(error, StoreError::Newer { found: 99, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("data/backups"), "{error}");
        db.execute("DELETE FROM migrations WHERE version = 99", [])
            .unwrap();
        db.execute(
            "UPDATE migrations SET checksum = zeroblob(32) WHERE version = 2",
            [],
        )
        .unwrap();
        let error = apply_all(&mut db, "data", "data/backups").unwrap_err();
        assert!(
            matches!(error, StoreError::Altered { version: 2, .. }),
            "{error}"
        );
    }

    #[test]
    fn an_older_database_is_backed_up_before_it_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let (file, backups) = (folder.path().join("t.db"), folder.path().join("backups"));
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        run(&file, &backups, now).unwrap();
        assert!(!backups.exists(), "a fresh database needs no backup");
        std::fs::remove_file(&file).unwrap();
        let db = Connection::open(&file).unwrap();
        db.execute_batch(
            "CREATE TABLE migrations (version INTEGER PRIMARY KEY, checksum BLOB NOT NULL)",
        )
        .unwrap();
        db.execute_batch(STEPS[0]).unwrap();
        let checksum: [u8; 32] = Sha256::digest(STEPS[0]).into();
        db.execute("INSERT INTO migrations VALUES (1, ?1)", [checksum])
            .unwrap();
        drop(db);
        run(&file, &backups, now).unwrap();
        let kept: Vec<_> = std::fs::read_dir(&backups)
            .unwrap()
            .map(|f| f.unwrap().file_name())
            .collect();
        assert_eq!(kept, ["before-schema-2-20261124-120000.db"]);
    }
}

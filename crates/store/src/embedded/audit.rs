//! The audit log: added to, read, and looked through for what somebody did to it. Each row seals itself and the row
//! before it; the newest one's number and seal stand in `facts` as well. Nothing here changes a row.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};
use teahouse_core::{MemberId, RoomId};
use ulid::Ulid;

use super::{Outcome, millis, rooms, timestamp};
use crate::{AuditNote, AuditReport, AuditRow, By, StoreError};

/// Rows that one look takes.
pub(super) const PIECE: u32 = 1_000;
/// So many faults are named; the log may be anybody's by then.
const MOST_FAULTS: usize = 10_000;

type Hash = [u8; 32];

pub(super) fn append(
    db: &Connection,
    room: Option<RoomId>,
    platform: Option<&str>,
    note: &AuditNote,
    at: Timestamp,
) -> Outcome<()> {
    let by = match &note.by {
        By::House => "house".to_owned(),
        By::Operator => "operator".to_owned(),
        By::Member(member) => random(db, platform, member)?,
    };
    let to = match &note.to {
        Some(member) => Some(random(db, platform, member)?),
        None => None,
    };
    let (last, prev) = end(db)?;
    let entry = Sealed {
        n: last + 1,
        at: millis(at),
        room: room.map(|room| room.0.to_bytes().to_vec()),
        by,
        did: note.did.to_owned(),
        to,
        with: note.with.clone(),
        prev: prev.to_vec(),
    };
    let hash = entry.hash();
    db.prepare_cached(
        "INSERT INTO audit (n, at, room, by_whom, did, to_whom, with_what, prev, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        entry.n, entry.at, entry.room, entry.by, entry.did, entry.to, entry.with, entry.prev, hash
    ])?;
    db.prepare_cached("INSERT OR REPLACE INTO facts (name, value) VALUES ('audit', ?1)")?
        .execute([format!("{} {}", entry.n, hex(&hash))])?;
    Ok(())
}

/// A member's random key; it says nothing about them, and nothing at all once their row is gone.
fn random(db: &Connection, platform: Option<&str>, member: &MemberId) -> Outcome<String> {
    let Some(platform) = platform else {
        return Err(StoreError::Unreadable {
            what: "the platform of a member in the audit log".into(),
        }
        .into());
    };
    let key = rooms::some_member(db, platform, member)?;
    let random: Vec<u8> = db
        .prepare_cached("SELECT random FROM members WHERE key = ?1")?
        .query_row([key], |row| row.get(0))?;
    Ok(hex(&random))
}

/// The number and seal that the next row follows. What was cut off at the end leaves a gap: its numbers are not given
/// again.
fn end(db: &Connection) -> Outcome<(i64, Hash)> {
    let last: Option<(i64, Hash)> = db
        .prepare_cached("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let told = told(db)?;
    let (last, told) = (last.unwrap_or_default(), told.unwrap_or_default());
    Ok(if told.0 > last.0 { told } else { last })
}

/// The end as `facts` has it.
fn told(db: &Connection) -> Outcome<Option<(i64, Hash)>> {
    let value: Option<String> = db
        .prepare_cached("SELECT value FROM facts WHERE name = 'audit'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(value.and_then(|value| {
        let (n, hash) = value.split_once(' ')?;
        Some((n.parse().ok()?, unhex(hash)?))
    }))
}

/// All of a row but its own seal, in one form only.
struct Sealed {
    n: i64,
    at: i64,
    room: Option<Vec<u8>>,
    by: String,
    did: String,
    to: Option<String>,
    with: String,
    prev: Vec<u8>,
}

impl Sealed {
    fn hash(&self) -> Hash {
        let (n, at) = (self.n.to_be_bytes(), self.at.to_be_bytes());
        let fields: [Option<&[u8]>; 8] = [
            Some(&n),
            Some(&at),
            self.room.as_deref(),
            Some(self.by.as_bytes()),
            Some(self.did.as_bytes()),
            self.to.as_ref().map(String::as_bytes),
            Some(self.with.as_bytes()),
            Some(&self.prev),
        ];
        let mut hash = Sha256::new();
        for field in fields {
            // A length, so that no two rows are written alike; what is not there has none.
            hash.update([u8::from(field.is_some())]);
            let field = field.unwrap_or_default();
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        hash.finalize().into()
    }
}

pub(super) fn newest(db: &Connection, most: u32) -> Outcome<Vec<AuditRow>> {
    Ok(db
        .prepare_cached(
            "SELECT n, at, room, by_whom, did, to_whom, with_what FROM audit ORDER BY n DESC LIMIT ?1",
        )?
        .query_map([most], |row| {
            let room: Option<[u8; 16]> = row.get(2)?;
            Ok(AuditRow {
                n: row.get::<_, i64>(0)?.unsigned_abs(),
                at: timestamp(row.get(1)?),
                room: room.map(|id| RoomId(Ulid::from_bytes(id))),
                by: row.get(3)?,
                did: row.get(4)?,
                to: row.get(5)?,
                with: row.get(6)?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// A look through the log, piece by piece: no read is long, and no fault ends it.
pub(super) struct Look {
    /// The latest number seen.
    after: i64,
    /// The number and seal of the row before, where it could be read.
    before: Option<(i64, Vec<u8>)>,
    report: AuditReport,
}

impl Look {
    pub(super) fn new() -> Self {
        Look {
            after: 0,
            before: Some((0, vec![0; 32])),
            report: AuditReport {
                rows: 0,
                faults: Vec::new(),
            },
        }
    }

    /// Takes the next piece; with the last one comes the report.
    pub(super) fn piece(mut self, db: &Connection) -> Outcome<Result<AuditReport, Self>> {
        let mut find = db.prepare_cached(
            "SELECT n, at, room, by_whom, did, to_whom, with_what, prev, hash FROM audit WHERE n > ?1 ORDER BY n LIMIT ?2",
        )?;
        let mut rows = find.query(params![self.after, PIECE])?;
        let mut seen = 0;
        while let Some(row) = rows.next()? {
            self.row(row.get(0)?, row);
            seen += 1;
        }
        if seen == PIECE {
            return Ok(Err(self));
        }
        self.is_whole(told(db)?);
        Ok(Ok(self.report))
    }

    fn row(&mut self, n: i64, row: &Row<'_>) {
        if n > self.after + 1 {
            self.missing(self.after + 1, n - 1);
        }
        self.after = n;
        self.report.rows += 1;
        let before = self.before.take();
        let Ok((entry, hash)) = read(row) else {
            self.fault(n, "edited: it is no row of this log".to_owned());
            return;
        };
        if entry.hash().as_slice() != hash {
            self.fault(n, "edited: it is not as it was sealed".to_owned());
        }
        if before.is_some_and(|(number, seal)| number + 1 == n && seal != entry.prev) {
            let why = format!("does not follow row {}: one of the two was replaced", n - 1);
            self.fault(n, why);
        }
        self.before = Some((n, hash));
    }

    /// The end is where `facts` says it is.
    fn is_whole(&mut self, told: Option<(i64, Hash)>) {
        let last = self.after;
        match told {
            Some((end, _)) if end > last => {
                self.fault(last + 1, format!("cut off: the log went on to row {end}"));
            }
            Some((end, _)) if end < last => {
                self.fault(last, format!("the log is kept as ending with row {end}"));
            }
            Some((_, seal)) => {
                let ends = self.before.as_ref();
                if ends.is_some_and(|(_, hash)| *hash != seal) {
                    let why = "replaced: the log is kept as ending otherwise";
                    self.fault(last, why.to_owned());
                }
            }
            None if last > 0 => {
                self.fault(last, "where the log ends is not kept any more".to_owned());
            }
            None => {}
        }
    }

    fn missing(&mut self, first: i64, last: i64) {
        let why = match last == first {
            true => "missing".to_owned(),
            false => format!("missing, as are all up to {last}"),
        };
        self.fault(first, why);
    }

    fn fault(&mut self, n: i64, why: String) {
        if self.report.faults.len() < MOST_FAULTS {
            self.report.faults.push((n.unsigned_abs(), why));
        }
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<(Sealed, Vec<u8>)> {
    let entry = Sealed {
        n: row.get(0)?,
        at: row.get(1)?,
        room: row.get(2)?,
        by: row.get(3)?,
        did: row.get(4)?,
        to: row.get(5)?,
        with: row.get(6)?,
        prev: row.get(7)?,
    };
    Ok((entry, row.get(8)?))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(by: &str, did: &str, to: Option<&str>, with: &str) -> Sealed {
        Sealed {
            n: 1,
            at: 2,
            room: None,
            by: by.into(),
            did: did.into(),
            to: to.map(Into::into),
            with: with.into(),
            prev: vec![0; 32],
        }
    }

    #[test]
    fn no_two_entries_are_sealed_alike() {
        let entries = [
            entry("house", "mute", None, "x"),
            entry("house", "mute", Some(""), "x"),
            entry("house", "mut", Some("e"), "x"),
            entry("house", "mute", Some("x"), ""),
            entry("hous", "emute", None, "x"),
            // What stands between two fields, within one.
            entry("house\u{1}", "mute", None, "x"),
            entry("house", "\u{1}mute", None, "x"),
            Sealed {
                room: Some(Vec::new()),
                ..entry("house", "mute", None, "x")
            },
        ];
        let mut seals: Vec<_> = entries.iter().map(Sealed::hash).collect();
        seals.sort();
        seals.dedup();
        assert_eq!(seals.len(), entries.len());
    }
}

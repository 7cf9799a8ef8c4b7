//! What is kept no longer, whichever room it is of: dropped in pieces, so that no transaction is long. Beside the
//! journey; what a room keeps of its talk is `history.rs`'s.

use rusqlite::{Connection, params};

use super::{Outcome, millis};
use crate::Ageing;

/// Rows that one transaction touches.
pub(super) const PIECE: i64 = 2_000;

const DAY: i64 = 86_400_000;
/// A question that comes again within a day is known, also when the clock was a day ahead meanwhile.
const INBOX: i64 = 3 * DAY;
/// What was sent may have to be looked at for so long.
const PAYLOADS: i64 = 7 * DAY;
/// A room that was away for so long learns nothing of that time.
const ERASED: i64 = 8 * DAY;
/// No day of a room is longer.
const SPENT: i64 = 3 * DAY;
/// What is dated later by more than this is from a clock that was wrong.
pub(super) const FROM_THE_FUTURE: i64 = DAY;

/// One piece; says whether more may be left.
pub(super) fn piece(db: &Connection, time: Ageing) -> Outcome<bool> {
    let (by, latest) = (millis(time.by), millis(time.latest));
    let mut left = PIECE;
    for (sql, before) in [
        (
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE until <= ?1 ORDER BY until LIMIT ?2)",
            by,
        ),
        (
            "DELETE FROM inbox WHERE key IN (SELECT key FROM inbox WHERE at < ?1 ORDER BY at LIMIT ?2)",
            by - INBOX,
        ),
        (
            "UPDATE outbox SET sealed = x'' WHERE id IN
               (SELECT id FROM outbox WHERE ended < ?1 AND sealed <> x'' ORDER BY ended LIMIT ?2)",
            by - PAYLOADS,
        ),
        (
            "DELETE FROM erased WHERE (room, who) IN (SELECT room, who FROM erased WHERE at < ?1 ORDER BY at LIMIT ?2)",
            by - ERASED,
        ),
        (
            "DELETE FROM spent WHERE (day, room, who) IN
               (SELECT day, room, who FROM spent WHERE day < ?1 ORDER BY day LIMIT ?2)",
            by - SPENT,
        ),
    ] {
        left -= db.prepare_cached(sql)?.execute([before, left])? as i64;
    }
    // Dated anew and not dropped: they were written lately, by a clock that was ahead.
    for sql in [
        "UPDATE inbox SET at = ?3 WHERE key IN (SELECT key FROM inbox WHERE at > ?1 ORDER BY at LIMIT ?2)",
        "UPDATE outbox SET ended = ?3 WHERE id IN
           (SELECT id FROM outbox WHERE ended > ?1 AND sealed <> x'' ORDER BY ended LIMIT ?2)",
        "UPDATE erased SET at = ?3 WHERE (room, who) IN
           (SELECT room, who FROM erased WHERE at > ?1 ORDER BY at LIMIT ?2)",
    ] {
        let done =
            (db.prepare_cached(sql)?).execute(params![latest + FROM_THE_FUTURE, left, latest])?;
        left -= done as i64;
    }
    Ok(left == 0)
}

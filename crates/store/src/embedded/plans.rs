//! Reads every statement of this folder and asks SQLite how it would run it: what happens per message, question or
//! delivery must find its rows by an index, however much is kept.

use rusqlite::Connection;

use super::cases::CASE;
use super::migrate;
use super::outbox::{FIRST_EFFECT, FIRST_WAITING, ITS_MEMBER_IS_ERASED, LONGEST_WAIT};

const SOURCES: &[&str] = &[
    include_str!("rooms.rs"),
    include_str!("turns.rs"),
    include_str!("outbox.rs"),
    include_str!("history.rs"),
    include_str!("parlour.rs"),
    include_str!("purge.rs"),
    include_str!("cases.rs"),
    include_str!("charters.rs"),
    include_str!("audit.rs"),
    include_str!("erase.rs"),
    include_str!("mod.rs"),
];

/// Statements that may look at whole tables: at a start and for `/metrics` only.
const SELDOM: &[&str] = &[
    "SELECT a.account, a.chat, r.kind",
    "SELECT chat, kind, last, room FROM (",
    "SELECT count(*) FROM turns",
    "SELECT count(*) FROM ledger",
    "SELECT count(*) FROM outbox",
    "SELECT count(*) FROM history",
    "SELECT coalesce(sum(",
];

/// An erasure goes through everything, once in a while.
const ERASURE: &[&str] = &[
    "SELECT r.id, a.account, a.chat FROM rooms r",
    "SELECT r.id FROM rooms r WHERE r.kind = 1",
    "UPDATE turns INDEXED BY turns_of_message SET chat = ''",
    "UPDATE outbox INDEXED BY outbox_of_message SET sealed = x'' WHERE room = ?1 AND message IS NOT NULL",
    "SELECT room, day, sum(refused = 0)",
    "SELECT room, id FROM turns INDEXED BY turns_open",
    "SELECT DISTINCT o.room, o.turn FROM outbox o INDEXED BY outbox_waiting",
    "DELETE FROM history WHERE member = ?1",
    "UPDATE turns INDEXED BY turns_of_day SET name = ''",
    "UPDATE charters SET author = ''",
];

/// The audit log from its newest end.
const NEWEST_OF_THE_LOG: &[&str] = &[
    "SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1",
    "SELECT n, at, room, by_whom, did, to_whom, with_what FROM audit ORDER BY n DESC LIMIT",
];

/// Statements that walk over a room from its newest end, or drop its oldest.
const ALONG_A_ROOM: &[&str] = &[
    "SELECT h.message, m.id, m.name, h.text",
    "SELECT id, at, body FROM parlour_lines",
    "DELETE FROM history WHERE room = ?1 AND id IN",
    "UPDATE history SET at = ?3 WHERE room = ?1 AND id IN",
    "INSERT INTO cases (",
    "SELECT sum(kind = 0)",
    "SELECT coalesce(max(number), 0) + 1 FROM cases",
    "UPDATE marks SET last",
    "DELETE FROM marks WHERE room = ?1 AND last",
];

/// Indexes of what is open, waits or still has words: never more than a little of a room.
const SMALL: &[&str] = &[
    "turns_open",
    "outbox_waiting",
    "outbox_effects",
    "turns_of_day",
    "cases_waiting",
    "addresses_of_room",
];

/// Asked when a room is opened, by a member about themselves, or for a sweep: all the labels, questions or rungs of one
/// room.
const SELDOM_IN_A_ROOM: &[&str] = &[
    "SELECT who, rule, times, last FROM marks",
    "SELECT who, at FROM erased",
    "SELECT message FROM outbox INDEXED BY outbox_of_message",
    "SELECT id, message, sealed, ended FROM outbox INDEXED BY outbox_of_message",
    "SELECT count(*) FROM turns INDEXED BY turns_of_message",
];

fn statements() -> Vec<String> {
    let starts = ["SELECT ", "INSERT ", "UPDATE ", "DELETE "];
    let mut found = Vec::new();
    for source in SOURCES {
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        for (at, _) in code.match_indices('"') {
            let rest = &code[at + 1..];
            if !starts.iter().any(|start| rest.starts_with(start)) {
                continue;
            }
            let masked = rest.replace("\\\"", "\u{1}\u{1}");
            let end = masked.find('"').expect("a literal has an end");
            let sql = rest[..end].replace("\\\"", "\"");
            let sql = sql.replace("{FIRST_WAITING}", FIRST_WAITING);
            let sql = sql.replace("{ITS_MEMBER_IS_ERASED}", ITS_MEMBER_IS_ERASED);
            let sql = sql.replace("{CASE}", CASE);
            let sql = sql.replace("{LONGEST_WAIT}", &LONGEST_WAIT.to_string());
            match sql.contains("{of_these}") {
                true => found
                    .extend([FIRST_EFFECT, FIRST_WAITING].map(|of| sql.replace("{of_these}", of))),
                false => found.push(sql),
            }
        }
    }
    found
}

#[test]
fn no_statement_of_a_message_a_question_or_a_delivery_walks_over_all_that_is_kept() {
    let mut db = Connection::open_in_memory().unwrap();
    migrate::apply_all(&mut db, "memory", "memory").unwrap();
    let statements = statements();
    assert!(statements.len() > 40, "only {} found", statements.len());
    let mut slow = Vec::new();
    for sql in &statements {
        if SELDOM_IN_A_ROOM.iter().any(|start| sql.starts_with(start)) {
            assert!(plan(&db, sql)[0].contains("(room=?"), "{sql}");
            continue;
        }
        if SELDOM.iter().any(|start| sql.starts_with(start)) && !sql.contains("member = ?1") {
            continue;
        }
        if (ERASURE.iter().chain(NEWEST_OF_THE_LOG)).any(|start| sql.starts_with(start)) {
            continue;
        }
        let along = ALONG_A_ROOM.iter().any(|start| sql.starts_with(start));
        for step in plan(&db, sql) {
            let scan = step.starts_with("SCAN ") && step != "SCAN CONSTANT ROW";
            let small = SMALL.iter().any(|index| step.contains(index));
            let walk = step.ends_with("(room=?)") && !small && !along;
            let sorts = along && step.contains("TEMP B-TREE");
            if scan || walk || sorts {
                slow.push(format!("{sql}\n    {step}"));
            }
        }
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}

/// Of all that waits a start looks at one row a room: however much it is, it is not read.
#[test]
fn a_start_looks_into_each_room_and_reads_nothing_else() {
    let mut db = Connection::open_in_memory().unwrap();
    migrate::apply_all(&mut db, "memory", "memory").unwrap();
    let all = statements();
    let start = (all.iter()).find(|sql| sql.starts_with("SELECT a.account, a.chat, r.kind"));
    let steps = plan(&db, start.unwrap());
    let scanned: Vec<_> = (steps.iter())
        .filter_map(|step| step.strip_prefix("SCAN "))
        .filter(|scanned| scanned.split(' ').next() != Some("r"))
        .collect();
    assert!(scanned.is_empty(), "{steps:?}");
    for index in ["turns_open (room=?)", "outbox_waiting (room=?)"] {
        assert!(steps.iter().any(|step| step.ends_with(index)), "{steps:?}");
    }
}

fn plan(db: &Connection, sql: &str) -> Vec<String> {
    let steps = |sql: &str| -> rusqlite::Result<Vec<String>> {
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let nothing = vec![rusqlite::types::Null; plan.parameter_count()];
        plan.query_map(rusqlite::params_from_iter(nothing), |row| row.get(3))?
            .collect()
    };
    steps(sql).unwrap_or_else(|error| panic!("{error}: {sql}"))
}

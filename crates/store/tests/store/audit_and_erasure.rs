//! What only a look into the file can show: that nothing of an erased member is left in it, and that nobody changes the
//! audit log unnoticed.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use teahouse_core::{Effect, MemberId, Reason, RoomId, RoomKind};
use teahouse_store::{
    AuditNote, By, CaseMove, CaseState, CharterVersion, Dealings, EmbeddedStore, HistoryLine,
    HostId, Opening, Outbound, Settlement, Store,
};
use teahouse_testkit::case_contract::{case, note, who};
use teahouse_testkit::store_contract::{Room, address, at, notice, part, sealed, turn};
use tempfile::TempDir;
use ulid::Ulid;

fn open(folder: &TempDir) -> EmbeddedStore {
    EmbeddedStore::open(folder.path(), at(0)).unwrap()
}

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join("teahouse.db")
}

// Nothing of an erased member is left.

const ID: &str = "member-0471";
const NAME: &str = "Nightingale \"the\" 夜莺";
/// In everything that the member said and that was said to them.
const WORD: &str = "canary";

fn said(text: &str) -> String {
    format!("{WORD} {text}")
}

fn says(n: u64, text: &str) -> Outbound {
    Outbound {
        sealed: sealed(text),
        ..notice(n)
    }
}

/// Leaves traces of the member wherever a member leaves any.
async fn leave_traces(room: &Room<'_>) {
    let store = room.store;
    let mut asks = room.question(1, ID);
    let (question, _) = asks.turn.as_mut().unwrap();
    (question.name, question.question) = (NAME.into(), said("question"));
    let line = HistoryLine {
        name: NAME.into(),
        text: said("question"),
        trail: Some(said("trail")),
        ..asks.line.take().unwrap()
    };
    asks.line = Some(line);
    let member = MemberId::new(ID);
    asks.dealings = dealings(room, &member);
    asks.say = vec![
        says(10, &format!("{NAME}, please mind the rules")),
        says(11, &said("is what somebody wrote")),
        Outbound {
            sealed: Effect::Mute {
                member: member.clone(),
                seconds: 600,
            }
            .seal(None),
            ..notice(12)
        },
    ];
    store.accept(room.lease, asks).await.unwrap();
    let settlement = Settlement {
        turn: turn(1),
        reason: Reason::Answered,
        cut_short: false,
        attempt: None,
        say: vec![Outbound {
            sealed: sealed(&said("answer")),
            ..part(13, 1, 0)
        }],
        claim_until: None,
        answer: said("answer"),
        greeted: false,
        at: at(3),
    };
    store.settle(room.lease, settlement).await.unwrap();
    // What is done goes first.
    for n in [12, 10, 11, 13] {
        room.is_shown(n, 5).await.unwrap();
    }
    // Asked, and on its way to an answer.
    let mut asks = room.question(2, ID);
    let (question, _) = asks.turn.as_mut().unwrap();
    (question.name, question.question) = (NAME.into(), said("second question"));
    asks.line = None;
    store.accept(room.lease, asks).await.unwrap();
    let part = Outbound {
        sealed: sealed(&said("first part")),
        ..part(20, 2, 0)
    };
    (store
        .release(room.lease, part, said("first part"), at(6))
        .await)
        .unwrap();
}

fn dealings(room: &Room<'_>, member: &MemberId) -> Dealings {
    let mut new = case(1, ID, CaseState::Settled);
    (new.name, new.words) = (NAME.into(), said("case"));
    Dealings {
        cases: vec![new.clone()],
        moves: vec![CaseMove {
            case: new.id,
            from: CaseState::Settled,
            to: CaseState::Appealed,
            by: None,
            appeal: Some(said("appeal")),
        }],
        shows: vec![(notice(11).id, new.id)],
        charters: vec![CharterVersion {
            scope: format!("room/{}", room.lease.room),
            version: 1,
            at: at(1),
            by: NAME.into(),
            what: "quiet".into(),
            body: "{}".into(),
        }],
        audit: vec![AuditNote {
            to: Some(member.clone()),
            ..note(By::Member(member.clone()), "report")
        }],
        ..Dealings::default()
    }
}

/// Where in the database a text stands: every column of every table but the parlour's.
fn found(folder: &TempDir, text: &str) -> Vec<String> {
    let db = Connection::open(database(folder)).unwrap();
    let columns = "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c
                   WHERE t.type = 'table' AND t.name <> 'parlour_lines'";
    let columns: Vec<(String, String)> = db
        .prepare(columns)
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(columns.len() > 100, "{columns:?}");
    let holds = |(table, column): &(String, String)| {
        let sql = format!(
            "SELECT count(*) FROM {table} WHERE instr(CAST({column} AS BLOB), CAST(?1 AS BLOB)) > 0"
        );
        let rows: i64 = db.query_row(&sql, [text], |row| row.get(0)).unwrap();
        (rows > 0).then(|| format!("{table}.{column}"))
    };
    columns.iter().filter_map(holds).collect()
}

fn traces() -> [(&'static str, &'static [&'static str]); 4] {
    [
        (ID, &["members.id", "outbox.sealed"]),
        (
            NAME,
            &[
                "members.name",
                "turns.name",
                "cases.name",
                "charters.author",
            ],
        ),
        (
            "夜莺",
            &[
                "members.name",
                "turns.name",
                "outbox.sealed",
                "cases.name",
                "charters.author",
            ],
        ),
        (
            WORD,
            &[
                "turns.question",
                "turns.answer",
                "outbox.sealed",
                "history.text",
                "history.trail",
                "cases.words",
                "cases.appeal",
            ],
        ),
    ]
}

#[tokio::test]
async fn of_an_erased_member_no_column_of_any_table_holds_anything() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let room = Room::open(&store).await.unwrap();
    leave_traces(&room).await;
    for (text, expected) in traces() {
        let mut found = found(&folder, text);
        let mut expected: Vec<_> = expected.iter().map(|&column| column.to_owned()).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "traces of {text}");
    }
    let member = MemberId::new(ID);
    let erased = store.erase(room.lease, "qq", &member, who(&room, ID), at(9));
    let erased = erased.await.unwrap();
    assert_eq!((erased.lines, erased.questions, erased.cases), (1, 2, 1));
    for (text, _) in traces() {
        assert_eq!(found(&folder, text), [""; 0], "{text}");
    }
    drop(store);
    let bytes = std::fs::read(database(&folder)).unwrap();
    assert!(!folder.path().join("teahouse.db-wal").exists());
    for text in [ID, "Nightingale", "夜莺", WORD] {
        let there = bytes
            .windows(text.len())
            .any(|bytes| bytes == text.as_bytes());
        assert!(!there, "{text} in the file");
    }
}

#[tokio::test]
async fn of_a_direct_chat_with_an_erased_member_not_even_the_address_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let room = Room::open(&store).await.unwrap();
    let chat = format!("direct/{ID}");
    let opening = || Opening {
        address: address("qq", &chat),
        platform: "qq",
        kind: RoomKind::Direct,
        new_room: RoomId(Ulid::from_parts(9, 9)),
        day: at(0),
    };
    let direct = store.open_room(HostId(Ulid::from_parts(8, 8)), opening(), at(0));
    let direct = direct.await.unwrap();
    let line = room.line(77, ID, "between the two of us");
    store.remember(vec![(direct.lease, line)]).await.unwrap();
    let traces = ["addresses.chat", "members.id", "members.name"];
    assert_eq!(found(&folder, ID), traces);
    let member = MemberId::new(ID);
    let erased = store.erase(room.lease, "qq", &member, who(&room, ID), at(9));
    assert_eq!(erased.await.unwrap().lines, 1);
    assert_eq!(found(&folder, ID), [""; 0]);
    // Who comes back is a stranger, in a room of their own.
    let anew = Opening {
        new_room: RoomId(Ulid::from_parts(10, 10)),
        ..opening()
    };
    let again = store.open_room(HostId(Ulid::from_parts(8, 8)), anew, at(10));
    let again = again.await.unwrap();
    assert_ne!(again.lease.room, direct.lease.room);
    assert_eq!(again.talk, []);
}

// The audit log.

/// A folder with an audit log of nine rows.
async fn logged() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let room = Room::open(&store).await.unwrap();
    for n in 1..=9 {
        let note = AuditNote {
            to: Some(MemberId::new("lin")),
            with: format!("case {n}"),
            ..note(By::House, "recall")
        };
        let at = at(0) + Duration::from_secs(n);
        (store.audit(Some(room.lease.room), note, at).await).unwrap();
    }
    drop(store);
    folder
}

fn tamper(folder: &TempDir, sql: &str) {
    let db = Connection::open(database(folder)).unwrap();
    db.execute_batch("DROP TRIGGER audit_is_never_edited; DROP TRIGGER audit_is_never_shortened;")
        .unwrap();
    db.execute_batch(sql).unwrap();
}

/// What is found wrong, each as its number and the first word of why.
async fn faults(folder: &TempDir) -> Vec<(u64, String)> {
    let report = open(folder).audit_verify().await.unwrap();
    let short = |(n, why): (u64, String)| {
        let word = why.split([' ', ':', ',']).next().unwrap();
        (n, word.to_owned())
    };
    report.faults.into_iter().map(short).collect()
}

#[tokio::test]
async fn every_row_of_the_audit_log_that_was_edited_removed_or_added_is_named() {
    for (sql, expected) in [
        ("SELECT 1", &[][..]),
        ("UPDATE audit SET at = at + 1 WHERE n = 4", &[(4, "edited")]),
        ("UPDATE audit SET room = NULL WHERE n = 4", &[(4, "edited")]),
        ("UPDATE audit SET room = x'' WHERE n = 4", &[(4, "edited")]),
        (
            "UPDATE audit SET by_whom = 'operator' WHERE n = 1",
            &[(1, "edited")],
        ),
        (
            "UPDATE audit SET did = 'mute' WHERE n = 4",
            &[(4, "edited")],
        ),
        (
            "UPDATE audit SET to_whom = NULL WHERE n = 4",
            &[(4, "edited")],
        ),
        (
            "UPDATE audit SET with_what = '' WHERE n = 9",
            &[(9, "edited")],
        ),
        // A word moved over the edge of two columns.
        (
            "UPDATE audit SET did = did || 'c', with_what = substr(with_what, 2) WHERE n = 4",
            &[(4, "edited")],
        ),
        ("UPDATE audit SET at = 'noon' WHERE n = 4", &[(4, "edited")]),
        (
            "UPDATE audit SET prev = zeroblob(32) WHERE n = 4",
            &[(4, "edited"), (4, "does")],
        ),
        (
            "UPDATE audit SET hash = zeroblob(32) WHERE n = 4",
            &[(4, "edited"), (5, "does")],
        ),
        (
            "UPDATE audit SET hash = zeroblob(32) WHERE n = 9",
            &[(9, "edited"), (9, "replaced")],
        ),
        (
            "UPDATE audit SET hash = 'none' WHERE n = 4",
            &[(4, "edited")],
        ),
        (
            "UPDATE audit SET n = 40 WHERE n = 4",
            &[(4, "missing"), (10, "missing"), (40, "edited"), (40, "the")],
        ),
        ("DELETE FROM audit WHERE n = 5", &[(5, "missing")]),
        (
            "DELETE FROM audit WHERE n IN (1, 3, 4, 5)",
            &[(1, "missing"), (3, "missing")],
        ),
        ("DELETE FROM audit WHERE n = 9", &[(9, "cut")]),
        ("DELETE FROM audit WHERE n > 6", &[(7, "cut")]),
        ("DELETE FROM audit", &[(1, "cut")]),
        ("DELETE FROM facts WHERE name = 'audit'", &[(9, "where")]),
        (
            "UPDATE facts SET value = 'x' WHERE name = 'audit'",
            &[(9, "where")],
        ),
        (
            "INSERT INTO audit SELECT 10, at, room, by_whom, did, to_whom, with_what, prev, hash FROM audit WHERE n = 9",
            &[(10, "edited"), (10, "does"), (10, "the")],
        ),
        // One fault hides no other.
        (
            "UPDATE audit SET did = 'x' WHERE n IN (2, 3); DELETE FROM audit WHERE n IN (6, 9);
             UPDATE audit SET with_what = 'y' WHERE n = 8",
            &[
                (2, "edited"),
                (3, "edited"),
                (6, "missing"),
                (8, "edited"),
                (9, "cut"),
            ],
        ),
    ] {
        let folder = logged().await;
        tamper(&folder, sql);
        let expected: Vec<_> = (expected.iter())
            .map(|&(n, why)| (n, why.to_owned()))
            .collect();
        assert_eq!(faults(&folder).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_tail_that_was_cut_off_stays_missing_however_the_log_goes_on() {
    let folder = logged().await;
    tamper(&folder, "DELETE FROM audit WHERE n > 6");
    let store = open(&folder);
    store
        .audit(None, note(By::House, "start"), at(50))
        .await
        .unwrap();
    assert_eq!(store.audit_rows(1).await.unwrap()[0].n, 10);
    drop(store);
    assert_eq!(faults(&folder).await, [(7, "missing".to_owned())]);
}

#[tokio::test]
async fn the_audit_log_lets_nobody_edit_or_shorten_it() {
    let folder = logged().await;
    let db = Connection::open(database(&folder)).unwrap();
    for sql in [
        "UPDATE audit SET did = 'mute' WHERE n = 4",
        "DELETE FROM audit WHERE n = 9",
        "DELETE FROM audit",
    ] {
        let error = db.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("only added to"), "{sql}: {error}");
    }
    drop(db);
    assert_eq!(faults(&folder).await, []);
}

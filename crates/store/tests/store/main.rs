//! The contract on a file and in memory, and what only a folder on disk can show: locks, races, crashes, damage.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helper may fail like the test itself"
)]

mod audit_and_erasure;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use jiff::Timestamp;
use sha2::Digest;
use teahouse_core::{Before, DeliveryId};
use teahouse_store::{
    Accepted, Ageing, CaseState, Claim, EmbeddedStore, Reserved, Store, StoreError,
};
use teahouse_testkit::case_contract;
use teahouse_testkit::case_contract::{case, cases};
use teahouse_testkit::store_contract;
use teahouse_testkit::store_contract::{
    Room, at, budget, find_a_lively_room, label, leave_a_lively_room, notice, turn,
};
use tempfile::TempDir;
use tokio::task::JoinSet;

store_contract!(file, || {
    let folder = folder();
    (open(&folder), folder)
});
store_contract!(memory, || (EmbeddedStore::in_memory().unwrap(), ()));
case_contract!(cases_on_file, || {
    let folder = folder();
    (open(&folder), folder)
});
case_contract!(cases_in_memory, || (
    EmbeddedStore::in_memory().unwrap(),
    ()
));

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(folder: &TempDir) -> EmbeddedStore {
    EmbeddedStore::open(folder.path(), at(0)).unwrap()
}

fn refused(folder: &TempDir) -> StoreError {
    match EmbeddedStore::open(folder.path(), at(0)) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

fn database(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("teahouse.db")
}

fn sql(folder: &TempDir, sql: &str) {
    let db = rusqlite::Connection::open(database(folder)).unwrap();
    db.execute_batch(sql).unwrap();
}

// The folder.

#[test]
fn a_second_open_of_a_folder_is_refused_and_names_who_holds_it() {
    let folder = folder();
    let held = open(&folder);
    let error = refused(&folder).to_string();
    let pid = format!("(pid {})", std::process::id());
    assert!(error.contains(&pid), "{error}");
    drop(held);
    open(&folder);
}

#[test]
fn a_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let path = folder.path().join("data");
    let _store = EmbeddedStore::open(&path, at(0)).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn a_store_opened_again_has_everything() {
    let folder = folder();
    leave_a_lively_room(&open(&folder)).await.unwrap();
    find_a_lively_room(&open(&folder)).await.unwrap();
}

// Many at once.

/// Runs all of them at once and counts those that say yes.
async fn all_at_once<F>(tasks: impl Iterator<Item = F>) -> usize
where
    F: Future<Output = Result<bool, StoreError>> + Send + 'static,
{
    let mut set: JoinSet<_> = tasks.collect();
    let mut yes = 0;
    while let Some(done) = set.join_next().await {
        yes += usize::from(done.unwrap().unwrap());
    }
    yes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_attempts_that_race_for_a_budget_of_20_exactly_20_pass() {
    let folder = folder();
    let store = Arc::new(open(&folder));
    let room = Room::open(&*store).await.unwrap();
    let lease = room.lease;
    for n in 1..=64 {
        room.asks(n, "lin").await.unwrap();
    }
    let passed = all_at_once((1..=64).map(|n| {
        let store = store.clone();
        async move {
            let room = Room::held(&*store, lease);
            let budgets = [budget("credit", 1_000), budget("day", 20 * 7)];
            Ok(room.attempt(n, 1, 7, &budgets).await? == Reserved::Yes)
        }
    }))
    .await;
    assert_eq!(passed, 20);
    let totals = store.totals().await.unwrap();
    assert_eq!((totals.reserved, totals.attempts), (2 * 20 * 7, 20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hosts_that_race_for_a_rooms_outbox_only_one_gets_a_row_as_unsent() {
    let folder = folder();
    let store = Arc::new(open(&folder));
    let room = Room::open(&*store).await.unwrap();
    for n in 1..=60 {
        room.asks(n, "lin").await.unwrap();
        room.is_answered(n).await.unwrap();
    }
    let mut hosts = JoinSet::new();
    for by in [1, 2] {
        hosts.spawn(claims_in_a_race(store.clone(), by, 20));
    }
    let (mut in_hand, mut lost) = (Vec::new(), 0);
    while let Some(host) = hosts.join_next().await {
        let (rows, times) = host.unwrap();
        in_hand.extend(rows);
        lost += times;
    }
    // What neither got to is for whoever comes alone.
    in_hand.extend(claims_in_a_race(store, 3, 1).await.0);
    assert!(lost > 0, "they took the room from each other");
    let claimed = in_hand.len();
    in_hand.sort();
    in_hand.dedup();
    assert_eq!((claimed, in_hand.len()), (60, 60));
}

/// Takes the room so many times, and each time claims rows until another host has it. Says which rows it got as unsent, and how
/// often it lost the room.
async fn claims_in_a_race(
    store: Arc<EmbeddedStore>,
    by: u64,
    times: u32,
) -> (Vec<DeliveryId>, u32) {
    let (mut in_hand, mut lost) = (Vec::new(), 0);
    for _ in 0..times {
        let (room, _) = Room::open_as(&*store, by, "qq", "green").await.unwrap();
        loop {
            match store.claim(room.lease, at(100), at(130)).await {
                // Whoever takes the room after it finds the row as perhaps sent, and has to read it back.
                Ok(Claim::Due(delivery)) if delivery.before == Before::Queued => {
                    in_hand.push(delivery.id);
                }
                Ok(Claim::Due(_)) => {}
                Ok(Claim::Later(_) | Claim::Empty) => return (in_hand, lost),
                Err(StoreError::LeaseLost { .. }) => break,
                Err(other) => panic!("{other}"),
            }
        }
        lost += 1;
    }
    (in_hand, lost)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_sinks_none_of_those_it_shares_a_commit_with() {
    let folder = folder();
    let store = Arc::new(open(&folder));
    let room = Room::open(&*store).await.unwrap();
    let lease = room.lease;
    let kept = all_at_once((1..=300).map(|n| {
        let store = store.clone();
        async move {
            let room = Room::held(&*store, lease);
            let mut acceptance = room.question(n, "lin");
            // Every third wants a row that its neighbour has as well: one of each pair fails.
            acceptance.say = vec![notice(if n % 3 == 0 { n + 1 } else { n })];
            match store.accept(room.lease, acceptance).await {
                Ok(accepted) => Ok(accepted == Accepted::New),
                Err(StoreError::Sqlite { .. }) => Ok(false),
                Err(other) => Err(other),
            }
        }
    }))
    .await;
    let totals = store.totals().await.unwrap();
    assert!((200..300).contains(&kept), "{kept}");
    assert_eq!(totals.turns, kept as u64);
    assert_eq!(totals.waiting, kept as u64);
    assert_eq!(totals.lines, kept as u64);
}

/// A small generator: the same seed is the same run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[tokio::test]
async fn two_thousand_random_steps_never_leave_the_purse_out_of_balance() {
    let store = EmbeddedStore::in_memory().unwrap();
    let room = Room::open(&store).await.unwrap();
    let (mut dice, mut open, mut asked) = (Dice(20_261_124), Vec::new(), 0);
    let (mut reserved, mut spent) = (0, 0);
    for step in 0..2_000 {
        match dice.roll(5) {
            0 => {
                asked += 1;
                room.asks(asked, "lin").await.unwrap();
            }
            1 | 2 if asked > 0 => {
                let (of, attempt) = (1 + dice.roll(asked), step + 1);
                let amount = dice.roll(400) as i64;
                let day = [budget("day", 5_000)];
                if let Ok(Reserved::Yes) = room.attempt(of, attempt, amount, &day).await {
                    open.push((of, attempt, amount));
                    reserved += amount;
                }
            }
            3 if !open.is_empty() => {
                let (of, attempt, amount) = open.swap_remove(dice.roll(open.len() as u64) as usize);
                let cost = dice.roll(amount as u64 + 1) as i64;
                for _ in 0..=dice.roll(2) {
                    room.attempt_ended(of, attempt, cost).await.unwrap();
                }
                reserved -= amount;
                spent += cost;
            }
            4 if asked > 0 && dice.roll(3) == 0 => {
                let of = 1 + dice.roll(asked);
                // What is still set aside for it is booked in full, once.
                room.is_answered(of).await.unwrap();
                open.retain(|(turn, _, amount)| {
                    let ends = *turn == of;
                    reserved -= if ends { *amount } else { 0 };
                    spent += if ends { *amount } else { 0 };
                    !ends
                });
            }
            _ => {}
        }
        let totals = store.totals().await.unwrap();
        assert_eq!((totals.reserved, totals.spent), (reserved, spent), "{step}");
        assert!(reserved + spent <= 5_000, "{step}");
    }
    assert!(spent > 1_000, "{spent}");
    assert_eq!(booked_in_the_ledger(&store, asked).await, spent);
}

async fn booked_in_the_ledger(store: &dyn Store, turns: u64) -> i64 {
    let mut booked = 0;
    for n in 1..=turns {
        for entry in store.ledger(turn(n)).await.unwrap() {
            if let teahouse_core::Entry::AttemptEnded { cost, .. } = entry {
                booked += cost.0;
            }
        }
    }
    booked
}

// Killed.

/// Starts this test program as a child that takes questions in until it is killed.
fn child(folder: &Path, fault: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "takes_questions_in_as_a_child",
            "--ignored",
            "--nocapture",
        ])
        .env("TEAHOUSE_FAULT", fault)
        .env("TEAHOUSE_TEST_FOLDER", folder)
        .output()
        .unwrap()
}

#[tokio::test]
#[ignore = "the child of the tests that kill; they start it"]
async fn takes_questions_in_as_a_child() {
    let Ok(folder) = std::env::var("TEAHOUSE_TEST_FOLDER") else {
        return;
    };
    let store = EmbeddedStore::open(Path::new(&folder), at(0)).unwrap();
    let room = Room::open(&store).await.unwrap();
    for n in 1..=20 {
        room.asks(n, "lin").await.unwrap();
        room.attempt(n, 1, 5, &[budget("day", 1_000)])
            .await
            .unwrap();
        println!("took in {n}");
    }
}

fn was_killed(output: &Output) {
    use std::os::unix::process::ExitStatusExt;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(9), "{told}");
}

#[tokio::test]
async fn bad_072_killed_inside_or_after_a_migration_the_next_start_goes_on() {
    for fault in [
        "in-migration:1",
        "after-migration:1",
        "in-migration:2",
        "after-migration:2",
        "in-migration:3",
        "after-migration:3",
        "in-migration:4",
        "after-migration:4",
    ] {
        let folder = folder();
        was_killed(&child(folder.path(), fault));
        let store = open(&folder);
        leave_a_lively_room(&store).await.unwrap();
        find_a_lively_room(&store).await.expect(fault);
    }
}

#[tokio::test]
async fn bad_072_killed_in_an_upgrade_nothing_of_before_is_lost() {
    for fault in ["in-migration:1", "after-migration:1"] {
        let folder = older_folder(2).await;
        was_killed(&child(folder.path(), fault));
        let store = open(&folder);
        assert_eq!(store.fact("kept").await.unwrap().as_deref(), Some("yes"));
        find_a_lively_room(&store).await.expect(fault);
        let backups = std::fs::read_dir(folder.path().join("backups")).unwrap();
        for backup in backups.map(|file| file.unwrap().path()) {
            let db = rusqlite::Connection::open(&backup).unwrap();
            let kept: String = db
                .query_row("SELECT value FROM facts WHERE name = 'kept'", [], |row| {
                    row.get(0)
                })
                .unwrap();
            assert_eq!(kept, "yes", "{}", backup.display());
        }
    }
}

#[tokio::test]
async fn bad_072_killed_around_a_commit_what_was_acknowledged_is_there_and_whole() {
    for fault in [
        "before-commit:9",
        "after-commit:9",
        "before-commit:10",
        "after-commit:10",
    ] {
        let folder = folder();
        let output = child(folder.path(), fault);
        was_killed(&output);
        let told = String::from_utf8_lossy(&output.stdout);
        let told = told
            .lines()
            .filter(|line| line.contains("took in "))
            .count() as u64;
        let totals = open(&folder).totals().await.unwrap();
        assert!(told >= 3, "{fault}: {told}");
        assert!(
            (told..=told + 1).contains(&totals.turns),
            "{fault}: {totals:?}"
        );
        assert_eq!(totals.open_turns, totals.turns);
        assert!((told..=told + 1).contains(&totals.attempts), "{fault}");
        assert_eq!(totals.reserved as u64, 5 * totals.attempts, "{fault}");
    }
}

// Versions and damage.

/// The steps of earlier releases.
const EARLIER: [&str; 4] = [
    include_str!("../../src/embedded/migrations/0001.sql"),
    include_str!("../../src/embedded/migrations/0002.sql"),
    include_str!("../../src/embedded/migrations/0003.sql"),
    include_str!("../../src/embedded/migrations/0004.sql"),
];

/// A folder with a lively room, as a release with so many steps left it.
async fn older_folder(steps: usize) -> TempDir {
    let folder = folder();
    let store = open(&folder);
    leave_a_lively_room(&store).await.unwrap();
    store.keep_fact("kept", "yes").await.unwrap();
    drop(store);
    let newer = folder.path().join("newer.db");
    std::fs::rename(database(&folder), &newer).unwrap();
    let db = rusqlite::Connection::open(database(&folder)).unwrap();
    db.execute_batch(
        "CREATE TABLE migrations (version INTEGER PRIMARY KEY, checksum BLOB NOT NULL)",
    )
    .unwrap();
    for (version, step) in (1..).zip(&EARLIER[..steps]) {
        let checksum: [u8; 32] = sha2::Sha256::digest(step).into();
        db.execute_batch(step).unwrap();
        let known = rusqlite::params![version, checksum];
        db.execute("INSERT INTO migrations VALUES (?1, ?2)", known)
            .unwrap();
    }
    db.execute("ATTACH ?1 AS newer", [newer.display().to_string()])
        .unwrap();
    let tables = "SELECT name, (SELECT group_concat(c.name) FROM pragma_table_info(t.name) c)
                  FROM main.sqlite_master t WHERE type = 'table' AND name NOT IN ('migrations', 'sqlite_sequence')";
    let copies: Vec<String> = db
        .prepare(tables)
        .unwrap()
        .query_map([], |row| {
            let (table, columns): (String, String) = (row.get(0)?, row.get(1)?);
            Ok(format!(
                "INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}"
            ))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(copies.len() >= 8, "{copies:?}");
    db.execute_batch(&copies.join(";")).unwrap();
    drop(db);
    std::fs::remove_file(newer).unwrap();
    folder
}

#[tokio::test]
async fn an_older_database_has_everything_once_it_is_brought_up_to_date() {
    for steps in 2..=EARLIER.len() {
        let folder = older_folder(steps).await;
        let store = open(&folder);
        find_a_lively_room(&store).await.unwrap();
        // And what its release did not know of is kept from now on.
        let room = Room::open(&store).await.unwrap();
        let dealt = cases(vec![case(1, "lin", CaseState::Open)]);
        room.deals(dealt, 70).await.unwrap();
        let erased = room.erases("lin", 71).await.unwrap();
        assert_eq!((erased.questions, erased.cases), (2, 1), "from {steps}");
    }
}

#[tokio::test]
async fn bad_086_an_older_database_is_backed_up_whole_before_it_is_brought_up_to_date() {
    let folder = older_folder(1).await;
    let backups = folder.path().join("backups");
    std::fs::create_dir(&backups).unwrap();
    std::fs::write(
        backups.join("unfinished.part"),
        "of an upgrade that was killed",
    )
    .unwrap();
    let store = EmbeddedStore::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(store.fact("kept").await.unwrap().as_deref(), Some("yes"));
    assert!(store.totals().await.is_ok());
    let names: Vec<_> = std::fs::read_dir(&backups)
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(names, ["before-schema-2-19700101-000000.db"]);
    drop(store);
    // Put back in its place, the backup is the database of before.
    std::fs::copy(backups.join(&names[0]), database(&folder)).unwrap();
    let store = open(&folder);
    assert_eq!(store.fact("kept").await.unwrap().as_deref(), Some("yes"));
}

#[test]
fn bad_086_an_older_release_refuses_a_newer_database_and_leaves_it_as_it_is() {
    let folder = folder();
    drop(open(&folder));
    sql(&folder, "INSERT INTO migrations VALUES (99, x'00')");
    let before = std::fs::read(database(&folder)).unwrap();
    let error = refused(&folder);
    assert!(
        matches!(error, StoreError::Newer { found: 99, .. }),
        "{error}"
    );
    assert_eq!(std::fs::read(database(&folder)).unwrap(), before);
}

/// Damages a database of some thousand lines, and sees it refused and left alone.
async fn is_refused_after(damage: impl Fn(&mut Vec<u8>)) -> String {
    let folder = folder();
    {
        let store = open(&folder);
        let room = Room::open(&store).await.unwrap();
        let lines = (1..=2_000).map(|n| (room.lease, room.line(n, "lin", "some words of talk")));
        store.remember(lines.collect()).await.unwrap();
    }
    let mut bytes = std::fs::read(database(&folder)).unwrap();
    damage(&mut bytes);
    std::fs::write(database(&folder), &bytes).unwrap();
    let error = refused(&folder);
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert_eq!(std::fs::read(database(&folder)).unwrap(), bytes);
    let told = error.to_string();
    let backups = folder.path().join("backups").display().to_string();
    assert!(told.contains(&backups), "{told}");
    told
}

#[tokio::test]
async fn bad_075_a_damaged_database_is_refused_with_the_reason_and_never_started_afresh() {
    for length in [0, 10, 100, 511, 4_096, 5_000, 40_960] {
        is_refused_after(|bytes| bytes.truncate(length)).await;
    }
    let told = is_refused_after(|bytes| bytes.fill(b'x')).await;
    assert!(told.contains("not a database"), "{told}");
    is_refused_after(|bytes| bytes[..100].fill(0)).await;
    let told = is_refused_after(|bytes| {
        let half = bytes.len() / 2 / 4_096 * 4_096;
        bytes[half..half + 4_096].fill(0xAA);
    })
    .await;
    assert!(told.contains("is damaged"), "{told}");
}

#[test]
fn bad_075_a_database_that_is_gone_is_missed() {
    let folder = folder();
    drop(open(&folder));
    std::fs::remove_file(database(&folder)).unwrap();
    let told = refused(&folder).to_string();
    assert!(told.contains("teahouse.made"), "{told}");
    std::fs::remove_file(folder.path().join("teahouse.made")).unwrap();
    open(&folder);
}

#[test]
fn bad_075_a_database_of_another_program_is_left_alone() {
    let folder = folder();
    sql(&folder, "CREATE TABLE theirs (n)");
    let told = refused(&folder).to_string();
    assert!(told.contains("another program made it"), "{told}");
}

// Nothing of what was taken back stays in the file.

#[tokio::test]
async fn recalled_and_purged_words_are_not_in_the_file() {
    let folder = folder();
    {
        let store = open(&folder);
        let room = Room::open(&store).await.unwrap();
        room.asks(1, "lin").await.unwrap();
        let secret = room.line(2, "lin", "a canary sings");
        store.remember(vec![(room.lease, secret)]).await.unwrap();
        let mut said = room.question(3, "lin");
        said.turn = None;
        said.say = vec![notice(3)];
        store.accept(room.lease, said).await.unwrap();
        let qq = teahouse_core::AccountName::new("qq");
        for n in [1, 2, 3] {
            let label = label(n);
            store.recall(room.lease, &qq, &label, at(0)).await.unwrap();
        }
        room.is_shown(3, 5).await.unwrap();
        store
            .purge(Ageing::at(
                at(6) + std::time::Duration::from_secs(8 * 86_400),
            ))
            .await
            .unwrap();
    }
    let bytes = std::fs::read(database(&folder)).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    for word in ["canary", "question 1", "question 3", "row 3"] {
        assert!(!text.contains(word), "{word}");
    }
    assert!(!folder.path().join("teahouse.db-wal").exists());
}

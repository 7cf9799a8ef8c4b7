//! The disk is locked, full, read-only or broken under a house that serves: nothing is acknowledged meanwhile, the
//! house hears on, and what was asked is answered once, as soon as the disk is back.

use rusqlite::Connection;
use teahouse_store::Store;
use teahouse_testkit::disk::{Disk, Error};
use teahouse_testkit::process::{Ground, LIMIT};

use crate::scene::{Scene, said};

/// A house on a disk that can fail, which has answered once.
async fn open() -> (Scene, Disk) {
    let mut disk = None;
    let scene = Scene::open_with(|ground| disk = Some(Disk::under(ground))).await;
    scene.model.answers();
    scene.asks(700, 41, "ai first?").await;
    (scene, disk.expect("the ground was changed"))
}

/// Asked while the disk is away: nobody hears a thing and no provider is called. Once it is back: one answer.
async fn waits_for_the_disk(scene: &Scene, is_back: impl FnOnce()) {
    let calls = scene.model.count();
    let question = scene.bridge.says(700, 42, "ai why is tea red?");
    scene
        .house
        .wait_for_line("the store waits for its disk")
        .await;
    scene.bridge.says(700, 43, "lovely weather");
    let ready = scene.ground.knock("GET", "/readyz", &[]).await;
    assert_eq!(ready.status, 503, "{}", said(&scene.house));
    let alive = scene.ground.knock("GET", "/healthz", &[]).await;
    assert_eq!(alive.status, 200);
    assert_eq!(scene.model.count(), calls);
    assert!(scene.bridge.quoting(&question).is_empty());
    is_back();
    scene.answer_to(&question).await;
    scene.house.wait_for_line("the store writes again").await;
    let ready = scene.ground.knock("GET", "/readyz", &[]).await;
    assert_eq!(ready.status, 200);
    assert_eq!(scene.bridge.quoting(&question).len(), 1);
}

/// The house closes well, and its books hold so many questions, all with their end.
async fn ends_well(scene: Scene, questions: u64) {
    let (_, ground, _) = scene.close().await;
    has_all(&ground, questions).await;
}

async fn has_all(ground: &Ground, questions: u64) {
    let totals = ground.store().await.totals().await.expect("the books");
    assert_eq!(
        (totals.turns, totals.open_turns, totals.dead),
        (questions, 0, 0),
        "{totals:?}"
    );
}

#[tokio::test]
async fn bad_073_a_full_disk_stops_new_questions_and_takes_them_up_by_itself() {
    let (scene, disk) = open().await;
    disk.fails_to_write("teahouse.db-wal", Error::Full);
    waits_for_the_disk(&scene, || disk.is_well()).await;
    // The database itself may be full for as long as the log takes what is new.
    disk.fails_to_write("teahouse.db", Error::Full);
    scene.asks(701, 44, "ai and green?").await;
    disk.is_well();
    ends_well(scene, 3).await;
}

#[tokio::test]
async fn bad_074_a_disk_that_turned_read_only_or_shut_is_waited_for() {
    for error in [Error::ReadOnly, Error::Denied, Error::Broken] {
        let (scene, disk) = open().await;
        disk.fails_to_write("teahouse.db-wal", error);
        waits_for_the_disk(&scene, || disk.is_well()).await;
        ends_well(scene, 2).await;
    }
}

#[tokio::test]
async fn bad_074_after_a_flush_that_failed_once_nothing_is_written_until_the_store_was_opened_anew()
{
    let (mut scene, disk) = open().await;
    let calls = scene.model.count();
    disk.fails_one_flush("teahouse.db-wal", Error::Broken);
    let question = scene.bridge.says(700, 42, "ai why is tea red?");
    scene
        .house
        .wait_for_line("did not keep what was written")
        .await;
    assert_eq!(scene.house.wait_until_dead().await.code(), Some(1));
    assert_eq!(scene.model.count(), calls);
    assert!(scene.bridge.quoting(&question).is_empty());
    disk.is_well();
    scene.house = scene.ground.open().await;
    scene.answer_to(&question).await;
    assert_eq!(scene.bridge.quoting(&question).len(), 1);
    ends_well(scene, 2).await;
}

#[tokio::test]
async fn bad_076_a_locked_database_is_waited_for_and_a_long_read_of_another_program_disturbs_nobody()
 {
    let (scene, _disk) = open().await;
    let other = Connection::open(scene.ground.data().join("teahouse.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    waits_for_the_disk(&scene, || other.execute_batch("ROLLBACK").unwrap()).await;
    other
        .execute_batch("BEGIN; SELECT count(*) FROM turns;")
        .unwrap();
    scene.asks(701, 44, "ai and green?").await;
    other.execute_batch("COMMIT").unwrap();
    drop(other);
    ends_well(scene, 3).await;
}

#[tokio::test]
async fn told_to_stop_while_the_disk_is_full_the_house_goes_and_the_next_start_answers() {
    let (mut scene, disk) = open().await;
    disk.fails_to_write("teahouse.db-wal", Error::Full);
    let question = scene.bridge.says(700, 42, "ai why is tea red?");
    scene
        .house
        .wait_for_line("the store waits for its disk")
        .await;
    assert_eq!(scene.house.terminate().await, Some(0));
    assert!(scene.bridge.quoting(&question).is_empty());
    disk.is_well();
    scene.house = scene.ground.open().await;
    let done = scene
        .bridge
        .wait_until(|qq| !qq.quoting(&question).is_empty(), LIMIT);
    assert!(done.await, "{}", said(&scene.house));
    ends_well(scene, 2).await;
}

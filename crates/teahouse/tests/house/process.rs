//! The house as a process among others: a log that nobody reads, no descriptors left, signals, a second house on the
//! same data, a database of a later release.

use std::fs::File;
use std::io::{PipeReader, Read, Write};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use teahouse_store::Store;
use teahouse_testkit::bridge::FakeBridge;
use teahouse_testkit::model_server::FakeModel;
use teahouse_testkit::process::{Ground, LIMIT};
use tokio::sync::oneshot::{self, Receiver};

use crate::scene::{BINARY, Scene};

/// A pipe that takes nothing more; it makes a writer wait, or refuses at once.
fn full_pipe(refuses: bool) -> (PipeReader, Stdio) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let flags = fcntl_getfl(&writer).expect("its flags");
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).expect("a flag is set");
    while writer.write(&[b'.'; 4_096]).is_ok() {}
    if !refuses {
        fcntl_setfl(&writer, flags).expect("a flag is set");
    }
    (reader, writer.into())
}

/// A house that says everything it can to a standard error of our own.
async fn talkative(stderr: Stdio) -> Scene {
    let model = FakeModel::start().await;
    let mut ground = Ground::new(BINARY, &model.base_url());
    ground.environment.insert("RUST_LOG".into(), "trace".into());
    let house = ground.open_into(stderr);
    let bridge = FakeBridge::start(ground.bridge());
    assert!(bridge.wait_connected(LIMIT).await);
    Scene {
        model,
        ground,
        bridge,
        house,
    }
}

async fn answers_many(scene: &Scene) {
    for n in 0..60 {
        scene.asks(700 + n, 42, "ai why is tea red?").await;
    }
}

/// Reads to the end, and tells once when this was read.
fn read_all(mut pipe: PipeReader, part: &'static str) -> (JoinHandle<String>, Receiver<()>) {
    let (told, hears) = oneshot::channel();
    let reading = std::thread::spawn(move || {
        let (mut all, mut told, mut bytes) = (String::new(), Some(told), [0; 4_096]);
        loop {
            let read = pipe.read(&mut bytes).expect("the pipe is read");
            all.push_str(&String::from_utf8_lossy(&bytes[..read]));
            if all.contains(part)
                && let Some(told) = told.take()
            {
                let _ = told.send(());
            }
            if read == 0 {
                return all;
            }
        }
    });
    (reading, hears)
}

#[tokio::test]
async fn bad_084_a_log_that_nobody_reads_holds_nothing_up_and_tells_what_it_lost() {
    for refuses in [false, true] {
        let (pipe, stderr) = full_pipe(refuses);
        let scene = talkative(stderr).await;
        answers_many(&scene).await;
        let (reading, told) = read_all(pipe, "log lines were dropped");
        let told = tokio::time::timeout(LIMIT, told).await;
        told.expect("it tells in time").expect("it tells");
        scene.close().await;
        let all = reading.join().unwrap();
        let lost: Vec<&str> = (all.lines())
            .filter_map(|line| {
                line.split_once(" log lines were dropped")?
                    .0
                    .split(' ')
                    .next_back()
            })
            .collect();
        let [lost] = lost[..] else {
            panic!("told of more than once: {lost:?}");
        };
        assert!(lost.parse::<u64>().unwrap() > 0, "{lost}");
        assert!(all.contains("teahouse is ready"), "the oldest are kept");
        assert!(all.contains(" INFO closing"), "what comes later is written");
    }
}

#[tokio::test]
async fn bad_084_whatever_becomes_of_the_log_questions_are_answered_and_the_house_closes() {
    let nobody = || std::io::pipe().unwrap().1;
    let full_disk = || File::options().write(true).open("/dev/full").unwrap();
    let (unread, full) = full_pipe(false);
    for stderr in [full, nobody().into(), full_disk().into()] {
        let scene = talkative(stderr).await;
        answers_many(&scene).await;
        let (_, ground, _) = scene.close().await;
        let totals = ground.store().await.totals().await.unwrap();
        assert_eq!((totals.turns, totals.open_turns), (60, 0), "{totals:?}");
    }
    drop(unread);
    // Commands wait for their reader, and do not mind if it has left.
    for stderr in [Stdio::from(nobody()), full_disk().into()] {
        let mut check = Command::new(BINARY);
        check.args(["check", "no-such-file.toml"]).stderr(stderr);
        assert_eq!(check.status().unwrap().code(), Some(1));
    }
}

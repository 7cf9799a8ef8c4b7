//! The house as a process among others: a log that nobody reads, no descriptors left, signals, a second house on the
//! same data, a database of a later release.

use std::fs::File;
use std::io::{PipeReader, Read, Write};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use teahouse_store::Store;
use teahouse_testkit::bridge::{FakeBridge, Said};
use teahouse_testkit::model_server::{Answer, FakeModel};
use teahouse_testkit::process::{Ground, LIMIT};
use tokio::net::TcpStream;
use tokio::sync::oneshot::{self, Receiver};

use crate::scene::{BINARY, Scene, said};

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

/// What a house of 40 descriptors has for others; the bridge is one of them.
const PLACES: usize = 8;

#[tokio::test]
async fn bad_080_with_all_places_taken_who_is_there_is_served_and_who_comes_waits() {
    let scene = Scene::open_with(|ground| ground.shell = "ulimit -n 40".into()).await;
    scene.model.script(|request| {
        let answer = Answer::new(format!("Answer to {}", request.last_user()));
        answer.after(Duration::from_millis(300)).into()
    });
    let mut idle = Vec::new();
    for _ in 0..PLACES * 10 {
        let address = ("127.0.0.1", scene.ground.port());
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let full = format!("all {PLACES} places of the port are taken");
    scene.house.wait_for_line(&full).await;
    // Each needs a connection of its own to the model.
    let asked: Vec<Said> = (0..6)
        .map(|n| scene.bridge.says(700 + n, 42, "ai why is tea red?"))
        .collect();
    for question in &asked {
        let answer = scene.answer_to(question).await.text;
        assert!(answer.contains("Answer to"), "{answer}");
    }
    // Commands have a door of their own.
    let data = scene.ground.data();
    let health = scene.ground.run(
        ["health".as_ref(), "--data".as_ref(), data.as_os_str()],
        b"",
    );
    assert_eq!(health.await.code, Some(0));
    assert_eq!(
        scene
            .house
            .log()
            .iter()
            .filter(|line| line.contains(&full))
            .count(),
        1
    );
    drop(idle);
    let alive = scene.ground.knock("GET", "/healthz", &[]).await;
    assert_eq!(alive.body, "alive\n");
    let log = said(&scene.house);
    assert!(!log.contains("cannot take in"), "{log}");
    let (_, ground, _) = scene.close().await;
    let totals = ground.store().await.totals().await.unwrap();
    assert_eq!(
        (totals.turns, totals.open_turns, totals.dead),
        (6, 0, 0),
        "{totals:?}"
    );
}

#[tokio::test]
async fn bad_080_a_house_without_descriptors_says_so_and_does_not_open() {
    let model = FakeModel::start().await;
    let mut ground = Ground::new(BINARY, &model.base_url());
    let configuration = ground.configuration();
    for few in [8, 12, 20, 39] {
        ground.shell = format!("ulimit -n {few}");
        let words = [
            "serve".as_ref(),
            "--config".as_ref(),
            configuration.as_os_str(),
        ];
        let ran = ground.run(words, b"").await;
        assert_eq!(ran.code, Some(1), "{few}: {ran:?}");
        let said =
            format!("teahouse: cannot open the house: this process may hold only {few} files open");
        assert!(ran.log.starts_with(&said), "{few}: {ran:?}");
    }
    // A limit that may be raised is raised.
    ground.shell = "ulimit -Sn 12".into();
    assert_eq!(ground.open().await.terminate().await, Some(0));
}

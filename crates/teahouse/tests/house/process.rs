//! The house as a process among others: a log that nobody reads, no descriptors left, signals, a second house on the
//! same data, a database of a later release.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{PipeReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::Signal;
use teahouse_store::Store;
use teahouse_testkit::bridge::{FakeBridge, Said};
use teahouse_testkit::model_server::{Answer, FakeModel, Reply};
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

/// A house whose model has heard a question and does not answer it.
async fn kept_waiting() -> (Scene, Said) {
    let scene = Scene::open().await;
    scene.model.always(Reply::hang());
    let question = scene.bridge.says(700, 42, "ai why is tea red?");
    assert!(
        scene
            .model
            .wait_until(|model| model.in_flight() == 1, LIMIT)
            .await
    );
    (scene, question)
}

/// The question is open on the disk, and the next house answers it once.
async fn goes_on(model: FakeModel, ground: Ground, bridge: FakeBridge, question: &Said) {
    assert!(bridge.quoting(question).is_empty());
    let totals = ground.store().await.totals().await.expect("the books");
    assert_eq!((totals.turns, totals.open_turns), (1, 1), "{totals:?}");
    model.answers();
    let house = ground.open().await;
    let scene = Scene {
        model,
        ground,
        bridge,
        house,
    };
    scene.answer_to(question).await;
    let (_, ground, bridge) = scene.close().await;
    assert_eq!(bridge.quoting(question).len(), 1);
    let totals = ground.store().await.totals().await.expect("the books");
    assert_eq!(
        (totals.turns, totals.open_turns, totals.reserved),
        (1, 0, 0),
        "{totals:?}"
    );
}

#[tokio::test]
async fn bad_082_closed_while_a_model_thinks_the_next_house_answers() {
    let (scene, question) = kept_waiting().await;
    let Scene {
        model,
        ground,
        bridge,
        house,
    } = scene;
    let closing = tokio::time::timeout(Duration::from_secs(10), house.terminate());
    assert_eq!(
        closing.await.expect("it closes within ten seconds"),
        Some(0)
    );
    goes_on(model, ground, bridge, &question).await;
}

#[tokio::test]
async fn bad_082_told_twice_to_close_it_ends_at_once_and_loses_nothing() {
    let (scene, question) = kept_waiting().await;
    let Scene {
        model,
        ground,
        bridge,
        house,
    } = scene;
    house.signal(Signal::TERM);
    house.wait_for_line("closing").await;
    house.signal(Signal::TERM);
    house.wait_for_line("stopped at once").await;
    assert_eq!(house.wait_until_dead().await.code(), Some(1));
    goes_on(model, ground, bridge, &question).await;
}

#[tokio::test]
async fn bad_082_new_settings_are_checked_when_told_to_and_bad_ones_refused_by_name() {
    let mut scene = Scene::open().await;
    let good = scene.ground.charter.clone();
    let takes_a_restart = "server.metrics is different: that takes a restart";
    let plain_http = vec![("far".into(), "http://example.org/v1".into())];
    let (ground, house) = (&mut scene.ground, &scene.house);
    let models = std::mem::replace(&mut ground.models, plain_http);
    ground.charter = good.replace("\"default\"", "\"nowhere\"");
    let wrong = ground.configuration();
    house.signal(Signal::HUP);
    house
        .wait_for_line("are refused, the old ones stay in force")
        .await;
    let check = ground.run(["check".as_ref(), wrong.as_os_str()], b"").await;
    assert_eq!(check.code, Some(1));
    for part in ["nowhere", "http://example.org/v1"] {
        assert!(check.log.contains(part), "{}", check.log);
    }
    for line in check.log.lines().filter(|line| !line.is_empty()) {
        house.wait_for_line(line).await;
    }
    scene.asks(700, 42, "ai why is tea red?").await;

    let ground = &mut scene.ground;
    (ground.models, ground.charter) = (models, good);
    ground.metrics.clear();
    ground.configuration();
    assert!(!said(&scene.house).contains(takes_a_restart));
    scene.house.signal(Signal::HUP);
    scene.house.wait_for_line(takes_a_restart).await;
    scene.asks(701, 42, "ai why is tea red?").await;
    // Nothing was swapped behind our back.
    assert_eq!(scene.ground.knock("GET", "/metrics", &[]).await.status, 200);
    scene.close().await;
}

#[tokio::test]
async fn bad_079_a_second_house_on_the_same_data_names_the_first_and_leaves_it_alone() {
    let scene = Scene::open().await;
    let (file, data) = (scene.ground.configuration(), scene.ground.data());
    let serve = [
        "serve".as_ref(),
        "--config".as_ref(),
        file.as_os_str(),
        "--data".as_ref(),
        data.as_os_str(),
    ];
    let second = scene.ground.run(serve, b"").await;
    assert_eq!(second.code, Some(1), "{second:?}");
    let held = format!("another teahouse (pid {}) holds it", scene.house.pid());
    assert!(
        second.log.contains(&held) && second.log.contains("stop it"),
        "{second:?}"
    );
    scene.asks(700, 42, "ai why is tea red?").await;
    // The first one's door for commands is still there.
    let health = ["health".as_ref(), "--data".as_ref(), data.as_os_str()];
    let health = scene.ground.run(health, b"").await;
    let pid = format!("running as pid {}", scene.house.pid());
    assert!(health.out.contains(&pid), "{health:?}");
    scene.close().await;
}

/// All files below a folder with their bytes; what SQLite makes to read and the lock are left out.
fn on_the_disk(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the folder is read") {
        let path = entry.expect("the entry is read").path();
        if path.is_dir() {
            files.extend(on_the_disk(&path));
        } else if !path.ends_with("teahouse.pid") {
            let bytes = std::fs::read(&path).expect("the file is read");
            files.insert(path, bytes);
        }
    }
    files
}

#[tokio::test]
async fn bad_086_a_database_of_a_later_release_is_refused_and_left_as_it_is() {
    let scene = Scene::open().await;
    scene.asks(700, 42, "ai why is tea red?").await;
    let (_, ground, _) = scene.close().await;
    let (file, data) = (ground.configuration(), ground.data());
    let database = rusqlite::Connection::open(data.join("teahouse.db")).unwrap();
    database
        .execute("INSERT INTO migrations VALUES (99, x'00')", [])
        .unwrap();
    drop(database);
    let before = on_the_disk(&data);
    let serve = [
        "serve".as_ref(),
        "--config".as_ref(),
        file.as_os_str(),
        "--data".as_ref(),
        data.as_os_str(),
    ];
    let ran = ground.run(serve, b"").await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for part in ["99", "backups"] {
        assert!(ran.log.contains(part), "{ran:?}");
    }
    let after = on_the_disk(&data);
    assert_eq!(
        after.keys().collect::<Vec<_>>(),
        before.keys().collect::<Vec<_>>()
    );
    assert!(after == before, "the bytes are the same");
}
